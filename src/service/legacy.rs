//! The oldest sign-in: `MD5(challenge ‖ password)` (`docs/protocol/01 §2`).
//!
//! The server keeps that digest for one fixed challenge and sends the same challenge at every
//! sign-in, so what goes over the wire can be replayed: an account gets such a secret only when
//! somebody asks for it. The challenge is derived from the address and a secret of the server.
//! It therefore looks alike and stays alike for an account with such a secret, one without, and
//! one that does not exist.

use std::fmt::{self, Write as _};

use md5::Md5;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::model::Address;
use crate::store::LegacySecret;

/// What an answer is compared with where there is no secret; no digest looks like it.
const NO_DIGEST: &str = "--------------------------------";

/// Makes challenges and checks their answers.
#[derive(Clone)]
pub struct LegacyChallenges {
    server_secret: [u8; 32],
}

impl LegacyChallenges {
    /// The server's secret must stay the same across restarts.
    pub fn new(server_secret: [u8; 32]) -> Self {
        Self { server_secret }
    }

    /// What to keep for an account so that it can sign in this way.
    pub fn secret(&self, address: &Address, password: &SecretString) -> LegacySecret {
        let salt = self.salt(address);
        let digest = Md5::new()
            .chain_update(&salt)
            .chain_update(password.expose_secret())
            .finalize();
        LegacySecret {
            digest: hex(&digest),
            salt,
        }
    }

    /// The challenge for an address, whether or not there is such an account.
    pub fn challenge(&self, address: &Address, secret: Option<&LegacySecret>) -> String {
        let derived = self.salt(address);
        secret.map_or(derived, |secret| secret.salt.clone())
    }

    /// Whether the answer is right. It takes the same time where there is no secret.
    pub fn matches(&self, secret: Option<&LegacySecret>, answer: &str) -> bool {
        let expected = secret.map_or(NO_DIGEST, |secret| secret.digest.as_str());
        let answer = answer.to_ascii_lowercase();
        let is_equal: bool = expected.as_bytes().ct_eq(answer.as_bytes()).into();
        is_equal && secret.is_some()
    }

    /// Ten digits, a dot and more digits, the form the historic service used.
    fn salt(&self, address: &Address) -> String {
        let digest = Sha256::new()
            .chain_update(self.server_secret)
            .chain_update(b"legacy challenge")
            .chain_update(address.as_str())
            .finalize();
        let number = digest
            .iter()
            .take(16)
            .fold(0_u128, |number, &byte| (number << 8) | u128::from(byte));
        let seconds = 1_000_000_000 + number % 1_000_000_000;
        let random = (number >> 64) % 1_000_000_000;
        format!("{seconds}.{random}")
    }
}

impl fmt::Debug for LegacyChallenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyChallenges(***)")
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenges() -> LegacyChallenges {
        LegacyChallenges::new([7; 32])
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn the_documented_sample_is_right() {
        // docs/protocol/01 §2
        let digest = "b2ce2bc9e58f8ee57a5606c900cd68c3";
        let computed = Md5::digest("1100000000.12345secret");
        assert_eq!(hex(&computed), digest);
        let secret = LegacySecret {
            salt: "1100000000.12345".to_owned(),
            digest: digest.to_owned(),
        };
        assert!(challenges().matches(Some(&secret), digest));
        assert!(challenges().matches(Some(&secret), &digest.to_uppercase()));
        assert!(!challenges().matches(Some(&secret), "b2ce2bc9e58f8ee57a5606c900cd68c4"));
        assert!(!challenges().matches(Some(&secret), ""));
    }

    #[test]
    fn a_client_that_knows_the_password_answers_right() {
        let challenges = challenges();
        let alice = address("alice@example.com");
        let secret = challenges.secret(&alice, &"secret".into());
        let challenge = challenges.challenge(&alice, Some(&secret));
        let answer = hex(&Md5::digest(format!("{challenge}secret")));
        assert!(challenges.matches(Some(&secret), &answer));
        let guess = hex(&Md5::digest(format!("{challenge}Secret")));
        assert!(!challenges.matches(Some(&secret), &guess));
    }

    #[test]
    fn a_challenge_tells_nothing_about_the_account() {
        let challenges = challenges();
        let alice = address("alice@example.com");
        let secret = challenges.secret(&alice, &"secret".into());
        let with = challenges.challenge(&alice, Some(&secret));
        let without = challenges.challenge(&alice, None);
        assert_eq!(with, without);
        assert_ne!(
            with,
            challenges.challenge(&address("bob@example.com"), None)
        );
        assert_ne!(with, LegacyChallenges::new([8; 32]).challenge(&alice, None));
        let (seconds, random) = with.split_once('.').unwrap();
        assert_eq!(seconds.len(), 10);
        assert!(
            seconds
                .chars()
                .chain(random.chars())
                .all(|c| c.is_ascii_digit())
        );
    }

    #[test]
    fn no_answer_is_right_without_a_secret() {
        for answer in [NO_DIGEST, "", "b2ce2bc9e58f8ee57a5606c900cd68c3"] {
            assert!(!challenges().matches(None, answer));
        }
    }

    #[test]
    fn nothing_secret_prints() {
        assert_eq!(format!("{:?}", challenges()), "LegacyChallenges(***)");
    }
}
