//! What went wrong for others (`docs/protocol/24 §7`).

use super::catalogue::Family;
use super::{Asked, Group};

/// Whom a pitfall waits for.
type Applies = fn(Asked<'_>) -> bool;

/// Whom, and for what.
const PITFALLS: [(Applies, &str); 10] = [
    (
        caches_server,
        "A server that it remembers from before: the most common reason of \"cannot connect\". \
         Delete it again after every change.",
    ),
    (
        is_web,
        "A clock that is wrong by more than five minutes: certificates and tickets look expired.",
    ),
    (
        is_web_on_windows,
        "\"Work offline\" or a dead proxy in Internet Explorer: the sign-in fails although port 1863 \
         works.",
    ),
    (
        is_web_on_windows,
        "Names that were forgotten: one missing name shows as a slow sign-in, not as an error.",
    ),
    (
        has_config,
        "The configuration is fetched without https, at port 80. Without an answer there the window \
         may stay blank or lack its tabs; signing in works.",
    ),
    (
        is_elevated,
        "Files in Program Files do not change unless the editor is started as administrator.",
    ),
    (
        is_live,
        "Messenger Plus! and other plug-ins hook the same functions as redirecting DLLs. Try without \
         them first.",
    ),
    (
        is_windows,
        "Two accounts on one machine: the program starts once only, unless it is patched \
         (\"polygamy\").",
    ),
    (
        is_any,
        "Passwords longer than 16 characters: many clients cut them. This server takes the first 16, \
         unless it was told not to.",
    ),
    (
        is_any,
        "Addresses need an @ and a dot. Some clients refuse endings they do not know.",
    ),
];

/// Those that wait for this client on this system.
pub(super) fn of(asked: Asked<'_>) -> Vec<&'static str> {
    if asked.client.family == Family::Nothing {
        return Vec::new();
    }
    let mine = PITFALLS.iter().filter(|(applies, _)| applies(asked));
    mine.map(|(_, text)| *text).collect()
}

fn is_any(_: Asked<'_>) -> bool {
    true
}

fn is_web(asked: Asked<'_>) -> bool {
    asked.client.needs_https()
}

fn is_windows(asked: Asked<'_>) -> bool {
    asked.client.group == Group::Windows
}

fn is_web_on_windows(asked: Asked<'_>) -> bool {
    is_web(asked) && is_windows(asked) && asked.client.family != Family::Registry
}

fn is_elevated(asked: Asked<'_>) -> bool {
    is_web_on_windows(asked) && asked.system.has_elevation()
}

fn has_config(asked: Asked<'_>) -> bool {
    matches!(
        asked.client.family,
        Family::Msn6 | Family::Msn75 | Family::Live8 | Family::Live14
    )
}

fn is_live(asked: Asked<'_>) -> bool {
    matches!(asked.client.family, Family::Live8 | Family::Live14)
}

fn caches_server(asked: Asked<'_>) -> bool {
    matches!(
        asked.client.family,
        Family::WindowsMessenger | Family::Msn5 | Family::Msn6 | Family::Mac7 | Family::Mac8
    )
}
