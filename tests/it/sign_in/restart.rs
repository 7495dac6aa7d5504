//! Tickets outlive the server that made them, but not their time.

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_and_their_keys_survive_a_restart() {
    let server = start(&["alice", "bob"], &[]).await;
    let services = [
        (GRANTING, ""),
        (SINGLE_SIGN_ON, "MBI_KEY_OLD"),
        (MESSENGER, "?id=507"),
        ("contacts.msn.com", "MBI"),
    ];
    let mut tokens = granted(&server, "alice", &services).await;
    let mut server = server.restart().await;
    for _ in 0..2 {
        for dialect in [15, 18] {
            assert_eq!(sign_on(&server, dialect, "alice", &tokens[1]).await, "USR");
        }
        let mut connection = server.addresses.connect(13).await;
        question(&mut connection, "TWN", "alice").await;
        assert_eq!(
            prove(&mut connection, "TWN", &tokens[2].ticket).await,
            "USR"
        );
        assert!(opens_book(&server, &tokens[3].ticket).await);
        // The key is still what counts, and the account too.
        let stolen = Token {
            key: tokens[2].key.clone(),
            ..tokens[1].clone()
        };
        assert_eq!(sign_on(&server, 18, "alice", &stolen).await, "911");
        assert_eq!(sign_on(&server, 18, "bob", &tokens[1]).await, "911");
        // The same for those of the new server after the next restart.
        tokens = granted(&server, "alice", &services).await;
        server = server.restart().await;
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_ticket_opens_nothing_before_and_after_a_restart() {
    let server = start(&["alice"], &[]).await;
    let services = [
        (SINGLE_SIGN_ON, "MBI_KEY_OLD"),
        (MESSENGER, "?id=507"),
        ("contacts.msn.com", "MBI"),
    ];
    let tokens = granted(&server, "alice", &services).await;
    assert!(opens_book(&server, &tokens[2].ticket).await);
    expire_all(&server).await;
    let mut server = server;
    for _ in 0..2 {
        assert!(!opens_book(&server, &tokens[2].ticket).await);
        assert_eq!(sign_on(&server, 18, "alice", &tokens[0]).await, "911");
        let mut connection = server.addresses.connect(13).await;
        question(&mut connection, "TWN", "alice").await;
        assert_eq!(
            prove(&mut connection, "TWN", &tokens[1].ticket).await,
            "911"
        );
        connection.until_closed().await;
        server = server.restart().await;
    }
    // A new one is as good as ever.
    let tokens = granted(&server, "alice", &services).await;
    assert_eq!(sign_on(&server, 18, "alice", &tokens[0]).await, "USR");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_ends_with_the_password_and_with_the_account() {
    let server = start(&["alice", "bob"], &[]).await;
    let services = [(SINGLE_SIGN_ON, "MBI_KEY_OLD"), ("contacts.msn.com", "MBI")];
    let alice = granted(&server, "alice", &services).await;
    let bob = granted(&server, "bob", &services).await;
    let accounts = &server.services().accounts;
    let address = |name: &str| chrysalis::model::Address::parse(name).unwrap();
    let keep = chrysalis::service::accounts::LegacyChoice::Keep;
    accounts
        .set_password(&address("alice@example.com"), "another-1".into(), keep)
        .await
        .unwrap();
    accounts
        .set_disabled(&address("bob@example.com"), true)
        .await
        .unwrap();
    for (name, tokens) in [("alice", &alice), ("bob", &bob)] {
        assert_eq!(
            sign_on(&server, 18, name, &tokens[0]).await,
            "911",
            "{name}"
        );
        assert!(!opens_book(&server, &tokens[1].ticket).await, "{name}");
    }
    assert!(server.stop().await);
}

/// Lets the time of all tickets be over.
async fn expire_all(server: &TestServer) {
    let options = SqliteConnectOptions::new().filename(server.database());
    let mut connection = options.connect().await.unwrap();
    let expired = sqlx::query("UPDATE ticket SET expires_at = 1000")
        .execute(&mut connection)
        .await
        .unwrap();
    assert!(expired.rows_affected() >= 3);
}
