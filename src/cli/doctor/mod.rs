//! `chrysalis doctor`: looks at everything that has to be right, then uses the server as clients of
//! every generation do, and says what works.
//!
//! Nothing is changed, apart from two accounts that are made for the check and removed after it.
//! Every wait is bounded, and where a thing fails, what rests on it is skipped.

mod accounts;
mod addresses;
mod certificates;
mod database;
mod ports;
mod reach;
mod report;
mod settings;
mod sign_in;
#[cfg(target_os = "linux")]
mod sockets;
mod trust;

use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::client::Credentials;
use crate::config::Config;
use crate::model::Address;
use crate::telemetry;
use crate::tls::read_root;

use accounts::Guests;
use report::Report;
use sign_in::{Place, WebSide};
use trust::Trust;

/// Longer than any two passwords.
const LONGEST_INPUT: u64 = 8_192;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Check another server by its name or address, over the network only.
    #[arg(long)]
    host: Option<String>,
    /// Its port.
    #[arg(long, default_value_t = 1863, requires = "host")]
    port: u16,
    /// Where its web services are, as http://host:port or https://host.
    #[arg(long, value_name = "URL", requires = "host")]
    http: Option<String>,
    /// A root certificate that is believed beside those of this system (PEM or DER).
    #[arg(long, value_name = "FILE", requires = "host")]
    ca: Option<PathBuf>,
    /// Sign in to this account, instead of ones that are made for it.
    #[arg(long, value_name = "EMAIL", value_parser = Address::parse, requires = "password_stdin")]
    account: Option<Address>,
    /// Somebody else, for a conversation between the two.
    #[arg(long, value_name = "EMAIL", value_parser = Address::parse, requires = "account")]
    second: Option<Address>,
    /// Read the password of the account from the first line of standard input, and that of the
    /// second one from the second line.
    #[arg(long)]
    password_stdin: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks, prints and fails if something does not work. `file` is what the command line names
    /// as the settings.
    pub(super) fn run(self, file: Option<&Path>) -> anyhow::Result<()> {
        telemetry::log_text("off")?;
        let given = self.given(io::stdin().lock())?;
        let root = self.ca.as_deref().map(read_root).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        let report = runtime.block_on(async {
            match &self.host {
                Some(host) => self.abroad(host, &Trust::new(root), &given).await,
                None => at_home(file, &given).await,
            }
        });
        let text = if self.json {
            report.json()?
        } else {
            report.table()
        };
        let mut out = io::stdout();
        out.write_all(text.trim_end().as_bytes())?;
        out.write_all(b"\n")?;
        let failures = report.failures();
        anyhow::ensure!(failures == 0, "{failures} of the checks failed");
        Ok(())
    }

    /// The accounts of the command line, with their passwords.
    fn given(&self, input: impl io::BufRead) -> anyhow::Result<Vec<Credentials>> {
        let mut lines = input.take(LONGEST_INPUT).lines();
        let accounts = self.account.iter().chain(&self.second);
        accounts
            .map(|address| {
                let line = lines.next().transpose();
                let password = line.context("the password cannot be read from standard input")?;
                let password = password.with_context(|| {
                    format!("there is no password of {address} on standard input")
                })?;
                Ok(Credentials {
                    address: address.to_string(),
                    password,
                })
            })
            .collect()
    }

    /// A server that is only known by its address.
    async fn abroad(&self, host: &str, trust: &Trust, given: &[Credentials]) -> Report {
        let mut report = Report::default();
        let url = self.http.as_deref();
        let place = addresses::foreign(host, self.port, url, trust, &mut report).await;
        if given.is_empty() {
            let why = "name an account of that server with --account";
            report.area("clients").skip("sign-in", why);
        } else {
            sign_in::check(&place.discreet(), given, &mut report).await;
        }
        report
    }
}

/// The server that the settings are of.
async fn at_home(file: Option<&Path>, given: &[Credentials]) -> Report {
    let mut report = Report::default();
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            settings::broken(&error, &mut report);
            return report;
        }
    };
    settings::check(&config, &mut report);
    database::check(&config, &mut report).await;
    certificates::check(&config, &mut report);
    let mut place = ports::check(&config, &mut report).await;
    // What cannot be read is among the findings already.
    let roots = [&config.tls.ca, &config.legacy_tls.ca];
    let roots = roots.into_iter().flatten();
    let trust = Trust::new(roots.filter_map(|file| read_root(file).ok()));
    match addresses::check(&config, &trust, &mut report).await {
        // Clients are not kept waiting for a name that leads nowhere from here.
        WebSide::Unreached => {}
        found => place.web = found,
    }
    check_clients(&config, &place, given, &mut report).await;
    report
}

/// Signs in with what the command line gave, or with accounts of our own.
async fn check_clients(config: &Config, place: &Place, given: &[Credentials], report: &mut Report) {
    if place.msnp.is_none() {
        let why = "the server does not answer, see above";
        report.area("clients").skip("sign-in", why);
        return;
    }
    if !given.is_empty() {
        sign_in::check(&place.discreet(), given, report).await;
        return;
    }
    let guests = match Guests::invite(config).await {
        Ok(guests) => guests,
        Err(error) => {
            let mut clients = report.area("clients");
            let finding = clients.fail("accounts", format!("none can be made: {error:#}"));
            finding.advise(
                "run this as the user that the server runs as, or give an account with \
                 --account EMAIL --password-stdin",
            );
            return;
        }
    };
    let credentials = guests.credentials();
    tokio::select! {
        () = sign_in::check(place, &credentials, report) => {}
        // The accounts go in any case.
        _ = tokio::signal::ctrl_c() => {
            report.area("clients").fail("sign-in", "broken off");
        }
    }
    if let Err(error) = guests.leave().await {
        let names = guests.names();
        let mut clients = report.area("clients");
        let finding = clients.warn("accounts", format!("not removed: {error:#}"));
        finding.advise(format!("remove them with `chrysalis user delete`: {names}"));
    }
}
