//! `ABContactDelete`: contacts leave the book (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::{books, editor, read};
use crate::http::soap::{Call, Failure, Reply};
use crate::model::Guid;

pub(super) const OPERATION: &str = "ABContactDelete";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let contacts = read(call.operation.node)?;
    books(call).delete_cards(editor(call), contacts).await?;
    super::done(call, OPERATION)
}

fn read(request: Node<'_, '_>) -> Result<Vec<Guid>, Failure> {
    read::own_book(request)?;
    read::contact_ids(request)
}
