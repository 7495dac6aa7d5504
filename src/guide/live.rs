//! Clients with a sign-in library: MSN Messenger 7.5 and Windows Live Messenger 8.0 to 14.0
//! (`docs/protocol/24 §1.5, §2 C, D, E`).

use super::files::Names;
use super::parts::{hosts, redirecting_dll, strings};
use super::strings::{ADDRESS_BOOK, CONFIG, GATEWAY, MAIL, MESSENGER, OFFLINE, STORAGE};
use super::{Asked, Step};

const MSN_FOLDER: &str = r"%ProgramFiles%\MSN Messenger";
const LIVE_FOLDER: &str = r"%ProgramFiles%\Windows Live\Messenger";

/// The first one with a library, `msidcrl.dll`.
pub(super) fn msn_7_5(asked: Asked<'_>) -> Vec<Step> {
    vec![
        hosts(asked, "Either: the hosts file", Names::Library),
        strings(asked, "msnmsgr.exe", &[CONFIG, GATEWAY, MESSENGER, MAIL]).say(
            "The sign-in itself is in msidcrl.dll and not among these: the lines of \
             loginnet.passport.com, login.passport.com and login.live.com in the hosts file are \
             needed in any case.",
        ),
        redirecting_dll(asked, &["msnmsgr.exe-escargot.ini"], MSN_FOLDER),
    ]
}

/// Contacts come from the web.
pub(super) fn live_8(asked: Asked<'_>) -> Vec<Step> {
    let folder = match asked.client.key {
        "wlm-8.5" => LIVE_FOLDER,
        _ => MSN_FOLDER,
    };
    vec![
        hosts(asked, "Either: the hosts file", Names::Live),
        strings(
            asked,
            "msnmsgr.exe",
            &[
                CONFIG,
                GATEWAY,
                ADDRESS_BOOK,
                OFFLINE,
                MESSENGER,
                STORAGE,
                MAIL,
            ],
        )
        .say(
            "The sign-in itself is in the library msidcrl40.dll and not among these: the line of \
             login.live.com in the hosts file is needed in any case.",
        ),
        redirecting_dll(asked, &["msnmsgr.exe-escargot.ini"], folder),
    ]
}

/// A second program does the contacts.
pub(super) fn live_14(asked: Asked<'_>) -> Vec<Step> {
    let folders = r"%ProgramFiles(x86)%\Windows Live\Messenger and the second one in %ProgramFiles(x86)%\Windows Live\Contacts (without the (x86) on a 32-bit Windows)";
    vec![
        Step::new("Install all of it").say(
            "Contacts are fetched by a program of their own, wlcomm.exe. Install the package of the \
             Contacts component (contacts.msi) together with the one of Messenger. It also tries to \
             reach www.microsoft.com at port 80 to see whether there is a network, so that has to \
             answer.",
        ),
        redirecting_dll(
            asked,
            &["msnmsgr.exe-escargot.ini", "wlcomm.exe-escargot.ini"],
            folders,
        ),
        hosts(asked, "Or: the hosts file, with a clean installation", Names::Live),
        Step::new("What is not offered").say(
            "The names inside the programs of 14.0 differ from build to build, so there is no list \
             of strings to replace. The library can also be led elsewhere with a registry key and a \
             patch of ten bytes (an IdentityCRL environment), which this server has no documents \
             for.",
        ),
    ]
}
