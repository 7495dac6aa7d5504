//! `UpdateMember`: other details of a membership.
//!
//! A membership has none that the owner could change: name and address are those of the account,
//! and whether somebody is on a list is for the other operations. So a request is only read.

use super::members;
use crate::http::soap::{Call, Failure, Reply};

pub(super) const OPERATION: &str = "UpdateMember";

pub(super) fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    members::read(call.operation.node)?;
    super::done(call, OPERATION)
}
