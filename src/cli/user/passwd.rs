//! `chrysalis user passwd`

use std::io::{self, Write as _};

use super::password::PasswordSource;
use super::{LEGACY_WARNING, unknown};
use crate::model::Address;
use crate::service::accounts::{Accounts, LegacyChoice};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Passwd {
    /// The account's address.
    #[arg(value_parser = Address::parse)]
    email: Address,
    /// Open the legacy sign-in of MSN Messenger 1 to 4, which needs a weaker secret.
    #[arg(long, conflicts_with = "no_legacy")]
    legacy: bool,
    /// Close the legacy sign-in and forget its secret. Without either it stays as it is.
    #[arg(long)]
    no_legacy: bool,
    #[command(flatten)]
    password: PasswordSource,
}

impl Passwd {
    pub(super) async fn run(self, accounts: &Accounts) -> anyhow::Result<()> {
        // Said before anybody is asked for a password.
        if accounts.find(&self.email).await?.is_none() {
            return Err(unknown(&self.email));
        }
        let legacy = match (self.legacy, self.no_legacy) {
            (true, _) => LegacyChoice::Open,
            (false, true) => LegacyChoice::Close,
            (false, false) => LegacyChoice::Keep,
        };
        if legacy == LegacyChoice::Open {
            eprintln!("{LEGACY_WARNING}");
        }
        let password = self.password.read()?;
        accounts.set_password(&self.email, password, legacy).await?;
        writeln!(io::stdout(), "{} has a new password", self.email)?;
        Ok(())
    }
}
