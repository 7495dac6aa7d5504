//! `chrysalis restore`: a backup takes the place of the database.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::backup::{file_time, summary};
use super::{confirm, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{BackupError, Store, StoreError};
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// A file that `chrysalis backup` made, by this version or an earlier one.
    path: PathBuf,
    /// Do not ask. Without it, and where there is a database already, somebody has to say yes.
    #[arg(long)]
    force: bool,
}

impl Restore {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        telemetry::log_text("warn")?;
        let database = config.database();
        if !self.force && database.exists() {
            confirm(
                &format!(
                    "Replace {} by {}? The old one is kept beside it.",
                    database.display(),
                    self.path.display()
                ),
                "--force",
                "nothing was restored",
            )?;
        }
        let (label, now) = (file_time()?, Clock::system().now_ms());
        let restored = Store::restore(&database, &self.path, &label, now);
        let restored = runtime()?
            .block_on(restored)
            .map_err(|error| explained(error, &database, &self.path))?;
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{}: {}",
            database.display(),
            summary(&restored.contents)
        )?;
        if restored.from_schema != restored.contents.schema {
            writeln!(
                out,
                "It had schema {} and was brought up to date.",
                restored.from_schema
            )?;
        }
        if let Some(aside) = &restored.aside {
            let state = if restored.was_damaged {
                "is damaged and was kept as it was"
            } else {
                "was kept"
            };
            writeln!(out, "The old database {state}: {}", aside.display())?;
        }
        writeln!(
            out,
            "Everybody has to sign in anew, and clients download their contacts again."
        )?;
        Ok(())
    }
}

fn explained(error: BackupError, database: &Path, backup: &Path) -> anyhow::Error {
    let words = match &error {
        BackupError::Store(StoreError::InUse { .. } | StoreError::Busy) => format!(
            "{} is in use; stop the server and everything else that has it open first",
            database.display()
        ),
        BackupError::Exists => "there is an old database of this second already; try again".into(),
        BackupError::File(_) => format!(
            "the files beside {} cannot be written; there must be room for two more databases",
            database.display()
        ),
        _ => format!("{} cannot be restored", backup.display()),
    };
    anyhow::Error::new(error).context(words)
}
