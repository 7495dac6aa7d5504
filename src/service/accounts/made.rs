//! Passwords that are made here.

use secrecy::SecretString;

use super::{AccountError, Accounts};
use crate::model::Address;
use crate::store::{LegacySecret, PasswordRecord};

/// Signs of such a password: none that looks like another.
const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";

/// How many of them, few enough to be typed on an old machine: 60 bits.
const LENGTH: usize = 12;

/// A password that was made for an account, with what is kept of it. Nothing of it prints.
#[derive(Debug)]
pub(in crate::service) struct MadePassword {
    pub(in crate::service) password: SecretString,
    pub(in crate::service) record: PasswordRecord,
    /// For an account whose oldest clients' secret goes with the password.
    pub(in crate::service) legacy: LegacySecret,
}

impl Accounts {
    /// Makes a password for an account. Fails if too many are being hashed.
    pub(in crate::service) async fn make_password(
        &self,
        address: &Address,
    ) -> Result<MadePassword, AccountError> {
        let password = password();
        Ok(MadePassword {
            legacy: self.challenges.secret(address, &password),
            record: self.passwords.hash(password.clone()).await?,
            password,
        })
    }
}

/// A password that nobody guesses.
pub(super) fn password() -> SecretString {
    let signs = rand::random_iter::<u8>()
        .filter_map(|byte| SIGNS.get(usize::from(byte % 32)))
        .map(|&sign| char::from(sign))
        .take(LENGTH);
    signs.collect::<String>().into()
}
