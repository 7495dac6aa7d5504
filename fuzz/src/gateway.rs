//! Requests to the gateway: any query, with any session and body, one after the other.
//!
//! Requests have the byte 0 between them; the first line of each is the query, the rest its body.
//! `$S` is the last session that was opened.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use chrysalis::config;
use chrysalis::http::{Gateway, GatewaySettings};
use chrysalis::mailbox::mailbox;
use chrysalis::net::{FrameRate, Gate, GateLimits, Link, Rules, Tunnelled};
use chrysalis::ns::{NsSession, ServerRole};
use chrysalis::sb::SbSession;
use chrysalis::shutdown::Shutdown;
use chrysalis::wire::Role;
use tower_service::Service as _;

use super::line::Line;
use super::world::{self, World};

/// Requests of one input.
const REQUESTS: usize = 24;
/// A poll may be answered late; whoever asked has hung up by then.
const PATIENCE: Duration = Duration::from_millis(15);
/// More than the gateway ever gives at once.
const LARGEST_ANSWER: usize = 1 << 20;

pub(crate) fn check(input: &[u8]) {
    world::run(async |world| {
        let [.., carols] = &world.people;
        let mut carol = Line::signed_in(world, carols, 9).await;
        let shutdown = Shutdown::new();
        let mut router = world.router(Some(gateway(world, &shutdown)));
        let mut session = String::new();
        for request in input.split(|byte| *byte == 0).take(REQUESTS) {
            ask(world, &mut router, request, &mut session).await;
        }
        shutdown.begin();
        assert!(shutdown.wait(Duration::from_secs(10)).await, "does not end");
        assert_eq!(shutdown.panics(), 0, "a session panicked");
        carol.hear().await;
        assert!(carol.is_open(), "somebody else was signed out");
    });
}

async fn ask(world: &World, router: &mut Router, request: &[u8], session: &mut String) {
    let text = String::from_utf8_lossy(request).replace("$S", session);
    let (query, body) = text.split_once('\n').unwrap_or((&text, ""));
    let query: String = query.chars().filter(|it| it.is_ascii_graphic()).collect();
    let request = Request::post(format!("/gateway/gateway.dll?{query}"))
        .header("Host", "gateway.example.com")
        .extension(world.link())
        .body(Body::from(body.to_owned()));
    let Ok(request) = request else {
        // A query that no request can have.
        return;
    };
    let Ok(answer) = tokio::time::timeout(PATIENCE, router.call(request)).await else {
        return;
    };
    let Ok(response) = answer;
    let status = response.status();
    let is_usual = matches!(
        status,
        StatusCode::OK
            | StatusCode::BAD_REQUEST
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS
    );
    assert!(is_usual, "{status} for {query}");
    let state = response.headers().clone();
    let body = axum::body::to_bytes(response.into_body(), LARGEST_ANSWER).await;
    let body = body.unwrap_or_else(|error| panic!("no answer: {error}"));
    if status == StatusCode::OK {
        *session = id_in(&state);
        assert!(body.is_empty() || body.windows(2).any(|two| two == b"\r\n"));
    } else {
        assert!(body.is_empty(), "{status} with {} bytes", body.len());
    }
}

/// The session that an answer names.
fn id_in(headers: &HeaderMap) -> String {
    let state = headers
        .get("X-MSN-Messenger")
        .and_then(|it| it.to_str().ok());
    let state = state.unwrap_or_else(|| panic!("an answer without a session: {headers:?}"));
    let id = state
        .strip_prefix("SessionID=")
        .and_then(|it| it.split(';').next());
    id.unwrap_or_else(|| panic!("{state}")).to_owned()
}

/// A gateway whose sessions are carried as the server's are.
fn gateway(world: &World, shutdown: &Shutdown) -> Gateway {
    let limits = GateLimits {
        connections: 64,
        per_network: 64,
        waiting_per_network: 64,
        vanished: Duration::from_secs(120),
        exempt: Vec::new(),
    };
    let settings = GatewaySettings::new(&config::Gateway::default(), &[], &[]);
    let services = world.services.clone();
    let ns_settings = world.settings.clone();
    let stop = shutdown.soft().clone();
    let shutdown = shutdown.clone();
    let start = move |role: Role, client: Tunnelled| {
        let (peer, local) = (client.peer, client.local);
        let link = Link::tunnelled(client, SIGN_IN, shutdown.clone(), services.metrics.clone());
        match role {
            Role::Notification => {
                let (mailbox, inbox) = mailbox(64);
                let session = NsSession::new(
                    services.clone(),
                    ns_settings.clone(),
                    ServerRole::Gateway.into(),
                    (peer, local),
                    mailbox,
                );
                let carried = link.run(role, session, inbox, None, RULES);
                shutdown.spawn("gateway connection", carried);
            }
            Role::Switchboard => {
                let (mailbox, inbox) = mailbox(64);
                let session = SbSession::new(services.clone(), peer.ip(), mailbox);
                let carried = link.run(role, session, inbox, None, RULES);
                shutdown.spawn("gateway connection", carried);
            }
        }
    };
    Gateway::new(
        settings,
        Gate::new(limits, world.services.metrics.clone()),
        world.services.metrics.clone(),
        stop,
        start,
    )
}

const SIGN_IN: Duration = Duration::from_secs(60);
const RATE: FrameRate = FrameRate {
    per_second: 1000,
    burst: 1000,
};
const RULES: Rules = Rules {
    write: Duration::MAX,
    own: RATE,
    network: RATE,
    total: RATE,
};
