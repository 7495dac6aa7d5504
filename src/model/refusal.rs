//! Why a correct request cannot be granted.
//!
//! The reason is exact in here; `dialect::errors` decides which number a client hears, and two
//! reasons may share one so that nothing can be learnt from the answer.

use super::Guid;

/// A request that was understood and is refused. The connection stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("a parameter is missing, superfluous or out of range")]
    InvalidParameter,
    #[error("not the address of an account")]
    MalformedAddress,
    #[error("no such account")]
    UnknownAccount,
    #[error("not a contact's identity")]
    UnknownContact,
    #[error("the name is too long or not allowed")]
    IllegalName,
    #[error("the list is full")]
    ListFull,
    #[error("already there")]
    AlreadyThere,
    #[error("there is a card for this person")]
    CardExists(Guid),
    #[error("more than a card can hold")]
    CardTooLarge,
    #[error("more than an address book can hold")]
    BookTooLarge,
    #[error("what is new since then is not known any more")]
    FullSyncRequired,
    #[error("not on that list")]
    NotOnList,
    #[error("not reachable")]
    Unreachable,
    #[error("on the opposite list")]
    OppositeList,
    #[error("too many groups")]
    TooManyGroups,
    #[error("no such group")]
    UnknownGroup,
    #[error("not in that group")]
    NotInGroup,
    #[error("a group has that name already")]
    GroupNameTaken,
    #[error("the group name is too long")]
    GroupNameTooLong,
    #[error("the default group stays")]
    DefaultGroupStays,
    #[error("not possible before the first status, or while hidden")]
    NotVisible,
    #[error("the command is switched off")]
    Disabled,
    #[error("not expected now")]
    NotExpected,
    #[error("already signed in")]
    AlreadySignedIn,
    #[error("sign in first")]
    NotSignedIn,
    #[error("sign-in failed")]
    AuthenticationFailed,
    #[error("too many failed sign-ins, try again later")]
    TooManyAttempts,
    #[error("the domain of the address is missing")]
    DomainMissing,
    #[error("not the address of an account to call")]
    MalformedCallee,
    #[error("calling too fast")]
    CallingTooFast,
    #[error("changing too fast")]
    ChangingTooFast,
    #[error("sending too fast")]
    SendingTooFast,
    #[error("no page can be delivered")]
    PageFailed,
    #[error("the challenge was answered wrongly or too late")]
    ChallengeFailed,
    #[error("bad arguments of an invitation by mail")]
    BadMailInvitation,
    #[error("the client's report of its version is malformed")]
    BadClientReport,
    #[error("malformed message")]
    BadMessage,
    #[error("too many conversations")]
    TooManyRooms,
    #[error("the room is full")]
    RoomFull,
    #[error("not in that circle")]
    NotInCircle,
    #[error("the role in that circle is too low")]
    RoleTooLow,
    #[error("no such network")]
    UnknownNetwork,
    #[error("a list without entries")]
    EmptyList,
    #[error("not a list of contacts")]
    MalformedList,
    #[error("the server cannot do this now")]
    Unavailable,
    #[error("the server stops soon")]
    GoingDown,
}
