//! Domain operations, used by every edge alike.

pub mod accounts;
pub mod legacy;
pub mod passwords;
pub mod throttle;
