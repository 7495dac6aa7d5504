//! `USR n SHA A ticket`: the client shows the ticket that came with its circles, before it puts
//! them on its list (`docs/protocol/10 §10`). The ticket is the XML in base64.

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct UsrSha<'a> {
    ticket: &'a [u8],
}

impl<'a> UsrSha<'a> {
    /// Any other `USR` after sign-in is refused with `AlreadySignedIn`.
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        if args.field()? != b"SHA" {
            return Err(Refusal::AlreadySignedIn.into());
        }
        if args.field()? != b"A" {
            return Err(Refusal::InvalidParameter.into());
        }
        let ticket = args.field()?;
        args.finish()?;
        Ok(Self { ticket })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let circles = &around.services.circles;
        circles
            .check_ticket(client.guard.user(), self.ticket)
            .await?;
        let line = out.line("USR").arg(trid).arg("OK");
        line.arg(client.address.as_str()).arg("0").arg("0").end();
        Ok(())
    }
}
