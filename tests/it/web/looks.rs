//! What is on every page: sound markup, nothing that runs, no text that becomes markup, and the
//! headers that keep it so.

use super::{browser, site};
use crate::support::people::PASSWORD;
use crate::support::web::Browser;

const OPEN: [&str; 3] = ["/", "/register", "/sign-in"];
const OWN: [&str; 8] = [
    "/account",
    "/account/profile",
    "/account/password",
    "/account/sessions",
    "/account/contacts",
    "/account/legacy",
    "/account/data",
    "/account/delete",
];

#[tokio::test]
async fn every_page_is_sound() {
    let site = site(&["alice", "bob"], &["@contact alice bob BL"]).await;
    let _client = site.addresses.sign_in("alice", 18).await;
    let mut browsers = [
        Browser::new(site.addresses.http),
        browser(&site, "alice").await,
    ];
    let _second = browser(&site, "alice").await;
    let [nobody, alice] = &mut browsers;
    for (browser, paths) in [(nobody, &OPEN[..]), (alice, &OWN[..])] {
        for path in paths {
            let page = browser.get(path).await;
            assert_eq!((page.status, page.faults()), (200, Vec::new()), "{path}");
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
            assert_eq!(page.header("x-frame-options").as_deref(), Some("DENY"));
            assert_eq!(page.header("cache-control").as_deref(), Some("no-store"));
            assert_eq!(page.texts("h1").len(), 1, "{path}");
            let style = page.values("link[rel=stylesheet]", "href")[0].clone();
            assert_eq!(browser.get(&style).await.status, 200);
        }
    }
    assert!(site.stop().await);
}

#[tokio::test]
async fn nobody_sees_what_is_a_members_without_being_one() {
    let site = site(&["alice"], &[]).await;
    let mut nobody = Browser::new(site.addresses.http);
    for path in OWN.iter().chain(&["/account/export", "/account/picture"]) {
        let page = nobody.get(path).await;
        assert_eq!(page.location(), Some(format!("/sign-in?to={path}")));
        let page = nobody
            .submit("/sign-in", path, &[("password", PASSWORD)])
            .await;
        assert!(matches!(page.status, 303 | 405), "{path}: {}", page.status);
    }
    // No address names an account.
    let mut alice = browser(&site, "alice").await;
    for path in [
        "/account/bob@example.com",
        "/account/1",
        "/account/export/2",
    ] {
        assert_eq!(alice.get(path).await.status, 404, "{path}");
    }
    assert!(site.stop().await);
}

#[tokio::test]
async fn a_name_is_never_markup() {
    const NAME: &str = "\"><script>alert('n')</script>";
    const MESSAGE: &str = "'\"></p><img src=x onerror=alert(1)>{{ 7*7 }}";
    let statements = [
        "@friends alice bob",
        "@contact alice carol BL name=%3Cscript%3Ex",
    ];
    let site = site(&["alice", "bob", "carol"], &statements).await;
    for name in ["alice", "bob"] {
        let mut person = browser(&site, name).await;
        let fields = [("name", NAME), ("message", MESSAGE)];
        let path = "/account/profile";
        let page = person.submit(path, path, &fields).await;
        assert_eq!(page.status, 303, "{}", page.text());
    }
    let _client = site.addresses.sign_in("alice", 18).await;
    let mut alice = Browser::new(site.addresses.http);
    alice.headers = vec![("User-Agent".to_owned(), NAME.to_owned())];
    alice.sign_in("alice@example.com", PASSWORD).await;
    for path in OPEN.iter().chain(&OWN) {
        let page = alice.visit(path).await;
        assert_eq!(page.faults(), [""; 0], "{path}");
        // The only scripts are files of the site.
        for markup in ["<script>", "<img src=x", "<p></p><img"] {
            assert!(!page.has(markup), "{markup} on {path}");
        }
    }
    let shown = alice.get("/account/profile").await;
    assert_eq!(shown.values("input[name=name]", "value"), [NAME]);
    assert_eq!(shown.values("input[name=message]", "value"), [MESSAGE]);
    assert!(site.stop().await);
}
