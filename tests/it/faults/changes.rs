//! Somebody who changes things while something is wrong, and keeps account of what was answered.

use std::time::{Duration, Instant};

use crate::durability::{Book, change, checked};
use crate::support::client::Arrival;
use crate::support::pattern::printable;
use crate::support::people::Person;
use crate::support::player::Addresses;

/// No change may be left without an answer for longer: five seconds for a place in the queue, as
/// long for the batch that is on the way, and as long for the own one.
pub(super) const LONGEST: Duration = Duration::from_secs(16);

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was acknowledged.
    Done,
    /// It was refused with this number.
    Refused(String),
    /// The connection ended before there was an answer.
    Gone,
}

/// Somebody who changes things.
#[derive(Debug)]
pub(super) struct Changer {
    pub(super) person: Person,
    pub(super) book: Book,
    /// How many were acknowledged.
    pub(super) done: usize,
    /// How long the slowest answer took.
    pub(super) slowest: Duration,
    round: usize,
    step: usize,
}

impl Changer {
    /// Signs somebody in whose account is as it was made, or as the book has it.
    pub(super) async fn sign_in(
        at: &Addresses,
        name: &str,
        dialect: u8,
        book: Book,
        round: usize,
    ) -> Self {
        let person = at.sign_in(name, dialect).await;
        Self::of(person, book, round)
    }

    /// Somebody who is signed in.
    pub(super) fn of(person: Person, book: Book, round: usize) -> Self {
        Self {
            person,
            book,
            done: 0,
            slowest: Duration::ZERO,
            round,
            step: 0,
        }
    }

    /// Makes the next change.
    pub(super) async fn attempt(&mut self) -> Outcome {
        let change = loop {
            self.step += 1;
            let next = change(&mut self.person, &self.book, self.round, self.step);
            if let Some(change) = next {
                break change;
            }
        };
        let state = self.book.entry(change.key).or_default();
        state.possible.push(change.value.clone());
        let start = Instant::now();
        let line = format!("{}\r\n", change.line);
        self.person.ns.send(line.as_bytes()).await;
        let trid = change.answer.split(' ').nth(1).unwrap().to_owned();
        let outcome = loop {
            let took = start.elapsed();
            assert!(took < LONGEST, "no answer to {:?}", change.line);
            match self.person.ns.next(false).await {
                Arrival::Frame(frame) if frame.line.starts_with(change.answer.as_bytes()) => {
                    break Outcome::Done;
                }
                Arrival::Frame(frame) => match frame.fields().as_slice() {
                    [code, id, ..]
                        if *id == trid.as_bytes() && code.iter().all(u8::is_ascii_digit) =>
                    {
                        break Outcome::Refused(printable(code));
                    }
                    _ => {}
                },
                Arrival::Late(_) => {}
                Arrival::Closed | Arrival::Garbled(_) => break Outcome::Gone,
            }
        };
        match outcome {
            Outcome::Done => {
                state.sure = change.value;
                state.possible.clear();
                self.done += 1;
                self.slowest = self.slowest.max(start.elapsed());
            }
            // What was refused must not have happened.
            Outcome::Refused(_) => {
                state.possible.pop();
                self.slowest = self.slowest.max(start.elapsed());
            }
            Outcome::Gone => {}
        }
        outcome
    }

    /// Makes so many changes, all of which have to be acknowledged.
    pub(super) async fn make(&mut self, count: usize) {
        for _ in 0..count {
            let outcome = self.attempt().await;
            assert_eq!(outcome, Outcome::Done, "{}", self.person.name);
        }
    }

    /// Compares all that was answered with what a download says, over a connection of its own;
    /// the one that there is gives way to it.
    pub(super) async fn verify(self, at: &Addresses) -> Book {
        checked(at, &self.person.name, self.book).await
    }
}
