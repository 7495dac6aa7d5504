//! What keeps a server for years: backups, restoring them, moving people in and out, upgrades.

mod backup;
mod escargot;
mod upgrade;
