//! Conversations.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::OnlineGuard;
use crate::hub::{Bearer, Called, Delivery, Hub, JoinError, Membership, RoomEntrance};
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::model::{Address, Guid, Refusal, RoomId, SbEvent};

/// Operations on rooms; clones share their state.
#[derive(Debug, Clone)]
pub struct ChatOperations {
    hub: Hub,
    metrics: Metrics,
}

impl ChatOperations {
    pub(super) fn new(hub: Hub, metrics: Metrics) -> Self {
        Self { hub, metrics }
    }

    /// Gives out a one-use ticket for a new room. Refused: `NotVisible` before the first status,
    /// while hidden, or with calls switched off; `TooManyRooms`.
    pub fn ticket(&self, guard: &OnlineGuard) -> Result<Arc<str>, Refusal> {
        if !self.hub.may_converse(guard) {
            return Err(Refusal::NotVisible);
        }
        let key = random_key();
        let (user, session) = (guard.user(), guard.session());
        self.hub
            .ticket_for_new_room(user, session, &key, Instant::now())?;
        Ok(key)
    }

    /// Opens a room with a ticket that belongs to `bearer`.
    pub fn open(
        &self,
        ticket: &str,
        bearer: Bearer<'_>,
        mailbox: Mailbox<SbEvent>,
    ) -> Result<RoomEntrance, JoinError> {
        self.hub
            .open_room(ticket, bearer, random_room, mailbox, Instant::now())
    }

    /// Enters the room that a call's ticket is for.
    pub fn join(
        &self,
        ticket: &str,
        bearer: Bearer<'_>,
        room: RoomId,
        mailbox: Mailbox<SbEvent>,
    ) -> Result<RoomEntrance, JoinError> {
        self.hub
            .join_room(ticket, bearer, room, mailbox, Instant::now())
    }

    /// Calls somebody into a room, at the place named by `at` or at every one. Refused: `Unreachable` for everybody who may
    /// not be called, whatever the reason; `AlreadyThere` if no place is left to ring; `RoomFull`.
    pub fn call(
        &self,
        member: &Membership,
        address: &Address,
        at: Option<Guid>,
    ) -> Result<Called, Refusal> {
        member.call(address, at, random_key, Instant::now())
    }

    /// Hands a message to every other member of the room.
    pub fn relay(&self, member: &Membership, body: Bytes) -> Delivery {
        self.metrics.message_relayed();
        member.relay(body, Instant::now())
    }

    /// Closes rooms in which nobody has said anything for long before `now`. For the server to
    /// call now and then.
    pub fn close_idle_rooms(&self, now: Instant) {
        self.hub.close_idle_rooms(now);
    }
}

/// A ticket nobody can guess: 128 bits, as one field of a line.
fn random_key() -> Arc<str> {
    format!("{:032x}", rand::random::<u128>()).into()
}

/// A room number that every client reads as a positive 32-bit decimal.
fn random_room() -> RoomId {
    RoomId(rand::random_range(1..=0x7fff_ffff))
}
