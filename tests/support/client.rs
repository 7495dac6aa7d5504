//! A raw connection as a client of the protocol holds it: bytes out, frames in.
//!
//! It knows where a frame ends and nothing else, with one exception: challenges that no
//! transcript line asks for are answered here, so that a server may send them at any time.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::challenge;
use super::pattern::printable;

/// How long a line may take to arrive before the transcript fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How many lines of its past a connection shows when something fails.
const HISTORY: usize = 10;

/// How many bytes of a payload are shown; the longest notices are whole.
const GLIMPSE: usize = 2_000;

/// What servers send a payload with, if the last field is a length (`docs/protocol/00 §1.3`).
const PAYLOAD_VERBS: [&[u8]; 13] = [
    b"MSG", b"NOT", b"IPG", b"UBX", b"GCF", b"ADL", b"RML", b"FQY", b"UBN", b"UBM", b"NFY", b"PUT",
    b"SDG",
];

/// One command as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) line: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The fields of the line.
    pub(crate) fn fields(&self) -> Vec<&[u8]> {
        self.line.split(|&byte| byte == b' ').collect()
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        if self.payload.is_empty() {
            printable(&self.line)
        } else {
            format!("{} + {}", printable(&self.line), glimpse(&self.payload))
        }
    }
}

/// What waiting for a frame came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    Frame(Frame),
    /// The server closed the connection.
    Closed,
    /// Nothing whole came before the deadline; this is the part that did.
    Late(Vec<u8>),
    /// Bytes that are no frame.
    Garbled(Vec<u8>),
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    arrived: BytesMut,
    history: VecDeque<String>,
    pub(crate) dialect: u8,
    /// The product that challenges are answered for, if it is not the usual one of the dialect.
    pub(crate) product: Option<&'static str>,
    /// TrIDs of challenges answered here, whose confirmation is left out.
    answered: BTreeSet<Vec<u8>>,
    next_answer: u32,
    /// Whether every byte is sent on its own.
    trickles: bool,
    /// How long anything may take to arrive.
    pub(crate) patience: Duration,
}

impl Connection {
    pub(crate) async fn open(address: &str, dialect: u8) -> io::Result<Self> {
        let stream = timeout(DEADLINE, TcpStream::connect(address)).await??;
        Self::over(stream, dialect)
    }

    /// Over a socket that was opened in a way of its own.
    pub(crate) fn over(stream: TcpStream, dialect: u8) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            arrived: BytesMut::new(),
            history: VecDeque::new(),
            dialect,
            product: None,
            answered: BTreeSet::new(),
            next_answer: 4_100_000_000,
            trickles: false,
            patience: DEADLINE,
        })
    }

    /// The address that it comes from.
    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// From now on every byte travels on its own.
    pub(crate) fn trickle(&mut self) {
        self.trickles = true;
    }

    /// Sends bytes as they are.
    ///
    /// A server that has closed already is no failure here: what the transcript expects next
    /// tells whether it was right to.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.remember('>', &glimpse(bytes));
        let size = if self.trickles { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(size) {
            if let Ok(Err(error)) = timeout(DEADLINE, self.stream.write_all(piece)).await {
                self.remember('!', &error.to_string());
                return;
            }
        }
    }

    /// Sends this again and again until the server takes no more or it is enough; answers how
    /// many bytes went out.
    pub(crate) async fn flood(&mut self, piece: &[u8], enough: usize) -> usize {
        let chunk = piece.repeat((65_536 / piece.len()).max(1));
        let mut sent = 0;
        while sent < enough {
            match timeout(DEADLINE, self.stream.write(&chunk)).await {
                Ok(Ok(written)) => sent += written,
                Ok(Err(_)) | Err(_) => break,
            }
        }
        sent
    }

    /// Sends this again and again, reading all the while, until the server ends it.
    pub(crate) async fn flood_and_read(&mut self, piece: &str) {
        let (mut reading, mut writing) = self.stream.split();
        let write = async { while writing.write_all(piece.as_bytes()).await.is_ok() {} };
        let read = async {
            let mut answers = vec![0; 65_536];
            while matches!(reading.read(&mut answers).await, Ok(1..)) {}
        };
        let over = timeout(DEADLINE, async { tokio::join!(write, read) }).await;
        assert!(over.is_ok(), "the server lets the flood go on");
    }

    /// Closes the sending side only.
    pub(crate) async fn finish_sending(&mut self) {
        self.remember('>', "(no more)");
        let _ = self.stream.shutdown().await;
    }

    /// The next frame, whose line must start like this.
    pub(crate) async fn expect(&mut self, start: &str) -> Frame {
        match self.next(false).await {
            Arrival::Frame(frame) if frame.line.starts_with(start.as_bytes()) => frame,
            other => self.fail(start, &other),
        }
    }

    /// Reads up to a frame whose line starts like this, and leaves out what comes before it.
    pub(crate) async fn until(&mut self, start: &str) -> Frame {
        loop {
            match self.next(false).await {
                Arrival::Frame(frame) if frame.line.starts_with(start.as_bytes()) => return frame,
                Arrival::Frame(_) => {}
                other => self.fail(start, &other),
            }
        }
    }

    /// Sends a command and reads up to its answer.
    pub(crate) async fn ask(&mut self, line: &str, answer: &str) -> Frame {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.until(answer).await
    }

    /// Reads what the server still has to say, until it closes.
    pub(crate) async fn until_closed(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            match self.next(false).await {
                Arrival::Frame(frame) => frames.push(frame),
                Arrival::Closed => return frames,
                other => self.fail("(closed)", &other),
            }
        }
    }

    /// Proves that a signed-in client has nothing to read.
    pub(crate) async fn expect_nothing(&mut self) {
        self.send(b"PNG\r\n").await;
        self.expect("QNG").await;
    }

    fn fail(&self, wanted: &str, arrival: &Arrival) -> ! {
        let what = match arrival {
            Arrival::Frame(frame) => frame.describe(),
            Arrival::Closed => "(closed)".to_owned(),
            Arrival::Late(part) => format!("{:?} in time", printable(part)),
            Arrival::Garbled(part) => format!("{:?} and the end", printable(part)),
        };
        let history: Vec<&str> = self.history().collect();
        panic!(
            "{wanted:?} was to come, not {what}; before that:\n  {}",
            history.join("\n  ")
        );
    }

    /// Waits for the next frame; a challenge is answered and left out unless it is wanted.
    pub(crate) async fn next(&mut self, wants_challenge: bool) -> Arrival {
        loop {
            let arrival = self.next_frame().await;
            let Arrival::Frame(frame) = &arrival else {
                return arrival;
            };
            match frame.fields().as_slice() {
                [b"CHL", b"0", challenge] if !wants_challenge => {
                    let challenge = challenge.to_vec();
                    self.answer(&challenge).await;
                }
                [b"QRY", id] if self.answered.remove(*id) => {}
                _ => return arrival,
            }
        }
    }

    /// Looks, without waiting, whether anything is left that nobody has asked about.
    pub(crate) fn leftover(&mut self) -> Option<Vec<u8>> {
        let mut more = [0; 4096];
        while let Ok(length @ 1..) = self.stream.try_read(&mut more) {
            self.arrived.extend_from_slice(&more[..length]);
        }
        while let Some(frame) = take_frame(&mut self.arrived) {
            let is_challenge = match frame.fields().as_slice() {
                [b"CHL", b"0", _] => true,
                [b"QRY", id] => self.answered.remove(*id),
                _ => false,
            };
            if !is_challenge {
                return Some(frame.line);
            }
        }
        (!self.arrived.is_empty()).then(|| self.arrived.to_vec())
    }

    /// The last lines in both directions, oldest first.
    pub(crate) fn history(&self) -> impl Iterator<Item = &str> {
        self.history.iter().map(String::as_str)
    }

    async fn answer(&mut self, challenge: &[u8]) {
        let usual = challenge::usual_product(self.dialect);
        let product = self.product.unwrap_or(usual);
        let Some(answer) = challenge::product_answer(challenge, product) else {
            return;
        };
        let id = self.next_answer.to_string();
        self.next_answer += 1;
        self.answered.insert(id.clone().into_bytes());
        self.send(format!("QRY {id} {product} 32\r\n{answer}").as_bytes())
            .await;
    }

    async fn next_frame(&mut self) -> Arrival {
        loop {
            if let Some(frame) = take_frame(&mut self.arrived) {
                self.remember('<', &frame.describe());
                return Arrival::Frame(frame);
            }
            match timeout(self.patience, self.stream.read_buf(&mut self.arrived)).await {
                Ok(Ok(1..)) => {}
                // A reset is how some systems show a close with unread input.
                Ok(Ok(0) | Err(_)) if self.arrived.is_empty() => {
                    self.remember('<', "(closed)");
                    return Arrival::Closed;
                }
                Ok(Ok(0) | Err(_)) => return Arrival::Garbled(self.arrived.split().to_vec()),
                Err(_) => return Arrival::Late(self.arrived.to_vec()),
            }
        }
    }

    fn remember(&mut self, direction: char, text: &str) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(format!("{direction} {text}"));
    }
}

/// The frames of a piece that has to consist of whole ones.
pub(crate) fn whole_frames(piece: &[u8]) -> Vec<Frame> {
    let mut arrived = BytesMut::from(piece);
    let frames = std::iter::from_fn(|| take_frame(&mut arrived)).collect();
    assert!(
        arrived.is_empty(),
        "a part of a frame: {}",
        printable(piece)
    );
    frames
}

/// Bytes as a person can read them, as far as a person would.
fn glimpse(bytes: &[u8]) -> String {
    match bytes.split_at_checked(GLIMPSE) {
        Some((start, rest)) if !rest.is_empty() => {
            format!("{} and {} bytes more", printable(start), rest.len())
        }
        _ => printable(bytes),
    }
}

/// Takes a whole frame off the front of `arrived`, if there is one.
fn take_frame(arrived: &mut BytesMut) -> Option<Frame> {
    let end = arrived.windows(2).position(|two| two == b"\r\n")?;
    let line = arrived[..end].to_vec();
    let length = payload_length(&line);
    if arrived.len() < end + 2 + length {
        return None;
    }
    arrived.advance(end + 2);
    let payload = arrived.split_to(length).to_vec();
    Some(Frame { line, payload })
}

fn payload_length(line: &[u8]) -> usize {
    let mut fields = line.split(|&byte| byte == b' ');
    let has_payload = fields
        .next()
        .is_some_and(|verb| PAYLOAD_VERBS.contains(&verb));
    if !has_payload {
        return 0;
    }
    fields
        .next_back()
        .and_then(|length| std::str::from_utf8(length).ok())
        .and_then(|length| length.parse().ok())
        .unwrap_or(0)
}

mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<Frame> {
        let mut arrived = BytesMut::from(bytes);
        std::iter::from_fn(|| take_frame(&mut arrived)).collect()
    }

    #[test]
    fn payloads_are_cut_by_their_length() {
        let seen = frames(
            b"QNG\r\nMSG a@b.c A 6\r\nx\r\ny\r\nUBX a@b.c 0\r\nFLN a@b.c\r\nGCF 1 x 3\r\nab",
        );
        let lines: Vec<_> = seen.iter().map(|frame| printable(&frame.line)).collect();
        assert_eq!(lines, ["QNG", "MSG a@b.c A 6", "UBX a@b.c 0", "FLN a@b.c"]);
        assert_eq!(seen[1].payload, b"x\r\ny\r\n");
    }

    #[test]
    fn a_number_at_the_end_of_another_verb_is_no_length() {
        assert_eq!(frames(b"USR 1 OK a@b.c 1 0\r\nQNG 50\r\n").len(), 2);
    }
}
