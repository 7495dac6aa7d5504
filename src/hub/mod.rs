//! The live state of this node: who is online, who hears about whom, and which rooms are open.
//!
//! `Hub` is a cloneable handle. Inside are three areas behind plain mutexes, *presence*
//! (`online`, `endpoints`, `watchers`), *circles* (`circles`) and *rooms* (`rooms`), and one mutex
//! in each room. The rules:
//!
//! 1. At most one of these locks is held at a time, except that the circles' may be taken inside
//!    of the presence lock: what people in a circle see follows their presence. Nothing is
//!    awaited, no I/O is done and nothing is rendered under one.
//! 2. Under a lock: read or change maps, and post to mailboxes, which never waits. Posting under
//!    the lock keeps events about one person in one order for everybody.
//! 3. Going online takes the snapshot of online contacts and registers as their watcher in one
//!    critical section, so no change is lost and none is told twice.
//! 4. Locks are an implementation detail; callers see methods.

mod circles;
mod endpoints;
mod online;
mod reach;
mod room;
mod rooms;
#[cfg(test)]
mod tests;
mod tickets;
mod watchers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use circles::CircleEntered;
pub use online::{
    Entrance, OnlineGuard, Origin, SessionSeat, SignedInAccount, SignedInPage, StateChange,
};
pub use room::{Delivery, RoomReport};
pub use rooms::{Bearer, Called, JoinError, Membership, RoomEntrance, RoomLimits};
pub use tickets::{RoomTicket, TicketPurpose};

use crate::live::Live;
use crate::model::SessionId;

/// A handle to the live state; clones share it.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    presence: Mutex<watchers::PresenceArea>,
    circles: Arc<Mutex<circles::CirclesArea>>,
    rooms: Mutex<rooms::RoomsArea>,
    room_limits: Live<RoomLimits>,
    next_session: AtomicU64,
}

impl Hub {
    pub fn new(room_limits: RoomLimits) -> Self {
        let presence = watchers::PresenceArea::default();
        Self {
            shared: Arc::new(Shared {
                circles: Arc::clone(&presence.circles),
                presence: Mutex::new(presence),
                rooms: Mutex::default(),
                room_limits: Live::new(room_limits),
                next_session: AtomicU64::new(1),
            }),
        }
    }

    /// Holds for whoever enters from now on, and for silence from now on.
    pub fn change_room_limits(&self, room_limits: RoomLimits) {
        self.shared.room_limits.replace(room_limits);
    }

    /// A number that no other session of this process has.
    pub fn new_session(&self) -> SessionId {
        SessionId(self.shared.next_session.fetch_add(1, Ordering::Relaxed))
    }

    fn presence(&self) -> MutexGuard<'_, watchers::PresenceArea> {
        lock(&self.shared.presence)
    }

    fn circles(&self) -> MutexGuard<'_, circles::CirclesArea> {
        lock(&self.shared.circles)
    }

    fn rooms(&self) -> MutexGuard<'_, rooms::RoomsArea> {
        lock(&self.shared.rooms)
    }
}

/// Locks, also after a panic elsewhere: every critical section leaves its maps consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
