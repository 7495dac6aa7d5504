//! Requests over HTTP that no client sends: to every path, and of every operation.
//!
//! `world` makes two people who have something of everything, `catalogue` holds a good request of
//! each operation, and the other files spoil them in one way each. Whatever is sent, the answer is
//! sound: XML or nothing, a fault or a status that says no, and nothing in it of the server's
//! inside or of what somebody else keeps here.

mod amounts;
mod bodies;
mod catalogue;
mod elements;
mod rights;
mod world;

use roxmltree::Document;

use crate::support::soap::Answer;

/// What only the inside of a server says, in lower case. Short words have a sign in them that no
/// token has: those are random.
const INSIDE: [&str; 17] = [
    "panicked at",
    "sqlx::",
    "sqlite_",
    "(code: ",
    "returned from database",
    "insert into",
    "constraint failed",
    "roxmltree",
    "askama::",
    "axum::",
    "tokio::",
    "chrysalis::",
    "::error",
    "unwrap()",
    "src/http",
    ".rs:",
    "root:x:",
];

/// Stands in everything that the victim keeps. It takes the same form within a message, which
/// travels in base64.
const SECRET: &str = "TOPSECRET";
const SECRET_IN_BASE64: &str = "VE9QU0VDUkVU";

/// Whatever was asked, this may be answered.
#[track_caller]
fn is_sound(what: &str, answer: &Answer) {
    let Answer { status, head, body } = answer;
    let is_fault = is_fault(body);
    assert!(
        matches!(status, 200..=499) || is_fault,
        "{what}: {status} {body}"
    );
    assert!(
        !body.contains("The server has a problem."),
        "{what}: {body}"
    );
    // The pages of tabs are no documents, and clients read them as they are.
    if body.starts_with("<?xml") && !body.contains("<msntabdata") {
        let document = Document::parse(body);
        assert!(document.is_ok(), "{what}: {document:?} {body}");
    }
    let told = format!("{head}\n{body}").to_lowercase();
    for word in INSIDE {
        assert!(!told.contains(word), "{what}: {word} in {answer:?}");
    }
    for secret in [SECRET, SECRET_IN_BASE64] {
        assert!(!body.contains(secret), "{what}: {answer:?}");
    }
}

/// The same, and it is a refusal.
#[track_caller]
fn is_refusal(what: &str, answer: &Answer) {
    is_sound(what, answer);
    let is_refused = matches!(answer.status, 400..=499) || is_fault(&answer.body);
    assert!(is_refused, "{what}: {answer:?}");
}

/// Whether this is a fault of either version of SOAP.
fn is_fault(body: &str) -> bool {
    body.contains("faultcode") || body.contains("<S:Fault>")
}
