//! Changing one's own account, and what others see of it.

use super::{browser, picture, site};
use crate::support::passport::{Outcome, fetch_ticket};
use crate::support::pattern::printable;
use crate::support::people::PASSWORD;
use crate::support::soap::WebClient;
use crate::support::web::Browser;

const ALICE: &str = "alice@example.com";

#[tokio::test]
async fn a_new_password_ends_other_browsers_and_tickets_and_renews_this_browser() {
    let site = site(&["alice"], &[]).await;
    let http = site.addresses.http;
    let (mut alice, mut other) = (browser(&site, "alice").await, browser(&site, "alice").await);
    let mut client = site.addresses.sign_in("alice", 8).await;
    let web = WebClient::sign_in(http, ALICE, PASSWORD);
    let web = web.await.unwrap();
    let find_all = "<abId>00000000-0000-0000-0000-000000000000</abId>";
    assert_eq!(web.book("ABFindAll", find_all).await.status, 200);
    let path = "/account/password";
    let form = |old, new, again| [("password", old), ("new", new), ("again", again)];
    for (fields, message) in [
        (form("wrong-one", "battery", "battery"), "not your password"),
        (form("", "battery", "battery"), "not your password"),
        (form(PASSWORD, "battery", "staple-1"), "not the same"),
        (form(PASSWORD, "short", "short"), "too short"),
    ] {
        let page = alice.submit(path, path, &fields).await;
        assert_eq!(page.status, 422);
        assert!(page.texts(".wrong").join("").contains(message), "{message}");
    }
    let before = alice.cookies["chrysalis"].clone();
    let fields = form(PASSWORD, "battery staple", "battery staple");
    let changed = alice.submit(path, path, &fields).await;
    assert_eq!(
        changed.location().as_deref(),
        Some("/account?done=password")
    );
    assert_ne!(alice.cookies["chrysalis"], before);
    assert!(alice.follow(changed).await.has("Your password is changed."));
    let mut thief = Browser::new(http);
    thief.cookies.insert("chrysalis".to_owned(), before);
    for ended in [&mut thief, &mut other] {
        assert_eq!(ended.get("/account").await.status, 303);
    }
    let void = web.book("ABFindAll", find_all).await;
    assert_ne!(void.status, 200, "the ticket is void");
    client.set_status("BSY").await;
    let refused = fetch_ticket(http, ALICE, PASSWORD, "").await;
    assert_eq!(refused, Ok(Outcome::Refused));
    let again = form("battery staple", PASSWORD, PASSWORD);
    let fields = [&again[..], &[("everywhere", "1")]].concat();
    assert_eq!(alice.submit(path, path, &fields).await.status, 303);
    client.ns.until("OUT OTH").await;
    client.ns.until_closed().await;
    assert!(site.stop().await);
}

#[tokio::test]
async fn the_old_password_is_guessed_no_faster_here() {
    let site = site(&["alice"], &["@config limits.failed_sign_ins_per_minute 3"]).await;
    let mut alice = browser(&site, "alice").await;
    let path = "/account/password";
    let fields = [
        ("password", "wrong-one"),
        ("new", "battery"),
        ("again", "battery"),
    ];
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(alice.submit(path, path, &fields).await.status);
    }
    assert_eq!(statuses, [422, 422, 422, 429]);
    let fields = [("password", PASSWORD), ("sure", "1")];
    let page = alice
        .submit("/account/delete", "/account/delete", &fields)
        .await;
    assert_eq!(page.status, 429, "one count for all");
    assert!(site.stop().await);
}

#[tokio::test]
async fn friends_of_every_age_see_a_new_name_and_message_at_once() {
    let statements = ["@friends alice old", "@friends alice new"];
    let site = site(&["alice", "old", "new"], &statements).await;
    let _client = site.addresses.sign_in("alice", 18).await;
    let mut old = site.addresses.sign_in("old", 8).await;
    let mut new = site.addresses.sign_in("new", 18).await;
    let mut alice = browser(&site, "alice").await;
    let fields = [("name", "Alice <2>"), ("message", "at home & well")];
    let path = "/account/profile";
    let saved = alice.submit(path, path, &fields).await;
    assert_eq!(
        saved.location().as_deref(),
        Some("/account/profile?done=saved")
    );
    for friend in [&mut old, &mut new] {
        let news = friend.ns.until("NLN NLN").await;
        let line = printable(&news.line);
        assert!(
            line.contains("Alice%20%3C2%3E") || line.contains("Alice%20<2>"),
            "{line}"
        );
    }
    let news = new.ns.until("UBX").await;
    let payload = printable(&news.payload);
    assert!(
        payload.contains("<PSM>at home &#x26; well</PSM>"),
        "{payload}"
    );
    for (fields, message) in [
        ([("name", ""), ("message", "")], "Write a name"),
        ([("name", "a\u{7}"), ("message", "")], "cannot be shown"),
        ([("name", "a"), ("message", "b\nc")], "cannot be shown"),
        ([("name", &*"x".repeat(400)), ("message", "")], "too long"),
        ([("name", "a"), ("message", &*"x".repeat(130))], "too long"),
    ] {
        let page = alice.submit(path, path, &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
        assert!(
            page.texts(".wrong").join("").contains(message),
            "{fields:?}"
        );
        assert_eq!(page.faults(), [""; 0]);
    }
    assert!(alice.get(path).await.has("at home &#38; well"));
    assert!(site.stop().await);
}

#[tokio::test]
async fn a_picture_is_shown_to_its_owner_and_to_friends_until_it_is_removed() {
    let site = site(&["alice"], &[]).await;
    let mut alice = browser(&site, "alice").await;
    assert_eq!(alice.get("/account/picture").await.status, 404);
    for format in [image::ImageFormat::Png, image::ImageFormat::Jpeg] {
        let data = picture(96, format);
        let word = alice.get("/account/profile").await.word();
        let fields = [("word", word.as_str())];
        let sent = alice
            .upload("/account/picture", &fields, ("file", &data))
            .await;
        let to = "/account/profile?done=picture";
        assert_eq!(sent.location().as_deref(), Some(to), "{}", sent.text());
        let shown = alice.get("/account/picture").await;
        assert_eq!((shown.status, shown.body), (200, data));
        assert!(alice.follow(sent).await.has("src=\"/account/picture\""));
    }
    let mut nobody = Browser::new(site.addresses.http);
    assert_eq!(nobody.get("/account/picture").await.status, 303);
    let path = "/account/profile";
    let removed = alice.submit(path, path, &[("remove", "1")]).await;
    assert_eq!(removed.status, 303);
    assert_eq!(alice.get("/account/picture").await.status, 404);
    assert!(site.stop().await);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_a_reason() {
    let site = site(&["alice"], &[]).await;
    let mut alice = browser(&site, "alice").await;
    let wide = picture(1025, image::ImageFormat::Png);
    let heavy = vec![0x89; 1024 * 1024 + 1];
    let huge = vec![0x89; 3 * 1024 * 1024];
    for (data, status, message) in [
        (&b""[..], 422, "Choose a file"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            422,
            "no picture",
        ),
        (&wide, 422, "1024 pixels"),
        (&heavy, 413, "1 megabyte"),
        (&huge, 413, "1 megabyte"),
    ] {
        let word = alice.get("/account/profile").await.word();
        let fields = [("word", word.as_str())];
        let page = alice
            .upload("/account/picture", &fields, ("file", data))
            .await;
        assert_eq!(page.status, status, "{message}");
        assert!(
            page.texts(".wrong").join("").contains(message),
            "{}",
            page.text()
        );
        assert_eq!(page.faults(), [""; 0]);
    }
    let data = picture(96, image::ImageFormat::Png);
    let mut other = Browser::new(site.addresses.http);
    let foreign = other.get("/sign-in").await.word();
    for fields in [&[][..], &[("word", "")], &[("word", &*foreign)]] {
        let page = alice
            .upload("/account/picture", fields, ("file", &data))
            .await;
        assert_eq!(page.status, 403, "{fields:?}");
    }
    let plain = alice
        .submit("/account", "/account/picture", &[("file", "x")])
        .await;
    assert_eq!(plain.status, 400);
    // Other pages take no more than before.
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let page = alice.send("POST", "/account/profile", kind, &heavy).await;
    assert_eq!(page.status, 413);
    assert_eq!(alice.get("/account/picture").await.status, 404);
    assert!(site.stop().await);
}

#[tokio::test]
async fn clients_are_listed_and_signed_out_from_afar() {
    let site = site(&["alice", "bob"], &["@friends alice bob"]).await;
    let mut bob = site.addresses.sign_in("bob", 8).await;
    let mut old = site.addresses.sign_in("alice", 8).await;
    let mut alice = browser(&site, "alice").await;
    let path = "/account/sessions";
    let page = alice.get(path).await;
    let rows = page.texts("tr").join("|");
    for word in ["MSNP8", "Online", "127.0.0.1"] {
        assert!(rows.contains(word), "{word}: {rows}");
    }
    let numbers = page.values("input[name=client]", "value");
    assert_eq!(numbers.len(), 2, "{numbers:?}");
    // Nobody else's session is to be had by its number.
    let mut stranger = browser(&site, "bob").await;
    let gone = stranger
        .submit(path, path, &[("client", &numbers[0])])
        .await;
    assert_eq!(
        gone.location().as_deref(),
        Some("/account/sessions?done=gone")
    );
    old.set_status("BSY").await;
    bob.ns.until("NLN BSY alice@example.com").await;
    let done = alice.submit(path, path, &[("client", &numbers[0])]).await;
    assert_eq!(
        done.location().as_deref(),
        Some("/account/sessions?done=client")
    );
    old.ns.until("OUT OTH").await;
    old.ns.until_closed().await;
    bob.ns.until("FLN alice@example.com").await;
    assert!(alice.get(path).await.has("No client is signed in."));
    let mut new = site.addresses.sign_in("alice", 18).await;
    assert!(alice.get(path).await.has("MSNP18"));
    let done = alice.submit(path, path, &[("client", "all")]).await;
    assert_eq!(
        done.location().as_deref(),
        Some("/account/sessions?done=clients")
    );
    new.ns.until("OUT OTH").await;
    bob.ns.until("FLN alice@example.com").await;
    assert!(site.stop().await);
}

#[tokio::test]
async fn browsers_are_listed_and_signed_out() {
    let site = site(&["alice", "bob"], &[]).await;
    let (mut alice, mut lost) = (browser(&site, "alice").await, browser(&site, "alice").await);
    let mut bob = browser(&site, "bob").await;
    let path = "/account/sessions";
    let of_bob = bob.get(path).await;
    assert!(of_bob.has("this one") && of_bob.values("input[name=browser]", "value").is_empty());
    let listed = alice.get(path).await.values("input[name=browser]", "value");
    assert_eq!((listed.len(), listed[1].as_str()), (2, "others"));
    let done = bob.submit(path, path, &[("browser", &listed[0])]).await;
    assert_eq!(
        done.location().as_deref(),
        Some("/account/sessions?done=gone")
    );
    assert_eq!(lost.get("/account").await.status, 200);
    let done = alice.submit(path, path, &[("browser", &listed[0])]).await;
    assert_eq!(
        done.location().as_deref(),
        Some("/account/sessions?done=browser")
    );
    assert_eq!(lost.get("/account").await.status, 303);
    let mut more = browser(&site, "alice").await;
    alice.submit(path, path, &[("browser", "others")]).await;
    assert_eq!(more.get("/account").await.status, 303);
    assert_eq!(alice.get("/account").await.status, 200);
    assert_eq!(bob.get("/account").await.status, 200);
    assert!(site.stop().await);
}

#[tokio::test]
async fn whoever_is_unblocked_sees_it_at_once() {
    let statements = [
        "@contact alice old BL",
        "@contact alice new BL",
        "@contact old alice FL AL",
        "@contact new alice FL AL",
    ];
    let site = site(&["alice", "old", "new"], &statements).await;
    let _client = site.addresses.sign_in("alice", 18).await;
    let mut friends = [
        site.addresses.sign_in("old", 8).await,
        site.addresses.sign_in("new", 18).await,
    ];
    let mut alice = browser(&site, "alice").await;
    let path = "/account/contacts";
    let blocked = alice.get(path).await.values("input[name=unblock]", "value");
    assert_eq!(blocked, ["old@example.com", "new@example.com"]);
    for (friend, address) in friends.iter_mut().zip(&blocked) {
        friend.ns.expect_nothing().await;
        let done = alice.submit(path, path, &[("unblock", address)]).await;
        assert_eq!(
            done.location().as_deref(),
            Some("/account/contacts?done=unblocked")
        );
        let news = friend.ns.until("NLN NLN").await;
        assert!(printable(&news.line).contains(ALICE));
    }
    assert!(alice.get(path).await.has("You have blocked nobody."));
    for nobody in ["", "x", "nobody@example.com", "old@example.com"] {
        let done = alice.submit(path, path, &[("unblock", nobody)]).await;
        assert_eq!(done.status, 303, "{nobody}");
    }
    assert!(site.stop().await);
}

#[tokio::test]
async fn the_oldest_clients_get_a_password_that_is_shown_once() {
    let site = site(&["alice"], &[]).await;
    let mut alice = browser(&site, "alice").await;
    let path = "/account/legacy";
    let client = async |password: &str| {
        let connection = site.addresses.connect(2).await;
        site.addresses
            .try_sign_in(connection, "alice", password)
            .await
            .is_ok()
    };
    assert!(alice.get(path).await.has("with your main password"));
    assert!(client(PASSWORD).await);
    let made = alice.submit(path, path, &[("do", "open")]).await;
    assert_eq!((made.status, made.faults()), (200, Vec::<String>::new()));
    let password = made.texts(".secret code")[0].clone();
    assert_eq!(password.len(), 12);
    assert!(client(&password).await);
    assert!(!client(PASSWORD).await);
    let mut browser = Browser::new(site.addresses.http);
    assert_eq!(browser.sign_in(ALICE, &password).await.status, 403);
    let later = alice.get(path).await;
    assert!(later.has("with a password of their own") && !later.has(&password));
    let closed = alice.submit(path, path, &[("do", "close")]).await;
    assert_eq!(
        closed.location().as_deref(),
        Some("/account/legacy?done=closed")
    );
    assert!(!client(&password).await);
    assert!(alice.get(path).await.has("cannot sign in to your account"));
    assert!(site.stop().await);
}
