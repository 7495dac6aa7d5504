//! The small parsers: addresses, names, mail headers, fields of a line, offers of versions. The
//! first byte is a bound where one is needed.

use chrysalis::dialect::Dialect;
use chrysalis::mime::{self, Part};
use chrysalis::model::{Address, Guid, Label};
use chrysalis::wire::Arguments;
use chrysalis::xml;

pub(crate) fn check(input: &[u8]) {
    let [max, bytes @ ..] = input else {
        return;
    };
    label(bytes, usize::from(*max) * 2);
    fields(bytes);
    if let Some(part) = Part::split(bytes) {
        for name in ["Content-Type", "Content-Transfer-Encoding", "From", ""] {
            let value = part.header(name);
            assert!(value.is_none_or(|value| !value.contains('\n')));
        }
        let _ = part.text();
    }
    let encoded = mime::base64_lines(bytes);
    assert!(encoded.lines().all(|line| line.len() <= 76), "{encoded}");
    if let Ok(text) = std::str::from_utf8(bytes) {
        address(text);
        typed(text, usize::from(*max) * 2);
        words(text);
        let _ = Dialect::negotiate(text.split(' '));
        if let Some(guid) = Guid::parse(text) {
            assert_eq!(Guid::parse(&guid.to_string()), Some(guid));
        }
    }
}

fn address(text: &str) {
    let Ok(address) = Address::parse(text) else {
        return;
    };
    let folded = address.as_str();
    assert_eq!(Address::parse(folded).as_ref(), Ok(&address), "{text:?}");
    assert!(!folded.contains(|it: char| it.is_whitespace() || it.is_control()));
    assert!(folded.ends_with(address.domain()) && folded.contains('@'));
}

/// A label never breaks a line, keeps its bound, and is itself when it comes back.
fn label(bytes: &[u8], max: usize) {
    let Ok(label) = Label::from_wire(bytes, max) else {
        return;
    };
    let spelled = label.as_str();
    assert!(spelled.len() <= max);
    let is_plain = |byte: u8| byte != b' ' && !byte.is_ascii_control();
    assert!(spelled.bytes().all(is_plain), "{spelled:?}");
    let again = Label::from_wire(spelled.as_bytes(), max);
    assert_eq!(again.as_ref().map(Label::as_str), Ok(spelled));
    let _ = label.to_text();
}

fn typed(text: &str, max: usize) {
    for label in [Label::from_text(text, max), Label::from_typed(text, max)]
        .into_iter()
        .flatten()
    {
        assert!(label.as_str().len() <= max);
        assert_eq!(label.to_text(), text, "{label:?}");
    }
}

fn words(text: &str) {
    let encoded = mime::encoded_word(text);
    assert_eq!(mime::decoded_words(&encoded).as_deref(), Some(text));
    let _ = mime::decoded_words(text);
    let mut escaped = String::new();
    xml::escape_into(text, &mut escaped);
    let document = format!("<a>{escaped}</a>");
    roxmltree::Document::parse(&document).unwrap_or_else(|error| panic!("{document:?}: {error}"));
}

fn fields(bytes: &[u8]) {
    let mut arguments = Arguments::new(bytes);
    let count = arguments.remaining();
    for left in (0..count).rev() {
        let field = arguments.field();
        let field = field.unwrap_or_else(|_| panic!("{count} fields were announced"));
        assert!(!field.is_empty() && !field.iter().any(u8::is_ascii_whitespace));
        assert_eq!(arguments.remaining(), left);
    }
    assert!(arguments.finish().is_ok());
}
