//! `chrysalis cert`: certificates of one's own.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::clock::Clock;
use crate::config::Config;
use crate::tls::authority::{self, CLIENT_NAMES, IssuedFile};

#[derive(Debug, Subcommand)]
pub(super) enum CertCommand {
    /// Make a certificate authority of your own and a certificate for this server.
    MakeCa(MakeCa),
}

#[derive(Debug, Args)]
pub(super) struct MakeCa {
    /// The folder for the files; made if it is missing. Nothing in it is ever overwritten.
    #[arg(long, value_name = "DIR", default_value = "certificates")]
    out: PathBuf,
    /// A further name or IPv4 address of this server; may be given several times. The names that
    /// clients look for, and those of the section `advertise`, are in the certificate anyway.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
}

pub(super) fn run(command: &CertCommand, config: &Config) -> anyhow::Result<()> {
    match command {
        CertCommand::MakeCa(make) => make.run(config),
    }
}

impl MakeCa {
    fn run(&self, config: &Config) -> anyhow::Result<()> {
        let names = names(&self.host, config)?;
        let issued = authority::issue(&names, Clock::system().now_secs())?;
        let folder = &self.out;
        // Looked at first, so that nothing is left half done; creating does not overwrite either.
        for file in &issued.files {
            let path = folder.join(file.name);
            anyhow::ensure!(
                !path.exists(),
                "{} is there already; name another folder with --out, or move it away",
                path.display()
            );
        }
        make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut out = io::stdout();
        for file in &issued.files {
            let path = folder.join(file.name);
            write(&path, file).with_context(|| format!("cannot write {}", path.display()))?;
            writeln!(out, "{}\n    {}", path.display(), file.purpose)?;
        }
        writeln!(out, "\n{}\n\nNames: {}\n", issued.remark, names.join(" "))?;
        out.write_all(WHERE_TO_INSTALL.as_bytes())?;
        Ok(())
    }
}

/// One's own names first: the first one is what people see.
fn names(given: &[String], config: &Config) -> anyhow::Result<Vec<String>> {
    let advertise = &config.advertise;
    let web = advertise.http_url.as_deref();
    let web = web.and_then(|url| url.split_once("://")?.1.split(':').next());
    let own = given.iter().map(String::as_str);
    let own = own.chain(advertise.host.as_deref()).chain(web);
    let mut seen = BTreeSet::new();
    let names = own
        .chain(CLIENT_NAMES.iter().copied())
        .map(str::to_ascii_lowercase)
        .filter(|name| seen.insert(name.clone()))
        .collect::<Vec<_>>();
    for name in &names {
        anyhow::ensure!(
            is_name(name),
            "{name:?} is no host name or IPv4 address; write msn.example.org"
        );
    }
    Ok(names)
}

/// A host name, with a star for its first label if need be. No comma or colon gets into the text
/// that a certificate is made from.
fn is_name(name: &str) -> bool {
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // The name that people see holds no more.
    name.len() <= 64 && rest.split('.').all(is_label)
}

/// For the owner alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn write(path: &Path, file: &IssuedFile) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        let mode = if file.is_secret { 0o600 } else { 0o644 };
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    }
    let mut written = options.open(path)?;
    written.write_all(&file.contents)?;
    written.sync_all()
}

const WHERE_TO_INSTALL: &str = "\
Install the root (ca*.cer) on the machines of your clients, and nowhere else:
  Windows 98, ME, NT 4, 2000   the SHA-1 root: open the file in Internet Explorer 5 or later,
                               Install Certificate, store Trusted Root Certification Authorities
  Windows XP                   the same; the SHA-256 root will do from Service Pack 3 on
  Windows Vista to 11          as administrator: certutil -addstore Root ca-sha256.cer
                               (by hand: store \"Trusted Root Certification Authorities\" of the
                               computer, not of the user)
  Mac OS X 10.2 and later      open it in Keychain Access, keychain X509Anchors, from 10.5 on
                               System, then Always Trust
  Pidgin, aMSN, other clients  they have a list of their own: see their manual
A server with [tls] ca or [legacy_tls] ca offers it at /connect/ca.cer.
Keep ca.key off the network: whoever has it can pretend to be any site to those machines.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_come_first_and_every_name_once() {
        let mut config = Config::default();
        config.advertise.host = Some("MSN.example.org".to_owned());
        config.advertise.http_url = Some("https://web.example.org:8443".to_owned());
        let given = ["192.0.2.1".to_owned(), "nexus.passport.com".to_owned()];
        let names = names(&given, &config).unwrap();
        assert_eq!(
            names[..4],
            [
                "192.0.2.1",
                "nexus.passport.com",
                "msn.example.org",
                "web.example.org"
            ]
        );
        assert_eq!(names.len(), CLIENT_NAMES.len() + 3);
    }

    #[test]
    fn what_is_no_name_does_not_get_into_a_certificate() {
        for bad in ["", "a b", "a,DNS:b", "a..b", "*", "a.*.b", "http://a"] {
            assert!(
                names(&[bad.to_owned()], &Config::default()).is_err(),
                "{bad:?}"
            );
        }
    }
}
