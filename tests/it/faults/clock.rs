//! The clock of the machine is set forward and back while everything runs.
//!
//! The server runs under `libfaketime`, which tells it another date than the machine has; the
//! clock that only ever goes forward stays as it is, as it does when a real clock is set.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::changes::Changer;
use super::stage::{SETTINGS, furnish_all, go_on};
use super::is_sane;
use crate::durability::Book;
use crate::restart::{Tickets, last_change, member};
use crate::support::child::Launch;
use crate::support::people::PASSWORD;
use crate::support::pattern::printable;
use crate::support::player::Addresses;
use crate::support::scene::Bystanders;
use crate::support::soap::SHARING_PATH;
use crate::support::web::Browser;

const DAY: i64 = 86_400;
/// Of a place a little off is no other date.
const NEAR: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libfaketime: the date of the server alone is changed"]
async fn a_clock_that_jumps_ends_nothing_and_turns_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    furnish_all(folder.path(), &["ann", "alice", "wendy"], &[]).await;
    let offset = folder.path().join("offset");
    let set = |days: i64| fs::write(&offset, format!("{days:+}d\n")).unwrap();
    set(0);
    let server = Launch::on(folder.path(), SETTINGS)
        .with("LD_PRELOAD", library().to_str().unwrap())
        .with("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap())
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with("DONT_FAKE_MONOTONIC", "1")
        .start()
        .await;
    let at = server.at;
    let mut bystanders = Bystanders::meet(&at, [5, 12]).await;
    let mut ann = Changer::sign_in(&at, "ann", 11, Book::new(), 0).await;
    let first = Tickets::of(at, "alice").await;
    let mut browser = Browser::signed_in(at.http, "wendy@example.com", PASSWORD).await;
    let mut stamp = String::new();
    let mut now = 0;
    for days in [0, 1, 0, -1, 0, 3_650, 3_651, 0, -3_650, 0] {
        set(days);
        until_it_is(&at, days * DAY).await;
        // Those who are there notice nothing.
        go_on(&mut bystanders).await;
        ann.make(6).await;
        ann.person.ns.expect_nothing().await;
        // Everybody can sign in, also after a mistake.
        for dialect in [7, 9, 12, 15, 18] {
            let connection = at.connect(dialect).await;
            let wrong = at.try_sign_in(connection, "wendy", "no-secret").await;
            assert!(wrong.is_err());
            drop(at.sign_in("wendy", dialect).await);
        }
        // What changes is newer than all before it, and a client that asks for what is new since
        // then is told that and nothing else.
        let alice = Tickets::of(at, "alice").await;
        let block = member("Block", &format!("c{}@example.com", now + 1));
        now += 1;
        let since = if stamp.is_empty() {
            String::new()
        } else {
            format!(
                "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types>\
                 </serviceFilter><View>Full</View><deltasOnly>true</deltasOnly>\
                 <lastChange>{stamp}</lastChange>"
            )
        };
        alice.sharing(at, "AddMember", &block).await;
        let delta = alice.sharing(at, "FindMembership", &since).await;
        let names = delta.texts("PassportName");
        assert_eq!(names, [format!("c{now}@example.com")], "{days} days");
        let newer = last_change(&delta, "Service");
        assert!(newer > stamp, "{newer} came after {stamp}");
        stamp = newer;
        // Old tickets: good while they are, and refused in the usual words once they are not.
        let old = first.try_call(at, SHARING_PATH, "FindMembership", "").await;
        let old = old.unwrap();
        if days < 1 {
            assert_eq!(old.status, 200, "{days} days: {old:?}");
            let page = browser.get("/account").await;
            assert_eq!(page.status, 200, "{days} days");
        } else {
            assert_eq!(old.refused(), "PassportAuthFail", "{days} days");
        }
    }
    ann.verify(&at).await;
    let log = server.log();
    is_sane(&log);
    assert!(!log.contains("ERROR"), "{log}");
}

/// Waits until the server has the date that lies so far from ours, in seconds.
async fn until_it_is(at: &Addresses, offset: i64) {
    let start = Instant::now();
    loop {
        let now = chrysalis::clock::Clock::system().now_secs();
        let there = date(at).await;
        if there.abs_diff(now + offset) < NEAR {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the server has {there}, not {offset} from {now}"
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// What a client is told to tell the login service that the time is.
async fn date(at: &Addresses) -> i64 {
    let mut connection = at.connect(9).await;
    connection.ask("VER 1 MSNP9 CVR0", "VER 1 ").await;
    let build = "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 6.0.0602 MSMSGS ann@example.com";
    connection.ask(build, "CVR 2 ").await;
    let policy = connection
        .ask("USR 3 TWN I ann@example.com", "USR 3 TWN S ")
        .await;
    let line = printable(&policy.line);
    let (_, rest) = line.split_once("ct=").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

/// The library that is put before the system's.
fn library() -> PathBuf {
    let places = ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
    let found = places
        .iter()
        .map(|place| PathBuf::from(place).join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists());
    found.expect("there is no libfaketime")
}
