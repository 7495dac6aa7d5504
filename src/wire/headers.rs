//! The header block inside message payloads that the server itself writes.

use std::fmt::Write;

/// A block of `Name: value` lines with the blank line that ends it.
#[derive(Debug, Default)]
pub struct HeaderBlock(String);

impl HeaderBlock {
    /// Starts with the line that every message payload starts with.
    pub fn message(content_type: &str) -> Self {
        Self::default()
            .with("MIME-Version", "1.0")
            .with("Content-Type", content_type)
    }

    /// Appends a header. The value holds no line end: values come from the server.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let _ = write!(self.0, "{name}: {value}\r\n");
        self
    }

    /// Ends the headers; what is appended from here on is the body, in the same form.
    #[must_use]
    pub fn then_body(mut self) -> Self {
        self.0.push_str("\r\n");
        self
    }

    /// The bytes, with the blank line at the end.
    pub fn finish(self) -> Vec<u8> {
        self.then_body().into_bytes()
    }

    /// The bytes as they are.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_profile_has_95_bytes() {
        let block = HeaderBlock::message("text/x-msmsgsprofile; charset=UTF-8")
            .with("LoginTime", 1_100_000_000);
        // The length that docs/protocol/transcripts/msnp02-full-session.txt shows.
        assert_eq!(block.finish().len(), 95);
    }
}
