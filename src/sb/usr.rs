//! `USR n handle ticket` -> `USR n OK handle name`: a room of one's own
//! (`docs/protocol/01 §7`).

use super::Failure;
use super::cal::Patience;
use super::session::Seat;
use crate::dialect::notices::read_target;
use crate::dialect::{Dialect, switchboard};
use crate::mailbox::Mailbox;
use crate::model::{Address, Guid, Refusal, SbEvent};
use crate::service::{Bearer, JoinError, Membership, Services};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Usr<'a> {
    handle: &'a str,
    ticket: &'a str,
}

impl<'a> Usr<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let handle = args.text()?;
        let ticket = args.text()?;
        args.finish()?;
        Ok(Self { handle, ticket })
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
        let entered = services
            .chat
            .open(self.ticket, bearer, mailbox.clone())
            .map_err(refused)?;
        switchboard::opened(trid, self.handle, entered.membership.who(), out);
        take_seat(entered.membership)
    }
}

/// Every way in which a ticket does not fit gets the same answer.
pub(super) fn refused(error: JoinError) -> Failure {
    tracing::info!(%error, "switchboard ticket refused");
    match error {
        JoinError::BadTicket
        | JoinError::OtherAccount
        | JoinError::OtherEndpoint
        | JoinError::OtherPurpose
        | JoinError::SessionOver
        | JoinError::RoomClosed => Failure::Fatal(Refusal::AuthenticationFailed),
        JoinError::RoomFull => Failure::Fatal(Refusal::RoomFull),
        JoinError::TooManyRooms => Failure::Fatal(Refusal::TooManyRooms),
    }
}

/// Who a handle says that the client is: `address`, or `address;{guid}` where it names its machine
/// too (`docs/protocol/10 §8.1`).
pub(super) fn read_handle(handle: &str) -> Result<(Address, Option<Guid>), Failure> {
    read_target(handle).ok_or(Failure::Fatal(Refusal::AuthenticationFailed))
}

pub(super) fn take_seat(membership: Membership) -> Result<Seat, Failure> {
    let dialect = Dialect::from_tag(membership.dialect()).ok_or(Failure::Violation)?;
    let span = tracing::Span::current();
    span.record("dialect", tracing::field::debug(dialect));
    span.record("user", membership.user().0);
    span.record("room", membership.room().0);
    Ok(Seat {
        membership,
        dialect,
        patience: Patience::default(),
    })
}
