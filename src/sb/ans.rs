//! `ANS n handle ticket room` -> who is there, then `ANS n OK`: into the room one was called to
//! (`docs/protocol/03 §1, §3`).

use super::Failure;
use super::session::Seat;
use super::usr::{read_handle, refused, take_seat};
use crate::mailbox::Mailbox;
use crate::model::{Refusal, RoomId, SbEvent};
use crate::service::{Bearer, Services};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Ans<'a> {
    handle: &'a str,
    ticket: &'a str,
    /// Nothing where it is not a number that a room could have.
    room: Option<RoomId>,
}

impl<'a> Ans<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let handle = args.text()?;
        let ticket = args.text()?;
        let room = args.text()?.parse().ok().map(RoomId);
        args.finish()?;
        Ok(Self {
            handle,
            ticket,
            room,
        })
    }

    pub(super) fn apply(
        &self,
        trid: u32,
        services: &Services,
        mailbox: &Mailbox<SbEvent>,
        out: &mut Outbox,
    ) -> Result<Seat, Failure> {
        let (address, endpoint) = read_handle(self.handle)?;
        let bearer = Bearer {
            address: &address,
            endpoint,
        };
        let room = self
            .room
            .ok_or(Failure::Fatal(Refusal::AuthenticationFailed))?;
        let entered = services
            .chat
            .join(self.ticket, bearer, room, mailbox.clone())
            .map_err(refused)?;
        let seat = take_seat(entered.membership)?;
        seat.dialect.room_members(trid, &entered.others, out);
        out.line("ANS").arg(trid).arg("OK").end();
        Ok(seat)
    }
}
