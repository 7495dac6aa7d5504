//! Everything at once and for long: whoever comes leaves nothing behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::changes::Changer;
use super::stage::{PROMPT, Stage, go_on};
use super::{is_sane, number};
use crate::durability::Book;
use crate::gateway::http::Session;
use crate::restart::{Tickets, member};
use crate::support::challenge;
use crate::support::numbers::Numbers;
use crate::support::people::{PASSWORD, chat};
use crate::support::player::Addresses;

/// How long it takes where nobody wants it otherwise.
const SHORT: u64 = 60;
/// The memory in use may be so much more at the end than it was after a third: a part of it, and
/// what one more page of the allocator's or the database's cache makes.
const TOLERANCE: (u64, u64) = (10, 6 << 20);

/// How often everything was done.
type Done = Arc<Mutex<BTreeMap<&'static str, usize>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a minute and more: CHRYSALIS_SOAK_SECONDS says how long"]
async fn after_a_soak_memory_is_flat_and_everything_is_given_back() {
    let lasts = Duration::from_secs(number("CHRYSALIS_SOAK_SECONDS").unwrap_or(SHORT));
    let names: Vec<String> = ["come", "say", "hear", "change", "soap", "gate"]
        .iter()
        .flat_map(|name| (0..8).map(move |number| format!("{name}{number}")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let Stage {
        server,
        mut bystanders,
        folder: _folder,
    } = Stage::set(&names, &[], "gateway.idle_secs = 10\n").await;
    go_on(&mut bystanders).await;
    let handles = server.handles();
    let end = Instant::now() + lasts;
    let done = Done::default();
    let mut working = JoinSet::new();
    for number in 0..8 {
        working.spawn(come_and_go(server.at, number, end, Arc::clone(&done)));
    }
    for number in 0..4 {
        working.spawn(talk(server.at, number, end, Arc::clone(&done)));
        working.spawn(change(server.at, number, end, Arc::clone(&done)));
    }
    for number in 0..2 {
        working.spawn(web(server.at, number, end, Arc::clone(&done)));
        working.spawn(tunnel(server.at, number, end, Arc::clone(&done)));
    }
    let mut samples = Vec::new();
    let mut worst = Duration::ZERO;
    while Instant::now() < end {
        samples.push(server.memory());
        worst = worst.max(go_on(&mut bystanders).await);
        sleep(Duration::from_millis(500)).await;
    }
    while let Some(ended) = working.join_next().await {
        ended.unwrap();
    }
    let third = samples.len() / 3;
    let (first, last) = (
        mean(&samples[third..2 * third]),
        mean(&samples[2 * third..]),
    );
    println!(
        "{lasts:?}: {:?}; memory {} KiB at first, {} KiB in the second third, {} KiB in the last; \
         the bystanders' slowest round took {worst:?}",
        done.lock().unwrap(),
        samples[0] / 1024,
        first / 1024,
        last / 1024
    );
    let (percent, bytes) = TOLERANCE;
    assert!(last <= first + first * percent / 100 + bytes, "{samples:?}");
    assert!(worst < 2 * PROMPT);
    let numbers = Numbers::until(server.ops, "the quiet afterwards", |numbers| {
        numbers.get("chrysalis_signed_in_sessions") == 2
            && numbers.get("chrysalis_rooms") == 1
            && numbers.connections("ns") == 2
            && numbers.connections("sb") == 2
    })
    .await;
    assert_eq!(numbers.get("chrysalis_task_panics_total"), 0);
    let start = Instant::now();
    while server.handles() > handles + 5 {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{}",
            server.handles()
        );
        sleep(Duration::from_millis(100)).await;
    }
    go_on(&mut bystanders).await;
    let log = server.log();
    is_sane(&log);
    assert!(!log.contains("ERROR"), "{log}");
}

fn mean(samples: &[u64]) -> u64 {
    samples.iter().sum::<u64>() / samples.len().max(1) as u64
}

fn note(done: &Done, what: &'static str, count: usize) {
    *done.lock().unwrap().entry(what).or_default() += count;
}

/// Signs in with every version in turn, and leaves in one way or the other.
async fn come_and_go(at: Addresses, number: usize, end: Instant, done: Done) {
    let dialects = [2, 5, 7, 9, 11, 12, 15, 18];
    for turn in number.. {
        if Instant::now() >= end {
            return;
        }
        let dialect = dialects[turn % dialects.len()];
        let mut person = at.sign_in(&format!("come{number}"), dialect).await;
        if turn % 3 != 0 {
            person.ns.send(b"OUT\r\n").await;
            person.ns.until_closed().await;
        }
        note(&done, "sign-ins", 1);
    }
}

/// Opens a room, says something, leaves.
async fn talk(at: Addresses, number: usize, end: Instant, done: Done) {
    let mut sayer = at.sign_in(&format!("say{number}"), 9).await;
    let mut hearer = at.sign_in(&format!("hear{number}"), 12).await;
    while Instant::now() < end {
        let mut seat = sayer.open_room().await;
        let mut other = hearer.join(&mut seat).await;
        for step in 0..50 {
            let body = chat(&format!("{step} {}", "x".repeat(step * 20)));
            seat.say("U", &body).await;
            other.hears(&format!("say{number}"), &body).await;
            other.say("N", &body).await;
            seat.hears(&format!("hear{number}"), &body).await;
        }
        other.leave().await;
        seat.sb.expect("BYE ").await;
        seat.leave().await;
        note(&done, "rooms", 1);
        note(&done, "messages", 100);
    }
}

async fn change(at: Addresses, number: usize, end: Instant, done: Done) {
    let dialect = if number.is_multiple_of(2) { 9 } else { 11 };
    let name = format!("change{number}");
    let mut changer = Changer::sign_in(&at, &name, dialect, Book::new(), 0).await;
    while Instant::now() < end {
        changer.make(10).await;
        note(&done, "changes", 10);
    }
    changer.verify(&at).await;
}

/// Fetches tickets, the book and the lists, and changes them.
async fn web(at: Addresses, number: usize, end: Instant, done: Done) {
    while Instant::now() < end {
        let tickets = Tickets::of(at, &format!("soap{number}")).await;
        for turn in 0..10 {
            let block = member("Block", &format!("c{turn}@example.com"));
            tickets.sharing(at, "AddMember", &block).await;
            tickets.sharing(at, "FindMembership", "").await;
            tickets.page(at, "").await;
            tickets.sharing(at, "DeleteMember", &block).await;
        }
        note(&done, "calls", 40);
    }
}

/// Signs in through the gateway; every other session is left without a word.
async fn tunnel(at: Addresses, number: usize, end: Instant, done: Done) {
    let address = format!("gate{number}@example.com");
    for turn in 0.. {
        if Instant::now() >= end {
            return;
        }
        let mut session = Session::open(at.http, "NS", b"").await;
        session.ask("VER 1 MSNP7 CVR0", "VER 1 MSNP7 ").await;
        let question = session
            .ask(&format!("USR 2 MD5 I {address}"), "USR 2 MD5 S ")
            .await;
        let challenge = question.fields().last().copied().unwrap();
        let proof = challenge::password_answer(challenge, PASSWORD.as_bytes());
        session
            .ask(&format!("USR 3 MD5 S {proof}"), "USR 3 OK ")
            .await;
        session.ask("CHG 4 NLN", "CHG 4 NLN").await;
        if turn % 2 == 0 {
            session.send(b"OUT\r\n").await;
        }
        note(&done, "tunnels", 1);
    }
}
