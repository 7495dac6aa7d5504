//! How text becomes part of XML, in answers over HTTP and in messages over TCP alike.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// How the templates with the ending `xml` escape what they are given (`askama.toml`).
///
/// COMPAT: predefined entities by their names, because clients with a parser of their own know no
/// numbers. What no XML document may contain, such as a control character in a name, becomes a
/// replacement sign: one of them would make the whole answer unreadable.
#[derive(Debug, Clone, Copy, Default)]
pub struct Xml;

impl Escaper for Xml {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        for sign in text.chars() {
            match sign {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&quot;")?,
                '\'' => to.write_str("&apos;")?,
                // A parser would turn it into a line feed.
                '\r' => to.write_str("&#13;")?,
                '\t' | '\n' => to.write_char(sign)?,
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => to.write_char('\u{fffd}')?,
                _ => to.write_char(sign)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_by_name_and_stays_readable() {
        let mut escaped = String::new();
        Xml.write_escaped_str(&mut escaped, "a&b<c>\"d'\u{1}\u{ffff}é\r\n\t")
            .unwrap();
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
