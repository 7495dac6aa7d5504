//! Integration tests: a real server on port 0, raw bytes, several clients.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod circles;
mod cli;
mod client_setup;
mod dispatch;
mod durability;
mod effects;
mod gateway;
mod generations;
mod hostile;
mod libraries;
mod live_admin;
mod mixed;
mod offline;
mod reference;
mod restart;
#[path = "../schemas/mod.rs"]
mod schemas;
mod sdk;
mod shutdown;
mod sign_in;
mod soap;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod transcripts;
mod upkeep;
mod web;
