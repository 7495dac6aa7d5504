//! Replies when there is much to say.

use super::http::LARGEST;
use super::{join, lines, open_room, sign_in, start};
use crate::support::people::chat;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_comes_in_replies_of_whole_commands() {
    let server = start(&["gwen", "paul"], &["@friends gwen paul"]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let mut room = open_room(&server, "gwen", &mut gwen).await;
    let mut seat = join(&mut paul, &mut room).await;
    let long = "x".repeat(1_500);
    for number in 0..90 {
        seat.say("U", &chat(&format!("{number} {long}"))).await;
    }
    // Everything was handed on before this is acknowledged.
    seat.say("A", &chat("the end")).await;
    seat.sb.until("ACK ").await;
    let mut heard = Vec::new();
    let mut largest = 0;
    while heard.len() < 91 {
        let answer = room.wire.post(&room.long_poll(), b"").await;
        answer.session_id();
        largest = largest.max(answer.body.len());
        heard.extend(answer.frames());
    }
    for (number, frame) in heard.iter().take(90).enumerate() {
        assert_eq!(frame.payload, chat(&format!("{number} {long}")));
    }
    assert_eq!(heard[90].payload, chat("the end"));
    assert!((LARGEST - 2_000..=LARGEST).contains(&largest), "{largest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_of_one_post_are_answered_in_order() {
    let server = start(&["gwen"], &[]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let many: String = (100..300)
        .map(|trid| {
            format!(
                "CHG {trid} {}\r\n",
                if trid % 2 == 0 { "BSY" } else { "AWY" }
            )
        })
        .collect();
    gwen.send(many.as_bytes()).await;
    for trid in 100..300 {
        let status = if trid % 2 == 0 { "BSY" } else { "AWY" };
        let frame = gwen.next().await.unwrap();
        assert_eq!(frame.line, format!("CHG {trid} {status}").as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_command_waits_for_the_other_half() {
    let server = start(&["gwen", "paul"], &["@friends gwen paul"]).await;
    let mut gwen = sign_in(&server, "gwen").await;
    let mut paul = server.addresses.sign_in("paul", 12).await;
    let mut room = open_room(&server, "gwen", &mut gwen).await;
    let mut seat = join(&mut paul, &mut room).await;
    let body = [&chat("")[..], b"\r\n\0OUT\r\n\0"].concat();
    let whole = [format!("MSG 5 A {}\r\n", body.len()).as_bytes(), &body].concat();
    for cut in [2, 9, 14, 40, whole.len() - 1] {
        room.send(&whole[..cut]).await;
        let query = format!("Action=poll&SessionID={}", room.id);
        let polled = room.wire.post(&query, b"").await;
        assert_eq!(lines(&polled), Vec::<String>::new());
        room.send(&whole[cut..]).await;
        room.until("ACK 5").await;
        seat.hears("gwen", &body).await;
    }
}
