//! `AddMember`: onto a list (`docs/protocol/12 §5`).
//!
//! Clients say the same by the notification server, before or after it. Whoever is on the list
//! stays there, so both may come.

use super::circles::{self, Direction};
use super::members;
use crate::http::address_book::{books, editor, no_such_account};
use crate::http::soap::{Call, Failure, Reply};
use crate::model::{MemberRef, Refusal};
use crate::service::OperationError;

pub(super) const OPERATION: &str = "AddMember";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    for wish in members::read(call.operation.node)? {
        let named = match &wish.who {
            MemberRef::Account(name) | MemberRef::Email(name) | MemberRef::Phone(name) => {
                name.clone()
            }
            MemberRef::Id(_) => String::new(),
        };
        books(call)
            .add_member(editor(call), wish.role, wish.who, wish.annotations)
            .await
            .map_err(|error| match error {
                OperationError::Refused(Refusal::UnknownAccount) => no_such_account(&named),
                other => other.into(),
            })?;
    }
    circles::change(call, Direction::Onto).await?;
    super::done(call, OPERATION)
}
