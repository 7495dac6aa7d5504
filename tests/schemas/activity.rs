//! What contacts did lately.

use super::address_book::OWN_BOOK;
use super::checker::{ADDRESS_BOOK, Checker, Part};
use crate::support::people::PASSWORD;
use crate::support::soap::{ACTIVITY_PATH, WebClient, activity_envelope, post, token};

/// Why an empty list is shorter than described.
const NOTHING_NEW: &str = "an empty result is an empty feed, and no list in it can be empty \
                           (`docs/protocol/12 §7`)";

/// After the other cases: Bob and Dave changed their names.
pub(super) async fn run(checker: &mut Checker) {
    let audience = "sup.live.com";
    let path = ACTIVITY_PATH;
    let what = "GetContactsRecentActivity";
    for (one, other) in [("alice", "bob"), ("bob", "alice")] {
        let web = WebClient::sign_in(checker.http, &address(one), PASSWORD).await;
        let add = format!(
            "{OWN_BOOK}<contacts><Contact><contactInfo><passportName>{}</passportName>\
             <isMessengerUser>true</isMessengerUser></contactInfo></Contact></contacts><options>\
             <EnableAllowListManagement>true</EnableAllowListManagement></options>",
            address(other)
        );
        let added = web.unwrap().book("ABContactAdd", &add).await;
        let is_contact = matches!(
            added.fault().as_deref(),
            None | Some("ContactAlreadyExists")
        );
        checker.holds("ABContactAdd: each other", &added, is_contact);
    }
    for (name, is_new) in [("alice", true), ("carol", false)] {
        let token = token(checker.http, &address(name), PASSWORD, audience).await;
        let body = activity_envelope(&token.unwrap(), 50);
        let answer = post(checker.http, path, "", body.as_bytes()).await.unwrap();
        if is_new {
            checker.valid(what, &answer, ADDRESS_BOOK);
        } else {
            let what = format!("{what}: nothing new");
            let differing = [(Part::Payload, NOTHING_NEW)];
            checker.differs(&what, &answer, ADDRESS_BOOK, &differing);
        }
    }
    let body = activity_envelope("t=bm9ib2R5&p=", 50);
    let answer = post(checker.http, path, "", body.as_bytes()).await.unwrap();
    let bad_token = format!("{what}: a bad token");
    checker.fault(&bad_token, &answer, "PassportAuthFail");
    let token = token(checker.http, "dave@example.com", PASSWORD, audience).await;
    let body = activity_envelope(&token.unwrap(), 50).replace(what, "GetBatchRecentActivity");
    let answer = post(checker.http, path, "", body.as_bytes()).await.unwrap();
    checker.fault("GetBatchRecentActivity", &answer, "Forbidden");
}

fn address(name: &str) -> String {
    format!("{name}@example.com")
}
