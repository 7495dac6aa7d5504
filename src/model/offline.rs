//! Messages that wait for people who are not signed in.

use std::fmt;
use std::sync::Arc;

use super::{Address, Guid};

/// What a list of waiting messages says about one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMessage {
    /// What its recipient names it by.
    pub id: Guid,
    pub sender: Address,
    /// How the sender was called when they wrote, as plain text.
    pub sender_name: Arc<str>,
    /// Epoch milliseconds.
    pub received_at: i64,
    /// Bytes of the whole letter.
    pub size: u32,
    pub is_read: bool,
}

/// One of them as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct OfflineMessage {
    pub heading: WaitingMessage,
    /// The sender's session; clients group by it.
    pub run: Guid,
    /// The place within the run, counted from 1.
    pub sequence: u32,
    pub text: String,
}

impl fmt::Debug for OfflineMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfflineMessage")
            .field("heading", &self.heading)
            .field("run", &self.run)
            .field("sequence", &self.sequence)
            .field("text", &"***")
            .finish()
    }
}
