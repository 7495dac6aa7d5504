//! Steps that many clients share.

use super::catalogue::Family;
use super::files::{Names, hosts_file, hosts_lines, redirect_ini, string_rows, strings_file};
use super::step::{Part, Step, StringRow};
use super::strings::{Original, longest_for_all};
use super::{Asked, SignIn, System};

/// First of all there has to be an account, of the right kind.
pub(super) fn account(asked: Asked<'_>) -> Step {
    let step = Step::new("Have an account");
    let step = match asked.client.sign_in {
        SignIn::Digest => step
            .say(
                "This client signs in with a digest of the password, the legacy sign-in, which is \
                 closed until you open it: on the page of your account, under \"Old clients\". \
                 The server then keeps a weaker secret for you, so use a password that is used \
                 nowhere else.",
            )
            .say("Whoever runs the server can open it too:")
            .code("chrysalis user passwd you@example.com --legacy"),
        SignIn::DigestOrNexus => step.say(
            "Some builds want the legacy sign-in, which is closed until you open it on the page of \
             your account, under \"Old clients\". Try without it first.",
        ),
        SignIn::Unknown => step.say(
            "Which sign-in it wants is not known. Begin with a plain account; if that fails, open \
             the legacy sign-in on its page and try again.",
        ),
        SignIn::Nexus | SignIn::Soap | SignIn::OpenAddress => step.say(
            "Any account will do; this client does not need the legacy sign-in. Keep the password \
             to 16 characters: many clients of the time cut it there.",
        ),
    };
    step.with(Part::Link {
        text: "Your account",
        path: "/account",
    })
}

/// Trust in the server's certificate, where there is one to hand out and the client will ask.
pub(super) fn certificate(asked: Asked<'_>) -> Option<Step> {
    let is_wanted =
        asked.client.needs_https() && asked.server.https.is_some() && asked.server.has_ca;
    if !is_wanted {
        return None;
    }
    let how = if asked.system.is_windows() {
        "Download it on this machine, open it, choose \"Install Certificate\", then \"Place all \
         certificates in the following store\" and \"Trusted Root Certification Authorities\". The \
         store of the current user is enough."
    } else {
        match asked.system {
            System::MacOsX => {
                "Download it, open it in Keychain Access, add it to the keychain \"System\" (before \
                 10.5: \"X509Anchors\"), and set it to \"Always trust\"."
            }
            System::Unix => {
                "Add it to the store of the program: for Pidgin Tools, Certificates; for OpenSSL the \
                 folder of the system's certificates."
            }
            _ => "It has to get into the device's store of root certificates.",
        }
    };
    let step = Step::new("Trust this server's certificate")
        .say(
            "The names that this client looks for belonged to Microsoft, so this server shows a \
             certificate of an authority of its own. Install it on the machines that use this server \
             and nowhere else.",
        )
        .say(how)
        .with(Part::Link {
            text: "Download the certificate",
            path: "/connect/ca.cer",
        });
    Some(step)
}

/// Last of all.
pub(super) fn sign_in() -> Step {
    Step::new("Sign in").say(
        "Start the program and sign in with your whole address and your password. Then add a friend \
         by their address. If it fails, see below what the numbers mean.",
    )
}

/// Whether a client can be told another port than the usual one.
pub(super) fn takes_port(asked: Asked<'_>) -> bool {
    match asked.client.family {
        Family::Registry
        | Family::MsnTv
        | Family::Gaim
        | Family::PurpleOld
        | Family::Purple
        | Family::Adium
        | Family::AmsnNexus
        | Family::Amsn
        | Family::Papyon
        | Family::Kopete
        | Family::Miranda
        | Family::MsnpSharp
        | Family::AvaMsn
        | Family::Sdk
        | Family::Constants
        | Family::Browser
        | Family::Nothing => true,
        Family::WindowsMessenger
        | Family::Msn5
        | Family::Msn6
        | Family::Msn75
        | Family::Live8
        | Family::Live14
        | Family::MacOld
        | Family::Mac7
        | Family::Mac8
        | Family::SourceNexus
        | Family::Trillian
        | Family::BitlbeeOld
        | Family::Bitlbee
        | Family::PocketPc => false,
    }
}

/// Names pointed here in the hosts file of the system, or in DNS where it has none.
pub(super) fn hosts(asked: Asked<'_>, title: &'static str, names: Names) -> Step {
    let Asked { system, server, .. } = asked;
    let mut step = Step::new(title);
    let Some(path) = system.hosts_path() else {
        return in_dns(step, names, asked);
    };
    match hosts_lines(names.list(), server, system) {
        Some(lines) => {
            let file = hosts_file(&lines);
            let how = editing(system);
            step = step
                .say(format!("Add these lines at the end of {path}{how}"))
                .code(lines)
                .file(file);
            if super::server::literal(&server.host).is_none() {
                step = step.say(format!(
                    "The address is what {} stood for when the server started; \"ping {}\" tells \
                     whether it still does.",
                    server.host, server.host
                ));
            }
        }
        None => {
            step = step
                .say(format!(
                    "At the end of {path} add a line for each of these names, with the address of \
                     {} in front, the one that \"ping {}\" shows. Edit it{}",
                    server.host,
                    server.host,
                    editing(system)
                ))
                .code(names.list().join("\n"));
        }
    }
    if names.has_live() {
        step = step.say(
            "Take the line of login.live.com out again when you are done with Messenger: while it is \
             there, no service of Microsoft's lets you sign in on that machine. A virtual machine of \
             its own is safer.",
        );
    }
    if system == System::Windows10 {
        step = step.say(
            "Windows Security may take such lines out again; look there first if it works once and \
             never after.",
        );
    }
    step
}

fn in_dns(step: Step, names: Names, asked: Asked<'_>) -> Step {
    let step = step.say(
        "There is no hosts file to edit, so the DNS of your network, usually in the router, has to \
         lead these names to this server:",
    );
    let lines = names.list().join("\n");
    let step = step.code(lines);
    match asked.server.ip() {
        Some(ip) => step.say(format!("They all lead to {ip}.")),
        None => step.say(format!("They all lead where {} does.", asked.server.host)),
    }
}

/// How the file is edited there, as the rest of a sentence.
fn editing(system: System) -> &'static str {
    match system {
        System::Windows9x => {
            " (without an ending; if there is only HOSTS.SAM, make a new file with Notepad), then \
             start the machine anew:"
        }
        System::WindowsNt | System::Windows2000 | System::WindowsXpOld | System::WindowsXp => {
            " with Notepad, as an administrator:"
        }
        System::WindowsVista | System::Windows7 | System::Windows8 | System::Windows10 => {
            " with Notepad, which has to be started with \"Run as administrator\":"
        }
        System::MacClassic => {
            " with SimpleText, then choose it in the control panel TCP/IP (\"Select Hosts File\"; \
             nobody has tried this here):"
        }
        System::MacOsX => " in Terminal, with \"sudo nano /etc/hosts\":",
        System::Unix => " as the superuser:",
        System::PocketPc | System::Device => ":",
    }
}

/// Strings of a program replaced in a hex editor.
pub(super) fn strings(asked: Asked<'_>, program: &str, originals: &[Original]) -> Step {
    let rows = string_rows(originals, asked.server);
    let file = strings_file(&rows);
    let do_all_fit = rows.iter().all(StringRow::fits);
    let mut step = Step::new("Or: replace the names in the program")
        .say(format!(
            "Make a copy of {program} and open it in a hex editor. Replace each of these texts, \
             wherever it stands, in this order; each replacement has exactly the length of what it \
             replaces. They are plain ASCII; some builds hold a second copy with a zero behind each \
             letter."
        ))
        .with(Part::Strings(rows))
        .file(file);
    if !do_all_fit {
        step = step.say(format!(
            "A name of {} characters or fewer fits them all; this server may have it beside its \
             own. What does not fit stays as it is, with a line in the hosts file.",
            longest_for_all(originals)
        ));
    }
    step = step.say(format!(
        "Names that are not {} itself have to be made known: one entry *.{} in your DNS leads \
             them all here, or put them into the hosts file.",
        asked.server.host, asked.server.host
    ));
    if asked.server.web_host() != asked.server.host {
        step = step.say(format!(
            "The names below {} belong to the web side; *.{} is for them.",
            asked.server.web_host(),
            asked.server.web_host()
        ));
    }
    step.say("Afterwards the signature of the program is broken, which does no harm.")
}

/// An extra DLL that redirects names, with the file that tells it where (`docs/protocol/24 §1.4`).
pub(super) fn redirecting_dll(asked: Asked<'_>, files: &[&'static str], folders: &str) -> Step {
    let step = Step::new("Or: a patched installer with a DLL that redirects").say(format!(
        "The installers of revival servers bring a DLL (escargot.dll) that leads Microsoft's names \
         elsewhere while the program runs. Install one of those, then put this file beside the EXE, \
         in {folders}, in place of the one that is there. It is made for the DLL of Escargot; the \
         one of CrossTalk has a file of another form."
    ));
    let step = files.iter().fold(step, |step, &name| {
        let file = redirect_ini(name, asked.server);
        step.code(file.contents.trim_end().replace('\r', ""))
            .file(file)
    });
    if asked.system.has_elevation() {
        step.say("The folder takes changes from an administrator only.")
    } else {
        step
    }
}

/// The server as most programs ask for it.
pub(super) fn server_settings(asked: Asked<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("Server", asked.server.host.clone()),
        ("Port", asked.server.msnp_port.to_string()),
    ]
}
