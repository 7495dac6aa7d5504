//! Whether an address belongs to a sign-in service elsewhere (`docs/protocol/11 §7`). None does.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::form;
use super::soap::respond;
use crate::model::Address;

#[derive(Template)]
#[template(path = "rst/realm_info.xml")]
struct RealmInfo {
    login: Address,
}

/// Answers for any address alike, so that nobody learns which of them have an account. What is no
/// address is not answered, and clients go on without.
pub(super) async fn tell(RawQuery(query): RawQuery) -> Response {
    let login = query.and_then(|query| form::value(&query, "login"));
    match login.map(|login| Address::parse(&login)) {
        Some(Ok(login)) => respond(StatusCode::OK, &RealmInfo { login }),
        Some(Err(_)) | None => super::home::not_found().await,
    }
}
