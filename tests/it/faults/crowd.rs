//! As many connections as there are file descriptors for.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};

use super::stage::{PROMPT, Stage, go_on};
use super::{is_sane, tool};
use crate::support::client::{Arrival, Connection};
use crate::support::numbers::Numbers;
use crate::support::pattern::printable;
use crate::support::player::Addresses;

/// What a server is meant to carry.
const WANTED: usize = 20_000;
/// What a process needs besides its clients: the database, the listeners, the log, and some room
/// for the bystanders and the web.
const BESIDES: usize = 400;
/// Processes that the connections come from; each has a limit, too, and an address of its own, as
/// there are not ports enough at one.
const HOLDERS: usize = 3;

/// How a process like this one is told to be a holder: what it is to do, then with whom.
const ROLE: &str = "CHRYSALIS_HOLDER";

/// A process of its own that is nothing but a client.
#[derive(Debug)]
pub(super) struct Holder {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Holder {
    /// Holds so many connections open, all from one address.
    fn of_many(msnp: SocketAddr, from: &str, count: usize) -> Self {
        Self::start(&format!("hold {msnp} {from} {count}"))
    }

    /// Signs in, comes to whatever it is called to, and prints what is said there.
    pub(super) fn listening(at: &Addresses, name: &str) -> Self {
        let mut holder = Self::start(&format!("listen {} {} {name}", at.msnp, at.http));
        assert_eq!(holder.line(), "ready");
        holder
    }

    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["faults::crowd::holder", "--exact", "--ignored"])
            .args(["--nocapture", "--quiet"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next thing that it says, without what the frame of the tests says around it.
    pub(super) fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.said.read_line(&mut line).unwrap();
            assert!(read > 0, "the other process ended");
            if let Some((_, said)) = line.trim_end().split_once("> ") {
                return said.to_owned();
            }
        }
    }

    pub(super) fn signal(&self, name: &str) {
        tool(&["kill", &format!("-{name}"), &self.child.id().to_string()]);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What such a process does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs to be started by another test, as a process of its own"]
async fn holder() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let words: Vec<&str> = role.split(' ').collect();
    match words.as_slice() {
        ["hold", msnp, from, count] => {
            let (msnp, count) = (msnp.parse().unwrap(), count.parse().unwrap());
            let held = hold(msnp, from, count).await;
            println!("> holding {}", held.len());
            // Until whoever started this ends it, or reads no more.
            let _ = std::io::stdin().read_line(&mut String::new());
        }
        ["listen", msnp, http, name] => {
            let at = Addresses {
                msnp: msnp.parse().unwrap(),
                http: http.parse().unwrap(),
            };
            let mut person = at.sign_in(name, 9).await;
            println!("> ready");
            person.ns.patience = Duration::from_secs(600);
            let ring = person.rings().await;
            let mut seat = person.answer(&ring, None).await;
            seat.sb.patience = Duration::from_secs(600);
            while let Arrival::Frame(frame) = seat.sb.next(false).await {
                let text = printable(&frame.payload);
                if let Some(at) = text.find("number ") {
                    println!("> {}", &text[at..]);
                }
            }
        }
        _ => panic!("{role:?} is nothing to do"),
    }
}

/// Connects until there are enough, a few at a time; each says something and is answered.
async fn hold(msnp: SocketAddr, from: &str, count: usize) -> Vec<Connection> {
    let mut held = Vec::with_capacity(count);
    while held.len() < count {
        let mut some = Vec::new();
        for _ in 0..(count - held.len()).min(200) {
            let socket = TcpSocket::new_v4().unwrap();
            socket
                .bind(SocketAddr::new(from.parse().unwrap(), 0))
                .unwrap();
            let stream = socket.connect(msnp).await.unwrap();
            some.push(Connection::over(stream, 7).unwrap());
        }
        for connection in &mut some {
            connection.send(b"VER 1 MSNP7 CVR0\r\n").await;
        }
        for connection in &mut some {
            connection.patience = Duration::from_secs(60);
            connection.expect("VER 1 MSNP7 CVR0").await;
        }
        held.append(&mut some);
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs about 20,000 file descriptors in each of several processes"]
async fn thousands_of_connections_disturb_nobody_and_leave_nothing() {
    let stage = Stage::set(
        &[],
        &[],
        "limits.connections = 30000\nlimits.http_connections = 10\nlimits.sign_in_secs = 600\n",
    )
    .await;
    let Stage {
        server,
        mut bystanders,
        folder: _folder,
    } = stage;
    let quiet = Numbers::read(server.ops).await;
    let before = (server.handles(), server.memory(), quiet.connections("ns"));
    let limit = descriptors(server.id());
    let total = WANTED.min(limit.saturating_sub(BESIDES)) / HOLDERS * HOLDERS;
    assert!(total > 500, "only {limit} descriptors in a process");
    let start = Instant::now();
    let mut holders: Vec<Holder> = (0..HOLDERS)
        .map(|number| {
            let from = format!("127.0.0.{}", number + 2);
            Holder::of_many(server.at.msnp, &from, total / HOLDERS)
        })
        .collect();
    let mut slowest = go_on(&mut bystanders).await;
    for holder in &mut holders {
        let said = tokio::task::block_in_place(|| holder.line());
        assert_eq!(said, format!("holding {}", total / HOLDERS));
        slowest = slowest.max(go_on(&mut bystanders).await);
    }
    let took = start.elapsed();
    // Something small of before may be closed by now.
    let open = server.handles() + 5 - before.0;
    assert!(open >= total, "{open} of {total} are open");
    for _ in 0..10 {
        slowest = slowest.max(go_on(&mut bystanders).await);
    }
    let memory = (server.memory() - before.1) / total as u64;
    println!(
        "{total} connections (a process may have {limit} descriptors) in {took:?}, {memory} bytes \
         each; the slowest of the bystanders' rounds took {slowest:?}"
    );
    assert!(slowest < 2 * PROMPT);
    drop(holders);
    Numbers::until(server.ops, "the end of all of them", |numbers| {
        numbers.connections("ns") == before.2
    })
    .await;
    go_on(&mut bystanders).await;
    let start = Instant::now();
    while server.handles() > before.0 + 5 {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{}",
            server.handles()
        );
        sleep(Duration::from_millis(50)).await;
    }
    let numbers = Numbers::read(server.ops).await;
    assert_eq!(numbers.get("chrysalis_task_panics_total"), 0);
    is_sane(&server.log());
}

/// How many files and sockets a process may have open.
fn descriptors(process: u32) -> usize {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.unwrap().split_whitespace().nth(3).unwrap();
    soft.parse().unwrap()
}
