//! Presence of contacts (`docs/protocol/02 §7.3, §10`).

use super::{CapabilityStyle, Dialect, PhoneStyle, status};
use crate::model::{Address, Label, MessageChange, PersonalMessage, Phone, Presence, PresenceNews};
use crate::wire::{LineWriter, Outbox};

impl Dialect {
    /// A contact who is online already when the client signs in, adds them or becomes visible;
    /// `trid` is the command that caused it.
    pub fn initial_presence(self, trid: u32, presence: &Presence, out: &mut Outbox) {
        let line = out
            .line("ILN")
            .arg(trid)
            .arg(status::word(presence.status))
            .arg(presence.address.as_str());
        self.presence_fields(presence, line);
        self.personal_message(presence, out);
    }

    /// A contact appeared or changed.
    pub fn presence_news(self, presence: &Presence, news: PresenceNews, out: &mut Outbox) {
        match news {
            PresenceNews::Appeared => {
                self.changed_presence(presence, out);
                self.personal_message(presence, out);
            }
            PresenceNews::State => self.changed_presence(presence, out),
            PresenceNews::Message => self.personal_message(presence, out),
            PresenceNews::Endpoints if self.has_endpoints() => self.personal_message(presence, out),
            PresenceNews::Endpoints => {}
        }
    }

    fn changed_presence(self, presence: &Presence, out: &mut Outbox) {
        let line = out
            .line("NLN")
            .arg(status::word(presence.status))
            .arg(presence.address.as_str());
        self.presence_fields(presence, line);
    }

    /// The fields that both presence lines end with.
    ///
    /// COMPAT: BitlBee counts the fields of MSNP8, so the picture never goes below MSNP9
    /// (`docs/protocol/02 §7.3`).
    pub(super) fn presence_fields(self, presence: &Presence, line: LineWriter<'_>) {
        let line = line.arg(presence.name.as_str());
        let line = match self.capability_style() {
            CapabilityStyle::None => return line.end(),
            CapabilityStyle::Number | CapabilityStyle::Pair => {
                line.arg(presence.capabilities.basic)
            }
        };
        let picture = presence.picture.as_ref().filter(|_| self.has_picture());
        line.maybe(picture.map(Label::as_str)).end();
    }

    /// A contact's personal message and media, where the client knows such things. Without any,
    /// an empty payload says so.
    fn personal_message(self, presence: &Presence, out: &mut Outbox) {
        if self.has_personal_message() {
            let payload = personal_message_xml(&presence.message);
            out.line("UBX")
                .arg(presence.address.as_str())
                .payload(payload.as_bytes());
        }
    }

    /// A phone number or paging wish of a contact, on its own (`docs/protocol/02 §5`).
    pub fn contact_phone(
        self,
        revision: u64,
        address: &Address,
        phone: Phone,
        value: Option<&Label>,
        out: &mut Outbox,
    ) {
        let versioned = match self.phone_style() {
            PhoneStyle::None => return,
            PhoneStyle::VersionedAll | PhoneStyle::VersionedSet => Some(revision),
            PhoneStyle::Plain => None,
        };
        out.line("BPR")
            .maybe(versioned)
            .arg(address.as_str())
            .arg(phone_key(phone))
            .maybe(value.map(Label::as_str))
            .end();
    }
}

/// A contact went offline, or cannot be seen any more.
pub fn offline(address: &Address, out: &mut Outbox) {
    out.line("FLN").arg(address.as_str()).end();
}

/// The three letters of a phone property.
pub fn phone_key(phone: Phone) -> &'static str {
    match phone {
        Phone::Home => "PHH",
        Phone::Work => "PHW",
        Phone::Mobile => "PHM",
        Phone::MayPage => "MOB",
    }
}

/// Writes a personal message; nothing at all for an empty one (`docs/protocol/02 §10`).
pub fn personal_message_xml(message: &PersonalMessage) -> String {
    if message.text.is_empty() && message.media.is_empty() {
        return String::new();
    }
    let mut xml = String::from("<Data><PSM>");
    escape_into(&message.text, &mut xml);
    xml.push_str("</PSM><CurrentMedia>");
    escape_into(&message.media, &mut xml);
    xml.push_str("</CurrentMedia></Data>");
    xml
}

/// Escapes the five standard entities, as clients up to MSNP12 expect (`docs/protocol/02 §10`).
fn escape_into(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            other => xml.push(other),
        }
    }
}

/// The payload is not the XML that the command carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a personal message")]
pub struct NotPersonalMessage;

/// Reads the payload of `UUX`. Document types are refused, so no entity can grow.
pub fn read_personal_message(payload: &[u8]) -> Result<MessageChange, NotPersonalMessage> {
    if payload.is_empty() {
        return Ok(MessageChange::clear());
    }
    let text = std::str::from_utf8(payload).map_err(|_| NotPersonalMessage)?;
    let document = roxmltree::Document::parse(text).map_err(|_| NotPersonalMessage)?;
    let root = document.root_element();
    if root.tag_name().name() != "Data" {
        return Err(NotPersonalMessage);
    }
    let part = |name| {
        root.children()
            .find(|node| node.tag_name().name() == name)
            .map(|node| node.text().unwrap_or_default().into())
    };
    Ok(MessageChange {
        text: part("PSM"),
        media: part("CurrentMedia"),
        ..MessageChange::default()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::dialect;
    use super::*;
    use crate::model::{Capabilities, Status, UserId};

    fn bob() -> Presence {
        Presence {
            user: UserId(2),
            address: Address::parse("bob@example.com").unwrap(),
            name: Label::from_stored("Bob"),
            status: Status::Busy,
            capabilities: Capabilities {
                basic: 268_435_500,
                extended: 48,
            },
            picture: Some(Label::from_stored("%3Cmsnobj%2F%3E")),
            message: Arc::new(PersonalMessage {
                text: "a<b&\"c'".into(),
                ..PersonalMessage::default()
            }),
            endpoints: Arc::default(),
        }
    }

    fn rendered(render: impl FnOnce(&mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn presence_lines_have_each_versions_fields() {
        let nln = |number| {
            rendered(|out| dialect(number).presence_news(&bob(), PresenceNews::Appeared, out))
        };
        assert_eq!(nln(2), "NLN BSY bob@example.com Bob\r\n");
        assert_eq!(nln(7), nln(2));
        assert_eq!(nln(8), "NLN BSY bob@example.com Bob 268435500\r\n");
        assert_eq!(
            nln(9),
            "NLN BSY bob@example.com Bob 268435500 %3Cmsnobj%2F%3E\r\n"
        );
        assert_eq!(nln(10), nln(9));
        let xml = "<Data><PSM>a&lt;b&amp;&quot;c&apos;</PSM><CurrentMedia></CurrentMedia></Data>";
        assert_eq!(
            nln(11),
            format!("{}UBX bob@example.com {}\r\n{xml}", nln(9), xml.len())
        );
        let iln = rendered(|out| dialect(8).initial_presence(9, &bob(), out));
        assert_eq!(iln, "ILN 9 BSY bob@example.com Bob 268435500\r\n");
    }

    #[test]
    fn a_new_personal_message_is_nothing_to_older_clients() {
        let news = |number| {
            rendered(|out| dialect(number).presence_news(&bob(), PresenceNews::Message, out))
        };
        assert_eq!(news(10), "");
        assert!(news(11).starts_with("UBX bob@example.com "));
    }

    #[test]
    fn nobody_without_a_message_gets_an_empty_payload() {
        let mut quiet = bob();
        quiet.message = Arc::default();
        quiet.picture = None;
        let text = rendered(|out| dialect(11).initial_presence(4, &quiet, out));
        assert_eq!(
            text,
            "ILN 4 BSY bob@example.com Bob 268435500\r\nUBX bob@example.com 0\r\n"
        );
    }

    #[test]
    fn phone_lines_carry_a_version_up_to_msnp9() {
        let bpr = |number, value: Option<&str>| {
            let label = value.map(Label::from_stored);
            rendered(|out| {
                dialect(number).contact_phone(14, &bob().address, Phone::Home, label.as_ref(), out);
            })
        };
        assert_eq!(bpr(4, None), "");
        assert_eq!(
            bpr(5, Some("555%200199")),
            "BPR 14 bob@example.com PHH 555%200199\r\n"
        );
        assert_eq!(bpr(9, None), "BPR 14 bob@example.com PHH\r\n");
        assert_eq!(bpr(12, Some("1")), "BPR bob@example.com PHH 1\r\n");
    }

    #[test]
    fn personal_messages_are_read_part_by_part() {
        let read = |xml: &str| read_personal_message(xml.as_bytes());
        let change = read("<Data><PSM>at &lt;work&gt;</PSM><CurrentMedia></CurrentMedia></Data>");
        assert_eq!(
            change,
            Ok(MessageChange {
                text: Some("at <work>".into()),
                media: Some("".into()),
                ..MessageChange::default()
            })
        );
        assert_eq!(read("<Data/>"), Ok(MessageChange::default()));
        assert_eq!(read("").unwrap().text, Some("".into()));
        for bad in [
            "<Data><PSM>",
            "<Other/>",
            "x",
            "<!DOCTYPE Data [<!ENTITY a \"b\">]><Data><PSM>&a;</PSM></Data>",
        ] {
            assert_eq!(read(bad), Err(NotPersonalMessage), "{bad}");
        }
        assert_eq!(
            read_personal_message(b"<Data>\xff</Data>"),
            Err(NotPersonalMessage)
        );
    }
}
