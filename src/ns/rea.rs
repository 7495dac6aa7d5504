//! `REA n handle name` up to MSNP9 and `SBP n guid MFN name` since MSNP10: names of oneself and
//! of contacts (`docs/protocol/02 §5`).
//!
//! Clients rename a contact on their own whenever its presence shows another name, so that is
//! cheap and nobody is told.

use super::prp::name;
use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::model::{Address, ContactRef, Guid, Label, Refusal};
use crate::service::Setting;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Rea<'a> {
    address: Address,
    name: Label,
    echo: [&'a [u8]; 2],
}

impl<'a> Rea<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let handle = args.text()?;
        let field = args.field()?;
        args.finish()?;
        Ok(Self {
            address: Address::parse(handle).map_err(|_| Refusal::MalformedAddress)?,
            name: name(field)?,
            echo: [handle.as_bytes(), field],
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let contacts = around.services.contacts.of(&client.guard);
        let owner = client.guard.user();
        let revision = if self.address == client.address {
            let done = contacts.set(owner, Setting::Name(self.name)).await?;
            done.owner.revision
        } else {
            let target = ContactRef::Address(self.address);
            contacts
                .rename(owner, target, self.name)
                .await?
                .owner
                .revision
        };
        client
            .dialect
            .changed("REA", trid, revision, out)
            .args(self.echo)
            .end();
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Sbp<'a> {
    contact: Guid,
    name: Label,
    echo: [&'a [u8]; 3],
}

impl<'a> Sbp<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let guid = args.text()?;
        let key = args.field()?;
        let field = args.field()?;
        args.finish()?;
        if key != b"MFN" {
            return Err(Failure::Refused(Refusal::NotExpected));
        }
        Ok(Self {
            contact: Guid::parse(guid).ok_or(Refusal::UnknownContact)?,
            name: name(field)?,
            echo: [guid.as_bytes(), key, field],
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let target = ContactRef::Guid(self.contact);
        let contacts = around.services.contacts.of(&client.guard);
        contacts
            .rename(client.guard.user(), target, self.name)
            .await?;
        out.line("SBP").arg(trid).args(self.echo).end();
        Ok(())
    }
}

/// Answers a rename as if it were done. The clients since MSNP13 keep names of contacts in the
/// web; some still send this besides (`docs/protocol/10 §2`).
pub(super) fn repeat(trid: u32, mut args: Arguments<'_>, out: &mut Outbox) {
    let fields = std::iter::from_fn(|| args.next_field());
    out.line("SBP").arg(trid).args(fields).end();
}
