//! Fetching messages that were left (`docs/protocol/13 §1.2`).

use super::soap::{Call, Failure, Reply};

/// What this service can do, by the names of the elements in the body.
pub(super) const OPERATIONS: &[&str] = &[];

/// Runs an operation.
pub(super) async fn handle(_call: &Call<'_>) -> Result<Reply, Failure> {
    Err(Failure::UnknownOperation)
}
