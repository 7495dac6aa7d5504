//! What one account or one address may do in a while: what a client hears beyond it, that it stays
//! connected, and that nobody else is held back.

use std::time::{Duration, Instant};

use crate::support::numbers::Numbers;
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket};
use crate::support::people::{PASSWORD, Person, chat, connect, fixture};
use crate::support::server::TestServer;
use crate::support::soap::WebClient;
use crate::support::web::Browser;

async fn start(names: &[&str], statements: &[&str]) -> TestServer {
    TestServer::start(&fixture(names, statements))
        .await
        .unwrap()
}

/// Sends commands until one is answered with a number, and answers how many were not.
async fn until_refused(
    person: &mut Person,
    code: &str,
    command: impl Fn(u32, usize) -> (String, String),
) -> usize {
    for count in 0..200 {
        let trid = person.trid();
        let (line, answer) = command(trid, count);
        person.ns.send(format!("{line}\r\n").as_bytes()).await;
        let frame = loop {
            let frame = person.ns.until("").await;
            let is_answer = frame.line.starts_with(answer.as_bytes())
                || frame.line.ends_with(format!(" {trid}").as_bytes());
            if is_answer {
                break frame;
            }
        };
        if frame.line == format!("{code} {trid}").as_bytes() {
            return count;
        }
        assert!(
            frame.line.starts_with(answer.as_bytes()),
            "{}",
            frame.describe()
        );
    }
    panic!("nothing is refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contact_changes_of_an_account_have_a_rate() {
    let statements = [
        "@config limits.contact_changes_per_minute 1",
        "@config limits.contact_changes_burst 5",
    ];
    let server = start(&["mallory", "trent", "wendy"], &statements).await;
    let at = server.addresses;
    let mut mallory = at.sign_in("mallory", 7).await;
    let group = |trid: u32, count: usize| {
        let line = format!("ADG {trid} group{count} 0");
        (line, format!("ADG {trid} "))
    };
    assert_eq!(until_refused(&mut mallory, "800", group).await, 5);
    // At another place it is the same account, over the web too.
    let mut again = at.sign_in("mallory", 12).await;
    let add = |trid: u32, _| {
        let line = format!("ADC {trid} AL N=wendy@example.com");
        (line, format!("ADC {trid} AL "))
    };
    assert_eq!(until_refused(&mut again, "800", add).await, 0);
    let web = WebClient::sign_in(at.http, "mallory@example.com", PASSWORD).await;
    let group = "<abId>00000000-0000-0000-0000-000000000000</abId><groupInfo><GroupInfo>\
                 <name>One</name><groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType>\
                 </GroupInfo></groupInfo>";
    let answer = web.unwrap().book("ABGroupAdd", group).await;
    assert_eq!(answer.refused(), "RequestLimitReached", "{}", answer.body);
    // The connection goes on, and others may change what they like.
    again.ns.ask("PNG", "QNG").await;
    let mut trent = at.sign_in("trent", 12).await;
    let trid = trent.trid();
    let line = format!("ADC {trid} AL N=wendy@example.com");
    trent.ns.ask(&line, &format!("ADC {trid} AL ")).await;
    let numbers = Numbers::read(server.ops).await;
    assert_eq!(numbers.limited("contact_changes"), 3);
    let refused = numbers.get("chrysalis_refusals_total{code=\"800\"}");
    assert_eq!(refused, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_many_contacts_counts_as_many_changes() {
    let statements = [
        "@config limits.contact_changes_per_minute 1",
        "@config limits.contact_changes_burst 3",
    ];
    let server = start(&["mallory", "trent"], &statements).await;
    let mut mallory = server.addresses.sign_in("mallory", 15).await;
    let list = |names: &[&str]| {
        let people: String = names
            .iter()
            .map(|it| format!("<c n=\"{it}\" l=\"2\" t=\"1\"/>"))
            .collect();
        format!("<ml><d n=\"example.com\">{people}</d></ml>")
    };
    // What was announced at the sign-in was one; this is granted and leaves a debt.
    for (trid, answer) in [(50, "ADL 50 OK"), (51, "800 51")] {
        let payload = list(&["trent", "a", "b", "c", "d"]);
        let line = format!("ADL {trid} {}\r\n{payload}", payload.len());
        mallory.ns.send(line.as_bytes()).await;
        mallory.ns.until(answer).await;
    }
    mallory.ns.ask("PNG", "QNG").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_changes_of_an_account_have_a_rate() {
    let statements = ["@config limits.status_changes_per_minute 6"];
    let server = start(&["mallory", "trent"], &statements).await;
    let mut mallory = server.addresses.sign_in("mallory", 7).await;
    let change = |trid: u32, count: usize| {
        let status = if count.is_multiple_of(2) {
            "BSY"
        } else {
            "NLN"
        };
        (format!("CHG {trid} {status}"), format!("CHG {trid} "))
    };
    assert_eq!(until_refused(&mut mallory, "800", change).await, 6);
    mallory.ns.ask("PNG", "QNG").await;
    // Who comes back is there all the same.
    drop(mallory);
    let mut mallory = server.addresses.sign_in("mallory", 7).await;
    assert_eq!(until_refused(&mut mallory, "800", change).await, 0);
    server
        .addresses
        .sign_in("trent", 12)
        .await
        .set_status("BSY")
        .await;
    assert_eq!(Numbers::read(server.ops).await.limited("status_changes"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_and_calls_of_an_account_have_a_rate() {
    let statements = [
        "@friends mallory trent",
        "@config limits.room_opens_per_minute 3",
        "@config limits.invitations_per_minute 2",
    ];
    let server = start(&["mallory", "trent", "wendy"], &statements).await;
    let at = server.addresses;
    let mut mallory = at.sign_in("mallory", 7).await;
    let mut trent = at.sign_in("trent", 7).await;
    // Two people are called, into rooms of their own, and then nobody any more for a while.
    for _ in 0..2 {
        let mut seat = mallory.open_room().await;
        trent.join(&mut seat).await.leave().await;
        seat.sb.expect("BYE trent@example.com").await;
        seat.leave().await;
    }
    let mut seat = mallory.open_room().await;
    let trid = seat.trid();
    seat.sb
        .ask(
            &format!("CAL {trid} trent@example.com"),
            &format!("713 {trid}"),
        )
        .await;
    let trid = mallory.trid();
    mallory
        .ns
        .ask(&format!("XFR {trid} SB"), &format!("713 {trid}"))
        .await;
    trent.expect_nothing().await;
    drop(trent.open_room().await);
    let numbers = Numbers::read(server.ops).await;
    assert_eq!(
        (
            numbers.limited("invitations"),
            numbers.limited("room_opens")
        ),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_calls_of_an_account_have_a_rate_and_so_have_those_of_an_address() {
    let statements = [
        "@config limits.web_calls_per_minute 1",
        "@config limits.web_calls_burst 3",
        "@config limits.address_factor 2",
    ];
    let server = start(&["mallory", "trent", "wendy"], &statements).await;
    let mut calls = Vec::new();
    for name in ["mallory", "trent", "wendy"] {
        let address = format!("{name}@example.com");
        let client = WebClient::sign_in(server.addresses.http, &address, PASSWORD).await;
        let client = client.unwrap();
        let mut answered = 0;
        for _ in 0..5 {
            let answer = client.sharing("FindMembership", "").await;
            match answer.status {
                200 => answered += 1,
                _ => assert_eq!(answer.refused(), "RequestLimitReached"),
            }
        }
        calls.push(answered);
    }
    assert_eq!(calls, [3, 3, 0]);
    assert_eq!(Numbers::read(server.ops).await.limited("web_calls"), 9);
}

/// Sends so many commands at once to each, and answers how long it takes until all are answered.
async fn flood(people: &mut [Person], count: usize) -> Duration {
    let start = Instant::now();
    for person in people.iter_mut() {
        person.ns.send(&b"PNG\r\n".repeat(count)).await;
    }
    for person in people {
        for _ in 0..count {
            person.ns.expect("QNG").await;
        }
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_from_an_address_have_a_rate_together_and_so_have_all_there_are() {
    let statements = [
        "@config limits.commands_per_second 100",
        "@config limits.commands_burst 20",
        "@config limits.address_factor 2",
        "@config limits.total_factor 4",
    ];
    let names = ["mallory", "mallet", "minnie", "trent", "trudy", "wendy"];
    let server = start(&names, &statements).await;
    let at = server.addresses;
    let mut people = Vec::new();
    for (name, from) in names.iter().zip([1, 1, 1, 2, 2, 3]) {
        let connection = connect(at.msnp, Some(&format!("127.0.0.{from}")), None, 7).await;
        people.push(at.sign_in_over(connection, name).await);
    }
    let slowed = Numbers::read(server.ops).await.limited("commands");
    // One alone could do 100 a second, two of an address 200: three need 900 / 200 seconds, less
    // what may come at once and what is handled in one turn.
    let took = flood(&mut people[..3], 300).await;
    assert!(took >= Duration::from_secs(4), "{took:?}");
    // Each of those alone could be done in 3 seconds; together they are 1,800 of 400 a second.
    let took = flood(&mut people, 300).await;
    assert!(took >= Duration::from_secs(4), "{took:?}");
    assert!(Numbers::read(server.ops).await.limited("commands") > slowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_an_address_have_a_rate_together_and_hold_up_no_other() {
    let statements = [
        "@friends mallory trent",
        "@friends minnie wendy",
        "@config limits.messages_per_second 100",
        "@config limits.messages_burst 20",
        "@config limits.address_factor 1",
    ];
    let server = start(
        &["mallory", "minnie", "olive", "trent", "wendy"],
        &statements,
    )
    .await;
    let at = server.addresses;
    let mut rooms = Vec::new();
    for (from, to) in [("mallory", "trent"), ("minnie", "wendy")] {
        let mut caller = at.sign_in(from, 7).await;
        let mut callee = at.sign_in(to, 7).await;
        let mut seat = caller.open_room().await;
        let other = callee.join(&mut seat).await;
        rooms.push((caller, callee, seat, other));
    }
    let start = Instant::now();
    for (_, _, seat, _) in &mut rooms {
        for _ in 0..150 {
            seat.say("U", &chat("once more")).await;
        }
    }
    // Elsewhere somebody comes and goes meanwhile.
    let connection = connect(at.msnp, Some("127.0.0.2"), None, 7).await;
    let mut other = at.sign_in_over(connection, "olive").await;
    other.ns.ask("PNG", "QNG").await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    for (_, _, _, other) in &mut rooms {
        for _ in 0..150 {
            other.sb.expect("MSG ").await;
        }
    }
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(Numbers::read(server.ops).await.limited("messages") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_to_sign_in_from_an_address_have_a_rate_whichever_way_they_take() {
    let statements = ["@config limits.sign_ins_per_address 4"];
    let server = start(&["mallory", "trent"], &statements).await;
    let at = server.addresses;
    // MD5 is one, a ticket two: one to get it and one to use it. The web is the fourth.
    drop(at.sign_in("mallory", 7).await);
    drop(at.sign_in("mallory", 12).await);
    drop(Browser::signed_in(at.http, "mallory@example.com", PASSWORD).await);
    let connection = at.connect(7).await;
    let refused = at.try_sign_in(connection, "trent", PASSWORD).await;
    assert!(refused.unwrap_err().contains("910"));
    let ticket = fetch_ticket(at.http, "trent@example.com", PASSWORD, USUAL_POLICY).await;
    assert_eq!(ticket, Ok(Outcome::Refused));
    // Another address has its own.
    let connection = connect(at.msnp, Some("127.0.0.2"), None, 7).await;
    let trent = at.sign_in_over(connection, "trent").await;
    let numbers = Numbers::read(server.ops).await;
    assert_eq!(numbers.limited("sign_ins"), 2);
    for (method, outcome, count) in [
        ("md5", "ok", 2),
        ("ticket", "ok", 1),
        ("passport", "ok", 1),
        ("web", "ok", 1),
        ("md5", "throttled", 1),
        ("passport", "throttled", 1),
    ] {
        let series =
            format!("chrysalis_sign_ins_total{{method=\"{method}\",outcome=\"{outcome}\"}}");
        assert_eq!(numbers.get(&series), count, "{series}");
    }
    drop(trent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_takes_nothing_large_and_goes_on() {
    let statements = ["@config limits.database_mib 1", "@friends olive peter"];
    let server = start(&["olive", "peter"], &statements).await;
    let at = server.addresses;
    let mut browser = Browser::signed_in(at.http, "olive@example.com", PASSWORD).await;
    let picture = noise();
    let mut uploads = 0;
    let refused = loop {
        let word = browser.get("/account/profile").await.word();
        let file = ("file", picture.as_slice());
        let page = browser
            .upload("/account/picture", &[("word", &word)], file)
            .await;
        if page.status != 303 {
            break page;
        }
        uploads += 1;
        assert!(uploads < 9, "pictures are taken on and on");
        let is_full = |numbers: &Numbers| {
            numbers.get("chrysalis_store_bytes") >= 1_024 * 1_024 || uploads < 2
        };
        Numbers::until(server.ops, "a database that is full", is_full).await;
    };
    assert_eq!(refused.status, 507, "{}", refused.text());
    let form = [
        ("address", "new@example.com"),
        ("name", "New"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let mut stranger = Browser::new(at.http);
    let page = stranger.submit("/register", "/register", &form).await;
    assert_eq!(page.status, 507, "{}", page.text());
    assert!(Numbers::read(server.ops).await.limited("database") >= 2);
    // Everybody who has an account signs in and talks as before.
    let mut olive = at.sign_in("olive", 7).await;
    let mut peter = at.sign_in("peter", 12).await;
    let mut seat = olive.open_room().await;
    drop(peter.join(&mut seat).await);
}

/// A picture that compresses to hardly less than its pixels, of about half a megabyte.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut pixels = Vec::new();
    for _ in 0..400 * 400 * 3 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        pixels.push((state >> 24) as u8);
    }
    let image = image::RgbImage::from_raw(400, 400, pixels).unwrap();
    let mut data = std::io::Cursor::new(Vec::new());
    image.write_to(&mut data, image::ImageFormat::Png).unwrap();
    data.into_inner()
}
