//! People with all they have, as one document that leaves a database and enters another one.
//!
//! Nothing in it depends on the database it was read from: people are named by their address, and
//! what only orders changes within one database, such as stamps and revisions, is left out. The
//! types are their own boundary: they are what an export file has in it, version [`VERSION`], and a
//! change of the tables does not change them. An importer of another server's data makes the same
//! document.
//!
//! A text that a [`Label`](crate::model::Label) holds is in its percent-encoded spelling. Times are
//! epoch milliseconds.

mod items;
mod parts;
mod read;
mod repair;
mod write;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use items::Unusable;
pub use repair::Repairs;
pub use write::{ImportReport, ImportWatch};

/// What a document calls itself.
pub const FORMAT: &str = "chrysalis people";
/// The version of the document that this program writes, and the only one so far.
pub const VERSION: u32 = 1;

/// People and circles.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    pub format: String,
    pub version: u32,
    pub people: Vec<Dossier>,
    pub circles: Vec<KeptCircle>,
}

impl People {
    /// A document of today's version without anybody in it.
    pub fn new() -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            ..Self::default()
        }
    }
}

/// A person with all they have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dossier {
    pub address: String,
    pub name: String,
    pub message: String,
    pub privacy: KeptPrivacy,
    pub when_added: KeptPrompt,
    pub phones: KeptPhones,
    /// What the older clients call those who are in no group.
    pub default_group_name: String,
    pub is_disabled: bool,
    pub is_admin: bool,
    pub created_at: i64,
    pub last_sign_in: Option<i64>,
    /// Left out unless it was asked for. Without it nobody can sign in before there is a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<KeptPassword>,
    pub own_card: KeptOwnCard,
    pub groups: Vec<KeptGroup>,
    /// In the order in which they came into the book.
    pub contacts: Vec<KeptContact>,
    pub cards: Vec<KeptCard>,
    /// Who is on a list without having an account.
    pub members: Vec<KeptMember>,
    pub profile: Option<KeptProfile>,
    pub pictures: Vec<KeptPicture>,
    /// The oldest first.
    pub activity: Vec<KeptActivity>,
    /// The oldest first.
    pub offline_messages: Vec<KeptLetter>,
}

/// How strangers are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptPrivacy {
    #[default]
    AllowOthers,
    BlockOthers,
}

/// What the client does about people who add its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptPrompt {
    #[default]
    Ask,
    AllowSilently,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPhones {
    pub home: Option<String>,
    pub work: Option<String>,
    pub mobile: Option<String>,
    pub may_page: bool,
}

/// What a sign-in is checked against.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPassword {
    /// A hash in the form of this program.
    pub full: Option<String>,
    /// The same of the first sixteen characters of a longer password.
    pub first16: Option<String>,
    /// Another server's hash, from before the first sign-in to this one.
    pub imported: Option<String>,
    pub legacy: Option<KeptLegacy>,
}

/// What the oldest clients' answers are checked against.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLegacy {
    pub salt: String,
    pub digest: String,
    pub is_separate: bool,
}

impl fmt::Debug for KeptPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for KeptLegacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptOwnCard {
    /// Made anew where it is missing.
    pub guid: Option<String>,
    pub fields: Fields,
}

/// What is written on a card, as the database has it: JSON whose shape is checked on the way in.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// What clients keep with a thing for themselves.
pub type Notes = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptGroup {
    pub number: u8,
    pub guid: String,
    pub name: String,
    pub is_favorite: bool,
    pub annotations: Notes,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptContact {
    pub address: String,
    pub guid: String,
    pub name: String,
    pub lists: KeptLists,
    /// Numbers of groups.
    pub groups: Vec<u8>,
    pub created_at: i64,
    pub invitation: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLists {
    pub forward: bool,
    pub allow: bool,
    pub block: bool,
    pub reverse: bool,
    pub pending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCard {
    pub guid: String,
    /// Of somebody with an account.
    pub account: Option<String>,
    /// Of somebody without.
    pub address: Option<String>,
    pub fields: Fields,
    /// Of somebody who is not on the forward list.
    pub groups: Vec<u8>,
    pub created_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptMember {
    pub kind: KeptMemberKind,
    pub address: String,
    pub role: KeptRole,
    pub annotations: Notes,
    pub created_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptMemberKind {
    Email,
    Phone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptRole {
    Allow,
    Block,
    Reverse,
    Pending,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptProfile {
    pub version: i64,
    pub flags: i64,
    pub changed_at: i64,
    pub name_changed_at: Option<i64>,
    pub message_changed_at: Option<i64>,
    /// The number of the next picture.
    pub next_tile: i64,
    /// The picture that is shown.
    pub tile: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPicture {
    pub number: i64,
    pub version: i64,
    pub name: String,
    /// 1 PNG, 2 JPEG, 3 GIF, 4 BMP.
    pub kind: i64,
    /// In base64.
    pub data: String,
    /// The miniature in PNG, in base64.
    pub small: String,
    pub changed_at: i64,
}

impl fmt::Debug for KeptPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptPicture")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptActivity {
    /// 1 a new name, 2 a new personal message, 3 a new picture.
    pub kind: i64,
    pub what: String,
    pub happened_at: i64,
}

#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLetter {
    pub guid: String,
    pub sender: String,
    pub sender_name: String,
    pub run: String,
    pub sequence: u32,
    pub body: String,
    pub size: u32,
    pub is_read: bool,
    pub received_at: i64,
}

impl fmt::Debug for KeptLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptLetter")
            .field("guid", &self.guid)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCircle {
    /// The circle's GUID.
    pub id: String,
    pub name: String,
    pub owner: String,
    pub created_at: i64,
    pub members: Vec<KeptPlace>,
}

/// Somebody's place in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPlace {
    pub address: String,
    pub role: KeptCircleRole,
    pub state: KeptCircleState,
    /// Whether the circle is or was in their book.
    pub is_in_book: bool,
    pub is_told: bool,
    pub is_blocked: bool,
    pub book_guid: String,
    pub circle_guid: String,
    pub inviter: Option<String>,
    pub message: String,
    pub created_at: i64,
    pub state_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptCircleRole {
    Admin,
    AssistantAdmin,
    Member,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptCircleState {
    Named,
    Invited,
    Left,
    Accepted,
    Rejected,
}
