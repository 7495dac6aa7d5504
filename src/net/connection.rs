//! The task of one connection.
//!
//! Each turn waits for exactly one thing: bytes, events, a deadline or a stop. What came is then
//! handled to its end outside the wait, so no half-done command is ever cancelled, and everything
//! it produced is written at once. Only this task reads from or writes to its socket.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::task::coop;
use tokio::time::{Sleep, sleep, sleep_until};
use tokio_util::codec::Decoder;

use super::link::{Link, close_reason};
use super::spare;
use super::transport::Transport;
use super::{CloseReason, FrameRate, Pace, Session, Turn};
use crate::mailbox::{Inbox, Overflow};
use crate::metrics::{self, Limit};
use crate::shutdown::{Shutdown, Stage};
use crate::wire::{Frame, FrameCodec, Outbox, Role};

/// Frames handled in one turn, so that a client which pipelines does not starve its own events.
const FRAMES_PER_TURN: usize = 64;
/// Bytes of answers after which a turn is over, whatever else the client asked for already. What
/// one command makes is bounded by the limits for lists.
const OUTPUT_PER_TURN: usize = 64 * 1024;
/// Events rendered in one turn.
const EVENTS_PER_TURN: usize = 64;
/// Room for events that an idle connection keeps.
const EVENTS_KEPT: usize = 4;
/// How long the end of the server waits for a peer that takes no bytes.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Bounds in time and rate of one kind of connection.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// A peer that takes no bytes this long is dropped.
    pub write: Duration,
    /// Frames of the connection, from the first one on.
    pub own: FrameRate,
    /// Frames of all connections of its network that are of its kind.
    pub network: FrameRate,
    /// Frames of all connections of its kind.
    pub total: FrameRate,
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
            pace: (!self.admission.is_exempt()).then(|| Pace::new(rules.own, Instant::now())),
            first,
            has_backlog: true,
            paused: None,
            farewell: None,
            share: match role {
                Role::Notification => rand::random(),
                Role::Switchboard => 1.0,
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
        reason.count(role.into(), &link.metrics);
        if reason == CloseReason::SlowConsumer && inbox.has_overflowed() {
            link.metrics.queue_dropped(role.into());
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
    /// by one, and their conversations with them.
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
                    // What it sent before it left is handled before the end is noticed.
                    Turn::Continue if self.has_backlog && self.paused.is_none() => {
                        self.handle_frames(link, session).await
                    }
                    Turn::Continue if self.paused.is_none() => match self.read_now(link).await {
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
        // Before the events, of which there may always be some.
        if let Some(paused) = &mut self.paused
            && paused.as_mut().poll(cx).is_ready()
        {
            self.paused = None;
            self.has_backlog = true;
        }
        match inbox.poll_receive(cx, &mut self.events, EVENTS_PER_TURN) {
            Poll::Ready(Ok(())) => return Poll::Ready(Wake::Events),
            Poll::Ready(Err(Overflow)) => {
                return Poll::Ready(Wake::Closed(CloseReason::SlowConsumer));
            }
            Poll::Pending => {}
        }
        if self.paused.is_some() {
            return Poll::Pending;
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
        let role = self.codec.role();
        self.has_backlog = true;
        let turn = loop {
            if handled == FRAMES_PER_TURN || self.out.bytes().len() >= OUTPUT_PER_TURN {
                break Turn::Continue;
            }
            if let Some(pace) = &mut self.pace
                && let Err(wait) = pace
                    .admits(now)
                    .and_then(|()| link.admission.admits(role, &self.rules, now))
            {
                break self.slow_down(link, wait);
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
                link.admission.charge(role, &self.rules, now);
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
            link.metrics.frames_received(role.into(), handled as u64);
        }
        turn
    }

    fn slow_down(&self, link: &Link, wait: Duration) -> Turn {
        link.metrics.limited(match self.codec.role() {
            Role::Notification => Limit::Commands,
            Role::Switchboard => Limit::Messages,
        });
        Turn::Pause(wait)
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

impl From<Role> for metrics::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Notification => Self::Ns,
            Role::Switchboard => Self::Sb,
        }
    }
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::mailbox::{Mailbox, mailbox};
    use crate::metrics::Metrics;
    use crate::net::{Arrival, Gate, GateLimits};

    const LONG: Duration = Duration::from_secs(20);

    /// A session that tells the test what happened to it.
    struct Told {
        handled: usize,
        /// What to do with each frame, by its number.
        handle: fn(usize, &mut Outbox) -> Turn,
        /// Where another event goes after each.
        again: Mailbox<()>,
        report: tokio::sync::watch::Sender<usize>,
    }

    impl Session for Told {
        type Event = ();

        async fn handle(&mut self, _frame: Frame, out: &mut Outbox) -> Turn {
            self.handled += 1;
            self.report.send_replace(self.handled);
            // The runtime looks for news of the socket meanwhile.
            tokio::task::yield_now().await;
            (self.handle)(self.handled, out)
        }

        fn notice(&mut self, (): (), _out: &mut Outbox) -> Turn {
            self.again.post(());
            Turn::Continue
        }

        fn is_established(&self) -> bool {
            true
        }

        fn stop(&mut self, _out: &mut Outbox) {}
    }

    /// Carries a session for a client that sends so many commands at once and closes; answers how
    /// many were handled, and how it ended. There is always an event waiting, too.
    async fn carry(
        commands: usize,
        closes: bool,
        handle: fn(usize, &mut Outbox) -> Turn,
    ) -> (usize, CloseReason) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(local).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        client
            .write_all(&b"PNG\r\n".repeat(commands))
            .await
            .unwrap();
        if closes {
            client.shutdown().await.unwrap();
        }
        let limits = GateLimits {
            connections: 1,
            per_network: 1,
            waiting_per_network: 1,
            vanished: LONG,
            exempt: Vec::<IpNet>::new(),
        };
        let metrics = Metrics::new();
        let gate = Gate::new(limits, metrics.clone());
        let arrival = Arrival {
            stream,
            peer,
            local,
            is_secure: false,
            admission: gate.admit(gate.place().await, peer.ip()).unwrap(),
        };
        let fast = FrameRate {
            per_second: 1_000_000,
            burst: 1_000_000,
        };
        let rules = Rules {
            write: LONG,
            own: fast,
            network: fast,
            total: fast,
        };
        let (again, inbox) = mailbox(16);
        again.post(());
        let (report, handled) = tokio::sync::watch::channel(0);
        let session = Told {
            handled: 0,
            handle,
            again,
            report,
        };
        let link = Link::new(arrival, LONG, Shutdown::new(), metrics);
        let run = link.run(Role::Notification, session, inbox, None, rules);
        let reason = timeout(LONG, run).await.expect("nobody hears the client");
        let handled = *handled.borrow();
        (handled, reason)
    }

    #[tokio::test]
    async fn what_was_sent_before_the_end_is_handled_while_events_flow() {
        let ended = carry(5 * FRAMES_PER_TURN, true, |_, _| Turn::Continue).await;
        assert_eq!(ended, (5 * FRAMES_PER_TURN, CloseReason::Eof));
    }

    #[tokio::test]
    async fn who_was_paused_is_heard_again_while_events_flow() {
        let handle = |number, _: &mut Outbox| match number {
            1 => Turn::Pause(Duration::from_millis(20)),
            _ => Turn::Close(CloseReason::SignedOut),
        };
        let ended = carry(2, false, handle).await;
        assert_eq!(ended, (2, CloseReason::SignedOut));
    }

    #[tokio::test]
    async fn large_answers_are_written_before_the_next_command() {
        let handle = |_, out: &mut Outbox| {
            assert!(out.bytes().len() < OUTPUT_PER_TURN);
            out.line("LST").payload(&[b'x'; OUTPUT_PER_TURN / 2]);
            Turn::Continue
        };
        let ended = carry(FRAMES_PER_TURN / 4, true, handle).await;
        assert_eq!(ended, (FRAMES_PER_TURN / 4, CloseReason::Eof));
    }
}
