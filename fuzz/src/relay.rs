//! A body that one says in a conversation arrives as it left, byte for byte, whatever headers of
//! file transfers and the like it has or seems to have.
//!
//! The first byte chooses what the two speak, the second the kind of message and how the bytes
//! arrive at the server. The rest are bodies, with the byte 0 between them.

use chrysalis::wire::MAX_MESSAGE;

use super::line::{Line, MACHINE};
use super::world::{self, Human, World};

/// Messages of one input.
const MESSAGES: usize = 16;

pub(crate) fn check(input: &[u8]) {
    let [dialects, kind, bodies @ ..] = input else {
        return;
    };
    world::run(async |world| converse(world, *dialects, *kind, bodies).await);
}

async fn converse(world: &World, dialects: u8, kind: u8, bodies: &[u8]) {
    let [alices, bobs, _] = &world.people;
    // 17 dialects of the one, and a step to that of the other.
    let [first, second] =
        [dialects, dialects.wrapping_add(dialects / 17 * 5)].map(|number| 2 + number % 17);
    let mut alice = Line::signed_in(world, alices, first).await;
    let mut bob = Line::signed_in(world, bobs, second).await;
    let referral = alice.tell("XFR 20 SB\r\n").await;
    let ticket = field(&referral, "XFR", 5);
    let mut from = Line::switchboard(world);
    from.tell(&format!("USR 1 {} {ticket}\r\n", in_room(alices, first)))
        .await;
    from.tell(&format!("CAL 2 {}\r\n", bobs.address)).await;
    let ring = bob.hear().await;
    let (room, call) = (field(&ring, "RNG", 1), field(&ring, "RNG", 4));
    let mut to = Line::switchboard(world);
    let entered = to
        .tell(&format!(
            "ANS 1 {} {call} {room}\r\n",
            in_room(bobs, second)
        ))
        .await;
    assert_eq!(field(&entered, "ANS", 2), "OK");
    // That the other has come in.
    from.hear().await;

    let mut trid = 9;
    for body in bodies.split(|byte| *byte == 0).take(MESSAGES) {
        let body = body.get(..MAX_MESSAGE).unwrap_or(body);
        trid += 1;
        let class = ["N", "A", "U", "D"][usize::from(kind % 4)];
        let mut bytes = format!("MSG {trid} {class} {}\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        let mut answers = Vec::new();
        for piece in bytes.chunks(usize::from(kind / 4) + 1) {
            answers.extend(from.feed(piece).await);
        }
        let heard = to.hear().await;
        if !from.is_open() {
            // No such class in that dialect.
            assert!(class == "D" && heard.is_empty(), "{answers:?}");
            return;
        }
        let arrived = heard.iter().map(|(_, payload)| payload.as_slice());
        let arrived: Vec<&[u8]> = arrived.collect();
        let is_refused = answers.iter().any(|(line, _)| line.starts_with("282 "));
        match is_refused {
            // Data messages have headers.
            true => assert!(class == "D" && arrived.is_empty()),
            false => assert_eq!(arrived, [body], "{class} in MSNP{first}"),
        }
        assert!(from.hear().await.is_empty(), "one hears oneself");
    }
}

/// How somebody enters a conversation: with the place, where one may be at several.
fn in_room(human: &Human, dialect: u8) -> String {
    match dialect {
        ..16 => human.address.to_owned(),
        16.. => format!("{};{MACHINE}", human.address),
    }
}

/// A field of the first line with this verb.
fn field(said: &super::line::Said, verb: &str, number: usize) -> String {
    let mut lines = said.iter().map(|(line, _)| line);
    let line = lines.find(|line| line.starts_with(verb));
    let field = line.and_then(|line| line.split(' ').nth(number));
    field
        .unwrap_or_else(|| panic!("no {verb}: {said:?}"))
        .to_owned()
}
