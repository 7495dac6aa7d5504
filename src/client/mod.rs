//! A client of the protocol, small and honest: what measures a server and what checks one speak
//! through it.
//!
//! It knows what crosses the wire in the direction that the server does not read, and nothing of
//! how this server makes it: no dialect, no service, no hub. So a mistake there cannot hide behind
//! the same mistake here, and any other server of the protocol can be spoken to as well. Every wait
//! has a deadline. It keeps no state of contacts or rooms; whoever uses it reads the frames.

mod book;
mod connection;
mod gateway;
mod http;
mod incoming;
mod room;
mod sign_in;
mod ticket;
mod version;
mod web;

use std::io;
use std::time::Duration;

pub use book::{ask_find_all, download_by_web, entries, find_all};
pub use connection::Connection;
pub use gateway::{Gateway, Target};
pub use http::{Http, HttpAnswer};
pub use incoming::Incoming;
pub use room::{Invitation, Referral, answer, call, open_room, referral, ring};
pub use sign_in::{Credentials, download_by_line, enter, sign_in_md5};
pub use ticket::{Tokens, fetch_tokens, sign_in_proof, sign_in_ticket};
pub use version::Version;
pub use web::WebServer;

/// How long a client waits for an answer.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A conversation with a server went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be made or broke.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// Nothing came in time.
    #[error("{wanted} did not come in time")]
    Late {
        /// What was waited for.
        wanted: String,
    },
    /// The server closed the connection.
    #[error("the server closed the connection before {wanted} came")]
    Closed {
        /// What was waited for.
        wanted: String,
    },
    /// The server answered with the number of an error.
    #[error("{asked} was refused with {code}")]
    Refused {
        /// The command.
        asked: String,
        /// The number.
        code: u16,
    },
    /// Something came that is no answer to what was asked.
    #[error("{wanted} was to come, not {got}")]
    Unexpected {
        /// What was waited for.
        wanted: String,
        /// What came, without what it may carry of secrets.
        got: String,
    },
    /// What came cannot be a frame.
    #[error("what came is no frame: {0}")]
    Garbled(&'static str),
}
