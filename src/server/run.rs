//! The life of the process: start, follow the signals, tell the supervisor, stop.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::greeting::Greeting;
use super::signals::{Asked, Signals};
use super::{ReloadError, Server, StartError};
use crate::config::{Config, ConfigErrors};
use crate::supervisor::Supervisor;
use crate::telemetry::LogFilter;

/// How often the supervisor is told how many there are, unless its watchdog wants to hear sooner.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// Where the settings came from, to be read again from there.
#[derive(Debug)]
pub struct Origin {
    /// The file that the command line names.
    pub file: Option<PathBuf>,
    /// The filter of the log, which belongs to the process and not to the server.
    pub filter: LogFilter,
}

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everybody was told, everything was finished.
    InTime,
    /// Something had to be ended before it was done; what was acknowledged is on disk all the same.
    Early,
}

/// Runs a server until a signal stops it. A second signal ends it at once.
///
/// `SIGHUP` has the settings read again; whatever is wrong with them then is logged and changes
/// nothing.
pub async fn run(config: Config, origin: Origin) -> Result<Ended, StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let supervisor = Arc::new(Supervisor::default());
    let mut server = Server::start(config.clone()).await?;
    // For whoever sits in front of it; logs have lines of their own.
    // To standard output, apart from the log; nobody has to read it.
    let _ = writeln!(io::stdout(), "{}", Greeting::new(&server, &config));
    server.keep_supervisor(&supervisor);
    supervisor.ready(&server.state());
    while signals.next().await == Asked::Reload {
        supervisor.reloading();
        reload(&mut server, &origin);
        supervisor.ready(&server.state());
    }
    tracing::info!("stopping; a second signal ends at once");
    supervisor.stopping();
    tokio::select! {
        in_time = server.stop() => Ok(if in_time { Ended::InTime } else { Ended::Early }),
        () = signals.stop() => {
            tracing::warn!("ended at once, as asked");
            Ok(Ended::Early)
        }
    }
}

/// Everything that is wrong is logged, with its key.
fn reload(server: &mut Server, origin: &Origin) {
    let done = Config::load(origin.file.as_deref())
        .map_err(ReloadError::from)
        .and_then(|config| server.reload(&config));
    match done {
        Ok(reloaded) => {
            if let Err(error) = origin.filter.change(&server.config().log.filter) {
                tracing::error!(%error, "the filter of the log stays");
            }
            tracing::info!(
                changed = reloaded.changed.join(", "),
                "the settings were reloaded"
            );
            for key in reloaded.needs_restart {
                tracing::warn!(key, "changed in the settings, but needs a restart");
            }
        }
        Err(ReloadError::Settings(ConfigErrors { problems })) => {
            for problem in problems {
                tracing::error!(key = problem.name, "{}", problem.text);
            }
            tracing::error!("the settings cannot be used; nothing was changed");
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the settings cannot be used; nothing was changed");
        }
    }
}

impl Server {
    /// One line about how things are.
    fn state(&self) -> String {
        state(self.knobs.hub.online_count())
    }

    /// Tells the supervisor now and then that the server does its work: this task gets its turn,
    /// and the database has just answered a read and a write.
    fn keep_supervisor(&self, supervisor: &Arc<Supervisor>) {
        if !supervisor.listens() {
            return;
        }
        // Twice within its patience, so that one late answer is not the end.
        let patience = supervisor.patience();
        let every = patience.map_or(STATUS_EVERY, |it| (it / 2).min(STATUS_EVERY));
        let supervisor = Arc::clone(supervisor);
        let store = self.store.clone();
        let hub = self.knobs.hub.clone();
        let soft = self.shutdown.soft().clone();
        let telling = async move {
            // No interval may be empty.
            let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
            while soft.run_until_cancelled(ticks.tick()).await.is_some() {
                let answer = soft.run_until_cancelled(tokio::time::timeout(every, store.ping()));
                match answer.await {
                    None => return,
                    Some(Ok(Ok(()))) => {
                        if patience.is_some() {
                            supervisor.alive();
                        }
                        supervisor.status(&state(hub.online_count()));
                    }
                    Some(_) => supervisor.status("the database does not answer"),
                }
            }
        };
        self.shutdown.spawn("supervisor", telling);
    }
}

fn state(sessions: usize) -> String {
    match sessions {
        1 => "1 session is signed in".to_owned(),
        _ => format!("{sessions} sessions are signed in"),
    }
}
