//! Sockets and time.
//!
//! Carries any [`Session`] over TCP, or over a [`pipe()`] that somebody else fills: one task owns the socket and the session, waits for bytes,
//! events and deadlines, and handles each to its end outside the wait. Knows no command and no
//! dialect. Everything a peer can use up is bounded here: connections, the time before sign-in,
//! the rate of frames, unread output.

mod alarms;
mod connection;
mod gate;
mod link;
mod listener;
mod pace;
mod pipe;
mod proxied;
mod spare;
mod transport;

use std::time::Duration;

pub use connection::Rules;
pub use gate::{Admission, Gate, GateLimits, Place};
pub use link::Link;
pub use listener::{Arrival, accept, listen};
pub use pace::{FrameRate, Pace};
pub use pipe::{ClientEnd, SessionEnd, Tunnelled, pipe};

use crate::metrics::{self, Limit, Metrics};
use crate::wire::{Frame, Outbox};

/// What a connection carries: frames in, events in, frames out. Never touches a socket.
pub trait Session: Send {
    /// What the hub tells it.
    type Event: Send;

    /// Handles one frame to its end and puts the answer into the outbox.
    fn handle(&mut self, frame: Frame, out: &mut Outbox) -> impl Future<Output = Turn> + Send;

    /// Renders one event for the client.
    fn notice(&mut self, event: Self::Event, out: &mut Outbox) -> Turn;

    /// Says good-bye because the server stops.
    fn stop(&mut self, out: &mut Outbox);

    /// Whether the client has shown who it is; until then it has a deadline.
    fn is_established(&self) -> bool;
}

/// What to do after a frame or an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Continue,
    /// Read nothing for this long; events are still delivered.
    Pause(Duration),
    /// Send what is in the outbox, then close.
    Close(CloseReason),
}

/// Why a connection ended, as one fixed word for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client said good-bye.
    SignedOut,
    /// The peer closed, or its connection broke.
    Eof,
    /// It did not sign in in time.
    SignInTimeout,
    /// Another connection of its network needed the place of one that said nothing.
    Evicted,
    /// It did not take what was sent to it.
    SlowConsumer,
    /// A line or payload over its bound.
    TooLarge,
    /// It broke the protocol.
    Protocol,
    /// A sign-in was refused.
    Refused,
    /// The account signed in somewhere else.
    Replaced,
    /// The account was disabled or deleted.
    AccountClosed,
    /// Nobody said anything in the room, or the session behind it ended.
    RoomClosed,
    /// It was sent to another server.
    Referred,
    /// The server stops.
    Shutdown,
    /// The server could not go on.
    Fault,
}

impl CloseReason {
    pub fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Eof => "eof",
            Self::SignInTimeout => "sign_in_timeout",
            Self::Evicted => "evicted",
            Self::SlowConsumer => "slow_consumer",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
            Self::Refused => "refused",
            Self::Replaced => "replaced",
            Self::AccountClosed => "account_closed",
            Self::RoomClosed => "room_closed",
            Self::Referred => "referred",
            Self::Shutdown => "shutdown",
            Self::Fault => "fault",
        }
    }

    /// Counts the end of a connection, and the limit behind it where there is one.
    pub fn count(self, role: metrics::Role, metrics: &Metrics) {
        metrics.closed(role, self.word());
        match self {
            Self::SignInTimeout => metrics.limited(Limit::SignInTime),
            Self::TooLarge => metrics.limited(Limit::Size),
            _ => {}
        }
    }
}
