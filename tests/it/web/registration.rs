//! Making an account by the form.

use chrysalis::model::UserId;
use chrysalis::store::{AuditDeed, NewInvitation};

use super::site;
use crate::support::client::Connection;
use crate::support::people::PASSWORD;
use crate::support::server::TestServer;
use crate::support::web::{Browser, Page};

const GOOD: [(&str, &str); 4] = [
    ("address", "new@example.com"),
    ("name", "New one"),
    ("password", PASSWORD),
    ("again", PASSWORD),
];

/// The good form with other values in some fields.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = GOOD.to_vec();
    for change in changes {
        fields.retain(|(name, _)| *name != change.0);
        fields.push(*change);
    }
    fields
}

async fn register(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    browser.submit("/register", "/register", fields).await
}

async fn invite(site: &TestServer, code: &str, uses: u32, expires_at: Option<i64>) {
    let store = site.store().await;
    let new = NewInvitation {
        // Kept without what makes it readable.
        code: code.replace('-', ""),
        note: "a friend".to_owned(),
        uses,
        created_by: UserId(1),
        expires_at,
    };
    let deed = AuditDeed {
        actor: "alice@example.com".to_owned(),
        peer: "192.0.2.1".to_owned(),
        action: "invite".to_owned(),
        subject: String::new(),
        detail: String::new(),
    };
    assert!(store.invite(new, deed).await.unwrap());
    store.close().await;
}

#[tokio::test]
async fn whoever_registers_is_signed_in_and_signs_in_with_a_client_too() {
    let site = site(&[], &[]).await;
    let mut browser = Browser::new(site.addresses.http);
    let made = register(&mut browser, &GOOD).await;
    assert_eq!(made.location().as_deref(), Some("/account?done=registered"));
    let page = browser.follow(made).await;
    assert!(
        page.has("new@example.com") && page.has("New one"),
        "{}",
        page.text()
    );
    for dialect in [8, 18] {
        let connection = site.addresses.connect(dialect).await;
        let client = site.addresses.try_sign_in(connection, "new", PASSWORD);
        client.await.unwrap();
    }
    assert!(site.stop().await);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_made() {
    let site = site(
        &["alice"],
        &["@config registration.domains [\"example.com\"]"],
    )
    .await;
    let long = "a".repeat(200);
    let long_address = format!("{long}@example.com");
    for (changes, message) in [
        (&[("address", "")][..], "field"),
        (&[("address", "nobody")], "@"),
        (&[("address", &long_address)], "at most 129"),
        (&[("address", "new@elsewhere.example")], "another domain"),
        (
            &[("address", "Alice@Example.com")],
            "with this address already",
        ),
        (&[("name", &long.repeat(2))], "name is too long"),
        (&[("again", "another1")], "not the same"),
        (&[("password", "short"), ("again", "short")], "too short"),
        (&[("password", &long), ("again", &long)], "too long"),
        (
            &[("password", "tab\there"), ("again", "tab\there")],
            "control character",
        ),
    ] {
        let mut browser = Browser::new(site.addresses.http);
        let page = register(&mut browser, &with(changes)).await;
        assert_eq!(page.status, 422, "{changes:?}");
        let wrong = page.texts(".wrong").join(" ");
        if message != "field" {
            assert!(wrong.contains(message), "{changes:?}: {wrong:?}");
        }
        assert!(!wrong.is_empty(), "{changes:?}");
        assert_eq!(page.faults(), [""; 0], "{changes:?}");
        assert!(!page.has(PASSWORD), "a password is never sent back");
        assert!(!browser.cookies.contains_key("chrysalis"));
        let typed = with(changes)[0].1;
        let kept = page.values("input[name=name]", "value");
        let wanted = with(changes);
        let name = wanted.iter().find(|(key, _)| *key == "name").unwrap().1;
        assert_eq!(kept, [name], "what was typed is still there, {typed}");
    }
    let store = site.store().await;
    assert_eq!(store.account_count().await.unwrap(), 1);
    store.close().await;
    assert!(site.stop().await);
}

#[tokio::test]
async fn an_invitation_is_good_as_often_as_it_says() {
    let site = site(&["alice"], &["@config registration.mode \"invitation\""]).await;
    invite(&site, "aaaaa-bbbbb-ccccc-ddddd", 1, None).await;
    invite(&site, "old-old-old", 5, Some(1)).await;
    let mut browser = Browser::new(site.addresses.http);
    assert!(browser.get("/").await.has("invitation"));
    for code in ["", "wrong", "old-old-old", "%", "' OR 1=1 --"] {
        let page = register(&mut browser, &with(&[("code", code)])).await;
        assert_eq!(page.status, 422, "{code:?}");
        assert!(page.texts(".wrong").join("").contains("invitation code"));
    }
    let good = ("code", "aaaaa-bbbbb-ccccc-ddddd");
    // A form that is wrong otherwise uses nothing up.
    let page = register(&mut browser, &with(&[good, ("again", "other")])).await;
    assert_eq!(page.status, 422);
    let page = register(&mut browser, &with(&[good])).await;
    assert_eq!(page.status, 303, "{}", page.text());
    let mut other = Browser::new(site.addresses.http);
    let page = register(&mut other, &with(&[good, ("address", "b@example.com")])).await;
    assert_eq!(page.status, 422);
    assert!(site.stop().await);
}

#[tokio::test]
async fn where_it_is_closed_there_is_no_form_and_a_forged_one_does_nothing() {
    let site = site(&["alice"], &["@config registration.mode \"closed\""]).await;
    let mut browser = Browser::new(site.addresses.http);
    let page = browser.get("/register").await;
    assert!(page.values("input[name=password]", "name").is_empty());
    assert!(!browser.get("/").await.has("Make an account"));
    let page = browser.submit("/sign-in", "/register", &GOOD).await;
    assert_eq!(page.status, 403);
    let store = site.store().await;
    assert_eq!(store.account_count().await.unwrap(), 1);
    store.close().await;
    assert!(site.stop().await);
}

#[tokio::test]
async fn a_flood_is_stopped_where_it_comes_from() {
    let site = site(&[], &["@config registration.per_hour 3"]).await;
    for number in 0..5 {
        let mut browser = Browser::new(site.addresses.http).from("127.0.0.9");
        let address = format!("n{number}@example.com");
        let page = register(&mut browser, &with(&[("address", &address)])).await;
        let expected = if number < 3 { 303 } else { 429 };
        assert_eq!(page.status, expected, "{number}");
    }
    let mut elsewhere = Browser::new(site.addresses.http).from("127.1.0.1");
    let page = register(&mut elsewhere, &GOOD).await;
    assert_eq!(page.status, 303);
    // The server is still there for everybody.
    Connection::open(&site.addresses.msnp.to_string(), 8)
        .await
        .unwrap();
    assert!(site.stop().await);
}
