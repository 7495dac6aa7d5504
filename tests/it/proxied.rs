//! The PROXY protocol on the listener for clients: who is limited, refused and told what.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::support::client::Connection;
use crate::support::people::fixture;
use crate::support::server::TestServer;

/// A dialect whose sign-in needs no web side.
const DIALECT: u8 = 7;
/// What the server's own patience is well below.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server behind a proxy at 127.0.0.1; nobody at 127.0.0.2 is one.
async fn start(settings: &[&str]) -> TestServer {
    let mut statements = vec!["@config proxy_protocol.msnp \"127.0.0.1\""];
    statements.extend(settings);
    let fixture = fixture(&["olive", "peter"], &statements);
    TestServer::start(&fixture).await.unwrap()
}

/// A header of version 2 for IPv4, from this address to 198.51.100.7:1863.
fn block(peer: [u8; 4]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    bytes.extend(peer);
    bytes.extend([198, 51, 100, 7, 0xc7, 0x38, 0x07, 0x47]);
    bytes
}

async fn connect(server: &TestServer, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(server.addresses.msnp).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection that a proxy hands on, with its header in pieces of this size.
async fn handed_on(server: &TestServer, header: &[u8], piece: usize) -> Connection {
    let mut stream = connect(server, "127.0.0.1").await;
    for piece in header.chunks(piece) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    Connection::over(stream, DIALECT).unwrap()
}

/// Whether a connection is closed without a word.
async fn is_refused(mut stream: TcpStream, bytes: &[u8]) -> bool {
    // Whoever refuses the beginning may not take the end.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset says as little as an end.
    assert!(read.is_ok(), "the connection stays open");
    answer.is_empty()
}

#[tokio::test]
async fn clients_sign_in_behind_a_header_of_either_version() {
    let server = start(&[]).await;
    let mut v6 = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24".to_vec();
    v6.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    v6.extend([0; 15]);
    v6.extend([1, 0xc7, 0x38, 0x07, 0x47]);
    let headers: [(&[u8], &str); 6] = [
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 1863\r\n",
            "198.51.100.7:",
        ),
        (
            b"PROXY TCP6 2001:db8::1 ::ffff:198.51.100.7 1 1863\r\n",
            "198.51.100.7:",
        ),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1:"),
        (&block([192, 0, 2, 1]), "198.51.100.7:"),
        (&v6, "[::1]:"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "127.0.0.1:"),
    ];
    for (header, host) in headers {
        for piece in [1, 4_096] {
            let connection = handed_on(&server, header, piece).await;
            let mut olive = server.addresses.sign_in_over(connection, "olive").await;
            // Nothing is advertised, so the client is told the address that it connected to.
            let key = olive.room_key().await;
            assert!(key.server.starts_with(host), "{header:?}: {}", key.server);
        }
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn a_proxy_that_says_nothing_useful_is_refused() {
    let server = start(&[]).await;
    let long = format!("PROXY UNKNOWN {}\r\nVER 1 MSNP7 CVR0\r\n", "x".repeat(200));
    let mut large = b"\r\n\r\n\0\r\nQUIT\n\x20\0\xff\xff".to_vec();
    large.resize(4_096, 0);
    let forms: [&[u8]; 5] = [
        // No header at all: every client would pass for the proxy.
        b"VER 1 MSNP7 CVR0\r\n",
        b"PROXY TCP4 nobody nowhere 1 2\r\nVER 1 MSNP7 CVR0\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x01xVER 1 MSNP7 CVR0\r\n",
        long.as_bytes(),
        &large,
    ];
    for bytes in forms {
        let stream = connect(&server, "127.0.0.1").await;
        assert!(is_refused(stream, bytes).await, "{bytes:?}");
    }
    // Nor does one that takes its time; it takes the server a few seconds to lose patience.
    let start = Instant::now();
    let mut slow = Vec::new();
    for begun in [
        &b""[..],
        b"PROXY TCP4 192.0.2.1",
        &block([192, 0, 2, 1])[..20],
    ] {
        let mut stream = connect(&server, "127.0.0.1").await;
        stream.write_all(begun).await.unwrap();
        slow.push(stream);
    }
    for stream in slow {
        assert!(is_refused(stream, b"").await);
    }
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let server = start(&[]).await;
    for header in [
        &b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 1863\r\n"[..],
        &block([192, 0, 2, 1]),
    ] {
        let stream = connect(&server, "127.0.0.2").await;
        let bytes = [header, b"VER 1 MSNP7 CVR0\r\n"].concat();
        assert!(is_refused(stream, &bytes).await);
    }
    // Nor is a header expected.
    let stream = connect(&server, "127.0.0.2").await;
    let connection = Connection::over(stream, DIALECT).unwrap();
    server.addresses.sign_in_over(connection, "olive").await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn limits_are_about_the_client_and_not_about_the_proxy() {
    let server = start(&["@config limits.connections_per_address 1"]).await;
    let one = |last: u8| block([192, 0, 2, last]);
    let connection = handed_on(&server, &one(1), 4_096).await;
    let _olive = server.addresses.sign_in_over(connection, "olive").await;
    // The same client again, by a header of the other version.
    let again = b"PROXY TCP4 192.0.2.1 198.51.100.7 2 1863\r\nVER 1 MSNP7 CVR0\r\n";
    let stream = connect(&server, "127.0.0.1").await;
    assert!(is_refused(stream, again).await);
    let connection = handed_on(&server, &one(2), 4_096).await;
    let _peter = server.addresses.sign_in_over(connection, "peter").await;
    assert!(server.stop().await);
}
