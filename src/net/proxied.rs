//! The PROXY protocol, versions 1 and 2: a proxy in front says whose connection it hands on.
//!
//! The header comes before anything the client said, TLS included. Exactly its bytes are taken
//! from the socket, so whatever reads next begins where the client did. Only a peer that the
//! operator trusts is read from in this way, and from such a peer the header is required: one that
//! could be left out would let every client of a proxy pass for the proxy.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// What every header of version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, its line end included.
const LONGEST_LINE: usize = 107;
/// The longest header of version 2 behind its first 16 bytes. Addresses take 36 of them; the rest
/// is what some proxies add about names and TLS.
const LONGEST_BLOCK: usize = 2_048;
/// The additional field about TLS between client and proxy, and its bit for "there was some".
const FIELD_TLS: u8 = 0x20;
const CLIENT_TLS: u8 = 0x01;

/// Whose connection it is, by the word of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// The client.
    pub(super) peer: SocketAddr,
    /// The address that the client connected to, which is one of the proxy's.
    pub(super) local: SocketAddr,
    /// Whether the proxy took TLS off the connection.
    pub(super) is_secure: bool,
}

/// A header cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    /// Most likely a health check that only connects.
    #[error("the peer said nothing")]
    Silent,
    #[error("the header could not be read")]
    Io(#[from] io::Error),
    #[error("there is no header of the PROXY protocol")]
    Missing,
    #[error("the header is too long")]
    TooLong,
    #[error("the header is malformed")]
    Malformed,
}

/// Takes the header off a connection, and nothing else. `None` where the proxy speaks for itself,
/// or does not know who its client is.
///
/// The caller sets the deadline.
pub(super) async fn read(stream: &mut TcpStream) -> Result<Option<Told>, HeaderError> {
    // No header of either version is shorter than this.
    let mut first = [0; SIGNATURE.len()];
    if stream.peek(&mut first).await? == 0 {
        return Err(HeaderError::Silent);
    }
    stream.read_exact(&mut first).await?;
    if first == *SIGNATURE {
        return read_block(stream).await;
    }
    if first.starts_with(b"PROXY ") {
        return read_line(stream, &first).await;
    }
    Err(HeaderError::Missing)
}

async fn read_line(stream: &mut TcpStream, first: &[u8]) -> Result<Option<Told>, HeaderError> {
    let mut line = first.to_vec();
    while !line.ends_with(b"\n") {
        // Looked at before it is taken: what follows the line is the client's.
        let mut ahead = [0; LONGEST_LINE];
        let seen = stream.peek(&mut ahead).await?;
        let seen = ahead.get(..seen).unwrap_or_default();
        let end = seen.iter().position(|&byte| byte == b'\n');
        let count = end.map_or(seen.len(), |end| end + 1);
        if count == 0 {
            return Err(HeaderError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        let known = line.len();
        if known + count > LONGEST_LINE {
            return Err(HeaderError::TooLong);
        }
        line.resize(known + count, 0);
        stream
            .read_exact(line.get_mut(known..).unwrap_or_default())
            .await?;
    }
    told_by_line(&line)
}

/// A header of version 1, its line end included.
fn told_by_line(line: &[u8]) -> Result<Option<Told>, HeaderError> {
    let text = std::str::from_utf8(line)
        .ok()
        .and_then(|text| text.strip_prefix("PROXY "))
        .and_then(|text| text.strip_suffix("\r\n"))
        .ok_or(HeaderError::Malformed)?;
    let mut words = text.split(' ');
    let family = words.next().unwrap_or_default();
    // Whatever follows is not to be looked at.
    if family == "UNKNOWN" {
        return Ok(None);
    }
    let rest: Vec<&str> = words.collect();
    let &[peer, local, peer_port, local_port] = rest.as_slice() else {
        return Err(HeaderError::Malformed);
    };
    let address = |ip: &str, port: &str| {
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_: &u16| is_number)?;
        match family {
            "TCP4" => Some(SocketAddr::new(ip.parse::<Ipv4Addr>().ok()?.into(), port)),
            "TCP6" => Some(SocketAddr::new(ip.parse::<Ipv6Addr>().ok()?.into(), port)),
            _ => None,
        }
    };
    address(peer, peer_port)
        .zip(address(local, local_port))
        .map(|(peer, local)| Some(Told::of(peer, local, false)))
        .ok_or(HeaderError::Malformed)
}

async fn read_block(stream: &mut TcpStream) -> Result<Option<Told>, HeaderError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_BLOCK {
        return Err(HeaderError::TooLong);
    }
    let mut block = vec![0; length];
    stream.read_exact(&mut block).await?;
    told_by_block(command, family, &block)
}

/// A header of version 2: its version and command, the family of its addresses, and the rest.
fn told_by_block(command: u8, family: u8, block: &[u8]) -> Result<Option<Told>, HeaderError> {
    match command {
        // LOCAL: the proxy itself, for example to see whether this server is well.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(HeaderError::Malformed),
    }
    let (peer, local, fields) = match family {
        // Unspecified, or sockets of one machine: there is no address.
        0x00 | 0x31 => return Ok(None),
        0x11 => {
            let (addresses, fields) = block
                .split_first_chunk::<12>()
                .ok_or(HeaderError::Malformed)?;
            let &[a, b, c, d, e, f, g, h, i, j, k, l] = addresses;
            let peer = SocketAddr::from(([a, b, c, d], u16::from_be_bytes([i, j])));
            let local = SocketAddr::from(([e, f, g, h], u16::from_be_bytes([k, l])));
            (peer, local, fields)
        }
        0x21 => {
            let short = || HeaderError::Malformed;
            let (peer, rest) = block.split_first_chunk::<16>().ok_or_else(short)?;
            let (local, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let (&[i, j, k, l], fields) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            let peer = SocketAddr::from((*peer, u16::from_be_bytes([i, j])));
            let local = SocketAddr::from((*local, u16::from_be_bytes([k, l])));
            (peer, local, fields)
        }
        _ => return Err(HeaderError::Malformed),
    };
    let is_secure = was_secure(fields)?;
    Ok(Some(Told::of(peer, local, is_secure)))
}

/// Reads the additional fields to their end; only the one about TLS says anything here.
fn was_secure(mut fields: &[u8]) -> Result<bool, HeaderError> {
    let mut is_secure = false;
    while !fields.is_empty() {
        let Some((&[kind, high, low], rest)) = fields.split_first_chunk::<3>() else {
            return Err(HeaderError::Malformed);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some((value, rest)) = rest.split_at_checked(length) else {
            return Err(HeaderError::Malformed);
        };
        if kind == FIELD_TLS {
            let client = value.first().ok_or(HeaderError::Malformed)?;
            is_secure = client & CLIENT_TLS != 0;
        }
        fields = rest;
    }
    Ok(is_secure)
}

impl Told {
    /// An IPv4 client of an IPv6 socket is an IPv4 client.
    fn of(peer: SocketAddr, local: SocketAddr, is_secure: bool) -> Self {
        let canonical = |it: SocketAddr| SocketAddr::new(it.ip().to_canonical(), it.port());
        Self {
            peer: canonical(peer),
            local: canonical(local),
            is_secure,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    fn block(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    /// What a header tells, and what is left on the connection behind it.
    async fn told(bytes: &[u8], piece: usize) -> (Result<Option<Told>, HeaderError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        client.set_nodelay(true).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let send = async move {
            for piece in bytes.chunks(piece) {
                // Whoever refused the beginning has left.
                if client.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            let _ = client.shutdown().await;
        };
        let receive = async move {
            let told = read(&mut stream).await;
            let mut rest = Vec::new();
            if told.is_ok() {
                stream.read_to_end(&mut rest).await.unwrap();
            }
            (told, String::from_utf8(rest).unwrap())
        };
        tokio::join!(send, receive).1
    }

    async fn well(bytes: &[u8]) -> Option<(String, String, bool)> {
        let mut found = None;
        for piece in [1, 7, 4_096] {
            let mut whole = bytes.to_vec();
            whole.extend_from_slice(b"VER 1\n\r\n");
            let (told, rest) = told(&whole, piece).await;
            assert_eq!(rest, "VER 1\n\r\n");
            found = told
                .unwrap()
                .map(|it| (it.peer.to_string(), it.local.to_string(), it.is_secure));
        }
        found
    }

    fn of(peer: &str, local: &str, is_secure: bool) -> Option<(String, String, bool)> {
        Some((peer.to_owned(), local.to_owned(), is_secure))
    }

    #[tokio::test]
    async fn a_line_tells_the_client_and_leaves_the_rest_alone() {
        assert_eq!(
            well(b"PROXY TCP4 192.0.2.1 198.51.100.7 51000 1863\r\n").await,
            of("192.0.2.1:51000", "198.51.100.7:1863", false)
        );
        assert_eq!(
            well(b"PROXY TCP6 2001:db8::1 2001:db8::2 51000 1863\r\n").await,
            of("[2001:db8::1]:51000", "[2001:db8::2]:1863", false)
        );
        assert_eq!(
            well(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 5 6\r\n").await,
            of("192.0.2.1:5", "[::1]:6", false)
        );
        assert_eq!(well(b"PROXY UNKNOWN\r\n").await, None);
        assert_eq!(well(b"PROXY UNKNOWN ffff::1 ::1 1 2\r\n").await, None);
    }

    #[tokio::test]
    async fn a_block_tells_the_client_and_leaves_the_rest_alone() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 7, 0xc7, 0x38, 0x07, 0x47];
        assert_eq!(
            well(&block(0x21, 0x11, &v4)).await,
            of("192.0.2.1:51000", "198.51.100.7:1863", false)
        );
        let mut v6 = Vec::new();
        v6.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        v6.extend("2001:db8::2".parse::<Ipv6Addr>().unwrap().octets());
        v6.extend([0xc7, 0x38, 0x07, 0x47]);
        // A name that the client asked for, then TLS.
        v6.extend(b"\x02\x00\x03msn\x20\x00\x05\x01\0\0\0\0");
        assert_eq!(
            well(&block(0x21, 0x21, &v6)).await,
            of("[2001:db8::1]:51000", "[2001:db8::2]:1863", true)
        );
        assert_eq!(well(&block(0x20, 0x00, b"")).await, None);
        assert_eq!(well(&block(0x20, 0x11, &v4)).await, None);
        assert_eq!(well(&block(0x21, 0x00, b"anything")).await, None);
        assert_eq!(well(&block(0x21, 0x31, &[0; 216])).await, None);
        assert_eq!(well(&block(0x20, 0x00, &[0; LONGEST_BLOCK])).await, None);
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 7, 0xc7, 0x38, 0x07, 0x47];
        let with = |more: &[u8]| [&v4[..], more].concat();
        let long = format!("PROXY TCP4 192.0.2.1 {}\r\n", "1".repeat(200));
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (b"".to_vec(), "said nothing"),
            (b"VER 1 MSNP8 CVR0\r\n".to_vec(), "no header"),
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00".to_vec(),
                "no header",
            ),
            (b"PROXY TCP4 192.0.2.1".to_vec(), "could not be read"),
            (long.into_bytes(), "too long"),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n".to_vec(),
                "malformed",
            ),
            (b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n".to_vec(), "malformed"),
            (
                b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
                "malformed",
            ),
            (
                b"PROXY TCP4 \xff\xfe 192.0.2.2 1 2\r\n".to_vec(),
                "malformed",
            ),
            (block(0x11, 0x11, &v4), "malformed"),
            (block(0x22, 0x11, &v4), "malformed"),
            (block(0x21, 0x12, &v4), "malformed"),
            (block(0x21, 0x11, &v4[..11]), "malformed"),
            (block(0x21, 0x21, &v4), "malformed"),
            (block(0x21, 0x11, &with(b"\x02\x00")), "malformed"),
            (block(0x21, 0x11, &with(b"\x02\x00\x09x")), "malformed"),
            (block(0x21, 0x11, &with(b"\x20\x00\x00")), "malformed"),
            (block(0x21, 0x11, &vec![0; LONGEST_BLOCK + 1]), "too long"),
            (block(0x21, 0x11, &v4)[..20].to_vec(), "could not be read"),
        ];
        for (bytes, reason) in cases {
            for piece in [1, 4_096] {
                let (told, _) = told(&bytes, piece).await;
                let text = told.unwrap_err().to_string();
                assert!(text.contains(reason), "{bytes:?}: {text}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(command: u8, family: u8, bytes: Vec<u8>) {
            let _ = told_by_block(command, family, &bytes);
            let _ = told_by_block(0x21, 0x11, &bytes);
            let _ = told_by_line(&bytes);
        }
    }
}
