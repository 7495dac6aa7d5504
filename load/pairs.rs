//! Conversations of two: one sends, the other receives, and a fixed number of messages is under way.
//!
//! One task has both sockets of a pair. It writes as many new messages as have arrived, in one
//! write, so what is measured is the server and not this program. All messages of a pair are equally
//! long; the receiver learns how long from the first one and then checks the start and the end of
//! every single one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::bare;
use crate::crowd::{Server, attend, converse, everybody, version};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Common, Pairs};
use crate::report::Report;

/// Room for what is read at once.
const CHUNK: usize = 256 * 1024;
/// The first number of a message. All numbers of a run have as many digits.
const FIRST_NUMBER: u32 = 1_000_000;
/// What follows the last one.
const LAST_NUMBER: u32 = 10_000_000;
/// Every how many rounds the time of one is taken.
const SAMPLED: u32 = 8;
/// How long a message may be under way.
const DEADLINE: Duration = Duration::from_secs(30);
/// An acknowledgement's length, `ACK 1000000`.
const ACKNOWLEDGEMENT: usize = 13;

/// The sockets of two people in a room.
#[derive(Debug)]
pub(crate) struct Sockets {
    sender: TcpStream,
    receiver: TcpStream,
}

pub(crate) async fn run(common: &Common, wish: &Pairs) -> anyhow::Result<Report> {
    anyhow::ensure!(wish.in_flight > 0 && wish.pairs > 0, "nothing to send");
    let server = Server::find(common).await?;
    let meter = Meter::new(common)?;
    let mut workers = Workers::new();
    let sockets = if wish.bare {
        bare_sockets(server.msnp, wish).await?
    } else {
        room_sockets(server, common, wish, &mut workers).await?
    };
    let latencies = Latencies::new();
    let mut counters = Vec::with_capacity(sockets.len());
    for both in sockets {
        let counter = Counter::default();
        counters.push(counter.clone());
        let exchange = Exchange::new(both, wish, counter, latencies.clone());
        workers.spawn(exchange.run());
    }
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let parameters = BTreeMap::from([
        ("pairs", wish.pairs.into()),
        ("in_flight", wish.in_flight.into()),
        ("size", wish.size.into()),
        ("acknowledge", wish.acknowledge.into()),
        ("bare", wish.bare.into()),
    ]);
    let timed = (wish.in_flight == 1).then_some(&latencies);
    Ok(measured.report("pairs", "messages", parameters, timed))
}

async fn bare_sockets(server: SocketAddr, wish: &Pairs) -> anyhow::Result<Vec<Sockets>> {
    let length = message(wish.size, wish.acknowledge).len();
    let acknowledge = wish.acknowledge;
    everybody(wish.pairs, "connecting", move |number| async move {
        let hello = bare::Hello {
            room: format!("pair-{number}"),
            members: 2,
            length,
            acknowledge,
        };
        let mut members = bare::join(server, &hello).await?.into_iter();
        let (sender, receiver) = members.next().zip(members.next()).context("no pair")?;
        Ok(Sockets { sender, receiver })
    })
    .await
}

async fn room_sockets(
    server: Server,
    common: &Common,
    wish: &Pairs,
    workers: &mut Workers,
) -> anyhow::Result<Vec<Sockets>> {
    let accounts = Arc::new(Accounts::new(common)?);
    let version = version(wish.version)?;
    let first = common.first;
    let conversations = everybody(wish.pairs, "signing in", |number| {
        converse(server, accounts.clone(), first + 2 * number, 2, version)
    })
    .await?;
    let mut sockets = Vec::with_capacity(conversations.len());
    for conversation in conversations {
        workers.spawn(attend(conversation.people));
        let mut members = conversation.members.into_iter();
        let (sender, receiver) = members.next().zip(members.next()).context("no pair")?;
        sockets.push(Sockets { sender, receiver });
    }
    Ok(sockets)
}

/// A message as a client sends it, with a body of this many bytes.
pub(crate) fn message(size: usize, acknowledge: bool) -> Vec<u8> {
    const HEAD: &str = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n";
    let class = if acknowledge { 'A' } else { 'U' };
    let size = size.max(HEAD.len() + 1);
    let mut message = format!("MSG {FIRST_NUMBER} {class} {size}\r\n{HEAD}").into_bytes();
    let end = message.len() + size - HEAD.len();
    message.resize(end - 1, b'x');
    message.push(b'.');
    message
}

/// One pair at work.
struct Exchange {
    sockets: Sockets,
    /// As many messages as may be under way, one behind the other.
    burst: Vec<u8>,
    length: usize,
    in_flight: usize,
    acknowledge: bool,
    number: u32,
    counter: Counter,
    latencies: Latencies,
}

impl Exchange {
    fn new(sockets: Sockets, wish: &Pairs, counter: Counter, latencies: Latencies) -> Self {
        let message = message(wish.size, wish.acknowledge);
        Self {
            sockets,
            burst: message.repeat(wish.in_flight),
            length: message.len(),
            in_flight: wish.in_flight,
            acknowledge: wish.acknowledge,
            number: FIRST_NUMBER,
            counter,
            latencies,
        }
    }

    /// Sends and receives until it is dropped or something is wrong.
    async fn run(mut self) -> anyhow::Result<()> {
        let mut arrivals = Arrivals::new();
        let mut acknowledgements = Acknowledgements::new();
        let mut free = self.in_flight;
        let (mut received, mut acknowledged, mut done) = (0_u64, 0_u64, 0_u64);
        let mut round = 0_u32;
        loop {
            let start = (self.in_flight == 1 && round.is_multiple_of(SAMPLED)).then(Instant::now);
            round = round.wrapping_add(1);
            self.send(free).await?;
            loop {
                if !self.acknowledge || received <= acknowledged {
                    received += arrivals.read(&mut self.sockets.receiver).await?;
                } else {
                    acknowledged += acknowledgements.read(&mut self.sockets.sender).await?;
                }
                let both = if self.acknowledge {
                    received.min(acknowledged)
                } else {
                    received
                };
                if both > done {
                    let fresh = both - done;
                    done = both;
                    self.counter.add(fresh);
                    free = usize::try_from(fresh)?;
                    break;
                }
            }
            if let Some(start) = start {
                self.latencies.record(start);
            }
        }
    }

    /// Writes this many messages at once.
    async fn send(&mut self, count: usize) -> anyhow::Result<()> {
        let bytes = self
            .burst
            .get_mut(..count * self.length)
            .context("more came back than was sent")?;
        if self.acknowledge {
            for message in bytes.chunks_exact_mut(self.length) {
                write_number(message, self.number);
                self.number += 1;
                if self.number == LAST_NUMBER {
                    self.number = FIRST_NUMBER;
                }
            }
        }
        let writing = timeout(DEADLINE, self.sockets.sender.write_all(bytes)).await;
        writing.context("the server takes no messages")??;
        Ok(())
    }
}

/// Puts a number of seven digits behind the verb.
fn write_number(message: &mut [u8], mut number: u32) {
    for digit in message.iter_mut().skip(4).take(7).rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// The messages that arrive at one socket.
pub(crate) struct Arrivals {
    buffer: Vec<u8>,
    /// How much of the buffer is the start of a message.
    held: usize,
    /// How long a message is; 0 before the first one.
    length: usize,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; CHUNK],
            held: 0,
            length: 0,
        }
    }

    /// Reads once and answers how many whole messages came; fails on anything that is none.
    pub(crate) async fn read(&mut self, socket: &mut TcpStream) -> anyhow::Result<u64> {
        let room = self.buffer.get_mut(self.held..).unwrap_or_default();
        let read = socket.read(room).await?;
        anyhow::ensure!(read > 0, "the server closed a conversation");
        self.count(read)
    }

    fn count(&mut self, read: usize) -> anyhow::Result<u64> {
        let end = self.held + read;
        let arrived = self.buffer.get(..end).unwrap_or_default();
        if self.length == 0 {
            match length(arrived)? {
                Some(length) => self.length = length,
                None => {
                    self.held = end;
                    return Ok(0);
                }
            }
        }
        let mut messages = arrived.chunks_exact(self.length);
        let mut count = 0;
        for message in &mut messages {
            anyhow::ensure!(
                message.starts_with(b"MSG ") && message.ends_with(b"x."),
                "what came is no message: {:?}",
                String::from_utf8_lossy(message)
            );
            count += 1;
        }
        let rest = end - messages.remainder().len();
        self.buffer.copy_within(rest..end, 0);
        self.held = end - rest;
        Ok(count)
    }
}

/// How long the first message is, once its line is there.
fn length(arrived: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = arrived.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let line = String::from_utf8_lossy(arrived.get(..end).unwrap_or_default()).into_owned();
    let size = line
        .trim_end()
        .strip_prefix("MSG ")
        .and_then(|line| line.rsplit(' ').next())
        .and_then(|size| size.parse::<usize>().ok())
        .with_context(|| format!("{line:?} is no message"))?;
    Ok(Some(end + 1 + size))
}

/// The acknowledgements that arrive at the sender.
struct Acknowledgements {
    buffer: Vec<u8>,
    held: usize,
    /// The number that comes next. Messages are acknowledged in their order.
    next: u32,
}

impl Acknowledgements {
    fn new() -> Self {
        Self {
            buffer: vec![0; 64 * 1024],
            held: 0,
            next: FIRST_NUMBER,
        }
    }

    async fn read(&mut self, socket: &mut TcpStream) -> anyhow::Result<u64> {
        let room = self.buffer.get_mut(self.held..).unwrap_or_default();
        let read = socket.read(room).await?;
        anyhow::ensure!(read > 0, "the server closed a conversation");
        let end = self.held + read;
        let arrived = self.buffer.get(..end).unwrap_or_default();
        let mut lines = arrived.chunks_exact(ACKNOWLEDGEMENT);
        let mut count = 0;
        let mut expected = *b"ACK 0000000\r\n";
        for line in &mut lines {
            write_number(&mut expected, self.next);
            anyhow::ensure!(
                line == expected,
                "{:?} is no acknowledgement of message {}",
                String::from_utf8_lossy(line),
                self.next
            );
            self.next += 1;
            if self.next == LAST_NUMBER {
                self.next = FIRST_NUMBER;
            }
            count += 1;
        }
        let rest = end - lines.remainder().len();
        self.buffer.copy_within(rest..end, 0);
        self.held = end - rest;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(arrivals: &mut Arrivals, bytes: &[u8]) -> anyhow::Result<u64> {
        arrivals.buffer[arrivals.held..arrivals.held + bytes.len()].copy_from_slice(bytes);
        arrivals.count(bytes.len())
    }

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let stream = message(200, false).repeat(3);
        for at in 1..stream.len() {
            let mut arrivals = Arrivals::new();
            let (start, end) = stream.split_at(at);
            let both = feed(&mut arrivals, start).unwrap() + feed(&mut arrivals, end).unwrap();
            assert_eq!(both, 3, "{at}");
        }
    }

    #[test]
    fn a_single_wrong_byte_fails() {
        let mut stream = message(200, false).repeat(3);
        let last = stream.len() - 1;
        stream[last] = b'x';
        assert!(feed(&mut Arrivals::new(), &stream).is_err());
        assert!(feed(&mut Arrivals::new(), b"NAK 1\r\n").is_err());
    }

    #[test]
    fn numbers_keep_their_width() {
        let mut message = message(200, true);
        let length = message.len();
        write_number(&mut message, 1_234_567);
        assert!(message.starts_with(b"MSG 1234567 A 200\r\n"));
        assert_eq!(message.len(), length);
    }
}
