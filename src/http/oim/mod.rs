//! Leaving messages for people who are not there (`docs/protocol/13 §1.4`).

mod store;

use super::soap::{Call, Failure, Reply};

/// What this service can do. Its requests do not name it: the message is the body itself.
pub(super) const OPERATIONS: &[&str] = &["Store"];

/// Runs an operation.
pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    store::store(call).await
}
