//! `chrysalis user show`

use std::io::{self, Write as _};

use super::{printable, readable_time, unknown};
use crate::model::Address;
use crate::service::accounts::Accounts;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The account's address.
    #[arg(value_parser = Address::parse)]
    email: Address,
}

impl Show {
    pub(super) async fn run(self, accounts: &Accounts) -> anyhow::Result<()> {
        let account = accounts.find(&self.email).await?;
        let account = account.ok_or_else(|| unknown(&self.email))?;
        let last = account.last_sign_in.map_or("never".into(), readable_time);
        let yes_or_no = |yes| if yes { "yes" } else { "no" };
        let mut out = io::stdout().lock();
        writeln!(out, "email:          {}", account.address)?;
        writeln!(out, "name:           {}", printable(&account.settings.name))?;
        writeln!(out, "disabled:       {}", yes_or_no(account.disabled))?;
        writeln!(out, "legacy sign-in: {}", yes_or_no(account.has_legacy))?;
        writeln!(out, "administrator:  {}", yes_or_no(account.is_admin))?;
        writeln!(out, "created:        {}", readable_time(account.created_at))?;
        writeln!(out, "last sign-in:   {last}")?;
        writeln!(out, "number:         {}", account.id)?;
        Ok(())
    }
}
