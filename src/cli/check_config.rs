//! `chrysalis check-config`: what is in force. Problems were reported before it got here, but for
//! those of files that only the server opens.

use std::io::{self, Write as _};

use crate::config::Config;
use crate::server;

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    server::check_files(config)?;
    write!(io::stdout(), "{config}")?;
    eprintln!("the settings are sound");
    Ok(())
}
