//! The PROXY protocol in front of both, and what `X-Forwarded-For` says behind it.

use super::*;
use chrysalis::live::Live;

const TELL: &str = "GET / HTTP/1.1\r\nHost: nexus.passport.com\r\nConnection: close\r\n\
                    X-Forwarded-For: 203.0.113.9\r\n\r\n";

/// A web side behind a proxy at 127.0.0.1, which tells what it knows of who asks. What the proxy
/// at 192.0.2.80 forwards is believed too.
async fn start() -> (SocketAddr, Trust, Shutdown, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (files, trust) = issue(&folder);
    let metrics = Metrics::new();
    let rate = HandshakeRate {
        per_minute: 10_000,
        exempt: Vec::new(),
    };
    let shutdown = Shutdown::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tell = |Extension(link): Extension<Link>| async move {
        format!("{} {} {}", link.peer.ip(), link.local, link.is_secure)
    };
    let settings = Settings {
        tls: Some(Modern::load(files, rate, metrics.clone()).unwrap()),
        introducing_proxies: Live::new(vec!["127.0.0.1/32".parse().unwrap()]),
        trusted_proxies: Live::new(vec![
            "127.0.0.1/32".parse().unwrap(),
            "192.0.2.80/32".parse().unwrap(),
        ]),
        ..Settings::default()
    };
    let router = axum::Router::new().route("/", get(tell));
    let serving = http::serve(listener, router, settings, shutdown.clone(), metrics);
    shutdown.spawn("site", async move { serving.await.unwrap() });
    (address, trust, shutdown, folder)
}

async fn plain(to: SocketAddr, header: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(header.as_bytes()).await.unwrap();
    stream.write_all(TELL.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.rsplit("\r\n").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_header_comes_before_both_and_the_rest_builds_on_it() {
    let (address, trust, shutdown, _folder) = start().await;
    let header = "PROXY TCP4 192.0.2.1 198.51.100.7 51000 8080\r\n";
    // The client's own word about itself is nobody's.
    let told = plain(address, header).await;
    assert_eq!(told, "192.0.2.1 198.51.100.7:8080 false");
    // The word of a proxy before the proxy counts, as it does without the header.
    let before = "PROXY TCP4 192.0.2.80 198.51.100.7 51000 8080\r\n";
    let told = plain(address, before).await;
    assert_eq!(told, "203.0.113.9 198.51.100.7:8080 false");
    let unknown = plain(address, "PROXY UNKNOWN\r\n").await;
    assert_eq!(unknown, format!("203.0.113.9 {address} false"));
    assert_eq!(plain(address, "").await, "");

    for version in [TLS12, TLS13] {
        let client = Client::new(&trust, version);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in header.as_bytes() {
            stream.write_all(&[*byte]).await.unwrap();
        }
        let asked = client.ask_over(stream, NAME, TELL.as_bytes()).await;
        let answer = asked.unwrap();
        assert!(
            answer.ends_with("192.0.2.1 198.51.100.7:8080 true"),
            "{answer}"
        );
        // Without its header the proxy is refused before the handshake.
        assert!(client.ask(address, NAME, TELL.as_bytes()).await.is_err());
    }
    shutdown.begin();
    assert!(shutdown.wait(Duration::from_secs(10)).await);
}
