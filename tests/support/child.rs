//! The server as a process of its own, with the command line beside it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::passport::request;
use super::people::PASSWORD;
use super::player::Addresses;

/// How long the server may take to start, or to end after it was asked to.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
/// Somebody else may take a port between finding it free and listening on it.
const ATTEMPTS: usize = 10;

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct ChildServer {
    pub(crate) at: Addresses,
    pub(crate) ops: SocketAddr,
    child: Child,
}

impl ChildServer {
    /// Starts a server on the data of a folder, with free ports, and waits until it is ready.
    /// `settings` are added to its configuration.
    pub(crate) async fn start(folder: &Path, settings: &str) -> Self {
        Self::start_as(folder, settings, || command(folder, &["serve"])).await
    }

    /// The same with a hard limit on files and sockets, as a supervisor may set one.
    pub(crate) async fn start_with_handles(folder: &Path, settings: &str, count: u32) -> Self {
        let limited = || {
            let mut shell = Command::new("sh");
            let script = format!("ulimit -n {count} && exec \"$0\" serve");
            shell.args(["-c", &script, env!("CARGO_BIN_EXE_chrysalis")]);
            shell.current_dir(folder).env_clear();
            shell
        };
        Self::start_as(folder, settings, limited).await
    }

    async fn start_as(folder: &Path, settings: &str, command: impl Fn() -> Command) -> Self {
        for _ in 0..ATTEMPTS {
            if let Some(server) = Self::try_start(folder, settings, command()).await {
                return server;
            }
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("the server did not start:\n{log}");
    }

    async fn try_start(folder: &Path, settings: &str, mut command: Command) -> Option<Self> {
        let [msnp, http, ops] = free_ports();
        let text = format!(
            "listen.msnp = [\"{msnp}\"]\nlisten.http = [\"{http}\"]\nlisten.ops = [\"{ops}\"]\n\
             auth.argon2_memory_kib = 64\nauth.argon2_iterations = 1\n{settings}"
        );
        fs::write(folder.join("config.toml"), text).unwrap();
        let mut log = OpenOptions::new();
        let log = log.create(true).append(true).open(folder.join("log"));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            at: Addresses { msnp, http },
            ops,
            child,
        };
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            let ready = request(ops, "GET /readyz HTTP/1.1\r\nHost: ops\r\n").await;
            if ready.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 ")) {
                return Some(server);
            }
            sleep(PAUSE).await;
        }
        None
    }

    /// Everything that was logged up to now.
    pub(crate) fn log(folder: &Path) -> String {
        fs::read_to_string(folder.join("log")).unwrap_or_default()
    }

    /// Waits until something has been logged.
    pub(crate) async fn until_logged(folder: &Path, text: &str) {
        let start = Instant::now();
        while !Self::log(folder).contains(text) {
            assert!(start.elapsed() < DEADLINE, "nothing is logged of {text:?}");
            sleep(PAUSE).await;
        }
    }

    /// Lets the process have this many files and sockets from now on; those it has it keeps.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_handles(&self, count: Option<u64>) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        // The hard limit stays, so that it can be taken back.
        let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit {
            current: count.or(hard),
            maximum: hard,
        };
        prlimit(id, Resource::Nofile, limit).unwrap();
    }

    /// Ends the process without a warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(sent.success(), "{script}");
    }

    /// Waits for the end of a process that was asked to end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < DEADLINE, "the server does not end");
            sleep(PAUSE).await;
        }
    }

    /// The memory that the process has in use, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        kib * 1024
    }

    /// How many files and sockets the process has open.
    #[cfg(target_os = "linux")]
    pub(crate) fn handles(&self) -> usize {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        entries.count()
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with a database in which these people have accounts.
pub(crate) fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        add(folder.path(), name);
    }
    folder
}

/// Gives somebody an account that every way to sign in is open to.
pub(crate) fn add(folder: &Path, name: &str) {
    let address = format!("{name}@example.com");
    let arguments = ["user", "add", &address, "--legacy", "--password-stdin"];
    run(folder, &arguments, PASSWORD);
}

/// The program, to be run on the data of a folder.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chrysalis"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

/// Runs a command line to its end and insists that it works.
pub(crate) fn run(folder: &Path, arguments: &[&str], input: &str) {
    let Output {
        status,
        stdout,
        stderr,
    } = output(folder, arguments, input);
    assert!(
        status.success(),
        "{arguments:?}: {}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
}

fn output(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn free_ports() -> [SocketAddr; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
