//! Messages for people who are not there, from the sender's web request to the recipient's, and
//! what the notification server says meanwhile (`docs/protocol/13 §1`).

use crate::support::client::{Connection, Frame};
use crate::support::offline::{OfflineClient, STORE, letter};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, fixture};
use crate::support::player::Addresses;
use crate::support::server::TestServer;
use crate::support::sign_in::{capabilities, sign_in};
use crate::support::soap::{Answer, post};
use crate::support::transcript::SignIn;

/// The body with `id` and the time in it replaced, for a snapshot.
fn steady(answer: &Answer, id: &str, at: &str) -> String {
    answer.body.replace(id, "ID").replace(at, "TIME")
}

async fn server(statements: &[&str]) -> TestServer {
    let fixture = fixture(&["alice", "bob", "carol"], statements);
    TestServer::start(&fixture).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_from_a_challenged_sender_to_its_recipient_and_away() {
    let server = server(&[]).await;
    let mut alice = OfflineClient::of(server.addresses, "alice").await;
    let challenged = alice.send("bob@example.com", &letter("Hello Bob")).await;
    assert_eq!(challenged.refused(), "q0:AuthenticationFailed");
    let challenge = challenged.text("LockKeyChallenge").unwrap();
    insta::assert_snapshot!(
        "challenge",
        challenged.body.replace(&challenge, "1850937852")
    );
    alice.unlock(&challenged);
    let stored = alice.send("bob@example.com", &letter("Hello Bob")).await;
    assert_eq!(stored.status, 200);
    insta::assert_snapshot!("store2", stored.body);

    let bob = OfflineClient::of(server.addresses, "bob").await;
    let metadata = bob.metadata().await;
    assert_eq!(metadata.status, 200);
    let id = metadata.text("I").unwrap();
    let at = metadata.text("RT").unwrap();
    // Who it is from is said by the token, not by the request.
    assert_eq!(metadata.text("E").unwrap(), "alice@example.com");
    insta::assert_snapshot!("get_metadata", steady(&metadata, &id, &at));
    let carol = OfflineClient::of(server.addresses, "carol").await;
    assert_eq!(
        carol.message(&id, true).await.refused(),
        "q0:SystemUnavailable"
    );
    assert_eq!(carol.delete(&[&id]).await.status, 200);

    let message = bob.message(&id, true).await;
    assert_eq!(message.status, 200);
    let letter = message.text("GetMessageResult").unwrap();
    let (head, body) = letter.split_once("\n\n").unwrap();
    assert_eq!(body, "SGVsbG8gQm9i\n");
    assert!(head.contains("From: =?utf-8?B?QWxpY2U=?= <alice@example.com>\n"));
    let moving = ["Received", "X-OriginalArrivalTime", "Date"];
    let steady: Vec<&str> = message
        .body
        .lines()
        .filter(|line| !moving.iter().any(|name| line.starts_with(name)))
        .collect();
    insta::assert_snapshot!("get_message", steady.join("\n").replace(&id, "ID"));
    let size: usize = metadata.text("SZ").unwrap().parse().unwrap();
    assert_eq!(letter.len(), size);
    assert_eq!(bob.metadata().await.text("RS").unwrap(), "1");

    let deleted = bob.delete(&["none", &id]).await;
    assert_eq!(deleted.status, 200);
    insta::assert_snapshot!("delete_messages", deleted.body);
    assert_eq!(bob.metadata().await.text("I"), None);
    assert_eq!(
        bob.message(&id, false).await.refused(),
        "q0:SystemUnavailable"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_form_is_answered_in_its_own_namespace() {
    let server = server(&[]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    let letter = letter("Hello");
    let stored = alice.store(STORE, "bob@example.com", &letter).await;
    assert_eq!(stored.status, 200);
    insta::assert_snapshot!("store", stored.body);
    let refused = alice.store(STORE, "nobody@example.com", &letter).await;
    assert_eq!(refused.refused(), "q0:SystemUnavailable");
    assert!(refused.body.contains(&format!("xmlns:q0=\"{STORE}\"")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_refused_without_another_challenge() {
    let server = server(&[]).await;
    let mut alice = OfflineClient::unlocked(server.addresses, "alice").await;
    let key_of_alice = std::mem::replace(&mut alice.lock_key, "0".repeat(32));
    let refused = alice.send("bob@example.com", &letter("x")).await;
    assert_eq!(refused.refused(), "q0:AuthenticationFailed");
    assert_eq!(refused.text("LockKeyChallenge"), None);
    insta::assert_snapshot!("wrong_key", refused.body);
    let mut carol = OfflineClient::of(server.addresses, "carol").await;
    carol.lock_key = key_of_alice;
    let refused = carol.send("bob@example.com", &letter("x")).await;
    assert_eq!(refused.refused(), "q0:AuthenticationFailed");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_cannot_tell_a_block_from_nobody() {
    let server = server(&["@contact bob alice BL"]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    let blocked = alice.send("bob@example.com", &letter("x")).await;
    let unknown = alice.send("nobody@example.com", &letter("x")).await;
    let malformed = alice.send("no address", &letter("x")).await;
    assert_eq!(blocked.refused(), "q0:SystemUnavailable");
    assert_eq!(blocked.body, unknown.body);
    assert_eq!(blocked.body, malformed.body);
    insta::assert_snapshot!("unavailable", blocked.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_refused() {
    let server = server(&["@config limits.offline_message_bytes 8"]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    for content in [
        String::new(),
        "Hello".to_owned(),
        letter(""),
        letter("123456789"),
        letter("x").replace("text/plain", "text/html"),
        letter("x").replace("eA==", "*"),
        letter("x").replace("base64", "x-unknown"),
        format!("<b/>{}", letter("x")),
    ] {
        let refused = alice.send("bob@example.com", &content).await;
        assert_eq!(refused.refused(), "q0:InvalidContent", "{content}");
    }
    for body in ["", "x", "<Envelope><Body/></Envelope>", "<!DOCTYPE a><a/>"] {
        let http = server.addresses.http;
        let refused = post(http, "/OimWS/oim.asmx", "", body.as_bytes()).await;
        assert_eq!(refused.unwrap().status, 500, "{body}");
    }
    let bob = OfflineClient::of(server.addresses, "bob").await;
    for operation in [
        "<GetMessage/>",
        "<GetMessage><messageId>../1</messageId></GetMessage>",
        "<DeleteMessages/>",
        "<Other/>",
    ] {
        bob.rsi(operation).await.refused();
    }
    let many = "<messageId>2b9d6f32-7f0e-4d27-9a5e-7c8a0d3f1e11</messageId>".repeat(1_001);
    let many = format!("<DeleteMessages><messageIds>{many}</messageIds></DeleteMessages>");
    assert_eq!(bob.rsi(&many).await.refused(), "q0:InvalidContent");
    assert_eq!(bob.metadata().await.text("I"), None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_there_is_nothing() {
    let server = server(&[]).await;
    let mut alice = OfflineClient::unlocked(server.addresses, "alice").await;
    alice.token = "x".repeat(43);
    let refused = alice.send("bob@example.com", &letter("x")).await;
    assert_eq!(refused.refused(), "q0:BadContextToken");
    insta::assert_snapshot!("store_unauthorised", refused.body);
    let refused = alice.metadata().await;
    assert_eq!(refused.refused(), "q0:BadContextToken");
    insta::assert_snapshot!("rsi_unauthorised", refused.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_fast_is_told_so() {
    let server = server(&["@config limits.offline_sends_per_minute 2"]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    let sent = alice.send("bob@example.com", &letter("1")).await;
    assert_eq!(sent.status, 200);
    let refused = alice.send("bob@example.com", &letter("2")).await;
    assert_eq!(refused.refused(), "q0:SenderThrottleLimitExceeded");
    insta::assert_snapshot!("throttled", refused.body);
    server.stop().await;
}

/// Signs somebody in up to the first status, which is left to the test.
async fn arrive(at: Addresses, name: &str, dialect: u8) -> Connection {
    let address = format!("{name}@example.com");
    let wish = SignIn {
        status: None,
        ..SignIn::of(&address, dialect)
    };
    let mut connection = at.connect(dialect).await;
    sign_in(&wish, &address, PASSWORD, &mut connection, at.http)
        .await
        .unwrap();
    connection
}

fn payload(frame: &Frame) -> String {
    String::from_utf8(frame.payload.clone())
        .unwrap_or_else(|_| panic!("{}", printable(&frame.payload)))
        .replace('\r', "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_is_told_at_the_first_status_and_when_a_message_comes() {
    let server = server(&[]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    let bob = OfflineClient::of(server.addresses, "bob").await;
    for dialect in [11, 12] {
        let mut ns = arrive(server.addresses, "bob", dialect).await;
        // Nothing waits: a client of these versions is not bothered.
        let status = format!("CHG 50 NLN{}", capabilities(dialect));
        ns.ask(&status, &status).await;
        ns.expect_nothing().await;
        let sent = alice.send("bob@example.com", &letter("Hello")).await;
        assert_eq!(sent.status, 200);
        let news = ns.expect("MSG Hotmail Hotmail ").await;
        let metadata = bob.metadata().await;
        let id = metadata.text("I").unwrap();
        let steady = |text: &str| {
            let at = metadata.text("RT").unwrap();
            text.replace(&id, "ID").replace(&at, "TIME")
        };
        insta::assert_snapshot!("notice_of_arrival", steady(&payload(&news)));
        drop(ns);

        let mut ns = arrive(server.addresses, "bob", dialect).await;
        ns.expect_nothing().await;
        ns.ask(&status, &status).await;
        let news = ns.expect("MSG Hotmail Hotmail ").await;
        insta::assert_snapshot!("initial_notice", steady(&payload(&news)));
        // Only the first status brings it.
        ns.ask(&status, &status).await;
        ns.expect_nothing().await;
        // The ticket that deletes is from another sign-in, so this one is told.
        assert_eq!(bob.delete(&[&id]).await.status, 200);
        let news = ns.expect("MSG Hotmail Hotmail ").await;
        insta::assert_snapshot!("notice_of_deletion", payload(&news));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_clients_hear_nothing_and_lose_nothing() {
    let server = server(&[]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    let bob = OfflineClient::of(server.addresses, "bob").await;
    let mut ns = arrive(server.addresses, "bob", 10).await;
    alice.send("bob@example.com", &letter("Hello")).await;
    let status = format!("CHG 50 NLN{}", capabilities(10));
    ns.ask(&status, &status).await;
    ns.expect_nothing().await;
    assert!(bob.metadata().await.text("I").is_some());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_are_not_listed_in_the_notice() {
    let server = server(&[]).await;
    let alice = OfflineClient::unlocked(server.addresses, "alice").await;
    for number in 0..26 {
        let letter = letter(&number.to_string());
        assert_eq!(alice.send("bob@example.com", &letter).await.status, 200);
    }
    let mut ns = arrive(server.addresses, "bob", 12).await;
    let status = format!("CHG 50 NLN{}", capabilities(12));
    ns.ask(&status, &status).await;
    let news = ns.expect("MSG Hotmail Hotmail ").await;
    assert!(payload(&news).contains("Mail-Data: too-large\n"));
    let bob = OfflineClient::of(server.addresses, "bob").await;
    assert_eq!(bob.metadata().await.body.matches("<M>").count(), 26);
    server.stop().await;
}
