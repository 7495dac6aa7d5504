//! `ADD n list handle name [group]` up to MSNP9 and `ADC n list N=handle F=name` since MSNP10:
//! putting somebody on a list (`docs/protocol/02 §6.1, §6.2`).

use super::prp::name;
use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::roster::read_list;
use crate::dialect::{Dialect, GroupStyle, PendingStyle};
use crate::model::{Address, ContactRef, GroupRef, Guid, List, Refusal};
use crate::service::{AddToList, Added, Opposite};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Add<'a> {
    request: AddToList,
    list: &'a [u8],
    /// Address, name and group as they came.
    echo: Vec<&'a [u8]>,
}

impl<'a> Add<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let word = args.field()?;
        let list = writable_list(word)?;
        let handle = args.text()?;
        let spelled = args.field()?;
        let takes_group = list == List::Forward && dialect.group_style() == GroupStyle::Number;
        let group = if takes_group { args.next_field() } else { None };
        args.finish()?;
        let request = AddToList {
            target: ContactRef::Address(contact_address(handle)?),
            list,
            name: Some(name(spelled)?),
            group: group.map(|field| read_group(field, dialect)).transpose()?,
            opposite: Opposite::Refused,
        };
        let echo = [handle.as_bytes(), spelled].into_iter().chain(group);
        Ok(Self {
            request,
            list: word,
            echo: echo.collect(),
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
        let added = contacts.add(client.guard.user(), self.request).await?;
        out.line("ADD")
            .arg(trid)
            .arg(self.list)
            .arg(added.change.owner.revision)
            .args(self.echo)
            .end();
        show_new_contact(trid, &added, client, out);
        Ok(())
    }
}

#[derive(Debug)]
pub(super) enum Adc<'a> {
    /// Onto a list, or a contact into one more group.
    Add {
        request: AddToList,
        list: &'a [u8],
        fields: Vec<&'a [u8]>,
    },
    /// The client has asked its user about somebody pending.
    Settle {
        address: Address,
        fields: Vec<&'a [u8]>,
    },
}

impl<'a> Adc<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let word = args.field()?;
        let fields: Vec<&[u8]> = std::iter::from_fn(|| args.next_field()).collect();
        let mut target = None;
        let mut given_name = None;
        let mut group = None;
        for field in &fields {
            match field {
                [b'N', b'=', handle @ ..] => target = Some(by_address(handle)?),
                [b'F', b'=', spelled @ ..] => given_name = Some(name(spelled)?),
                [b'C', b'=', guid @ ..] => target = Some(by_identity(guid)?),
                other if group.is_none() => group = Some(read_group(other, dialect)?),
                _ => return Err(Failure::Refused(Refusal::InvalidParameter)),
            }
        }
        let target = target.ok_or(Refusal::InvalidParameter)?;
        if read_list(word) == Some(List::Reverse)
            && dialect.pending_style() == PendingStyle::Settled
            && let ContactRef::Address(address) = target
        {
            return Ok(Self::Settle { address, fields });
        }
        let request = AddToList {
            target,
            list: writable_list(word)?,
            name: given_name,
            group,
            opposite: Opposite::Refused,
        };
        Ok(Self::Add {
            request,
            list: word,
            fields,
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
        match self {
            Self::Settle { address, fields } => {
                let settled = contacts.settle(owner, &address).await;
                // Nobody but the server puts anybody else on the reverse list.
                settled.map_err(|error| match Failure::from(error) {
                    Failure::Refused(Refusal::NotOnList) => Failure::Violation,
                    other => other,
                })?;
                out.line("ADC").arg(trid).arg("RL").args(fields).end();
            }
            Self::Add {
                mut request,
                list,
                fields,
            } => {
                if client.family.adds_before_removing() {
                    request.opposite = Opposite::Kept;
                }
                let added = contacts.add(owner, request).await?;
                write_reply(trid, list, &fields, &added, out);
                show_new_contact(trid, &added, client, out);
            }
        }
        Ok(())
    }
}

/// Repeats the fields; somebody new on the forward list gets an identity, behind the name.
fn write_reply(trid: u32, list: &[u8], fields: &[&[u8]], added: &Added, out: &mut Outbox) {
    let contact = &added.change.contact;
    let line = out.line("ADC").arg(trid).arg(list);
    let [address @ [b'N', b'=', ..], rest @ ..] = fields else {
        return line.args(fields.iter().copied()).end();
    };
    if list != b"FL" {
        return line.args(fields.iter().copied()).end();
    }
    let (name, groups): (Vec<&[u8]>, Vec<&[u8]>) =
        rest.iter().partition(|field| field.starts_with(b"F="));
    let line = line.arg(*address);
    let line = match name.first() {
        Some(name) => line.arg(*name),
        None => line.joined(&[&"F=", &contact.name.as_str()]),
    };
    line.joined(&[&"C=", &contact.guid.to_string().as_str()])
        .args(groups)
        .end();
}

/// What a client waits for behind the reply about a new contact: phone numbers, then presence.
fn show_new_contact(trid: u32, added: &Added, client: &SignedIn, out: &mut Outbox) {
    let change = &added.change;
    let is_new_contact = change.other.is_some() && change.contact.lists.has(List::Forward);
    if is_new_contact {
        let revision = change.owner.revision;
        client
            .dialect
            .added_contact_phones(&change.contact, revision, out);
    }
    if let Some(presence) = &added.presence {
        client.dialect.initial_presence(trid, presence, out);
    }
}

/// The lists that a client fills. The reverse list is the server's: touching it ends the session.
pub(super) fn writable_list(word: &[u8]) -> Result<List, Failure> {
    match read_list(word) {
        Some(list @ (List::Forward | List::Allow | List::Block)) => Ok(list),
        Some(List::Reverse) => Err(Failure::Violation),
        Some(List::Pending) | None => Err(Failure::Refused(Refusal::UnknownGroup)),
    }
}

fn contact_address(handle: &str) -> Result<Address, Failure> {
    Address::parse(handle).map_err(|_| Failure::Refused(Refusal::MalformedAddress))
}

fn by_address(handle: &[u8]) -> Result<ContactRef, Failure> {
    let handle = std::str::from_utf8(handle).map_err(|_| Refusal::MalformedAddress)?;
    // Contacts that are only a phone number exist since MSNP11; there is nobody to reach.
    if handle.starts_with("tel:") {
        return Err(Failure::Refused(Refusal::UnknownAccount));
    }
    contact_address(handle).map(ContactRef::Address)
}

pub(super) fn by_identity(guid: &[u8]) -> Result<ContactRef, Failure> {
    std::str::from_utf8(guid)
        .ok()
        .and_then(Guid::parse)
        .map(ContactRef::Guid)
        .ok_or(Failure::Refused(Refusal::UnknownContact))
}

pub(super) fn read_group(field: &[u8], dialect: Dialect) -> Result<GroupRef, Failure> {
    dialect
        .read_group(field)
        .ok_or(Failure::Refused(Refusal::UnknownGroup))
}
