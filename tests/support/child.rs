//! The server as a process of its own, with the command line beside it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
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

/// How a server is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    folder: PathBuf,
    settings: String,
    host: IpAddr,
    wrapper: Vec<String>,
    variables: Vec<(String, String)>,
    ports: Option<[u16; 3]>,
}

impl Launch {
    /// On the data of a folder; `settings` are added to the configuration.
    pub(crate) fn on(folder: &Path, settings: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            settings: settings.to_owned(),
            host: Ipv4Addr::LOCALHOST.into(),
            wrapper: Vec::new(),
            variables: Vec::new(),
            ports: None,
        }
    }

    /// By another program, which gets the server's command line behind these words.
    pub(crate) fn by(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Listening at this address of the machine.
    pub(crate) fn at(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// With a variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// On ports that stay the same, below those that the system gives to clients: one of those
    /// that come back at once could sit on it.
    pub(crate) fn on_steady_ports(mut self) -> Self {
        // Different tests, and different runs, begin to look at different places.
        let start = u64::from(std::process::id()) * 31 + rand::random_range(0..10_000);
        let mut free = (0..10_000)
            .map(|step| 20_000 + u16::try_from((start + step) % 10_000).unwrap())
            .filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        let mut next = || free.next().unwrap();
        self.ports = Some([next(), next(), next()]);
        self
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn start(self) -> ChildServer {
        for _ in 0..ATTEMPTS {
            if let Some(server) = self.clone().attempt().await {
                return server;
            }
        }
        panic!("the server did not start:\n{}", self.log());
    }

    /// Starts a server that is not to start; answers what it says about that.
    pub(crate) fn refusal(&self) -> String {
        let ports = free_ports().map(|address| address.port());
        self.write_settings(ports.map(|port| SocketAddr::new(self.host, port)));
        let ended = self.command().stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "it started and stopped: {said}");
        said
    }

    fn write_settings(&self, [msnp, http, ops]: [SocketAddr; 3]) {
        let Self {
            folder, settings, ..
        } = self;
        let text = format!(
            "listen.msnp = [\"{msnp}\"]\nlisten.http = [\"{http}\"]\nlisten.ops = [\"{ops}\"]\n\
             auth.argon2_memory_kib = 64\nauth.argon2_iterations = 1\n{settings}"
        );
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_chrysalis");
        let mut words = self.wrapper.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg("serve");
        command.current_dir(&self.folder).env_clear();
        // A wrapper has to be found.
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let variables = self.variables.iter();
        command.envs(variables.map(|(name, value)| (name, value)));
        command
    }

    async fn attempt(self) -> Option<ChildServer> {
        let ports = match self.ports {
            Some(ports) => ports,
            None => free_ports().map(|address| address.port()),
        };
        let addresses = ports.map(|port| SocketAddr::new(self.host, port));
        self.write_settings(addresses);
        let [msnp, http, ops] = addresses;
        let mut log = OpenOptions::new();
        let log = log.create(true).append(true).open(self.folder.join("log"));
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let mut server = ChildServer {
            at: Addresses { msnp, http },
            ops,
            child,
            launch: self,
        };
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            if server.is_ready().await {
                return Some(server);
            }
            sleep(PAUSE).await;
        }
        None
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct ChildServer {
    pub(crate) at: Addresses,
    pub(crate) ops: SocketAddr,
    child: Child,
    launch: Launch,
}

impl ChildServer {
    /// Starts a server on the data of a folder, with free ports, and waits until it is ready.
    /// `settings` are added to its configuration.
    pub(crate) async fn start(folder: &Path, settings: &str) -> Self {
        Launch::on(folder, settings).start().await
    }

    /// Starts the same again after its end.
    pub(crate) async fn again(self) -> Self {
        let launch = self.launch.clone();
        drop(self);
        launch.start().await
    }

    /// Whether it says that it can do its work.
    pub(crate) async fn is_ready(&self) -> bool {
        let ready = request(self.ops, "GET /readyz HTTP/1.1\r\nHost: ops\r\n").await;
        ready.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
    }

    /// What it has logged, those before it in the same folder included.
    pub(crate) fn log(&self) -> String {
        self.launch.log()
    }

    /// Ends the process without a warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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
