//! `XFR n SB` -> `XFR n SB host:port CKI ticket`: a switchboard (`docs/protocol/02 §11`,
//! `docs/protocol/10 §8.1`).

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Xfr;

impl Xfr {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        let target = args.field()?;
        args.finish()?;
        if target != b"SB" {
            return Err(Failure::Refused(Refusal::InvalidParameter));
        }
        Ok(Self)
    }

    pub(super) fn apply(
        &self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let ticket = around.services.chat.ticket(&client.guard)?;
        let server = around.msnp_address();
        client
            .dialect
            .switchboard_referral(trid, around.route(&server), &ticket, out);
        Ok(())
    }
}
