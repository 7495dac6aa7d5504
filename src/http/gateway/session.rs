//! One session of the gateway: the client's end of a pipe, and the requests that come for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::metrics::{Live, Metrics};
use crate::net::ClientEnd;
use crate::network::Network;

/// The longest reply; one of the clients' own packets are no longer (`docs/protocol/20 §5`).
const REPLY_LIMIT: usize = 32 * 1024;
/// How long a command's answer is waited for; it saves the client a poll (`docs/protocol/20 §6`).
const PATIENCE: Duration = Duration::from_millis(200);
/// Requests of one session that are there at a time. No client has more than two.
const MOST_REQUESTS: usize = 8;

/// A session and its state.
#[derive(Debug)]
pub(super) struct Session {
    /// Who opened it.
    pub(super) network: Network,
    client: ClientEnd,
    /// How long it outlives its last request.
    timeout: Duration,
    /// Held for the whole of a request, so that requests are handled one after the other and in
    /// the order in which they came.
    turn: tokio::sync::Mutex<()>,
    /// Held only to look at or change it.
    requests: Mutex<Requests>,
    metrics: Metrics,
    _live: Live,
}

#[derive(Debug)]
struct Requests {
    /// Being handled or waiting for their turn.
    present: usize,
    last: Instant,
    /// Whether one of them was told that the session is over.
    is_told: bool,
}

/// A request that is there; gone when dropped.
struct Visit<'a>(&'a Session);

/// What a request is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) body: Bytes,
    /// Whether this was the last of the session.
    pub(super) is_last: bool,
}

/// There is nothing to answer it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// An earlier request has got the end of the session.
    Over,
    /// More requests at a time than any client sends.
    Crowded,
}

impl Session {
    pub(super) fn new(
        network: Network,
        client: ClientEnd,
        timeout: Duration,
        metrics: &Metrics,
    ) -> Self {
        Self {
            network,
            client,
            timeout,
            turn: tokio::sync::Mutex::new(()),
            requests: Mutex::new(Requests {
                present: 0,
                last: Instant::now(),
                is_told: false,
            }),
            metrics: metrics.clone(),
            _live: metrics.gateway_session(),
        }
    }

    /// Gives bytes to the session and answers what it has to say. With a `lifespan`, and nothing
    /// to say, the answer waits for that long; it comes at once, and empty, when another request
    /// of the session arrives (`docs/protocol/20 §6`).
    pub(super) async fn exchange(
        &self,
        body: &[u8],
        lifespan: Option<Duration>,
    ) -> Result<Reply, Unanswered> {
        let _visit = self.visit()?;
        let _turn = self.turn.lock().await;
        if self.requests().is_told {
            return Err(Unanswered::Over);
        }
        if !body.is_empty() {
            if self.client.push(body) {
                self.client.settle(PATIENCE, REPLY_LIMIT).await;
            } else {
                tracing::info!("a client of the gateway sends more than can be taken");
                self.client.hang_up();
            }
        }
        if let Some(lifespan) = lifespan
            && !self.park(lifespan).await
        {
            // What there may be now is for the request that came, whose client certainly listens.
            return Ok(Reply {
                body: Bytes::new(),
                is_last: false,
            });
        }
        Ok(self.reply())
    }

    /// Ends the session for its client, and answers the last of it.
    pub(super) async fn close(&self) -> Result<Reply, Unanswered> {
        let _visit = self.visit()?;
        self.client.hang_up();
        let _turn = self.turn.lock().await;
        self.client.settle(PATIENCE, REPLY_LIMIT).await;
        self.requests().is_told = true;
        Ok(Reply {
            body: self.client.fetch(REPLY_LIMIT),
            is_last: true,
        })
    }

    /// Ends the session as a lost connection would.
    pub(super) fn hang_up(&self) {
        self.client.hang_up();
    }

    /// Whether no request has come for too long.
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        let requests = self.requests();
        requests.present == 0 && now.saturating_duration_since(requests.last) >= self.timeout
    }

    fn reply(&self) -> Reply {
        let body = self.client.fetch(REPLY_LIMIT);
        let is_last = self.client.is_over();
        self.requests().is_told = is_last;
        Reply { body, is_last }
    }

    /// Waits until there is something to answer, or for the whole lifespan. `false` if another
    /// request came first.
    async fn park(&self, lifespan: Duration) -> bool {
        let deadline = Instant::now() + lifespan;
        let mut parked = None;
        loop {
            if self.client.has_news() || Instant::now() >= deadline {
                return true;
            }
            if self.requests().present > 1 {
                return false;
            }
            parked.get_or_insert_with(|| self.metrics.gateway_poll());
            // The end of the wait is looked at like any news.
            let _ = timeout_at(deadline, self.client.news()).await;
        }
    }

    fn visit(&self) -> Result<Visit<'_>, Unanswered> {
        let mut requests = self.requests();
        if requests.present >= MOST_REQUESTS {
            return Err(Unanswered::Crowded);
        }
        requests.present += 1;
        // A poll that is parked makes way.
        self.client.nudge();
        Ok(Visit(self))
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut requests = self.0.requests();
        requests.present = requests.present.saturating_sub(1);
        requests.last = Instant::now();
    }
}
