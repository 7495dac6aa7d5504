//! The requests of a genuine client: sent as they are but for the ticket, which has to be a fault
//! where they speak of another server's things, and with the things of this one filled in, which
//! has to work.

use std::fs;
use std::path::{Path, PathBuf};

use super::address_book::OWN_BOOK;
use super::checker::{ADDRESS_BOOK, Checker, Part, STORAGE, TOKENS};
use super::storage;
use super::tokens::{HEAD, NAMED_KEY};
use crate::support::people::PASSWORD;
use crate::support::soap::{
    Answer, BOOK_PATH, CONTACTS, SHARING_PATH, STORAGE as SPACES, STORAGE_PATH, WebClient, escape,
    post, storage_envelope, token,
};

const ADDRESS: &str = "alice@example.com";
/// What is filled in for a date; any of this server's own will do.
const STAMP: &str = "{stamp}";
/// Her number in base 16, and as it is written in other places.
const HEX: &str = "{hex}";
const SIGNED: &str = "{signed}";
const PICTURE: &str = "{picture}";
/// Her password in its element.
const SECRET: &str = "{secret}";

/// A request, where it goes, and what it needs and gets.
struct Request {
    file: &'static str,
    operation: &'static str,
    path: &'static str,
    /// What the ticket is for.
    audience: &'static str,
    schema: &'static str,
    /// The fault for it as it is, if it cannot succeed.
    fault: Option<&'static str>,
    /// What stands for what of this server. Without any, the fault is all that there can be.
    filled: &'static [(&'static str, &'static str)],
    /// What of the answer is not as described, and why.
    differing: &'static [(Part, &'static str)],
}

/// In an order in which they can succeed.
const REQUESTS: &[Request] = &[
    Request {
        file: "abservice/ABContactAdd.xml",
        operation: "ABContactAdd",
        path: BOOK_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        fault: None,
        filled: &[],
        differing: &[],
    },
    Request {
        file: "abservice/FindContactsPagedRequest.xml",
        operation: "ABFindContactsPaged",
        path: BOOK_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        // Its stamp is older than the account, so the client knows some other book.
        fault: Some("FullSyncRequired"),
        filled: &[("2022-04-21T19:49:28Z", STAMP)],
        differing: &[],
    },
    Request {
        file: "abservice/GroupAddFavoritesRequest.xml",
        operation: "ABGroupAdd",
        path: BOOK_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        fault: None,
        filled: &[],
        differing: &[],
    },
    Request {
        file: "abservice/UpdateDynamicItemRequest.xml",
        operation: "UpdateDynamicItem",
        path: BOOK_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        // The original retired it, and the client goes on (`docs/protocol/12 §5`).
        fault: Some("Forbidden"),
        filled: &[],
        differing: &[],
    },
    Request {
        file: "absharingservice/FindMembershipRequest.xml",
        operation: "FindMembership",
        path: SHARING_PATH,
        audience: CONTACTS,
        schema: ADDRESS_BOOK,
        fault: Some("FullSyncRequired"),
        filled: &[("2022-04-20T13:03:28Z", STAMP)],
        differing: &[],
    },
    Request {
        file: "ppcrl/RST2Request.xml",
        operation: "RST2 RequestMultipleSecurityTokens",
        path: "/RST2.srf",
        audience: CONTACTS,
        schema: TOKENS,
        fault: Some("wst:FailedAuthentication"),
        filled: &[(">passwd<", SECRET)],
        differing: &[(Part::Envelope, HEAD), (Part::Payload, NAMED_KEY)],
    },
    Request {
        file: "storageservice/UpdateDocumentRequest.xml",
        operation: "UpdateDocument",
        path: STORAGE_PATH,
        audience: "storage.msn.com",
        schema: STORAGE,
        // What follows is about an account of another server.
        fault: Some("AccessDenied"),
        filled: &[("195c865c2afaaa3b", HEX), ("BASE64bytes", PICTURE)],
        differing: &[],
    },
    Request {
        file: "storageservice/GetProfileRequest.xml",
        operation: "GetProfile",
        path: STORAGE_PATH,
        audience: "storage.msn.com",
        schema: STORAGE,
        fault: Some("AccessDenied"),
        filled: &[("-9187808514398587066", SIGNED)],
        differing: &[],
    },
    Request {
        file: "storageservice/UpdateProfileRequest.xml",
        operation: "UpdateProfile",
        path: STORAGE_PATH,
        audience: "storage.msn.com",
        schema: STORAGE,
        fault: Some("AccessDenied"),
        filled: &[("195c865c2afaaa3b", HEX)],
        differing: &[],
    },
    Request {
        file: "storageservice/DeleteRelationshipsRequest.xml",
        operation: "DeleteRelationships",
        path: STORAGE_PATH,
        audience: "storage.msn.com",
        schema: STORAGE,
        fault: Some("AccessDenied"),
        filled: &[("195c865c2afaaa3b", HEX)],
        differing: &[],
    },
];

pub(super) async fn run(checker: &mut Checker) {
    let folder = checker.reference.join("wlm2009");
    let files = requests_below(&folder);
    for file in &files {
        let is_listed = REQUESTS
            .iter()
            .any(|request| folder.join(request.file) == *file);
        assert!(is_listed, "{} has no line in the table", file.display());
    }
    let own = prepare(checker).await;
    for request in REQUESTS {
        let text = fs::read_to_string(folder.join(request.file)).unwrap();
        if let Some(code) = request.fault {
            let answer = send(checker, request, &text).await;
            let what = format!("{}: {}", request.operation, request.file);
            checker.fault(&what, &answer, code);
            checker.genuine(request.operation);
        }
        if request.fault.is_some() && request.filled.is_empty() {
            continue;
        }
        let answer = send(checker, request, &filled(text, request, &own)).await;
        checker.differs(
            request.operation,
            &answer,
            request.schema,
            request.differing,
        );
        checker.genuine(request.operation);
    }
}

async fn send(checker: &Checker, request: &Request, text: &str) -> Answer {
    let ticket = token(checker.http, ADDRESS, PASSWORD, request.audience);
    let text = with_ticket(text, &ticket.await.unwrap());
    let answer = post(checker.http, request.path, "", text.as_bytes());
    answer.await.unwrap()
}

/// The text with a ticket that this server issued, where there is a place for one.
fn with_ticket(text: &str, ticket: &str) -> String {
    let Some((start, rest)) = text.split_once("<TicketToken>") else {
        return text.to_owned();
    };
    let (_, end) = rest.split_once("</TicketToken>").unwrap();
    format!("{start}<TicketToken>{}</TicketToken>{end}", escape(ticket))
}

fn filled(text: String, request: &Request, own: &[(&str, String)]) -> String {
    let fill = |text: String, (theirs, mark): &(&str, &str)| {
        assert!(text.contains(theirs), "{} has no {theirs}", request.file);
        let (_, ours) = own.iter().find(|(name, _)| name == mark).unwrap();
        text.replace(theirs, ours)
    };
    request.filled.iter().fold(text, fill)
}

/// Gives her the things that the requests speak of, a picture and a message among them, and says
/// what they are called here.
async fn prepare(checker: &Checker) -> Vec<(&'static str, String)> {
    let web = WebClient::sign_in(checker.http, ADDRESS, PASSWORD).await;
    let book = web.unwrap().book("ABFindAll", OWN_BOOK).await;
    let signed = book.text("OwnerCID").unwrap();
    let hex = format!("{:016x}", signed.parse::<i64>().unwrap());
    let ticket = token(checker.http, ADDRESS, PASSWORD, "storage.msn.com").await;
    let ticket = ticket.unwrap();
    let [namespace, _] = SPACES;
    for (operation, request) in [
        ("CreateDocument", storage::new_tile(&format!("{hex}!106"))),
        (
            "CreateRelationships",
            storage::relationship(&format!("{hex}!118"), &format!("{hex}!205")),
        ),
        (
            "UpdateProfile",
            "<profile><ExpressionProfile><PersonalStatus>here</PersonalStatus>\
             </ExpressionProfile></profile>"
                .to_owned(),
        ),
    ] {
        let body = storage_envelope(&ticket, namespace, operation, &request);
        let answer = post(checker.http, STORAGE_PATH, "", body.as_bytes()).await;
        assert_eq!(answer.unwrap().status, 200, "{operation}");
    }
    vec![
        (STAMP, book.text("lastChange").unwrap()),
        (HEX, hex),
        (SIGNED, signed),
        (PICTURE, storage::picture()),
        (SECRET, format!(">{}<", escape(PASSWORD))),
    ]
}

/// All requests in the folders of a folder.
fn requests_below(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let folders = entries(folder).filter(|path| path.is_dir());
    folders.flat_map(|folder| entries(&folder)).collect()
}
