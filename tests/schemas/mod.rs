//! Every answer against the description of the original services, and every request that a
//! genuine client is known to have sent.
//!
//! Both are reference data that is no part of this repository: `CHRYSALIS_REFERENCE` names the
//! folder, and `.ci/run` sets it where there is one. The server is a process of its own; a service
//! adds its cases in a file of its own, as `address_book` does, and a line in the table of
//! `genuine`.

#![expect(
    clippy::print_stdout,
    reason = "what was left out, and why, is a part of the outcome"
)]

mod address_book;
mod checker;
mod genuine;

use std::path::PathBuf;

use checker::Checker;

use crate::support::child::{self, ChildServer};
use crate::support::people::PASSWORD;

/// Everybody that the cases need. Nobody has a book yet.
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_what_the_original_services_described() {
    let Some(reference) = std::env::var_os("CHRYSALIS_REFERENCE").map(PathBuf::from) else {
        println!("skipped: CHRYSALIS_REFERENCE names no folder with the descriptions");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in PEOPLE {
        let address = format!("{name}@example.com");
        child::run(
            folder.path(),
            &["user", "add", &address, "--password-stdin"],
            PASSWORD,
        );
    }
    let server = ChildServer::start(folder.path(), "").await;
    let mut checker = Checker::new(reference, server.at.http, folder.path());
    address_book::run(&mut checker).await;
    genuine::run(&mut checker).await;
    checker.finish();
}
