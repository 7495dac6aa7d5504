//! `chrysalis-load`: loads a server of the protocol and measures it.
//!
//! It speaks to any server (`--host`), with accounts that exist there. `prepare` fills a database
//! of Chrysalis with such accounts, and `bare` is a relay that does nothing but pass bytes on: what
//! a server is compared with. A table goes to standard output, progress to standard error. What
//! comes back is checked all the time; a wrong byte ends the run with a failure, a slow answer
//! never does.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod abfindall;
mod accounts;
mod bare;
mod contacts;
mod crowd;
mod gateway;
mod idle;
mod meter;
mod options;
mod pairs;
mod prepare;
mod presence;
mod process;
mod report;
mod rooms;
mod sign_in;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use options::{Command, Options};
use report::Report;

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> anyhow::Result<()> {
    let runtime = runtime(options.common.threads).context("the runtime cannot be started")?;
    let common = &options.common;
    let report = runtime.block_on(async {
        Ok::<_, anyhow::Error>(match options.command {
            Command::Prepare(wish) => return prepare::run(common, &wish).await.map(|()| None),
            Command::Bare(wish) => return bare::run(&wish).await.map(|()| None),
            Command::Pairs(wish) => Some(pairs::run(common, &wish).await?),
            Command::Rooms(wish) => Some(rooms::run(common, &wish).await?),
            Command::SignIn(wish) => Some(sign_in::run(common, &wish).await?),
            Command::Presence(wish) => Some(presence::run(common, &wish).await?),
            Command::Idle(wish) => Some(idle::run(common, &wish).await?),
            Command::Contacts(wish) => Some(contacts::run(common, &wish).await?),
            Command::Abfindall(wish) => Some(abfindall::run(common, &wish).await?),
            Command::Gateway(wish) => Some(gateway::run(common, &wish).await?),
        })
    })?;
    report.map_or(Ok(()), |report| publish(&report, common.json.as_deref()))
}

/// One thread is what a load on one core wants; more of them share the work.
fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

fn publish(report: &Report, file: Option<&std::path::Path>) -> anyhow::Result<()> {
    write!(std::io::stdout().lock(), "{report}").context("the table cannot be printed")?;
    let Some(file) = file else {
        return Ok(());
    };
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}
