//! The life of a session: parked polls, requests that overlap, ends of every kind.

use super::http::{Answer, Session, Wire, post, request};
use super::{join, lines, open_room, sign_in, start};
use crate::support::numbers::Numbers;
use crate::support::passport::{Outcome, fetch_ticket};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, chat};
use crate::support::server::TestServer;

const ABANDONED: [&str; 2] = ["@config gateway.idle_secs 1", "@friends gwen paul"];

/// Opens a poll that waits, and comes back when it does.
async fn park(server: &TestServer, session: &Session) -> Wire {
    let waiting = "chrysalis_gateway_waiting_polls";
    let before = Numbers::read(server.ops).await.get(waiting);
    let mut wire = Wire::connect(server.addresses.http).await;
    wire.ask(&session.long_poll(), b"").await;
    Numbers::until(server.ops, "the wait", |it| it.get(waiting) == before + 1).await;
    wire
}

/// Waits until there are so many sessions.
async fn until_open(server: &TestServer, count: i64) {
    let wish = |numbers: &Numbers| numbers.get("chrysalis_gateway_sessions") == count;
    Numbers::until(server.ops, "the number of sessions", wish).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_poll_is_answered_by_news() {
    let server = start(&["gwen", "paul"], &["@friends gwen paul"]).await;
    let gwen = sign_in(&server, "gwen").await;
    let mut parked = park(&server, &gwen).await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let answer = parked.answer().await.unwrap();
    assert_eq!(answer.session_id(), gwen.id);
    assert!(lines(&answer)[0].starts_with("NLN NLN paul@example.com "));
    let mut parked = park(&server, &gwen).await;
    paul.set_status("BRB").await;
    let answer = parked.answer().await.unwrap();
    assert!(lines(&answer)[0].starts_with("NLN BRB paul@example.com "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_poll_makes_way_for_a_command_and_for_another_poll() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let mut first = park(&server, &gwen).await;
    let mut second = Wire::connect(server.addresses.http).await;
    second.ask(&gwen.long_poll(), b"").await;
    let answer = first.answer().await.unwrap();
    assert_eq!(answer.session_id(), gwen.id);
    assert!(answer.body.is_empty() && !answer.is_last());
    gwen.send(b"CHG 7 BSY\r\n").await;
    let answer = second.answer().await.unwrap();
    assert!(answer.body.is_empty() && !answer.is_last());
    gwen.until("CHG 7 BSY").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_without_a_lifespan_does_not_wait() {
    let server = start(&["gwen"], &[]).await;
    let gwen = sign_in(&server, "gwen").await;
    for query in [
        format!("Action=poll&SessionID={}", gwen.id),
        format!("SessionID={}&Action=poll&Lifespan=0", gwen.id),
    ] {
        let answer = post(server.addresses.http, &query, b"").await;
        assert_eq!(answer.session_id(), gwen.id);
        assert_eq!(answer.header("Content-Length"), Some("0"));
        assert_eq!(
            answer.header("X-MSN-Host"),
            Some("gateway.messenger.hotmail.com")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_are_served_one_after_the_other() {
    let server = start(&["gwen", "paul"], &["@friends gwen paul"]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let mut room = open_room(&server, "gwen", &mut gwen).await;
    let mut seat = join(&mut paul, &mut room).await;
    let mut wires = Vec::new();
    for number in 0..6 {
        let body = chat(&number.to_string());
        let command = [
            format!("MSG {number} A {}\r\n", body.len()).as_bytes(),
            &body,
        ]
        .concat();
        let mut wire = Wire::connect(server.addresses.http).await;
        wire.ask(&format!("SessionID={}", room.id), &command).await;
        wires.push(wire);
    }
    let mut acknowledged = 0;
    for wire in &mut wires {
        let answer = wire.answer().await.unwrap();
        answer.session_id();
        acknowledged += lines(&answer).len();
    }
    while acknowledged < 6 {
        room.next().await.unwrap();
        acknowledged += 1;
    }
    let mut heard = Vec::new();
    for _ in 0..6 {
        heard.push(seat.sb.expect("MSG gwen@example.com ").await.payload);
    }
    heard.sort();
    let said: Vec<_> = (0..6).map(|number| chat(&number.to_string())).collect();
    assert_eq!(heard, said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_its_connections() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    for trid in 20..25 {
        gwen.wire = Wire::connect(server.addresses.http).await;
        gwen.ask(&format!("CHG {trid} BSY"), &format!("CHG {trid} BSY"))
            .await;
    }
    // A poll whose client is gone holds nothing back.
    drop(park(&server, &gwen).await);
    gwen.ask("CHG 30 AWY", "CHG 30 AWY").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_gone_is_offline_in_time() {
    let server = start(&["gwen", "paul"], &ABANDONED).await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let mut gwen = sign_in(&server, "gwen").await;
    paul.ns.until("NLN NLN gwen@example.com ").await;
    let mut room = open_room(&server, "gwen", &mut gwen).await;
    let mut seat = join(&mut paul, &mut room).await;
    until_open(&server, 2).await;
    // The same end as that of a connection.
    seat.sb.until("BYE gwen@example.com").await;
    paul.ns.until("FLN gwen@example.com").await;
    until_open(&server, 0).await;
    for session in [&gwen, &room] {
        let stale = post(server.addresses.http, &session.long_poll(), b"").await;
        assert_eq!(stale.status, 400);
    }
    let numbers = Numbers::read(server.ops).await;
    assert_eq!(numbers.closes("ns", "eof"), 1);
    assert_eq!(numbers.connections("sb"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_polls_stays() {
    let server = start(&["gwen", "paul"], &ABANDONED).await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let mut gwen = sign_in(&server, "gwen").await;
    paul.ns.until("UBX gwen@example.com ").await;
    // This one is forgotten while the other one polls: proof that there was time for it.
    Session::open(server.addresses.http, "NS", b"").await;
    let parked = park(&server, &gwen).await;
    until_open(&server, 1).await;
    paul.ns.expect_nothing().await;
    drop(parked);
    gwen.ask("CHG 9 BSY", "CHG 9 BSY").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_bye_closes_the_session() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let http = server.addresses.http;
    gwen.send(b"OUT\r\n").await;
    assert!(gwen.is_over);
    let query = format!("SessionID={}", gwen.id);
    let stale = gwen.wire.post(&query, b"PNG\r\n").await;
    assert_eq!(stale.status, 400);
    let gwen = sign_in(&server, "gwen").await;
    let closed = post(http, &format!("Action=close&SessionID={}", gwen.id), b"").await;
    assert!(closed.is_last());
    assert_eq!(post(http, &gwen.long_poll(), b"").await.status, 400);
    until_open(&server, 0).await;
    let signed_in = |numbers: &Numbers| numbers.get("chrysalis_signed_in_sessions") == 0;
    Numbers::until(server.ops, "the sign-out", signed_in).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_elsewhere_ends_the_session_with_a_word() {
    let server = start(&["gwen"], &[]).await;
    for kicks_parked in [true, false] {
        let mut gwen = sign_in(&server, "gwen").await;
        let parked = match kicks_parked {
            true => Some(park(&server, &gwen).await),
            false => None,
        };
        let elsewhere = server.addresses.sign_in("gwen", 12).await;
        let answer = match parked {
            Some(mut wire) => wire.answer().await.unwrap(),
            None => gwen.wire.post(&gwen.long_poll(), b"").await,
        };
        assert_eq!(lines(&answer), ["OUT OTH"]);
        assert!(answer.is_last());
        drop(elsewhere);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_of_the_protocol_delivers_what_there_is_and_ends() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    gwen.send(b"CHG 5 BSY\r\nBOGUS 6\r\nCHG 7 AWY\r\n").await;
    assert_eq!(gwen.next().await.unwrap().line, b"CHG 5 BSY");
    assert!(gwen.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_address_may_go_on_unless_the_operator_forbids_it() {
    for (setting, status) in [("false", 200), ("true", 400)] {
        let setting = format!("@config gateway.same_address {setting}");
        let server = start(&["gwen"], &[&setting]).await;
        let mut gwen = sign_in(&server, "gwen").await;
        let mut thief = Wire::connect_from(server.addresses.http, "127.0.0.2").await;
        let answer = thief
            .post(&gwen.long_poll().replace("=20", "=0"), b"")
            .await;
        assert_eq!(answer.status, status);
        gwen.ask("CHG 5 BSY", "CHG 5 BSY").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_from_beside_signs_in_and_the_profile_has_no_port() {
    let server = start(&["gwen"], &[]).await;
    let http = server.addresses.http;
    let mut gwen = Session::open(http, "NS", b"VER 1 MSNP8 CVR0\r\n").await;
    gwen.until("VER 1 MSNP8").await;
    let build = "0x0409 winnt 5.1 i386 MSNMSGR 5.0.0544 MSMSGS gwen@example.com";
    gwen.ask(&format!("CVR 2 {build}"), "CVR 2 ").await;
    let policy = gwen
        .ask("USR 3 TWN I gwen@example.com", "USR 3 TWN S ")
        .await;
    let policy = printable(policy.fields().last().copied().unwrap());
    let fetched = fetch_ticket(http, "gwen@example.com", PASSWORD, &policy).await;
    let Ok(Outcome::Ticket(ticket)) = fetched else {
        panic!("no ticket");
    };
    gwen.ask(&format!("USR 4 TWN S {ticket}"), "USR 4 OK ")
        .await;
    let profile = printable(&gwen.until("MSG Hotmail ").await.payload);
    assert!(profile.contains("ClientIP: 127.0.0.1"), "{profile}");
    assert!(profile.contains("ClientPort: 0"), "{profile}");
    gwen.ask("PNG", "QNG").await;
}

/// What a browser needs to hear.
fn allows(answer: &Answer) -> Option<(&str, &str)> {
    let origin = answer.header("Access-Control-Allow-Origin")?;
    Some((origin, answer.header("Access-Control-Expose-Headers")?))
}

#[tokio::test]
async fn pages_of_listed_sites_may_call() {
    let exposed = "X-MSN-Messenger, X-MSN-Host";
    for (setting, page, expected) in [
        ("[]", "https://chat.example", None),
        ("\"*\"", "https://chat.example", Some("*")),
        (
            "\"https://chat.example\"",
            "https://chat.example",
            Some("https://chat.example"),
        ),
        ("\"https://chat.example\"", "https://evil.example", None),
    ] {
        let server = start(&[], &[&format!("@config web.cors_origins {setting}")]).await;
        let http = server.addresses.http;
        let expected = expected.map(|origin| (origin, exposed));
        let head = |method: &str, query: &str| {
            format!(
                "{method} /gateway/gateway.dll{query} HTTP/1.1\r\nHost: x\r\nOrigin: {page}\r\n\
                 Cookie: session=stolen\r\nAccess-Control-Request-Method: POST\r\n\
                 Content-Length: 0\r\n"
            )
        };
        let preflight = request(http, &head("OPTIONS", "")).await;
        assert_eq!(preflight.status, 200);
        assert_eq!(allows(&preflight), expected);
        let methods = preflight.header("Access-Control-Allow-Methods");
        assert_eq!(methods, expected.map(|_| "POST"));
        let headers = preflight.header("Access-Control-Allow-Headers");
        assert_eq!(headers, expected.map(|_| "Content-Type"));
        for (query, status) in [("?Action=open&Server=NS", 200), ("?SessionID=x", 400)] {
            let answer = request(http, &head("POST", query)).await;
            assert_eq!(answer.status, status);
            assert_eq!(allows(&answer), expected);
            assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
            assert_eq!(answer.header("Set-Cookie"), None);
        }
    }
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let server = start(&[], &["@config gateway.enabled false"]).await;
    let answer = post(server.addresses.http, "Action=open&Server=NS", b"").await;
    assert_eq!(answer.status, 404);
}
