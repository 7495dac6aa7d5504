//! Circles: lasting groups of people, with a roster that is live and a book that is kept
//! (`docs/protocol/10 §10`, `docs/protocol/12 §6`).
//!
//! Whether somebody takes part is a small state machine, [`CircleState::after`]; what they may do
//! is their [`CircleRole`]. Both are decided here and nowhere else.

use std::fmt;
use std::sync::Arc;

use super::{Address, Guid, Label, Refusal, UserId};

/// A circle's number: 48 random bits, which clients know as the end of a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CircleId(u64);

/// What every circle's GUID begins with.
const PREFIX: &str = "00000000-0000-0000-0009-";
/// The bits of a circle's number.
const NUMBER: u64 = 0xFFFF_FFFF_FFFF;

impl CircleId {
    /// A new random number.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().as_u64_pair().1 & NUMBER)
    }

    /// The circle with this number; `None` if it has more than 48 bits.
    pub fn from_number(number: u64) -> Option<Self> {
        (number <= NUMBER).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Reads the GUID of a circle in either case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_number = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number
            .then(|| u64::from_str_radix(digits, 16).ok())
            .flatten()
            .map(Self)
    }

    /// The same as an identity.
    pub fn guid(self) -> Guid {
        Guid::from_bits(u128::from(self.passport_id()))
    }

    /// The number that stands where people have their account's: out of another range than
    /// theirs (see [`UserId::passport_id`]), and the same for everybody.
    pub fn passport_id(self) -> u64 {
        0x0009 << 48 | self.0
    }
}

impl fmt::Display for CircleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:012x}", self.0)
    }
}

/// A circle by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    pub id: CircleId,
    pub name: Label,
    /// Who made it, or the administrator who took it over from them.
    pub owner: UserId,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// A stamp of the books' clock, which moves with every change of the circle or of anybody in
    /// it.
    pub changed_at: i64,
}

/// What somebody may do in a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CircleRole {
    Admin,
    AssistantAdmin,
    Member,
}

impl CircleRole {
    /// Whether they may bring others in.
    pub fn may_invite(self) -> bool {
        match self {
            Self::Admin | Self::AssistantAdmin => true,
            Self::Member => false,
        }
    }

    /// Whether they may rename the circle, send others away and give out roles.
    pub fn may_manage(self) -> bool {
        match self {
            Self::Admin => true,
            Self::AssistantAdmin | Self::Member => false,
        }
    }
}

/// Where somebody stands with a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CircleState {
    /// In the circle's book, and not invited yet: clients first name somebody, then invite them.
    Named,
    /// Invited.
    WaitingResponse,
    /// In the circle.
    Accepted,
    /// Was in the circle or was invited, and is out of it.
    Left,
    /// Has declined.
    Rejected,
}

/// What can happen to somebody's place in a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CircleStep {
    Name,
    Invite,
    Accept,
    Decline,
    /// Leaving, being sent away, and having the invitation taken back.
    End,
}

impl CircleState {
    /// What becomes of somebody's place, `before` being `None` for a stranger. What has happened
    /// already may happen again: clients repeat themselves.
    ///
    /// Refused: `AlreadyThere` for inviting who is in; `NotExpected` for declining what was
    /// accepted; `NotInCircle` where there is no invitation or no place.
    pub fn after(before: Option<Self>, step: CircleStep) -> Result<Self, Refusal> {
        use CircleState::{Accepted, Left, Named, Rejected, WaitingResponse};
        match (step, before) {
            (CircleStep::Name, None | Some(Left | Rejected)) => Ok(Named),
            (CircleStep::Name, Some(same @ (Named | WaitingResponse | Accepted))) => Ok(same),
            (CircleStep::Invite, Some(Accepted)) => Err(Refusal::AlreadyThere),
            (CircleStep::Invite, None | Some(Named | WaitingResponse | Left | Rejected)) => {
                Ok(WaitingResponse)
            }
            (CircleStep::Accept, Some(WaitingResponse | Accepted)) => Ok(Accepted),
            (CircleStep::Decline, Some(WaitingResponse | Rejected)) => Ok(Rejected),
            (CircleStep::Decline, Some(Accepted)) => Err(Refusal::NotExpected),
            (CircleStep::Accept, None | Some(Named | Left | Rejected))
            | (CircleStep::Decline, None | Some(Named | Left))
            | (CircleStep::End, None) => Err(Refusal::NotInCircle),
            (CircleStep::End, Some(Named | WaitingResponse | Accepted | Left)) => Ok(Left),
            (CircleStep::End, Some(Rejected)) => Ok(Rejected),
        }
    }

    /// Whether somebody takes up room: a circle is full of these, and the others are past.
    pub fn is_open(self) -> bool {
        match self {
            Self::Named | Self::WaitingResponse | Self::Accepted => true,
            Self::Left | Self::Rejected => false,
        }
    }
}

/// Who invited somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleInviter {
    pub user: UserId,
    pub address: Address,
    pub name: Label,
}

/// Somebody's place in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleMember {
    pub user: UserId,
    pub address: Address,
    /// The account's display name.
    pub name: Label,
    /// The one they have, or will have once they accept.
    pub role: CircleRole,
    pub state: CircleState,
    /// Whether they have been told. An invitation by somebody whom they do not let call them is
    /// kept, as the inviter sees it, and never shown to them.
    pub is_told: bool,
    /// Whether they have blocked the circle: it is there, and silent.
    pub is_blocked: bool,
    /// What the circle is in their book.
    pub book_contact: Guid,
    /// What they are in the circle's book.
    pub circle_contact: Guid,
    /// Missing for whoever made the circle, and once the inviter's account is gone.
    pub inviter: Option<CircleInviter>,
    /// What the inviter wrote; empty for nothing.
    pub message: Arc<str>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// When the state became what it is.
    pub state_at: i64,
    /// The stamp of the last change that they see.
    pub book_changed_at: i64,
    /// The stamp of the last change that the others see.
    pub circle_changed_at: i64,
}

impl CircleMember {
    /// Whether the circle is in this person's book.
    pub fn is_in_book(&self) -> bool {
        match self.state {
            CircleState::Accepted => true,
            CircleState::WaitingResponse => self.is_told,
            CircleState::Named | CircleState::Left | CircleState::Rejected => false,
        }
    }

    /// Whether the circle speaks to this person.
    pub fn is_present(&self) -> bool {
        self.state == CircleState::Accepted && !self.is_blocked
    }
}

/// A circle as it stands in one person's book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleMembership {
    pub circle: Circle,
    pub member: CircleMember,
}

/// A circle's own book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleBook {
    pub circle: Circle,
    /// From the oldest place to the newest; past ones too.
    pub members: Vec<CircleMember>,
    /// A difference from before this stamp would lack somebody who is forgotten by now.
    pub horizon: i64,
}

/// How a request names somebody in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircleMemberRef {
    User(UserId),
    Address(Address),
    /// What they are in the circle's book.
    Contact(Guid),
}

/// How a request names a circle that is in the requester's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircleRef {
    Id(CircleId),
    /// What the circle is in the requester's book.
    Contact(Guid),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_survives_its_text_form() {
        let circle = CircleId::random();
        assert_eq!(CircleId::parse(&circle.to_string()), Some(circle));
        assert_eq!(
            CircleId::parse(&circle.to_string().to_uppercase()),
            Some(circle)
        );
        let known = CircleId::parse("00000000-0000-0000-0009-73944a8f7947").unwrap();
        assert_eq!(known.number(), 0x7394_4a8f_7947);
        assert_eq!(known.passport_id(), 0x0009_7394_4a8f_7947);
        assert_eq!(Guid::parse(&known.to_string()), Some(known.guid()));
        assert_eq!(CircleId::from_number(1 << 48), None);
    }

    #[test]
    fn other_identities_are_no_circle() {
        for text in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "00000000-0000-0000-0009-73944a8f794",
            "00000000-0000-0000-0009-73944a8f79470",
            "00000000-0000-0000-0009-+3944a8f7947",
            "00000000-0000-0000-0009-é3944a8f794",
            "{00000000-0000-0000-0009-73944a8f7947}",
        ] {
            assert_eq!(CircleId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_table_of_places_holds() {
        use CircleState::{Accepted, Left, Named, Rejected, WaitingResponse};
        use CircleStep::{Accept, Decline, End, Invite, Name};
        use Refusal::{AlreadyThere, NotExpected, NotInCircle};
        let before = [
            None,
            Some(Named),
            Some(WaitingResponse),
            Some(Accepted),
            Some(Left),
            Some(Rejected),
        ];
        let table = [
            (
                Name,
                [
                    Ok(Named),
                    Ok(Named),
                    Ok(WaitingResponse),
                    Ok(Accepted),
                    Ok(Named),
                    Ok(Named),
                ],
            ),
            (
                Invite,
                [
                    Ok(WaitingResponse),
                    Ok(WaitingResponse),
                    Ok(WaitingResponse),
                    Err(AlreadyThere),
                    Ok(WaitingResponse),
                    Ok(WaitingResponse),
                ],
            ),
            (
                Accept,
                [
                    Err(NotInCircle),
                    Err(NotInCircle),
                    Ok(Accepted),
                    Ok(Accepted),
                    Err(NotInCircle),
                    Err(NotInCircle),
                ],
            ),
            (
                Decline,
                [
                    Err(NotInCircle),
                    Err(NotInCircle),
                    Ok(Rejected),
                    Err(NotExpected),
                    Err(NotInCircle),
                    Ok(Rejected),
                ],
            ),
            (
                End,
                [
                    Err(NotInCircle),
                    Ok(Left),
                    Ok(Left),
                    Ok(Left),
                    Ok(Left),
                    Ok(Rejected),
                ],
            ),
        ];
        for (step, outcomes) in table {
            for (before, outcome) in before.into_iter().zip(outcomes) {
                assert_eq!(
                    CircleState::after(before, step),
                    outcome,
                    "{before:?} {step:?}"
                );
            }
        }
    }
}
