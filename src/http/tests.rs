//! The edge as a client sees it: bytes over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::clock::Clock;
use crate::config::{Auth, Limits, Registration};
use crate::hub::{Hub, RoomLimits};
use crate::metrics::Metrics;
use crate::model::Address;
use crate::service::ServiceSettings;
use crate::service::accounts::{AccountSettings, Accounts};
use crate::shutdown::Shutdown;
use crate::store::{ListLimits, Store};

const PATIENCE: Duration = Duration::from_secs(10);

/// Failures that are forgiven within a minute.
const FAILURES: u32 = 3;

pub(in crate::http) struct Server {
    pub(in crate::http) address: SocketAddr,
    shutdown: Shutdown,
    pub(in crate::http) metrics: Metrics,
    /// The database, which opens its file again while the server runs.
    _folder: Option<Arc<tempfile::TempDir>>,
}

/// One account, alice@example.com with the password `secret`.
pub(in crate::http) struct People {
    pub(in crate::http) accounts: Accounts,
    pub(in crate::http) store: Store,
    clock: Clock,
    folder: Arc<tempfile::TempDir>,
}

impl People {
    pub(in crate::http) async fn new() -> Self {
        Self::with(false).await
    }

    /// Where a ticket may be good without its proof.
    pub(in crate::http) async fn with(accept_bare_tickets: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        let auth = Auth {
            argon2_memory_kib: 8,
            argon2_iterations: 1,
            accept_bare_tickets,
            ..Auth::default()
        };
        let limits = Limits {
            failed_sign_ins_per_minute: FAILURES,
            ..Limits::default()
        };
        let settings = AccountSettings::new(&auth, &limits);
        let clock = Clock::set_to(1_700_000_000_000);
        let accounts = Accounts::open(store.clone(), clock.clone(), settings)
            .await
            .unwrap();
        let alice = Address::parse("alice@example.com").unwrap();
        accounts
            .create(alice, None, "secret".into(), false)
            .await
            .unwrap();
        Self {
            accounts,
            store,
            clock,
            folder: Arc::new(folder),
        }
    }

    /// What the handlers share, with nothing advertised.
    pub(in crate::http) fn web(&self, metrics: Metrics) -> Web {
        let services = Services::new(
            self.store.clone(),
            Hub::new(RoomLimits::default()),
            self.accounts.clone(),
            self.clock.clone(),
            metrics,
            ServiceSettings::new(&Limits::default(), &Registration::default()),
        );
        Web {
            services,
            advertise: here(),
            msnp_port: 1863,
            redirect_hosts: ["Mail.example.org".to_owned()].into(),
            pages: Pages::default(),
            site_name: "Chrysalis".into(),
            gateway: None,
            settings: "".into(),
            connect: Connect::default(),
        }
    }

    /// Lets time pass.
    pub(in crate::http) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(in crate::http) async fn serve(&self, advertise: Advertise, settings: Settings) -> Server {
        let metrics = Metrics::new();
        let web = Web {
            advertise,
            ..self.web(metrics.clone())
        };
        Server {
            _folder: Some(Arc::clone(&self.folder)),
            ..Server::start_router(router(web), settings, metrics).await
        }
    }
}

impl Server {
    pub(in crate::http) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    async fn start_with(settings: Settings) -> Self {
        People::new().await.serve(here(), settings).await
    }

    async fn start_router(router: Router, settings: Settings, metrics: Metrics) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let serving = serve(
            listener,
            router,
            settings,
            shutdown.clone(),
            metrics.clone(),
        );
        drop(shutdown.spawn("http", async { serving.await.unwrap() }));
        Self {
            address,
            shutdown,
            metrics,
            _folder: None,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the bytes and gives everything back that comes until the server closes.
    pub(in crate::http) async fn talk(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        // A server that refuses early may close while this is still sending.
        drop(stream.write_all(request.as_bytes()).await);
        rest(&mut stream).await
    }

    /// As [`Server::talk`], with the end of the sending half behind the request.
    pub(in crate::http) async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        rest(&mut stream).await
    }

    pub(in crate::http) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await
    }

    async fn login(&self, authorization: &str) -> String {
        self.ask(&format!(
            "GET /login2.srf HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n"
        ))
        .await
    }
}

/// Nothing is advertised but the port.
pub(in crate::http) fn here() -> Advertise {
    Advertise::new(None, None, None).unwrap()
}

/// Everything up to the end of the connection, without the date.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is an end as well.
    drop(
        timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .expect("the server closes"),
    );
    without_date(&String::from_utf8(bytes).unwrap())
}

/// One answer without a body, the connection staying open.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let byte = timeout(PATIENCE, stream.read_u8())
            .await
            .expect("an answer");
        bytes.push(byte.expect("an open connection"));
    }
    without_date(&String::from_utf8(bytes).unwrap())
}

fn without_date(text: &str) -> String {
    text.split_inclusive("\r\n")
        .filter(|line| !line.starts_with("Date: "))
        .collect()
}

pub(in crate::http) fn check_status(answer: &str, status: &str) {
    let line = answer.lines().next().unwrap_or_default();
    assert!(line.ends_with(status), "not {status:?}:\n{answer}");
}

fn nexus_answer(version: &str, address: SocketAddr) -> String {
    format!(
        "{version} 200 OK\r\nPassportURLs: DALogin=http://{address}/login2.srf,\r\n\
         Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n"
    )
}

const FAILED: &str = "Passport1.4 da-status=failed,srealm=Passport.NET,ts=0,prompt,cburl=http://";

#[tokio::test]
async fn the_nexus_names_the_login_in_the_spelling_that_old_clients_look_for() {
    let server = Server::start().await;
    let answer = server.get("/rdr/pprdr.asp").await;
    assert_eq!(answer, nexus_answer("HTTP/1.1", server.address));
}

/// What replaced the nexus in a client has its length, and so one of many paths.
#[tokio::test]
async fn the_nexus_answers_below_every_path_of_the_guide() {
    let server = Server::start().await;
    let expected = nexus_answer("HTTP/1.1", server.address);
    for path in guide::nexus_paths() {
        assert_eq!(server.get(&path).await, expected, "{path}");
    }
    check_status(&server.get("/nexusy").await, "404 Not Found");
}

#[tokio::test]
async fn the_nexus_answers_every_form_of_the_question() {
    let server = Server::start().await;
    let modern = nexus_answer("HTTP/1.1", server.address);
    let old = nexus_answer("HTTP/1.0", server.address);
    for (request, expected) in [
        ("HEAD /rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\n\r\n", &modern),
        (
            "POST /rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
            &modern,
        ),
        (
            "GET http://nexus.passport.com/rdr/pprdr.asp HTTP/1.1\r\n\r\n",
            &modern,
        ),
        ("GET //RDR/pprdr.ASP?x=1 HTTP/1.1\nHost: x\n\n", &modern),
        ("\r\nGET /rdr/pprdr.asp HTTP/1.1\r\n\r\n", &modern),
        ("GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n", &old),
        ("GET /rdr/pprdr.asp\r\n\r\n", &old),
    ] {
        assert_eq!(&server.ask(request).await, expected, "{request:?}");
    }
}

#[tokio::test]
async fn a_request_without_version_is_answered_and_the_connection_closed() {
    let server = Server::start().await;
    for request in ["GET /rdr/pprdr.asp\r\n\r\n", "GET /rdr/pprdr.asp\n"] {
        let answer = server.talk(request).await;
        assert_eq!(answer, nexus_answer("HTTP/1.0", server.address));
    }
}

#[tokio::test]
async fn an_advertised_address_is_named_instead_of_the_connection() {
    let advertise = Advertise::new(
        Some("msn.example"),
        Some("https://login.example"),
        Some(1864),
    )
    .unwrap();
    let people = People::new().await;
    let server = people.serve(advertise, Settings::default()).await;
    let nexus = server.get("/rdr/pprdr.asp").await;
    assert!(
        nexus.contains("\r\nPassportURLs: DALogin=login.example/login2.srf,\r\n"),
        "{nexus}"
    );
    assert!(
        server
            .get("/")
            .await
            .contains("<code>msn.example:1864</code>")
    );
}

#[tokio::test]
async fn a_login_is_answered_with_the_ticket_as_the_last_item() {
    let people = People::new().await;
    let server = people.serve(here(), Settings::default()).await;
    let answer = server
        .login("Passport1.4 OrgVerb=GET,sign-in=Alice%40example.com,pwd=secret,lc=1033")
        .await;
    let ticket = answer
        .strip_prefix(
            "HTTP/1.1 200 OK\r\n\
             Authentication-Info: Passport1.4 da-status=success,from-PP='",
        )
        .and_then(|rest| {
            rest.strip_suffix("'\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n")
        })
        .unwrap_or_else(|| panic!("no ticket in\n{answer}"));
    let token = ticket
        .strip_prefix("t=")
        .and_then(|it| it.strip_suffix("&p="));
    let is_plain = |it: &str| {
        it.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"*!$+/".contains(&b))
    };
    assert!(
        token.is_some_and(is_plain) && ticket.len() < 1_000,
        "{ticket}"
    );
    let alice = Address::parse("alice@example.com").unwrap();
    let peer = server.address.ip();
    assert!(
        people
            .accounts
            .redeem_ticket(ticket, &alice, peer)
            .await
            .is_ok()
    );
}

/// What stands between two texts, the first time.
pub(in crate::http) fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in\n{text}"));
    rest.split_once(end).unwrap().0
}

#[tokio::test]
async fn both_login_paths_are_served_in_any_spelling() {
    let server = Server::start().await;
    for start in [
        "GET /login.srf",
        "GET /Login2.srf,",
        "GET /login2.srf,?lc=1033",
        "POST //login2.srf",
    ] {
        let answer = server
            .ask(&format!(
                "{start} HTTP/1.1\r\n\
                 Authorization: Passport1.4 sign-in=alice@example.com,pwd=secret\r\n\r\n"
            ))
            .await;
        check_status(&answer, "200 OK");
    }
}

#[tokio::test]
async fn a_refused_login_says_why_in_words() {
    let server = Server::start().await;
    for (authorization, text) in [
        (
            "Passport1.4 sign-in=alice@example.com,pwd=wrong",
            "The%20e%2Dmail%20address%20or%20the%20password%20is%20wrong%2E",
        ),
        (
            "Passport1.4 sign-in=nobody@example.com,pwd=secret",
            "The%20e%2Dmail%20address%20or%20the%20password%20is%20wrong%2E",
        ),
        (
            "Passport1.4 sign-in=nobody,pwd=secret",
            "The%20e%2Dmail%20address%20or%20the%20password%20is%20wrong%2E",
        ),
        (
            "Passport1.4 garbage",
            "The%20sign%2Din%20was%20not%20understood%2E",
        ),
        ("Basic eDp5", "The%20sign%2Din%20was%20not%20understood%2E"),
    ] {
        assert_eq!(
            server.login(authorization).await,
            format!(
                "HTTP/1.1 401 Unauthorized\r\n\
                 WWW-Authenticate: {FAILED}{}/,cbtxt={text}\r\n\
                 Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n",
                server.address
            ),
            "{authorization}"
        );
    }
    check_status(&server.get("/login2.srf").await, "401 Unauthorized");
}

#[tokio::test]
async fn who_fails_too_often_is_told_to_wait() {
    let server = Server::start().await;
    for _ in 0..FAILURES {
        let answer = server
            .login("Passport1.4 sign-in=alice@example.com,pwd=wrong")
            .await;
        assert!(answer.contains("password%20is%20wrong"), "{answer}");
    }
    let answer = server
        .login("Passport1.4 sign-in=alice@example.com,pwd=secret")
        .await;
    check_status(&answer, "401 Unauthorized");
    assert!(answer.contains("Wait%20a%20minute"), "{answer}");
    let text = server.metrics.render();
    for line in [
        "chrysalis_sign_ins_total{method=\"passport\",outcome=\"refused\"} 3",
        "chrysalis_sign_ins_total{method=\"passport\",outcome=\"throttled\"} 1",
        "chrysalis_http_answers_total{class=\"4xx\"} 4",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn a_server_in_trouble_does_not_blame_the_password() {
    let people = People::new().await;
    let server = people.serve(here(), Settings::default()).await;
    people.store.close().await;
    let answer = server
        .login("Passport1.4 sign-in=alice@example.com,pwd=secret")
        .await;
    check_status(&answer, "503 Service Unavailable");
    let text = server.metrics.render();
    let line = "chrysalis_sign_ins_total{method=\"passport\",outcome=\"fault\"} 1";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn nothing_a_client_sends_becomes_a_header() {
    let server = Server::start().await;
    let answer = server
        .login("Passport1.4 sign-in=a%0D%0ASet-Cookie:%20x=1@b.c,pwd=%0D%0A%0D%0A<b>")
        .await;
    check_status(&answer, "401 Unauthorized");
    assert!(
        !answer.contains("Set-Cookie") && !answer.contains("<b>"),
        "{answer}"
    );
    for path in [
        "/%0d%0aX-Bad:%201",
        "/ppsecure/md5auth.srf?ru=http://evil.example/%0d%0aX-Bad:1",
    ] {
        let answer = server.get(path).await;
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            !head.contains("X-Bad") && !head.contains("evil"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn the_front_page_and_its_neighbours_answer() {
    let server = Server::start().await;
    let page = server.get("/").await;
    check_status(&page, "200 OK");
    assert!(
        page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"),
        "{page}"
    );
    assert!(page.contains("<code>127.0.0.1:1863</code>"), "{page}");
    let probe = server
        .ask("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(probe, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for method in ["GET", "POST"] {
        let form = format!("{method} /ppsecure/MD5auth.srf?lc=1033 HTTP/1.0\r\n\r\n");
        let moved = server.ask(&form).await;
        assert_eq!(
            moved,
            "HTTP/1.0 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
        );
    }
    let missing = server.get("/nowhere").await;
    check_status(&missing, "404 Not Found");
    assert!(
        missing.ends_with("\r\n\r\nThere is nothing here.\n"),
        "{missing}"
    );
}

#[tokio::test]
async fn methods_without_meaning_are_refused() {
    let server = Server::start().await;
    for request in [
        "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
        "DELETE /login2.srf HTTP/1.1\r\n\r\n",
    ] {
        let answer = server.ask(request).await;
        check_status(&answer, "405 Method Not Allowed");
        assert!(answer.contains("\r\nAllow: "), "{answer}");
    }
}

#[tokio::test]
async fn a_kept_connection_carries_many_requests() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for request in [
        "GET /rdr/pprdr.asp HTTP/1.1\r\n\r\n",
        // Some clients end a body with a line end that they do not count.
        "POST /rdr/pprdr.asp HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi\r\n",
        "POST /rdr/pprdr.asp HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "GET /rdr/pprdr.asp HTTP/1.1\r\n\r\n",
    ] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = head(&mut stream).await;
        assert_eq!(
            answer,
            nexus_answer("HTTP/1.1", server.address),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn an_old_client_keeps_its_connection_only_if_it_asks() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let request = "GET /rdr/pprdr.asp HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = head(&mut stream).await;
        assert!(
            answer
                .to_lowercase()
                .contains("\r\nconnection: keep-alive\r\n"),
            "{answer}"
        );
    }
    let answer = server.talk("GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer, nexus_answer("HTTP/1.0", server.address));
}

#[tokio::test]
async fn requests_sent_together_are_answered_in_order() {
    let server = Server::start().await;
    let answer = server
        .ask(
            "GET /nowhere HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx\
             GET /rdr/pprdr.asp HTTP/1.1\r\n\r\n",
        )
        .await;
    check_status(&answer, "404 Not Found");
    let probe = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let end = format!("here.\n{probe}{}", nexus_answer("HTTP/1.1", server.address));
    assert!(answer.ends_with(&end), "{answer}");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_send_its_body() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let request = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(head(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hi").await.unwrap();
    check_status(&head(&mut stream).await, "200 OK");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let announced = server
        .talk("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n")
        .await;
    check_status(&announced, "413 Payload Too Large");
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let unannounced = server.talk(&format!("{start}{}", chunk.repeat(6))).await;
    check_status(&unannounced, "413 Payload Too Large");
    let largest = format!(
        "POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n{}",
        "x".repeat(65_536)
    );
    check_status(&server.ask(&largest).await, "200 OK");
}

#[tokio::test]
async fn a_head_that_is_too_large_or_nonsense_is_refused() {
    let server = Server::start().await;
    let padding = "x".repeat(20_000);
    for (request, status) in [
        (
            format!("GET / HTTP/1.1\r\nAuthorization: {padding}\r\n\r\n"),
            "431 Request Header Fields Too Large",
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)),
            "431 Request Header Fields Too Large",
        ),
        ("\x16\x03\x01\n\n".to_owned(), "400 Bad Request"),
        ("USR 1 TWN I a@b.c\r\n".to_owned(), "400 Bad Request"),
    ] {
        check_status(&server.talk(&request).await, status);
    }
    // A line without end; whether it is told so or cut off, it is over.
    server.talk(&padding).await;
}

#[tokio::test]
async fn who_is_slow_with_a_head_is_cut_off() {
    let server = Server::start_with(Settings {
        header_timeout: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    for start in ["", "GET", "GET / HTTP/1.1\r\nHost:"] {
        assert_eq!(server.talk(start).await, "", "{start:?}");
    }
    // A kept connection that stays idle ends as well.
    let answer = server.talk("GET /rdr/pprdr.asp HTTP/1.1\r\n\r\n").await;
    assert_eq!(answer, nexus_answer("HTTP/1.1", server.address));
}

#[tokio::test]
async fn who_is_slow_with_a_body_is_told_so() {
    let server = Server::start_with(Settings {
        request_timeout: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    let answer = server
        .talk("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhi")
        .await;
    check_status(&answer, "408 Request Timeout");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn more_connections_than_places_are_all_served_in_turn() {
    let server = Arc::new(
        Server::start_with(Settings {
            limits: gate_limits(8, 1_000, Vec::new()).into(),
            ..Settings::default()
        })
        .await,
    );
    let mut clients = Vec::new();
    for _ in 0..200 {
        let asked = Arc::clone(&server);
        let client = async move { asked.get("/rdr/pprdr.asp").await };
        clients.push(server.shutdown.spawn("client", client));
    }
    for client in clients {
        let answer = client.await.unwrap();
        assert_eq!(answer, nexus_answer("HTTP/1.1", server.address));
    }
}

#[tokio::test]
async fn one_address_has_a_limited_number_of_connections() {
    let limited = Settings {
        limits: gate_limits(1_024, 1, Vec::new()).into(),
        ..Settings::default()
    };
    let server = Server::start_with(limited).await;
    let mut first = server.connect().await;
    assert_eq!(server.talk("").await, "");
    first.write_all(b"GET /rdr/pprdr.asp\r\n").await.unwrap();
    check_status(&rest(&mut first).await, "200 OK");

    let server = Server::start_with(Settings {
        limits: gate_limits(1_024, 1, vec!["127.0.0.0/8".parse().unwrap()]).into(),
        ..Settings::default()
    })
    .await;
    let _first = server.connect().await;
    check_status(&server.get("/rdr/pprdr.asp").await, "200 OK");
}

/// A server whose only request ends when the gate gets a permit; it says when it was asked.
async fn gated(settings: Settings) -> (Server, Arc<Semaphore>, Arc<Semaphore>) {
    let asked = Arc::new(Semaphore::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let (told, held) = (Arc::clone(&asked), Arc::clone(&gate));
    let handler = move || async move {
        told.add_permits(1);
        drop(held.acquire().await);
        "done"
    };
    let router = Router::new().route("/", get(handler));
    let server = Server::start_router(router, settings, Metrics::new()).await;
    (server, asked, gate)
}

#[tokio::test]
async fn a_soft_stop_finishes_the_request_in_hand() {
    let (server, asked, gate) = gated(Settings::default()).await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    drop(timeout(PATIENCE, asked.acquire()).await.unwrap());
    server.shutdown.begin();
    assert_eq!(rest(&mut idle).await, "");
    gate.add_permits(1);
    let answer = rest(&mut busy).await;
    assert!(answer.ends_with("\r\n\r\ndone"), "{answer}");
    drop((idle, busy));
    assert!(server.shutdown.wait(PATIENCE).await);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_hard_end_waits_for_nobody() {
    let (server, asked, _gate) = gated(Settings::default()).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    drop(timeout(PATIENCE, asked.acquire()).await.unwrap());
    server.shutdown.abort();
    assert!(server.shutdown.wait(PATIENCE).await);
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let (server, _asked, _gate) = gated(Settings {
        request_timeout: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    let answer = server.talk("GET / HTTP/1.1\r\n\r\n").await;
    check_status(&answer, "503 Service Unavailable");
}

#[tokio::test]
async fn a_panic_in_a_handler_costs_one_connection() {
    async fn handler() -> &'static str {
        panic!("on purpose")
    }
    let router = Router::new()
        .route("/", get(handler))
        .fallback(home::not_found);
    let server = Server::start_router(router, Settings::default(), Metrics::new()).await;
    assert_eq!(server.get("/").await, "");
    check_status(&server.get("/other").await, "404 Not Found");
    assert_eq!(server.shutdown.panics(), 1);
}

async fn ops(ready: Result<(), String>) -> Server {
    let metrics = Metrics::new();
    let router = ops::router(
        metrics.clone(),
        move || std::future::ready(ready.clone()),
        |metrics: &Metrics| metrics.set_rooms(7),
    );
    Server::start_router(router, Settings::default(), metrics).await
}

#[tokio::test]
async fn the_operator_sees_health_and_metrics() {
    let server = ops(Ok(())).await;
    check_status(&server.get("/healthz").await, "200 OK");
    check_status(&server.get("/readyz").await, "200 OK");
    let text = server.get("/metrics").await;
    assert!(text.contains("\nchrysalis_rooms 7\n"), "{text}");
    assert!(
        text.contains("\nchrysalis_connections{role=\"http\",dialect=\"none\"} 1\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_why_and_lives() {
    let server = ops(Err("the database does not answer".to_owned())).await;
    let answer = server.get("/readyz").await;
    check_status(&answer, "503 Service Unavailable");
    assert!(
        answer.ends_with("\r\n\r\nthe database does not answer\n"),
        "{answer}"
    );
    check_status(&server.get("/healthz").await, "200 OK");
}

/// A request to a service over a connection of its own.
async fn call(server: &Server, path: &str, body: &str) -> String {
    server
        .talk(&format!(
            "POST {path} HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ))
        .await
}

#[tokio::test]
async fn a_service_answers_everything_with_a_fault_of_its_own() {
    let server = Server::start().await;
    let unknown = "<Envelope><Body><ABNothing/></Body></Envelope>";
    for path in [
        "//ABService/SharingService.asmx",
        "/abservice/abservice.asmx",
        "/OimWS/oim.asmx",
        "/rsi/rsi.asmx",
        "/storageservice/SchematizedStore.asmx",
        "/whatsnew/whatsnewservice.asmx",
    ] {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"cc\">]><Envelope><Body>&b;</Body></Envelope>";
        for body in ["", "nonsense", "<Envelope/>", bomb, unknown] {
            let answer = call(&server, path, body).await;
            check_status(&answer, "500 Internal Server Error");
            assert!(
                answer.contains("\r\nContent-Type: text/xml; charset=utf-8\r\n"),
                "{answer}"
            );
            assert!(answer.contains("<soap:Fault>"), "{answer}");
        }
    }
    let text = server.metrics.render();
    for line in [
        "service=\"sharing\",operation=\"none\",outcome=\"malformed\"} 4",
        "service=\"sharing\",operation=\"none\",outcome=\"unknown_operation\"} 1",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn a_service_takes_larger_bodies_up_to_a_limit_and_never_holds_a_larger_one() {
    const MIB: usize = 1024 * 1024;
    let server = Server::start().await;
    for (path, largest) in [
        ("/abservice/abservice.asmx", MIB),
        ("/storageservice/schematizedstore.asmx", 2 * MIB),
    ] {
        let frame = "<Envelope><Body><Do></Do></Body></Envelope>";
        let filler = "x".repeat(largest - frame.len());
        let body = frame.replace("<Do>", &format!("<Do>{filler}"));
        let answer = call(&server, path, &body).await;
        assert!(answer.contains("not supported"), "{answer}");
        // Announced, nothing of it is read.
        let announced = format!(
            "POST {path} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            largest + 1
        );
        let answer = server.talk(&announced).await;
        check_status(&answer, "500 Internal Server Error");
        assert!(answer.contains("RequestTooLarge"), "{answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    }
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let endless = format!(
        "POST /abservice/abservice.asmx HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        chunk.repeat(160)
    );
    let answer = server.talk(&endless).await;
    assert!(answer.contains("RequestTooLarge"), "{answer}");
}

#[tokio::test]
async fn a_sign_on_leads_only_to_this_server_and_where_the_settings_say() {
    let people = People::new().await;
    let advertise = Advertise::new(Some("msn.example"), Some("https://web.example:81"), None);
    let server = people.serve(advertise.unwrap(), Settings::default()).await;
    let sign_on = async |path: &str, link: &str| {
        let escaped =
            percent_encoding::utf8_percent_encode(link, percent_encoding::NON_ALPHANUMERIC);
        let token = format!("ct=1&rru={escaped}&sru=x");
        let token =
            percent_encoding::utf8_percent_encode(&token, percent_encoding::NON_ALPHANUMERIC);
        call(&server, path, &format!("token={token}")).await
    };
    for path in ["/ppsecure/SHA1Auth.srf", "/ppsecure/md5auth.srf"] {
        for link in [
            "/cgi-bin/HoTMaiL?x=1",
            "https://web.example:81/a",
            "http://MSN.example/",
            "https://mail.example.org/inbox",
        ] {
            let answer = sign_on(path, link).await;
            check_status(&answer, "302 Found");
            let location = format!("\r\nLocation: {link}\r\n");
            assert!(answer.contains(&location), "{answer}");
        }
        for link in [
            "https://evil.example/",
            "//evil.example/",
            "https://web.example@evil.example/",
            "https://web.example.evil.example/",
            "/\\evil.example",
            "javascript:alert(1)",
            "/x\r\nSet-Cookie: a=b",
        ] {
            let answer = sign_on(path, link).await;
            check_status(&answer, "200 OK");
            let (head, text) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("Content-Type: text/plain"), "{head}");
            assert!(!head.contains("evil") && !head.contains("Cookie"), "{head}");
            assert!(text.contains("led to"), "{text}");
        }
        for body in ["", "token=", "token=ct%3D1", "x"] {
            let answer = call(&server, path, body).await;
            assert!(answer.contains("\r\nLocation: /\r\n"), "{answer}");
            let answer = server.get(&format!("{path}?{body}")).await;
            assert!(answer.contains("\r\nLocation: /\r\n"), "{answer}");
        }
        // Others open the same form as a query, and the oldest ones have no token.
        for form in [
            "lc=1033&token=ct%3D1%26ru%3Dhttps%253A%252F%252Fmail.example.org%252Finbox%26hash%3Dx",
            "mode=ttl&ru=https%3A%2F%2Fmail.example.org%2Finbox&auth=x&creds=y",
        ] {
            for answer in [
                server.get(&format!("{path}?{form}")).await,
                call(&server, path, form).await,
            ] {
                check_status(&answer, "302 Found");
                let location = "\r\nLocation: https://mail.example.org/inbox\r\n";
                assert!(answer.contains(location), "{answer}");
                assert!(answer.contains("\r\nReferrer-Policy: no-referrer\r\n"));
            }
        }
    }
}

#[tokio::test]
async fn the_sign_in_library_finds_what_it_asks_for_or_nothing() {
    let people = People::new().await;
    let advertise = Advertise::new(None, Some("https://web.example:81"), None);
    let server = people.serve(advertise.unwrap(), Settings::default()).await;
    for address in ["alice@example.com", "nobody@example.com"] {
        for page in ["/GetRealmInfo.srf", "/GetUserRealm.srf"] {
            let path = format!("{page}?login={address}&xml=1");
            let answer = server.get(&path.replace('@', "%40")).await;
            check_status(&answer, "200 OK");
            assert!(answer.contains("<IsFederatedNS>false<"), "{answer}");
            assert!(answer.contains(&format!("<Login>{address}</Login>")));
        }
    }
    let check = server.get("/ppcrlcheck.srf").await;
    check_status(&check, "200 OK");
    let (_, xml) = check.split_once("\r\n\r\n").unwrap();
    let document = roxmltree::Document::parse(xml).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "Config");
    assert!(
        xml.contains("<DeviceID minversion=\"7.0.13340.0\"/>"),
        "{xml}"
    );
    for path in ["/PPCRLconfig.srf", "/wlidsvcconfig.xml"] {
        let answer = server.get(path).await;
        check_status(&answer, "200 OK");
        let (_, xml) = answer.split_once("\r\n\r\n").unwrap();
        let document = roxmltree::Document::parse(xml).unwrap();
        let services = document
            .descendants()
            .find(|node| node.tag_name().name() == "ServiceURIs")
            .unwrap();
        let service = |name: &str| {
            let mut all = services.children();
            all.find(|it| it.tag_name().name() == name)?.text()
        };
        assert_eq!(
            service("PassportSecurityTokenService"),
            Some("https://web.example:81/RST.srf")
        );
        assert_eq!(
            service("WLIDSTS_WCF"),
            Some("https://web.example:81/RST2.srf")
        );
        // Nobody is sent anywhere else.
        let texts = services.children().filter_map(|it| it.text());
        assert!(
            texts
                .into_iter()
                .all(|it| it.starts_with("https://web.example:81/"))
        );
        assert!(!xml.contains("live.com") && !xml.contains("passport.net"));
    }
    for path in [
        "/getrealminfo.srf",
        "/getrealminfo.srf?login=x",
        "/ppcrlconfig.bin",
        "/ppcrlconfig600.bin",
    ] {
        check_status(&server.get(path).await, "404 Not Found");
    }
}

#[tokio::test]
async fn old_tls_has_no_pages_for_people() {
    let people = People::new().await;
    let metrics = Metrics::new();
    let router = clients_only_router(people.web(metrics.clone()));
    let server = Server::start_router(router, Settings::default(), metrics).await;
    for path in [
        "/",
        "/sign-in",
        "/register",
        "/account",
        "/account/password",
        "/admin",
        "/connect",
        "/gateway/gateway.dll",
    ] {
        check_status(&server.get(path).await, "404 Not Found");
    }
    check_status(&server.get("/rdr/pprdr.asp").await, "200 OK");
}
