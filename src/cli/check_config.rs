//! `chrysalis check-config`: what is in force. Problems were reported before it got here.

use std::io::{self, Write as _};

use crate::config::Config;

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    write!(io::stdout(), "{config}")?;
    eprintln!("the settings are sound");
    Ok(())
}
