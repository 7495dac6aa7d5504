//! The main process's side: starts the child, hears its reports, takes over its connections, and
//! starts it again when it dies.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::CHILD_COMMAND;
use super::identity::{self, Pem};
use super::messages::{
    Instruction, Introduction, LONGEST_REPORT, Report, cipher_word, failure_word, line_of,
    next_line, protocol_word,
};
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::tls::{Files, HandshakeRate, IdentityError, LOOK_EVERY};

/// The word for this listener in metrics.
const LISTENER: &str = "legacy";
/// The pause before the child is started again; it doubles up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that lived for so long was a good one.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// How long connections have to finish what is in hand when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(4);
/// How long the child may take to introduce a connection.
const INTRODUCTION: Duration = Duration::from_secs(5);

/// What the listener does and how much of it.
#[derive(Debug, Clone)]
pub struct LegacySettings {
    /// Certificate and key.
    pub files: Files,
    /// Whether SSL 3.0 and RC4 are spoken too.
    pub sslv3: bool,
    /// Handshakes of one network.
    pub rate: HandshakeRate,
    /// Connections at a time.
    pub connections: usize,
    /// Of these, from one network.
    pub connections_per_address: usize,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a peer may take no bytes.
    pub write: Duration,
}

/// A connection whose bytes are in the clear here.
#[derive(Debug)]
pub struct Guest {
    /// What is said, from its first byte on.
    pub stream: UnixStream,
    /// Who is behind it, as the child says.
    pub peer: SocketAddr,
    /// The address that they connected to.
    pub local: SocketAddr,
}

/// The listener cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The socket between the processes cannot be made.
    #[error("a private socket cannot be made in {}", path.display())]
    Socket {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Keeps one address that old clients connect to.
pub struct Keeper {
    settings: LegacySettings,
    /// Never accepted from here; while there is no child, connections wait at it.
    listener: std::net::TcpListener,
    socket: StdUnixListener,
    folder: PrivateFolder,
    /// The last certificate and key that were good.
    pem: Pem,
    places: Arc<Semaphore>,
    shutdown: Shutdown,
    metrics: Metrics,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keeper").field(&self.settings).finish()
    }
}

impl Keeper {
    /// Takes over a listening socket.
    pub fn new(
        listener: std::net::TcpListener,
        settings: LegacySettings,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Result<Self, KeeperError> {
        let pem = identity::load(&settings.files)?;
        let path = std::env::temp_dir();
        let failed = |source| KeeperError::Socket { path, source };
        let (folder, socket) = PrivateFolder::with_socket().map_err(failed)?;
        let places = settings.connections.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            settings,
            listener,
            socket,
            folder,
            pem,
            places: Arc::new(Semaphore::new(places)),
            shutdown,
            metrics,
        })
    }

    /// Runs until the stop, and gives every connection to `receive`.
    pub async fn keep<F>(mut self, receive: impl Fn(Guest) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let soft = self.shutdown.soft().clone();
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let ended = self.run_child(&receive).await;
            if soft.is_cancelled() {
                return;
            }
            match ended {
                Ok(reason) => tracing::error!(reason, "the process for old TLS ended"),
                Err(error) => tracing::error!(%error, "the process for old TLS does not run"),
            }
            if started.elapsed() >= GOOD_LIFE {
                pause = FIRST_PAUSE;
            }
            if soft.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.metrics.legacy_tls_restarted();
        }
    }

    /// One life of the child; answers why it is over.
    async fn run_child<F>(&mut self, receive: &impl Fn(Guest) -> F) -> io::Result<&'static str>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = self.socket.try_clone()?;
        let socket = UnixListener::from_std(socket)?;
        let (mut child, control) = self.start()?;
        let number = child.id();
        let (reports, mut instructions) = control.into_split();
        instructions.write_all(&self.instruction()?).await?;
        let soft = self.shutdown.soft().clone();
        let (places, shutdown) = (Arc::clone(&self.places), self.shutdown.clone());
        let metrics = self.metrics.clone();
        let ended = tokio::select! {
            // The end of the child closes the socket too; either will do.
            _ = child.wait() => Ok("it exited"),
            reason = hear(reports, &metrics) => Ok(reason),
            error = take_over(&socket, number, &places, &shutdown, receive) => Err(error),
            error = self.follow_files(instructions) => Err(error),
            () = soft.cancelled() => {
                let all = u32::try_from(self.settings.connections).unwrap_or(u32::MAX);
                let _ = timeout(LAST_WORDS, self.places.acquire_many(all)).await;
                Ok("the server stops")
            }
        };
        child.kill().await?;
        ended
    }

    /// Starts a child that has nothing of this process but three handles.
    fn start(&self) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let listener = OwnedFd::from(self.listener.try_clone()?);
        let mut command = Command::new(own_program()?);
        command
            .arg(CHILD_COMMAND)
            // Settings may come from the environment, and with them secrets.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(listener))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::inherit())
            // Ctrl+C is for the server, which lets its connections finish.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        Ok((child, UnixStream::from_std(ours)?))
    }

    fn instruction(&self) -> io::Result<Vec<u8>> {
        let settings = &self.settings;
        line_of(&Instruction {
            certificate: self.pem.certificate.clone(),
            key: self.pem.key.clone(),
            sslv3: settings.sslv3,
            socket: self.folder.socket(),
            connections: settings.connections,
            connections_per_address: settings.connections_per_address,
            handshakes_per_minute: settings.rate.per_minute,
            exempt: settings.rate.exempt.clone(),
            handshake_secs: settings.handshake.as_secs(),
            write_secs: settings.write.as_secs(),
        })
    }

    /// Tells the child of every new certificate; ends with the error of doing so.
    async fn follow_files(&mut self, mut instructions: OwnedWriteHalf) -> io::Error {
        let files = self.settings.files.clone();
        let mut seen = files.stamp();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let now = files.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            match identity::load(&files) {
                Ok(pem) => self.pem = pem,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the new certificate is not used; the old one stays");
                    continue;
                }
            }
            let told = match self.instruction() {
                Ok(line) => instructions.write_all(&line).await,
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                return error;
            }
            tracing::info!(certificate = %files.certificate.display(), "new certificate");
        }
    }
}

/// Counts what the child reports, until it ends or says what it should not.
async fn hear(reports: OwnedReadHalf, metrics: &Metrics) -> &'static str {
    let mut reports = BufReader::new(reports);
    loop {
        let Ok(line) = next_line(&mut reports, LONGEST_REPORT).await else {
            return "its reports cannot be read";
        };
        let Some(line) = line else {
            return "it closed the control socket";
        };
        match serde_json::from_str(&line) {
            Ok(Report::Ready) => tracing::info!("old TLS is spoken"),
            Ok(Report::Handshake { protocol, cipher }) => {
                metrics.tls_handshake(LISTENER, protocol_word(&protocol), cipher_word(&cipher));
            }
            Ok(Report::Failure(reason)) => metrics.tls_failure(LISTENER, failure_word(&reason)),
            Ok(Report::Refused(what)) => tracing::error!(what, "refused by OpenSSL"),
            Err(_) => return "its reports cannot be understood",
        }
    }
}

/// Takes connections from the child, and from nobody else; ends with the error of doing so.
async fn take_over<F>(
    socket: &UnixListener,
    child: Option<u32>,
    places: &Arc<Semaphore>,
    shutdown: &Shutdown,
    receive: &impl Fn(Guest) -> F,
) -> io::Error
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let (mut stream, _) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => return error,
        };
        let sender = stream.peer_cred().ok().and_then(|it| it.pid());
        let is_child = sender.and_then(|pid| u32::try_from(pid).ok()) == child;
        // The child keeps to the bound itself; one that does not is refused.
        let (true, Ok(place)) = (is_child, Arc::clone(places).try_acquire_owned()) else {
            tracing::warn!("a connection for old TLS was refused");
            continue;
        };
        // The introduction is there at once, so waiting for it holds up nobody else for long.
        let introduction = timeout(INTRODUCTION, Introduction::read(&mut stream)).await;
        let Ok(Ok(introduction)) = introduction else {
            tracing::warn!("a connection for old TLS was not introduced");
            continue;
        };
        tracing::debug!(
            peer = %introduction.peer,
            protocol = protocol_word(&introduction.protocol),
            cipher = cipher_word(&introduction.cipher),
            "old TLS"
        );
        let conversation = receive(Guest {
            stream,
            peer: introduction.peer,
            local: introduction.local,
        });
        drop(shutdown.spawn("legacy tls connection", async move {
            let _place = place;
            conversation.await;
        }));
    }
}

/// The program that runs, even if its file was replaced since.
fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}

/// A folder that only this user can enter; gone when dropped.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn with_socket() -> io::Result<(Self, StdUnixListener)> {
        let name = format!("chrysalis-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        // Fails if somebody else was here first.
        DirBuilder::new().mode(0o700).create(&path)?;
        let folder = Self(path);
        let path = folder.socket();
        let socket = StdUnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        Ok((folder, socket))
    }

    fn socket(&self) -> PathBuf {
        self.0.join("plain")
    }
}

impl AsRef<Path> for PrivateFolder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What is left behind is an empty socket in a folder that nobody can enter.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
