//! A connection on which every line is foreseen.

use crate::support::client::{Arrival, Connection, Frame};
use crate::support::pattern::printable;

/// A connection of somebody's, to the notification server or to a switchboard.
pub(super) struct Line {
    who: &'static str,
    connection: Connection,
    id: u32,
}

impl Line {
    pub(super) fn over(who: &'static str, connection: Connection) -> Self {
        Self {
            who,
            connection,
            id: 0,
        }
    }

    /// The dialect that it was opened for.
    pub(super) fn dialect(&self) -> u8 {
        self.connection.dialect
    }

    /// Answers challenges as this product does.
    pub(super) fn be(&mut self, product: &'static str) {
        self.connection.product = Some(product);
    }

    /// Sends a command with the next number.
    pub(super) async fn asks(&mut self, verb: &str, rest: &str) {
        self.id += 1;
        let line = format!("{verb} {} {rest}", self.id);
        let line = format!("{}\r\n", line.trim_end());
        self.connection.send(line.as_bytes()).await;
    }

    /// Sends a command with the next number and a payload.
    pub(super) async fn brings(&mut self, verb: &str, rest: &str, payload: &str) {
        self.id += 1;
        let line = format!("{verb} {} {rest}", self.id);
        let line = format!("{} {}\r\n{payload}", line.trim_end(), payload.len());
        self.connection.send(line.as_bytes()).await;
    }

    /// Sends a command and sees its answer.
    pub(super) async fn does(&mut self, verb: &str, rest: &str, answer: &str) -> Vec<String> {
        self.asks(verb, rest).await;
        self.sees(answer).await
    }

    /// Sends a command that is answered as it stands.
    pub(super) async fn sets(&mut self, verb: &str, rest: &str) {
        self.does(verb, rest, &format!("{verb} # {rest}")).await;
    }

    /// Sends a command with a payload and sees its answer.
    pub(super) async fn puts(&mut self, verb: &str, rest: &str, payload: &str, answer: &str) {
        self.brings(verb, rest, payload).await;
        self.sees(answer).await;
    }

    /// The next thing that arrives is this line: `*` stands for any field, `#` for the number of
    /// the last command. Answers its fields.
    pub(super) async fn sees(&mut self, wanted: &str) -> Vec<String> {
        let frame = self.frame(wanted).await;
        let fields = frame.fields();
        fields.iter().map(|field| printable(field)).collect()
    }

    /// The same with this payload.
    pub(super) async fn sees_with(&mut self, wanted: &str, payload: &str) {
        let seen = self.reads(wanted).await;
        assert_eq!(seen, payload, "{} at {wanted}", self.who);
    }

    /// The same; answers the payload.
    pub(super) async fn reads(&mut self, wanted: &str) -> String {
        let frame = self.frame(wanted).await;
        String::from_utf8(frame.payload).unwrap()
    }

    /// Nothing else has arrived.
    pub(super) async fn is_quiet(&mut self) {
        self.connection.send(b"PNG\r\n").await;
        let frame = self.next("QNG").await;
        assert!(
            frame.line.starts_with(b"QNG"),
            "{}: {}",
            self.who,
            frame.describe()
        );
    }

    /// Says something on a switchboard.
    pub(super) async fn says(&mut self, class: &str, payload: &str) {
        self.brings("MSG", class, payload).await;
    }

    /// Leaves; the server closes.
    pub(super) async fn leaves(mut self) {
        self.connection.send(b"OUT\r\n").await;
        self.ends().await;
    }

    /// The server closes.
    pub(super) async fn ends(mut self) {
        match self.connection.next(false).await {
            Arrival::Closed => {}
            other => panic!("{}: {other:?} instead of the end", self.who),
        }
    }

    /// People appear, each with a line of presence and what they show, in any order. Answers
    /// what they show, in the order in which they are named here.
    pub(super) async fn sees_people(&mut self, people: &[(&str, &str)]) -> Vec<String> {
        let mut shown = vec![None; people.len()];
        while shown.contains(&None) {
            let frame = self.next("somebody").await;
            let one = people.iter().position(|(line, _)| self.is(&frame, line));
            let one = one.filter(|one| shown[*one].is_none());
            let Some(one) = one else {
                panic!(
                    "{}: {} after\n  {}",
                    self.who,
                    frame.describe(),
                    self.past()
                );
            };
            shown[one] = Some(self.reads(people[one].1).await);
        }
        shown.into_iter().flatten().collect()
    }

    async fn frame(&mut self, wanted: &str) -> Frame {
        let frame = self.next(wanted).await;
        assert!(
            self.is(&frame, wanted),
            "{}: {} instead of {wanted} (number {}) after\n  {}",
            self.who,
            frame.describe(),
            self.id,
            self.past()
        );
        frame
    }

    fn is(&self, frame: &Frame, wanted: &str) -> bool {
        let id = self.id.to_string();
        let seen = frame.fields();
        let wanted: Vec<&str> = wanted.split(' ').collect();
        seen.len() == wanted.len()
            && seen
                .iter()
                .zip(&wanted)
                .all(|(seen, wanted)| match *wanted {
                    "*" => true,
                    "#" => *seen == id.as_bytes(),
                    wanted => *seen == wanted.as_bytes(),
                })
    }

    async fn next(&mut self, wanted: &str) -> Frame {
        match self.connection.next(false).await {
            Arrival::Frame(frame) => frame,
            other => panic!(
                "{}: {other:?} instead of {wanted} after\n  {}",
                self.who,
                self.past()
            ),
        }
    }

    fn past(&self) -> String {
        let past: Vec<&str> = self.connection.history().collect();
        past.join("\n  ")
    }
}
