//! `ABFindContactsPaged`: the book for the clients since 2009, with the circles in it
//! (`docs/protocol/12 §4.2`).
//!
//! There is one page, and it holds everything, whatever `pageContext`, `abView` and
//! `extendedContent` ask for.

use roxmltree::Node;

use super::read::Book;
use super::view::FoundPage;
use super::{circles, page, read};
use crate::http::soap::{Call, Failure, Reply};
use crate::model::Stamp;

pub(super) const OPERATION: &str = "ABFindContactsPaged";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    book: Book,
    since: Option<Stamp>,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wish = read(call.operation.node)?;
    let found = match wish.book {
        Book::Own => {
            let mut page = page::own(call, wish.since).await?;
            let circles = circles::add_to(call, wish.since, &mut page).await?;
            FoundPage {
                page,
                circles: Some(circles),
            }
        }
        Book::Circle(circle) => FoundPage {
            page: circles::page(call, circle, wish.since).await?,
            circles: None,
        },
    };
    super::reply(call, &found)
}

pub(super) fn read(request: Node<'_, '_>) -> Result<Wish, Failure> {
    let book = read::handled_book(request)?;
    let since = match read::maybe(request, "filterOptions")? {
        Some(options) => read::changes_since(options, "DeltasOnly", "LastChanged")?,
        None => None,
    };
    Ok(Wish { book, since })
}
