//! Conversations: who is in them, and never what is said.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Admin, Shell, page, words};
use crate::http::Web;
use crate::service::RoomReport;

#[derive(Template)]
#[template(path = "web/admin/rooms.html")]
struct Rooms {
    shell: Shell,
    here: &'static str,
    total: usize,
    rooms: Vec<RoomReport>,
}

pub(super) async fn show(State(web): State<Web>, admin: Admin) -> Response {
    let (total, rooms) = web.services.admin.rooms();
    let template = Rooms {
        shell: admin.shell(&web, "Conversations", None),
        here: "/admin/rooms",
        total,
        rooms,
    };
    page(&admin.visitor, StatusCode::OK, &template)
}
