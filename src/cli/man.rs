//! `chrysalis man`: the manual, a page for each command.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Command;
use clap_mangen::Man;

#[derive(Debug, clap::Args)]
pub(super) struct Manual {
    /// The folder for the pages, one for each command; without it the first page is printed.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Manual {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let pages = pages(super::command())?;
        let Some(folder) = &self.dir else {
            if let Some((_, page)) = pages.first() {
                io::stdout().write_all(page)?;
            }
            return Ok(());
        };
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (name, page) in &pages {
            let path = folder.join(name);
            fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        }
        writeln!(
            io::stdout(),
            "{} pages in {}",
            pages.len(),
            folder.display()
        )?;
        Ok(())
    }
}

/// The pages by name; that of the program itself comes first.
fn pages(mut command: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    command.build();
    let mut pages = Vec::new();
    let mut waiting = vec![command];
    while let Some(command) = waiting.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name());
        let name = name.replace(' ', "-");
        waiting.extend(
            command
                .get_subcommands()
                .filter(|it| !it.is_hide_set() && it.get_name() != "help")
                .cloned(),
        );
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        pages.push((format!("{name}.1"), page));
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(command: &Command, name: &str, all: &mut Vec<String>) {
        all.push(format!("{name}.1"));
        for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            names(below, &format!("{name}-{}", below.get_name()), all);
        }
    }

    #[test]
    fn every_command_has_a_page_that_says_what_it_does() {
        let mut expected = Vec::new();
        names(&crate::cli::command(), "chrysalis", &mut expected);
        let pages = pages(crate::cli::command()).unwrap();
        let mut found: Vec<String> = pages.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(found.first().unwrap(), "chrysalis.1");
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        assert!(found.len() > 15, "{found:?}");
        for (name, page) in pages {
            let text = String::from_utf8(page).unwrap();
            assert!(text.contains(".SH DESCRIPTION"), "{name}");
        }
    }

    #[test]
    fn every_shell_completes_every_command() {
        use clap::ValueEnum as _;
        for shell in clap_complete::Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut crate::cli::command(), "chrysalis", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in crate::cli::command().get_subcommands() {
                let name = command.get_name();
                assert!(
                    command.is_hide_set() || script.contains(name),
                    "{shell}: {name}"
                );
            }
        }
    }
}
