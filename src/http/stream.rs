//! A byte stream to a peer that may be slow, mute or gone.
//!
//! It hands out first what was read ahead of time, gives every write a deadline, and closes so
//! that the last answer arrives: a socket closed while the peer is still sending resets the
//! connection and takes the answer along.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::request_line::Opening;

/// How long, and for how many bytes, a closed connection still listens to its peer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// A connection to one peer.
pub(super) struct PeerStream<S> {
    inner: S,
    /// Read already, and not yet taken by the reader.
    ahead: BytesMut,
    /// Whether `ahead` is all the reader gets; what follows is thrown away.
    is_last_request: bool,
    write_limit: Duration,
    /// Runs while a write makes no progress.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Whether the peer has its last answer and has asked nothing since: then nothing can be lost
    /// by closing at once.
    at_rest: Arc<AtomicBool>,
    linger: Linger,
}

enum Linger {
    Open,
    Waiting {
        until: Pin<Box<Sleep>>,
        bytes: usize,
    },
    Done,
}

impl<S> PeerStream<S> {
    /// Wraps a stream whose opening was read already.
    pub(super) fn new(
        inner: S,
        opening: Opening,
        write_limit: Duration,
        at_rest: Arc<AtomicBool>,
    ) -> Self {
        Self {
            inner,
            ahead: opening.bytes,
            is_last_request: opening.is_last_request,
            write_limit,
            write_deadline: None,
            at_rest,
            linger: Linger::Open,
        }
    }

    /// Turns a write that waits for longer than its limit into an error.
    fn limit_write<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_deadline = None;
            return outcome;
        }
        let deadline = self
            .write_deadline
            .get_or_insert_with(|| Box::pin(sleep(self.write_limit)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> PeerStream<S> {
    /// Throws away what the peer still sends; ready at its end, or with an error.
    fn poll_discard(&mut self, cx: &mut Context<'_>, budget: &mut usize) -> Poll<()> {
        let mut bytes = [0; 2048];
        while *budget > 0 {
            let mut waste = ReadBuf::new(&mut bytes);
            let outcome = ready!(pin!(&mut self.inner).poll_read(cx, &mut waste));
            if outcome.is_err() || waste.filled().is_empty() {
                return Poll::Ready(());
            }
            *budget = budget.saturating_sub(waste.filled().len());
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PeerStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() && !self.is_last_request {
            return pin!(&mut self.inner).poll_read(cx, buf);
        }
        let count = self.ahead.len().min(buf.remaining());
        buf.put_slice(self.ahead.get(..count).unwrap_or_default());
        self.ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PeerStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = pin!(&mut self.inner).poll_write(cx, buf);
        self.limit_write(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = pin!(&mut self.inner).poll_write_vectored(cx, bufs);
        self.limit_write(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = pin!(&mut self.inner).poll_flush(cx);
        self.limit_write(outcome, cx)
    }

    /// Ends the sending half, then listens until the peer ends its own, for a bounded time, unless
    /// the peer is at rest.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match std::mem::replace(&mut self.linger, Linger::Done) {
                Linger::Open => {
                    let outcome = pin!(&mut self.inner).poll_shutdown(cx);
                    match self.limit_write(outcome, cx) {
                        Poll::Ready(Ok(())) if self.at_rest.load(Ordering::Relaxed) => {}
                        Poll::Ready(Ok(())) => {
                            self.linger = Linger::Waiting {
                                until: Box::pin(sleep(LINGER)),
                                bytes: LINGER_BYTES,
                            };
                        }
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {
                            self.linger = Linger::Open;
                            return Poll::Pending;
                        }
                    }
                }
                Linger::Waiting {
                    mut until,
                    mut bytes,
                } => {
                    let is_over = self.poll_discard(cx, &mut bytes).is_ready()
                        || until.as_mut().poll(cx).is_ready();
                    if !is_over {
                        self.linger = Linger::Waiting { until, bytes };
                        return Poll::Pending;
                    }
                }
                Linger::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(15);

    fn stream<S>(inner: S, ahead: &[u8], is_last_request: bool) -> PeerStream<S> {
        let opening = Opening {
            bytes: ahead.into(),
            is_last_request,
        };
        PeerStream::new(inner, opening, LIMIT, Arc::default())
    }

    #[tokio::test]
    async fn what_was_read_ahead_comes_first() {
        let mut text = String::new();
        let inner = tokio::io::join(&b"world"[..], tokio::io::sink());
        let mut both = stream(inner, b"hello ", false);
        both.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello world");
    }

    #[tokio::test]
    async fn behind_the_last_request_nothing_is_read() {
        let mut text = String::new();
        let inner = tokio::io::join(&b"world"[..], tokio::io::sink());
        let mut only = stream(inner, b"hello", true);
        only.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (ours, _theirs) = duplex(4);
        let started = Instant::now();
        let outcome = stream(ours, b"", false).write_all(b"too much").await;
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), LIMIT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_borne() {
        let (ours, mut theirs) = duplex(1);
        let read = async {
            for _ in 0..4 {
                sleep(LIMIT / 2).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let mut ours = stream(ours, b"", false);
        let (written, ()) = tokio::join!(ours.write_all(b"slow"), read);
        written.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn closing_waits_for_the_peer_but_not_for_ever() {
        let (ours, mut theirs) = duplex(16);
        let mut ours = stream(ours, b"", false);
        let started = Instant::now();
        let close = async {
            theirs.write_all(b"still sending").await.unwrap();
            sleep(LINGER / 2).await;
            drop(theirs);
        };
        let (closed, ()) = tokio::join!(ours.shutdown(), close);
        closed.unwrap();
        assert_eq!(started.elapsed().as_millis(), (LINGER / 2).as_millis());

        let (ours, _theirs) = duplex(16);
        let started = Instant::now();
        stream(ours, b"", false).shutdown().await.unwrap();
        assert_eq!(started.elapsed().as_secs(), LINGER.as_secs());

        let (ours, _theirs) = duplex(16);
        let started = Instant::now();
        let mut ours = stream(ours, b"", false);
        ours.at_rest.store(true, Ordering::Relaxed);
        ours.shutdown().await.unwrap();
        assert!(started.elapsed().is_zero());
    }
}
