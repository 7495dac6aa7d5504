//! What happens to a server that is left running, for real: the program as a process of its own,
//! clients over sockets, and disks, clocks, networks and processes that fail.
//!
//! In every test two bystanders talk on, and whatever was acknowledged has to be there afterwards.
//! What needs root, a tool, or more than a moment is ignored by itself; `.ci/run` asks for it in a
//! step of its own. `CHRYSALIS_FAULTS_SECONDS` says how long a fault lasts, `CHRYSALIS_SOAK_SECONDS`
//! how long the soak takes; the short form is what happens without them.
#![allow(
    clippy::print_stdout,
    reason = "what was measured is for whoever runs it"
)]

mod changes;
mod clock;
mod crash;
mod crowd;
mod damage;
mod disk;
mod held;
mod network;
mod pause;
mod slow;
mod soak;
mod stage;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a fault lasts where nobody wants it otherwise.
const SHORT: u64 = 8;
/// From here on, everything has its full size.
const FULL: u64 = 30;

/// How long a fault lasts.
fn lasting() -> Duration {
    Duration::from_secs(number("CHRYSALIS_FAULTS_SECONDS").unwrap_or(SHORT))
}

/// Whether everything has its full size.
fn is_full() -> bool {
    lasting() >= Duration::from_secs(FULL)
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Runs a tool to its end and insists that it works.
#[track_caller]
fn tool(words: &[&str]) -> String {
    try_tool(words).unwrap_or_else(|reason| panic!("{}: {reason}", words.join(" ")))
}

fn try_tool(words: &[&str]) -> Result<String, String> {
    let ended = Command::new(words[0])
        .args(&words[1..])
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.status.success() {
        Ok(said)
    } else {
        Err(String::from_utf8_lossy(&ended.stderr).into_owned())
    }
}

/// The database of a server that keeps its data in `folder`.
fn database(folder: &Path) -> PathBuf {
    folder.join("data/chrysalis.db")
}

/// Nothing in a log tells of a fault of the server's own.
#[track_caller]
fn is_sane(log: &str) {
    let mut lines = log.lines();
    let panic = lines.find(|line| line.contains("panicked at"));
    assert_eq!(panic, None, "{log}");
}
