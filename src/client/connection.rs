//! One connection to a server: commands out, frames in.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::{ClientError, DEADLINE, Gateway, Incoming, Version};
use crate::product::Product;
use crate::wire::{Arguments, Frame};

/// Room for what is read at once.
const CHUNK: usize = 16 * 1024;

/// An open connection, to a notification server or to a switchboard.
///
/// Challenges are answered on the way, since a server may send one at any time; whoever reads
/// never sees them.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    incoming: Incoming,
    arrived: BytesMut,
    version: Version,
    last_trid: u32,
    deadline: Duration,
}

/// What the bytes travel through.
#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Gateway(Box<Gateway>),
}

impl Connection {
    /// Connects. Fails after [`DEADLINE`] at the latest.
    pub async fn open(address: SocketAddr, version: Version) -> Result<Self, ClientError> {
        let connecting = timeout(DEADLINE, TcpStream::connect(address)).await;
        let stream = connecting.map_err(|_| late("a connection"))??;
        Self::over(stream, version)
    }

    /// Over a socket that was opened in a way of its own.
    pub fn over(stream: TcpStream, version: Version) -> Result<Self, ClientError> {
        stream.set_nodelay(true)?;
        Ok(Self::with(Stream::Tcp(stream), version))
    }

    /// Through the HTTP gateway.
    pub fn through(gateway: Gateway, version: Version) -> Self {
        Self::with(Stream::Gateway(Box::new(gateway)), version)
    }

    fn with(stream: Stream, version: Version) -> Self {
        Self {
            stream,
            incoming: Incoming::default(),
            arrived: BytesMut::new(),
            version,
            last_trid: 0,
            deadline: DEADLINE,
        }
    }

    /// How many requests the gateway has had of this connection; 0 for one without a gateway.
    pub fn requests(&self) -> u64 {
        match &self.stream {
            Stream::Tcp(_) => 0,
            Stream::Gateway(gateway) => gateway.requests(),
        }
    }

    /// The version of the protocol that it speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The socket, for whoever wants to go on with bytes alone. Fails if the server has said more
    /// than was read, because that would be lost.
    pub fn into_stream(self) -> Result<TcpStream, ClientError> {
        match self.stream {
            Stream::Tcp(stream) if self.arrived.is_empty() => Ok(stream),
            Stream::Tcp(_) => Err(ClientError::Garbled("there is more than was asked for")),
            Stream::Gateway(_) => Err(ClientError::Garbled("a gateway has no socket")),
        }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let stream = match &mut self.stream {
            Stream::Tcp(stream) => stream,
            Stream::Gateway(gateway) => return gateway.send(bytes, &mut self.arrived).await,
        };
        let sending = timeout(self.deadline, stream.write_all(bytes)).await;
        sending.map_err(|_| late("the server's attention"))??;
        Ok(())
    }

    /// A number that no command of this connection has had.
    pub fn next_trid(&mut self) -> u32 {
        self.last_trid += 1;
        self.last_trid
    }

    /// Sends a command with a fresh number, and answers the number.
    pub async fn command(&mut self, verb: &str, rest: impl Display) -> Result<u32, ClientError> {
        let trid = self.next_trid();
        let line = format!("{verb} {trid} {rest}");
        self.send(format!("{}\r\n", line.trim_end()).as_bytes())
            .await?;
        Ok(trid)
    }

    /// Sends a command and reads up to the answer with its number, leaving out what comes unasked.
    pub async fn ask(&mut self, verb: &str, rest: impl Display) -> Result<Frame, ClientError> {
        let trid = self.command(verb, rest).await?;
        self.answer_to(verb, trid).await
    }

    /// Reads up to the answer to a command that was sent.
    pub async fn answer_to(&mut self, verb: &str, trid: u32) -> Result<Frame, ClientError> {
        loop {
            let frame = self.next(verb).await?;
            let is_answer = frame.arguments().number() == Ok(trid);
            if !is_answer {
                continue;
            }
            if let Some(code) = code(&frame) {
                let asked = verb.to_owned();
                return Err(ClientError::Refused { asked, code });
            }
            if starts_with(&frame, verb) {
                return Ok(frame);
            }
        }
    }

    /// Reads up to a frame with this verb, leaving out what comes before it.
    pub async fn until(&mut self, verb: &str) -> Result<Frame, ClientError> {
        loop {
            let frame = self.next(verb).await?;
            if starts_with(&frame, verb) {
                return Ok(frame);
            }
        }
    }

    /// The next frame. `wanted` names what is waited for, should it not come.
    pub async fn next(&mut self, wanted: &str) -> Result<Frame, ClientError> {
        let mut by = None;
        loop {
            if let Some(frame) = self.take()? {
                if !self.has_answered(&frame).await? {
                    return Ok(frame);
                }
                continue;
            }
            let by = *by.get_or_insert_with(|| Instant::now() + self.deadline);
            let may_be_silent = matches!(self.stream, Stream::Gateway(_));
            let filling = timeout_at(by, self.fill()).await;
            if filling.map_err(|_| late(wanted))?? == 0 && !may_be_silent {
                let wanted = wanted.to_owned();
                return Err(ClientError::Closed { wanted });
            }
        }
    }

    /// The next frame of those that have arrived already, challenges included.
    pub fn take(&mut self) -> Result<Option<Frame>, ClientError> {
        self.incoming.take(&mut self.arrived)
    }

    /// Waits, without a deadline of its own, until more has arrived; 0 means that the server has
    /// closed, or that the gateway had no news. Over a socket nothing is lost if the wait is given
    /// up.
    pub async fn fill(&mut self) -> Result<usize, ClientError> {
        match &mut self.stream {
            Stream::Tcp(stream) => {
                // Thousands of idle connections must not hold room that nobody fills.
                stream.readable().await?;
                self.arrived.reserve(CHUNK);
                Ok(stream.read_buf(&mut self.arrived).await?)
            }
            Stream::Gateway(gateway) => {
                let before = self.arrived.len();
                gateway.poll(&mut self.arrived).await?;
                Ok(self.arrived.len() - before)
            }
        }
    }

    /// Gives the room for reading back, for connections that will be idle for long.
    pub fn shrink(&mut self) {
        if self.arrived.is_empty() {
            self.arrived = BytesMut::new();
        }
    }

    /// Answers a challenge (`docs/protocol/02 §9`) and says whether it was one.
    pub async fn has_answered(&mut self, frame: &Frame) -> Result<bool, ClientError> {
        if !starts_with(frame, "CHL") {
            return Ok(false);
        }
        let id = self.version.product();
        let question = frame.parameters().text().unwrap_or_default().to_owned();
        let Some(product) = Product::named(id) else {
            return Ok(true);
        };
        let answer = if self.version.answers_by_digest() {
            product.digest(&question)
        } else {
            product.proof(&question)
        };
        let trid = self.next_trid();
        self.send(format!("QRY {trid} {id} {}\r\n{answer}", answer.len()).as_bytes())
            .await?;
        Ok(true)
    }
}

/// Whether a frame has this verb.
pub(super) fn starts_with(frame: &Frame, verb: &str) -> bool {
    frame
        .verb()
        .is_some_and(|found| &found.0[..] == verb.as_bytes())
}

/// The number of an error, if a frame is one.
fn code(frame: &Frame) -> Option<u16> {
    let verb = frame.verb()?;
    std::str::from_utf8(&verb.0).ok()?.parse().ok()
}

/// The last field of a line as text.
pub(super) fn last_field(line: &Bytes) -> String {
    let mut fields = Arguments::new(line);
    let last = std::iter::from_fn(|| fields.next_field()).last();
    String::from_utf8_lossy(last.unwrap_or_default()).into_owned()
}

pub(super) fn late(wanted: &str) -> ClientError {
    ClientError::Late {
        wanted: wanted.to_owned(),
    }
}

pub(super) fn unexpected(wanted: &str, frame: &Frame) -> ClientError {
    ClientError::Unexpected {
        wanted: wanted.to_owned(),
        got: format!("{frame:?}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection, and the other end of it.
    async fn pair(version: u8) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let version = Version::new(version).unwrap();
        let connection = Connection::open(address, version).await.unwrap();
        (connection, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn an_answer_is_found_among_what_comes_unasked() {
        let (mut connection, mut server) = pair(9).await;
        let talk = b"NLN BSY a@example.com A\r\nSYN 7 1\r\nINF 1 MD5\r\n";
        server.write_all(talk).await.unwrap();
        let answer = connection.ask("INF", "").await.unwrap();
        assert_eq!(&answer.line()[..], b"INF 1 MD5");
    }

    #[tokio::test]
    async fn an_error_is_no_answer() {
        let (mut connection, mut server) = pair(9).await;
        server.write_all(b"911 1\r\n").await.unwrap();
        let error = connection.ask("USR", "MD5 I a").await.unwrap_err();
        assert_eq!(error.to_string(), "USR was refused with 911");
    }

    #[tokio::test]
    async fn a_server_that_goes_is_noticed() {
        let (mut connection, server) = pair(9).await;
        drop(server);
        let error = connection.next("RNG").await.unwrap_err();
        assert!(matches!(error, ClientError::Closed { .. }), "{error}");
    }

    #[tokio::test]
    async fn challenges_are_answered_on_the_way() {
        let (mut connection, mut server) = pair(9).await;
        server
            .write_all(b"CHL 0 15570131571988941333\r\nQNG\r\n")
            .await
            .unwrap();
        assert!(starts_with(&connection.next("QNG").await.unwrap(), "QNG"));
        let mut answer = [0; 64];
        let length = server.read(&mut answer).await.unwrap();
        let expected = b"QRY 1 PROD0061VRRZH@4F 32\r\n";
        assert!(answer[..length].starts_with(expected));
        assert_eq!(length, expected.len() + 32);
    }
}
