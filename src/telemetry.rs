//! Logging: one subscriber for the process, writing to standard error.
//!
//! Standard output belongs to what a command prints. The caller chooses the format, so that this
//! module knows nothing of the settings' types.
//!
//! A line that cannot be written is lost, and nothing else: the log may lie on a disk that is full.
//! To complain about it on standard error, as the subscriber does by itself, would end the task
//! that logs, for that is where it failed.

use std::fmt;
use std::io::IsTerminal as _;

use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter directives cannot be read; the setting is `log.filter`.
    #[error("log.filter: {0:?} is no filter")]
    Filter(String, #[source] tracing_subscriber::filter::ParseError),
    /// There is a subscriber already.
    #[error("logging was set up before")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
    /// Logging has ended.
    #[error("nothing is logged any more")]
    Gone(#[source] reload::Error),
}

/// Decides which events are logged, and can be told to decide otherwise.
pub struct LogFilter(Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>);

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogFilter")
    }
}

impl LogFilter {
    /// Holds from the next event on. What cannot be read changes nothing.
    pub fn change(&self, filter: &str) -> Result<(), TelemetryError> {
        (self.0)(read_filter(filter)?).map_err(TelemetryError::Gone)
    }
}

/// Logs lines for people, coloured on a terminal.
pub fn log_text(filter: &str) -> Result<LogFilter, TelemetryError> {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .with_env_filter(read_filter(filter)?)
        .with_filter_reloading();
    let handle = subscriber.reload_handle();
    let started = subscriber.finish().try_init();
    started.map_err(TelemetryError::Twice)?;
    Ok(LogFilter(Box::new(move |filter| handle.reload(filter))))
}

/// Logs one JSON object a line.
pub fn log_json(filter: &str) -> Result<LogFilter, TelemetryError> {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .with_env_filter(read_filter(filter)?)
        .with_filter_reloading();
    let handle = subscriber.reload_handle();
    let started = subscriber.finish().try_init();
    started.map_err(TelemetryError::Twice)?;
    Ok(LogFilter(Box::new(move |filter| handle.reload(filter))))
}

fn read_filter(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter(filter.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_refused_before_anything_is_set_up() {
        for refused in [log_text("chrysalis=loud"), log_json("chrysalis=loud")] {
            let text = refused.unwrap_err().to_string();
            assert_eq!(text, "log.filter: \"chrysalis=loud\" is no filter");
        }
    }
}
