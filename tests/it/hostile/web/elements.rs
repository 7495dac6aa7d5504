//! Good requests with one element spoilt at a time: left out, doubled, or with another value.

use std::ops::Range;

use roxmltree::{Document, Node};

use super::catalogue::{self, Request};
use super::is_sound;
use super::world::{Somebody, World};
use crate::support::pattern::printable;
use crate::support::people::Person;

/// Texts that may come where something else is meant, escaped for a document. The marker is a
/// command that nobody may hear over TCP.
const TEXTS: [&str; 9] = [
    "",
    "-1",
    "99999999999999999999999999",
    "0001-13-45T99:99:99.9999999Z",
    "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
    "]]&gt;&lt;/x&gt;&lt;!--&amp;amp;&quot;&apos;&#x202e;&#xfffd;&#x1f600;",
    "a&#13;&#10;EVIL 0&#13;&#10;b&#9;%0d%0aEVIL 0%0d%0a&#x85;&#x7f;",
    "'; DROP TABLE account; --../../../x%00%n",
    "=?utf-8?B?DQpFVklMIDANCg==?=!!\u{20ac}",
];

/// Where every element within header and body stands.
fn elements(text: &str) -> Vec<Range<usize>> {
    let document = Document::parse(text).unwrap();
    let parts = document.root_element().children();
    let inner = parts.flat_map(|part| part.descendants());
    inner
        .filter(Node::is_element)
        .map(|node| node.range())
        .collect()
}

/// Where every text and every value of an attribute stands that is no declaration.
fn values(text: &str) -> Vec<Range<usize>> {
    let document = Document::parse(text).unwrap();
    let mut values = Vec::new();
    for node in document.root_element().descendants() {
        if node.is_text() {
            values.push(node.range());
        }
        values.extend(node.attributes().map(|attribute| attribute.range_value()));
    }
    values
}

fn replaced(text: &str, range: &Range<usize>, by: &str) -> String {
    [&text[..range.start], by, &text[range.end..]].concat()
}

/// Somebody at a client, who would hear of what comes through.
async fn listen(person: &mut Person) {
    person.ns.send(b"PNG\r\n").await;
    loop {
        let frame = person.ns.until("").await;
        let verb = printable(frame.fields()[0]);
        let is_known = [
            "QNG", "NLN", "FLN", "ILN", "UBX", "ADC", "ADL", "REM", "RML", "NOT", "NFY", "MSG",
        ];
        assert!(is_known.contains(&&*verb), "{}", frame.describe());
        if verb == "QNG" {
            return;
        }
    }
}

fn good_requests(by: &Somebody) -> Vec<Request> {
    let mut all = catalogue::all(&by.token, &by.own);
    // What removes comes last, and what it removes is then gone.
    all.splice(0..0, catalogue::tokens(&by.own.name));
    all
}

async fn send(by: &Somebody, request: &Request, body: &str, what: &str) {
    let answer = by
        .post(request.path, &request.action, body.as_bytes())
        .await;
    is_sound(&format!("{what} in {}\n{body}", request.action), &answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_catalogue_is_understood() {
    let world = World::start(&[]).await;
    for request in good_requests(&world.mallory) {
        let answer = world.mallory.send(&request).await;
        is_sound(&request.action, &answer);
        let fault = answer.fault().unwrap_or_default();
        assert!(
            !fault.contains("BadRequest") && !fault.contains("Schema"),
            "{request:?}: {answer:?}"
        );
    }
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_element_too_few_or_too_many_breaks_nothing() {
    let mut world = World::start(&[]).await;
    let before = world.wendy.belongings().await;
    let mut trent = world.scene.at.sign_in("trent", 18).await;
    for request in good_requests(&world.mallory) {
        let text = request.text();
        for range in elements(&text) {
            let element = &text[range.clone()];
            let by = &world.mallory;
            send(by, &request, &replaced(&text, &range, ""), "too few").await;
            let doubled = replaced(&text, &range, &element.repeat(2));
            send(by, &request, &doubled, "too many").await;
        }
    }
    listen(&mut trent).await;
    drop(trent);
    world.scene.bystanders.carry_on().await;
    assert_eq!(world.wendy.belongings().await, before);
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_value_breaks_nothing_and_reaches_nobody_as_a_command() {
    let mut world = World::start(&[]).await;
    let before = world.wendy.belongings().await;
    let mut trent = world.scene.at.sign_in("trent", 18).await;
    let mut carol = world.scene.at.sign_in("carol", 12).await;
    let token = crate::support::soap::escape(&world.mallory.token);
    for request in good_requests(&world.mallory) {
        let text = request.text();
        for range in values(&text) {
            // Tokens are spoilt elsewhere.
            if text[range.clone()].contains(&token) {
                continue;
            }
            for value in TEXTS {
                let body = replaced(&text, &range, value);
                send(&world.mallory, &request, &body, value).await;
            }
        }
        listen(&mut trent).await;
        listen(&mut carol).await;
    }
    drop((trent, carol));
    world.scene.bystanders.carry_on().await;
    assert_eq!(world.wendy.belongings().await, before);
    // What came of it can be read.
    for request in catalogue::reading(&world.mallory) {
        is_sound("what came of it", &world.mallory.send(&request).await);
    }
    world.scene.finish().await;
}
