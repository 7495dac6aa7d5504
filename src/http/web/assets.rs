//! What pages are dressed with. The addresses change with every release, so browsers may keep it.
//!
//! No picture or script is needed to use a page: Internet Explorer 6 sees neither.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use super::page::plain;

/// The folder of one release.
macro_rules! path {
    ($name:literal) => {
        concat!("/assets/", env!("CARGO_PKG_VERSION"), "/", $name)
    };
}

/// Where the style sheet is.
pub(super) const STYLE_PATH: &str = path!("style.css");
/// Where the mark is, as a picture that may have any size.
pub(super) const MARK_PATH: &str = path!("mark.svg");
/// Where the script is that keeps the status on the front page fresh.
pub(super) const LIVE_PATH: &str = path!("live.js");
/// All files.
pub(super) const ANY_PATH: &str = path!("{name}");

const SVG: &str = "image/svg+xml";

/// Name, kind and contents of each file.
const FILES: [(&str, &str, &str); 5] = [
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("../../../assets/style.css"),
    ),
    ("mark.svg", SVG, include_str!("../../../assets/mark.svg")),
    ("scene.svg", SVG, include_str!("../../../assets/scene.svg")),
    (
        "scene-dark.svg",
        SVG,
        include_str!("../../../assets/scene-dark.svg"),
    ),
    (
        "live.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../assets/live.js"),
    ),
];

/// The mark for browsers that ask for it by themselves, and cannot read SVG.
const ICON: &[u8] = include_bytes!("../../../assets/favicon.ico");

pub(super) async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => kept(kind, *text),
        None => plain(StatusCode::NOT_FOUND),
    }
}

pub(super) async fn icon() -> Response {
    kept("image/x-icon", ICON)
}

/// An answer that browsers keep for a day.
fn kept(kind: &'static str, body: impl IntoResponse) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=86400"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body).into_response()
}
