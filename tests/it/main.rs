//! Integration tests: a real server on port 0, raw bytes, several clients.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod cli;
mod client_setup;
mod dispatch;
mod durability;
mod hostile;
mod live_admin;
mod mixed;
mod offline;
#[path = "../schemas/mod.rs"]
mod schemas;
mod sdk;
mod shutdown;
mod soap;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod transcripts;
mod web;
