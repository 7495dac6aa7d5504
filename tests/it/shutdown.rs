//! Stopping: everybody is told, everything ends in time, nothing acknowledged is lost.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::child::{ChildServer, folder};
use crate::support::people::{Person, Seat, chat, connect, fixture};
use crate::support::server::TestServer;

/// The process is gone well within ten seconds.
const IN_TIME: Duration = Duration::from_secs(9);

/// A server with three people in a conversation, one of whom has far more to read than the system
/// keeps for them, and reads nothing.
struct Stalled {
    server: ChildServer,
    olive: Person,
    wendy: Person,
    /// What has to stay open meanwhile.
    _open: (Person, Seat, Seat, Seat),
}

impl Stalled {
    async fn start(folder: &Path) -> Self {
        let settings = "limits.write_secs = 600\nlimits.sb_queue = 65536\n\
                        limits.messages_per_second = 100000\nlimits.messages_burst = 100000\n";
        let server = ChildServer::start(folder, settings).await;
        let mut olive = server.at.sign_in("olive", 9).await;
        let mut peter = server.at.sign_in("peter", 12).await;
        let mut wendy = server.at.sign_in("wendy", 2).await;
        let mut host = olive.open_room().await;
        let stalled = peter.join_with_buffer(&mut host, Some(2_048)).await;
        let mut guest = wendy.join(&mut host).await;
        // Far more than the system keeps between the two ends of a small window.
        let body = chat(&"x".repeat(1_500));
        for _ in 0..6_000 {
            host.say("U", &body).await;
            guest.hears("olive", &body).await;
        }
        Self {
            server,
            olive,
            wendy,
            _open: (peter, stalled, host, guest),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_says_good_bye_to_everybody_and_keeps_what_was_acknowledged() {
    let folder = folder(&["olive", "peter", "wendy"]);
    for (round, signal) in ["TERM", "INT"].into_iter().enumerate() {
        let mut server = ChildServer::start(folder.path(), "").await;
        let mut olive = server.at.sign_in("olive", 2).await;
        let mut peter = server.at.sign_in("peter", 8).await;
        let mut wendy = server.at.sign_in("wendy", 12).await;
        let mut host = olive.open_room().await;
        let mut guest = peter.join(&mut host).await;
        // Connections that are nobody's yet must not hold up the end.
        let mut silent = server.at.connect(8).await;
        let mut half = server.at.connect(7).await;
        half.send(b"VER 1 MSNP7 CVR0\r\nUSR 2 MD5 I olive@example.com\r\nUSR 3")
            .await;
        half.until("USR 2 MD5 S ").await;
        let name = format!("Wendy{round}");
        wendy.rename(name.as_bytes()).await;
        let start = Instant::now();
        server.signal(signal);
        for person in [&mut olive, &mut peter, &mut wendy] {
            person.ns.until("OUT SSD").await;
            assert!(person.ns.until_closed().await.is_empty());
        }
        for seat in [&mut host, &mut guest] {
            seat.sb.until_closed().await;
        }
        silent.until_closed().await;
        half.until_closed().await;
        drop((olive, peter, wendy, host, guest, silent, half));
        assert_eq!(server.ended().await.code(), Some(0));
        assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());

        let again = ChildServer::start(folder.path(), "").await;
        let mut wendy = again.at.sign_in("wendy", 12).await;
        wendy.ns.ask("SYN 50 0 0", &format!("PRP MFN {name}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_not_sent_away_in_one_instant() {
    let names: Vec<String> = (0..150).map(|number| format!("person{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = TestServer::start(&fixture(&names, &[])).await.unwrap();
    let mut people = JoinSet::new();
    let ready = Arc::new(Barrier::new(names.len() + 1));
    for name in names.iter().map(|&name| name.to_owned()) {
        let (at, ready) = (server.addresses, Arc::clone(&ready));
        people.spawn(async move {
            let mut person = at.sign_in(&name, 7).await;
            ready.wait().await;
            person.ns.until("OUT SSD").await;
            let told = Instant::now();
            assert!(person.ns.until_closed().await.is_empty());
            told
        });
    }
    ready.wait().await;
    let in_time = server.stop();
    let (in_time, told) = tokio::join!(in_time, people.join_all());
    assert!(in_time);
    // A millisecond for each; that all of them draw the same part of it is no chance at all.
    let spread = *told.iter().max().unwrap() - *told.iter().min().unwrap();
    assert!(spread > Duration::from_millis(50), "{spread:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_does_not_read_holds_up_the_end() {
    let folder = folder(&["olive", "peter", "wendy"]);
    let mut stalled = Stalled::start(folder.path()).await;
    let Stalled {
        server,
        olive,
        wendy,
        ..
    } = &mut stalled;
    // Nor does anybody who keeps both ends open after the good-bye.
    let idle = connect(server.at.msnp, None, None, 7).await;
    let start = Instant::now();
    server.signal("TERM");
    olive.ns.until("OUT SSD").await;
    wendy.ns.until("OUT SSD").await;
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < IN_TIME, "{:?}", start.elapsed());
    drop((stalled, idle));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once() {
    let folder = folder(&["olive", "peter", "wendy"]);
    let mut stalled = Stalled::start(folder.path()).await;
    let Stalled { server, olive, .. } = &mut stalled;
    server.signal("TERM");
    olive.ns.until("OUT SSD").await;
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(server.ended().await.code(), Some(3));
    // Without the second one it would wait for who does not read.
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    drop(stalled);
    // What was on disk is there, whichever way the end came.
    let again = ChildServer::start(folder.path(), "").await;
    again.at.sign_in("olive", 2).await.ns.expect_nothing().await;
}
