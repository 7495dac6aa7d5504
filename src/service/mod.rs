//! Domain operations, used by every edge alike.

pub mod throttle;
