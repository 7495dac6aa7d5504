//! What was acknowledged is there after a crash.
//!
//! The server is a process of its own, killed without a warning while several clients change
//! their lists as fast as they are answered. A change whose answer arrived must be there after
//! the next start; one whose answer did not may be there or not. No start needs a repair.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::child::{self, ChildServer};
use crate::support::client::{Arrival, Connection};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, Person};
use crate::support::player::Addresses;

const ROUNDS: usize = 8;
/// Pairs of a name and the dialect its owner changes things with.
const WRITERS: [(&str, u8); 4] = [("ann", 9), ("ben", 11), ("cid", 9), ("dot", 11)];
/// Accounts to add as contacts.
pub(crate) const CONTACTS: usize = 60;
/// A server that is not killed in the middle of something proves nothing: every writer has made
/// this many changes in a round before it.
const CHANGES_BEFORE_THE_KILL: usize = 12;
/// More rapid changes than any client makes.
const SETTINGS: &str = "limits.commands_per_second = 100000\nlimits.commands_burst = 100000\n";

/// What somebody changes, and what of it is where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Name,
    HomePhone,
    Privacy,
    Prompt,
    /// The member of a list.
    Contact(&'static str, String),
    /// A group, by its name.
    Group(String),
}

/// The value last acknowledged for a key, and those that were asked for since without an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) sure: Option<String>,
    pub(crate) possible: Vec<Option<String>>,
}

pub(crate) type Book = BTreeMap<Key, State>;

/// A change: what is sent, how its answer begins, and what is so afterwards.
pub(crate) struct Change {
    pub(crate) line: String,
    pub(crate) answer: String,
    pub(crate) key: Key,
    pub(crate) value: Option<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_change_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    add_everybody(folder.path());
    let mut books: BTreeMap<&str, Book> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut server = ChildServer::start(folder.path(), SETTINGS).await;
        let (progress, mut made) = tokio::sync::mpsc::channel(1_000);
        let mut writers = JoinSet::new();
        for (name, dialect) in WRITERS {
            let book = books.remove(name).unwrap_or_default();
            let book = checked(&server.at, name, book).await;
            let person = server.at.sign_in(name, dialect).await;
            let progress = progress.clone();
            writers.spawn(async move {
                let book = change_until_the_end(person, book, round, progress).await;
                (name, book)
            });
        }
        drop(progress);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        while counts.len() < WRITERS.len()
            || counts
                .values()
                .any(|&count| count < CHANGES_BEFORE_THE_KILL)
        {
            let name = made.recv().await.unwrap();
            *counts.entry(name).or_default() += 1;
        }
        server.kill();
        // The writers notice; whatever they count meanwhile is of no interest.
        made.close();
        while let Some(written) = writers.join_next().await {
            let (name, book) = written.unwrap();
            books.insert(name, book);
        }
    }
    let server = ChildServer::start(folder.path(), SETTINGS).await;
    for (name, _) in WRITERS {
        let book = checked(&server.at, name, books.remove(name).unwrap()).await;
        assert!(book.len() > ROUNDS, "{name} changed next to nothing");
    }
}

/// Makes changes one after the other until the server is gone.
async fn change_until_the_end(
    mut person: Person,
    mut book: Book,
    round: usize,
    progress: tokio::sync::mpsc::Sender<String>,
) -> Book {
    for step in 0.. {
        let Some(change) = change(&mut person, &book, round, step) else {
            continue;
        };
        let state = book.entry(change.key).or_default();
        state.possible.push(change.value.clone());
        person
            .ns
            .send(format!("{}\r\n", change.line).as_bytes())
            .await;
        if !is_acknowledged(&mut person.ns, &change.answer).await {
            return book;
        }
        state.sure = change.value;
        state.possible.clear();
        // Nobody counts any more once the server was killed.
        let _ = progress.send(person.name.clone()).await;
    }
    book
}

/// Waits for the answer to a change; `false` if the server is gone.
async fn is_acknowledged(connection: &mut Connection, answer: &str) -> bool {
    loop {
        match connection.next(false).await {
            Arrival::Frame(frame) if frame.line.starts_with(answer.as_bytes()) => return true,
            Arrival::Frame(frame) if frame.line[0].is_ascii_digit() => {
                panic!("{answer:?} was to come, not {}", frame.describe());
            }
            Arrival::Frame(_) => {}
            Arrival::Closed | Arrival::Garbled(_) => return false,
            Arrival::Late(part) => panic!("only {:?} came", printable(&part)),
        }
    }
}

/// The change to make in this step; `None` where it makes no sense now.
pub(crate) fn change(
    person: &mut Person,
    book: &Book,
    round: usize,
    step: usize,
) -> Option<Change> {
    let trid = person.trid();
    let is_old = person.dialect < 10;
    let text = format!("{}-{round}-{step}", person.name);
    let address = person.address();
    let has = |key: &Key| book.get(key).is_some_and(|state| state.sure.is_some());
    let number = (step / 6 + round * 5) % CONTACTS;
    let contact = format!("c{number}@example.com");
    Some(match step % 6 {
        0 => {
            let (line, answer) = if is_old {
                (
                    format!("REA {trid} {address} {text}"),
                    format!("REA {trid} "),
                )
            } else {
                (format!("PRP {trid} MFN {text}"), format!("PRP {trid} MFN "))
            };
            Change {
                line,
                answer,
                key: Key::Name,
                value: Some(text),
            }
        }
        1 => Change {
            line: format!("PRP {trid} PHH {text}"),
            answer: format!("PRP {trid} "),
            key: Key::HomePhone,
            value: Some(text),
        },
        2 => {
            let value = if book_value(book, &Key::Privacy) == Some("BL") {
                "AL"
            } else {
                "BL"
            };
            Change {
                line: format!("BLP {trid} {value}"),
                answer: format!("BLP {trid} "),
                key: Key::Privacy,
                value: Some(value.to_owned()),
            }
        }
        3 => {
            let value = if book_value(book, &Key::Prompt) == Some("N") {
                "A"
            } else {
                "N"
            };
            Change {
                line: format!("GTC {trid} {value}"),
                answer: format!("GTC {trid} "),
                key: Key::Prompt,
                value: Some(value.to_owned()),
            }
        }
        4 => {
            let list = if step.is_multiple_of(4) { "AL" } else { "FL" };
            let key = Key::Contact(list, contact.clone());
            let (line, value) = match (has(&key), is_old) {
                // Who is on the forward list has an identity there that only the list tells.
                (true, false) if list == "FL" => return None,
                (true, _) => (format!("REM {trid} {list} {contact}"), None),
                (false, true) => (format!("ADD {trid} {list} {contact} {contact}"), Some("")),
                (false, false) => (
                    format!("ADC {trid} {list} N={contact}{}", full_name(list, &contact)),
                    Some(""),
                ),
            };
            Change {
                answer: format!("{} {trid} ", &line[..3]),
                line,
                key,
                value: value.map(str::to_owned),
            }
        }
        _ => {
            let groups = book.keys().filter(|key| matches!(key, Key::Group(_)));
            if groups.count() >= 25 {
                return None;
            }
            let tail = if is_old { " 0" } else { "" };
            Change {
                line: format!("ADG {trid} {text}{tail}"),
                answer: format!("ADG {trid} "),
                key: Key::Group(text),
                value: Some(String::new()),
            }
        }
    })
}

fn full_name(list: &str, contact: &str) -> String {
    if list == "FL" {
        format!(" F={contact}")
    } else {
        String::new()
    }
}

fn book_value<'a>(book: &'a Book, key: &Key) -> Option<&'a str> {
    book.get(key)?.sure.as_deref()
}

/// Compares what the list download says with what is known, and takes over what it says.
pub(crate) async fn checked(at: &Addresses, name: &str, mut book: Book) -> Book {
    let found = download(at, name).await;
    for key in found.keys() {
        book.entry(key.clone()).or_default();
    }
    for (key, state) in &mut book {
        let value = found.get(key).cloned();
        let is_expected = value == state.sure || state.possible.contains(&value);
        // What was never acknowledged may be as the account was made.
        let has_default = !matches!(key, Key::Contact(..) | Key::Group(_));
        let is_default = state.sure.is_none() && has_default;
        assert!(
            is_expected || is_default,
            "{name}: {key:?} is {value:?} but was acknowledged as {state:?}"
        );
        *state = State {
            sure: value,
            possible: Vec::new(),
        };
    }
    book
}

/// Everything that the list download of a fresh MSNP11 session tells, whatever the changes were
/// made with.
async fn download(at: &Addresses, name: &str) -> BTreeMap<Key, String> {
    let mut person = at.sign_in(name, 11).await;
    person.ns.send(b"SYN 50 0 0\r\nPNG\r\n").await;
    let mut found = BTreeMap::new();
    let mut note = |key, value: &str| found.insert(key, value.to_owned());
    loop {
        let frame = person.ns.until("").await;
        let line = printable(&frame.line);
        let fields: Vec<&str> = line.split(' ').collect();
        match fields.as_slice() {
            ["QNG", ..] => return found,
            ["GTC", value] => drop(note(Key::Prompt, value)),
            ["BLP", value] => drop(note(Key::Privacy, value)),
            ["PRP", "MFN", value] => drop(note(Key::Name, value)),
            ["PRP", "PHH", value] => drop(note(Key::HomePhone, value)),
            ["LSG", name, _] => drop(note(Key::Group((*name).to_owned()), "")),
            ["LST", address, rest @ ..] => {
                let address = address.trim_start_matches("N=");
                let mask: u8 = rest.iter().find_map(|field| field.parse().ok()).unwrap();
                for (bit, list) in [(1, "FL"), (2, "AL")] {
                    if mask & bit != 0 {
                        note(Key::Contact(list, address.to_owned()), "");
                    }
                }
            }
            _ => {}
        }
    }
}

/// Accounts for the writers and for those they add.
fn add_everybody(folder: &Path) {
    let names = (0..CONTACTS).map(|number| format!("c{number}"));
    let writers = WRITERS.map(|(name, _)| name.to_owned());
    import(folder, names.chain(writers));
}

fn import(folder: &Path, names: impl Iterator<Item = String>) {
    write_accounts(folder, names);
    child::run(folder, &["user", "import", "accounts.csv"], "");
}

fn write_accounts(folder: &Path, names: impl Iterator<Item = String>) {
    let mut text = "email,name,password,legacy\n".to_owned();
    for name in names {
        writeln!(text, "{name}@example.com,{name},{PASSWORD},yes").unwrap();
    }
    std::fs::write(folder.join("accounts.csv"), text).unwrap();
    let cheap = "auth.argon2_memory_kib = 64\nauth.argon2_iterations = 1\n";
    std::fs::write(folder.join("config.toml"), cheap).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_leaves_a_database_to_go_on_with() {
    const ACCOUNTS: usize = 1_500;
    let folder = tempfile::tempdir().unwrap();
    let names = || (0..ACCOUNTS).map(|number| format!("u{number}"));
    write_accounts(folder.path(), names());
    for at_least in [1, 40, 200] {
        let mut import = child::command(folder.path(), &["user", "import", "accounts.csv"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while accounts(folder.path()).len() < at_least {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "nothing is imported"
            );
            sleep(Duration::from_millis(5)).await;
        }
        import.kill().unwrap();
        import.wait().unwrap();
        assert!(accounts(folder.path()).len() >= at_least);
    }
    // The server starts, and every account that is there is whole.
    let server = ChildServer::start(folder.path(), SETTINGS).await;
    let there = accounts(folder.path());
    for address in there.iter().rev().take(20) {
        let name = address.split('@').next().unwrap();
        for dialect in [7, 12] {
            drop(server.at.sign_in(name, dialect).await);
        }
    }
    drop(server);
    // The same once more adds the rest; those that are there are reported.
    let again = child::command(folder.path(), &["user", "import", "accounts.csv"])
        .output()
        .unwrap();
    let said = String::from_utf8(again.stdout).unwrap();
    let expected = format!("{} added, {} failed\n", ACCOUNTS - there.len(), there.len());
    assert_eq!(said, expected);
    let all: BTreeSet<String> = names().map(|name| format!("{name}@example.com")).collect();
    assert_eq!(accounts(folder.path()), all);
}

/// The addresses of all accounts, as the command line lists them. None as long as another
/// process is just making the database.
fn accounts(folder: &Path) -> BTreeSet<String> {
    let listed = child::command(folder, &["user", "list", "--json"])
        .output()
        .unwrap();
    if !listed.status.success() {
        return BTreeSet::new();
    }
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let accounts = listed.as_array().unwrap().iter();
    accounts
        .map(|account| account["email"].as_str().unwrap().to_owned())
        .collect()
}
