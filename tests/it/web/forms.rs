//! Forms are good only from the browser that they were made for.

use super::{browser, site};
use crate::support::people::PASSWORD;
use crate::support::web::Browser;

/// Sends a form that would sign alice in, and answers with the status.
async fn try_with(browser: &mut Browser, word: Option<&str>) -> u16 {
    let mut fields = vec![("address", "alice@example.com"), ("password", PASSWORD)];
    fields.extend(word.map(|word| ("word", word)));
    browser.post("/sign-in", &fields).await.status
}

#[tokio::test]
async fn a_form_without_the_word_of_its_browser_does_nothing() {
    let site = site(&["alice", "bob"], &[]).await;
    let mut browser = Browser::new(site.addresses.http);
    let word = browser.get("/sign-in").await.word();
    let mut other = Browser::new(site.addresses.http);
    let foreign = other.get("/sign-in").await.word();
    assert_ne!(word, foreign);
    let flipped: String = word.chars().rev().collect();
    for wrong in [None, Some(""), Some("0"), Some(&*foreign), Some(&*flipped)] {
        assert_eq!(try_with(&mut browser, wrong).await, 403, "{wrong:?}");
    }
    let mut without_cookies = Browser::new(site.addresses.http);
    assert_eq!(try_with(&mut without_cookies, Some(&word)).await, 403);
    assert_eq!(try_with(&mut browser, Some(&word)).await, 303);
    // What was good for the guest is not good for the member that the guest became.
    assert_eq!(
        browser.post("/sign-out", &[("word", &word)]).await.status,
        403
    );
    assert!(site.stop().await);
}

#[tokio::test]
async fn a_form_that_another_site_sends_does_nothing() {
    let site = site(&["alice"], &[]).await;
    let host = site.addresses.http.to_string();
    let own = format!("http://{host}");
    for (name, value, status) in [
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "same-origin", 303),
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
        ("Origin", &own, 303),
    ] {
        let mut alice = browser(&site, "alice").await;
        let word = alice.get("/account").await.word();
        alice.headers.push((name.to_owned(), value.to_owned()));
        let page = alice.post("/sign-out", &[("word", &word)]).await;
        assert_eq!(page.status, status, "{name}: {value}");
    }
    assert!(site.stop().await);
}
