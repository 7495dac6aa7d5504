//! `chrysalis backup`: a copy of the database while the server runs.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::runtime;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{BackupError, Contents, Store};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// The file to write, or a folder that gets one named after the time.
    path: PathBuf,
    /// Replace the file if there is one. The old one stays until the new one is complete.
    #[arg(long)]
    force: bool,
}

impl Backup {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        telemetry::log_text("warn")?;
        let database = config.database();
        let to = if self.path.is_dir() {
            self.path.join(format!("chrysalis-{}.db", file_time()?))
        } else {
            self.path.clone()
        };
        let made = runtime()?.block_on(Store::back_up(&database, &to, self.force));
        let contents = made.map_err(|error| explained(error, &database, &to))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}: {}", to.display(), summary(&contents))?;
        let elsewhere = files_elsewhere(config);
        if !elsewhere.is_empty() {
            writeln!(
                out,
                "It has everything the server keeps by itself. Keep these files yourself:"
            )?;
            for file in elsewhere {
                writeln!(out, "    {}", file.display())?;
            }
        }
        Ok(())
    }
}

fn explained(error: BackupError, database: &Path, to: &Path) -> anyhow::Error {
    let words = match &error {
        BackupError::Exists => format!(
            "{} is there already; name another file, or replace it with --force",
            to.display()
        ),
        BackupError::Itself => format!(
            "{} is the server's own, not a place for a backup; name another file",
            to.display()
        ),
        BackupError::Missing => format!(
            "there is no database {}; check data_dir in the settings",
            database.display()
        ),
        BackupError::Damaged { .. } => format!(
            "the copy of {} is not sound and was thrown away; restore an earlier backup",
            database.display()
        ),
        _ => format!(
            "{} cannot be copied to {}",
            database.display(),
            to.display()
        ),
    };
    anyhow::Error::new(error).context(words)
}

/// What the settings name and the database does not have: keys and certificates.
fn files_elsewhere(config: &Config) -> Vec<&PathBuf> {
    let (tls, legacy) = (&config.tls, &config.legacy_tls);
    let files = [
        &tls.certificate,
        &tls.key,
        &tls.ca,
        &legacy.certificate,
        &legacy.key,
        &legacy.ca,
    ];
    files.into_iter().flatten().collect()
}

/// What is in a database, on one line.
pub(super) fn summary(contents: &Contents) -> String {
    let counts = contents.counts.iter();
    let counts: Vec<_> = counts
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    format!(
        "{} bytes, schema {}, sound: {}",
        contents.bytes,
        contents.schema,
        counts.join(", ")
    )
}

/// The time as it may stand in the name of a file.
pub(super) fn file_time() -> anyhow::Result<String> {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    time::OffsetDateTime::from_unix_timestamp(Clock::system().now_secs())
        .ok()
        .and_then(|now| now.format(format).ok())
        .context("the date of this machine cannot be written")
}
