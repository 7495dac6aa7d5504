//! The processes: server, bare relay and load, and the cores they run on.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;

/// How long a process may take to be ready, or to end.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

/// Settings of a server for crowds: every limit is on, and above what one address does here.
const SETTINGS: &str = "\
listen.ops = []
[limits]
connections = 19000
connections_per_address = 19000
unauthenticated_per_address = 19000
commands_per_second = 100000
commands_burst = 1000000
messages_per_second = 1000000
messages_burst = 1000000
http_connections = 10000
rooms_per_account = 1000
sign_ins_per_minute = 1000000
sign_ins_per_address = 1000000
contact_changes_per_minute = 1000000
contact_changes_burst = 1000000
status_changes_per_minute = 1000000
room_opens_per_minute = 1000000
invitations_per_minute = 1000000
web_calls_per_minute = 1000000
web_calls_burst = 1000000
[gateway]
opens_per_minute = 100000
sessions_per_address = 10000
";

/// Which core a process runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Second,
    Both,
}

impl Place {
    fn list(self) -> &'static str {
        match self {
            Self::First => "0",
            Self::Second => "1",
            Self::Both => "0,1",
        }
    }
}

/// How much work a password hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Hash {
    /// Next to nothing, where it is not what is measured.
    Cheap,
    /// As by default.
    Usual,
}

impl Hash {
    fn cost(self) -> (u32, u32) {
        match self {
            Self::Cheap => (64, 1),
            Self::Usual => (19_456, 2),
        }
    }
}

/// A database: this many accounts, each with so many contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) accounts: u32,
    pub(crate) contacts: u32,
    pub(crate) hash: Hash,
}

/// Where it all runs.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) is_short: bool,
    seconds: f64,
    is_pinned: bool,
    folder: TempDir,
    /// Databases so far, by what is in them. Each is copied before a server uses it.
    databases: Vec<(Population, PathBuf)>,
    copies: u32,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pinned = if self.is_pinned {
            "server and load on a core each"
        } else {
            "not pinned: this needs two cores and the program taskset"
        };
        write!(f, "{cores} cores, {pinned}, {} s each", self.seconds)
    }
}

impl Machine {
    pub(crate) fn new(is_short: bool, seconds: Option<f64>) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let has_taskset = Command::new("taskset")
            .args(["-c", "0,1", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        Ok(Self {
            is_short,
            seconds: seconds.unwrap_or(if is_short { 0.2 } else { 3.0 }),
            is_pinned: cores > 1 && has_taskset,
            folder: tempfile::tempdir()?,
            databases: Vec::new(),
            copies: 0,
        })
    }

    /// One number for a real run, another for a short one.
    pub(crate) fn size(&self, long: usize, short: usize) -> usize {
        if self.is_short { short } else { long }
    }

    /// A database with this many accounts; a real run has them all.
    pub(crate) fn population(&self, accounts: u32, contacts: u32, hash: Hash) -> Population {
        let accounts = if self.is_short {
            accounts.min(contacts.max(1000) + 200)
        } else {
            accounts
        };
        Population {
            accounts,
            contacts,
            hash,
        }
    }

    fn command(&self, place: Place, program: &str) -> Command {
        if self.is_pinned {
            // It becomes the program, so the number of the process is the program's.
            let mut command = Command::new("taskset");
            command.args(["-c", place.list(), program]);
            command
        } else {
            Command::new(program)
        }
    }

    /// A folder with a fresh copy of a database.
    fn data(&mut self, population: Population) -> anyhow::Result<PathBuf> {
        let known = self
            .databases
            .iter()
            .find(|(known, _)| *known == population);
        let original = match known {
            Some((_, path)) => path.clone(),
            None => {
                let folder = self
                    .folder
                    .path()
                    .join(format!("of-{}", self.databases.len()));
                let path = folder.join("chrysalis.db");
                let (memory, passes) = population.hash.cost();
                let mut command = self.command(Place::Both, env!("CARGO_BIN_EXE_chrysalis-load"));
                command
                    .args(["prepare", "--database"])
                    .arg(&path)
                    .args(["--count", &population.accounts.to_string()])
                    .args(["--contacts", &population.contacts.to_string()])
                    .args(["--argon2-memory-kib", &memory.to_string()])
                    .args(["--argon2-iterations", &passes.to_string()]);
                anyhow::ensure!(command.status()?.success(), "no database");
                self.databases.push((population, path.clone()));
                path
            }
        };
        self.copies += 1;
        let data = self.folder.path().join(format!("data-{}", self.copies));
        fs::create_dir(&data)?;
        fs::copy(original, data.join("chrysalis.db"))?;
        Ok(data)
    }

    /// Starts a server on a fresh copy of a database.
    pub(crate) fn server(
        &mut self,
        population: Population,
        place: Place,
    ) -> anyhow::Result<Server> {
        let data = self.data(population)?;
        let [msnp, http] = free_ports()?;
        let (memory, passes) = population.hash.cost();
        let mut settings = String::new();
        write!(
            settings,
            "data_dir = {data:?}\nlisten.msnp = \"{msnp}\"\nlisten.http = \"{http}\"\n\
             auth.argon2_memory_kib = {memory}\nauth.argon2_iterations = {passes}\n{SETTINGS}"
        )?;
        let file = data.join("config.toml");
        fs::write(&file, settings)?;
        let started = Instant::now();
        let child = self
            .command(place, env!("CARGO_BIN_EXE_chrysalis"))
            .arg("--config")
            .arg(&file)
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(fs::File::create(data.join("log"))?)
            .spawn()?;
        let mut server = Server {
            child,
            msnp,
            http,
            data,
            started,
        };
        server.wait()?;
        Ok(server)
    }

    /// Starts a bare relay.
    pub(crate) fn bare(&self, batch: bool, place: Place) -> anyhow::Result<Server> {
        let mut command = self.command(place, env!("CARGO_BIN_EXE_chrysalis-load"));
        command.arg("bare").stdout(Stdio::piped());
        if batch {
            command.arg("--batch");
        }
        let mut child = command.spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().context("the relay names no address")?;
        Ok(Server {
            child,
            msnp: address,
            http: address,
            data: PathBuf::new(),
            started: Instant::now(),
        })
    }

    /// Runs a pattern and answers its report.
    pub(crate) fn load(
        &self,
        server: &Server,
        place: Place,
        arguments: &[&str],
    ) -> anyhow::Result<Measured> {
        let report = self.folder.path().join("report.json");
        let warmup = (self.seconds / 4.0).min(1.0);
        let mut command = self.command(place, env!("CARGO_BIN_EXE_chrysalis-load"));
        command
            .args(["--host", &server.msnp.ip().to_string()])
            .args(["--port", &server.msnp.port().to_string()])
            .args(["--http-port", &server.http.port().to_string()])
            .args(["--seconds", &self.seconds.to_string()])
            .args(["--warmup", &warmup.to_string()])
            .args(["--pid", &server.child.id().to_string()])
            .arg("--json")
            .arg(&report)
            .args(arguments)
            .stdout(Stdio::null());
        let status = command.status()?;
        anyhow::ensure!(
            status.success(),
            "{} failed\n{}",
            arguments.join(" "),
            server.log()
        );
        Ok(Measured(serde_json::from_str(&fs::read_to_string(
            report,
        )?)?))
    }
}

impl Machine {
    /// Signs people in who stay and do nothing, until what is returned is dropped.
    pub(crate) fn crowd(
        &self,
        server: &Server,
        first: u32,
        sessions: usize,
    ) -> anyhow::Result<Crowd> {
        let mut command = self.command(Place::Second, env!("CARGO_BIN_EXE_chrysalis-load"));
        command
            .args(["--host", &server.msnp.ip().to_string()])
            .args(["--port", &server.msnp.port().to_string()])
            .args(["--first", &first.to_string()])
            .args(["--warmup", "0", "--seconds", "86400"])
            .args(["idle", "--announce", "--sessions", &sessions.to_string()])
            .stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stdout.take().context("no output")?;
        let crowd = Crowd(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        anyhow::ensure!(
            line.starts_with("ready"),
            "the crowd does not get in\n{}",
            server.log()
        );
        Ok(crowd)
    }
}

/// People who do nothing; they leave when it is dropped.
#[derive(Debug)]
pub(crate) struct Crowd(Child);

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server or relay; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    msnp: SocketAddr,
    http: SocketAddr,
    /// Its database, settings and log, which go with it; nothing for a relay.
    data: PathBuf,
    /// When the process was started.
    pub(crate) started: Instant,
}

impl Server {
    /// Waits until it accepts connections.
    fn wait(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.msnp).is_err() {
            anyhow::ensure!(
                self.child.try_wait()?.is_none() && start.elapsed() < DEADLINE,
                "the server does not start\n{}",
                self.log()
            );
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn log(&self) -> String {
        read(&self.data.join("log"))
    }

    /// Bytes of memory that are resident.
    pub(crate) fn resident(&self) -> f64 {
        let status = read(Path::new(&format!("/proc/{}/status", self.child.id())));
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|text| text.parse().ok()).unwrap_or(0.0) * 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.data.is_absolute() {
            let _ = fs::remove_dir_all(&self.data);
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Ports that are free now; nobody else is about to take them. All are held before any is given back,
/// or the system might choose the same one again.
fn free_ports<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [SocketAddr::from(([127, 0, 0, 1], 0)); N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?;
        held.push(listener);
    }
    Ok(ports)
}

/// A report of the load.
#[derive(Debug)]
pub(crate) struct Measured(Value);

impl Measured {
    fn number(&self, path: &str) -> f64 {
        self.0
            .pointer(path)
            .and_then(Value::as_f64)
            .unwrap_or(f64::NAN)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.number("/per_second")
    }

    /// In microseconds.
    pub(crate) fn median(&self) -> f64 {
        self.number("/latency/p50")
    }

    pub(crate) fn p99(&self) -> f64 {
        self.number("/latency/p99")
    }

    /// Microseconds of the server's processor for one operation.
    pub(crate) fn cost(&self) -> f64 {
        self.number("/server/micros_per_operation")
    }

    /// Percent of a processor that the server used.
    pub(crate) fn processor(&self) -> f64 {
        self.number("/server/processor_percent")
    }

    pub(crate) fn more(&self, name: &str) -> f64 {
        self.number(&format!("/more/{name}"))
    }
}
