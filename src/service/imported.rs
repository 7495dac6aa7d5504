//! Password hashes that accounts bring along from another server.
//!
//! A hash cannot be turned into another kind without the password. So it is kept as it is and
//! checked against until its owner signs in for the first time; then the password is known and
//! hashed as all others are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Most rounds that are accepted: about a second of one core. Nobody else's file decides how long
/// the server works for each guess.
pub const MOST_ITERATIONS: u32 = 2_000_000;
/// Longest salt, in bytes.
const SALT_MAX: usize = 128;
/// Longest hash as text.
const TEXT_MAX: usize = 512;

/// `pbkdf2_sha256$ITERATIONS$SALT$BASE64`: PBKDF2 with HMAC-SHA-256 over the password, with the
/// salt's text and 32 bytes of result, as web frameworks in Python write it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pbkdf2Hash {
    iterations: u32,
    salt: String,
    digest: [u8; 32],
}

impl Pbkdf2Hash {
    /// Reads the text; `None` if it is none of these, or asks for too much.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let mut parts = text.split('$');
        let (kind, iterations, salt, digest) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if kind != "pbkdf2_sha256" || parts.next().is_some() || salt.len() > SALT_MAX {
            return None;
        }
        let iterations: u32 = iterations.parse().ok()?;
        (1..=MOST_ITERATIONS).contains(&iterations).then_some(())?;
        Some(Self {
            iterations,
            salt: salt.to_owned(),
            digest: BASE64.decode(digest).ok()?.try_into().ok()?,
        })
    }

    /// Whether it was made from this password.
    pub(super) fn matches(&self, password: &SecretString) -> bool {
        let mut computed = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(
            password.expose_secret().as_bytes(),
            self.salt.as_bytes(),
            self.iterations,
            &mut computed,
        );
        computed.ct_eq(&self.digest).into()
    }
}

impl std::fmt::Debug for Pbkdf2Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pbkdf2Hash")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector that others publish too: one round over "password" with "salt".
    const ONE: &str = "pbkdf2_sha256$1$salt$Eg+2z/z4syxD5yJSVsT4N6hlSMkszDVICAWYfLcL4Xs=";

    #[test]
    fn only_the_password_itself_is_right() {
        let hash = Pbkdf2Hash::parse(ONE).unwrap();
        // 120fb6cf...: the published result of one round.
        assert_eq!(hash.digest[..4], [0x12, 0x0f, 0xb6, 0xcf]);
        assert!(hash.matches(&"password".into()));
        assert!(!hash.matches(&"Password".into()));
        assert!(!hash.matches(&"".into()));
    }

    #[test]
    fn what_asks_for_too_much_or_is_none_is_not_read() {
        let digest = "A".repeat(43) + "=";
        for bad in [
            String::new(),
            "pbkdf2_sha256".to_owned(),
            format!("pbkdf2_sha1$1$salt${digest}"),
            format!("pbkdf2_sha256$0$salt${digest}"),
            format!("pbkdf2_sha256$-1$salt${digest}"),
            format!("pbkdf2_sha256$4294967295$salt${digest}"),
            format!("pbkdf2_sha256$2000001$salt${digest}"),
            format!("pbkdf2_sha256$1$salt${digest}$more"),
            format!("pbkdf2_sha256$1${}${digest}", "s".repeat(129)),
            "pbkdf2_sha256$1$salt$AAAA".to_owned(),
            "pbkdf2_sha256$1$salt$*".to_owned(),
            "x".repeat(100_000),
        ] {
            assert!(Pbkdf2Hash::parse(&bad).is_none(), "{bad:.40}");
        }
        assert!(Pbkdf2Hash::parse(&format!("pbkdf2_sha256$2000000$${digest}")).is_some());
    }
}
