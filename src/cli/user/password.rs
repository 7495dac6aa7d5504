//! Asking for a new password.

use std::io::{self, BufRead, IsTerminal as _};

use anyhow::{Context as _, bail, ensure};
use secrecy::{ExposeSecret as _, SecretString};

use crate::service::passwords::check_new;

/// Longer than any password may be; what is longer is no password by mistake.
const LONGEST_LINE: u64 = 4_096;

/// Where the password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    /// Reads the password, or asks for it twice, and checks it against the rules.
    pub(super) fn read(&self) -> anyhow::Result<SecretString> {
        let password = if self.password_stdin {
            first_line(io::stdin().lock())?
        } else {
            ask_twice()?
        };
        check_new(&password)?;
        Ok(password)
    }
}

/// Only the line end goes; a blank may belong to the password.
fn first_line(input: impl BufRead) -> anyhow::Result<SecretString> {
    let mut line = String::new();
    input
        .take(LONGEST_LINE)
        .read_line(&mut line)
        .context("the password cannot be read from standard input")?;
    ensure!(!line.is_empty(), "there is no password on standard input");
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    Ok(line.into())
}

fn ask_twice() -> anyhow::Result<SecretString> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password; use --password-stdin");
    }
    let ask = |prompt| -> anyhow::Result<SecretString> {
        let answer = rpassword::prompt_password(prompt)
            .context("the password cannot be asked for; use --password-stdin")?;
        Ok(answer.into())
    };
    let (first, second) = (ask("New password: ")?, ask("The same again: ")?);
    ensure!(
        first.expose_secret() == second.expose_secret(),
        "the two are not the same; try again"
    );
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &str) -> anyhow::Result<String> {
        first_line(input.as_bytes()).map(|line| line.expose_secret().to_owned())
    }

    #[test]
    fn only_the_line_end_is_no_part_of_the_password() {
        for (input, password) in [
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            (" se cret \nmore\n", " se cret "),
            ("secret", "secret"),
            ("secret\r\r\n", "secret\r"),
            ("\n", ""),
        ] {
            assert_eq!(line(input).unwrap(), password);
        }
        assert!(line("").is_err());
    }
}
