//! `chrysalis user disable` and `chrysalis user enable`

use std::io::{self, Write as _};

use super::unknown;
use crate::model::Address;
use crate::service::accounts::{AccountError, Accounts};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// The account's address.
    #[arg(value_parser = Address::parse)]
    email: Address,
}

impl Which {
    pub(super) async fn run(self, accounts: &Accounts, disabled: bool) -> anyhow::Result<()> {
        match accounts.set_disabled(&self.email, disabled).await {
            Err(AccountError::UnknownAccount) => return Err(unknown(&self.email)),
            result => result?,
        }
        let state = if disabled { "disabled" } else { "enabled" };
        writeln!(io::stdout(), "{state} {}", self.email)?;
        Ok(())
    }
}
