//! `chrysalis import escargot`

use std::path::PathBuf;

use anyhow::Context as _;

use super::{add, open_store, tell, try_out};
use crate::config::Config;
use crate::escargot::{self, Wishes};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Escargot {
    /// The database, usually escargot.sqlite. It is only read.
    file: PathBuf,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave behind the secrets that MSN Messenger 1 to 4 sign in with. They are weaker than a
    /// password hash; without them those clients need `chrysalis user passwd --legacy`.
    #[arg(long)]
    without_legacy: bool,
}

impl Escargot {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let wishes = Wishes {
            legacy: !self.without_legacy,
        };
        let found = escargot::read(&self.file, wishes)
            .await
            .with_context(|| format!("{} cannot be imported", self.file.display()))?;
        for remark in &found.remarks {
            eprintln!("note: {remark}");
        }
        if found.further_remarks > 0 {
            eprintln!("note: and {} more", found.further_remarks);
        }
        let report = if self.dry_run {
            try_out(config, found.people).await?
        } else {
            let store = open_store(config).await?;
            let added = add(&store, found.people).await;
            store.close().await;
            added?
        };
        tell(&report, self.dry_run)?;
        Ok(())
    }
}
