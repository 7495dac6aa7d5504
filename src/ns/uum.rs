//! `UUM n address network kind length`: a message to somebody without calling them
//! (`docs/protocol/10 §6.2`).
//!
//! Clients send this to people who are not there. Whoever is there after all gets it at once, as
//! long as their client knows such messages; a text for everybody else is kept. There is no other
//! network than this server's.

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::membership::require_own_network;
use crate::dialect::{Dialect, notices};
use crate::model::{Address, DirectKind, DirectMessage, Refusal};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Uum {
    target: Address,
    kind: DirectKind,
    body: Bytes,
}

impl Uum {
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&[u8]>) -> Result<Self, Failure> {
        let target = Address::parse(args.text()?).map_err(|_| Refusal::MalformedAddress)?;
        let network = args.number()?;
        let kind = notices::read_direct_kind(args.number()?).ok_or(Refusal::InvalidParameter)?;
        args.number()?;
        args.finish()?;
        require_own_network(network)?;
        Ok(Self {
            target,
            kind,
            body: Bytes::copy_from_slice(payload.ok_or(Failure::Violation)?),
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let message = DirectMessage {
            from: client.address.clone(),
            to: self.target.clone(),
            kind: self.kind,
            body: self.body.clone(),
        };
        let takes = |tag| Dialect::from_tag(tag).is_some_and(Dialect::has_direct_messages);
        let services = &around.services;
        let delivered = services
            .presence
            .deliver_direct(&client.guard, message, takes);
        match self.kind {
            _ if delivered => {}
            DirectKind::Text => {
                let (user, session) = (client.guard.user(), client.guard.session());
                services
                    .offline
                    .store_direct(user, session, &self.target, &self.body)
                    .await?;
            }
            DirectKind::Typing | DirectKind::Nudge => {
                return Err(Failure::Refused(Refusal::Unreachable));
            }
        }
        out.line("UUM").arg(trid).arg("OK").end();
        Ok(())
    }
}
