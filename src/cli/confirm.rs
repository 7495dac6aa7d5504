//! Asking before something that cannot be taken back.

use std::io::{self, IsTerminal as _};

use anyhow::{bail, ensure};

/// Asks on the terminal. `flag` is how the command does without, and `otherwise` what is said if
/// the answer is not yes.
pub(super) fn confirm(question: &str, flag: &str, otherwise: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask on, so {otherwise}; use {flag} to do it unasked");
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    let is_yes = ["y", "yes"]
        .iter()
        .any(|yes| answer.eq_ignore_ascii_case(yes));
    ensure!(is_yes, "{otherwise}");
    Ok(())
}
