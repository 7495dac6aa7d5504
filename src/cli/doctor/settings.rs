//! What is written down: the settings and their files, and what the system allows.

use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, ConfigErrors};
use crate::server;

use super::report::Report;

/// The beginning of 2025. An earlier date is that of a machine that has lost its own.
const PLAUSIBLE_SINCE: i64 = 1_735_689_600;
/// The beginning of 2100.
const PLAUSIBLE_UNTIL: i64 = 4_102_444_800;

/// The settings cannot be used.
pub(super) fn broken(error: &impl std::fmt::Display, report: &mut Report) {
    let mut area = report.area("settings");
    for line in error.to_string().lines().filter(|line| !line.is_empty()) {
        area.fail("settings", line.trim());
    }
    area.skip("everything else", "rests on the settings");
}

/// Looks at the settings of this machine.
pub(super) fn check(config: &Config, report: &mut Report) {
    let mut area = report.area("settings");
    match server::check_files(config) {
        Ok(()) => {
            area.ok("settings", "sound");
        }
        Err(ConfigErrors { problems }) => {
            for problem in problems {
                area.fail(&problem.name, problem.text);
            }
        }
    }
    check_clock(report);
    check_descriptors(config, report);
}

fn check_clock(report: &mut Report) {
    let now = Clock::system().now_secs();
    let mut area = report.area("system");
    if (PLAUSIBLE_SINCE..PLAUSIBLE_UNTIL).contains(&now) {
        area.ok("clock", date(now));
    } else {
        area.fail("clock", format!("the date is {}", date(now)))
            .advise("set the clock: tickets and certificates depend on it");
    }
}

#[cfg(unix)]
fn check_descriptors(config: &Config, report: &mut Report) {
    use rustix::process::{Resource, getrlimit};

    let wanted = server::descriptors_needed(config);
    let mut area = report.area("system");
    let allowed = getrlimit(Resource::Nofile);
    // The server raises its own limit as far as it may; a service has the one of its unit.
    match allowed.maximum {
        Some(maximum) if maximum < wanted => {
            area.warn(
                "descriptors",
                format!("{maximum} open files are allowed, the limits are for {wanted}"),
            )
            .advise(format!(
                "set LimitNOFILE={wanted} in the unit, or `ulimit -Hn {wanted}`, or lower \
                 limits.connections"
            ));
        }
        maximum => {
            let maximum = maximum.map_or("any number of".to_owned(), |it| it.to_string());
            let detail = format!("{maximum} open files, {wanted} needed");
            area.ok("descriptors", detail);
        }
    }
}

#[cfg(not(unix))]
fn check_descriptors(_: &Config, report: &mut Report) {
    let mut area = report.area("system");
    area.skip("descriptors", "this system counts in another way");
}

/// A moment as people read it.
pub(super) fn date(epoch_secs: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(epoch_secs)
        .ok()
        .and_then(|time| {
            time.format(&time::format_description::well_known::Rfc3339)
                .ok()
        })
        .unwrap_or_else(|| format!("{epoch_secs} seconds after 1970"))
}

/// Whole days.
pub(super) const DAY: Duration = Duration::from_secs(86_400);
