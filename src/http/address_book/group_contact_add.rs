//! `ABGroupContactAdd`: contacts come into a group, new ones among them
//! (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::contact_add::{address_of, failure};
use super::view::Made;
use super::{books, editor, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{GroupMember, Guid};

pub(super) const OPERATION: &str = "ABGroupContactAdd";

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    group: Guid,
    members: Vec<GroupMember>,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let Wish { group, members } = read(call.operation.node)?;
    let named = members.iter().find_map(|member| match member {
        GroupMember::New(new) => Some(address_of(new)),
        GroupMember::Card(_) => None,
    });
    let ids = books(call)
        .add_to_group(editor(call), group, members)
        .await
        .map_err(|error| failure(error, named.as_deref().unwrap_or_default()))?;
    // The answer has room for one, as had those of the original service.
    let id = ids.first().copied().unwrap_or(Guid::NIL);
    let operation = OPERATION;
    super::reply(call, &Made { operation, id })
}

fn read(request: Node<'_, '_>) -> Result<Wish, Failure> {
    read::own_book(request)?;
    let [group] = *read::filtered_groups(request)? else {
        return Err(Malformed.into());
    };
    let options = read::maybe(request, "groupContactAddOptions")?;
    let contacts = read::contacts(request)?;
    let members = contacts.into_iter().map(|contact| member(contact, options));
    Ok(Wish {
        group,
        members: members.collect::<Result<_, _>>()?,
    })
}

fn member(contact: Node<'_, '_>, options: Option<Node<'_, '_>>) -> Result<GroupMember, Failure> {
    if let Some(id) = read::contact_id(contact)? {
        return Ok(GroupMember::Card(id));
    }
    let info = read::maybe(contact, "contactInfo")?.ok_or(Malformed)?;
    Ok(GroupMember::New(read::new_card(info, options)?))
}
