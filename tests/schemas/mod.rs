//! Every answer against the description of the original services, and every request that a
//! genuine client is known to have sent.
//!
//! Both are reference data that is no part of this repository: `CHRYSALIS_REFERENCE` names the
//! folder, and `.ci/run` sets it where there is one. The server is a process of its own; a service
//! has its cases in a file of its own, and `genuine` has the requests. What the descriptions name
//! and no case checks fails; so does an answer that is listed as different and is not.

#![expect(
    clippy::print_stdout,
    reason = "how much was checked, and what differs, is a part of the outcome"
)]

mod activity;
mod address_book;
mod checker;
mod circles;
mod genuine;
mod offline;
mod storage;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use checker::Checker;
use roxmltree::Document;

use crate::support::child::{self, ChildServer};

/// The descriptions of the services.
const DESCRIPTIONS: [(&str, &str); 3] = [
    ("ab/msnab_sharingservice.wsdl", ""),
    ("storage/msnstorage_ws.wsdl", ""),
    ("security/ps.wsdl", "RST2 "),
];

/// What the descriptions leave out, though clients ask for it, and what they have in one namespace
/// only.
const BESIDES: &[&str] = &[
    "DeleteMessages",
    "GetMessage",
    "GetMetadata",
    "RST RequestMultipleSecurityTokens",
    "RST RequestSecurityToken",
    "Store",
    "UpdateMember",
    "w10 CreateDocument",
    "w10 CreateProfile",
    "w10 CreateRelationships",
    "w10 DeleteRelationships",
    "w10 FindDocuments",
    "w10 GetProfile",
    "w10 ShareItem",
    "w10 UpdateDocument",
    "w10 UpdateProfile",
];

/// What they have and no client needs: it was retired, or is about things that this server does
/// not have (`docs/protocol/12 §5`).
const REFUSED: &[&str] = &[
    "AddDynamicItem",
    "DeleteContact",
    "FindFriendsInCommon",
    "FindMembershipByRole",
    "GetBatchRecentActivity",
    "UpdateDynamicItem",
];

/// Everybody that the cases need. Nobody has a book yet.
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// A sender can be told to be slower before their part of the recipient's messages is full.
const SETTINGS: &str = "limits.offline_sends_per_minute = 20\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_what_the_original_services_described() {
    let Some(reference) = std::env::var_os("CHRYSALIS_REFERENCE").map(PathBuf::from) else {
        println!("skipped: CHRYSALIS_REFERENCE names no folder with the descriptions");
        return;
    };
    let folder = child::folder(&PEOPLE);
    let server = ChildServer::start(folder.path(), SETTINGS).await;
    let mut checker = Checker::new(reference, server.at.http, folder.path());
    address_book::run(&mut checker).await;
    circles::run(&mut checker).await;
    storage::run(&mut checker).await;
    offline::run(&mut checker, server.at).await;
    tokens::run(&mut checker).await;
    genuine::run(&mut checker).await;
    activity::run(&mut checker).await;
    let mut described = described(&checker.reference.join("schemas"));
    described.extend(BESIDES.iter().map(|&name| name.to_owned()));
    checker.finish(&described, REFUSED);
}

/// The names of all operations that the descriptions have, as the table has them.
fn described(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for (file, prefix) in DESCRIPTIONS {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let document = Document::parse(text.trim_start_matches('\u{feff}')).unwrap();
        let of_file = document
            .descendants()
            .filter(|node| node.tag_name().name() == "operation")
            .filter_map(|node| node.attribute("name"));
        names.extend(of_file.map(|name| format!("{prefix}{name}")));
    }
    assert!(names.len() > 30, "{names:?}");
    names
}
