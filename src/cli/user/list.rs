//! `chrysalis user list`

use std::io::{self, Write as _};

use serde::Serialize;

use super::{printable, readable_time};
use crate::service::accounts::Accounts;
use crate::store::Account;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Print a JSON array for programs.
    #[arg(long)]
    json: bool,
}

/// An account as programs read it. Fields are added, never renamed.
#[derive(Serialize)]
struct AccountJson<'a> {
    email: &'a str,
    name: String,
    disabled: bool,
    legacy: bool,
    admin: bool,
    created_at: String,
    last_sign_in: Option<String>,
}

impl List {
    pub(super) async fn run(self, accounts: &Accounts) -> anyhow::Result<()> {
        let all = accounts.list().await?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        if self.json {
            let all: Vec<_> = all.iter().map(to_json).collect();
            serde_json::to_writer_pretty(&mut out, &all).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            write_table(&mut out, &all)?;
        }
        out.flush()?;
        Ok(())
    }
}

fn to_json(account: &Account) -> AccountJson<'_> {
    AccountJson {
        email: account.address.as_str(),
        name: account.settings.name.to_text(),
        disabled: account.disabled,
        legacy: account.has_legacy,
        admin: account.is_admin,
        created_at: readable_time(account.created_at),
        last_sign_in: account.last_sign_in.map(readable_time),
    }
}

/// The name comes last, because nobody knows how wide its letters are.
fn write_table(out: &mut impl io::Write, accounts: &[Account]) -> io::Result<()> {
    let longest = accounts.iter().map(|it| it.address.as_str().len()).max();
    let width = longest.unwrap_or_default().max("EMAIL".len());
    writeln!(
        out,
        "{:width$}  {:8}  {:6}  {:5}  {:20}  NAME",
        "EMAIL", "STATE", "LEGACY", "ADMIN", "LAST SIGN-IN"
    )?;
    for account in accounts {
        let last = account.last_sign_in.map_or("never".into(), readable_time);
        writeln!(
            out,
            "{:width$}  {:8}  {:6}  {:5}  {last:20}  {}",
            account.address.as_str(),
            if account.disabled {
                "disabled"
            } else {
                "enabled"
            },
            if account.has_legacy { "yes" } else { "no" },
            if account.is_admin { "yes" } else { "no" },
            printable(&account.settings.name),
        )?;
    }
    Ok(())
}
