//! Liveness, readiness and metrics, for a listener of their own that only the operator reaches.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::timeout;

use crate::metrics::Metrics;

/// A check that takes longer has failed.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// The routes `/healthz`, `/readyz` and `/metrics`.
///
/// `ready` tells whether the server can do its work now, or why not; the reason is shown. `sample`
/// runs before the metrics are rendered and sets the gauges that nobody keeps up to date.
pub fn router<C, F, S>(metrics: Metrics, ready: C, sample: S) -> Router
where
    C: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), String>> + Send,
    S: Fn(&Metrics) + Clone + Send + Sync + 'static,
{
    let readyz = move || async move {
        match timeout(READY_LIMIT, ready()).await {
            Ok(Ok(())) => text(StatusCode::OK, "ready\n".to_owned()),
            Ok(Err(reason)) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            Err(_) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "no answer in time\n".to_owned(),
            ),
        }
    };
    let render = move || async move {
        sample(&metrics);
        let content_type = [(CONTENT_TYPE, "text/plain; version=0.0.4")];
        (content_type, metrics.render()).into_response()
    };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render))
}

/// Whoever gets this answer knows that the process turns its loop.
async fn healthz() -> Response {
    text(StatusCode::OK, "alive\n".to_owned())
}

fn text(status: StatusCode, text: String) -> Response {
    let content_type = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, content_type, text).into_response()
}
