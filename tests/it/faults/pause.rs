//! A process stands still for a while, as under a debugger, in a frozen container or on a machine
//! whose owner closed the lid.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::changes::Changer;
use super::stage::{Stage, go_on};
use super::{is_sane, lasting};
use crate::durability::Book;
use crate::gateway::http::Session;
use crate::support::client::{Connection, DEADLINE};
use crate::support::numbers::Numbers;
use crate::support::people::{PASSWORD, chat};
use crate::support::{challenge, pattern::printable};

/// Everything that ends by being silent does so in a part of the pause.
const SETTINGS: &str = "limits.room_idle_secs = 4\n\
                        limits.write_secs = 3\n\
                        limits.vanished_secs = 5\n\
                        gateway.idle_secs = 5\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stood_still_goes_on_with_everybody_who_waited() {
    let stage = Stage::set(&["ann", "wendy"], &[], SETTINGS).await;
    let Stage {
        server,
        mut bystanders,
        folder: _folder,
    } = stage;
    let mut ann = Changer::sign_in(&server.at, "ann", 11, Book::new(), 0).await;
    ann.make(6).await;
    let mut wendy = gateway_session(server.at.http).await;
    let closes = |numbers: &Numbers| {
        ["eof", "slow_consumer", "room_closed", "fault", "protocol"]
            .map(|reason| numbers.closes("ns", reason) + numbers.closes("sb", reason))
    };
    go_on(&mut bystanders).await;
    let before = closes(&Numbers::read(server.ops).await);
    server.signal("STOP");
    until_stopped(server.id()).await;
    let stopped = Instant::now();
    // All of them say something meanwhile; the system keeps it for the server.
    wendy
        .wire
        .ask(&format!("SessionID={}", wendy.id), b"PNG\r\n")
        .await;
    let waiting = async {
        let start = Instant::now();
        bystanders.talk_within(lasting() + DEADLINE).await;
        start.elapsed()
    };
    let go = async {
        sleep(lasting()).await;
        server.signal("CONT");
    };
    let (waited, ()) = tokio::join!(waiting, go);
    assert!(stopped.elapsed() >= lasting());
    assert!(waited + Duration::from_secs(1) >= lasting(), "{waited:?}");
    let answer = wendy.wire.answer().await.unwrap();
    wendy.keep(&answer);
    wendy.until("QNG").await;
    go_on(&mut bystanders).await;
    ann.make(6).await;
    ann.person.ns.expect_nothing().await;
    let after = closes(&Numbers::read(server.ops).await);
    // The room that they opened to show that all is well was left in the usual way.
    assert_eq!(before, after, "somebody was cut off");
    ann.verify(&server.at).await;
    is_sane(&server.log());
}

/// After a restart everybody comes at once. Nobody may believe to be connected to a server that knows
/// nothing of it, nor wait until their system tries again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs more file descriptors than a process often has"]
async fn whoever_comes_while_the_server_stands_still_is_there_when_it_goes_on() {
    const WANTED: usize = 3_000;
    let kept: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn")
        .map_or(WANTED, |bound| bound.trim().parse().unwrap());
    let Stage {
        server,
        mut bystanders,
        folder: _folder,
    } = Stage::set(&[], &[], "").await;
    server.signal("STOP");
    until_stopped(server.id()).await;
    let mut coming = JoinSet::new();
    for _ in 0..WANTED.min(kept) {
        coming.spawn(timeout(
            Duration::from_millis(900),
            TcpStream::connect(server.at.msnp),
        ));
    }
    let mut come = Vec::new();
    for stream in coming.join_all().await {
        let stream = stream
            .expect("the system of the server has no room")
            .unwrap();
        let mut connection = Connection::over(stream, 7).unwrap();
        connection.send(b"VER 1 MSNP7 CVR0\r\n").await;
        come.push(connection);
    }
    server.signal("CONT");
    for connection in &mut come {
        connection.expect("VER 1 MSNP7 CVR0").await;
    }
    go_on(&mut bystanders).await;
    is_sane(&server.log());
}

async fn gateway_session(http: std::net::SocketAddr) -> Session {
    let mut session = Session::open(http, "NS", b"").await;
    session.ask("VER 1 MSNP7 CVR0", "VER 1 MSNP7 ").await;
    let question = session
        .ask("USR 2 MD5 I wendy@example.com", "USR 2 MD5 S ")
        .await;
    let challenge = question.fields().last().copied().unwrap();
    let proof = challenge::password_answer(challenge, PASSWORD.as_bytes());
    session
        .ask(&format!("USR 3 MD5 S {proof}"), "USR 3 OK ")
        .await;
    session
}

/// Somebody whose machine stands still, as a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stood_still_finds_everything_that_was_said() {
    const SAID: usize = 200;
    let Stage {
        server,
        mut bystanders,
        folder: _folder,
    } = Stage::set(&["trent", "wendy"], &["@friends trent wendy"], "").await;
    let mut listener = super::crowd::Holder::listening(&server.at, "wendy");
    let mut trent = server.at.sign_in("trent", 9).await;
    let mut seat = trent.open_room().await;
    seat.sb
        .ask("CAL 90 wendy@example.com", "CAL 90 RINGING ")
        .await;
    seat.sb.until("JOI wendy@example.com ").await;
    listener.signal("STOP");
    let start = Instant::now();
    for number in 0..SAID {
        seat.say("U", &chat(&format!("number {number}"))).await;
    }
    while start.elapsed() < lasting() / 2 {
        go_on(&mut bystanders).await;
        sleep(Duration::from_millis(200)).await;
    }
    listener.signal("CONT");
    for number in 0..SAID {
        let line = listener.line();
        assert_eq!(printable(line.as_bytes()), format!("number {number}"));
    }
    go_on(&mut bystanders).await;
    is_sane(&server.log());
}

/// A signal to stop takes hold of each thread in its own time.
async fn until_stopped(process: u32) {
    let is_stopped = || {
        let mut threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        threads.all(|thread| {
            let state = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
            state.rsplit_once(") ").unwrap().1.starts_with('T')
        })
    };
    while !is_stopped() {
        sleep(Duration::from_millis(1)).await;
    }
}
