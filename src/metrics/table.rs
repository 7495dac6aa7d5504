//! What there is to count: every name with its kind, its labels and its line of help.

/// One metric.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// In the order of the documentation; only that is checked against it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests compare it with the output")
    )]
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

/// How a metric changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Bounds of the histogram of commits, in seconds: from a commit in the page cache to a disk that
/// hangs.
pub(super) const COMMIT_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
/// Bounds of the histogram of changes in one commit, of which there are at most 128.
pub(super) const BATCH_JOBS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    described(name, Kind::Counter, labels, help)
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    described(name, Kind::Gauge, labels, help)
}

const fn histogram(name: &'static str, help: &'static str) -> Described {
    described(name, Kind::Histogram, &[], help)
}

const fn described(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    Described {
        name,
        kind,
        labels,
        help,
    }
}

/// All of them, in the order of the documentation.
pub(super) const ALL: &[Described] = &[
    gauge(
        "chrysalis_info",
        &["version"],
        "Always 1; the label says which program this is.",
    ),
    gauge(
        "chrysalis_start_time_seconds",
        &[],
        "When the server started, in seconds since 1970.",
    ),
    gauge(
        "chrysalis_open_descriptors",
        &[],
        "Open files and sockets of the process.",
    ),
    gauge(
        "chrysalis_descriptor_limit",
        &[],
        "Files and sockets that the process may have open.",
    ),
    gauge(
        "chrysalis_resident_bytes",
        &[],
        "Memory of the process that is in RAM.",
    ),
    gauge(
        "chrysalis_connections",
        &["role", "dialect"],
        "Open connections.",
    ),
    gauge("chrysalis_signed_in_sessions", &[], "Signed-in sessions."),
    gauge("chrysalis_rooms", &[], "Open switchboard rooms."),
    counter(
        "chrysalis_frames_received_total",
        &["role"],
        "Frames from clients.",
    ),
    counter(
        "chrysalis_frames_sent_total",
        &["role"],
        "Frames to clients.",
    ),
    counter(
        "chrysalis_messages_relayed_total",
        &[],
        "Chat messages relayed.",
    ),
    counter(
        "chrysalis_sign_ins_total",
        &["method", "outcome"],
        "Attempts to sign in.",
    ),
    counter(
        "chrysalis_refusals_total",
        &["code"],
        "Error numbers sent to clients.",
    ),
    counter(
        "chrysalis_limited_total",
        &["limit"],
        "Times that somebody met a limit.",
    ),
    counter(
        "chrysalis_closes_total",
        &["role", "reason"],
        "Connections ended.",
    ),
    counter(
        "chrysalis_queue_drops_total",
        &["role"],
        "Queues of events that overflowed, with what was in them.",
    ),
    counter(
        "chrysalis_http_answers_total",
        &["class"],
        "HTTP requests answered.",
    ),
    counter(
        "chrysalis_soap_calls_total",
        &["service", "operation", "outcome"],
        "Calls of SOAP services.",
    ),
    gauge(
        "chrysalis_gateway_sessions",
        &[],
        "Sessions of the HTTP gateway.",
    ),
    gauge(
        "chrysalis_gateway_waiting_polls",
        &[],
        "Polls of the HTTP gateway that wait for news.",
    ),
    counter(
        "chrysalis_gateway_requests_total",
        &["request", "status"],
        "Requests of the HTTP gateway answered.",
    ),
    counter(
        "chrysalis_tls_handshakes_total",
        &["listener", "protocol", "cipher"],
        "TLS handshakes.",
    ),
    counter(
        "chrysalis_tls_failures_total",
        &["listener", "reason"],
        "TLS handshakes that failed.",
    ),
    counter(
        "chrysalis_legacy_tls_restarts_total",
        &[],
        "Restarts of the process that speaks old TLS.",
    ),
    counter("chrysalis_task_panics_total", &[], "Tasks that panicked."),
    counter(
        "chrysalis_accept_failures_total",
        &[],
        "Times that no connection could be accepted.",
    ),
    gauge(
        "chrysalis_store_bytes",
        &[],
        "Bytes that the database uses.",
    ),
    counter("chrysalis_store_jobs_total", &[], "Changes written."),
    counter("chrysalis_store_commits_total", &[], "Commits they shared."),
    counter(
        "chrysalis_store_write_microseconds_total",
        &[],
        "Time of transactions and their commits.",
    ),
    histogram(
        "chrysalis_store_commit_seconds",
        "Time of a transaction and its commit.",
    ),
    histogram(
        "chrysalis_store_batch_jobs",
        "Changes that shared a commit.",
    ),
];

/// Gives every name its line of help, in the recorder in force.
pub(super) fn describe() {
    for it in ALL {
        match it.kind {
            Kind::Counter => metrics::describe_counter!(it.name, it.help),
            Kind::Gauge => metrics::describe_gauge!(it.name, it.help),
            Kind::Histogram => metrics::describe_histogram!(it.name, it.help),
        }
    }
}
