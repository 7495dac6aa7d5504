//! One notification session: its phases, and what comes in and goes out in each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::settings::{NsSettings, ServerRole};
use super::{Failure, Handled, before_sign_in, cvr, png, signed_in, usr, ver};
use crate::dialect::blocks::Party;
use crate::dialect::family::ClientFamily;
use crate::dialect::login::{self, Farewell};
use crate::dialect::switchboard::Route;
use crate::dialect::verbs::Usage;
use crate::dialect::{Dialect, errors, notices, verbs};
use crate::mailbox::Mailbox;
use crate::metrics::{Live, Role};
use crate::model::{Address, Guid, NsEvent, Refusal};
use crate::net::{CloseReason, Session, Turn};
use crate::service::{Doing, OnlineGuard, Services, limit_of};
use crate::wire::{Frame, Outbox, Verb};

/// A client of the notification role.
#[derive(Debug)]
pub struct NsSession {
    phase: Phase,
    around: Surroundings,
    /// Keeps the queue of events open, and goes to the hub at sign-in.
    mailbox: Mailbox<NsEvent>,
}

/// What is the same for a session in every phase.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) services: Services,
    pub(super) settings: Arc<NsSettings>,
    pub(super) role: Arc<ServerRole>,
    pub(super) peer: SocketAddr,
    /// The address that the client connected to.
    pub(super) local: SocketAddr,
    /// Counts the connection under what it speaks.
    live: Live,
}

#[derive(Debug)]
enum Phase {
    Connected,
    /// Only the upgrade protocol is shared: one question, one answer, the end.
    UpgradeOnly,
    Negotiated(Negotiated),
    SignedIn(Box<SignedIn>),
}

/// A client whose dialect is agreed on.
#[derive(Debug)]
pub(super) struct Negotiated {
    pub(super) dialect: Dialect,
    pub(super) family: ClientFamily,
    /// What the client calls itself, for its owner to read.
    pub(super) program: String,
    /// Who the client said it is; it has been asked to prove it.
    pub(super) claim: Option<usr::Claim>,
}

/// A client that is signed in.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) dialect: Dialect,
    pub(super) family: ClientFamily,
    pub(super) guard: OnlineGuard,
    pub(super) address: Address,
    /// The machine, as clients that may be signed in at several places name it.
    pub(super) machine: Option<Guid>,
    pub(super) has_synced: bool,
    pub(super) has_status: bool,
    /// A challenge that waits for its answer, and since when.
    pub(super) challenge: Option<(String, Instant)>,
}

impl SignedIn {
    /// Refuses what a client sends in another name than its own, or from another place
    /// (`docs/protocol/10 §10`).
    pub(super) fn require_own(&self, from: &Party) -> Result<(), Refusal> {
        let is_own = matches!(from, Party::Person { address, endpoint }
            if *address == self.address && *endpoint == self.machine);
        is_own.then_some(()).ok_or(Refusal::InvalidParameter)
    }
}

impl NsSession {
    /// A session for a client that has just connected.
    pub fn new(
        services: Services,
        settings: Arc<NsSettings>,
        role: Arc<ServerRole>,
        (peer, local): (SocketAddr, SocketAddr),
        mailbox: Mailbox<NsEvent>,
    ) -> Self {
        let live = services.metrics.connection(Role::Ns);
        Self {
            phase: Phase::Connected,
            around: Surroundings {
                services,
                settings,
                role,
                peer,
                local,
                live,
            },
            mailbox,
        }
    }

    async fn dispatch(&mut self, verb: Verb, frame: &Frame, out: &mut Outbox) -> Turn {
        match &verb.0 {
            b"OUT" => return Turn::Close(CloseReason::SignedOut),
            b"PNG" => return self.ping(out),
            _ => {}
        }
        // Every other command has a transaction number, without which it cannot be answered.
        let Ok(trid) = frame.arguments().number() else {
            return Turn::Close(CloseReason::Protocol);
        };
        match self.command(verb, trid, frame, out).await {
            Ok(turn) => turn,
            Err(failure) => self.fail(verb, trid, failure, out),
        }
    }

    fn ping(&self, out: &mut Outbox) -> Turn {
        match &self.phase {
            Phase::SignedIn(client) => {
                png::answer(client.dialect, out);
                Turn::Continue
            }
            Phase::Connected | Phase::UpgradeOnly | Phase::Negotiated(_) => {
                Turn::Close(CloseReason::Protocol)
            }
        }
    }

    async fn command(
        &mut self,
        verb: Verb,
        trid: u32,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Turn, Failure> {
        match &mut self.phase {
            Phase::Connected if &verb.0 == b"VER" => Ok(self.negotiate(trid, frame, out)),
            Phase::Connected if verbs::exists(verb) => Err(Failure::Fatal(Refusal::NotSignedIn)),
            Phase::UpgradeOnly if &verb.0 == b"CVQ" => {
                cvr::Cvr::parse(frame.parameters())?.offer_upgrade(trid, &self.around, out);
                Ok(Turn::Close(CloseReason::SignedOut))
            }
            Phase::Connected | Phase::UpgradeOnly => Err(Failure::Violation),
            Phase::Negotiated(_) | Phase::SignedIn(_) if &verb.0 == b"VER" => {
                Err(Failure::Fatal(Refusal::NotExpected))
            }
            Phase::Negotiated(client) => {
                is_usable(verb, client.dialect)?;
                let step = before_sign_in(verb, trid, frame, client, &self.around, out).await?;
                match step {
                    Some(usr::Step::Proven(user)) => self.sign_in(trid, user, out).await,
                    Some(usr::Step::Referred) => Ok(Turn::Close(CloseReason::Referred)),
                    Some(usr::Step::Challenged) | None => Ok(Turn::Continue),
                }
            }
            Phase::SignedIn(client) => {
                is_usable(verb, client.dialect)?;
                signed_in(verb, trid, frame, client, &self.around, out).await?;
                Ok(Turn::Continue)
            }
        }
    }

    fn negotiate(&mut self, trid: u32, frame: &Frame, out: &mut Outbox) -> Turn {
        match ver::negotiate(trid, frame.parameters(), out) {
            ver::Negotiated::Dialect(dialect) => {
                tracing::Span::current().record("dialect", tracing::field::debug(dialect));
                let metrics = &self.around.services.metrics;
                self.around.live = metrics.connection_speaking(Role::Ns, &dialect.name());
                self.phase = Phase::Negotiated(Negotiated {
                    dialect,
                    family: ClientFamily::default(),
                    program: String::new(),
                    claim: None,
                });
                Turn::Continue
            }
            ver::Negotiated::UpgradeOnly => {
                self.phase = Phase::UpgradeOnly;
                Turn::Continue
            }
            ver::Negotiated::Nothing => Turn::Close(CloseReason::Protocol),
        }
    }

    /// Makes the client fetch its list again, where it can be told to.
    fn book_changed(&self, client: &SignedIn, at: i64, out: &mut Outbox) {
        let user = client.guard.user();
        client.dialect.book_notice(user, &client.address, at, out);
    }

    async fn sign_in(
        &mut self,
        trid: u32,
        proven: usr::Proven,
        out: &mut Outbox,
    ) -> Result<Turn, Failure> {
        let Phase::Negotiated(client) = &self.phase else {
            return Err(Failure::Violation);
        };
        let session = usr::enter(trid, proven, client, &self.around, &self.mailbox, out).await?;
        self.phase = Phase::SignedIn(Box::new(session));
        Ok(Turn::Continue)
    }

    /// Answers a command that failed, and decides whether the connection goes on.
    fn fail(&self, verb: Verb, trid: u32, failure: Failure, out: &mut Outbox) -> Turn {
        let (refusal, turn) = match failure {
            Failure::Refused(refusal) => (refusal, Turn::Continue),
            Failure::Fatal(refusal) => (refusal, Turn::Close(CloseReason::Refused)),
            Failure::Violation => {
                tracing::info!(%verb, trid, "not a command for this client now");
                return Turn::Close(CloseReason::Protocol);
            }
            Failure::Fault(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(%verb, trid, error, "a command failed");
                let is_signed_in = matches!(self.phase, Phase::SignedIn(_));
                let turn = if is_signed_in {
                    Turn::Continue
                } else {
                    Turn::Close(CloseReason::Fault)
                };
                (Refusal::Unavailable, turn)
            }
        };
        tracing::debug!(%verb, trid, %refusal, "refused");
        if let Some(limit) = limit_of(refusal) {
            self.around.services.metrics.limited(limit);
        }
        match self.dialect() {
            Some(dialect) => {
                dialect.refuse(trid, refusal, out);
                self.around.services.metrics.refusal(dialect.code(refusal));
            }
            None => errors::refuse_early(trid, refusal, out),
        }
        turn
    }

    fn dialect(&self) -> Option<Dialect> {
        match &self.phase {
            Phase::Connected | Phase::UpgradeOnly => None,
            Phase::Negotiated(client) => Some(client.dialect),
            Phase::SignedIn(client) => Some(client.dialect),
        }
    }
}

impl Session for NsSession {
    type Event = NsEvent;

    async fn handle(&mut self, frame: Frame, out: &mut Outbox) -> Turn {
        match frame.verb() {
            // In a box of its own: what all commands together need while they run would otherwise
            // be part of every idle connection.
            Some(verb) => Box::pin(self.dispatch(verb, &frame, out)).await,
            None => Turn::Close(CloseReason::Protocol),
        }
    }

    fn notice(&mut self, event: NsEvent, out: &mut Outbox) -> Turn {
        let Phase::SignedIn(client) = &self.phase else {
            return Turn::Continue;
        };
        let dialect = client.dialect;
        match event {
            NsEvent::ContactPresence { presence, news } => {
                // The first status brings everybody who is there.
                if client.has_status {
                    dialect.presence_news(&presence, news, out);
                }
            }
            NsEvent::ContactOffline { address } => dialect.offline(&address, out),
            NsEvent::ContactPhone {
                address,
                phone,
                value,
                revision,
            } => {
                // Only clients that have the list can place a number in it.
                if client.has_synced {
                    dialect.contact_phone(revision, &address, phone, value.as_ref(), out);
                }
            }
            NsEvent::Followed { by, name, revision } => {
                dialect.followed(&by, &name, revision, out);
                self.book_changed(client, self.around.services.clock.now_ms(), out);
            }
            NsEvent::Unfollowed { by, revision } => {
                dialect.unfollowed(&by, revision, out);
                self.book_changed(client, self.around.services.clock.now_ms(), out);
            }
            NsEvent::BookChanged { at } => self.book_changed(client, at, out),
            NsEvent::Notice(notice) => {
                dialect.notice(&notice, out);
                if notice.from == client.address && notices::signs_out(notice.kind) {
                    // Whoever was told to go might stay, and whoever lost a machine relies on
                    // this. The word keeps clients from coming back on their own.
                    login::farewell(Farewell::SignedInElsewhere, out);
                    return Turn::Close(CloseReason::Replaced);
                }
            }
            NsEvent::DirectMessage(message) => dialect.direct_message(&message, out),
            NsEvent::OwnPresence { own, news } => dialect.own_presence(&own, news, out),
            NsEvent::Invitation(invitation) => {
                let server = self.around.msnp_address();
                dialect.ring(&invitation, self.around.route(&server), out);
            }
            NsEvent::Circle(event) => dialect.circle_news(&client.address, &event, out),
            NsEvent::CircleChanged { circle } => {
                dialect.circle_changed(client.guard.user(), &client.address, circle, out);
            }
            NsEvent::OfflineMessage(message) => {
                // Before the first status it will be told with everything else that waits.
                if client.has_status {
                    dialect.mail_arrived(&message, out);
                }
            }
            NsEvent::OfflineMessagesDeleted { count } => dialect.mail_deleted(count, out),
            NsEvent::Announcement(announcement) => {
                let who = (client.guard.user(), &client.address);
                dialect.announcement(who, &announcement, &self.around.web_address(), out);
            }
            NsEvent::Maintenance { minutes } => dialect.maintenance(minutes, out),
            NsEvent::SignedInElsewhere => {
                login::farewell(Farewell::SignedInElsewhere, out);
                return Turn::Close(CloseReason::Replaced);
            }
            NsEvent::AccountClosed => {
                login::farewell(Farewell::AccountClosed, out);
                return Turn::Close(CloseReason::AccountClosed);
            }
        }
        Turn::Continue
    }

    fn stop(&mut self, out: &mut Outbox) {
        if matches!(self.phase, Phase::SignedIn(_)) {
            login::farewell(Farewell::ServerStopping, out);
        }
    }

    fn is_established(&self) -> bool {
        matches!(self.phase, Phase::SignedIn(_))
    }
}

/// Fails for a command that clients of this version do not send.
fn is_usable(verb: Verb, dialect: Dialect) -> Handled {
    match dialect.usage(verb) {
        Usage::Current => Ok(()),
        Usage::Retired => Err(Failure::Refused(Refusal::Disabled)),
        Usage::Foreign => Err(Failure::Violation),
    }
}

impl Surroundings {
    /// Counts what a client does; refused if it did too much of it lately.
    pub(super) fn spend(&self, what: Doing, client: &SignedIn) -> Result<(), Refusal> {
        self.spend_many(what, 1, client)
    }

    /// The same for many at once.
    pub(super) fn spend_many(
        &self,
        what: Doing,
        times: usize,
        client: &SignedIn,
    ) -> Result<(), Refusal> {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let (user, peer) = (client.guard.user(), self.peer.ip());
        self.services.allowances.spend_many(what, times, user, peer)
    }

    /// Where this client signs in and finds switchboards: this server, as the client reaches it.
    pub(super) fn msnp_address(&self) -> String {
        let settings = &self.settings;
        let port = match &*self.role {
            ServerRole::Notification => self.local.port(),
            ServerRole::Dispatch { .. } => settings.msnp_port,
            ServerRole::Gateway => {
                return settings
                    .advertise
                    .msnp_by_web(self.local, settings.msnp_port);
            }
        };
        settings.advertise.msnp(self.local, port)
    }

    /// How this client gets to a switchboard of this server. Through a gateway it stays there: some
    /// clients take the host of a switchboard that they may dial for a gateway, which it need not
    /// be (`docs/protocol/20 §7`).
    pub(super) fn route<'a>(&self, server: &'a str) -> Route<'a> {
        Route {
            server,
            is_direct: *self.role != ServerRole::Gateway,
        }
    }

    /// Base of the web addresses for this client.
    pub(super) fn web_address(&self) -> String {
        let settings = &self.settings;
        settings
            .advertise
            .web(self.local, settings.http_port, false)
    }
}
