//! `chrysalis user`: accounts. Here is what its subcommands share.

mod add;
mod admin;
mod delete;
mod disable;
mod export;
mod import;
mod import_json;
mod list;
mod passwd;
mod password;
mod show;

use anyhow::Context as _;
use clap::Subcommand;

use super::import::open_store;
use super::runtime;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Address, Label};
use crate::service::accounts::{AccountSettings, Accounts};
use crate::store::Store;
use crate::telemetry;

/// What everybody who opens the oldest clients' way in should know.
const LEGACY_WARNING: &str = "note: legacy sign-in keeps a weaker secret: an MD5 that is quick to guess from a stolen \
     database, and whose answer can be replayed by whoever listens to one sign-in. Use a password \
     that is used nowhere else.";

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add an account.
    Add(add::Add),
    /// List all accounts.
    List(list::List),
    /// Show one account.
    Show(show::Show),
    /// Give an account a new password, and open or close its legacy sign-in.
    Passwd(passwd::Passwd),
    /// Forbid an account to sign in, and sign it out.
    Disable(disable::Which),
    /// Let a disabled account sign in again.
    Enable(disable::Which),
    /// Let an account run the server from the web pages, or no longer.
    Admin(admin::Admin),
    /// Delete an account with all it has, and take it out of everybody's contacts.
    Delete(delete::Delete),
    /// Write people with all they have to a JSON file.
    Export(export::Export),
    /// Add people from a file: a JSON file of `user export`, or a CSV file with the header
    /// email,name,password,legacy.
    Import(import::Import),
}

pub(super) fn run(command: UserCommand, config: &Config) -> anyhow::Result<()> {
    telemetry::log_text("warn")?;
    runtime()?.block_on(async {
        if let UserCommand::Import(import) = &command
            && import.dry_run
        {
            return import.rehearse(config).await;
        }
        let (store, accounts) = open(config).await?;
        let result = match command {
            UserCommand::Add(add) => add.run(&accounts).await,
            UserCommand::List(list) => list.run(&accounts).await,
            UserCommand::Show(show) => show.run(&accounts).await,
            UserCommand::Passwd(passwd) => passwd.run(&accounts).await,
            UserCommand::Disable(which) => which.run(&accounts, true).await,
            UserCommand::Enable(which) => which.run(&accounts, false).await,
            UserCommand::Admin(admin) => admin.run(&accounts).await,
            UserCommand::Delete(delete) => delete.run(&accounts).await,
            UserCommand::Export(export) => export.run(&store).await,
            UserCommand::Import(import) => {
                import
                    .run(&store, &accounts, config.auth.hash_threads)
                    .await
            }
        };
        store.close().await;
        result
    })
}

/// Opens the database, beside a server that runs or without one.
pub(in crate::cli) async fn open(config: &Config) -> anyhow::Result<(Store, Accounts)> {
    let store = open_store(config).await?;
    let settings = AccountSettings::new(&config.auth, &config.limits);
    let accounts = Accounts::open(store.clone(), Clock::system(), settings).await?;
    Ok((store, accounts))
}

/// Reads a display name; an empty one is none.
fn read_name(text: &str) -> anyhow::Result<Option<Label>> {
    let name = Label::from_text(text, Label::NAME_MAX).with_context(|| {
        format!(
            "the name is too long; it may have {} letters, and fewer in other scripts",
            Label::NAME_MAX
        )
    })?;
    Ok((!name.is_empty()).then_some(name))
}

/// A name as a terminal may show it: people choose their own names, and a control character
/// in one must not reach whoever lists them.
fn printable(name: &Label) -> String {
    let is_harmful = |c: char| {
        // The second range turns the direction of writing around.
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.to_text().replace(
        is_harmful,
        char::REPLACEMENT_CHARACTER.encode_utf8(&mut [0; 4]),
    )
}

/// A time as people and programs read it.
fn readable_time(epoch_ms: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1_000))
        .ok()
        .and_then(|time| {
            time.format(&time::format_description::well_known::Rfc3339)
                .ok()
        })
        .unwrap_or_else(|| epoch_ms.to_string())
}

fn unknown(address: &Address) -> anyhow::Error {
    anyhow::anyhow!("there is no account {address}; `chrysalis user list` shows all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        let name = Label::from_wire(b"%1B[2JAl%E2%80%AEice", Label::NAME_MAX).unwrap();
        assert_eq!(printable(&name), "\u{fffd}[2JAl\u{fffd}ice");
    }

    #[test]
    fn a_time_is_written_in_full() {
        assert_eq!(readable_time(1_100_000_000_999), "2004-11-09T11:33:20Z");
        assert_eq!(readable_time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn an_empty_name_is_none() {
        assert_eq!(read_name("").unwrap(), None);
        assert_eq!(read_name("Al ice").unwrap().unwrap().as_str(), "Al%20ice");
        assert!(read_name(&"a".repeat(400)).is_err());
    }
}
