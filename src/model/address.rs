//! Account addresses.
//!
//! An `Address` exists only in its folded form, so two of them are equal exactly when they name
//! the same account. This is the only place that folds case.

use std::fmt;
use std::sync::Arc;

/// The longest address clients handle, in bytes (`docs/protocol/24 §7`).
pub const MAX_LEN: usize = 129;

/// The address of an account, `name@domain.tld`, in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(Arc<str>);

/// The text is not an address that an account could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Longer than [`MAX_LEN`] bytes.
    #[error("an address has at most {MAX_LEN} characters")]
    TooLong,
    /// There is nothing behind the `@`, or no `@` at all.
    #[error("an address has the form name@example.com")]
    NoDomain,
    /// A part is empty or has a character that addresses do not have.
    #[error("an address has the form name@example.com, without spaces or other special signs")]
    Malformed,
}

impl Address {
    /// Reads an address in any case.
    ///
    /// The domain needs a dot: `a@b` is refused, as the historic service did
    /// (`docs/protocol/02 §6.1`), because official clients check for one.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_LEN {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(AddressError::NoDomain)?;
        if domain.is_empty() {
            return Err(AddressError::NoDomain);
        }
        let labels_are_sound = domain
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(is_domain_byte));
        if local.is_empty()
            || !local.bytes().all(is_local_byte)
            || !domain.contains('.')
            || !labels_are_sound
        {
            return Err(AddressError::Malformed);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

fn is_local_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_without_regard_to_case() {
        assert_eq!(
            Address::parse("Alice@Example.COM"),
            Address::parse("alice@example.com")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "a@b",
            "@@a",
            "a@",
            "@b.c",
            "a b@c.d",
            "a@b..c",
            "a@b.c@d.e",
            "a@b.c\r",
            "ä@b.c",
            "a",
            "",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(MAX_LEN));
        assert_eq!(Address::parse(&long), Err(AddressError::TooLong));
    }
}
