//! One row per protocol version; every column is a style, no logic.
//!
//! Facts from `docs/protocol/00 §4-5`, `01`, `02` and `25`. A test keeps the printed table beside
//! the code, so every change of behaviour shows in review as a changed row.

use super::Dialect;
use super::verbs::Verbs;

/// How an account proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMethod {
    /// MD5 of a challenge and the password (`docs/protocol/01 §2`).
    Md5,
    /// A ticket fetched from the web sign-in (`docs/protocol/01 §3`).
    Ticket,
}

/// The fields behind the address in the reply that accepts a sign-in (`docs/protocol/01 §2, §3.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInReplyStyle {
    Name,
    NameVerified,
    NameVerifiedRestricted,
    VerifiedRestricted,
}

/// The fields behind the address in a referral to another notification server
/// (`docs/protocol/01 §1.1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectStyle {
    Bare,
    Zero,
    ZeroAndCurrent,
}

/// What the first message after sign-in tells a client about itself (`docs/protocol/01 §5.1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileStyle {
    SignInTime,
    Passport,
    /// With the client's own address.
    PassportAndClient,
    /// With the mark that selects the newer list syntax.
    PassportMigrated,
}

/// How the contact list is written (`docs/protocol/02 §4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RosterStyle {
    /// One line per list and member.
    PerList,
    /// One line per account, with a bit for each list.
    Flags,
    /// The same with named fields; a name only beside an identity.
    ///
    /// COMPAT: JML fails on a line of MSNP10 that has a name and no identity
    /// (`docs/protocol/25 §17`).
    NamedSparse,
    /// With named fields, the name always.
    Named,
    /// The same with the account's network behind the bits.
    NamedWithNetwork,
}

/// How list versions are told (`docs/protocol/02 §3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionStyle {
    /// A number in the list and in every reply to a change.
    Serial,
    /// Two times in the list, nothing in replies.
    Stamps,
}

/// The verbs and fields that change lists (`docs/protocol/02 §6`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListChangeStyle {
    /// `ADD` and `REM` by address.
    ByAddress,
    /// `ADC` with named fields, `REM` from the forward list by identity.
    ByIdentity,
}

/// Who has not been decided on (`docs/protocol/02 §6.4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingStyle {
    /// Shown as a member of the reverse list.
    Unknown,
    /// Shown on the pending list.
    Shown,
    /// Shown there, and the client moves the entry itself.
    Settled,
}

/// Whether contacts are in groups, and how groups are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupStyle {
    None,
    Number,
    Identity,
}

/// Which command sets names (`docs/protocol/02 §5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameStyle {
    /// `REA`, for oneself and for contacts.
    Rename,
    /// `PRP MFN` for oneself, `SBP` for contacts.
    Property,
}

/// How phone numbers of oneself and of contacts are told (`docs/protocol/02 §4.2, §4.4, §5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneStyle {
    None,
    /// With a list version, unset ones too, and for a contact that was just added.
    VersionedAll,
    /// Only set ones in the list; with a list version elsewhere, and for a contact just added.
    VersionedSet,
    /// Only set ones in the list; no version anywhere.
    Plain,
}

/// How a client is asked to show that it is a known one (`docs/protocol/02 §9`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeStyle {
    None,
    /// MD5 of challenge and key.
    Digest,
    /// The longer calculation over digest, challenge and product.
    Mixed,
}

/// The directory of people (`docs/protocol/02 §12`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryStyle {
    Searchable,
    SwitchedOff,
}

/// Pages to a phone (`docs/protocol/02 §14`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagingStyle {
    None,
    /// `PAG`.
    Pager,
    /// `PGD` with a device; `PAG` is not expected any more.
    Device,
}

/// Whether a client is told after its first status what waits for it (`docs/protocol/01 §5.2`,
/// `10 §7`, `13 §1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailStyle {
    /// It knows no offline messages.
    None,
    /// Only if something waits: these clients can do without, and a server without mail sends
    /// them nothing of the kind.
    WhenWaiting,
    /// Also if nothing does: these clients wait for it.
    Always,
}

/// Which number says that an account is unknown (`docs/protocol/04 §3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownAccountStyle {
    NoSuchPrincipal,
    InvalidPrincipal,
}

/// Everything that differs between versions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u8,
    pub(super) verbs: Verbs,
    sign_in: SignInMethod,
    sign_in_reply: SignInReplyStyle,
    redirect: RedirectStyle,
    profile: ProfileStyle,
    roster: RosterStyle,
    version: VersionStyle,
    list_change: ListChangeStyle,
    pending: PendingStyle,
    groups: GroupStyle,
    names: NameStyle,
    phones: PhoneStyle,
    challenge: ChallengeStyle,
    directory: DirectoryStyle,
    paging: PagingStyle,
    mail: MailStyle,
    unknown_account: UnknownAccountStyle,
    /// A number of what the client can do, in status and presence.
    capabilities: bool,
    /// The description of a display picture, likewise.
    picture: bool,
    /// Personal message and media.
    personal_message: bool,
    /// The reply to a ping tells when to ping next.
    ping_interval: bool,
    /// Capabilities of the people in a room.
    room_capabilities: bool,
    /// The data acknowledgement class of switchboard messages.
    data_messages: bool,
    /// A line of unknown meaning after sign-in, which clients of these versions got.
    sbs: bool,
    /// A third field in the reply to `URL`.
    url_site: bool,
    /// Shows the list version `WWE` among the own properties.
    web_messenger: bool,
    /// Several places signed in at once.
    endpoints: bool,
}

const MSNP2: Row = Row {
    number: 2,
    verbs: Verbs::BASE,
    sign_in: SignInMethod::Md5,
    sign_in_reply: SignInReplyStyle::Name,
    redirect: RedirectStyle::Bare,
    profile: ProfileStyle::SignInTime,
    roster: RosterStyle::PerList,
    version: VersionStyle::Serial,
    list_change: ListChangeStyle::ByAddress,
    pending: PendingStyle::Unknown,
    groups: GroupStyle::None,
    names: NameStyle::Rename,
    phones: PhoneStyle::None,
    challenge: ChallengeStyle::None,
    directory: DirectoryStyle::Searchable,
    paging: PagingStyle::None,
    mail: MailStyle::None,
    unknown_account: UnknownAccountStyle::NoSuchPrincipal,
    capabilities: false,
    picture: false,
    personal_message: false,
    ping_interval: false,
    room_capabilities: false,
    data_messages: false,
    sbs: false,
    url_site: false,
    web_messenger: false,
    endpoints: false,
};

const MSNP3: Row = Row {
    number: 3,
    verbs: MSNP2.verbs.and(Verbs::IMS),
    redirect: RedirectStyle::Zero,
    profile: ProfileStyle::Passport,
    url_site: true,
    ..MSNP2
};

const MSNP4: Row = Row { number: 4, ..MSNP3 };

const MSNP5: Row = Row {
    number: 5,
    verbs: MSNP4
        .verbs
        .and(Verbs::PHONES)
        .and(Verbs::PAG)
        .and(Verbs::SDC),
    phones: PhoneStyle::VersionedAll,
    paging: PagingStyle::Pager,
    ..MSNP4
};

const MSNP6: Row = Row {
    number: 6,
    verbs: MSNP5.verbs.and(Verbs::QRY),
    sign_in_reply: SignInReplyStyle::NameVerified,
    challenge: ChallengeStyle::Digest,
    ..MSNP5
};

const MSNP7: Row = Row {
    number: 7,
    verbs: MSNP6.verbs.and(Verbs::GROUPS),
    redirect: RedirectStyle::ZeroAndCurrent,
    groups: GroupStyle::Number,
    ..MSNP6
};

const MSNP8: Row = Row {
    number: 8,
    verbs: MSNP7.verbs.without(Verbs::INF),
    sign_in: SignInMethod::Ticket,
    sign_in_reply: SignInReplyStyle::NameVerifiedRestricted,
    profile: ProfileStyle::PassportAndClient,
    roster: RosterStyle::Flags,
    phones: PhoneStyle::VersionedSet,
    directory: DirectoryStyle::SwitchedOff,
    capabilities: true,
    ..MSNP7
};

const MSNP9: Row = Row {
    number: 9,
    verbs: MSNP8.verbs.and(Verbs::PGD).without(Verbs::LISTS),
    paging: PagingStyle::Device,
    picture: true,
    ping_interval: true,
    data_messages: true,
    web_messenger: true,
    ..MSNP8
};

const MSNP10: Row = Row {
    number: 10,
    verbs: MSNP9.verbs.and(Verbs::ADC).without(Verbs::ADD),
    sign_in_reply: SignInReplyStyle::VerifiedRestricted,
    profile: ProfileStyle::PassportMigrated,
    roster: RosterStyle::NamedSparse,
    version: VersionStyle::Stamps,
    list_change: ListChangeStyle::ByIdentity,
    pending: PendingStyle::Shown,
    groups: GroupStyle::Identity,
    names: NameStyle::Property,
    phones: PhoneStyle::Plain,
    unknown_account: UnknownAccountStyle::InvalidPrincipal,
    ..MSNP9
};

const MSNP11: Row = Row {
    number: 11,
    verbs: MSNP10.verbs.and(Verbs::UUX),
    roster: RosterStyle::Named,
    pending: PendingStyle::Settled,
    challenge: ChallengeStyle::Mixed,
    mail: MailStyle::WhenWaiting,
    personal_message: true,
    sbs: true,
    ..MSNP10
};

const MSNP12: Row = Row {
    number: 12,
    roster: RosterStyle::NamedWithNetwork,
    room_capabilities: true,
    verbs: MSNP11.verbs.and(Verbs::LKP),
    ..MSNP11
};

/// Oldest first.
pub(super) static ROWS: [Row; 11] = [
    MSNP2, MSNP3, MSNP4, MSNP5, MSNP6, MSNP7, MSNP8, MSNP9, MSNP10, MSNP11, MSNP12,
];

impl Row {
    pub(super) fn name(&self) -> String {
        format!("MSNP{}", self.number)
    }
}

/// The row of a version's name, in any case.
pub(super) fn row_named(name: &str) -> Option<&'static Row> {
    ROWS.iter()
        .find(|row| row.name().eq_ignore_ascii_case(name))
}

/// The row of a version's number.
pub(super) fn row_numbered(number: u8) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.number == number)
}

macro_rules! queries {
    ($($(#[$doc:meta])* $query:ident => $column:ident: $style:ty;)*) => {
        impl Dialect {
            $($(#[$doc])* pub fn $query(self) -> $style { self.0.$column })*
        }
    };
}

queries! {
    /// How an account proves itself.
    sign_in_method => sign_in: SignInMethod;
    /// What the reply that accepts a sign-in says.
    sign_in_reply_style => sign_in_reply: SignInReplyStyle;
    /// What a referral to another server says.
    redirect_style => redirect: RedirectStyle;
    /// What a client is told about itself.
    profile_style => profile: ProfileStyle;
    /// How the contact list is written.
    roster_style => roster: RosterStyle;
    /// How list versions are told.
    version_style => version: VersionStyle;
    /// The verbs and fields that change lists.
    list_change_style => list_change: ListChangeStyle;
    /// How undecided people are shown.
    pending_style => pending: PendingStyle;
    /// How groups are named.
    group_style => groups: GroupStyle;
    /// Which command sets names.
    name_style => names: NameStyle;
    /// How phone numbers are told.
    phone_style => phones: PhoneStyle;
    /// How a client shows that it is a known one.
    challenge_style => challenge: ChallengeStyle;
    /// What becomes of a search in the directory.
    directory_style => directory: DirectoryStyle;
    /// How pages are sent.
    paging_style => paging: PagingStyle;
    /// Whether a client is told after its first status what waits for it.
    mail_style => mail: MailStyle;
    /// Which number says that an account is unknown.
    unknown_account_style => unknown_account: UnknownAccountStyle;
    /// Whether status and presence carry what a client can do.
    has_capabilities => capabilities: bool;
    /// Whether they carry a display picture's description.
    has_picture => picture: bool;
    /// Whether the client knows personal messages.
    has_personal_message => personal_message: bool;
    /// Whether the reply to a ping tells when to ping next.
    has_ping_interval => ping_interval: bool;
    /// Whether people in a room are shown with what their clients can do.
    has_room_capabilities => room_capabilities: bool;
    /// Whether switchboard messages of the data class exist.
    has_data_messages => data_messages: bool;
    /// Whether the line `SBS 0 null` follows a sign-in.
    has_sbs => sbs: bool;
    /// Whether the reply to `URL` names a site.
    has_url_site => url_site: bool;
    /// Whether the own properties include `WWE`.
    has_web_messenger => web_messenger: bool;
    /// Whether one account may be signed in at several places.
    has_endpoints => endpoints: bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_as_reviewed() {
        insta::assert_debug_snapshot!(ROWS);
    }

    #[test]
    fn rows_are_numbered_in_order() {
        let numbers: Vec<u8> = ROWS.iter().map(|row| row.number).collect();
        assert_eq!(numbers, (2..=12).collect::<Vec<u8>>());
    }
}
