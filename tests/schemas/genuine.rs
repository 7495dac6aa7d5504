//! The requests of a genuine client, sent as they are but for the ticket.

use std::fs;
use std::path::{Path, PathBuf};

use super::checker::{ADDRESS_BOOK, Checker};
use crate::support::people::PASSWORD;
use crate::support::soap::{BOOK_PATH, CONTACTS, SHARING_PATH, escape, post, token};

/// A folder of requests, where they go, and what they need and get.
struct Service {
    folder: &'static str,
    path: &'static str,
    /// What the ticket is for.
    audience: &'static str,
    schema: &'static str,
    /// The faults that are right for a request of this folder: it speaks of things that do not
    /// exist here.
    faults: &'static [(&'static str, &'static str)],
}

const SERVICES: &[Service] = &[
    Service {
        folder: "abservice",
        path: BOOK_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        faults: &[
            ("UpdateDynamicItemRequest.xml", "Forbidden"),
            // Its stamp is older than the account, so the client knows some other book.
            ("FindContactsPagedRequest.xml", "FullSyncRequired"),
        ],
    },
    Service {
        folder: "absharingservice",
        path: SHARING_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        faults: &[("FindMembershipRequest.xml", "FullSyncRequired")],
    },
];

pub(super) async fn run(checker: &mut Checker) {
    for folder in entries(&checker.reference.join("wlm2009")) {
        if !folder.is_dir() {
            continue;
        }
        let name = name(&folder);
        match SERVICES.iter().find(|service| service.folder == name) {
            Some(service) => send_all(checker, service, &folder).await,
            None => checker.skip(&name, "its service has no line in the table"),
        }
    }
}

async fn send_all(checker: &mut Checker, service: &Service, folder: &Path) {
    let ticket = token(
        checker.http,
        "alice@example.com",
        PASSWORD,
        service.audience,
    );
    let ticket = ticket.await.unwrap();
    for file in entries(folder) {
        let request = with_ticket(&fs::read_to_string(&file).unwrap(), &ticket);
        let answer = post(checker.http, service.path, "", request.as_bytes());
        let answer = answer.await.unwrap();
        let name = name(&file);
        match service.faults.iter().find(|(one, _)| *one == name) {
            Some((_, code)) => checker.fault(&name, &answer, code),
            None => checker.valid(&name, &answer, service.schema),
        }
    }
}

/// The text with a ticket that this server issued.
fn with_ticket(request: &str, ticket: &str) -> String {
    let (start, rest) = request.split_once("<TicketToken>").unwrap();
    let (_, end) = rest.split_once("</TicketToken>").unwrap();
    format!("{start}<TicketToken>{}</TicketToken>{end}", escape(ticket))
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
