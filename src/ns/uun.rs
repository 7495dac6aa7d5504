//! `UUN n address[;{machine}] kind length`: a small message to somebody's clients outside of
//! conversations, handed on unread (`docs/protocol/10 §6.1`). Whoever has only clients that know no
//! such messages is as out of reach as somebody who is not there.

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::{Dialect, notices};
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
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&[u8]>) -> Result<Self, Failure> {
        let target = notices::read_target(args.text()?).ok_or(Refusal::MalformedAddress)?;
        let kind = args.number()?;
        args.number()?;
        args.finish()?;
        Ok(Self {
            target: target.0,
            machine: target.1,
            kind,
            body: Bytes::copy_from_slice(payload.ok_or(Failure::Violation)?),
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
        let takes = |tag| Dialect::from_tag(tag).is_some_and(Dialect::has_notices);
        presence.notify(&client.guard, &self.target, self.machine, notice, takes)?;
        out.line("UUN").arg(trid).arg("OK").end();
        Ok(())
    }
}
