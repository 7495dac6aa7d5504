//! `UpdateDynamicItem`, `AddDynamicItem`: what is new in a contact's space.
//!
//! There are no spaces behind this server. The fault is the one that every client is known to
//! pass over (`docs/protocol/12 §5`).

use super::fault;
use crate::http::soap::Failure;

pub(super) const ADD: &str = "AddDynamicItem";
pub(super) const UPDATE: &str = "UpdateDynamicItem";

pub(super) fn refused() -> Failure {
    fault::not_supported()
}
