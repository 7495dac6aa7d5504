//! `DeleteMember`: off a list (`docs/protocol/12 §5`).
//!
//! Whoever is not on it stays off, whoever they are: clients take the fault for that as a success
//! at best.

use super::circles::{self, Direction};
use super::members;
use crate::http::address_book::{books, editor};
use crate::http::soap::{Call, Failure, Reply};

pub(super) const OPERATION: &str = "DeleteMember";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wishes = members::read(call.operation.node)?.into_iter();
    let members = wishes.map(|wish| (wish.role, wish.who)).collect();
    books(call).remove_members(editor(call), members).await?;
    circles::change(call, Direction::Off).await?;
    super::done(call, OPERATION)
}
