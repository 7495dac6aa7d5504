//! Files and sockets: how many the process may have, and whether that is enough for its limits.
//!
//! Every connection is one. Where there are fewer than the settings allow connections, the server
//! takes fewer, and says so: a connection that waits in the system's queue is better than a
//! database that cannot open its log.

use crate::config::Limits;
use crate::metrics::ProcessLoad;

/// What everything besides connections takes: the database with its readers and log, listeners,
/// the runtime, certificates that are read anew, the process for old TLS.
const RESERVE: u64 = 64;
/// Connections that health and metrics may take.
const OPS: u64 = 16;
/// With fewer than these nobody can use the server.
const FEWEST: usize = 8;

/// How many connections of each kind there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) connections: usize,
    pub(super) http_connections: usize,
}

/// Raises the limit of the process as far as it may, and answers the connections that fit. Says
/// so, with advice, where that is less than the settings ask for.
pub(super) fn budget(limits: &Limits, http_listeners: usize) -> Budget {
    let wished = Budget::wished(limits);
    let Some(available) = raise() else {
        return wished;
    };
    let budget = fitting(wished, http_listeners, available);
    if budget != wished {
        tracing::warn!(
            limit = available,
            needed = wished.needed(http_listeners),
            connections = budget.connections,
            http_connections = budget.http_connections,
            "too few file descriptors for limits.connections and limits.http_connections: fewer \
             connections are taken; raise the hard limit (ulimit -Hn, LimitNOFILE of systemd, \
             ulimits of compose) or lower the settings"
        );
    }
    budget
}

/// How many the limits are for.
pub(super) fn needed(limits: &Limits, http_listeners: usize) -> u64 {
    Budget::wished(limits).needed(http_listeners)
}

impl Budget {
    fn wished(limits: &Limits) -> Self {
        Self {
            connections: limits.connections,
            http_connections: limits.http_connections,
        }
    }

    /// Every listener for HTTP has a bound of its own.
    fn needed(self, http_listeners: usize) -> u64 {
        let http = (self.http_connections as u64).saturating_mul(http_listeners as u64);
        (self.connections as u64)
            .saturating_add(http)
            .saturating_add(RESERVE + OPS)
    }
}

/// Cuts both kinds in proportion.
fn fitting(wished: Budget, http_listeners: usize, available: u64) -> Budget {
    if wished.needed(http_listeners) <= available {
        return wished;
    }
    let wanted = wished.needed(http_listeners) - RESERVE - OPS;
    let there = available.saturating_sub(RESERVE + OPS);
    let share = |count: usize| {
        let cut = u128::from(count as u64) * u128::from(there) / u128::from(wanted.max(1));
        usize::try_from(cut)
            .unwrap_or(usize::MAX)
            .max(FEWEST.min(count))
    };
    Budget {
        connections: share(wished.connections),
        http_connections: share(wished.http_connections),
    }
}

/// Raises the soft limit to the hard one; answers what is in force, or nothing if there is none.
#[cfg(unix)]
fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    if before.current == before.maximum {
        return before.current;
    }
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            tracing::debug!(
                from = before.current,
                to = before.maximum,
                "file descriptors"
            );
            before.maximum
        }
        Err(error) => {
            tracing::warn!(%error, "the limit of file descriptors cannot be raised");
            before.current
        }
    }
}

#[cfg(not(unix))]
fn raise() -> Option<u64> {
    None
}

/// What the process uses now.
pub(super) fn load() -> ProcessLoad {
    ProcessLoad {
        open_descriptors: open_descriptors(),
        descriptor_limit: limit(),
        resident_bytes: resident_bytes(),
    }
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn open_descriptors() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    // Reading the folder takes one itself.
    Some((entries.count() as u64).saturating_sub(1))
}

#[cfg(not(target_os = "linux"))]
fn open_descriptors() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISHED: Budget = Budget {
        connections: 20_000,
        http_connections: 2_000,
    };

    #[test]
    fn enough_descriptors_change_nothing_and_too_few_are_shared_out() {
        assert_eq!(fitting(WISHED, 1, 1_000_000), WISHED);
        assert_eq!(fitting(WISHED, 1, 22_080), WISHED);
        let half = fitting(WISHED, 1, 11_080);
        assert_eq!((half.connections, half.http_connections), (10_000, 1_000));
        let hardly_any = fitting(WISHED, 1, 10);
        assert_eq!(
            (hardly_any.connections, hardly_any.http_connections),
            (8, 8)
        );
    }

    #[test]
    fn whatever_there_is_it_is_never_more_than_fits() {
        for available in [200, 1_024, 4_096, 22_079] {
            for listeners in [1, 2, 5] {
                let budget = fitting(WISHED, listeners, available);
                assert!(
                    budget.needed(listeners) <= available,
                    "{available} {budget:?}"
                );
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_knows_what_it_uses() {
        let load = load();
        assert!(load.open_descriptors.is_some_and(|it| it >= 3));
        assert!(load.descriptor_limit >= load.open_descriptors);
        assert!(load.resident_bytes.is_some_and(|it| it > 1_000_000));
    }
}
