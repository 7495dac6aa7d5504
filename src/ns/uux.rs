//! `UUX n length` with XML: what is shown beside the status, to everybody or to the own other
//! places (`docs/protocol/02 §10`, `docs/protocol/10 §5`).

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::Dialect;
use crate::dialect::user_data::UserData;
use crate::model::Refusal;
use crate::service::Origin;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Uux {
    data: UserData,
}

impl Uux {
    pub(super) fn parse(
        mut args: Arguments<'_>,
        payload: Option<&[u8]>,
        dialect: Dialect,
    ) -> Result<Self, Failure> {
        args.number()?;
        args.finish()?;
        let payload = payload.ok_or(Failure::Violation)?;
        let data = dialect.read_user_data(payload);
        Ok(Self {
            data: data.map_err(|_| Refusal::InvalidParameter)?,
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let presence = &around.services.presence;
        match self.data {
            UserData::Message(change) => {
                let by = Origin::Session(client.guard.session());
                presence
                    .set_message(client.guard.user(), by, change)
                    .await?;
            }
            UserData::Endpoint(Some(capabilities)) => {
                presence.set_endpoint_capabilities(&client.guard, capabilities);
            }
            UserData::Endpoint(None) => {}
            UserData::Private(change) => presence.set_private_data(&client.guard, change),
        }
        out.line("UUX").arg(trid).arg("0").end();
        Ok(())
    }
}
