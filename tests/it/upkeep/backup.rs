//! Backups of a running server, and a restore that is killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use chrysalis::store::{ListLimits, Store};

use crate::support::child::{self, ChildServer};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = child::command(folder, arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

fn out(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

async fn people(database: &Path) -> BTreeSet<String> {
    let store = Store::open(database, ListLimits::default()).await.unwrap();
    let accounts = store.accounts().await.unwrap();
    store.close().await;
    let addresses = accounts.iter().map(|it| it.address.to_string());
    addresses.collect()
}

#[tokio::test]
async fn a_backup_is_made_beside_the_server_and_restored_without_it() {
    let folder = child::folder(&["ann"]);
    let path = folder.path();
    let mut server = ChildServer::start(path, "").await;
    let made = run(path, &["backup", "one.db"]);
    assert!(made.status.success(), "{}", out(&made));
    assert!(out(&made).contains("sound: 1 accounts"), "{}", out(&made));
    child::add(path, "ben");

    let again = run(path, &["backup", "one.db"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(out(&again).contains("--force"), "{}", out(&again));
    std::fs::create_dir(path.join("kept")).unwrap();
    let dated = run(path, &["backup", "kept"]);
    assert!(
        out(&dated).starts_with("kept/chrysalis-2"),
        "{}",
        out(&dated)
    );

    let refused = run(path, &["restore", "one.db", "--force"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        out(&refused).contains("stop the server"),
        "{}",
        out(&refused)
    );
    server.signal("TERM");
    server.ended().await;

    let unasked = run(path, &["restore", "one.db"]);
    assert_eq!(unasked.status.code(), Some(1));
    assert!(out(&unasked).contains("--force"), "{}", out(&unasked));
    let restored = run(path, &["restore", "one.db", "--force"]);
    assert!(restored.status.success(), "{}", out(&restored));
    assert!(out(&restored).contains("The old database was kept"));

    let database = path.join("data/chrysalis.db");
    assert_eq!(people(&database).await.len(), 1);
    // And a server runs on it.
    drop(ChildServer::start(path, "").await);
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_the_old_database_or_the_new_one() {
    let folder = child::folder(&["ann"]);
    let path = folder.path();
    let database = path.join("data/chrysalis.db");
    assert!(run(path, &["backup", "one.db"]).status.success());
    child::add(path, "ben");
    assert!(run(path, &["backup", "two.db"]).status.success());
    let (one, two) = (
        people(&path.join("one.db")).await,
        people(&path.join("two.db")).await,
    );
    let mut current = two.clone();
    for round in 0..24 {
        let (backup, new) = if round % 2 == 0 {
            ("one.db", &one)
        } else {
            ("two.db", &two)
        };
        let mut restore = child::command(path, &["restore", backup, "--force"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // No particular moment is waited for: whichever it is, the outcome is one of two.
        sleep(Duration::from_millis(round * 4));
        restore.kill().unwrap();
        restore.wait().unwrap();
        let found = people(&database).await;
        assert!(found == current || found == *new, "{found:?}");
        current = found;
        for entry in std::fs::read_dir(path.join("data")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // Whatever has the name of an old database is one.
            if name.contains("before-restore") && name.ends_with('Z') {
                let aside = people(&path.join("data").join(name)).await;
                assert!(aside == one || aside == two);
            }
        }
    }
    let done = run(path, &["restore", "one.db", "--force"]);
    assert!(done.status.success() || out(&done).contains("try again"));
}
