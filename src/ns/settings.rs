//! What notification sessions need to know of the configuration.

use crate::advertise::Advertise;

/// What the listener is for that a client came in on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerRole {
    /// Signs clients in.
    Notification,
    /// Refers clients to one of these `host:port`, or to this server's own MSNP port where the
    /// list is empty.
    Dispatch { targets: Vec<String> },
    /// Signs clients in that come over HTTP, and keeps them there (`docs/protocol/20 §7`).
    Gateway,
}

/// Settings of the notification role.
#[derive(Debug, Clone)]
pub struct NsSettings {
    pub advertise: Advertise,
    /// Port of the first listener that signs clients in, for those referred to it.
    pub msnp_port: u16,
    /// Port of the first HTTP listener.
    pub http_port: u16,
    /// Whether a client whose product has no known key fails its challenge.
    pub refuse_unknown_clients: bool,
}
