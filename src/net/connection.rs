//! The task of one connection.
//!
//! Each turn waits for exactly one thing: bytes, events, a deadline or a stop. What came is then
//! handled to its end outside the wait, so no half-done command is ever cancelled, and everything
//! it produced is written at once. Only this task reads from or writes to its socket.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::coop;
use tokio::time::{Sleep, sleep, sleep_until};
use tokio_util::codec::Decoder;

use super::alarms::Alarms;
use super::listener::Arrival;
use super::spare;
use super::transport::Transport;
use super::{Admission, CloseReason, Pace, Session, Tunnelled, Turn};
use crate::mailbox::{Inbox, Overflow};
use crate::metrics::{self, Limit, Metrics};
use crate::shutdown::{Shutdown, Stage};
use crate::wire::{CodecError, Frame, FrameCodec, Outbox, Role};

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
    /// A spare one while the connection is at work; else what half a frame takes.
    buffer: BytesMut,
    is_at_work: bool,
    /// Until when it has to be known who the peer is; nothing once that is known.
    deadline: Option<Pin<Box<Sleep>>>,
    alarms: Alarms,
    shutdown: Shutdown,
    metrics: Metrics,
}

/// What a turn woke up for.
enum Wake {
    Abort,
    Stop,
    Closed(CloseReason),
    Events,
    /// The buffer may hold whole frames.
    Frames,
}

impl Link {
    /// A connection over TCP, which has `sign_in` to show whose it is. In a box, because there is
    /// one of these in everything that an idle connection waits in.
    pub fn new(
        arrival: Arrival,
        sign_in: Duration,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Box<Self> {
        let transport = Transport::Socket(arrival.stream);
        let ends = (arrival.peer, arrival.local);
        Self::over(
            transport,
            ends,
            arrival.admission,
            sign_in,
            shutdown,
            metrics,
        )
    }

    /// A connection without a socket.
    pub fn tunnelled(
        tunnelled: Tunnelled,
        sign_in: Duration,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Box<Self> {
        let transport = Transport::Pipe(tunnelled.end);
        let ends = (tunnelled.peer, tunnelled.local);
        Self::over(
            transport,
            ends,
            tunnelled.admission,
            sign_in,
            shutdown,
            metrics,
        )
    }

    fn over(
        transport: Transport,
        (peer, local): (SocketAddr, SocketAddr),
        admission: Admission,
        sign_in: Duration,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Box<Self> {
        Box::new(Self {
            transport,
            peer,
            local,
            buffer: BytesMut::new(),
            is_at_work: false,
            deadline: Some(Box::pin(sleep(sign_in))),
            alarms: Alarms::new(&shutdown, admission.evicted()),
            admission,
            shutdown,
            metrics,
        })
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
    pub async fn first_frame(&mut self) -> Result<Frame, CloseReason> {
        let mut codec = FrameCodec::new(Role::Notification);
        loop {
            let decoded = codec.decode(&mut self.buffer);
            if let Some(frame) = decoded.map_err(|error| close_reason(&error))? {
                return Ok(frame);
            }
            poll_fn(|cx| {
                self.alarms.listen(cx);
                if self.shutdown.stage() > Stage::Running {
                    return Poll::Ready(Err(CloseReason::Shutdown));
                }
                self.poll_patience(cx)?;
                let read = self.poll_read(cx);
                if read.is_pending() {
                    self.rest();
                }
                read
            })
            .await?;
        }
    }

    /// Carries a session until one side ends it. `first` is the frame that chose the session, if
    /// a frame did.
    ///
    /// Everything about the connection goes into one box here: an asynchronous function would keep
    /// room for its arguments beside what it makes of them, for as long as the connection lives.
    pub fn run<S: Session>(
        self: Box<Self>,
        role: Role,
        session: S,
        inbox: Inbox<S::Event>,
        first: Option<Frame>,
        rules: Rules,
    ) -> impl Future<Output = CloseReason> + Send {
        let driver = Driver {
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
            paused: None,
            farewell: None,
            share: match &self.transport {
                Transport::Pipe(_) => 0.0,
                Transport::Socket(_) => match role {
                    Role::Notification => rand::random(),
                    Role::Switchboard => 1.0,
                },
            },
            rules,
        };
        let carried = Carried {
            link: self,
            session: Some(session),
            inbox,
            driver,
        };
        Box::new(carried).carry()
    }

    /// Takes what has arrived. A peer that closed its side has ended the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let readable = ready!(self.transport.poll_readable(cx));
        self.work();
        let read = self.transport.poll_read(cx, &mut self.buffer);
        match readable.and(ready!(read)) {
            Ok(0) | Err(_) => Poll::Ready(Err(CloseReason::Eof)),
            Ok(_) => {
                self.admission.spoke();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Fails when the time of a peer that has not shown who it is, or its place, is gone.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        let Some(deadline) = &mut self.deadline else {
            return Ok(());
        };
        if self.admission.evicted().is_cancelled() {
            return Err(CloseReason::Evicted);
        }
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Err(CloseReason::SignInTimeout),
            Poll::Pending => Ok(()),
        }
    }

    /// Has a buffer to read into.
    fn work(&mut self) {
        if !self.is_at_work {
            let rest = std::mem::replace(&mut self.buffer, spare::take());
            self.buffer.extend_from_slice(&rest);
            self.is_at_work = true;
        }
    }

    /// Gives back what only somebody at work needs; half a frame stays.
    fn rest(&mut self) {
        if self.is_at_work {
            let rest = BytesMut::from(&self.buffer[..]);
            spare::give(std::mem::replace(&mut self.buffer, rest));
            self.is_at_work = false;
        }
    }

    /// The peer has shown who it is.
    fn establish(&mut self) {
        self.deadline = None;
        self.alarms.ignore_eviction();
        self.admission.signed_in();
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
                match stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => discarded += read,
                }
            }
        };
        tokio::select! {
            () = self.shutdown.hard().cancelled() => {}
            _ = tokio::time::timeout(LINGER, linger) => {}
        }
    }
}

/// A connection with the session that it carries.
struct Carried<S: Session> {
    link: Box<Link>,
    /// Until the connection ends.
    session: Option<S>,
    inbox: Inbox<S::Event>,
    driver: Driver<S::Event>,
}

impl<S: Session> Carried<S> {
    async fn carry(mut self: Box<Self>) -> CloseReason {
        let Self {
            link,
            session,
            inbox,
            driver,
        } = &mut *self;
        let reason = match session {
            Some(session) => driver.drive(link, session, inbox).await,
            None => CloseReason::Fault,
        };
        // The session leaves the hub before the socket lingers.
        *session = None;
        if !matches!(reason, CloseReason::SlowConsumer | CloseReason::Eof) {
            Box::pin(link.close()).await;
        }
        let role = driver.codec.role();
        link.metrics.closed(role.into(), reason.word());
        match reason {
            CloseReason::SlowConsumer if inbox.has_overflowed() => {
                link.metrics.queue_dropped(role.into());
            }
            CloseReason::SignInTimeout => link.metrics.limited(Limit::SignInTime),
            CloseReason::TooLarge => link.metrics.limited(Limit::Size),
            _ => {}
        }
        reason
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
    /// Until when nothing is read.
    paused: Option<Pin<Box<Sleep>>>,
    /// When, of the time over which good-byes are spread, it is this one's turn. People leave one
    /// by one, and their conversations with them. Through a pipe nobody could be told later: the
    /// requests that would fetch it are refused by then.
    share: f32,
    /// The wait for that turn, once the server stops.
    farewell: Option<Pin<Box<Sleep>>>,
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
            let wake = self.wait(link, inbox).await;
            self.out.use_buffer(spare::take);
            let turn = match wake {
                Wake::Abort => return CloseReason::Shutdown,
                Wake::Closed(reason) => return reason,
                Wake::Stop => {
                    session.stop(&mut self.out);
                    Turn::Close(CloseReason::Shutdown)
                }
                Wake::Events => match self.handle_events(session) {
                    // However many events keep coming, the client is heard in between.
                    Turn::Continue if self.may_read() => match self.read_now(link).await {
                        Ok(()) => self.handle_frames(link, session).await,
                        Err(reason) => return reason,
                    },
                    turn => turn,
                },
                Wake::Frames => self.handle_frames(link, session).await,
            };
            let is_last = matches!(turn, Turn::Close(_));
            if let Err(reason) = self.flush(link, inbox, is_last).await {
                return reason;
            }
            match turn {
                Turn::Continue => {}
                Turn::Pause(wait) => self.paused = Some(Box::pin(sleep(wait))),
                Turn::Close(reason) => return reason,
            }
        }
    }

    /// Waits for one thing to do. Cancel-safe, though nobody cancels it: what was taken from the
    /// socket is in the buffer, and what was taken from the queue is in `events`.
    async fn wait(&mut self, link: &mut Link, inbox: &mut Inbox<E>) -> Wake {
        poll_fn(|cx| {
            // A connection that always has something to do lets others go on in between.
            let turn = ready!(coop::poll_proceed(cx));
            let wake = self.poll_wake(cx, link, inbox);
            match wake {
                Poll::Ready(_) => turn.made_progress(),
                Poll::Pending => self.rest(link),
            }
            wake
        })
        .await
    }

    /// An idle connection keeps no room for what only comes in bursts.
    fn rest(&mut self, link: &mut Link) {
        link.rest();
        if let Some(buffer) = self.out.rest() {
            spare::give(buffer);
        }
        self.events.shrink_to(EVENTS_KEPT);
    }

    /// In this order, so that no peer can be so busy that its time is never over.
    fn poll_wake(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut Link,
        inbox: &mut Inbox<E>,
    ) -> Poll<Wake> {
        link.alarms.listen(cx);
        match link.shutdown.stage() {
            Stage::Running => {}
            Stage::Soft => {
                if self.poll_farewell(cx, link).is_ready() {
                    return Poll::Ready(Wake::Stop);
                }
            }
            Stage::Hard => return Poll::Ready(Wake::Abort),
        }
        if let Err(reason) = link.poll_patience(cx) {
            return Poll::Ready(Wake::Closed(reason));
        }
        match inbox.poll_receive(cx, &mut self.events, EVENTS_PER_TURN) {
            Poll::Ready(Ok(())) => return Poll::Ready(Wake::Events),
            Poll::Ready(Err(Overflow)) => {
                return Poll::Ready(Wake::Closed(CloseReason::SlowConsumer));
            }
            Poll::Pending => {}
        }
        if let Some(paused) = &mut self.paused {
            ready!(paused.as_mut().poll(cx));
            self.paused = None;
            self.has_backlog = true;
        }
        if self.has_backlog {
            return Poll::Ready(Wake::Frames);
        }
        Poll::Ready(match ready!(link.poll_read(cx)) {
            Ok(()) => Wake::Frames,
            Err(reason) => Wake::Closed(reason),
        })
    }

    /// Takes what has arrived, if anything has.
    async fn read_now(&mut self, link: &mut Link) -> Result<(), CloseReason> {
        poll_fn(|cx| match link.poll_read(cx) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await
    }

    /// Waits for this one's turn to say good-bye.
    fn poll_farewell(&mut self, cx: &mut Context<'_>, link: &Link) -> Poll<()> {
        let turn = || link.shutdown.turn(turn_to_leave(link, self.share));
        let farewell = self
            .farewell
            .get_or_insert_with(|| Box::pin(sleep_until(turn())));
        farewell.as_mut().poll(cx)
    }

    fn handle_events<S: Session<Event = E>>(&mut self, session: &mut S) -> Turn {
        for event in self.events.drain(..) {
            match session.notice(event, &mut self.out) {
                Turn::Continue | Turn::Pause(_) => {}
                Turn::Close(reason) => return Turn::Close(reason),
            }
        }
        Turn::Continue
    }

    async fn handle_frames<S: Session<Event = E>>(
        &mut self,
        link: &mut Link,
        session: &mut S,
    ) -> Turn {
        let mut handled = 0;
        let now = Instant::now();
        self.has_backlog = true;
        let turn = loop {
            if handled == FRAMES_PER_TURN {
                break Turn::Continue;
            }
            if let Some(pace) = &mut self.pace
                && let Err(wait) = pace.admits(now)
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
            if link.deadline.is_some() && session.is_established() {
                link.establish();
            }
            if turn != Turn::Continue {
                break turn;
            }
        };
        if handled > 0 {
            link.metrics
                .frames_received(self.codec.role().into(), handled as u64);
        }
        turn
    }

    fn may_read(&self) -> bool {
        self.paused.is_none()
    }

    /// Writes what the turn produced. Ends with an error when the peer takes no byte for the
    /// whole deadline, or as soon as its queue of events overflows.
    async fn flush(
        &mut self,
        link: &mut Link,
        inbox: &Inbox<E>,
        is_last: bool,
    ) -> Result<(), CloseReason> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = link.transport.write_now(&self.out)?;
        if written < self.out.bytes().len() {
            // In a box of its own, for the few that have to wait.
            Box::pin(self.write_rest(link, inbox, is_last, written)).await?;
        }
        let frames = self.out.take_frame_count();
        if frames > 0 {
            link.metrics.frames_sent(self.codec.role().into(), frames);
            self.out.clear();
        }
        Ok(())
    }

    /// Waits until the peer has taken everything behind the first `written` bytes.
    async fn write_rest(
        &mut self,
        link: &mut Link,
        inbox: &Inbox<E>,
        is_last: bool,
        mut written: usize,
    ) -> Result<(), CloseReason> {
        let share = turn_to_leave(link, self.share);
        while written < self.out.bytes().len() {
            written += tokio::select! {
                biased;
                more = link.transport.write(&self.out, written, is_last) => more?,
                () = link.shutdown.hard().cancelled() => return Err(CloseReason::Shutdown),
                () = inbox.overflowed() => return Err(CloseReason::SlowConsumer),
                () = sleep(self.rules.write) => return Err(CloseReason::SlowConsumer),
                () = last_moment(&link.shutdown, share) => return Err(CloseReason::Shutdown),
            };
        }
        Ok(())
    }
}

/// When it is a connection's turn to say good-bye; nobody's connection has no turn to wait for.
fn turn_to_leave(link: &Link, share: f32) -> f32 {
    if link.deadline.is_none() { share } else { 0.0 }
}

/// Ends when a peer that takes nothing has held up the end of the server for long enough.
async fn last_moment(shutdown: &Shutdown, share: f32) {
    shutdown.farewell(share).await;
    sleep(LAST_WRITE).await;
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
