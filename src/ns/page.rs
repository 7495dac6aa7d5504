//! `PAG` and `PGD`: pages to somebody's phone (`docs/protocol/02 §14`). No phone can be reached
//! from here, and success would be silence, so every page fails.

use super::{Failure, Handled};
use crate::dialect::{Dialect, PagingStyle};
use crate::model::Refusal;
use crate::wire::Arguments;

/// `PAG n handle length`
pub(super) fn pag(dialect: Dialect) -> Handled {
    Err(Failure::Refused(match dialect.paging_style() {
        PagingStyle::Pager => Refusal::PageFailed,
        PagingStyle::None | PagingStyle::Device => Refusal::NotExpected,
    }))
}

/// `PGD n handle device length`
pub(super) fn pgd(mut args: Arguments<'_>) -> Handled {
    args.field()?;
    args.number()?;
    Err(Failure::Refused(Refusal::PageFailed))
}
