//! How text and moments become part of XML, in answers over HTTP and in messages over TCP alike.

use std::fmt::{self, Write};

use askama::filters::Escaper;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// How the templates with the ending `xml` escape what they are given (`askama.toml`).
///
/// COMPAT: predefined entities by their names, because clients with a parser of their own know no
/// numbers. What no XML document may contain, such as a control character in a name, becomes a
/// replacement sign: one of them would make the whole answer unreadable.
#[derive(Debug, Clone, Copy, Default)]
pub struct Xml;

impl Escaper for Xml {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        // As a rule nothing has to be escaped, so what lies between goes over in one piece.
        let mut rest = text;
        let needs_escape = |sign: char| {
            matches!(sign, '&' | '<' | '>' | '"' | '\'' | '\u{fffe}' | '\u{ffff}')
                || (sign < ' ' && !matches!(sign, '\t' | '\n'))
        };
        while let Some((plain, sign, after)) = split_at_sign(rest, needs_escape) {
            to.write_str(plain)?;
            to.write_str(match sign {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&apos;",
                // A parser would turn it into a line feed.
                '\r' => "&#13;",
                _ => "\u{fffd}",
            })?;
            rest = after;
        }
        to.write_str(rest)
    }
}

/// What is before the first sign of a kind, the sign, and what is after it.
fn split_at_sign(text: &str, is_it: impl Fn(char) -> bool) -> Option<(&str, char, &str)> {
    let (plain, from) = text.split_at_checked(text.find(is_it)?)?;
    let mut after = from.chars();
    let sign = after.next()?;
    Some((plain, sign, after.as_str()))
}

/// Escapes text for an element, or for an attribute in either kind of quotes.
pub fn escape_into(text: &str, document: &mut String) {
    // Writing to a string cannot fail.
    let _ = Xml.write_escaped_str(document, text);
}

/// A moment in Greenwich, to the second: `2010-01-02T03:04:05Z`. One that no calendar has is the
/// beginning of 1970.
pub fn utc(epoch_ms: i64) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000))
        .ok()
        .and_then(|moment| moment.format(FORM).ok())
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_greenwich() {
        assert_eq!(utc(1_262_401_445_678), "2010-01-02T03:04:05Z");
        assert_eq!(utc(i64::MAX), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn text_is_escaped_by_name_and_stays_readable() {
        let mut escaped = String::new();
        escape_into("a&b<c>\"d'\u{1}\u{ffff}é\r\n\t", &mut escaped);
        assert_eq!(
            escaped,
            "a&amp;b&lt;c&gt;&quot;d&apos;\u{fffd}\u{fffd}é&#13;\n\t"
        );
        let document = format!("<a>{escaped}</a>");
        let document = roxmltree::Document::parse(&document).unwrap();
        let text = document.root_element().text();
        assert_eq!(text, Some("a&b<c>\"d'\u{fffd}\u{fffd}é\r\n\t"));
    }
}
