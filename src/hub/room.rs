//! One room: who is in it, who was called, and what its members hear of each other.
//!
//! Everything here happens under the room's own lock, and knows nothing of other rooms. Messages,
//! joins and leaves are posted under it, so all members see the same order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::endpoints::Callee;
use super::rooms::JoinError;
use super::tickets;
use crate::mailbox::Mailbox;
use crate::model::{
    Address, Capabilities, Guid, Occupant, Refusal, RoomId, SbEvent, Sender, SessionId, UserId,
};

#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    /// When it was opened.
    since: Instant,
    pub(super) state: Mutex<RoomState>,
}

#[derive(Debug)]
pub(super) struct RoomState {
    members: Vec<Member>,
    /// Who was called and has not answered: at which sessions, until when each.
    pub(super) called: HashMap<UserId, HashMap<SessionId, Instant>>,
    /// When somebody came, or when it was last found that somebody had spoken.
    last_message: Instant,
    /// Somebody has spoken since. Reading the clock for every message would cost more than that.
    has_spoken: bool,
    next_member: u64,
    /// The last member has left; nobody can come any more.
    closed: bool,
}

/// A room as the people who run the server see it: who is there, and nothing of what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomReport {
    pub id: RoomId,
    /// How long it has been open.
    pub age: Duration,
    /// How long nobody has said anything or come.
    pub idle: Duration,
    /// Everybody's address, once for each of their connections, in order of arrival.
    pub members: Vec<Address>,
}

/// A member's number, unique in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MemberId(u64);

/// One connection of somebody in a room.
#[derive(Debug)]
pub(super) struct Member {
    /// Set when it enters.
    pub(super) id: MemberId,
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) endpoint: Option<Guid>,
    pub(super) who: Arc<Sender>,
    pub(super) capabilities: Capabilities,
    pub(super) mailbox: Mailbox<SbEvent>,
}

/// What came of sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// It was queued to every other member, and somebody else than the sender was among them.
    pub complete: bool,
    /// The only other person has trouble keeping up; the sender may slow down for them.
    pub congested: bool,
    /// They are about to be cut off unless the sender does.
    pub nearly_full: bool,
}

impl Room {
    /// A room that nobody is in yet.
    pub(super) fn new(id: RoomId, now: Instant) -> Self {
        Self {
            id,
            since: now,
            state: Mutex::new(RoomState {
                members: Vec::new(),
                called: HashMap::new(),
                last_message: now,
                has_spoken: false,
                next_member: 1,
                closed: false,
            }),
        }
    }
}

impl Room {
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    pub(super) fn report(&self, now: Instant) -> RoomReport {
        let state = super::lock(&self.state);
        let members = state.members.iter();
        RoomReport {
            id: self.id,
            age: self.age(now),
            idle: state.idle(now),
            members: members.map(|it| it.who.address.clone()).collect(),
        }
    }
}

impl RoomState {
    pub(super) fn enter(
        &mut self,
        mut newcomer: Member,
        limit: usize,
        now: Instant,
    ) -> Result<(MemberId, Vec<Occupant>), JoinError> {
        if self.closed {
            return Err(JoinError::RoomClosed);
        }
        if self.members.len() >= limit {
            return Err(JoinError::RoomFull);
        }
        if let Some(sessions) = self.called.get_mut(&newcomer.user) {
            sessions.remove(&newcomer.session);
        }
        self.last_message = now;
        newcomer.id = MemberId(self.next_member);
        self.next_member += 1;
        let first = !self.has(newcomer.user);
        for member in &self.members {
            member
                .mailbox
                .post(SbEvent::Joined(newcomer.occupant(first)));
        }
        let others = self.occupants();
        let id = newcomer.id;
        self.members.push(newcomer);
        Ok((id, others))
    }

    fn idle(&self, now: Instant) -> Duration {
        if self.has_spoken {
            return Duration::ZERO;
        }
        now.saturating_duration_since(self.last_message)
    }

    fn has(&self, user: UserId) -> bool {
        self.members.iter().any(|member| member.user == user)
    }

    fn occupants(&self) -> Vec<Occupant> {
        let mut known: Vec<UserId> = Vec::new();
        let mut occupants = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let first = !known.contains(&member.user);
            if first {
                known.push(member.user);
            }
            occupants.push(member.occupant(first));
        }
        occupants
    }

    /// Takes a member out and tells the rest; answers whether the room is empty now.
    pub(super) fn leave(&mut self, id: MemberId) -> bool {
        let Some(position) = self.members.iter().position(|member| member.id == id) else {
            return false;
        };
        let gone = self.members.remove(position);
        let last = !self.has(gone.user);
        for member in &self.members {
            member.mailbox.post(gone.left(last, false));
        }
        self.closed = self.members.is_empty();
        self.closed
    }

    /// Sends a member away; answers whether the room is empty now.
    pub(super) fn dismiss(&mut self, id: MemberId) -> bool {
        if let Some(member) = self.members.iter().find(|member| member.id == id) {
            member.mailbox.post(SbEvent::Closed);
        }
        self.leave(id)
    }

    /// Ends a room in which nobody has spoken for `idle`, to within the time between two calls;
    /// answers whether it did.
    pub(super) fn close_if_idle(&mut self, now: Instant, idle: Duration) -> bool {
        if std::mem::take(&mut self.has_spoken) {
            self.last_message = now;
        }
        if now.saturating_duration_since(self.last_message) < idle {
            return false;
        }
        for member in &self.members {
            for other in self.members.iter().filter(|other| other.id != member.id) {
                // Oneself has not left, whichever other place of one's own has.
                let last = other.user != member.user && self.is_last_of_account(other);
                member.mailbox.post(other.left(last, true));
            }
            member.mailbox.post(SbEvent::Closed);
        }
        self.members.clear();
        self.closed = true;
        true
    }

    /// Whether no connection of the same account came later.
    fn is_last_of_account(&self, member: &Member) -> bool {
        let mut from_the_end = self.members.iter().rev();
        from_the_end
            .find(|other| other.user == member.user)
            .is_some_and(|last| last.id == member.id)
    }

    pub(super) fn relay(&mut self, sender: (MemberId, UserId), message: SbEvent) -> Delivery {
        let (sender, author) = sender;
        self.has_spoken = true;
        let mut missed = false;
        let mut congested = false;
        let mut nearly_full = false;
        let mut listener: Option<UserId> = None;
        let mut several = false;
        let others = self.members.iter().filter(|member| member.id != sender);
        let count = self.members.len().saturating_sub(1);
        // The last one gets the message itself, and in a conversation of two nobody gets a copy.
        for (member, message) in others.zip(std::iter::repeat_n(message, count)) {
            let posted = member.mailbox.offer(message);
            missed |= !posted.is_queued;
            congested |= posted.is_congested;
            nearly_full |= posted.is_nearly_full;
            if member.user != author {
                several |= listener.is_some_and(|listener| listener != member.user);
                listener = Some(member.user);
            }
        }
        Delivery {
            complete: listener.is_some() && !missed,
            congested: congested && !several,
            nearly_full: nearly_full && !several,
        }
    }

    /// Notes a call at those of the callee's sessions that are neither here nor called already,
    /// and answers with them. Refused if there is none, or no room for any.
    pub(super) fn call(
        &mut self,
        callee: &Callee,
        limit: usize,
        now: Instant,
    ) -> Result<Vec<SessionId>, Refusal> {
        for (user, called) in &mut self.called {
            // A call to a session that is over cannot be answered any more.
            called.retain(|session, expires| {
                now < *expires && (*user != callee.user || callee.reachable.contains(session))
            });
        }
        self.called.retain(|_, called| !called.is_empty());
        let is_here = |session| self.members.iter().any(|member| member.session == session);
        let called = self.called.get(&callee.user);
        let rings = |session| called.is_some_and(|called| called.contains_key(&session));
        let meant = callee.meant.iter();
        let mut left: Vec<SessionId> = meant
            .copied()
            .filter(|session| !is_here(*session) && !rings(*session))
            .collect();
        if left.is_empty() {
            return Err(Refusal::AlreadyThere);
        }
        let taken = self.members.len() + self.called.values().map(HashMap::len).sum::<usize>();
        left.truncate(limit.saturating_sub(taken));
        if left.is_empty() {
            return Err(Refusal::RoomFull);
        }
        let expires = now + tickets::LIFETIME;
        let noted = left.iter().map(|&session| (session, expires));
        self.called.entry(callee.user).or_default().extend(noted);
        Ok(left)
    }

    /// Forgets a call that did not go out.
    pub(super) fn uncall(&mut self, callee: UserId, session: SessionId) {
        if let Some(called) = self.called.get_mut(&callee) {
            called.remove(&session);
        }
    }
}

impl Member {
    fn occupant(&self, first: bool) -> Occupant {
        Occupant {
            who: Arc::clone(&self.who),
            capabilities: self.capabilities,
            endpoint: self.endpoint,
            first,
        }
    }

    fn left(&self, last: bool, idle: bool) -> SbEvent {
        SbEvent::Left {
            address: self.who.address.clone(),
            endpoint: self.endpoint,
            last,
            idle,
        }
    }
}
