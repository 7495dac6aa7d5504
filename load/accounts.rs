//! The accounts that the load signs in with.

use anyhow::Context as _;
use chrysalis::client::Credentials;

use crate::options::Common;

/// As many accounts as wanted.
#[derive(Debug, Clone)]
pub(crate) enum Accounts {
    /// Read from a file.
    Listed(Vec<Credentials>),
    /// By number.
    Numbered { pattern: String, password: String },
}

impl Accounts {
    /// Reads the file, if there is one.
    pub(crate) fn new(common: &Common) -> anyhow::Result<Self> {
        let Some(file) = &common.accounts else {
            anyhow::ensure!(
                common.addresses.contains("{n}"),
                "--addresses needs {{n}} where the number goes"
            );
            return Ok(Self::Numbered {
                pattern: common.addresses.clone(),
                password: common.password.clone(),
            });
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_path(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let mut listed = Vec::new();
        for record in reader.deserialize() {
            let (address, password) =
                record.with_context(|| format!("{}: no account", file.display()))?;
            listed.push(Credentials { address, password });
        }
        Ok(Self::Listed(listed))
    }

    /// The account with this number.
    pub(crate) fn get(&self, number: usize) -> anyhow::Result<Credentials> {
        match self {
            Self::Listed(listed) => listed
                .get(number)
                .cloned()
                .with_context(|| format!("there are only {} accounts", listed.len())),
            Self::Numbered { pattern, password } => Ok(Credentials {
                address: numbered(pattern, number),
                password: password.clone(),
            }),
        }
    }
}

/// An address by its number.
pub(crate) fn numbered(pattern: &str, number: impl std::fmt::Display) -> String {
    pattern.replace("{n}", &number.to_string())
}
