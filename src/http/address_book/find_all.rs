//! `ABFindAll`: the whole book, for the clients before 2009 (`docs/protocol/12 §4.1`).
//!
//! `abView` and `dynamicItemView` ask for more or less of it; everybody gets the same.

use roxmltree::Node;

use super::view::FoundAll;
use super::{circles, page, read};
use crate::http::soap::{Call, Failure, Reply};
use crate::model::Stamp;

pub(super) const OPERATION: &str = "ABFindAll";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let since = read(call.operation.node)?;
    let found = FoundAll {
        page: page::own(call, since).await?,
        circle_ticket: circles::ticket(call).await?,
    };
    super::reply(call, &found)
}

pub(super) fn read(request: Node<'_, '_>) -> Result<Option<Stamp>, Failure> {
    read::own_book(request)?;
    read::changes_since(request, "deltasOnly", "lastChange")
}
