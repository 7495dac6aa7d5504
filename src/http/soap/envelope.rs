//! Reading SOAP requests.
//!
//! Prefixes, blanks and the order of attributes differ from client to client, so elements are
//! found by their local names. Document types are refused, and with them every kind of entity.
//! The size of a body is bounded before it comes here; nodes, depth and attributes are so here,
//! because the work of the parser grows with their product.

use std::fmt;

use roxmltree::{Document, Node, ParsingOptions};

/// More nodes than any request of a client has, that with a thousand contacts included.
const NODE_LIMIT: u32 = 50_000;
/// Deeper than any request of a client is.
const DEPTH_LIMIT: usize = 32;
/// More than any element of a request has, namespaces included.
const ATTRIBUTE_LIMIT: usize = 32;
/// A byte order mark, as a character.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The body of a request is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a request of this service")]
pub struct Malformed;

/// A request that was read. Does not print: passwords and tokens are in there.
pub struct Envelope<'a> {
    document: Document<'a>,
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'d, 'i> {
    /// Of the element that names it; empty if it is in none.
    pub namespace: &'d str,
    /// Its local name.
    pub name: &'d str,
    /// The element, which holds the parameters.
    pub node: Node<'d, 'i>,
}

impl<'i> Envelope<'i> {
    /// Reads an envelope in UTF-8, with or without a byte order mark. Whatever declares another
    /// encoding is refused, because no client does so and a guess would garble names.
    pub fn parse(body: &'i [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
        let text = text.trim_start_matches(BYTE_ORDER_MARK).trim_start();
        if !is_declared_utf8(text) || !is_within_limits(text) {
            return Err(Malformed);
        }
        let options = ParsingOptions {
            nodes_limit: NODE_LIMIT,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options).map_err(|_| Malformed)?;
        if document.root_element().tag_name().name() != "Envelope" {
            return Err(Malformed);
        }
        Ok(Self { document })
    }

    /// The part of the envelope with this name: `Header` or `Body`. There is exactly one.
    pub fn part(&self, name: &str) -> Result<Node<'_, 'i>, Malformed> {
        only(self.document.root_element(), name)
    }

    /// What is asked for: the first element of the body.
    pub fn operation(&self) -> Result<Operation<'_, 'i>, Malformed> {
        let node = self.part("Body")?.first_element_child().ok_or(Malformed)?;
        let tag = node.tag_name();
        Ok(Operation {
            namespace: tag.namespace().unwrap_or_default(),
            name: tag.name(),
            node,
        })
    }

    /// The first block of the header with this local name. There may be no header at all.
    pub fn header(&self, name: &str) -> Option<Node<'_, 'i>> {
        child(self.part("Header").ok()?, name)
    }

    /// The token in the header, in whichever of its forms is there: the `TicketToken` of
    /// `ABAuthHeader`, `StorageUserHeader` or `WNAuthHeader`, the `t` of a `PassportCookie`, or
    /// the `passport` of a `Ticket` (`docs/protocol/12 §1, §7`, `13 §1.2, §1.4, §2`).
    pub fn ticket(&self) -> Option<&str> {
        let blocks = self.part("Header").ok()?;
        let mut blocks = blocks.children().filter(Node::is_element);
        blocks.find_map(|block| match block.tag_name().name() {
            "PassportCookie" => child(block, "t").map(text_of),
            "Ticket" => block.attribute("passport").map(str::trim),
            _ => child(block, "TicketToken").map(text_of),
        })
    }
}

impl<'d, 'i> Operation<'d, 'i> {
    /// The first parameter with this local name.
    pub fn child(&self, name: &str) -> Option<Node<'d, 'i>> {
        child(self.node, name)
    }
}

/// The first child with this local name.
pub fn child<'d, 'i>(parent: Node<'d, 'i>, name: &str) -> Option<Node<'d, 'i>> {
    named(parent, name).next()
}

/// All children with this local name, in their order.
pub fn named<'d, 'i, 'n>(
    parent: Node<'d, 'i>,
    name: &'n str,
) -> impl Iterator<Item = Node<'d, 'i>> + use<'d, 'i, 'n> {
    parent
        .children()
        .filter(move |node| node.is_element() && node.tag_name().name() == name)
}

/// The one child with this local name; an error where there is none or more than one.
pub fn only<'d, 'i>(parent: Node<'d, 'i>, name: &str) -> Result<Node<'d, 'i>, Malformed> {
    let mut found = named(parent, name);
    match (found.next(), found.next()) {
        (Some(node), None) => Ok(node),
        _ => Err(Malformed),
    }
}

/// What stands in an element before its first child, without the blanks around it.
pub fn text_of<'d>(node: Node<'d, '_>) -> &'d str {
    node.text().unwrap_or_default().trim()
}

/// Whether the declaration, if there is one, names no encoding but UTF-8 or its subset.
fn is_declared_utf8(text: &str) -> bool {
    let declaration = text
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"))
        .map_or("", |(declaration, _)| declaration);
    let Some((_, rest)) = declaration.split_once("encoding") else {
        return true;
    };
    let rest = rest.trim_start().strip_prefix('=').map(str::trim_start);
    let name = rest.and_then(|rest| {
        let quote = rest.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        rest.get(1..)?.split_once(quote).map(|(name, _)| name)
    });
    name.is_some_and(|name| {
        name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii")
    })
}

/// Bounds on nesting and on attributes, found by counting before anything is built. It need not
/// know what is well-formed: what it misreads, the parser refuses.
fn is_within_limits(text: &str) -> bool {
    let mut rest = text;
    let mut depth = 0_usize;
    while let Some((_, tag)) = rest.split_once('<') {
        let end = match tag.as_bytes() {
            [b'!', b'-', b'-', ..] => tag.split_once("-->"),
            [b'!', b'[', ..] => tag.split_once("]]>"),
            [b'?', ..] => tag.split_once("?>"),
            // A document type. The parser would refuse it as well.
            [b'!', ..] => return false,
            [b'/', ..] => {
                depth = depth.saturating_sub(1);
                tag.split_once('>')
            }
            _ => match start_tag(tag) {
                Some((attributes, _, _)) if attributes > ATTRIBUTE_LIMIT => return false,
                Some((_, is_empty, rest)) => {
                    depth += usize::from(!is_empty);
                    Some(("", rest))
                }
                None => None,
            },
        };
        if depth > DEPTH_LIMIT {
            return false;
        }
        let Some((_, after)) = end else {
            // Not closed, so not well-formed.
            return false;
        };
        rest = after;
    }
    true
}

/// How many attributes a start tag has, whether its element is empty, and what follows it.
fn start_tag(tag: &str) -> Option<(usize, bool, &str)> {
    let mut attributes = 0;
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => {
                attributes += 1;
                quote = Some(byte);
            }
            (None, b'>') => {
                let is_empty = tag.get(..at)?.ends_with('/');
                return Some((attributes, is_empty, tag.get(at + 1..)?));
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(header: &str) -> Option<String> {
        let body = format!("<e:Envelope xmlns:e='x'>{header}<e:Body/></e:Envelope>");
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        envelope.ticket().map(str::to_owned)
    }

    #[test]
    fn parts_are_found_under_any_prefix() {
        let body =
            b"<?xml version='1.0'?><s:Envelope xmlns:s='x'><s:Body><a/></s:Body></s:Envelope>";
        let request = Envelope::parse(body).unwrap();
        assert!(request.part("Body").is_ok());
        assert!(request.part("Header").is_err());
        assert!(request.header("ABAuthHeader").is_none());
    }

    #[test]
    fn the_operation_is_the_first_element_of_the_body() {
        let body = "<Envelope><Body> <!-- x -->\n<o:Do xmlns:o='urn:o'><n> 7 </n><n>8</n></o:Do>\
                    <Other/></Body></Envelope>";
        let request = Envelope::parse(body.as_bytes()).unwrap();
        let operation = request.operation().unwrap();
        assert_eq!((operation.namespace, operation.name), ("urn:o", "Do"));
        assert_eq!(operation.child("n").map(text_of), Some("7"));
        assert_eq!(named(operation.node, "n").count(), 2);
        assert_eq!(only(operation.node, "n"), Err(Malformed));
        let empty = Envelope::parse(b"<Envelope><Body> </Body></Envelope>").unwrap();
        assert!(empty.operation().is_err());
    }

    #[test]
    fn a_ticket_is_found_in_every_place_where_clients_put_it() {
        for header in [
            "<ABAuthHeader><TicketToken>t=x&amp;p=</TicketToken></ABAuthHeader>",
            "<A><B/></A><StorageUserHeader><Puid>0</Puid><TicketToken> t=x&amp;p= </TicketToken></StorageUserHeader>",
            "<WNAuthHeader><TicketToken>t=x&amp;p=</TicketToken></WNAuthHeader>",
            "<Ticket passport='t=x&amp;p=' appid='y'/>",
        ] {
            let header = format!("<Header>{header}</Header>");
            assert_eq!(ticket(&header).as_deref(), Some("t=x&p="), "{header}");
        }
        let cookie = "<Header><PassportCookie><t>x</t><p/></PassportCookie></Header>";
        assert_eq!(ticket(cookie).as_deref(), Some("x"));
        assert_eq!(ticket("<Header><From/></Header>"), None);
        assert_eq!(ticket(""), None);
    }

    #[test]
    fn utf8_is_the_only_encoding() {
        let plain = "<Envelope>é</Envelope>";
        for (text, is_read) in [
            (plain.to_owned(), true),
            (format!("\u{feff}{plain}"), true),
            (
                format!("<?xml version='1.0' encoding='UTF-8'?>{plain}"),
                true,
            ),
            (
                format!(
                    "\u{feff}<?xml version=\"1.0\" encoding = \"utf-8\" standalone='no'?>{plain}"
                ),
                true,
            ),
            (
                format!("<?xml version='1.0' encoding='utf-16'?>{plain}"),
                false,
            ),
            (
                format!("<?xml version='1.0' encoding='ISO-8859-1'?>{plain}"),
                false,
            ),
            (format!("<?xml version='1.0' encoding=?>{plain}"), false),
        ] {
            assert_eq!(Envelope::parse(text.as_bytes()).is_ok(), is_read, "{text}");
        }
        let wide: Vec<u8> = "\u{feff}<Envelope/>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(Envelope::parse(&wide).is_err());
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep = format!("<Envelope>{}", "<a>".repeat(20_000));
        let hidden = format!("<Envelope>{}", "<a><!--</a>-->".repeat(20_000));
        let quoted = format!("<Envelope>{}", "<a b='/>'>".repeat(20_000));
        let wide = format!("<Envelope>{}</Envelope>", "<a/>".repeat(60_000));
        let attributes: String = (0..200_000).map(|n| format!(" a{n}=''")).collect();
        let attributes = format!("<Envelope{attributes}/>");
        let bomb = "<!DOCTYPE Envelope [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Envelope>&b;</Envelope>";
        let outside = "<!DOCTYPE Envelope SYSTEM \"file:///etc/passwd\"><Envelope/>";
        for body in [
            deep.as_bytes(),
            hidden.as_bytes(),
            quoted.as_bytes(),
            wide.as_bytes(),
            attributes.as_bytes(),
            bomb.as_bytes(),
            outside.as_bytes(),
            b"<Envelope>&undefined;</Envelope>",
            b"",
            b"x",
            b"<Other/>",
            b"<Envelope>",
            b"<Envelope",
            b"<Envelope>\xff</Envelope>",
        ] {
            let shown: String = String::from_utf8_lossy(body).chars().take(80).collect();
            assert!(Envelope::parse(body).is_err(), "{shown}");
        }
        let doubled = b"<Envelope><Body/><Body/></Envelope>";
        assert!(Envelope::parse(doubled).unwrap().part("Body").is_err());
    }

    #[test]
    fn what_looks_like_a_tag_and_is_none_does_not_count() {
        let text = "<a><b>".repeat(50);
        let body = format!("<Envelope><!--{text}--><Body><![CDATA[{text}]]></Body></Envelope>");
        assert!(Envelope::parse(body.as_bytes()).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_without_panic(body in "[<>/!\\-\\[\\]?='\" aé&;]{0,200}") {
            drop(Envelope::parse(body.as_bytes()));
            drop(Envelope::parse(format!("<Envelope>{body}</Envelope>").as_bytes()));
        }
    }
}
