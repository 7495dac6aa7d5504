//! `AddMember`: onto a list (`docs/protocol/12 §5`).
//!
//! Clients say the same by the notification server, before or after it. Whoever is on the list
//! stays there, so both may come.

use super::circles::{self, Direction};
use super::members;
use crate::http::address_book::{books, editor, no_such_account};
use crate::http::soap::{Call, Failure, Reply};
use crate::model::{MemberRef, Refusal};
use crate::service::{NewMember, OperationError};

pub(super) const OPERATION: &str = "AddMember";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wishes = members::read(call.operation.node)?;
    // Clients show whom a refusal is about, which is certain only where there is one.
    let named = match wishes.as_slice() {
        [
            NewMember {
                who: MemberRef::Account(name) | MemberRef::Email(name) | MemberRef::Phone(name),
                ..
            },
        ] => name.clone(),
        _ => String::new(),
    };
    books(call)
        .add_members(editor(call), wishes)
        .await
        .map_err(|error| match error {
            OperationError::Refused(Refusal::UnknownAccount) => no_such_account(&named),
            other => other.into(),
        })?;
    circles::change(call, Direction::Onto).await?;
    super::done(call, OPERATION)
}
