//! The command line: one file per subcommand.
//!
//! Results go to standard output, everything else to standard error. The commands on accounts
//! work while a server runs on the same database.
//!
//! The exit status is 0 for success, a server that stopped in order included; 1 for a failure; 2
//! for a command line that cannot be understood; 3 for a server that was asked to stop and had to
//! be ended before it was done; and 78 for settings that cannot be used, which no supervisor needs
//! to try again.

mod backup;
mod cert;
mod check_config;
mod client_setup;
mod completions;
mod confirm;
mod doctor;
mod healthcheck;
mod import;
mod man;
mod restore;
mod serve;
mod user;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Config, ConfigErrors};
use crate::server::StartError;
use confirm::confirm;

/// A server that was asked to stop had to be ended.
const ENDED_EARLY: u8 = 3;
/// `EX_CONFIG` of `sysexits.h`.
const BAD_SETTINGS: u8 = 78;

/// A self-hosted server for MSN Messenger and Windows Live Messenger.
#[derive(Debug, Parser)]
#[command(name = "chrysalis", version)]
struct Arguments {
    /// The settings; without it $CHRYSALIS_CONFIG, then ./config.toml if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what happens without a command, too).
    Serve,
    /// Manage accounts, also while the server runs.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Copy the database to a file, also while the server runs.
    Backup(backup::Backup),
    /// Put a backup in the place of the database; the server must not run.
    Restore(restore::Restore),
    /// Add the people of another server.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Make certificates of your own.
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// Check the settings: print what is in force, or every problem.
    CheckConfig,
    /// Show how a client is connected to this server, and make the files for it.
    ClientSetup(client_setup::ClientSetup),
    /// Look for what is wrong with this server or another one, and sign in as clients do.
    Doctor(doctor::Doctor),
    /// Ask the running server whether it is healthy; for containers and monitors.
    Healthcheck(healthcheck::Healthcheck),
    /// Print what a shell needs to complete this command line.
    Completions(completions::Completions),
    /// Print the manual page, or write a page for every command.
    Man(man::Manual),
    /// Speak old TLS for the server, which starts this itself.
    #[cfg(feature = "legacy-tls")]
    #[command(name = crate::tls::legacy::CHILD_COMMAND, hide = true)]
    LegacyTlsChild,
}

/// Reads the command line, does what it says and answers the exit status.
pub fn run() -> ExitCode {
    // Usage errors, help and version end here, with clap's own exit status.
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            status_of(&error)
        }
    }
}

/// The exit status that tells a supervisor what to do about it.
fn status_of(error: &anyhow::Error) -> ExitCode {
    if error.is::<serve::EndedEarly>() {
        return ExitCode::from(ENDED_EARLY);
    }
    let is_about_settings = error.is::<ConfigErrors>()
        || matches!(
            error.downcast_ref(),
            Some(StartError::Files(_) | StartError::Settings(_))
        );
    if is_about_settings {
        return ExitCode::from(BAD_SETTINGS);
    }
    ExitCode::FAILURE
}

fn dispatch(arguments: Arguments) -> anyhow::Result<()> {
    #[cfg(feature = "legacy-tls")]
    if matches!(arguments.command, Some(Command::LegacyTlsChild)) {
        // Before the settings: it gets what it has to know from the server, and no more.
        return Ok(crate::tls::legacy::run_child()?);
    }
    let file = arguments.config.as_deref();
    let config = || Config::load(file);
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(config()?, arguments.config),
        Command::User(command) => user::run(command, &config()?),
        Command::Backup(backup) => backup.run(&config()?),
        Command::Restore(restore) => restore.run(&config()?),
        Command::Import(command) => import::run(command, &config()?),
        Command::Cert(command) => cert::run(&command, &config()?),
        Command::CheckConfig => check_config::run(&config()?),
        Command::ClientSetup(setup) => setup.run(&config()?),
        Command::Doctor(doctor) => doctor.run(file),
        Command::Healthcheck(wished) => healthcheck::run(&wished, &config()?),
        // Nor do these need settings: they are run where the program is packaged.
        Command::Completions(completions) => completions.run(),
        Command::Man(manual) => manual.run(),
        #[cfg(feature = "legacy-tls")]
        Command::LegacyTlsChild => Ok(()),
    }
}

/// The whole command line, for those who describe it.
fn command() -> clap::Command {
    Arguments::command()
}

/// What commands that use the store run on.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Whoever reads our output, `head` for example, had enough of it.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_server_runs() {
        let arguments = Arguments::parse_from(["chrysalis", "--config", "a.toml"]);
        assert!(arguments.command.is_none());
        assert_eq!(arguments.config, Some(PathBuf::from("a.toml")));
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let pipe = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&pipe));
        assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
    }
}
