//! Conversations: referrals, calls, rosters, messages (`docs/protocol/03`).

use super::presence::name_or_address;
use super::{CallStyle, Dialect};
use crate::model::{Address, Capabilities, Guid, Invitation, Occupant, RoomId, Sender};
use crate::wire::{LineWriter, Outbox};

impl Dialect {
    /// The connections in the room that the client just entered. Clients that know of places get
    /// an account once by its address, and once more for each of its places
    /// (`docs/protocol/10 §8.1`).
    pub fn room_members(self, trid: u32, members: &[Occupant], out: &mut Outbox) {
        let names = members.iter().flat_map(|member| {
            let names = self.names(member.endpoint, member.first);
            names.map(move |endpoint| (member, endpoint))
        });
        let names: Vec<_> = names.collect();
        for (index, (member, endpoint)) in (1u64..).zip(&names) {
            let line = out.line("IRO").arg(trid).arg(index).arg(names.len() as u64);
            self.member_fields(&member.who, *endpoint, member.capabilities, line);
        }
    }

    /// A connection of somebody entered the room.
    pub fn joined(self, newcomer: &Occupant, out: &mut Outbox) {
        for endpoint in self.names(newcomer.endpoint, newcomer.first) {
            let line = out.line("JOI");
            self.member_fields(&newcomer.who, endpoint, newcomer.capabilities, line);
        }
    }

    /// The client itself, in answer to its call to its own other places.
    pub fn own_place(
        self,
        who: &Sender,
        endpoint: Option<Guid>,
        capabilities: Capabilities,
        out: &mut Outbox,
    ) {
        self.member_fields(who, endpoint, capabilities, out.line("JOI"));
    }

    /// A connection of somebody left, on its own or because nobody had said anything for long.
    pub fn left(
        self,
        (address, endpoint): (&Address, Option<Guid>),
        last: bool,
        idle: bool,
        out: &mut Outbox,
    ) {
        // The account comes behind its last place.
        for endpoint in self.names(endpoint, last).rev() {
            member_name(address, endpoint, out.line("BYE"))
                .maybe(idle.then_some("1"))
                .end();
        }
    }

    /// Where a client that asked for a switchboard finds it.
    pub fn switchboard_referral(self, trid: u32, server: &str, ticket: &str, out: &mut Outbox) {
        let line = out.line("XFR").arg(trid).arg("SB").arg(server);
        self.route(line.arg("CKI").arg(ticket)).end();
    }

    /// A call into a room. No field more or less (`docs/protocol/02 §11`,
    /// `docs/protocol/10 §8.1`).
    pub fn ring(self, invitation: &Invitation, server: &str, out: &mut Outbox) {
        let line = out
            .line("RNG")
            .arg(invitation.room.0)
            .arg(server)
            .arg("CKI")
            .arg(&*invitation.ticket)
            .arg(invitation.inviter.as_str())
            .arg(name_or_address(&invitation.name, &invitation.inviter));
        self.route(line).end();
    }

    /// How a switchboard is reached: not by a proxy, in this domain, directly.
    fn route(self, line: LineWriter<'_>) -> LineWriter<'_> {
        match self.call_style() {
            CallStyle::Plain => line,
            CallStyle::Routed => line.arg("U").arg("messenger.msn.com").arg("1"),
        }
    }

    /// As what a connection is named: as its account if that is news, and as a place if the
    /// client knows such a thing and it has one.
    fn names(
        self,
        endpoint: Option<Guid>,
        with_account: bool,
    ) -> impl DoubleEndedIterator<Item = Option<Guid>> {
        let account = with_account.then_some(None);
        let place = endpoint.filter(|_| self.has_endpoints()).map(Some);
        account.into_iter().chain(place)
    }

    /// COMPAT: BitlBee leaves at any other number of fields at MSNP8, and MSN 7.5 expects the
    /// capabilities (`docs/protocol/03 §3`).
    fn member_fields(
        self,
        who: &Sender,
        endpoint: Option<Guid>,
        capabilities: Capabilities,
        line: LineWriter<'_>,
    ) {
        let line =
            member_name(&who.address, endpoint, line).arg(name_or_address(&who.name, &who.address));
        if self.has_room_capabilities() {
            self.capabilities(capabilities, line).end();
        }
    }
}

fn member_name<'a>(
    address: &Address,
    endpoint: Option<Guid>,
    line: LineWriter<'a>,
) -> LineWriter<'a> {
    let address = address.as_str();
    match endpoint {
        Some(id) => line.joined(&[&address, &";{", &id.to_string().as_str(), &"}"]),
        None => line.arg(address),
    }
}

/// A call went out.
pub fn ringing(trid: u32, room: RoomId, out: &mut Outbox) {
    out.line("CAL").arg(trid).arg("RINGING").arg(room.0).end();
}

/// The client's own room is open. `handle` is what it called itself.
pub fn opened(trid: u32, handle: &str, who: &Sender, out: &mut Outbox) {
    out.line("USR")
        .arg(trid)
        .arg("OK")
        .arg(handle)
        .arg(name_or_address(&who.name, &who.address))
        .end();
}

/// A message, its body untouched.
pub fn message(from: &Sender, body: &[u8], out: &mut Outbox) {
    out.line("MSG")
        .arg(from.address.as_str())
        .arg(name_or_address(&from.name, &from.address))
        .payload(body);
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use std::sync::Arc;

    use super::*;
    use crate::model::Label;

    #[test]
    fn people_in_a_room_have_capabilities_since_msnp12() {
        let bob = Occupant {
            who: Arc::new(Sender {
                address: Address::parse("bob@example.com").unwrap(),
                name: Label::from_stored("Bob"),
            }),
            capabilities: Capabilities {
                basic: 1_342_558_252,
                extended: 0,
            },
            endpoint: Some(Guid::NIL),
            first: true,
        };
        let render = |number| {
            let mut out = Outbox::default();
            dialect(number).room_members(1, std::slice::from_ref(&bob), &mut out);
            dialect(number).joined(&bob, &mut out);
            String::from_utf8(out.bytes().to_vec()).unwrap()
        };
        assert_eq!(
            render(11),
            "IRO 1 1 1 bob@example.com Bob\r\nJOI bob@example.com Bob\r\n"
        );
        assert_eq!(
            render(12),
            "IRO 1 1 1 bob@example.com Bob 1342558252\r\nJOI bob@example.com Bob 1342558252\r\n"
        );
    }

    fn rendered(render: impl FnOnce(&mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    fn alice_at(machine: &str, first: bool) -> Occupant {
        Occupant {
            who: Arc::new(Sender {
                address: Address::parse("alice@example.com").unwrap(),
                name: Label::from_stored("Alice"),
            }),
            capabilities: Capabilities {
                basic: 2_789_003_324,
                extended: 48,
            },
            endpoint: Guid::parse(machine),
            first,
        }
    }

    const LAPTOP: &str = "f52973b6-c926-4bad-9ba8-7c1e840e4ab0";
    const DESKTOP: &str = "0c7e44a1-2d6b-4f0e-8a11-9b3d5e7f1023";

    #[test]
    fn an_account_at_two_places_is_one_or_three_in_a_room() {
        let members = [alice_at(LAPTOP, true), alice_at(DESKTOP, false)];
        let iro = |number| rendered(|out| dialect(number).room_members(1, &members, out));
        assert_eq!(iro(15), "IRO 1 1 1 alice@example.com Alice 2789003324\r\n");
        assert_eq!(
            iro(16),
            format!(
                "IRO 1 1 3 alice@example.com Alice 2789003324:48\r\n\
                 IRO 1 2 3 alice@example.com;{{{LAPTOP}}} Alice 2789003324:48\r\n\
                 IRO 1 3 3 alice@example.com;{{{DESKTOP}}} Alice 2789003324:48\r\n"
            )
        );
        let joi =
            |number, first| rendered(|out| dialect(number).joined(&alice_at(LAPTOP, first), out));
        assert_eq!(joi(15, false), "");
        assert_eq!(
            joi(18, false),
            format!("JOI alice@example.com;{{{LAPTOP}}} Alice 2789003324:48\r\n")
        );
        assert_eq!(
            joi(18, true),
            format!(
                "JOI alice@example.com Alice 2789003324:48\r\n{}",
                joi(18, false)
            )
        );
    }

    #[test]
    fn an_account_leaves_with_its_last_place() {
        let alice = Address::parse("alice@example.com").unwrap();
        let bye = |number, last, idle| {
            let who = (&alice, Guid::parse(LAPTOP));
            rendered(|out| dialect(number).left(who, last, idle, out))
        };
        assert_eq!(bye(12, true, true), "BYE alice@example.com 1\r\n");
        assert_eq!(bye(12, false, false), "");
        let place = format!("BYE alice@example.com;{{{LAPTOP}}}");
        assert_eq!(bye(16, false, false), format!("{place}\r\n"));
        assert_eq!(
            bye(16, true, false),
            format!("{place}\r\nBYE alice@example.com\r\n")
        );
        assert_eq!(
            bye(16, true, true),
            format!("{place} 1\r\nBYE alice@example.com 1\r\n")
        );
    }

    #[test]
    fn calls_tell_their_route_since_msnp14() {
        let invitation = Invitation {
            room: RoomId(7),
            ticket: "tik".into(),
            inviter: Address::parse("bob@example.com").unwrap(),
            name: Label::from_stored("Bob"),
        };
        let lines = |number| {
            rendered(|out| {
                dialect(number).switchboard_referral(20, "192.0.2.1:1863", "tik", out);
                dialect(number).ring(&invitation, "192.0.2.1:1863", out);
            })
        };
        assert_eq!(
            lines(13),
            "XFR 20 SB 192.0.2.1:1863 CKI tik\r\n\
             RNG 7 192.0.2.1:1863 CKI tik bob@example.com Bob\r\n"
        );
        assert_eq!(lines(2), lines(13));
        assert_eq!(
            lines(14),
            "XFR 20 SB 192.0.2.1:1863 CKI tik U messenger.msn.com 1\r\n\
             RNG 7 192.0.2.1:1863 CKI tik bob@example.com Bob U messenger.msn.com 1\r\n"
        );
        assert_eq!(lines(18), lines(14));
    }
}
