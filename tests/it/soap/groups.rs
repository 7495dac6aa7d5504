//! Groups of contacts.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_made_filled_renamed_emptied_and_deleted() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let bob = add(&alice, "bob@example.com").await;
    let made = ok(alice
        .book("ABGroupAdd", &group_named("Friends &amp; Müller"))
        .await);
    let group = made.text("guid").unwrap();
    let found = book(&alice).await;
    let name = found.of("Group", "groupId", &group, "name");
    assert_eq!(name.as_deref(), Some("Friends & Müller"));
    let note = found.of("Group", "groupId", &group, "Value");
    assert_eq!(note.as_deref(), Some("1"));

    let filling = group_filter(&group.to_uppercase()) + &contact_by_id(&bob.to_uppercase());
    for _ in 0..2 {
        let filled = ok(alice.book("ABGroupContactAdd", &filling).await);
        assert_eq!(filled.text("guid").as_deref(), Some(&*bob));
    }
    let found = book(&alice).await;
    let groups = found.of("Contact", "contactId", &bob, "groupIds");
    assert!(groups.is_some(), "{found:?}");

    let renaming = format!(
        "{OWN_BOOK}<groups><Group><groupId>{group}</groupId><groupInfo><name>Work</name>\
         </groupInfo><propertiesChanged>GroupName</propertiesChanged></Group></groups>"
    );
    ok(alice.book("ABGroupUpdate", &renaming).await);
    let found = book(&alice).await;
    let name = found.of("Group", "groupId", &group, "name");
    assert_eq!(name.as_deref(), Some("Work"));

    let emptying = contact_by_id(&bob) + &group_filter(&group);
    ok(alice.book("ABGroupContactDelete", &emptying).await);
    let found = book(&alice).await;
    assert_eq!(found.of("Contact", "contactId", &bob, "groupIds"), None);

    let deleting = OWN_BOOK.to_owned() + &group_filter(&group);
    for _ in 0..2 {
        ok(alice.book("ABGroupDelete", &deleting).await);
        assert_eq!(book(&alice).await.count("Group"), 0);
    }
    let unknown = OWN_BOOK.to_owned() + &group_filter(NOBODY);
    let answer = alice.book("ABGroupDelete", &unknown).await;
    refused(&answer, "GroupDoesNotExist");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_needs_a_name_of_its_own_that_is_not_too_long() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    ok(alice.book("ABGroupAdd", &group_named("Friends")).await);
    let again = alice.book("ABGroupAdd", &group_named("Friends")).await;
    refused(&again, "GroupAlreadyExists");
    let long = alice
        .book("ABGroupAdd", &group_named(&"x".repeat(200)))
        .await;
    refused(&long, "BadArgumentLength");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_contact_can_be_added_right_into_a_group() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let made = ok(alice.book("ABGroupAdd", &group_named("Friends")).await);
    let group = made.text("guid").unwrap();
    let filling = group_filter(&group)
        + &contact(
            "<contactInfo><passportName>bob@example.com</passportName>\
             <isMessengerUser>true</isMessengerUser></contactInfo>",
        );
    let filled = ok(alice.book("ABGroupContactAdd", &filling).await);
    let bob = filled.text("guid").unwrap();
    let found = book(&alice).await;
    let address = found.of("Contact", "contactId", &bob, "passportName");
    assert_eq!(address.as_deref(), Some("bob@example.com"));
    assert!(found.of("Contact", "contactId", &bob, "groupIds").is_some());
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_others_are_out_of_reach() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (alice, bob) = (web(&server, "alice").await, web(&server, "bob").await);
    let carol = add(&alice, "carol@example.com").await;
    let made = ok(bob.book("ABGroupAdd", &group_named("Friends")).await);
    let group = made.text("guid").unwrap();
    let filling = group_filter(&group) + &contact_by_id(&carol);
    let deleting = OWN_BOOK.to_owned() + &group_filter(&group);
    let renaming = format!(
        "{OWN_BOOK}<groups><Group><groupId>{group}</groupId><groupInfo><name>Mine</name>\
         </groupInfo><propertiesChanged>GroupName</propertiesChanged></Group></groups>"
    );
    for (operation, request) in [
        ("ABGroupContactAdd", &filling),
        ("ABGroupContactDelete", &filling),
        ("ABGroupDelete", &deleting),
        ("ABGroupUpdate", &renaming),
    ] {
        let answer = alice.book(operation, request).await;
        refused(&answer, "GroupDoesNotExist");
    }
    let found = book(&bob).await;
    let name = found.of("Group", "groupId", &group, "name");
    assert_eq!(name.as_deref(), Some("Friends"));
    assert!(server.stop().await);
}
