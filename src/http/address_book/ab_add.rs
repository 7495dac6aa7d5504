//! `ABAdd`: a book for somebody who has none.
//!
//! Every account has one from its beginning, so there is nothing to do, and whoever asks is told
//! which one it is (`docs/protocol/12 §5`).

use super::view::AbAdded;
use crate::http::soap::{Call, Failure, Reply};
use crate::model::Guid;

pub(super) const OPERATION: &str = "ABAdd";

pub(super) fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    super::reply(call, &AbAdded { id: Guid::NIL })
}
