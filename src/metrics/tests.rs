use std::collections::{BTreeMap, BTreeSet};

use super::table::{ALL, Kind};
use super::*;

fn check(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|it| it == line), "no {line:?} in:\n{text}");
}

#[test]
fn everything_known_beforehand_starts_at_zero() {
    let metrics = Metrics::new();
    for line in [
        "chrysalis_connections{role=\"ns\",dialect=\"none\"} 0",
        "chrysalis_rooms 0",
        "chrysalis_gateway_sessions 0",
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
    check(
        &metrics,
        "chrysalis_connections{role=\"http\",dialect=\"none\"} 2",
    );
    drop(first);
    drop(second);
    check(
        &metrics,
        "chrysalis_connections{role=\"http\",dialect=\"none\"} 0",
    );
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
    metrics.gateway_request("poll", 200);
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
        "chrysalis_gateway_requests_total{request=\"poll\",status=\"200\"} 1",
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

#[test]
fn a_connection_is_counted_under_what_it_speaks() {
    let metrics = Metrics::new();
    let mut live = metrics.connection(Role::Ns);
    check(
        &metrics,
        "chrysalis_connections{role=\"ns\",dialect=\"none\"} 1",
    );
    live = replaced(live, metrics.connection_speaking(Role::Ns, "MSNP12"));
    check(
        &metrics,
        "chrysalis_connections{role=\"ns\",dialect=\"none\"} 0",
    );
    check(
        &metrics,
        "chrysalis_connections{role=\"ns\",dialect=\"MSNP12\"} 1",
    );
    drop(live);
    check(
        &metrics,
        "chrysalis_connections{role=\"ns\",dialect=\"MSNP12\"} 0",
    );
}

fn replaced(old: Live, new: Live) -> Live {
    drop(old);
    new
}

#[test]
fn whoever_is_throttled_has_met_a_limit() {
    let metrics = Metrics::new();
    metrics.sign_in(Method::Web, Outcome::Throttled);
    metrics.queue_dropped(Role::Sb);
    metrics.accept_failed();
    check(&metrics, "chrysalis_limited_total{limit=\"sign_ins\"} 1");
    check(&metrics, "chrysalis_limited_total{limit=\"queue\"} 1");
    check(&metrics, "chrysalis_limited_total{limit=\"descriptors\"} 1");
    check(&metrics, "chrysalis_queue_drops_total{role=\"sb\"} 1");
}

#[test]
fn a_histogram_keeps_what_it_collected_when_it_is_summed_up() {
    let metrics = Metrics::new();
    metrics.store_wrote(3, Duration::from_millis(2));
    metrics.sum_up();
    metrics.store_wrote(100, Duration::from_millis(20));
    for line in [
        "chrysalis_store_batch_jobs_bucket{le=\"2\"} 0",
        "chrysalis_store_batch_jobs_bucket{le=\"4\"} 1",
        "chrysalis_store_batch_jobs_bucket{le=\"128\"} 2",
        "chrysalis_store_batch_jobs_count 2",
        "chrysalis_store_batch_jobs_sum 103",
        "chrysalis_store_commit_seconds_bucket{le=\"0.0025\"} 1",
        "chrysalis_store_commit_seconds_bucket{le=\"+Inf\"} 2",
    ] {
        check(&metrics, line);
    }
}

/// Everything used once, so that everything is shown.
fn all_in_use() -> Metrics {
    let metrics = Metrics::new();
    metrics.refusal(911);
    metrics.closed(Role::Ns, "eof");
    metrics.soap_call("rsi", "GetMessage", "ok");
    metrics.gateway_request("poll", 200);
    metrics.tls_handshake("legacy", "TLSv1", "DES-CBC3-SHA");
    metrics.tls_failure("modern", "throttled");
    metrics.store_wrote(1, Duration::from_micros(700));
    metrics
}

/// The rows of the table at the head of this module: name, kind, labels.
fn documented() -> Vec<(String, String, Vec<String>)> {
    let text = include_str!("../metrics.rs");
    let rows = text.lines().filter(|line| line.starts_with("//! | `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let words = |cell: &str| -> Vec<String> {
            let words = cell.split(", ").filter(|word| !word.is_empty());
            words
                .map(|word| word.trim_matches('`').to_owned())
                .collect()
        };
        (
            words(cells[1])[0].clone(),
            cells[2].to_owned(),
            words(cells[3]),
        )
    };
    rows.map(row).collect()
}

#[test]
fn the_documentation_is_the_table() {
    let kind = |kind| match kind {
        Kind::Counter => "counter".to_owned(),
        Kind::Gauge => "gauge".to_owned(),
        Kind::Histogram => "histogram".to_owned(),
    };
    let table: Vec<_> = ALL
        .iter()
        .map(|it| {
            let labels = it.labels.iter().map(|&label| label.to_owned());
            (
                it.name.to_owned(),
                kind(it.kind),
                labels.collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(documented(), table);
}

/// A sample: its name, its labels and its value.
type Sample = (String, Vec<(String, String)>, f64);

/// Reads a line as the text format has it; no label of ours needs an escape.
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("labels end")),
        None => (series, ""),
    };
    let is_name = |word: &str| {
        let mut signs = word.chars();
        signs.next().is_some_and(|it| it.is_ascii_lowercase())
            && signs.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
    };
    assert!(is_name(name), "{line}");
    let labels = labels
        .split(',')
        .filter(|label| !label.is_empty())
        .map(|label| {
            let (key, value) = label.split_once('=').expect("a label has a value");
            let value = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            let value = value.unwrap_or_else(|| panic!("{line}"));
            assert!(is_name(key) && !value.contains(['"', '\\']), "{line}");
            (key.to_owned(), value.to_owned())
        });
    let labels = labels.collect();
    let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
    (name.to_owned(), labels, value)
}

/// The name that a sample of a histogram belongs to, or its own.
fn family<'a>(name: &'a str, kinds: &BTreeMap<&str, &str>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"];
    let mut stems = parts.iter().filter_map(|part| name.strip_suffix(part));
    let of_histogram = stems.find(|stem| kinds.get(stem) == Some(&"histogram"));
    of_histogram.unwrap_or(name)
}

#[test]
fn what_is_printed_is_what_is_documented_in_the_form_that_prometheus_reads() {
    let text = all_in_use().render();
    assert!(text.ends_with('\n') && text.is_ascii());
    let mut kinds = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut labels_of: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    let mut series = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a line of help");
            assert!(!help.is_empty() && helped.insert(name), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a kind");
            assert!(helped.contains(name), "no help before {line}");
            assert!(kinds.insert(name, kind).is_none(), "twice: {line}");
            let is_total = name.ends_with("_total");
            assert_eq!(is_total, kind == "counter", "{line}");
        } else {
            let (name, labels, value) = sample(line);
            let family = family(&name, &kinds).to_owned();
            assert!(kinds.contains_key(family.as_str()), "no kind before {line}");
            assert!(value >= 0.0, "{line}");
            let keys = labels.iter().map(|(key, _)| key.clone());
            let keys = keys.filter(|key| key != "le").collect();
            labels_of.entry(family).or_default().insert(keys);
            assert!(series.insert((name, labels)), "twice: {line}");
        }
    }
    let documented = documented();
    let printed: BTreeSet<&str> = kinds.keys().copied().collect();
    let expected: BTreeSet<&str> = documented.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(printed, expected);
    for (name, kind, labels) in &documented {
        assert_eq!(kinds[name.as_str()], kind, "{name}");
        assert_eq!(labels_of[name], BTreeSet::from([labels.clone()]), "{name}");
    }
}
