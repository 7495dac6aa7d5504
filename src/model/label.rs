//! Short human text: display names, group names, phone numbers.
//!
//! A `Label` keeps the percent-encoded spelling that its author's client sent, byte for byte,
//! and changes only what could not travel: control characters, a `%` that starts no escape, and
//! bytes that are not UTF-8 become escapes. So a name never grows past what clients accept,
//! shows up everywhere as it was written, and is never encoded again on its way to a watcher.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What always has to be escaped (`docs/protocol/00 §1.4`).
const MUST_ESCAPE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Human text in its percent-encoded spelling.
#[derive(Clone)]
pub struct Label(Arc<str>);

/// The text is longer, in encoded bytes, than its kind may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is too long")]
pub struct TooLong;

impl Label {
    /// Longest display name, in encoded bytes (`docs/protocol/02 §2`).
    pub const NAME_MAX: usize = 387;
    /// Longest group name, in encoded bytes.
    pub const GROUP_MAX: usize = 61;
    /// Longest phone number, in encoded bytes.
    pub const PHONE_MAX: usize = 95;
    /// Longest description of a picture, in encoded bytes. Real ones have 300 to 600.
    pub const PICTURE_MAX: usize = 2048;

    /// Reads a field of a command line, already encoded by the client.
    pub fn from_wire(field: &[u8], max: usize) -> Result<Self, TooLong> {
        let mut text = String::with_capacity(field.len());
        let mut rest = field;
        while !rest.is_empty() {
            if text.len() > max {
                return Err(TooLong);
            }
            rest = take_char(rest, &mut text);
        }
        if text.len() > max {
            return Err(TooLong);
        }
        Ok(Self(text.into()))
    }

    /// Encodes plain text, for example from the command line.
    pub fn from_text(text: &str, max: usize) -> Result<Self, TooLong> {
        let encoded = utf8_percent_encode(text, MUST_ESCAPE).to_string();
        if encoded.len() > max {
            return Err(TooLong);
        }
        Ok(Self(encoded.into()))
    }

    /// Encodes what somebody typed into a newer client, whose letters need no escapes: so a name
    /// in any script has room for as many letters as its sender may count on.
    pub fn from_typed(text: &str, max: usize) -> Result<Self, TooLong> {
        let mut encoded = String::with_capacity(text.len());
        for sign in text.chars() {
            match u8::try_from(sign) {
                Ok(byte) if sign.is_ascii_control() || matches!(sign, ' ' | '%') => {
                    encoded.push_str(percent_encoding::percent_encode_byte(byte));
                }
                _ => encoded.push(sign),
            }
        }
        if encoded.len() > max {
            return Err(TooLong);
        }
        Ok(Self(encoded.into()))
    }

    /// Takes back what [`Label::as_str`] gave, from the database.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The encoded spelling, safe as one field of a command line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text a person reads; bytes that are no text are shown as replacement characters.
    pub fn to_text(&self) -> String {
        percent_decode_str(&self.0).decode_utf8_lossy().into_owned()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Moves one character, escape or stray byte from `rest` to `text`; answers what is left.
fn take_char<'a>(rest: &'a [u8], text: &mut String) -> &'a [u8] {
    if let [b'%', high, low, ..] = rest
        && high.is_ascii_hexdigit()
        && low.is_ascii_hexdigit()
    {
        text.extend(['%', char::from(*high), char::from(*low)]);
        return rest.get(3..).unwrap_or_default();
    }
    let length = rest.utf8_chunks().next().map_or(1, |chunk| {
        chunk.valid().chars().next().map_or(1, char::len_utf8)
    });
    let (char_bytes, left) = rest.split_at(length.min(rest.len()));
    match std::str::from_utf8(char_bytes) {
        Ok(valid) => text.extend(utf8_or_escape(valid)),
        Err(_) => text.extend(
            char_bytes
                .iter()
                .map(|&byte| percent_encoding::percent_encode_byte(byte)),
        ),
    }
    left
}

/// `utf8_percent_encode` escapes everything beyond ASCII; raw letters of other scripts stay.
fn utf8_or_escape(valid: &str) -> impl Iterator<Item = &str> {
    let is_ascii = valid.is_ascii();
    let escaped = is_ascii.then(|| utf8_percent_encode(valid, MUST_ESCAPE));
    let raw = (!is_ascii).then_some(valid);
    escaped.into_iter().flatten().chain(raw)
}

impl PartialEq for Label {
    /// Equal when the text is equal, however it is spelled: clients retry a refused name with
    /// everything escaped (`docs/protocol/02 §5`).
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || percent_decode_str(&self.0).eq(percent_decode_str(&other.0))
    }
}

impl Eq for Label {}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn wire(field: &[u8]) -> String {
        Label::from_wire(field, Label::NAME_MAX)
            .unwrap()
            .as_str()
            .to_owned()
    }

    #[test]
    fn a_spelling_is_kept_byte_for_byte() {
        for field in [
            "Alice%20A",
            "%f0%9f%98%80",
            "%F0%9F%98%80",
            "😀",
            "שלום",
            "100%25",
            "a!b~c",
        ] {
            assert_eq!(wire(field.as_bytes()), field);
        }
    }

    #[test]
    fn what_cannot_travel_is_escaped() {
        assert_eq!(wire(b"100%"), "100%25");
        assert_eq!(wire(b"%zz"), "%25zz");
        assert_eq!(wire(b"a\xffb"), "a%FFb");
        assert_eq!(wire(b"a\x01b\x7f"), "a%01b%7F");
    }

    #[test]
    fn the_limit_counts_encoded_bytes() {
        let exact = "a".repeat(Label::NAME_MAX);
        assert!(Label::from_wire(exact.as_bytes(), Label::NAME_MAX).is_ok());
        let over = "a".repeat(Label::NAME_MAX + 1);
        assert_eq!(
            Label::from_wire(over.as_bytes(), Label::NAME_MAX),
            Err(TooLong)
        );
    }

    #[test]
    fn what_was_typed_keeps_its_letters() {
        let label = Label::from_typed("50% Друзья\r", Label::GROUP_MAX).unwrap();
        assert_eq!(label.as_str(), "50%25%20Друзья%0D");
        assert_eq!(label.to_text(), "50% Друзья\r");
        assert_eq!(Label::from_typed("  ", 5).map(|_| ()), Err(TooLong));
    }

    #[test]
    fn spellings_of_one_text_are_equal() {
        let plain = Label::from_text("Ally~", Label::NAME_MAX).unwrap();
        let escaped = Label::from_wire(b"%41lly%7e", Label::NAME_MAX).unwrap();
        assert_eq!(plain, escaped);
        assert_eq!(escaped.to_text(), "Ally~");
    }

    proptest::proptest! {
        #[test]
        fn any_field_becomes_one_field_with_the_same_text(field in proptest::collection::vec(1u8.., 0..80)) {
            let label = Label::from_wire(&field, 10_000).unwrap();
            proptest::prop_assert!(label.as_str().bytes().all(|b| b > 0x20 && b != 0x7f));
            // Reading the kept spelling again changes nothing.
            let again = Label::from_wire(label.as_str().as_bytes(), 10_000).unwrap();
            proptest::prop_assert_eq!(again.as_str(), label.as_str());
            let meant: Vec<u8> = percent_encoding::percent_decode(&field).collect();
            let kept: Vec<u8> = percent_decode_str(label.as_str()).collect();
            proptest::prop_assert_eq!(kept, meant);
        }
    }
}
