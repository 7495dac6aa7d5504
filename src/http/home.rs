//! What a person sees who opens the address of this server in a browser, and what clients find
//! that only want to know whether somebody answers.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::{Link, Web};

/// The front page; plain enough for Internet Explorer 6.
pub(super) async fn page(State(web): State<Web>, Extension(link): Extension<Link>) -> Response {
    // `Advertise` lets nothing in that means something in HTML.
    let address = web.advertise.msnp(link.local, web.msnp_port);
    let page = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">\n\
         <html><head><title>Chrysalis</title></head>\n\
         <body>\n\
         <h1>Chrysalis</h1>\n\
         <p>This is a server for MSN Messenger.</p>\n\
         <p>Point your client at <b>{address}</b> (host and port).</p>\n\
         <p>Accounts are made at the command line of the server: ask whoever runs it for one.</p>\n\
         </body></html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    (headers, page).into_response()
}

/// COMPAT: MSN 7.5 and later post nothing to the root of the login host and want a 200
/// (`docs/protocol/23 §12`).
pub(super) async fn probe() -> StatusCode {
    StatusCode::OK
}

/// Clients post the form that opens a mailbox here. There is no mail, and the form names a page to
/// go on to; whoever asks is only ever sent to the front page.
pub(super) async fn mail_form() -> Response {
    (StatusCode::FOUND, [(LOCATION, "/")]).into_response()
}

pub(super) async fn not_found() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::NOT_FOUND, headers, "There is nothing here.\n").into_response()
}
