//! Pages for people: what this is, an account of one's own, how to connect a client, and the
//! server's desk for those who run it.
//!
//! Plain forms that work without JavaScript and in Internet Explorer 6. A page is a template over
//! a [`Shell`], answered by [`page()`], which alone sets headers and cookies. Whoever asks is a
//! [`Visitor`]; a form that was sent is [`Posted`], which only the browser can have sent that got
//! the form from here.

mod account;
mod admin;
mod assets;
mod connect;
mod home;
mod page;
mod posted;
mod register;
mod sign_in;
mod upload;
mod visitor;

use axum::Router;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};

use super::Web;
pub use connect::Connect;
use page::{Notice, Shell, page, problem, see_other};
use posted::Posted;
use upload::Upload;
use visitor::{Member, Visitor};

/// The largest body that is sent to a path, where it is not the usual one. A handler there hears of
/// a larger one by [`super::connection::TooLarge`].
pub(super) fn body_limit(path: &str) -> Option<usize> {
    account::body_limit(path)
}

/// The routes of all pages, and the answer where there is none.
pub(super) fn routes() -> Router<Web> {
    Router::new()
        .route("/", get(home::show).post(super::home::probe))
        .route("/status", get(home::status))
        .route("/favicon.ico", get(assets::icon))
        .route(assets::ANY_PATH, get(assets::file))
        .route("/connect", get(connect::clients))
        .route("/connect/{client}", get(connect::systems))
        .route("/connect/{client}/{system}", get(connect::steps))
        .route("/connect/{client}/{system}/{file}", get(connect::file))
        .route("/register", get(register::show).post(register::submit))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", post(sign_in::leave))
        .merge(account::routes())
        .merge(admin::routes())
        .fallback(not_found)
}

/// What is not there: a page for a browser, a line for a client.
async fn not_found(State(web): State<Web>, headers: HeaderMap, visitor: Visitor) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|it| it.to_str().ok());
    if !accepted.is_some_and(|it| it.contains("text/html")) {
        return super::home::not_found().await;
    }
    nothing_here(&web, &visitor)
}

/// The page for what is not there, and for what is not for this visitor to know of.
fn nothing_here(web: &Web, visitor: &Visitor) -> Response {
    let text = "Perhaps the address was mistyped, or the page was moved.";
    let status = StatusCode::NOT_FOUND;
    problem(web, visitor, status, "There is nothing here", text)
}
