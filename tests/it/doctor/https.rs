//! Signing in through https, with a certificate that is believed and with one that is not.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::process::Command;

use super::{Findings, doctor, examine, settings};
use crate::support::child;
use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;
use tempfile::TempDir;

/// What goes over the web.
const OVER_THE_WEB: [&str; 6] = [
    "MSNP9",
    "MSNP12",
    "MSNP15",
    "MSNP18",
    "gateway (MSNP12)",
    "web services (SOAP)",
];

/// A server with a certificate of an authority of its own.
struct Secured {
    server: TestServer,
    folder: TempDir,
    /// Of the authority.
    root: PathBuf,
}

/// Makes an authority and a certificate in a folder; answers the certificate and the root.
fn issue(folder: &Path) -> (PathBuf, PathBuf) {
    let make = ["cert", "make-ca", "--out", ".", "--host", "127.0.0.1"];
    child::run(folder, &make, "");
    let first = |names: [&str; 2]| {
        let mut paths = names.iter().map(|name| folder.join(name));
        paths.find(|path| path.exists()).unwrap()
    };
    // Those of a program that knows old TLS have the method in their names.
    (
        first(["server.pem", "server-sha256.pem"]),
        first(["ca.cer", "ca-sha256.cer"]),
    )
}

impl Secured {
    async fn start(people: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, root) = issue(folder.path());
        let statements = [
            format!("@config tls.certificate {certificate:?}"),
            format!("@config tls.key {:?}", folder.path().join("server.key")),
        ];
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        let server = TestServer::start(&fixture(people, &statements)).await;
        Self {
            server: server.unwrap(),
            folder,
            root,
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.server.addresses.http)
    }

    /// Looks at it as its operator does, who tells clients to use https.
    async fn at_home(&self, root: &Path) -> Findings {
        let url = self.url();
        let changes = format!("advertise.http_url = {url:?}\ntls.ca = {root:?}\n");
        let config = settings(&self.server, &changes);
        doctor(&["--config", config.to_str().unwrap()], "").await
    }

    /// Looks at it from outside, as two of its people.
    async fn abroad(&self, more: &[&str], roots_of_the_system: &Path) -> Findings {
        let port = self.server.addresses.msnp.port().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis"));
        command.args(["doctor", "--json", "--host", "127.0.0.1", "--port", &port]);
        command.args(["--http", &self.url(), "--account", "alice@example.com"]);
        command.args(["--second", "bob@example.com", "--password-stdin"]);
        command.args(more).env("SSL_CERT_FILE", roots_of_the_system);
        examine(command, &format!("{PASSWORD}\n{PASSWORD}\n")).await
    }
}

#[tokio::test]
async fn everybody_signs_in_through_https_where_clients_are_sent_there() {
    let secured = Secured::start(&[]).await;
    let findings = secured.at_home(&secured.root).await;
    assert_eq!(findings.code, Some(0), "{:#}", findings.report);
    let name = "advertise.http_url";
    findings.says(name, "ok", "speaks TLS");
    findings.says(&format!("{name} certificate"), "ok", "good for");
    findings.says(&format!("{name} trust"), "ok", "believed");
    // Only this machine gets to the address that tests have.
    findings.says(&format!("{name} service"), "warning", "this machine");
    findings.says("MSNP5", "ok", "two sign in, and talk within");
    for name in OVER_THE_WEB {
        findings.says(name, "ok", "; over https");
        findings.never_says(name, "without");
    }
    findings.never_says("MSNP5", "https");
    assert!(secured.server.stop().await);
}

#[tokio::test]
async fn behind_a_certificate_that_is_not_believed_it_is_still_found_out_what_works() {
    let secured = Secured::start(&[]).await;
    let another = tempfile::tempdir().unwrap();
    let (_, root) = issue(another.path());
    let findings = secured.at_home(&root).await;
    findings.failed();
    let name = "advertise.http_url";
    findings.says(name, "ok", "speaks TLS");
    findings.says(&format!("{name} certificate"), "ok", "good for");
    findings.says(
        &format!("{name} trust"),
        "failed",
        "no root that is believed",
    );
    let trust = format!("{name} trust");
    let advice = findings.of(&trust).next().unwrap()["advice"].as_str();
    assert!(advice.unwrap().contains("tls.ca"), "{advice:?}");
    findings.says(&format!("{name} service"), "ok", "without verifying");
    for name in OVER_THE_WEB {
        findings.says(name, "ok", "; over https, without verifying");
    }
    let failed = findings.report["checks"].as_array().unwrap().iter();
    let failed = failed.filter(|check| check["verdict"] == "failed");
    assert_eq!(failed.count(), 1, "{:#}", findings.report);
    // The accounts of the check are gone here, too.
    let left = secured.server.services().accounts.list().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert!(secured.server.stop().await);
}

#[tokio::test]
async fn the_passwords_of_people_go_to_nobody_who_is_not_believed() {
    let secured = Secured::start(&["alice", "bob"]).await;
    let nothing = secured.folder.path().join("nothing.pem");
    std::fs::write(&nothing, "").unwrap();
    let another = tempfile::tempdir().unwrap();
    let (_, other) = issue(another.path());
    let (root, other) = (secured.root.to_str().unwrap(), other.to_str().unwrap());

    for (more, verdict, words) in [
        (&["--ca", other][..], "failed", "no root that is believed"),
        (&[], "warning", "no root certificates"),
    ] {
        let findings = secured.abroad(more, &nothing).await;
        findings.says("http trust", verdict, words);
        findings.says("http service", "ok", "without verifying");
        findings.says("MSNP5", "ok", "talk within");
        for name in OVER_THE_WEB {
            findings.says(name, "skipped", "no password is sent");
        }
    }

    // Named on the command line, or known to the system.
    let bundle = secured.folder.path().join("bundle.pem");
    let der = BASE64.encode(std::fs::read(&secured.root).unwrap());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    std::fs::write(&bundle, pem).unwrap();
    for (more, roots) in [(&["--ca", root][..], &nothing), (&[], &bundle)] {
        let findings = secured.abroad(more, roots).await;
        assert_eq!(findings.code, Some(0), "{:#}", findings.report);
        findings.says("http trust", "ok", "believed");
        for name in OVER_THE_WEB {
            findings.says(name, "ok", "; over https");
        }
    }
    assert!(secured.server.stop().await);
}
