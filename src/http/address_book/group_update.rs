//! `ABGroupUpdate`: other names for groups (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::read::{self, Properties};
use super::{books, editor};
use crate::http::soap::{Call, Failure, Malformed, Reply, named};
use crate::model::{GroupEdit, Guid, Refusal};

pub(super) const OPERATION: &str = "ABGroupUpdate";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let edits = read(call.operation.node)?;
    books(call).update_groups(editor(call), edits).await?;
    super::done(call, OPERATION)
}

fn read(request: Node<'_, '_>) -> Result<Vec<GroupEdit>, Failure> {
    read::own_book(request)?;
    let list = read::maybe(request, "groups")?.ok_or(Malformed)?;
    named(list, "Group").map(edit).collect()
}

/// Without `propertiesChanged` everything counts that is there.
fn edit(group: Node<'_, '_>) -> Result<GroupEdit, Failure> {
    let id = read::text(group, "groupId")?.ok_or(Malformed)?;
    let info = read::maybe(group, "groupInfo")?.ok_or(Malformed)?;
    let properties = match read::words(group, "propertiesChanged")? {
        Some(names) => Properties::Named(names),
        None => Properties::Present,
    };
    let name = match properties.include("GroupName") {
        true => read::text(info, "name")?.map(str::to_owned),
        false => None,
    };
    let is_favorite = match properties.include("IsFavorite") {
        true => read::flag(info, "IsFavorite")?,
        false => None,
    };
    let annotations = match properties.include("Annotation") {
        true => read::annotations(info, "annotations")?,
        false => Vec::new(),
    };
    Ok(GroupEdit {
        guid: Guid::parse(id).ok_or(Refusal::UnknownGroup)?,
        name,
        is_favorite,
        annotations,
    })
}
