//! Human text on its way into XML.
//!
//! Labels keep the percent-encoded spelling of the line protocol; SOAP wants the text itself. What
//! XML 1.0 cannot carry, not even escaped, is left out here and nowhere else: the views of answers
//! take a [`Text`] wherever a person could have written something.
//!
//! COMPAT: what has to be escaped gets the name of its entity. Small parsers of third-party clients
//! know the five names and no numbers.

use std::fmt;

use crate::model::{Address, Label};

/// Text as it stands in an XML document: escaped, and of characters that may stand there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::http) struct Text(String);

impl Text {
    /// Takes plain text.
    pub(in crate::http) fn plain(text: &str) -> Self {
        let mut written = String::with_capacity(text.len());
        for sign in text.chars().filter(|&sign| may_stand(sign)) {
            match sign {
                '&' => written.push_str("&amp;"),
                '<' => written.push_str("&lt;"),
                '>' => written.push_str("&gt;"),
                '"' => written.push_str("&quot;"),
                '\'' => written.push_str("&apos;"),
                _ => written.push(sign),
            }
        }
        Self(written)
    }

    /// Whether nothing is left to write.
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The characters of XML 1.0, as its definition lists them.
fn may_stand(sign: char) -> bool {
    matches!(sign, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

impl From<&Label> for Text {
    fn from(label: &Label) -> Self {
        Self::plain(&label.to_text())
    }
}

impl From<&Address> for Text {
    fn from(address: &Address) -> Self {
        Self::plain(address.as_str())
    }
}

/// Templates take it as it is.
impl askama::filters::HtmlSafe for Text {}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_written_as_the_text_it_means() {
        let label = Label::from_wire(b"Bob%20%3c3%01%f0%9f%98%80", Label::NAME_MAX).unwrap();
        assert_eq!(Text::from(&label), Text::plain("Bob <3😀"));
    }

    #[test]
    fn only_what_xml_can_carry_is_left() {
        let all = "a\0b\u{1}c\td\ne\u{b}f\u{1f}g\u{7f}\u{85}h\u{fffe}i\u{ffff}j\u{10ffff}";
        assert_eq!(
            Text::plain(all).to_string(),
            "abc\td\nefg\u{7f}\u{85}hij\u{10ffff}"
        );
        assert!(Text::plain("\u{2}").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_makes_a_document_that_can_be_read(text: String) {
            let element = format!("<a b=\"{0}\">{0}</a>", Text::plain(&text));
            let document = roxmltree::Document::parse(&element).unwrap();
            let kept: String = text.chars().filter(|&sign| may_stand(sign)).collect();
            let read = document.root_element().text().unwrap_or_default();
            // A parser reads every kind of line end as one sign.
            proptest::prop_assert_eq!(read, kept.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }
}
