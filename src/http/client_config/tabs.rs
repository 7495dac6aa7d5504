//! Tabs as a document of their own, for clients before 6.0 (`docs/protocol/13 §3.2`). They sit in
//! the configuration of later ones.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Pages, document};
use crate::http::Web;

/// Two elements without a root, as the original had it.
#[derive(Template)]
#[template(path = "client_config/tabs_page.xml")]
struct Tabs<'a> {
    tabs: Vec<TabEntry<'a>>,
}

/// A tab as documents name it, with nothing missing.
pub(super) struct TabEntry<'a> {
    pub(super) name: &'a str,
    pub(super) url: &'a str,
    pub(super) tooltip: &'a str,
    pub(super) image: &'a str,
}

impl<'a> TabEntry<'a> {
    pub(super) fn all(pages: &'a Pages) -> Vec<Self> {
        let entry = |tab: &'a crate::config::Tab| Self {
            name: &tab.name,
            url: &tab.url,
            tooltip: tab.tooltip.as_deref().unwrap_or(&tab.name),
            image: tab.image.as_deref().unwrap_or_default(),
        };
        pages.tabs.iter().map(entry).collect()
    }
}

pub(super) async fn tabs(State(web): State<Web>) -> Response {
    document(&Tabs {
        tabs: TabEntry::all(&web.pages),
    })
}
