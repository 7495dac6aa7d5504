//! Everything that can be said to the notification server and the switchboard, by two people who
//! are signed in and know each other, and by somebody who is not.
//!
//! The first two bytes choose what Alice and Bob speak. The rest is what arrives, each part on the
//! connection that the byte before it names: 1 and 2 are Alice's and Bob's notification
//! connections, 3 and 4 their switchboards, 5 somebody who has just connected. A switchboard that
//! is closed is opened anew. What a client would have to remember is filled in: `$T` is the ticket
//! of the last referral, `$K` and `$R` are those of the last call and its room, `$Q` the last
//! challenge.

use chrysalis::ns::NsSession;
use chrysalis::sb::SbSession;

use super::line::{Line, Said};
use super::world::{self, World};

/// Parts of one input that are looked at. More only take longer.
const PARTS: usize = 64;
/// Rounds in which everybody hears of what everybody did.
const ROUNDS: usize = 8;

pub(crate) fn check(input: &[u8]) {
    let [alice, bob, script @ ..] = input else {
        return;
    };
    world::run(async |world| play(world, [*alice, *bob], script).await);
}

/// What somebody has.
struct Player {
    notification: Line<NsSession>,
    switchboard: Line<SbSession>,
    /// What was told that clients come back with.
    ticket: String,
    call: String,
    room: String,
    challenge: String,
}

async fn play(world: &World, dialects: [u8; 2], script: &[u8]) {
    let [alice, bob] = dialects.map(|byte| 2 + byte % 17);
    let [alices, bobs, carols] = &world.people;
    let mut carol = Line::signed_in(world, carols, 12).await;
    let mut alice = Player::new(world, Line::signed_in(world, alices, alice).await);
    let mut bob = Player::new(world, Line::signed_in(world, bobs, bob).await);
    let mut stranger = Line::notification(world);
    deliver(&mut alice, &mut bob, &mut carol, &mut stranger).await;

    let mut to = 1;
    let parts = script.split_inclusive(|byte| matches!(byte, 1..=5));
    for part in parts.take(PARTS) {
        let (text, next) = match part {
            [text @ .., next @ 1..=5] => (text, *next),
            text => (text, to),
        };
        match to {
            1 => alice.notify(text).await,
            2 => bob.notify(text).await,
            3 => alice.chat(world, text).await,
            4 => bob.chat(world, text).await,
            _ => {
                if !stranger.is_open() {
                    stranger = Line::notification(world);
                }
                stranger.feed(text).await;
            }
        }
        deliver(&mut alice, &mut bob, &mut carol, &mut stranger).await;
        to = next;
    }
    assert!(carol.is_open(), "somebody else was signed out");
    let answer = carol.tell("PNG\r\n").await;
    let is_answer = |(line, _): &(String, _)| line.starts_with("QNG");
    assert!(answer.iter().any(is_answer), "{answer:?}");
}

/// Everybody hears of everything.
async fn deliver(
    alice: &mut Player,
    bob: &mut Player,
    carol: &mut Line<NsSession>,
    stranger: &mut Line<NsSession>,
) {
    for _ in 0..ROUNDS {
        alice.hear().await;
        bob.hear().await;
        carol.hear().await;
        stranger.hear().await;
        // Tasks of the server's own get a turn.
        tokio::task::yield_now().await;
    }
}

impl Player {
    fn new(world: &World, notification: Line<NsSession>) -> Self {
        Self {
            notification,
            switchboard: Line::switchboard(world),
            ticket: String::new(),
            call: String::new(),
            room: String::new(),
            challenge: String::new(),
        }
    }

    async fn notify(&mut self, text: &[u8]) {
        let text = self.fill_in(text);
        let said = self.notification.feed(&text).await;
        self.remember(&said);
    }

    async fn chat(&mut self, world: &World, text: &[u8]) {
        let text = self.fill_in(text);
        if !self.switchboard.is_open() {
            self.switchboard = Line::switchboard(world);
        }
        self.switchboard.feed(&text).await;
    }

    async fn hear(&mut self) {
        let said = self.notification.hear().await;
        self.remember(&said);
        self.switchboard.hear().await;
    }

    fn remember(&mut self, said: &Said) {
        for (line, _) in said {
            let fields: Vec<&str> = line.split(' ').collect();
            match fields[..] {
                ["XFR", _, "SB", _, "CKI", ticket, ..] => ticket.clone_into(&mut self.ticket),
                ["RNG", room, _, "CKI", ticket, ..] => {
                    ticket.clone_into(&mut self.call);
                    room.clone_into(&mut self.room);
                }
                ["CHL", _, challenge] => challenge.clone_into(&mut self.challenge),
                _ => {}
            }
        }
    }

    fn fill_in(&self, text: &[u8]) -> Vec<u8> {
        let known = [
            (b'T', &self.ticket),
            (b'K', &self.call),
            (b'R', &self.room),
            (b'Q', &self.challenge),
        ];
        let mut filled = Vec::with_capacity(text.len());
        let mut rest = text.iter().copied().peekable();
        while let Some(byte) = rest.next() {
            let name = rest.peek().filter(|_| byte == b'$');
            match known.iter().find(|(known, _)| Some(known) == name) {
                Some((_, value)) => {
                    filled.extend_from_slice(value.as_bytes());
                    rest.next();
                }
                None => filled.push(byte),
            }
        }
        filled
    }
}
