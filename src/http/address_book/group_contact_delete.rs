//! `ABGroupContactDelete`: contacts leave groups and stay in the book (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::{books, editor, read};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::Guid;

pub(super) const OPERATION: &str = "ABGroupContactDelete";

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    group: Guid,
    members: Vec<Guid>,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let Wish { group, members } = read(call.operation.node)?;
    books(call)
        .remove_from_group(editor(call), group, members)
        .await?;
    super::done(call, OPERATION)
}

fn read(request: Node<'_, '_>) -> Result<Wish, Failure> {
    read::own_book(request)?;
    let [group] = *read::filtered_groups(request)? else {
        return Err(Malformed.into());
    };
    let members = read::contact_ids(request)?;
    Ok(Wish { group, members })
}
