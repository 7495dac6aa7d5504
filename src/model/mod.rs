//! Domain words: people, addresses, lists, presence, rooms.
//!
//! No input or output, no protocol words, nothing serialisable. A value of one of these types
//! is known to be well formed; whatever comes from outside is parsed into them once, at the
//! edge. Everything here is cheap to clone.

pub mod address;
pub mod address_book;
pub mod card;
pub mod circle;
pub mod contacts;
pub mod event;
pub mod ids;
pub mod label;
pub mod offline;
pub mod presence;
pub mod refusal;

pub use address::Address;
pub use address_book::{
    Card, CardAccount, CardChange, CardGroup, CardPage, CardRef, FormerMember, GroupEdit,
    GroupMember, Member, MemberRef, MembershipId, Memberships, NewCard, NewGroup, OwnCard, Removed,
    Role, Stamp, Who,
};
pub use card::{Annotations, CardField, CardFields, CardItem, CardPatch, ItemList, ItemPatch};
pub use circle::{
    Circle, CircleBook, CircleId, CircleInviter, CircleMember, CircleMemberRef, CircleMembership,
    CircleRef, CircleRole, CircleState, CircleStep,
};
pub use contacts::{
    Contact, ContactBook, ContactRef, Group, GroupNumber, GroupRef, List, ListSet, Phone, Phones,
    Privacy, ReversePrompt, Settings, Stamps, Standing, StandingChange, StandingEdit,
};
pub use event::{
    Announcement, CircleEvent, CircleNews, DirectKind, DirectMessage, Invitation, Notice, NsEvent,
    Occupant, OwnNews, PresenceNews, SbEvent, Sender,
};
pub use ids::{DialectTag, Guid, RoomId, SessionId, UserId};
pub use label::Label;
pub use offline::{OfflineMessage, WaitingMessage};
pub use presence::{
    Capabilities, ClientTrace, EndpointPresence, MessageChange, OwnEndpoint, OwnPresence,
    OwnSession, PersonalMessage, Place, Presence, PrivateDataChange, PrivateEndpointData, Status,
};
pub use refusal::Refusal;
