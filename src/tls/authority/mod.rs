//! A certificate authority of one's own.
//!
//! Clients insist on names that belong to somebody else, so no public authority will ever sign
//! for them: a root is made here, installed on the machines of one's own clients only, and its
//! key kept off the network. Certificates name no list of revocations and no responder: old
//! clients would ask there and wait, or fail (`docs/protocol/23 §12`).

#[cfg(feature = "legacy-tls")]
mod rsa;
#[cfg(feature = "legacy-tls")]
use rsa as maker;
#[cfg(not(feature = "legacy-tls"))]
mod curve;
#[cfg(not(feature = "legacy-tls"))]
use curve as maker;

use std::net::Ipv4Addr;

/// What clients look for behind https, and some names beside them
/// (`docs/protocol/23 §12`, `docs/protocol/24 §1.2`).
pub const CLIENT_NAMES: &[&str] = &[
    "nexus.passport.com",
    "login.passport.com",
    "loginnet.passport.com",
    "login.live.com",
    "clientconfig.passport.net",
    "messenger.hotmail.com",
    "gateway.messenger.hotmail.com",
    "geo.gateway.messenger.live.com",
    "messenger.msn.com",
    "config.messenger.msn.com",
    "config.messenger.live.com",
    "appdirectory.messenger.msn.com",
    "ows.messenger.msn.com",
    "rsi.hotmail.com",
    "contacts.msn.com",
    "local-bay.contacts.msn.com",
    "byrdr.omega.contacts.msn.com",
    "*.contacts.msn.com",
    "*.omega.contacts.msn.com",
    "storage.msn.com",
    "tkrdr.storage.msn.com",
    "*.storage.msn.com",
    "g.msn.com",
    "c.msn.com",
    "rad.msn.com",
    "directory.services.live.com",
    "sup.live.com",
    "spaces.live.com",
    "profile.live.com",
    "home.live.com",
    "settings.messenger.live.com",
];

/// What the root is called where people see it.
const ROOT_NAME: &str = "Chrysalis private root";
/// The root holds until here. Years from 2050 on are written in another form, which the oldest
/// clients do not read.
const LAST_YEAR: i32 = 2049;
/// How long the certificate for modern clients holds: Apple takes no more than 825 days.
const MODERN_DAYS: i64 = 820;

/// Files that make an authority and a server.
#[derive(Debug)]
pub struct Issued {
    /// Every file, keys included.
    pub files: Vec<IssuedFile>,
    /// What whoever asked for it has to know.
    pub remark: &'static str,
}

/// A file to be written.
pub struct IssuedFile {
    /// Its name, without a folder.
    pub name: &'static str,
    /// What it is, for people.
    pub purpose: &'static str,
    /// What is in it.
    pub contents: Vec<u8>,
    /// Whether nobody else may read it.
    pub is_secret: bool,
}

impl std::fmt::Debug for IssuedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The authority could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the library refuses: {0}")]
pub struct AuthorityError(String);

/// Makes a root and what it signs, for these names; `now_secs` is the time of today. The first
/// name is the one that people see.
pub fn issue(names: &[String], now_secs: i64) -> Result<Issued, AuthorityError> {
    maker::issue(names, now_secs)
}

/// A name that stands in a certificate in a form of its own.
fn as_address(name: &str) -> Option<Ipv4Addr> {
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{Files, read_root};

    #[test]
    fn what_is_issued_can_be_served_and_offered() {
        let names = ["msn.example.org".to_owned(), "192.0.2.1".to_owned()];
        let issued = issue(&names, 1_795_000_000).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for file in &issued.files {
            std::fs::write(folder.path().join(file.name), &file.contents).unwrap();
            assert_eq!(file.is_secret, file.name.ends_with(".key"), "{}", file.name);
        }
        let servers = issued.files.iter().filter(|file| {
            let name = file.name;
            name.starts_with("server") && !name.ends_with(".key")
        });
        let mut count = 0;
        for server in servers {
            let files = Files {
                certificate: folder.path().join(server.name),
                key: folder.path().join("server.key"),
            };
            files.check().unwrap();
            count += 1;
        }
        assert!(count > 0);
        for file in issued.files.iter().filter(|it| it.name.ends_with(".cer")) {
            let der = read_root(&folder.path().join(file.name)).unwrap();
            assert_eq!(der, file.contents);
        }
    }
}
