//! What clients show when something is wrong, and what it means (`docs/protocol/24 §8`).

/// A number or a symptom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// What the client shows.
    pub shown: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to look at.
    pub remedy: &'static str,
    /// Which clients show it.
    pub kind: Kind,
}

/// Which clients show a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All of Microsoft's.
    All,
    /// Those that sign in over the web.
    Web,
    /// Those with a sign-in library of their own (7.5 and later).
    Library,
    /// Those whose contacts come from the web (8.0 and later).
    Contacts,
    /// Those that show each other's pictures (6.0 and later).
    Pictures,
}

const fn code(
    kind: Kind,
    shown: &'static str,
    meaning: &'static str,
    remedy: &'static str,
) -> Code {
    Code {
        shown,
        meaning,
        remedy,
        kind,
    }
}

/// All of them.
#[rustfmt::skip]
pub const CODES: [Code; 9] = [
    code(Kind::All, "81000306, 80072EFD, 80072EE7",
        "The server was not found or did not answer.",
        "The name or address you set, port 1863, the firewall; with hosts lines, whether they are in the right file. An old Server value in the registry."),
    code(Kind::Web, "80072F06, 80072F0C, 80072F0D, 80072F8F, 80072F7D",
        "The certificate has another name, is not trusted or not valid today; or client and server have no TLS version in common.",
        "The clock of this machine, the certificate you installed, the TLS boxes in Internet Options."),
    code(Kind::Web, "80048820, 80048821, 80048823",
        "The address or the password is wrong.",
        "Sign in on this site with the same two. Old clients cut passwords at 16 characters."),
    code(Kind::All, "8100030D, 81000314, 8100037x",
        "The connection ended in the middle of the sign-in.",
        "Whether something else listens at that port; if not, tell the people who run this server when it was."),
    code(Kind::Library, "80040200, 8004882E",
        "What the sign-in library remembers is damaged.",
        r"Delete HKEY_CURRENT_USER\Software\Microsoft\IdentityCRL and start again."),
    code(Kind::Contacts, "Signs in, but the list is empty",
        "The address book on the web could not be read.",
        "The names of the address book in your hosts lines or strings, and their certificate."),
    code(Kind::Contacts, "\"Signing in...\" for ever",
        "One of the names was forgotten, often that of the address book, ows or rsi.",
        "All names on this page have to lead to this server."),
    code(Kind::All, "Signs in, but cannot chat",
        "The client was told an address for conversations that it cannot reach.",
        "Behind a router or in a container the server has to be told its own name: advertise.host."),
    code(Kind::Pictures, "Pictures are missing",
        "Pictures travel from one client to the other through this server.",
        "Both have to be signed in and in a conversation; some need a second one."),
];
