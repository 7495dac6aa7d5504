//! What contacts did lately (`docs/protocol/12 §7`).

mod get_contacts_recent_activity;

use super::soap::{Call, Failure, Reply};

/// What this service can do, by the names of the elements in the body.
pub(super) const OPERATIONS: &[&str] = &["GetContactsRecentActivity"];

/// Runs an operation.
pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    match call.operation.name {
        "GetContactsRecentActivity" => get_contacts_recent_activity::handle(call).await,
        _ => Err(Failure::UnknownOperation),
    }
}
