//! Invitations between people, as the clients since 2009 send them.

use super::*;

pub(crate) fn creating(address: &str) -> String {
    format!(
        "<contactHandle><Email>{address}</Email><Puid>0</Puid><Cid>0</Cid>\
         <CircleId>00000000-0000-0000-0000-000000000000</CircleId></contactHandle>"
    )
}

pub(crate) fn managing(id: &str, action: u8, relationship: u8) -> String {
    format!(
        "<contactId>{id}</contactId><connection>true</connection><presence>true</presence>\
         <action>{action}</action><relationshipType>{relationship}</relationshipType>\
         <relationshipRole>0</relationshipRole>"
    )
}

pub(crate) fn breaking(id: &str, deletes: bool, blocks: bool) -> String {
    format!(
        "<contactId>{id}</contactId><deleteContact>{deletes}</deleteContact>\
         <blockContact>{blocks}</blockContact>"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_is_invited_followed_and_left_again() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let created = alice
            .book("CreateContact", &creating("bob@example.com"))
            .await;
        let created = ok(created);
        assert_eq!(created.text("isMessengerUser").as_deref(), Some("false"));
        ids.push(created.text("contactId").unwrap());
    }
    let [id, again] = &*ids else {
        panic!("{ids:?}")
    };
    assert_eq!(id, again);
    assert!(!is_on(&lists(&alice).await, "Allow", "bob@example.com"));

    let accepted = ok(alice.book("ManageWLConnection", &managing(id, 1, 3)).await);
    assert_eq!(accepted.text("isMessengerUser").as_deref(), Some("true"));
    assert!(is_on(&lists(&alice).await, "Allow", "bob@example.com"));
    let bob = web(&server, "bob").await;
    assert!(is_on(&lists(&bob).await, "Pending", "alice@example.com"));

    ok(alice
        .book("BreakConnection", &breaking(id, false, true))
        .await);
    let found = book(&alice).await;
    let follows = found.of("Contact", "contactId", id, "isMessengerUser");
    assert_eq!(follows.as_deref(), Some("false"));
    assert!(is_on(&lists(&alice).await, "Block", "bob@example.com"));
    ok(alice
        .book("BreakConnection", &breaking(id, true, false))
        .await);
    assert!(!book(&alice).await.body.contains("bob@example.com"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_declined_waits_no_longer_and_is_not_followed() {
    let server = start(&["alice", "bob"], &[]).await;
    let (alice, bob) = (web(&server, "alice").await, web(&server, "bob").await);
    add(&bob, "alice@example.com").await;
    assert!(is_on(&lists(&alice).await, "Pending", "bob@example.com"));
    let created = alice
        .book("CreateContact", &creating("bob@example.com"))
        .await;
    let id = ok(created).text("contactId").unwrap();
    let declined = ok(alice.book("ManageWLConnection", &managing(&id, 2, 3)).await);
    assert_eq!(declined.text("isMessengerUser").as_deref(), Some("false"));
    assert!(!is_on(&lists(&alice).await, "Pending", "bob@example.com"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_of_others_and_circles_that_are_not_there_are_refused() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (alice, bob) = (web(&server, "alice").await, web(&server, "bob").await);
    let id = add(&bob, "carol@example.com").await;
    for (operation, request) in [
        ("ManageWLConnection", managing(&id, 1, 3)),
        ("BreakConnection", breaking(&id, true, true)),
    ] {
        let answer = alice.book(operation, &request).await;
        refused(&answer, "ContactDoesNotExist");
    }
    let circle = "<abHandle><ABId>00000000-0000-0000-0009-73944a8f7947</ABId><Puid>0</Puid>\
                  <Cid>0</Cid></abHandle>";
    for (operation, request) in [
        ("ABFindContactsPaged", String::new()),
        ("CreateContact", creating("bob@example.com")),
        ("ManageWLConnection", managing(&id, 1, 5)),
        ("BreakConnection", breaking(&id, true, false)),
    ] {
        let request = format!("{circle}{request}");
        let answer = alice.book(operation, &request).await;
        refused(&answer, "ABDoesNotExist");
    }
    for request in [managing(&id, 3, 3), managing(&id, 1, 4)] {
        let answer = alice.book("ManageWLConnection", &request).await;
        refused(&answer, "BadRequest");
    }
    let answer = alice.book("CreateContact", &creating("nobody")).await;
    refused(&answer, "BadEmailArgument");
    assert!(server.stop().await);
}
