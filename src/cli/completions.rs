//! `chrysalis completions`: what a shell needs to complete our command line.

use std::io::{self, Write as _};

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "chrysalis", &mut script);
        io::stdout().write_all(&script)?;
        Ok(())
    }
}
