//! One command as it came in.

use std::fmt;

use bytes::Bytes;

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
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    line: Bytes,
    payload: Option<Bytes>,
}

impl Frame {
    /// Puts a frame together; `line` has no line end and is not blank.
    pub fn new(line: Bytes, payload: Option<Bytes>) -> Self {
        Self { line, payload }
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
    pub fn line(&self) -> &Bytes {
        &self.line
    }

    /// The payload, where the verb carries one.
    pub fn payload(&self) -> Option<&Bytes> {
        self.payload.as_ref()
    }

    fn arguments_with_verb(&self) -> Arguments<'_> {
        Arguments::new(&self.line)
    }
}

impl fmt::Debug for Frame {
    /// Shows the verb and sizes only: lines carry tickets, payloads carry what people say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("verb", &self.verb())
            .field("line_len", &self.line.len())
            .field("payload_len", &self.payload.as_ref().map(Bytes::len))
            .finish()
    }
}
