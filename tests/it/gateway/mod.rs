//! The HTTP gateway as its clients speak to it (`docs/protocol/20`), beside clients over TCP.
//!
//! `http` is a client of HTTP and nothing more, `habits` what each client does differently, and
//! `tunnel` somebody with such habits, whose messenger believes to be on TCP.

mod clients;
mod habits;
mod hostile;
pub(crate) mod http;
mod rooms;
mod sessions;
mod stopping;
mod tunnel;

use crate::support::people::{PASSWORD, Person, fixture};
use crate::support::server::TestServer;
use crate::support::{challenge, pattern::printable};
use http::{Answer, Session};

/// A server with these people and what the statements add.
async fn start(names: &[&str], statements: &[&str]) -> TestServer {
    TestServer::start(&fixture(names, statements))
        .await
        .unwrap()
}

/// Somebody at the gateway without a messenger around it, signed in the oldest way and on-line.
async fn sign_in(server: &TestServer, name: &str) -> Session {
    let mut session = Session::open(server.addresses.http, "NS", b"").await;
    session.ask("VER 1 MSNP7 CVR0", "VER 1 MSNP7 ").await;
    let address = format!("{name}@example.com");
    let question = session
        .ask(&format!("USR 2 MD5 I {address}"), "USR 2 MD5 S ")
        .await;
    let challenge = question.fields().last().copied().unwrap();
    let proof = challenge::password_answer(challenge, PASSWORD.as_bytes());
    session
        .ask(&format!("USR 3 MD5 S {proof}"), "USR 3 OK ")
        .await;
    session.ask("CHG 4 NLN", "CHG 4 NLN").await;
    session.until("CHL 0 ").await;
    session
}

/// A room of a signed-in session, through the gateway as well.
async fn open_room(server: &TestServer, name: &str, session: &mut Session) -> Session {
    let referral = session.ask("XFR 10 SB", "XFR 10 SB ").await;
    let ticket = printable(referral.fields()[5]);
    let first = format!("USR 1 {name}@example.com {ticket}\r\n");
    let mut room = Session::open(server.addresses.http, "SB", first.as_bytes()).await;
    room.until("USR 1 OK ").await;
    room
}

/// Somebody over TCP in the room of a session of the gateway.
async fn join(guest: &mut Person, room: &mut Session) -> crate::support::people::Seat {
    let call = format!("CAL 2 {}", guest.address());
    room.ask(&call, "CAL 2 RINGING ").await;
    let ring = guest.rings().await;
    let seat = guest.answer(&ring, None).await;
    room.until(&format!("JOI {} ", guest.address())).await;
    seat
}

/// What somebody sees of a contact, as far as it goes; since MSNP18 addresses say of which kind
/// they are.
fn presence(of: &str, seen_by: u8) -> String {
    let kind = if seen_by < 18 { "" } else { "1:" };
    format!("{kind}{of}@example.com")
}

/// The lines of an answer.
fn lines(answer: &Answer) -> Vec<String> {
    let frames = answer.frames();
    frames.iter().map(|frame| printable(&frame.line)).collect()
}
