//! Circles on the wire: notices about their rosters, presence by way of them, and what clients
//! publish in them (`docs/protocol/10 §10`).

use super::blocks::{CIRCLE_DOMAIN, Notification, Party};
use super::verbs::Usage;
use super::{Dialect, status};
use crate::model::{
    Address, CircleEvent, CircleId, CircleNews, Label, Presence, PresenceNews, UserId,
};
use crate::wire::{Outbox, Verb};
use crate::xml::escape_into;

/// What the bodies of circles are.
pub const CONTENT_TYPE: &str = "application/circles+xml";
/// The place that all of it is about.
pub const URI: &str = "/circle";
/// The one roster that a circle has, and the path of its conversation.
pub const ROSTER: &str = "IM";

/// One circle and one of its members, who is told.
#[derive(Debug)]
pub struct CircleNotices {
    circle: Party,
    member: Party,
}

impl CircleNotices {
    /// Notices of `circle` to `member`.
    pub fn new(circle: CircleId, member: &Address) -> Self {
        Self {
            circle: Party::Circle {
                id: circle,
                path: None,
            },
            member: Party::Person {
                address: member.clone(),
                endpoint: None,
            },
        }
    }

    /// Everybody in the roster; replaces what the client knew of it.
    pub fn roster(&self, people: &[Address], out: &mut Outbox) {
        self.put(0, true, &roster_xml(people), out);
    }

    /// Somebody more is in the roster.
    pub fn joined(&self, who: &Address, number: u32, out: &mut Outbox) {
        self.put(number, false, &roster_xml(std::slice::from_ref(who)), out);
    }

    /// Somebody is in the roster no more.
    pub fn left(&self, who: &Address, number: u32, out: &mut Outbox) {
        let payload = Notification {
            uri: &format!("{URI}/roster({ROSTER})/user(1:{who})"),
            ..self.notification(number, false, "")
        };
        let payload = payload.to_payload();
        out.line("NFY").arg("DEL").payload(payload.as_bytes());
    }

    /// The circle's name.
    pub fn properties(&self, name: &Label, number: u32, out: &mut Outbox) {
        let mut xml = String::from("<circle><props><presence dtype=\"xml\"><Data><UTL></UTL><MFN>");
        escape_into(&on_one_line(name), &mut xml);
        xml.push_str(
            "</MFN><PSM></PSM><CurrentMedia></CurrentMedia></Data></presence></props></circle>",
        );
        self.put(number, true, &xml, out);
    }

    fn put(&self, number: u32, is_full: bool, body: &str, out: &mut Outbox) {
        let payload = self.notification(number, is_full, body).to_payload();
        out.line("NFY").arg("PUT").payload(payload.as_bytes());
    }

    fn notification<'a>(&'a self, number: u32, is_full: bool, body: &'a str) -> Notification<'a> {
        Notification {
            to: &self.member,
            from: &self.circle,
            number,
            uri: URI,
            is_full,
            content_type: CONTENT_TYPE,
            body,
        }
    }
}

impl Dialect {
    /// News in a circle that the client has entered.
    pub fn circle_news(self, member: &Address, event: &CircleEvent, out: &mut Outbox) {
        let circle = event.circle;
        let notices = || CircleNotices::new(circle, member);
        match &event.news {
            CircleNews::Joined { who, number } => notices().joined(who, *number, out),
            CircleNews::Left { who, number } => notices().left(who, *number, out),
            CircleNews::Renamed { name, number } => notices().properties(name, *number, out),
            CircleNews::Presence { presence, news } => {
                self.presence_via(circle, presence, *news, out);
            }
            CircleNews::Offline(who) => {
                let who = identity_via(who, circle);
                out.line("FLN").arg(who.as_str()).arg("0:0").end();
            }
            CircleNews::Said(message) => out.line("SDG").arg("0").payload(message),
        }
    }

    /// The circle itself, as a client that has it on its list sees it: under the client's own
    /// name and the circle's.
    pub fn circle_presence(
        self,
        member: &Address,
        circle: CircleId,
        name: &Label,
        out: &mut Outbox,
    ) {
        let identity = identity_via(member, circle);
        let line = out.line("NLN").arg("NLN").arg(identity.as_str());
        line.arg(name.as_str()).arg("0:0").arg("0").end();
        CircleNotices::new(circle, member).properties(name, 0, out);
    }

    /// Somebody who is seen by way of a circle.
    pub fn presence_via(
        self,
        circle: CircleId,
        presence: &Presence,
        news: PresenceNews,
        out: &mut Outbox,
    ) {
        let identity = identity_via(&presence.address, circle);
        let (state, message) = match news {
            PresenceNews::Appeared => (true, true),
            PresenceNews::State => (true, false),
            PresenceNews::Message | PresenceNews::Endpoints => (false, true),
        };
        if state {
            let line = out.line("NLN").arg(status::word(presence.status));
            self.shown_fields(presence, line.arg(identity.as_str()));
        }
        if message {
            let payload = self.shown_data(presence);
            let line = out.line("UBX").arg(identity.as_str());
            line.payload(payload.as_bytes());
        }
    }

    /// A circle changed and is to be looked up again (`docs/protocol/10 §9`).
    pub fn circle_changed(
        self,
        user: UserId,
        address: &Address,
        circle: CircleId,
        out: &mut Outbox,
    ) {
        if !self.has_circles() {
            return;
        }
        let id = user.passport_id();
        let mut name = String::new();
        escape_into(address.as_str(), &mut name);
        let payload = format!(
            "<NOTIFICATION id=\"0\" siteid=\"45705\" siteurl=\"http://contacts.msn.com\">\
             <TO pid=\"0x{:08X}:0x{:08X}\" name=\"{name}\"><VIA agent=\"messenger\"/></TO>\
             <MSG id=\"0\"><SUBSCR url=\"s.htm\"/><ACTION url=\"a.htm\"/><BODY>\
             &lt;NotificationData xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"&gt;\
             &lt;HasNewItem&gt;true&lt;/HasNewItem&gt;&lt;CircleId&gt;{circle}&lt;/CircleId&gt;\
             &lt;/NotificationData&gt;</BODY></MSG></NOTIFICATION>",
            id & 0xFFFF_FFFF,
            id >> 32,
        );
        out.line("NOT").payload(payload.as_bytes());
    }

    /// Whether clients of this version know circles.
    pub fn has_circles(self) -> bool {
        self.usage(Verb(*b"SDG")) == Usage::Current
    }
}

/// How somebody is written who is seen by way of a circle.
pub fn identity_via(address: &Address, circle: CircleId) -> String {
    format!("1:{address};via=9:{circle}@{CIRCLE_DOMAIN}")
}

fn roster_xml(people: &[Address]) -> String {
    let mut xml = format!("<circle><roster><id>{ROSTER}</id>");
    for address in people {
        xml.push_str("<user><id>1:");
        escape_into(address.as_str(), &mut xml);
        xml.push_str("</id></user>");
    }
    xml.push_str("</roster></circle>");
    xml
}

/// A name without what XML cannot hold and what would end the line.
fn on_one_line(name: &Label) -> String {
    let text = name.to_text();
    let fits = |sign: &char| !sign.is_control() && !matches!(sign, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(fits).collect()
}

/// What a client publishes in a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CirclePublication {
    /// Itself, in the roster.
    Join(Address),
    /// The circle's properties: a name, and whether anything else comes with it that this server
    /// does not keep.
    Properties { name: String, has_more: bool },
}

/// Reads what a client publishes; `None` for anything else. Document types are refused, so no
/// entity can grow.
pub fn read_publication(body: &[u8]) -> Option<CirclePublication> {
    let text = std::str::from_utf8(body).ok()?;
    let document = roxmltree::Document::parse(text).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "circle" {
        return None;
    }
    let mut parts = root.children().filter(roxmltree::Node::is_element);
    let part = parts.next()?;
    if parts.next().is_some() {
        return None;
    }
    match part.tag_name().name() {
        "roster" => read_join(part),
        "props" => read_properties(part),
        _ => None,
    }
}

fn read_join(roster: roxmltree::Node<'_, '_>) -> Option<CirclePublication> {
    let mut parts = roster.children().filter(roxmltree::Node::is_element);
    let id = parts.next().filter(|node| node.has_tag_name("id"))?;
    let user = parts.next().filter(|node| node.has_tag_name("user"))?;
    if id.text()? != ROSTER || parts.next().is_some() {
        return None;
    }
    let address = child(user, "id")?.text()?.strip_prefix("1:")?;
    Some(CirclePublication::Join(Address::parse(address).ok()?))
}

fn read_properties(props: roxmltree::Node<'_, '_>) -> Option<CirclePublication> {
    let properties = child(child(props, "presence")?, "Data")?;
    let name = child(properties, "MFN")?.text().unwrap_or_default();
    let has_more = properties
        .children()
        .filter(|node| node.is_element() && !node.has_tag_name("MFN"))
        .any(|node| node.text().is_some_and(|text| !text.is_empty()));
    Some(CirclePublication::Properties {
        name: name.to_owned(),
        has_more,
    })
}

fn child<'a, 'd>(node: roxmltree::Node<'a, 'd>, name: &str) -> Option<roxmltree::Node<'a, 'd>> {
    node.children().find(|child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    fn alice() -> Address {
        Address::parse("alice@example.com").unwrap()
    }

    fn bob() -> Address {
        Address::parse("bob@example.net").unwrap()
    }

    fn circle() -> CircleId {
        CircleId::parse("00000000-0000-0000-0009-73944a8f7947").unwrap()
    }

    fn rendered(render: impl FnOnce(&CircleNotices, &mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&CircleNotices::new(circle(), &alice()), &mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    /// The lengths are those of docs/protocol/transcripts/msnp18-circle.txt.
    #[test]
    fn notices_are_as_captured() {
        let name = Label::from_text("Hiking", Label::NAME_MAX).unwrap();
        let props = rendered(|to, out| to.properties(&name, 0, out));
        assert!(props.starts_with("NFY PUT 398\r\nRouting: 1.0\r\nTo: 1:alice@example.com\r\n"));
        assert!(props.contains("\r\nContent-Length: 146\r\n\r\n<circle><props>"));
        let roster = rendered(|to, out| to.roster(&[alice()], out));
        assert!(roster.starts_with("NFY PUT 337\r\n"), "{roster}");
        assert!(roster.ends_with(
            "Notification: 1.0\r\nNotifNum: 0\r\nUri: /circle\r\nNotifType: Full\r\n\
             Content-Type: application/circles+xml\r\nContent-Length: 86\r\n\r\n\
             <circle><roster><id>IM</id><user><id>1:alice@example.com</id></user></roster></circle>"
        ));
        let joined = rendered(|to, out| to.joined(&bob(), 1, out));
        assert!(joined.starts_with("NFY PUT 338\r\n"), "{joined}");
        assert!(joined.contains("\r\nNotifNum: 1\r\nUri: /circle\r\nNotifType: Partial\r\n"));
        let left = rendered(|to, out| to.left(&bob(), 2, out));
        assert!(left.starts_with("NFY DEL 288\r\n"), "{left}");
        assert!(left.contains("\r\nUri: /circle/roster(IM)/user(1:bob@example.net)\r\n"));
        assert!(left.ends_with("Content-Length: 0\r\n\r\n"));
    }

    #[test]
    fn a_change_is_told_to_those_who_know_circles() {
        let changed = |number| {
            rendered(|_, out| {
                dialect(number).circle_changed(UserId(7), &bob(), circle(), out);
            })
        };
        assert_eq!(changed(17), "");
        let notice = changed(18);
        assert!(
            notice.starts_with("NOT 500\r\n<NOTIFICATION id=\"0\" "),
            "{notice}"
        );
        assert!(notice.contains("<TO pid=\"0x00000007:0x00030000\" name=\"bob@example.net\">"));
    }

    #[test]
    fn presence_by_way_of_a_circle_names_the_circle() {
        let name = Label::from_stored("Hiking");
        let own = rendered(|_, out| dialect(18).circle_presence(&alice(), circle(), &name, out));
        assert!(own.starts_with(
            "NLN NLN 1:alice@example.com;via=9:00000000-0000-0000-0009-73944a8f7947@live.com \
             Hiking 0:0 0\r\nNFY PUT 398\r\n"
        ));
        let event = CircleEvent {
            circle: circle(),
            news: CircleNews::Offline(bob()),
        };
        assert_eq!(
            rendered(|_, out| dialect(18).circle_news(&alice(), &event, out)),
            "FLN 1:bob@example.net;via=9:00000000-0000-0000-0009-73944a8f7947@live.com 0:0\r\n"
        );
    }

    #[test]
    fn a_name_cannot_break_out_of_its_element_or_line() {
        let name = Label::from_wire(b"a%3Cb%3E%0D%0A&%00", Label::NAME_MAX).unwrap();
        let props = rendered(|to, out| to.properties(&name, 0, out));
        assert!(props.contains("<MFN>a&lt;b&gt;&amp;</MFN>"), "{props}");
    }

    #[test]
    fn publications_are_read() {
        let join = "<circle><roster><id>IM</id><user><id>1:Alice@example.com</id></user>\
                    </roster></circle>";
        assert_eq!(
            read_publication(join.as_bytes()),
            Some(CirclePublication::Join(alice()))
        );
        let props = |name, psm| {
            format!(
                "<circle><props><presence dtype=\"xml\"><Data><UTL></UTL><MFN>{name}</MFN>\
                 <PSM>{psm}</PSM><CurrentMedia></CurrentMedia></Data></presence></props></circle>"
            )
        };
        let read = |name, psm| read_publication(props(name, psm).as_bytes());
        let properties = |name: &str, has_more| {
            Some(CirclePublication::Properties {
                name: name.to_owned(),
                has_more,
            })
        };
        assert_eq!(read("A &amp; B", ""), properties("A & B", false));
        assert_eq!(read("", "hi"), properties("", true));
    }

    #[test]
    fn anything_else_is_no_publication() {
        for body in [
            "",
            "<user/>",
            "<circle/>",
            "<circle><roster><id>IM</id></roster></circle>",
            "<circle><roster><id>PE</id><user><id>1:a@b.example</id></user></roster></circle>",
            "<circle><roster><id>IM</id><user><id>9:a@b.example</id></user></roster></circle>",
            "<circle><roster><id>IM</id><user><id>1:a@b.example</id></user>\
             <user><id>1:b@b.example</id></user></roster></circle>",
            "<circle><props/></circle>",
            "<!DOCTYPE circle [<!ENTITY a \"b\">]><circle><roster><id>IM</id></roster></circle>",
        ] {
            assert_eq!(read_publication(body.as_bytes()), None, "{body}");
        }
    }
}
