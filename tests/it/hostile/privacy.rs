//! Strangers, blocked ones, and names that try to be more than text.

use crate::support::client::Connection;
use crate::support::people::chat;
use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_stranger_gets_in_by_no_path() {
    for dialect in [2, 9, 12] {
        // Mallory has Trent on the list; Trent has blocked Mallory.
        let statements = [
            "@contact mallory trent FL AL name=trent",
            "@contact trent mallory BL name=mallory",
            "@friends trent wendy",
        ];
        let scene = Scene::start(&["trent", "wendy", "mallory"], &statements).await;
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        let mut wendy = scene.at.sign_in("wendy", 12).await;
        let mut trent = scene.at.sign_in("trent", dialect).await;
        wendy.sees("NLN", &trent).await;
        wendy.ns.expect("UBX trent@example.com ").await;
        // No presence: not when he comes, changes, is renamed, or goes.
        trent.set_status("BSY").await;
        trent.rename(b"Trent%20T").await;
        mallory.ns.expect_nothing().await;
        // No presence by asking anew: another status, the list once more, adding him again.
        mallory.set_status("AWY").await;
        mallory.set_status("NLN").await;
        mallory.ns.expect_nothing().await;
        let stamps = if dialect < 10 { "0" } else { "0 0" };
        let syn = format!("SYN 40 {stamps}\r\nPNG\r\n");
        mallory.ns.send(syn.as_bytes()).await;
        hears_no_presence(&mut mallory.ns).await;
        let (remove, add) = if dialect < 10 {
            (
                "REM 41 FL trent@example.com",
                "ADD 42 FL trent@example.com trent",
            )
        } else {
            (
                "REM 41 AL trent@example.com",
                "ADC 42 AL N=trent@example.com",
            )
        };
        let again = format!("{remove}\r\n{add}\r\nPNG\r\n");
        mallory.ns.send(again.as_bytes()).await;
        hears_no_presence(&mut mallory.ns).await;
        if dialect < 10 {
            // Whom she has on her list is no secret to him.
            trent.ns.expect("REM 0 RL ").await;
            trent.ns.expect("ADD 0 RL ").await;
        }
        // No ring: not by calling, not by way of a room that Trent's friend is in.
        let mut seat = mallory.open_room().await;
        seat.sb.ask("CAL 5 trent@example.com", "217 5").await;
        seat.sb.ask("CAL 6 TRENT@Example.com", "217 6").await;
        let mut friend = wendy.join(&mut seat).await;
        seat.sb.ask("CAL 7 trent@example.com", "217 7").await;
        // No way into a room of his: nothing opens it.
        let mut host = trent.open_room().await;
        let trid = host.trid();
        let call = format!("CAL {trid} wendy@example.com");
        let answer = host.sb.ask(&call, &format!("CAL {trid} RINGING ")).await;
        let room = String::from_utf8(answer.fields()[3].to_vec()).unwrap();
        let ring = wendy.rings().await;
        let backwards: String = ring.key.ticket.chars().rev().collect();
        for ticket in ["0.0.0", &"0".repeat(32), &backwards] {
            let mut intruder = mallory.seat(&ring.key, None).await;
            let line = format!("ANS 1 mallory@example.com {ticket} {room}");
            intruder.sb.ask(&line, "911 1").await;
            intruder.sb.until_closed().await;
        }
        let mut guest = wendy.answer(&ring, None).await;
        host.sb.until("JOI wendy@example.com ").await;
        host.say("N", &chat("between us")).await;
        guest.hears("trent", &chat("between us")).await;
        // Mallory hears nothing of that room, and Trent nothing of Mallory's.
        seat.say("N", &chat("hello?")).await;
        friend.hears("mallory", &chat("hello?")).await;
        seat.sb.send(b"OUT\r\n").await;
        assert!(seat.sb.until_closed().await.is_empty());
        trent.ns.expect_nothing().await;
        drop((trent, host));
        wendy.ns.until("FLN trent@example.com").await;
        mallory.ns.expect_nothing().await;
        drop((mallory, wendy, friend, guest));
        scene.finish().await;
    }
}

/// Reads up to the answer to a ping.
async fn hears_no_presence(ns: &mut Connection) {
    loop {
        let frame = ns.until("").await;
        match frame.fields()[0] {
            b"QNG" => return,
            b"ILN" | b"NLN" | b"FLN" | b"UBX" => panic!("{}", frame.describe()),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_reaches_watchers_of_every_dialect_byte_for_byte() {
    let emoji = "😀".repeat(96);
    let longest = [
        "a".repeat(387),
        "%20".repeat(129),
        // 384 bytes of four each, and three more.
        format!("{emoji}abc"),
        "%F0%9F%98%80".repeat(32) + "abc",
    ];
    let names = [
        "שלום%20עולם",
        "\u{202e}evil\u{202c}",
        "مرحبا",
        "👩‍👩‍👧‍👦%20🏳️‍🌈",
        "100%25%20%2525%0D%0AOUT",
        "%00%01%7f",
        "e\u{301}%cc%81",
        "<Data><PSM>&amp;\"'",
        "N=x%20F=y%20C=z",
        "-1",
        "0",
    ];
    let statements = [
        "@friends trent wendy",
        "@friends trent victor",
        "@friends trent walter",
    ];
    let people = ["trent", "victor", "walter", "wendy"];
    let scene = Scene::start(&people, &statements).await;
    let mut watchers = [
        scene.at.sign_in("victor", 2).await,
        scene.at.sign_in("walter", 8).await,
        scene.at.sign_in("wendy", 12).await,
    ];
    for dialect in [2, 8, 12] {
        let mut trent = scene.at.sign_in("trent", dialect).await;
        for watcher in &mut watchers {
            watcher.ns.until("NLN NLN trent@example.com ").await;
        }
        let names = names
            .iter()
            .copied()
            .chain(longest.iter().map(String::as_str));
        for name in names {
            trent.rename(name.as_bytes()).await;
            for watcher in &mut watchers {
                let seen = watcher.ns.until("NLN NLN trent@example.com ").await;
                assert_eq!(seen.fields()[3], name.as_bytes(), "{}", seen.describe());
            }
        }
        // One byte more is refused, and changes nothing.
        let trid = trent.trid();
        let longer = "a".repeat(388);
        let command = if dialect < 10 {
            format!("REA {trid} trent@example.com {longer}")
        } else {
            format!("PRP {trid} MFN {longer}")
        };
        trent.ns.ask(&command, &format!("209 {trid}")).await;
        for watcher in &mut watchers {
            watcher.ns.expect_nothing().await;
        }
        trent.ns.send(b"OUT\r\n").await;
        trent.ns.until_closed().await;
        for watcher in &mut watchers {
            watcher.ns.until("FLN trent@example.com").await;
        }
    }
    drop(watchers);
    scene.finish().await;
}
