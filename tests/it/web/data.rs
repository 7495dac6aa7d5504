//! Taking everything along, and leaving.

use super::{browser, picture, site};
use crate::support::people::PASSWORD;
use crate::support::web::Browser;

#[tokio::test]
async fn the_file_has_everything_of_oneself_and_nothing_of_others() {
    let statements = [
        "@group alice Friends",
        "@contact alice bob FL AL group=Friends name=Bobby",
        "@contact alice carol BL",
        "@contact bob dora FL AL name=Secret-friend",
        "@setting alice PHH 555-1",
        "@setting carol PHH 555-2",
    ];
    let site = site(&["alice", "bob", "carol", "dora"], &statements).await;
    let mut alice = browser(&site, "alice").await;
    let word = alice.get("/account/profile").await.word();
    let data = picture(96, image::ImageFormat::Png);
    let fields = [("word", word.as_str())];
    alice
        .upload("/account/picture", &fields, ("file", &data))
        .await;
    let file = alice.get("/account/export").await;
    assert_eq!(
        file.header("content-type").as_deref(),
        Some("application/json")
    );
    assert!(
        file.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let all: serde_json::Value = serde_json::from_slice(&file.body).unwrap();
    assert_eq!(all["account"]["address"], "alice@example.com");
    assert_eq!(all["settings"]["phones"]["home"], "555-1");
    assert_eq!(all["groups"][0]["name"], "Friends");
    assert_eq!(all["contacts"][0]["address"], "bob@example.com");
    assert_eq!(all["contacts"][0]["groups"][0], "Friends");
    assert_eq!(
        all["contacts"][0]["lists"],
        serde_json::json!(["forward", "allow"])
    );
    assert_eq!(all["profile"]["picture"]["type"], "image/png");
    let blocked = all["lists"].as_array().unwrap().iter();
    let blocked: Vec<_> = blocked.filter(|it| it["list"] == "block").collect();
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0]["who"], "carol@example.com");
    assert!(all["offline_messages"].as_array().unwrap().is_empty());
    for foreign in [
        "dora",
        "Secret-friend",
        "555-2",
        "argon2",
        "digest",
        "token",
    ] {
        assert!(!file.has(foreign), "{foreign}");
    }
    let mut nobody = Browser::new(site.addresses.http);
    assert_eq!(nobody.get("/account/export").await.status, 303);
    assert!(site.stop().await);
}

#[tokio::test]
async fn an_account_goes_only_with_its_password_and_then_altogether() {
    let site = site(&["alice", "bob"], &["@friends alice bob"]).await;
    let mut bob = site.addresses.sign_in("bob", 8).await;
    let mut client = site.addresses.sign_in("alice", 18).await;
    let (mut alice, mut other) = (browser(&site, "alice").await, browser(&site, "alice").await);
    let path = "/account/delete";
    for (fields, message) in [
        (&[("password", PASSWORD)][..], "Tick this box"),
        (
            &[("password", "wrong-one"), ("sure", "1")],
            "not your password",
        ),
        (&[("sure", "1")], "not your password"),
    ] {
        let page = alice.submit(path, path, fields).await;
        assert_eq!(page.status, 422);
        assert!(page.texts(".wrong").join("").contains(message), "{message}");
    }
    client.set_status("BSY").await;
    let fields = [("password", PASSWORD), ("sure", "1")];
    let gone = alice.submit(path, path, &fields).await;
    assert!(gone.has("Your account is deleted"), "{}", gone.text());
    assert_eq!(gone.faults(), [""; 0]);
    client.ns.until_closed().await;
    bob.ns.until("FLN alice@example.com").await;
    for browser in [&mut alice, &mut other] {
        assert_eq!(browser.get("/account").await.status, 303);
    }
    let page = alice.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(page.status, 403);
    assert!(
        !browser(&site, "bob")
            .await
            .get("/account/contacts")
            .await
            .has("alice@")
    );
    assert!(site.stop().await);
}
