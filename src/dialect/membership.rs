//! Lists as the clients since MSNP13 change them: many contacts in one piece of XML
//! (`docs/protocol/10 §3`).

use std::fmt::Write as _;

use crate::model::{Address, Label};
use crate::wire::Outbox;

/// Tells that somebody put the client's owner on their forward list.
pub(super) fn followed(by: &Address, name: &Label, out: &mut Outbox) {
    push("ADL", by, Some(name), out);
}

/// Tells that somebody took the client's owner off their forward list.
pub(super) fn unfollowed(by: &Address, out: &mut Outbox) {
    push("RML", by, None, out);
}

fn push(verb: &str, by: &Address, name: Option<&Label>, out: &mut Outbox) {
    let (local, domain) = halves(by);
    let mut xml = String::from("<ml><d n=\"");
    escape_into(domain, &mut xml);
    xml.push_str("\"><c n=\"");
    escape_into(local, &mut xml);
    xml.push_str("\" t=\"1\" l=\"8\" ");
    if let Some(name) = name {
        xml.push_str("f=\"");
        escape_into(name.as_str(), &mut xml);
        xml.push_str("\" ");
    }
    xml.push_str("/></d></ml>");
    out.line(verb).arg("0").payload(xml.as_bytes());
}

/// What stands before and behind the sign in an address.
fn halves(address: &Address) -> (&str, &str) {
    address
        .as_str()
        .split_once('@')
        .unwrap_or((address.as_str(), ""))
}

/// Escapes text for an attribute in either kind of quotes.
fn escape_into(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            // What XML takes for white space would come out as a blank.
            '\t' | '\n' | '\r' => {
                let _ = write!(xml, "&#{};", u32::from(character));
            }
            other => xml.push(other),
        }
    }
}
