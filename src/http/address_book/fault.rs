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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;
    use crate::http::soap::Service;
    use crate::model::{Guid, Refusal};

    #[tokio::test]
    async fn faults_are_in_the_words_that_clients_decide_by() {
        let card = Guid::parse("5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d").unwrap();
        let mut faults = String::new();
        for failure in [
            no_such_book(),
            no_such_account("nobody@example.net"),
            not_supported(),
            Failure::Unauthorised,
            Refusal::FullSyncRequired.into(),
            Refusal::CardExists(card).into(),
            Refusal::MalformedAddress.into(),
            Refusal::UnknownContact.into(),
            Refusal::UnknownGroup.into(),
            Refusal::GroupNameTaken.into(),
            Refusal::GroupNameTooLong.into(),
            Refusal::CardTooLarge.into(),
            Refusal::ListFull.into(),
            Refusal::InvalidParameter.into(),
        ] {
            let response = failure.respond(Service::AddressBook, "ABContactAdd", "");
            let status = response.status();
            let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let (_, fault) = body.split_once("<soap:Fault>").unwrap();
            faults += &format!("{status}\n{}\n\n", fault.replace("><", ">\n<"));
        }
        insta::assert_snapshot!(faults);
    }
}
