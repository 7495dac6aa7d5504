//! The bounded queue of events to one connection: the hub posts, the connection reads.
//!
//! Posting never waits. When the queue is full, the event is dropped and the connection is told
//! to end: a client that does not read costs its bound and nothing more.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The sending end, held by the hub.
#[derive(Debug)]
pub struct Mailbox<E> {
    queue: mpsc::Sender<E>,
    overflow: CancellationToken,
}

/// The receiving end, held by the connection.
#[derive(Debug)]
pub struct Inbox<E> {
    queue: mpsc::Receiver<E>,
    overflow: CancellationToken,
}

/// Makes a queue for at most `bound` events.
pub fn mailbox<E>(bound: usize) -> (Mailbox<E>, Inbox<E>) {
    let (sender, receiver) = mpsc::channel(bound.max(1));
    let overflow = CancellationToken::new();
    let mailbox = Mailbox {
        queue: sender,
        overflow: overflow.clone(),
    };
    let inbox = Inbox {
        queue: receiver,
        overflow,
    };
    (mailbox, inbox)
}

impl<E> Clone for Mailbox<E> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            overflow: self.overflow.clone(),
        }
    }
}

impl<E> Mailbox<E> {
    /// Puts an event into the queue; `false` if it did not fit or nobody reads any more.
    pub fn post(&self, event: E) -> bool {
        match self.queue.try_send(event) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.overflow.cancel();
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Whether more than half of the queue is taken.
    pub fn is_congested(&self) -> bool {
        self.queue.capacity() < self.queue.max_capacity() / 2
    }
}

impl<E> Inbox<E> {
    /// Waits for events and moves up to `limit` of them into `events`. Cancel-safe. Answers 0
    /// when no event can come any more.
    pub async fn receive(&mut self, events: &mut Vec<E>, limit: usize) -> usize {
        self.queue.recv_many(events, limit).await
    }

    /// Everything that is waiting now.
    #[cfg(test)]
    pub(crate) fn drain(&mut self) -> Vec<E> {
        std::iter::from_fn(|| self.queue.try_recv().ok()).collect()
    }

    /// Ends when the queue has overflowed.
    pub fn overflow(&self) -> &CancellationToken {
        &self.overflow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_drops_and_says_so() {
        let (mailbox, mut inbox) = mailbox(2);
        assert!(mailbox.post(1) && mailbox.post(2));
        assert!(!inbox.overflow().is_cancelled());
        assert!(!mailbox.post(3));
        assert!(inbox.overflow().is_cancelled());
        let mut events = Vec::new();
        assert_eq!(inbox.receive(&mut events, 10).await, 2);
        assert_eq!(events, [1, 2]);
    }
}
