//! `chrysalis import`: people of another server. Here is also what every import shares: running it
//! with a bar, and the report.

mod escargot;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use super::runtime;
use crate::config::Config;
use crate::server::list_limits;
use crate::store::people::{ImportReport, ImportWatch, People};
use crate::store::{Rehearsal, Store};
use crate::telemetry;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Add the people of an Escargot server, from its SQLite database.
    ///
    /// Accounts, passwords, contacts, lists, groups and circles. Everybody keeps their password,
    /// which is hashed anew at their first sign-in here. An address that has an account here
    /// already is left alone, so a second run changes nothing. All of it is added, or nothing.
    Escargot(escargot::Escargot),
}

pub(super) fn run(command: ImportCommand, config: &Config) -> anyhow::Result<()> {
    telemetry::log_text("warn")?;
    match command {
        ImportCommand::Escargot(import) => runtime()?.block_on(import.run(config)),
    }
}

/// Opens the store without anything above it.
pub(super) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let path = config.database();
    let opened = Store::open(&path, list_limits(&config.limits)).await;
    opened.with_context(|| {
        format!(
            "the database {} cannot be opened; check data_dir and who may write there",
            path.display()
        )
    })
}

/// Adds everybody in the document, with a bar on a terminal.
pub(super) async fn add(store: &Store, people: People) -> anyhow::Result<ImportReport> {
    watched(store, people, false).await
}

/// Finds out what [`add`] would do, and changes nothing: there need not even be a database, and one
/// that there is stays as old as it is.
pub(super) async fn try_out(config: &Config, people: People) -> anyhow::Result<ImportReport> {
    let path = config.database();
    let rehearse = async {
        let limits = list_limits(&config.limits);
        let rehearsal = Rehearsal::of(&path, limits)
            .await
            .with_context(|| format!("it cannot be tried out on a copy of {}", path.display()))?;
        let report = watched(rehearsal.store(), people, true).await;
        rehearsal.end().await;
        report
    };
    tokio::select! {
        report = rehearse => report,
        // The copy goes in any case.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("broken off"),
    }
}

async fn watched(store: &Store, people: People, dry_run: bool) -> anyhow::Result<ImportReport> {
    let style = ProgressStyle::with_template("{wide_bar} {percent}% {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    // Everybody counts twice: the account, and its book.
    let bar = ProgressBar::new(people.people.len() as u64 * 2).with_style(style);
    let watch = Arc::new(ImportWatch::default());
    let mut import = Box::pin(store.import_people(people, dry_run, Arc::clone(&watch)));
    let outcome = loop {
        match tokio::time::timeout(LOOK, &mut import).await {
            Ok(outcome) => break outcome,
            Err(_) => bar.set_position(watch.done.load(Ordering::Relaxed)),
        }
    };
    bar.finish_and_clear();
    Ok(outcome??)
}

/// Says what was done: numbers to standard output, everything to look at to standard error.
pub(super) fn tell(report: &ImportReport, dry_run: bool) -> io::Result<()> {
    let mut err = io::stderr().lock();
    for remark in &report.remarks {
        writeln!(err, "note: {remark}")?;
    }
    if report.further_remarks > 0 {
        writeln!(err, "note: and {} more", report.further_remarks)?;
    }
    let repairs = report.repairs;
    let repaired = [
        (
            repairs.allowed_and_blocked,
            "allowed and blocked at once: blocked now",
        ),
        (
            repairs.reverse_missing,
            "not on the reverse list of whom they follow: put there",
        ),
        (
            repairs.reverse_without_forward,
            "on a reverse list without following: taken off",
        ),
        (
            repairs.pending_without_reason,
            "pending without a reason: not pending now",
        ),
        (
            repairs.grouped_without_forward,
            "in a group without being a contact: in none now",
        ),
        (repairs.meaningless, "on no list, or on one's own: left out"),
    ];
    let mut out = io::stdout().lock();
    let would = if dry_run { "would be added" } else { "added" };
    writeln!(out, "{} accounts {would}", report.added)?;
    writeln!(
        out,
        "{} left alone, because they are here already",
        report.existing.len()
    )?;
    for (count, what) in [
        (
            report.without_password,
            "of those added without a password: chrysalis user passwd",
        ),
        (report.groups, "groups"),
        (report.contacts, "contacts"),
        (
            report.contacts_without_account,
            "contacts without account, kept in address books",
        ),
        (report.cards, "cards"),
        (report.circles, "circles"),
        (report.offline_messages, "offline messages"),
        (report.pictures, "pictures"),
        (repairs.total(), "repairs of lists"),
    ] {
        writeln!(out, "{count} {what}")?;
    }
    for (count, what) in repaired.into_iter().filter(|&(count, _)| count > 0) {
        writeln!(out, "    {count} {what}")?;
    }
    if dry_run {
        writeln!(out, "Nothing was changed: this was a dry run.")?;
    }
    Ok(())
}
