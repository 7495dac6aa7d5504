//! Switchboard rooms and their members (`docs/protocol/03`).
//!
//! Each room has a mutex of its own, so conversations do not wait for each other. A member is a
//! connection, not an account: somebody at several places is there once for each that came
//! (`docs/protocol/10 §8.1`). Here is how rooms are found and entered; what happens inside one is
//! in `room`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::endpoints::Callee;
use super::room::{Delivery, Member, MemberId, Room, RoomReport};
use super::tickets::{RoomTicket, TicketPurpose, Tickets};
use super::{Hub, lock};
use crate::mailbox::Mailbox;
use crate::model::{
    Address, Capabilities, DialectTag, Guid, Invitation, NsEvent, Occupant, Refusal, RoomId,
    SbEvent, Sender, SessionId, UserId,
};

/// Bounds on rooms.
#[derive(Debug, Clone, Copy)]
pub struct RoomLimits {
    /// Connections in one room, those that are called included.
    pub members: usize,
    /// Rooms one session may be in.
    pub rooms_per_session: usize,
    /// A room in which nobody says anything this long is closed.
    pub idle: Duration,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self {
            members: 50,
            rooms_per_session: 100,
            idle: Duration::from_secs(600),
        }
    }
}

/// Tickets that one session may have out, for rooms of its own and for those it called.
const TICKETS_PER_SESSION: usize = 100;
/// How many times as many rooms as its own a session may have been called into. They are counted
/// apart, so that nobody's calls keep it from opening its own.
const CALLED_FACTOR: usize = 4;

/// Everything under the rooms lock: how to find rooms. What happens in a room is under its own.
#[derive(Debug, Default)]
pub(super) struct RoomsArea {
    rooms: HashMap<RoomId, Arc<Room>>,
    tickets: Tickets,
    /// The rooms a notification session takes part in, so that they end with it.
    by_session: HashMap<SessionId, Vec<Stay>>,
}

/// A room that a session takes part in.
#[derive(Debug)]
struct Stay {
    room: Arc<Room>,
    member: MemberId,
    /// Whether it was opened by this session.
    is_own: bool,
}

/// Why a ticket does not open a room. All of them look the same outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the ticket is unknown, used or expired")]
    BadTicket,
    #[error("the ticket is another account's")]
    OtherAccount,
    #[error("the ticket is for another place of the account")]
    OtherEndpoint,
    #[error("the ticket is for another room or purpose")]
    OtherPurpose,
    #[error("the session that got the ticket is over")]
    SessionOver,
    #[error("the room is closed")]
    RoomClosed,
    #[error("the room is full")]
    RoomFull,
    #[error("the session is in too many rooms")]
    TooManyRooms,
}

/// Whom a call rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    Somebody,
    /// The caller's own other places, of which there may be none.
    Oneself,
}

/// Who shows a ticket: the account and, if the client tells it, the machine.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'a> {
    pub address: &'a Address,
    pub endpoint: Option<Guid>,
}

/// Membership of one connection in a room; dropping it leaves the room.
#[derive(Debug)]
pub struct Membership {
    hub: Hub,
    room: Arc<Room>,
    member: MemberId,
    user: UserId,
    session: SessionId,
    endpoint: Option<Guid>,
    who: Arc<Sender>,
    capabilities: Capabilities,
    dialect: DialectTag,
}

/// What a newcomer learns.
#[derive(Debug)]
pub struct RoomEntrance {
    pub membership: Membership,
    /// Who was there before, each connection once, in order of arrival.
    pub others: Vec<Occupant>,
}

impl Hub {
    /// Gives out a ticket for a new room.
    pub fn ticket_for_new_room(
        &self,
        user: UserId,
        session: SessionId,
        key: &Arc<str>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let ticket = RoomTicket {
            user,
            session,
            payer: session,
            purpose: TicketPurpose::Open,
        };
        self.keep_ticket(key, ticket, now)
    }

    fn keep_ticket(&self, key: &Arc<str>, ticket: RoomTicket, now: Instant) -> Result<(), Refusal> {
        let mut area = self.rooms();
        let kept = area
            .tickets
            .keep(Arc::clone(key), ticket, now, TICKETS_PER_SESSION);
        if kept {
            Ok(())
        } else {
            Err(Refusal::TooManyRooms)
        }
    }

    /// Opens a room with a ticket. `room_id` is tried as the new room's number.
    pub fn open_room(
        &self,
        key: &str,
        bearer: Bearer<'_>,
        room_id: impl FnMut() -> RoomId,
        mailbox: Mailbox<SbEvent>,
        now: Instant,
    ) -> Result<RoomEntrance, JoinError> {
        let ticket = self.take_ticket(key, TicketPurpose::Open, now)?;
        let room = self.rooms().add_room(room_id, now);
        let entered = self.enter_room(&room, &ticket, bearer, mailbox, now);
        if entered.is_err() {
            self.rooms().rooms.remove(&room.id);
        }
        entered
    }

    /// Enters the room one was called into.
    pub fn join_room(
        &self,
        key: &str,
        bearer: Bearer<'_>,
        room_id: RoomId,
        mailbox: Mailbox<SbEvent>,
        now: Instant,
    ) -> Result<RoomEntrance, JoinError> {
        let ticket = self.take_ticket(key, TicketPurpose::Join(room_id), now)?;
        let room = self.rooms().rooms.get(&room_id).cloned();
        let room = room.ok_or(JoinError::RoomClosed)?;
        self.enter_room(&room, &ticket, bearer, mailbox, now)
    }

    /// A ticket serves once, and only for its purpose.
    fn take_ticket(
        &self,
        key: &str,
        purpose: TicketPurpose,
        now: Instant,
    ) -> Result<RoomTicket, JoinError> {
        let ticket = self.rooms().tickets.take(key, now);
        let ticket = ticket.ok_or(JoinError::BadTicket)?;
        if ticket.purpose != purpose {
            return Err(JoinError::OtherPurpose);
        }
        Ok(ticket)
    }

    fn enter_room(
        &self,
        room: &Arc<Room>,
        ticket: &RoomTicket,
        bearer: Bearer<'_>,
        mailbox: Mailbox<SbEvent>,
        now: Instant,
    ) -> Result<RoomEntrance, JoinError> {
        let participant = self
            .participant(ticket.user, ticket.session)
            .ok_or(JoinError::SessionOver)?;
        if participant.address != *bearer.address {
            return Err(JoinError::OtherAccount);
        }
        if bearer.endpoint.is_some() && bearer.endpoint != participant.endpoint {
            return Err(JoinError::OtherEndpoint);
        }
        let who = Arc::new(Sender {
            address: participant.address,
            name: participant.name,
        });
        let member = Member {
            id: MemberId::default(),
            user: ticket.user,
            session: ticket.session,
            endpoint: participant.endpoint,
            who: Arc::clone(&who),
            capabilities: participant.capabilities,
            mailbox,
        };
        let (member, others) =
            lock(&room.state).enter(member, self.shared.room_limits.now().members, now)?;
        // From here on the guard undoes everything.
        let membership = Membership {
            hub: self.clone(),
            room: Arc::clone(room),
            member,
            user: ticket.user,
            session: ticket.session,
            endpoint: participant.endpoint,
            who,
            capabilities: participant.capabilities,
            dialect: participant.dialect,
        };
        let stay = Stay {
            room: Arc::clone(room),
            member,
            is_own: ticket.purpose == TicketPurpose::Open,
        };
        let limit = self.shared.room_limits.now().rooms_per_session;
        if !self.rooms().register(ticket.session, stay, limit) {
            return Err(JoinError::TooManyRooms);
        }
        // The session may have ended since; then its rooms were closed before this one was
        // known, and the membership must not outlive it.
        if self.participant(ticket.user, ticket.session).is_none() {
            return Err(JoinError::SessionOver);
        }
        Ok(RoomEntrance { membership, others })
    }

    /// Ends every conversation of a notification session that is over, and forgets its tickets.
    pub(super) fn close_rooms_of(&self, session: SessionId) {
        let memberships = {
            let mut area = self.rooms();
            area.tickets.forget_session(session);
            area.by_session.remove(&session).unwrap_or_default()
        };
        for Stay { room, member, .. } in memberships {
            let emptied = lock(&room.state).dismiss(member);
            self.forget_if(emptied, &room);
        }
    }

    /// Closes the rooms in which nobody has said anything for the idle time: each member hears
    /// that each other one left for that reason (`docs/protocol/03 §6`).
    pub fn close_idle_rooms(&self, now: Instant) {
        let rooms: Vec<Arc<Room>> = self.rooms().rooms.values().cloned().collect();
        for room in rooms {
            let closed = lock(&room.state).close_if_idle(now, self.shared.room_limits.now().idle);
            self.forget_if(closed, &room);
        }
    }

    /// How many rooms are open.
    pub fn room_count(&self) -> usize {
        self.rooms().rooms.len()
    }

    /// The rooms that are open, the oldest first, at most `count`, and how many there are.
    pub fn room_reports(&self, now: Instant, count: usize) -> (usize, Vec<RoomReport>) {
        let mut rooms: Vec<Arc<Room>> = self.rooms().rooms.values().cloned().collect();
        rooms.sort_unstable_by_key(|room| (std::cmp::Reverse(room.age(now)), room.id));
        let reports = rooms.iter().take(count).map(|room| room.report(now));
        (rooms.len(), reports.collect())
    }

    fn forget_if(&self, emptied: bool, room: &Room) {
        if emptied {
            self.rooms().rooms.remove(&room.id);
        }
    }
}

impl RoomsArea {
    fn add_room(&mut self, mut room_id: impl FnMut() -> RoomId, now: Instant) -> Arc<Room> {
        let id = std::iter::repeat_with(&mut room_id)
            .find(|id| !self.rooms.contains_key(id))
            .unwrap_or(RoomId(1));
        let room = Arc::new(Room::new(id, now));
        self.rooms.insert(id, Arc::clone(&room));
        room
    }

    fn register(&mut self, session: SessionId, stay: Stay, limit: usize) -> bool {
        let factor = if stay.is_own { 1 } else { CALLED_FACTOR };
        let stays = self.by_session.entry(session).or_default();
        let taken = stays.iter().filter(|it| it.is_own == stay.is_own).count();
        let fits = taken < limit.saturating_mul(factor);
        if fits {
            stays.push(stay);
        }
        fits
    }

    fn unregister(&mut self, session: SessionId, room: &Arc<Room>, member: MemberId) {
        if let Some(stays) = self.by_session.get_mut(&session) {
            stays.retain(|it| !(Arc::ptr_eq(&it.room, room) && it.member == member));
            if stays.is_empty() {
                self.by_session.remove(&session);
            }
        }
    }
}

impl Membership {
    /// The room's number.
    pub fn room(&self) -> RoomId {
        self.room.id
    }

    /// The account behind this member.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// How the others see this member.
    pub fn who(&self) -> &Arc<Sender> {
        &self.who
    }

    /// The dialect of the notification session that this member belongs to.
    pub fn dialect(&self) -> DialectTag {
        self.dialect
    }

    /// The place this member belongs to, if its client told one.
    pub fn endpoint(&self) -> Option<Guid> {
        self.endpoint
    }

    /// What its client can do.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Sends a message to every other member, the other places of one's own included.
    pub fn relay(&self, body: Bytes) -> Delivery {
        let message = SbEvent::Message {
            from: Arc::clone(&self.who),
            body,
        };
        lock(&self.room.state).relay((self.member, self.user), message)
    }

    /// Calls an account into the room, if it may be called, at the place named by `at` or at every
    /// one, as far as it is not there yet (`docs/protocol/03 §4`, `docs/protocol/10 §8.1`). Each
    /// ticket gets a `key` of its own.
    ///
    /// The newer clients call themselves first, so that their other places see the conversation.
    /// That never fails: they wait for the answer whether there is another place or not. Whether
    /// a client may do so at all is for the caller to say.
    pub fn call(
        &self,
        address: &Address,
        at: Option<Guid>,
        mut key: impl FnMut() -> Arc<str>,
        now: Instant,
    ) -> Result<Called, Refusal> {
        if *address == self.who.address {
            let places = self.hub.own_places(self.user, at);
            let rang = places.map(|places| self.ring_all(&places, &mut key, now));
            if let Some(Err(refusal)) = rang {
                tracing::debug!(%refusal, "no other place of the caller rings");
            }
            return Ok(Called::Oneself);
        }
        let callee = self.hub.callee(self.user, address, at);
        self.ring_all(&callee.ok_or(Refusal::Unreachable)?, &mut key, now)?;
        Ok(Called::Somebody)
    }

    /// Rings the sessions that are left to ring; refused if none of them could be.
    fn ring_all(
        &self,
        callee: &Callee,
        key: &mut impl FnMut() -> Arc<str>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let limit = self.hub.shared.room_limits.now().members;
        let left = lock(&self.room.state).call(callee, limit, now)?;
        let mut outcome = Err(Refusal::Unreachable);
        for session in left {
            match self.ring(callee.user, session, &key(), now) {
                Ok(()) => outcome = Ok(()),
                Err(refusal) => {
                    lock(&self.room.state).uncall(callee.user, session);
                    outcome = outcome.or(Err(refusal));
                }
            }
        }
        outcome
    }

    fn ring(
        &self,
        callee: UserId,
        session: SessionId,
        key: &Arc<str>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let ticket = RoomTicket {
            user: callee,
            session,
            payer: self.session,
            purpose: TicketPurpose::Join(self.room.id),
        };
        self.hub.keep_ticket(key, ticket, now)?;
        let invitation = NsEvent::Invitation(Arc::new(Invitation {
            room: self.room.id,
            ticket: Arc::clone(key),
            inviter: self.who.address.clone(),
            name: self.who.name.clone(),
        }));
        if self.hub.tell_session(callee, session, invitation) {
            Ok(())
        } else {
            Err(Refusal::Unreachable)
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let emptied = lock(&self.room.state).leave(self.member);
        let mut area = self.hub.rooms();
        area.unregister(self.session, &self.room, self.member);
        if emptied {
            area.rooms.remove(&self.room.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::online::testing::{Person, sign_in};
    use super::*;
    use crate::mailbox::{Inbox, mailbox};
    use crate::model::Status;

    struct Seat {
        membership: Membership,
        inbox: Inbox<SbEvent>,
    }

    fn address(user: i64) -> Address {
        Address::parse(&format!("u{user}@example.com")).unwrap()
    }

    fn bearer(address: &Address) -> Bearer<'_> {
        Bearer {
            address,
            endpoint: None,
        }
    }

    fn person(hub: &Hub, user: i64) -> Person {
        let person = sign_in(hub, UserId(user), &[]);
        person.set(hub, Status::Online);
        person
    }

    fn open(hub: &Hub, person: &Person) -> Seat {
        open_as(hub, person, RoomId(7))
    }

    fn open_as(hub: &Hub, person: &Person, id: RoomId) -> Seat {
        let now = Instant::now();
        let key: Arc<str> = format!("open{}", person.guard.session()).into();
        let user = person.guard.user();
        hub.ticket_for_new_room(user, person.guard.session(), &key, now)
            .unwrap();
        let (mailbox, inbox) = mailbox(4);
        let entered = hub.open_room(&key, bearer(&address(user.0)), || id, mailbox, now);
        Seat {
            membership: entered.unwrap().membership,
            inbox,
        }
    }

    fn join(hub: &Hub, seat: &Seat, callee: i64) -> Result<Seat, JoinError> {
        let now = Instant::now();
        let key: Arc<str> = format!("join{callee}").into();
        seat.membership
            .call(&address(callee), None, || Arc::clone(&key), now)
            .unwrap();
        let (mailbox, inbox) = mailbox(4);
        let room = seat.membership.room();
        hub.join_room(&key, bearer(&address(callee)), room, mailbox, now)
            .map(|entered| Seat {
                membership: entered.membership,
                inbox,
            })
    }

    fn heard(seat: &mut Seat) -> Vec<String> {
        seat.inbox
            .drain()
            .into_iter()
            .map(|event| match event {
                SbEvent::Joined(newcomer) => format!("joined {}", newcomer.who.address),
                SbEvent::Left { address, idle, .. } => format!("left {address} {idle}"),
                SbEvent::Message { body, .. } => format!("said {}", body.escape_ascii()),
                SbEvent::Closed => "closed".to_owned(),
            })
            .collect()
    }

    #[test]
    fn people_talk_and_leave() {
        let hub = Hub::new(RoomLimits::default());
        let (alice, _bob) = (person(&hub, 1), person(&hub, 2));
        let mut a = open(&hub, &alice);
        let said = |seat: &Seat, body| seat.membership.relay(body);
        assert!(!said(&a, Bytes::from_static(b"alone")).complete);
        let mut b = join(&hub, &a, 2).unwrap();
        assert!(said(&a, Bytes::from_static(b"hi")).complete);
        assert_eq!(heard(&mut b), ["said hi"]);
        drop(b);
        assert_eq!(
            heard(&mut a),
            ["joined u2@example.com", "left u2@example.com false"]
        );
        assert_eq!(hub.room_count(), 1, "the last member keeps the room");
        drop(a);
        assert_eq!(hub.room_count(), 0);
    }

    #[test]
    fn a_ticket_is_bound_to_account_purpose_and_room() {
        let hub = Hub::new(RoomLimits::default());
        let (alice, _bob) = (person(&hub, 1), person(&hub, 2));
        let seat = open(&hub, &alice);
        let now = Instant::now();
        let attempt = |key: &str, account: i64, room: u32| {
            let key: Arc<str> = key.into();
            let again = seat
                .membership
                .call(&address(2), None, || Arc::clone(&key), now);
            let (mailbox, _inbox) = mailbox(4);
            let joined = hub.join_room(&key, bearer(&address(account)), RoomId(room), mailbox, now);
            lock(&seat.membership.room.state).called.clear();
            again.unwrap();
            joined.map(|_| ()).unwrap_err()
        };
        assert_eq!(attempt("a", 1, 7), JoinError::OtherAccount);
        assert_eq!(attempt("b", 2, 8), JoinError::OtherPurpose);
        let (mailbox, _inbox) = mailbox(4);
        let used = hub.join_room("a", bearer(&address(2)), RoomId(7), mailbox, now);
        assert_eq!(used.map(|_| ()).unwrap_err(), JoinError::BadTicket);
    }

    #[test]
    fn a_call_is_refused_while_another_is_out_or_the_callee_is_there() {
        let hub = Hub::new(RoomLimits::default());
        let (alice, bob) = (person(&hub, 1), person(&hub, 2));
        let seat = open(&hub, &alice);
        let call = |user| {
            let key: Arc<str> = format!("k{user}").into();
            seat.membership
                .call(&address(user), None, || Arc::clone(&key), Instant::now())
        };
        assert_eq!(call(1), Ok(Called::Oneself));
        assert_eq!(call(3), Err(Refusal::Unreachable));
        assert_eq!(call(2), Ok(Called::Somebody));
        assert_eq!(call(2), Err(Refusal::AlreadyThere));
        drop(bob);
        assert_eq!(call(2), Err(Refusal::Unreachable));
        let _bob = person(&hub, 2);
        assert_eq!(
            call(2),
            Ok(Called::Somebody),
            "the old call cannot be answered any more"
        );
    }

    #[test]
    fn the_end_of_a_session_ends_its_conversations() {
        let hub = Hub::new(RoomLimits::default());
        let (alice, bob) = (person(&hub, 1), person(&hub, 2));
        let mut a = open(&hub, &alice);
        let mut b = join(&hub, &a, 2).unwrap();
        drop(bob);
        assert_eq!(heard(&mut b), ["closed"]);
        assert_eq!(
            heard(&mut a),
            ["joined u2@example.com", "left u2@example.com false"]
        );
        drop((alice, a, b));
        let area = hub.rooms();
        assert!(area.rooms.is_empty() && area.by_session.is_empty() && area.tickets.is_empty());
    }

    #[test]
    fn a_quiet_room_is_closed_with_the_mark_of_idleness() {
        let hub = Hub::new(RoomLimits::default());
        let (alice, _bob) = (person(&hub, 1), person(&hub, 2));
        let mut a = open(&hub, &alice);
        let mut b = join(&hub, &a, 2).unwrap();
        hub.close_idle_rooms(Instant::now());
        assert_eq!(hub.room_count(), 1);
        hub.close_idle_rooms(Instant::now() + Duration::from_secs(601));
        assert_eq!(heard(&mut b), ["left u1@example.com true", "closed"]);
        assert_eq!(heard(&mut a)[1..], ["left u2@example.com true", "closed"]);
        assert_eq!(hub.room_count(), 0);
    }

    #[test]
    fn a_member_who_does_not_read_is_not_waited_for() {
        let hub = Hub::new(RoomLimits::default());
        let (alice, _bob) = (person(&hub, 1), person(&hub, 2));
        let a = open(&hub, &alice);
        let b = join(&hub, &a, 2).unwrap();
        let deliveries: Vec<Delivery> = (0..6)
            .map(|_| a.membership.relay(Bytes::from_static(b"x")))
            .collect();
        let complete: Vec<bool> = deliveries.iter().map(|d| d.complete).collect();
        assert_eq!(complete, [true, true, true, true, false, false]);
        assert!(!deliveries[1].congested && deliveries[2].congested);
        assert!(b.inbox.has_overflowed());
    }

    #[test]
    fn rooms_and_sessions_are_bounded() {
        let hub = Hub::new(RoomLimits {
            members: 2,
            rooms_per_session: 1,
            ..RoomLimits::default()
        });
        let people: Vec<Person> = (1..=3).map(|user| person(&hub, user)).collect();
        let a = open(&hub, &people[0]);
        let b = join(&hub, &a, 2).unwrap();
        let key: Arc<str> = "third".into();
        let third = b
            .membership
            .call(&address(3), None, || Arc::clone(&key), Instant::now());
        assert_eq!(third, Err(Refusal::RoomFull));
        let second = "second".into();
        let session = people[0].guard.session();
        hub.ticket_for_new_room(UserId(1), session, &second, Instant::now())
            .unwrap();
        let (mailbox, _inbox) = mailbox(4);
        let opened = hub.open_room(
            &second,
            bearer(&address(1)),
            || RoomId(9),
            mailbox,
            Instant::now(),
        );
        assert_eq!(opened.map(|_| ()).unwrap_err(), JoinError::TooManyRooms);
        assert_eq!(hub.room_count(), 1);
    }

    #[test]
    fn nobodys_calls_use_up_the_rooms_of_whom_they_call() {
        let hub = Hub::new(RoomLimits {
            rooms_per_session: 1,
            ..RoomLimits::default()
        });
        let people: Vec<Person> = (1..=7).map(|user| person(&hub, user)).collect();
        let open = |user: u32| open_as(&hub, &people[user as usize - 1], RoomId(user));
        let callers: Vec<Seat> = (2..=7).map(open).collect();
        let mut joined: Vec<_> = callers.iter().map(|seat| join(&hub, seat, 1)).collect();
        let refused = joined.split_off(CALLED_FACTOR);
        assert!(joined.iter().all(Result::is_ok));
        assert!(
            refused
                .iter()
                .all(|it| it.as_ref().is_err_and(|it| *it == JoinError::TooManyRooms))
        );
        drop(open(1));
        // However many call, the tickets for rooms of one's own are left.
        let now = Instant::now();
        for number in 0..TICKETS_PER_SESSION {
            let key: Arc<str> = format!("call{number}").into();
            let caller = &callers[number % callers.len()].membership;
            lock(&caller.room.state).called.clear();
            let _ = caller.call(&address(1), None, || Arc::clone(&key), now);
        }
        let (user, session) = (UserId(1), people[0].guard.session());
        assert_eq!(
            hub.ticket_for_new_room(user, session, &"own".into(), now),
            Ok(())
        );
    }
}
