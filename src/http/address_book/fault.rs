//! Faults that belong to no refusal of the operations, or say more than one
//! (`docs/protocol/12 §8`).

use crate::http::soap::{AddressBookFault, Failure};

/// The identity of a book that is neither the caller's nor one that they may see. Clients decide
/// by this text.
pub(in crate::http) fn no_such_book() -> Failure {
    AddressBookFault::new("ABDoesNotExist", "Address Book Does Not Exist").into()
}

/// An address that no account has.
pub(in crate::http) fn no_such_account(address: &str) -> Failure {
    let text = format!("The Passport user specified is invalid SignInName: {address}");
    AddressBookFault::new("InvalidPassportUser", text).into()
}

/// There is nothing behind this operation.
pub(in crate::http) fn not_supported() -> Failure {
    AddressBookFault::new("Forbidden", "This operation is no longer supported.").into()
}
