//! The forms of mail that messages borrow: header blocks, encoded words, transfer encodings, dates.
//!
//! Offline messages come and go as little letters (`docs/protocol/13 §1.3`). Only what clients of
//! these services write is read here: one part of text, in UTF-8. Nothing is trusted to be well
//! formed, and what cannot be read is `None`, never half a text.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Characters in a line of base64 text.
const LINE: usize = 76;

/// Clients differ in whether they fill up the last group.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A header block and what follows it.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    head: &'a str,
    body: &'a [u8],
}

impl std::fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part")
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Part<'a> {
    /// Splits at the first blank line; line ends are CR LF or LF. `None` if there is no blank line
    /// or the head is not UTF-8.
    pub fn split(bytes: &'a [u8]) -> Option<Self> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..)?;
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let line = rest.get(..end)?;
            let next = at + end + 1;
            if line.is_empty() || line == b"\r" {
                return Some(Self {
                    head: std::str::from_utf8(bytes.get(..at)?).ok()?,
                    body: bytes.get(next..)?,
                });
            }
            at = next;
        }
    }

    /// The value of the first header with this name, in any case, without the blanks around it.
    /// A value that goes on in the next line is cut there: no client folds what is read here.
    pub fn header(self, name: &str) -> Option<&'a str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The text of the body. `None` if it is not plain text, in another character set than UTF-8,
    /// or not readable in the transfer encoding that the head names.
    pub fn text(self) -> Option<String> {
        if let Some(content_type) = self.header("Content-Type") {
            let mut parameters = content_type.split(';').map(str::trim);
            let kind = parameters.next().unwrap_or_default();
            let is_utf8 = parameters.all(charset_suits);
            if !kind.eq_ignore_ascii_case("text/plain") || !is_utf8 {
                return None;
            }
        }
        let encoding = self.header("Content-Transfer-Encoding").unwrap_or("8bit");
        let bytes = match encoding.to_ascii_lowercase().as_str() {
            "base64" => decode_base64(self.body)?,
            "quoted-printable" => decode_quoted(self.body, b'=')?,
            "7bit" | "8bit" | "binary" => self.body.to_vec(),
            _ => return None,
        };
        String::from_utf8(bytes).ok()
    }
}

/// Whether a parameter of a content type leaves the text readable as UTF-8.
fn charset_suits(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return true;
    };
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|known| value.eq_ignore_ascii_case(known))
}

fn decode_base64(body: &[u8]) -> Option<Vec<u8>> {
    let dense: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    LENIENT.decode(dense).ok()
}

/// Undoes quoted-printable; an escape at the end of a line joins it with the next.
fn decode_quoted(body: &[u8], escape: u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte == escape, after) {
            (false, _) => {
                bytes.push(byte);
                after
            }
            (true, [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]) => after,
            (true, [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                after
            }
            (true, _) => return None,
        };
    }
    Some(bytes)
}

/// The text as one encoded word, however long: clients split at the question marks and expect
/// exactly one (`docs/protocol/13 §1.1`).
pub fn encoded_word(text: &str) -> String {
    format!("=?utf-8?B?{}?=", STANDARD.encode(text))
}

/// The text behind encoded words with blanks between them; text without any is taken as it is.
/// `None` for words that cannot be read.
pub fn decoded_words(text: &str) -> Option<String> {
    if !text.trim_start().starts_with("=?") {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::new();
    for word in text.split_ascii_whitespace() {
        let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
        let mut fields = inner.splitn(3, '?');
        let (charset, encoding, payload) = (fields.next()?, fields.next()?, fields.next()?);
        if !charset_suits(&format!("charset={charset}")) {
            return None;
        }
        match encoding {
            "B" | "b" => bytes.extend(decode_base64(payload.as_bytes())?),
            "Q" | "q" => {
                let spaced = payload.replace('_', " ");
                bytes.extend(decode_quoted(spaced.as_bytes(), b'=')?);
            }
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

/// Base64 in lines, each with a line feed at its end; nothing for no bytes.
pub fn base64_lines(bytes: &[u8]) -> String {
    let dense = STANDARD.encode(bytes);
    let mut lines = String::with_capacity(dense.len() + dense.len() / LINE + 1);
    for (index, character) in dense.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

/// A moment in Greenwich as mail has it: `2 Jan 2010 03:04:05 -0000`.
pub fn date(epoch_ms: i64) -> String {
    const FORM: &[BorrowedFormatItem<'_>] = format_description!(
        "[day padding:none] [month repr:short] [year] [hour]:[minute]:[second] -0000"
    );
    written(epoch_ms, FORM)
}

/// The same with the day of the week: `Sat, 2 Jan 2010 03:04:05 -0000`.
pub fn date_with_weekday(epoch_ms: i64) -> String {
    const FORM: &[BorrowedFormatItem<'_>] = format_description!("[weekday repr:short], ");
    written(epoch_ms, FORM) + &date(epoch_ms)
}

/// A moment in Greenwich to the millisecond, which sorts as text: `2010-01-02T03:04:05.000Z`.
pub fn iso_date(epoch_ms: i64) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    written(epoch_ms, FORM)
}

/// Writes a moment; one that no calendar has becomes the beginning of 1970.
fn written(epoch_ms: i64, form: &[BorrowedFormatItem<'_>]) -> String {
    let nanos = i128::from(epoch_ms) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .or_else(|_| OffsetDateTime::from_unix_timestamp(0))
        .ok()
        .and_then(|moment| moment.format(form).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(letter: &str) -> Option<String> {
        Part::split(letter.as_bytes()).and_then(Part::text)
    }

    #[test]
    fn a_letter_of_a_client_is_read_with_either_line_end() {
        let letter = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\
                      Content-Transfer-Encoding: base64\nX-OIM-Sequence-Num: 1\n\nSGVsbG8g\nQm9i\n";
        for letter in [letter.to_owned(), letter.replace('\n', "\r\n")] {
            let part = Part::split(letter.as_bytes()).unwrap();
            assert_eq!(part.header("x-oim-sequence-num"), Some("1"));
            assert_eq!(part.header("Date"), None);
            assert_eq!(part.text().unwrap(), "Hello Bob");
        }
    }

    #[test]
    fn each_transfer_encoding_is_undone() {
        let encoded = |name: &str, body: &str| {
            text(&format!("Content-Transfer-Encoding: {name}\r\n\r\n{body}"))
        };
        assert_eq!(encoded("Base64", "w6Q").as_deref(), Some("ä"));
        assert_eq!(
            encoded("quoted-printable", "a=C3=A4=\r\nb=3D=\nc").as_deref(),
            Some("aäb=c")
        );
        assert_eq!(encoded("8bit", "ä\r\n").as_deref(), Some("ä\r\n"));
        assert_eq!(text("A: b\n\nplain").as_deref(), Some("plain"));
        for (name, body) in [
            ("base64", "SGVsbG8*"),
            ("base64", "/w=="),
            ("quoted-printable", "=G0"),
            ("quoted-printable", "="),
            ("quoted-printable", "=é"),
            ("uuencode", "x"),
        ] {
            assert_eq!(encoded(name, body), None, "{name} {body}");
        }
    }

    #[test]
    fn what_is_no_plain_text_in_utf8_is_not_read() {
        for content_type in [
            "text/html",
            "multipart/mixed; boundary=x",
            "text/plain; charset=utf-16",
        ] {
            let letter = format!("Content-Type: {content_type}\n\nx");
            assert_eq!(text(&letter), None, "{content_type}");
        }
        assert_eq!(
            text("Content-Type: text/plain; format=flowed; charset=\"utf-8\"\n\nx").as_deref(),
            Some("x")
        );
        assert_eq!(text("no blank line\n"), None);
        assert_eq!(text(""), None);
        assert!(Part::split(b"A: \xff\n\nx").is_none());
        assert_eq!(text("\nx").as_deref(), Some("x"));
    }

    #[test]
    fn words_go_both_ways() {
        assert_eq!(encoded_word("Bob"), "=?utf-8?B?Qm9i?=");
        assert_eq!(decoded_words("=?utf-8?B?Qm9i?=").as_deref(), Some("Bob"));
        assert_eq!(
            decoded_words("=?UTF-8?Q?=C3=A4_b?= =?utf-8?b?Qm9i?= ").as_deref(),
            Some("ä bBob")
        );
        assert_eq!(decoded_words("Bob B").as_deref(), Some("Bob B"));
        assert_eq!(decoded_words("").as_deref(), Some(""));
        for bad in [
            "=?utf-8?B?Qm9i",
            "=?utf-8?X?Qm9i?=",
            "=?utf-7?B?Qm9i?=",
            "=?",
            "=?=",
        ] {
            assert_eq!(decoded_words(bad), None, "{bad}");
        }
    }

    #[test]
    fn base64_has_lines_of_76() {
        assert_eq!(base64_lines(b""), "");
        assert_eq!(base64_lines(b"Hello Bob"), "SGVsbG8gQm9i\n");
        let lines = base64_lines(&[0; 100]);
        let lengths: Vec<usize> = lines.lines().map(str::len).collect();
        assert_eq!(lengths, [76, 60]);
        assert_eq!(base64_lines(&[0; 57]).matches('\n').count(), 1);
    }

    #[test]
    fn dates_are_as_the_reference_has_them() {
        let at = 1_262_401_445_000;
        assert_eq!(date(at), "2 Jan 2010 03:04:05 -0000");
        assert_eq!(date_with_weekday(at), "Sat, 2 Jan 2010 03:04:05 -0000");
        assert_eq!(iso_date(at + 7), "2010-01-02T03:04:05.007Z");
        assert_eq!(iso_date(i64::MAX), "1970-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_was_written_is_read(bytes: Vec<u8>, word: String) {
            if let Some(part) = Part::split(&bytes) {
                let _ = part.text();
            }
            let _ = decoded_words(&word);
            prop_assert_eq!(decoded_words(&encoded_word(&word)), Some(word));
            prop_assert_eq!(decode_base64(base64_lines(&bytes).as_bytes()), Some(bytes));
        }
    }
}
