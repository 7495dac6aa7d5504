//! SharingService: who may see and call whom (`docs/protocol/12 §3, §5`).

mod add_member;
mod add_service;
mod circles;
mod create_circle;
mod delete_member;
mod find_membership;
mod members;
mod update_member;
mod view;

use super::address_book::reply;
use super::address_book::view::Done;
use super::soap::{Call, Failure, Reply};

/// What this service can do, by the names of the elements in the body.
pub(super) const OPERATIONS: &[&str] = &[
    add_member::OPERATION,
    add_service::OPERATION,
    create_circle::OPERATION,
    delete_member::OPERATION,
    find_membership::OPERATION,
    update_member::OPERATION,
];

/// Runs an operation.
pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    match call.operation.name {
        add_member::OPERATION => add_member::answer(call).await,
        add_service::OPERATION => add_service::answer(call),
        create_circle::OPERATION => create_circle::answer(call).await,
        delete_member::OPERATION => delete_member::answer(call).await,
        find_membership::OPERATION => find_membership::answer(call).await,
        update_member::OPERATION => update_member::answer(call),
        _ => Err(Failure::UnknownOperation),
    }
}

/// The answer that says no more than that it was done.
fn done(call: &Call<'_>, operation: &'static str) -> Result<Reply, Failure> {
    reply(call, &Done { operation })
}
