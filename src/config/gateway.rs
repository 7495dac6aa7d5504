//! The settings of the HTTP gateway.

use super::visitor::Visitor;
use super::{MANY, SECONDS};

/// The HTTP gateway (`docs/protocol/20`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Whether there is one.
    pub enabled: bool,
    /// Sessions of one address at a time. A client has one, and one for each conversation.
    pub sessions_per_address: usize,
    /// Sessions that one address may open in a minute.
    pub opens_per_minute: u32,
    /// Seconds that a session outlives its last request.
    pub idle_secs: u64,
    /// The same for a client that asks for longer, at most.
    pub longest_idle_secs: u64,
    /// Whether only the address that opened a session may go on with it.
    pub same_address: bool,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            enabled: true,
            sessions_per_address: 1_000,
            opens_per_minute: 600,
            idle_secs: 120,
            longest_idle_secs: 600,
            same_address: false,
        }
    }
}

impl Gateway {
    /// Every key, its kind and its range.
    pub(super) fn visit(&mut self, v: &mut Visitor) {
        v.section("gateway");
        v.flag("enabled", &mut self.enabled);
        v.number("sessions_per_address", &mut self.sessions_per_address, MANY);
        v.number("opens_per_minute", &mut self.opens_per_minute, MANY);
        v.number("idle_secs", &mut self.idle_secs, SECONDS);
        v.number("longest_idle_secs", &mut self.longest_idle_secs, SECONDS);
        v.flag("same_address", &mut self.same_address);
    }
}
