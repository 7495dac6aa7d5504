//! Identifiers as types of their own, so that two of them can never be swapped.

use std::fmt;

/// An account, as the database numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

impl UserId {
    /// The account's number in the range of the historic service, which clients show in two
    /// halves or as 16 hexadecimal digits: any stable number will do.
    pub fn passport_id(self) -> u64 {
        const HIGH: u64 = 0x0003_0000 << 32;
        HIGH | self.0.cast_unsigned()
    }

    /// The account that would have this number; `None` if none ever has it.
    pub fn of_passport_id(number: u64) -> Option<Self> {
        let user = Self((number & u64::from(u32::MAX)).cast_signed());
        (user.0 > 0 && user.passport_id() == number).then_some(user)
    }
}

/// One signed-in connection of an account; unique within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A switchboard room. Clients read it as a signed 32-bit decimal (`docs/protocol/25 §18`),
/// so it is always between 1 and 2^31-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u32);

/// Which dialect a connection speaks, as a mark that only the `dialect` module reads.
/// It lets the hub carry a dialect from a notification session to its switchboards
/// without knowing what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DialectTag(pub u8);

/// A contact's or group's identity on the wire of the later clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(uuid::Uuid);

impl Guid {
    /// The identity of what has none of its own, such as a book's default group.
    pub const NIL: Self = Self(uuid::Uuid::nil());

    /// A new random identity.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }

    /// The identity with these bits, for one that has to come out the same again.
    pub fn from_bits(bits: u128) -> Self {
        Self(uuid::Uuid::from_u128(bits))
    }

    /// Reads the hyphenated form, with or without braces, in either case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(text);
        (bare.len() == 36)
            .then(|| uuid::Uuid::try_parse(bare).ok())
            .flatten()
            .map(Self)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let user = UserId(42);
        assert_eq!(UserId::of_passport_id(user.passport_id()), Some(user));
        for number in [0, 42, 3 << 32, (4 << 32) | 42, u64::MAX] {
            assert_eq!(UserId::of_passport_id(number), None, "{number:x}");
        }
    }

    #[test]
    fn a_guid_survives_its_text_form() {
        let guid = Guid::random();
        assert_eq!(Guid::parse(&guid.to_string()), Some(guid));
        assert_eq!(Guid::parse(&format!("{{{guid}}}")), Some(guid));
        assert_eq!(Guid::parse(&guid.to_string().to_uppercase()), Some(guid));
    }

    #[test]
    fn other_spellings_are_no_guid() {
        for text in ["", "1", "New%20Group", "9f00000000004000800000000000f100"] {
            assert_eq!(Guid::parse(text), None, "{text}");
        }
    }
}
