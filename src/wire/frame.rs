//! One command as it came in.

use std::fmt;

use bytes::{Buf, Bytes};

use super::args::Arguments;

/// The three bytes a line starts with. Lines whose first field has another length have none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verb(pub [u8; 3]);

impl Verb {
    /// Makes a verb of a literal such as `b"CHG"`.
    pub const fn new(bytes: &[u8; 3]) -> Self {
        Self(*bytes)
    }
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A command line without its end, and the payload that followed it.
///
/// It has bytes of its own, as many as it takes: a frame may wait for a slow client, and must not
/// keep everything alive that arrived together with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The line, and directly behind it the payload.
    bytes: Bytes,
    line: usize,
    has_payload: bool,
}

impl Frame {
    /// Puts a frame together; `line` has no line end and is not blank.
    pub fn new(line: &[u8], payload: Option<&[u8]>) -> Self {
        let has_payload = payload.is_some();
        let payload = payload.unwrap_or_default();
        let mut bytes = Vec::with_capacity(line.len() + payload.len());
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(payload);
        Self {
            bytes: bytes.into(),
            line: line.len(),
            has_payload,
        }
    }

    /// The verb, or `None` where the first field is not three bytes long.
    pub fn verb(&self) -> Option<Verb> {
        let first = self.arguments_with_verb().next_field()?;
        first.try_into().ok().map(Verb)
    }

    /// The fields behind the verb.
    pub fn arguments(&self) -> Arguments<'_> {
        let mut all = self.arguments_with_verb();
        all.next_field();
        all
    }

    /// The fields behind verb and transaction number.
    pub fn parameters(&self) -> Arguments<'_> {
        let mut rest = self.arguments();
        rest.next_field();
        rest
    }

    /// The line as it came, for echoes and for tests.
    pub fn line(&self) -> &[u8] {
        self.bytes.get(..self.line).unwrap_or_default()
    }

    /// The payload, where the verb carries one.
    pub fn payload(&self) -> Option<&[u8]> {
        self.has_payload
            .then(|| self.bytes.get(self.line..).unwrap_or_default())
    }

    /// The payload without the line, to be handed on.
    pub fn into_payload(mut self) -> Option<Bytes> {
        self.bytes.advance(self.line.min(self.bytes.len()));
        self.has_payload.then_some(self.bytes)
    }

    fn arguments_with_verb(&self) -> Arguments<'_> {
        Arguments::new(self.line())
    }
}

impl fmt::Debug for Frame {
    /// Shows the verb and sizes only: lines carry tickets, payloads carry what people say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("verb", &self.verb())
            .field("line_len", &self.line)
            .field("payload_len", &self.payload().map(<[u8]>::len))
            .finish()
    }
}
