//! The web side of a client: requests in plain HTTP to the historic hosts, which all are this
//! server, over connections that are kept open as WinINet keeps them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::soap::Answer;

const DEADLINE: Duration = Duration::from_secs(20);

/// Requests with the `User-Agent` of one client.
pub(super) struct Browser {
    http: SocketAddr,
    agent: &'static str,
    /// By host.
    open: HashMap<String, TcpStream>,
}

/// An answer whose body need not be text.
struct Page {
    head: String,
    body: Vec<u8>,
}

impl Browser {
    pub(super) fn new(http: SocketAddr, agent: &'static str) -> Self {
        Self {
            http,
            agent,
            open: HashMap::new(),
        }
    }

    pub(super) async fn get(&mut self, url: &str) -> Answer {
        self.request("GET", url, "", "").await.text(url)
    }

    /// The bytes of a page that has to be there, and its head.
    pub(super) async fn file(&mut self, url: &str) -> (String, Vec<u8>) {
        let page = self.request("GET", url, "", "").await;
        assert!(
            page.head.starts_with("HTTP/1.1 200 "),
            "{url}: {}",
            page.head
        );
        (page.head, page.body)
    }

    pub(super) async fn post(&mut self, url: &str, headers: &str, body: &str) -> Answer {
        let headers = format!("Content-Type: text/xml; charset=utf-8\r\n{headers}");
        self.request("POST", url, &headers, body).await.text(url)
    }

    /// Sends what a page of the client's own has been filled in with.
    pub(super) async fn submit(&mut self, url: &str, form: &str) -> Answer {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.request("POST", url, headers, form).await.text(url)
    }

    /// Sends over the connection to that host; over a new one if the server has closed it.
    async fn request(&mut self, method: &str, url: &str, headers: &str, body: &str) -> Page {
        let (_, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nAccept: text/*\r\nUser-Agent: {}\r\nHost: {host}\r\n\
             {headers}Content-Length: {}\r\nConnection: Keep-Alive\r\nCache-Control: no-cache\r\n\r\n\
             {body}",
            self.agent,
            body.len()
        );
        let exchange = async {
            if let Some(stream) = self.open.remove(host)
                && let Some(answer) = send(stream, &request).await
            {
                return Some(answer);
            }
            send(TcpStream::connect(self.http).await.ok()?, &request).await
        };
        let answer = timeout(DEADLINE, exchange).await;
        let (page, stream) = answer
            .unwrap_or_else(|_| panic!("{url} did not answer in time"))
            .unwrap_or_else(|| panic!("{url} did not answer"));
        self.open.insert(host.to_owned(), stream);
        page
    }
}

impl Page {
    fn text(self, url: &str) -> Answer {
        let status = self
            .head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        Answer {
            status: status.unwrap_or_else(|| panic!("{url}: {}", self.head)),
            head: self.head,
            body: String::from_utf8(self.body).unwrap_or_else(|_| panic!("{url}: no text")),
        }
    }
}

/// Sends a request and reads the answer, which has to say how long it is: clients read neither
/// chunks nor up to the end (`docs/protocol/11 §1`).
async fn send(mut stream: TcpStream, request: &str) -> Option<(Page, TcpStream)> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or_else(|| panic!("no length: {head}"))];
    stream.read_exact(&mut body).await.ok()?;
    Some((Page { head, body }, stream))
}
