//! What is new since a client last asked.

use super::*;

fn new_since(stamp: &str) -> String {
    format!("<deltasOnly>true</deltasOnly><lastChange>{stamp}</lastChange>")
}

/// The stamp that a client keeps of its book.
async fn book_stamp(web: &WebClient) -> String {
    let id = "00000000-0000-0000-0000-000000000000";
    book(web).await.of("ab", "abId", id, "lastChange").unwrap()
}

async fn new_in_book(web: &WebClient, stamp: &str) -> Answer {
    ok(web
        .book("ABFindAll", &(OWN_BOOK.to_owned() + &new_since(stamp)))
        .await)
}

async fn new_on_page(web: &WebClient, stamp: &str) -> Answer {
    let request = format!(
        "<filterOptions><LastChanged>{stamp}</LastChanged><DeltasOnly>true</DeltasOnly>\
         </filterOptions><extendedContent>AB AllGroups CircleResult</extendedContent>"
    );
    ok(web.book("ABFindContactsPaged", &request).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_that_did_not_change_has_nothing_new() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    add(&alice, "bob@example.com").await;
    let stamp = book_stamp(&alice).await;
    for answer in [
        new_in_book(&alice, &stamp).await,
        new_on_page(&alice, &stamp).await,
    ] {
        assert_eq!(answer.count("Contact"), 0, "{answer:?}");
        assert_eq!(answer.count("Group"), 0, "{answer:?}");
        assert!(answer.body.contains(&stamp), "{answer:?}");
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_came_changed_or_went_is_new() {
    let server = start(&["alice", "bob", "carol", "dave"], &[]).await;
    let alice = web(&server, "alice").await;
    let bob = add(&alice, "bob@example.com").await;
    let carol = add(&alice, "carol@example.com").await;
    let made = ok(alice.book("ABGroupAdd", &group_named("Old")).await);
    let old = made.text("guid").unwrap();
    let stamp = book_stamp(&alice).await;

    let dave = add(&alice, "dave@example.com").await;
    ok(alice.book("ABContactDelete", &contact_by_id(&bob)).await);
    let deleting = OWN_BOOK.to_owned() + &group_filter(&old);
    ok(alice.book("ABGroupDelete", &deleting).await);
    let made = ok(alice.book("ABGroupAdd", &group_named("New")).await);
    let new = made.text("guid").unwrap();

    for answer in [
        new_in_book(&alice, &stamp).await,
        new_on_page(&alice, &stamp).await,
    ] {
        let deleted = |outer: &str, key: &str, id: &str| answer.of(outer, key, id, "fDeleted");
        assert_eq!(
            deleted("Contact", "contactId", &bob).as_deref(),
            Some("true")
        );
        assert_eq!(deleted("Contact", "contactId", &carol), None);
        assert_eq!(
            deleted("Contact", "contactId", &dave).as_deref(),
            Some("false")
        );
        assert_eq!(deleted("Group", "groupId", &old).as_deref(), Some("true"));
        assert_eq!(deleted("Group", "groupId", &new).as_deref(), Some("false"));
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_tell_who_came_and_who_left() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let alice = web(&server, "alice").await;
    ok(alice
        .sharing("AddMember", &member("Allow", "bob@example.com"))
        .await);
    let stamp = lists(&alice).await.text("LastChange").unwrap();
    let nothing = ok(alice.sharing("FindMembership", &new_since(&stamp)).await);
    assert_eq!(nothing.count("Member"), 0, "{nothing:?}");
    assert_eq!(
        nothing.text("MembershipIsComplete").as_deref(),
        Some("false")
    );

    ok(alice
        .sharing("DeleteMember", &member("Allow", "bob@example.com"))
        .await);
    ok(alice
        .sharing("AddMember", &member("Block", "carol@example.com"))
        .await);
    let news = ok(alice.sharing("FindMembership", &new_since(&stamp)).await);
    let bob = news.of("Member", "PassportName", "bob@example.com", "Deleted");
    assert_eq!(bob.as_deref(), Some("true"), "{news:?}");
    assert_eq!(members(&news, "Block"), ["carol@example.com"]);
    assert_eq!(news.count("Member"), 2, "{news:?}");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stamps_that_lead_nowhere_ask_for_everything() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    add(&alice, "bob@example.com").await;
    for stamp in ["yesterday", "2999-01-01T00:00:00Z", "2010-13-01T00:00:00Z"] {
        let request = OWN_BOOK.to_owned() + &new_since(stamp);
        refused(&alice.book("ABFindAll", &request).await, "FullSyncRequired");
        let answer = alice.sharing("FindMembership", &new_since(stamp)).await;
        refused(&answer, "FullSyncRequired");
    }
    // "Never" is not a moment: it gets everything without a detour.
    for stamp in ["", "0001-01-01T00:00:00.0000000-08:00"] {
        let answer = new_in_book(&alice, stamp).await;
        assert_eq!(answer.count("Contact"), 2, "{answer:?}");
    }
    assert!(server.stop().await);
}
