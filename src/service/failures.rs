//! Sign-ins that failed lately, for the people who run the server.
//!
//! In memory and bounded: whoever tries a lot pushes out what was before, and the same try again is
//! only counted. What was typed is kept as text that may be shown, and never anything of a password.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::accounts::SignInError;
use crate::network::Network;

/// How many are remembered.
const KEPT: usize = 500;
/// How many of the last ones a further try may be a repetition of.
const REPEATED: usize = 20;
/// How much of what was typed is kept, in characters.
const TYPED_MAX: usize = 60;

/// What a sign-in was proven by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInWay {
    /// The password itself, over the web.
    Password,
    /// The challenge of the oldest clients.
    Challenge,
    /// A ticket of a middle client.
    Ticket,
    /// A ticket and its key.
    SingleSignOn,
}

impl SignInWay {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Challenge => "challenge of an old client",
            Self::Ticket => "ticket",
            Self::SingleSignOn => "single sign-on",
        }
    }
}

/// A sign-in that failed, perhaps more than once in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedSignIn {
    /// Epoch milliseconds of the last time.
    pub at: i64,
    /// What was typed as the address, cut short.
    pub typed: String,
    pub network: Network,
    pub way: SignInWay,
    pub reason: &'static str,
    pub times: u32,
}

/// The failures of one server; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<VecDeque<FailedSignIn>>>);

impl Failures {
    /// Notes one. What failed for our own reasons is no failure of theirs.
    pub(super) fn note(
        &self,
        at: i64,
        typed: &str,
        peer: IpAddr,
        way: SignInWay,
        error: &SignInError,
    ) {
        let Some(reason) = reason(error) else {
            return;
        };
        let mut failed = FailedSignIn {
            at,
            typed: shortened(typed),
            network: Network::of(peer),
            way,
            reason,
            times: 1,
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |other: &FailedSignIn| {
            other.typed == failed.typed
                && other.network == failed.network
                && other.way == failed.way
                && other.reason == failed.reason
        };
        let place = kept.iter().take(REPEATED).position(is_same);
        if let Some(before) = place.and_then(|place| kept.remove(place)) {
            failed.times = before.times.saturating_add(1);
        }
        kept.push_front(failed);
        kept.truncate(KEPT);
    }

    /// All that are remembered, the newest first.
    pub(super) fn all(&self) -> Vec<FailedSignIn> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }
}

fn reason(error: &SignInError) -> Option<&'static str> {
    match error {
        SignInError::UnknownAccount => Some("no such account"),
        SignInError::Disabled => Some("the account is disabled"),
        SignInError::WrongPassword => Some("wrong password"),
        SignInError::LegacyClosed => Some("no legacy sign-in"),
        SignInError::BadTicket => Some("no valid ticket"),
        SignInError::Throttled => Some("too many failures; nothing was checked"),
        SignInError::Busy | SignInError::Fault(_) => None,
    }
}

fn shortened(typed: &str) -> String {
    let signs = typed.chars().filter(|sign| !sign.is_control());
    let mut text: String = signs.clone().take(TYPED_MAX).collect();
    if signs.count() > TYPED_MAX {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn note(failures: &Failures, at: i64, typed: &str, error: &SignInError) {
        failures.note(at, typed, HOME, SignInWay::Password, error);
    }

    #[test]
    fn the_newest_is_first_and_a_repetition_is_counted() {
        let failures = Failures::default();
        note(&failures, 1, "a@b.c", &SignInError::WrongPassword);
        note(&failures, 2, "x@b.c", &SignInError::UnknownAccount);
        note(&failures, 3, "a@b.c", &SignInError::WrongPassword);
        note(&failures, 4, "a@b.c", &SignInError::Busy);
        let shown: Vec<_> = failures
            .all()
            .into_iter()
            .map(|it| (it.at, it.typed, it.times))
            .collect();
        assert_eq!(shown, [(3, "a@b.c".into(), 2), (2, "x@b.c".into(), 1)]);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let failures = Failures::default();
        for number in 0..600 {
            let typed = format!("{number}@b.c");
            note(&failures, number, &typed, &SignInError::UnknownAccount);
        }
        assert_eq!(failures.all().len(), KEPT);
        let long = format!("\u{7}{}", "ü".repeat(100));
        note(&failures, 601, &long, &SignInError::UnknownAccount);
        let typed = failures.all().swap_remove(0).typed;
        assert_eq!(typed, format!("{}…", "ü".repeat(TYPED_MAX)));
    }
}
