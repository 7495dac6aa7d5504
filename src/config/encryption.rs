//! The settings of encrypted connections: `[tls]` and `[legacy_tls]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::values::{Given, read_path, read_socket, text_value};
use super::visitor::{Fewest, Visitor};
use super::{Config, Problem};

/// TLS 1.2 and 1.3 on the addresses of the web side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and its chain, in PEM; none means plain HTTP only.
    pub certificate: Option<PathBuf>,
    /// The key that belongs to it.
    pub key: Option<PathBuf>,
    /// The root that clients have to install, offered for download.
    pub ca: Option<PathBuf>,
}

/// TLS for clients of Windows 98 to 7, on addresses of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyTls {
    /// Where to listen; none switches it off.
    pub listen: Vec<SocketAddr>,
    /// The certificate and its chain, in PEM.
    pub certificate: Option<PathBuf>,
    /// The key that belongs to it.
    pub key: Option<PathBuf>,
    /// The root that clients have to install, offered for download before that of [`Tls`].
    pub ca: Option<PathBuf>,
    /// Whether SSL 3.0 and RC4 are spoken too.
    pub sslv3: bool,
}

/// The keys of both sections.
pub(super) fn visit(config: &mut Config, v: &mut Visitor) {
    let tls = &mut config.tls;
    v.section("tls");
    file(v, "certificate", &mut tls.certificate);
    file(v, "key", &mut tls.key);
    file(v, "ca", &mut tls.ca);

    let legacy = &mut config.legacy_tls;
    v.section("legacy_tls");
    v.list("listen", &mut legacy.listen, read_socket, Fewest::None);
    file(v, "certificate", &mut legacy.certificate);
    file(v, "key", &mut legacy.key);
    file(v, "ca", &mut legacy.ca);
    v.flag("sslv3", &mut legacy.sslv3);
}

fn file(v: &mut Visitor, key: &str, slot: &mut Option<PathBuf>) {
    v.optional(key, slot, read_file_name, |path| {
        text_value(&path.to_string_lossy())
    });
}

fn read_file_name(given: Given) -> Result<PathBuf, String> {
    read_path(given).map_err(|_| "expected the name of a PEM file".to_owned())
}

/// What is missing, or cannot be had. The files themselves are looked at by who uses them: not
/// every command needs them, or may read them.
pub(super) fn check_together(config: &Config, problems: &mut Vec<Problem>) {
    let (tls, legacy) = (&config.tls, &config.legacy_tls);
    let listens = !legacy.listen.is_empty();
    for (section, certificate, key, is_used) in [
        ("tls", &tls.certificate, &tls.key, false),
        ("legacy_tls", &legacy.certificate, &legacy.key, listens),
    ] {
        let mut missing = |name: &str, text: &str| {
            problems.push(Problem {
                name: format!("{section}.{name}"),
                text: text.to_owned(),
            });
        };
        if key.is_none() && (certificate.is_some() || is_used) {
            missing("key", "name the PEM file with the key of the certificate");
        }
        if certificate.is_none() && (key.is_some() || is_used) {
            missing("certificate", "name the PEM file with the certificate");
        }
    }
    if listens && cfg!(not(feature = "legacy-tls")) {
        problems.push(Problem {
            name: "legacy_tls.listen".to_owned(),
            text: "this program was built without it; build it with `--features legacy-tls`, or \
                   remove the key"
                .to_owned(),
        });
    }
}
