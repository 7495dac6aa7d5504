//! What people at the notification server notice of changes by the web services.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_added_hears_of_it() {
    for (dialect, heard) in [(7, "ADD 0 RL"), (9, "ADD 0 RL"), (12, "ADC 0 RL")] {
        let server = start(&["alice", "bob"], &[]).await;
        let alice = web(&server, "alice").await;
        let mut bob = server.addresses.sign_in("bob", dialect).await;
        let id = add(&alice, "bob@example.com").await;
        let frame = bob.ns.expect(heard).await;
        assert!(frame.describe().contains("alice@example.com"), "{frame:?}");
        ok(alice.book("ABContactDelete", &contact_by_id(&id)).await);
        let frame = bob.ns.expect("REM 0 RL").await;
        assert!(frame.describe().contains("alice@example.com"), "{frame:?}");
        assert!(server.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_blocked_sees_the_owner_leave_and_come_back() {
    for dialect in [7, 12] {
        let server = start(
            &["alice", "bob"],
            &["@contact bob@example.com alice@example.com FL AL"],
        )
        .await;
        let web = web(&server, "alice").await;
        let mut bob = server.addresses.sign_in("bob", dialect).await;
        let mut alice = server.addresses.sign_in("alice", dialect).await;
        bob.ns.until("NLN NLN alice@example.com").await;
        ok(web
            .sharing("AddMember", &member("Block", "bob@example.com"))
            .await);
        bob.ns.until("FLN alice@example.com").await;
        ok(web
            .sharing("AddMember", &member("Allow", "bob@example.com"))
            .await);
        bob.ns.until("NLN NLN alice@example.com").await;
        alice.ns.ask("PNG", "QNG").await;
        assert!(server.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lists_of_both_ways_in_are_the_same() {
    let server = start(&["alice", "bob"], &[]).await;
    let web = web(&server, "alice").await;
    let id = add(&web, "bob@example.com").await;
    let mut alice = server.addresses.sign_in("alice", 12).await;
    let trid = alice.trid();
    let answer = alice
        .ns
        .ask(&format!("REM {trid} FL {id}"), &format!("REM {trid} FL"))
        .await;
    assert!(answer.describe().contains(&id), "{answer:?}");
    assert_ne!(
        book(&web)
            .await
            .of("Contact", "contactId", &id, "isMessengerUser")
            .as_deref(),
        Some("true")
    );
    let trid = alice.trid();
    let command = format!("ADC {trid} FL N=bob@example.com F=Bob");
    let answer = alice.ns.ask(&command, &format!("ADC {trid} FL")).await;
    let found = book(&web).await;
    let id = found.of("Contact", "passportName", "bob@example.com", "contactId");
    assert!(answer.describe().contains(&id.unwrap()), "{answer:?}");
    assert!(server.stop().await);
}
