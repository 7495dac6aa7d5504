//! What people show of themselves beyond a status, as XML (`docs/protocol/02 §10`,
//! `docs/protocol/10 §5`).
//!
//! Nothing that a client sent is ever handed on as XML: its text is read and written anew.

use super::{Dialect, MessageStyle, status};
use crate::model::{
    Capabilities, EndpointPresence, Guid, MessageChange, OwnEndpoint, PersonalMessage,
    PrivateDataChange, Status,
};

/// What a client said about itself. What it left out stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserData {
    /// For everybody who sees the person.
    Message(MessageChange),
    /// What the client can do, if it said so.
    Endpoint(Option<Capabilities>),
    /// For the person's own other places.
    Private(PrivateDataChange),
}

/// The payload is not the XML that the command carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not what clients say about themselves")]
pub struct NotUserData;

/// Longest name of a place, in bytes. It goes to all places with the names of all others.
const PLACE_NAME_MAX: usize = 256;

/// Longest part of what somebody says about themselves, in bytes as the newest clients are told
/// it. It goes to everybody who watches, and a sign may grow to six on its way; what people write
/// and the objects of clients are some hundred bytes.
const PART_MAX: usize = 2_048;

impl Dialect {
    /// Reads the payload of `UUX`. Document types are refused, so no entity can grow.
    pub fn read_user_data(self, payload: &[u8]) -> Result<UserData, NotUserData> {
        if payload.is_empty() {
            return Ok(UserData::Message(MessageChange::clear()));
        }
        let text = std::str::from_utf8(payload).map_err(|_| NotUserData)?;
        let document = roxmltree::Document::parse(text).map_err(|_| NotUserData)?;
        let root = document.root_element();
        let part = |name| {
            root.children()
                .find(|node| node.tag_name().name() == name)
                .map(|node| node.text().unwrap_or_default())
        };
        match root.tag_name().name() {
            "Data" => read_message(part).map(UserData::Message),
            "EndpointData" if self.has_endpoints() => part("Capabilities")
                .map(|text| status::read_capabilities(text.trim()).ok_or(NotUserData))
                .transpose()
                .map(UserData::Endpoint),
            "PrivateEndpointData" if self.has_endpoints() => {
                read_private_data(part).map(UserData::Private)
            }
            _ => Err(NotUserData),
        }
    }

    /// The payload of `UBX`: what somebody shows, and for those who know places, which ones the
    /// person is at. Empty if there is nothing. `own` is for the person itself.
    pub(super) fn user_data(
        self,
        message: &PersonalMessage,
        endpoints: impl ExactSizeIterator<Item = EndpointPresence>,
        own: &[OwnEndpoint],
    ) -> String {
        let style = self.message_style();
        let is_empty = match style {
            MessageStyle::None => true,
            MessageStyle::Text => message.text.is_empty() && message.media.is_empty(),
            MessageStyle::Machine => {
                message.text.is_empty()
                    && message.media.is_empty()
                    && message.machine_guid.is_empty()
            }
            MessageStyle::Endpoints => {
                endpoints.len() == 0 && *message == PersonalMessage::default()
            }
        };
        if is_empty {
            return String::new();
        }
        let mut xml = Xml::new(style);
        xml.push("<Data>");
        xml.element("PSM", &message.text);
        xml.element("CurrentMedia", &message.media);
        match style {
            MessageStyle::None | MessageStyle::Text => {}
            MessageStyle::Machine => xml.element("MachineGuid", &message.machine_guid),
            MessageStyle::Endpoints => {
                xml.element("MachineGuid", &message.machine_guid);
                xml.element_if_set("UserTileLocation", &message.picture_location);
                xml.element_if_set("DDP", &message.dynamic_picture);
                xml.element_if_set("SignatureSound", &message.signature_sound);
                xml.element_if_set("Scene", &message.scene);
                xml.element_if_set("ColorScheme", &message.color_scheme);
                for endpoint in endpoints {
                    xml.endpoint(endpoint);
                }
                for place in own {
                    xml.private_data(place);
                }
            }
        }
        xml.push("</Data>");
        xml.text
    }
}

fn read_message<'a>(
    part: impl Fn(&'static str) -> Option<&'a str>,
) -> Result<MessageChange, NotUserData> {
    let shared = |name| match part(name) {
        Some(text) if length_as_told(text) > PART_MAX => Err(NotUserData),
        text => Ok(text.map(Into::into)),
    };
    Ok(MessageChange {
        text: shared("PSM")?,
        media: shared("CurrentMedia")?,
        machine_guid: shared("MachineGuid")?,
        signature_sound: shared("SignatureSound")?,
        scene: shared("Scene")?,
        color_scheme: shared("ColorScheme")?,
        dynamic_picture: shared("DDP")?,
        picture_location: shared("UserTileLocation")?,
    })
}

/// How many bytes the clients that escape most are told.
fn length_as_told(text: &str) -> usize {
    let told = |sign| escape(sign, MessageStyle::Endpoints).map_or(sign.len_utf8(), str::len);
    text.chars().map(told).sum()
}

/// A number or status that is none is left out rather than refused: only the person's own other
/// clients ever look at it.
fn read_private_data<'a>(
    part: impl Fn(&'static str) -> Option<&'a str>,
) -> Result<PrivateDataChange, NotUserData> {
    let name = part("EpName");
    if name.is_some_and(|name| name.len() > PLACE_NAME_MAX) {
        return Err(NotUserData);
    }
    let state = part("State").and_then(|word| match status::read(word)? {
        status::Wish::Status(status) => Some(status),
        status::Wish::Offline => None,
    });
    Ok(PrivateDataChange {
        name: name.map(Into::into),
        idle: part("Idle").map(|word| word.eq_ignore_ascii_case("true")),
        client_type: part("ClientType").and_then(|number| number.parse().ok()),
        state,
    })
}

/// XML under construction, with the escapes that a kind of client expects.
struct Xml {
    text: String,
    style: MessageStyle,
}

impl Xml {
    fn new(style: MessageStyle) -> Self {
        Self {
            text: String::new(),
            style,
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn element(&mut self, name: &str, text: &str) {
        for piece in ["<", name, ">"] {
            self.push(piece);
        }
        for character in text.chars() {
            match escape(character, self.style) {
                Some(entity) => self.push(entity),
                None => self.text.push(character),
            }
        }
        for piece in ["</", name, ">"] {
            self.push(piece);
        }
    }

    fn element_if_set(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.element(name, text);
        }
    }

    fn open_for(&mut self, name: &str, id: Guid) {
        self.push(&format!("<{name} id=\"{{{id}}}\">"));
    }

    fn endpoint(&mut self, endpoint: EndpointPresence) {
        let Capabilities { basic, extended } = endpoint.capabilities;
        self.open_for("EndpointData", endpoint.id);
        self.element("Capabilities", &format!("{basic}:{extended}"));
        self.push("</EndpointData>");
    }

    fn private_data(&mut self, place: &OwnEndpoint) {
        let data = &place.data;
        self.open_for("PrivateEndpointData", place.id);
        self.element("EpName", &data.name);
        self.element("Idle", if data.idle { "true" } else { "false" });
        self.element("ClientType", &data.client_type.to_string());
        let state = data.state.unwrap_or(Status::Online);
        self.element("State", status::word(state));
        self.push("</PrivateEndpointData>");
    }
}

/// How a sign is written that cannot stand for itself. Up to MSNP12 clients expect the five
/// entities that have names, later ones what their official clients write themselves
/// (`docs/protocol/10 §5`).
fn escape(character: char, style: MessageStyle) -> Option<&'static str> {
    match (style, character) {
        (MessageStyle::None | MessageStyle::Text, '&') => Some("&amp;"),
        (MessageStyle::None | MessageStyle::Text, '"') => Some("&quot;"),
        (MessageStyle::None | MessageStyle::Text, '\'') => Some("&apos;"),
        (MessageStyle::Machine | MessageStyle::Endpoints, '&') => Some("&#x26;"),
        (MessageStyle::Machine | MessageStyle::Endpoints, '{') => Some("&#x7B;"),
        (MessageStyle::Machine | MessageStyle::Endpoints, '}') => Some("&#x7D;"),
        (MessageStyle::Endpoints, '<') => Some("&#x3C;"),
        (MessageStyle::Endpoints, '>') => Some("&#x3E;"),
        (MessageStyle::Endpoints, '=') => Some("&#x3D;"),
        (MessageStyle::Endpoints, '\\') => Some("&#x5C;"),
        (_, '<') => Some("&lt;"),
        (_, '>') => Some("&gt;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    fn read(number: u8, xml: &str) -> Result<UserData, NotUserData> {
        dialect(number).read_user_data(xml.as_bytes())
    }

    #[test]
    fn personal_messages_are_read_part_by_part() {
        let change = read(
            11,
            "<Data><PSM>at &lt;work&gt;</PSM><CurrentMedia></CurrentMedia></Data>",
        );
        let expected = MessageChange {
            text: Some("at <work>".into()),
            media: Some("".into()),
            ..MessageChange::default()
        };
        assert_eq!(change, Ok(UserData::Message(expected)));
        let nothing = UserData::Message(MessageChange::default());
        assert_eq!(read(11, "<Data/>"), Ok(nothing));
        assert_eq!(read(11, ""), Ok(UserData::Message(MessageChange::clear())));
        for bad in [
            "<Data><PSM>",
            "<Other/>",
            "x",
            "<!DOCTYPE Data [<!ENTITY a \"b\">]><Data><PSM>&a;</PSM></Data>",
        ] {
            assert_eq!(read(11, bad), Err(NotUserData), "{bad}");
            assert_eq!(read(18, bad), Err(NotUserData), "{bad}");
        }
        assert_eq!(
            dialect(18).read_user_data(b"<Data>\xff</Data>"),
            Err(NotUserData)
        );
    }

    #[test]
    fn a_part_is_measured_as_others_are_told_it() {
        let dialect = dialect(18);
        for (text, is_read) in [
            ("x".repeat(2_048), true),
            ("x".repeat(2_049), false),
            ("=".repeat(341), true),
            ("=".repeat(342), false),
            ("&amp;".repeat(341), true),
            ("\u{20ac}".repeat(682), true),
            ("\u{20ac}".repeat(683), false),
        ] {
            for part in ["PSM", "CurrentMedia", "DDP", "Scene"] {
                let payload = format!("<Data><{part}>{text}</{part}></Data>");
                let read = dialect.read_user_data(payload.as_bytes());
                assert_eq!(read.is_ok(), is_read, "{part} {}", text.len());
            }
        }
    }

    #[test]
    fn the_newer_clients_say_more() {
        let xml = "<Data><PSM>hi</PSM><CurrentMedia></CurrentMedia>\
            <MachineGuid>&#x7B;F52973B6-C926-4BAD-9BA8-7C1E840E4AB0&#x7D;</MachineGuid>\
            <SignatureSound></SignatureSound><DDP>%3Cmsnobj%2F%3E</DDP><Scene>s</Scene>\
            <ColorScheme>-3</ColorScheme><UserTileLocation>x</UserTileLocation></Data>";
        let Ok(UserData::Message(change)) = read(18, xml) else {
            panic!("not read");
        };
        let machine = change.machine_guid.as_deref();
        assert_eq!(machine, Some("{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"));
        assert_eq!(change.color_scheme.as_deref(), Some("-3"));
        assert_eq!(change.dynamic_picture.as_deref(), Some("%3Cmsnobj%2F%3E"));
        assert_eq!(change.picture_location.as_deref(), Some("x"));
        assert_eq!(change.signature_sound.as_deref(), Some(""));
    }

    #[test]
    fn the_root_says_what_it_is_about() {
        let xml = "<EndpointData><Capabilities>2789003324:48</Capabilities></EndpointData>";
        let caps = Capabilities {
            basic: 2_789_003_324,
            extended: 48,
        };
        assert_eq!(read(16, xml), Ok(UserData::Endpoint(Some(caps))));
        assert_eq!(read(15, xml), Err(NotUserData));
        assert_eq!(read(16, "<EndpointData/>"), Ok(UserData::Endpoint(None)));
        let odd = "<EndpointData><Capabilities>many</Capabilities></EndpointData>";
        assert_eq!(read(16, odd), Err(NotUserData));
        let xml = "<PrivateEndpointData><EpName>LAPTOP</EpName><Idle>true</Idle>\
            <ClientType>1</ClientType><State>BSY</State></PrivateEndpointData>";
        let change = PrivateDataChange {
            name: Some("LAPTOP".into()),
            idle: Some(true),
            client_type: Some(1),
            state: Some(Status::Busy),
        };
        assert_eq!(read(18, xml), Ok(UserData::Private(change)));
        assert_eq!(read(15, xml), Err(NotUserData));
        let long = "x".repeat(PLACE_NAME_MAX + 1);
        let long = format!("<PrivateEndpointData><EpName>{long}</EpName></PrivateEndpointData>");
        assert_eq!(read(18, &long), Err(NotUserData));
    }

    #[test]
    fn every_version_gets_the_parts_and_escapes_that_it_knows() {
        let message = PersonalMessage {
            text: "a<b&\"c'={\\".into(),
            machine_guid: "{F5}".into(),
            scene: "s".into(),
            picture_location: "t".into(),
            ..PersonalMessage::default()
        };
        let id = Guid::parse("f52973b6-c926-4bad-9ba8-7c1e840e4ab0").unwrap();
        let endpoint = EndpointPresence {
            id,
            capabilities: Capabilities {
                basic: 1,
                extended: 2,
            },
        };
        let write = |number| dialect(number).user_data(&message, [endpoint].into_iter(), &[]);
        assert_eq!(write(10), "");
        assert_eq!(
            write(12),
            "<Data><PSM>a&lt;b&amp;&quot;c&apos;={\\</PSM><CurrentMedia></CurrentMedia></Data>"
        );
        assert_eq!(
            write(13),
            "<Data><PSM>a&lt;b&#x26;\"c'=&#x7B;\\</PSM><CurrentMedia></CurrentMedia>\
             <MachineGuid>&#x7B;F5&#x7D;</MachineGuid></Data>"
        );
        assert_eq!(write(15), write(13));
        assert_eq!(
            write(16),
            "<Data><PSM>a&#x3C;b&#x26;\"c'&#x3D;&#x7B;&#x5C;</PSM><CurrentMedia></CurrentMedia>\
             <MachineGuid>&#x7B;F5&#x7D;</MachineGuid><UserTileLocation>t</UserTileLocation>\
             <Scene>s</Scene>\
             <EndpointData id=\"{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}\">\
             <Capabilities>1:2</Capabilities></EndpointData></Data>"
        );
        assert_eq!(write(18), write(16));
    }

    #[test]
    fn whoever_shows_nothing_has_no_data() {
        let nothing = PersonalMessage::default();
        for number in [11, 13, 18] {
            let text = dialect(number).user_data(&nothing, [].into_iter(), &[]);
            assert_eq!(text, "", "MSNP{number}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_read_again(text in "[ -~äß\u{4e2d}]{0,40}", number in 11u8..=18) {
            let message = PersonalMessage { text: text.as_str().into(), ..PersonalMessage::default() };
            let xml = dialect(number).user_data(&message, [].into_iter(), &[]);
            if !text.is_empty() {
                let Ok(UserData::Message(change)) = read(number, &xml) else {
                    panic!("{xml}");
                };
                proptest::prop_assert_eq!(change.text.as_deref(), Some(text.as_str()));
            }
        }
    }
}
