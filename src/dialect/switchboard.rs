//! Conversations: referrals, calls, rosters, messages (`docs/protocol/03`).

use super::Dialect;
use crate::model::{Address, Capabilities, Invitation, RoomId, Sender};
use crate::wire::Outbox;

impl Dialect {
    /// One of the people who are in the room that the client just entered.
    pub fn room_member(
        self,
        trid: u32,
        (index, total): (usize, usize),
        who: &Sender,
        capabilities: Capabilities,
        out: &mut Outbox,
    ) {
        out.line("IRO")
            .arg(trid)
            .arg(index as u64)
            .arg(total as u64)
            .arg(who.address.as_str())
            .arg(who.name.as_str())
            .maybe(self.has_room_capabilities().then_some(capabilities.basic))
            .end();
    }

    /// Somebody entered the room.
    ///
    /// COMPAT: BitlBee leaves at any other number of fields at MSNP8, and MSN 7.5 expects the
    /// capabilities (`docs/protocol/03 §3`).
    pub fn joined(self, who: &Sender, capabilities: Capabilities, out: &mut Outbox) {
        out.line("JOI")
            .arg(who.address.as_str())
            .arg(who.name.as_str())
            .maybe(self.has_room_capabilities().then_some(capabilities.basic))
            .end();
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

/// Somebody left, on their own or because nobody had said anything for long.
pub fn left(address: &Address, idle: bool, out: &mut Outbox) {
    out.line("BYE")
        .arg(address.as_str())
        .maybe(idle.then_some("1"))
        .end();
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
    use super::*;
    use crate::model::Label;

    #[test]
    fn people_in_a_room_have_capabilities_since_msnp12() {
        let bob = Sender {
            address: Address::parse("bob@example.com").unwrap(),
            name: Label::from_stored("Bob"),
        };
        let caps = Capabilities {
            basic: 1_342_558_252,
            extended: 0,
        };
        let render = |number| {
            let mut out = Outbox::default();
            dialect(number).room_member(1, (1, 2), &bob, caps, &mut out);
            dialect(number).joined(&bob, caps, &mut out);
            String::from_utf8(out.bytes().to_vec()).unwrap()
        };
        assert_eq!(
            render(11),
            "IRO 1 1 2 bob@example.com Bob\r\nJOI bob@example.com Bob\r\n"
        );
        assert_eq!(
            render(12),
            "IRO 1 1 2 bob@example.com Bob 1342558252\r\nJOI bob@example.com Bob 1342558252\r\n"
        );
    }
}
