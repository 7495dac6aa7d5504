//! HTTP as a client of the web services needs it: one connection that stays open, one request at a
//! time, answers with a length.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::connection::late;
use super::web::{Stream, WebServer};
use super::{ClientError, DEADLINE};

/// Longest head of an answer.
const MAX_HEAD: usize = 64 * 1024;
/// Longest body of an answer. A book of a few thousand contacts is a few megabytes.
const MAX_BODY: usize = 64 << 20;

/// A connection to a web server. It is opened with the first request, and again if the server
/// closed it meanwhile.
#[derive(Debug)]
pub struct Http {
    server: WebServer,
    stream: Option<Box<dyn Stream>>,
    deadline: Duration,
}

/// What a web server answered.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The number in the first line.
    pub status: u16,
    /// First line and headers.
    pub head: String,
    /// What follows.
    pub body: Bytes,
}

impl HttpAnswer {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// What stands between the first `start` and the `end` behind it.
    pub fn between(&self, start: &str, end: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).ok()?;
        let (_, rest) = text.split_once(start)?;
        rest.split_once(end).map(|(found, _)| found)
    }
}

impl Http {
    /// Nothing is connected before the first request.
    pub fn new(server: impl Into<WebServer>) -> Self {
        Self {
            server: server.into(),
            stream: None,
            deadline: DEADLINE,
        }
    }

    /// Sends a request and reads the whole answer. `head` is the first line and the headers, each
    /// with its line end, apart from the host and the length, which are added.
    pub async fn ask(&mut self, head: &str, body: &[u8]) -> Result<HttpAnswer, ClientError> {
        let is_used = self.stream.is_some();
        match self.exchange(head, body).await {
            // The server may close a connection that was idle, just when it is used again.
            Err(ClientError::Io(_) | ClientError::Closed { .. }) if is_used => {
                self.stream = None;
                self.exchange(head, body).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(&mut self, head: &str, body: &[u8]) -> Result<HttpAnswer, ClientError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let connecting = timeout(self.deadline, self.server.connect()).await;
                connecting.map_err(|_| late("a connection"))??
            }
        };
        let (host, length) = (self.server.host(), body.len());
        let mut request = format!("{head}Host: {host}\r\nContent-Length: {length}\r\n\r\n");
        // One write, so that a small request is one packet.
        let mut bytes = std::mem::take(&mut request).into_bytes();
        bytes.extend_from_slice(body);
        let talking = async {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            read_answer(&mut stream).await
        };
        let talked = timeout(self.deadline, talking).await;
        let answer = talked.map_err(|_| late("an answer over HTTP"))??;
        let stays = answer
            .header("connection")
            .is_none_or(|value| !value.eq_ignore_ascii_case("close"));
        if stays {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<HttpAnswer, ClientError> {
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() > MAX_HEAD {
            return Err(ClientError::Garbled("a head without an end"));
        }
        more(stream, &mut buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer.split_to(end)).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut answer = HttpAnswer {
        status: status.ok_or(ClientError::Garbled("no status"))?,
        head,
        body: Bytes::new(),
    };
    let length = match answer.header("content-length") {
        None => 0,
        Some(length) => length
            .parse::<usize>()
            .ok()
            .filter(|length| *length <= MAX_BODY)
            .ok_or(ClientError::Garbled("no length"))?,
    };
    while buffer.len() < length {
        more(stream, &mut buffer).await?;
    }
    answer.body = buffer.split_to(length).freeze();
    Ok(answer)
}

async fn more(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<(), ClientError> {
    buffer.reserve(16 * 1024);
    if stream.read_buf(buffer).await? == 0 {
        let wanted = "an answer over HTTP".to_owned();
        return Err(ClientError::Closed { wanted });
    }
    Ok(())
}

/// The five signs that XML needs escaped.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The reverse of [`escape`].
pub(super) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_opened_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut http = Http::new(listener.local_addr().unwrap());
        let serve = async {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 512];
                let length = stream.read(&mut request).await.unwrap();
                assert!(request[..length].ends_with(b"Content-Length: 2\r\n\r\nhi"));
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nX: y\r\n\r\n<a>b</a";
                stream.write_all(answer).await.unwrap();
            }
        };
        let ask = async {
            for _ in 0..2 {
                let answer = http.ask("POST / HTTP/1.1\r\n", b"hi").await.unwrap();
                assert_eq!(answer.status, 200);
                assert_eq!(answer.header("x"), Some("y"));
                assert_eq!(answer.between("<a>", "</a"), Some("b"));
            }
        };
        tokio::join!(serve, ask);
    }

    #[test]
    fn escaping_is_undone() {
        let text = "t=a&p=<'b'>\"&amp;";
        assert_eq!(unescape(&escape(text)), text);
    }
}
