//! The first line of a connection, read before hyper sees it.
//!
//! COMPAT: libpurple asks the nexus with `GET /rdr/pprdr.asp`, without version and headers, as
//! HTTP/0.9 had it, and still expects an answer with headers (`docs/protocol/25 §4`). Such a line
//! is completed as a whole HTTP/1.0 request. Everything else passes untouched, and after the
//! first line nothing is looked at any more.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A line that has not ended by here is left to hyper, which refuses it.
const MAX_LINE: usize = 8 * 1024;

/// What was read of a connection so far.
pub(super) struct Opening {
    /// The bytes that hyper has to see first.
    pub(super) bytes: BytesMut,
    /// Whether they are a whole request that ends the conversation.
    pub(super) is_last_request: bool,
}

/// Reads up to the end of the first request line; `None` if the peer left without one.
///
/// The caller sets the deadline.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Opening>> {
    let mut bytes = BytesMut::with_capacity(2048);
    while bytes.len() < MAX_LINE {
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
        let Some(line) = first_line(&bytes) else {
            continue;
        };
        if let Some(request) = completed(line) {
            return Ok(Some(Opening {
                bytes: request,
                is_last_request: true,
            }));
        }
        break;
    }
    let opening = Opening {
        bytes,
        is_last_request: false,
    };
    Ok((!opening.bytes.is_empty()).then_some(opening))
}

/// The first line that is not empty, once it has ended. Clients send stray line ends.
fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .find(|line| !line.is_empty())
}

/// The request that a line without version means; `None` for every other line.
fn completed(line: &[u8]) -> Option<BytesMut> {
    let target = line.strip_prefix(b"GET ")?.trim_ascii();
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut request = BytesMut::from(&b"GET "[..]);
    request.extend_from_slice(target);
    request.extend_from_slice(b" HTTP/1.0\r\n\r\n");
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opening(mut input: &[u8]) -> Option<(String, bool)> {
        let opening = read(&mut input).await.unwrap()?;
        let text = String::from_utf8(opening.bytes.to_vec()).unwrap();
        Some((text, opening.is_last_request))
    }

    #[tokio::test]
    async fn a_line_without_version_becomes_a_whole_request() {
        for input in [
            "GET /rdr/pprdr.asp\r\n\r\n",
            "GET /rdr/pprdr.asp\n",
            "\r\nGET  /rdr/pprdr.asp \r\n",
        ] {
            let whole = "GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n".to_owned();
            assert_eq!(
                opening(input.as_bytes()).await,
                Some((whole, true)),
                "{input:?}"
            );
        }
    }

    #[tokio::test]
    async fn every_other_line_passes_untouched() {
        for input in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.0\n\n",
            "POST /login.srf\r\n",
            "GET \r\n",
            "GET",
            "\r\n\r\n",
            "\x16\x03\x01\x00\n",
        ] {
            let same = Some((input.to_owned(), false));
            assert_eq!(opening(input.as_bytes()).await, same, "{input:?}");
        }
    }

    #[tokio::test]
    async fn a_peer_that_leaves_at_once_has_no_opening() {
        assert_eq!(opening(b"").await, None);
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_collected_for_ever() {
        let (bytes, is_last) = opening(&vec![b'A'; 1024 * 1024]).await.unwrap();
        assert!(bytes.len() < 4 * MAX_LINE, "{}", bytes.len());
        assert!(!is_last);
    }

    #[tokio::test]
    async fn a_line_may_come_byte_by_byte() {
        let (mut client, mut server) = tokio::io::duplex(1);
        let send = async { tokio::io::AsyncWriteExt::write_all(&mut client, b"GET /x\r\n").await };
        let (sent, opening) = tokio::join!(send, read(&mut server));
        sent.unwrap();
        assert_eq!(
            &opening.unwrap().unwrap().bytes[..],
            b"GET /x HTTP/1.0\r\n\r\n"
        );
    }
}
