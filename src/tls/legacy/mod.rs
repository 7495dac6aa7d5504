//! TLS as Windows 98 to 7 and old Macs speak it, in a process of its own.
//!
//! Old protocols take an old library, and such a library is not to be trusted with what this
//! server knows. So the main process only holds the listening socket and starts a child of the
//! same program ([`child`]) for each address. The child gets the socket, certificate and key
//! through what it inherits, gives up files and the network beyond that ([`sandbox`]), does the
//! handshakes, and forwards what it decrypts over a Unix socket that only its owner can reach.
//! Each such connection begins with an [`messages::Introduction`]; the main process ([`Keeper`])
//! believes it only from the child that it started.
//!
//! The child ends when the socket to the main process does, however that came about. The main
//! process starts it again, with pauses that grow, while connections wait at the listening socket.

mod child;
mod identity;
mod keeper;
mod messages;
mod sandbox;

#[cfg(not(unix))]
compile_error!("the feature legacy-tls needs Unix sockets");

pub use child::{ChildError, run as run_child};
pub use identity::check_files;
pub use keeper::{Guest, Keeper, KeeperError, LegacySettings};

/// The hidden subcommand that the child is started with.
pub const CHILD_COMMAND: &str = "legacy-tls-child";
