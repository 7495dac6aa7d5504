//! `ABGroupAdd`: one more group (`docs/protocol/12 §5`).
//!
//! Groups are all of one type, and `fRenameOnMsgrConflict` is never true: a name that is taken is
//! refused.

use roxmltree::Node;

use super::view::Made;
use super::{books, editor, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::NewGroup;

pub(super) const OPERATION: &str = "ABGroupAdd";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let new = read(call.operation.node)?;
    let id = books(call).create_group(editor(call), new).await?;
    let operation = OPERATION;
    super::reply(call, &Made { operation, id })
}

pub(super) fn read(request: Node<'_, '_>) -> Result<NewGroup, Failure> {
    read::own_book(request)?;
    let info = read::at(request, &["groupInfo", "GroupInfo"])?.ok_or(Malformed)?;
    Ok(NewGroup {
        name: read::text(info, "name")?.ok_or(Malformed)?.to_owned(),
        is_favorite: read::flag(info, "IsFavorite")?.unwrap_or(false),
        annotations: read::annotations(info, "annotations")?,
    })
}
