//! People who make an account for themselves, where the operator lets them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use secrecy::SecretString;

use super::Fault;
use super::accounts::{AccountError, Accounts};
use super::allowance::Space;
use super::throttle::{Rate, Remembered};
use crate::clock::Clock;
use crate::config::{self, RegistrationMode};
use crate::live::Live;
use crate::model::{Address, Label, UserId};
use crate::network::{Network, is_among};
use crate::store::{AuditDeed, Invitation, Invited, NewInvitation, Store};

/// Networks whose registrations are counted.
const COUNTED: usize = 10_000;
/// The signs of an invitation code: none that looks like another.
const CODE_SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
/// As many signs as nobody guesses, in groups that people can read to each other.
const CODE_GROUPS: usize = 4;
const CODE_GROUP: usize = 5;

/// Who may make an account, and how many a network may make.
#[derive(Debug, Clone)]
pub struct RegistrationSettings {
    pub mode: RegistrationMode,
    /// From one network in an hour.
    pub per_hour: u32,
    /// From everywhere in an hour.
    pub per_hour_everywhere: u32,
    /// What an address may end with; empty for anything.
    pub domains: Vec<String>,
    /// Networks that the first limit passes over.
    pub exempt: Vec<IpNet>,
}

impl RegistrationSettings {
    /// Takes what it needs from the two sections.
    pub fn new(registration: &config::Registration, limits: &config::Limits) -> Self {
        Self {
            mode: registration.mode,
            per_hour: registration.per_hour,
            per_hour_everywhere: registration.per_hour_everywhere,
            domains: registration.domains.clone(),
            exempt: limits.exempt.clone(),
        }
    }
}

/// Making accounts by the pages for people. Copies share their counts.
#[derive(Debug, Clone)]
pub struct Registration {
    accounts: Accounts,
    store: Store,
    space: Space,
    clock: Clock,
    settings: Live<RegistrationSettings>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug)]
struct Counts {
    networks: Remembered<Network>,
    everywhere: Option<i64>,
}

/// Somebody who wants an account.
#[derive(Debug)]
pub struct Applicant {
    pub address: Address,
    /// `None` to be called by the address.
    pub name: Option<Label>,
    pub password: SecretString,
    /// The invitation code, as it was typed.
    pub code: String,
    pub peer: IpAddr,
}

/// Nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error("nobody can make an account here")]
    Closed,
    #[error("the invitation code is not valid, or not any more")]
    NoInvitation,
    #[error("addresses here end with another domain")]
    WrongDomain,
    #[error("the database is as large as it may become")]
    NoRoom,
    #[error("too many accounts were made lately")]
    TooMany,
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<crate::store::StoreError> for RegistrationError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Account(Fault::from(error).into())
    }
}

impl Registration {
    pub(super) fn new(
        accounts: Accounts,
        (store, space): (Store, Space),
        clock: Clock,
        settings: RegistrationSettings,
    ) -> Self {
        Self {
            accounts,
            store,
            space,
            clock,
            settings: Live::new(settings),
            counts: Arc::new(Mutex::new(Counts {
                networks: Remembered::new(COUNTED),
                everywhere: None,
            })),
        }
    }

    /// Holds for whoever comes from now on; what was counted stays counted.
    pub fn change(&self, settings: RegistrationSettings) {
        self.settings.replace(settings);
    }

    /// Who may make an account.
    pub fn mode(&self) -> RegistrationMode {
        self.settings.now().mode
    }

    /// What an address may end with; empty for anything.
    pub fn domains(&self) -> Vec<String> {
        self.settings.now().domains.clone()
    }

    /// Makes an account. What costs nothing is checked first; a password is hashed only for
    /// somebody within the limits, and an attempt counts from there on.
    pub async fn register(&self, applicant: Applicant) -> Result<UserId, RegistrationError> {
        let Applicant {
            address,
            name,
            password,
            code,
            peer,
        } = applicant;
        let settings = self.settings.now();
        if settings.mode == RegistrationMode::Closed {
            return Err(RegistrationError::Closed);
        }
        let domains = &settings.domains;
        let ends_with = |domain: &String| address.domain().eq_ignore_ascii_case(domain);
        if !domains.is_empty() && !domains.iter().any(ends_with) {
            return Err(RegistrationError::WrongDomain);
        }
        if !self.space.is_left() {
            return Err(RegistrationError::NoRoom);
        }
        if !self.admit(peer) {
            return Err(RegistrationError::TooMany);
        }
        let new = self.accounts.prepare(address, name, password).await?;
        if settings.mode == RegistrationMode::Open {
            let created = self.store.create_account(new).await?;
            return Ok(created.ok_or(AccountError::AddressTaken)?);
        }
        match self.store.create_invited_account(new, plain(&code)).await? {
            Invited::Created(user) => Ok(user),
            Invited::NoInvitation => Err(RegistrationError::NoInvitation),
            Invited::AddressTaken => Err(AccountError::AddressTaken.into()),
        }
    }

    /// Makes a code that is good for `uses` accounts until `expires_at`, in epoch milliseconds.
    pub(super) async fn invite(
        &self,
        by: UserId,
        note: String,
        uses: u32,
        expires_at: Option<i64>,
        deed: impl FnOnce(&str) -> AuditDeed,
    ) -> Result<String, Fault> {
        let code = random_code();
        let new = NewInvitation {
            code: plain(&code),
            note,
            uses,
            created_by: by,
            expires_at,
        };
        self.store.invite(new, deed(&code)).await?;
        Ok(code)
    }

    /// All codes, the newest first, in the form that people read.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, Fault> {
        let mut found = self.store.invitations().await?;
        for invitation in &mut found {
            invitation.code = grouped(&invitation.code);
        }
        Ok(found)
    }

    /// Makes a code void. Answers whether there was one.
    pub(super) async fn withdraw(&self, code: &str, deed: AuditDeed) -> Result<bool, Fault> {
        Ok(self.store.withdraw_invitation(plain(code), deed).await?)
    }

    /// Counts an attempt, if there may be one more.
    fn admit(&self, peer: IpAddr) -> bool {
        let settings = self.settings.now();
        let now = self.clock.now_ms().saturating_mul(1_000);
        let network = Network::of(peer);
        let (of_one, of_all) = (
            Rate::per_hour(settings.per_hour),
            Rate::per_hour(settings.per_hour_everywhere),
        );
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_exempt = is_among(&settings.exempt, peer);
        let lately = counts.networks.get(&network);
        if !of_all.admits(counts.everywhere, now) || !(is_exempt || of_one.admits(lately, now)) {
            return false;
        }
        counts.everywhere = Some(of_all.charged(counts.everywhere, now));
        counts.networks.set(network, of_one.charged(lately, now));
        true
    }
}

fn random_code() -> String {
    let signs = rand::random_iter::<u8>()
        .filter_map(|byte| CODE_SIGNS.get(usize::from(byte % 32)))
        .map(|&sign| char::from(sign))
        .take(CODE_GROUPS * CODE_GROUP);
    grouped(&signs.collect::<String>())
}

/// A code as it is compared: people add blanks and capitals when they type one.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|sign| sign.to_ascii_lowercase())
        .take(2 * CODE_GROUPS * CODE_GROUP)
        .collect()
}

fn grouped(code: &str) -> String {
    let mut text = String::with_capacity(code.len() + CODE_GROUPS);
    for (at, sign) in code.chars().enumerate() {
        if at > 0 && at % CODE_GROUP == 0 {
            text.push('-');
        }
        text.push(sign);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::accounts::tests::{Fixture, fixture};
    use super::*;
    use crate::metrics::Metrics;

    async fn registration(mode: RegistrationMode, domains: &[&str]) -> (Registration, Fixture) {
        let fixture = fixture().await;
        let settings = RegistrationSettings {
            mode,
            per_hour: 3,
            per_hour_everywhere: 5,
            domains: domains.iter().map(|&it| it.to_owned()).collect(),
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
        };
        let (accounts, store) = (fixture.accounts.clone(), fixture.store.clone());
        let clock = fixture.clock.clone();
        let space = Space::new(Metrics::new());
        let registration = Registration::new(accounts, (store, space), clock, settings);
        (registration, fixture)
    }

    fn applicant(address: &str, code: &str, peer: &str) -> Applicant {
        Applicant {
            address: Address::parse(address).unwrap(),
            name: None,
            password: "secret".into(),
            code: code.to_owned(),
            peer: peer.parse().unwrap(),
        }
    }

    fn deed() -> AuditDeed {
        AuditDeed {
            actor: "maker@example.com".to_owned(),
            peer: String::new(),
            action: String::new(),
            subject: String::new(),
            detail: String::new(),
        }
    }

    /// The word for what became of somebody.
    async fn try_it(registration: &Registration, applicant: Applicant) -> &'static str {
        match registration.register(applicant).await {
            Ok(_) => "registered",
            Err(RegistrationError::Closed) => "closed",
            Err(RegistrationError::NoInvitation) => "no invitation",
            Err(RegistrationError::WrongDomain) => "wrong domain",
            Err(RegistrationError::TooMany) => "too many",
            Err(RegistrationError::NoRoom) => "no room",
            Err(RegistrationError::Account(AccountError::AddressTaken)) => "taken",
            Err(RegistrationError::Account(_)) => "other",
        }
    }

    #[tokio::test]
    async fn the_mode_says_who_may_register() {
        let (open, _fixture) = registration(RegistrationMode::Open, &["example.com"]).await;
        let outcome = try_it(&open, applicant("a@example.com", "", "192.0.2.1")).await;
        assert_eq!(outcome, "registered");
        let outcome = try_it(&open, applicant("a@example.com", "", "192.0.2.1")).await;
        assert_eq!(outcome, "taken");
        let outcome = try_it(&open, applicant("a@example.org", "", "192.0.2.1")).await;
        assert_eq!(outcome, "wrong domain");
        let (closed, _fixture) = registration(RegistrationMode::Closed, &[]).await;
        let outcome = try_it(&closed, applicant("a@example.com", "", "192.0.2.1")).await;
        assert_eq!(outcome, "closed");
    }

    #[tokio::test]
    async fn a_code_may_be_typed_carelessly_and_is_used_up() {
        let (by_code, fixture) = registration(RegistrationMode::Invitation, &[]).await;
        let address = Address::parse("maker@example.com").unwrap();
        let made = fixture
            .accounts
            .create(address, None, "secret".into(), false);
        let maker = made.await.unwrap();
        let code = by_code
            .invite(maker, "club".to_owned(), 1, None, |_| deed())
            .await;
        let typed = format!(" {} ", code.unwrap().to_uppercase().replace('-', " "));
        for (code, outcome) in [
            ("", "no invitation"),
            (&typed, "registered"),
            (&typed, "no invitation"),
        ] {
            let applicant = applicant(&format!("{}@example.com", outcome.len()), code, "10.0.0.1");
            assert_eq!(try_it(&by_code, applicant).await, outcome);
        }
        let [left] = &by_code.invitations().await.unwrap()[..] else {
            panic!("one code");
        };
        assert_eq!((left.uses_left, left.code.len()), (0, 23));
        assert!(by_code.withdraw(&left.code, deed()).await.unwrap());
    }

    #[tokio::test]
    async fn a_network_and_all_together_have_limits_that_run_down() {
        let (open, fixture) = registration(RegistrationMode::Open, &[]).await;
        let mut number = 0;
        let mut from = async |peer: &str| {
            number += 1;
            try_it(
                &open,
                applicant(&format!("n{number}@example.com"), "", peer),
            )
            .await
        };
        for _ in 0..3 {
            assert_eq!(from("192.0.2.1").await, "registered");
        }
        assert_eq!(from("192.0.2.1").await, "too many");
        assert_eq!(from("10.0.0.1").await, "registered");
        assert_eq!(from("192.0.2.2").await, "registered");
        assert_eq!(from("10.0.0.1").await, "too many", "everywhere");
        fixture.clock.advance(Duration::from_secs(20 * 60));
        assert_eq!(from("192.0.2.1").await, "registered");
        assert_eq!(from("192.0.2.1").await, "too many");
    }
}
