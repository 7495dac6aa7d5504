//! The bounded queue of events to one connection: the hub posts, the connection reads.
//!
//! Posting never waits. When the queue is full, the event is dropped and the connection is told
//! to end: a client that does not read costs its bound and nothing more.
//!
//! Why not a channel of the runtime: those keep room for a block of events in every idle
//! connection, about 2 KB each, and need a second thing to say that they overflowed. This one is
//! a lock around a queue that is empty when nothing waits (`docs/performance.md`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Room for events that an idle connection keeps.
const KEPT: usize = 8;

/// The sending end, held by the hub.
#[derive(Debug)]
pub struct Mailbox<E> {
    shared: Arc<Shared<E>>,
}

/// The receiving end, held by the connection.
#[derive(Debug)]
pub struct Inbox<E> {
    shared: Arc<Shared<E>>,
}

#[derive(Debug)]
struct Shared<E> {
    bound: usize,
    /// Held only to look at it or change it; nothing else is ever locked meanwhile.
    state: Mutex<State<E>>,
}

#[derive(Debug)]
struct State<E> {
    events: VecDeque<E>,
    /// Whom to wake when there is news. There is none while the connection is at work.
    waiting: Option<Waker>,
    has_overflowed: bool,
    is_reader_gone: bool,
}

/// The queue was full when something was posted. What is in it is not worth reading any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue of events has overflowed")]
pub struct Overflow;

/// Makes a queue for at most `bound` events.
pub fn mailbox<E>(bound: usize) -> (Mailbox<E>, Inbox<E>) {
    let shared = Arc::new(Shared {
        bound: bound.max(1),
        state: Mutex::new(State {
            events: VecDeque::new(),
            waiting: None,
            has_overflowed: false,
            is_reader_gone: false,
        }),
    });
    let inbox = Inbox {
        shared: Arc::clone(&shared),
    };
    (Mailbox { shared }, inbox)
}

impl<E> Shared<E> {
    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_congested(&self, state: &State<E>) -> bool {
        state.events.len() > self.bound / 2
    }
}

impl<E> State<E> {
    fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waiting = Some(cx.waker().clone()),
        }
    }
}

impl<E> Clone for Mailbox<E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// What became of an event that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// `false` if it did not fit or nobody reads any more.
    pub is_queued: bool,
    /// Whether more than half of the queue is taken.
    pub is_congested: bool,
    /// Whether more than three quarters are.
    pub is_nearly_full: bool,
}

impl<E> Mailbox<E> {
    /// Puts an event into the queue; `false` if it did not fit or nobody reads any more.
    pub fn post(&self, event: E) -> bool {
        self.offer(event).is_queued
    }

    /// Whether more than half of the queue is taken.
    pub fn is_congested(&self) -> bool {
        self.shared.is_congested(&self.shared.state())
    }

    /// As [`Mailbox::post`], and tells how full the queue is.
    pub fn offer(&self, event: E) -> Posted {
        let mut state = self.shared.state();
        let fits = state.events.len() < self.shared.bound;
        let is_queued = fits && !state.has_overflowed && !state.is_reader_gone;
        if is_queued {
            state.events.push_back(event);
        } else {
            state.has_overflowed |= !fits;
        }
        let is_congested = self.shared.is_congested(&state);
        let is_nearly_full = state.events.len() > self.shared.bound / 4 * 3;
        let waker = state.waiting.take();
        drop(state);
        // Whoever is woken may want the queue at once.
        if let Some(waker) = waker {
            waker.wake();
        }
        Posted {
            is_queued,
            is_congested,
            is_nearly_full,
        }
    }
}

impl<E> Inbox<E> {
    /// Moves up to `limit` events into `events`, at least one, or asks to be woken when there is
    /// one. One task may wait at a time.
    pub fn poll_receive(
        &mut self,
        cx: &Context<'_>,
        events: &mut Vec<E>,
        limit: usize,
    ) -> Poll<Result<(), Overflow>> {
        let mut state = self.shared.state();
        if state.has_overflowed {
            return Poll::Ready(Err(Overflow));
        }
        let count = state.events.len().min(limit);
        if count > 0 {
            events.extend(state.events.drain(..count));
            return Poll::Ready(Ok(()));
        }
        if state.events.capacity() > KEPT {
            state.events = VecDeque::new();
        }
        state.wait(cx);
        Poll::Pending
    }

    /// Ends when the queue has overflowed. Cancel-safe.
    pub async fn overflowed(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.shared.state();
            if state.has_overflowed {
                return Poll::Ready(());
            }
            state.wait(cx);
            Poll::Pending
        })
        .await;
    }

    /// Whether the queue has overflowed.
    pub fn has_overflowed(&self) -> bool {
        self.shared.state().has_overflowed
    }

    /// Everything that is waiting now, for who measures or tests.
    pub fn drain(&mut self) -> Vec<E> {
        self.shared.state().events.drain(..).collect()
    }
}

impl<E> Drop for Inbox<E> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_reader_gone = true;
        let unread = std::mem::take(&mut state.events);
        drop(state);
        // Freeing them takes a while, and whoever posts would wait for it.
        drop(unread);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_full_queue_drops_and_says_so() {
        let (mailbox, mut inbox) = mailbox(2);
        assert!(mailbox.post(1) && mailbox.post(2));
        assert!(!inbox.has_overflowed());
        assert!(!mailbox.post(3));
        assert!(inbox.has_overflowed());
        assert_eq!(inbox.drain(), [1, 2]);
        assert!(!mailbox.post(4), "once is for ever");
    }

    #[test]
    fn events_come_in_order_and_one_that_waits_is_woken_once() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        let (mailbox, mut inbox) = mailbox(10);
        let mut events = Vec::new();
        assert!(inbox.poll_receive(&cx, &mut events, 2).is_pending());
        for event in 0..3 {
            assert!(mailbox.post(event));
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(inbox.poll_receive(&cx, &mut events, 2).is_ready());
        assert_eq!(events, [0, 1]);
        assert!(inbox.poll_receive(&cx, &mut events, 2).is_ready());
        assert_eq!(events, [0, 1, 2]);
        assert!(inbox.poll_receive(&cx, &mut events, 2).is_pending());
    }

    #[test]
    fn nobody_posts_to_one_that_is_gone() {
        let (mailbox, inbox) = mailbox(2);
        let event = Arc::new(());
        assert!(mailbox.post(Arc::clone(&event)));
        drop(inbox);
        assert_eq!(Arc::strong_count(&event), 1);
        assert!(!mailbox.post(Arc::clone(&event)));
        assert_eq!(Arc::strong_count(&event), 1);
    }

    #[tokio::test]
    async fn an_overflow_wakes_a_connection_that_waits_for_its_peer() {
        let (mailbox, inbox) = mailbox(1);
        let waiting = tokio::spawn(async move { inbox.overflowed().await });
        tokio::task::yield_now().await;
        assert!(mailbox.post(1));
        assert!(!mailbox.post(2));
        waiting.await.unwrap();
    }

    #[test]
    fn half_a_queue_is_no_congestion_and_more_is() {
        let (mailbox, _inbox) = mailbox(4);
        let is_congested = (0..4).map(|event| mailbox.offer(event).is_congested);
        assert_eq!(is_congested.collect::<Vec<_>>(), [false, false, true, true]);
    }
}
