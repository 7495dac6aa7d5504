//! `CAL n handle[;{machine}]` -> `CAL n RINGING room`: calling somebody into the room
//! (`docs/protocol/03 §4`).
//!
//! Calling oneself rings one's other places and shows the caller itself in the room, if the client
//! knows of places (`docs/protocol/10 §8.1`); to any other it is there already. Whoever may not be
//! called is not there, whatever the reason: unknown, offline, hidden and blocking all sound the
//! same.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Failure;
use super::session::Seat;
use crate::dialect::notices::read_target;
use crate::dialect::switchboard;
use crate::metrics::Limit;
use crate::model::{Address, Guid, Refusal};
use crate::service::{Called, Doing, Services};
use crate::wire::{Arguments, Outbox};

/// After this many refused calls the caller has to wait (`docs/protocol/03 §4`).
const REFUSED_CALLS: u32 = 5;
const WAIT: Duration = Duration::from_secs(60);

/// How often this member has called in vain of late.
#[derive(Debug, Default)]
pub(super) struct Patience {
    refused: u32,
    last: Option<Instant>,
}

impl Patience {
    fn is_exhausted(&mut self, now: Instant) -> bool {
        let is_over = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) >= WAIT);
        if is_over {
            *self = Self::default();
        }
        self.refused >= REFUSED_CALLS
    }

    fn note(&mut self, now: Instant) {
        self.refused += 1;
        self.last = Some(now);
    }
}

#[derive(Debug)]
pub(super) struct Cal {
    callee: Result<(Address, Option<Guid>), Refusal>,
}

impl Cal {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        let handle = args.text()?;
        args.finish()?;
        Ok(Self {
            callee: read_target(handle).ok_or(Refusal::MalformedCallee),
        })
    }

    pub(super) fn apply(
        self,
        trid: u32,
        seat: &mut Seat,
        (services, peer): (&Services, IpAddr),
        out: &mut Outbox,
    ) -> Result<(), Failure> {
        let (callee, machine) = self.callee?;
        let is_own = callee == seat.membership.who().address;
        if is_own && !seat.dialect.has_endpoints() {
            return Err(Refusal::AlreadyThere.into());
        }
        let now = Instant::now();
        if seat.patience.is_exhausted(now) {
            services.metrics.limited(Limit::Invitations);
            return Err(Refusal::CallingTooFast.into());
        }
        let caller = seat.membership.user();
        services.allowances.spend(Doing::Invitation, caller, peer)?;
        let called = services.chat.call(&seat.membership, &callee, machine);
        if called == Err(Refusal::Unreachable) {
            seat.patience.note(now);
        }
        let called = called?;
        switchboard::ringing(trid, seat.membership.room(), out);
        if called == Called::Oneself {
            seat.dialect.own_place(
                seat.membership.who(),
                seat.membership.endpoint(),
                seat.membership.capabilities(),
                out,
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_returns_after_a_while() {
        let start = Instant::now();
        let mut patience = Patience::default();
        for _ in 0..REFUSED_CALLS {
            assert!(!patience.is_exhausted(start));
            patience.note(start);
        }
        assert!(patience.is_exhausted(start));
        assert!(!patience.is_exhausted(start + WAIT));
    }
}
