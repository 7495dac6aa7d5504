//! Chrysalis: a self-hosted server for MSN Messenger and Windows Live Messenger.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod http;
pub mod metrics;
pub mod model;
pub mod shutdown;
