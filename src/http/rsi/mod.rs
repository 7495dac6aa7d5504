//! Fetching messages that were left (`docs/protocol/13 §1.2`).

mod delete_messages;
mod get_message;
mod get_metadata;

use super::soap::{Call, Failure, Reply};

/// What this service can do, by the names of the elements in the body.
pub(super) const OPERATIONS: &[&str] = &["GetMetadata", "GetMessage", "DeleteMessages"];

/// Runs an operation.
pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    match call.operation.name {
        "GetMetadata" => get_metadata::get_metadata(call).await,
        "GetMessage" => get_message::get_message(call).await,
        "DeleteMessages" => delete_messages::delete_messages(call).await,
        _ => Err(Failure::UnknownOperation),
    }
}
