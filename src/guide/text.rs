//! A guide as text, for terminals.

use std::fmt::{self, Display, Formatter};

use super::step::{Guide, Part, Step, StringRow};
use super::{Code, Replacement};

/// Where lines of prose end.
const WIDTH: usize = 78;
const INDENT: &str = "  ";

impl Display for Guide {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { client, system, .. } = self;
        let title = format!("{} on {}", client.name, system.name());
        writeln!(f, "{title}\n{}", "=".repeat(title.len()))?;
        wrapped(f, "", client.standing.sentence())?;
        wrapped(f, "", client.note)?;
        for warning in &self.warnings {
            writeln!(f)?;
            wrapped(f, "! ", warning)?;
        }
        for step in &self.steps {
            write!(f, "\n{step}")?;
        }
        if !self.steps.is_empty() && client.needs_https() {
            heading(f, "What this system can do in TLS")?;
            wrapped(f, INDENT, system.tls())?;
        }
        if !self.pitfalls.is_empty() {
            heading(f, "What goes wrong")?;
        }
        for pitfall in &self.pitfalls {
            wrapped(f, "  - ", pitfall)?;
        }
        if !self.codes.is_empty() {
            heading(f, "What the numbers mean")?;
        }
        self.codes.iter().try_for_each(|code| write!(f, "{code}"))
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        wrapped(f, INDENT, self.shown)?;
        wrapped(f, "    ", self.meaning)?;
        wrapped(f, "    ", self.remedy)
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        self.parts.iter().try_for_each(|part| write!(f, "{part}"))
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => wrapped(f, INDENT, text),
            Self::Code(code) => code
                .lines()
                .try_for_each(|line| writeln!(f, "      {line}")),
            Self::Settings(settings) => {
                let longest = settings.iter().map(|(name, _)| name.len()).max();
                let width = longest.unwrap_or_default();
                settings
                    .iter()
                    .try_for_each(|(name, value)| writeln!(f, "      {name:width$}  {value}"))
            }
            Self::Strings(rows) => rows.iter().try_for_each(|row| write!(f, "{row}")),
            Self::File(file) => writeln!(f, "  [file {}]", file.name),
            Self::Link { text, path } => writeln!(f, "  [{text}: {path} on this server's site]"),
        }
    }
}

impl Display for StringRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let length = self.find.len();
        writeln!(f, "      {} ({length}: {})", self.find, self.purpose)?;
        match &self.replacement {
            Replacement::Fits { text, .. } => writeln!(f, "   -> {text}"),
            Replacement::DoesNotFit { why, instead } => {
                wrapped(f, "   -- nothing fits. ", why)?;
                if !instead.is_empty() {
                    writeln!(f, "      These would: {}", instead.join(", "))?;
                }
                Ok(())
            }
        }
    }
}

fn heading(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    writeln!(f, "\n{text}")
}

/// A paragraph; what follows its first line stands below the text of that.
fn wrapped(f: &mut Formatter<'_>, start: &str, text: &str) -> fmt::Result {
    let indent = " ".repeat(start.len());
    let mut line = start.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.len() + 1 + word.len() > WIDTH {
            writeln!(f, "{line}")?;
            line.clone_from(&indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    if is_empty {
        Ok(())
    } else {
        writeln!(f, "{line}")
    }
}
