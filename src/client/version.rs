//! The versions of the protocol as a client names them.

use std::fmt;

/// One version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u8);

impl Version {
    /// The oldest one.
    pub const OLDEST: u8 = 2;
    /// The newest one that this client speaks.
    pub const NEWEST: u8 = 18;

    /// The version with this number; `None` if this client does not speak it.
    pub fn new(number: u8) -> Option<Self> {
        (Self::OLDEST..=Self::NEWEST)
            .contains(&number)
            .then_some(Self(number))
    }

    /// The first one that asks for its list with two moments (`docs/protocol/02 §3`).
    pub(super) const TWO_STAMPS: Self = Self(10);

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether it signs in with a digest of the password (`docs/protocol/01 §2`).
    pub fn signs_in_by_digest(self) -> bool {
        self.0 < 8
    }

    /// Whether its contacts come over the web instead of with `SYN` (`docs/protocol/10 §2`).
    pub fn has_book_on_the_web(self) -> bool {
        self.0 >= 13
    }

    /// Whether it signs in with a ticket and the proof of its key (`docs/protocol/10 §1.3`).
    pub fn proves_its_key(self) -> bool {
        self.0 >= 15
    }

    /// Whether it names the machine that it runs on (`docs/protocol/10 §1.3`).
    pub fn names_its_machine(self) -> bool {
        self.0 >= 16
    }

    /// What follows the status in `CHG`, as the official clients sent it.
    pub fn capabilities(self) -> &'static str {
        match self.0 {
            ..=7 => "",
            8 => " 4",
            9 => " 268435500",
            10 => " 805306412",
            11 => " 1073791084",
            12 => " 1342558252",
            13 | 14 => " 1611661348",
            15 => " 2147483684",
            _ => " 2789003324:48",
        }
    }

    /// The build that `CVR` announces.
    pub fn build(self) -> &'static str {
        match self.0 {
            ..=7 => "4.6.0073",
            8 => "5.0.0544",
            9 => "6.0.0602",
            10 => "6.2.0137",
            11 => "7.0.0777",
            12 => "7.5.0324",
            13 | 14 => "8.1.0178",
            15 => "8.5.1302",
            16 | 17 => "9.0.1407",
            _ => "14.0.8117.416",
        }
    }

    /// The product that answers challenges (`docs/protocol/02 §9`).
    pub(super) fn product(self) -> &'static str {
        match self.0 {
            ..=10 => "PROD0061VRRZH@4F",
            11..=14 => "PROD0090YUAUV{2B",
            15 => "PROD0114ES4Z%Q5W",
            _ => "PROD0120PW!CCV9@",
        }
    }

    /// Whether challenges are answered with the digest alone.
    pub(super) fn answers_by_digest(self) -> bool {
        self.0 < 11
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MSNP{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_exist_are_made() {
        assert_eq!(Version::new(1), None);
        assert_eq!(Version::new(19), None);
        let names: Vec<String> = [2, 18]
            .into_iter()
            .filter_map(Version::new)
            .map(|version| version.to_string())
            .collect();
        assert_eq!(names, ["MSNP2", "MSNP18"]);
    }
}
