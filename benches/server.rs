//! The whole server, measured from outside: `cargo bench --bench server`.
//!
//! Server and load are processes of their own, each on a core of its own where `taskset` is there
//! and the machine has two. What can be compared is measured in the same run with a bare relay,
//! which only passes bytes on, so that the ratios mean the same on another machine. Limits,
//! deadlines and durability are on; limits that a crowd on one address would run into are raised by
//! settings, as an operator would.
//!
//! `--only NAME` chooses parts. `CHRYSALIS_BENCH=short` runs everything once and briefly: it proves
//! that it works and says nothing about speed. Only a wrong result fails; a slow one is in the table.

#![expect(clippy::print_stdout, reason = "tables are what it is for")]

mod server {
    pub(crate) mod machine;
    pub(crate) mod parts;
    pub(crate) mod table;
}

use anyhow::Context as _;
use clap::Parser;

use server::machine::Machine;
use server::parts::{PARTS, Part};

/// Measures the whole server.
#[derive(Debug, Parser)]
struct Options {
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds of each measurement.
    #[arg(long)]
    seconds: Option<f64>,
    /// What cargo adds by itself.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let is_short = std::env::var("CHRYSALIS_BENCH").is_ok_and(|form| form == "short");
    let mut machine = Machine::new(is_short, options.seconds)?;
    println!("{machine}");
    let chosen: Vec<&Part> = if options.only.is_empty() {
        PARTS.iter().collect()
    } else {
        let find = |name: &String| {
            let part = PARTS.iter().find(|part| part.name == name);
            part.with_context(|| {
                let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
                format!("{name} is none of {}", names.join(", "))
            })
        };
        options
            .only
            .iter()
            .map(find)
            .collect::<anyhow::Result<_>>()?
    };
    for part in chosen {
        println!("\n{}\n", part.title);
        let table = (part.run)(&mut machine).with_context(|| format!("part {}", part.name))?;
        println!("{table}");
    }
    Ok(())
}
