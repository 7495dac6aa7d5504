//! `chrysalis doctor`, as a program of its own: a server that is well is found to be, and one that
//! is not gets the line that says so.

mod https;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;

/// Longer than everything that is waited for when nobody answers at all.
const BOUND: Duration = Duration::from_secs(40);

/// What a run of it said.
struct Findings {
    code: Option<i32>,
    report: Value,
    took: Duration,
}

impl Findings {
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let checks = self.report["checks"].as_array().unwrap().iter();
        checks.filter(move |check| check["name"] == name)
    }

    /// Whether something was found to be so, with these words.
    #[track_caller]
    fn says(&self, name: &str, verdict: &str, words: &str) {
        let is_said = self.of(name).any(|check| {
            check["verdict"] == verdict && check["detail"].as_str().unwrap().contains(words)
        });
        assert!(is_said, "{name} {verdict} {words}: {:#}", self.report);
    }

    /// That nothing with these words was found of it.
    #[track_caller]
    fn never_says(&self, name: &str, words: &str) {
        let is_said = |check: &Value| check["detail"].as_str().unwrap().contains(words);
        assert!(!self.of(name).any(is_said), "{:#}", self.report);
    }

    /// It failed, and within the bound.
    #[track_caller]
    fn failed(&self) {
        assert_eq!(self.code, Some(1), "{:#}", self.report);
        assert_eq!(self.report["ok"], false);
        assert!(self.took < BOUND, "{:?}", self.took);
    }
}

async fn doctor(arguments: &[&str], input: &str) -> Findings {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis"));
    command.arg("doctor").arg("--json").args(arguments);
    examine(command, input).await
}

async fn examine(mut command: Command, input: &str) -> Findings {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    Findings {
        code: output.status.code(),
        report,
        took: started.elapsed(),
    }
}

/// Settings of a running server as its operator would have them, with something changed.
fn settings(server: &TestServer, changes: &str) -> PathBuf {
    let folder = server.database().parent().unwrap().to_owned();
    let addresses = &server.addresses;
    let listeners = [
        ("msnp", addresses.msnp),
        ("http", addresses.http),
        ("ops", server.ops),
    ];
    let mut text = String::new();
    for (name, address) in listeners {
        if !changes.contains(&format!("listen.{name} ")) {
            writeln!(text, "listen.{name} = [\"{address}\"]").unwrap();
        }
    }
    write(&folder, &format!("data_dir = {folder:?}\n{text}{changes}"))
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("doctor.toml");
    let cheap = "auth.argon2_memory_kib = 64\nauth.argon2_iterations = 1\n";
    std::fs::write(&path, format!("{text}\n{cheap}")).unwrap();
    path
}

/// A port that nobody listens on.
async fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_server_that_is_well_is_found_to_be() {
    let server = TestServer::start(&fixture(&[], &[])).await.unwrap();
    let config = settings(&server, "");
    let config = config.to_str().unwrap();
    let findings = doctor(&["--config", config], "").await;
    assert_eq!(findings.code, Some(0), "{:#}", findings.report);
    for name in [
        "settings",
        "integrity",
        "schema",
        "writable",
        "listen.msnp",
        "listen.http",
        "listen.ops",
        "MSNP5",
        "MSNP9",
        "MSNP12",
        "MSNP15",
        "MSNP18",
        "gateway (MSNP12)",
        "web services (SOAP)",
    ] {
        findings.says(name, "ok", "");
    }
    findings.says("MSNP18", "ok", "two sign in, and talk within");
    let left = server.services().accounts.list().await.unwrap();
    assert!(left.is_empty(), "{left:?}");

    // For people.
    let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis"));
    command.args(["doctor", "--config", config]);
    let output = command.output().await.unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("\n  ok    MSNP5 "), "{table}");
    assert!(table.contains(" 0 failed"), "{table}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn another_server_is_checked_with_accounts_of_ones_own() {
    let server = TestServer::start(&fixture(&["alice", "bob"], &[])).await;
    let server = server.unwrap();
    let port = server.addresses.msnp.port().to_string();
    let url = format!("http://{}", server.addresses.http);
    let place = ["--host", "127.0.0.1", "--port", &port, "--http", &url];
    let people = [
        "--account",
        "alice@example.com",
        "--second",
        "bob@example.com",
        "--password-stdin",
    ];
    let arguments = [&place[..], &people[..]].concat();
    let findings = doctor(&arguments, &format!("{PASSWORD}\n{PASSWORD}\n")).await;
    assert_eq!(findings.code, Some(0), "{:#}", findings.report);
    findings.says("MSNP9", "ok", "talk within");

    let findings = doctor(&arguments, &format!("{PASSWORD}\nwrong\n")).await;
    findings.failed();
    for name in ["MSNP5", "MSNP9", "MSNP15", "gateway (MSNP12)"] {
        findings.says(name, "failed", "bob@example.com cannot sign in");
    }

    // Without an account only the way there is looked at.
    let findings = doctor(&place, "").await;
    assert_eq!(findings.code, Some(0), "{:#}", findings.report);
    findings.says("sign-in", "skipped", "--account");
    assert!(server.stop().await);
}

#[tokio::test]
async fn what_is_broken_gets_its_line() {
    let server = TestServer::start(&fixture(&[], &[])).await.unwrap();
    let nobody = closed().await;

    // Nobody listens, and what clients would need of it is not tried.
    let config = settings(&server, &format!("listen.msnp = [\"{nobody}\"]\n"));
    let findings = doctor(&["--config", config.to_str().unwrap()], "").await;
    findings.failed();
    findings.says("listen.msnp", "failed", "nobody listens");
    findings.says("sign-in", "skipped", "does not answer");

    // Clients are sent to where nothing is, under a certificate that has expired.
    let folder = server.database().parent().unwrap().to_owned();
    let (certificate, key) = expired(&folder);
    let config = settings(
        &server,
        &format!(
            "advertise.host = \"127.0.0.1\"\nadvertise.msnp_port = {}\n\
             tls.certificate = {certificate:?}\ntls.key = {key:?}\n",
            nobody.port()
        ),
    );
    let findings = doctor(&["--config", config.to_str().unwrap()], "").await;
    findings.failed();
    findings.says("advertise.host", "failed", "does not answer");
    findings.says("tls.certificate", "failed", "expired");
    findings.says("MSNP18", "ok", "talk");
    assert!(server.stop().await);
}

/// A certificate of the year 2000.
fn expired(folder: &Path) -> (PathBuf, PathBuf) {
    let names = vec!["127.0.0.1".to_owned()];
    let mut parameters = rcgen::CertificateParams::new(names).unwrap();
    parameters.not_before = rcgen::date_time_ymd(1999, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let pair = rcgen::KeyPair::generate().unwrap();
    let made = parameters.self_signed(&pair).unwrap();
    let (certificate, key) = (folder.join("old.pem"), folder.join("old.key"));
    std::fs::write(&certificate, made.pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    (certificate, key)
}

#[cfg(unix)]
#[tokio::test]
async fn a_database_that_cannot_be_written_is_seen() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = TestServer::start(&fixture(&[], &[])).await.unwrap();
    let file = server.database();
    let config = settings(&server, "");
    let folder = file.parent().unwrap();
    // Everybody may look.
    for (path, mode) in [
        (folder.parent().unwrap(), 0o755),
        (folder, 0o755),
        (&file, 0o444),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis"));
    command.args(["doctor", "--json", "--config", config.to_str().unwrap()]);
    // For the superuser there are no permissions; somebody else's program is started then.
    if rustix::process::geteuid().is_root() {
        let program = folder.join("chrysalis");
        std::fs::copy(env!("CARGO_BIN_EXE_chrysalis"), &program).unwrap();
        command = Command::new(program);
        command.args(["doctor", "--json", "--config", config.to_str().unwrap()]);
        command.uid(65_534).gid(65_534);
    }
    let findings = examine(command, "").await;
    findings.failed();
    findings.says("writable", "failed", "denied");
    findings.says("accounts", "failed", "none can be made");
    assert!(server.stop().await);
}

#[tokio::test]
async fn whoever_is_no_such_server_is_told_apart_in_time() {
    for said in [
        None,
        Some(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        Some(&[0xff; 64]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stranger = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                if let Some(said) = said {
                    let _ = stream.write_all(said).await;
                }
                held.push(stream);
            }
        });
        let (port, url) = (address.port().to_string(), format!("http://{address}"));
        let arguments = ["--host", "127.0.0.1", "--port", &port, "--http", &url];
        let findings = doctor(&arguments, "").await;
        findings.failed();
        let words = match said {
            None => "says nothing",
            Some(_) => "another server",
        };
        findings.says("msnp", "failed", words);
        findings.says("http", "failed", words);
        stranger.abort();
    }
}
