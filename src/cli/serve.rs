//! `chrysalis serve`: logging, the runtime, and then the server until it stops.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::config::{Config, LogFormat};
use crate::server::{self, Ended, Origin};
use crate::telemetry;

/// How long work that cannot be cancelled, such as a password hash, may hold up the end.
const LAST_WORK: Duration = Duration::from_secs(5);

/// The server came to an end before everything was done: its time was over, or somebody asked
/// twice.
#[derive(Debug, thiserror::Error)]
#[error("the server had to be ended before it was done")]
pub(super) struct EndedEarly;

/// `file` is where the settings came from, if the command line named it.
pub(super) fn run(config: Config, file: Option<PathBuf>) -> anyhow::Result<()> {
    let filter = match config.log.format {
        LogFormat::Text => telemetry::log_text(&config.log.filter),
        LogFormat::Json => telemetry::log_json(&config.log.filter),
    }?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let origin = Origin { file, filter };
    let result = runtime.block_on(server::run(config, origin));
    runtime.shutdown_timeout(LAST_WORK);
    match result? {
        Ended::InTime => Ok(()),
        Ended::Early => Err(EndedEarly.into()),
    }
}
