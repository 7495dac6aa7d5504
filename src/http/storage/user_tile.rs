//! Where pictures are fetched from: `/usertile/{cid}/{static|small}`, and the same with a key
//! (`docs/protocol/13 §2`).
//!
//! Whoever may not see a picture hears that there is none.

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use super::picture::mime;
use crate::http::soap::ticket_cookie;
use crate::http::{Web, home};
use crate::model::UserId;
use crate::service::accounts::Unauthorised;
use crate::service::ticket::Purpose;
use crate::service::{Fault, Picture, TileSize, Viewer};

/// For clients that say who they are.
pub(super) async fn by_account(
    State(web): State<Web>,
    Path((cid, size)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(find(&web, &cid, &size, None, query.as_deref(), &headers).await).await
}

/// For whoever has the whole address.
pub(super) async fn by_key(
    State(web): State<Web>,
    Path((cid, size, key)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(find(&web, &cid, &size, Some(&key), query.as_deref(), &headers).await).await
}

async fn find(
    web: &Web,
    cid: &str,
    size: &str,
    key: Option<&str>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Option<Picture>, Fault> {
    let cid = u64::from_str_radix(cid, 16).ok();
    let size = match size {
        "static" => Some(TileSize::Full),
        "small" => Some(TileSize::Small),
        _ => None,
    };
    let (Some(owner), Some(size)) = (cid.and_then(UserId::of_passport_id), size) else {
        return Ok(None);
    };
    let profiles = &web.services.profiles;
    if let Some(key) = key
        && let Some(picture) = profiles.picture(owner, size, Viewer::Key(key)).await?
    {
        return Ok(Some(picture));
    }
    let Some(token) = token(query.unwrap_or_default(), headers) else {
        return Ok(None);
    };
    let accounts = &web.services.accounts;
    let viewer = match accounts.authorise(&token, Purpose::Storage).await {
        Ok(by) => Viewer::Account(by.user),
        Err(Unauthorised::BadToken | Unauthorised::Disabled) => return Ok(None),
        Err(Unauthorised::Fault(fault)) => return Err(fault),
    };
    profiles.picture(owner, size, viewer).await
}

/// The token of the request: in the address, behind a name that clients append to whatever they
/// got; in the header of the Passport login; or in a cookie.
fn token(query: &str, headers: &HeaderMap) -> Option<String> {
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("t="));
    if let Some(token) = in_query.filter(|token| !token.is_empty()) {
        return percent_decode_str(token)
            .decode_utf8()
            .ok()
            .map(|token| token.into_owned());
    }
    let authorization = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let in_header = authorization
        .and_then(|text| text.split_once("from-PP="))
        .map(|(_, rest)| rest.trim_matches(['\'', '"', ' ']));
    in_header
        .or_else(|| ticket_cookie(headers))
        .map(str::to_owned)
}

async fn answer(found: Result<Option<Picture>, Fault>) -> Response {
    match found {
        Ok(Some(picture)) => {
            let headers = [
                (CONTENT_TYPE, mime(picture.kind)),
                (CACHE_CONTROL, "private, max-age=300"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
            ];
            (headers, picture.data).into_response()
        }
        Ok(None) => home::not_found().await,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a picture cannot be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
