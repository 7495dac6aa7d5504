//! What every answer of the address book says about the service (`docs/protocol/12 §1`).

use askama::Template;

use super::dispatch::Call;
use super::envelope::{child, text_of};
use crate::model::Guid;

/// Clients echo it and ask a redirector for one when they have none. There is nothing behind it:
/// every answer of this server is as good as any other.
const CACHE_KEY: &str = "12r1:Y2hyeXNhbGlz";

/// The `ServiceHeader` of an answer. Shows itself as its element: a template of an answer has
/// `{{ header|safe }}` inside of its `soap:Header`.
#[derive(Debug, Template)]
#[template(path = "soap/service_header.xml")]
pub struct ServiceHeader {
    cache_key: &'static str,
    cache_key_changed: bool,
    preferred_host: String,
    session: Guid,
}

impl ServiceHeader {
    /// For the answer to this call.
    ///
    /// The host is where the client goes on from here, so it is the advertised one if the web
    /// side is advertised, and else the one that the client came to: behind a TLS proxy that
    /// bears the historic names no other has a certificate. Clients that came to a redirector
    /// get a full answer and may repeat the call elsewhere; so every edit is idempotent
    /// (`docs/protocol/25 §24`).
    pub fn new(call: &Call<'_>) -> Self {
        let advertise = &call.web.advertise;
        let preferred_host = match (advertise.http_host(), call.host()) {
            (Some(advertised), _) => advertised.to_owned(),
            (None, Some(asked)) => asked.to_owned(),
            (None, None) => advertise.host(call.link.local),
        };
        let known = call
            .envelope
            .header("ABApplicationHeader")
            .and_then(|header| child(header, "CacheKey"))
            .map(text_of);
        Self {
            cache_key: CACHE_KEY,
            cache_key_changed: known != Some(CACHE_KEY),
            preferred_host,
            session: Guid::random(),
        }
    }
}
