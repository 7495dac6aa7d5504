//! Payloads of header groups: routing, reliability, and what they carry
//! (`docs/protocol/10 §11.1`).
//!
//! Some clients read a header where it first stands, some where it last stands, and some look for
//! line ends on their own. So what comes from a client is read strictly: no header twice, no
//! control character in one, every group in its place and the body exactly as long as it says.
//! Who sends what to whom is written anew; everything else of a message goes on as it came.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::model::{Address, CircleId, Guid};

/// Bytes of all header groups together; real ones have some four hundred.
const HEADERS_MAX: usize = 4096;
/// Headers in one group; real ones have eight.
const GROUP_MAX: usize = 32;

/// The payload is no such thing, or not one that this server hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed header groups")]
pub struct Malformed;

/// A payload taken apart.
#[derive(Debug)]
pub struct Blocks {
    pub to: Party,
    pub from: Party,
    pub content: Content,
    /// The lines of the routing group that are not `To` and `From`.
    routing: Vec<String>,
    /// Everything behind the routing group.
    rest: Bytes,
    body: Bytes,
}

/// What a payload carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Message,
    /// A document for this place.
    Publication {
        uri: String,
        content_type: String,
    },
}

/// Who a payload is from or for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    Person {
        address: Address,
        endpoint: Option<Guid>,
    },
    /// A circle, or with a path its conversation.
    Circle { id: CircleId, path: Option<String> },
}

impl Blocks {
    /// Takes a client's payload apart.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let (routing, behind) = take_group(payload, 0)?;
        let (reliability, behind_both) = take_group(payload, behind)?;
        let (content, body) = take_group(payload, behind_both)?;
        if !routing.is("Routing") || !reliability.is("Reliability") {
            return Err(Malformed);
        }
        let payload = Bytes::copy_from_slice(payload);
        let body = payload.slice(body..);
        let length = content.value("Content-Length").ok_or(Malformed)?;
        if length.parse() != Ok(body.len()) {
            return Err(Malformed);
        }
        Ok(Self {
            to: Party::parse(routing.value("To").ok_or(Malformed)?)?,
            from: Party::parse(routing.value("From").ok_or(Malformed)?)?,
            content: Content::read(&content)?,
            routing: routing.others(&["Routing", "To", "From"]),
            rest: payload.slice(behind..),
            body,
        })
    }

    /// What stands behind the headers.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The payload as others get it: the two parties in this server's own words, the rest as it
    /// came.
    pub fn relayed(&self) -> Bytes {
        let routing = format!("Routing: 1.0\r\nTo: {}\r\nFrom: {}\r\n", self.to, self.from);
        let mut payload = BytesMut::with_capacity(routing.len() + self.rest.len() + 64);
        payload.put_slice(routing.as_bytes());
        for line in &self.routing {
            payload.put_slice(line.as_bytes());
            payload.put_slice(b"\r\n");
        }
        payload.put_slice(b"\r\n");
        payload.put_slice(&self.rest);
        payload.freeze()
    }
}

impl Content {
    fn read(group: &Group<'_>) -> Result<Self, Malformed> {
        if group.is("Messaging") {
            return Ok(Self::Message);
        }
        if !group.is("Publication") {
            return Err(Malformed);
        }
        let value = |name| group.value(name).map(str::to_owned).ok_or(Malformed);
        Ok(Self::Publication {
            uri: value("Uri")?,
            content_type: value("Content-Type")?,
        })
    }
}

impl Party {
    /// Reads `1:alice@example.com;epid={guid}` or `9:{circle}@live.com;path=IM`.
    fn parse(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.split(';');
        let (network, name) = parts
            .next()
            .and_then(|identity| identity.split_once(':'))
            .ok_or(Malformed)?;
        let extra = parts.next();
        if parts.next().is_some() {
            return Err(Malformed);
        }
        match network {
            "1" => Ok(Self::Person {
                address: Address::parse(name).map_err(|_| Malformed)?,
                endpoint: extra.map(endpoint).transpose()?,
            }),
            "9" => Ok(Self::Circle {
                id: circle(name)?,
                path: extra.map(path).transpose()?,
            }),
            _ => Err(Malformed),
        }
    }
}

fn endpoint(extra: &str) -> Result<Guid, Malformed> {
    let id = extra.strip_prefix("epid=").ok_or(Malformed)?;
    Guid::parse(id).ok_or(Malformed)
}

fn path(extra: &str) -> Result<String, Malformed> {
    let path = extra.strip_prefix("path=").ok_or(Malformed)?;
    let is_word = !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| path.to_owned()).ok_or(Malformed)
}

/// Reads `{circle}@live.com`.
fn circle(name: &str) -> Result<CircleId, Malformed> {
    let (id, domain) = name.split_once('@').ok_or(Malformed)?;
    if !domain.eq_ignore_ascii_case(CIRCLE_DOMAIN) {
        return Err(Malformed);
    }
    CircleId::parse(id).ok_or(Malformed)
}

/// Where all circles are.
pub const CIRCLE_DOMAIN: &str = "live.com";

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person { address, endpoint } => {
                write!(f, "1:{address}")?;
                match endpoint {
                    Some(endpoint) => write!(f, ";epid={{{endpoint}}}"),
                    None => Ok(()),
                }
            }
            Self::Circle { id, path } => {
                write!(f, "9:{id}@{CIRCLE_DOMAIN}")?;
                match path {
                    Some(path) => write!(f, ";path={path}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Headers between two blank lines, in their order.
struct Group<'p>(Vec<(&'p str, &'p str)>);

impl Group<'_> {
    /// Whether this is the group of that name: its first header says so.
    fn is(&self, name: &str) -> bool {
        self.0
            .first()
            .is_some_and(|(first, _)| first.eq_ignore_ascii_case(name))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|&(_, value)| value)
    }

    /// The lines of all other headers.
    fn others(&self, known: &[&str]) -> Vec<String> {
        self.0
            .iter()
            .filter(|(name, _)| !known.iter().any(|known| name.eq_ignore_ascii_case(known)))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }
}

/// Reads the group that begins at `start`; answers where the next one begins.
fn take_group(payload: &[u8], start: usize) -> Result<(Group<'_>, usize), Malformed> {
    let end = payload.len().min(HEADERS_MAX);
    let text = payload.get(start..end).ok_or(Malformed)?;
    let length = text
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or(Malformed)?;
    let text = text.get(..length).ok_or(Malformed)?;
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
    let mut group = Group(Vec::new());
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_clean = !value.chars().any(char::is_control);
        if !is_name || !is_clean || group.value(name).is_some() || group.0.len() == GROUP_MAX {
            return Err(Malformed);
        }
        group.0.push((name, value.trim()));
    }
    Ok((group, start + length + 4))
}

/// A notice of this server's own.
#[derive(Debug)]
pub struct Notification<'a> {
    pub to: &'a Party,
    pub from: &'a Party,
    pub number: u32,
    pub uri: &'a str,
    /// Whether it replaces what the client knew of the place.
    pub is_full: bool,
    pub content_type: &'a str,
    /// In one line: some clients take what follows the last line end (`docs/protocol/10 §10`).
    pub body: &'a str,
}

impl Notification<'_> {
    /// The payload. Nothing in it comes from a client but what was parsed into domain types, and
    /// the body, which is counted.
    pub fn to_payload(&self) -> String {
        format!(
            "Routing: 1.0\r\nTo: {}\r\nFrom: {}\r\n\r\nReliability: 1.0\r\nStream: 0\r\n\r\n\
             Notification: 1.0\r\nNotifNum: {}\r\nUri: {}\r\nNotifType: {}\r\n\
             Content-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
            self.to,
            self.from,
            self.number,
            self.uri,
            if self.is_full { "Full" } else { "Partial" },
            self.content_type,
            self.body.len(),
            self.body,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIRCLE: &str = "9:00000000-0000-0000-0009-73944a8f7947@live.com";
    const ALICE: &str = "1:alice@example.com;epid={f52973b6-c926-4bad-9ba8-7c1e840e4ab0}";

    fn message(routing: &str, content: &str, body: &str) -> Bytes {
        format!(
            "Routing: 1.0\r\n{routing}\r\nReliability: 1.0\r\nStream: 0\r\nSegment: 1\r\n\r\n\
             {content}\r\n{body}"
        )
        .into()
    }

    fn hello() -> Bytes {
        message(
            &format!("To: {CIRCLE};path=IM\r\nFrom: {ALICE}\r\n"),
            "Messaging: 1.0\r\nContent-Length: 2\r\nContent-Type: Text/plain; charset=UTF-8\r\n\
             Content-Transfer-Encoding: 7bit\r\nMessage-Type: Text\r\nMIME-Version: 1.0\r\n\
             X-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; CS=1; PF=0\r\n",
            "hi",
        )
    }

    #[test]
    fn a_captured_message_goes_on_byte_for_byte() {
        let payload = hello();
        // The length that docs/protocol/transcripts/msnp18-circle.txt shows.
        assert_eq!(payload.len(), 398);
        let blocks = Blocks::parse(&payload).unwrap();
        assert_eq!(blocks.content, Content::Message);
        assert_eq!(blocks.body(), "hi");
        assert_eq!(blocks.to.to_string(), format!("{CIRCLE};path=IM"));
        assert_eq!(blocks.from.to_string(), ALICE);
        assert_eq!(blocks.relayed(), payload);
    }

    #[test]
    fn the_parties_are_written_anew_and_the_rest_stays() {
        let payload = message(
            &format!(
                "to:{};path=IM\r\nService-Channel: IM/Online\r\nFROM:  {}\r\n",
                CIRCLE.replace("live.com", "LIVE.com"),
                ALICE.replace("alice", "Alice").replace("f529", "F529"),
            ),
            "Messaging: 1.0\r\nContent-Length: 4\r\n",
            "\r\n\r\n",
        );
        let relayed = Blocks::parse(&payload).unwrap().relayed();
        let expected = message(
            &format!("To: {CIRCLE};path=IM\r\nFrom: {ALICE}\r\nService-Channel: IM/Online\r\n"),
            "Messaging: 1.0\r\nContent-Length: 4\r\n",
            "\r\n\r\n",
        );
        assert_eq!(relayed, expected);
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        let good = String::from_utf8(hello().to_vec()).unwrap();
        assert!(Blocks::parse(good.as_bytes()).is_ok());
        let from = format!("From: {ALICE}\r\n");
        for (what, with) in [
            // Twice, also in another case.
            (from.as_str(), format!("{from}From: 1:bob@example.net\r\n")),
            (from.as_str(), format!("{from}from: 1:bob@example.net\r\n")),
            // Lines that end otherwise.
            (
                "Stream: 0\r\n",
                "Stream: 0\nFrom: 1:b@example.net\r\n".to_owned(),
            ),
            (
                "Stream: 0\r\n",
                "Stream: 0\rFrom: 1:b@example.net\r\n".to_owned(),
            ),
            ("Stream: 0", "Stream: \0".to_owned()),
            // Folding, names that are none, lines that are no header.
            (
                "Stream: 0\r\n",
                "Stream: 0\r\n From: 1:b@example.net\r\n".to_owned(),
            ),
            ("Stream: 0\r\n", "Stream\r\n".to_owned()),
            ("Stream: 0\r\n", ": 0\r\n".to_owned()),
            // Groups out of place or missing.
            ("Routing: 1.0\r\n", String::new()),
            ("Reliability: 1.0", "Messaging: 1.0".to_owned()),
            ("Messaging: 1.0", "Notification: 1.0".to_owned()),
            // Lengths.
            ("Content-Length: 2", "Content-Length: 3".to_owned()),
            ("Content-Length: 2", "Content-Length: 1".to_owned()),
            ("Content-Length: 2", "Content-Length: two".to_owned()),
            ("Content-Length: 2\r\n", String::new()),
            // Parties that are none.
            (";path=IM", ";via=9:x".to_owned()),
            (";path=IM", ";path=".to_owned()),
            (";path=IM", ";path=IM;path=IM".to_owned()),
            ("live.com", "example.com".to_owned()),
            ("To: 9:", "To: 10:".to_owned()),
            ("73944a8f7947", "73944a8f794".to_owned()),
            ("alice@example.com", "alice".to_owned()),
            ("epid={f529", "epid={529".to_owned()),
        ] {
            let bad = good.replacen(what, &with, 1);
            assert_ne!(bad, good, "{what}");
            assert_eq!(
                Blocks::parse(bad.as_bytes()).err(),
                Some(Malformed),
                "{bad}"
            );
        }
        let many = "X: 1\r\n".repeat(2000);
        let bad = good.replacen("Stream: 0\r\n", &many, 1);
        assert!(Blocks::parse(bad.as_bytes()).is_err());
        let distinct: String = (0..40).map(|n| format!("X-{n}: 1\r\n")).collect();
        let bad = good.replacen("Stream: 0\r\n", &distinct, 1);
        assert!(Blocks::parse(bad.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_payload_is_too_strange(payload in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = Blocks::parse(&payload);
        }

        #[test]
        fn a_message_with_a_piece_missing_never_names_another_sender(cut in 0usize..398, length in 1usize..40) {
            let payload = hello();
            let mut bytes = payload.to_vec();
            bytes.drain(cut..(cut + length).min(payload.len()));
            if let Ok(blocks) = Blocks::parse(&bytes) {
                let again = Blocks::parse(&blocks.relayed()).unwrap();
                proptest::prop_assert_eq!(again.from, blocks.from);
                proptest::prop_assert_eq!(again.body, blocks.body);
            }
        }
    }
}
