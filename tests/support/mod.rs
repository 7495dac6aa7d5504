//! Support for the integration tests: the transcript runner and what it needs.
//!
//! A transcript is a text file (`tests/transcripts/README.md`). `transcript` reads it,
//! `rehearsal` finds mistakes in it without a server, `server` starts a server with the accounts
//! it asks for, and `player` plays it over raw connections. `person` is somebody at a published
//! client library.

pub(crate) mod challenge;
pub(crate) mod client;
pub(crate) mod fixture;
pub(crate) mod passport;
pub(crate) mod pattern;
pub(crate) mod person;
pub(crate) mod player;
pub(crate) mod rehearsal;
pub(crate) mod server;
pub(crate) mod sign_in;
pub(crate) mod transcript;
