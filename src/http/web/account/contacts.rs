//! `/account/contacts`: one's lists, to read; and the blocked, to be let in again.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::done;
use crate::http::Web;
use crate::http::web::page::{fault, page, see_other};
use crate::http::web::{Member, Notice, Posted, Shell};
use crate::model::{Address, Contact, ContactBook, List, Privacy};
use crate::service::OperationError;

#[derive(Template)]
#[template(path = "web/account_contacts.html")]
struct Contacts {
    shell: Shell,
    people: Vec<Person>,
    blocked: Vec<Person>,
    groups: Vec<String>,
    /// Whether strangers are kept out.
    is_private: bool,
}

/// Somebody in the book.
struct Person {
    address: String,
    name: String,
    groups: String,
    is_contact: bool,
    is_allowed: bool,
    is_blocked: bool,
    follows: bool,
    waits: bool,
}

impl Person {
    fn of(contact: &Contact, book: &ContactBook) -> Self {
        let groups = book.groups.iter();
        let of_contact = groups.filter(|group| contact.groups.contains(&group.number));
        let names: Vec<String> = of_contact.map(|group| group.name.to_text()).collect();
        let lists = contact.lists;
        Self {
            address: contact.address.to_string(),
            name: contact.name.to_text(),
            groups: names.join(", "),
            is_contact: lists.has(List::Forward),
            is_allowed: lists.has(List::Allow),
            is_blocked: lists.has(List::Block),
            follows: lists.has(List::Reverse),
            waits: lists.is_undecided(),
        }
    }
}

fn notice(query: Option<&str>) -> Option<Notice> {
    match done(query).as_str() {
        "unblocked" => Some(Notice::good(
            "They can see and call you again. A client of yours older than Windows Live Messenger \
             shows it after its next sign-in.",
        )),
        "refused" => Some(Notice::bad(
            "They could not be unblocked: there is no such account any more.",
        )),
        _ => None,
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Response {
    let Member { visitor, session } = member;
    let book = match web.services.contacts.book(session.user).await {
        Ok(Some(book)) => book,
        Ok(None) => return see_other("/"),
        Err(error) => return fault(&error),
    };
    let everybody = book.contacts.iter().map(|it| Person::of(it, &book));
    let (blocked, people) = everybody.partition(|person| person.is_blocked);
    let template = Contacts {
        shell: Shell::new(&web, &visitor, "Contacts").with(notice(query.as_deref())),
        people,
        blocked,
        groups: book.groups.iter().map(|it| it.name.to_text()).collect(),
        is_private: book.settings.privacy == Privacy::BlockOthers,
    };
    page(&visitor, StatusCode::OK, &template)
}

pub(super) async fn submit(State(web): State<Web>, member: Member, posted: Posted) -> Response {
    let done = match Address::parse(&posted.field("unblock")) {
        Err(_) => "refused",
        Ok(address) => match web.services.unblock(member.session.user, &address).await {
            Ok(()) => "unblocked",
            Err(OperationError::Refused(_)) => "refused",
            Err(OperationError::Fault(error)) => return fault(&error),
        },
    };
    see_other(&format!("/account/contacts?done={done}"))
}
