//! Encrypted connections: certificates, handshakes, and making certificates of one's own.
//!
//! Two listeners that have nothing in common but their files and their limits. [`Modern`] is
//! rustls, inside of this process, on every address of the web side. What clients of Windows 98
//! to 7 speak is so old that only an old library speaks it: with the feature `legacy-tls` that is
//! done by `legacy`, in a process of its own that knows neither the database nor an account. This
//! module carries bytes; what is asked over them is the business of `http`.

pub mod authority;
mod identity;
mod modern;
mod rate;

pub use identity::{Files, IdentityError, read_root};
pub use modern::{HANDSHAKE, Modern, Refused};
pub use rate::HandshakeRate;

/// How often files are looked at for a change.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(3);
