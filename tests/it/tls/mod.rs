//! https on the addresses of the web side: one port for it and for plain HTTP.

pub(crate) mod client;
mod hosts;
mod proxied;
mod whole_server;

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Extension;
use axum::routing::get;
use chrysalis::http::{self, Link, Settings};
use chrysalis::metrics::Metrics;
use chrysalis::shutdown::Shutdown;
use chrysalis::tls::{Files, HandshakeRate, Modern};
use client::{Client, TLS12, TLS13, Trust};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// A request, and whether its link is told to be secure.
const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: nexus.passport.com\r\nConnection: close\r\n\r\n";
const NAME: &str = "nexus.passport.com";

/// A web side with nothing but one page that tells what is known of the connection.
struct Site {
    address: SocketAddr,
    folder: TempDir,
    files: Files,
    metrics: Metrics,
    shutdown: Shutdown,
}

/// Writes a new certificate, and answers what trusts it.
pub(crate) fn issue(folder: &TempDir) -> (Files, Trust) {
    let names = [NAME.to_owned()];
    let issued = chrysalis::tls::authority::issue(&names, client::now()).unwrap();
    let mut root = None;
    let mut certificate = None;
    for file in issued.files {
        let path = folder.path().join(file.name);
        std::fs::write(&path, &file.contents).unwrap();
        match file.name {
            "ca.cer" | "ca-sha256.cer" => root = Some(file.contents),
            "server.pem" | "server-sha256.pem" => certificate = Some(path),
            _ => {}
        }
    }
    let files = Files {
        certificate: certificate.unwrap(),
        key: folder.path().join("server.key"),
    };
    (files, Trust::only(&root.unwrap()))
}

impl Site {
    async fn start(per_minute: u32, header_timeout: Duration) -> (Self, Trust) {
        let folder = tempfile::tempdir().unwrap();
        let (files, trust) = issue(&folder);
        let metrics = Metrics::new();
        let rate = HandshakeRate {
            per_minute,
            exempt: Vec::new(),
        };
        let tls = Modern::load(files.clone(), rate, metrics.clone()).unwrap();
        let shutdown = Shutdown::new();
        let follow = tls.clone();
        let stop = shutdown.soft().clone();
        shutdown.spawn("files", async move { follow.follow_files(&stop).await });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tell =
            |Extension(link): Extension<Link>| async move { format!("secure: {}", link.is_secure) };
        let settings = Settings {
            header_timeout,
            tls: Some(tls),
            ..Settings::default()
        };
        let serving = http::serve(
            listener,
            axum::Router::new().route("/", get(tell)),
            settings,
            shutdown.clone(),
            metrics.clone(),
        );
        shutdown.spawn("site", async move { serving.await.unwrap() });
        let site = Self {
            address,
            folder,
            files,
            metrics,
            shutdown,
        };
        (site, trust)
    }

    /// One with limits that no test comes near.
    async fn usual() -> (Self, Trust) {
        Self::start(10_000, Duration::from_secs(30)).await
    }

    /// Sends something in plain and answers all that comes back.
    async fn plain(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an answer too, and an empty one.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn counts(&self, line: &str) -> bool {
        let text = self.metrics.render();
        text.lines().any(|it| it.starts_with(line))
    }

    async fn stop(self) {
        self.shutdown.begin();
        assert!(self.shutdown.wait(Duration::from_secs(10)).await);
    }
}

#[tokio::test]
async fn both_versions_and_plain_http_are_spoken_on_one_port() {
    let (site, trust) = Site::usual().await;
    for (version, name) in [(TLS12, "TLSv1.2"), (TLS13, "TLSv1.3")] {
        let client = Client::new(&trust, version);
        let answer = client.ask(site.address, NAME, ASK).await.unwrap();
        assert!(answer.ends_with("secure: true"), "{name}: {answer}");
        let series = format!(
            "chrysalis_tls_handshakes_total{{listener=\"modern\",protocol=\"{name}\",cipher=\"TLS"
        );
        assert!(site.counts(&series), "{}", site.metrics.render());
    }
    let answer = site.plain(ASK).await;
    assert!(answer.ends_with("secure: false"), "{answer}");
    // No promise that the next visit is by https too: old clients come to the same name.
    assert!(!answer.to_ascii_lowercase().contains("strict-transport"));
    site.stop().await;
}

#[tokio::test]
async fn nothing_but_http_1_is_agreed_on() {
    let (site, trust) = Site::usual().await;
    let mut client = Client::new(&trust, TLS13);
    client.offer(&[b"h2", b"http/1.1"]);
    assert_eq!(
        client.agreed(site.address, NAME).await.unwrap().as_deref(),
        Some(&b"http/1.1"[..])
    );
    client.offer(&[b"h2"]);
    assert!(client.agreed(site.address, NAME).await.is_err());
    site.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let (site, old) = Site::usual().await;
    let is_old = Client::new(&old, TLS13);
    // Garbage leaves the old one in force; it takes a look at the files to know.
    std::fs::write(&site.files.certificate, "garbage").unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(is_old.ask(site.address, NAME, ASK).await.is_ok());

    let (_, new) = issue(&site.folder);
    let is_new = Client::new(&new, TLS13);
    let start = Instant::now();
    while is_new.ask(site.address, NAME, ASK).await.is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the old one stays"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_old.ask(site.address, NAME, ASK).await.is_err());
    site.stop().await;
}

#[tokio::test]
async fn garbage_and_impostors_leave_the_others_alone() {
    let (site, trust) = Site::usual().await;
    let random: Vec<u8> = (0..4_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let forms: [&[u8]; 7] = [
        b"\x16",
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\xff\xff",
        // The hello of SSL 2.0, which is not spoken.
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x00\x00\x00",
        &random,
    ];
    for bytes in forms {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.ends_with(b"secure: true"));
    }
    let client = Client::new(&trust, TLS12);
    assert!(client.ask(site.address, NAME, ASK).await.is_ok());
    assert!(site.counts("chrysalis_tls_failures_total{listener=\"modern\",reason=\"failed\"}"));
    assert_eq!(site.shutdown.panics(), 0);
    site.stop().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_ended() {
    let (site, _) = Site::start(10_000, Duration::from_millis(300)).await;
    for start in [&b"\x16"[..], b"\x16\x03\x01\x02\x00\x01\x00", b""] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
        assert!(ended.await.is_ok(), "{start:?} is waited for");
    }
    assert!(site.counts("chrysalis_tls_failures_total{listener=\"modern\",reason=\"timeout\"} 2"));
    site.stop().await;
}

#[tokio::test]
async fn a_network_gets_so_many_handshakes_and_plain_http_all_the_same() {
    let (site, trust) = Site::start(3, Duration::from_secs(30)).await;
    let client = Client::new(&trust, TLS13);
    let mut good = 0;
    for _ in 0..8 {
        good += u32::from(client.ask(site.address, NAME, ASK).await.is_ok());
    }
    assert_eq!(good, 3);
    assert!(
        site.counts("chrysalis_tls_failures_total{listener=\"modern\",reason=\"throttled\"} 5")
    );
    assert!(site.plain(ASK).await.ends_with("secure: false"));
    site.stop().await;
}

#[test]
fn what_is_wrong_with_the_files_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = issue(&folder);
    files.check().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("empty.pem"), "").unwrap();
    let check = |certificate: &str, key: &str, expected: &[&str]| {
        let wrong = Files {
            certificate: path(certificate),
            key: path(key),
        };
        let text = wrong.check().unwrap_err().to_string();
        for word in expected {
            assert!(text.contains(word), "{word} is not in: {text}");
        }
    };
    let certificate = files.certificate.file_name().unwrap().to_str().unwrap();
    check("none.pem", "server.key", &["none.pem", "cannot be read"]);
    check("empty.pem", "server.key", &["empty.pem", "no certificate"]);
    check(
        "server.key",
        "server.key",
        &["server.key", "no certificate"],
    );
    check(certificate, "empty.pem", &["empty.pem", "no private key"]);
    check(certificate, certificate, &["no private key"]);
    check(
        certificate,
        "ca.key",
        &["ca.key", certificate, "not that of"],
    );
}
