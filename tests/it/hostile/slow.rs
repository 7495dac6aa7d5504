//! Clients that do not read.

use std::time::{Duration, Instant};

use crate::support::client::Connection;
use crate::support::numbers::Numbers;
use crate::support::people::{chat, connect};
use crate::support::scene::Scene;

/// As small as the system allows.
const TINY_BUFFER: u32 = 2_048;

/// How long a message between two others may take while a third does not read. Far less than the
/// time after which that one is dropped, far more than a busy machine needs.
const WITHOUT_DELAY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_dropped_from_the_conversation_and_delays_nobody() {
    // A full queue ends it; the deadline of a write is far away.
    let statements = [
        "@config limits.sb_queue 16",
        "@config limits.write_secs 600",
        "@config limits.messages_per_second 100000",
        "@config limits.messages_burst 100000",
    ];
    stall_in_a_room(&statements).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_for_too_long_is_dropped_from_the_conversation() {
    // The deadline of a write ends it; the queue is too long to fill.
    let statements = [
        "@config limits.sb_queue 65536",
        "@config limits.write_secs 1",
        "@config limits.messages_per_second 100000",
        "@config limits.messages_burst 100000",
    ];
    stall_in_a_room(&statements).await;
}

async fn stall_in_a_room(statements: &[&str]) {
    let mut scene = Scene::start(&["trent", "wendy", "mallory"], statements).await;
    let mut trent = scene.at.sign_in("trent", 2).await;
    let mut wendy = scene.at.sign_in("wendy", 12).await;
    let mut mallory = scene.at.sign_in("mallory", 9).await;
    let mut one = trent.open_room().await;
    let mut two = wendy.join(&mut one).await;
    let stalled = mallory.join_with_buffer(&mut one, Some(TINY_BUFFER)).await;
    two.sb.expect("JOI mallory@example.com ").await;
    let body = chat(&"x".repeat(1_500));
    let is_dropped = |numbers: &Numbers| numbers.closes("sb", "slow_consumer") == 1;
    let mut left = (false, false);
    let mut rounds = 0;
    while left != (true, true) {
        rounds += 1;
        assert!(rounds < 100_000, "nobody is dropped");
        let start = Instant::now();
        one.say("U", &body).await;
        left.1 |= hears_or_bye(&mut two.sb, "trent").await;
        two.say("U", &body).await;
        left.0 |= hears_or_bye(&mut one.sb, "wendy").await;
        assert!(start.elapsed() < WITHOUT_DELAY, "{:?}", start.elapsed());
    }
    scene
        .until("the end of who does not read", is_dropped)
        .await;
    scene.bystanders.talk().await;
    // The two go on, and who was dropped may come back.
    one.say("U", &chat("still here")).await;
    two.hears("trent", &chat("still here")).await;
    mallory.join(&mut one).await.leave().await;
    two.sb.expect("JOI mallory@example.com ").await;
    drop((stalled, trent, wendy, mallory, one, two));
    scene.finish().await;
}

/// Reads up to a message; answers whether Mallory left before that.
async fn hears_or_bye(sb: &mut Connection, from: &str) -> bool {
    let frame = sb.until("").await;
    if frame.line.starts_with(b"MSG ") {
        return false;
    }
    assert_eq!(frame.line, b"BYE mallory@example.com");
    sb.expect(&format!("MSG {from}@example.com ")).await;
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_does_not_read_is_dropped_in_a_storm_of_presence() {
    let statements = [
        "@friends mallory trent",
        "@friends mallory wendy",
        "@friends trent wendy",
        "@config limits.ns_queue 16",
        "@config limits.write_secs 600",
        "@config limits.status_changes_per_minute 1000000",
        "@config limits.commands_per_second 100000",
        "@config limits.commands_burst 100000",
    ];
    let mut scene = Scene::start(&["trent", "wendy", "mallory"], &statements).await;
    let mut wendy = scene.at.sign_in("wendy", 12).await;
    let mut trent = scene.at.sign_in("trent", 12).await;
    wendy.sees("NLN", &trent).await;
    wendy.ns.expect("UBX trent@example.com ").await;
    let connection = connect(scene.at.msnp, None, Some(TINY_BUFFER), 12).await;
    let stalled = scene.at.sign_in_over(connection, "mallory").await;
    for friend in [&mut wendy, &mut trent] {
        friend.sees("NLN", &stalled).await;
        friend.ns.expect("UBX mallory@example.com ").await;
    }
    let picture = "a".repeat(2_000);
    let mut rounds = 0;
    loop {
        rounds += 1;
        assert!(rounds < 100_000, "nobody is dropped");
        let start = Instant::now();
        let line = format!("CHG {} BSY 4 {picture}{rounds}", trent.trid());
        trent.ns.send(format!("{line}\r\n").as_bytes()).await;
        let answer = trent.ns.until("").await;
        let is_over = answer.line == b"FLN mallory@example.com";
        if is_over {
            trent.ns.expect(&line).await;
            wendy.ns.until("FLN mallory@example.com").await;
        } else {
            assert_eq!(answer.line, line.as_bytes());
            let seen = wendy.ns.until("").await;
            if seen.line == b"FLN mallory@example.com" {
                wendy.sees("BSY", &trent).await;
                trent.ns.expect("FLN mallory@example.com").await;
                break;
            }
            assert!(seen.line.starts_with(b"NLN BSY trent@example.com "));
        }
        assert!(start.elapsed() < WITHOUT_DELAY, "{:?}", start.elapsed());
        if is_over {
            break;
        }
    }
    scene
        .until("the end of who does not read", |numbers| {
            numbers.closes("ns", "slow_consumer") == 1
        })
        .await;
    scene.bystanders.carry_on().await;
    // A fresh session is a session like any other.
    let again = scene.at.sign_in("mallory", 12).await;
    trent.sees("NLN", &again).await;
    drop((stalled, again, trent, wendy));
    scene.finish().await;
}
