//! Header names with the capitals that old clients look for.
//!
//! MSN Messenger 5.0 to 7.0 and aMSN find `PassportURLs` only with that spelling
//! (`docs/protocol/24 §2 B`), clients of the gateway the same of `X-MSN-Messenger`
//! (`docs/protocol/20 §12`), and hyper writes names in lower or title case. It does keep a map of
//! spellings for messages that it has read itself, in a private type that travels in the
//! extensions. So its own client reads a canned answer once, and every answer of ours gets that
//! answer's extensions. This leans on behaviour that hyper does not promise; the tests over a real
//! socket compare bytes.

use axum::body::Body;
use axum::http::{Extensions, Request};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// The spellings. Names that are not here are written in title case.
const CANNED: &[u8] = b"HTTP/1.1 200 OK\r\n\
    PassportURLs: -\r\n\
    Authentication-Info: -\r\n\
    WWW-Authenticate: -\r\n\
    Location: -\r\n\
    X-MSN-Messenger: -\r\n\
    X-MSN-Host: -\r\n\
    Content-Type: -\r\n\
    Content-Length: 0\r\n\r\n";

/// The extensions that make hyper write the spellings of [`CANNED`].
pub(super) async fn learn() -> hyper::Result<Extensions> {
    let (ours, theirs) = duplex(1024);
    let (answer, _theirs) = tokio::join!(ask(TokioIo::new(ours)), answer_canned(theirs));
    answer
}

async fn ask<T: Read + Write + Unpin>(stream: T) -> hyper::Result<Extensions> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .preserve_header_case(true)
        .handshake::<_, Body>(stream)
        .await?;
    // The connection only moves while it is polled; it ends when `sender` is gone.
    let exchange = async move { sender.send_request(Request::new(Body::empty())).await };
    let (response, connection) = tokio::join!(exchange, connection);
    connection?;
    Ok(response?.into_parts().0.extensions)
}

async fn answer_canned(mut stream: DuplexStream) -> DuplexStream {
    let mut request = [0; 256];
    // The pipe is ours and open on both sides: what could fail here shows up in `ask`.
    if stream.read(&mut request).await.is_ok() {
        drop(stream.write_all(CANNED).await);
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_canned_answer_teaches_something() {
        assert!(!learn().await.unwrap().is_empty());
    }
}
