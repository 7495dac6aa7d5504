//! `UUX n length` with XML: personal message and media (`docs/protocol/02 §10`).

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::presence::read_personal_message;
use crate::model::{MessageChange, Refusal};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Uux {
    change: MessageChange,
}

impl Uux {
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&Bytes>) -> Result<Self, Failure> {
        args.number()?;
        args.finish()?;
        let payload = payload.ok_or(Failure::Violation)?;
        let change = read_personal_message(payload).map_err(|_| Refusal::InvalidParameter)?;
        Ok(Self { change })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let presence = &around.services.presence;
        presence
            .set_message(client.guard.user(), self.change)
            .await?;
        out.line("UUX").arg(trid).arg("0").end();
        Ok(())
    }
}
