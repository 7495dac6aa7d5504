//! Conversations: referrals, calls, rosters, messages (`docs/protocol/03`).

use super::Dialect;
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
        member_name(&who.address, endpoint, line)
            .arg(who.name.as_str())
            .maybe(self.has_room_capabilities().then_some(capabilities.basic))
            .end();
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

/// Where a client that asked for a switchboard finds it.
pub fn referral(trid: u32, server: &str, ticket: &str, out: &mut Outbox) {
    out.line("XFR")
        .arg(trid)
        .arg("SB")
        .arg(server)
        .arg("CKI")
        .arg(ticket)
        .end();
}

/// A call into a room. Exactly seven fields (`docs/protocol/02 §11`).
pub fn ring(invitation: &Invitation, server: &str, out: &mut Outbox) {
    out.line("RNG")
        .arg(invitation.room.0)
        .arg(server)
        .arg("CKI")
        .arg(&*invitation.ticket)
        .arg(invitation.inviter.as_str())
        .arg(invitation.name.as_str())
        .end();
}

/// A call went out.
pub fn ringing(trid: u32, room: RoomId, out: &mut Outbox) {
    out.line("CAL").arg(trid).arg("RINGING").arg(room.0).end();
}

/// A message, its body untouched.
pub fn message(from: &Sender, body: &[u8], out: &mut Outbox) {
    out.line("MSG")
        .arg(from.address.as_str())
        .arg(from.name.as_str())
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
}
