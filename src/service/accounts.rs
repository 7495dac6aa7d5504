//! Accounts: making and changing them, and proving that somebody owns one.
//!
//! The reason of a refused sign-in is exact in here and must not leave the server: whoever asks
//! gets one answer, and as far as this module can see to it, after the same time. Every way in
//! passes the same throttle.

mod made;
mod tokens;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use secrecy::SecretString;

use super::failures::{FailedSignIn, Failures, SignInWay};
use super::legacy::LegacyChallenges;
use super::passwords::{
    PasswordError, PasswordRejected, PasswordSettings, Passwords, Verdict, check_new,
};
use super::throttle::{SignInRates, Throttle};
use super::ticket::TokenKey;
pub use tokens::{Authorised, Redeemed, Token, Tokens, Unauthorised};

use crate::clock::Clock;
use crate::config::{Auth, Limits};
use crate::metrics::Outcome;
use crate::model::{Address, Label, UserId};
use crate::store::{
    Account, Credentials, ImportedHash, LegacyChange, NewAccount, PasswordRecord, Store, StoreError,
};

/// The name of the server's secret that challenges are derived from.
const CHALLENGE_SECRET: &str = "legacy challenge";

/// The name of the server's secret that the keys of tokens are derived from.
const TOKEN_SECRET: &str = "token keys";

/// The name of the server's secret that the words in forms are derived from.
const FORM_SECRET: &str = "forms";

/// All operations on accounts. Copies share the throttle and the limit of password hashes.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
    clock: Clock,
    passwords: Passwords,
    challenges: Arc<LegacyChallenges>,
    throttle: Throttle,
    failures: Failures,
    ticket_ms: i64,
    token_ms: i64,
    /// What the keys of tokens are derived from.
    token_key: TokenKey,
    form_key: SecretKey,
    accept_bare_tickets: bool,
}

/// A key that does not print.
#[derive(Clone, Copy)]
struct SecretKey([u8; 32]);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The settings of [`Accounts`].
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// How passwords are hashed and which are accepted.
    pub passwords: PasswordSettings,
    /// How long a ticket is good for.
    pub ticket_minutes: u32,
    /// How long a ticket of the token service is good for.
    pub token_hours: u32,
    /// Whether a ticket for single sign-on is good without the proof that belongs to it.
    pub accept_bare_tickets: bool,
    /// How often somebody may sign in, or try to.
    pub sign_ins: SignInRates,
    /// Networks that many people share.
    pub exempt: Vec<IpNet>,
}

impl AccountSettings {
    /// Takes what it needs from the two sections.
    pub fn new(auth: &Auth, limits: &Limits) -> Self {
        Self {
            passwords: PasswordSettings {
                memory_kib: auth.argon2_memory_kib,
                iterations: auth.argon2_iterations,
                hash_threads: auth.hash_threads,
                accept_first_16: auth.accept_first_16,
            },
            ticket_minutes: auth.ticket_minutes,
            token_hours: auth.token_hours,
            accept_bare_tickets: auth.accept_bare_tickets,
            sign_ins: SignInRates::new(limits),
            exempt: limits.exempt.clone(),
        }
    }
}

/// What a new password does to the oldest clients' way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyChoice {
    /// It stays open or closed as it was.
    Keep,
    /// It is open from now on.
    Open,
    /// It is closed from now on.
    Close,
}

/// An account could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has the address.
    #[error("there is an account with this address already")]
    AddressTaken,
    /// No account has the address.
    #[error("there is no account with this address")]
    UnknownAccount,
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// Too many passwords are being hashed.
    #[error("the server is busy")]
    Busy,
    /// Something of ours failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Somebody could not sign in. For the log and the metrics; the client hears one answer for all
/// of them but the last three.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is no such account, or the text is no address.
    #[error("no such account")]
    UnknownAccount,
    /// The account may not sign in.
    #[error("the account is disabled")]
    Disabled,
    /// The password, or the answer made from it, is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The account has no secret for the oldest clients' method.
    #[error("the account has no legacy sign-in")]
    LegacyClosed,
    /// The ticket is unknown, expired or another account's.
    #[error("no valid ticket of this account")]
    BadTicket,
    /// Too many failed lately, or there were too many altogether. Nothing was checked.
    #[error("too many sign-ins lately")]
    Throttled,
    /// Too many passwords are being checked. Nothing was.
    #[error("the server is busy")]
    Busy,
    /// Something of ours failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl SignInError {
    /// The word for it in the metrics.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Throttled | Self::Busy => Outcome::Throttled,
            Self::Fault(_) => Outcome::Fault,
            Self::UnknownAccount
            | Self::Disabled
            | Self::WrongPassword
            | Self::LegacyClosed
            | Self::BadTicket => Outcome::Refused,
        }
    }
}

/// Our own failure.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The password hash.
    #[error("the password could not be hashed")]
    Hash(#[source] PasswordError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<PasswordError> for AccountError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            other => Fault::Hash(other).into(),
        }
    }
}

impl From<PasswordError> for SignInError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            other => Fault::Hash(other).into(),
        }
    }
}

impl Accounts {
    /// Takes the server's secret from the store, or has it made. Fails if the store does, or if
    /// the settings of the password hash are impossible.
    pub async fn open(
        store: Store,
        clock: Clock,
        settings: AccountSettings,
    ) -> Result<Self, Fault> {
        let secret = store.server_secret(CHALLENGE_SECRET).await?;
        let token_key = TokenKey::new(store.server_secret(TOKEN_SECRET).await?);
        let form_key = SecretKey(store.server_secret(FORM_SECRET).await?);
        Ok(Self {
            token_key,
            form_key,
            store,
            clock,
            passwords: Passwords::new(settings.passwords).map_err(Fault::Hash)?,
            challenges: Arc::new(LegacyChallenges::new(secret)),
            throttle: Throttle::new(settings.sign_ins, settings.exempt),
            failures: Failures::default(),
            ticket_ms: i64::from(settings.ticket_minutes) * 60_000,
            token_ms: i64::from(settings.token_hours) * 3_600_000,
            accept_bare_tickets: settings.accept_bare_tickets,
        })
    }

    /// Changes how often somebody may sign in, or try to, and where that does not matter.
    pub fn change_throttle(&self, rates: SignInRates, exempt: Vec<IpNet>) {
        self.throttle.change(rates, exempt);
    }

    /// Makes an account. Without a name it is called by its address, because clients need one.
    /// With `legacy` it can sign in from the oldest clients, for which a weaker secret is kept.
    pub async fn create(
        &self,
        address: Address,
        name: Option<Label>,
        password: SecretString,
        legacy: bool,
    ) -> Result<UserId, AccountError> {
        let secret = legacy.then(|| self.challenges.secret(&address, &password));
        let mut new = self.prepare(address, name, password).await?;
        new.legacy = secret;
        let created = self.store.create_account(new).await?;
        created.ok_or(AccountError::AddressTaken)
    }

    /// An account to be, without the oldest clients' way in: all of it that takes time.
    pub(super) async fn prepare(
        &self,
        address: Address,
        name: Option<Label>,
        password: SecretString,
    ) -> Result<NewAccount, AccountError> {
        check_new(&password)?;
        Ok(NewAccount {
            name: name.unwrap_or_else(|| name_of(&address)),
            address,
            password: self.passwords.hash(password).await?,
            legacy: None,
        })
    }

    /// Opens the oldest clients' way in with a password of its own, which is made here and told
    /// once; the main one stays apart from it from now on.
    pub async fn open_legacy(&self, address: &Address) -> Result<SecretString, AccountError> {
        let user = self.known(address).await?;
        let password = made::password();
        let secret = self.challenges.secret(address, &password);
        was_there(self.store.set_legacy(user, Some(secret)).await?)?;
        Ok(password)
    }

    /// Closes the oldest clients' way in.
    pub async fn close_legacy(&self, address: &Address) -> Result<(), AccountError> {
        let user = self.known(address).await?;
        was_there(self.store.set_legacy(user, None).await?)
    }

    /// Makes an account one that may run the server, or no longer.
    pub async fn set_admin(&self, address: &Address, is_admin: bool) -> Result<(), AccountError> {
        let user = self.known(address).await?;
        was_there(self.store.set_admin(user, is_admin).await?)
    }

    /// What the words in forms are derived with.
    pub(super) fn form_key(&self) -> [u8; 32] {
        self.form_key.0
    }

    /// Gives an account a new password, which voids its tickets.
    pub async fn set_password(
        &self,
        address: &Address,
        password: SecretString,
        legacy: LegacyChoice,
    ) -> Result<(), AccountError> {
        check_new(&password)?;
        let user = self.known(address).await?;
        let secret = || self.challenges.secret(address, &password);
        let change = match legacy {
            LegacyChoice::Keep => LegacyChange::Follow(secret()),
            LegacyChoice::Open => LegacyChange::Set(secret()),
            LegacyChoice::Close => LegacyChange::Remove,
        };
        let record = self.passwords.hash(password).await?;
        was_there(self.store.set_password(user, record, change).await?)
    }

    /// Forbids an account to sign in, or lets it again. A running server also signs it out.
    pub async fn set_disabled(
        &self,
        address: &Address,
        disabled: bool,
    ) -> Result<(), AccountError> {
        let user = self.known(address).await?;
        was_there(self.store.set_disabled(user, disabled).await?)
    }

    /// Deletes an account and takes it out of everybody's contacts.
    pub async fn delete(&self, address: &Address) -> Result<(), AccountError> {
        let user = self.known(address).await?;
        was_there(self.store.delete_account(user).await?)
    }

    /// The account with this address.
    pub async fn find(&self, address: &Address) -> Result<Option<Account>, Fault> {
        Ok(self.store.account(address).await?)
    }

    /// All accounts, by address.
    pub async fn list(&self) -> Result<Vec<Account>, Fault> {
        Ok(self.store.accounts().await?)
    }

    /// Signs in with a password. An unknown account, a disabled one and a wrong password cost
    /// the same; a text that is no address costs nothing, which it shows by itself.
    pub async fn verify_password(
        &self,
        typed: &str,
        password: SecretString,
        peer: IpAddr,
    ) -> Result<UserId, SignInError> {
        let address = self.admitted(typed, peer, SignInWay::Password)?;
        let credentials = self.store.credentials(&address).await?;
        let record = credentials.as_ref().map(|it| &it.password);
        let imported = credentials.as_ref().and_then(|it| it.imported.clone());
        let verdict = match &imported {
            Some(hash) => self.passwords.verify_imported(password.clone(), hash).await,
            None => self.passwords.verify(password.clone(), record).await,
        }?;
        let result = match (verdict, &credentials) {
            (Verdict::Right { is_outdated }, Some(credentials)) => {
                enabled(credentials).map(|user| (user, is_outdated))
            }
            (Verdict::Wrong, Some(_)) => Err(SignInError::WrongPassword),
            (_, None) => Err(SignInError::UnknownAccount),
        };
        let (user, is_outdated) = self.noted(&address, peer, SignInWay::Password, result)?;
        if let Some(hash) = imported {
            self.adopt(user, &address, password, hash).await?;
        } else if is_outdated && let Some(record) = record {
            self.rehash(user, password, record.clone()).await;
        }
        Ok(user)
    }

    /// What the oldest clients get to prove a password with. It is the same at every sign-in and
    /// looks the same whether or not there is such an account.
    pub async fn legacy_challenge(&self, typed: &str) -> Result<String, SignInError> {
        let address = Address::parse(typed).map_err(|_| SignInError::UnknownAccount)?;
        let credentials = self.store.credentials(&address).await?;
        let secret = credentials.as_ref().and_then(|it| it.legacy.as_ref());
        Ok(self.challenges.challenge(&address, secret))
    }

    /// Signs in with the answer to [`Accounts::legacy_challenge`].
    pub async fn verify_legacy(
        &self,
        typed: &str,
        answer: &str,
        peer: IpAddr,
    ) -> Result<UserId, SignInError> {
        let address = self.admitted(typed, peer, SignInWay::Challenge)?;
        let credentials = self.store.credentials(&address).await?;
        let secret = credentials.as_ref().and_then(|it| it.legacy.as_ref());
        let is_right = self.challenges.matches(secret, answer);
        let result = match &credentials {
            None => Err(SignInError::UnknownAccount),
            Some(credentials) if credentials.legacy.is_none() => Err(SignInError::LegacyClosed),
            Some(credentials) if is_right => enabled(credentials),
            Some(_) => Err(SignInError::WrongPassword),
        };
        self.noted(&address, peer, SignInWay::Challenge, result)
    }

    /// The sign-ins that failed lately, the newest first.
    pub(super) fn failed_sign_ins(&self) -> Vec<FailedSignIn> {
        self.failures.all()
    }

    /// The time by the server's clock, in epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    async fn known(&self, address: &Address) -> Result<UserId, AccountError> {
        let account = self.store.account(address).await?;
        account
            .map(|account| account.id)
            .ok_or(AccountError::UnknownAccount)
    }

    /// The address, if it is one and may be tried from there now.
    fn admitted(&self, typed: &str, peer: IpAddr, way: SignInWay) -> Result<Address, SignInError> {
        let now = self.clock.now_ms();
        let admitted = match Address::parse(typed) {
            Ok(address) if self.throttle.admits(&address, peer, now) => Ok(address),
            Ok(_) => Err(SignInError::Throttled),
            Err(_) => Err(SignInError::UnknownAccount),
        };
        admitted.inspect_err(|error| self.failures.note(now, typed, peer, way, error))
    }

    /// Tells the throttle how it went.
    fn noted<T>(
        &self,
        address: &Address,
        peer: IpAddr,
        way: SignInWay,
        result: Result<T, SignInError>,
    ) -> Result<T, SignInError> {
        let now = self.clock.now_ms();
        match &result {
            Ok(_) => self.throttle.succeeded(address, peer, now),
            Err(error) => {
                self.throttle.failed(address, peer, now);
                self.failures.note(now, address.as_str(), peer, way, error);
            }
        }
        result
    }

    /// Hashes the password of an account from another server as all others are. Unlike a hash that
    /// is only outdated, this is part of the sign-in: once it was good, the old hash is gone. Where
    /// somebody else was quicker, with the same password or a new one, theirs stays.
    async fn adopt(
        &self,
        user: UserId,
        address: &Address,
        password: SecretString,
        imported: ImportedHash,
    ) -> Result<(), SignInError> {
        let legacy = self.challenges.secret(address, &password);
        let record = self.passwords.hash(password).await?;
        self.store
            .replace_imported(user, imported, record, legacy)
            .await?;
        Ok(())
    }

    /// Hashes a right password with the parameters of today. The sign-in is good without it, so
    /// a failure is only logged.
    async fn rehash(&self, user: UserId, password: SecretString, verified: PasswordRecord) {
        let outcome = async {
            let record = self.passwords.hash(password).await?;
            // Hashing takes a while. A password that was changed meanwhile stays changed.
            self.store
                .replace_password_hash(user, verified, record)
                .await?;
            Ok::<(), SignInError>(())
        };
        if let Err(error) = outcome.await {
            tracing::warn!(%user, error = &error as &dyn std::error::Error, "password not rehashed");
        }
    }
}

fn enabled(credentials: &Credentials) -> Result<UserId, SignInError> {
    if credentials.disabled {
        Err(SignInError::Disabled)
    } else {
        Ok(credentials.user)
    }
}

fn was_there(was_there: bool) -> Result<(), AccountError> {
    was_there.then_some(()).ok_or(AccountError::UnknownAccount)
}

fn name_of(address: &Address) -> Label {
    Label::from_text(address.as_str(), Label::NAME_MAX)
        .expect("an address has at most 129 bytes, each three when escaped")
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use md5::{Digest as _, Md5};

    use super::super::legacy::hex;
    use super::*;
    use crate::store::ListLimits;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    pub(in crate::service) struct Fixture {
        pub(in crate::service) accounts: Accounts,
        pub(in crate::service) store: Store,
        pub(in crate::service) clock: Clock,
        _folder: tempfile::TempDir,
    }

    pub(super) fn settings() -> AccountSettings {
        let auth = Auth {
            argon2_memory_kib: 8,
            argon2_iterations: 1,
            ..Auth::default()
        };
        AccountSettings::new(&auth, &Limits::default())
    }

    pub(in crate::service) async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        let clock = Clock::set_to(1_700_000_000_000);
        let accounts = Accounts::open(store.clone(), clock.clone(), settings())
            .await
            .unwrap();
        Fixture {
            accounts,
            store,
            clock,
            _folder: folder,
        }
    }

    pub(super) fn alice() -> Address {
        Address::parse("alice@example.com").unwrap()
    }

    impl Fixture {
        pub(in crate::service) async fn with_alice(legacy: bool) -> (Self, UserId) {
            let fixture = fixture().await;
            let user = fixture
                .accounts
                .create(alice(), None, "correct horse".into(), legacy)
                .await
                .unwrap();
            (fixture, user)
        }

        async fn sign_in(&self, typed: &str, password: &str) -> Result<UserId, SignInError> {
            self.accounts
                .verify_password(typed, password.into(), HOME)
                .await
        }
    }

    #[tokio::test]
    async fn an_account_signs_in_with_its_password_in_any_case_of_its_address() {
        let (fixture, user) = Fixture::with_alice(false).await;
        assert_eq!(
            fixture
                .sign_in("Alice@Example.com", "correct horse")
                .await
                .unwrap(),
            user
        );
        let account = fixture.accounts.find(&alice()).await.unwrap().unwrap();
        assert_eq!(account.settings.name.to_text(), "alice@example.com");
        assert!(!account.has_legacy);
        assert_eq!(fixture.accounts.list().await.unwrap(), [account]);
    }

    #[tokio::test]
    async fn an_address_is_given_once_and_a_bad_password_never() {
        let (fixture, _) = Fixture::with_alice(false).await;
        let again = fixture
            .accounts
            .create(alice(), None, "another".into(), false)
            .await;
        assert!(matches!(again, Err(AccountError::AddressTaken)));
        let bob = Address::parse("bob@example.com").unwrap();
        let short = fixture
            .accounts
            .create(bob, None, "short".into(), false)
            .await;
        assert!(matches!(
            short,
            Err(AccountError::Password(PasswordRejected::TooShort))
        ));
        let short = fixture
            .accounts
            .set_password(&alice(), "short".into(), LegacyChoice::Keep)
            .await;
        assert!(matches!(short, Err(AccountError::Password(_))));
    }

    #[tokio::test]
    async fn every_refusal_has_its_reason_inside() {
        let (fixture, _) = Fixture::with_alice(false).await;
        let wrong = fixture.sign_in("alice@example.com", "wrong one").await;
        assert!(matches!(wrong, Err(SignInError::WrongPassword)));
        let unknown = fixture.sign_in("bob@example.com", "correct horse").await;
        assert!(matches!(unknown, Err(SignInError::UnknownAccount)));
        let malformed = fixture.sign_in("alice", "correct horse").await;
        assert!(matches!(malformed, Err(SignInError::UnknownAccount)));
        fixture.accounts.set_disabled(&alice(), true).await.unwrap();
        let disabled = fixture.sign_in("alice@example.com", "correct horse").await;
        assert!(matches!(disabled, Err(SignInError::Disabled)));
        fixture
            .accounts
            .set_disabled(&alice(), false)
            .await
            .unwrap();
        assert!(
            fixture
                .sign_in("alice@example.com", "correct horse")
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn what_is_done_to_an_unknown_account_says_so() {
        let fixture = fixture().await;
        let accounts = &fixture.accounts;
        for result in [
            accounts.set_disabled(&alice(), true).await,
            accounts.delete(&alice()).await,
            accounts
                .set_password(&alice(), "long enough".into(), LegacyChoice::Keep)
                .await,
        ] {
            assert!(matches!(result, Err(AccountError::UnknownAccount)));
        }
        assert!(accounts.find(&alice()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn guessing_is_stopped_for_known_and_unknown_accounts_alike() {
        for who in ["alice@example.com", "nobody@example.com"] {
            let (fixture, _) = Fixture::with_alice(false).await;
            for _ in 0..10 {
                let refused = fixture.sign_in(who, "wrong one").await.unwrap_err();
                assert!(!matches!(refused, SignInError::Throttled));
            }
            let refused = fixture.sign_in(who, "correct horse").await;
            assert!(matches!(refused, Err(SignInError::Throttled)));
            fixture.clock.advance(Duration::from_secs(60));
            let refused = fixture.sign_in(who, "wrong one").await.unwrap_err();
            assert!(!matches!(refused, SignInError::Throttled));
        }
    }

    #[tokio::test]
    async fn a_new_password_replaces_the_old_one_and_voids_tickets() {
        let (fixture, user) = Fixture::with_alice(false).await;
        let ticket = fixture.accounts.issue_ticket(user).await.unwrap().to_wire();
        fixture
            .accounts
            .set_password(&alice(), "battery staple".into(), LegacyChoice::Keep)
            .await
            .unwrap();
        let old = fixture.sign_in("alice@example.com", "correct horse").await;
        assert!(matches!(old, Err(SignInError::WrongPassword)));
        assert_eq!(
            fixture
                .sign_in("alice@example.com", "battery staple")
                .await
                .unwrap(),
            user
        );
        let void = fixture
            .accounts
            .redeem_ticket(&ticket, &alice(), HOME)
            .await;
        assert!(matches!(void, Err(SignInError::BadTicket)));
    }

    #[tokio::test]
    async fn a_sign_in_brings_an_old_hash_up_to_date() {
        let (fixture, user) = Fixture::with_alice(false).await;
        let before = fixture.store.credentials(&alice()).await.unwrap().unwrap();
        let mut dearer = settings();
        dearer.passwords.iterations = 2;
        let accounts = Accounts::open(fixture.store.clone(), fixture.clock.clone(), dearer)
            .await
            .unwrap();
        let signed_in = accounts
            .verify_password("alice@example.com", "correct horse".into(), HOME)
            .await;
        assert_eq!(signed_in.unwrap(), user);
        let after = fixture.store.credentials(&alice()).await.unwrap().unwrap();
        assert!(before.password.full.contains(",t=1,"));
        assert!(after.password.full.contains(",t=2,"));
        assert_eq!(
            fixture
                .sign_in("alice@example.com", "correct horse")
                .await
                .unwrap(),
            user
        );
    }

    async fn answer(fixture: &Fixture, password: &str) -> Result<UserId, SignInError> {
        let challenge = fixture
            .accounts
            .legacy_challenge("Alice@example.com")
            .await
            .unwrap();
        let answer = hex(&Md5::digest(format!("{challenge}{password}")));
        fixture
            .accounts
            .verify_legacy("Alice@example.com", &answer, HOME)
            .await
    }

    #[tokio::test]
    async fn the_legacy_way_in_is_open_only_where_asked_for() {
        let (fixture, user) = Fixture::with_alice(true).await;
        assert_eq!(answer(&fixture, "correct horse").await.unwrap(), user);
        let wrong = answer(&fixture, "wrong one").await;
        assert!(matches!(wrong, Err(SignInError::WrongPassword)));
        let address = alice();
        let set = async |legacy| {
            let changed = fixture
                .accounts
                .set_password(&address, "battery staple".into(), legacy);
            changed.await.unwrap();
        };
        set(LegacyChoice::Keep).await;
        assert_eq!(answer(&fixture, "battery staple").await.unwrap(), user);
        set(LegacyChoice::Close).await;
        set(LegacyChoice::Keep).await;
        let closed = answer(&fixture, "battery staple").await;
        assert!(matches!(closed, Err(SignInError::LegacyClosed)));
        set(LegacyChoice::Open).await;
        assert_eq!(answer(&fixture, "battery staple").await.unwrap(), user);
        fixture.accounts.set_disabled(&alice(), true).await.unwrap();
        let disabled = answer(&fixture, "battery staple").await;
        assert!(matches!(disabled, Err(SignInError::Disabled)));
    }

    #[tokio::test]
    async fn a_challenge_stays_the_same_whatever_becomes_of_the_account() {
        let fixture = fixture().await;
        let challenge = async || {
            fixture
                .accounts
                .legacy_challenge("alice@example.com")
                .await
                .unwrap()
        };
        let before = challenge().await;
        let create = fixture
            .accounts
            .create(alice(), None, "correct horse".into(), true);
        create.await.unwrap();
        assert_eq!(challenge().await, before);
        fixture.accounts.delete(&alice()).await.unwrap();
        assert_eq!(challenge().await, before);
        let malformed = fixture.accounts.legacy_challenge("alice").await;
        assert!(matches!(malformed, Err(SignInError::UnknownAccount)));
    }

    #[tokio::test]
    async fn a_ticket_is_good_in_every_form_for_its_account_until_it_expires() {
        let (fixture, user) = Fixture::with_alice(false).await;
        let bob = Address::parse("bob@example.com").unwrap();
        let create = fixture
            .accounts
            .create(bob.clone(), None, "correct horse".into(), false);
        create.await.unwrap();
        let ticket = fixture.accounts.issue_ticket(user).await.unwrap();
        let token = ticket.expose();
        let redeem = async |wire: &str, address: &Address| {
            fixture.accounts.redeem_ticket(wire, address, AWAY).await
        };
        for wire in [
            ticket.to_wire(),
            token.to_owned(),
            format!("t={token}"),
            format!("{token}&p=profile"),
        ] {
            assert_eq!(redeem(&wire, &alice()).await.unwrap().user, user);
        }
        for (wire, address) in [
            (ticket.to_wire(), &bob),
            (format!("t={token}x"), &alice()),
            (String::new(), &alice()),
        ] {
            let refused = redeem(&wire, address).await;
            assert!(matches!(refused, Err(SignInError::BadTicket)));
        }
        fixture.clock.advance(Duration::from_secs(10 * 60 - 1));
        assert!(redeem(token, &alice()).await.is_ok());
        fixture.clock.advance(Duration::from_secs(1));
        let expired = redeem(token, &alice()).await;
        assert!(matches!(expired, Err(SignInError::BadTicket)));
        assert_eq!(fixture.accounts.prune_tickets().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn bad_tickets_count_like_bad_passwords() {
        let (fixture, _) = Fixture::with_alice(false).await;
        for _ in 0..10 {
            let refused = fixture
                .accounts
                .redeem_ticket("t=guess", &alice(), HOME)
                .await;
            assert!(matches!(refused, Err(SignInError::BadTicket)));
        }
        let refused = fixture.sign_in("alice@example.com", "correct horse").await;
        assert!(matches!(refused, Err(SignInError::Throttled)));
    }

    #[tokio::test]
    async fn a_disabled_account_gets_and_uses_no_tickets() {
        let (fixture, user) = Fixture::with_alice(false).await;
        let ticket = fixture.accounts.issue_ticket(user).await.unwrap();
        fixture.accounts.set_disabled(&alice(), true).await.unwrap();
        let refused = fixture
            .accounts
            .redeem_ticket(ticket.expose(), &alice(), HOME)
            .await;
        assert!(matches!(refused, Err(SignInError::Disabled)));
        let refused = fixture.accounts.issue_ticket(user).await;
        assert!(matches!(refused, Err(SignInError::Disabled)));
    }
}
