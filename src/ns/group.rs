//! `ADG`, `REG` and `RMG`: making, renaming and deleting groups (`docs/protocol/02 §6.5`).

use super::add::read_group;
use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::Dialect;
use crate::model::{GroupRef, Label, Refusal};
use crate::wire::{Arguments, Outbox};

/// `ADG n name [0]`
#[derive(Debug)]
pub(super) struct Adg<'a> {
    name: Label,
    spelled: &'a [u8],
}

impl<'a> Adg<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let spelled = args.field()?;
        skip_zero(args)?;
        Ok(Self {
            name: group_name(spelled)?,
            spelled,
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
        let done = contacts
            .create_group(client.guard.user(), self.name)
            .await?;
        let family = client.family;
        let revision = done.owner.revision;
        client
            .dialect
            .group_created(trid, revision, &done.group, self.spelled, family, out);
        Ok(())
    }
}

/// `REG n group name [0]`
#[derive(Debug)]
pub(super) struct Reg<'a> {
    group: GroupRef,
    name: Label,
    spelled: (&'a [u8], &'a [u8]),
}

impl<'a> Reg<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let id = args.field()?;
        let name = args.field()?;
        skip_zero(args)?;
        Ok(Self {
            group: read_group(id, dialect)?,
            name: group_name(name)?,
            spelled: (id, name),
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
        let done = contacts.rename_group(owner, self.group, self.name).await?;
        let family = client.family;
        let revision = done.owner.revision;
        client
            .dialect
            .group_renamed(trid, revision, self.spelled, family, out);
        Ok(())
    }
}

/// `RMG n group`
#[derive(Debug)]
pub(super) struct Rmg<'a> {
    group: GroupRef,
    spelled: &'a [u8],
}

impl<'a> Rmg<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let spelled = args.field()?;
        args.finish()?;
        Ok(Self {
            group: read_group(spelled, dialect)?,
            spelled,
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
        let done = contacts.delete_group(owner, self.group).await?;
        let family = client.family;
        let revision = done.owner.revision;
        client
            .dialect
            .group_deleted(trid, revision, self.spelled, family, out);
        Ok(())
    }
}

/// The older clients end these commands with a zero that means nothing.
fn skip_zero(mut args: Arguments<'_>) -> Result<(), Failure> {
    args.next_field();
    Ok(args.finish()?)
}

fn group_name(field: &[u8]) -> Result<Label, Failure> {
    Label::from_wire(field, Label::GROUP_MAX)
        .map_err(|_| Failure::Refused(Refusal::GroupNameTooLong))
}
