//! What the two processes tell each other: lines of JSON on the control socket, and one
//! introduction before the bytes of each connection. All of it is bounded, and what the child says
//! is checked like what any stranger says.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _};

/// The longest line to the child: two PEM files and a few settings.
pub(super) const LONGEST_INSTRUCTION: u64 = 8 * 1024 * 1024;
/// The longest line from the child.
pub(super) const LONGEST_REPORT: u64 = 1024;
/// The longest introduction.
const LONGEST_INTRODUCTION: u16 = 512;

/// What the child has to do. The first one starts it; later ones replace certificate and key.
/// Holds the key, and so has no printed form.
#[derive(Serialize, Deserialize)]
pub(super) struct Instruction {
    /// Certificate and chain, in PEM.
    pub(super) certificate: String,
    /// The key, in PEM.
    pub(super) key: String,
    pub(super) sslv3: bool,
    /// Where to hand over what is decrypted.
    pub(super) socket: PathBuf,
    /// Connections at a time, altogether and from one network.
    pub(super) connections: usize,
    pub(super) connections_per_address: usize,
    pub(super) handshakes_per_minute: u32,
    pub(super) exempt: Vec<IpNet>,
    /// Seconds for a handshake, and for a peer to take what is written.
    pub(super) handshake_secs: u64,
    pub(super) write_secs: u64,
}

/// What the child tells of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// It takes connections.
    Ready,
    /// A handshake came about.
    Handshake { protocol: String, cipher: String },
    /// One did not: one of [`FAILURES`].
    Failure(String),
    /// An instruction could not be followed.
    Refused(String),
}

/// Who is behind a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Introduction {
    pub(super) peer: SocketAddr,
    /// The address that they connected to.
    pub(super) local: SocketAddr,
    pub(super) protocol: String,
    pub(super) cipher: String,
}

/// Why a handshake fails, as words for metrics.
pub(super) const FAILURES: [&str; 3] = ["throttled", "timeout", "failed"];

/// The names of OpenSSL's that may come up, as words for metrics.
const PROTOCOLS: [&str; 5] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const CIPHERS: &[&str] = &[
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-RSA-AES128-SHA",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-SHA256",
    "AES128-SHA256",
    "AES256-SHA",
    "AES128-SHA",
    "DES-CBC3-SHA",
    "RC4-SHA",
    "RC4-MD5",
];

/// The word for a protocol that was told of.
pub(super) fn protocol_word(told: &str) -> &'static str {
    word(&PROTOCOLS, told)
}

/// The word for a cipher that was told of.
pub(super) fn cipher_word(told: &str) -> &'static str {
    word(CIPHERS, told)
}

/// The word for a failure that was told of.
pub(super) fn failure_word(told: &str) -> &'static str {
    word(&FAILURES, told)
}

fn word(known: &[&'static str], told: &str) -> &'static str {
    let mut known = known.iter();
    known
        .find(|word| **word == told)
        .copied()
        .unwrap_or("other")
}

/// The next line, or `None` at the end. One that is longer, or not whole, is an error. Must not be
/// cancelled and called again.
pub(super) async fn next_line<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    longest: u64,
) -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = reader.take(longest).read_line(&mut line).await?;
    match count {
        0 => Ok(None),
        _ if line.ends_with('\n') => Ok(Some(line)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A message as a line.
pub(super) fn line_of<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

impl Introduction {
    /// The form on the wire: a length of two bytes, then so much JSON.
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        let length = u16::try_from(text.len())
            .ok()
            .filter(|length| *length <= LONGEST_INTRODUCTION)
            .ok_or(io::ErrorKind::InvalidData)?;
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(&text);
        Ok(bytes)
    }

    /// Reads one, and nothing of what comes after it. The caller sets the deadline.
    pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Self> {
        let length = stream.read_u16().await?;
        if length > LONGEST_INTRODUCTION {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut text = vec![0; usize::from(length)];
        stream.read_exact(&mut text).await?;
        Ok(serde_json::from_slice(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn introduction() -> Introduction {
        Introduction {
            peer: "[2001:db8::1]:1025".parse().unwrap(),
            local: "192.0.2.1:443".parse().unwrap(),
            protocol: "TLSv1".to_owned(),
            cipher: "DES-CBC3-SHA".to_owned(),
        }
    }

    #[tokio::test]
    async fn an_introduction_is_read_and_what_follows_is_left() {
        let mut bytes = introduction().to_bytes().unwrap();
        bytes.extend_from_slice(b"GET / HTTP/1.0\r\n");
        let mut input = bytes.as_slice();
        let read = Introduction::read(&mut input).await.unwrap();
        assert_eq!(read, introduction());
        assert_eq!(input, b"GET / HTTP/1.0\r\n");
    }

    #[tokio::test]
    async fn what_is_no_introduction_is_refused() {
        for mut bad in [
            &b""[..],
            b"\x00",
            b"\x00\x05{}",
            b"\x00\x02{}",
            b"\xff\xff{\"peer\"",
            b"\x00\x0bGET / HTTP/",
        ] {
            assert!(Introduction::read(&mut bad).await.is_err());
        }
        let mut long = introduction();
        long.cipher = "x".repeat(600);
        assert!(long.to_bytes().is_err());
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_collected_for_ever() {
        let mut input = &b"one\ntwo\nthree and more"[..];
        for expected in ["one\n", "two\n"] {
            let line = next_line(&mut input, 8).await.unwrap();
            assert_eq!(line.as_deref(), Some(expected));
        }
        assert!(next_line(&mut input, 8).await.is_err());
        assert!(next_line(&mut &b""[..], 8).await.unwrap().is_none());
    }

    #[test]
    fn only_known_words_become_labels() {
        assert_eq!(protocol_word("SSLv3"), "SSLv3");
        assert_eq!(cipher_word("RC4-MD5"), "RC4-MD5");
        assert_eq!(cipher_word("anything\"} 1"), "other");
        assert_eq!(failure_word("timeout"), "timeout");
    }
}
