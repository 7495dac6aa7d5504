//! Reading SOAP requests.
//!
//! Prefixes, blanks and the order of attributes differ from client to client, so elements are
//! found by their local names. Document types are refused, and with them every kind of entity;
//! the number of nodes is bounded, the size of the body is so already.

use roxmltree::{Document, Node, ParsingOptions};

/// More nodes than any request of a client has.
const NODE_LIMIT: u32 = 10_000;
/// Deeper than any request of a client is.
const DEPTH_LIMIT: usize = 64;

/// The body of a request is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a request of this service")]
pub(in crate::http) struct Malformed;

/// A request that was read.
#[derive(Debug)]
pub(in crate::http) struct Request<'a> {
    document: Document<'a>,
}

impl<'a> Request<'a> {
    /// Reads an envelope.
    pub(in crate::http) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
        if is_too_deep(text) {
            return Err(Malformed);
        }
        let options = ParsingOptions {
            nodes_limit: NODE_LIMIT,
            ..ParsingOptions::default()
        };
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let document = Document::parse_with_options(text, options).map_err(|_| Malformed)?;
        if document.root_element().tag_name().name() != "Envelope" {
            return Err(Malformed);
        }
        Ok(Self { document })
    }

    /// The part of the envelope with this name: `Header` or `Body`. There is exactly one.
    pub(in crate::http) fn part(&self, name: &str) -> Result<Node<'_, 'a>, Malformed> {
        only(self.document.root_element(), name)
    }
}

/// A bound on nesting, found by counting: the parser itself has none.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0usize;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'<', Some(b'/')) => depth = depth.saturating_sub(1),
            (b'<', Some(b'?' | b'!')) => {}
            (b'<', _) => depth += 1,
            (b'/', Some(b'>')) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_LIMIT {
            return true;
        }
    }
    false
}

/// The one child with this local name; an error where there is none or more than one.
pub(in crate::http) fn only<'a, 'i>(
    parent: Node<'a, 'i>,
    name: &str,
) -> Result<Node<'a, 'i>, Malformed> {
    let mut found = parent
        .children()
        .filter(|node| node.tag_name().name() == name);
    match (found.next(), found.next()) {
        (Some(node), None) => Ok(node),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_under_any_prefix() {
        let body =
            b"<?xml version='1.0'?><s:Envelope xmlns:s='x'><s:Body><a/></s:Body></s:Envelope>";
        let request = Request::parse(body).unwrap();
        assert!(request.part("Body").is_ok());
        assert!(request.part("Header").is_err());
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep = format!("<Envelope>{}", "<a>".repeat(20_000));
        let wide = format!("<Envelope>{}</Envelope>", "<a/>".repeat(20_000));
        let bomb = "<!DOCTYPE Envelope [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Envelope>&b;</Envelope>";
        for body in [
            deep.as_bytes(),
            wide.as_bytes(),
            bomb.as_bytes(),
            b"",
            b"x",
            b"<Other/>",
            b"<Envelope>",
            b"<Envelope>\xff</Envelope>",
        ] {
            assert!(Request::parse(body).is_err(), "{}", body.escape_ascii());
        }
        let doubled = b"<Envelope><Body/><Body/></Envelope>";
        assert!(Request::parse(doubled).unwrap().part("Body").is_err());
    }
}
