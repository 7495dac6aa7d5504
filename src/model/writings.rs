//! What was written of a value, kept for the next one who has to write the same.
//!
//! The same presence goes to everybody who watches a person, and to each of them again when they
//! sign in. Its longest part is the same for all clients of a kind, and costs as much as handing
//! it to a socket; so it is written once for each kind.

use std::fmt;
use std::sync::OnceLock;

/// How much of what a person shows a reader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The message alone.
    Message,
    /// The machine too.
    Machine,
    /// All of it, with every place.
    Places,
}

/// Texts that follow from a value, each made when it is first asked for. The value must not change
/// once it has been.
///
/// As they follow from it, they make no difference between two values, and a copy of a value,
/// which may be changed, begins without any.
#[derive(Default)]
pub struct Writings {
    message: OnceLock<Box<str>>,
    machine: OnceLock<Box<str>>,
    places: OnceLock<Box<str>>,
}

impl Writings {
    /// The text for readers of a kind.
    pub fn of(&self, detail: Detail, write: impl FnOnce() -> String) -> &str {
        let kept = match detail {
            Detail::Message => &self.message,
            Detail::Machine => &self.machine,
            Detail::Places => &self.places,
        };
        kept.get_or_init(|| write().into_boxed_str())
    }
}

impl Clone for Writings {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Writings {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Writings {}

impl fmt::Debug for Writings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_once_for_each_kind_and_never_for_a_copy() {
        let writings = Writings::default();
        let write = |detail, text: &str| writings.of(detail, || text.to_owned()).to_owned();
        assert_eq!(write(Detail::Message, "a"), "a");
        assert_eq!(write(Detail::Message, "b"), "a");
        assert_eq!(write(Detail::Places, "c"), "c");
        assert_eq!(write(Detail::Machine, "d"), "d");
        let copy = writings.clone();
        assert_eq!(copy.of(Detail::Message, || "e".to_owned()), "e");
        assert_eq!(copy, writings);
    }
}
