//! Sign-ins that collide, fail, or are tried too often (`docs/protocol/01 §2`, `§3`).

use crate::support::challenge::password_answer;
use crate::support::client::{Arrival, Connection};
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket};
use crate::support::people::{PASSWORD, connect};
use crate::support::scene::Scene;

const ROUNDS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_sign_ins_at_the_same_instant_one_survives() {
    let scene = Scene::start(&["trent", "wendy"], &["@friends trent wendy"]).await;
    let mut wendy = scene.at.sign_in("wendy", 12).await;
    for round in 0..ROUNDS {
        // Both have come as far as the proof before either gives it; every other time one of
        // them has a ticket for that.
        let one = up_to_the_proof(scene.at.connect(7).await).await;
        let other = if round % 2 == 0 {
            up_to_the_proof(scene.at.connect(7).await).await
        } else {
            up_to_the_ticket(&scene).await
        };
        let mut two = [one, other];
        let [(one, proof), (other, other_proof)] = &mut two;
        tokio::join!(
            one.send(proof.as_bytes()),
            other.send(other_proof.as_bytes())
        );
        // Both were right; whoever came first hears of the other.
        let mut replaced = Vec::new();
        for (connection, _) in &mut two {
            connection.until("USR 4 OK trent@example.com ").await;
            connection.send(b"CHG 5 NLN\r\nPNG\r\n").await;
            replaced.push(is_replaced(connection).await);
        }
        // The first one may be told only after it was asked.
        if replaced == [false, false] {
            for (slot, (connection, _)) in replaced.iter_mut().zip(&mut two) {
                connection.send(b"PNG\r\n").await;
                *slot = is_replaced(connection).await;
            }
        }
        replaced.sort_unstable();
        assert_eq!(replaced, [false, true], "round {round}");
        wendy.ns.until("NLN NLN trent@example.com ").await;
        wendy.ns.send(b"PNG\r\n").await;
        let mut is_seen = true;
        loop {
            let frame = wendy.ns.until("").await;
            match frame.fields()[0] {
                b"QNG" => break,
                b"FLN" => is_seen = false,
                b"NLN" => is_seen = true,
                _ => {}
            }
        }
        assert!(is_seen, "round {round}: half on-line");
        drop(two);
        wendy.ns.until("FLN trent@example.com").await;
        scene
            .until("the end of the round", |numbers| {
                numbers.get("chrysalis_signed_in_sessions") == 3
            })
            .await;
    }
    drop(wendy);
    scene.finish().await;
}

/// Whether the session ends because of the other one; `false` if it answers a ping.
async fn is_replaced(connection: &mut Connection) -> bool {
    loop {
        match connection.next(false).await {
            Arrival::Frame(frame) if frame.line == b"OUT OTH" => {
                connection.until_closed().await;
                return true;
            }
            Arrival::Frame(frame) if frame.line.starts_with(b"QNG") => return false,
            Arrival::Frame(_) => {}
            other => panic!("neither on-line nor replaced: {other:?}"),
        }
    }
}

/// Comes as far as the challenge; gives back the right answer to it.
async fn up_to_the_proof(mut connection: Connection) -> (Connection, String) {
    let proof = proof(&mut connection, "trent", PASSWORD).await;
    (connection, proof)
}

async fn up_to_the_ticket(scene: &Scene) -> (Connection, String) {
    let mut connection = scene.at.connect(12).await;
    connection.ask("VER 1 MSNP12 CVR0", "VER 1 MSNP12").await;
    let claim = "USR 3 TWN I trent@example.com";
    connection.ask(claim, "USR 3 TWN S ").await;
    let ticket = fetch_ticket(scene.at.http, "trent@example.com", PASSWORD, USUAL_POLICY);
    let Ok(Outcome::Ticket(ticket)) = ticket.await else {
        panic!("Trent gets no ticket");
    };
    (connection, format!("USR 4 TWN S {ticket}\r\n"))
}

async fn proof(connection: &mut Connection, name: &str, password: &str) -> String {
    connection.ask("VER 1 MSNP7 CVR0", "VER 1 MSNP7").await;
    let claim = format!("USR 3 MD5 I {name}@example.com");
    let question = connection.ask(&claim, "USR 3 MD5 S ").await;
    let answer = password_answer(question.fields()[4], password.as_bytes());
    format!("USR 4 MD5 S {answer}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sign_in_does_not_disturb_the_session_there_is() {
    let statements = [
        "@friends trent wendy",
        "@config limits.failed_sign_ins_per_minute 1000",
    ];
    let scene = Scene::start(&["trent", "wendy"], &statements).await;
    let mut wendy = scene.at.sign_in("wendy", 8).await;
    let mut trent = scene.at.sign_in("trent", 12).await;
    wendy.sees("NLN", &trent).await;
    for _ in 0..10 {
        assert_eq!(try_md5(&scene, "127.0.0.1", "not it").await, "911 4");
        for proof in ["t=made-up&p=", "x", "t=&p="] {
            let mut connection = scene.at.connect(12).await;
            connection.ask("VER 1 MSNP12 CVR0", "VER 1 MSNP12").await;
            let claim = "USR 3 TWN I trent@example.com";
            connection.ask(claim, "USR 3 TWN S ").await;
            connection
                .ask(&format!("USR 4 TWN S {proof}"), "911 4")
                .await;
            connection.until_closed().await;
        }
        let refused = fetch_ticket(scene.at.http, "trent@example.com", "not it", USUAL_POLICY);
        assert_eq!(refused.await, Ok(Outcome::Refused));
        // Somebody else's good ticket is no ticket of Trent's.
        let other = fetch_ticket(scene.at.http, "olive@example.com", PASSWORD, USUAL_POLICY);
        let Ok(Outcome::Ticket(other)) = other.await else {
            panic!("Olive gets no ticket");
        };
        let mut connection = scene.at.connect(12).await;
        connection.ask("VER 1 MSNP12 CVR0", "VER 1 MSNP12").await;
        connection
            .ask("USR 3 TWN I trent@example.com", "USR 3 TWN S ")
            .await;
        connection
            .ask(&format!("USR 4 TWN S {other}"), "911 4")
            .await;
    }
    trent.ns.expect_nothing().await;
    wendy.ns.expect_nothing().await;
    trent.set_status("BSY").await;
    wendy.sees("BSY", &trent).await;
    drop((trent, wendy));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_slowed_down_and_the_account_stays_usable() {
    let statements = [
        "@friends trent wendy",
        "@config limits.failed_sign_ins_per_minute 3",
    ];
    let scene = Scene::start(&["trent", "wendy"], &statements).await;
    let mut wendy = scene.at.sign_in("wendy", 8).await;
    let mut trent = scene.at.sign_in("trent", 12).await;
    wendy.sees("NLN", &trent).await;
    for _ in 0..3 {
        assert_eq!(try_md5(&scene, "127.0.0.1", "not it").await, "911 4");
    }
    // Now the right password is refused as well, either way, and a ticket is not looked at.
    assert_eq!(try_md5(&scene, "127.0.0.1", PASSWORD).await, "910 4");
    let refused = fetch_ticket(scene.at.http, "trent@example.com", PASSWORD, USUAL_POLICY);
    assert_eq!(refused.await, Ok(Outcome::Refused));
    // The session that is there goes on, and so do others from that address.
    trent.set_status("BSY").await;
    wendy.sees("BSY", &trent).await;
    drop(wendy);
    let mut wendy = scene.at.sign_in("wendy", 7).await;
    trent.ns.until("NLN NLN wendy@example.com ").await;
    // From elsewhere the account can be used.
    assert!(
        try_md5(&scene, "127.0.0.2", PASSWORD)
            .await
            .starts_with("USR 4 OK ")
    );
    trent.ns.until("OUT OTH").await;
    wendy.ns.until("FLN trent@example.com").await;
    drop((trent, wendy));
    scene.finish().await;
}

/// The answer to one try to sign in as Trent.
async fn try_md5(scene: &Scene, from: &str, password: &str) -> String {
    let mut connection = connect(scene.at.msnp, Some(from), None, 7).await;
    let proof = proof(&mut connection, "trent", password).await;
    connection.send(proof.as_bytes()).await;
    let answer = connection.until("").await;
    String::from_utf8(answer.line).unwrap()
}
