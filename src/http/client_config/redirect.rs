//! The links behind menu items of the clients, `g.msn.com/5meen_us/60`, which led on to pages
//! (`docs/protocol/13 §3.2`, `docs/protocol/23 §2`).

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use crate::http::home;

/// Leads to the tabs of MSN 5, and from everywhere else to the front page.
pub(super) async fn link(Path((page, id)): Path<(String, String)>) -> Response {
    let Some(generation) = generation(&page) else {
        return home::not_found().await;
    };
    let target = match (generation, &*id) {
        ("5", "60") => "/svcs/mms/tabs.asp",
        _ => "/",
    };
    (StatusCode::FOUND, [(LOCATION, target)]).into_response()
}

/// The number in front of `meen_us`, or `meen_` and any other locale.
fn generation(page: &str) -> Option<&str> {
    let (number, locale) = page.split_once("meen_")?;
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_locale = (2..=8).contains(&locale.len())
        && locale
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (is_number && is_locale).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_known_by_their_form() {
        assert_eq!(generation("5meen_us"), Some("5"));
        assert_eq!(generation("10meen_pt-br"), Some("10"));
        for page in [
            "meen_us",
            "xmeen_us",
            "5meen_",
            "5meen_u/s",
            "5meen",
            "123meen_us",
        ] {
            assert_eq!(generation(page), None, "{page}");
        }
    }
}
