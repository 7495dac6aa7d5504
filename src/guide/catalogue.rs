//! Every client there is, in one table (`docs/protocol/24 §2, §3`, `23 §1, §5, §6`).

use super::System;
use System::{
    Device, MacClassic, MacOsX, PocketPc, Unix, Windows7, Windows8, Windows9x, Windows10,
    Windows2000, WindowsNt, WindowsVista, WindowsXp, WindowsXpOld,
};

/// A program, or a range of its versions that are connected in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Its word in addresses and at the command line.
    pub key: &'static str,
    /// What it is called, with its versions.
    pub name: &'static str,
    /// When it was made.
    pub years: &'static str,
    /// The versions of the protocol it speaks, as people write them; empty where nobody knows.
    pub dialects: &'static str,
    /// Among what it is listed.
    pub group: Group,
    /// How it signs in.
    pub sign_in: SignIn,
    /// What can be said about it here.
    pub standing: Standing,
    /// What it runs on, the most usual first; at least one.
    pub systems: &'static [System],
    /// How it is connected.
    pub(super) family: Family,
    /// An honest word about it.
    pub note: &'static str,
}

/// Among what a client is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Microsoft's clients for Windows.
    Windows,
    /// Microsoft's clients for the Mac.
    Mac,
    /// What else came from Microsoft.
    Elsewhere,
    /// Programs of others.
    Programs,
    /// Libraries, and what is made with them.
    Libraries,
}

/// How a client proves who its user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// With a digest on the messenger connection: the legacy sign-in.
    Digest,
    /// Early builds with a digest, later ones through the nexus.
    DigestOrNexus,
    /// Through the nexus, over https.
    Nexus,
    /// With SOAP, over https.
    Soap,
    /// Over the web, at addresses that are settings: plain http will do.
    OpenAddress,
    /// Nobody knows, or not here.
    Unknown,
}

/// What can be said about a client on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is part of this server's tests.
    Tested,
    /// Its protocol is tested; the program itself was not.
    Expected,
    /// It may work; nobody here has tried, or the way there is unsure.
    Untried,
    /// It does not work.
    Impossible,
}

/// Clients that are connected in the same way. One function makes the steps of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Registry,
    WindowsMessenger,
    Msn5,
    Msn6,
    Msn75,
    Live8,
    Live14,
    MacOld,
    Mac7,
    Mac8,
    Gaim,
    PurpleOld,
    Purple,
    Adium,
    AmsnNexus,
    Amsn,
    Papyon,
    SourceNexus,
    Kopete,
    Miranda,
    Trillian,
    BitlbeeOld,
    Bitlbee,
    MsnpSharp,
    AvaMsn,
    Sdk,
    Constants,
    Browser,
    MsnTv,
    PocketPc,
    Nothing,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Windows,
        Self::Mac,
        Self::Elsewhere,
        Self::Programs,
        Self::Libraries,
    ];

    /// What is in it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Windows => "Microsoft's programs for Windows",
            Self::Mac => "Microsoft's programs for the Mac",
            Self::Elsewhere => "Microsoft's, on other things",
            Self::Programs => "Programs of others",
            Self::Libraries => "For programmers",
        }
    }

    /// Its clients, in the order of the table.
    pub fn clients(self) -> impl Iterator<Item = &'static Client> {
        CLIENTS.iter().filter(move |it| it.group == self)
    }
}

impl Standing {
    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tested => "tested here",
            Self::Expected => "should work",
            Self::Untried => "untried",
            Self::Impossible => "does not work",
        }
    }

    /// In a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Tested => "This client is part of the tests of this server.",
            Self::Expected => {
                "This server's tests play what this client says, but nobody ran the program itself."
            }
            Self::Untried => "Nobody has tried this one. What is below is the best that is known.",
            Self::Impossible => "This one does not work with this server.",
        }
    }
}

impl Client {
    /// The one with this key.
    pub fn named(key: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|it| it.key == key)
    }

    /// The system it is looked at on, unless somebody says otherwise.
    pub fn usual_system(&self) -> System {
        self.systems.first().copied().unwrap_or(Device)
    }

    /// Whether it fetches something over https at names that are compiled in.
    pub fn needs_https(&self) -> bool {
        match self.sign_in {
            DigestOrNexus | Nexus | Soap => true,
            Digest | OpenAddress | Unknown => false,
        }
    }
}

const fn row(
    (key, name, years, dialects): (&'static str, &'static str, &'static str, &'static str),
    group: Group,
    (sign_in, standing, family): (SignIn, Standing, Family),
    systems: &'static [System],
    note: &'static str,
) -> Client {
    Client {
        key,
        name,
        years,
        dialects,
        group,
        sign_in,
        standing,
        systems,
        family,
        note,
    }
}

const ALL_WINDOWS: &[System] = &[
    WindowsXp,
    Windows9x,
    WindowsNt,
    Windows2000,
    WindowsXpOld,
    WindowsVista,
    Windows7,
    Windows8,
    Windows10,
];
const SINCE_98: &[System] = &[
    WindowsXp,
    Windows9x,
    Windows2000,
    WindowsXpOld,
    WindowsVista,
    Windows7,
    Windows8,
    Windows10,
];
const SINCE_2000: &[System] = &[
    WindowsXp,
    Windows2000,
    WindowsXpOld,
    WindowsVista,
    Windows7,
    Windows8,
    Windows10,
];
const SINCE_XP: &[System] = &[
    Windows10,
    WindowsXp,
    WindowsXpOld,
    WindowsVista,
    Windows7,
    Windows8,
];
const XP: &[System] = &[WindowsXp, WindowsXpOld];
const UNTIL_XP: &[System] = &[WindowsXp, Windows2000, WindowsXpOld];
const DESKTOPS: &[System] = &[
    Unix,
    Windows10,
    WindowsXp,
    Windows2000,
    WindowsVista,
    Windows7,
    Windows8,
    MacOsX,
];
const UNIX: &[System] = &[Unix];
const MODERN: &[System] = &[Windows10, Windows8, Windows7, Unix];

use Family as F;
use Group::{Elsewhere, Libraries, Mac, Programs, Windows};
use SignIn::{Digest, DigestOrNexus, Nexus, OpenAddress, Soap, Unknown};
use Standing::{Expected, Impossible, Tested, Untried};

/// The table.
#[rustfmt::skip]
pub const CLIENTS: &[Client] = &[
    row(("msn-1.0", "MSN Messenger 1.0", "1999", "2"), Windows, (Digest, Expected, F::Registry), ALL_WINDOWS, ""),
    row(("msn-2", "MSN Messenger 2.0 to 2.2", "1999-2000", "3 to 4"), Windows, (Digest, Expected, F::Registry), ALL_WINDOWS, ""),
    row(("msn-3", "MSN Messenger 3.0 to 3.6", "2000", "4 to 5"), Windows, (Digest, Expected, F::Registry), ALL_WINDOWS,
        "The quickest of all: one registry value and an account with the legacy sign-in."),
    row(("msn-4", "MSN Messenger 4.5 to 4.6", "2002", "4 to 7"), Windows, (Digest, Expected, F::Registry), ALL_WINDOWS, ""),
    row(("wm-4.7-early", "Windows Messenger 4.7, builds before 2009", "2001-2002", ""), Windows, (DigestOrNexus, Untried, F::Registry), XP,
        "What Windows XP shipped with (4.7.0041). The registry value leads it here; which sign-in it then wants is not written down anywhere."),
    row(("wm-4.7", "Windows Messenger 4.7.2009 to 4.7.3001", "2003-2008", "8 to 9"), Windows, (Nexus, Expected, F::WindowsMessenger), XP,
        "Part of Windows XP; a service pack changes its version."),
    row(("wm-5", "Windows Messenger 5.0 and 5.1", "2003-2005", "9"), Windows, (Nexus, Untried, F::WindowsMessenger), UNTIL_XP,
        "Choose the account type \".NET Messenger Service\"; the others are for company servers."),
    row(("msn-5", "MSN Messenger 5.0", "2003", "8"), Windows, (DigestOrNexus, Expected, F::Msn5), SINCE_98,
        "Builds up to 5.0.0340 may still ask for the legacy sign-in."),
    row(("msn-6", "MSN Messenger 6.0 to 6.2", "2003-2004", "8 to 10"), Windows, (Nexus, Expected, F::Msn6), SINCE_98, ""),
    row(("msn-7.0", "MSN Messenger 7.0", "2005", "10 to 11"), Windows, (Nexus, Expected, F::Msn6), SINCE_98, ""),
    row(("msn-7.5", "MSN Messenger 7.5", "2005", "10 to 12"), Windows, (Soap, Expected, F::Msn75), SINCE_2000,
        "Build 7.5.0324 forgives the most."),
    row(("wlm-8.0", "Windows Live Messenger 8.0", "2006", "13 to 14"), Windows, (Soap, Expected, F::Live8), SINCE_XP,
        "Its betas sign in differently and often fail; take the release."),
    row(("wlm-8.1", "Windows Live Messenger 8.1", "2007", "15"), Windows, (Soap, Expected, F::Live8), SINCE_XP, ""),
    row(("wlm-8.5", "Windows Live Messenger 8.5", "2007", "15"), Windows, (Soap, Expected, F::Live8), SINCE_XP, ""),
    row(("wlm-9-beta", "Windows Live Messenger 9 beta", "2008", "16"), Windows, (Soap, Untried, F::Live14), SINCE_XP,
        "A beta; 9.0.1407 was seen working with other servers."),
    row(("wlm-2009", "Windows Live Messenger 2009 (14.0)", "2009", "16 to 18"), Windows, (Soap, Expected, F::Live14), SINCE_XP,
        "Take 14.0.8117.0416. The Contacts component (Windows Live Communications Platform) has to be installed with it."),
    row(("wlm-2011", "Windows Live Messenger 2011 (15)", "2010", "21"), Windows, (Unknown, Impossible, F::Nothing), SINCE_XP,
        "It speaks a version of the protocol that this server does not, and signs in through a service of Windows that cannot be pointed elsewhere. Use Windows Live Messenger 2009 instead; both run on Windows 10."),
    row(("wlm-2012", "Windows Live Messenger 2012 (16)", "2012", "21"), Windows, (Unknown, Impossible, F::Nothing), SINCE_XP,
        "It speaks a version of the protocol that this server does not, and signs in through a service of Windows that cannot be pointed elsewhere. Use Windows Live Messenger 2009 instead; both run on Windows 10."),

    row(("mac-1", "MSN Messenger for Mac 1.0 to 2.0", "2000-2001", "2 to 6"), Mac, (Digest, Untried, F::MacOld), &[MacClassic, MacOsX], ""),
    row(("mac-3", "MSN Messenger for Mac 3 to 5", "2002-2005", "8 to 11"), Mac, (Nexus, Untried, F::MacOld), &[MacOsX, MacClassic], ""),
    row(("mac-6", "Messenger for Mac 6 and 7", "2006-2008", "13 to 14"), Mac, (Nexus, Untried, F::Mac7), &[MacOsX], ""),
    row(("mac-8", "Messenger for Mac 8", "2010-2011", "13 to 16"), Mac, (Nexus, Untried, F::Mac8), &[MacOsX],
        "8.0.1 runs on Mac OS X 10.6 to macOS 10.14, which is the last one for 32-bit programs."),

    row(("msn-tv", "MSN TV and WebTV", "2000-2013", "3 to 8"), Elsewhere, (Digest, Untried, F::MsnTv), &[Device],
        "The box is told its server by the WebTV service it dials into, so whoever runs that service has to do this; minisrv is one."),
    row(("pocket-pc", "Messenger on Pocket PC and Windows Mobile", "2002-2009", ""), Elsewhere, (Unknown, Untried, F::PocketPc), &[PocketPc],
        "Nobody has written down which versions of the protocol it speaks and which names it looks for. If you try, the people of this project would like to hear what arrived."),
    row(("phones", "Messenger on Nokia, BlackBerry and other phones", "2003-2012", ""), Elsewhere, (Unknown, Impossible, F::Nothing), &[Device],
        "They went through gateways of their makers, which are gone."),
    row(("msn-explorer", "MSN Explorer, MSN 8 and 9", "2000-2005", ""), Elsewhere, (Unknown, Impossible, F::Nothing), SINCE_98,
        "The messenger in it signs in together with the whole of the MSN service: mail, dial-up and all. None of that is here."),
    row(("web-messenger", "MSN Web Messenger and the chat of Hotmail", "2004-2013", ""), Elsewhere, (Unknown, Impossible, F::Nothing), &[Device],
        "These were pages on Microsoft's servers, not programs, and went with them. There is nothing to point here."),

    row(("pidgin", "Pidgin 2.5 to 2.11", "2008-2016", "15 to 18"), Programs, (Soap, Expected, F::Purple), DESKTOPS,
        "Pidgin 2.12 and later have no MSN any more."),
    row(("pidgin-2.4", "Pidgin 2.0 to 2.4", "2007-2008", "9"), Programs, (Nexus, Expected, F::PurpleOld), DESKTOPS, ""),
    row(("gaim", "gaim 0.59 to 1.5", "2002-2006", "5 to 9"), Programs, (DigestOrNexus, Expected, F::Gaim), DESKTOPS,
        "Up to 0.67 it uses the legacy sign-in, and 0.60 to 0.67 have to be referred once (see below)."),
    row(("adium", "Adium up to 1.5", "2003-2014", "15 to 18"), Programs, (Soap, Untried, F::Adium), &[MacOsX],
        "It has the heart of Pidgin."),
    row(("amsn-0.95", "aMSN up to 0.96", "2005-2006", "9 to 12"), Programs, (Nexus, Expected, F::AmsnNexus), DESKTOPS, ""),
    row(("amsn", "aMSN 0.97 and 0.98", "2007-2012", "12 to 18"), Programs, (Soap, Expected, F::Amsn), DESKTOPS, ""),
    row(("papyon", "papyon: Empathy, emesene 2", "2009-2013", "15 to 18"), Programs, (Soap, Untried, F::Papyon), UNIX, ""),
    row(("emesene-1", "emesene 1", "2006-2010", "9 to 15"), Programs, (Soap, Untried, F::SourceNexus), DESKTOPS, ""),
    row(("kmess", "KMess 1 and 2", "2002-2012", "9 to 15"), Programs, (Soap, Untried, F::SourceNexus), UNIX, ""),
    row(("kopete", "Kopete", "2008-2013", "15"), Programs, (Soap, Untried, F::Kopete), UNIX, "The versions with libmsn."),
    row(("miranda", "Miranda IM and Miranda NG", "2001-2014", "8 to 18"), Programs, (Soap, Untried, F::Miranda), SINCE_2000,
        "Older ones sign in through the nexus. The newest of Miranda NG speak versions of the protocol that this server does not."),
    row(("trillian", "Trillian 0.7 to 3.1, Astra", "2001-2010", "8 to 15"), Programs, (Soap, Untried, F::Trillian), SINCE_2000,
        "Closed source; versions before Astra sign in through the nexus."),
    row(("bitlbee-1.2", "BitlBee up to 1.2", "2002-2010", "8"), Programs, (Nexus, Expected, F::BitlbeeOld), UNIX, ""),
    row(("bitlbee", "BitlBee 3.0 to 3.4.0", "2010-2015", "15 to 18"), Programs, (Soap, Expected, F::Bitlbee), UNIX, ""),
    row(("bitlbee-3.5", "BitlBee 3.4.1 to 3.5", "2015-2017", "21"), Programs, (Unknown, Impossible, F::Nothing), UNIX,
        "It speaks a version of the protocol that this server does not, and 3.6 has no MSN at all. Use BitlBee 3.2."),
    row(("climm", "climm and mICQ", "2002-2010", "8"), Programs, (Nexus, Untried, F::SourceNexus), UNIX, ""),

    row(("msnp11-sdk", "msnp11-sdk and Icedm", "new", "11"), Libraries, (OpenAddress, Tested, F::Sdk), MODERN,
        "The easiest first try on a machine of today: it takes any address, and plain http will do."),
    row(("avamsn", "AvaMSN", "new", "15"), Libraries, (OpenAddress, Expected, F::AvaMsn), MODERN, ""),
    row(("msnp-sharp", "MSNPSharp", "2008-2012", "15 to 21"), Libraries, (Soap, Expected, F::MsnpSharp), MODERN, ""),
    row(("revival", "msnpjs, MSNPClient, UWP Messenger and other new ones", "2018 on", "8 to 18"), Libraries, (OpenAddress, Untried, F::Constants), MODERN,
        "Made for other servers of today, whose addresses stand in their source."),
    row(("browser", "Clients in a browser", "2018 on", "8 and up"), Libraries, (OpenAddress, Untried, F::Browser), MODERN, ""),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_distinct_and_fit_for_addresses() {
        let keys: BTreeSet<&str> = CLIENTS.iter().map(|it| it.key).collect();
        assert_eq!(keys.len(), CLIENTS.len());
        for client in CLIENTS {
            let is_plain =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
            assert!(client.key.bytes().all(is_plain), "{}", client.key);
            assert_eq!(Client::named(client.key), Some(client));
            assert!(!client.systems.is_empty(), "{}", client.key);
        }
        assert_eq!(Client::named("icq"), None);
    }

    #[test]
    fn every_client_is_in_a_group_that_is_shown() {
        let shown: usize = Group::ALL.iter().map(|it| it.clients().count()).sum();
        assert_eq!(shown, CLIENTS.len());
    }

    #[test]
    fn what_does_not_work_says_why() {
        for client in CLIENTS {
            let is_hopeless = client.standing == Impossible;
            assert_eq!(
                is_hopeless,
                client.family == Family::Nothing,
                "{}",
                client.key
            );
            assert!(!is_hopeless || !client.note.is_empty(), "{}", client.key);
        }
    }
}
