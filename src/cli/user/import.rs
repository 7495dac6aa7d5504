//! `chrysalis user import`: many accounts from a CSV file.
//!
//! Every line stands for itself: a bad one is reported and the others are added. Adding a file
//! again reports the accounts that exist and adds the rest, so a run that was broken off can
//! simply be repeated.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use csv::{ReaderBuilder, StringRecord};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::SecretString;
use tokio::task::JoinSet;

use super::{LEGACY_WARNING, import_json, read_name};
use crate::config::Config;
use crate::model::{Address, Label};
use crate::service::accounts::Accounts;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    /// The file. One whose name ends in .json is what `chrysalis user export` wrote; of any other
    /// the first line is email,name,password,legacy, and name and legacy may be empty.
    file: PathBuf,
    /// Of a JSON file: say what would be done, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// One line of the file, understood.
struct Line {
    address: Address,
    name: Option<Label>,
    password: SecretString,
    legacy: bool,
}

/// Where each value stands in a line.
struct Columns {
    email: usize,
    name: Option<usize>,
    password: usize,
    legacy: Option<usize>,
}

/// What came of the lines so far.
struct Tally {
    added: u64,
    failed: u64,
    bar: ProgressBar,
}

impl Import {
    /// Says what would be done. No database is opened for it.
    pub(super) async fn rehearse(&self, config: &Config) -> anyhow::Result<()> {
        ensure!(
            self.is_json(),
            "a CSV file cannot be tried out; leave out --dry-run"
        );
        import_json::rehearse(&self.file, config).await
    }

    fn is_json(&self) -> bool {
        let kind = self.file.extension().unwrap_or_default();
        kind.eq_ignore_ascii_case("json")
    }

    pub(super) async fn run(
        self,
        store: &Store,
        accounts: &Accounts,
        hash_threads: usize,
    ) -> anyhow::Result<()> {
        if self.is_json() {
            return import_json::run(&self.file, store).await;
        }
        let text = fs::read(&self.file)
            .with_context(|| format!("{} cannot be read", self.file.display()))?;
        // A line with too few or too many values is that line's problem only.
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_slice());
        let columns = Columns::find(reader.headers().context("the first line cannot be read")?)?;

        let mut tally = Tally::new(text.len());
        let mut under_way = JoinSet::new();
        let mut has_legacy = false;
        let mut record = StringRecord::new();
        loop {
            let start = reader.position().clone();
            let read = match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => columns.read(&record),
                Err(error) => Err(error.into()),
            };
            tally.bar.set_position(start.byte());
            let number = start.line() + blank_lines(&text, start.byte());
            match read {
                Ok(line) => {
                    if under_way.len() >= hash_threads
                        && let Some(done) = under_way.join_next().await
                    {
                        tally.note(done?);
                    }
                    has_legacy |= line.legacy;
                    let accounts = accounts.clone();
                    under_way.spawn(async move { (number, line.add(&accounts).await) });
                }
                Err(error) => tally.note((number, Err(error))),
            }
        }
        while let Some(done) = under_way.join_next().await {
            tally.note(done?);
        }
        tally.finish(has_legacy)
    }
}

impl Tally {
    fn new(length: usize) -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {percent}% {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self {
            added: 0,
            failed: 0,
            // It draws on standard error, and only on a terminal.
            bar: ProgressBar::new(length as u64).with_style(style),
        }
    }

    fn note(&mut self, (number, result): (u64, anyhow::Result<()>)) {
        match result {
            Ok(()) => self.added += 1,
            Err(error) => {
                self.failed += 1;
                self.bar.suspend(|| eprintln!("line {number}: {error:#}"));
            }
        }
    }

    fn finish(self, has_legacy: bool) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        if has_legacy {
            eprintln!("{LEGACY_WARNING}");
        }
        let Self { added, failed, .. } = self;
        writeln!(io::stdout(), "{added} added, {failed} failed")?;
        ensure!(failed == 0, "not every line could be added");
        Ok(())
    }
}

impl Columns {
    fn find(headers: &StringRecord) -> anyhow::Result<Self> {
        let mut found = [None; 4];
        let [email, name, password, legacy] = &mut found;
        for (index, header) in headers.iter().enumerate() {
            // Spreadsheets put a mark before the first one.
            let slot = match header.trim_start_matches('\u{feff}').trim() {
                "email" => &mut *email,
                "name" => &mut *name,
                "password" => &mut *password,
                "legacy" => &mut *legacy,
                other => bail!(
                    "the first line has the column {other:?}; it must be email,name,password,legacy"
                ),
            };
            ensure!(
                slot.replace(index).is_none(),
                "the first line has the column {header:?} twice"
            );
        }
        let [Some(email), name, Some(password), legacy] = found else {
            bail!(
                "the first line lacks the column email or password; it must be \
                 email,name,password,legacy"
            );
        };
        Ok(Self {
            email,
            name,
            password,
            legacy,
        })
    }

    fn read(&self, record: &StringRecord) -> anyhow::Result<Line> {
        let value = |index: usize| {
            let missing = || anyhow::anyhow!("the line has only {} values", record.len());
            record.get(index).ok_or_else(missing)
        };
        let optional = |index: Option<usize>| index.map_or(Ok(""), value);
        let width = [
            Some(self.email),
            self.name,
            Some(self.password),
            self.legacy,
        ];
        ensure!(
            record.len() <= width.iter().flatten().count(),
            "the line has {} values; put quotation marks around a value with a comma",
            record.len()
        );
        Ok(Line {
            address: Address::parse(value(self.email)?.trim())?,
            name: read_name(optional(self.name)?.trim())?,
            password: value(self.password)?.into(),
            legacy: read_flag(optional(self.legacy)?)?,
        })
    }
}

/// How many blank lines begin here. The reader passes over them without counting them as the
/// record's, and a wrong line number helps nobody.
fn blank_lines(text: &[u8], from: u64) -> u64 {
    let rest = usize::try_from(from).ok().and_then(|from| text.get(from..));
    let ends = rest.unwrap_or_default().iter();
    let ends = ends.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    ends.filter(|&&byte| byte == b'\n').count() as u64
}

fn read_flag(text: &str) -> anyhow::Result<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "0" | "no" | "false" => Ok(false),
        "1" | "yes" | "true" => Ok(true),
        other => bail!("legacy is {other:?}; write yes or no"),
    }
}

impl Line {
    async fn add(self, accounts: &Accounts) -> anyhow::Result<()> {
        let address = self.address.clone();
        accounts
            .create(self.address, self.name, self.password, self.legacy)
            .await
            .with_context(|| address.to_string())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &[&str]) -> anyhow::Result<Columns> {
        Columns::find(&StringRecord::from(header.to_vec()))
    }

    #[test]
    fn columns_are_found_by_name() {
        let columns = columns(&["\u{feff}password", " email "]).unwrap();
        let line = columns
            .read(&StringRecord::from(vec![" pass word ", " A@b.c "]))
            .unwrap();
        assert_eq!(line.address.as_str(), "a@b.c");
        assert_eq!(
            secrecy::ExposeSecret::expose_secret(&line.password),
            " pass word "
        );
        assert!(line.name.is_none() && !line.legacy);
    }

    #[test]
    fn a_file_without_the_right_columns_is_refused_as_a_whole() {
        for header in [
            &["email", "name"][..],
            &["email", "email", "password"],
            &["email", "password", "passwrd"],
            &["alice@example.com", "Alice", "secret", ""],
        ] {
            assert!(columns(header).is_err(), "{header:?}");
        }
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        let columns = columns(&["email", "name", "password", "legacy"]).unwrap();
        let error = |line: &[&str]| {
            let read = columns.read(&StringRecord::from(line.to_vec()));
            read.err().unwrap().to_string()
        };
        assert_eq!(
            error(&["a@b.c", "A", "secret"]),
            "the line has only 3 values"
        );
        assert!(error(&["a@b.c", "A", "se", "cret", "no"]).contains("quotation marks"));
        assert!(error(&["a@b", "A", "secret", "no"]).contains("name@example.com"));
        assert!(error(&["a@b.c", "A", "secret", "maybe"]).contains("yes or no"));
    }
}
