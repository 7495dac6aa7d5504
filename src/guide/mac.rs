//! Messenger for the Mac (`docs/protocol/23 §6`, `24 §2 G`).

use super::catalogue::SignIn;
use super::files::Names;
use super::parts::{hosts, strings};
use super::strings::{ADDRESS_BOOK, CONFIG, GATEWAY, MAIL, MESSENGER, NEXUS, NEXUS_URL, OFFLINE};
use super::{Asked, Step};

/// Versions 1 to 5, of which nobody has tried one.
pub(super) fn old(asked: Asked<'_>) -> Vec<Step> {
    let names = match asked.client.sign_in {
        SignIn::Digest => Names::Digest,
        _ => Names::Nexus,
    };
    vec![hosts(asked, "Lead its names here", names)]
}

/// Versions 6 and 7.
pub(super) fn mac_7(asked: Asked<'_>) -> Vec<Step> {
    with_cache(
        asked,
        "~/Library/Preferences/Microsoft/com.microsoft.Messenger.plist",
        "~/Documents/Microsoft Messenger.log",
    )
}

/// Version 8.
pub(super) fn mac_8(asked: Asked<'_>) -> Vec<Step> {
    with_cache(
        asked,
        "~/Library/Preferences/com.microsoft.Messenger.plist",
        "~/Library/Logs/Microsoft-Messenger.log, once it is switched on in the preferences",
    )
}

fn with_cache(asked: Asked<'_>, plist: &str, log: &str) -> Vec<Step> {
    vec![
        Step::new("Make it forget another server")
            .say("It remembers the servers it was told. Close it, then in Terminal:")
            .code(format!("rm {plist}"))
            .say("Do this again after every change of names."),
        hosts(asked, "Either: the hosts file", Names::Mac),
        strings(
            asked,
            "the program inside the application (Contents/MacOS)",
            &[
                CONFIG,
                NEXUS_URL,
                GATEWAY,
                ADDRESS_BOOK,
                OFFLINE,
                MESSENGER,
                NEXUS,
                MAIL,
            ],
        )
        .say("Not every version holds every one of these."),
        Step::new("If it fails").say(format!("It can write down what happened: {log}.")),
    ]
}
