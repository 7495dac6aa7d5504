//! The fixed words that labels are made of. None comes from a peer.

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Notification server, dispatch included.
    Ns,
    /// Switchboard.
    Sb,
    /// The HTTP edge.
    Http,
}

impl Role {
    pub(super) const ALL: [Self; 3] = [Self::Ns, Self::Sb, Self::Http];

    /// The word in labels and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Sb => "sb",
            Self::Http => "http",
        }
    }
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The challenge of the oldest clients.
    Md5,
    /// A ticket, redeemed at the notification server.
    Ticket,
    /// A ticket and the proof that its key is held, redeemed there too.
    Sso,
    /// A password, at the Passport login that issues tickets.
    Passport,
    /// A password or a renewing ticket, at the token service.
    Rst,
    /// A password, at the pages for people.
    Web,
}

impl Method {
    pub(super) const ALL: [Self; 6] = [
        Self::Md5,
        Self::Ticket,
        Self::Sso,
        Self::Passport,
        Self::Rst,
        Self::Web,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Ticket => "ticket",
            Self::Sso => "sso",
            Self::Passport => "passport",
            Self::Rst => "rst",
            Self::Web => "web",
        }
    }

    /// Whether it begins a session of a client, and does not only fetch a ticket for one.
    pub(super) fn begins_session(self) -> bool {
        match self {
            Self::Md5 | Self::Ticket | Self::Sso => true,
            Self::Passport | Self::Rst | Self::Web => false,
        }
    }
}

/// How an attempt to sign in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// They are who they say.
    Ok,
    /// Unknown account, wrong proof, or an account that may not sign in.
    Refused,
    /// Too many attempts; the proof was not looked at.
    Throttled,
    /// The server could not tell.
    Fault,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Throttled, Self::Fault];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Fault => "fault",
        }
    }
}

/// A bound that somebody met: they were refused, sent away or made to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// All places were taken; accepting waited.
    Connections,
    /// A connection too many of one network; it was closed.
    ConnectionsPerAddress,
    /// One too many that is not signed in; it or an older silent one was closed.
    Unauthenticated,
    /// There was no descriptor for a connection; accepting waited.
    Descriptors,
    /// The time to sign in was over.
    SignInTime,
    /// An attempt to sign in too many.
    SignIns,
    /// A TLS handshake too many.
    Handshakes,
    /// Commands came too fast; reading waited.
    Commands,
    /// Messages came too fast; reading waited.
    Messages,
    /// A line, payload or body too large.
    Size,
    /// A queue of events was full; its connection was closed.
    Queue,
    /// A change of contacts, lists or groups too many.
    ContactChanges,
    /// A change of status, name or message too many.
    StatusChanges,
    /// A list or book that is full.
    Lists,
    /// Conversations opened too fast.
    RoomOpens,
    /// A conversation too many at a time.
    Rooms,
    /// Somebody too many in a conversation.
    RoomMembers,
    /// A call too many, or too many in vain.
    Invitations,
    /// A call of a web service too many.
    WebCalls,
    /// An offline message too many.
    OfflineMessages,
    /// More bytes than an account may keep.
    StoredBytes,
    /// The database is as large as it may become.
    Database,
    /// An account too many made at the pages.
    Registrations,
    /// A session of the gateway too many.
    GatewaySessions,
}

impl Limit {
    pub(super) const ALL: [Self; 24] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Unauthenticated,
        Self::Descriptors,
        Self::SignInTime,
        Self::SignIns,
        Self::Handshakes,
        Self::Commands,
        Self::Messages,
        Self::Size,
        Self::Queue,
        Self::ContactChanges,
        Self::StatusChanges,
        Self::Lists,
        Self::RoomOpens,
        Self::Rooms,
        Self::RoomMembers,
        Self::Invitations,
        Self::WebCalls,
        Self::OfflineMessages,
        Self::StoredBytes,
        Self::Database,
        Self::Registrations,
        Self::GatewaySessions,
    ];

    /// The word in labels and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::Unauthenticated => "unauthenticated",
            Self::Descriptors => "descriptors",
            Self::SignInTime => "sign_in_time",
            Self::SignIns => "sign_ins",
            Self::Handshakes => "handshakes",
            Self::Commands => "commands",
            Self::Messages => "messages",
            Self::Size => "size",
            Self::Queue => "queue",
            Self::ContactChanges => "contact_changes",
            Self::StatusChanges => "status_changes",
            Self::Lists => "lists",
            Self::RoomOpens => "room_opens",
            Self::Rooms => "rooms",
            Self::RoomMembers => "room_members",
            Self::Invitations => "invitations",
            Self::WebCalls => "web_calls",
            Self::OfflineMessages => "offline_messages",
            Self::StoredBytes => "stored_bytes",
            Self::Database => "database",
            Self::Registrations => "registrations",
            Self::GatewaySessions => "gateway_sessions",
        }
    }
}
