//! Composition root.

use std::io;

use crate::config::Config;

/// Runs the server until it is told to stop.
pub async fn run(config: Config) -> io::Result<()> {
    Err(io::Error::other(format!(
        "nothing serves {:?} in this build",
        config.listen.msnp
    )))
}
