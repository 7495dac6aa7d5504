//! A browser: plain HTTP, one request a connection, and a jar of cookies.
//!
//! It does what a browser does with cookies, forms and redirects, and no more: whoever wants to
//! lie sends headers and fields of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use scraper::{Html, Selector};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
const BOUNDARY: &str = "----a-line-that-is-in-no-file";

/// A browser of one person.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    http: SocketAddr,
    /// The loopback address it comes from.
    from: Option<IpAddr>,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Headers that go with every request.
    pub(crate) headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Browser {
    /// A browser that has never been here.
    pub(crate) fn new(http: SocketAddr) -> Self {
        Self {
            http,
            from: None,
            cookies: BTreeMap::new(),
            headers: vec![("User-Agent".to_owned(), "A browser".to_owned())],
        }
    }

    /// The same at another loopback address, such as `127.0.0.2`.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.from = Some(address.parse().unwrap());
        self
    }

    /// A browser that has signed in.
    pub(crate) async fn signed_in(http: SocketAddr, address: &str, password: &str) -> Self {
        let mut browser = Self::new(http);
        let page = browser.sign_in(address, password).await;
        assert_eq!(page.status, 303, "{}", page.text());
        browser
    }

    /// Signs in, or tries to.
    pub(crate) async fn sign_in(&mut self, address: &str, password: &str) -> Page {
        let fields = [("address", address), ("password", password)];
        self.submit("/sign-in", "/sign-in", &fields).await
    }

    /// Fetches a page.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, "", &[]).await
    }

    /// Fetches a page, and another one as long as the browser is sent on.
    pub(crate) async fn visit(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        self.follow(page).await
    }

    /// Goes where an answer sends the browser.
    pub(crate) async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            match page.location() {
                Some(path) if page.status == 303 => page = self.get(&path).await,
                _ => return page,
            }
        }
        panic!("sent round in circles: {}", page.head);
    }

    /// Sends a form that was never shown.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let escape = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", path, kind, body.as_bytes()).await
    }

    /// Fetches the page with a form, and sends it with the word that is in it.
    pub(crate) async fn submit(
        &mut self,
        shown_at: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Page {
        let word = self.get(shown_at).await.word();
        let fields = [&[("word", word.as_str())], fields].concat();
        self.post(action, &fields).await
    }

    /// Sends a form with a file in it.
    pub(crate) async fn upload(
        &mut self,
        action: &str,
        fields: &[(&str, &str)],
        file: (&str, &[u8]),
    ) -> Page {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("Content-Disposition: form-data; name=\"{name}\"");
            let part = format!("--{BOUNDARY}\r\n{head}\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let (name, data) = file;
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; \
             filename=\"C:\\me.png\"\r\nContent-Type: image/png\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n");
        self.send("POST", action, &kind, &body).await
    }

    /// Sends anything, and keeps the cookies of the answer.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Page {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n{headers}",
            self.http
        );
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !self.cookies.is_empty() {
            let pairs = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let _ = write!(head, "Cookie: {}\r\n", pairs.collect::<Vec<_>>().join("; "));
        }
        let length = body.len();
        let _ = write!(
            head,
            "Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let answer = timeout(DEADLINE, self.exchange(&head, body)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} {path}: no answer in time"));
        let page = Page::read(&answer).unwrap_or_else(|| {
            let answer = String::from_utf8_lossy(&answer);
            panic!("{method} {path}: not an answer: {answer}")
        });
        self.keep_cookies(&page);
        page
    }

    async fn exchange(&self, head: &str, body: &[u8]) -> Vec<u8> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0)).unwrap();
        }
        let mut stream = socket.connect(self.http).await.unwrap();
        // A server need not read all of what it refuses; its answer counts.
        let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    fn keep_cookies(&mut self, page: &Page) {
        for line in page.headers("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap_or((&line, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    fn read(answer: &[u8]) -> Option<Self> {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&answer[..end]).ok()?.to_owned();
        Some(Self {
            status: head.split(' ').nth(1)?.parse().ok()?,
            body: answer[end + 4..].to_vec(),
            head,
        })
    }

    /// The text of the body.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The values of a header, whose name is given in small letters.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers(name).into_iter().next()
    }

    /// Where the browser is sent.
    pub(crate) fn location(&self) -> Option<String> {
        self.header("location")
    }

    /// Whether the text is in the body.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The word of the forms on the page.
    pub(crate) fn word(&self) -> String {
        let word = self.values("input[name=word]", "value");
        let word = word.into_iter().next();
        word.unwrap_or_else(|| panic!("no form on the page: {}\n{}", self.head, self.text()))
    }

    /// An attribute of every element that a selector finds; empty where it is missing.
    pub(crate) fn values(&self, selector: &str, attribute: &str) -> Vec<String> {
        let html = Html::parse_document(&self.text());
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector)
            .map(|found| found.attr(attribute).unwrap_or_default().to_owned())
            .collect()
    }

    /// The text in every element that a selector finds, its blanks made single.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.text());
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector)
            .map(|found| {
                let text: String = found.text().collect();
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    /// What is wrong with the page: markup that does not parse, anything inline that the policy
    /// forbids, fields without a label, identities that come twice.
    pub(crate) fn faults(&self) -> Vec<String> {
        let html = Html::parse_document(&self.text());
        let mut faults: Vec<String> = html.errors.iter().map(ToString::to_string).collect();
        let all = Selector::parse("*").unwrap();
        let labelled = self.values("label", "for");
        let mut ids = Vec::new();
        for element in html.select(&all) {
            let tag = element.value().name();
            if tag == "style" || (tag == "script" && element.attr("src").is_none()) {
                faults.push(format!("an inline {tag}"));
            }
            for (name, _) in element.value().attrs() {
                if name == "style" || name.starts_with("on") {
                    faults.push(format!("{name} on {tag}"));
                }
            }
            if let Some(id) = element.attr("id") {
                ids.push(id.to_owned());
            }
            let is_field = matches!(tag, "input" | "select" | "textarea");
            let is_hidden = element.attr("type") == Some("hidden");
            let id = element.attr("id").unwrap_or_default().to_owned();
            if is_field && !is_hidden && !labelled.contains(&id) {
                faults.push(format!("no label for {tag} {id:?}"));
            }
            if tag == "img" && element.attr("alt").is_none() {
                faults.push("an image without a text".to_owned());
            }
            if tag == "form" && element.attr("method") == Some("post") {
                let word = Selector::parse("input[type=hidden][name=word]").unwrap();
                if element.select(&word).count() != 1 {
                    faults.push("a form without its word".to_owned());
                }
            }
        }
        ids.sort();
        for pair in ids.windows(2) {
            if pair[0] == pair[1] {
                faults.push(format!("two elements called {}", pair[0]));
            }
        }
        faults
    }
}
