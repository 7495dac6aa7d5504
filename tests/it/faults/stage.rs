//! A server process with two bystanders in a conversation.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::durability::CONTACTS;
use crate::support::child::{ChildServer, Launch};
use crate::support::people::fixture;
use crate::support::scene::Bystanders;
use crate::support::server::furnish;

/// How long a message from one bystander to the other may take while something is wrong, and one
/// status. A busy machine with a program that is not optimised needs a part of it.
pub(super) const PROMPT: Duration = Duration::from_secs(3);

/// Faster than any client, as tests are; and everything from here is one network.
pub(super) const SETTINGS: &str = "limits.commands_per_second = 100000\n\
                                   limits.commands_burst = 100000\n\
                                   limits.messages_per_second = 100000\n\
                                   limits.messages_burst = 100000\n\
                                   limits.exempt = [\"127.0.0.0/8\"]\n";

/// The server, its folder, and the two.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) folder: TempDir,
    pub(super) server: ChildServer,
    pub(super) bystanders: Bystanders,
}

impl Stage {
    /// With accounts of these names besides, and what the statements add.
    pub(super) async fn set(names: &[&str], statements: &[&str], settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        furnish_all(folder.path(), names, statements).await;
        let launch = Launch::on(folder.path(), &format!("{SETTINGS}{settings}"));
        let server = launch.start().await;
        let bystanders = Bystanders::meet(&server.at, [5, 12]).await;
        Self {
            folder,
            server,
            bystanders,
        }
    }
}

/// A database with the bystanders, those whom writers add to their lists, and others.
pub(super) async fn furnish_all(folder: &Path, names: &[&str], statements: &[&str]) {
    let contacts: Vec<String> = (0..CONTACTS).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = ["olive", "peter"]
        .into_iter()
        .chain(contacts.iter().map(String::as_str))
        .chain(names.iter().copied())
        .collect();
    let statements = [&["@friends olive peter"], statements].concat();
    furnish(folder, &fixture(&names, &statements)).await.unwrap();
}

/// One message each way, a new room and two statuses each, without delay; tells how long it took.
pub(super) async fn go_on(bystanders: &mut Bystanders) -> Duration {
    let start = Instant::now();
    bystanders.talk().await;
    let talked = start.elapsed();
    assert!(talked < PROMPT, "a message took {talked:?}");
    bystanders.carry_on().await;
    let all = start.elapsed();
    assert!(all < 2 * PROMPT, "presence and a new room took {all:?}");
    all
}
