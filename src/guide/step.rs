//! What a guide is made of. Pages and terminals show the same values.

use super::catalogue::Client;
use super::codes::Code;
use super::{Replacement, System};

/// Everything that one client on one system needs for one server.
#[derive(Debug, Clone)]
pub struct Guide {
    /// Which client.
    pub client: &'static Client,
    /// On which system.
    pub system: System,
    /// What stands in the way, if anything does; first of all.
    pub warnings: Vec<String>,
    /// What to do, in this order. Empty where nothing helps.
    pub steps: Vec<Step>,
    /// What goes wrong, and how to see it.
    pub pitfalls: Vec<&'static str>,
    /// Numbers and symptoms that this client shows.
    pub codes: Vec<&'static Code>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is about.
    pub title: &'static str,
    /// How it is done.
    pub parts: Vec<Part>,
}

/// A piece of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// Something to be typed or copied as it is.
    Code(String),
    /// Settings: what it is called, and what to put there.
    Settings(Vec<(&'static str, String)>),
    /// Replacements of strings in a program.
    Strings(Vec<StringRow>),
    /// A file to download.
    File(File),
    /// A page of this server.
    Link {
        /// What it is called.
        text: &'static str,
        /// Its path.
        path: &'static str,
    },
}

/// One string to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringRow {
    /// What is in the program.
    pub find: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// What to put there instead.
    pub replacement: Replacement,
}

/// A file made for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What the client wants it to be called: plain letters, digits, `.`, `-` and `_`.
    pub name: &'static str,
    /// What is in it, with the line ends of its system.
    pub contents: String,
}

impl StringRow {
    /// Whether there is something to put there.
    pub fn fits(&self) -> bool {
        matches!(self.replacement, Replacement::Fits { .. })
    }
}

impl Guide {
    /// The files of all steps.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        let parts = self.steps.iter().flat_map(|step| &step.parts);
        parts.filter_map(|part| match part {
            Part::File(file) => Some(file),
            Part::Text(_)
            | Part::Code(_)
            | Part::Settings(_)
            | Part::Strings(_)
            | Part::Link { .. } => None,
        })
    }
}

impl Step {
    /// A step that has yet to say what to do.
    pub(super) const fn new(title: &'static str) -> Self {
        Self {
            title,
            parts: Vec::new(),
        }
    }

    /// With a paragraph.
    pub(super) fn say(self, text: impl Into<String>) -> Self {
        self.with(Part::Text(text.into()))
    }

    /// With something to copy.
    pub(super) fn code(self, text: impl Into<String>) -> Self {
        self.with(Part::Code(text.into()))
    }

    /// With settings.
    pub(super) fn settings(self, settings: Vec<(&'static str, String)>) -> Self {
        self.with(Part::Settings(settings))
    }

    /// With a file.
    pub(super) fn file(self, file: File) -> Self {
        self.with(Part::File(file))
    }

    /// With a piece of any kind.
    pub(super) fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}
