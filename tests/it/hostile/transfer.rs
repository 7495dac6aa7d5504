//! A file on its way from one client to another, as the clients of MSNP9 and newer send it.
//!
//! The server only hands it on (`docs/protocol/21`): an invitation, its acceptance, the data
//! preparation message, then the file in pieces, each behind a binary header of 48 bytes and
//! before a footer of four. None may be lost, changed or overtaken.

use std::collections::BTreeSet;

use crate::support::people::Seat;
use crate::support::scene::Scene;

/// Pieces of the file.
const PIECES: usize = 2_000;
/// Bytes of the file in one piece.
const PIECE: usize = 1_202;
const SESSION: u32 = 0x0BAD_F00D;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_complete_in_order_and_byte_for_byte() {
    let mut scene = Scene::start(&["trent", "wendy"], &["@friends trent wendy"]).await;
    let mut trent = scene.at.sign_in("trent", 9).await;
    let mut wendy = scene.at.sign_in("wendy", 12).await;
    trent.sees("NLN", &wendy).await;
    let mut sender = trent.open_room().await;
    let mut receiver = wendy.join(&mut sender).await;

    let size = (PIECES * PIECE) as u64;
    hand_over(&mut sender, &mut receiver, &invitation(size)).await;
    hand_over(&mut receiver, &mut sender, &acceptance()).await;
    let preparation = p2p("wendy", SESSION, 1, (0, 4), 4, &[0; 4], 1);
    hand_over(&mut sender, &mut receiver, &preparation).await;

    let pieces: Vec<Vec<u8>> = (0..PIECES).map(|index| piece(index, size)).collect();
    let send = async {
        let mut sent = BTreeSet::new();
        for body in &pieces {
            sent.insert(sender.say("D", body).await);
        }
        (sender, sent)
    };
    let receive = async {
        for body in &pieces {
            receiver.hears("trent", body).await;
        }
        receiver
    };
    // Meanwhile others talk.
    let ((mut sender, sent), mut receiver, ()) = tokio::join!(send, receive, async {
        for _ in 0..20 {
            scene.bystanders.talk().await;
        }
    });
    // Every piece was acknowledged, once and in order.
    for trid in sent {
        sender.sb.expect(&format!("ACK {trid}")).await;
    }
    hand_over(&mut receiver, &mut sender, &goodbye()).await;
    sender.leave().await;
    receiver.sb.expect("BYE trent@example.com").await;
    receiver.leave().await;
    drop((trent, wendy));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_cross_in_both_directions() {
    let scene = Scene::start(&["trent", "wendy"], &[]).await;
    let mut trent = scene.at.sign_in("trent", 10).await;
    let mut wendy = scene.at.sign_in("wendy", 11).await;
    let mut one = trent.open_room().await;
    let mut two = wendy.join(&mut one).await;
    let size = (PIECES * PIECE) as u64;
    for index in 0..PIECES / 4 {
        let body = piece(index, size);
        let there = one.say("D", &body).await;
        let back = two.say("D", &body).await;
        // What arrives at one end has an order of its own; the message and the receipt do not.
        for (seat, from, trid) in [(&mut one, "wendy", there), (&mut two, "trent", back)] {
            let mut awaited = BTreeSet::from([
                format!("ACK {trid}").into_bytes(),
                [b"MSG ", from.as_bytes()].concat(),
            ]);
            for _ in 0..2 {
                let frame = seat.sb.until("").await;
                let before = awaited.len();
                awaited.retain(|start| !frame.line.starts_with(start));
                assert_eq!(awaited.len() + 1, before, "{}", frame.describe());
                assert!(frame.payload.is_empty() || frame.payload == body);
            }
        }
    }
    drop((trent, wendy, one, two));
    scene.finish().await;
}

/// Sends one message that has to be acknowledged.
async fn hand_over(from: &mut Seat, to: &mut Seat, body: &[u8]) {
    let trid = from.say("D", body).await;
    from.sb.expect(&format!("ACK {trid}")).await;
    let name = from.address.split('@').next().unwrap().to_owned();
    to.hears(&name, body).await;
}

/// A whole message: headers, binary header, content, footer. `(offset, total)` say which part of
/// what the content is.
fn p2p(
    to: &str,
    session: u32,
    identifier: u32,
    (offset, total): (u64, u64),
    length: u32,
    content: &[u8],
    application: u32,
) -> Vec<u8> {
    let mut body = format!(
        "MIME-Version: 1.0\r\nContent-Type: application/x-msnmsgrp2p\r\n\
         P2P-Dest: {to}@example.com\r\n\r\n"
    )
    .into_bytes();
    let start = body.len();
    body.extend(session.to_le_bytes());
    body.extend(identifier.to_le_bytes());
    body.extend(offset.to_le_bytes());
    body.extend(total.to_le_bytes());
    body.extend(length.to_le_bytes());
    let flags: u32 = if session == 0 { 0 } else { 0x0100_0030 };
    body.extend(flags.to_le_bytes());
    // The acknowledgement's identifiers: two of four bytes and one of eight.
    body.extend([0xA5; 16]);
    assert_eq!(body.len() - start, 48);
    body.extend(content);
    body.extend(application.to_be_bytes());
    body
}

/// A message of the session protocol, as one part.
fn slp(to: &str, identifier: u32, first_line: &str, content: &str) -> Vec<u8> {
    let text = format!(
        "{first_line}\r\nTo: <msnmsgr:{to}@example.com>\r\nMax-Forwards: 0\r\n\
         Content-Length: {}\r\n\r\n{content}\0",
        content.len() + 1
    );
    let length = u32::try_from(text.len()).unwrap();
    let whole = (0, u64::from(length));
    p2p(to, 0, identifier, whole, length, text.as_bytes(), 0)
}

fn invitation(size: u64) -> Vec<u8> {
    let content = format!(
        "EUF-GUID: {{5D3E02AB-6190-11D3-BBBB-00C04F795683}}\r\nSessionID: {SESSION}\r\n\
         AppID: 2\r\nContext: {size}\r\n\r\n"
    );
    let first = "INVITE MSNMSGR:wendy@example.com MSNSLP/1.0";
    slp("wendy", 1, first, &content)
}

fn acceptance() -> Vec<u8> {
    let content = format!("SessionID: {SESSION}\r\n\r\n");
    slp("trent", 2, "MSNSLP/1.0 200 OK", &content)
}

fn goodbye() -> Vec<u8> {
    slp(
        "trent",
        3,
        "BYE MSNMSGR:trent@example.com MSNSLP/1.0",
        "\r\n",
    )
}

/// One piece of a file that holds every byte there is, line ends and commands among them.
fn piece(index: usize, size: u64) -> Vec<u8> {
    let mut content: Vec<u8> = (0..PIECE)
        .map(|position| ((index * 31 + position * 7 + position / 256) % 256) as u8)
        .collect();
    content[..12].copy_from_slice(b"\r\nOUT\r\n\0\r\n\r\n");
    let offset = (index * PIECE) as u64;
    let length = u32::try_from(PIECE).unwrap();
    p2p("wendy", SESSION, 7, (offset, size), length, &content, 2)
}
