//! `UUN n address[;{machine}] kind length`: a small message to somebody's clients outside of
//! conversations, handed on unread (`docs/protocol/10 §6.1`).

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::notices;
use crate::model::{Address, Guid, Notice, Refusal};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Uun {
    target: Address,
    machine: Option<Guid>,
    kind: u32,
    body: Bytes,
}

impl Uun {
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&Bytes>) -> Result<Self, Failure> {
        let target = notices::read_target(args.text()?).ok_or(Refusal::MalformedAddress)?;
        let kind = args.number()?;
        args.number()?;
        args.finish()?;
        Ok(Self {
            target: target.0,
            machine: target.1,
            kind,
            body: payload.ok_or(Failure::Violation)?.clone(),
        })
    }

    pub(super) fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let notice = Notice {
            from: client.address.clone(),
            from_endpoint: client.machine,
            kind: self.kind,
            body: self.body,
        };
        let presence = &around.services.presence;
        presence.notify(&client.guard, &self.target, self.machine, notice)?;
        out.line("UUN").arg(trid).arg("OK").end();
        Ok(())
    }
}
