//! What SOAP services have in common: reading requests, writing times.

mod request;
mod time;

pub(super) use request::{Malformed, Request, only};
pub(super) use time::utc;
