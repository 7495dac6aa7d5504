//! `chrysalis user admin`

use std::io::{self, Write as _};

use super::unknown;
use crate::model::Address;
use crate::service::accounts::{AccountError, Accounts};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Admin {
    /// The account's address.
    #[arg(value_parser = Address::parse)]
    email: Address,
    /// Take the right away.
    #[arg(long)]
    no: bool,
}

impl Admin {
    pub(super) async fn run(self, accounts: &Accounts) -> anyhow::Result<()> {
        match accounts.set_admin(&self.email, !self.no).await {
            Err(AccountError::UnknownAccount) => return Err(unknown(&self.email)),
            result => result?,
        }
        let state = if self.no {
            "no administrator any more"
        } else {
            "an administrator"
        };
        writeln!(io::stdout(), "{} is {state}", self.email)?;
        Ok(())
    }
}
