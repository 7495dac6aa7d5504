//! The end of the server.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};

use super::http::{Answer, Session, Wire, post, request};
use super::{lines, sign_in, start};
use crate::support::numbers::Numbers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_poll_hears_that_the_server_stops() {
    let server = start(&["gwen", "paul"], &[]).await;
    let gwen = sign_in(&server, "gwen").await;
    let _idle = sign_in(&server, "paul").await;
    let mut parked = Wire::connect(server.addresses.http).await;
    parked.ask(&gwen.long_poll(), b"").await;
    let waits = |numbers: &Numbers| numbers.get("chrysalis_gateway_waiting_polls") == 1;
    Numbers::until(server.ops, "the wait", waits).await;
    let (in_time, answer) = tokio::join!(server.stop(), parked.answer());
    let answer = answer.unwrap();
    assert_eq!(lines(&answer), ["OUT SSD"]);
    assert!(answer.is_last());
    assert!(in_time);
}

/// The end of the session, for somebody who asks now and then.
async fn farewell(session: &mut Session) -> Answer {
    let poll = format!("Action=poll&SessionID={}", session.id);
    loop {
        let answer = session.wire.post(&poll, b"").await;
        if answer.is_last() {
            return answer;
        }
        // The port was closed before the session knew of it.
        assert!(answer.frames().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_after_the_stop_began_hears_of_it_too() {
    let server = start(&["gwen", "paul"], &[]).await;
    let (msnp, http) = (server.addresses.msnp, server.addresses.http);
    let mut gwen = sign_in(&server, "gwen").await;
    let mut paul = sign_in(&server, "paul").await;
    let begun = Instant::now();
    let ask = async {
        while TcpStream::connect(msnp).await.is_ok() {
            yield_now().await;
        }
        // On the connection that she has.
        assert_eq!(lines(&farewell(&mut gwen).await), ["OUT SSD"]);
        // Nothing new begins, and nothing else is answered.
        let open = "Action=open&Server=NS&IP=messenger.hotmail.com";
        assert_eq!(gwen.wire.post(open, b"").await.status, 503);
        assert_eq!(post(http, open, b"").await.status, 503);
        let page = request(http, "GET /connect HTTP/1.1\r\nHost: a\r\n").await;
        assert_eq!(page.status, 503);
        // On another connection.
        paul.wire = Wire::connect(http).await;
        assert_eq!(lines(&farewell(&mut paul).await), ["OUT SSD"]);
    };
    let (in_time, ()) = tokio::join!(server.stop(), ask);
    assert!(in_time);
    // Everybody was told, so nobody is waited for.
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(TcpStream::connect(http).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_asks_is_not_waited_for_long() {
    let server = start(&["gwen"], &[]).await;
    let _gone = sign_in(&server, "gwen").await;
    let begun = Instant::now();
    assert!(server.stop().await);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_the_gateway_is_not_sent_away_in_one_instant() {
    let names: Vec<String> = (0..150).map(|number| format!("person{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = start(&names, &[]).await;
    let mut sessions = Vec::new();
    for name in &names {
        sessions.push(sign_in(&server, name).await);
    }
    let mut people = JoinSet::new();
    for mut session in sessions {
        people.spawn(async move {
            // Frames of others come first, perhaps.
            session.until("OUT SSD").await;
            assert!(session.is_over);
            Instant::now()
        });
    }
    let wait = |numbers: &Numbers| numbers.get("chrysalis_gateway_waiting_polls") == 150;
    Numbers::until(server.ops, "the wait of all", wait).await;
    let (in_time, told) = tokio::join!(server.stop(), people.join_all());
    assert!(in_time);
    // A millisecond for each; that all of them draw the same part of it is no chance at all.
    let spread = *told.iter().max().unwrap() - *told.iter().min().unwrap();
    assert!(spread > Duration::from_millis(50), "{spread:?}");
}
