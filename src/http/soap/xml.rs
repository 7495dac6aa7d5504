//! Writing XML: how text becomes part of an answer, and how an answer leaves.

use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

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

/// The answer of an operation, rendered.
#[derive(Debug)]
pub struct Reply(String);

impl Reply {
    /// Renders a template.
    pub fn render(template: &impl Template) -> Result<Self, askama::Error> {
        template.render().map(Self)
    }

    /// As an answer over HTTP.
    pub fn respond(self, status: StatusCode) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/xml; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
        ];
        (status, headers, self.0).into_response()
    }
}

/// Renders a template into an answer over HTTP. A template of ours can always be rendered; if one
/// cannot, the client is told that the server is not available.
pub(in crate::http) fn respond(status: StatusCode, template: &impl Template) -> Response {
    match Reply::render(template) {
        Ok(reply) => reply.respond(status),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
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
