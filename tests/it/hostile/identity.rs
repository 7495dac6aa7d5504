//! Speaking as somebody else, and putting somebody out.

use crate::support::offline::{OfflineClient, letter};
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket};
use crate::support::people::{PASSWORD, Person, chat};
use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_speaks_in_another_name() {
    let statements = ["@friends mallory trent", "@friends wendy trent"];
    let scene = Scene::start(&["trent", "wendy", "mallory"], &statements).await;
    let mut trent = scene.at.sign_in("trent", 18).await;
    let mut mallory = scene.at.sign_in("mallory", 12).await;
    // With the own ticket and another's name there is no room.
    let key = mallory.room_key().await;
    let mut seat = mallory.seat(&key, None).await;
    let line = format!("USR 1 wendy@example.com {}", key.ticket);
    seat.sb.ask(&line, "911 1").await;
    seat.sb.until_closed().await;
    // What is said in one has the name of who entered it, whatever stands in it.
    let mut seat = mallory.open_room().await;
    let mut other = trent.join(&mut seat).await;
    let body = b"MIME-Version: 1.0\r\nFrom: wendy@example.com\r\n\
                 Content-Type: text/plain\r\n\r\nit is me, wendy";
    seat.say("U", body).await;
    other.hears("mallory", body).await;
    // A message for the absent has the name of the ticket's owner. The client of these tests
    // always claims to be somebody else.
    let client = OfflineClient::unlocked(scene.at, "trent").await;
    let sent = client
        .send("wendy@example.com", &letter("it is mallory"))
        .await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    let waiting = OfflineClient::of(scene.at, "wendy").await.metadata().await;
    assert_eq!(waiting.text("E").as_deref(), Some("trent@example.com"));
    drop((trent, mallory, seat, other));
    scene.finish().await;
}

/// Sends one of the small messages by which a client tells another of its own account to go.
async fn tell_to_go(mallory: &mut Person, kind: u32) {
    let trid = mallory.trid();
    let body = "goawyplzthxbye\r\n";
    let line = format!(
        "UUN {trid} trent@example.com {kind} {}\r\n{body}",
        body.len()
    );
    mallory.ns.send(line.as_bytes()).await;
    mallory.ns.ask("PNG", "QNG").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_put_out_by_another() {
    let statements = ["@friends mallory trent", "@friends mallory wendy"];
    let scene = Scene::start(&["trent", "wendy", "mallory"], &statements).await;
    let mut trent = scene.at.sign_in("trent", 18).await;
    let mut mallory = scene.at.sign_in("mallory", 18).await;
    // The word that signs out an own other place is nothing from anybody else.
    for kind in [4, 8] {
        tell_to_go(&mut mallory, kind).await;
        trent.ns.ask("PNG", "QNG").await;
    }
    // Another's ticket replaces no session.
    let ticket = fetch_ticket(scene.at.http, "mallory@example.com", PASSWORD, USUAL_POLICY).await;
    let Ok(Outcome::Ticket(ticket)) = ticket else {
        panic!("no ticket");
    };
    let mut ns = scene.at.connect(12).await;
    ns.ask("VER 1 MSNP12 CVR0", "VER 1 ").await;
    ns.ask("USR 2 TWN I trent@example.com", "USR 2 TWN S ")
        .await;
    ns.ask(&format!("USR 3 TWN S {ticket}"), "911 3").await;
    ns.until_closed().await;
    trent.ns.ask("PNG", "QNG").await;
    // Who leaves a room, or is thrown out of it for what they send, leaves alone.
    let mut wendy = scene.at.sign_in("wendy", 12).await;
    for ending in [
        "OUT\r\n",
        "BYE trent@example.com\r\n",
        "KIC 9 trent@example.com\r\n",
    ] {
        let mut seat = mallory.open_room().await;
        let mut one = trent.join(&mut seat).await;
        let mut two = wendy.join(&mut seat).await;
        one.sb.until("JOI wendy@example.com ").await;
        seat.sb.send(ending.as_bytes()).await;
        for seat in [&mut one, &mut two] {
            seat.sb.until("BYE mallory@example.com").await;
        }
        one.say("U", &chat("still here")).await;
        two.hears("trent", &chat("still here")).await;
    }
    drop((trent, wendy, mallory));
    scene.finish().await;
}
