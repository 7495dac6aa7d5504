//! Presence of contacts and of one's own places (`docs/protocol/02 §7.3, §10`,
//! `docs/protocol/10 §4, §5, §8`).

use super::{
    CapabilityStyle, Dialect, IdentityStyle, InitialPresenceStyle, MessageStyle, PhoneStyle,
    UnsetPictureStyle, status,
};
use crate::model::{
    Address, Capabilities, Detail, EndpointPresence, Label, OwnNews, OwnPresence, Phone, Presence,
    PresenceNews,
};
use crate::wire::{LineWriter, Outbox};

impl Dialect {
    /// A contact who is online already when the client signs in, adds them or becomes visible;
    /// `trid` is the command that caused it.
    pub fn initial_presence(self, trid: u32, presence: &Presence, out: &mut Outbox) {
        let line = match self.initial_presence_style() {
            InitialPresenceStyle::Answer => out.line("ILN").arg(trid),
            InitialPresenceStyle::News => out.line("NLN"),
        };
        self.presence_fields(presence, line);
        self.personal_message(presence, out);
    }

    /// A contact appeared or changed.
    pub fn presence_news(self, presence: &Presence, news: PresenceNews, out: &mut Outbox) {
        match news {
            PresenceNews::Appeared => {
                self.presence_fields(presence, out.line("NLN"));
                self.personal_message(presence, out);
            }
            PresenceNews::State => self.presence_fields(presence, out.line("NLN")),
            PresenceNews::Message => self.personal_message(presence, out),
            PresenceNews::Endpoints => match self.message_style() {
                MessageStyle::Endpoints => self.personal_message(presence, out),
                MessageStyle::None | MessageStyle::Text | MessageStyle::Machine => {}
            },
        }
    }

    /// A contact went offline, or cannot be seen any more.
    pub fn offline(self, address: &Address, out: &mut Outbox) {
        let line = self.identity(address, out.line("FLN"));
        match self.identity_style() {
            IdentityStyle::Bare => line.end(),
            IdentityStyle::WithNetwork | IdentityStyle::Prefixed => {
                self.capabilities(Capabilities::default(), line).end();
            }
        }
    }

    /// What the client's own places see of each other (`docs/protocol/10 §8`). The status goes
    /// to versions that follow each other's, and only where it is news.
    pub fn own_presence(self, own: &OwnPresence, news: OwnNews, out: &mut Outbox) {
        if !self.has_endpoints() {
            return;
        }
        let presence = &*own.presence;
        match news {
            OwnNews::State if self.follows_own_status() => {
                self.presence_fields(presence, out.line("NLN"));
            }
            OwnNews::State | OwnNews::Endpoints => {}
        }
        let endpoints = own.endpoints.iter().map(|place| EndpointPresence {
            id: place.id,
            capabilities: place.capabilities,
        });
        let payload = self.user_data(&presence.message, endpoints, &own.endpoints);
        self.identity(&presence.address, out.line("UBX"))
            .payload(payload.as_bytes());
    }

    /// Status, person, name, and what the client can do and looks like.
    ///
    /// COMPAT: BitlBee counts the fields of MSNP8, so the picture never goes below MSNP9
    /// (`docs/protocol/02 §7.3`); libpurple counts those of MSNP18, so there is never one more
    /// (`docs/protocol/10 §4`).
    fn presence_fields(self, presence: &Presence, line: LineWriter<'_>) {
        let line = line.arg(status::word(presence.status));
        self.shown_fields(presence, self.identity(&presence.address, line));
    }

    /// What follows the person in a presence line.
    pub(super) fn shown_fields(self, presence: &Presence, line: LineWriter<'_>) {
        let line = line.arg(name_or_address(&presence.name, &presence.address));
        let line = self.capabilities(presence.capabilities, line);
        let picture = presence.picture.as_ref().map(Label::as_str);
        let picture = match self.unset_picture_style() {
            UnsetPictureStyle::Nothing => picture,
            UnsetPictureStyle::Zero => picture.or(Some("0")),
        };
        line.maybe(picture.filter(|_| self.has_picture())).end();
    }

    /// An account, as presence names it.
    pub(super) fn identity<'a>(self, address: &Address, line: LineWriter<'a>) -> LineWriter<'a> {
        let address = address.as_str();
        match self.identity_style() {
            IdentityStyle::Bare => line.arg(address),
            IdentityStyle::WithNetwork => line.arg(address).arg("1"),
            IdentityStyle::Prefixed => line.joined(&[&"1:", &address]),
        }
    }

    /// What a client can do, if the version has such a field.
    pub(super) fn capabilities<'a>(
        self,
        capabilities: Capabilities,
        line: LineWriter<'a>,
    ) -> LineWriter<'a> {
        let Capabilities { basic, extended } = capabilities;
        match self.capability_style() {
            CapabilityStyle::None => line,
            CapabilityStyle::Number => line.arg(basic),
            CapabilityStyle::Pair => line.joined(&[&basic, &":", &extended]),
        }
    }

    /// What a contact shows beside the status, where the client knows such things. Without any,
    /// an empty payload says so.
    fn personal_message(self, presence: &Presence, out: &mut Outbox) {
        match self.message_style() {
            MessageStyle::None => return,
            MessageStyle::Text | MessageStyle::Machine | MessageStyle::Endpoints => {}
        }
        let payload = self.shown_data(presence);
        self.identity(&presence.address, out.line("UBX"))
            .payload(payload.as_bytes());
    }

    /// What somebody shows beside their status, to those who may see them. It depends on nothing
    /// but what their clients know of such things, so it is written once for all of a kind.
    pub(super) fn shown_data(self, presence: &Presence) -> &str {
        let detail = match self.message_style() {
            MessageStyle::None => return "",
            MessageStyle::Text => Detail::Message,
            MessageStyle::Machine => Detail::Machine,
            MessageStyle::Endpoints => Detail::Places,
        };
        presence.writings.of(detail, || {
            let endpoints = presence.endpoints.iter().copied();
            self.user_data(&presence.message, endpoints, &[])
        })
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

/// A name as one field of a line; who has none is called by the address
/// (`docs/protocol/10 §4`).
pub(super) fn name_or_address<'a>(name: &'a Label, address: &'a Address) -> &'a str {
    if name.is_empty() {
        address.as_str()
    } else {
        name.as_str()
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::dialect;
    use super::*;
    use crate::model::{
        Guid, OwnEndpoint, PersonalMessage, PrivateEndpointData, Status, UserId, Writings,
    };

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
            writings: Writings::default(),
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

    fn at_two_places(mut presence: Presence) -> Presence {
        let endpoint = |id| EndpointPresence {
            id: Guid::parse(id).unwrap(),
            capabilities: Capabilities {
                basic: 2_789_003_324,
                extended: 48,
            },
        };
        presence.endpoints = Arc::new([
            endpoint("f52973b6-c926-4bad-9ba8-7c1e840e4ab0"),
            endpoint("0c7e44a1-2d6b-4f0e-8a11-9b3d5e7f1023"),
        ]);
        presence
    }

    #[test]
    fn the_newer_versions_name_accounts_in_ways_of_their_own() {
        let mut bob = bob();
        bob.message = Arc::default();
        let nln =
            |number| rendered(|out| dialect(number).presence_news(&bob, PresenceNews::State, out));
        assert_eq!(
            nln(13),
            "NLN BSY bob@example.com Bob 268435500 %3Cmsnobj%2F%3E\r\n"
        );
        assert_eq!(
            nln(14),
            "NLN BSY bob@example.com 1 Bob 268435500 %3Cmsnobj%2F%3E\r\n"
        );
        assert_eq!(nln(15), nln(14));
        assert_eq!(
            nln(16),
            "NLN BSY bob@example.com 1 Bob 268435500:48 %3Cmsnobj%2F%3E\r\n"
        );
        assert_eq!(nln(17), nln(16));
        assert_eq!(
            nln(18),
            "NLN BSY 1:bob@example.com Bob 268435500:48 %3Cmsnobj%2F%3E\r\n"
        );
        let fln = |number| rendered(|out| dialect(number).offline(&bob.address, out));
        assert_eq!(fln(2), "FLN bob@example.com\r\n");
        assert_eq!(fln(13), fln(2));
        assert_eq!(fln(14), "FLN bob@example.com 1 0\r\n");
        assert_eq!(fln(15), fln(14));
        assert_eq!(fln(16), "FLN bob@example.com 1 0:0\r\n");
        assert_eq!(fln(18), "FLN 1:bob@example.com 0:0\r\n");
        let iln = |number| rendered(|out| dialect(number).initial_presence(5, &bob, out));
        assert_eq!(
            iln(17),
            "ILN 5 BSY bob@example.com 1 Bob 268435500:48 %3Cmsnobj%2F%3E\r\n\
             UBX bob@example.com 1 0\r\n"
        );
        assert_eq!(
            iln(18),
            "NLN BSY 1:bob@example.com Bob 268435500:48 %3Cmsnobj%2F%3E\r\n\
             UBX 1:bob@example.com 0\r\n"
        );
    }

    #[test]
    fn who_has_no_picture_or_name_is_shown_all_the_same() {
        let mut bob = bob();
        bob.name = Label::from_stored("");
        bob.picture = None;
        let nln =
            |number| rendered(|out| dialect(number).presence_news(&bob, PresenceNews::State, out));
        assert_eq!(
            nln(12),
            "NLN BSY bob@example.com bob@example.com 268435500\r\n"
        );
        assert_eq!(
            nln(13),
            "NLN BSY bob@example.com bob@example.com 268435500 0\r\n"
        );
        assert_eq!(
            nln(18),
            "NLN BSY 1:bob@example.com bob@example.com 268435500:48 0\r\n"
        );
    }

    #[test]
    fn places_are_shown_to_those_who_know_them() {
        let bob = at_two_places(bob());
        let news = |number| {
            rendered(|out| dialect(number).presence_news(&bob, PresenceNews::Endpoints, out))
        };
        for number in [2, 11, 12, 13, 15] {
            assert_eq!(news(number), "", "MSNP{number}");
        }
        let text = news(16);
        assert!(text.starts_with("UBX bob@example.com 1 "), "{text}");
        let endpoint = "<EndpointData id=\"{0c7e44a1-2d6b-4f0e-8a11-9b3d5e7f1023}\">\
            <Capabilities>2789003324:48</Capabilities></EndpointData></Data>";
        assert!(text.ends_with(endpoint), "{text}");
        assert!(news(18).starts_with("UBX 1:bob@example.com "));
    }

    #[test]
    fn what_is_written_once_is_each_kinds_own() {
        let bob = at_two_places(bob());
        let ubx = |number| {
            rendered(|out| dialect(number).presence_news(&bob, PresenceNews::Message, out))
        };
        let fresh = |number| {
            let bob = bob.clone();
            rendered(|out| dialect(number).presence_news(&bob, PresenceNews::Message, out))
        };
        let numbers = [18, 11, 16, 13, 15, 12, 17, 10];
        for number in numbers.into_iter().chain(numbers) {
            assert_eq!(ubx(number), fresh(number), "MSNP{number}");
        }
    }

    #[test]
    fn own_places_see_each_other_as_in_the_reference() {
        let presence = Presence {
            address: Address::parse("alice@example.com").unwrap(),
            name: Label::from_stored("Alice"),
            capabilities: Capabilities {
                basic: 2_789_003_324,
                extended: 48,
            },
            picture: None,
            message: Arc::default(),
            ..at_two_places(bob())
        };
        let place = |endpoint: &EndpointPresence, name: &str, state| OwnEndpoint {
            id: endpoint.id,
            capabilities: endpoint.capabilities,
            data: PrivateEndpointData {
                name: name.into(),
                idle: false,
                client_type: 1,
                state: Some(state),
            },
        };
        let endpoints = vec![
            place(&presence.endpoints[0], "LAPTOP", Status::Online),
            place(&presence.endpoints[1], "DESKTOP", Status::Busy),
        ];
        let own = OwnPresence {
            presence: Arc::new(presence),
            endpoints,
        };
        let told = |number, news| rendered(|out| dialect(number).own_presence(&own, news, out));
        let ubx = told(16, OwnNews::State);
        let (line, xml) = ubx.split_once("\r\n").unwrap();
        assert_eq!(line, "UBX alice@example.com 1 655");
        let start = "<Data><PSM></PSM><CurrentMedia></CurrentMedia><MachineGuid></MachineGuid>\
            <EndpointData id=\"{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}\">";
        assert!(xml.starts_with(start), "{xml}");
        let end = "<PrivateEndpointData id=\"{0c7e44a1-2d6b-4f0e-8a11-9b3d5e7f1023}\">\
            <EpName>DESKTOP</EpName><Idle>false</Idle><ClientType>1</ClientType>\
            <State>BSY</State></PrivateEndpointData></Data>";
        assert!(xml.ends_with(end), "{xml}");
        assert_eq!(told(15, OwnNews::State), "");
        assert_eq!(
            told(18, OwnNews::State),
            format!(
                "NLN BSY 1:alice@example.com Alice 2789003324:48 0\r\nUBX 1:alice@example.com 655\r\n{xml}"
            )
        );
        assert!(told(18, OwnNews::Endpoints).starts_with("UBX "));
    }
}
