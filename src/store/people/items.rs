//! Values of a document, checked before they are written.

use super::{Dossier, Fields, KeptLists, Notes};
use crate::model::GroupNumber;
use crate::model::{Annotations, Guid, Label};
use crate::store::book::group_bit;
use crate::store::card_rows::{read_fields, write_annotations, write_fields};

/// Something in a document that no client could have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {who:?} cannot be used")]
pub struct Unusable {
    /// The address of the person, or the number of the circle, as the document has it.
    pub who: String,
    pub what: &'static str,
}

/// Longest text that is quoted in an error.
const QUOTED: usize = 129;

pub(super) fn unusable(who: &str, what: &'static str) -> Unusable {
    Unusable {
        who: who.chars().take(QUOTED).collect(),
        what,
    }
}

/// A text in its percent-encoded spelling.
pub(super) fn label(
    text: &str,
    max: usize,
    who: &str,
    what: &'static str,
) -> Result<Label, Unusable> {
    let label = Label::from_wire(text.as_bytes(), max).map_err(|_| unusable(who, what))?;
    if label.as_str() == text {
        Ok(label)
    } else {
        Err(unusable(who, what))
    }
}

pub(super) fn guid(text: &str, who: &str, what: &'static str) -> Result<Guid, Unusable> {
    Guid::parse(text).ok_or_else(|| unusable(who, what))
}

/// Text that goes into an answer as it is.
pub(super) fn plain<'t>(
    text: &'t str,
    max: usize,
    who: &str,
    what: &'static str,
) -> Result<&'t str, Unusable> {
    let is_plain = |sign: char| {
        matches!(sign, '\t' | '\n' | '\r')
            || (!sign.is_control() && !matches!(sign, '\u{fffe}' | '\u{ffff}'))
    };
    if text.len() <= max && text.chars().all(is_plain) {
        Ok(text)
    } else {
        Err(unusable(who, what))
    }
}

/// The text of a card's fields for the database.
pub(super) fn fields(fields: &Fields, who: &str) -> Result<String, Unusable> {
    let wrong = |_| unusable(who, "a card");
    let text = serde_json::to_string(fields).map_err(|_| unusable(who, "a card"))?;
    let fields = read_fields(&text, "card", 0).map_err(wrong)?;
    Ok(write_fields(&fields))
}

/// The text of annotations for the database.
pub(super) fn notes(notes: &Notes, who: &str) -> Result<String, Unusable> {
    let mut annotations = Annotations::default();
    for (name, value) in notes {
        annotations
            .set(name, value)
            .map_err(|_| unusable(who, "an annotation"))?;
    }
    Ok(write_annotations(&annotations))
}

/// The membership bits of groups that the person has.
pub(super) fn group_bits(groups: &[u8], dossier: &Dossier, who: &str) -> Result<i64, Unusable> {
    let mut bits = 0;
    for number in groups {
        if !dossier.groups.iter().any(|group| group.number == *number) {
            return Err(unusable(who, "the group of a contact"));
        }
        bits |= group_bit(GroupNumber(*number));
    }
    Ok(bits)
}

/// Lists as the database has them.
pub(super) fn bits(lists: KeptLists) -> i64 {
    let KeptLists {
        forward,
        allow,
        block,
        reverse,
        pending,
    } = lists;
    [
        (forward, 1),
        (allow, 2),
        (block, 4),
        (reverse, 8),
        (pending, 16),
    ]
    .into_iter()
    .filter_map(|(is_on, bit)| is_on.then_some(bit))
    .sum()
}
