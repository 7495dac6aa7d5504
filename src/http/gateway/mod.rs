//! The HTTP gateway: the protocol of TCP through posts (`docs/protocol/20`).
//!
//! Every session here is a connection like any other, with a pipe in place of its socket
//! (`net::pipe`): the same sessions, the same limits, the same end. What is added is the query
//! (`request`), who has what open (`table`), the order of requests and the wait for an answer
//! (`session`), and the headers (`answer`, `cors`).
//!
//! The id of a session is all that a request has to show, so it cannot be guessed. It stays the
//! same for the whole session: all clients accept that, and one that changed would be lost with the
//! answer that carries it. It is not bound to an address either, unless the operator wants it:
//! clients come through proxies that have many.

mod answer;
mod cors;
mod request;
mod session;
mod table;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use ipnet::IpNet;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Link, Web};
use crate::config;
use crate::live::Live;
use crate::metrics::{Limit, Metrics};
use crate::net::{Gate, Tunnelled, pipe};
use crate::network::{Network, is_among};
use crate::shutdown::Shutdown;
use crate::wire::Role;
use cors::Origins;
use request::Request;
use session::{Session, Unanswered};
use table::{Allowance, Refused, Table};

/// The longest wait of a poll. A client that asks for more polls again; proxies and some clients
/// give up after 30 to 40 seconds, and so does the edge itself (`docs/protocol/20 §8`).
const LONGEST_POLL: Duration = Duration::from_secs(25);
/// How often sessions are looked over for idleness.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// How long after the last good-bye a session may come for its own. Most clients ask every two
/// seconds (`docs/protocol/20 §6`); there is more than that to be done within the time of a stop.
const LAST_REQUEST: Duration = Duration::from_millis(2_500);
/// The only name of the gateway.
pub(super) const PATH: &str = "/gateway/gateway.dll";

/// The sessions of the gateway; clones share them.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

/// How the gateway behaves.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// How long a session outlives its last request.
    pub idle: Duration,
    /// The same for a client that asks for longer, at most.
    pub longest_idle: Duration,
    /// Sessions of one network at a time.
    pub sessions_per_network: usize,
    /// Sessions that one network may open in a minute.
    pub opens_per_minute: u32,
    /// Networks that those two do not hold for.
    pub exempt: Vec<IpNet>,
    /// Whether only the network that opened a session may go on with it.
    pub same_network: bool,
    /// Origins whose pages may call; `*` is everybody.
    pub cors_origins: Vec<String>,
}

impl GatewaySettings {
    /// Takes what the settings say.
    pub fn new(gateway: &config::Gateway, exempt: &[IpNet], cors_origins: &[String]) -> Self {
        Self {
            idle: Duration::from_secs(gateway.idle_secs),
            longest_idle: Duration::from_secs(gateway.longest_idle_secs),
            sessions_per_network: gateway.sessions_per_address,
            opens_per_minute: gateway.opens_per_minute,
            exempt: exempt.to_vec(),
            same_network: gateway.same_address,
            cors_origins: cors_origins.to_vec(),
        }
    }
}

/// Starts the task of a session.
type Start = Box<dyn Fn(Role, Tunnelled) + Send + Sync>;

struct Inner {
    settings: Live<GatewaySettings>,
    origins: Live<Origins>,
    gate: Gate,
    table: Table,
    metrics: Metrics,
    start: Start,
    /// Cancelled when no session is opened any more.
    stop: CancellationToken,
    /// Wakes whoever waits for the last session to be over.
    over: Notify,
    /// Cancelled when nobody is to be told any more that the server stops.
    parting: CancellationToken,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A session that was just opened, or found.
struct Known {
    id: Arc<str>,
    session: Arc<Session>,
}

impl Gateway {
    /// A gateway without sessions. Its sessions take places at `gate`, beside the connections over
    /// TCP; each is handed to `start`, which carries it as it would one of those. After `stop` there
    /// are no new ones.
    pub fn new(
        settings: GatewaySettings,
        gate: Gate,
        metrics: Metrics,
        stop: CancellationToken,
        start: impl Fn(Role, Tunnelled) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            origins: Live::new(Origins::new(&settings.cors_origins)),
            settings: Live::new(settings),
            gate,
            table: Table::default(),
            metrics,
            start: Box::new(start),
            stop,
            over: Notify::new(),
            parting: CancellationToken::new(),
        }))
    }

    /// Holds for requests from now on, and for sessions that are opened from now on.
    pub fn change(&self, settings: GatewaySettings) {
        self.0.origins.replace(Origins::new(&settings.cors_origins));
        self.0.settings.replace(settings);
    }

    /// Cancelled when every session was told that the server stops, or had the time to ask: as long
    /// as that, clients of the gateway have to get through.
    pub fn parting(&self) -> CancellationToken {
        self.0.parting.clone()
    }

    /// Ends the sessions that nobody asks for any more, until the soft stop, and then waits for the
    /// others to be told of it. The end of the former is that of a connection that broke.
    pub async fn sweep(self, shutdown: Shutdown) {
        let _parting = self.0.parting.clone().drop_guard();
        let mut ticks = interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(now) = shutdown.soft().run_until_cancelled(ticks.tick()).await {
            for session in self.0.table.take_expired(now) {
                session.hang_up();
            }
        }
        let everybody = async {
            while !self.0.table.is_empty() {
                self.0.over.notified().await;
            }
        };
        tokio::select! {
            () = everybody => {}
            () = sleep_until(shutdown.turn(1.0) + LAST_REQUEST) => {}
            () = shutdown.hard().cancelled() => {}
        }
    }

    /// Opens a session for a client at `peer`, who came in at `local`.
    fn open(
        &self,
        role: Role,
        (peer, local): (SocketAddr, SocketAddr),
        timeout: Option<Duration>,
    ) -> Result<Known, Refused> {
        let inner = &self.0;
        let settings = inner.settings.now();
        let network = Network::of(peer.ip());
        let allowance = (!is_among(&settings.exempt, peer.ip())).then_some(Allowance {
            sessions: settings.sessions_per_network,
            opens_per_minute: settings.opens_per_minute,
        });
        inner.table.reserve(network, allowance, Instant::now())?;
        let place = inner.gate.free_place();
        let admission = place.and_then(|place| inner.gate.admit(place, peer.ip()));
        let Some(admission) = admission else {
            inner.table.give_back(network);
            return Err(Refused::Full);
        };
        let (end, client) = pipe();
        let wished = timeout.unwrap_or(settings.idle);
        let timeout = wished.min(settings.longest_idle).max(settings.idle);
        let session = Arc::new(Session::new(network, client, timeout, &inner.metrics));
        let id = new_id();
        inner.table.insert(Arc::clone(&id), Arc::clone(&session));
        // No port: such a client can be reached at none (`docs/protocol/20 §8`).
        let peer = SocketAddr::new(peer.ip(), 0);
        (inner.start)(
            role,
            Tunnelled {
                end,
                peer,
                local,
                admission,
            },
        );
        Ok(Known { id, session })
    }

    /// Forgets a session whose end was told.
    fn forget(&self, id: &str) {
        self.0.table.remove(id);
        self.0.over.notify_one();
    }

    /// The session of an id, if whoever asks may go on with it.
    fn find(&self, id: &str, peer: SocketAddr) -> Option<Known> {
        let session = self.0.table.find(id)?;
        if session.network != Network::of(peer.ip()) {
            if self.0.settings.now().same_network {
                tracing::info!(%peer, "a session of the gateway was asked for from elsewhere");
                return None;
            }
            tracing::debug!(%peer, "a client of the gateway has another address now");
        }
        Some(Known {
            id: id.into(),
            session,
        })
    }

    /// The answer to a request, and the word for it in metrics.
    async fn answer(&self, web: &Web, link: Link, asked: &Asked<'_>) -> (&'static str, Response) {
        let Some(request) = Request::parse(asked.query) else {
            return ("none", answer::status(StatusCode::BAD_REQUEST));
        };
        let word = request.word();
        let response = match self.serve(web, link, request, asked).await {
            Ok(response) => response,
            Err(status) => answer::status(status),
        };
        (word, response)
    }

    async fn serve(
        &self,
        web: &Web,
        link: Link,
        request: Request,
        asked: &Asked<'_>,
    ) -> Result<Response, StatusCode> {
        let find = |id: &str| self.find(id, link.peer).ok_or(StatusCode::BAD_REQUEST);
        let (known, replied) = match request {
            Request::Open { .. } if self.0.stop.is_cancelled() => {
                return Err(StatusCode::SERVICE_UNAVAILABLE);
            }
            Request::Open { role, timeout } => {
                let opened = self.open(role, (link.peer, link.local), timeout);
                let known = opened.map_err(|refused| {
                    self.0.metrics.limited(Limit::GatewaySessions);
                    match refused {
                        Refused::Full => StatusCode::SERVICE_UNAVAILABLE,
                        Refused::TooFast => StatusCode::TOO_MANY_REQUESTS,
                    }
                })?;
                let replied = known.session.exchange(asked.body, None).await;
                (known, replied)
            }
            Request::Send { id } => {
                let known = find(&id)?;
                let replied = known.session.exchange(asked.body, None).await;
                (known, replied)
            }
            Request::Poll { id, lifespan } => {
                let known = find(&id)?;
                let lifespan = lifespan.map(|lifespan| lifespan.min(LONGEST_POLL));
                let replied = known.session.exchange(asked.body, lifespan).await;
                (known, replied)
            }
            Request::Close { id } => {
                let known = find(&id)?;
                let replied = known.session.close().await;
                (known, replied)
            }
        };
        let reply = replied.map_err(|unanswered| match unanswered {
            Unanswered::Over => StatusCode::BAD_REQUEST,
            Unanswered::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        })?;
        if reply.is_last {
            self.forget(&known.id);
        }
        let gateway = answer::gateway_of(&web.advertise, link, asked.headers);
        Ok(answer::reply(&known.id, &gateway, reply))
    }
}

/// What came with a request.
struct Asked<'a> {
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

/// 128 bits that nobody can guess, in two parts as clients know it.
///
/// COMPAT: libpurple looks for the full stop; Miranda has room for 39 characters
/// (`docs/protocol/20 §4`).
fn new_id() -> Arc<str> {
    let (stable, changing): (u64, u64) = (rand::random(), rand::random());
    format!("{stable:016x}.{changing:016x}").into()
}

/// The gateway under its name.
pub(super) fn routes() -> Router<Web> {
    Router::new().route(PATH, post(serve).options(preflight))
}

async fn serve(
    State(web): State<Web>,
    Extension(link): Extension<Link>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let Some(gateway) = &web.gateway else {
        return super::home::not_found().await;
    };
    let asked = Asked {
        query: query.as_deref().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    let (word, mut response) = gateway.answer(&web, link, &asked).await;
    gateway
        .0
        .metrics
        .gateway_request(word, response.status().as_u16());
    let origins = gateway.0.origins.now();
    origins.mark(&headers, response.headers_mut());
    response
}

/// What a browser asks before it lets a page of another site call.
async fn preflight(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(gateway) = &web.gateway else {
        return super::home::not_found().await;
    };
    let mut response = answer::status(StatusCode::OK);
    let marks = response.headers_mut();
    marks.insert(ALLOW, HeaderValue::from_static("OPTIONS, POST"));
    gateway.0.origins.now().mark_preflight(&headers, marks);
    response
}

#[cfg(test)]
mod tests;
