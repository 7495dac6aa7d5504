//! A server with two people who must not notice what a test does to it.
//!
//! Olive speaks MSNP5 and Peter MSNP12, unless a test wants them otherwise. They are friends, on-line, and in a conversation. After
//! the test they still are, everything they hear is what they should hear, and nothing of what
//! the test did is left in the server.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::DEADLINE;
use super::numbers::Numbers;
use super::people::{Person, Seat, chat, fixture};
use super::player::Addresses;
use super::server::TestServer;

/// The server and the two bystanders.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) at: Addresses,
    pub(crate) ops: SocketAddr,
    pub(crate) bystanders: Bystanders,
    server: TestServer,
    before: Gauges,
}

/// Two people in a conversation.
#[derive(Debug)]
pub(crate) struct Bystanders {
    olive: (Person, Seat),
    peter: (Person, Seat),
    said: u32,
}

/// What has to be back afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Gauges {
    notification: i64,
    switchboard: i64,
    signed_in: i64,
    rooms: i64,
}

impl Gauges {
    fn of(numbers: &Numbers) -> Self {
        Self {
            notification: numbers.connections("ns"),
            switchboard: numbers.connections("sb"),
            signed_in: numbers.get("chrysalis_signed_in_sessions"),
            rooms: numbers.get("chrysalis_rooms"),
        }
    }
}

impl Scene {
    /// Accounts of these names besides the bystanders', and what the statements add.
    pub(crate) async fn start(names: &[&str], statements: &[&str]) -> Self {
        Self::between([5, 12], names, statements).await
    }

    /// The same, with bystanders who speak these versions.
    pub(crate) async fn between(dialects: [u8; 2], names: &[&str], statements: &[&str]) -> Self {
        let names = [&["olive", "peter"], names].concat();
        let statements = [&["@friends olive peter"], statements].concat();
        let fixture = fixture(&names, &statements);
        let server = TestServer::start(&fixture).await.unwrap();
        let bystanders = Bystanders::meet(&server.addresses, dialects).await;
        let expected = Gauges {
            notification: 2,
            switchboard: 2,
            signed_in: 2,
            rooms: 1,
        };
        let is_quiet = |numbers: &Numbers| Gauges::of(numbers) == expected;
        Numbers::until(server.ops, "the beginning", is_quiet).await;
        Self {
            at: server.addresses,
            ops: server.ops,
            bystanders,
            server,
            before: expected,
        }
    }

    /// The server's numbers, once they are as wished.
    pub(crate) async fn until(&self, what: &str, wish: impl Fn(&Numbers) -> bool) -> Numbers {
        Numbers::until(self.ops, what, wish).await
    }

    /// The same as [`Scene::finish`], where the test had a reason to send Olive something.
    pub(crate) async fn finish_after(mut self, news: &str) {
        self.bystanders.olive.0.ns.until(news).await;
        self.finish().await;
    }

    /// Nothing happened to the bystanders, and nothing is left of what the test did. Whoever the
    /// test signed in must be gone by now, or be dropped.
    pub(crate) async fn finish(mut self) {
        self.bystanders.carry_on().await;
        let before = &self.before;
        let is_quiet = |numbers: &Numbers| Gauges::of(numbers) == *before;
        let numbers = self.until("the quiet of the beginning", is_quiet).await;
        assert_eq!(numbers.get("chrysalis_task_panics_total"), 0);
        drop(self.bystanders);
        assert!(self.server.stop().await, "the server did not stop in time");
    }
}

impl Bystanders {
    /// The two sign in and begin to talk; they have accounts, and each other as contacts.
    pub(crate) async fn meet(at: &Addresses, dialects: [u8; 2]) -> Self {
        let mut olive = at.sign_in("olive", dialects[0]).await;
        let mut peter = at.sign_in("peter", dialects[1]).await;
        olive.sees("NLN", &peter).await;
        let mut seat = olive.open_room().await;
        let other = peter.join(&mut seat).await;
        Self {
            olive: (olive, seat),
            peter: (peter, other),
            said: 0,
        }
    }

    /// They see each other's status, talk in the room they have and in a new one, and hear
    /// nothing else.
    pub(crate) async fn carry_on(&mut self) {
        self.talk().await;
        let (olive, _) = &mut self.olive;
        let (peter, _) = &mut self.peter;
        for status in ["BSY", "NLN"] {
            olive.set_status(status).await;
            peter.sees(status, olive).await;
            peter.set_status(status).await;
            olive.sees(status, peter).await;
        }
        let mut seat = peter.open_room().await;
        let mut other = olive.join(&mut seat).await;
        seat.say("U", &chat("a room of our own")).await;
        other.hears("peter", &chat("a room of our own")).await;
        other.leave().await;
        seat.sb.expect("BYE olive@example.com").await;
        seat.leave().await;
        olive.expect_nothing().await;
        peter.expect_nothing().await;
    }

    /// One message in each direction, where each may take as long as this.
    pub(crate) async fn talk_within(&mut self, patience: Duration) {
        let (_, olive) = &mut self.olive;
        let (_, peter) = &mut self.peter;
        olive.sb.patience = patience;
        peter.sb.patience = patience;
        self.talk().await;
        let (_, olive) = &mut self.olive;
        let (_, peter) = &mut self.peter;
        olive.sb.patience = DEADLINE;
        peter.sb.patience = DEADLINE;
    }

    /// One message in each direction.
    pub(crate) async fn talk(&mut self) {
        self.said += 1;
        let body = chat(&format!("number {}", self.said));
        let (_, olive) = &mut self.olive;
        let (_, peter) = &mut self.peter;
        let trid = olive.say("A", &body).await;
        olive.sb.expect(&format!("ACK {trid}")).await;
        peter.hears("olive", &body).await;
        peter.say("N", &body).await;
        olive.hears("peter", &body).await;
    }
}
