//! Circles where a transcript cannot go: restarts, crashes, the command line beside a running
//! server, and members who mean harm.

use std::path::Path;

use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::child::{self, ChildServer};
use crate::support::circles::{CONNECT, Part};
use crate::support::client::{Arrival, Connection};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, Person, connect};
use crate::support::scene::Scene;
use crate::support::soap::{ADDRESS_BOOK, BOOK_PATH, WebClient, envelope, post};

/// The machine that all test clients name where nothing else is said.
const MACHINE: &str = "f52973b6-c926-4bad-9ba8-7c1e840e4ab0";
/// The longest payload of a notification connection.
const LONGEST: usize = 8192;
/// A line that takes little at once.
const SMALL_BUFFER: u32 = 65_536;

fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        user(folder.path(), "add", name);
    }
    folder
}

/// `chrysalis user` with an account of this name.
fn user(folder: &Path, command: &str, name: &str) {
    let address = format!("{name}@example.com");
    match command {
        "add" => {
            let arguments = ["user", "add", &address, "--password-stdin"];
            child::run(folder, &arguments, PASSWORD);
        }
        "delete" => child::run(folder, &["user", "delete", "--yes", &address], ""),
        _ => child::run(folder, &["user", command, &address], ""),
    }
}

async fn web(http: std::net::SocketAddr, name: &str) -> WebClient {
    let address = format!("{name}@example.com");
    WebClient::sign_in(http, &address, PASSWORD).await.unwrap()
}

/// A circle of the first one's with everybody in it.
async fn circle_of(people: &[(&str, WebClient)]) -> String {
    let [(_, host), guests @ ..] = people else {
        panic!("nobody makes a circle");
    };
    let circle = host.create_circle("Hiking").await.unwrap();
    for (name, guest) in guests {
        host.invite(&circle, &format!("{name}@example.com"))
            .await
            .unwrap();
        guest.decide(&circle, CONNECT).await.unwrap();
    }
    circle
}

fn party(person: &Person) -> String {
    format!("1:{};epid={{{MACHINE}}}", person.address())
}

/// A payload with header groups: routing, and what comes behind it.
fn blocks(to: &str, from: &str, content: &str, body: &str) -> String {
    format!(
        "Routing: 1.0\r\nTo: {to}\r\nFrom: {from}\r\n\r\nReliability: 1.0\r\nStream: 0\r\n\
         Segment: 0\r\n\r\n{content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn publication(circle: &str, person: &Person, body: &str) -> String {
    let content = "Publication: 1.0\r\nUri: /circle\r\nContent-Type: application/circles+xml\r\n";
    let to = format!("9:{circle}@live.com");
    blocks(&to, &party(person), content, body)
}

fn message(circle: &str, person: &Person, text: &str) -> String {
    let content = "Messaging: 1.0\r\nContent-Type: Text/plain; charset=UTF-8\r\n\
                   Message-Type: Text\r\n";
    let to = format!("9:{circle}@live.com;path=IM");
    blocks(&to, &party(person), content, text)
}

/// A message whose payload has exactly this many bytes.
fn message_of(size: usize, circle: &str, person: &Person) -> String {
    let text = |length: usize| message(circle, person, &"x".repeat(length));
    let long = (0..=size).rev().map(text);
    let mut long = long.skip_while(|payload| payload.len() > size);
    long.next().filter(|payload| payload.len() == size).unwrap()
}

fn command(verb: &str, trid: u32, payload: &str) -> String {
    format!("{verb} {trid} {}\r\n{payload}", payload.len())
}

/// Enters a circle, and reads everything that comes of it.
async fn enter(person: &mut Person, circle: &str) {
    let trid = person.trid();
    let own = person.address();
    let body =
        format!("<circle><roster><id>IM</id><user><id>1:{own}</id></user></roster></circle>");
    let payload = publication(circle, person, &body);
    let line = command("PUT", trid, &payload);
    person.ns.send(line.as_bytes()).await;
    person.ns.until(&format!("PUT {trid} OK 0")).await;
    person.ns.ask("PNG", "QNG").await;
}

/// The number that a command is refused with.
async fn refusal(person: &mut Person, verb: &str, payload: &str) -> String {
    let trid = person.trid();
    let line = command(verb, trid, payload);
    person.ns.send(line.as_bytes()).await;
    let end = format!(" {trid}");
    loop {
        let frame = person.ns.until("").await;
        if let Some(code) = printable(&frame.line).strip_suffix(&end) {
            return code.to_owned();
        }
    }
}

async fn say(person: &mut Person, circle: &str, text: &str) {
    let trid = person.trid();
    let line = command("SDG", trid, &message(circle, person, text));
    person.ns.send(line.as_bytes()).await;
}

/// Reads up to this text in a circle.
async fn hears(person: &mut Person, text: &str) {
    loop {
        let heard = person.ns.until("SDG 0 ").await;
        if printable(&heard.payload).ends_with(text) {
            return;
        }
    }
}

/// Two people in a circle talk, which proves that both are in it.
async fn talk(one: &mut Person, other: &mut Person, circle: &str, text: &str) {
    say(one, circle, text).await;
    hears(other, text).await;
    say(other, circle, text).await;
    hears(one, text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circles_survive_a_restart_with_everything_that_is_known_of_them() {
    let folder = folder(&["alice", "bob", "carol", "dave"]);
    let mut server = ChildServer::start(folder.path(), "").await;
    let http = server.at.http;
    let people = [
        ("alice", web(http, "alice").await),
        ("bob", web(http, "bob").await),
        ("carol", web(http, "carol").await),
    ];
    let circle = circle_of(&people).await;
    let [(_, alice), (_, bob), (_, carol)] = people;
    alice
        .set_part(&circle, "bob@example.com", Part::Admin)
        .await
        .unwrap();
    bob.invite(&circle, "dave@example.com").await.unwrap();
    let ticket = alice.circle_ticket().await.unwrap();
    carol
        .end_in_circle(&circle, "carol@example.com")
        .await
        .unwrap();
    let mut before = Vec::new();
    for person in [&alice, &bob, &carol] {
        before.push(person.own_page(None).await.texts("contactId"));
        before.push(
            person
                .circle_page(&circle, None)
                .await
                .texts("RelationshipRole"),
        );
    }
    server.signal("TERM");
    assert!(server.ended().await.success());

    let server = ChildServer::start(folder.path(), "").await;
    // Tokens survive as well; only the address is another one.
    let moved = |person: WebClient| WebClient {
        http: server.at.http,
        ..person
    };
    let [alice, bob, carol] = [alice, bob, carol].map(moved);
    let mut after = Vec::new();
    for person in [&alice, &bob, &carol] {
        after.push(person.own_page(None).await.texts("contactId"));
        after.push(
            person
                .circle_page(&circle, None)
                .await
                .texts("RelationshipRole"),
        );
    }
    assert_eq!(before, after);
    let dave = web(server.at.http, "dave").await;
    dave.decide(&circle, CONNECT).await.unwrap();
    let mut at_desk = server.at.sign_in("alice", 18).await;
    let line = format!("USR 90 SHA A {ticket}");
    at_desk.ns.ask(&line, "USR 90 OK alice@example.com").await;
    let mut daves = server.at.sign_in("dave", 18).await;
    enter(&mut at_desk, &circle).await;
    enter(&mut daves, &circle).await;
    talk(&mut at_desk, &mut daves, &circle, "still here").await;
}

/// Gives a circle one name after the other until the server is gone.
async fn rename_until_the_end(web: WebClient, circle: String) {
    for number in 0.. {
        let request = format!(
            "<ABContactUpdate xmlns=\"{ADDRESS_BOOK}\"><abId>{circle}</abId><contacts><Contact>\
             <contactInfo><contactType>Me</contactType><displayName>Noise {number}</displayName>\
             </contactInfo><propertiesChanged>DisplayName</propertiesChanged></Contact>\
             </contacts></ABContactUpdate>"
        );
        let body = envelope(&web.token, &request);
        let Ok(answer) = post(web.http, BOOK_PATH, "", body.as_bytes()).await else {
            return;
        };
        assert_eq!(answer.fault(), None, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_of_a_circle_survives_a_kill() {
    const ROUNDS: usize = 4;
    let folder = folder(&["alice", "bob"]);
    let mut expected = Vec::new();
    for round in 0..ROUNDS {
        let mut server = ChildServer::start(folder.path(), "").await;
        let alice = web(server.at.http, "alice").await;
        let bob = web(server.at.http, "bob").await;
        // Somebody keeps the writer busy, so that the kill finds it at work.
        let mut noise = JoinSet::new();
        let busy = bob.create_circle("Noise").await.unwrap();
        noise.spawn(rename_until_the_end(bob.clone(), busy));
        let name = format!("Round {round}");
        let circle = alice.create_circle(&name).await.unwrap();
        // Killed right after a different acknowledgement each time.
        let mut accepted = false;
        if round % 2 == 1 {
            alice.invite(&circle, "bob@example.com").await.unwrap();
            bob.decide(&circle, CONNECT).await.unwrap();
            accepted = true;
        }
        server.kill();
        while let Some(ended) = noise.join_next().await {
            ended.unwrap();
        }
        expected.push((circle, name, accepted));
    }
    let server = ChildServer::start(folder.path(), "").await;
    let alice = web(server.at.http, "alice").await;
    let bob = web(server.at.http, "bob").await;
    for (circle, name, accepted) in expected {
        let page = alice.own_page(None).await;
        let shown = page.of("CircleInverseInfo", "Id", &circle, "DisplayName");
        assert_eq!(shown.as_deref(), Some(&*name), "{page:?}");
        let page = bob.own_page(None).await;
        let role = page.of("CircleInverseInfo", "Id", &circle, "State");
        assert_eq!(role.as_deref(), accepted.then_some("Accepted"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_member_is_out_of_the_roster_and_a_deleted_one_out_of_the_circle() {
    let folder = folder(&["alice", "bob", "carol"]);
    let server = ChildServer::start(folder.path(), "").await;
    let http = server.at.http;
    let people = [
        ("alice", web(http, "alice").await),
        ("bob", web(http, "bob").await),
        ("carol", web(http, "carol").await),
    ];
    let circle = circle_of(&people).await;
    let [(_, alice), (_, bob), _] = people;
    let [mut alices, mut bobs, mut carols] = [
        server.at.sign_in("alice", 18).await,
        server.at.sign_in("bob", 18).await,
        server.at.sign_in("carol", 18).await,
    ];
    for person in [&mut alices, &mut bobs, &mut carols] {
        enter(person, &circle).await;
    }
    // Disabled: signed out, out of the roster, and without a say; still a member.
    user(folder.path(), "disable", "bob");
    bobs.ns.until("OUT").await;
    assert!(bobs.ns.until_closed().await.is_empty());
    let gone = carols.ns.until("NFY DEL").await;
    assert!(printable(&gone.payload).contains("user(1:bob@example.com)"));
    let refused = bob.circle_page(&circle, None).await;
    assert_eq!(refused.fault().as_deref(), Some("PassportAuthFail"));
    assert!(
        alice
            .contact_in_circle(&circle, "bob@example.com")
            .await
            .is_ok()
    );
    user(folder.path(), "enable", "bob");
    let mut bobs = server.at.sign_in("bob", 18).await;
    enter(&mut bobs, &circle).await;
    talk(&mut carols, &mut bobs, &circle, "welcome back").await;
    // Deleted, and the circle is the next one's.
    user(folder.path(), "delete", "alice");
    alices.ns.until_closed().await;
    let gone = bobs.ns.until("NFY DEL").await;
    assert!(printable(&gone.payload).contains("user(1:alice@example.com)"));
    let refused = alice.circle_page(&circle, None).await;
    assert_eq!(refused.fault().as_deref(), Some("PassportAuthFail"));
    let bob = web(http, "bob").await;
    let page = bob.own_page(None).await;
    assert_eq!(page.text("Role").as_deref(), Some("Admin"), "{page:?}");
    assert!(
        bob.contact_in_circle(&circle, "alice@example.com")
            .await
            .is_err()
    );
    bob.end_in_circle(&circle, "carol@example.com")
        .await
        .unwrap();
    let late = message(&circle, &carols, "x");
    assert_eq!(refusal(&mut carols, "SDG", &late).await, "933");
}

/// A circle of Mallory's, Trent's and Wendy's, who have all entered it.
async fn entered(scene: &Scene) -> (String, [Person; 3]) {
    let names = ["mallory", "trent", "wendy"];
    let mut people = Vec::new();
    for name in names {
        people.push((name, web(scene.at.http, name).await));
    }
    let circle = circle_of(&people).await;
    let mut seats = [
        scene.at.sign_in("mallory", 18).await,
        scene.at.sign_in("trent", 18).await,
        scene.at.sign_in("wendy", 18).await,
    ];
    for seat in &mut seats {
        enter(seat, &circle).await;
    }
    (circle, seats)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_for_a_circle_ends_its_own_connection_only() {
    let scene = Scene::start(&["mallory", "trent", "wendy"], &[]).await;
    let (circle, [mut mallory, mut trent, mut wendy]) = entered(&scene).await;
    let longest = message_of(LONGEST, &circle, &mallory);
    let trid = mallory.trid();
    mallory
        .ns
        .send(command("SDG", trid, &longest).as_bytes())
        .await;
    let heard = trent.ns.until("SDG 0 ").await;
    assert_eq!(heard.payload.len(), LONGEST);
    // Headers have a bound of their own.
    let stuffed = message(&circle, &mallory, "x").replace(
        "Message-Type",
        &format!("X-{}: 1\r\nMessage-Type", "y".repeat(5_000)),
    );
    assert_eq!(refusal(&mut mallory, "SDG", &stuffed).await, "201");
    let many = message(&circle, &mallory, "x").replace(
        "Message-Type",
        &format!(
            "{}Message-Type",
            (0..60).map(|n| format!("X{n}: 1\r\n")).collect::<String>()
        ),
    );
    assert_eq!(refusal(&mut mallory, "SDG", &many).await, "201");
    for verb in ["SDG", "PUT"] {
        let mut mallory = connect(scene.at.msnp, None, None, 18).await;
        mallory = scene.at.sign_in_over(mallory, "mallory").await.ns;
        mallory
            .send(format!("{verb} 900 {}\r\n{}", LONGEST + 1, "x".repeat(LONGEST + 1)).as_bytes())
            .await;
        assert!(is_closed(&mut mallory).await, "{verb}");
    }
    talk(&mut trent, &mut wendy, &circle, "nothing happened").await;
    drop((mallory, trent, wendy));
    scene.finish().await;
}

/// Whether the server ends a connection, whatever it says before.
async fn is_closed(connection: &mut Connection) -> bool {
    loop {
        match connection.next(false).await {
            Arrival::Closed => return true,
            Arrival::Frame(_) => {}
            Arrival::Late(_) | Arrival::Garbled(_) => return false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_in_a_circle_costs_nobody_their_connection() {
    let statements = [
        "@config limits.ns_queue 16",
        "@config limits.write_secs 600",
        "@config limits.commands_per_second 100000",
        "@config limits.commands_burst 100000",
    ];
    let scene = Scene::start(&["mallory", "trent", "wendy"], &statements).await;
    let (circle, [mut mallory, mut trent, wendy]) = entered(&scene).await;
    // Wendy comes again over a line that takes next to nothing, and reads nothing of it.
    drop(wendy);
    trent.ns.until("FLN 1:wendy@example.com;via").await;
    let line = connect(scene.at.msnp, None, Some(SMALL_BUFFER), 18).await;
    let mut wendy = scene.at.sign_in_over(line, "wendy").await;
    enter(&mut wendy, &circle).await;
    trent.ns.until("UBX 1:wendy@example.com;via").await;
    let payload = message_of(LONGEST, &circle, &mallory);
    for _ in 0..800 {
        let trid = mallory.trid();
        mallory
            .ns
            .send(command("SDG", trid, &payload).as_bytes())
            .await;
        // Trent reads as a client does, and misses nothing.
        let heard = trent.ns.until("SDG 0 ").await;
        assert_eq!(heard.payload.len(), payload.len());
    }
    // Wendy is still there, and hears what she has room for; then what is new.
    let numbers = scene.until("the numbers", |_| true).await;
    assert_eq!(numbers.closes("ns", "slow_consumer"), 0);
    let line = format!("CHG {} BSY 2789003324:48", mallory.trid());
    mallory.ns.ask(&line, &line).await;
    wendy.ns.until("NLN BSY 1:mallory@example.com;via").await;
    talk(&mut trent, &mut wendy, &circle, "still here").await;
    drop((mallory, trent, wendy));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_talks_in_a_circle_faster_than_the_pace_is_slowed_and_not_cut() {
    let statements = [
        "@config limits.commands_per_second 20",
        "@config limits.commands_burst 40",
    ];
    let scene = Scene::start(&["mallory", "trent", "wendy"], &statements).await;
    let (circle, [mut mallory, mut trent, wendy]) = entered(&scene).await;
    let mut burst = String::new();
    for number in 0..80 {
        let trid = mallory.trid();
        burst += &command(
            "SDG",
            trid,
            &message(&circle, &mallory, &format!("{number:03}")),
        );
    }
    let start = std::time::Instant::now();
    mallory.ns.send(burst.as_bytes()).await;
    for number in 0..80 {
        let heard = trent.ns.until("SDG 0 ").await;
        let text = printable(&heard.payload);
        assert!(text.ends_with(&format!("{number:03}")), "{text}");
    }
    // Forty at once, and the rest at twenty a second.
    assert!(start.elapsed().as_millis() > 1_500, "{:?}", start.elapsed());
    drop((mallory, trent, wendy));
    scene.finish().await;
}
