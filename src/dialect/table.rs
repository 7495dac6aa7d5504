//! One row per protocol version; every column is a style, no logic.
//!
//! Facts from `docs/protocol/00 §4-5`, `01`, `02`, `10` and `25`. A test keeps the printed table beside
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
    /// A ticket, and a proof that the client has the key that came with it
    /// (`docs/protocol/10 §1.3`).
    Sso,
}

/// What the reply to an offer of versions lists (`docs/protocol/25 §1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionAnswerStyle {
    /// All that are shared, best first, and the upgrade protocol where it was offered.
    AllShared,
    /// The one in force.
    Chosen,
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
    /// With two letters: not by a proxy, and directly.
    Direct,
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
    /// The same of the clients that fetch their list from the web (`docs/protocol/10 §1.4`).
    Live,
    /// With the word on whether an account may be signed in at several places.
    LiveEndpoints,
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
    /// Not at all: the web has it.
    Web,
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
    /// `ADL` and `RML` with many contacts in XML (`docs/protocol/10 §3`).
    Membership,
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

/// How an account is written in presence (`docs/protocol/10 §4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityStyle {
    /// The address.
    Bare,
    /// The address, and the number of its network in a field behind it.
    WithNetwork,
    /// The number of the network, a colon and the address in one field.
    Prefixed,
}

/// How what a client can do is written, in status and presence (`docs/protocol/10 §4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapabilityStyle {
    None,
    /// One number.
    Number,
    /// Two, with a colon between them.
    Pair,
}

/// Which line shows a contact who is online when the client arrives (`docs/protocol/10 §4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialPresenceStyle {
    /// `ILN`, with the number of the command that caused it.
    Answer,
    /// `NLN`, as for any news.
    News,
}

/// The fields that follow a referral to a switchboard and a call (`docs/protocol/10 §8.1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStyle {
    Plain,
    /// How the server is reached, its domain, and whether directly.
    Routed,
}

/// Which digest of the password the web forms of the service take, as clients post it
/// (`docs/protocol/01 §6`, `docs/protocol/10 §1.6`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebFormStyle {
    Md5,
    Sha1,
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

/// What people show beside their status (`docs/protocol/02 §10`, `docs/protocol/10 §5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStyle {
    None,
    /// Personal message and media.
    Text,
    /// The same with the machine.
    Machine,
    /// Everything, with all the places that the person is at.
    Endpoints,
}

/// What stands for a display picture that is not set (`docs/protocol/10 §4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsetPictureStyle {
    Nothing,
    Zero,
}

/// Everything that differs between versions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u8,
    pub(super) verbs: Verbs,
    /// Commands of earlier versions that are refused with a number where any other would end the
    /// connection.
    pub(super) retired: Verbs,
    version_answer: VersionAnswerStyle,
    /// The official client's first.
    sign_in: &'static [SignInMethod],
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
    identity: IdentityStyle,
    initial_presence: InitialPresenceStyle,
    calls: CallStyle,
    web_form: WebFormStyle,
    /// What the client can do, in status and presence.
    capabilities: CapabilityStyle,
    /// The description of a display picture, likewise.
    picture: bool,
    /// What stands for one that is not set.
    unset_picture: UnsetPictureStyle,
    /// Personal message and the like.
    message: MessageStyle,
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
    /// A file of policies comes unasked during sign-in.
    pushed_policies: bool,
    /// Several places signed in at once.
    endpoints: bool,
    /// Places follow each other's status.
    own_status: bool,
    /// A note that makes the client fetch its list again (`docs/protocol/10 §9`).
    book_notices: bool,
    /// Small messages outside of conversations (`docs/protocol/10 §6.1`).
    notices: bool,
    alerts: bool,
    /// Messages to people without a switchboard (`docs/protocol/10 §6.2`).
    direct_messages: bool,
}

const MSNP2: Row = Row {
    number: 2,
    verbs: Verbs::BASE,
    retired: Verbs::NONE,
    version_answer: VersionAnswerStyle::AllShared,
    sign_in: &[SignInMethod::Md5],
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
    identity: IdentityStyle::Bare,
    initial_presence: InitialPresenceStyle::Answer,
    calls: CallStyle::Plain,
    web_form: WebFormStyle::Md5,
    capabilities: CapabilityStyle::None,
    picture: false,
    unset_picture: UnsetPictureStyle::Nothing,
    message: MessageStyle::None,
    ping_interval: false,
    room_capabilities: false,
    data_messages: false,
    sbs: false,
    url_site: false,
    web_messenger: false,
    pushed_policies: false,
    endpoints: false,
    own_status: false,
    book_notices: false,
    notices: false,
    alerts: false,
    direct_messages: false,
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
    alerts: true,
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
    sign_in: &[SignInMethod::Ticket],
    sign_in_reply: SignInReplyStyle::NameVerifiedRestricted,
    profile: ProfileStyle::PassportAndClient,
    roster: RosterStyle::Flags,
    phones: PhoneStyle::VersionedSet,
    directory: DirectoryStyle::SwitchedOff,
    capabilities: CapabilityStyle::Number,
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
    message: MessageStyle::Text,
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

const MSNP13: Row = Row {
    number: 13,
    verbs: MSNP12
        .verbs
        .without(Verbs::BOOK)
        .and(Verbs::MEMBERSHIP)
        .and(Verbs::UUN),
    retired: Verbs::BOOK,
    redirect: RedirectStyle::Direct,
    profile: ProfileStyle::Live,
    roster: RosterStyle::Web,
    list_change: ListChangeStyle::Membership,
    phones: PhoneStyle::None,
    mail: MailStyle::Always,
    web_form: WebFormStyle::Sha1,
    pushed_policies: true,
    notices: true,
    unset_picture: UnsetPictureStyle::Zero,
    message: MessageStyle::Machine,
    ..MSNP12
};

const MSNP14: Row = Row {
    number: 14,
    verbs: MSNP13.verbs.and(Verbs::UUM),
    identity: IdentityStyle::WithNetwork,
    calls: CallStyle::Routed,
    direct_messages: true,
    ..MSNP13
};

const MSNP15: Row = Row {
    number: 15,
    version_answer: VersionAnswerStyle::Chosen,
    // COMPAT: Messenger for Mac 8 knows tickets only (`docs/protocol/23 §6`).
    sign_in: &[SignInMethod::Sso, SignInMethod::Ticket],
    ..MSNP14
};

const MSNP16: Row = Row {
    number: 16,
    profile: ProfileStyle::LiveEndpoints,
    capabilities: CapabilityStyle::Pair,
    endpoints: true,
    book_notices: true,
    message: MessageStyle::Endpoints,
    ..MSNP15
};

const MSNP17: Row = Row {
    number: 17,
    ..MSNP16
};

const MSNP18: Row = Row {
    number: 18,
    verbs: MSNP17.verbs.and(Verbs::CIRCLES),
    sign_in: &[SignInMethod::Sso],
    identity: IdentityStyle::Prefixed,
    initial_presence: InitialPresenceStyle::News,
    own_status: true,
    ..MSNP17
};

/// Oldest first.
pub(super) static ROWS: [Row; 17] = [
    MSNP2, MSNP3, MSNP4, MSNP5, MSNP6, MSNP7, MSNP8, MSNP9, MSNP10, MSNP11, MSNP12, MSNP13, MSNP14,
    MSNP15, MSNP16, MSNP17, MSNP18,
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
    /// What the reply to an offer of versions lists.
    version_answer_style => version_answer: VersionAnswerStyle;
    /// How an account may prove itself, the official client's way first.
    sign_in_methods => sign_in: &'static [SignInMethod];
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
    /// How an account is written in presence.
    identity_style => identity: IdentityStyle;
    /// Which line shows a contact who is online already.
    initial_presence_style => initial_presence: InitialPresenceStyle;
    /// What follows a referral to a switchboard and a call.
    call_style => calls: CallStyle;
    /// Which digest the web forms take.
    web_form_style => web_form: WebFormStyle;
    /// How status and presence tell what a client can do.
    capability_style => capabilities: CapabilityStyle;
    /// Whether they carry a display picture's description.
    has_picture => picture: bool;
    /// What stands for one that is not set.
    unset_picture_style => unset_picture: UnsetPictureStyle;
    /// What a contact's personal message consists of.
    message_style => message: MessageStyle;
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
    /// Whether a file of policies comes during sign-in.
    has_pushed_policies => pushed_policies: bool;
    /// Whether one account may be signed in at several places.
    has_endpoints => endpoints: bool;
    /// Whether the places of an account are told a status that one of them has set.
    follows_own_status => own_status: bool;
    /// Whether a note makes the client fetch its list again.
    has_book_notices => book_notices: bool;
    /// Whether small messages outside of conversations exist.
    has_notices => notices: bool;
    /// Whether a few words of the server can be shown.
    has_alerts => alerts: bool;
    /// Whether messages to people without a switchboard exist.
    has_direct_messages => direct_messages: bool;
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
        assert_eq!(numbers, (2..=18).collect::<Vec<u8>>());
    }
}
