//! The one home of protocol version differences.
//!
//! A [`Dialect`] is chosen when a client says which versions it knows and never changes on that
//! connection. It answers *style queries*, named after behaviour, from one row of
//! `table`; the renderers beside it turn domain values into frames for that client. There
//! is no ordering on dialects and no "version at least" outside this folder: code asks what a
//! client can do, not how old it is.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod announcements;
pub mod blocks;
pub mod challenge;
pub mod circles;
pub mod errors;
pub mod family;
pub mod login;
pub mod mail;
pub mod membership;
pub mod notices;
pub mod presence;
pub mod roster;
pub mod settings;
pub mod status;
pub mod switchboard;
mod table;
pub mod user_data;
pub mod verbs;

pub use table::{
    CallStyle, CapabilityStyle, ChallengeStyle, DirectoryStyle, GroupStyle, IdentityStyle,
    InitialPresenceStyle, ListChangeStyle, MailStyle, MessageStyle, NameStyle, PagingStyle,
    PendingStyle, PhoneStyle, ProfileStyle, RedirectStyle, RosterStyle, SignInMethod,
    SignInReplyStyle, UnknownAccountStyle, UnsetPictureStyle, VersionAnswerStyle, VersionStyle,
    WebFormStyle,
};

use table::Row;

use crate::model::DialectTag;

/// The protocol version one client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dialect(&'static Row);

/// What came of a client's offer of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Negotiation {
    /// The dialect in force, and the names to answer with, best first.
    Agreed {
        dialect: Dialect,
        answer: Vec<String>,
    },
    /// Nothing in common but the little protocol that offers an upgrade.
    UpgradeOnly,
    /// Nothing in common at all.
    Nothing,
}

/// The little protocol that clients offer beside the real ones (`docs/protocol/00 §3`).
const UPGRADE_PROTOCOL: &str = "CVR0";

impl Dialect {
    /// Chooses the best version that client and server share.
    ///
    /// Up to MSNP14 the answer lists everything shared, best first, and `CVR0` where it was
    /// offered: those clients look for different things in it (`docs/protocol/25 §1`).
    pub fn negotiate<'a>(offered: impl Iterator<Item = &'a str>) -> Negotiation {
        let mut shared: Vec<&'static Row> = Vec::new();
        let mut upgrade = false;
        for name in offered {
            if name.eq_ignore_ascii_case(UPGRADE_PROTOCOL) {
                upgrade = true;
            } else if let Some(row) = table::row_named(name)
                && !shared.contains(&row)
            {
                shared.push(row);
            }
        }
        shared.sort_by_key(|row| std::cmp::Reverse(row.number));
        match shared.first() {
            Some(&best) => Negotiation::Agreed {
                dialect: Self(best),
                answer: match Self(best).version_answer_style() {
                    VersionAnswerStyle::AllShared => shared
                        .iter()
                        .map(|row| row.name())
                        .chain(upgrade.then(|| UPGRADE_PROTOCOL.to_owned()))
                        .collect(),
                    VersionAnswerStyle::Chosen => vec![best.name()],
                },
            },
            None if upgrade => Negotiation::UpgradeOnly,
            None => Negotiation::Nothing,
        }
    }

    /// The version's name, such as `MSNP8`.
    pub fn name(self) -> String {
        self.0.name()
    }

    /// A mark that carries the dialect through modules that do not know dialects.
    pub fn tag(self) -> DialectTag {
        DialectTag(self.0.number)
    }

    /// The dialect behind a mark; `None` for a mark that no dialect made.
    pub fn from_tag(tag: DialectTag) -> Option<Self> {
        table::row_numbered(tag.0).map(Self)
    }

    /// Every dialect the server speaks, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        table::ROWS.iter().map(Self)
    }
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Dialects by number, for tests of renderers.
    use super::*;

    pub(crate) fn dialect(number: u8) -> Dialect {
        Dialect::from_tag(DialectTag(number)).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::dialect;
    use super::*;

    fn negotiate(offer: &str) -> Negotiation {
        Dialect::negotiate(offer.split(' '))
    }

    #[test]
    fn the_best_shared_version_is_in_force_and_all_are_listed() {
        let Negotiation::Agreed {
            dialect: chosen,
            answer,
        } = negotiate("MSNP4 msnp7 MSNP99 CVR0 MSNP5")
        else {
            panic!("nothing agreed");
        };
        assert_eq!(chosen, dialect(7));
        assert_eq!(answer, ["MSNP7", "MSNP5", "MSNP4", "CVR0"]);
    }

    #[test]
    fn the_newer_clients_hear_of_the_chosen_version_alone() {
        let answer = |offer| {
            let Negotiation::Agreed { answer, .. } = negotiate(offer) else {
                panic!("nothing agreed");
            };
            answer.join(" ")
        };
        assert_eq!(answer("MSNP14 MSNP13 CVR0"), "MSNP14 MSNP13 CVR0");
        assert_eq!(answer("MSNP15 MSNP14 MSNP13 CVR0"), "MSNP15");
        assert_eq!(answer("MSNP18 MSNP17 CVR0"), "MSNP18");
        assert_eq!(answer("MSNP17 CVR0"), "MSNP17");
        let newest = "MSNP21 MSNP20 MSNP19 MSNP18 MSNP17 CVR0";
        assert_eq!(answer(newest), "MSNP18");
    }

    #[test]
    fn without_anything_shared_there_is_an_upgrade_at_best() {
        assert_eq!(negotiate("MSNP1 CVR0"), Negotiation::UpgradeOnly);
        assert_eq!(negotiate("MSNP99 CVR9"), Negotiation::Nothing);
        assert_eq!(negotiate("MSNP MSNP08 MSNP-8 8"), Negotiation::Nothing);
    }

    #[test]
    fn a_mark_leads_back_to_its_dialect() {
        for dialect in Dialect::all() {
            assert_eq!(Dialect::from_tag(dialect.tag()), Some(dialect));
        }
        assert_eq!(Dialect::from_tag(DialectTag(1)), None);
    }
}
