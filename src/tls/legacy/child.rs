//! The child: handshakes, and bytes to and fro. It knows no account, no request and no file.
//!
//! Standard input is the listening socket and standard output the control socket. Nothing may ever
//! be printed here; what there is to say goes to the main process as a report.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::provider::Provider;
use openssl::ssl::{
    AlpnError, Ssl, SslContext, SslMethod, SslMode, SslOptions, SslRef, SslVersion,
    select_next_proto,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use super::super::rate::{HandshakeRate, Throttle};
use super::messages::{
    FAILURES, Instruction, Introduction, LONGEST_INSTRUCTION, Report, line_of, next_line,
};
use super::{identity, sandbox};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::net::{Arrival, Gate, GateLimits, accept};
use crate::shutdown::Shutdown;

/// What is offered, best first. Forward secrecy where the client knows it, then plain RSA, and
/// triple DES for Windows XP and before. Level 0 because of SHA-1 in handshakes and certificates.
const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+AES:kRSA+AESGCM:kRSA+AES:kRSA+3DES";
/// What the second switch adds.
const BROKEN_CIPHERS: &str = "RC4-SHA:RC4-MD5";
const WEAKEST: &str = "@SECLEVEL=0";

/// Reports that may wait. One more is not told; a count may be too low then.
const REPORTS: usize = 1024;
/// How long the client may go on sending once the main process has ended the conversation.
const LINGER: Duration = Duration::from_secs(3);
/// How long a peer may leave everything unanswered. Most are cut off by other deadlines before.
const VANISHED: Duration = Duration::from_secs(120);
/// Bytes carried at a time, in each direction.
const PIECE: usize = 8 * 1024;

/// The child cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It was not started by the server.
    #[error("only the server itself starts this")]
    Alone(#[source] io::Error),
    /// The main process does not say what it ought to.
    #[error("the main process cannot be understood")]
    Control(#[source] io::Error),
    /// OpenSSL lacks what this is for.
    #[error("this OpenSSL cannot speak old TLS")]
    Library(#[source] ErrorStack),
    /// Certificate or key cannot be used.
    #[error("certificate or key cannot be used")]
    Identity,
    /// Files could not be given up.
    #[error("the sandbox cannot be closed: {0}")]
    Sandbox(String),
}

/// Runs the child until the main process ends, or lets go of it.
pub fn run() -> Result<(), ChildError> {
    let listener = io::stdin().as_fd().try_clone_to_owned();
    let listener = std::net::TcpListener::from(listener.map_err(ChildError::Alone)?);
    let control = io::stdout().as_fd().try_clone_to_owned();
    let control = StdUnixStream::from(control.map_err(ChildError::Alone)?);
    listener.local_addr().map_err(ChildError::Alone)?;
    control.peer_addr().map_err(ChildError::Alone)?;

    openssl::init();
    let _legacy = Provider::load(None, "legacy").map_err(ChildError::Library)?;
    let _default = Provider::load(None, "default").map_err(ChildError::Library)?;
    sandbox::close_off().map_err(ChildError::Sandbox)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(ChildError::Alone)?;
    // This thread waits for the main process and nothing else, so its end is noticed whatever the
    // others are caught in.
    let ended = runtime.block_on(serve(listener, control));
    runtime.shutdown_background();
    ended
}

async fn serve(listener: std::net::TcpListener, control: StdUnixStream) -> Result<(), ChildError> {
    let ready = || {
        listener.set_nonblocking(true)?;
        control.set_nonblocking(true)?;
        Ok((
            TcpListener::from_std(listener)?,
            UnixStream::from_std(control)?,
        ))
    };
    let (listener, control) = ready().map_err(ChildError::Alone)?;
    let (instructions, mut answers) = control.into_split();
    let mut instructions = BufReader::new(instructions);
    let Some(first) = next_instruction(&mut instructions).await? else {
        return Ok(());
    };
    let Some(context) = context(&first) else {
        let refused = Report::Refused("certificate or key cannot be used".to_owned());
        let line = line_of(&refused).map_err(ChildError::Control)?;
        answers
            .write_all(&line)
            .await
            .map_err(ChildError::Control)?;
        return Err(ChildError::Identity);
    };
    sandbox::bound_handles(first.connections);

    let (reports, mut waiting) = mpsc::channel(REPORTS);
    let desk = Arc::new(Desk {
        context: Mutex::new(context),
        throttle: Throttle::new(HandshakeRate {
            per_minute: first.handshakes_per_minute,
            exempt: first.exempt.clone(),
        }),
        home: first.socket,
        handshake: Duration::from_secs(first.handshake_secs),
        write: Duration::from_secs(first.write_secs),
        reports,
    });
    let limits = GateLimits {
        connections: first.connections,
        per_network: first.connections_per_address,
        waiting_per_network: first.connections_per_address,
        vanished: VANISHED,
        exempt: first.exempt,
    };
    // This process shows its counts to nobody; what concerns the server is reported to it.
    let gate = Gate::new(limits, Metrics::new());
    desk.report(Report::Ready);
    let shutdown = Shutdown::new();
    shutdown.spawn("reports", async move {
        while let Some(report) = waiting.recv().await {
            let Ok(line) = line_of(&report) else { continue };
            if answers.write_all(&line).await.is_err() {
                return;
            }
        }
    });
    let tasks = shutdown.clone();
    let receiver = Arc::clone(&desk);
    let start = move |arrival| {
        let (desk, shutdown) = (Arc::clone(&receiver), &tasks);
        drop(shutdown.spawn("connection", async move { desk.receive(arrival).await }));
    };
    // No proxy hands on what is as old as this.
    let proxies = Live::default();
    let listening = accept(
        listener,
        gate,
        proxies,
        shutdown.soft().clone(),
        shutdown.clone(),
        start,
    );
    shutdown.spawn("listener", listening);
    while let Some(next) = next_instruction(&mut instructions).await? {
        match self::context(&next) {
            Some(context) => desk.replace(context),
            None => desk.report(Report::Refused("the new certificate".to_owned())),
        }
    }
    Ok(())
}

async fn next_instruction(
    instructions: &mut BufReader<tokio::net::unix::OwnedReadHalf>,
) -> Result<Option<Instruction>, ChildError> {
    let line = next_line(instructions, LONGEST_INSTRUCTION)
        .await
        .map_err(ChildError::Control)?;
    line.map(|line| serde_json::from_str(&line))
        .transpose()
        .map_err(|error| ChildError::Control(error.into()))
}

/// What connections are received with.
struct Desk {
    /// Held only to clone or replace it.
    context: Mutex<SslContext>,
    throttle: Throttle,
    /// Where the main process waits.
    home: PathBuf,
    handshake: Duration,
    write: Duration,
    reports: mpsc::Sender<Report>,
}

impl Desk {
    async fn receive(&self, arrival: Arrival) {
        if !self.throttle.admits(arrival.peer.ip()) {
            let [throttled, ..] = FAILURES;
            self.report(Report::Failure(throttled.to_owned()));
            return;
        }
        match timeout(self.handshake, self.shake_hands(arrival.stream)).await {
            Ok(Ok(stream)) => {
                arrival.admission.signed_in();
                let introduction = Introduction {
                    peer: arrival.peer,
                    local: arrival.local,
                    protocol: stream.ssl().version_str().to_owned(),
                    cipher: cipher(stream.ssl()).to_owned(),
                };
                self.report(Report::Handshake {
                    protocol: introduction.protocol.clone(),
                    cipher: introduction.cipher.clone(),
                });
                // Whatever breaks here ends the connection, and both sides see it.
                let _ = self.forward(stream, &introduction).await;
            }
            Ok(Err(_)) => self.report(Report::Failure("failed".to_owned())),
            Err(_) => self.report(Report::Failure("timeout".to_owned())),
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> io::Result<SslStream<TcpStream>> {
        let context = self.lock().clone();
        let ssl = Ssl::new(&context)?;
        let mut stream = SslStream::new(ssl, stream)?;
        Pin::new(&mut stream)
            .accept()
            .await
            .map_err(io::Error::other)?;
        Ok(stream)
    }

    async fn forward(
        &self,
        client: SslStream<TcpStream>,
        introduction: &Introduction,
    ) -> io::Result<()> {
        let mut home = timeout(self.write, UnixStream::connect(&self.home)).await??;
        home.write_all(&introduction.to_bytes()?).await?;
        let (home_reader, home_writer) = home.into_split();
        let (client_reader, client_writer) = split(client);
        let mut inward = pin!(carry(client_reader, home_writer, self.write));
        let mut outward = pin!(carry(home_reader, client_writer, self.write));
        let client_ended = tokio::select! {
            () = inward.as_mut() => true,
            () = outward.as_mut() => false,
        };
        if client_ended {
            // The main process sets the deadlines of a conversation, and ends it by them.
            outward.await;
        } else {
            let _ = timeout(LINGER, inward).await;
        }
        Ok(())
    }

    fn report(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }

    fn replace(&self, context: SslContext) {
        *self.lock() = context;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SslContext> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries bytes until one side ends or does not take them, and passes the end on.
async fn carry<R, W>(mut from: R, mut to: W, limit: Duration)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let bytes = piece.get(..count).unwrap_or_default();
        if !matches!(timeout(limit, to.write_all(bytes)).await, Ok(Ok(()))) {
            break;
        }
    }
    let _ = timeout(limit, to.shutdown()).await;
}

fn cipher(ssl: &SslRef) -> &'static str {
    ssl.current_cipher().map_or("", |cipher| cipher.name())
}

/// The settings of the listener; `None` if certificate and key are not what they ought to be.
fn context(instruction: &Instruction) -> Option<SslContext> {
    let (chain, key) = identity::parse(&instruction.certificate, &instruction.key);
    let mut chain = chain?.into_iter();
    let certificate = chain.next()?;
    let key = key?;
    let build = || -> Result<SslContext, ErrorStack> {
        let mut builder = SslContext::builder(SslMethod::tls_server())?;
        builder.set_security_level(0);
        builder.set_options(
            // The oldest clients cannot bear some of what newer protocols made usual.
            SslOptions::ALL
                | SslOptions::NO_COMPRESSION
                | SslOptions::NO_RENEGOTIATION
                | SslOptions::CIPHER_SERVER_PREFERENCE,
        );
        // Clients that leave without a word are the rule.
        builder.set_mode(SslMode::RELEASE_BUFFERS);
        let ciphers = if instruction.sslv3 {
            builder.clear_options(SslOptions::NO_SSLV3);
            builder.set_min_proto_version(Some(SslVersion::SSL3))?;
            format!("{CIPHERS}:{BROKEN_CIPHERS}:{WEAKEST}")
        } else {
            builder.set_min_proto_version(Some(SslVersion::TLS1))?;
            format!("{CIPHERS}:{WEAKEST}")
        };
        builder.set_cipher_list(&ciphers)?;
        builder.set_session_id_context(b"chrysalis")?;
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(b"\x08http/1.1", offered).ok_or(AlpnError::NOACK)
        });
        builder.set_certificate(&certificate)?;
        for certificate in chain {
            builder.add_extra_chain_cert(certificate)?;
        }
        builder.set_private_key(&key)?;
        builder.check_private_key()?;
        Ok(builder.build())
    };
    build().ok()
}
