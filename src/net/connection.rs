//! The task of one connection.
//!
//! Each turn waits for exactly one thing: bytes, events, a deadline or a stop. What came is then
//! handled to its end outside the wait, so no half-done command is ever cancelled, and everything
//! it produced is written at once. Only this task reads from or writes to its socket.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::codec::Decoder;

use super::listener::Arrival;
use super::{Admission, CloseReason, Pace, Session, SessionEnd, Tunnelled, Turn};
use crate::mailbox::Inbox;
use crate::metrics::{self, Limit, Metrics};
use crate::shutdown::Shutdown;
use crate::wire::{CodecError, Frame, FrameCodec, Outbox, Role};

/// How much is read at once.
const READ_CHUNK: usize = 4096;
/// Frames handled in one turn, so that a client which pipelines does not starve its own events.
const FRAMES_PER_TURN: usize = 64;
/// Events rendered in one turn.
const EVENTS_PER_TURN: usize = 64;
/// Room for events that an idle connection keeps.
const EVENTS_KEPT: usize = 4;
/// How long the end of the server waits for a peer that takes no bytes.
const LAST_WRITE: Duration = Duration::from_secs(2);
/// After a deliberate close: how long and how much a peer may still send, so that it reads our
/// last line before its connection is reset (`docs/protocol/00 §6`).
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 * 1024;

/// Bounds in time and rate of one kind of connection.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// From accepting the connection to knowing who it is.
    pub sign_in: Duration,
    /// A peer that takes no bytes this long is dropped.
    pub write: Duration,
    /// Frames, from the first one on.
    pub frames_per_second: u32,
    pub frames_burst: u32,
}

/// A connection before it is known what it is for.
#[derive(Debug)]
pub struct Link {
    transport: Transport,
    peer: SocketAddr,
    local: SocketAddr,
    admission: Admission,
    buffer: BytesMut,
    accepted: Instant,
    shutdown: Shutdown,
    metrics: Metrics,
}

/// What carries the bytes.
#[derive(Debug)]
enum Transport {
    Socket(TcpStream),
    Pipe(SessionEnd),
}

/// What a turn woke up for.
enum Wake {
    Abort,
    Stop,
    Closed(CloseReason),
    Events,
    Backlog,
    Readable,
    Resume,
}

impl Link {
    pub fn new(arrival: Arrival, shutdown: Shutdown, metrics: Metrics) -> Self {
        Self {
            transport: Transport::Socket(arrival.stream),
            peer: arrival.peer,
            local: arrival.local,
            admission: arrival.admission,
            buffer: BytesMut::new(),
            accepted: Instant::now(),
            shutdown,
            metrics,
        }
    }

    /// A connection without a socket.
    pub fn tunnelled(tunnelled: Tunnelled, shutdown: Shutdown, metrics: Metrics) -> Self {
        Self {
            transport: Transport::Pipe(tunnelled.end),
            peer: tunnelled.peer,
            local: tunnelled.local,
            admission: tunnelled.admission,
            buffer: BytesMut::new(),
            accepted: Instant::now(),
            shutdown,
            metrics,
        }
    }

    /// Where the client connects from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The address that the client connected to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for the first frame, which tells what the connection is for.
    pub async fn first_frame(&mut self, sign_in: Duration) -> Result<Frame, CloseReason> {
        let mut codec = FrameCodec::new(Role::Notification);
        let deadline = tokio::time::sleep_until((self.accepted + sign_in).into());
        tokio::pin!(deadline);
        loop {
            if let Some(frame) = codec
                .decode(&mut self.buffer)
                .map_err(|error| close_reason(&error))?
            {
                return Ok(frame);
            }
            tokio::select! {
                () = self.shutdown.soft().cancelled() => return Err(CloseReason::Shutdown),
                () = self.admission.evicted().cancelled() => return Err(CloseReason::Evicted),
                () = &mut deadline => return Err(CloseReason::SignInTimeout),
                ready = self.transport.readable() => ready.map_err(|_| CloseReason::Eof)?,
            }
            self.read()?;
        }
    }

    /// Carries a session until one side ends it. `first` is the frame that chose the session, if
    /// a frame did.
    pub async fn run<S: Session>(
        mut self,
        role: Role,
        mut session: S,
        mut inbox: Inbox<S::Event>,
        first: Option<Frame>,
        rules: Rules,
    ) -> CloseReason {
        let mut driver = Driver {
            codec: FrameCodec::new(role),
            out: match &self.transport {
                Transport::Socket(_) => Outbox::default(),
                Transport::Pipe(_) => Outbox::in_pieces(),
            },
            events: Vec::new(),
            pace: (!self.admission.is_exempt())
                .then(|| Pace::new(rules.frames_per_second, rules.frames_burst, Instant::now())),
            first,
            has_backlog: true,
            paused_until: None,
            is_established: false,
            share: match &self.transport {
                Transport::Pipe(_) => 0.0,
                Transport::Socket(_) => match role {
                    Role::Notification => rand::random(),
                    Role::Switchboard => 1.0,
                },
            },
            rules,
        };
        let reason = driver.drive(&mut self, &mut session, &mut inbox).await;
        // The session leaves the hub before the socket lingers.
        drop(session);
        if !matches!(reason, CloseReason::SlowConsumer | CloseReason::Eof) {
            self.close().await;
        }
        self.metrics.closed(role.into(), reason.word());
        match reason {
            CloseReason::SlowConsumer if inbox.overflow().is_cancelled() => {
                self.metrics.queue_dropped(role.into());
            }
            CloseReason::SignInTimeout => self.metrics.limited(Limit::SignInTime),
            CloseReason::TooLarge => self.metrics.limited(Limit::Size),
            _ => {}
        }
        reason
    }

    /// Takes what has arrived. A peer that closed its side has ended the connection.
    fn read(&mut self) -> Result<(), CloseReason> {
        self.buffer.reserve(READ_CHUNK);
        match self.transport.try_read(&mut self.buffer) {
            Ok(0) => Err(CloseReason::Eof),
            Ok(_) => {
                self.admission.spoke();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(CloseReason::Eof),
        }
    }

    /// Ends our side, and listens a moment longer so that the peer gets to read the last line.
    async fn close(&mut self) {
        // What a pipe holds is there to be fetched without its session.
        let Transport::Socket(stream) = &mut self.transport else {
            return;
        };
        let linger = async {
            let _ = stream.shutdown().await;
            let mut discarded = 0;
            while discarded < LINGER_BYTES {
                self.buffer.clear();
                self.buffer.reserve(READ_CHUNK);
                if stream.readable().await.is_err() {
                    return;
                }
                match stream.try_read_buf(&mut self.buffer) {
                    Ok(0) => return,
                    Ok(read) => discarded += read,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        tokio::select! {
            () = self.shutdown.hard().cancelled() => {}
            _ = tokio::time::timeout(LINGER, linger) => {}
        }
    }
}

impl Transport {
    /// Waits for bytes, or the end of them. Cancel-safe: takes nothing.
    async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Socket(stream) => stream.readable().await,
            Self::Pipe(end) => {
                end.readable().await;
                Ok(())
            }
        }
    }

    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.try_read_buf(buffer),
            Self::Pipe(end) => end.try_read(buffer),
        }
    }

    /// Writes some of what is in the outbox behind the first `written` bytes. Cancel-safe: a pipe
    /// takes all of it or nothing.
    async fn write(
        &mut self,
        out: &Outbox,
        written: usize,
        is_last: bool,
    ) -> Result<usize, CloseReason> {
        match self {
            Self::Socket(stream) => {
                let rest = out.bytes().get(written..).unwrap_or_default();
                stream.write(rest).await.map_err(|_| CloseReason::Eof)
            }
            Self::Pipe(end) => {
                end.write(out, is_last).await?;
                Ok(out.bytes().len())
            }
        }
    }
}

/// What one connection needs from turn to turn.
struct Driver<E> {
    codec: FrameCodec,
    out: Outbox,
    events: Vec<E>,
    /// Nothing for a peer that no bound of a network holds for.
    pace: Option<Pace>,
    /// The frame that chose the session, until it is handled.
    first: Option<Frame>,
    /// The buffer may hold whole frames already.
    has_backlog: bool,
    paused_until: Option<Instant>,
    is_established: bool,
    /// When, of the time over which good-byes are spread, it is this one's turn. People leave one
    /// by one, and their conversations with them. Through a pipe nobody could be told later: the
    /// requests that would fetch it are refused by then.
    share: f32,
    rules: Rules,
}

impl<E: Send> Driver<E> {
    async fn drive<S: Session<Event = E>>(
        &mut self,
        link: &mut Link,
        session: &mut S,
        inbox: &mut Inbox<E>,
    ) -> CloseReason {
        loop {
            let turn = match self.wait(link, inbox).await {
                Wake::Abort => return CloseReason::Shutdown,
                Wake::Closed(reason) => return reason,
                Wake::Stop => {
                    session.stop(&mut self.out);
                    Turn::Close(CloseReason::Shutdown)
                }
                Wake::Events => match self.handle_events(session) {
                    // However many events keep coming, the client is heard in between.
                    Turn::Continue if self.may_read() => match link.read() {
                        Ok(()) => self.handle_frames(link, session).await,
                        Err(reason) => return reason,
                    },
                    turn => turn,
                },
                Wake::Backlog => self.handle_frames(link, session).await,
                Wake::Readable => match link.read() {
                    Ok(()) => self.handle_frames(link, session).await,
                    Err(reason) => return reason,
                },
                Wake::Resume => {
                    self.paused_until = None;
                    self.has_backlog = true;
                    Turn::Continue
                }
            };
            let is_last = matches!(turn, Turn::Close(_));
            if let Err(reason) = self.flush(link, inbox, is_last).await {
                return reason;
            }
            match turn {
                Turn::Continue => {}
                Turn::Pause(wait) => self.pause(wait),
                Turn::Close(reason) => return reason,
            }
        }
    }

    /// Waits for one thing to do. Every branch is cancel-safe: nothing is taken from the socket
    /// here, and `receive` leaves events that it did not deliver in the queue.
    async fn wait(&mut self, link: &Link, inbox: &mut Inbox<E>) -> Wake {
        let overflow = inbox.overflow().clone();
        let may_read = self.may_read();
        let sign_in_deadline = link.accepted + self.rules.sign_in;
        let share = self.turn_to_leave();
        let resume = self.paused_until.unwrap_or(sign_in_deadline);
        tokio::select! {
            biased;
            () = link.shutdown.hard().cancelled() => Wake::Abort,
            () = link.shutdown.farewell(share) => Wake::Stop,
            () = overflow.cancelled() => Wake::Closed(CloseReason::SlowConsumer),
            () = link.admission.evicted().cancelled(), if !self.is_established => {
                Wake::Closed(CloseReason::Evicted)
            }
            // Before anything the peer can keep busy, or its time would never be over.
            () = tokio::time::sleep_until(sign_in_deadline.into()), if !self.is_established => {
                Wake::Closed(CloseReason::SignInTimeout)
            }
            received = inbox.receive(&mut self.events, EVENTS_PER_TURN) => match received {
                // Nobody can reach the session any more.
                0 => Wake::Closed(CloseReason::Fault),
                _ => Wake::Events,
            },
            () = std::future::ready(()), if may_read && self.has_backlog => Wake::Backlog,
            ready = link.transport.readable(), if may_read => match ready {
                Ok(()) => Wake::Readable,
                Err(_) => Wake::Closed(CloseReason::Eof),
            },
            () = tokio::time::sleep_until(resume.into()), if !may_read => Wake::Resume,
        }
    }

    /// When it is this one's turn to say good-bye; nobody's connection has no turn to wait for.
    fn turn_to_leave(&self) -> f32 {
        if self.is_established { self.share } else { 0.0 }
    }

    fn handle_events<S: Session<Event = E>>(&mut self, session: &mut S) -> Turn {
        for event in self.events.drain(..) {
            match session.notice(event, &mut self.out) {
                Turn::Continue | Turn::Pause(_) => {}
                Turn::Close(reason) => return Turn::Close(reason),
            }
        }
        // A burst leaves no room behind in a connection that is idle again.
        self.events.shrink_to(EVENTS_KEPT);
        Turn::Continue
    }

    async fn handle_frames<S: Session<Event = E>>(
        &mut self,
        link: &mut Link,
        session: &mut S,
    ) -> Turn {
        let mut handled = 0;
        self.has_backlog = true;
        let turn = loop {
            if handled == FRAMES_PER_TURN {
                break Turn::Continue;
            }
            if let Some(pace) = &mut self.pace
                && let Err(wait) = pace.admits(Instant::now())
            {
                link.metrics.limited(match self.codec.role() {
                    Role::Notification => Limit::Commands,
                    Role::Switchboard => Limit::Messages,
                });
                break Turn::Pause(wait);
            }
            let frame = match self.first.take() {
                Some(frame) => Some(frame),
                None => match self.codec.decode(&mut link.buffer) {
                    Ok(frame) => frame,
                    Err(error) => {
                        tracing::info!(%error, "the peer is out of step");
                        break Turn::Close(close_reason(&error));
                    }
                },
            };
            let Some(frame) = frame else {
                self.has_backlog = false;
                break Turn::Continue;
            };
            handled += 1;
            if let Some(pace) = &mut self.pace {
                pace.charge();
            }
            let turn = session.handle(frame, &mut self.out).await;
            if !self.is_established && session.is_established() {
                self.is_established = true;
                link.admission.signed_in();
            }
            if turn != Turn::Continue {
                break turn;
            }
        };
        if link.buffer.is_empty() {
            // An idle connection keeps no buffer.
            link.buffer = BytesMut::new();
        }
        link.metrics
            .frames_received(self.codec.role().into(), handled as u64);
        turn
    }

    fn may_read(&self) -> bool {
        self.paused_until.is_none()
    }

    fn pause(&mut self, wait: Duration) {
        self.paused_until = Some(Instant::now() + wait);
    }

    /// Writes what the turn produced. Ends with an error when the peer takes no byte for the
    /// whole deadline, or as soon as its queue of events overflows.
    async fn flush(
        &mut self,
        link: &mut Link,
        inbox: &Inbox<E>,
        is_last: bool,
    ) -> Result<(), CloseReason> {
        let share = self.turn_to_leave();
        let mut written = 0;
        while written < self.out.bytes().len() {
            written += tokio::select! {
                biased;
                more = link.transport.write(&self.out, written, is_last) => more?,
                () = link.shutdown.hard().cancelled() => return Err(CloseReason::Shutdown),
                () = inbox.overflow().cancelled() => return Err(CloseReason::SlowConsumer),
                () = tokio::time::sleep(self.rules.write) => {
                    return Err(CloseReason::SlowConsumer);
                }
                () = last_moment(&link.shutdown, share) => return Err(CloseReason::Shutdown),
            };
        }
        let frames = self.out.take_frame_count();
        if frames > 0 {
            link.metrics.frames_sent(self.codec.role().into(), frames);
            self.out.clear();
        }
        Ok(())
    }
}

/// Ends when a peer that takes nothing has held up the end of the server for long enough.
async fn last_moment(shutdown: &Shutdown, share: f32) {
    shutdown.farewell(share).await;
    tokio::time::sleep(LAST_WRITE).await;
}

fn close_reason(error: &CodecError) -> CloseReason {
    match error {
        CodecError::LineTooLong | CodecError::PayloadTooLong { .. } => CloseReason::TooLarge,
        CodecError::BadLength => CloseReason::Protocol,
        CodecError::Io(_) => CloseReason::Eof,
    }
}

impl From<Role> for metrics::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Notification => Self::Ns,
            Role::Switchboard => Self::Sb,
        }
    }
}
