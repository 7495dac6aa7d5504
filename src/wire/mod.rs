//! Bytes and frames.
//!
//! Knows how a command line and its payload are cut out of a stream and written into one. Knows
//! no dialect, no user and no socket. Every limit is checked from what is declared or already
//! there, never after buffering more.

mod args;
mod codec;
mod frame;
pub mod headers;
mod outbox;

pub use args::{ArgumentError, Arguments};
pub use codec::{CodecError, FrameCodec, MAX_LINE, MAX_MESSAGE, MAX_PAYLOAD, Role};
pub use frame::{Frame, Verb};
pub use outbox::{Field, LineWriter, Outbox};
