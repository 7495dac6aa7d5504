//! Peers that take their time: a byte a second of everything that can be sent, and of what has to
//! be read. Each is ended by a deadline, and nobody else waits for any of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::stage::{PROMPT, SETTINGS, furnish_all, go_on};
use super::{is_full, is_sane};
use crate::support::child::{self, Launch};
use crate::support::numbers::Numbers;
use crate::support::passport::request;
use crate::support::scene::Bystanders;

const SECOND: Duration = Duration::from_secs(1);
const SIGN_IN_SECS: u64 = 8;
const WRITE_SECS: u64 = 5;
/// So often something of so many bytes is asked for by whoever does not read.
const ASKED: usize = 2_000;
const ICON: usize = 15_086;

/// What somebody does slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slowness {
    /// The first line of the protocol.
    Line,
    /// The head of a request.
    Head,
    /// The body of a request whose head was sent at once.
    Body,
    /// The beginning of a handshake.
    Handshake,
    /// Nothing at all is sent over the web.
    Silence,
    /// The answers to many requests are read.
    Reading,
}

impl Slowness {
    const ALL: [Self; 6] = [
        Self::Line,
        Self::Head,
        Self::Body,
        Self::Handshake,
        Self::Silence,
        Self::Reading,
    ];

    /// By when it has to be over, with some time for a machine that has much to do. The deadlines
    /// of the web are 15 seconds for a head or a handshake and 30 for a request.
    fn bound(self) -> Duration {
        let deadline = match self {
            Self::Line => SIGN_IN_SECS,
            Self::Head | Self::Handshake | Self::Silence => 15,
            Self::Body => 30,
            // That is when it looks.
            Self::Reading => WRITE_SECS + 15,
        };
        Duration::from_secs(deadline + 6)
    }

    /// What is sent at once, and what then, a byte at a time.
    fn bytes(self) -> (Vec<u8>, Vec<u8>) {
        let head = b"POST /abservice/abservice.asmx HTTP/1.1\r\nHost: x\r\n";
        match self {
            Self::Line => (
                Vec::new(),
                [b"VER 1 MSNP8 ", [b'x'; 200].as_slice()].concat(),
            ),
            Self::Head => (Vec::new(), [head.as_slice(), &[b'x'; 200]].concat()),
            Self::Body => {
                let rest = b"Content-Type: text/xml\r\nContent-Length: 200\r\n\r\n";
                ([head.as_slice(), rest].concat(), vec![b' '; 200])
            }
            Self::Handshake => {
                // A record of 512 bytes with a greeting of 508.
                let start = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
                (Vec::new(), [start.as_slice(), &[7; 300]].concat())
            }
            Self::Silence => (Vec::new(), Vec::new()),
            Self::Reading => {
                let one = b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n";
                (one.repeat(ASKED), Vec::new())
            }
        }
    }

    /// Does it; answers after how long the server had enough.
    async fn practise(self, msnp: SocketAddr, http: SocketAddr) -> Duration {
        let to = if self == Self::Line { msnp } else { http };
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        let mut stream = socket.connect(to).await.unwrap();
        let start = Instant::now();
        let (first, rest) = self.bytes();
        // Whoever does not read is not read for long either.
        if let Ok(Err(_)) = timeout(SECOND, stream.write_all(&first)).await {
            return start.elapsed();
        }
        if self == Self::Reading {
            read_late(stream).await;
            return start.elapsed();
        }
        let mut rest = rest.iter();
        loop {
            if let Some(byte) = rest.next()
                && stream.write_all(&[*byte]).await.is_err()
            {
                return start.elapsed();
            }
            // Besides the end, that may be what the server says on the way out.
            let mut some = [0; 1_024];
            let read = timeout(SECOND, stream.read(&mut some)).await;
            if let Ok(Ok(0) | Err(_)) = read {
                return start.elapsed();
            }
        }
    }
}

/// Reads nothing for long, and then what is still there: a small part of what was asked for, and
/// the end.
async fn read_late(mut stream: TcpStream) {
    sleep(Duration::from_secs(WRITE_SECS + 5)).await;
    let mut received = Vec::new();
    let ended = timeout(16 * SECOND, stream.read_to_end(&mut received)).await;
    assert!(ended.is_ok(), "the server still holds it open");
    assert!(received.len() < ASKED * ICON / 2, "{}", received.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs most of a minute: the deadlines of the web are what they are"]
async fn a_thousand_slow_peers_are_ended_and_delay_nobody() {
    let each = if is_full() { 250 } else { 100 };
    let folder = tempfile::tempdir().unwrap();
    furnish_all(folder.path(), &[], &[]).await;
    let make = ["cert", "make-ca", "--host", "localhost"];
    child::run(folder.path(), &make, "");
    let settings = format!(
        "{SETTINGS}limits.sign_in_secs = {SIGN_IN_SECS}\nlimits.write_secs = {WRITE_SECS}\n\
         tls.certificate = \"certificates/server.pem\"\ntls.key = \"certificates/server.key\"\n"
    );
    let server = Launch::on(folder.path(), &settings).start().await;
    let mut bystanders = Bystanders::meet(&server.at, [5, 12]).await;
    let before = server.handles();
    let mut practising = JoinSet::new();
    for number in 0..each * Slowness::ALL.len() {
        let slowness = Slowness::ALL[number % Slowness::ALL.len()];
        let (msnp, http) = (server.at.msnp, server.at.http);
        practising.spawn(async move { (slowness, slowness.practise(msnp, http).await) });
    }
    let start = Instant::now();
    let mut left = [each; Slowness::ALL.len()];
    let mut slowest = [Duration::ZERO; Slowness::ALL.len()];
    let (mut rounds, mut worst) = (0, Duration::ZERO);
    while !practising.is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "{left:?} are left"
        );
        worst = worst.max(go_on(&mut bystanders).await);
        let asked = Instant::now();
        let answer = request(server.at.http, "GET / HTTP/1.1\r\nHost: x\r\n").await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 "));
        assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
        rounds += 1;
        while let Ok(Some(ended)) = timeout(SECOND / 10, practising.join_next()).await {
            let (slowness, took) = ended.unwrap();
            assert!(took < slowness.bound(), "{slowness:?} went on for {took:?}");
            let place = Slowness::ALL.iter().position(|it| *it == slowness).unwrap();
            left[place] -= 1;
            slowest[place] = slowest[place].max(took);
        }
    }
    for (slowness, took) in Slowness::ALL.iter().zip(slowest) {
        println!("{each} of {slowness:?}: the last ended after {took:?}");
    }
    println!("{rounds} rounds of the bystanders meanwhile, the slowest took {worst:?}");
    Numbers::until(server.ops, "the end of all of them", |numbers| {
        numbers.connections("ns") == 2
    })
    .await;
    let start = Instant::now();
    while server.handles() > before + 8 {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{}",
            server.handles()
        );
        sleep(SECOND / 10).await;
    }
    is_sane(&server.log());
}
