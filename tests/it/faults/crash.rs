//! The server is killed again and again in the middle of a crowd's work.
//!
//! Everybody comes back at once, as clients do, and finds what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Barrier, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::changes::{Changer, Outcome};
use super::stage::{SETTINGS, furnish_all};
use super::{is_full, is_sane};
use crate::durability::{Book, checked};
use crate::support::child::Launch;
use crate::support::client::{Arrival, Connection};
use crate::support::numbers::Numbers;
use crate::support::offline::{OfflineClient, letter};
use crate::support::people::{PASSWORD, Person, chat};
use crate::support::player::Addresses;

/// Pairs of people who talk, besides those who change things.
const PAIRS: usize = 10;
/// People who leave messages for somebody absent.
const SENDERS: usize = 4;
/// How long everybody together may take to be back.
const BACK: Duration = Duration::from_secs(120);
/// At the end, that many look through their lists at the same time.
const AT_ONCE: usize = 24;

const MANY_MESSAGES: &str = "limits.offline_messages = 10000\n\
                             limits.offline_messages_per_sender = 10000\n\
                             limits.offline_sends_per_minute = 10000\n";

/// What all tasks know.
#[derive(Debug)]
struct Crowd {
    at: Addresses,
    is_over: AtomicBool,
    /// Changes acknowledged, messages heard, messages kept for somebody absent.
    changed: AtomicUsize,
    heard: AtomicUsize,
    kept: AtomicUsize,
    /// Everybody is back before the next kill.
    back: Barrier,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs most of a minute: a crowd signs in again and again"]
async fn nothing_acknowledged_is_lost_however_often_the_server_is_killed_under_load() {
    let (changers, rounds) = if is_full() { (1_000, 6) } else { (150, 3) };
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..changers)
        .map(|number| format!("u{number}"))
        .chain((0..PAIRS).flat_map(|pair| [format!("s{pair}"), format!("h{pair}")]))
        .chain((0..SENDERS).map(|sender| format!("m{sender}")))
        .chain(["absent".to_owned()])
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    furnish_all(folder.path(), &names, &[]).await;
    let launch = Launch::on(folder.path(), &format!("{SETTINGS}{MANY_MESSAGES}"));
    let mut server = launch.on_steady_ports().start().await;
    let crowd = Arc::new(Crowd {
        at: server.at,
        is_over: AtomicBool::new(false),
        changed: AtomicUsize::new(0),
        heard: AtomicUsize::new(0),
        kept: AtomicUsize::new(0),
        back: Barrier::new(changers + PAIRS + SENDERS + 1),
    });
    let mut changing = JoinSet::new();
    for number in 0..changers {
        changing.spawn(change_for_ever(Arc::clone(&crowd), number));
    }
    let mut others = JoinSet::new();
    for pair in 0..PAIRS {
        others.spawn(talk_for_ever(Arc::clone(&crowd), pair));
    }
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send_for_ever(Arc::clone(&crowd), sender));
    }
    for round in 0..rounds {
        let start = Instant::now();
        tokio::time::timeout(BACK, crowd.back.wait()).await.unwrap();
        println!(
            "round {round}: everybody is there after {:?}",
            start.elapsed()
        );
        let (changed, kept) = (crowd.count(), crowd.kept.load(Ordering::Relaxed));
        // In the middle of everything, and never at the same place.
        while crowd.count() < changed + 2 * changers || crowd.kept.load(Ordering::Relaxed) == kept {
            assert!(start.elapsed() < 2 * BACK, "next to nothing is changed");
            sleep(Duration::from_millis(3)).await;
        }
        if round + 1 == rounds {
            crowd.is_over.store(true, Ordering::Relaxed);
        }
        server.kill();
        server = server.again().await;
    }
    let mut books = BTreeMap::new();
    while let Some(ended) = changing.join_next().await {
        let (name, book) = ended.unwrap();
        books.insert(name, book);
    }
    while let Some(ended) = others.join_next().await {
        ended.unwrap();
    }
    let (mut sure, mut possible) = (0, 0);
    while let Some(ended) = senders.join_next().await {
        let (acknowledged, unanswered) = ended.unwrap();
        sure += acknowledged;
        possible += unanswered;
    }
    verify(crowd.at, books).await;
    let absent = OfflineClient::of(crowd.at, "absent").await;
    let waiting = absent.metadata().await.texts("I").len();
    assert!(
        (sure..=sure + possible).contains(&waiting),
        "{waiting} messages wait, {sure} were acknowledged and {possible} may be there"
    );
    println!(
        "{changers} changers and {} others, killed {rounds} times: {} changes, {} messages heard \
         and {sure} kept for somebody absent; none lost",
        2 * PAIRS + SENDERS,
        crowd.count(),
        crowd.heard.load(Ordering::Relaxed)
    );
    // All of them are gone, and the server knows.
    Numbers::until(server.ops, "the quiet after the last kill", |numbers| {
        numbers.get("chrysalis_signed_in_sessions") == 0
    })
    .await;
    is_sane(&server.log());
}

impl Crowd {
    fn count(&self) -> usize {
        self.changed.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Signs in as soon as there is a server that lets in.
    async fn come_back(&self, name: &str, dialect: u8) -> Person {
        let start = Instant::now();
        let address = self.at.msnp.to_string();
        loop {
            let reason = match Connection::open(&address, dialect).await {
                Ok(connection) => match self.at.try_sign_in(connection, name, PASSWORD).await {
                    Ok(person) => return person,
                    Err(reason) => reason,
                },
                Err(error) => error.to_string(),
            };
            assert!(start.elapsed() < BACK, "{name} can not come back: {reason}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn change_for_ever(crowd: Arc<Crowd>, number: usize) -> (String, Book) {
    let name = format!("u{number}");
    let dialect = if number.is_multiple_of(2) { 9 } else { 11 };
    let mut book = Book::new();
    for round in 0.. {
        let person = crowd.come_back(&name, dialect).await;
        crowd.back.wait().await;
        let mut changer = Changer::of(person, book, round);
        loop {
            match changer.attempt().await {
                Outcome::Done => drop(crowd.changed.fetch_add(1, Ordering::Relaxed)),
                Outcome::Refused(code) => panic!("{name} was refused with {code}"),
                Outcome::Gone => break,
            }
        }
        book = changer.book;
        if crowd.is_over() {
            break;
        }
    }
    (name, book)
}

/// Two who talk: nothing is missing between the first and the last that is heard.
async fn talk_for_ever(crowd: Arc<Crowd>, pair: usize) {
    loop {
        let mut sayer = crowd.come_back(&format!("s{pair}"), 7).await;
        let mut hearer = crowd.come_back(&format!("h{pair}"), 12).await;
        let mut seat = sayer.open_room().await;
        let mut other = hearer.join(&mut seat).await;
        crowd.back.wait().await;
        let (gone, is_gone) = oneshot::channel::<()>();
        let hearing = async {
            for number in 0.. {
                match other.sb.next(false).await {
                    Arrival::Frame(frame) => {
                        assert_eq!(frame.payload, chat(&number.to_string()));
                        crowd.heard.fetch_add(1, Ordering::Relaxed);
                    }
                    Arrival::Closed | Arrival::Garbled(_) => break,
                    Arrival::Late(_) => panic!("nothing is heard"),
                }
            }
            drop(gone);
        };
        let saying = async {
            for number in 0.. {
                let trid = seat.say("A", &chat(&i32::to_string(&number))).await;
                match seat.sb.next(false).await {
                    Arrival::Frame(frame) => {
                        assert_eq!(frame.line, format!("ACK {trid}").into_bytes());
                    }
                    _ => break,
                }
                sleep(Duration::from_millis(10)).await;
            }
            drop(is_gone.await);
        };
        tokio::join!(hearing, saying);
        if crowd.is_over() {
            return;
        }
    }
}

/// Leaves messages; answers how many were acknowledged, and how many were not answered.
async fn send_for_ever(crowd: Arc<Crowd>, sender: usize) -> (usize, usize) {
    let name = format!("m{sender}");
    let (mut sure, mut possible) = (0, 0);
    loop {
        // Tickets outlive the server, but there has to be one first.
        drop(crowd.come_back(&name, 9).await);
        let mut client = OfflineClient::unlocked(crowd.at, &name).await;
        crowd.back.wait().await;
        loop {
            let text = letter(&format!("{name} {sure}"));
            match client.try_send("absent@example.com", &text).await {
                Ok(answer) if answer.fault().is_none() => {
                    assert_eq!(answer.status, 200, "{answer:?}");
                    sure += 1;
                    crowd.kept.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) if answer.text("LockKeyChallenge").is_some() => client.unlock(&answer),
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => {
                    possible += 1;
                    break;
                }
            }
        }
        if crowd.is_over() {
            return (sure, possible);
        }
    }
}

/// Everybody's lists are what was acknowledged.
async fn verify(at: Addresses, books: BTreeMap<String, Book>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut checking = JoinSet::new();
    for (name, book) in books {
        let places = Arc::clone(&places);
        checking.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let changed = book.len();
            checked(&at, &name, book).await;
            assert!(changed > 0, "{name} changed nothing");
        });
    }
    while let Some(ended) = checking.join_next().await {
        ended.unwrap();
    }
}
