//! Every client that uses the gateway, in one circle of contacts and one room with clients over TCP.

use super::habits::{
    AMSN, BITLBEE, Habits, LIBPURPLE, MIRANDA, MSNP_SHARP, OFFICIAL, PAPYON, Polling,
};
use super::http::{Session, post, request};
use super::tunnel::Tunnel;
use super::{presence, start};
use crate::support::people::{Person, Seat, chat};
use crate::support::server::TestServer;

/// Those on TCP, and what they speak.
const OTHERS: [(&str, u8); 4] = [("ann", 8), ("ben", 12), ("cat", 15), ("dan", 18)];

/// A payload that only its length can end.
const BINARY: &[u8] = b"MIME-Version: 1.0\r\nContent-Type: application/x-msnmsgrp2p\r\n\
    P2P-Dest: gwen@example.com\r\n\r\n\x00\x00\x00\x00\r\n\r\nOUT\r\n\x00MSG 1 N 5\r\n\xff\xfe\x00";

async fn everybody(server: &TestServer) -> Vec<Person> {
    let mut others = Vec::new();
    for (name, dialect) in OTHERS {
        others.push(server.addresses.sign_in(name, dialect).await);
    }
    others
}

/// Signs in by the gateway, sees and is seen, calls and is called, says and hears, and leaves.
async fn lives_as(habits: Habits) {
    let friends: Vec<String> = OTHERS
        .iter()
        .map(|(name, _)| format!("@friends gwen {name}"))
        .collect();
    let friends: Vec<&str> = friends.iter().map(String::as_str).collect();
    let server = start(&["gwen", "ann", "ben", "cat", "dan"], &friends).await;
    let tunnel = Tunnel::start(server.addresses.http, habits).await;
    let mut others = everybody(&server).await;
    let mut gwen = tunnel.sign_in(&server, "gwen").await;

    gwen.set_status("AWY").await;
    for other in &mut others {
        let seen = presence("gwen", other.dialect);
        other.ns.until(&format!("NLN AWY {seen} ")).await;
        other.set_status("BSY").await;
        let seen = presence(&other.name, gwen.dialect);
        gwen.ns.until(&format!("NLN BSY {seen} ")).await;
    }

    // A room of hers, with everybody in it.
    let mut host = tunnel.open_room(&mut gwen).await;
    let mut seats: Vec<Seat> = Vec::new();
    for other in &mut others {
        let seat = other.join(&mut host).await;
        for earlier in &mut seats {
            earlier.sb.until(&format!("JOI {} ", seat.address)).await;
        }
        seats.push(seat);
    }
    for body in [chat("Hello from far away").as_slice(), BINARY] {
        host.say("N", body).await;
        for seat in &mut seats {
            let heard = seat.sb.until("MSG gwen@example.com ").await;
            assert!(heard.payload == body, "{}", heard.describe());
        }
        for speaker in 0..seats.len() {
            seats[speaker].say("U", body).await;
            let from = format!("MSG {} ", seats[speaker].address);
            let heard = host.sb.until(&from).await;
            assert!(heard.payload == body, "{}", heard.describe());
            for (listener, seat) in seats.iter_mut().enumerate() {
                if listener != speaker {
                    seat.sb.until(&from).await;
                }
            }
        }
    }
    for (seat, (name, _)) in seats.into_iter().zip(OTHERS) {
        seat.leave().await;
        host.sb.until(&format!("BYE {name}@example.com")).await;
    }

    // A room of somebody else's, to which she is called.
    let mut room = others[2].open_room().await;
    let trid = room.trid();
    let call = format!("CAL {trid} gwen@example.com");
    room.sb.ask(&call, &format!("CAL {trid} RINGING ")).await;
    let mut guest = tunnel.answer(&mut gwen).await;
    room.sb.until("JOI gwen@example.com ").await;
    guest.say("A", &chat("Here I am")).await;
    guest.sb.until("ACK ").await;
    room.sb.until("MSG gwen@example.com ").await;
    guest.leave().await;
    room.sb.until("BYE gwen@example.com").await;

    gwen.ns.send(b"OUT\r\n").await;
    gwen.ns.until_closed().await;
    for other in &mut others {
        let seen = presence("gwen", other.dialect);
        other.ns.until(&format!("FLN {seen}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client() {
    lives_as(OFFICIAL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amsn() {
    lives_as(AMSN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bitlbee() {
    lives_as(BITLBEE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn miranda() {
    lives_as(MIRANDA).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libpurple() {
    lives_as(LIBPURPLE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papyon() {
    lives_as(PAPYON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn msnp_sharp() {
    assert!(matches!(MSNP_SHARP.polling, Polling::Long));
    lives_as(MSNP_SHARP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_the_gateway_talk_to_each_other() {
    let server = start(&["gwen", "paul"], &["@friends gwen paul"]).await;
    let hers = Tunnel::start(server.addresses.http, AMSN).await;
    let his = Tunnel::start(server.addresses.http, BITLBEE).await;
    let mut gwen = hers.sign_in(&server, "gwen").await;
    let mut paul = his.sign_in(&server, "paul").await;
    gwen.ns
        .until(&format!("NLN NLN {} ", presence("paul", 12)))
        .await;
    let mut host = hers.open_room(&mut gwen).await;
    host.sb
        .ask("CAL 9 paul@example.com", "CAL 9 RINGING ")
        .await;
    let mut guest = his.answer(&mut paul).await;
    host.sb.until("JOI paul@example.com ").await;
    for text in ["one", "two", "three"] {
        host.say("N", &chat(text)).await;
        guest.hears("gwen", &chat(text)).await;
        guest.say("N", BINARY).await;
        host.hears("paul", BINARY).await;
    }
}

#[tokio::test]
async fn the_opening_may_hold_nothing_or_much() {
    let server = start(&["gwen"], &[]).await;
    let http = server.addresses.http;
    let three = b"VER 1 MSNP18 MSNP17 CVR0\r\n\
        CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 14.0.8117.416 msmsgs gwen@example.com\r\n\
        USR 3 SSO I gwen@example.com\r\n";
    for query in [
        "Action=open&Server=NS&IP=messenger.hotmail.com",
        "Server=NS&Action=open",
        "SessionID=&Action=open&Server=NS",
        "action=Open&server=ns&ip=&Queue=x&AutoIdleTimeout=960&SessionTimeout=21660",
    ] {
        let empty = post(http, query, b"").await;
        let id = empty.session_id();
        assert!(empty.body.is_empty() && !empty.is_last());
        let answer = post(http, &format!("SessionID={id}"), b"VER 1 MSNP8 CVR0\r\n").await;
        assert_eq!(answer.body, b"VER 1 MSNP8 CVR0\r\n");

        let answer = post(http, query, three).await;
        let mut session = Session::open(http, "NS", three).await;
        for start in ["VER 1 MSNP18", "CVR 2 ", "GCF 0 ", "USR 3 SSO S "] {
            session.until(start).await;
        }
        assert!(!answer.is_last());
    }
}

#[tokio::test]
async fn a_switchboard_needs_its_ticket_and_the_server_its_name() {
    let server = start(&["gwen"], &[]).await;
    let http = server.addresses.http;
    let refused = post(
        http,
        "Action=open&Server=SB",
        b"USR 1 gwen@example.com 1.2.3\r\n",
    )
    .await;
    assert!(refused.is_last());
    assert_eq!(refused.body, b"911 1\r\n");
    // What the query says holds, whatever the first command is for.
    let mixed = post(http, "Action=open&Server=SB", b"VER 1 MSNP8 CVR0\r\n").await;
    assert!(mixed.is_last() && mixed.body.is_empty());
    let mixed = post(
        http,
        "Action=open&Server=NS",
        b"USR 1 gwen@example.com 1.2.3\r\n",
    )
    .await;
    assert!(mixed.is_last());
    for query in ["Action=open", "Action=open&Server=DS", "", "Action=poll"] {
        assert_eq!(post(http, query, b"").await.status, 400, "{query}");
    }
    let get = request(http, "GET /gateway/gateway.dll HTTP/1.1\r\nHost: x\r\n").await;
    assert_eq!(get.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_told_that_it_cannot_be_dialled() {
    let settings = "@config advertise.http_url \"http://gateway.example:8080\"";
    let server = start(&["gwen", "cat"], &["@friends gwen cat", settings]).await;
    let tunnel = Tunnel::start(server.addresses.http, MIRANDA).await;
    let mut gwen = tunnel.sign_in(&server, "gwen").await;
    let mut cat = server.addresses.sign_in("cat", 15).await;
    // It stays at the gateway for its conversations, and the gateway is at that host.
    let port = server.addresses.msnp.port();
    let referral = gwen.ns.ask("XFR 90 SB", "XFR 90 SB ").await;
    let line = String::from_utf8(referral.line).unwrap();
    assert!(
        line.starts_with(&format!("XFR 90 SB gateway.example:{port} CKI ")),
        "{line}"
    );
    assert!(line.ends_with(" U messenger.msn.com 0"), "{line}");
    let referral = cat.ns.ask("XFR 91 SB", "XFR 91 SB 127.0.0.1:").await;
    assert!(referral.line.ends_with(b" U messenger.msn.com 1"));
    let mut room = cat.open_room().await;
    room.sb
        .ask("CAL 9 gwen@example.com", "CAL 9 RINGING ")
        .await;
    let ring = gwen.ns.until("RNG ").await;
    assert!(ring.line.ends_with(b" U messenger.msn.com 0"));
}
