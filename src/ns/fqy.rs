//! `FQY n length` with XML: in which networks addresses are (`docs/protocol/10 §3.5`).
//!
//! COMPAT: whatever has the form of a question is answered, for clients repeat it at every sign-in
//! (`docs/protocol/25 §13`). The official clients ask since MSNP14; libpurple 2.4 speaks MSNP13 as
//! well, so that version may ask too.

use super::session::Surroundings;
use super::{Failure, Handled};
use crate::dialect::membership::Query;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Fqy {
    query: Query,
}

impl Fqy {
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&[u8]>) -> Result<Self, Failure> {
        args.number()?;
        args.finish()?;
        let query = Query::read(payload.ok_or(Failure::Violation)?)?;
        Ok(Self { query })
    }

    pub(super) async fn apply(self, trid: u32, around: &Surroundings, out: &mut Outbox) -> Handled {
        let addresses = self.query.addresses();
        let known = around.services.contacts.known_addresses(addresses).await?;
        let answer = self.query.answer(|address| known.contains(address));
        out.line("FQY").arg(trid).payload(answer.as_bytes());
        Ok(())
    }
}
