//! `chrysalis user add`

use std::io::{self, Write as _};

use anyhow::bail;

use super::password::PasswordSource;
use super::{LEGACY_WARNING, read_name};
use crate::model::Address;
use crate::service::accounts::Accounts;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// The address to sign in with, for example alice@example.com.
    #[arg(value_parser = Address::parse)]
    email: Address,
    /// The display name; without it the address.
    #[arg(long)]
    name: Option<String>,
    /// Let the account sign in from MSN Messenger 1 to 4, which needs a weaker secret.
    #[arg(long)]
    legacy: bool,
    /// Let the account run the server from the web pages.
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    password: PasswordSource,
}

impl Add {
    pub(super) async fn run(self, accounts: &Accounts) -> anyhow::Result<()> {
        let name = read_name(self.name.as_deref().unwrap_or_default())?;
        // Said before anybody is asked for a password.
        if accounts.find(&self.email).await?.is_some() {
            bail!(
                "there is an account {} already; `chrysalis user passwd` changes its password",
                self.email
            );
        }
        if self.legacy {
            eprintln!("{LEGACY_WARNING}");
        }
        let password = self.password.read()?;
        let email = self.email.clone();
        accounts
            .create(self.email, name, password, self.legacy)
            .await?;
        if self.admin {
            accounts.set_admin(&email, true).await?;
        }
        writeln!(io::stdout(), "added {email}")?;
        Ok(())
    }
}
