//! What carries the bytes of a connection: a socket, or a pipe where there is none.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CloseReason, SessionEnd};
use crate::wire::Outbox;

/// The least that a read has room for.
const LEAST_READ: usize = 4096;

#[derive(Debug)]
pub(super) enum Transport {
    Socket(TcpStream),
    Pipe(SessionEnd),
}

impl Transport {
    /// Whether there may be bytes, or their end; asks to be woken when there are. Takes nothing.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Socket(stream) => stream.poll_read_ready(cx),
            Self::Pipe(end) => end.poll_readable(cx).map(Ok),
        }
    }

    /// Appends what has arrived; 0 bytes when nothing ever will any more.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Socket(stream) => {
                // What was handled is behind the buffer's start, and gives its room back as soon
                // as that is more than what is left.
                if buffer.capacity() - buffer.len() < LEAST_READ {
                    buffer.reserve(LEAST_READ);
                }
                // The runtime takes a short read for the last one, and does not try another.
                pin!(stream.read_buf(buffer)).poll(cx)
            }
            Self::Pipe(end) => Poll::Ready(end.try_read(buffer)),
        }
    }

    /// Writes what goes out without waiting, and answers how much that was.
    pub(super) fn write_now(&self, out: &Outbox) -> Result<usize, CloseReason> {
        match self {
            Self::Socket(stream) => match stream.try_write(out.bytes()) {
                Ok(written) => Ok(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                Err(_) => Err(CloseReason::Eof),
            },
            Self::Pipe(_) => Ok(0),
        }
    }

    /// Writes some of what is in the outbox behind the first `written` bytes. Cancel-safe: a pipe
    /// takes all of it or nothing.
    pub(super) async fn write(
        &mut self,
        out: &Outbox,
        written: usize,
        is_last: bool,
    ) -> Result<usize, CloseReason> {
        match self {
            Self::Socket(stream) => {
                let rest = out.bytes().get(written..).unwrap_or_default();
                stream.write(rest).await.map_err(|_| CloseReason::Eof)
            }
            Self::Pipe(end) => {
                end.write(out, is_last).await?;
                Ok(out.bytes().len())
            }
        }
    }
}
