//! Pidgin and its relatives: gaim, libpurple, Adium (`docs/protocol/24 §3`, `25 §3, §4`).

use super::files::Names;
use super::parts::{hosts, server_settings};
use super::{Asked, Step};

/// gaim up to 1.5.
pub(super) fn gaim(asked: Asked<'_>) -> Vec<Step> {
    vec![
        account_options(asked, "In the account's options:"),
        Step::new("gaim 0.60 to 0.67").say(
            "These sign in only if a first server refers them to a second one. Whoever runs this \
             server has to set listen.dispatch to an address of its own; give gaim the port of that \
             one.",
        ),
        hosts(asked, "From 0.68 on: the nexus", Names::OthersNexus),
    ]
}

/// libpurple up to 2.4.
pub(super) fn old(asked: Asked<'_>) -> Vec<Step> {
    vec![
        account_options(asked, "In the account, under Advanced:"),
        hosts(asked, "The nexus", Names::OthersNexus).say("This name is compiled in."),
    ]
}

/// libpurple 2.5 to 2.11.
pub(super) fn pidgin(asked: Asked<'_>) -> Vec<Step> {
    vec![
        account_options(asked, "In the account, under Advanced:"),
        web_names(asked),
    ]
}

/// The same in a Mac's clothes.
pub(super) fn adium(asked: Asked<'_>) -> Vec<Step> {
    vec![
        account_options(asked, "In the account, under Options:"),
        web_names(asked),
    ]
}

fn account_options(asked: Asked<'_>, place: &str) -> Step {
    let mut settings = server_settings(asked);
    settings.push(("Use HTTP method", "off".to_owned()));
    Step::new("Settings of the account")
        .say(place)
        .settings(settings)
}

fn web_names(asked: Asked<'_>) -> Step {
    hosts(asked, "Names of the web side", Names::OthersSoap).say(
        "These names are compiled in. The certificate has to be in the store of its TLS library (NSS \
         or GnuTLS).",
    )
}
