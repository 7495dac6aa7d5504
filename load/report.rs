//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The outcome of one pattern.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The name of the pattern.
    pub(crate) pattern: &'static str,
    /// What was asked for.
    pub(crate) parameters: BTreeMap<&'static str, serde_json::Value>,
    /// How long it was measured.
    pub(crate) seconds: f64,
    /// What one operation is.
    pub(crate) unit: &'static str,
    /// How many there were.
    pub(crate) operations: u64,
    pub(crate) per_second: f64,
    /// How long one took, if that was measured.
    pub(crate) latency: Option<Latency>,
    /// What the server used meanwhile, if its process is known.
    pub(crate) server: Option<Usage>,
    /// What this program used.
    pub(crate) load: Option<Usage>,
    /// What only this pattern has.
    pub(crate) more: BTreeMap<&'static str, f64>,
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) samples: u64,
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// From a histogram of nanoseconds; `None` if nothing was recorded.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| micros(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Self {
            samples: histogram.len(),
            min: micros(histogram.min()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: micros(histogram.max()),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "no latency is that long")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// What a process used.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Usage {
    pub(crate) processor_seconds: f64,
    /// Of one processor.
    pub(crate) processor_percent: f64,
    pub(crate) micros_per_operation: f64,
    /// Before the pattern began, and at its end.
    pub(crate) resident_before: u64,
    pub(crate) resident_after: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        writeln!(f, "{} ({})", self.pattern, parameters.join(" "))?;
        writeln!(
            f,
            "  {:<22} {:>14.0} in {:.2} s",
            self.unit, self.operations, self.seconds
        )?;
        writeln!(f, "  {:<22} {:>14.1}", "a second", self.per_second)?;
        if let Some(latency) = &self.latency {
            let all = [
                ("p50", latency.p50),
                ("p90", latency.p90),
                ("p99", latency.p99),
                ("p99.9", latency.p999),
                ("max", latency.max),
            ];
            let all: Vec<String> = all
                .iter()
                .map(|(name, value)| format!("{name} {value:.1}"))
                .collect();
            writeln!(f, "  {:<22} {}", "latency, µs", all.join("  "))?;
        }
        for (name, usage) in [("server", &self.server), ("load", &self.load)] {
            if let Some(usage) = usage {
                writeln!(
                    f,
                    "  {:<22} {:>14.3} µs each, {:.0} % of a processor, {:.1} MB",
                    name,
                    usage.micros_per_operation,
                    usage.processor_percent,
                    megabytes(usage.resident_after)
                )?;
            }
        }
        for (name, value) in &self.more {
            writeln!(f, "  {name:<22} {value:>14.2}")?;
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no machine has that much memory"
)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
