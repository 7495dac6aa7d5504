//! `chrysalis serve`: logging, the runtime, and then the server until it stops.

use std::time::Duration;

use anyhow::Context as _;

use crate::config::{Config, LogFormat};
use crate::{server, telemetry};

/// How long work that cannot be cancelled, such as a password hash, may hold up the end.
const LAST_WORK: Duration = Duration::from_secs(5);

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    match config.log.format {
        LogFormat::Text => telemetry::log_text(&config.log.filter),
        LogFormat::Json => telemetry::log_json(&config.log.filter),
    }?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let result = runtime.block_on(server::run(config));
    runtime.shutdown_timeout(LAST_WORK);
    let ended_in_time = result?;
    anyhow::ensure!(
        ended_in_time,
        "the server had to be ended before it was done"
    );
    Ok(())
}
