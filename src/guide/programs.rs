//! Programs of others (`docs/protocol/24 §3`).

use super::files::Names;
use super::parts::{hosts, server_settings};
use super::{Asked, Step};

/// aMSN while it signed in through the nexus.
pub(super) fn amsn_nexus(asked: Asked<'_>) -> Vec<Step> {
    vec![
        amsn_settings(asked),
        Step::new("Where it signs in")
            .say(
                "The address of the nexus stands in auth.tcl of its folder, plain text that you can \
                 edit. Put this instead of https://nexus.passport.com/rdr/pprdr.asp:",
            )
            .code(format!("{}/rdr/pprdr.asp", asked.server.web)),
        hosts(asked, "Or leave auth.tcl and lead the name here", Names::OthersNexus),
    ]
}

/// aMSN with SOAP.
pub(super) fn amsn(asked: Asked<'_>) -> Vec<Step> {
    let web = &asked.server.web;
    vec![
        amsn_settings(asked),
        Step::new("Where it signs in")
            .say(
                "The addresses of the web side stand in its .tcl files (auth.tcl and others), plain \
                 text that you can edit. Replace the ones of Microsoft's hosts:",
            )
            .settings(vec![
                ("RST.srf", format!("{web}/RST.srf")),
                ("abservice.asmx", format!("{web}/abservice/abservice.asmx")),
                (
                    "SharingService.asmx",
                    format!("{web}/abservice/SharingService.asmx"),
                ),
                (
                    "SchematizedStore.asmx",
                    format!("{web}/storageservice/SchematizedStore.asmx"),
                ),
                ("oim.asmx", format!("{web}/OimWS/oim.asmx")),
                ("rsi.asmx", format!("{web}/rsi/rsi.asmx")),
            ]),
        hosts(asked, "Or leave them and lead the names here", Names::OthersSoap),
    ]
}

fn amsn_settings(asked: Asked<'_>) -> Step {
    Step::new("Settings")
        .say("Close aMSN and set these in the file config.xml of its folder (~/.amsn):")
        .settings(vec![
            ("default_ns_server", host_and_port(asked)),
            ("default_gateway_server", asked.server.web_host().to_owned()),
        ])
}

/// papyon, which Empathy and emesene 2 are made with.
pub(super) fn papyon(asked: Asked<'_>) -> Vec<Step> {
    vec![
        Step::new("Settings of the account")
            .say("Server and port are settings of the account (arguments of the client in papyon):")
            .settings(server_settings(asked)),
        hosts(asked, "Names of the web side", Names::OthersSoap).say(
            "Or edit them: it is Python, and they stand in the modules papyon/service/description.",
        ),
    ]
}

/// Those whose names stand in their source: emesene 1, KMess, climm.
pub(super) fn source(asked: Asked<'_>) -> Vec<Step> {
    vec![
        hosts(asked, "Either: lead the names here", Names::All),
        Step::new("Or: change the source")
            .say("Look for messenger.hotmail.com, nexus.passport.com and login.live.com in it:")
            .settings(vec![
                ("messenger.hotmail.com:1863", host_and_port(asked)),
                (
                    "nexus.passport.com/rdr/pprdr.asp",
                    format!("{}/rdr/pprdr.asp", asked.server.web),
                ),
                (
                    "login.live.com/RST.srf",
                    format!("{}/RST.srf", asked.server.web),
                ),
            ]),
    ]
}

/// Kopete.
pub(super) fn kopete(asked: Asked<'_>) -> Vec<Step> {
    vec![
        Step::new("Settings of the account")
            .say("In the account, under Connection, \"Override default server information\":")
            .settings(server_settings(asked)),
        hosts(asked, "Names of the web side", Names::OthersSoap),
    ]
}

/// Miranda, whose address book can be told its host.
pub(super) fn miranda(asked: Asked<'_>) -> Vec<Step> {
    let mut settings = server_settings(asked);
    settings.push(("Use gateway", "off".to_owned()));
    vec![
        Step::new("Settings of the account")
            .say("Under Options, Network, MSN:")
            .settings(settings),
        Step::new("The address book")
            .say(
                "Versions with an address book on the web take its hosts from the database: entries \
                 of the module MSN whose names begin with ABHost-, in the plug-in Database Editor:",
            )
            .settings(vec![("ABHost-...", asked.server.web_host().to_owned())]),
        hosts(asked, "All other names", Names::All),
    ]
}

/// Trillian has no setting.
pub(super) fn trillian(asked: Asked<'_>) -> Vec<Step> {
    vec![hosts(asked, "Lead its names here", Names::All)]
}

/// BitlBee with the nexus.
pub(super) fn bitlbee_old(asked: Asked<'_>) -> Vec<Step> {
    vec![
        bitlbee_source(asked),
        hosts(
            asked,
            "Or: lead the names here, on the machine of BitlBee",
            Names::Nexus,
        ),
    ]
}

/// BitlBee with SOAP.
pub(super) fn bitlbee(asked: Asked<'_>) -> Vec<Step> {
    vec![
        bitlbee_source(asked),
        hosts(
            asked,
            "In any case: lead the names here, on the machine of BitlBee",
            Names::All,
        ),
    ]
}

fn bitlbee_source(asked: Asked<'_>) -> Step {
    Step::new("Build it with this server's name")
        .say("The host of the messenger connection is a constant of protocols/msn/msn.h:")
        .settings(vec![
            ("MSN_NS_HOST", asked.server.host.clone()),
            ("MSN_NS_PORT", asked.server.msnp_port.to_string()),
        ])
}

fn host_and_port(asked: Asked<'_>) -> String {
    format!("{}:{}", asked.server.host, asked.server.msnp_port)
}
