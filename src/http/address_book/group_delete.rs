//! `ABGroupDelete`: groups go, and their members stay (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::{books, editor, read};
use crate::http::soap::{Call, Failure, Reply};
use crate::model::Guid;

pub(super) const OPERATION: &str = "ABGroupDelete";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let groups = read(call.operation.node)?;
    books(call).delete_groups(editor(call), groups).await?;
    super::done(call, OPERATION)
}

fn read(request: Node<'_, '_>) -> Result<Vec<Guid>, Failure> {
    read::own_book(request)?;
    read::filtered_groups(request)
}
