//! What the server counts, for Prometheus.
//!
//! Each server has a recorder of its own; nothing is global, so tests may run many servers in one
//! process. The handles are made once and kept, so counting is one atomic addition. Labels come
//! from fixed sets, never from a peer, and nothing is counted per user.
//!
//! | name | type | labels |
//! |---|---|---|
//! | `chrysalis_info` | gauge | `version` |
//! | `chrysalis_start_time_seconds` | gauge | |
//! | `chrysalis_open_descriptors` | gauge | |
//! | `chrysalis_descriptor_limit` | gauge | |
//! | `chrysalis_resident_bytes` | gauge | |
//! | `chrysalis_connections` | gauge | `role`, `dialect` |
//! | `chrysalis_signed_in_sessions` | gauge | |
//! | `chrysalis_rooms` | gauge | |
//! | `chrysalis_frames_received_total` | counter | `role` |
//! | `chrysalis_frames_sent_total` | counter | `role` |
//! | `chrysalis_messages_relayed_total` | counter | |
//! | `chrysalis_sign_ins_total` | counter | `method`, `outcome` |
//! | `chrysalis_refusals_total` | counter | `code` |
//! | `chrysalis_limited_total` | counter | `limit` |
//! | `chrysalis_closes_total` | counter | `role`, `reason` |
//! | `chrysalis_queue_drops_total` | counter | `role` |
//! | `chrysalis_http_answers_total` | counter | `class` |
//! | `chrysalis_soap_calls_total` | counter | `service`, `operation`, `outcome` |
//! | `chrysalis_gateway_sessions` | gauge | |
//! | `chrysalis_gateway_waiting_polls` | gauge | |
//! | `chrysalis_gateway_requests_total` | counter | `request`, `status` |
//! | `chrysalis_tls_handshakes_total` | counter | `listener`, `protocol`, `cipher` |
//! | `chrysalis_tls_failures_total` | counter | `listener`, `reason` |
//! | `chrysalis_legacy_tls_restarts_total` | counter | |
//! | `chrysalis_task_panics_total` | counter | |
//! | `chrysalis_accept_failures_total` | counter | |
//! | `chrysalis_store_bytes` | gauge | |
//! | `chrysalis_store_jobs_total` | counter | |
//! | `chrysalis_store_commits_total` | counter | |
//! | `chrysalis_store_write_microseconds_total` | counter | |
//! | `chrysalis_store_commit_seconds` | histogram | |
//! | `chrysalis_store_batch_jobs` | histogram | |

mod table;
mod words;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

pub use words::{Limit, Method, Outcome, Role};

/// Error numbers are below this; a larger one is counted under `code="other"`.
const CODES: usize = 1_000;
/// What is said of a connection whose dialect is not agreed on yet, or that has none.
const NO_DIALECT: &str = "none";

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
    // In all of these families the labels are words of the program, so there are few.
    connections: Family<(Role, String), Gauge>,
    closes: Family<(Role, &'static str), Counter>,
    soap_calls: Family<[&'static str; 3], Counter>,
    /// What was asked, and the status of the answer.
    gateway_requests: Family<(&'static str, u16), Counter>,
    handshakes: Family<[&'static str; 3], Counter>,
    handshake_failures: Family<[&'static str; 2], Counter>,
    /// The recorder does not tell what it has counted other than as text.
    totals: Totals,
}

/// The metrics of one name that exist from their first use on. Held only to find or make one.
struct Family<K, M>(Mutex<HashMap<K, M>>);

impl<K: Eq + Hash, M: Clone> Family<K, M> {
    fn get(&self, key: K, make: impl FnOnce() -> M) -> M {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(make).clone()
    }
}

impl<K, M> Default for Family<K, M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// What the pages for people show of it.
#[derive(Debug, Default)]
struct Totals {
    sign_ins: AtomicU64,
    messages: AtomicU64,
}

/// What exists from the start, so that it is shown with its zero.
struct Handles {
    process: ProcessGauges,
    signed_in_sessions: Gauge,
    rooms: Gauge,
    gateway_sessions: Gauge,
    gateway_polls: Gauge,
    frames_received: ByRole<Counter>,
    frames_sent: ByRole<Counter>,
    queue_drops: ByRole<Counter>,
    messages_relayed: Counter,
    sign_ins: HashMap<(Method, Outcome), Counter>,
    limits: HashMap<Limit, Counter>,
    http_answers: HashMap<&'static str, Counter>,
    legacy_tls_restarts: Counter,
    task_panics: Counter,
    accept_failures: Counter,
    store: StoreHandles,
}

struct ProcessGauges {
    start: Gauge,
    open_descriptors: Gauge,
    descriptor_limit: Gauge,
    resident_bytes: Gauge,
}

struct StoreHandles {
    bytes: Gauge,
    jobs: Counter,
    commits: Counter,
    micros: Counter,
    commit_seconds: Histogram,
    batch_jobs: Histogram,
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

/// What the process uses of its machine; what cannot be found out is left as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessLoad {
    pub open_descriptors: Option<u64>,
    pub descriptor_limit: Option<u64>,
    pub resident_bytes: Option<u64>,
}

/// Something that is counted for as long as this value lives.
#[must_use = "what is dropped at once is not counted"]
pub struct Live(Gauge);

impl Live {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

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
        let recorder = builder()
            .expect("the bounds of histograms are constants")
            .build_recorder();
        let handles = metrics::with_local_recorder(&recorder, || {
            table::describe();
            Handles::register()
        });
        let metrics = Self(Arc::new(Inner {
            handle: recorder.handle(),
            recorder,
            handles,
            refusals: [const { OnceLock::new() }; CODES],
            other_refusals: OnceLock::new(),
            connections: Family::default(),
            closes: Family::default(),
            soap_calls: Family::default(),
            gateway_requests: Family::default(),
            handshakes: Family::default(),
            handshake_failures: Family::default(),
            totals: Totals::default(),
        }));
        for role in Role::ALL {
            drop(metrics.connection(role));
        }
        metrics
    }

    /// A connection exists, until the answer is dropped.
    pub fn connection(&self, role: Role) -> Live {
        self.connection_speaking(role, NO_DIALECT)
    }

    /// The same for one whose dialect is agreed on; replaces what it was counted as before. The
    /// name of a dialect is a word of the program.
    pub fn connection_speaking(&self, role: Role, dialect: &str) -> Live {
        let gauge = self.0.connections.get((role, dialect.to_owned()), || {
            self.register(|| {
                metrics::gauge!(
                    "chrysalis_connections",
                    "role" => role.word(), "dialect" => dialect.to_owned()
                )
            })
        });
        Live::new(gauge)
    }

    /// So many sessions are signed in now.
    pub fn set_signed_in_sessions(&self, count: usize) {
        self.handles().signed_in_sessions.set(as_number(count));
    }

    /// So many switchboard rooms are open now.
    pub fn set_rooms(&self, count: usize) {
        self.handles().rooms.set(as_number(count));
    }

    /// The server started at this time, in seconds since 1970.
    pub fn set_start(&self, seconds: i64) {
        self.handles()
            .process
            .start
            .set(as_real(seconds.unsigned_abs()));
    }

    /// What the process uses now.
    pub fn set_process(&self, load: ProcessLoad) {
        let gauges = &self.handles().process;
        for (gauge, value) in [
            (&gauges.open_descriptors, load.open_descriptors),
            (&gauges.descriptor_limit, load.descriptor_limit),
            (&gauges.resident_bytes, load.resident_bytes),
        ] {
            if let Some(value) = value {
                gauge.set(as_real(value));
            }
        }
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

    /// Somebody tried to sign in. Whoever was not looked at has met a limit.
    pub fn sign_in(&self, method: Method, outcome: Outcome) {
        if let Some(counter) = self.handles().sign_ins.get(&(method, outcome)) {
            counter.increment(1);
        }
        match outcome {
            Outcome::Ok if method.begins_session() => {
                self.0.totals.sign_ins.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Throttled => self.limited(Limit::SignIns),
            Outcome::Ok | Outcome::Refused | Outcome::Fault => {}
        }
    }

    /// Somebody met a limit.
    pub fn limited(&self, limit: Limit) {
        if let Some(counter) = self.handles().limits.get(&limit) {
            counter.increment(1);
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
        let make = || {
            self.register(|| {
                metrics::counter!(
                    "chrysalis_closes_total", "role" => role.word(), "reason" => reason
                )
            })
        };
        self.0.closes.get((role, reason), make).increment(1);
    }

    /// The queue of events to a connection overflowed, and what was in it is lost.
    pub fn queue_dropped(&self, role: Role) {
        self.handles().queue_drops.of(role).increment(1);
        self.limited(Limit::Queue);
    }

    /// No connection could be accepted, for want of a descriptor or of memory.
    pub fn accept_failed(&self) {
        self.handles().accept_failures.increment(1);
        self.limited(Limit::Descriptors);
    }

    /// A SOAP service was called. All three are fixed words; an operation that the service does
    /// not have is `none`.
    pub fn soap_call(&self, service: &'static str, operation: &'static str, outcome: &'static str) {
        let make = || {
            self.register(|| {
                metrics::counter!(
                    "chrysalis_soap_calls_total",
                    "service" => service, "operation" => operation, "outcome" => outcome
                )
            })
        };
        let calls = &self.0.soap_calls;
        calls.get([service, operation, outcome], make).increment(1);
    }

    /// A session of the gateway exists, until the answer is dropped.
    pub fn gateway_session(&self) -> Live {
        Live::new(self.handles().gateway_sessions.clone())
    }

    /// A poll of the gateway waits for something to answer, until the answer is dropped.
    pub fn gateway_poll(&self) -> Live {
        Live::new(self.handles().gateway_polls.clone())
    }

    /// A request of the gateway, as a fixed word, was answered with this status.
    pub fn gateway_request(&self, request: &'static str, status: u16) {
        let make = || {
            self.register(|| {
                metrics::counter!(
                    "chrysalis_gateway_requests_total",
                    "request" => request, "status" => status.to_string()
                )
            })
        };
        let requests = &self.0.gateway_requests;
        requests.get((request, status), make).increment(1);
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
        let make = || {
            self.register(|| {
                metrics::counter!(
                    "chrysalis_tls_handshakes_total",
                    "listener" => listener, "protocol" => protocol, "cipher" => cipher
                )
            })
        };
        let handshakes = &self.0.handshakes;
        handshakes
            .get([listener, protocol, cipher], make)
            .increment(1);
    }

    /// A TLS handshake did not come about. Both are words of the program.
    pub fn tls_failure(&self, listener: &'static str, reason: &'static str) {
        let make = || {
            self.register(|| {
                metrics::counter!(
                    "chrysalis_tls_failures_total",
                    "listener" => listener, "reason" => reason
                )
            })
        };
        if reason == "throttled" {
            self.limited(Limit::Handshakes);
        }
        let failures = &self.0.handshake_failures;
        failures.get([listener, reason], make).increment(1);
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
        let store = &self.handles().store;
        store.jobs.absolute(jobs);
        store.commits.absolute(commits);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        store.micros.absolute(micros);
    }

    /// So many bytes does the database use now.
    pub fn set_store_bytes(&self, bytes: u64) {
        self.handles().store.bytes.set(as_real(bytes));
    }

    /// The store ended a transaction of so many jobs after this time.
    pub fn store_wrote(&self, jobs: usize, time: Duration) {
        let store = &self.handles().store;
        store.commit_seconds.record(time.as_secs_f64());
        store.batch_jobs.record(as_number(jobs));
    }

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.handle.render()
    }

    /// Sums up what histograms have collected. For the server to call now and then: between two
    /// calls, or calls of [`Metrics::render`], every value takes memory.
    pub fn sum_up(&self) {
        self.0.handle.run_upkeep();
    }

    fn handles(&self) -> &Handles {
        &self.0.handles
    }

    fn register<T>(&self, make: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.0.recorder, make)
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let full = |name: &str| Matcher::Full(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(
            full("chrysalis_store_commit_seconds"),
            table::COMMIT_SECONDS,
        )?
        .set_buckets_for_metric(full("chrysalis_store_batch_jobs"), table::BATCH_JOBS)
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
        let limits = Limit::ALL
            .map(|limit| {
                let counter = metrics::counter!("chrysalis_limited_total", "limit" => limit.word());
                (limit, counter)
            })
            .into();
        let http_answers = ["2xx", "3xx", "4xx", "5xx"]
            .map(|class| {
                let counter = metrics::counter!("chrysalis_http_answers_total", "class" => class);
                (class, counter)
            })
            .into();
        metrics::gauge!("chrysalis_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self {
            process: ProcessGauges {
                start: metrics::gauge!("chrysalis_start_time_seconds"),
                open_descriptors: metrics::gauge!("chrysalis_open_descriptors"),
                descriptor_limit: metrics::gauge!("chrysalis_descriptor_limit"),
                resident_bytes: metrics::gauge!("chrysalis_resident_bytes"),
            },
            signed_in_sessions: metrics::gauge!("chrysalis_signed_in_sessions"),
            rooms: metrics::gauge!("chrysalis_rooms"),
            gateway_sessions: metrics::gauge!("chrysalis_gateway_sessions"),
            gateway_polls: metrics::gauge!("chrysalis_gateway_waiting_polls"),
            frames_received: by_role("chrysalis_frames_received_total"),
            frames_sent: by_role("chrysalis_frames_sent_total"),
            queue_drops: by_role("chrysalis_queue_drops_total"),
            messages_relayed: metrics::counter!("chrysalis_messages_relayed_total"),
            sign_ins,
            limits,
            http_answers,
            legacy_tls_restarts: metrics::counter!("chrysalis_legacy_tls_restarts_total"),
            task_panics: metrics::counter!("chrysalis_task_panics_total"),
            accept_failures: metrics::counter!("chrysalis_accept_failures_total"),
            store: StoreHandles {
                bytes: metrics::gauge!("chrysalis_store_bytes"),
                jobs: metrics::counter!("chrysalis_store_jobs_total"),
                commits: metrics::counter!("chrysalis_store_commits_total"),
                micros: metrics::counter!("chrysalis_store_write_microseconds_total"),
                commit_seconds: metrics::histogram!("chrysalis_store_commit_seconds"),
                batch_jobs: metrics::histogram!("chrysalis_store_batch_jobs"),
            },
        }
    }
}

/// Gauges are floating-point; counts here are far below where that loses anything.
fn as_number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The same for what may be beyond four thousand million: whole up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "nobody needs the last byte of nine million gigabytes"
)]
fn as_real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
