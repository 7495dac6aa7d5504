//! The open sessions of the gateway, by id and by who opened them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;
use crate::network::Network;

/// The span of time in which openings are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Networks that are remembered at a time. One more is refused until others are forgotten.
const MOST_NETWORKS: usize = 65_536;

/// What one network may open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// Sessions at a time.
    pub(super) sessions: usize,
    /// Sessions within a minute.
    pub(super) opens_per_minute: u32,
}

/// Why no session is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are too many.
    Full,
    /// Too many were opened lately.
    TooFast,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Held only to look at or change it. The lock of a session may be taken meanwhile, never the
    /// other way round.
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    sessions: HashMap<Arc<str>, Arc<Session>>,
    networks: HashMap<Network, Guest>,
}

/// What a network has open, and what it opened since a moment.
#[derive(Debug)]
struct Guest {
    open: usize,
    since: Instant,
    opened: u32,
}

impl Guest {
    fn is_forgotten(&self, now: Instant) -> bool {
        self.open == 0 && now.saturating_duration_since(self.since) >= WINDOW
    }
}

impl Table {
    /// Counts an opening; `None` for the allowance means that there is no bound. To be followed by
    /// [`Table::insert`] or [`Table::give_back`].
    pub(super) fn reserve(
        &self,
        network: Network,
        allowance: Option<Allowance>,
        now: Instant,
    ) -> Result<(), Refused> {
        let mut rows = self.rows();
        if rows.networks.len() >= MOST_NETWORKS && !rows.networks.contains_key(&network) {
            rows.networks.retain(|_, guest| !guest.is_forgotten(now));
            if rows.networks.len() >= MOST_NETWORKS {
                return Err(Refused::Full);
            }
        }
        let guest = rows.networks.entry(network).or_insert(Guest {
            open: 0,
            since: now,
            opened: 0,
        });
        if now.saturating_duration_since(guest.since) >= WINDOW {
            guest.since = now;
            guest.opened = 0;
        }
        if let Some(allowance) = allowance {
            if guest.opened >= allowance.opens_per_minute {
                return Err(Refused::TooFast);
            }
            if guest.open >= allowance.sessions {
                return Err(Refused::Full);
            }
        }
        guest.opened = guest.opened.saturating_add(1);
        guest.open += 1;
        Ok(())
    }

    /// Takes back that a session is open.
    pub(super) fn give_back(&self, network: Network) {
        self.rows().left(network);
    }

    pub(super) fn insert(&self, id: Arc<str>, session: Arc<Session>) {
        self.rows().sessions.insert(id, session);
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.rows().sessions.get(id).cloned()
    }

    /// Whether no session is open.
    pub(super) fn is_empty(&self) -> bool {
        self.rows().sessions.is_empty()
    }

    /// Forgets a session. Calling it again changes nothing.
    pub(super) fn remove(&self, id: &str) {
        let mut rows = self.rows();
        if let Some(session) = rows.sessions.remove(id) {
            rows.left(session.network);
        }
    }

    /// Forgets the sessions that nobody has asked for in time, and answers them.
    pub(super) fn take_expired(&self, now: Instant) -> Vec<Arc<Session>> {
        let mut rows = self.rows();
        let expired: Vec<_> = rows
            .sessions
            .extract_if(|_, session| session.is_expired(now))
            .map(|(_, session)| session)
            .collect();
        for session in &expired {
            rows.left(session.network);
        }
        rows.networks.retain(|_, guest| !guest.is_forgotten(now));
        expired
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn left(&mut self, network: Network) {
        if let Some(guest) = self.networks.get_mut(&network) {
            guest.open = guest.open.saturating_sub(1);
        }
    }
}
