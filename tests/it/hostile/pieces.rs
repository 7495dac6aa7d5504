//! Sessions in the smallest pieces, and sessions of which one half is missing.

use crate::support::people::chat;
use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_session_may_arrive_one_byte_at_a_time() {
    for dialect in [2, 8, 12] {
        let statements = ["@friends trent wendy"];
        let scene = Scene::start(&["trent", "wendy"], &statements).await;
        let mut wendy = scene.at.sign_in("wendy", 12).await;
        let mut connection = scene.at.connect(dialect).await;
        connection.trickle();
        let mut trent = scene.at.sign_in_over(connection, "trent").await;
        wendy.sees("NLN", &trent).await;
        wendy.ns.expect("UBX trent@example.com 0").await;
        trent.set_status("AWY").await;
        wendy.sees("AWY", &trent).await;
        trent.rename("Trênt".as_bytes()).await;
        let seen = wendy.sees("AWY", &trent).await;
        assert_eq!(seen.fields()[3], "Trênt".as_bytes());
        let trid = trent.trid();
        let (command, answer) = if dialect < 10 {
            let command = format!("ADD {trid} FL olive@example.com olive");
            (command, format!("ADD {trid} FL "))
        } else {
            let command = format!("ADC {trid} FL N=olive@example.com F=olive");
            (command, format!("ADC {trid} FL N=olive@example.com "))
        };
        trent.ns.ask(&command, &answer).await;
        let mut seat = trent.open_room().await;
        seat.sb.trickle();
        let mut other = wendy.join(&mut seat).await;
        other.sb.trickle();
        let trid = seat.say("A", &chat("piece by piece")).await;
        seat.sb.expect(&format!("ACK {trid}")).await;
        other.hears("trent", &chat("piece by piece")).await;
        other.say("N", &chat("")).await;
        seat.hears("wendy", &chat("")).await;
        seat.leave().await;
        other.sb.expect("BYE trent@example.com").await;
        other.leave().await;
        trent.ns.send(b"OUT\r\n").await;
        trent.ns.until_closed().await;
        wendy.ns.expect("FLN trent@example.com").await;
        drop(wendy);
        // Olive was added and is told; the bystanders' silence has to start after that.
        scene.finish_after("ADD 0 RL ").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_sending_is_signed_off() {
    let scene = Scene::start(&["trent", "wendy"], &["@friends trent wendy"]).await;
    let mut wendy = scene.at.sign_in("wendy", 9).await;
    for dialect in [2, 8, 12] {
        let mut trent = scene.at.sign_in("trent", dialect).await;
        wendy.sees("NLN", &trent).await;
        let mut host = wendy.open_room().await;
        let mut seat = trent.join(&mut host).await;
        seat.sb.finish_sending().await;
        seat.sb.until_closed().await;
        host.sb.expect("BYE trent@example.com").await;
        let mut seat = trent.join(&mut host).await;
        // The room of a session ends with it.
        trent.ns.finish_sending().await;
        trent.ns.until_closed().await;
        wendy.ns.expect("FLN trent@example.com").await;
        seat.sb.until_closed().await;
        host.sb.expect("BYE trent@example.com").await;
    }
    // At every step of the sign-in, with and without half a command.
    for opening in [
        "",
        "VE",
        "VER 1 MSNP7 CVR0\r\n",
        "VER 1 MSNP7 CVR0\r\nUSR 3 MD5 I trent@example.com\r\n",
        "VER 1 MSNP7 CVR0\r\nUSR 3 MD5 I trent@exam",
        "USR 1 trent@example.com ",
    ] {
        let mut connection = scene.at.connect(7).await;
        connection.send(opening.as_bytes()).await;
        connection.finish_sending().await;
        connection.until_closed().await;
    }
    drop(wendy);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_the_end_still_counts() {
    let scene = Scene::start(&["trent", "wendy"], &["@friends trent wendy"]).await;
    let mut wendy = scene.at.sign_in("wendy", 7).await;
    let mut trent = scene.at.sign_in("trent", 7).await;
    wendy.sees("NLN", &trent).await;
    trent.ns.send(b"REA 50 trent@example.com Last\r\n").await;
    trent.ns.finish_sending().await;
    let seen = wendy.sees("NLN", &trent).await;
    assert_eq!(seen.fields()[3], b"Last");
    wendy.ns.expect("FLN trent@example.com").await;
    trent.ns.until_closed().await;
    drop((trent, wendy));
    scene.finish().await;
}
