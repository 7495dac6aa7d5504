//! One connection and its requests, between the socket and the router.
//!
//! hyper parses and writes; what is added here are limits in size and time, the tolerance that
//! old clients need, and the spelling of header names. The router sees only requests with a
//! normal path and a complete body.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Extensions, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;
use tracing::Instrument;

use super::listener::{Link, Settings};
use super::patience::Patience;
use super::soap::Service;
use super::stream::PeerStream;
use super::{forwarded, gateway, header_case, request_line, web};
use crate::live::Live;
use crate::metrics::Metrics;

/// The longest head of a request.
const HEADER_LIMIT: usize = 16 * 1024;

/// The largest body of a request where nothing else is said. Hardly a client sends more than a
/// few kilobytes.
const BODY_LIMIT: usize = 64 * 1024;

/// How many bodies larger than that are held at a time, whoever sends them. Whoever comes next
/// waits for one to be answered.
const LARGE_BODIES: usize = 32;

/// How much of a path is logged.
const LOGGED_PATH: usize = 64;

/// What is served, the same for every connection of a listener.
pub(super) struct Site {
    router: Live<Router>,
    settings: Settings,
    metrics: Metrics,
    header_case: Extensions,
    large_bodies: Semaphore,
}

/// Stands for a body that is too large, for whoever explains that by themselves: the body is empty
/// then, and never was in
/// memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooLarge;

/// What the requests of one connection have to do with the gateway, whose clients are the only ones
/// that are answered while the server takes its leave of them.
#[derive(Debug, Default)]
struct Course {
    has_gateway: AtomicBool,
    is_parting: AtomicBool,
}

impl Course {
    /// From here on nothing but the gateway answers.
    fn part(&self) {
        self.is_parting.store(true, Ordering::Relaxed);
    }

    /// Notes what a request is for, and says whether it is answered.
    fn admits(&self, path: &str) -> bool {
        if path == gateway::PATH {
            self.has_gateway.store(true, Ordering::Relaxed);
            return true;
        }
        !self.is_parting.load(Ordering::Relaxed)
    }

    /// Whether its client may come back for a good-bye. One that connects so late has nothing else
    /// to come for.
    fn is_of_the_gateway(&self) -> bool {
        self.has_gateway.load(Ordering::Relaxed) || self.is_parting.load(Ordering::Relaxed)
    }
}

impl Site {
    pub(super) async fn new(
        router: Live<Router>,
        settings: Settings,
        metrics: Metrics,
    ) -> hyper::Result<Self> {
        Ok(Self {
            router,
            settings,
            metrics,
            header_case: header_case::learn().await?,
            large_bodies: Semaphore::new(LARGE_BODIES),
        })
    }

    /// Serves a connection until one side ends it, and answers the reason as a fixed word.
    pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        link: Link,
        soft: &CancellationToken,
    ) -> &'static str {
        let opening = timeout(
            self.settings.header_timeout,
            request_line::read(&mut stream),
        );
        let opening = match self.closing(soft).run_until_cancelled(opening).await {
            None => return "shutdown",
            Some(Err(_)) => return "idle",
            Some(Ok(Err(_))) | Some(Ok(Ok(None))) => return "eof",
            Some(Ok(Ok(Some(opening)))) => opening,
        };
        let course = &Course::default();
        let parting = self.settings.parting.as_ref();
        if parting.is_some() && soft.is_cancelled() {
            course.part();
        }
        let at_rest = Arc::new(AtomicBool::new(false));
        let write_timeout = *self.settings.write_timeout.now();
        let stream = PeerStream::new(stream, opening, write_timeout, Arc::clone(&at_rest));
        let in_hand = &AtomicUsize::new(0);
        let resting = &at_rest;
        let service = hyper::service::service_fn(move |request| {
            resting.store(false, Ordering::Relaxed);
            in_hand.fetch_add(1, Ordering::Relaxed);
            async move {
                let answered = self.answer(request, link, course).await;
                in_hand.fetch_sub(1, Ordering::Relaxed);
                answered
            }
        });
        let mut connection = pin!(
            self.protocol()
                .serve_connection(TokioIo::new(stream), service)
        );
        let mut outcome = soft.run_until_cancelled(connection.as_mut()).await;
        if let Some(parting) = parting
            && outcome.is_none()
            && course.is_of_the_gateway()
        {
            // Its client asks again, and is to be told then.
            course.part();
            outcome = parting.run_until_cancelled(connection.as_mut()).await;
        }
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                // Whoever only waits to ask again is sent nothing, and so is not waited for.
                at_rest.store(in_hand.load(Ordering::Relaxed) == 0, Ordering::Relaxed);
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        match outcome {
            Ok(()) if soft.is_cancelled() => "shutdown",
            Ok(()) => "eof",
            Err(error) => close_reason(&error),
        }
    }

    /// When connections that only wait to ask are closed.
    pub(super) fn closing<'a>(&'a self, soft: &'a CancellationToken) -> &'a CancellationToken {
        self.settings.closing(soft)
    }

    fn protocol(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(Patience)
            .header_read_timeout(self.settings.header_timeout)
            .max_buf_size(HEADER_LIMIT)
            .title_case_headers(true)
            // A client may end its sending half right after the request.
            .half_close(true);
        builder
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        link: Link,
        course: &Course,
    ) -> Result<Response<Body>, Infallible> {
        let path = loggable(normal(request.uri()).path());
        let span = tracing::debug_span!(
            "request",
            method = %request.method(),
            path,
            user = tracing::field::Empty,
        );
        let started = Instant::now();
        let mut response = self
            .route(
                request,
                link,
                course,
                started + self.settings.request_timeout,
            )
            .instrument(span.clone())
            .await
            .unwrap_or_else(last_answer);
        let status = response.status().as_u16();
        let elapsed_ms = started.elapsed().as_millis();
        span.in_scope(|| tracing::debug!(status, elapsed_ms, "answered"));
        self.metrics.http_answer(status);
        response.extensions_mut().extend(self.header_case.clone());
        Ok(response)
    }

    /// The router's answer, or the status that ends the connection.
    async fn route(
        &self,
        request: Request<Incoming>,
        link: Link,
        course: &Course,
        deadline: Instant,
    ) -> Result<Response<Body>, StatusCode> {
        // No tunnel, ever; the target of CONNECT is not even a path.
        if request.method() == Method::CONNECT {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let (mut head, body) = request.into_parts();
        head.uri = normal(&head.uri);
        if !course.admits(head.uri.path()) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let service = Service::at(head.uri.path());
        // What is larger than usual is also explained by whoever is there.
        let large = match service {
            Some(service) => Some(service.body_limit()),
            None => web::body_limit(head.uri.path()),
        };
        let limit = large.unwrap_or(BODY_LIMIT);
        let collected = timeout_at(deadline, self.collect(body, limit))
            .await
            .map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
        let (body, _held) = match collected {
            Ok(collected) => collected,
            // Clients of a service want to be told in its own words (`docs/protocol/25 §26`), and
            // people on a page.
            Err(StatusCode::PAYLOAD_TOO_LARGE) if large.is_some() => {
                head.extensions.insert(TooLarge);
                (Bytes::new(), None)
            }
            Err(status) => return Err(status),
        };
        let is_whole = head.extensions.get::<TooLarge>().is_none();
        let trusted = self.settings.trusted_proxies.now();
        let link = forwarded::seen_through(link, &head.headers, &trusted);
        head.extensions.insert(link);
        let request = Request::from_parts(head, Body::from(body));
        // A router is always ready, and its clones share everything.
        let mut router = Router::clone(&self.router.now());
        let answered = timeout_at(deadline, router.call(request))
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match answered {
            Ok(response) if is_whole => Ok(response),
            Ok(response) => Ok(last(response)),
            Err(never) => match never {},
        }
    }

    /// The whole body, or the status that refuses it. A declared size is refused before the first
    /// byte, so a client that waits for `100 Continue` keeps its bytes. A large body takes a place
    /// before it grows large, to be held until it is answered.
    async fn collect(
        &self,
        mut body: Incoming,
        limit: usize,
    ) -> Result<(Bytes, Option<SemaphorePermit<'_>>), StatusCode> {
        let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if declared > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let mut place = None;
        let mut bytes = BytesMut::with_capacity(declared.min(BODY_LIMIT));
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
            let Ok(part) = frame.into_data() else {
                continue;
            };
            let length = bytes.len() + part.len();
            if length > limit {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            if length > BODY_LIMIT && place.is_none() {
                let taken = self.large_bodies.acquire().await;
                place = Some(taken.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?);
                bytes.reserve(declared.saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(&part);
        }
        Ok((bytes.freeze(), place))
    }
}

/// An answer without content, after which the connection ends.
fn last_answer(status: StatusCode) -> Response<Body> {
    let mut response = last(Response::new(Body::empty()));
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, HEAD, POST");
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// An answer that ends its connection.
fn last(mut response: Response<Body>) -> Response<Body> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// The target as the router knows it: path in lower case, one slash where several were, nothing
/// from a comma on; the query as it came. Host and scheme of an absolute target are dropped.
///
/// COMPAT: libpurple doubles slashes (`docs/protocol/25 §8`), clients differ in capitals, and some
/// keep the comma of the nexus answer in the path (`docs/protocol/25 §4`).
fn normal(uri: &Uri) -> Uri {
    let path = uri.path();
    let path = path.split_once(',').map_or(path, |(before, _)| before);
    let mut target = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !target.ends_with('/') {
            target.push(letter.to_ascii_lowercase());
        }
    }
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    // What is left of a valid target is valid; `*` stays as it is and finds no route.
    target
        .parse::<PathAndQuery>()
        .map_or_else(|_| uri.clone(), Uri::from)
}

/// What may be logged of a normal path: not too much, and no key that opens a picture.
fn loggable(path: &str) -> String {
    let keyless = match path.strip_prefix("/usertile/") {
        Some(rest) => {
            let before_key = rest.splitn(3, '/').take(2).map(str::len).sum::<usize>() + 1;
            let end = path.len() - rest.len() + before_key.min(rest.len());
            path.get(..end).unwrap_or("/usertile")
        }
        None => path,
    };
    keyless.chars().take(LOGGED_PATH).collect()
}

fn close_reason(error: &hyper::Error) -> &'static str {
    if error.is_timeout() {
        "idle"
    } else if error.is_parse_too_large() {
        "too_large"
    } else if error.is_parse() {
        "protocol"
    } else {
        "eof"
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn check(target: &str, expected: &str) {
        assert_eq!(
            normal(&target.parse().unwrap()).to_string(),
            expected,
            "{target}"
        );
    }

    #[test]
    fn paths_are_brought_into_one_form() {
        check("/Login2.SRF", "/login2.srf");
        check("//rdr///PPRDR.asp", "/rdr/pprdr.asp");
        check("/login2.srf,", "/login2.srf");
        check("/login2.srf,DAReg=https://x/y", "/login2.srf");
        check("http://nexus.passport.com/rdr/pprdr.asp", "/rdr/pprdr.asp");
        check("http://nexus.passport.com", "/");
        check("*", "*");
        check("/", "/");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_to_ask_again_does_not_hold_up_the_end() {
        let router = Router::new().route("/", get(async || "hello"));
        let site = Site::new(router.into(), Settings::default(), Metrics::new());
        let site = site.await.unwrap();
        let end = "127.0.0.1:1".parse().unwrap();
        let link = Link {
            peer: end,
            local: end,
            is_secure: false,
        };
        let (ours, mut theirs) = tokio::io::duplex(4_096);
        let soft = CancellationToken::new();
        let ask = async {
            let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
            theirs.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"hello") {
                assert!(theirs.read_buf(&mut answer).await.unwrap() > 0);
            }
            soft.cancel();
            Instant::now()
        };
        let (reason, asked) = tokio::join!(site.converse(ours, link, &soft), ask);
        assert_eq!(reason, "shutdown");
        assert!(asked.elapsed().is_zero(), "{:?}", asked.elapsed());
        drop(theirs);
    }

    #[test]
    fn a_key_in_a_path_is_not_logged() {
        for (path, logged) in [
            ("/usertile/01ab/static/deadbeef", "/usertile/01ab/static"),
            ("/usertile/01ab/static/dead/beef", "/usertile/01ab/static"),
            ("/usertile/01ab/static", "/usertile/01ab/static"),
            ("/usertile/01ab", "/usertile/01ab"),
            ("/usertile/", "/usertile/"),
            ("/account/profile", "/account/profile"),
        ] {
            assert_eq!(loggable(path), logged);
        }
        assert_eq!(
            loggable(&format!("/{}", "a".repeat(500))).len(),
            LOGGED_PATH
        );
    }

    #[test]
    fn a_query_is_left_alone() {
        check("//A//B?Lc=1033,X&u=//Y", "/a/b?Lc=1033,X&u=//Y");
    }
}
