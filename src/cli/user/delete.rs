//! `chrysalis user delete`

use std::io::{self, Write as _};

use super::unknown;
use crate::cli::confirm::confirm;
use crate::model::Address;
use crate::service::accounts::Accounts;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Delete {
    /// The account's address.
    #[arg(value_parser = Address::parse)]
    email: Address,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

impl Delete {
    pub(super) async fn run(self, accounts: &Accounts) -> anyhow::Result<()> {
        if accounts.find(&self.email).await?.is_none() {
            return Err(unknown(&self.email));
        }
        if !self.yes {
            let email = &self.email;
            confirm(
                &format!("Delete {email} and its contacts? This cannot be undone."),
                "--yes",
                &format!("{email} was not deleted"),
            )?;
        }
        accounts.delete(&self.email).await?;
        writeln!(io::stdout(), "deleted {}", self.email)?;
        Ok(())
    }
}
