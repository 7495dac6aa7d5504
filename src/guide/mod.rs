//! How a client is connected to this server: pure data and functions, shown by pages and at the
//! command line.
//!
//! [`CLIENTS`] is the table of everything that ever spoke the protocol; [`guide`] makes of one row,
//! a system and a [`Server`] what is to be done, in order, with the files for it. Nothing here does
//! I/O or knows where its values come from. What is claimed about clients is from
//! `docs/protocol/24`, and where that is unsure the text says so.

mod catalogue;
mod codes;
mod files;
mod libraries;
mod live;
mod mac;
mod nexus;
mod parts;
mod pitfalls;
mod programs;
mod purple;
mod registry;
mod server;
mod step;
mod strings;
mod system;
mod text;

pub use catalogue::{CLIENTS, Client, Group, SignIn, Standing};
pub use codes::{CODES, Code};
pub use server::{Https, Reach, Server, TlsAge};
pub use step::{File, Guide, Part, Step, StringRow};
pub use strings::{CONFIG_PATHS, ORIGINALS, Original, Replacement, nexus_paths, replacement};
pub use system::System;

use catalogue::Family;
use codes::Kind;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    client: &'static Client,
    system: System,
    server: &'a Server,
}

/// What this client needs on this system for this server.
pub fn guide(client: &'static Client, system: System, server: &Server) -> Guide {
    let asked = Asked {
        client,
        system,
        server,
    };
    let own = steps(asked);
    let steps = if own.is_empty() {
        own
    } else {
        let first = std::iter::once(parts::account(asked));
        let first = first.chain(parts::certificate(asked));
        let last = std::iter::once(parts::sign_in());
        first.chain(own).chain(last).collect()
    };
    let is_hopeless = steps.is_empty();
    Guide {
        client,
        system,
        warnings: if is_hopeless {
            Vec::new()
        } else {
            warnings(asked)
        },
        steps,
        pitfalls: pitfalls::of(asked),
        codes: CODES.iter().filter(|code| shows(asked, code)).collect(),
    }
}

fn steps(asked: Asked<'_>) -> Vec<Step> {
    match asked.client.family {
        Family::Registry => registry::steps(asked),
        Family::WindowsMessenger => nexus::windows_messenger(asked),
        Family::Msn5 => nexus::msn_5(asked),
        Family::Msn6 => nexus::msn_6(asked),
        Family::Msn75 => live::msn_7_5(asked),
        Family::Live8 => live::live_8(asked),
        Family::Live14 => live::live_14(asked),
        Family::MacOld => mac::old(asked),
        Family::Mac7 => mac::mac_7(asked),
        Family::Mac8 => mac::mac_8(asked),
        Family::Gaim => purple::gaim(asked),
        Family::PurpleOld => purple::old(asked),
        Family::Purple => purple::pidgin(asked),
        Family::Adium => purple::adium(asked),
        Family::AmsnNexus => programs::amsn_nexus(asked),
        Family::Amsn => programs::amsn(asked),
        Family::Papyon => programs::papyon(asked),
        Family::SourceNexus => programs::source(asked),
        Family::Kopete => programs::kopete(asked),
        Family::Miranda => programs::miranda(asked),
        Family::Trillian => programs::trillian(asked),
        Family::BitlbeeOld => programs::bitlbee_old(asked),
        Family::Bitlbee => programs::bitlbee(asked),
        Family::MsnpSharp => libraries::msnp_sharp(asked),
        Family::AvaMsn => libraries::ava_msn(asked),
        Family::Sdk => libraries::sdk(asked),
        Family::Constants => libraries::constants(asked),
        Family::Browser => libraries::browser(asked),
        Family::MsnTv => registry::msn_tv(asked),
        Family::PocketPc => nexus::pocket_pc(asked),
        Family::Nothing => Vec::new(),
    }
}

/// What stands in the way: of everybody, or of this client.
fn warnings(asked: Asked<'_>) -> Vec<String> {
    let Asked {
        client,
        system,
        server,
    } = asked;
    let mut warnings = Vec::new();
    match server.reach() {
        Reach::ThisMachine => warnings.push(format!(
            "Only the machine that this server runs on can connect: it calls itself {}. Whoever runs \
             it can mend that: let it listen on all addresses (listen.msnp = \"0.0.0.0:1863\" and \
             listen.http = \"0.0.0.0:8080\"), and set advertise.host to the name or address that \
             clients use for it.",
            server.host
        )),
        Reach::LocalNetwork => warnings.push(format!(
            "This server calls itself {}, which only machines on its own network can reach. To let \
             others in, whoever runs it forwards its ports in the router and sets advertise.host to \
             the name or address that the world knows.",
            server.host
        )),
        Reach::Everybody => {}
    }
    if client.group != Group::Libraries
        && server.msnp_port != server::MSNP_PORT
        && !parts::takes_port(asked)
    {
        warnings.push(format!(
            "This client knows no other port than 1863, and this server is at {}. Ask whoever runs \
             it to make it reachable at 1863.",
            server.msnp_port
        ));
    }
    if client.needs_https() {
        warnings.extend(about_https(system, server.https));
    }
    warnings
}

/// What keeps a client from signing in over https at names that are compiled in.
fn about_https(system: System, https: Option<Https>) -> Vec<String> {
    let Some(https) = https else {
        return vec![
            "This client signs in over https, and this server has none yet. Until whoever runs it \
             adds it ([tls] or [legacy_tls] in its settings, or a proxy), what is below ends at the \
             sign-in."
                .to_owned(),
        ];
    };
    let mut warnings = Vec::new();
    if https.port != server::HTTPS_PORT {
        warnings.push(format!(
            "This client knows no other port for https than 443, and this server listens for it at \
             {}. It has to be reachable at 443 as well.",
            https.port
        ));
    }
    match https.age {
        _ if !system.has_old_tls() => {}
        TlsAge::Old => {}
        TlsAge::Modern => warnings.push(
            "This system speaks only old versions of TLS, and this server takes 1.2 and later. \
             Whoever runs it can add the old ones ([legacy_tls] in its settings)."
                .to_owned(),
        ),
        TlsAge::Unknown => warnings.push(
            "This system speaks only old versions of TLS. Its sign-in works if the https in front \
             of this server still takes them; ask whoever runs it, if it fails with 80072F7D or \
             without a word."
                .to_owned(),
        ),
    }
    warnings
}

fn shows(asked: Asked<'_>, code: &Code) -> bool {
    let is_microsofts = matches!(asked.client.group, Group::Windows);
    let family = asked.client.family;
    let has_contacts = matches!(family, Family::Live8 | Family::Live14);
    is_microsofts
        && family != Family::Nothing
        && match code.kind {
            Kind::All => true,
            Kind::Web => family != Family::Registry,
            Kind::Library => has_contacts || family == Family::Msn75,
            Kind::Contacts => has_contacts,
            Kind::Pictures => has_contacts || matches!(family, Family::Msn6 | Family::Msn75),
        }
}

#[cfg(test)]
mod tests;
