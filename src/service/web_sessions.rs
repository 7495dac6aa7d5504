//! Browsers that sign in to the pages for people.
//!
//! A browser holds a random secret in a cookie; the store knows its digest. A form carries a word
//! derived from that secret, which no other site can know, so nobody can post in somebody's name.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::Fault;
use super::legacy::hex;
use crate::clock::Clock;
use crate::model::UserId;
use crate::store::{NewWebSession, Store, WebSession};

const HOUR_MS: i64 = 60 * 60 * 1000;
/// How long a browser stays signed in without being seen.
const IDLE_MS: i64 = 3 * 24 * HOUR_MS;
/// How long it stays signed in at most.
const LONGEST_MS: i64 = 30 * 24 * HOUR_MS;
/// How exactly the time is kept at which a browser was last seen: every page would be a write.
const SEEN_EVERY_MS: i64 = HOUR_MS / 6;
/// The longest browser name that is kept, in bytes.
const BROWSER_MAX: usize = 200;

/// Signing in and out with browsers.
#[derive(Clone)]
pub struct WebSessions {
    store: Store,
    clock: Clock,
    /// What the words in forms are derived with.
    key: [u8; 32],
}

impl fmt::Debug for WebSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebSessions(***)")
    }
}

impl WebSessions {
    /// The key must stay the same across restarts, or forms that are open meanwhile go bad.
    pub(super) fn new(store: Store, clock: Clock, key: [u8; 32]) -> Self {
        Self { store, clock, key }
    }

    /// Signs a browser in, after its owner's password was verified, with a secret that was never
    /// used before; `None` for an account that is gone or disabled.
    pub async fn begin(
        &self,
        user: UserId,
        browser: &str,
        peer: String,
    ) -> Result<Option<SecretString>, Fault> {
        let secret = random_word();
        let now = self.clock.now_ms();
        let new = NewWebSession {
            digest: digest(&secret),
            user,
            browser: shortened(browser),
            peer,
            created_at: now,
            expires_at: now.saturating_add(IDLE_MS),
        };
        let kept = self.store.keep_web_session(new).await?;
        Ok(kept.then(|| secret.into()))
    }

    /// Whose browser this is; `None` if it is not signed in, or not any more.
    pub async fn find(&self, secret: &str) -> Result<Option<WebSession>, Fault> {
        let now = self.clock.now_ms();
        let Some(session) = self.store.web_session(&digest(secret), now).await? else {
            return Ok(None);
        };
        if now.saturating_sub(session.seen_at) >= SEEN_EVERY_MS {
            let longest = session.created_at.saturating_add(LONGEST_MS);
            let expires_at = now.saturating_add(IDLE_MS).min(longest);
            let digest = session.digest.clone();
            let touched = self.store.touch_web_session(digest, now, expires_at);
            if let Err(error) = touched.await {
                // Pages can be read while nothing can be written.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "when a browser was seen cannot be kept");
            }
        }
        Ok(Some(session))
    }

    /// The browsers of an account, the one seen last first.
    pub async fn of(&self, user: UserId) -> Result<Vec<WebSession>, Fault> {
        let now = self.clock.now_ms();
        Ok(self.store.web_sessions_of(user, now).await?)
    }

    /// Signs one browser of an account out. Answers whether it was signed in.
    pub async fn end(&self, user: UserId, digest: String) -> Result<bool, Fault> {
        let ended = self.store.end_web_sessions(user, Some(digest), None);
        Ok(ended.await? > 0)
    }

    /// Signs all browsers of an account out, or all but one. Answers how many.
    pub async fn end_all(&self, user: UserId, except: Option<String>) -> Result<u64, Fault> {
        Ok(self.store.end_web_sessions(user, None, except).await?)
    }

    /// Forgets what has expired; answers how many. What would last for longer than any session
    /// may, because the clock was set back, lasts as long as one that was seen just now.
    pub async fn prune(&self) -> Result<u64, Fault> {
        let pruned = self.store.prune_web_sessions(self.clock.now_ms(), IDLE_MS);
        Ok(pruned.await?)
    }

    /// The word that a form carries which was made for whoever holds `secret` in a cookie.
    pub fn form_word(&self, secret: &str) -> String {
        hex(&self.mac(secret).finalize().into_bytes())
    }

    /// Whether a form with this word was made for whoever holds `secret`.
    pub fn is_form_of(&self, secret: &str, word: &str) -> bool {
        from_hex(word).is_some_and(|word| self.mac(secret).verify_slice(&word).is_ok())
    }

    fn mac(&self, secret: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key will do");
        mac.chain_update(secret)
    }
}

/// A secret that nobody guesses, of letters and digits.
pub fn random_word() -> String {
    hex(&rand::random::<[u8; 32]>())
}

fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// What of a browser's name is kept, without what could not be shown.
fn shortened(browser: &str) -> String {
    let end = browser.floor_char_boundary(BROWSER_MAX);
    let browser = browser.get(..end).unwrap_or_default();
    browser.chars().filter(|sign| !sign.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::super::accounts::tests::Fixture;
    use super::*;

    struct Browsers {
        fixture: Fixture,
        sessions: WebSessions,
        alice: UserId,
    }

    impl Browsers {
        async fn new() -> Self {
            let (fixture, alice) = Fixture::with_alice(false).await;
            let (store, clock) = (fixture.store.clone(), fixture.clock.clone());
            Self {
                sessions: WebSessions::new(store, clock, [7; 32]),
                alice,
                fixture,
            }
        }

        async fn begin(&self) -> String {
            let begun = self.sessions.begin(self.alice, "Browser", String::new());
            begun.await.unwrap().unwrap().expose_secret().to_owned()
        }

        async fn finds(&self, secret: &str) -> bool {
            self.sessions.find(secret).await.unwrap().is_some()
        }
    }

    #[tokio::test]
    async fn a_browser_is_signed_in_with_its_secret_and_nothing_else() {
        let browsers = Browsers::new().await;
        let secret = browsers.begin().await;
        assert_eq!(secret.len(), 64);
        let session = browsers.sessions.find(&secret).await.unwrap().unwrap();
        assert_eq!(session.user, browsers.alice);
        for wrong in ["", "0", &session.digest, &secret.to_uppercase()] {
            assert!(!browsers.finds(wrong).await, "{wrong}");
        }
        assert_ne!(browsers.begin().await, secret);
        let ended = browsers.sessions.end(browsers.alice, session.digest).await;
        assert!(ended.unwrap());
        assert!(!browsers.finds(&secret).await);
    }

    #[tokio::test]
    async fn a_browser_that_is_seen_stays_but_not_for_ever() {
        let browsers = Browsers::new().await;
        let (idle, busy) = (browsers.begin().await, browsers.begin().await);
        let day = Duration::from_secs(24 * 60 * 60);
        let mut days = 0;
        loop {
            browsers.fixture.clock.advance(day);
            if !browsers.finds(&busy).await {
                break;
            }
            days += 1;
            if days == 4 {
                assert!(!browsers.finds(&idle).await);
            }
        }
        assert_eq!(days, 29);
    }

    #[tokio::test]
    async fn a_form_is_good_only_for_the_browser_it_was_made_for() {
        let browsers = Browsers::new().await;
        let sessions = &browsers.sessions;
        let word = sessions.form_word("secret");
        assert!(sessions.is_form_of("secret", &word));
        for (secret, word) in [("other", word.as_str()), ("secret", ""), ("secret", "zz")] {
            assert!(!sessions.is_form_of(secret, word), "{secret} {word}");
        }
        assert!(!sessions.is_form_of("secret", &word[..32]));
    }

    #[test]
    fn a_browser_name_is_kept_short_and_printable() {
        assert_eq!(shortened("a\nb"), "ab");
        assert_eq!(shortened(&"é".repeat(200)).len(), 200);
    }
}
