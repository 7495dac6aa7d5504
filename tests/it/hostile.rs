//! Attempts to break the server, or to get into other people's way.
//!
//! Each takes place beside two people who chat and must not notice, and leaves nothing behind
//! (`scene`). Nothing sleeps: a test waits for a frame, for the end of a connection, or for one
//! of the server's numbers.

mod commands;
mod crowds;
mod framing;
mod identity;
mod newer;
mod pieces;
mod privacy;
mod races;
mod sign_in;
mod slow;
mod tickets;
mod transfer;
mod web;
