//! The program that measures a server, against a real one: every pattern gets something through,
//! and says so in a form that other programs can read.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::child::ChildServer;

/// A database with a ring of accounts, all of whom have each other's neighbours as contacts.
const PEOPLE: [&str; 10] = [
    "prepare",
    "--count",
    "160",
    "--contacts",
    "20",
    "--argon2-memory-kib",
    "64",
    "--argon2-iterations",
    "1",
    "--database",
];

/// Limits stay on, above what one address does here.
const SETTINGS: &str = "limits.commands_per_second = 100000\n\
                        limits.commands_burst = 1000000\n\
                        limits.messages_per_second = 1000000\n\
                        limits.messages_burst = 1000000\n\
                        limits.sign_ins_per_minute = 1000000\n\
                        limits.sign_ins_per_address = 1000000\n\
                        limits.contact_changes_per_minute = 1000000\n\
                        limits.contact_changes_burst = 1000000\n\
                        limits.status_changes_per_minute = 1000000\n\
                        limits.room_opens_per_minute = 1000000\n\
                        limits.invitations_per_minute = 1000000\n\
                        limits.web_calls_per_minute = 1000000\n\
                        limits.web_calls_burst = 1000000\n";

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis-load"));
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs it and answers what it printed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

struct Range {
    server: ChildServer,
    folder: TempDir,
}

impl Range {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database: PathBuf = folder.path().join("data").join("chrysalis.db");
        succeed(program().args(PEOPLE).arg(database));
        let server = ChildServer::start(folder.path(), SETTINGS).await;
        Self { server, folder }
    }

    fn run(&self, arguments: &[&str]) -> Value {
        let file = self.folder.path().join("report.json");
        let mut command = program();
        command
            .args(["--port", &self.server.at.msnp.port().to_string()])
            .args(["--http-port", &self.server.at.http.port().to_string()])
            .args(["--seconds", "0.3", "--warmup", "0.1", "--json"])
            .arg(&file)
            .args(arguments);
        let table = succeed(&mut command);
        assert!(table.starts_with(arguments.first().unwrap()), "{table}");
        report(&file)
    }
}

fn report(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn operations(report: &Value) -> u64 {
    report["operations"].as_u64().unwrap()
}

/// A bare relay; killed when dropped.
struct Relay(Child);

impl Relay {
    /// Starts one and answers its port, too.
    fn start(mode: &[&str]) -> (Self, String) {
        let mut child = program().args(mode).stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let relay = Self(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().to_owned();
        (relay, port)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pattern_gets_something_through() {
    let range = Range::new().await;
    let patterns: &[&[&str]] = &[
        &["pairs", "--pairs", "4", "--in-flight", "8"],
        &["pairs", "--pairs", "4", "--acknowledge", "--size", "1500"],
        &["rooms", "--rooms", "2", "--members", "5"],
        &[
            "sign-in",
            "--at-once",
            "4",
            "--people",
            "20",
            "--contacts",
            "20",
        ],
        &[
            "sign-in",
            "--method",
            "twn",
            "--at-once",
            "4",
            "--people",
            "20",
            "--contacts",
            "20",
        ],
        &[
            "sign-in",
            "--method",
            "sso",
            "--at-once",
            "4",
            "--people",
            "20",
            "--contacts",
            "20",
        ],
        &["presence", "--watchers", "20", "--pace", "burst"],
        &["presence", "--watchers", "20", "--pace", "single"],
        &["contacts", "--people", "8", "--distance", "60"],
        &[
            "contacts",
            "--people",
            "8",
            "--distance",
            "60",
            "--in-flight",
            "4",
            "--list",
            "block",
        ],
        &["abfindall", "--people", "2"],
        &["gateway", "--pairs", "2"],
    ];
    for pattern in patterns {
        let report = range.run(pattern);
        assert_eq!(report["pattern"], pattern[0]);
        assert!(operations(&report) > 0, "{pattern:?}: {report}");
        assert!(report["per_second"].as_f64().unwrap() > 0.0, "{report}");
    }
    let idle = range.run(&["idle", "--sessions", "50"]);
    assert_eq!(idle["parameters"]["sessions"], 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_from_a_file_too_and_a_wrong_password_is_told() {
    let range = Range::new().await;
    let file = range.folder.path().join("people.csv");
    let people = "load7@example.com,correct-horse\n# nobody\nload8@example.com, correct-horse\n";
    std::fs::write(&file, people).unwrap();
    let file = file.to_str().unwrap();
    let report = range.run(&["pairs", "--pairs", "1", "--accounts", file]);
    assert!(operations(&report) > 0);
    let mut command = program();
    command
        .args(["--port", &range.server.at.msnp.port().to_string()])
        .args(["pairs", "--pairs", "1", "--password", "wrong-horse"]);
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("USR was refused with 911"), "{errors}");
}

#[test]
fn a_bare_relay_takes_the_same_load() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [&["bare"][..], &["bare", "--batch"]] {
        let (_relay, port) = Relay::start(mode);
        let file = folder.path().join("report.json");
        let patterns: [&[&str]; 3] = [
            &["pairs", "--pairs", "3", "--in-flight", "8"],
            &["pairs", "--pairs", "3", "--acknowledge"],
            &["rooms", "--rooms", "1"],
        ];
        for pattern in patterns {
            let mut command = program();
            command
                .args(["--port", &port, "--seconds", "0.2", "--warmup", "0.1"])
                .arg("--json")
                .arg(&file)
                .args(pattern)
                .arg("--bare");
            succeed(&mut command);
            assert!(operations(&report(&file)) > 0);
        }
    }
}
