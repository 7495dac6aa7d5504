//! What the hub tells one connection, in domain words. Each connection renders it for its own
//! client; what many receive is shared, not copied.

use std::sync::Arc;

use bytes::Bytes;

use super::contacts::Phone;
use super::{Address, Capabilities, Label, Presence, RoomId, WaitingMessage};

/// What a notification session hears.
#[derive(Debug, Clone)]
pub enum NsEvent {
    /// A contact appeared, or something about them changed.
    ContactPresence {
        presence: Arc<Presence>,
        news: PresenceNews,
    },
    /// A contact went offline, hid, or took the right to see them away.
    ContactOffline { address: Address },
    /// A contact's phone number or paging wish, as this person may now see it.
    ContactPhone {
        address: Address,
        phone: Phone,
        value: Option<Label>,
        revision: u64,
    },
    /// Somebody put this person on their forward list.
    Followed {
        by: Address,
        name: Label,
        revision: u64,
    },
    /// Somebody took this person off their forward list.
    Unfollowed { by: Address, revision: u64 },
    /// Somebody calls this person into a room.
    Invitation(Arc<Invitation>),
    /// Somebody left this person a message although they are signed in.
    OfflineMessage(Arc<WaitingMessage>),
    /// This person deleted messages that waited for them, at another place.
    OfflineMessagesDeleted { count: u64 },
    /// The account signed in somewhere else; this session is over.
    SignedInElsewhere,
    /// The account was disabled or deleted; this session is over.
    AccountClosed,
}

/// What about a contact is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceNews {
    /// They were not to be seen before.
    Appeared,
    /// Status, name, capabilities or picture.
    State,
    /// Personal message or media.
    Message,
}

/// A call into a room, with the one-use ticket that opens it.
#[derive(Clone)]
pub struct Invitation {
    pub room: RoomId,
    pub ticket: Arc<str>,
    pub inviter: Address,
    pub name: Label,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("room", &self.room)
            .field("ticket", &"***")
            .finish_non_exhaustive()
    }
}

/// What a switchboard session hears.
#[derive(Debug, Clone)]
pub enum SbEvent {
    /// Somebody entered the room.
    Joined {
        who: Arc<Sender>,
        capabilities: Capabilities,
    },
    /// Somebody left the room, on their own or because it was idle.
    Left { address: Address, idle: bool },
    /// Somebody said something. The body is handed on untouched.
    Message { from: Arc<Sender>, body: Bytes },
    /// The room is over for this member.
    Closed,
}

/// A member as the others see them; fixed when they join.
#[derive(Debug, Clone)]
pub struct Sender {
    pub address: Address,
    pub name: Label,
}
