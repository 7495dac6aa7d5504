//! Receiving clients: what a new connection is for, and which session it gets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Instrument, Span};

use crate::config::Limits;
use crate::live::Live;
use crate::mailbox::mailbox;
use crate::metrics::Role as Counted;
use crate::net::{Arrival, CloseReason, FrameRate, Link, Rules, Tunnelled};
use crate::ns::{NsSession, NsSettings, ServerRole};
use crate::sb::SbSession;
use crate::service::Services;
use crate::shutdown::Shutdown;
use crate::wire::{Frame, Role};

/// What a new connection is received with; each holds on to it.
#[derive(Debug)]
pub(super) struct Door {
    services: Services,
    settings: Live<NsSettings>,
    limits: Live<Limits>,
    shutdown: Shutdown,
    connections: AtomicU64,
}

impl Door {
    pub(super) fn new(
        services: Services,
        settings: NsSettings,
        limits: Limits,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            services,
            settings: Live::new(settings),
            limits: Live::new(limits),
            shutdown,
            connections: AtomicU64::new(0),
        }
    }

    /// Holds for clients that come from now on.
    pub(super) fn change(&self, settings: NsSettings, limits: Limits) {
        self.settings.replace(settings);
        self.limits.replace(limits);
    }

    /// Starts the task of a connection over TCP.
    pub(super) fn welcome(self: &Arc<Self>, arrival: Arrival, role: &Arc<ServerRole>) {
        let span = self.span("tcp", arrival.peer);
        let sign_in = Duration::from_secs(self.limits.now().sign_in_secs);
        let metrics = self.services.metrics.clone();
        let link = Link::new(arrival, sign_in, self.shutdown.clone(), metrics);
        let door = Arc::clone(self);
        let role = Arc::clone(role);
        let connection = async move { door.receive(link, role).await };
        self.shutdown
            .spawn("connection", connection.instrument(span));
    }

    /// Starts the task of a connection by the gateway, whose purpose the client named.
    pub(super) fn welcome_tunnelled(self: &Arc<Self>, role: Role, client: Tunnelled) {
        let span = self.span("gateway", client.peer);
        let sign_in = Duration::from_secs(self.limits.now().sign_in_secs);
        let metrics = self.services.metrics.clone();
        let link = Link::tunnelled(client, sign_in, self.shutdown.clone(), metrics);
        let door = Arc::clone(self);
        let connection = async move { door.receive_tunnelled(role, link).await };
        self.shutdown
            .spawn("gateway connection", connection.instrument(span));
    }

    fn span(&self, via: &'static str, peer: SocketAddr) -> Span {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        tracing::info_span!(
            "connection",
            conn = number,
            via,
            role = tracing::field::Empty,
            %peer,
            dialect = tracing::field::Empty,
            user = tracing::field::Empty,
            room = tracing::field::Empty,
        )
    }

    /// Learns from the first command what the connection is for, and carries it to its end.
    async fn receive(&self, mut link: Box<Link>, role: Arc<ServerRole>) {
        let metrics = &self.services.metrics;
        let write = Duration::from_secs(self.limits.now().write_secs);
        let reason = match link.first_frame().await {
            Ok(frame) if is_for_switchboard(&frame) => {
                self.switchboard(link, Some(frame), write).await
            }
            Ok(frame) => self.notification(link, Some(frame), role, write).await,
            Err(reason) => {
                reason.count(Counted::Ns, metrics);
                reason
            }
        };
        tell(reason);
    }

    async fn receive_tunnelled(&self, role: Role, link: Box<Link>) {
        // Whoever fetches nothing is idle, and the gateway ends it for that.
        let write = Duration::MAX;
        let reason = match role {
            Role::Notification => {
                let role = Arc::new(ServerRole::Gateway);
                self.notification(link, None, role, write).await
            }
            Role::Switchboard => self.switchboard(link, None, write).await,
        };
        tell(reason);
    }

    fn notification(
        &self,
        link: Box<Link>,
        first: Option<Frame>,
        role: Arc<ServerRole>,
        write: Duration,
    ) -> impl Future<Output = CloseReason> + Send + use<> {
        Span::current().record("role", Counted::Ns.word());
        let limits = self.limits.now();
        let (mailbox, inbox) = mailbox(limits.ns_queue);
        let ends = (link.peer(), link.local());
        let settings = self.settings.now();
        let session = NsSession::new(self.services.clone(), settings, role, ends, mailbox);
        let own = FrameRate {
            per_second: limits.commands_per_second,
            burst: limits.commands_burst,
        };
        let rules = rules(own, &limits, write);
        link.run(Role::Notification, session, inbox, first, rules)
    }

    fn switchboard(
        &self,
        link: Box<Link>,
        first: Option<Frame>,
        write: Duration,
    ) -> impl Future<Output = CloseReason> + Send + use<> {
        Span::current().record("role", Counted::Sb.word());
        let limits = self.limits.now();
        let (mailbox, inbox) = mailbox(limits.sb_queue);
        let session = SbSession::new(self.services.clone(), link.peer().ip(), mailbox);
        let own = FrameRate {
            per_second: limits.messages_per_second,
            burst: limits.messages_burst,
        };
        let rules = rules(own, &limits, write);
        link.run(Role::Switchboard, session, inbox, first, rules)
    }
}

fn rules(own: FrameRate, limits: &Limits, write: Duration) -> Rules {
    Rules {
        write,
        own,
        network: own.times(limits.address_factor),
        total: own.times(limits.total_factor),
    }
}

fn tell(reason: CloseReason) {
    if reason == CloseReason::Shutdown {
        tracing::debug!(reason = reason.word(), "connection ended");
    } else {
        tracing::info!(reason = reason.word(), "connection ended");
    }
}

/// A switchboard connection starts with a ticket, everything else is for the notification role.
fn is_for_switchboard(first: &Frame) -> bool {
    let verb = first.verb();
    verb.is_some_and(|verb| matches!(&verb.0, b"USR" | b"ANS"))
}
