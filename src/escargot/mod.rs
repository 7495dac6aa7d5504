//! People out of the database of an Escargot server.
//!
//! That is a SQLite file of another program, perhaps of somebody we do not know: nothing in it is
//! trusted. It is only read; views and triggers do not run; how much there may be of everything is
//! bounded; and what does not fit our world is left out with a remark. What remains becomes the same
//! document that an export has, so one importer writes both.
//!
//! Messages that wait and pictures lie outside of that database and are not read.

mod book;
mod convert;
mod read;

use std::path::Path;

pub use read::EscargotError;

use crate::store::people::People;

/// What a database had in it.
#[derive(Debug)]
pub struct Found {
    pub people: People,
    /// What was left out or changed on the way, for people; the first ones.
    pub remarks: Vec<String>,
    /// Remarks beyond those.
    pub further_remarks: u64,
}

/// What to take along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// The secrets of the oldest clients' sign-in, for whoever has one.
    pub legacy: bool,
}

/// Reads everybody out of the file.
pub async fn read(path: &Path, wishes: Wishes) -> Result<Found, EscargotError> {
    Ok(convert::convert(&read::tables(path).await?, wishes))
}

/// Remarks that are kept; of more there is only the number.
const REMARKS: usize = 200;

#[derive(Debug, Default)]
struct Remarks {
    kept: Vec<String>,
    further: u64,
}

impl Remarks {
    /// Whoever is meant, and what became of it. The name is from outside: it is quoted, and cut.
    fn add(&mut self, who: &str, what: &str) {
        if self.kept.len() < REMARKS {
            let who: String = who.chars().take(129).collect();
            self.kept.push(format!("{who:?}: {what}"));
        } else {
            self.further += 1;
        }
    }
}
