//! Chrysalis: a self-hosted server for MSN Messenger and Windows Live Messenger.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod advertise;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dialect;
pub mod http;
pub mod hub;
pub mod mailbox;
pub mod metrics;
pub mod model;
pub mod net;
pub mod network;
pub mod ns;
pub mod sb;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod wire;
