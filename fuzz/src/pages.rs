//! Pages for people: any address, cookie and form, by a browser that is signed in, or not.
//!
//! Requests have the byte 0 between them. The first line of each is a method and an address, the
//! second its cookies; the rest is the form. `$W` is the cookie of Alice's browser, `$F` the word
//! of its forms, and `$N` and `$V` are those of a guest.

use axum::body::Body;
use axum::http::{Method, Request};
use secrecy::ExposeSecret as _;

use super::soap::answer;
use super::world::{self, PASSWORD, World};

/// Requests of one input.
const REQUESTS: usize = 12;
/// The cookie of a guest, who has no more than that.
const GUEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(crate) fn check(input: &[u8]) {
    world::run(async |world| {
        let [alice, ..] = &world.people;
        let browsers = &world.services.web_sessions;
        let begun = browsers.begin(alice.user, "Fuzz/1.0", "192.0.2.7".to_owned());
        let Ok(Some(secret)) = begun.await else {
            panic!("Alice cannot sign in");
        };
        let secret = secret.expose_secret();
        let known = [
            ("$W", secret),
            ("$F", &browsers.form_word(secret)),
            ("$N", GUEST),
            ("$V", &browsers.form_word(GUEST)),
            ("$P", PASSWORD),
        ];
        for request in input.split(|byte| *byte == 0).take(REQUESTS) {
            let mut text = String::from_utf8_lossy(request).into_owned();
            for (name, value) in known {
                text = text.replace(name, value);
            }
            ask(world, &text).await;
        }
    });
}

async fn ask(world: &World, text: &str) {
    let (target, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (cookies, form) = rest.split_once('\n').unwrap_or((rest, ""));
    let (method, path) = match target.split_once(' ') {
        Some(("POST", path)) => (Method::POST, path),
        Some((_, path)) => (Method::GET, path),
        None => (Method::GET, target),
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "chat.example.com")
        .header("Accept", "text/html")
        .header("Cookie", cookies)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .extension(world.link())
        .body(Body::from(form.to_owned()));
    let Ok(request) = request else {
        // Nothing that HTTP could carry.
        return;
    };
    if !request.uri().path().starts_with('/') {
        return;
    }
    let (status, page) = answer(world, request).await;
    assert!(status.as_u16() < 500, "{status} for {target:?}");
    // What somebody typed is shown, but never as a part of the page.
    assert!(!page.contains("<fuzz"), "{page}");
}
