//! Messages for people who are not signed in (`docs/protocol/13 §1`).
//!
//! A sender learns nothing about the recipient: that there is no such account, that they do not
//! want to hear from the sender, and that their box is full sound the same.

mod letter;

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::allowance::Space;
use super::throttle::{Rate, Remembered};
use super::{Fault, Origin, Outcome};
use crate::clock::Clock;
use crate::config::Limits;
use crate::hub::Hub;
use crate::live::Live;
use crate::model::{
    Address, Guid, NsEvent, OfflineMessage, Refusal, SessionId, UserId, WaitingMessage,
};
use crate::product::Product;
use crate::store::{NewOfflineMessage, OfflineLimits, Store};

pub use letter::NewMessage;

/// Longest name of a sender that is kept, in bytes. Clients cut theirs well below.
const NAME_MAX: usize = 387;
/// Senders whose last messages are remembered.
const REMEMBERED: usize = 10_000;
/// What the secret behind the lock keys is called in the database.
const LOCK_SECRET: &str = "offline message lock";
const DAY_MS: i64 = 86_400_000;

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfflineSettings {
    limits: OfflineLimits,
    message_bytes: usize,
    sends_per_minute: u32,
    kept_days: u32,
}

impl OfflineSettings {
    /// What concerns offline messages in the limits of a server.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: OfflineLimits {
                per_recipient: limits.offline_messages,
                per_sender: limits.offline_messages_per_sender,
            },
            message_bytes: limits.offline_message_bytes,
            sends_per_minute: limits.offline_sends_per_minute,
            kept_days: limits.offline_message_days,
        }
    }
}

/// Operations on offline messages; clones share their state.
#[derive(Debug, Clone)]
pub struct OfflineOperations {
    store: Store,
    space: Space,
    hub: Hub,
    clock: Clock,
    settings: Live<OfflineSettings>,
    /// Makes the runs of this process different from those of another.
    seed: u64,
    /// Held only to read or change the map; nothing else is ever locked meanwhile.
    senders: Arc<Mutex<Remembered<UserId>>>,
}

/// Whether a client has shown that it is a known product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    Open,
    /// It has not tried; this is what to answer.
    Challenge(String),
    /// Its answer is wrong. It is not asked again: clients would answer the same for ever
    /// (`docs/protocol/25 §27`).
    Shut,
}

impl OfflineOperations {
    pub(super) fn new(
        (store, space): (Store, Space),
        hub: Hub,
        clock: Clock,
        settings: OfflineSettings,
    ) -> Self {
        Self {
            store,
            space,
            hub,
            clock,
            settings: Live::new(settings),
            seed: rand::random(),
            senders: Arc::new(Mutex::new(Remembered::new(REMEMBERED))),
        }
    }

    /// Holds for what comes from now on.
    pub fn change(&self, settings: OfflineSettings) {
        self.settings.replace(settings);
    }

    /// Judges the lock key that a client sent along, an empty one if it has none yet.
    ///
    /// What an account is asked is always the same, so nothing has to be kept, and a key is good
    /// beyond a restart. Nothing can be said about products that are not known; any answer of
    /// theirs will do. A challenge and a wrong answer count as messages in the rate of their
    /// sender, so a client that never answers, or for ever the same, is
    /// [`Refusal::SendingTooFast`] before long.
    pub async fn unlock(&self, sender: UserId, product: &str, key: &str) -> Outcome<Lock> {
        let challenge = self.challenge(sender).await?;
        if key.is_empty() {
            self.charge(sender)?;
            return Ok(Lock::Challenge(challenge));
        }
        match Product::named(product) {
            Some(product) if !product.proof(&challenge).eq_ignore_ascii_case(key) => {
                self.charge(sender)?;
                Ok(Lock::Shut)
            }
            Some(_) | None => Ok(Lock::Open),
        }
    }

    /// Leaves a message. If the recipient is signed in, they hear of it at once.
    ///
    /// Refused with [`Refusal::Unreachable`] whatever it is about the recipient, with
    /// [`Refusal::BadMessage`] for an empty or too long text, and with
    /// [`Refusal::SendingTooFast`] beyond the sender's rate.
    pub async fn store(
        &self,
        sender: UserId,
        recipient: &Address,
        message: NewMessage,
    ) -> Outcome<()> {
        self.charge(sender)?;
        let text = &message.text;
        if text.is_empty() || text.len() > self.settings.now().message_bytes {
            return Err(Refusal::BadMessage.into());
        }
        if !self.space.is_left() {
            // As for a box that is full.
            return Err(Refusal::Unreachable.into());
        }
        let account = self.store.account_by_id(sender).await?;
        let account = account.ok_or(Refusal::Unavailable)?;
        let name = message
            .sender_name
            .map(|name| shown_name(&name))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| shown_name(&account.settings.name.to_text()));
        let mut letter = OfflineMessage {
            heading: WaitingMessage {
                id: Guid::random(),
                sender: account.address,
                sender_name: name.as_str().into(),
                received_at: self.clock.now_ms(),
                size: 0,
                is_read: false,
            },
            run: message.run.unwrap_or_else(Guid::random),
            sequence: message.sequence.unwrap_or(1),
            text: message.text,
        };
        let size = letter.letter(recipient).len();
        letter.heading.size = u32::try_from(size).unwrap_or(u32::MAX);
        let new = NewOfflineMessage {
            id: letter.heading.id,
            sender,
            recipient: recipient.clone(),
            sender_name: name,
            run: letter.run,
            sequence: message.sequence,
            text: letter.text,
            size: letter.heading.size,
            received_at: letter.heading.received_at,
        };
        let hub = self.hub.clone();
        let kept = self
            .store
            .keep_offline_message(new, self.settings.now().limits, move |kept| {
                let news = NsEvent::OfflineMessage(Arc::new(kept.heading.clone()));
                hub.tell(kept.recipient, news);
            })
            .await?;
        match kept {
            Ok(_) => Ok(()),
            Err(refusal) => {
                tracing::debug!(user = %sender, %refusal, "an offline message was not kept");
                Err(Refusal::Unreachable.into())
            }
        }
    }

    /// Leaves a message that a client sent through the notification server: `payload` is what it
    /// would say in a conversation, and the session is what tells its runs apart
    /// (`docs/protocol/10 §6.2`, `13 §1.3`).
    pub async fn store_direct(
        &self,
        sender: UserId,
        session: SessionId,
        recipient: &Address,
        payload: &[u8],
    ) -> Outcome<()> {
        let message = NewMessage::read(payload)?;
        let message = NewMessage {
            run: Some(message.run.unwrap_or_else(|| self.run_of(sender, session))),
            ..message
        };
        self.store(sender, recipient, message).await
    }

    /// What waits for an account, in the order of arrival.
    pub async fn metadata(&self, user: UserId) -> Result<Vec<WaitingMessage>, Fault> {
        Ok(self.store.offline_messages(user).await?)
    }

    /// One message of the account's own; it stays until it is deleted. `None` for any other.
    pub async fn fetch(
        &self,
        user: UserId,
        id: Guid,
        mark_read: bool,
    ) -> Result<Option<OfflineMessage>, Fault> {
        let message = self.store.offline_message(user, id).await?;
        if mark_read && message.is_some() {
            self.store.mark_offline_message_read(user, id).await?;
        }
        Ok(message)
    }

    /// Deletes messages of the account's own, and answers how many there were by these names. The
    /// account's sessions hear of it, apart from those that signed in with `grant`: it is they who
    /// ask.
    pub async fn delete(&self, user: UserId, grant: Option<i64>, ids: Vec<Guid>) -> Outcome<u64> {
        let hub = self.hub.clone();
        let deleted = self
            .store
            .delete_offline_messages(user, ids, move |&count| {
                if count > 0 {
                    let event = NsEvent::OfflineMessagesDeleted { count };
                    hub.tell_others(user, Origin::Grant(grant), event);
                }
            })
            .await??;
        Ok(deleted.0)
    }

    /// Forgets what has waited for too long; answers how many. For the server to call now and then.
    pub async fn prune(&self) -> Result<u64, Fault> {
        if self.settings.now().kept_days == 0 {
            return Ok(0);
        }
        let kept_ms = i64::from(self.settings.now().kept_days) * DAY_MS;
        let before = self.clock.now_ms().saturating_sub(kept_ms);
        Ok(self.store.prune_offline_messages(before).await?)
    }

    /// Counts a message of the sender's.
    fn charge(&self, sender: UserId) -> Result<(), Refusal> {
        let rate = Rate::per_minute(self.settings.now().sends_per_minute);
        let now = self.clock.now_ms().saturating_mul(1_000);
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let debt = senders.get(&sender);
        if !rate.admits(debt, now) {
            return Err(Refusal::SendingTooFast);
        }
        senders.set(sender, rate.charged(debt, now));
        Ok(())
    }

    /// What this account is asked: ten digits, which with the identities in use make no multiple
    /// of eight, where clients differ (`docs/protocol/vectors.json`).
    async fn challenge(&self, sender: UserId) -> Result<String, Fault> {
        const LEAST: u128 = 1_000_000_000;
        let secret = self.store.server_secret(LOCK_SECRET).await?;
        let number = number_from(&[&secret, &sender.0.to_be_bytes()]);
        Ok((LEAST + number % LEAST).to_string())
    }

    /// The run of a session that has none of its own.
    fn run_of(&self, sender: UserId, session: SessionId) -> Guid {
        Guid::from_bits(number_from(&[
            &self.seed.to_be_bytes(),
            &sender.0.to_be_bytes(),
            &session.0.to_be_bytes(),
        ]))
    }
}

/// A number that follows from the parts and from nothing less.
fn number_from(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(16)
        .fold(0, |number, &byte| (number << 8) | u128::from(byte))
}

/// A name without what could disturb a list of messages, cut to its longest.
fn shown_name(name: &str) -> String {
    let mut shown = String::new();
    for character in name.trim().chars().filter(|it| !it.is_control()) {
        if shown.len() + character.len_utf8() > NAME_MAX {
            break;
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests;
