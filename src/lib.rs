//! Chrysalis: a self-hosted server for MSN Messenger and Windows Live Messenger.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod dialect;
pub mod hub;
pub mod mailbox;
pub mod metrics;
pub mod model;
pub mod net;
pub mod shutdown;
pub mod store;
pub mod wire;
