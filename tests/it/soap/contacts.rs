//! Contacts: coming, changing, going.

use super::*;
use crate::support::soap::{BOOK_PATH, SHARING_PATH, escape, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_added_contact_is_followed_allowed_and_asked() {
    let server = start(&["alice", "bob"], &[]).await;
    let (alice, bob) = (web(&server, "alice").await, web(&server, "bob").await);
    let id = add(&alice, "Bob@Example.com").await;
    let found = book(&alice).await;
    for (name, value) in [
        ("passportName", "bob@example.com"),
        ("isMessengerUser", "true"),
        ("fDeleted", "false"),
    ] {
        let found = found.of("Contact", "contactId", &id, name);
        assert_eq!(found.as_deref(), Some(value), "{name}");
    }
    let mine = lists(&alice).await;
    assert!(is_on(&mine, "Allow", "bob@example.com"), "{mine:?}");
    let his = lists(&bob).await;
    for role in ["Reverse", "Pending"] {
        assert!(is_on(&his, role, "alice@example.com"), "{role}: {his:?}");
    }
    let message = his.of("Membership", "MemberRole", "Pending", "Value");
    assert_eq!(message.as_deref(), Some("It is <me>"), "{his:?}");
    let name = his.of("Membership", "MemberRole", "Pending", "DisplayName");
    assert!(name.is_some_and(|name| !name.is_empty()), "{his:?}");

    let again = alice.book("ABContactAdd", &adding("bob@example.com")).await;
    refused(&again, "ContactAlreadyExists");
    let conflict = again.text("conflictObjectId").unwrap();
    assert_eq!(conflict.to_lowercase(), id);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_cannot_be_added_is_refused_for_its_own_reason() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    for (address, code) in [
        ("nobody@example.com", "InvalidPassportUser"),
        ("nobody", "BadEmailArgument"),
        ("nobody@", "BadEmailArgument"),
        ("nobody@example", "BadEmailArgument"),
        ("&lt;b&gt;@example.com", "BadEmailArgument"),
    ] {
        let answer = alice.book("ABContactAdd", &adding(address)).await;
        refused(&answer, code);
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_without_an_account_is_kept_with_mail_only() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    let request = contact(
        "<contactInfo><emails><ContactEmail><contactEmailType>Messenger2</contactEmailType>\
         <email>erin@yahoo.example</email><isMessengerEnabled>true</isMessengerEnabled>\
         <Capability>32</Capability><MessengerEnabledExternally>false</MessengerEnabledExternally>\
         <propertiesChanged/></ContactEmail></emails></contactInfo>",
    );
    let id = ok(alice.book("ABContactAdd", &request).await).text("guid");
    let found = book(&alice).await;
    let email = found.of("Contact", "contactId", &id.unwrap(), "email");
    assert_eq!(email.as_deref(), Some("erin@yahoo.example"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_kept_as_far_as_the_change_names_them() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let id = add(&alice, "bob@example.com").await;
    let change = |inner: &str, named: &str| {
        contact(&format!(
            "<contactId>{id}</contactId><contactInfo>{inner}</contactInfo>\
             <propertiesChanged>{named}</propertiesChanged>"
        ))
    };
    let first = change(
        "<firstName>Bob &lt;3</firstName><lastName>Builder</lastName><comment>old</comment>\
         <annotations><Annotation><Name>AB.NickName</Name><Value>Bobby</Value></Annotation>\
         <Annotation><Name>Odd</Name><Value>kept</Value></Annotation></annotations>",
        "ContactFirstName Annotation Comment Unheard",
    );
    ok(alice.book("ABContactUpdate", &first).await);
    let second = change(
        "<comment>new</comment><firstName>not named</firstName><annotations><Annotation>\
         <Name>AB.NickName</Name><Value></Value></Annotation></annotations>",
        " Comment\n Annotation ",
    );
    ok(alice.book("ABContactUpdate", &second).await);
    let found = book(&alice).await;
    let field = |name: &str| found.of("Contact", "contactId", &id, name);
    assert_eq!(field("firstName").as_deref(), Some("Bob <3"));
    assert_eq!(field("lastName"), None);
    assert_eq!(field("comment").as_deref(), Some("new"));
    assert_eq!(field("Name").as_deref(), Some("Odd"));
    assert_eq!(field("Value").as_deref(), Some("kept"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_in_the_book_with_their_settings() {
    let server = start(
        &["bob"],
        &["@account alice@example.com password=secret-1 name=A%20%01%3c3%20%26%20%F0%9F%98%80"],
    )
    .await;
    let alice = web(&server, "alice").await;
    let found = book(&alice).await;
    let me = |found: &Answer, name: &str| found.of("Contact", "contactType", "Me", name);
    assert_eq!(
        me(&found, "displayName").as_deref(),
        Some("A \u{fffd}<3 & 😀")
    );
    assert_eq!(
        me(&found, "passportName").as_deref(),
        Some("alice@example.com")
    );
    let setting = |found: &Answer, name: &str| found.of("Annotation", "Name", name, "Value");
    assert_eq!(setting(&found, "MSN.IM.BLP").as_deref(), Some("1"));
    let change = contact(
        "<contactInfo><contactType>Me</contactType><annotations><Annotation>\
         <Name>MSN.IM.BLP</Name><Value>2</Value></Annotation><Annotation><Name>My.Own</Name>\
         <Value>x</Value></Annotation></annotations></contactInfo>\
         <propertiesChanged>Annotation</propertiesChanged>",
    );
    ok(alice.book("ABContactUpdate", &change).await);
    let found = book(&alice).await;
    assert_eq!(setting(&found, "MSN.IM.BLP").as_deref(), Some("2"));
    assert_eq!(setting(&found, "My.Own").as_deref(), Some("x"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_contact_is_gone() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let id = add(&alice, "bob@example.com").await;
    let id = id.to_uppercase();
    // Some clients send the same request to two hosts.
    for _ in 0..2 {
        ok(alice.book("ABContactDelete", &contact_by_id(&id)).await);
        assert!(!book(&alice).await.body.contains("bob@example.com"));
    }
    let unknown = alice.book("ABContactDelete", &contact_by_id(NOBODY)).await;
    refused(&unknown, "ContactDoesNotExist");
    let bob = web(&server, "bob").await;
    assert!(!is_on(&lists(&bob).await, "Reverse", "alice@example.com"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_and_books_of_others_are_out_of_reach() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (alice, bob) = (web(&server, "alice").await, web(&server, "bob").await);
    let id = add(&bob, "carol@example.com").await;
    let update = contact(&format!(
        "<contactId>{id}</contactId><contactInfo><comment>mine</comment></contactInfo>\
         <propertiesChanged>Comment</propertiesChanged>"
    ));
    for id in [&*id, NOBODY] {
        let update = update.replace("<contactId>", &format!("<contactId>{id}</contactId><x>"));
        let update = update.replacen("</contactId><contactInfo>", "</x><contactInfo>", 1);
        for (operation, request) in [
            ("ABContactUpdate", update),
            ("ABContactDelete", contact_by_id(id)),
        ] {
            let answer = alice.book(operation, &request).await;
            refused(&answer, "ContactDoesNotExist");
        }
        let chosen = format!("{OWN_BOOK}<contactIds><guid>{id}</guid></contactIds>");
        let found = ok(alice.book("ABFindByContacts", &chosen).await);
        assert_eq!(found.count("Contact"), 0);
    }
    for operation in [
        "ABFindAll",
        "ABContactAdd",
        "ABContactUpdate",
        "ABContactDelete",
        "ABGroupAdd",
    ] {
        let request =
            adding("carol@example.com").replace(OWN_BOOK, &format!("<abId>{NOBODY}</abId>"));
        let answer = alice.book(operation, &request).await;
        refused(&answer, "ABDoesNotExist");
    }
    assert!(book(&bob).await.body.contains("carol@example.com"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_token_for_the_address_book_opens_it() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    let http = server.addresses.http;
    // Without its second half, and with the full power of a sign-in.
    let bare = alice.token.split('&').next().unwrap().to_owned();
    let full = token(
        http,
        "alice@example.com",
        PASSWORD,
        "messengerclear.live.com",
    )
    .await;
    for token in [bare, full.unwrap()] {
        let client = WebClient { http, token };
        ok(client.book("ABFindAll", OWN_BOOK).await);
    }
    let other = token(http, "alice@example.com", PASSWORD, "storage.msn.com").await;
    for token in [other.unwrap(), String::new(), "t=x&p=".to_owned()] {
        let client = WebClient { http, token };
        for (path, operation) in [(BOOK_PATH, "ABFindAll"), (SHARING_PATH, "FindMembership")] {
            let answer = client.call(path, operation, OWN_BOOK).await;
            let fault = answer.fault().unwrap();
            assert!(
                fault == "PassportAuthFail" || fault.ends_with("BadContextToken"),
                "{answer:?}"
            );
            let token = escape(&client.token);
            assert!(token.is_empty() || !answer.body.contains(&token));
        }
    }
    assert!(server.stop().await);
}
