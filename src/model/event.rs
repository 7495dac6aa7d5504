//! What the hub tells one connection, in domain words. Each connection renders it for its own
//! client; what many receive is shared, not copied.

use std::sync::Arc;

use bytes::Bytes;

use super::circle::CircleId;
use super::contacts::Phone;
use super::{Address, Capabilities, Guid, Label, OwnPresence, Presence, RoomId, WaitingMessage};

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
    /// Something changed about this person at one of several places, or a place came or went.
    OwnPresence {
        own: Arc<OwnPresence>,
        news: OwnNews,
    },
    /// The address book changed behind this session; `at` in epoch milliseconds.
    BookChanged { at: i64 },
    /// A small message outside of conversations.
    Notice(Arc<Notice>),
    /// A message without a switchboard.
    DirectMessage(Arc<DirectMessage>),
    /// Somebody calls this person into a room.
    Invitation(Arc<Invitation>),
    /// News in a circle that this session has entered.
    Circle(Arc<CircleEvent>),
    /// A circle of this person's changed: its name, or who is in it and how.
    CircleChanged { circle: CircleId },
    /// Somebody left this person a message although they are signed in.
    OfflineMessage(Arc<WaitingMessage>),
    /// This person deleted messages that waited for them, at another place.
    OfflineMessagesDeleted { count: u64 },
    /// The people who run the server say something to everybody.
    Announcement(Arc<Announcement>),
    /// The server stops in so many minutes.
    Maintenance { minutes: u32 },
    /// The account signed in somewhere else; this session is over.
    SignedInElsewhere,
    /// The account was disabled or deleted; this session is over.
    AccountClosed,
}

/// Something for everybody to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Another one for each, so that clients take none for a repetition.
    pub number: u32,
    pub text: Arc<str>,
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
    /// The places they are at.
    Endpoints,
}

/// What about oneself is new to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnNews {
    /// Another place has changed the status or the name.
    State,
    /// A place, the personal message, or something that the session itself has done.
    Endpoints,
}

/// A message that a client sent without calling anybody (`docs/protocol/10 §6.2`).
#[derive(Clone)]
pub struct DirectMessage {
    pub from: Address,
    pub to: Address,
    pub kind: DirectKind,
    pub body: Bytes,
}

/// What a message without a switchboard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectKind {
    Text,
    Typing,
    Nudge,
}

impl std::fmt::Debug for DirectMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectMessage")
            .field("kind", &self.kind)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A small message from one client to another, which the server hands on unread
/// (`docs/protocol/10 §6.1`).
#[derive(Clone)]
pub struct Notice {
    pub from: Address,
    /// The place it comes from, if the sender's client told one.
    pub from_endpoint: Option<Guid>,
    pub kind: u32,
    pub body: Bytes,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice")
            .field("kind", &self.kind)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a session hears of a circle that it has entered. The numbers count the notices about the
/// roster since the session was told the whole of it.
#[derive(Debug, Clone)]
pub struct CircleEvent {
    pub circle: CircleId,
    pub news: CircleNews,
}

/// What there is to hear.
#[derive(Clone)]
pub enum CircleNews {
    /// Somebody is in the roster from now on.
    Joined { who: Address, number: u32 },
    /// Somebody is in the roster no more.
    Left { who: Address, number: u32 },
    /// What this person may see of somebody in the roster.
    Presence {
        presence: Arc<Presence>,
        news: PresenceNews,
    },
    /// Somebody is to be seen no more.
    Offline(Address),
    /// The circle has another name.
    Renamed { name: Label, number: u32 },
    /// Somebody said something. The whole of it is handed on untouched.
    Said(Bytes),
}

impl std::fmt::Debug for CircleNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Joined { number, .. } => write!(f, "Joined({number})"),
            Self::Left { number, .. } => write!(f, "Left({number})"),
            Self::Presence { news, .. } => write!(f, "Presence({news:?})"),
            Self::Offline(_) => f.write_str("Offline"),
            Self::Renamed { number, .. } => write!(f, "Renamed({number})"),
            Self::Said(message) => write!(f, "Said({} bytes)", message.len()),
        }
    }
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
    /// A connection of somebody entered the room.
    Joined(Occupant),
    /// A connection of somebody left the room, on its own or because the room was idle.
    Left {
        address: Address,
        endpoint: Option<Guid>,
        /// Whether the person has no other connection in the room.
        last: bool,
        idle: bool,
    },
    /// Somebody said something. The body is handed on untouched.
    Message { from: Arc<Sender>, body: Bytes },
    /// The room is over for this member.
    Closed,
}

/// One connection in a room.
#[derive(Debug, Clone)]
pub struct Occupant {
    pub who: Arc<Sender>,
    pub capabilities: Capabilities,
    /// The place it belongs to, if its client told one.
    pub endpoint: Option<Guid>,
    /// Whether it was its account's first one there.
    pub first: bool,
}

/// A member as the others see them; fixed when they join.
#[derive(Debug, Clone)]
pub struct Sender {
    pub address: Address,
    pub name: Label,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_small() {
        // Up to a thousand may wait for every session.
        assert!(size_of::<NsEvent>() <= 48, "{}", size_of::<NsEvent>());
    }
}
