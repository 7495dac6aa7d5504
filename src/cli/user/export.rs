//! `chrysalis user export`: people with all they have, as JSON.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::model::Address;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// Whom to export; everybody without any.
    #[arg(value_parser = Address::parse)]
    email: Vec<Address>,
    /// The file to write, for its owner alone; an existing one is replaced when the new one is
    /// complete.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Write the hashes of passwords too. Without them everybody needs a new password where the
    /// file is imported.
    #[arg(long)]
    with_passwords: bool,
}

impl Export {
    pub(super) async fn run(self, store: &Store) -> anyhow::Result<()> {
        let wanted = (!self.email.is_empty()).then_some(self.email);
        let (people, unknown) = store.export_people(wanted, self.with_passwords).await?;
        let unknown: Vec<&str> = unknown.iter().map(Address::as_str).collect();
        ensure!(
            unknown.is_empty(),
            "there is no account {}; `chrysalis user list` shows all",
            unknown.join(", ")
        );
        let mut text = serde_json::to_vec_pretty(&people)?;
        text.push(b'\n');
        write(&self.output, &text)
            .with_context(|| format!("{} cannot be written", self.output.display()))?;
        writeln!(
            std::io::stdout(),
            "{}: {} accounts, {} circles",
            self.output.display(),
            people.people.len(),
            people.circles.len()
        )?;
        Ok(())
    }
}

/// Writes beside and renames, so that there is never half a file of the name.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&part, path)
}
