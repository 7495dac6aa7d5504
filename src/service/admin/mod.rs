//! What the people who run the server see and do, as the pages for them call it.
//!
//! A deed is noted in the audit together with what it changes in the database, or, where it changes
//! only what is live, right before it is done. Its effect on clients that are signed in follows
//! at once.

mod accounts;
mod live;
mod maintenance;
mod reveal;

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::accounts::{AccountError, Accounts};
use super::failures::FailedSignIn;
use super::{Census, Fault, Registration};
use crate::clock::Clock;
use crate::history::{Counts, History, Lately};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::model::{Address, UserId};
use crate::store::{AuditDeed, AuditEntry, Store, StoreError};

pub use live::ANNOUNCEMENT_MAX;
use maintenance::Plan;
pub use maintenance::{LONGEST_MINUTES, Maintenance};
use reveal::Reveals;

/// Accounts, sessions or deeds on one page.
pub const PAGE: u32 = 50;
/// The longest note of an invitation, in characters.
pub const NOTE_MAX: usize = 200;

/// The operations of administrators; clones share their state.
#[derive(Debug, Clone)]
pub struct AdminOperations {
    store: Store,
    hub: Hub,
    clock: Clock,
    metrics: Metrics,
    accounts: Accounts,
    registration: Registration,
    history: History,
    plan: Arc<Mutex<Option<Plan>>>,
    reveals: Reveals,
    announcements: Arc<AtomicU32>,
    started: Instant,
}

/// The administrator who does something.
#[derive(Debug, Clone)]
pub struct Actor {
    pub user: UserId,
    pub address: Address,
    /// Where they are.
    pub peer: String,
    /// Which of their browsers it is.
    pub browser: String,
}

/// Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("there is no such account")]
    UnknownAccount,
    /// Nobody who can sign in would be left to run the server.
    #[error("this is the last administrator")]
    LastAdmin,
    /// There is a page of one's own for that.
    #[error("this is the own account")]
    OwnAccount,
    #[error("the server is busy")]
    Busy,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<AccountError> for AdminError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Busy => Self::Busy,
            AccountError::Fault(fault) => Self::Fault(fault),
            // What is left cannot come of a password that was made here.
            AccountError::AddressTaken
            | AccountError::UnknownAccount
            | AccountError::Password(_) => Self::UnknownAccount,
        }
    }
}

/// How the server is doing.
#[derive(Debug, Clone)]
pub struct Overview {
    pub census: Census,
    pub sessions: usize,
    pub uptime: Duration,
    pub lately: Lately,
}

impl AdminOperations {
    pub(super) fn new(
        (store, hub): (Store, Hub),
        (clock, metrics): (Clock, Metrics),
        accounts: Accounts,
        registration: Registration,
    ) -> Self {
        Self {
            history: History::new(clock.now_ms()),
            store,
            hub,
            clock,
            metrics,
            accounts,
            registration,
            plan: Arc::default(),
            reveals: Reveals::default(),
            announcements: Arc::new(AtomicU32::new(1)),
            started: Instant::now(),
        }
    }

    /// How the server is doing.
    pub async fn overview(&self) -> Result<Overview, Fault> {
        self.note_counts();
        Ok(Overview {
            census: Census {
                online: self.hub.online_count(),
                rooms: self.hub.room_count(),
                accounts: self.store.account_count().await?,
            },
            sessions: self.hub.session_count(),
            uptime: self.started.elapsed(),
            lately: self.history.lately(),
        })
    }

    /// What has to be done every second or so: counts are noted, and people are told how long it
    /// is until the server stops.
    pub fn tick(&self) {
        self.note_counts();
        self.remind();
        self.reveals.forget_old(self.clock.now_ms());
    }

    /// The sign-ins that failed lately, the newest first.
    pub fn failed_sign_ins(&self) -> Vec<FailedSignIn> {
        self.accounts.failed_sign_ins()
    }

    /// A page of what administrators did before entry `before`, or of the newest; the newest first.
    pub async fn deeds(&self, before: Option<i64>) -> Result<Vec<AuditEntry>, Fault> {
        Ok(self.store.deeds(before, PAGE).await?)
    }

    /// Makes an invitation code that is good for `uses` accounts and so many days.
    pub async fn invite(
        &self,
        actor: &Actor,
        note: String,
        uses: u32,
        days: Option<u32>,
    ) -> Result<String, Fault> {
        const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
        let now = self.clock.now_ms();
        let expires_at = days.map(|days| now.saturating_add(i64::from(days) * DAY_MS));
        let lifetime = days.map_or("for ever".to_owned(), |days| format!("{days} days"));
        let detail = format!("uses: {uses}, good: {lifetime}, note: {note}");
        let deed = |code: &str| actor.deed("invite", &first_signs(code), detail);
        self.registration
            .invite(actor.user, note, uses, expires_at, deed)
            .await
    }

    /// Makes a code void. Answers whether there was one.
    pub async fn withdraw_invitation(&self, actor: &Actor, code: &str) -> Result<bool, Fault> {
        let deed = actor.deed("withdraw invitation", &first_signs(code), String::new());
        self.registration.withdraw(code, deed).await
    }

    fn note_counts(&self) {
        let total = Counts {
            sign_ins: self.metrics.sessions_signed_in(),
            messages: self.metrics.messages_relayed(),
        };
        self.history.note(self.clock.now_ms(), total);
    }
}

impl Actor {
    fn deed(&self, action: &str, subject: &str, detail: String) -> AuditDeed {
        AuditDeed {
            actor: self.address.as_str().to_owned(),
            peer: self.peer.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail,
        }
    }
}

/// So much of an invitation code that its maker knows which one it was, and nobody can use it.
fn first_signs(code: &str) -> String {
    let signs = code.chars().filter(char::is_ascii_alphanumeric).take(5);
    signs.chain("-...".chars()).collect()
}

#[cfg(test)]
mod tests;
