//! `REM n list handle [group]` up to MSNP9; since MSNP10 `REM n FL guid [group]` and by address
//! for the other lists (`docs/protocol/02 §6.3`).

use super::add::{by_identity, read_group, writable_list};
use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::roster::read_list;
use crate::dialect::{Dialect, GroupStyle, ListChangeStyle, PendingStyle};
use crate::model::{Address, ContactRef, GroupRef, List, Refusal};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Rem<'a> {
    target: ContactRef,
    list: List,
    group: Option<GroupRef>,
    word: &'a [u8],
    echo: Vec<&'a [u8]>,
}

impl<'a> Rem<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let word = args.field()?;
        let list = removable_list(word, dialect)?;
        let who = args.text()?;
        let takes_group = list == List::Forward && dialect.group_style() != GroupStyle::None;
        let group = if takes_group { args.next_field() } else { None };
        args.finish()?;
        let by_guid =
            list == List::Forward && dialect.list_change_style() == ListChangeStyle::ByIdentity;
        let target = if by_guid {
            by_identity(who.as_bytes())?
        } else {
            // What is no address is on no list.
            Address::parse(who)
                .map(ContactRef::Address)
                .map_err(|_| Refusal::NotOnList)?
        };
        Ok(Self {
            target,
            list,
            group: group.map(|field| read_group(field, dialect)).transpose()?,
            word,
            echo: [who.as_bytes()].into_iter().chain(group).collect(),
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
        let change = contacts
            .remove(owner, self.target, self.list, self.group)
            .await?;
        let revision = change.owner.revision;
        client
            .dialect
            .removed(trid, self.word, revision, &self.echo, out);
        Ok(())
    }
}

fn removable_list(word: &[u8], dialect: Dialect) -> Result<List, Failure> {
    match read_list(word) {
        Some(List::Pending) if dialect.pending_style() != PendingStyle::Unknown => {
            Ok(List::Pending)
        }
        _ => writable_list(word),
    }
}
