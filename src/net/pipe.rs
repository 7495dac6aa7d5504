//! A connection without a socket: bytes in from somebody who has them already, whole frames out
//! to be fetched.
//!
//! The session at one end cannot tell it from a socket: it waits to read, waits for room to
//! write, and finds the other end gone. Both directions are bounded. Each end may be dropped at any
//! time; what the session wrote before it ended can still be fetched.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Admission, CloseReason};
use crate::wire::Outbox;

/// With more than this unread, the client is kept waiting.
const INBOUND_BUSY: usize = 64 * 1024;
/// More unread than this ends the connection: somebody sends and never waits.
const INBOUND_FULL: usize = 256 * 1024;
/// With more than this to be fetched, the session writes nothing until some of it is.
const OUTBOUND_BUSY: usize = 64 * 1024;
/// More to be fetched than this ends the connection (`docs/protocol/20 §12`).
const OUTBOUND_FULL: usize = 1024 * 1024;
/// What a frame costs besides its bytes.
const FRAME_COST: usize = 32;
/// The longest wait of a client whose bytes the session does not take.
const LONGEST_SETTLE: Duration = Duration::from_secs(10);

/// Makes a pipe.
pub fn pipe() -> (SessionEnd, ClientEnd) {
    let shared = Arc::new(Shared::default());
    let session = SessionEnd {
        shared: Arc::clone(&shared),
    };
    (session, ClientEnd { shared })
}

/// A client at the end of a pipe that was just admitted.
#[derive(Debug)]
pub struct Tunnelled {
    pub end: SessionEnd,
    pub peer: SocketAddr,
    /// The address that the client connected to.
    pub local: SocketAddr,
    pub admission: Admission,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held only to look at or change it; nothing else is ever locked meanwhile.
    state: Mutex<State>,
    /// Wakes whoever waits at the client's end, which is one at a time.
    to_client: Notify,
}

#[derive(Default)]
struct State {
    inbound: BytesMut,
    outbound: VecDeque<Bytes>,
    /// What `outbound` costs.
    queued: usize,
    /// Whether the session has handled what came and waits for more.
    is_idle: bool,
    is_session_gone: bool,
    is_client_gone: bool,
    /// The session, which is one task, while it waits.
    waiting: Option<Waker>,
}

impl fmt::Debug for State {
    /// Sizes only: bytes carry tickets and what people say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("inbound", &self.inbound.len())
            .field("queued", &self.queued)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waiting = Some(cx.waker().clone()),
        }
    }

    fn wake_session(&mut self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

/// The end that a session reads from and writes to.
#[derive(Debug)]
pub struct SessionEnd {
    shared: Arc<Shared>,
}

impl SessionEnd {
    /// Whether there are bytes, or the client is gone; asks to be woken when there are. Takes
    /// nothing.
    pub(super) fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.shared.state();
        if !state.inbound.is_empty() || state.is_client_gone {
            return Poll::Ready(());
        }
        if !state.is_idle {
            state.is_idle = true;
            self.shared.to_client.notify_one();
        }
        state.wait(cx);
        Poll::Pending
    }

    /// Takes everything that has arrived; 0 when nothing ever will any more.
    pub(super) fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let mut state = self.shared.state();
        let length = state.inbound.len();
        if length > 0 {
            buffer.unsplit(std::mem::take(&mut state.inbound));
            return Ok(length);
        }
        if state.is_client_gone {
            return Ok(0);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Puts all frames of the outbox up to be fetched, as soon as not too much waits already.
    /// Cancel-safe: it is all or nothing. With the last of them the session is over for the
    /// client, so that whoever fetches them learns both at once (`docs/protocol/20 §8`).
    pub(super) async fn write(&self, out: &Outbox, is_last: bool) -> Result<(), CloseReason> {
        poll_fn(|cx| {
            let mut state = self.shared.state();
            if state.is_client_gone {
                return Poll::Ready(Err(CloseReason::Eof));
            }
            if state.queued >= OUTBOUND_BUSY {
                state.wait(cx);
                return Poll::Pending;
            }
            state.put(out)?;
            state.is_session_gone |= is_last;
            self.shared.to_client.notify_one();
            Poll::Ready(Ok(()))
        })
        .await
    }
}

impl Drop for SessionEnd {
    fn drop(&mut self) {
        self.shared.state().is_session_gone = true;
        self.shared.to_client.notify_one();
    }
}

impl State {
    fn put(&mut self, out: &Outbox) -> Result<(), CloseReason> {
        let cost: usize = out.pieces().map(cost_of).sum();
        if self.queued + cost > OUTBOUND_FULL {
            return Err(CloseReason::SlowConsumer);
        }
        self.outbound
            .extend(out.pieces().map(Bytes::copy_from_slice));
        self.queued += cost;
        Ok(())
    }

    /// Whether the client has waited for long enough since `start` to be answered.
    fn is_settled(&self, patience: Duration, most: usize, waited: Duration) -> bool {
        let is_taken = self.inbound.len() <= INBOUND_BUSY;
        self.is_idle
            || self.is_session_gone
            || self.queued >= most
            || (is_taken && waited >= patience)
            || waited >= LONGEST_SETTLE
    }
}

fn cost_of(frame: &[u8]) -> usize {
    frame.len() + FRAME_COST
}

/// The end that somebody feeds and fetches from. One at a time may wait at it.
#[derive(Debug)]
pub struct ClientEnd {
    shared: Arc<Shared>,
}

impl ClientEnd {
    /// Gives bytes to the session; whole frames or not. `false` if that would be too many, and
    /// then none are taken.
    #[must_use = "what is not taken is lost"]
    pub fn push(&self, bytes: &[u8]) -> bool {
        let mut state = self.shared.state();
        if state.inbound.len() + bytes.len() > INBOUND_FULL {
            return false;
        }
        if !bytes.is_empty() {
            state.inbound.extend_from_slice(bytes);
            state.is_idle = false;
            state.wake_session();
        }
        true
    }

    /// Waits until the session has handled everything it was given, but for no longer than
    /// `patience`, and not when `most` bytes wait to be fetched. A client whose bytes are not
    /// even taken waits longer: that is what slows it down.
    pub async fn settle(&self, patience: Duration, most: usize) {
        let start = Instant::now();
        loop {
            let waited = start.elapsed();
            if self.shared.state().is_settled(patience, most, waited) {
                return;
            }
            let limit = if waited < patience {
                patience
            } else {
                LONGEST_SETTLE
            };
            // An end of time is looked at like any news.
            let _ = timeout_at(start + limit, self.news()).await;
        }
    }

    /// Waits until something may have changed: the session has written, is idle or has ended, or
    /// somebody called [`ClientEnd::nudge`]. Cancel-safe. May end for no reason.
    pub async fn news(&self) {
        self.shared.to_client.notified().await;
    }

    /// Wakes whoever waits at this end.
    pub fn nudge(&self) {
        self.shared.to_client.notify_one();
    }

    /// Whether there is something to fetch, or never will be.
    pub fn has_news(&self) -> bool {
        let state = self.shared.state();
        !state.outbound.is_empty() || state.is_session_gone
    }

    /// Fetches whole frames, at most `most` bytes of them, and one in any case if there is one.
    pub fn fetch(&self, most: usize) -> Bytes {
        let mut state = self.shared.state();
        let mut fetched = BytesMut::new();
        while let Some(frame) = state.outbound.front() {
            if !fetched.is_empty() && fetched.len() + frame.len() > most {
                break;
            }
            let cost = cost_of(frame);
            fetched.extend_from_slice(frame);
            state.queued = state.queued.saturating_sub(cost);
            state.outbound.pop_front();
        }
        if state.outbound.is_empty() {
            // An idle connection keeps no room.
            state.outbound = VecDeque::new();
        }
        state.wake_session();
        fetched.freeze()
    }

    /// Whether the session has ended and everything it wrote was fetched.
    pub fn is_over(&self) -> bool {
        let state = self.shared.state();
        state.is_session_gone && state.outbound.is_empty()
    }

    /// Ends the client's side, as a closed socket would.
    pub fn hang_up(&self) {
        let mut state = self.shared.state();
        state.is_client_gone = true;
        state.wake_session();
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);
    const MOST: usize = 32 * 1024;

    async fn readable(session: &SessionEnd) {
        poll_fn(|cx| session.poll_readable(cx)).await;
    }

    fn outbox(frames: &[&str]) -> Outbox {
        let mut out = Outbox::in_pieces();
        for frame in frames {
            out.line(frame).end();
        }
        out
    }

    #[tokio::test]
    async fn what_one_end_gives_the_other_takes() {
        let (session, client) = pipe();
        let mut buffer = BytesMut::new();
        assert!(session.try_read(&mut buffer).is_err());
        assert!(client.push(b"VER 1"));
        assert!(client.push(b" X\r\n"));
        readable(&session).await;
        assert_eq!(session.try_read(&mut buffer).unwrap(), 9);
        assert_eq!(&buffer[..], b"VER 1 X\r\n");
        session
            .write(&outbox(&["VER 1 X", "QNG"]), false)
            .await
            .unwrap();
        assert_eq!(client.fetch(MOST), "VER 1 X\r\nQNG\r\n");
        assert!(client.fetch(MOST).is_empty() && !client.is_over());
        drop(session);
        assert!(client.is_over());
    }

    #[tokio::test]
    async fn only_whole_frames_are_fetched() {
        let (session, client) = pipe();
        let frames = outbox(&["AAAA", "BB", "C"]);
        session.write(&frames, true).await.unwrap();
        assert_eq!(client.fetch(5), "AAAA\r\n");
        assert_eq!(client.fetch(6), "BB\r\n");
        assert!(!client.is_over());
        assert_eq!(client.fetch(6), "C\r\n");
        assert!(client.is_over());
    }

    #[tokio::test]
    async fn a_client_that_fetches_nothing_holds_the_session_up() {
        let (session, client) = pipe();
        let much = outbox(&["X".repeat(OUTBOUND_BUSY).as_str()]);
        session.write(&much, false).await.unwrap();
        let more = outbox(&["MORE"]);
        let mut writing = Box::pin(session.write(&more, false));
        assert!(without_waiting(writing.as_mut()).await.is_none());
        assert!(!client.fetch(MOST).is_empty());
        writing.await.unwrap();
        assert_eq!(client.fetch(MOST), "MORE\r\n");
    }

    #[tokio::test]
    async fn too_much_at_once_ends_it() {
        let (session, client) = pipe();
        let much = outbox(&["X".repeat(OUTBOUND_FULL).as_str()]);
        assert_eq!(
            session.write(&much, false).await,
            Err(CloseReason::SlowConsumer)
        );
        assert!(client.push(&[0; INBOUND_FULL]));
        assert!(!client.push(&[0]));
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_noticed() {
        let (session, client) = pipe();
        assert!(client.push(b"OUT"));
        drop(client);
        let mut buffer = BytesMut::new();
        readable(&session).await;
        assert_eq!(session.try_read(&mut buffer).unwrap(), 3);
        readable(&session).await;
        assert_eq!(session.try_read(&mut buffer).unwrap(), 0);
        assert_eq!(
            session.write(&outbox(&["X"]), false).await,
            Err(CloseReason::Eof)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn settling_takes_as_long_as_the_session_does_and_no_longer() {
        let (session, client) = pipe();
        let start = Instant::now();
        assert!(client.push(b"PNG\r\n"));
        let handle = async {
            readable(&session).await;
            session.try_read(&mut BytesMut::new()).unwrap();
            tokio::time::sleep(PATIENCE / 2).await;
            tokio::select! { () = readable(&session) => {} () = client.settle(PATIENCE, MOST) => {} }
        };
        handle.await;
        assert_eq!(start.elapsed(), PATIENCE / 2);
        // Nobody reads: the client is answered after its patience.
        assert!(client.push(b"PNG\r\n"));
        let start = Instant::now();
        client.settle(PATIENCE, MOST).await;
        assert_eq!(start.elapsed(), PATIENCE);
        // Too much is unread: it has to wait.
        assert!(client.push(&[0; INBOUND_BUSY]));
        let start = Instant::now();
        client.settle(PATIENCE, MOST).await;
        assert_eq!(start.elapsed(), LONGEST_SETTLE);
    }

    /// What a future comes to without waiting.
    async fn without_waiting<F: Future + Unpin>(future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }
}
