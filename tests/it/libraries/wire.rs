//! The notification server and the switchboards, as a library speaks to them.

use std::net::SocketAddr;

use super::ALICE;
use super::web::Token;
use crate::support::client::{Connection, Frame};
use crate::support::pattern::printable;
use crate::support::people::connect;
use crate::support::single_sign_on::signed_nonce;

/// A connection to the notification server or to a switchboard.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) line: Connection,
    pub(super) last: u32,
}

impl Wire {
    pub(super) async fn open(to: SocketAddr, dialect: u8) -> Self {
        Self {
            line: connect(to, None, None, dialect).await,
            last: 0,
        }
    }

    pub(super) fn trid(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Sends a command and reads up to its answer.
    pub(super) async fn ask(&mut self, verb: &str, rest: &str) -> Frame {
        let start = format!("{verb} {}", self.trid());
        let line = format!("{start} {rest}");
        self.line.ask(line.trim_end(), &start).await
    }

    /// The same where the answer repeats the command.
    pub(super) async fn confirmed(&mut self, verb: &str, rest: &str) {
        let answer = self.ask(verb, rest).await;
        let said = printable(&answer.line);
        let expected = format!("{verb} {} {rest}", self.last);
        assert_eq!(said, expected.trim_end());
    }

    /// Sends a command with a payload and reads up to its answer.
    pub(super) async fn give(&mut self, verb: &str, rest: &str, payload: &str) -> Frame {
        let start = format!("{verb} {}", self.trid());
        let rest = if rest.is_empty() {
            String::new()
        } else {
            format!("{rest} ")
        };
        let command = format!("{start} {rest}{}\r\n{payload}", payload.len());
        self.line.send(command.as_bytes()).await;
        self.line.until(&start).await
    }

    /// The same where the answer is this.
    pub(super) async fn given(&mut self, verb: &str, rest: &str, payload: &str, answer: &str) {
        let frame = self.give(verb, rest, payload).await;
        let expected = format!("{verb} {} {answer}", self.last);
        assert_eq!(printable(&frame.line), expected, "{payload}");
    }

    /// What one does oneself by the web is no news: there is no notice to fetch the lists again.
    pub(super) async fn hears_no_notice(&mut self) {
        self.line.send(b"PNG\r\n").await;
        loop {
            let frame = self.line.until("").await;
            if frame.line.starts_with(b"QNG") {
                return;
            }
            let is_notice = [&b"NOT "[..], b"ADL 0 ", b"RML 0 "]
                .iter()
                .any(|start| frame.line.starts_with(start));
            assert!(!is_notice, "{}", frame.describe());
        }
    }

    /// Says something in a room, and waits for the receipt.
    pub(super) async fn say(&mut self, message: &str) {
        let trid = self.trid();
        let command = format!("MSG {trid} A {}\r\n{message}", message.len());
        self.line.send(command.as_bytes()).await;
        self.line.until(&format!("ACK {trid}")).await;
    }

    /// Changes the lists of the session.
    pub(super) async fn lists(&mut self, verb: &str, name: &str, mask: u8) {
        let list = format!("<ml><d n='example.com'><c n='{name}' l='{mask}' t='1'/></d></ml>");
        self.given(verb, "", &list, "OK").await;
    }

    /// Reads up to the notice about somebody who adds or removes the reader.
    pub(super) async fn told(&mut self, verb: &str, name: &str) {
        let told = self.line.until(&format!("{verb} 0 ")).await;
        let text = printable(&told.payload);
        assert!(text.contains(&format!("n=\"{name}\"")), "{text}");
        assert!(text.contains("l=\"8\""), "{text}");
    }

    /// Answers a challenge of the sign-in, from the answer to `USR I` on.
    pub(super) async fn sign_on(&mut self, question: &Frame, token: &Token, machine: Option<&str>) {
        let fields = question.fields();
        assert_eq!(fields[2..5], [&b"SSO"[..], b"S", b"MBI_KEY_OLD"]);
        let nonce = fields[5];
        let proof = signed_nonce(nonce, token.key.as_bytes()).unwrap();
        assert_eq!(proof.len(), 172);
        let machine = machine.map_or(String::new(), |machine| format!(" {machine}"));
        let answer = self
            .ask("USR", &format!("SSO S {} {proof}{machine}", token.ticket))
            .await;
        let expected = format!("USR {} OK {ALICE} 1 0", self.last);
        assert_eq!(printable(&answer.line), expected);
    }

    /// The profile without which no sign-in goes on.
    pub(super) async fn profile(&mut self) -> String {
        let frame = self.line.until("MSG Hotmail Hotmail ").await;
        let text = String::from_utf8(frame.payload).unwrap();
        assert!(text.contains("text/x-msmsgsprofile"), "{text}");
        for field in ["sid", "MSPAuth", "ClientIP", "ClientPort", "LoginTime"] {
            assert!(text.contains(&format!("\r\n{field}: ")), "{text}");
        }
        if self.line.dialect >= 16 {
            let own = self.line.expect("UBX ").await;
            assert!(own.payload.is_empty(), "{own:?}");
        }
        text
    }

    /// Asks for a room, as whoever this is: `alice@example.com`, with a machine since MSNP16.
    pub(super) async fn room(&mut self, me: &str) -> Self {
        let answer = self.ask("XFR", "SB").await;
        let fields: Vec<String> = answer.fields().iter().map(|one| printable(one)).collect();
        assert_eq!(fields[4], "CKI");
        let mut room = Self::open(fields[3].parse().unwrap(), self.line.dialect).await;
        let answer = room.ask("USR", &format!("{me} {}", fields[5])).await;
        let said = printable(&answer.line);
        assert!(said.starts_with(&format!("USR 1 OK {me} ")), "{said}");
        room
    }

    /// Goes to the room that one is called to.
    pub(super) async fn called(&mut self, me: &str) -> Self {
        let ring = self.line.until("RNG ").await;
        let fields: Vec<String> = ring.fields().iter().map(|one| printable(one)).collect();
        assert!(fields[1].parse::<i32>().is_ok(), "{fields:?}");
        let mut room = Self::open(fields[2].parse().unwrap(), self.line.dialect).await;
        room.ask("ANS", &format!("{me} {} {}", fields[4], fields[1]))
            .await;
        room
    }

    /// Leaves; the server closes.
    pub(super) async fn leave(mut self) {
        self.line.send(b"OUT\r\n").await;
        self.line.until_closed().await;
    }
}
