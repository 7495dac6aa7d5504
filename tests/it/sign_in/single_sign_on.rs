//! The notification server's side of a single sign-on (`docs/protocol/10 §1.3`).

use super::*;
use crate::support::passport::request as get;

const WISH: [(&str, &str); 2] = [(GRANTING, ""), (SINGLE_SIGN_ON, "MBI_KEY_OLD")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_answers_the_last_question_only() {
    let server = start(&["alice"], &[]).await;
    let token = &granted(&server, "alice", &WISH).await[1];
    for dialect in 15..=18 {
        let mut connection = server.addresses.connect(dialect).await;
        let first = question(&mut connection, "SSO", "alice").await;
        let second = again(&mut connection, "SSO", "alice").await;
        assert_ne!(first, second);
        assert_eq!(
            prove(&mut connection, "SSO", &proof(token, &first)).await,
            "911"
        );
        connection.until_closed().await;

        let mut connection = server.addresses.connect(dialect).await;
        let first = question(&mut connection, "SSO", "alice").await;
        let second = again(&mut connection, "SSO", "alice").await;
        assert_eq!((first.len(), second.len()), (64, 64));
        assert_eq!(
            prove(&mut connection, "SSO", &proof(token, &second)).await,
            "USR"
        );
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doubled_proof_counts_once() {
    let server = start(&["alice"], &[]).await;
    let tokens = granted(&server, "alice", &WISH).await;
    let token = &tokens[1];
    let wrong = Token {
        key: tokens[0].key.clone(),
        ..token.clone()
    };
    for dialect in [15, 18] {
        // Right: signed in, and the second is one too many.
        let mut connection = server.addresses.connect(dialect).await;
        let nonce = question(&mut connection, "SSO", "alice").await;
        let right = proof(token, &nonce);
        let both = format!("USR 4 SSO S {right}\r\nUSR 5 SSO S {right}\r\n");
        connection.send(both.as_bytes()).await;
        connection.expect("USR 4 OK alice@example.com 1 0").await;
        connection.until("207 5").await;
        connection.expect_nothing().await;

        // Wrong: refused once, and the second is not even looked at.
        let mut connection = server.addresses.connect(dialect).await;
        let nonce = question(&mut connection, "SSO", "alice").await;
        let (bad, good) = (proof(&wrong, &nonce), proof(token, &nonce));
        let both = format!("USR 4 SSO S {bad}\r\nUSR 5 SSO S {good}\r\n");
        connection.send(both.as_bytes()).await;
        connection.expect("911 4").await;
        assert!(connection.until_closed().await.is_empty());
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_ticket_signs_in_only_where_the_settings_say_so() {
    for (setting, is_good) in [
        ("@config auth.accept_bare_tickets false", false),
        ("@config auth.accept_bare_tickets true", true),
    ] {
        let server = start(&["alice"], &[setting]).await;
        let tokens = granted(&server, "alice", &WISH).await;
        let expected = if is_good { "USR" } else { "911" };
        let ticket = &tokens[1].ticket;
        for (dialect, bare) in [
            (15, ticket.clone()),
            (16, format!("{ticket} {MACHINE}")),
            (18, ticket.clone()),
        ] {
            let mut connection = server.addresses.connect(dialect).await;
            question(&mut connection, "SSO", "alice").await;
            assert_eq!(prove(&mut connection, "SSO", &bare).await, expected);
        }
        // A wrong proof is worse than none.
        let wrong = Token {
            key: tokens[0].key.clone(),
            ..tokens[1].clone()
        };
        assert_eq!(sign_on(&server, 15, "alice", &wrong).await, "911");
        assert!(server.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_library_gets_one_ticket_for_everything() {
    let ask = async |server: &TestServer, secret: &str| {
        let head = format!(
            "POST /NotRST.srf HTTP/1.1\r\nHost: x\r\nX-User: alice@example.com\r\n\
             X-Password: {secret}\r\nContent-Length: 0\r\n"
        );
        get(server.addresses.http, &head).await.unwrap()
    };
    let server = start(&["alice"], &[]).await;
    assert!(ask(&server, PASSWORD).await.starts_with("HTTP/1.1 404 "));
    assert!(server.stop().await);

    let server = start(&["alice"], &["@config auth.accept_bare_tickets true"]).await;
    assert!(ask(&server, "wrong").await.starts_with("HTTP/1.1 401 "));
    let answer = ask(&server, PASSWORD).await;
    let (_, ticket) = answer.split_once("X-Token: ").unwrap();
    let ticket = ticket.lines().next().unwrap();
    for (method, dialect) in [("TWN", 12), ("TWN", 14), ("SSO", 15), ("SSO", 18)] {
        let mut connection = server.addresses.connect(dialect).await;
        question(&mut connection, method, "alice").await;
        assert_eq!(
            prove(&mut connection, method, ticket).await,
            "USR",
            "{method} {dialect}"
        );
    }
    assert!(opens_book(&server, ticket).await);
    assert!(server.stop().await);
}
