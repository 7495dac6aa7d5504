//! Password hashes: argon2id on the blocking pool, a few at a time.
//!
//! Checking a password costs one hash whether the account exists or not, so that time tells
//! nothing. The work is bounded twice: so many run at once, so many more may wait, and the rest
//! is told that the server is busy. Plain passwords live in [`SecretString`] only, which neither
//! prints nor outlives its use in memory.

use std::fmt;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use argon2::{PasswordHash, PasswordHasher as _, PasswordVerifier as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tracing::Span;

use super::imported::Pbkdf2Hash;
use crate::store::{ImportedHash, PasswordRecord};

/// Fewest characters of a new password.
pub const MIN_CHARS: usize = 6;
/// Most characters of a new password.
pub const MAX_CHARS: usize = 128;
/// Where Passport, and clients after its example, cut a password (`docs/protocol/25 §6`).
const CUT_AT: usize = 16;
/// How many may wait for their turn.
const QUEUE: usize = 1024;

/// Hashes and checks passwords. Copies share the limit of simultaneous hashes.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    accept_first_16: bool,
    /// What a password for an unknown account is checked against; nothing matches it.
    nobody: Arc<str>,
    /// Those who run or wait.
    places: Arc<Semaphore>,
    /// Those who run.
    turns: Arc<Semaphore>,
}

/// The settings of [`Passwords`].
#[derive(Debug, Clone, Copy)]
pub struct PasswordSettings {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Simultaneous hashes; at least one.
    pub hash_threads: usize,
    /// Whether the first 16 characters of a longer password are accepted too.
    pub accept_first_16: bool,
}

/// What became of checking a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right {
        /// The stored hash was made with other parameters than are set now, and the whole
        /// password is at hand to hash it anew.
        is_outdated: bool,
    },
    /// It is not, or there is no such account.
    Wrong,
}

/// A password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// The stored hash cannot be read, or the settings cannot be used.
    #[error("the password hash is unusable")]
    Hash(#[from] argon2::password_hash::Error),
    /// The hash from another server cannot be read.
    #[error("the password hash from another server is unusable")]
    Imported,
    /// The hash did not finish, because the server stops or the code failed.
    #[error("the password check did not finish")]
    Unfinished,
}

/// The text cannot be a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRejected {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("the password is too short; use at least {MIN_CHARS} characters")]
    TooShort,
    /// More than [`MAX_CHARS`] characters.
    #[error("the password is too long; use at most {MAX_CHARS} characters")]
    TooLong,
    /// A tab or another sign that nobody can type into a client.
    #[error("the password has a tab or another control character; leave it out")]
    ControlCharacter,
}

/// Whether an account may get this password.
pub fn check_new(password: &SecretString) -> Result<(), PasswordRejected> {
    let text = password.expose_secret();
    match text.chars().count() {
        ..MIN_CHARS => Err(PasswordRejected::TooShort),
        MIN_CHARS..=MAX_CHARS if text.chars().any(char::is_control) => {
            Err(PasswordRejected::ControlCharacter)
        }
        MIN_CHARS..=MAX_CHARS => Ok(()),
        _ => Err(PasswordRejected::TooLong),
    }
}

impl Passwords {
    /// Fails if argon2 refuses the parameters.
    pub fn new(settings: PasswordSettings) -> Result<Self, PasswordError> {
        let PasswordSettings {
            memory_kib,
            iterations,
            hash_threads,
            accept_first_16,
        } = settings;
        let params = Params::new(memory_kib, iterations, 1, None)
            .map_err(argon2::password_hash::Error::from)?;
        // No password has a hash of zeros; argon2 takes as long to find that out as ever.
        let (salt, zeros) = ("A".repeat(22), "A".repeat(43));
        let nobody = format!("$argon2id$v=19$m={memory_kib},t={iterations},p=1${salt}${zeros}");
        let hash_threads = hash_threads.max(1);
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            accept_first_16,
            nobody: nobody.into(),
            places: Arc::new(Semaphore::new(hash_threads.saturating_add(QUEUE))),
            turns: Arc::new(Semaphore::new(hash_threads)),
        })
    }

    /// Hashes a new password: as a whole, and its first 16 characters if it has more, for
    /// clients that cut there.
    pub async fn hash(&self, password: SecretString) -> Result<PasswordRecord, PasswordError> {
        let argon2 = self.argon2.clone();
        self.run(move || {
            let text = password.expose_secret();
            let hash = |text: &str| -> Result<String, PasswordError> {
                let hash: PasswordHash = argon2.hash_password(text.as_bytes())?;
                Ok(hash.to_string())
            };
            Ok(PasswordRecord {
                full: hash(text)?,
                first16: first_16_of_more(text).map(hash).transpose()?,
            })
        })
        .await
    }

    /// Checks a password against an account's record, or for show where there is no account.
    ///
    /// It takes one hash in every case: a password of exactly 16 characters is compared with the
    /// hash of the first 16, if the account has one and that is accepted, and any other with the
    /// hash of the whole.
    pub async fn verify(
        &self,
        password: SecretString,
        record: Option<&PasswordRecord>,
    ) -> Result<Verdict, PasswordError> {
        let may_be_cut = self.accept_first_16 && password.expose_secret().chars().count() == CUT_AT;
        let first_16 = record
            .and_then(|record| record.first16.clone())
            .filter(|_| may_be_cut);
        let is_whole = first_16.is_none();
        let stored = first_16
            .or_else(|| record.map(|record| record.full.clone()))
            .unwrap_or_else(|| self.nobody.to_string());
        let argon2 = self.argon2.clone();
        self.run(move || {
            let stored = PasswordHash::new(&stored).map_err(argon2::password_hash::Error::from)?;
            match argon2.verify_password(password.expose_secret().as_bytes(), &stored) {
                Ok(()) => Ok(Verdict::Right {
                    is_outdated: is_whole && is_outdated(&stored, argon2.params()),
                }),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Checks a password against the hash that an account brought along from another server.
    ///
    /// It costs that hash on top of one of ours, so that it is never quicker than for an account
    /// that does not exist. A hash that cannot be read is a fault.
    pub async fn verify_imported(
        &self,
        password: SecretString,
        imported: &ImportedHash,
    ) -> Result<Verdict, PasswordError> {
        let stored = Pbkdf2Hash::parse(&imported.0).ok_or(PasswordError::Imported)?;
        let (argon2, nobody) = (self.argon2.clone(), Arc::clone(&self.nobody));
        self.run(move || {
            let nobody = PasswordHash::new(&nobody).map_err(argon2::password_hash::Error::from)?;
            // It is never right; only the time matters.
            let _ = argon2.verify_password(password.expose_secret().as_bytes(), &nobody);
            Ok(if stored.matches(&password) {
                Verdict::Right { is_outdated: false }
            } else {
                Verdict::Wrong
            })
        })
        .await
    }

    /// Waits for a turn and runs the work on the blocking pool, in the caller's span. A caller
    /// that goes away meanwhile does not free its turn early.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = self.take_place()?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Unfinished)?;
        let span = Span::current();
        tokio::task::spawn_blocking(move || {
            let result = span.in_scope(work);
            drop((turn, place));
            result
        })
        .await
        .map_err(|_| PasswordError::Unfinished)?
    }

    fn take_place(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|error| match error {
                TryAcquireError::NoPermits => PasswordError::Busy,
                TryAcquireError::Closed => PasswordError::Unfinished,
            })
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

/// Largest memory of a hash, in KiB, and most passes over it, that a file from outside may ask for.
const DEAREST: (u32, u32) = (1024 * 1024, 64);

/// Whether a hash from outside is one of ours, and costs no more than a server can afford.
pub fn is_affordable(stored: &str) -> bool {
    let params = PasswordHash::new(stored)
        .ok()
        .filter(|_| stored.starts_with("$argon2id$"))
        .and_then(|hash| Params::try_from(&hash).ok());
    params.is_some_and(|params| {
        params.m_cost() <= DEAREST.0 && params.t_cost() <= DEAREST.1 && params.p_cost() <= 16
    })
}

/// The first 16 characters of a text that has more.
fn first_16_of_more(text: &str) -> Option<&str> {
    text.char_indices()
        .nth(CUT_AT)
        .and_then(|(end, _)| text.get(..end))
}

fn is_outdated(stored: &PasswordHash, now: &Params) -> bool {
    Params::try_from(stored).map_or(true, |then| {
        (then.m_cost(), then.t_cost(), then.p_cost()) != (now.m_cost(), now.t_cost(), now.p_cost())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordSettings = PasswordSettings {
        memory_kib: 8,
        iterations: 1,
        hash_threads: 1,
        accept_first_16: true,
    };
    const RIGHT: Verdict = Verdict::Right { is_outdated: false };

    fn cheap() -> Passwords {
        Passwords::new(CHEAP).unwrap()
    }

    async fn verdict(passwords: &Passwords, text: &str, record: &PasswordRecord) -> Verdict {
        passwords.verify(text.into(), Some(record)).await.unwrap()
    }

    #[test]
    fn a_new_password_has_6_to_128_typeable_characters() {
        let check = |text: &str| check_new(&text.into());
        assert_eq!(check("12345"), Err(PasswordRejected::TooShort));
        assert_eq!(check("ääääää"), Ok(()));
        assert_eq!(check("with space"), Ok(()));
        assert_eq!(check("tab\ttab"), Err(PasswordRejected::ControlCharacter));
        assert_eq!(check(&"a".repeat(128)), Ok(()));
        assert_eq!(check(&"a".repeat(129)), Err(PasswordRejected::TooLong));
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = cheap();
        let record = passwords.hash("secret".into()).await.unwrap();
        assert_eq!(record.first16, None);
        assert_eq!(verdict(&passwords, "secret", &record).await, RIGHT);
        for wrong in ["Secret", "secre", "secret ", ""] {
            assert_eq!(verdict(&passwords, wrong, &record).await, Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn the_first_16_characters_of_a_longer_password_are_right_where_accepted() {
        let passwords = cheap();
        let strict = Passwords::new(PasswordSettings {
            accept_first_16: false,
            ..CHEAP
        })
        .unwrap();
        let whole = "pässword of many characters";
        let record = passwords.hash(whole.into()).await.unwrap();
        let (first_15, first_16, first_17) =
            ("pässword of man", "pässword of many", "pässword of many ");
        assert_eq!(verdict(&passwords, whole, &record).await, RIGHT);
        assert_eq!(verdict(&passwords, first_16, &record).await, RIGHT);
        assert_eq!(verdict(&strict, whole, &record).await, RIGHT);
        assert_eq!(verdict(&strict, first_16, &record).await, Verdict::Wrong);
        for wrong in [first_15, first_17] {
            assert_eq!(verdict(&passwords, wrong, &record).await, Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn a_password_of_16_characters_is_whole() {
        let passwords = cheap();
        let record = passwords.hash("0123456789abcdef".into()).await.unwrap();
        assert_eq!(record.first16, None);
        assert_eq!(
            verdict(&passwords, "0123456789abcdef", &record).await,
            RIGHT
        );
        assert_eq!(
            verdict(&passwords, "0123456789abcde", &record).await,
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn an_unknown_account_is_checked_against_a_readable_hash_of_the_same_cost() {
        let passwords = cheap();
        assert_eq!(
            passwords.verify("secret".into(), None).await.unwrap(),
            Verdict::Wrong
        );
        let nobody = PasswordHash::new(&passwords.nobody).unwrap();
        assert!(!is_outdated(&nobody, passwords.argon2.params()));
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_right_and_outdated() {
        let record = cheap()
            .hash("a password of 27 characters".into())
            .await
            .unwrap();
        let dearer = Passwords::new(PasswordSettings {
            iterations: 2,
            ..CHEAP
        })
        .unwrap();
        assert_eq!(
            verdict(&dearer, "a password of 27 characters", &record).await,
            Verdict::Right { is_outdated: true }
        );
        // What was cut cannot be hashed as a whole.
        assert_eq!(verdict(&dearer, "a password of 27", &record).await, RIGHT);
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_read_is_a_fault() {
        let record = PasswordRecord {
            full: "nonsense".to_owned(),
            first16: None,
        };
        let result = cheap().verify("secret".into(), Some(&record)).await;
        assert!(matches!(result, Err(PasswordError::Hash(_))));
    }

    #[tokio::test]
    async fn beyond_the_queue_the_server_is_busy() {
        let passwords = cheap();
        let all = u32::try_from(QUEUE + 1).unwrap();
        let taken = passwords.places.try_acquire_many(all).unwrap();
        let refused = passwords.verify("secret".into(), None).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        drop(taken);
        assert!(passwords.verify("secret".into(), None).await.is_ok());
    }

    #[test]
    fn a_hash_from_outside_must_be_affordable() {
        let hash = |kind: &str, memory: u32, passes: u32| {
            let (salt, zeros) = ("A".repeat(22), "A".repeat(43));
            format!("${kind}$v=19$m={memory},t={passes},p=1${salt}${zeros}")
        };
        assert!(is_affordable(&hash("argon2id", 19_456, 2)));
        for bad in [
            hash("argon2id", 4 * 1024 * 1024, 2),
            hash("argon2id", 19_456, 1_000),
            hash("argon2i", 19_456, 2),
            "nonsense".to_owned(),
            String::new(),
        ] {
            assert!(!is_affordable(&bad), "{bad}");
        }
    }

    #[test]
    fn nothing_secret_prints() {
        let printed = format!("{:?}", cheap());
        assert_eq!(printed, "Passwords { .. }");
    }
}
