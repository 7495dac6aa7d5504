//! The address book of the later clients: the same contacts as cards, groups and memberships, with
//! stamps that tell a client what is new to it (`docs/protocol/12`).

use std::sync::Arc;

use super::card::{Annotations, CardFields, CardPatch};
use super::{Address, Guid, Label, List, ListSet, UserId};

/// A moment in the history of all books: epoch milliseconds, except that no two changes share one
/// and none is earlier than the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp(pub i64);

/// What somebody is to the owner, other than a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Allow,
    Block,
    Reverse,
    Pending,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Allow, Self::Block, Self::Reverse, Self::Pending];

    /// Its number in the database and in a [`MembershipId`]. Never 0.
    pub const fn number(self) -> u8 {
        match self {
            Self::Allow => 1,
            Self::Block => 2,
            Self::Reverse => 3,
            Self::Pending => 4,
        }
    }

    /// The role of a number.
    pub fn numbered(number: i64) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| i64::from(role.number()) == number)
    }

    /// Whether somebody on these lists has the role. Nobody is allowed and blocked at once, and
    /// nobody is pending who was decided on (`docs/protocol/12 §3`).
    pub const fn fits(self, lists: ListSet) -> bool {
        match self {
            Self::Allow => lists.has(List::Allow) && !lists.has(List::Block),
            Self::Block => lists.has(List::Block),
            Self::Reverse => lists.has(List::Reverse),
            Self::Pending => lists.is_undecided(),
        }
    }
}

/// The number of one membership: of a person in a role. Clients keep it as an unsigned number of
/// 32 bits (`docs/protocol/12 §2`), so the highest account with one is 2^29 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MembershipId {
    /// Of an account.
    Account(UserId, Role),
    /// Of somebody without one, by the number of the row.
    Foreign(i64),
}

impl MembershipId {
    /// The number on the wire.
    pub const fn value(self) -> i64 {
        match self {
            Self::Account(user, role) => (user.0 << 3) | role.number() as i64,
            Self::Foreign(row) => row << 3,
        }
    }

    /// Reads what [`Self::value`] gave.
    pub fn from_value(value: i64) -> Option<Self> {
        let (number, role) = (value >> 3, value & 7);
        match role {
            _ if number <= 0 => None,
            0 => Some(Self::Foreign(number)),
            role => Some(Self::Account(UserId(number), Role::numbered(role)?)),
        }
    }
}

/// Who has a membership.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// An account of this server.
    Account(UserId, Address),
    /// Somebody elsewhere, by mail address.
    Email(Arc<str>),
    /// A telephone.
    Phone(Arc<str>),
}

/// A person in a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: MembershipId,
    pub role: Role,
    pub who: Who,
    /// The name of their account, or what the owner called them.
    pub name: Option<Label>,
    /// For somebody without account; of a pending one the invitation's text.
    pub annotations: Annotations,
    /// Epoch milliseconds.
    pub joined_at: i64,
    pub changed_at: Stamp,
}

/// A person who had a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerMember {
    pub id: MembershipId,
    pub role: Role,
    pub who: Who,
    pub changed_at: Stamp,
}

/// Who is what to the owner, or what about that is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memberships {
    pub owner: UserId,
    pub address: Address,
    /// Ask with this one for what is new next time.
    pub stamp: Stamp,
    /// When the account was made, in epoch milliseconds.
    pub created_at: i64,
    pub members: Vec<Member>,
    /// Empty in a full answer.
    pub removed: Vec<FormerMember>,
}

/// An account behind a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardAccount {
    pub user: UserId,
    pub address: Address,
    /// The name it goes by, which is not what the owner calls it.
    pub name: Label,
}

/// One entry of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub guid: Guid,
    /// `None` for somebody without account; then `address`, or a mail address in the fields.
    pub account: Option<CardAccount>,
    /// The address of somebody without account, as it was typed.
    pub address: Option<Arc<str>>,
    /// Whether they are on the forward list. Only somebody with an account is.
    pub messenger: bool,
    /// The name the owner keeps for somebody on the forward list; clients before MSNP13 show it.
    pub kept_name: Option<Label>,
    /// All lists they are on.
    pub lists: ListSet,
    pub groups: Vec<Guid>,
    pub fields: CardFields,
    /// Epoch milliseconds.
    pub created_at: i64,
    pub changed_at: Stamp,
}

impl Card {
    /// The name to show: the account's, or what is written on the card.
    pub fn display_name(&self) -> String {
        match &self.account {
            Some(account) => account.name.to_text(),
            None => self
                .fields
                .text(super::card::CardField::DisplayName)
                .to_owned(),
        }
    }
}

/// The owner's own card. Its annotations show the privacy settings too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCard {
    pub guid: Guid,
    pub name: Label,
    pub fields: CardFields,
    pub annotations: Annotations,
    pub changed_at: Stamp,
}

/// A group of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardGroup {
    pub guid: Guid,
    pub name: Label,
    pub is_favorite: bool,
    pub annotations: Annotations,
    pub changed_at: Stamp,
}

/// A card or group that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    pub guid: Guid,
    pub changed_at: Stamp,
}

/// An address book, or what is new in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardPage {
    pub owner: UserId,
    pub address: Address,
    /// Ask with this one for what is new next time.
    pub stamp: Stamp,
    /// When the account was made, in epoch milliseconds.
    pub created_at: i64,
    /// `None` if it is not new.
    pub me: Option<OwnCard>,
    pub cards: Vec<Card>,
    pub groups: Vec<CardGroup>,
    /// Empty in a full answer.
    pub removed_cards: Vec<Removed>,
    /// Empty in a full answer.
    pub removed_groups: Vec<Removed>,
}

/// The wish to put somebody into the book.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewCard {
    /// Their sign-in address. Without one, the first mail address in the fields says who it is.
    pub address: Option<String>,
    /// Whether they come onto the forward list, for which they need an account.
    pub messenger: bool,
    /// Whether they come onto the allow list too, unless they are blocked.
    pub allow: bool,
    pub fields: CardPatch,
    pub groups: Vec<Guid>,
    /// What the invited person reads when they decide.
    pub invitation: Option<String>,
}

/// Which card is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardRef {
    Me,
    Card(Guid),
}

/// The wish to change a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardChange {
    pub card: CardRef,
    /// Onto the forward list or off it; has no meaning for oneself.
    pub messenger: Option<bool>,
    /// A [`super::card::CardField::DisplayName`] in it renames the account on one's own card, and
    /// what the owner calls a contact on another.
    pub fields: CardPatch,
}

/// Somebody who is to come into a group: a card, or first of all a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupMember {
    Card(Guid),
    New(NewCard),
}

/// The wish to have a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewGroup {
    pub name: String,
    pub is_favorite: bool,
    pub annotations: Vec<(String, String)>,
}

/// The wish to change a group; what is `None` stays, annotations merge by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEdit {
    pub guid: Guid,
    pub name: Option<String>,
    pub is_favorite: Option<bool>,
    pub annotations: Vec<(String, String)>,
}

/// How a request names a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberRef {
    Id(MembershipId),
    /// The sign-in address of an account, as it was sent.
    Account(String),
    Email(String),
    Phone(String),
}

/// The annotation on a pending member that holds the invitation's text.
pub const INVITE_MESSAGE: &str = "MSN.IM.InviteMessage";
/// Longest text of an invitation, in bytes.
pub const INVITE_MAX: usize = 1024;
/// The annotation on one's own card that says how strangers are treated.
pub const PRIVACY: &str = "MSN.IM.BLP";
/// The annotation on one's own card that says what happens when somebody adds the owner.
pub const REVERSE_PROMPT: &str = "MSN.IM.GTC";
/// The annotation on one's own card that says whether several endpoints may be signed in.
pub const ENDPOINTS: &str = "MSN.IM.MPOP";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_membership_number_reads_back() {
        for role in Role::ALL {
            let id = MembershipId::Account(UserId(77), role);
            assert_eq!(MembershipId::from_value(id.value()), Some(id));
        }
        let id = MembershipId::Foreign(3);
        assert_eq!(MembershipId::from_value(id.value()), Some(id));
        for value in [-1, 0, 7, 77 * 8 + 5, i64::MIN] {
            assert_eq!(MembershipId::from_value(value), None, "{value}");
        }
        let highest = MembershipId::Account(UserId((1 << 29) - 1), Role::Pending);
        assert!(u32::try_from(highest.value()).is_ok());
    }

    #[test]
    fn a_block_hides_an_allowance_and_a_decision_ends_waiting() {
        let lists = |all: &[List]| all.iter().fold(ListSet::EMPTY, |set, &list| set.with(list));
        let both = lists(&[List::Allow, List::Block, List::Pending, List::Reverse]);
        let roles: Vec<_> = Role::ALL
            .into_iter()
            .filter(|role| role.fits(both))
            .collect();
        assert_eq!(roles, [Role::Block, Role::Reverse]);
        let waiting = lists(&[List::Pending, List::Reverse]);
        assert!(Role::Pending.fits(waiting));
    }
}
