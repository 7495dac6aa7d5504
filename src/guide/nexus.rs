//! Clients that sign in through the nexus: Windows Messenger 4.7 and 5, MSN Messenger 5.0 to 7.0
//! (`docs/protocol/24 §2 B`), and what may be one on Pocket PC (`§2 I`).

use super::files::{Names, forget_server};
use super::parts::{hosts, redirecting_dll, strings};
use super::strings::{CONFIG, GATEWAY, MESSENGER, NEXUS, NEXUS_URL};
use super::{Asked, Step};

const MESSENGER_FOLDER: &str = r"%ProgramFiles%\Messenger";
const MSN_FOLDER: &str = r"%ProgramFiles%\MSN Messenger";

/// It keeps the last server under a key that it shares with older ones.
pub(super) fn windows_messenger(asked: Asked<'_>) -> Vec<Step> {
    vec![
        forget("MessengerService"),
        hosts(asked, "Either: the hosts file", Names::Nexus),
        strings(asked, "msmsgs.exe", &[NEXUS_URL, GATEWAY, MESSENGER, NEXUS]),
        redirecting_dll(asked, &["msmsgs.exe-escargot.ini"], MESSENGER_FOLDER),
    ]
}

/// No configuration yet.
pub(super) fn msn_5(asked: Asked<'_>) -> Vec<Step> {
    vec![
        forget("MSNMessenger"),
        hosts(asked, "Either: the hosts file", Names::Nexus),
        strings(
            asked,
            "msnmsgr.exe",
            &[NEXUS_URL, GATEWAY, MESSENGER, NEXUS],
        ),
        redirecting_dll(asked, &["msnmsgr.exe-escargot.ini"], MSN_FOLDER),
    ]
}

/// With a configuration.
pub(super) fn msn_6(asked: Asked<'_>) -> Vec<Step> {
    vec![
        forget("MSNMessenger"),
        hosts(asked, "Either: the hosts file", Names::NexusAndConfig),
        strings(
            asked,
            "msnmsgr.exe",
            &[CONFIG, NEXUS_URL, GATEWAY, MESSENGER, NEXUS],
        ),
        redirecting_dll(asked, &["msnmsgr.exe-escargot.ini"], MSN_FOLDER),
    ]
}

/// What is known, which is next to nothing.
pub(super) fn pocket_pc(asked: Asked<'_>) -> Vec<Step> {
    vec![hosts(asked, "Lead its names here", Names::Nexus).say(
        "Expect it to sign in through the nexus, over https, and to have trouble with the \
             certificate: a root certificate gets onto the device in a CAB file.",
    )]
}

/// A cached address is the most common reason of "cannot connect" (`docs/protocol/24 §1.1`).
fn forget(key: &str) -> Step {
    Step::new("Make it forget another server")
        .say(
            "If it was connected to any server before, it remembers its address. Close the program, \
             open this file and say yes:",
        )
        .file(forget_server(key))
        .say(format!(
            "By hand: delete the value Server under HKEY_CURRENT_USER\\Software\\Microsoft\\{key}."
        ))
}
