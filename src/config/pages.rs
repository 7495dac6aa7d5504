//! What clients show around the contact list, as blocks of the file: tabs and lines of text.
//!
//! Clients before 8.0 keep what they are given for a day, and some take a malformed document as
//! a reason to show nothing at all, so every value is checked here.

use toml::{Table, Value};

use super::Problem;
use super::values::text_value;

/// More tabs than fit beside any contact list.
const MOST_TABS: usize = 20;
/// More lines than anybody reads in a day.
const MOST_TEXT_ADS: usize = 100;
/// The longest text of a name, a hint or a line.
const LONGEST_TEXT: usize = 200;
/// The longest address; Internet Explorer takes 2,083 characters.
const LONGEST_URL: usize = 1_000;

/// A page that clients show beside the contact list (`docs/protocol/23 §2`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    pub name: String,
    /// Absolute `http` or `https` address of the page.
    pub url: String,
    /// What the pointer over the tab shows; the name, if there is none.
    pub tooltip: Option<String>,
    /// Absolute address of a PNG or GIF of about 22x22.
    pub image: Option<String>,
}

/// A line of text at the foot of the contact list (`docs/protocol/13 §3.3`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextAd {
    pub text: String,
    /// Where a click leads; the front page of this server, if nowhere.
    pub url: Option<String>,
}

/// A kind of block that may stand in the file several times, `[[like_this]]`.
pub(super) trait Block: Sized {
    const KEYS: &'static [&'static str];
    const MOST: usize;

    /// `None` if a key without a default is missing or wrong; the entry has noted it.
    fn read(entry: &mut Entry<'_>) -> Option<Self>;

    /// The value of each key, in the order of `KEYS`.
    fn values(&self) -> Vec<Option<&str>>;
}

impl Block for Tab {
    const KEYS: &'static [&'static str] = &["name", "url", "tooltip", "image"];
    const MOST: usize = MOST_TABS;

    fn read(entry: &mut Entry<'_>) -> Option<Self> {
        let name = entry.needed("name", check_text);
        let url = entry.needed("url", check_url);
        let tooltip = entry.optional("tooltip", check_text);
        let image = entry.optional("image", check_url);
        Some(Self {
            name: name?,
            url: url?,
            tooltip,
            image,
        })
    }

    fn values(&self) -> Vec<Option<&str>> {
        vec![
            Some(&self.name),
            Some(&self.url),
            self.tooltip.as_deref(),
            self.image.as_deref(),
        ]
    }
}

impl Block for TextAd {
    const KEYS: &'static [&'static str] = &["text", "url"];
    const MOST: usize = MOST_TEXT_ADS;

    fn read(entry: &mut Entry<'_>) -> Option<Self> {
        let text = entry.needed("text", check_text);
        let url = entry.optional("url", check_url);
        Some(Self { text: text?, url })
    }

    fn values(&self) -> Vec<Option<&str>> {
        vec![Some(&self.text), self.url.as_deref()]
    }
}

/// One block as it stands in the file, while its keys are taken out of it.
pub(super) struct Entry<'a> {
    /// Which one it is, `tabs[2]`, for reports.
    name: String,
    table: Table,
    problems: &'a mut Vec<Problem>,
}

impl Entry<'_> {
    fn needed(&mut self, key: &str, check: fn(&str) -> Result<(), String>) -> Option<String> {
        if !self.table.contains_key(key) {
            self.report(key, "is missing".to_owned());
            return None;
        }
        self.optional(key, check)
    }

    fn optional(&mut self, key: &str, check: fn(&str) -> Result<(), String>) -> Option<String> {
        let checked = match self.table.remove(key)? {
            Value::String(text) => check(&text).map(|()| text),
            _ => Err("expected text in quotation marks".to_owned()),
        };
        checked.map_err(|text| self.report(key, text)).ok()
    }

    fn report(&mut self, key: &str, text: String) {
        self.problems.push(Problem {
            name: format!("{}.{key}", self.name),
            text,
        });
    }
}

/// Reads all blocks of one kind. What is wrong is reported and left out.
pub(super) fn read_blocks<T: Block>(
    key: &str,
    given: Value,
    problems: &mut Vec<Problem>,
) -> Vec<T> {
    let Value::Array(given) = given else {
        problems.push(Problem {
            name: key.to_owned(),
            text: format!("expected blocks that begin with [[{key}]]"),
        });
        return Vec::new();
    };
    if given.len() > T::MOST {
        problems.push(Problem {
            name: key.to_owned(),
            text: format!("expected no more than {}", T::MOST),
        });
    }
    let mut blocks = Vec::new();
    for (value, number) in given.into_iter().zip(1_usize..) {
        let name = format!("{key}[{number}]");
        let Value::Table(table) = value else {
            let text = format!("expected a block that begins with [[{key}]]");
            problems.push(Problem { name, text });
            continue;
        };
        let mut entry = Entry {
            name,
            table,
            problems,
        };
        blocks.extend(T::read(&mut entry));
        for unknown in std::mem::take(&mut entry.table).keys() {
            let known = T::KEYS.join(", ");
            entry.report(unknown, format!("there is no such key; there are {known}"));
        }
    }
    blocks
}

/// The blocks as the file would have them.
pub(super) fn show_blocks<T: Block>(key: &str, blocks: &[T]) -> String {
    let mut shown = String::new();
    for block in blocks {
        shown.push_str(&format!("\n[[{key}]]\n"));
        for (key, value) in T::KEYS.iter().zip(block.values()) {
            if let Some(value) = value {
                shown.push_str(&format!("{key} = {}\n", text_value(value)));
            }
        }
    }
    shown
}

fn check_text(text: &str) -> Result<(), String> {
    let is_sound = !text.trim().is_empty()
        && text.chars().count() <= LONGEST_TEXT
        && !text.chars().any(char::is_control)
        // What no XML document may contain, not even escaped.
        && !text.contains(['\u{fffe}', '\u{ffff}']);
    is_sound.then_some(()).ok_or_else(|| {
        format!("expected 1 to {LONGEST_TEXT} characters, none of them a control character")
    })
}

/// Absolute, with a host, and of signs that neither a header nor a script has to escape.
fn check_url(text: &str) -> Result<(), String> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let is_sound = text.len() <= LONGEST_URL
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b))
        && rest
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
    is_sound.then_some(()).ok_or_else(|| {
        format!(
            "{text:?} is no web address; write http://www.example.org/page, with %20 for a blank"
        )
    })
}
