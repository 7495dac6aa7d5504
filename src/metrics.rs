//! What the server counts, for Prometheus.
//!
//! Each server has a recorder of its own; nothing is global, so tests may run many servers in one
//! process. The handles are made once and kept, so counting is one atomic addition. Labels come
//! from fixed sets, never from a peer, and nothing is counted per user.
//!
//! | name | type | labels |
//! |---|---|---|
//! | `chrysalis_connections` | gauge | `role` |
//! | `chrysalis_signed_in_sessions` | gauge | |
//! | `chrysalis_rooms` | gauge | |
//! | `chrysalis_frames_received_total` | counter | `role` |
//! | `chrysalis_frames_sent_total` | counter | `role` |
//! | `chrysalis_messages_relayed_total` | counter | |
//! | `chrysalis_sign_ins_total` | counter | `method`, `outcome` |
//! | `chrysalis_refusals_total` | counter | `code` |
//! | `chrysalis_closes_total` | counter | `role`, `reason` |
//! | `chrysalis_http_answers_total` | counter | `class` |
//! | `chrysalis_soap_calls_total` | counter | `service`, `operation`, `outcome` |
//! | `chrysalis_tls_handshakes_total` | counter | `listener`, `protocol`, `cipher` |
//! | `chrysalis_tls_failures_total` | counter | `listener`, `reason` |
//! | `chrysalis_legacy_tls_restarts_total` | counter | |
//! | `chrysalis_task_panics_total` | counter | |
//! | `chrysalis_store_jobs_total` | counter | |
//! | `chrysalis_store_commits_total` | counter | |
//! | `chrysalis_store_write_microseconds_total` | counter | |

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Error numbers are below this; a larger one is counted under `code="other"`.
const CODES: usize = 1_000;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Notification server, dispatch included.
    Ns,
    /// Switchboard.
    Sb,
    /// The HTTP edge.
    Http,
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The challenge of the oldest clients.
    Md5,
    /// A ticket, redeemed at the notification server.
    Ticket,
    /// A password, at the Passport login that issues tickets.
    Passport,
}

/// How an attempt to sign in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// They are who they say.
    Ok,
    /// Unknown account, wrong proof, or an account that may not sign in.
    Refused,
    /// Too many attempts; the proof was not looked at.
    Throttled,
    /// The server could not tell.
    Fault,
}

impl Role {
    /// The word in labels and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ns => "ns",
            Self::Sb => "sb",
            Self::Http => "http",
        }
    }
}

impl Method {
    const ALL: [Self; 3] = [Self::Md5, Self::Ticket, Self::Passport];

    fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Ticket => "ticket",
            Self::Passport => "passport",
        }
    }
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Throttled, Self::Fault];

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Fault => "fault",
        }
    }
}

/// The counters of one server; clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    handles: Handles,
    /// By number; a counter exists from its first refusal on.
    refusals: [OnceLock<Counter>; CODES],
    other_refusals: OnceLock<Counter>,
    /// Reasons are words of the program, so there are few. Held only to find or make a counter.
    closes: Mutex<HashMap<(Role, &'static str), Counter>>,
    /// As above: services, operations and outcomes are words of the program.
    soap_calls: Mutex<HashMap<[&'static str; 3], Counter>>,
    /// As above: protocols and ciphers are those that this program knows.
    handshakes: Mutex<HashMap<[&'static str; 3], Counter>>,
    handshake_failures: Mutex<HashMap<[&'static str; 2], Counter>>,
    /// The recorder does not tell what it has counted other than as text.
    totals: Totals,
}

/// What the pages for people show of it.
#[derive(Debug, Default)]
struct Totals {
    sign_ins: AtomicU64,
    messages: AtomicU64,
}

/// What exists from the start, so that it is shown with its zero.
struct Handles {
    connections: ByRole<Gauge>,
    signed_in_sessions: Gauge,
    rooms: Gauge,
    frames_received: ByRole<Counter>,
    frames_sent: ByRole<Counter>,
    messages_relayed: Counter,
    sign_ins: HashMap<(Method, Outcome), Counter>,
    http_answers: HashMap<&'static str, Counter>,
    legacy_tls_restarts: Counter,
    task_panics: Counter,
    store_jobs: Counter,
    store_commits: Counter,
    store_micros: Counter,
}

struct ByRole<T> {
    ns: T,
    sb: T,
    http: T,
}

impl<T> ByRole<T> {
    fn new(make: impl Fn(&'static str) -> T) -> Self {
        Self {
            ns: make(Role::Ns.word()),
            sb: make(Role::Sb.word()),
            http: make(Role::Http.word()),
        }
    }

    fn of(&self, role: Role) -> &T {
        match role {
            Role::Ns => &self.ns,
            Role::Sb => &self.sb,
            Role::Http => &self.http,
        }
    }
}

/// Something that is counted for as long as this value lives.
#[must_use = "what is dropped at once is not counted"]
pub struct Live(Gauge);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A fresh set, everything at zero.
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handles = metrics::with_local_recorder(&recorder, || {
            describe();
            Handles::register()
        });
        Self(Arc::new(Inner {
            handle: recorder.handle(),
            recorder,
            handles,
            refusals: [const { OnceLock::new() }; CODES],
            other_refusals: OnceLock::new(),
            closes: Mutex::default(),
            soap_calls: Mutex::default(),
            totals: Totals::default(),
            handshakes: Mutex::default(),
            handshake_failures: Mutex::default(),
        }))
    }

    /// A connection exists, until the answer is dropped.
    pub fn connection(&self, role: Role) -> Live {
        let gauge = self.handles().connections.of(role).clone();
        gauge.increment(1.0);
        Live(gauge)
    }

    /// So many sessions are signed in now.
    pub fn set_signed_in_sessions(&self, count: usize) {
        self.handles().signed_in_sessions.set(as_number(count));
    }

    /// So many switchboard rooms are open now.
    pub fn set_rooms(&self, count: usize) {
        self.handles().rooms.set(as_number(count));
    }

    /// Frames came in from a client.
    pub fn frames_received(&self, role: Role, count: u64) {
        self.handles().frames_received.of(role).increment(count);
    }

    /// Frames went out to a client.
    pub fn frames_sent(&self, role: Role, count: u64) {
        self.handles().frames_sent.of(role).increment(count);
    }

    /// A chat message was handed to the other members of its room.
    pub fn message_relayed(&self) {
        self.handles().messages_relayed.increment(1);
        self.0.totals.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// How many chat messages were handed on since the start.
    pub fn messages_relayed(&self) -> u64 {
        self.0.totals.messages.load(Ordering::Relaxed)
    }

    /// How many sessions were signed in since the start. A login that only fetched a ticket is
    /// none.
    pub fn sessions_signed_in(&self) -> u64 {
        self.0.totals.sign_ins.load(Ordering::Relaxed)
    }

    /// Somebody tried to sign in.
    pub fn sign_in(&self, method: Method, outcome: Outcome) {
        if let Some(counter) = self.handles().sign_ins.get(&(method, outcome)) {
            counter.increment(1);
        }
        if outcome == Outcome::Ok && method != Method::Passport {
            self.0.totals.sign_ins.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A client was sent an error number.
    pub fn refusal(&self, code: u16) {
        let (slot, label) = match self.0.refusals.get(usize::from(code)) {
            Some(slot) => (slot, code.to_string()),
            None => (&self.0.other_refusals, "other".to_owned()),
        };
        slot.get_or_init(|| {
            self.register(|| metrics::counter!("chrysalis_refusals_total", "code" => label))
        })
        .increment(1);
    }

    /// A connection ended. The reason is a fixed word, such as `eof` or `slow_consumer`.
    pub fn closed(&self, role: Role, reason: &'static str) {
        let mut closes = self.0.closes.lock().unwrap_or_else(PoisonError::into_inner);
        closes
            .entry((role, reason))
            .or_insert_with(|| {
                self.register(|| {
                    metrics::counter!(
                        "chrysalis_closes_total", "role" => role.word(), "reason" => reason
                    )
                })
            })
            .increment(1);
    }

    /// A SOAP service was called. All three are fixed words; an operation that the service does
    /// not have is `none`.
    pub fn soap_call(&self, service: &'static str, operation: &'static str, outcome: &'static str) {
        let calls = &self.0.soap_calls;
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls
            .entry([service, operation, outcome])
            .or_insert_with(|| {
                self.register(|| {
                    metrics::counter!(
                        "chrysalis_soap_calls_total",
                        "service" => service, "operation" => operation, "outcome" => outcome
                    )
                })
            })
            .increment(1);
    }

    /// An HTTP request was answered with this status.
    pub fn http_answer(&self, status: u16) {
        let class = match status {
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        if let Some(counter) = self.handles().http_answers.get(class) {
            counter.increment(1);
        }
    }

    /// A TLS handshake came about. All three are words of the program.
    pub fn tls_handshake(
        &self,
        listener: &'static str,
        protocol: &'static str,
        cipher: &'static str,
    ) {
        let mut counters = self
            .0
            .handshakes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counters
            .entry([listener, protocol, cipher])
            .or_insert_with(|| {
                self.register(|| {
                    metrics::counter!(
                        "chrysalis_tls_handshakes_total",
                        "listener" => listener, "protocol" => protocol, "cipher" => cipher
                    )
                })
            })
            .increment(1);
    }

    /// A TLS handshake did not come about. Both are words of the program.
    pub fn tls_failure(&self, listener: &'static str, reason: &'static str) {
        let mut counters = self
            .0
            .handshake_failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        counters
            .entry([listener, reason])
            .or_insert_with(|| {
                self.register(|| {
                    metrics::counter!(
                        "chrysalis_tls_failures_total",
                        "listener" => listener, "reason" => reason
                    )
                })
            })
            .increment(1);
    }

    /// The process that speaks old TLS ended and is started again.
    pub fn legacy_tls_restarted(&self) {
        self.handles().legacy_tls_restarts.increment(1);
    }

    /// So many tasks have panicked since the start.
    pub fn set_task_panics(&self, total: u64) {
        self.handles().task_panics.absolute(total);
    }

    /// What the store has written since the start: jobs, the commits they shared, and the time
    /// from the beginning of a transaction to the end of its commit, summed up.
    pub fn set_store_writes(&self, jobs: u64, commits: u64, time: Duration) {
        let handles = self.handles();
        handles.store_jobs.absolute(jobs);
        handles.store_commits.absolute(commits);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        handles.store_micros.absolute(micros);
    }

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.handle.render()
    }

    fn handles(&self) -> &Handles {
        &self.0.handles
    }

    fn register<T>(&self, make: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.0.recorder, make)
    }
}

impl Handles {
    /// Registers everything with the recorder in force.
    fn register() -> Self {
        let by_role =
            |name: &'static str| ByRole::new(|role| metrics::counter!(name, "role" => role));
        let mut sign_ins = HashMap::new();
        for method in Method::ALL {
            for outcome in Outcome::ALL {
                let counter = metrics::counter!(
                    "chrysalis_sign_ins_total",
                    "method" => method.word(), "outcome" => outcome.word()
                );
                sign_ins.insert((method, outcome), counter);
            }
        }
        let http_answers = ["2xx", "3xx", "4xx", "5xx"]
            .map(|class| {
                let counter = metrics::counter!("chrysalis_http_answers_total", "class" => class);
                (class, counter)
            })
            .into();
        Self {
            connections: ByRole::new(
                |role| metrics::gauge!("chrysalis_connections", "role" => role),
            ),
            signed_in_sessions: metrics::gauge!("chrysalis_signed_in_sessions"),
            rooms: metrics::gauge!("chrysalis_rooms"),
            frames_received: by_role("chrysalis_frames_received_total"),
            frames_sent: by_role("chrysalis_frames_sent_total"),
            messages_relayed: metrics::counter!("chrysalis_messages_relayed_total"),
            sign_ins,
            http_answers,
            legacy_tls_restarts: metrics::counter!("chrysalis_legacy_tls_restarts_total"),
            task_panics: metrics::counter!("chrysalis_task_panics_total"),
            store_jobs: metrics::counter!("chrysalis_store_jobs_total"),
            store_commits: metrics::counter!("chrysalis_store_commits_total"),
            store_micros: metrics::counter!("chrysalis_store_write_microseconds_total"),
        }
    }
}

/// Gives every name its line of help.
fn describe() {
    metrics::describe_gauge!("chrysalis_connections", "Open connections.");
    metrics::describe_gauge!("chrysalis_signed_in_sessions", "Signed-in sessions.");
    metrics::describe_gauge!("chrysalis_rooms", "Open switchboard rooms.");
    metrics::describe_counter!("chrysalis_frames_received_total", "Frames from clients.");
    metrics::describe_counter!("chrysalis_frames_sent_total", "Frames to clients.");
    metrics::describe_counter!("chrysalis_messages_relayed_total", "Chat messages relayed.");
    metrics::describe_counter!("chrysalis_sign_ins_total", "Attempts to sign in.");
    metrics::describe_counter!("chrysalis_refusals_total", "Error numbers sent to clients.");
    metrics::describe_counter!("chrysalis_closes_total", "Connections ended.");
    metrics::describe_counter!("chrysalis_http_answers_total", "HTTP requests answered.");
    metrics::describe_counter!("chrysalis_soap_calls_total", "Calls of SOAP services.");
    metrics::describe_counter!("chrysalis_tls_handshakes_total", "TLS handshakes.");
    metrics::describe_counter!(
        "chrysalis_tls_failures_total",
        "TLS handshakes that failed."
    );
    metrics::describe_counter!(
        "chrysalis_legacy_tls_restarts_total",
        "Restarts of the process that speaks old TLS."
    );
    metrics::describe_counter!("chrysalis_task_panics_total", "Tasks that panicked.");
    metrics::describe_counter!("chrysalis_store_jobs_total", "Changes written.");
    metrics::describe_counter!("chrysalis_store_commits_total", "Commits they shared.");
    metrics::describe_counter!(
        "chrysalis_store_write_microseconds_total",
        "Time of transactions and their commits."
    );
}

/// Gauges are floating-point; counts here are far below where that loses anything.
fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metrics: &Metrics, line: &str) {
        let text = metrics.render();
        assert!(text.lines().any(|it| it == line), "no {line:?} in:\n{text}");
    }

    #[test]
    fn everything_known_beforehand_starts_at_zero() {
        let metrics = Metrics::new();
        for line in [
            "chrysalis_connections{role=\"ns\"} 0",
            "chrysalis_rooms 0",
            "chrysalis_frames_sent_total{role=\"sb\"} 0",
            "chrysalis_sign_ins_total{method=\"md5\",outcome=\"throttled\"} 0",
            "chrysalis_task_panics_total 0",
        ] {
            check(&metrics, line);
        }
    }

    #[test]
    fn a_connection_counts_while_it_lives() {
        let metrics = Metrics::new();
        let first = metrics.connection(Role::Http);
        let second = metrics.connection(Role::Http);
        check(&metrics, "chrysalis_connections{role=\"http\"} 2");
        drop(first);
        drop(second);
        check(&metrics, "chrysalis_connections{role=\"http\"} 0");
    }

    #[test]
    fn labels_tell_counts_apart() {
        let metrics = Metrics::new();
        metrics.sign_in(Method::Passport, Outcome::Refused);
        metrics.sign_in(Method::Passport, Outcome::Refused);
        metrics.refusal(911);
        metrics.refusal(911);
        metrics.refusal(60_000);
        metrics.closed(Role::Ns, "eof");
        metrics.http_answer(401);
        metrics.soap_call("rsi", "GetMessage", "ok");
        metrics.frames_received(Role::Ns, 3);
        metrics.tls_handshake("legacy", "TLSv1", "DES-CBC3-SHA");
        metrics.tls_failure("modern", "throttled");
        metrics.legacy_tls_restarted();
        for line in [
            "chrysalis_tls_handshakes_total{listener=\"legacy\",protocol=\"TLSv1\",cipher=\"DES-CBC3-SHA\"} 1",
            "chrysalis_tls_failures_total{listener=\"modern\",reason=\"throttled\"} 1",
            "chrysalis_legacy_tls_restarts_total 1",
            "chrysalis_sign_ins_total{method=\"passport\",outcome=\"refused\"} 2",
            "chrysalis_refusals_total{code=\"911\"} 2",
            "chrysalis_refusals_total{code=\"other\"} 1",
            "chrysalis_closes_total{role=\"ns\",reason=\"eof\"} 1",
            "chrysalis_http_answers_total{class=\"4xx\"} 1",
            "chrysalis_soap_calls_total{service=\"rsi\",operation=\"GetMessage\",outcome=\"ok\"} 1",
            "chrysalis_frames_received_total{role=\"ns\"} 3",
        ] {
            check(&metrics, line);
        }
    }

    #[test]
    fn servers_in_one_process_do_not_share_counts() {
        let one = Metrics::new();
        let other = Metrics::new();
        one.message_relayed();
        check(&one, "chrysalis_messages_relayed_total 1");
        check(&other, "chrysalis_messages_relayed_total 0");
    }

    #[test]
    fn what_people_see_counts_sessions_and_messages() {
        let metrics = Metrics::new();
        metrics.sign_in(Method::Passport, Outcome::Ok);
        metrics.sign_in(Method::Ticket, Outcome::Ok);
        metrics.sign_in(Method::Md5, Outcome::Refused);
        metrics.message_relayed();
        assert_eq!(metrics.sessions_signed_in(), 1);
        assert_eq!(metrics.messages_relayed(), 1);
    }

    #[test]
    fn the_stores_work_is_told_as_totals() {
        let metrics = Metrics::new();
        metrics.set_store_writes(70, 5, Duration::from_millis(2));
        check(&metrics, "chrysalis_store_jobs_total 70");
        check(&metrics, "chrysalis_store_commits_total 5");
        check(&metrics, "chrysalis_store_write_microseconds_total 2000");
    }
}
