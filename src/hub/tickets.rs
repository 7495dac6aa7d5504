//! One-use tickets that open a switchboard connection (`docs/protocol/01 §7`).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{RoomId, SessionId, UserId};

/// How long a ticket opens anything.
pub(super) const LIFETIME: Duration = Duration::from_secs(120);

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketPurpose {
    /// A room of one's own.
    Open,
    /// A room one was called into.
    Join(RoomId),
}

/// What a ticket stands for. The ticket itself is only ever a key.
#[derive(Debug, Clone)]
pub struct RoomTicket {
    pub user: UserId,
    /// The notification session that it was given to; the ticket ends with it.
    pub session: SessionId,
    /// The session that asked for it, whose bound it counts for: whoever is called has not asked.
    pub payer: SessionId,
    pub purpose: TicketPurpose,
}

/// The tickets that are out.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    live: HashMap<Arc<str>, (RoomTicket, Instant)>,
    /// In order of issue, which is the order of expiry.
    by_age: VecDeque<(Instant, Arc<str>)>,
    per_payer: Count,
    per_session: Count,
}

/// Tickets that are out, for each session that has any.
#[derive(Debug, Default)]
struct Count(HashMap<SessionId, usize>);

impl Count {
    fn of(&self, session: SessionId) -> usize {
        self.0.get(&session).copied().unwrap_or_default()
    }

    fn add(&mut self, session: SessionId) {
        *self.0.entry(session).or_default() += 1;
    }

    fn release(&mut self, session: SessionId) {
        if let Some(out) = self.0.get_mut(&session) {
            *out -= 1;
            if *out == 0 {
                self.0.remove(&session);
            }
        }
    }
}

impl Tickets {
    /// Keeps a ticket under `key`; `false` if its payer has `limit` of them out already.
    pub(super) fn keep(
        &mut self,
        key: Arc<str>,
        ticket: RoomTicket,
        now: Instant,
        limit: usize,
    ) -> bool {
        self.forget_expired(now);
        if self.per_payer.of(ticket.payer) >= limit {
            return false;
        }
        self.per_payer.add(ticket.payer);
        self.per_session.add(ticket.session);
        let expires = now + LIFETIME;
        self.by_age.push_back((expires, Arc::clone(&key)));
        self.live.insert(key, (ticket, expires));
        true
    }

    /// Takes a ticket out for good. Whoever shows one and fails has spent it all the same.
    pub(super) fn take(&mut self, key: &str, now: Instant) -> Option<RoomTicket> {
        let (ticket, expires) = self.live.remove(key)?;
        self.release(&ticket);
        (now < expires).then_some(ticket)
    }

    /// Forgets what was given to a session that is over.
    pub(super) fn forget_session(&mut self, session: SessionId) {
        if self.per_session.of(session) == 0 {
            return;
        }
        let given = self
            .live
            .extract_if(|_, (ticket, _)| ticket.session == session);
        for (ticket, _) in given.map(|(_, kept)| kept).collect::<Vec<_>>() {
            self.release(&ticket);
        }
    }

    fn forget_expired(&mut self, now: Instant) {
        while let Some((expires, _)) = self.by_age.front()
            && *expires <= now
        {
            if let Some((_, key)) = self.by_age.pop_front()
                && let Some((ticket, _)) = self.live.remove(&key)
            {
                self.release(&ticket);
            }
        }
    }

    fn release(&mut self, ticket: &RoomTicket) {
        self.per_payer.release(ticket.payer);
        self.per_session.release(ticket.session);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.per_payer.0.is_empty() && self.per_session.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(session: u64) -> RoomTicket {
        RoomTicket {
            user: UserId(1),
            session: SessionId(session),
            payer: SessionId(session),
            purpose: TicketPurpose::Open,
        }
    }

    #[test]
    fn a_ticket_opens_once_and_in_time() {
        let (mut tickets, now) = (Tickets::default(), Instant::now());
        assert!(tickets.keep("a".into(), ticket(1), now, 5));
        assert!(tickets.keep("b".into(), ticket(1), now, 5));
        assert!(tickets.take("a", now).is_some());
        assert!(tickets.take("a", now).is_none());
        assert!(tickets.take("b", now + LIFETIME).is_none());
        assert!(tickets.is_empty());
    }

    #[test]
    fn tickets_are_bounded_expire_and_end_with_their_session() {
        let (mut tickets, now) = (Tickets::default(), Instant::now());
        assert!(tickets.keep("a".into(), ticket(1), now, 1));
        assert!(!tickets.keep("b".into(), ticket(1), now, 1));
        assert!(tickets.keep("c".into(), ticket(2), now, 1));
        tickets.forget_session(SessionId(2));
        assert!(tickets.take("c", now).is_none());
        assert!(tickets.keep("d".into(), ticket(1), now + LIFETIME, 1));
        assert!(tickets.take("a", now + LIFETIME).is_none());
    }

    #[test]
    fn a_ticket_counts_for_who_asked_for_it_and_ends_with_who_got_it() {
        let (mut tickets, now) = (Tickets::default(), Instant::now());
        let call = |callee| RoomTicket {
            payer: SessionId(1),
            ..ticket(callee)
        };
        assert!(tickets.keep("a".into(), call(2), now, 2));
        assert!(tickets.keep("b".into(), call(3), now, 2));
        assert!(!tickets.keep("c".into(), call(2), now, 2));
        assert!(tickets.keep("d".into(), ticket(2), now, 1));
        // Who called is gone; who was called may still come.
        tickets.forget_session(SessionId(1));
        assert!(tickets.take("a", now).is_some());
        tickets.forget_session(SessionId(2));
        assert!(tickets.take("d", now).is_none());
        assert!(tickets.take("b", now).is_some());
        assert!(tickets.is_empty());
    }
}
