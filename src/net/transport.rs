//! What carries the bytes of a connection: a socket, or a pipe where there is none.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CloseReason, SessionEnd};
use crate::wire::Outbox;

/// The bytes that a read makes room for: what a line or two need at first, and more for a peer
/// that fills it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadSize(usize);

impl ReadSize {
    const LEAST: usize = 4 * 1024;
    const MOST: usize = 32 * 1024;

    fn follow(&mut self, read: usize) {
        if read >= self.0 {
            self.0 = (self.0 * 2).min(Self::MOST);
        } else if read < self.0 / 4 {
            self.0 = (self.0 / 2).max(Self::LEAST);
        }
    }
}

impl Default for ReadSize {
    fn default() -> Self {
        Self(Self::LEAST)
    }
}

#[derive(Debug)]
pub(super) enum Transport {
    Socket(TcpStream),
    Pipe(SessionEnd),
}

impl Transport {
    /// Appends what has arrived, 0 bytes when nothing ever will any more, or asks to be woken when
    /// there is something. What is pending keeps no room in an empty buffer.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        size: &mut ReadSize,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Socket(stream) => {
                ready!(stream.poll_read_ready(cx))?;
                buffer.reserve(size.0);
                // Of its own: the runtime then knows a short read for the last one, and does not
                // try another.
                let read = pin!(stream.read_buf(buffer)).poll(cx);
                match &read {
                    Poll::Ready(Ok(count)) => size.follow(*count),
                    Poll::Pending if buffer.is_empty() => *buffer = BytesMut::new(),
                    Poll::Ready(Err(_)) | Poll::Pending => {}
                }
                read
            }
            Self::Pipe(end) => {
                ready!(end.poll_readable(cx));
                Poll::Ready(end.try_read(buffer))
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_grow_with_a_peer_that_fills_them_and_shrink_again() {
        let mut size = ReadSize::default();
        for _ in 0..10 {
            size.follow(size.0);
        }
        assert_eq!(size.0, ReadSize::MOST);
        size.follow(size.0 / 2);
        assert_eq!(size.0, ReadSize::MOST);
        for _ in 0..10 {
            size.follow(1);
        }
        assert_eq!(size.0, ReadSize::LEAST);
    }
}
