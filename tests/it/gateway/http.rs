//! A client of HTTP as old messengers have it: it writes a request, reads the head, and then
//! exactly as many bytes as the head says.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::support::client::{DEADLINE, Frame, whole_frames};

/// Where the gateway is.
pub(crate) const PATH: &str = "/gateway/gateway.dll";
/// The largest reply (`docs/protocol/20 §5`).
pub(crate) const LARGEST: usize = 32 * 1024;

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header, found by exactly this spelling.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The id of the session, after a look at everything that clients rely on.
    pub(crate) fn session_id(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.head);
        assert_eq!(
            self.header("Content-Type"),
            Some("application/x-msn-messenger")
        );
        assert_eq!(self.header("Transfer-Encoding"), None);
        assert_eq!(self.header("Content-Encoding"), None);
        assert_eq!(self.header("Set-Cookie"), None);
        let cache = self.header("Cache-Control").unwrap();
        assert_eq!(cache, "no-cache, no-store");
        assert!(self.body.len() <= LARGEST, "{}", self.body.len());
        let state = self.header("X-MSN-Messenger").unwrap();
        let pairs: Vec<_> = state.split("; ").collect();
        let id = pairs[0].strip_prefix("SessionID=").unwrap();
        assert!(id.len() <= 39 && id.len() >= 24, "{id}");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        assert!(id.bytes().all(is_plain) && id.contains('.'), "{id}");
        assert!(pairs[1].starts_with("GW-IP="), "{state}");
        assert!(pairs[1].len() < 80, "{state}");
        id.to_owned()
    }

    /// Whether the session is over.
    pub(crate) fn is_last(&self) -> bool {
        let state = self.header("X-MSN-Messenger").unwrap_or_default();
        state.split("; ").any(|pair| pair == "Session=close")
    }

    /// The commands in it, all of which have to be whole.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        whole_frames(&self.body)
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    arrived: BytesMut,
}

impl Wire {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self::connect_from(to, "127.0.0.1").await
    }

    pub(crate) async fn connect_from(to: SocketAddr, from: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(from.parse().unwrap(), 0))
            .unwrap();
        let stream = socket.connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            arrived: BytesMut::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        timeout(DEADLINE, self.stream.write_all(bytes))
            .await
            .unwrap()
            .unwrap();
    }

    /// Writes a request and does not wait for the answer.
    pub(crate) async fn ask(&mut self, query: &str, body: &[u8]) {
        let head = format!(
            "POST {PATH}?{query} HTTP/1.1\r\nHost: gateway.messenger.hotmail.com\r\n\
             User-Agent: MSMSGS\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat()).await;
    }

    /// The next answer. Cancel-safe: what has come of it stays here.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some(answer) = self.take_answer() {
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(crate) async fn post(&mut self, query: &str, body: &[u8]) -> Answer {
        self.ask(query, body).await;
        timeout(DEADLINE, self.answer()).await.unwrap().unwrap()
    }

    fn take_answer(&mut self) -> Option<Answer> {
        let end = self.arrived.windows(4).position(|it| it == b"\r\n\r\n")?;
        let head = String::from_utf8(self.arrived[..end + 2].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.unwrap_or_else(|| panic!("{head}")).parse().unwrap();
        if self.arrived.len() < end + 4 + length {
            return None;
        }
        let whole = self.arrived.split_to(end + 4 + length);
        Some(Answer {
            status,
            head,
            body: whole[end + 4..].to_vec(),
        })
    }
}

/// One request on a connection of its own.
pub(crate) async fn post(to: SocketAddr, query: &str, body: &[u8]) -> Answer {
    Wire::connect(to).await.post(query, body).await
}

/// Any request on a connection of its own.
pub(crate) async fn request(to: SocketAddr, head: &str) -> Answer {
    let mut wire = Wire::connect(to).await;
    wire.send(format!("{head}\r\n").as_bytes()).await;
    timeout(DEADLINE, wire.answer()).await.unwrap().unwrap()
}

/// A session as a client without any habits keeps it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) wire: Wire,
    pub(crate) id: String,
    pub(crate) is_over: bool,
    waiting: VecDeque<Frame>,
}

impl Session {
    pub(crate) async fn open(http: SocketAddr, server: &str, body: &[u8]) -> Self {
        let mut wire = Wire::connect(http).await;
        let query = format!("Action=open&Server={server}&IP=messenger.hotmail.com");
        let answer = wire.post(&query, body).await;
        Self {
            wire,
            id: answer.session_id(),
            is_over: answer.is_last(),
            waiting: answer.frames().into(),
        }
    }

    /// Sends bytes and keeps what comes back.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let answer = self
            .wire
            .post(&format!("SessionID={}", self.id), bytes)
            .await;
        self.keep(&answer);
    }

    /// Notes an answer that came on another connection.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        assert_eq!(answer.session_id(), self.id);
        self.is_over |= answer.is_last();
        self.waiting.extend(answer.frames());
    }

    /// The query of a poll that may wait.
    pub(crate) fn long_poll(&self) -> String {
        format!("Action=poll&SessionID={}&Lifespan=20", self.id)
    }

    /// The next frame, polled for if need be; `None` at the end of the session.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let start = Instant::now();
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Some(frame);
            }
            if self.is_over {
                return None;
            }
            assert!(start.elapsed() < DEADLINE, "nothing came");
            let answer = self.wire.post(&self.long_poll(), b"").await;
            self.keep(&answer);
        }
    }

    /// Reads up to a frame whose line starts like this.
    pub(crate) async fn until(&mut self, start: &str) -> Frame {
        let mut passed = Vec::new();
        while let Some(frame) = self.next().await {
            if frame.line.starts_with(start.as_bytes()) {
                return frame;
            }
            passed.push(frame.describe());
        }
        panic!("{start:?} did not come, but {passed:?}");
    }

    /// Sends a command and reads up to its answer.
    pub(crate) async fn ask(&mut self, line: &str, answer: &str) -> Frame {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.until(answer).await
    }
}
