//! Who means ill, or is merely broken.

use super::http::{PATH, Session, Wire, post, request};
use super::{join, open_room, sign_in, start};
use crate::support::numbers::Numbers;
use crate::support::people::chat;
use crate::support::scene::Scene;

const OPEN: &str = "Action=open&Server=NS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_openings_stops_at_its_address() {
    let scene = Scene::start(&[], &["@config gateway.opens_per_minute 20"]).await;
    let mut wire = Wire::connect(scene.at.http).await;
    for _ in 0..20 {
        wire.post(OPEN, b"").await.session_id();
    }
    for _ in 0..50 {
        assert_eq!(wire.post(OPEN, b"").await.status, 429);
    }
    let mut other = Wire::connect_from(scene.at.http, "127.0.0.2").await;
    let id = other.post(OPEN, b"").await.session_id();
    let close = format!("Action=close&SessionID={id}");
    assert!(other.post(&close, b"").await.is_last());
    let numbers = Numbers::read(scene.ops).await;
    let refused = "chrysalis_gateway_requests_total{request=\"open\",status=\"429\"}";
    assert_eq!(numbers.get(refused), 50);
    assert_eq!(numbers.get("chrysalis_gateway_sessions"), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_so_many_sessions_and_no_more() {
    let settings = [
        "@config gateway.sessions_per_address 3",
        "@config gateway.idle_secs 1",
    ];
    let scene = Scene::start(&[], &settings).await;
    let http = scene.at.http;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(Session::open(http, "NS", b"").await);
    }
    assert_eq!(post(http, OPEN, b"").await.status, 503);
    let closed = post(http, &format!("Action=close&SessionID={}", open[0].id), b"").await;
    assert!(closed.is_last());
    open.push(Session::open(http, "SB", b"").await);
    assert_eq!(post(http, OPEN, b"").await.status, 503);
    let none = |numbers: &Numbers| numbers.get("chrysalis_gateway_sessions") == 0;
    Numbers::until(scene.ops, "the end of the idle ones", none).await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_count_among_the_connections() {
    let settings = [
        "@config limits.connections 6",
        "@config gateway.idle_secs 1",
    ];
    let scene = Scene::start(&[], &settings).await;
    let http = scene.at.http;
    // Two people and their two seats are there; what the listener holds for the next one counts.
    let mut opened = 0;
    while post(http, OPEN, b"").await.status == 200 {
        opened += 1;
        assert!(opened < 3);
    }
    let none = |numbers: &Numbers| numbers.get("chrysalis_gateway_sessions") == 0;
    Numbers::until(scene.ops, "the end of the idle ones", none).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_signs_in_is_sent_away() {
    let scene = Scene::start(&[], &["@config limits.sign_in_secs 1"]).await;
    let mut session = Session::open(scene.at.http, "NS", b"VER 1 MSNP8 CVR0\r\n").await;
    session.until("VER 1").await;
    assert!(session.next().await.is_none() && session.is_over);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_have_a_limit() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let http = server.addresses.http;
    let blank = b"\r\n".repeat(32 * 1024);
    gwen.send(&blank).await;
    gwen.ask("CHG 5 BSY", "CHG 5 BSY").await;
    let query = format!("SessionID={}", gwen.id);
    let head = format!("POST {PATH}?{query} HTTP/1.1\r\nHost: x\r\n");
    for length in ["65537", "4294967296", "9223372036854775807"] {
        let answer = request(http, &format!("{head}Content-Length: {length}\r\n")).await;
        assert_eq!(answer.status, 413, "{length}");
    }
    let mut chunked = Wire::connect(http).await;
    chunked
        .send(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())
        .await;
    let chunk = [&b"4000\r\n"[..], &b"x".repeat(0x4000), b"\r\n"].concat();
    for _ in 0..5 {
        chunked.send(&chunk).await;
    }
    assert_eq!(chunked.answer().await.unwrap().status, 413);
    gwen.ask("CHG 6 AWY", "CHG 6 AWY").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_holds_up_nobody() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let body = b"CHG 50 BSY\r\n";
    let mut slow = Wire::connect(server.addresses.http).await;
    let head = format!(
        "POST {PATH}?SessionID={} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        gwen.id,
        body.len()
    );
    slow.send(head.as_bytes()).await;
    for (trid, byte) in body.iter().enumerate() {
        slow.send(&[*byte]).await;
        if trid + 1 < body.len() {
            gwen.ask(&format!("CHG {trid} AWY"), &format!("CHG {trid} AWY"))
                .await;
        }
    }
    let answer = slow.answer().await.unwrap();
    assert_eq!(answer.body, body);
    // One that never ends is no request.
    let mut broken = Wire::connect(server.addresses.http).await;
    broken.send(head.as_bytes()).await;
    broken.send(b"CHG 51").await;
    drop(broken);
    gwen.ask("CHG 52 NLN", "CHG 52 NLN").await;
}

#[tokio::test]
async fn ids_are_not_guessed() {
    let server = start(&[], &[]).await;
    let http = server.addresses.http;
    let ids: Vec<String> = {
        let mut wire = Wire::connect(http).await;
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(wire.post(OPEN, b"").await.session_id());
        }
        ids
    };
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[index + 1..].contains(id));
    }
    let near = format!("{}.{}", &ids[0][..16], &ids[1][17..]);
    for id in [
        near.as_str(),
        &ids[0][..32],
        &ids[0].to_uppercase(),
        "1.1",
        "..%2F",
        &"9".repeat(5_000),
    ] {
        let is_known = ids.iter().any(|it| it == id);
        let answer = post(http, &format!("SessionID={id}"), b"PNG\r\n").await;
        assert!(is_known || answer.status == 400, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_ends_its_own_session_only() {
    let scene = Scene::start(&[], &[]).await;
    for body in [
        &b"\x16\x03\x01\x00\xff\r\n"[..],
        b"MSG 1 N 99999999999\r\n",
        b"UUX 1 -5\r\n",
        &b"A".repeat(9_000),
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        for role in ["NS", "SB"] {
            let mut session = Session::open(scene.at.http, role, body).await;
            while session.next().await.is_some() {}
            assert!(session.is_over);
        }
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fetches_nothing_loses_the_session_and_slows_nobody_for_long() {
    let server = start(
        &["gwen", "paul", "wendy"],
        &[
            "@friends gwen paul",
            "@friends gwen wendy",
            "@config limits.sb_queue 16",
        ],
    )
    .await;
    let mut gwen = sign_in(&server, "gwen").await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let mut wendy = server.addresses.sign_in("wendy", 8).await;
    let mut room = open_room(&server, "gwen", &mut gwen).await;
    let mut host = join(&mut paul, &mut room).await;
    let mut guest = join(&mut wendy, &mut room).await;
    host.sb.until("JOI wendy@example.com ").await;
    let body = chat(&"x".repeat(1_500));
    for _ in 0..100 {
        host.say("U", &body).await;
        guest.sb.until("MSG paul@example.com ").await;
    }
    host.sb.until("BYE gwen@example.com").await;
    // What was put up before can still be fetched.
    let mut fetched = 0;
    while room.next().await.is_some() {
        fetched += 1;
    }
    assert!((10..100).contains(&fetched), "{fetched}");
    gwen.ask("CHG 9 BSY", "CHG 9 BSY").await;
}
