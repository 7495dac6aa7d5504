//! Integration tests: a real server on port 0, raw bytes, several clients.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod circles;
mod cli;
mod client_setup;
mod descriptors;
mod dispatch;
mod doctor;
mod durability;
mod effects;
mod faults;
mod fuzz;
#[expect(unreachable_pub, reason = "a library elsewhere")]
#[path = "../../fuzz/src/lib.rs"]
mod fuzzed;
mod gateway;
mod generations;
mod hostile;
mod libraries;
mod limits;
mod live_admin;
mod load;
mod mixed;
mod nginx;
mod offline;
mod proxied;
mod reference;
mod reload;
mod restart;
#[path = "../schemas/mod.rs"]
mod schemas;
mod sdk;
mod secrets;
mod shutdown;
mod sign_in;
mod soap;
mod storage;
mod supervised;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod transcripts;
mod upkeep;
mod web;
