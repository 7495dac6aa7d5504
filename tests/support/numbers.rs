//! What a running server counts, read from its ops listener as an operator would.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::passport::request;

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// One reading of all metrics.
#[derive(Debug)]
pub(crate) struct Numbers(String);

impl Numbers {
    pub(crate) async fn read(ops: SocketAddr) -> Self {
        let head = "GET /metrics HTTP/1.1\r\nHost: ops\r\n";
        Self(request(ops, head).await.unwrap())
    }

    /// The value of a series such as `chrysalis_rooms` or `chrysalis_sign_ins_total{method="md5",outcome="ok"}`;
    /// zero for one that is not there yet.
    pub(crate) fn get(&self, series: &str) -> i64 {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .map_or(0, |value| value.parse().unwrap())
    }

    /// How many connections of a role there are, whatever they speak.
    pub(crate) fn connections(&self, role: &str) -> i64 {
        let start = format!("chrysalis_connections{{role=\"{role}\",");
        let lines = self.0.lines().filter(|line| line.starts_with(&start));
        let value = |line: &str| line.rsplit_once(' ').map_or(0, |it| it.1.parse().unwrap());
        lines.map(value).sum()
    }

    /// How often a limit was met.
    pub(crate) fn limited(&self, limit: &str) -> i64 {
        self.get(&format!("chrysalis_limited_total{{limit=\"{limit}\"}}"))
    }

    /// How many connections of a role ended for a reason.
    pub(crate) fn closes(&self, role: &str, reason: &str) -> i64 {
        self.get(&format!(
            "chrysalis_closes_total{{role=\"{role}\",reason=\"{reason}\"}}"
        ))
    }

    /// Waits until the numbers are as wished.
    pub(crate) async fn until(ops: SocketAddr, what: &str, wish: impl Fn(&Self) -> bool) -> Self {
        let start = Instant::now();
        loop {
            let numbers = Self::read(ops).await;
            if wish(&numbers) {
                return numbers;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "{what} did not come true:\n{}",
                numbers.0
            );
            sleep(PAUSE).await;
        }
    }
}
