//! Tickets to rooms in the wrong hands (`docs/protocol/03 §2`, `docs/protocol/01 §7`).

use crate::support::people::{Person, Ring, RoomKey, Seat, chat};
use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_one_room_once_for_its_owner() {
    for dialect in [2, 8, 12] {
        let scene = Scene::start(&["trent", "wendy", "mallory"], &[]).await;
        let mut trent = scene.at.sign_in("trent", dialect).await;
        let mut wendy = scene.at.sign_in("wendy", 12).await;
        let mut mallory = scene.at.sign_in("mallory", 9).await;

        // Twice, and at the same moment: one of them opens.
        let key = trent.room_key().await;
        let line = format!("USR 1 {} {}\r\n", trent.address(), key.ticket);
        let mut seats = [trent.seat(&key, None).await, trent.seat(&key, None).await];
        for seat in &mut seats {
            seat.sb.send(line.as_bytes()).await;
        }
        let mut opened = 0;
        for seat in &mut seats {
            let answer = seat.sb.until("").await;
            if answer.line.starts_with(b"USR 1 OK ") {
                opened += 1;
            } else {
                assert_eq!(answer.line, b"911 1");
                seat.sb.until_closed().await;
            }
        }
        assert_eq!(opened, 1);
        drop(seats);

        // By another account, under the owner's name and under its own.
        for name in ["trent", "mallory"] {
            let key = trent.room_key().await;
            let stranger = format!("{name}@example.com");
            let stolen = usr(&mallory, &key, &stranger).await;
            if name == "mallory" {
                assert_eq!(stolen, "911 1");
                // Whoever shows it has spent it.
                assert_eq!(usr(&trent, &key, "trent@example.com").await, "911 1");
            } else {
                // The ticket is all there is to show: who has it is its owner.
                assert!(stolen.starts_with("USR 1 OK "), "{stolen}");
            }
        }

        // For another room, or as a ticket of the other kind.
        let mut here = trent.open_room().await;
        let mut there = mallory.open_room().await;
        let ring = ring(&mut wendy, &mut here).await;
        let other = self::ring(&mut wendy, &mut there).await;
        let mut seat = wendy.seat(&ring.key, None).await;
        let wrong = format!("ANS 1 wendy@example.com {} {}", ring.key.ticket, other.room);
        seat.sb.ask(&wrong, "911 1").await;
        seat.sb.until_closed().await;
        assert_eq!(usr(&wendy, &other.key, "wendy@example.com").await, "911 1");
        let key = wendy.room_key().await;
        let mut seat = wendy.seat(&key, None).await;
        let wrong = format!("ANS 1 wendy@example.com {} {}", key.ticket, ring.room);
        seat.sb.ask(&wrong, "911 1").await;
        seat.sb.until_closed().await;

        // Nobody came in anywhere.
        for (seat, room) in [(&mut here, "here"), (&mut there, "there")] {
            let trid = seat.say("A", &chat(room)).await;
            seat.sb.expect(&format!("NAK {trid}")).await;
        }
        drop((trent, wendy, mallory, here, there));
        scene.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_ends_with_the_session_that_got_it() {
    let scene = Scene::start(&["trent", "wendy"], &[]).await;
    let mut wendy = scene.at.sign_in("wendy", 12).await;
    let mut trent = scene.at.sign_in("trent", 8).await;
    let mut host = wendy.open_room().await;
    let key = trent.room_key().await;
    let ring = ring(&mut trent, &mut host).await;
    trent.ns.send(b"OUT\r\n").await;
    trent.ns.until_closed().await;
    scene
        .until("the end of the session", |numbers| {
            numbers.get("chrysalis_signed_in_sessions") == 3
        })
        .await;
    // Neither without a session nor with a new one.
    assert_eq!(usr(&trent, &key, "trent@example.com").await, "911 1");
    let mut again = scene.at.sign_in("trent", 12).await;
    let mut seat = again.seat(&ring.key, None).await;
    let line = format!("ANS 1 {} {} {}", seat.address, ring.key.ticket, ring.room);
    seat.sb.ask(&line, "911 1").await;
    seat.sb.until_closed().await;
    // A new call reaches the new session.
    let seat = again.join(&mut host).await;
    // A session that is replaced takes its tickets and its rooms along.
    let key = again.room_key().await;
    let third = scene.at.sign_in("trent", 5).await;
    again.ns.until("OUT OTH").await;
    assert_eq!(usr(&third, &key, "trent@example.com").await, "911 1");
    host.sb.until("BYE trent@example.com").await;
    drop((trent, again, third, wendy, host, seat));
    scene.finish().await;
}

/// Calls somebody, who does not answer yet.
async fn ring(callee: &mut Person, host: &mut Seat) -> Ring {
    let trid = host.trid();
    let call = format!("CAL {trid} {}", callee.address());
    host.sb.ask(&call, &format!("CAL {trid} RINGING ")).await;
    callee.rings().await
}

/// The answer to a ticket for a new room; the connection is given up.
async fn usr(person: &Person, key: &RoomKey, address: &str) -> String {
    let mut seat = person.seat(key, None).await;
    let line = format!("USR 1 {address} {}", key.ticket);
    seat.sb.send(format!("{line}\r\n").as_bytes()).await;
    let answer = seat.sb.until("").await;
    String::from_utf8(answer.line).unwrap()
}
