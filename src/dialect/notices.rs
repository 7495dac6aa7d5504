//! What clients are told outside of lists, presence and conversations: small messages of other
//! clients, and that the own address book has changed.

use super::Dialect;
use crate::model::{Address, DirectKind, DirectMessage, Guid, Notice, UserId};
use crate::wire::Outbox;
use crate::xml::{escape_into, utc};

/// Whether a notice of this kind signs out who gets it, if it comes from their own account
/// (`docs/protocol/10 §6.1`). Clients put different words into it, so the words do not count.
pub fn signs_out(kind: u32) -> bool {
    matches!(kind, 4 | 8)
}

/// Reads who a notice or a call is for, or who a client is: an address, and a machine behind a
/// semicolon if only one is meant.
pub fn read_target(field: &str) -> Option<(Address, Option<Guid>)> {
    let (address, machine) = match field.split_once(';') {
        Some((address, machine)) => (address, Some(Guid::parse(machine)?)),
        None => (field, None),
    };
    Some((Address::parse(address).ok()?, machine))
}

/// Reads the number of a kind of message (`docs/protocol/10 §6.2`).
pub fn read_direct_kind(number: u32) -> Option<DirectKind> {
    match number {
        1 => Some(DirectKind::Text),
        2 => Some(DirectKind::Typing),
        3 => Some(DirectKind::Nudge),
        _ => None,
    }
}

fn direct_kind_number(kind: DirectKind) -> u32 {
    match kind {
        DirectKind::Text => 1,
        DirectKind::Typing => 2,
        DirectKind::Nudge => 3,
    }
}

impl Dialect {
    /// A small message of another client, as it was sent.
    pub fn notice(self, notice: &Notice, out: &mut Outbox) {
        if !self.has_notices() {
            return;
        }
        let line = out.line("UBN");
        let from = notice.from.as_str();
        let line = match notice.from_endpoint.filter(|_| self.has_endpoints()) {
            Some(machine) => {
                let machine = machine.to_string();
                line.joined(&[&from, &";{", &machine.as_str(), &"}"])
            }
            None => line.arg(from),
        };
        line.arg(notice.kind).payload(&notice.body);
    }

    /// A message that was sent without a switchboard. Both addresses have their network behind
    /// them, in every version that has such messages (`docs/protocol/10 §6.2`).
    pub fn direct_message(self, message: &DirectMessage, out: &mut Outbox) {
        if !self.has_direct_messages() {
            return;
        }
        out.line("UBM")
            .arg(message.from.as_str())
            .arg("1")
            .arg(message.to.as_str())
            .arg("1")
            .arg(direct_kind_number(message.kind))
            .payload(&message.body);
    }

    /// Tells clients that fetch their list from the web that it has changed
    /// (`docs/protocol/10 §9`). `at` is in epoch milliseconds.
    pub fn book_notice(self, user: UserId, own: &Address, at: i64, out: &mut Outbox) {
        if !self.has_book_notices() {
            return;
        }
        let id = user.passport_id();
        let body = format!(
            "<NotificationData xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <Service>ABCHInternal</Service><CID>{}</CID>\
             <LastModifiedDate>{}</LastModifiedDate><HasNewItem>true</HasNewItem>\
             </NotificationData>",
            id.cast_signed(),
            utc(at),
        );
        let mut xml = format!(
            "<NOTIFICATION id=\"0\" siteid=\"45705\" siteurl=\"http://contacts.msn.com\">\
             <TO pid=\"0x{:08X}:0x{:08X}\" name=\"",
            id as u32,
            id >> 32,
        );
        escape_into(own.as_str(), &mut xml);
        xml.push_str(
            "\"><VIA agent=\"messenger\"/></TO><MSG id=\"0\"><SUBSCR url=\"s.htm\"/>\
             <ACTION url=\"a.htm\"/><BODY>",
        );
        escape_brackets(&body, &mut xml);
        xml.push_str("</BODY></MSG></NOTIFICATION>");
        out.line("NOT").payload(xml.as_bytes());
    }
}

/// Escapes text for the inside of an element, and no more than has to be: clients were sent
/// quotation marks as they are.
fn escape_brackets(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            other => xml.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    const LAPTOP: &str = "f52973b6-c926-4bad-9ba8-7c1e840e4ab0";

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn rendered(render: impl FnOnce(&mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_target_is_an_address_or_one_of_its_machines() {
        let bob = address("bob@example.net");
        let laptop = Guid::parse(LAPTOP);
        assert_eq!(read_target("Bob@example.net"), Some((bob.clone(), None)));
        let one = format!("bob@example.net;{{{}}}", LAPTOP.to_uppercase());
        assert_eq!(read_target(&one), Some((bob, laptop)));
        for bad in [
            "",
            "bob",
            "bob@example.net;",
            "bob@example.net;x",
            "1:bob@example.net;{}",
        ] {
            assert_eq!(read_target(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_notice_names_the_machine_to_those_who_know_machines() {
        let notice = Notice {
            from: address("alice@example.com"),
            from_endpoint: Guid::parse(LAPTOP),
            kind: 3,
            body: "x".into(),
        };
        let ubn = |number| rendered(|out| dialect(number).notice(&notice, out));
        assert_eq!(ubn(12), "");
        assert_eq!(ubn(15), "UBN alice@example.com 3 1\r\nx");
        assert_eq!(
            ubn(16),
            format!("UBN alice@example.com;{{{LAPTOP}}} 3 1\r\nx")
        );
    }

    #[test]
    fn a_direct_message_has_both_addresses_with_their_network() {
        let message = DirectMessage {
            from: address("dave@example.com"),
            to: address("alice@example.com"),
            kind: DirectKind::Typing,
            body: "x".into(),
        };
        let ubm = |number| rendered(|out| dialect(number).direct_message(&message, out));
        assert_eq!(ubm(13), "");
        assert_eq!(
            ubm(14),
            "UBM dave@example.com 1 alice@example.com 1 2 1\r\nx"
        );
        assert_eq!(ubm(18), ubm(14));
        for number in 1..=3 {
            assert_eq!(
                read_direct_kind(number).map(direct_kind_number),
                Some(number)
            );
        }
        assert_eq!(read_direct_kind(0), None);
    }

    #[test]
    fn the_note_about_the_address_book_is_that_of_the_reference() {
        let alice = address("alice@example.com");
        let not = |number| {
            rendered(|out| {
                dialect(number).book_notice(UserId(7), &alice, 1_262_401_445_999, out);
            })
        };
        assert_eq!(not(15), "");
        let expected = "<NOTIFICATION id=\"0\" siteid=\"45705\" siteurl=\"http://contacts.msn.com\">\
            <TO pid=\"0x00000007:0x00030000\" name=\"alice@example.com\"><VIA agent=\"messenger\"/></TO>\
            <MSG id=\"0\"><SUBSCR url=\"s.htm\"/><ACTION url=\"a.htm\"/><BODY>\
            &lt;NotificationData xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
            xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"&gt;\
            &lt;Service&gt;ABCHInternal&lt;/Service&gt;&lt;CID&gt;844424930131975&lt;/CID&gt;\
            &lt;LastModifiedDate&gt;2010-01-02T03:04:05Z&lt;/LastModifiedDate&gt;\
            &lt;HasNewItem&gt;true&lt;/HasNewItem&gt;&lt;/NotificationData&gt;\
            </BODY></MSG></NOTIFICATION>";
        for number in [16, 17, 18] {
            assert_eq!(not(number), format!("NOT {}\r\n{expected}", expected.len()));
        }
    }
}
