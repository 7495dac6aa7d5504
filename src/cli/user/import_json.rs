//! `chrysalis user import` of a file that `chrysalis user export` wrote.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use crate::cli::import::{add, tell, try_out};
use crate::config::Config;
use crate::service::imported::Pbkdf2Hash;
use crate::service::passwords;
use crate::store::Store;
use crate::store::people::{FORMAT, KeptPassword, People, VERSION};

/// Largest file that is read.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Only what tells versions apart.
#[derive(serde::Deserialize)]
struct Heading {
    format: String,
    version: u32,
}

/// Adds everybody in the file.
pub(super) async fn run(file: &Path, store: &Store) -> anyhow::Result<()> {
    let named = || file.display().to_string();
    let people = read(file).with_context(named)?;
    tell(&add(store, people).await.with_context(named)?, false)?;
    Ok(())
}

/// Says what that would do, and changes nothing.
pub(super) async fn rehearse(file: &Path, config: &Config) -> anyhow::Result<()> {
    let named = || file.display().to_string();
    let people = read(file).with_context(named)?;
    tell(&try_out(config, people).await.with_context(named)?, true)?;
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<People> {
    let length = file.metadata().context("it cannot be read")?.len();
    ensure!(length <= LARGEST, "it is too large to be read");
    let text = std::fs::read(file).context("it cannot be read")?;
    parse(&text)
}

fn parse(text: &[u8]) -> anyhow::Result<People> {
    let heading: Heading =
        serde_json::from_slice(text).context("it is no file that `chrysalis user export` wrote")?;
    if heading.format != FORMAT {
        bail!("it is no file that `chrysalis user export` wrote");
    }
    ensure!(
        heading.version == VERSION,
        "it has version {}, and this program reads version {VERSION} only; export it again with \
         the version of Chrysalis that you import it with",
        heading.version
    );
    let people: People = serde_json::from_slice(text).context("it cannot be understood")?;
    for person in &people.people {
        let is_sound = person.password.as_ref().is_none_or(is_usable);
        ensure!(is_sound, "a password hash of {} is none", person.address);
    }
    Ok(people)
}

/// Whether a sign-in can be checked against it at a price that a server can pay.
fn is_usable(password: &KeptPassword) -> bool {
    let ours = [&password.full, &password.first16];
    let theirs = password.imported.as_deref();
    let mut ours = ours.into_iter().flatten();
    ours.all(|it| passwords::is_affordable(it))
        && theirs.is_none_or(|it| Pbkdf2Hash::parse(it).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_files_of_this_version_are_read() {
        let file = |format: &str, version: u32, rest: &str| {
            parse(format!(r#"{{"format":"{format}","version":{version},{rest}}}"#).as_bytes())
        };
        let nobody = r#""people":[],"circles":[]"#;
        assert!(file(FORMAT, 1, nobody).unwrap().people.is_empty());
        let newer = file(FORMAT, 2, r#""whatever":1"#).unwrap_err().to_string();
        assert!(newer.contains("version 2"), "{newer}");
        assert!(file("a shopping list", 1, nobody).is_err());
        assert!(file(FORMAT, 1, r#""people":[],"circles":[],"boats":[]"#).is_err());
        assert!(parse(b"email,name").is_err());
    }

    #[test]
    fn a_hash_that_would_stop_the_server_is_refused() {
        let with = |full: Option<&str>, imported: Option<&str>| KeptPassword {
            full: full.map(str::to_owned),
            imported: imported.map(str::to_owned),
            ..KeptPassword::default()
        };
        assert!(is_usable(&with(None, None)));
        assert!(!is_usable(&with(Some("nonsense"), None)));
        assert!(!is_usable(&with(
            None,
            Some("pbkdf2_sha256$4000000000$a$b")
        )));
    }
}
