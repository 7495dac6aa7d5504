//! The walk over all keys: what was given, what is known, what is in force, what is wrong.
//!
//! It knows how a key is found, named and reported, and nothing of any single one.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::ops::RangeInclusive;

use toml::{Table, Value};

use super::pages::{Block, read_blocks, show_blocks};
use super::values::{Given, read_integer, read_texts, text_value};
use super::{Problem, variable_of};

/// Fills each key from its source, notes its name and renders what is in force.
#[derive(Default)]
pub(super) struct Visitor {
    /// What the file says and no key has taken yet.
    file: Table,
    /// What the environment says, by dotted key, and no key has taken yet.
    environment: BTreeMap<String, String>,
    section: &'static str,
    pub(super) known: Vec<String>,
    pub(super) in_force: String,
    pub(super) problems: Vec<Problem>,
}

/// How many entries a list must have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fewest {
    None,
    One,
}

impl Visitor {
    /// A walk over what was given; `problems` are those found on the way to it.
    pub(super) fn new(
        file: Table,
        environment: BTreeMap<String, String>,
        problems: Vec<Problem>,
    ) -> Self {
        Self {
            file,
            environment,
            problems,
            ..Self::default()
        }
    }

    pub(super) fn section(&mut self, name: &'static str) {
        self.section = name;
        // Writing to a String cannot fail.
        let _ = writeln!(self.in_force, "\n[{name}]");
    }

    /// A value that is always there.
    pub(super) fn value<T>(
        &mut self,
        key: &str,
        slot: &mut T,
        read: impl Fn(Given) -> Result<T, String>,
        show: impl Fn(&T) -> Value,
    ) {
        if let Some(given) = self.take(key) {
            self.keep(key, read(given), slot);
        }
        self.show(key, &show(slot));
    }

    /// A value that may be missing; the empty text of an environment variable unsets it.
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        slot: &mut Option<T>,
        read: impl Fn(Given) -> Result<T, String>,
        show: impl Fn(&T) -> Value,
    ) {
        match self.take(key) {
            None => {}
            Some(Given::Environment(text)) if text.is_empty() => *slot = None,
            Some(given) => self.keep(key, read(given).map(Some), slot),
        }
        if let Some(value) = slot {
            self.show(key, &show(value));
        }
    }

    pub(super) fn number<T>(&mut self, key: &str, slot: &mut T, range: RangeInclusive<i64>)
    where
        T: TryFrom<i64> + Display,
    {
        if let Some(given) = self.take(key) {
            let (low, high) = (range.start(), range.end());
            let expected = format!("expected a whole number from {low} to {high}");
            let read = read_integer(given)
                .filter(|number| range.contains(number))
                .and_then(|number| T::try_from(number).ok())
                .ok_or(expected);
            self.keep(key, read, slot);
        }
        self.show(key, slot);
    }

    pub(super) fn flag(&mut self, key: &str, slot: &mut bool) {
        let read = |given| {
            match given {
                Given::File(Value::Boolean(flag)) => Some(flag),
                Given::Environment(text) => text.trim().parse().ok(),
                Given::File(_) => None,
            }
            .ok_or_else(|| "expected true or false".to_owned())
        };
        self.value(key, slot, read, |flag| Value::Boolean(*flag));
    }

    /// A list, given as an array, as one text, or in the environment separated by commas.
    pub(super) fn list<T: Display>(
        &mut self,
        key: &str,
        slot: &mut Vec<T>,
        read: fn(&str) -> Result<T, String>,
        fewest: Fewest,
    ) {
        let read = |given| {
            let entries = read_texts(given)?;
            if entries.is_empty() && fewest == Fewest::One {
                return Err("expected at least one address".to_owned());
            }
            entries.iter().map(|entry| read(entry)).collect()
        };
        self.value(key, slot, read, |entries| {
            let texts = entries.iter().map(|it| text_value(&it.to_string()));
            Value::Array(texts.collect())
        });
    }

    /// Blocks that stand in the file any number of times. They come behind everything else, and
    /// the environment has no way to name them.
    pub(super) fn blocks<T: Block>(&mut self, key: &str, slot: &mut Vec<T>) {
        if let Some(given) = self.file.remove(key) {
            *slot = read_blocks(key, given, &mut self.problems);
        }
        self.known
            .extend(T::KEYS.iter().map(|inner| format!("{key}.{inner}")));
        self.in_force.push_str(&show_blocks(key, slot));
    }

    /// Takes what was given for a key, the environment first.
    fn take(&mut self, key: &str) -> Option<Given> {
        let name = self.name(key);
        let in_file = if self.section.is_empty() {
            self.file.remove(key)
        } else {
            self.file
                .get_mut(self.section)
                .and_then(Value::as_table_mut)
                .and_then(|section| section.remove(key))
        };
        let in_environment = self.environment.remove(&name);
        self.known.push(name);
        in_environment
            .map(Given::Environment)
            .or(in_file.map(Given::File))
    }

    fn keep<T>(&mut self, key: &str, read: Result<T, String>, slot: &mut T) {
        match read {
            Ok(value) => *slot = value,
            Err(text) => self.problems.push(Problem {
                name: self.name(key),
                text,
            }),
        }
    }

    fn show(&mut self, key: &str, value: &impl Display) {
        let _ = writeln!(self.in_force, "{key} = {value}");
    }

    fn name(&self, key: &str) -> String {
        if self.section.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.section)
        }
    }

    /// Whatever no key has taken is a mistake, most often a misspelt one.
    pub(super) fn report_unknown(&mut self) {
        for (key, value) in std::mem::take(&mut self.file) {
            match value {
                Value::Table(section) => {
                    for inner in section.keys() {
                        self.report_unknown_key(&format!("{key}.{inner}"), "");
                    }
                    let is_known = self
                        .known
                        .iter()
                        .any(|name| name.split_once('.').is_some_and(|(it, _)| it == key));
                    if section.is_empty() && !is_known {
                        self.report_unknown_key(&key, "");
                    }
                }
                _ => self.report_unknown_key(&key, ""),
            }
        }
        for name in std::mem::take(&mut self.environment).into_keys() {
            let from = format!(" (from {})", variable_of(&name));
            self.report_unknown_key(&name, &from);
        }
    }

    fn report_unknown_key(&mut self, name: &str, from: &str) {
        let nearest = self
            .known
            .iter()
            .map(|known| (distance(known, name), known))
            .min()
            .filter(|(distance, _)| *distance <= 3);
        let advice = nearest.map_or_else(
            || "remove it; config.example.toml lists every key".to_owned(),
            |(_, known)| format!("did you mean {known}?"),
        );
        self.problems.push(Problem {
            name: name.to_owned(),
            text: format!("there is no such key{from}; {advice}"),
        });
    }
}

/// How many letters to add, drop or change to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, pair), left) in to.chars().zip(row.windows(2)).zip(0_usize..) {
            if let (&[diagonal, above], Some(&before)) = (pair, next.get(left)) {
                let cheapest = (diagonal + usize::from(a != b)).min(above + 1);
                next.push(cheapest.min(before + 1));
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
