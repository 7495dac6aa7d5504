//! Contact lists, groups, privacy, and the rule who may see whom.
//!
//! `ContactBook` is everything a client downloads; `Standing` is the small part of it that the
//! hub keeps for everybody who is signed in. Both carry the revision of the book, which grows
//! with every change and never goes back.

use std::collections::HashMap;

use super::{Address, Guid, Label, UserId};

/// One of the five lists (`docs/protocol/02 §2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// Contacts whose presence the owner wants.
    Forward,
    /// May see and call the owner.
    Allow,
    /// May not.
    Block,
    /// Has the owner on their forward list. Kept by the server.
    Reverse,
    /// Has the owner on their forward list and the owner has not decided yet. Always together
    /// with `Reverse`, which stays when the decision falls.
    Pending,
}

impl List {
    /// The list's bit in a [`ListSet`].
    pub const fn bit(self) -> u8 {
        match self {
            Self::Forward => 1,
            Self::Allow => 2,
            Self::Block => 4,
            Self::Reverse => 8,
            Self::Pending => 16,
        }
    }
}

/// The lists one contact is on, as the bits that the protocol and the database use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ListSet(u8);

impl ListSet {
    /// On no list.
    pub const EMPTY: Self = Self(0);

    /// Takes the five known bits of `bits`.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 31)
    }

    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn has(self, list: List) -> bool {
        self.0 & list.bit() != 0
    }

    #[must_use]
    pub const fn with(self, list: List) -> Self {
        Self(self.0 | list.bit())
    }

    #[must_use]
    pub const fn without(self, list: List) -> Self {
        Self(self.0 & !list.bit())
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the owner has yet to decide about this contact. A decision is an entry on the
    /// allow or block list, even where the client forgets to clear the pending list
    /// (`docs/protocol/02 §6.4`).
    pub const fn is_undecided(self) -> bool {
        self.has(List::Pending) && !self.has(List::Allow) && !self.has(List::Block)
    }
}

/// How accounts on neither the allow nor the block list are treated (`BLP`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Privacy {
    #[default]
    AllowOthers,
    BlockOthers,
}

/// What the client does about people who add its owner (`GTC`). The server only keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReversePrompt {
    #[default]
    Ask,
    AllowSilently,
}

/// A property of the kind phone number or paging wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phone {
    Home,
    Work,
    Mobile,
    /// Whether others may page the owner; the value is `Y` or `N`.
    MayPage,
}

/// An account's phone numbers. Unset is `None`, never an empty label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phones {
    pub home: Option<Label>,
    pub work: Option<Label>,
    pub mobile: Option<Label>,
    pub may_page: bool,
}

impl Phones {
    /// Whether there is nothing that a contact could be shown.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an account has set for itself, apart from its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub name: Label,
    pub privacy: Privacy,
    pub reverse_prompt: ReversePrompt,
    pub phones: Phones,
    /// The personal message's text as it was last set.
    pub message: std::sync::Arc<str>,
}

/// Number of a group as the older clients know it, 0 to 29; 0 is the default group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupNumber(pub u8);

impl GroupNumber {
    /// Where contacts are that are in no other group.
    pub const DEFAULT: Self = Self(0);
    /// The highest number: a book has thirty groups including the default one.
    pub const MAX: Self = Self(29);
}

/// How a request names a group: by the old clients' number, or the new ones' identity; some
/// builds send a name instead (`docs/protocol/02 §6.5`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRef {
    Number(GroupNumber),
    Guid(Guid),
    Name(Label),
}

/// How a request names a contact: by address, or by the identity that the later clients know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactRef {
    Address(Address),
    Guid(Guid),
}

/// A group of the owner's forward list. The default group is not one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub number: GroupNumber,
    pub guid: Guid,
    pub name: Label,
}

/// Another account in somebody's book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub user: UserId,
    pub address: Address,
    pub guid: Guid,
    /// The name the owner keeps for them.
    pub name: Label,
    pub lists: ListSet,
    /// Groups in ascending order; empty where the contact is in none, and always empty for
    /// contacts that are not on the forward list.
    pub groups: Vec<GroupNumber>,
    /// Their phone numbers as far as the owner may see them.
    pub phones: Phones,
}

/// When lists and settings last changed, in epoch milliseconds. Each change moves its stamp
/// strictly forward, even if the clock does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    pub lists: i64,
    pub settings: i64,
}

/// Everything a client downloads when it signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactBook {
    pub revision: u64,
    pub stamps: Stamps,
    pub settings: Settings,
    /// The default group's name, which older clients show and may change.
    pub default_group_name: Label,
    /// By number.
    pub groups: Vec<Group>,
    /// In the order in which they were first added.
    pub contacts: Vec<Contact>,
}

/// The part of a book that decides about presence: who is on which list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub revision: u64,
    pub privacy: Privacy,
    pub lists: HashMap<UserId, ListSet>,
}

impl Standing {
    /// The lists `other` is on.
    pub fn lists_of(&self, other: UserId) -> ListSet {
        self.lists.get(&other).copied().unwrap_or_default()
    }

    /// Whether the owner lets `other` see and call them (`docs/protocol/02 §8`).
    pub fn lets_see(&self, other: UserId) -> bool {
        let lists = self.lists_of(other);
        if lists.has(List::Block) {
            return false;
        }
        lists.has(List::Allow) || self.privacy == Privacy::AllowOthers
    }

    /// The accounts whose presence the owner wants.
    pub fn followed(&self) -> impl Iterator<Item = UserId> + '_ {
        self.lists
            .iter()
            .filter(|(_, lists)| lists.has(List::Forward))
            .map(|(&user, _)| user)
    }
}

/// One committed change of somebody's standing, as the store reports it and the hub applies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingEdit {
    pub owner: UserId,
    /// The book's revision with this change in it.
    pub revision: u64,
    pub change: StandingChange,
}

/// What an edit changes besides the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingChange {
    /// Nothing that decides about presence: a name, a group, a phone number.
    Nothing,
    /// The lists this account is on from now on; empty means that it left the book.
    Lists(UserId, ListSet),
    /// The treatment of accounts on neither list.
    Privacy(Privacy),
}

impl Standing {
    /// Brings the standing up to date.
    ///
    /// An edit that is older than the standing is left out: it is in there already.
    pub fn apply(&mut self, edit: &StandingEdit) {
        if edit.revision <= self.revision {
            return;
        }
        self.revision = edit.revision;
        match edit.change {
            StandingChange::Nothing => {}
            StandingChange::Lists(user, lists) if lists.is_empty() => {
                self.lists.remove(&user);
            }
            StandingChange::Lists(user, lists) => {
                self.lists.insert(user, lists);
            }
            StandingChange::Privacy(privacy) => self.privacy = privacy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(privacy: Privacy, lists: ListSet) -> Standing {
        Standing {
            revision: 1,
            privacy,
            lists: HashMap::from([(UserId(2), lists)]),
        }
    }

    #[test]
    fn the_visibility_table_of_the_reference_holds() {
        let (allow, block) = (
            ListSet::EMPTY.with(List::Allow),
            ListSet::EMPTY.with(List::Block),
        );
        let both = allow.with(List::Block);
        for (lists, privacy, visible) in [
            (block, Privacy::AllowOthers, false),
            (both, Privacy::AllowOthers, false),
            (both, Privacy::BlockOthers, false),
            (allow, Privacy::AllowOthers, true),
            (allow, Privacy::BlockOthers, true),
            (ListSet::EMPTY, Privacy::AllowOthers, true),
            (ListSet::EMPTY, Privacy::BlockOthers, false),
        ] {
            let standing = standing(privacy, lists);
            assert_eq!(
                standing.lets_see(UserId(2)),
                visible,
                "{lists:?} {privacy:?}"
            );
        }
    }

    #[test]
    fn a_stranger_is_treated_as_the_default_says() {
        assert!(standing(Privacy::AllowOthers, ListSet::EMPTY).lets_see(UserId(99)));
        assert!(!standing(Privacy::BlockOthers, ListSet::EMPTY).lets_see(UserId(99)));
    }

    #[test]
    fn an_edit_that_is_in_there_already_changes_nothing() {
        let mut standing = standing(Privacy::AllowOthers, ListSet::EMPTY.with(List::Allow));
        let edit = |revision, change| StandingEdit {
            owner: UserId(1),
            revision,
            change,
        };
        standing.apply(&edit(1, StandingChange::Privacy(Privacy::BlockOthers)));
        assert_eq!(standing.privacy, Privacy::AllowOthers);
        standing.apply(&edit(2, StandingChange::Lists(UserId(2), ListSet::EMPTY)));
        assert!(standing.lists.is_empty());
        assert_eq!(standing.revision, 2);
    }

    #[test]
    fn allowing_or_blocking_is_a_decision() {
        let pending = ListSet::EMPTY.with(List::Reverse).with(List::Pending);
        assert!(pending.is_undecided());
        assert!(!pending.with(List::Allow).is_undecided());
        assert!(!pending.with(List::Block).is_undecided());
    }
}
