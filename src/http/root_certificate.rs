//! The root certificate that clients install, for download.
//!
//! It is no secret, and whoever needs it cannot come by https yet: it is fetched in the clear, and
//! compared by its fingerprint where that matters.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::routing::get;

/// Offers the certificate, in DER. Windows and Macs open this type with what installs it.
pub fn root_certificate(der: Vec<u8>) -> Router {
    let der = Bytes::from(der);
    let headers = [
        (CONTENT_TYPE, "application/x-x509-ca-cert"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Router::new().route(
        "/connect/ca.cer",
        get(move || std::future::ready((headers, der.clone()))),
    )
}
