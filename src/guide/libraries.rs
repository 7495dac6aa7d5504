//! Libraries, bots and new clients, whose addresses are settings or source (`docs/protocol/24 §3`).

use super::files::Names;
use super::parts::{hosts, server_settings};
use super::{Asked, Step};

/// msnp11-sdk and Icedm.
pub(super) fn sdk(asked: Asked<'_>) -> Vec<Step> {
    let web = &asked.server.web;
    let mut settings = server_settings(asked);
    settings.push(("Nexus URL", format!("{web}/rdr/pprdr.asp")));
    settings.push(("Config URL", format!("{web}/Config/MsgrConfig.asmx")));
    vec![
        Step::new("Settings")
            .say("In Icedm these are settings; in a program of yours, arguments of the client:")
            .settings(settings),
    ]
}

/// AvaMSN.
pub(super) fn ava_msn(asked: Asked<'_>) -> Vec<Step> {
    let web = &asked.server.web;
    vec![Step::new("Settings").say("Under Options:").settings(vec![
        ("Server", asked.server.host.clone()),
        ("RST address", format!("{web}/RST.srf")),
        (
            "Sharing service address",
            format!("{web}/abservice/SharingService.asmx"),
        ),
        (
            "Address book address",
            format!("{web}/abservice/abservice.asmx"),
        ),
    ])]
}

/// MSNPSharp, in the newest version of the protocol that is here.
pub(super) fn msnp_sharp(asked: Asked<'_>) -> Vec<Step> {
    vec![
        Step::new("In your program")
            .say(
                "Choose version 18 (or 15) of the protocol: its newest, 21, is not spoken here. The \
                 server is a setting of the connection:",
            )
            .settings(vec![
                ("ConnectivitySettings.Host", asked.server.host.clone()),
                (
                    "ConnectivitySettings.Port",
                    asked.server.msnp_port.to_string(),
                ),
            ]),
        hosts(asked, "Names of the web side", Names::OthersSoap)
            .say("Or change them in its source. It also asks msnia.login.live.com."),
    ]
}

/// New clients whose addresses are in their source.
pub(super) fn constants(asked: Asked<'_>) -> Vec<Step> {
    let web = &asked.server.web;
    vec![
        Step::new("Change its source")
            .say(
                "Look for the host of the server it was made for (m1.escargot..., \
                 ms.msgrsvcs...) and put this one there:",
            )
            .settings(vec![
                ("Messenger server", asked.server.host.clone()),
                ("Port", asked.server.msnp_port.to_string()),
                ("Nexus", format!("{web}/rdr/pprdr.asp")),
                ("RST", format!("{web}/RST.srf")),
                ("NotRST", format!("{web}/NotRST.srf")),
                ("Address book", format!("{web}/abservice/abservice.asmx")),
            ]),
    ]
}

/// Those that run in a page.
pub(super) fn browser(asked: Asked<'_>) -> Vec<Step> {
    let web = &asked.server.web;
    vec![
        Step::new("Settings")
            .say("A page cannot open the messenger connection itself, so it needs the gateway:")
            .settings(vec![
                ("Gateway", format!("{web}/gateway/gateway.dll")),
                ("Sign-in", format!("{web}/NotRST.srf")),
            ])
            .say(
                "Whether this server has a gateway, and lets pages of other sites use it, is for \
                 whoever runs it to say.",
            ),
    ]
}
