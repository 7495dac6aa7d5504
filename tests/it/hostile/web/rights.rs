//! Tokens that open nothing, and what is somebody else's.

use super::catalogue::{self, SERVICES};
use super::world::{EVERYTHING, World};
use super::{is_refusal, is_sound};
use crate::support::people::PASSWORD;
use crate::support::soap::token;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_somebody_elses_is_out_of_reach_by_every_operation() {
    let world = World::start(&[]).await;
    let before = world.wendy.belongings().await;
    // Wendy's identities in place of Mallory's, in every place, under Mallory's own token.
    for request in catalogue::all(&world.mallory.token, &world.wendy.own) {
        is_sound(&request.action, &world.mallory.send(&request).await);
    }
    // And with Mallory's own around each of them.
    let (mine, hers) = (&world.mallory.own, &world.wendy.own);
    for (own, other) in [
        (&mine.contact, &hers.contact),
        (&mine.group, &hers.group),
        (&mine.circle, &hers.circle),
        (&mine.guest, &hers.guest),
        (&mine.cid, &hers.cid),
        (&mine.tile, &hers.tile),
        (&mine.message, &hers.message),
    ] {
        for request in catalogue::all(&world.mallory.token, mine) {
            let body = request.text();
            if !body.contains(own.as_str()) {
                continue;
            }
            let body = body.replace(own.as_str(), other);
            let by = &world.mallory;
            let answer = by
                .post(request.path, &request.action, body.as_bytes())
                .await;
            is_sound(&body, &answer);
        }
    }
    // Her picture, by every way to ask for it.
    let cid = &hers.cid;
    let token = world.mallory.token.replace('&', "%26");
    for path in [
        format!("/usertile/{cid}/static"),
        format!("/usertile/{cid}/small?t={token}"),
        format!("/usertile/{cid}/static/{}", hers.tile),
        format!("/usertile/{cid}/static/0?t={token}"),
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n");
        let answer = crate::support::passport::request(world.scene.at.http, &head).await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert_eq!(world.wendy.belongings().await, before);
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_none_opens_no_operation() {
    let world = World::start(&[]).await;
    let before = world.mallory.belongings().await;
    let http = world.scene.at.http;
    let good = &world.mallory.token;
    let middle = good.len() / 2;
    let mut flipped = good.clone();
    let other = if flipped.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    flipped.replace_range(middle..=middle, other);
    let (first, second) = good.split_at(middle);
    let forged = [
        String::new(),
        "t=&p=".to_owned(),
        "x".to_owned(),
        "t=x&p=".to_owned(),
        first.to_owned(),
        format!("t={second}"),
        flipped,
        good.to_uppercase(),
        format!("{first} {second}"),
        format!("{first}\u{20ac}{second}"),
        format!("t='; DROP TABLE ticket;--&p={}", "x".repeat(1_000)),
        "t=".repeat(10_000),
        "A".repeat(100_000),
    ];
    for bad in forged {
        for request in catalogue::all(&bad, &world.mallory.own) {
            let answer = world.mallory.send(&request).await;
            let start: String = bad.chars().take(100).collect();
            is_refusal(&format!("{start} for {}", request.action), &answer);
            assert!(bad.len() < 20 || !answer.body.contains(&bad), "{answer:?}");
        }
    }
    // A good token that is for something else.
    for (audience, path) in [
        ("storage.msn.com", SERVICES[0]),
        ("storage.msn.com", SERVICES[1]),
        ("contacts.msn.com", SERVICES[2]),
        ("sup.live.com", SERVICES[3]),
        ("contacts.msn.com", SERVICES[4]),
        ("spaces.live.com", SERVICES[5]),
        ("nobody.example", SERVICES[0]),
    ] {
        let other = token(http, "mallory@example.com", PASSWORD, audience);
        let other = other.await.unwrap();
        for request in catalogue::all(&other, &world.mallory.own) {
            if request.path == path {
                let answer = world.mallory.send(&request).await;
                is_refusal(&format!("{audience} for {}", request.action), &answer);
            }
        }
    }
    assert_eq!(world.mallory.belongings().await, before);
    assert!(
        token(http, "mallory@example.com", PASSWORD, EVERYTHING)
            .await
            .is_ok()
    );
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_says_nothing_and_an_unknown_operation_is_refused() {
    let world = World::start(&[]).await;
    let before = world.mallory.belongings().await;
    for request in catalogue::reading(&world.mallory) {
        let body = request.text();
        let operation = request.action.rsplit('/').next().unwrap();
        for action in [
            "",
            "x",
            "http://www.msn.com/webservices/AddressBook/ABContactDelete",
        ] {
            let by = &world.mallory;
            let answer = by.post(request.path, action, body.as_bytes()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        for other in [
            format!("{operation}x"),
            operation.to_lowercase(),
            "__proto__".to_owned(),
            "A".repeat(10_000),
            "\u{e9}".repeat(100),
        ] {
            let unknown = body.replace(&format!("<{operation} "), &format!("<{other} "));
            let unknown = unknown.replace(&format!("</{operation}>"), &format!("</{other}>"));
            let by = &world.mallory;
            let answer = by.post(request.path, &request.action, unknown.as_bytes());
            is_refusal(&other, &answer.await);
        }
        // A good request at the wrong door.
        for path in SERVICES.into_iter().filter(|path| *path != request.path) {
            let by = &world.mallory;
            let answer = by.post(path, &request.action, body.as_bytes()).await;
            is_refusal(path, &answer);
        }
    }
    assert_eq!(world.mallory.belongings().await, before);
    world.scene.finish().await;
}
