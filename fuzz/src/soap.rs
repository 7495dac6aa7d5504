//! Everything that can be asked of a web service, with a good ticket or another.
//!
//! The first byte chooses the address. The rest is the body; several requests may follow each
//! other, with the byte 0 between them. `$T` is a ticket of Alice's, `$G` a card
//! or group that the last answer named, `$P` the password.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower_service::Service as _;

use super::world::{self, PASSWORD, World};

/// Where web services are.
const PLACES: [&str; 12] = [
    "/abservice/sharingservice.asmx",
    "/abservice/abservice.asmx",
    "/oimws/oim.asmx",
    "/rsi/rsi.asmx",
    "/storageservice/schematizedstore.asmx",
    "/whatsnew/whatsnewservice.asmx",
    "/rst.srf",
    "/rst2.srf",
    "/notrst.srf",
    "/config/msgrconfig.asmx",
    "/getuserrealm.srf",
    "/ppcrlconfig.srf",
];

/// Requests of one input.
const REQUESTS: usize = 8;
/// More than any answer has.
const LARGEST_ANSWER: usize = 4 << 20;

pub(crate) fn check(input: &[u8]) {
    let [place, bodies @ ..] = input else {
        return;
    };
    let path = PLACES[usize::from(*place) % PLACES.len()];
    world::run(async |world| {
        let [alice, ..] = &world.people;
        let ticket = alice.ticket.replace('&', "&amp;");
        let mut named = String::new();
        for body in bodies.split(|byte| *byte == 0).take(REQUESTS) {
            let body = fill_in(body, &ticket, &named);
            let answer = ask(world, path, body).await;
            if let Some(id) = id_in(&answer) {
                named = id;
            }
        }
    });
}

fn fill_in(body: &[u8], ticket: &str, named: &str) -> Vec<u8> {
    // What is no text is sent as it is.
    let Ok(text) = std::str::from_utf8(body) else {
        return body.to_vec();
    };
    text.replace("$T", ticket)
        .replace("$G", named)
        .replace("$P", PASSWORD)
        .into_bytes()
}

/// The last thing that an answer gave a name to.
fn id_in(answer: &str) -> Option<String> {
    let (_, rest) = answer
        .rsplit_once("<guid>")
        .or_else(|| answer.rsplit_once("<contactId>"))
        .or_else(|| answer.rsplit_once("<groupId>"))?;
    Some(rest.split('<').next()?.to_owned())
}

async fn ask(world: &World, path: &str, body: Vec<u8>) -> String {
    let request = Request::post(path)
        .header("Host", "contacts.msn.com")
        .header("Content-Type", "text/xml; charset=utf-8")
        .extension(world.link())
        .body(Body::from(body));
    let request = request.unwrap_or_else(|error| panic!("{error}"));
    let (status, text) = answer(world, request).await;
    let is_usual = matches!(
        status,
        StatusCode::OK
            | StatusCode::ACCEPTED
            | StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::INTERNAL_SERVER_ERROR
    );
    assert!(is_usual, "{status}");
    if text.trim_start().starts_with('<') {
        let document = roxmltree::Document::parse(&text);
        let document = document.unwrap_or_else(|error| panic!("{error}: {text}"));
        // The status of SOAP for a refusal is also that of a server that is broken.
        let is_fault = |node: roxmltree::Node<'_, '_>| node.tag_name().name() == "Fault";
        assert!(
            status != 500 || document.descendants().any(is_fault),
            "{text}"
        );
    } else {
        assert!(status != 500, "{text}");
    }
    text
}

/// The router's answer, whole.
pub(crate) async fn answer(world: &World, request: Request<Body>) -> (StatusCode, String) {
    let mut router = world.router(None);
    let Ok(response) = router.call(request).await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), LARGEST_ANSWER).await;
    let body = body.unwrap_or_else(|error| panic!("no answer: {error}"));
    (status, String::from_utf8_lossy(&body).into_owned())
}
