//! The switchboard role: one conversation of one account.
//!
//! A connection starts with a one-use ticket, in `USR` for a room of its own or in `ANS` for the
//! room it was called into. Bodies of messages pass through untouched, byte for byte and in
//! order. The dialect is that of the notification session which got the ticket; there is no
//! `VER` here.

mod ans;
mod cal;
mod msg;
mod session;
mod usr;

pub use session::SbSession;

use crate::model::Refusal;
use crate::wire::ArgumentError;

/// Why a command does nothing, and what that means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Understood and refused: a number, and on it goes.
    Refused(Refusal),
    /// Refused for good: a number, then the end.
    Fatal(Refusal),
    /// Nothing a client would send: the end without a word (`docs/protocol/00 §6`).
    Violation,
}

impl From<ArgumentError> for Failure {
    /// A wrong number of fields ends a conversation (`docs/protocol/03 §2, §4`).
    fn from(_: ArgumentError) -> Self {
        Self::Violation
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
