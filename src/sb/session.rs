//! One switchboard session.

use std::net::IpAddr;

use super::cal::Patience;
use super::{Failure, ans, cal, msg, usr};
use crate::dialect::{Dialect, errors, switchboard};
use crate::mailbox::Mailbox;
use crate::metrics::{Live, Role};
use crate::model::{Refusal, SbEvent};
use crate::net::{CloseReason, Session, Turn};
use crate::service::{Membership, Services, limit_of};
use crate::wire::{Frame, Outbox, Verb};

/// A client of the switchboard role.
#[derive(Debug)]
pub struct SbSession {
    services: Services,
    /// Keeps the queue of events open, and goes to the room on entering.
    mailbox: Mailbox<SbEvent>,
    peer: IpAddr,
    /// Counts the connection under what it speaks.
    live: Live,
    seat: Option<Seat>,
}

/// A place in a room.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) membership: Membership,
    pub(super) dialect: Dialect,
    pub(super) patience: Patience,
}

impl SbSession {
    /// A session for a client that has just connected.
    pub fn new(services: Services, peer: IpAddr, mailbox: Mailbox<SbEvent>) -> Self {
        Self {
            live: services.metrics.connection(Role::Sb),
            services,
            mailbox,
            peer,
            seat: None,
        }
    }

    fn command(
        &mut self,
        verb: Verb,
        trid: u32,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Turn, Failure> {
        let args = frame.parameters();
        match (&mut self.seat, &verb.0) {
            (None, b"USR") => {
                let seat =
                    usr::Usr::parse(args)?.apply(trid, &self.services, &self.mailbox, out)?;
                self.sit_down(seat);
                Ok(Turn::Continue)
            }
            (None, b"ANS") => {
                let seat =
                    ans::Ans::parse(args)?.apply(trid, &self.services, &self.mailbox, out)?;
                self.sit_down(seat);
                Ok(Turn::Continue)
            }
            (None, _) => Err(Failure::Violation),
            (Some(_), b"USR" | b"ANS") => Err(Failure::Refused(Refusal::NotExpected)),
            (Some(seat), b"CAL") => {
                let call = cal::Cal::parse(args)?;
                call.apply(trid, seat, (&self.services, self.peer), out)?;
                Ok(Turn::Continue)
            }
            (Some(seat), b"MSG") => {
                let message = msg::Msg::parse(args, frame.payload(), seat.dialect)?;
                message.apply(trid, seat, &self.services, out)
            }
            (Some(_), _) => Err(Failure::Violation),
        }
    }

    fn sit_down(&mut self, seat: Seat) {
        let metrics = &self.services.metrics;
        self.live = metrics.connection_speaking(Role::Sb, &seat.dialect.name());
        self.seat = Some(seat);
    }

    fn fail(&self, verb: Verb, trid: u32, failure: Failure, out: &mut Outbox) -> Turn {
        let (refusal, turn) = match failure {
            Failure::Refused(refusal) => (refusal, Turn::Continue),
            Failure::Fatal(refusal) => (refusal, Turn::Close(CloseReason::Refused)),
            Failure::Violation => {
                tracing::info!(%verb, trid, "not a command for this client now");
                return Turn::Close(CloseReason::Protocol);
            }
        };
        tracing::debug!(%verb, trid, %refusal, "refused");
        if let Some(limit) = limit_of(refusal) {
            self.services.metrics.limited(limit);
        }
        match &self.seat {
            Some(seat) => {
                seat.dialect.refuse(trid, refusal, out);
                let code = seat.dialect.code(refusal);
                self.services.metrics.refusal(code);
            }
            None => errors::refuse_early(trid, refusal, out),
        }
        turn
    }
}

impl Session for SbSession {
    type Event = SbEvent;

    async fn handle(&mut self, frame: Frame, out: &mut Outbox) -> Turn {
        let Some(verb) = frame.verb() else {
            return Turn::Close(CloseReason::Protocol);
        };
        if &verb.0 == b"OUT" {
            return Turn::Close(CloseReason::SignedOut);
        }
        let Ok(trid) = frame.arguments().number() else {
            return Turn::Close(CloseReason::Protocol);
        };
        match self.command(verb, trid, &frame, out) {
            Ok(turn) => turn,
            Err(failure) => self.fail(verb, trid, failure, out),
        }
    }

    fn notice(&mut self, event: SbEvent, out: &mut Outbox) -> Turn {
        let Some(seat) = &self.seat else {
            return Turn::Continue;
        };
        match event {
            SbEvent::Joined(newcomer) => seat.dialect.joined(&newcomer, out),
            SbEvent::Left {
                address,
                endpoint,
                last,
                idle,
            } => seat.dialect.left((&address, endpoint), last, idle, out),
            SbEvent::Message { from, body } => switchboard::message(&from, &body, out),
            SbEvent::Closed => return Turn::Close(CloseReason::RoomClosed),
        }
        Turn::Continue
    }

    /// A switchboard has no word for it: the room just closes.
    fn stop(&mut self, _out: &mut Outbox) {}

    fn is_established(&self) -> bool {
        self.seat.is_some()
    }
}
