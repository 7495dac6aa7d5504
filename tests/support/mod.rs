//! Support for the integration tests: the transcript runner and what it needs.
//!
//! A transcript is a text file (`tests/transcripts/README.md`). `transcript` reads it,
//! `rehearsal` finds mistakes in it without a server, `server` starts a server with the accounts
//! it asks for, and `player` plays it over raw connections.
//!
//! What a transcript cannot say is written in Rust: `people` holds signed-in clients and their
//! conversations, `person` somebody at a published client library, `scene` a server with two
//! people who must not notice what a test does to it, `numbers` what the server counts, `web` a
//! browser, and
//! `child` a server that is a process of its own.

pub(crate) mod challenge;
pub(crate) mod child;
pub(crate) mod client;
pub(crate) mod fixture;
pub(crate) mod numbers;
pub(crate) mod passport;
pub(crate) mod pattern;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod player;
pub(crate) mod rehearsal;
pub(crate) mod scene;
pub(crate) mod server;
pub(crate) mod sign_in;
pub(crate) mod single_sign_on;
pub(crate) mod soap;
pub(crate) mod transcript;
pub(crate) mod web;
