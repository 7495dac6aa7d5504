//! The command line, run as a program of its own in a temporary folder.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use tempfile::TempDir;

/// Cheap hashes, or the tests would mostly compute those.
const SETTINGS: &str = "[auth]\nargon2_memory_kib = 8\nargon2_iterations = 1\n";

/// A folder with settings and, later, a database.
struct Sandbox(TempDir);

/// What a run left behind.
struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        sandbox.write("config.toml", SETTINGS);
        sandbox
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Outcome {
        finish(self.command(arguments), input)
    }

    /// Adds an account and insists that it works.
    fn add(&self, email: &str, more: &[&str]) {
        let arguments = [&["user", "add", email, "--password-stdin"], more].concat();
        self.run_with(&arguments, "correct horse\n").succeeded();
    }
}

fn finish(mut command: Command, input: &str) -> Outcome {
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments does not wait for its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Outcome {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

impl Outcome {
    #[track_caller]
    fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// Failed with this status, nothing on standard output and these words of explanation.
    #[track_caller]
    fn failed(self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert_eq!(self.out, "");
        assert!(self.err.contains(words), "{}", self.err);
    }
}

#[test]
fn an_account_is_added_shown_and_listed() {
    let sandbox = Sandbox::new();
    let added = sandbox.run_with(
        &[
            "user",
            "add",
            "Alice@Example.com",
            "--name",
            "Alice A",
            "--password-stdin",
        ],
        "correct horse\r\n",
    );
    assert_eq!(added.succeeded().out, "added alice@example.com\n");
    sandbox.add("bob@example.com", &[]);

    let shown = sandbox
        .run(&["user", "show", "ALICE@example.com"])
        .succeeded()
        .out;
    assert!(shown.contains("name:           Alice A\n"), "{shown}");
    assert!(shown.contains("legacy sign-in: no\n"), "{shown}");
    assert!(shown.contains("last sign-in:   never\n"), "{shown}");

    let listed = sandbox.run(&["user", "list"]).succeeded().out;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("EMAIL              STATE"), "{listed}");
    assert!(
        lines[1].starts_with("alice@example.com  enabled"),
        "{listed}"
    );
    assert!(lines[2].ends_with("bob@example.com"), "{listed}");

    let json = sandbox.run(&["user", "list", "--json"]).succeeded().out;
    let accounts: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(accounts[0]["email"], "alice@example.com");
    assert_eq!(accounts[0]["name"], "Alice A");
    assert_eq!(accounts[0]["disabled"], false);
    assert_eq!(accounts[1]["last_sign_in"], serde_json::Value::Null);
}

#[test]
fn administrators_are_made_and_unmade() {
    let sandbox = Sandbox::new();
    sandbox.add("root@example.com", &["--admin"]);
    sandbox.add("bob@example.com", &[]);
    let is_admin = |email: &str| {
        let shown = sandbox.run(&["user", "show", email]).succeeded().out;
        shown.contains("administrator:  yes\n")
    };
    assert!(is_admin("root@example.com") && !is_admin("bob@example.com"));
    let made = sandbox.run(&["user", "admin", "bob@example.com"]);
    assert_eq!(
        made.succeeded().out,
        "bob@example.com is an administrator\n"
    );
    assert!(is_admin("bob@example.com"));
    let unmade = sandbox.run(&["user", "admin", "bob@example.com", "--no"]);
    let out = unmade.succeeded().out;
    assert_eq!(out, "bob@example.com is no administrator any more\n");
    let json = sandbox.run(&["user", "list", "--json"]).succeeded().out;
    let accounts: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&accounts[0]["admin"], &accounts[1]["admin"]),
        (&false.into(), &true.into())
    );
    let nobody = sandbox.run(&["user", "admin", "nobody@example.com"]);
    nobody.failed(1, "there is no account");
}

#[test]
fn what_cannot_be_added_says_why() {
    let sandbox = Sandbox::new();
    sandbox.add("alice@example.com", &[]);
    let add = |email: &str, password: &str| {
        sandbox.run_with(&["user", "add", email, "--password-stdin"], password)
    };
    add("alice@example.com", "correct horse\n").failed(1, "user passwd");
    add("bob@example.com", "short\n").failed(1, "at least 6 characters");
    add("bob@example.com", "").failed(1, "no password on standard input");
    add("bob", "correct horse\n").failed(2, "name@example.com");
    let no_terminal = sandbox.run(&["user", "add", "bob@example.com"]);
    no_terminal.failed(1, "--password-stdin");
    let long = "a".repeat(400);
    let named = [
        "user",
        "add",
        "bob@example.com",
        "--password-stdin",
        "--name",
        &long,
    ];
    sandbox
        .run_with(&named, "correct horse\n")
        .failed(1, "name is too long");
    sandbox
        .run(&["user", "show", "bob@example.com"])
        .failed(1, "no account bob@example.com");
}

#[test]
fn legacy_sign_in_is_opened_and_closed_with_a_warning() {
    let sandbox = Sandbox::new();
    let state = || {
        sandbox
            .run(&["user", "show", "alice@example.com"])
            .succeeded()
            .out
    };
    let passwd = |more: &[&str]| {
        let arguments = [
            &["user", "passwd", "alice@example.com", "--password-stdin"],
            more,
        ];
        sandbox.run_with(&arguments.concat(), "battery staple\n")
    };
    let add = [
        "user",
        "add",
        "alice@example.com",
        "--legacy",
        "--password-stdin",
    ];
    let added = sandbox.run_with(&add, "correct horse\n").succeeded();
    assert!(added.err.contains("weaker secret"), "{}", added.err);
    assert!(state().contains("legacy sign-in: yes\n"));
    assert_eq!(passwd(&[]).succeeded().err, "");
    assert!(state().contains("legacy sign-in: yes\n"));
    passwd(&["--no-legacy"]).succeeded();
    assert!(state().contains("legacy sign-in: no\n"));
    assert!(
        passwd(&["--legacy"])
            .succeeded()
            .err
            .contains("weaker secret")
    );
    assert!(state().contains("legacy sign-in: yes\n"));
    passwd(&["--legacy", "--no-legacy"]).failed(2, "cannot be used with");
}

#[test]
fn an_account_is_disabled_enabled_and_deleted() {
    let sandbox = Sandbox::new();
    sandbox.add("alice@example.com", &[]);
    let user = |command: &str| sandbox.run(&["user", command, "alice@example.com"]);
    assert_eq!(
        user("disable").succeeded().out,
        "disabled alice@example.com\n"
    );
    assert!(
        user("show")
            .succeeded()
            .out
            .contains("disabled:       yes\n")
    );
    assert_eq!(
        user("enable").succeeded().out,
        "enabled alice@example.com\n"
    );
    assert!(
        user("show")
            .succeeded()
            .out
            .contains("disabled:       no\n")
    );
    user("delete").failed(1, "--yes");
    let deleted = sandbox.run(&["user", "delete", "--yes", "alice@example.com"]);
    assert_eq!(deleted.succeeded().out, "deleted alice@example.com\n");
    for command in ["show", "disable", "enable", "delete"] {
        user(command).failed(1, "there is no account alice@example.com");
    }
    let passwd = ["user", "passwd", "alice@example.com", "--password-stdin"];
    sandbox
        .run_with(&passwd, "battery staple\n")
        .failed(1, "there is no account");
}

#[test]
fn an_import_adds_the_good_lines_and_reports_the_bad_ones() {
    let sandbox = Sandbox::new();
    sandbox.add("taken@example.com", &[]);
    sandbox.write(
        "people.csv",
        "email,name,password,legacy\n\
         alice@example.com,\"Alice, A\",correct horse,no\n\
         nobody,Nobody,correct horse,no\n\
         short@example.com,Short,short,no\n\
         taken@example.com,Taken,correct horse,no\n\
         \n\
         few@example.com,Few\n\
         maybe@example.com,Maybe,correct horse,maybe\n\
         bob@example.com,,correct horse,yes\n\
         alice@example.com,Twice,correct horse,no\n",
    );
    let imported = sandbox.run(&["user", "import", "people.csv"]);
    assert_eq!(imported.code, Some(1), "{}", imported.err);
    assert_eq!(imported.out, "2 added, 6 failed\n");
    for problem in [
        "line 3: an address has the form",
        "line 4: short@example.com: the password is too short",
        "line 5: taken@example.com: there is an account with this address already",
        "line 7: the line has only 2 values",
        "line 8: legacy is \"maybe\"",
        "line 10: alice@example.com: there is an account with this address already",
        "weaker secret",
        "error: not every line could be added",
    ] {
        assert!(
            imported.err.contains(problem),
            "{problem}\n{}",
            imported.err
        );
    }
    assert!(!imported.err.contains("correct horse"), "{}", imported.err);
    let json = sandbox.run(&["user", "list", "--json"]).succeeded().out;
    let accounts: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(accounts.as_array().unwrap().len(), 3);
    assert_eq!(accounts[0]["name"], "Alice, A");
    assert_eq!(accounts[1]["name"], "bob@example.com");
    assert_eq!(accounts[1]["legacy"], true);
}

#[test]
fn an_import_without_problems_succeeds_and_a_wrong_file_is_refused() {
    let sandbox = Sandbox::new();
    let mut people = "email,name,password,legacy\n".to_owned();
    for n in 0..40 {
        people.push_str(&format!(
            "person{n}@example.com,Person {n},correct horse,\n"
        ));
    }
    sandbox.write("people.csv", &people);
    let imported = sandbox.run(&["user", "import", "people.csv"]).succeeded();
    assert_eq!(
        (&*imported.out, &*imported.err),
        ("40 added, 0 failed\n", "")
    );

    sandbox
        .run(&["user", "import", "none.csv"])
        .failed(1, "none.csv cannot be read");
    sandbox.write("headless.csv", "alice@example.com,Alice,correct horse,no\n");
    let headless = sandbox.run(&["user", "import", "headless.csv"]);
    headless.failed(1, "it must be email,name,password,legacy");
}

#[test]
fn commands_work_side_by_side_on_one_database() {
    let sandbox = Sandbox::new();
    thread::scope(|scope| {
        for n in 0..4 {
            let sandbox = &sandbox;
            scope.spawn(move || sandbox.add(&format!("person{n}@example.com"), &[]));
        }
    });
    let listed = sandbox.run(&["user", "list"]).succeeded().out;
    assert_eq!(listed.lines().count(), 5, "{listed}");
}

#[test]
fn check_config_prints_what_is_in_force() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["check-config"]);
    command
        .env("CHRYSALIS__LISTEN__MSNP", "0.0.0.0:1863")
        .env("CHRYSALIS__ADVERTISE__HOST", "msn.example.org");
    let checked = finish(command, "").succeeded().out;
    for line in [
        "msnp = [\"0.0.0.0:1863\"]",
        "host = \"msn.example.org\"",
        "argon2_memory_kib = 8",
        "connections = 20000",
    ] {
        assert!(checked.lines().any(|it| it == line), "{line}\n{checked}");
    }
    // What was printed is a file that says the same.
    sandbox.write("again.toml", &checked);
    let again = sandbox.run(&["--config", "again.toml", "check-config"]);
    assert_eq!(again.succeeded().out, checked);
}

#[test]
fn every_problem_of_the_settings_is_reported_by_every_command() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "bad.toml",
        "[listen]\nmsnp = \"everywhere\"\n[limits]\nconections = 1\nns_queue = 0\n",
    );
    for arguments in [
        &["check-config", "--config", "bad.toml"][..],
        &["--config", "bad.toml"],
        &["user", "list", "--config", "bad.toml"],
    ] {
        let mut command = sandbox.command(arguments);
        command.env("CHRYSALIS__LOG__FORMAT", "xml");
        let outcome = finish(command, "");
        for problem in [
            "listen.msnp: \"everywhere\" is no address",
            "limits.ns_queue: expected a whole number from 16",
            "limits.conections: there is no such key; did you mean limits.connections?",
            "log.format: \"xml\" is no format",
        ] {
            assert!(outcome.err.contains(problem), "{problem}\n{}", outcome.err);
        }
        outcome.failed(78, "the settings cannot be used");
    }
    sandbox
        .run(&["check-config", "--config", "none.toml"])
        .failed(78, "none.toml: cannot be read");
}

#[test]
fn the_settings_file_can_come_from_the_environment() {
    let sandbox = Sandbox::new();
    sandbox.write("other.toml", "data_dir = \"elsewhere\"\n");
    let mut command = sandbox.command(&["check-config"]);
    command.env("CHRYSALIS_CONFIG", "other.toml");
    let checked = finish(command, "").succeeded().out;
    assert!(
        checked.starts_with("data_dir = \"elsewhere\"\n"),
        "{checked}"
    );
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let mut command = sandbox.command(&["user", "list"]);
    command.env("CHRYSALIS__DATA_DIR", "file");
    finish(command, "").failed(1, "file/chrysalis.db cannot be opened; check data_dir");
}

/// Answers one request with these words and gives back what was asked.
fn answer_once(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 512];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (address, server)
}

#[test]
fn healthcheck_asks_the_ops_listener() {
    let sandbox = Sandbox::new();
    let check = |ops: &str| {
        let mut command = sandbox.command(&["healthcheck"]);
        command.env("CHRYSALIS__LISTEN__OPS", ops);
        finish(command, "")
    };
    let (address, server) = answer_once("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    check(&address).succeeded();
    assert!(
        server
            .join()
            .unwrap()
            .starts_with("GET /healthz HTTP/1.1\r\n")
    );

    let (address, server) = answer_once("HTTP/1.1 200 OK\r\n\r\n");
    let mut command = sandbox.command(&["healthcheck", "--ready"]);
    command.env("CHRYSALIS__LISTEN__OPS", &address);
    finish(command, "").succeeded();
    assert!(server.join().unwrap().starts_with("GET /readyz "));

    let (address, server) = answer_once("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    check(&address).failed(1, "503 Service Unavailable");
    server.join().unwrap();
    // Nobody listens there any more.
    check(&address).failed(1, "no answer from");
    check("").failed(1, "listen.ops is empty");
    check("127.0.0.1:0").failed(1, "port 0");
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for arguments in [&["dance"][..], &["user"], &["user", "add"], &["--colour"]] {
        sandbox.run(arguments).failed(2, "Usage:");
    }
    let help = sandbox.run(&["--help"]).succeeded().out;
    for command in ["serve", "user", "check-config", "healthcheck", "--config"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(
        sandbox
            .run(&["--version"])
            .succeeded()
            .out
            .starts_with("chrysalis ")
    );
}
