//! What others see of somebody who is signed in.

use std::sync::Arc;

use super::{Address, Label, UserId};

/// The status a person has chosen. `Hidden` is known to the server only: everybody else sees
/// a hidden person as offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Online,
    Busy,
    Idle,
    BeRightBack,
    Away,
    OnThePhone,
    OutToLunch,
    Hidden,
}

/// What a client says it can do: two opaque bit fields that the server hands on
/// (`docs/protocol/02 §7.2`). Clients that send none have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    pub basic: u32,
    pub extended: u32,
}

/// The line under a name, and what its owner is listening to. Plain text, not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonalMessage {
    pub text: Arc<str>,
    pub media: Arc<str>,
}

impl PersonalMessage {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.media.is_empty()
    }
}

/// Everything watchers are told about one person, as one immutable value that all of them share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub user: UserId,
    pub address: Address,
    pub name: Label,
    pub status: Status,
    pub capabilities: Capabilities,
    /// The description of the display picture as its owner's client spelled it.
    pub picture: Option<Label>,
    pub message: PersonalMessage,
}
