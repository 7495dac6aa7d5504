//! The files that a guide hands out: plain ASCII, with the line ends of Windows, because Notepad of
//! the time knows no others.

use super::step::File;
use super::step::StringRow;
use super::strings::Original;
use super::{Replacement, Server, System};

const LINE_END: &str = "\r\n";

/// Names that clients look for, by what they are for (`docs/protocol/24 §1.2`, `23 §12`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Sign-in through the nexus, no configuration: Windows Messenger 4.7 and MSN 5.
    Nexus,
    /// The same with a configuration: MSN 6 and 7.0.
    NexusAndConfig,
    /// The sign-in library of 7.5.
    Library,
    /// Windows Live Messenger.
    Live,
    /// Messenger for Mac 6 to 8: the nexus, and contacts from the web.
    Mac,
    /// No web side at all.
    Digest,
    /// Third-party programs that sign in through the nexus, and are told the messenger server.
    OthersNexus,
    /// Third-party programs that sign in with SOAP, and are told the messenger server.
    OthersSoap,
    /// Third-party programs that are told nothing.
    All,
}

impl Names {
    /// The names, one line of a hosts file each.
    pub(super) fn list(self) -> &'static [&'static str] {
        match self {
            Self::Nexus => &[
                "messenger.hotmail.com",
                "gateway.messenger.hotmail.com",
                "nexus.passport.com",
                "loginnet.passport.com",
                "login.passport.com",
                "g.msn.com",
            ],
            Self::NexusAndConfig => &[
                "messenger.hotmail.com",
                "gateway.messenger.hotmail.com",
                "nexus.passport.com",
                "loginnet.passport.com",
                "login.passport.com",
                "config.messenger.msn.com",
                "rsi.hotmail.com",
                "g.msn.com",
                "rad.msn.com",
            ],
            Self::Library => &[
                "messenger.hotmail.com",
                "gateway.messenger.hotmail.com",
                "loginnet.passport.com",
                "login.passport.com",
                "login.live.com",
                "config.messenger.msn.com",
                "rsi.hotmail.com",
                "g.msn.com",
                "rad.msn.com",
            ],
            Self::Live => &[
                "messenger.hotmail.com",
                "gateway.messenger.hotmail.com",
                "geo.gateway.messenger.live.com",
                "login.live.com",
                "contacts.msn.com",
                "byrdr.omega.contacts.msn.com",
                "storage.msn.com",
                "tkrdr.storage.msn.com",
                "config.messenger.msn.com",
                "config.messenger.live.com",
                "ows.messenger.msn.com",
                "rsi.hotmail.com",
                "g.msn.com",
                "rad.msn.com",
            ],
            Self::Mac => &[
                "messenger.hotmail.com",
                "gateway.messenger.hotmail.com",
                "nexus.passport.com",
                "loginnet.passport.com",
                "login.passport.com",
                "login.live.com",
                "contacts.msn.com",
                "byrdr.omega.contacts.msn.com",
                "storage.msn.com",
                "config.messenger.msn.com",
                "ows.messenger.msn.com",
                "rsi.hotmail.com",
            ],
            Self::Digest => &["messenger.hotmail.com"],
            Self::OthersNexus => &["nexus.passport.com"],
            Self::OthersSoap => &[
                "login.live.com",
                "contacts.msn.com",
                "byrdr.omega.contacts.msn.com",
                "local-bay.contacts.msn.com",
                "storage.msn.com",
                "tkrdr.storage.msn.com",
                "ows.messenger.msn.com",
                "rsi.hotmail.com",
            ],
            Self::All => &[
                "messenger.hotmail.com",
                "gateway.messenger.hotmail.com",
                "nexus.passport.com",
                "loginnet.passport.com",
                "login.passport.com",
                "login.live.com",
                "contacts.msn.com",
                "byrdr.omega.contacts.msn.com",
                "local-bay.contacts.msn.com",
                "storage.msn.com",
                "tkrdr.storage.msn.com",
                "ows.messenger.msn.com",
                "rsi.hotmail.com",
            ],
        }
    }

    /// Whether one of them serves everything of Microsoft's on that machine.
    pub(super) fn has_live(self) -> bool {
        self.list().contains(&"login.live.com")
    }
}

/// The lines for a hosts file; `None` while nobody knows the server's address.
pub(super) fn hosts_lines(names: &[&str], server: &Server, system: System) -> Option<String> {
    let ip = server.ip()?;
    let mut lines = vec!["# Messenger: begin. Delete from here to \"end\" to undo it.".to_owned()];
    lines.extend(names.iter().map(|name| match system {
        // Open Transport reads its file as resource records.
        System::MacClassic => format!("{name}. A {ip}"),
        _ => format!("{ip}\t{name}"),
    }));
    lines.push("# Messenger: end.".to_owned());
    if system == System::MacClassic {
        // A semicolon begins a comment there.
        lines = lines.iter().map(|it| it.replacen('#', ";", 1)).collect();
    }
    Some(lines.join("\n"))
}

/// The lines as a file.
pub(super) fn hosts_file(lines: &str) -> File {
    File {
        name: "hosts-lines.txt",
        contents: windows(lines),
    }
}

/// The registry file that points MSN Messenger 1.0 to 4.7 at the server (`docs/protocol/24 §1.1`).
pub(super) fn set_server(server: &Server) -> File {
    let key = "[HKEY_CURRENT_USER\\Software\\Microsoft\\MessengerService]";
    let value = format!("\"Server\"=\"{}\"", server.msnp());
    File {
        name: "server.reg",
        contents: windows(&format!("REGEDIT4\n\n{key}\n{value}\n")),
    }
}

/// The registry file that makes a client forget the server it used last.
pub(super) fn forget_server(key: &str) -> File {
    let key = format!("[HKEY_CURRENT_USER\\Software\\Microsoft\\{key}]");
    File {
        name: "forget-server.reg",
        contents: windows(&format!("REGEDIT4\n\n{key}\n\"Server\"=-\n")),
    }
}

/// The settings of a DLL that redirects names (`docs/protocol/24 §1.4`).
pub(super) fn redirect_ini(name: &'static str, server: &Server) -> File {
    let contents = format!("[options]\nserver = {}\ntype = msn\n", server.host);
    File {
        name,
        contents: windows(&contents),
    }
}

/// The strings as a table for whoever sits at a hex editor.
pub(super) fn strings_file(rows: &[StringRow]) -> File {
    let mut text = String::from("Replace each string with the one below it, of the same length.\n");
    for row in rows {
        let to = match &row.replacement {
            Replacement::Fits { text, .. } => text,
            Replacement::DoesNotFit { .. } => "(nothing fits)",
        };
        text.push_str(&format!(
            "\n{}: {}\n{}\n{to}\n",
            row.find.len(),
            row.purpose,
            row.find
        ));
    }
    File {
        name: "strings.txt",
        contents: windows(&text),
    }
}

/// The rows for these strings.
pub(super) fn string_rows(originals: &[Original], server: &Server) -> Vec<StringRow> {
    let row = |original: &Original| StringRow {
        find: original.text,
        purpose: original.purpose,
        replacement: super::replacement(original, server),
    };
    originals.iter().map(row).collect()
}

fn windows(text: &str) -> String {
    let mut text = text.replace('\n', LINE_END);
    if !text.ends_with(LINE_END) {
        text.push_str(LINE_END);
    }
    text
}
