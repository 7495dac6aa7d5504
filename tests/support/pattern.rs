//! Text with placeholders: rendered for what is sent, matched against what arrived.
//!
//! A placeholder `{name}` stands for a value. A value that is not known yet is captured from
//! what arrives at its place, and from then on it is fixed. Matching never changes the known
//! values; it returns the new ones, so that a failed attempt leaves no trace.

use std::collections::BTreeMap;
use std::fmt;

use super::{challenge, single_sign_on};

/// The values of placeholders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values(BTreeMap<String, Vec<u8>>);

impl Values {
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Takes over the values that a match has captured.
    pub(crate) fn learn(&mut self, captured: Self) {
        self.0.extend(captured.0);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Value(String),
    /// `{md5 challenge password}`
    PasswordAnswer(String, String),
    /// `{qry challenge product}`
    ProductAnswer(String, String),
    /// `{sso nonce key}`
    SignedNonce(String, String),
    /// `*` as a whole field.
    Field,
    /// `...` at the end of a line: nothing, or a space and whatever follows.
    Rest,
    /// `| ...`: any number of whole payload lines.
    Lines,
}

/// What a text is part of; it decides which wildcards there are and what a value may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Sent,
    Line,
    Payload,
}

/// Text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pieces: Vec<Piece>,
    place: Place,
}

impl Text {
    /// Text that is only ever sent or computed: there are no wildcards in it.
    pub(crate) fn sent(source: &str) -> Result<Self, String> {
        Ok(Self {
            pieces: pieces(source, false)?,
            place: Place::Sent,
        })
    }

    /// Text with `\r`, `\n`, `\t`, `\\` and `\xNN` in it.
    pub(crate) fn escaped(source: &str) -> Result<Self, String> {
        Ok(Self {
            pieces: pieces(source, true)?,
            place: Place::Sent,
        })
    }

    /// An expected command line, where `*` is one field and a final `...` is any further fields.
    pub(crate) fn line(source: &str) -> Result<Self, String> {
        let (source, rest) = match source.strip_suffix("...") {
            Some(head) if head.is_empty() || head.ends_with(' ') => (head.trim_end(), true),
            _ => (source, false),
        };
        let mut all = Vec::new();
        for (index, field) in source.split(' ').enumerate() {
            if index > 0 {
                all.push(Piece::Literal(b" ".to_vec()));
            }
            if field == "*" {
                all.push(Piece::Field);
            } else {
                all.push(Piece::Literal(field.as_bytes().to_vec()));
            }
        }
        // Placeholders with arguments hold spaces, so they are read from the whole line.
        let mut parsed = Vec::new();
        for piece in join(all) {
            match piece {
                Piece::Literal(text) => {
                    let text = String::from_utf8(text).map_err(|error| error.to_string())?;
                    parsed.extend(pieces(&text, false)?);
                }
                other => parsed.push(other),
            }
        }
        if rest {
            parsed.push(Piece::Rest);
        }
        Ok(Self {
            pieces: parsed,
            place: Place::Line,
        })
    }

    /// Nothing yet; payload lines are added one by one.
    pub(crate) fn payload() -> Self {
        Self {
            pieces: Vec::new(),
            place: Place::Payload,
        }
    }

    /// Adds a payload line; `end` is what follows it on the wire.
    pub(crate) fn add_payload_line(&mut self, source: &str, end: &str) -> Result<(), String> {
        if source == "..." {
            self.pieces.push(Piece::Lines);
            return Ok(());
        }
        self.pieces.extend(pieces(source, false)?);
        self.pieces.push(Piece::Literal(end.as_bytes().to_vec()));
        Ok(())
    }

    /// Adds payload bytes written with escapes.
    pub(crate) fn add_payload_bytes(&mut self, source: &str) -> Result<(), String> {
        self.pieces.extend(pieces(source, true)?);
        Ok(())
    }

    /// The length, where no value can change it.
    pub(crate) fn fixed_length(&self) -> Option<usize> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(bytes) => Some(bytes.len()),
                _ => None,
            })
            .sum()
    }

    /// The names whose values have to be known before this can be sent.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().flat_map(|piece| {
            let (first, second) = match piece {
                Piece::Value(name)
                | Piece::PasswordAnswer(name, _)
                | Piece::ProductAnswer(name, _) => (Some(name), None),
                Piece::SignedNonce(nonce, key) => (Some(nonce), Some(key)),
                Piece::Literal(_) | Piece::Field | Piece::Rest | Piece::Lines => (None, None),
            };
            first.into_iter().chain(second).map(String::as_str)
        })
    }

    /// The names that are captured where this is expected.
    pub(crate) fn captures(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The first bytes, as far as no placeholder comes before them.
    pub(crate) fn starts_with(&self, prefix: &[u8]) -> bool {
        matches!(self.pieces.first(), Some(Piece::Literal(text)) if text.starts_with(prefix))
    }

    /// The bytes to send.
    pub(crate) fn render(&self, values: &Values) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            match known(piece, values) {
                Some(text) => bytes.extend_from_slice(&text),
                None => return Err(format!("{piece} is not known yet")),
            }
        }
        Ok(bytes)
    }

    /// Compares with what arrived; answers the values that were captured on the way.
    pub(crate) fn matches(&self, arrived: &[u8], values: &Values) -> Option<Values> {
        let mut captured = Values::default();
        self.match_from(&self.pieces, arrived, values, &mut captured)
            .then_some(captured)
    }

    fn match_from(
        &self,
        pieces: &[Piece],
        arrived: &[u8],
        values: &Values,
        captured: &mut Values,
    ) -> bool {
        let Some((piece, pieces)) = pieces.split_first() else {
            return arrived.is_empty();
        };
        let fixed = match piece {
            Piece::Value(name) => captured.get(name).map(<[u8]>::to_vec),
            _ => None,
        };
        if let Some(text) = fixed.or_else(|| known(piece, values)) {
            return arrived
                .strip_prefix(text.as_slice())
                .is_some_and(|rest| self.match_from(pieces, rest, values, captured));
        }
        match piece {
            Piece::Rest => arrived.is_empty() || arrived.starts_with(b" "),
            Piece::Lines => line_starts(arrived)
                .any(|at| self.match_from(pieces, &arrived[at..], values, captured)),
            Piece::Value(_) | Piece::Field => {
                let stops: &[u8] = if self.place == Place::Payload {
                    b"\r\n"
                } else {
                    b" "
                };
                let shortest = usize::from(self.place != Place::Payload);
                let longest = arrived
                    .iter()
                    .position(|byte| stops.contains(byte))
                    .unwrap_or(arrived.len());
                (shortest..=longest).rev().any(|length| {
                    let (value, rest) = arrived.split_at(length);
                    let before = captured.clone();
                    if let Piece::Value(name) = piece {
                        captured.set(name, value);
                    }
                    let fits = self.match_from(pieces, rest, values, captured);
                    if !fits {
                        *captured = before;
                    }
                    fits
                })
            }
            // A computed answer whose challenge is not known matches nothing.
            Piece::Literal(_)
            | Piece::PasswordAnswer(..)
            | Piece::ProductAnswer(..)
            | Piece::SignedNonce(..) => false,
        }
    }

    /// For people: known values are shown, the others keep their names.
    pub(crate) fn describe(&self, values: &Values) -> String {
        self.pieces
            .iter()
            .map(|piece| match known(piece, values) {
                Some(text) => printable(&text),
                None => piece.to_string(),
            })
            .collect()
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(&printable(text)),
            Self::Value(name) => write!(f, "{{{name}}}"),
            Self::PasswordAnswer(name, password) => write!(f, "{{md5 {name} {password}}}"),
            Self::ProductAnswer(name, product) => write!(f, "{{qry {name} {product}}}"),
            Self::SignedNonce(nonce, key) => write!(f, "{{sso {nonce} {key}}}"),
            Self::Field => f.write_str("*"),
            Self::Rest => f.write_str(" ..."),
            Self::Lines => f.write_str("...\\r\\n"),
        }
    }
}

/// Bytes as a person can read them, with everything unusual as an escape.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes
        .utf8_chunks()
        .flat_map(|chunk| {
            let valid = chunk.valid().chars().map(|c| match c {
                '\r' => "\\r".to_owned(),
                '\n' => "\\n".to_owned(),
                c if c.is_control() => format!("\\x{:02x}", c as u32),
                c => c.to_string(),
            });
            let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
            valid.chain(invalid).collect::<Vec<_>>()
        })
        .collect()
}

/// The bytes a piece stands for, if they are known.
fn known(piece: &Piece, values: &Values) -> Option<Vec<u8>> {
    match piece {
        Piece::Literal(text) => Some(text.clone()),
        Piece::Value(name) => values.get(name).map(<[u8]>::to_vec),
        Piece::PasswordAnswer(name, password) => values
            .get(name)
            .map(|value| challenge::password_answer(value, password.as_bytes()).into_bytes()),
        Piece::ProductAnswer(name, product) => values
            .get(name)
            .and_then(|value| challenge::product_answer(value, product))
            .map(String::into_bytes),
        Piece::SignedNonce(nonce, key) => {
            single_sign_on::signed_nonce(values.get(nonce)?, values.get(key)?)
                .map(String::into_bytes)
        }
        Piece::Field | Piece::Rest | Piece::Lines => None,
    }
}

/// Where whole lines start, the end included.
fn line_starts(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let ends = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends)
}

/// Joins neighbouring literals.
fn join(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Literal(text)), Piece::Literal(more)) => text.extend(more),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// Splits text at its placeholders. Braces that are no placeholder are text: product ids have
/// them.
fn pieces(source: &str, escapes: bool) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        pieces.push(literal(before, escapes)?);
        match placeholder(from)? {
            Some((piece, length)) => {
                pieces.push(piece);
                rest = &from[length..];
            }
            None => {
                pieces.push(Piece::Literal(b"{".to_vec()));
                rest = &from[1..];
            }
        }
    }
    pieces.push(literal(rest, escapes)?);
    pieces.retain(|piece| *piece != Piece::Literal(Vec::new()));
    Ok(join(pieces))
}

fn literal(text: &str, escapes: bool) -> Result<Piece, String> {
    if !escapes {
        return Ok(Piece::Literal(text.as_bytes().to_vec()));
    }
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let (byte, length) = match rest.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => {
                let digits = rest.get(1..3).unwrap_or_default();
                let byte = u8::from_str_radix(digits, 16)
                    .map_err(|_| format!("\\x{digits} is no byte"))?;
                (byte, 3)
            }
            _ => return Err(format!("unknown escape in {text:?}")),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(Piece::Literal(bytes))
}

/// Reads a placeholder at the start of `source`; answers it and its length.
fn placeholder(source: &str) -> Result<Option<(Piece, usize)>, String> {
    let Some(end) = source.find('}') else {
        return Ok(None);
    };
    let inner = &source[1..end];
    let mut words = inner.splitn(3, ' ');
    let piece = match (words.next(), words.next(), words.next()) {
        (Some(name), None, None) if is_name(name) => Piece::Value(name.to_owned()),
        (Some("md5"), Some(name), Some(password)) => {
            Piece::PasswordAnswer(name.to_owned(), password.to_owned())
        }
        (Some("qry"), Some(name), Some(product)) => {
            if challenge::product_answer(b"", product).is_none() {
                return Err(format!("the key of the product {product} is not known"));
            }
            Piece::ProductAnswer(name.to_owned(), product.to_owned())
        }
        (Some("sso"), Some(nonce), Some(key)) => {
            Piece::SignedNonce(nonce.to_owned(), key.to_owned())
        }
        (Some("repeat"), Some(text), Some(times)) => {
            let times = times
                .parse()
                .map_err(|_| format!("{times} is no number of repetitions"))?;
            Piece::Literal(text.repeat(times).into_bytes())
        }
        _ => return Ok(None),
    };
    Ok(Some((piece, end + 1)))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        let mut values = Values::default();
        for (name, value) in pairs {
            values.set(name, *value);
        }
        values
    }

    fn captured(pattern: &str, arrived: &str) -> Option<Values> {
        Text::line(pattern)
            .unwrap()
            .matches(arrived.as_bytes(), &Values::default())
    }

    #[test]
    fn a_line_without_wildcards_matches_only_itself() {
        assert!(captured("NLN NLN a@b.c A", "NLN NLN a@b.c A").is_some());
        for other in ["NLN NLN a@b.c", "NLN NLN a@b.c A ", "NLN  NLN a@b.c A"] {
            assert!(captured("NLN NLN a@b.c A", other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_star_is_exactly_one_field() {
        assert!(captured("ADD 1 FL * a@b.c", "ADD 1 FL 14 a@b.c").is_some());
        assert!(captured("ADD 1 FL * a@b.c", "ADD 1 FL a@b.c").is_none());
        assert!(captured("ADD 1 FL * a@b.c", "ADD 1 FL 1 2 a@b.c").is_none());
        assert!(captured("FND 1 city=*", "FND 1 city=x").is_none());
    }

    #[test]
    fn three_dots_are_any_further_fields() {
        for arrived in ["SYN 8 12", "SYN 8 12 2 2"] {
            assert!(captured("SYN 8 12 ...", arrived).is_some(), "{arrived}");
        }
        assert!(captured("SYN 8 12 ...", "SYN 8 123").is_none());
    }

    #[test]
    fn a_value_is_captured_once_and_fixed_then() {
        let seen = captured("XFR 1 SB {addr} CKI {ticket}", "XFR 1 SB 1.2.3.4:5 CKI abc").unwrap();
        assert_eq!(seen, values(&[("addr", "1.2.3.4:5"), ("ticket", "abc")]));
        assert!(captured("{a} {a}", "x x").is_some());
        assert!(captured("{a} {a}", "x y").is_none());
        let line = Text::line("RNG {session}").unwrap();
        assert!(
            line.matches(b"RNG 7", &values(&[("session", "7")]))
                .is_some()
        );
        assert!(
            line.matches(b"RNG 8", &values(&[("session", "7")]))
                .is_none()
        );
    }

    #[test]
    fn braces_that_are_no_placeholder_are_text() {
        let text = Text::sent("QRY 1 PROD0090YUAUV{2B 32 {x").unwrap();
        assert_eq!(
            text.render(&Values::default()).unwrap(),
            b"QRY 1 PROD0090YUAUV{2B 32 {x"
        );
    }

    #[test]
    fn answers_are_computed_from_captured_challenges() {
        let text = Text::sent("USR 4 MD5 S {md5 challenge secret}").unwrap();
        let values = values(&[
            ("challenge", "1100000000.12345"),
            ("chl", "15570131571988941333"),
        ]);
        assert_eq!(
            text.render(&values).unwrap(),
            b"USR 4 MD5 S b2ce2bc9e58f8ee57a5606c900cd68c3"
        );
        let text = Text::sent("{qry chl PROD0090YUAUV{2B}").unwrap();
        assert_eq!(
            text.render(&values).unwrap(),
            b"d8d8cb2c2043a603d8286a3343143ee1"
        );
        assert!(Text::sent("{qry chl NOPRODUCT}").is_err());
    }

    #[test]
    fn what_is_not_known_cannot_be_sent() {
        let text = Text::sent("USR 1 {ticket}").unwrap();
        assert_eq!(text.needs().collect::<Vec<_>>(), ["ticket"]);
        assert!(text.render(&Values::default()).is_err());
    }

    #[test]
    fn payload_lines_may_be_left_out() {
        let mut payload = Text::payload();
        payload
            .add_payload_line("MIME-Version: 1.0", "\r\n")
            .unwrap();
        payload.add_payload_line("...", "\r\n").unwrap();
        payload.add_payload_line("sid: {sid}", "\r\n").unwrap();
        payload.add_payload_line("...", "\r\n").unwrap();
        payload.add_payload_line("", "\r\n").unwrap();
        let arrived = b"MIME-Version: 1.0\r\nX: 1\r\nsid: 507\r\nkv: 1\r\n\r\n";
        let seen = payload.matches(arrived, &Values::default()).unwrap();
        assert_eq!(seen.get("sid"), Some(b"507".as_slice()));
        assert!(
            payload
                .matches(b"MIME-Version: 1.0\r\n\r\n", &Values::default())
                .is_none()
        );
    }

    #[test]
    fn escapes_give_any_byte() {
        let text = Text::escaped("a\\x00\\xff\\r\\n\\\\").unwrap();
        assert_eq!(text.render(&Values::default()).unwrap(), b"a\0\xff\r\n\\");
        assert!(Text::escaped("\\q").is_err());
        assert!(Text::escaped("\\x9").is_err());
        assert_eq!(printable(b"a\0\xff\r\n"), "a\\x00\\xff\\r\\n");
    }

    #[test]
    fn repetitions_are_written_short() {
        let text = Text::sent("{repeat ab 3}").unwrap();
        assert_eq!(text.fixed_length(), Some(6));
        assert_eq!(text.render(&Values::default()).unwrap(), b"ababab");
    }
}
