//! The address book: contacts and groups of the clients since MSNP13 (`docs/protocol/12 §4, §5`).
//!
//! One file for each operation: its parameters, how they are read, the one operation of
//! [`crate::service`] that it calls, and tests. What they share is beside them: `read` for
//! requests, `contact` and `page` for what is shown of a book, `view` for the answers, `stamp` for
//! the moments in them. Circles have books of their own; whatever is about one goes to `circles`.

mod ab_add;
mod break_connection;
mod circles;
mod contact;
mod contact_add;
mod contact_delete;
mod contact_update;
mod create_contact;
mod dynamic_item;
mod fault;
mod find_all;
mod find_by_contacts;
mod find_contacts_paged;
mod group_add;
mod group_contact_add;
mod group_contact_delete;
mod group_delete;
mod group_update;
mod manage_connection;
mod page;
mod read;
mod stamp;
pub(super) mod view;

pub(super) use contact::{cid, notes};
pub(super) use fault::{no_such_account, no_such_book, not_supported};
pub(super) use read::{annotations, changes_since, maybe, text, words};
pub(super) use stamp::stamp;

use askama::Template;

use super::soap::{Call, Failure, Reply, ServiceHeader};
use crate::service::{AddressBookOperations, Editor};
use view::Done;

/// What this service can do, by the names of the elements in the body.
pub(super) const OPERATIONS: &[&str] = &[
    ab_add::OPERATION,
    break_connection::OPERATION,
    contact_add::OPERATION,
    contact_delete::OPERATION,
    contact_update::OPERATION,
    create_contact::OPERATION,
    dynamic_item::ADD,
    dynamic_item::UPDATE,
    find_all::OPERATION,
    find_by_contacts::OPERATION,
    find_contacts_paged::OPERATION,
    group_add::OPERATION,
    group_contact_add::OPERATION,
    group_contact_delete::OPERATION,
    group_delete::OPERATION,
    group_update::OPERATION,
    manage_connection::OPERATION,
];

/// Runs an operation.
pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    match call.operation.name {
        ab_add::OPERATION => ab_add::answer(call),
        break_connection::OPERATION => break_connection::answer(call).await,
        contact_add::OPERATION => contact_add::answer(call).await,
        contact_delete::OPERATION => contact_delete::answer(call).await,
        contact_update::OPERATION => contact_update::answer(call).await,
        create_contact::OPERATION => create_contact::answer(call).await,
        dynamic_item::ADD | dynamic_item::UPDATE => Err(dynamic_item::refused()),
        find_all::OPERATION => find_all::answer(call).await,
        find_by_contacts::OPERATION => find_by_contacts::answer(call).await,
        find_contacts_paged::OPERATION => find_contacts_paged::answer(call).await,
        group_add::OPERATION => group_add::answer(call).await,
        group_contact_add::OPERATION => group_contact_add::answer(call).await,
        group_contact_delete::OPERATION => group_contact_delete::answer(call).await,
        group_delete::OPERATION => group_delete::answer(call).await,
        group_update::OPERATION => group_update::answer(call).await,
        manage_connection::OPERATION => manage_connection::answer(call).await,
        _ => Err(Failure::UnknownOperation),
    }
}

/// The operations on books.
pub(super) fn books<'a>(call: &Call<'a>) -> &'a AddressBookOperations {
    &call.web.services.address_book
}

/// Who changes their book by this call.
pub(super) fn editor(call: &Call<'_>) -> Editor {
    Editor {
        owner: call.by.user,
        grant: Some(call.by.grant),
    }
}

/// An answer in its envelope.
pub(super) fn reply(call: &Call<'_>, body: &impl Template) -> Result<Reply, Failure> {
    #[derive(Template)]
    #[template(path = "address_book/envelope.xml")]
    struct Envelope<'a, B: Template> {
        header: ServiceHeader,
        body: &'a B,
    }
    let header = ServiceHeader::new(call);
    Ok(Reply::render(&Envelope { header, body })?)
}

/// The answer that says no more than that it was done.
fn done(call: &Call<'_>, operation: &'static str) -> Result<Reply, Failure> {
    reply(call, &Done { operation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::soap::Envelope;

    /// The requests of the reference that are for this service, as they stand there.
    fn requests() -> Vec<&'static str> {
        let reference = include_str!("../../../docs/protocol/12-soap-contacts.md");
        let documents = reference.split("```").filter(|it| it.starts_with("xml"));
        let bodies = documents.filter_map(|it| it.find("<soap:Envelope").map(|at| &it[at..]));
        bodies
            .filter(|body| !body.contains("Response xmlns") && !body.contains("soap:Fault"))
            .collect()
    }

    /// What an operation reads in a request, for people.
    fn reading(name: &str, request: roxmltree::Node<'_, '_>) -> Option<String> {
        Some(match name {
            break_connection::OPERATION => format!("{:#?}", break_connection::read(request)),
            contact_add::OPERATION => format!("{:#?}", contact_add::read(request)),
            contact_update::OPERATION => format!("{:#?}", contact_update::read(request)),
            create_contact::OPERATION => format!("{:#?}", create_contact::read(request)),
            find_all::OPERATION => format!("{:#?}", find_all::read(request)),
            find_contacts_paged::OPERATION => {
                format!("{:#?}", find_contacts_paged::read(request))
            }
            group_add::OPERATION => format!("{:#?}", group_add::read(request)),
            manage_connection::OPERATION => format!("{:#?}", manage_connection::read(request)),
            _ => return None,
        })
    }

    #[test]
    fn the_requests_of_the_reference_are_understood() {
        let mut readings = String::new();
        for body in requests() {
            let envelope = Envelope::parse(body.trim_end().as_bytes()).unwrap();
            let operation = envelope.operation().unwrap();
            let Some(reading) = reading(operation.name, operation.node) else {
                continue;
            };
            assert!(reading.starts_with("Ok("), "{}: {reading}", operation.name);
            readings += &format!("{} {reading}\n", operation.name);
        }
        insta::assert_snapshot!(readings);
    }
}
