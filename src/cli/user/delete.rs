//! `chrysalis user delete`

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{bail, ensure};

use super::unknown;
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
            confirm(&self.email)?;
        }
        accounts.delete(&self.email).await?;
        writeln!(io::stdout(), "deleted {}", self.email)?;
        Ok(())
    }
}

fn confirm(email: &Address) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask on; use --yes to delete {email} without being asked");
    }
    eprint!("Delete {email} and its contacts? This cannot be undone. [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    ensure!(
        ["y", "yes"]
            .iter()
            .any(|yes| answer.eq_ignore_ascii_case(yes)),
        "{email} was not deleted"
    );
    Ok(())
}
