//! `IMS n ON|OFF` -> `IMS n 0 ON|OFF`: whether calls ring (`docs/protocol/02 §11`). Used by MSN TV.

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Ims {
    accepts_calls: bool,
}

impl Ims {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        let accepts_calls = match args.field()? {
            b"ON" => true,
            b"OFF" => false,
            _ => return Err(Failure::Refused(Refusal::NotExpected)),
        };
        args.finish()?;
        Ok(Self { accepts_calls })
    }

    pub(super) fn apply(
        &self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let presence = &around.services.presence;
        presence.set_accepts_calls(&client.guard, self.accepts_calls);
        let word = if self.accepts_calls { "ON" } else { "OFF" };
        out.line("IMS").arg(trid).arg("0").arg(word).end();
        Ok(())
    }
}
