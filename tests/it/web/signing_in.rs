//! Signing browsers in and out.

use super::{browser, site};
use crate::support::people::PASSWORD;
use crate::support::web::Browser;

const SESSION: &str = "chrysalis";
const GUEST: &str = "chrysalis_guest";

#[tokio::test]
async fn signing_in_leads_where_one_was_going_and_signing_out_ends_it() {
    let site = site(&["alice"], &[]).await;
    let mut alice = Browser::new(site.addresses.http);
    let refused = alice.get("/account").await;
    assert_eq!(refused.status, 303);
    let location = refused.location().unwrap();
    assert_eq!(location, "/sign-in?to=/account");
    let form = alice.get(&location).await;
    let to = form.values("input[name=to]", "value");
    let page = alice
        .post(
            "/sign-in",
            &[
                ("word", &form.word()),
                ("to", &to[0]),
                ("address", " Alice@Example.COM "),
                ("password", PASSWORD),
            ],
        )
        .await;
    assert_eq!(page.location().as_deref(), Some("/account"));
    let cookie = page.headers("set-cookie").join("\n");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    assert!(!alice.cookies.contains_key(GUEST));
    assert_eq!(alice.get("/account").await.status, 200);
    assert_eq!(
        alice.get("/sign-in").await.location().as_deref(),
        Some("/account")
    );
    let stolen = alice.clone();
    let page = alice.submit("/account", "/sign-out", &[]).await;
    assert_eq!(page.location().as_deref(), Some("/"));
    assert!(!alice.cookies.contains_key(SESSION));
    for mut browser in [alice, stolen] {
        assert_eq!(browser.get("/account").await.status, 303);
    }
    assert!(site.stop().await);
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let site = site(&["alice", "gone"], &[]).await;
    let mut browser = Browser::new(site.addresses.http);
    let mut answers = Vec::new();
    for (address, password) in [
        ("alice@example.com", "wrong-one"),
        ("nobody@example.com", "wrong-one"),
        ("alice", "wrong-one"),
        ("", ""),
    ] {
        let page = browser.sign_in(address, password).await;
        assert_eq!(page.status, 403, "{address}");
        answers.push(page.texts(".notice"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(site.stop().await);
}

#[tokio::test]
async fn guessing_is_slowed_down_together_with_the_clients_way_in() {
    let site = site(&["alice"], &["@config limits.failed_sign_ins_per_minute 5"]).await;
    let mut guesser = Browser::new(site.addresses.http).from("127.0.0.9");
    let mut statuses = Vec::new();
    for number in 0..8 {
        let guess = format!("guess-{number}");
        statuses.push(guesser.sign_in("alice@example.com", &guess).await.status);
    }
    assert_eq!(statuses[..5], [403; 5]);
    assert_eq!(statuses[5..], [429; 3]);
    let page = guesser.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(page.status, 429, "not even the right one");
    let mut elsewhere = Browser::new(site.addresses.http).from("127.1.0.1");
    let page = elsewhere.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(page.status, 303, "the owner at home is not shut out");
    assert!(site.stop().await);
}

#[tokio::test]
async fn a_planted_cookie_is_never_taken_over() {
    let site = site(&["alice"], &[]).await;
    let planted = "5".repeat(64);
    for cookie in [SESSION, GUEST] {
        let mut victim = Browser::new(site.addresses.http);
        victim.cookies.insert(cookie.to_owned(), planted.clone());
        let page = victim.sign_in("alice@example.com", PASSWORD).await;
        assert_eq!(page.status, 303, "{cookie}");
        assert_ne!(victim.cookies[SESSION], planted, "{cookie}");
        let mut attacker = Browser::new(site.addresses.http);
        attacker.cookies.insert(SESSION.to_owned(), planted.clone());
        assert_eq!(attacker.get("/account").await.status, 303, "{cookie}");
    }
    // Whoever is signed in and signs in anew gets a new secret.
    let mut alice = browser(&site, "alice").await;
    let before = alice.cookies[SESSION].clone();
    alice.submit("/account", "/sign-out", &[]).await;
    alice.sign_in("alice@example.com", PASSWORD).await;
    assert_ne!(alice.cookies[SESSION], before);
    assert!(site.stop().await);
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let site = site(&["alice"], &[]).await;
    for to in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/%2fevil.example",
        "javascript:alert(1)",
        "/a\r\nX-Evil: 1",
    ] {
        let mut alice = Browser::new(site.addresses.http);
        let fields = [
            ("address", "alice@example.com"),
            ("password", PASSWORD),
            ("to", to),
        ];
        let page = alice.submit("/sign-in", "/sign-in", &fields).await;
        assert_eq!(page.location().as_deref(), Some("/account"), "{to:?}");
        assert_eq!(page.header("x-evil"), None);
        let escaped: String = to.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let page = alice.get(&format!("/sign-in?to={escaped}")).await;
        assert_eq!(page.location().as_deref(), Some("/account"), "{to:?}");
    }
    assert!(site.stop().await);
}
