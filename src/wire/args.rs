//! A cursor over the fields of a command line.
//!
//! Fields are separated by any run of spaces and tabs, as the historic server took them
//! (`docs/protocol/00 §1.1`). A stray carriage return separates too, so no field ever holds one.

/// A field is missing, superfluous or not of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field is missing, superfluous or malformed")]
pub struct ArgumentError;

/// The fields that are not read yet.
#[derive(Debug, Clone)]
pub struct Arguments<'a> {
    rest: &'a [u8],
}

impl<'a> Arguments<'a> {
    /// Starts at the first field of `line`.
    pub fn new(line: &'a [u8]) -> Self {
        Self {
            rest: line.trim_ascii_start(),
        }
    }

    /// The next field as it stands, or `None` at the end.
    pub fn next_field(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self
            .rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        self.rest = rest.trim_ascii_start();
        Some(field)
    }

    /// The next field; an error at the end.
    pub fn field(&mut self) -> Result<&'a [u8], ArgumentError> {
        self.next_field().ok_or(ArgumentError)
    }

    /// The next field as UTF-8 text.
    pub fn text(&mut self) -> Result<&'a str, ArgumentError> {
        std::str::from_utf8(self.field()?).map_err(|_| ArgumentError)
    }

    /// The next field as a decimal number without sign.
    pub fn number(&mut self) -> Result<u32, ArgumentError> {
        number(self.field()?).ok_or(ArgumentError)
    }

    /// How many fields are left.
    pub fn remaining(&self) -> usize {
        self.clone().count_and_last().0
    }

    /// How many fields are left, and the last one of them.
    pub(super) fn count_and_last(mut self) -> (usize, Option<&'a [u8]>) {
        let mut count = 0;
        let mut last = None;
        while let Some(field) = self.next_field() {
            count += 1;
            last = Some(field);
        }
        (count, last)
    }

    /// Fails if anything is left.
    pub fn finish(mut self) -> Result<(), ArgumentError> {
        match self.next_field() {
            None => Ok(()),
            Some(_) => Err(ArgumentError),
        }
    }
}

/// Reads decimal digits; no sign, no blank, nothing beyond 32 bits.
pub(super) fn number(field: &[u8]) -> Option<u32> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0u32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_blanks_separate() {
        let mut args = Arguments::new(b" CHG  9\tNLN \r");
        assert_eq!(args.remaining(), 3);
        assert_eq!(args.field(), Ok(&b"CHG"[..]));
        assert_eq!(args.number(), Ok(9));
        assert_eq!(args.text(), Ok("NLN"));
        assert_eq!(args.finish(), Ok(()));
    }

    #[test]
    fn numbers_are_plain_digits() {
        for bad in ["-1", "+1", "1.5", "4294967296", "x", "0x10", "\u{664}"] {
            assert_eq!(
                Arguments::new(bad.as_bytes()).number(),
                Err(ArgumentError),
                "{bad}"
            );
        }
        assert_eq!(Arguments::new(b"4294967295").number(), Ok(u32::MAX));
        assert_eq!(Arguments::new(b"007").number(), Ok(7));
    }

    #[test]
    fn what_is_left_is_an_error() {
        let mut args = Arguments::new(b"a b");
        assert!(args.text().is_ok());
        assert_eq!(args.finish(), Err(ArgumentError));
    }
}
