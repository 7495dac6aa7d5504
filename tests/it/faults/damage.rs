//! The files of the database are damaged while nobody looks, and while somebody does.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use tempfile::TempDir;

use super::changes::Changer;
use super::stage::{SETTINGS, Stage, furnish_all, go_on};
use super::{database, is_sane};
use crate::durability::Book;
use crate::support::child::{ChildServer, Launch};
use crate::support::offline::{OfflineClient, letter};

const PAGE: usize = 4_096;

/// A database that was in use and was closed.
async fn used() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    furnish_all(folder.path(), &["ann"], &[]).await;
    let mut server = ChildServer::start(folder.path(), SETTINGS).await;
    let mut ann = Changer::sign_in(&server.at, "ann", 11, Book::new(), 0).await;
    ann.make(30).await;
    server.signal("TERM");
    assert!(server.ended().await.success());
    folder
}

/// The server does not start, says why and what to do, and leaves everything as it is.
#[track_caller]
fn is_refused(folder: &Path, words: &[&str]) {
    let file = database(folder);
    let before = fs::read(&file).unwrap();
    let said = Launch::on(folder, "").refusal();
    for word in [&["chrysalis.db"], words].concat() {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    assert!(fs::read(&file).unwrap() == before, "the file was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_refused_with_advice_and_left_as_it_is() {
    let folder = used().await;
    let file = database(folder.path());
    let good = fs::read(&file).unwrap();
    let spoil = |bytes: &[u8]| fs::write(&file, bytes).unwrap();
    let advice = ["damaged", "restore a backup"];

    let mut bytes = good.clone();
    bytes[..100].fill(0xa5);
    spoil(&bytes);
    is_refused(folder.path(), &advice);

    for page in [1, good.len() / PAGE / 2, good.len() / PAGE - 1] {
        let mut bytes = good.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        spoil(&bytes);
        is_refused(folder.path(), &advice);
    }

    spoil(&good[..good.len() / 2]);
    is_refused(folder.path(), &advice);
    spoil(&good[..good.len() - PAGE / 2]);
    is_refused(folder.path(), &advice);
    spoil(b"Dear reader, this is no database.");
    is_refused(folder.path(), &advice);

    // With the good one in its place all is as it was.
    spoil(&good);
    let server = ChildServer::start(folder.path(), SETTINGS).await;
    drop(server.at.sign_in("ann", 11).await);
    is_sane(&server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_taken_away_is_missed() {
    let folder = used().await;
    let mut server = ChildServer::start(folder.path(), SETTINGS).await;
    let mut ann = Changer::sign_in(&server.at, "ann", 11, Book::new(), 1).await;
    ann.make(5).await;
    server.kill();
    let log = folder.path().join("data/chrysalis.db-wal");
    let aside = folder.path().join("aside");
    fs::rename(&log, &aside).unwrap();
    is_refused(folder.path(), &["chrysalis.db-wal", "is gone", "backup"]);
    let user = crate::support::child::command(folder.path(), &["user", "list"]).output();
    assert!(
        !user.unwrap().status.success(),
        "nor does the command line go on"
    );
    fs::rename(&aside, &log).unwrap();
    let server = ChildServer::start(folder.path(), SETTINGS).await;
    drop(server.at.sign_in("ann", 11).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_goes_bad_hurts_only_who_needs_it() {
    let stage = Stage::set(&["ann", "ben", "trent", "wendy"], &[], "").await;
    let Stage { folder, server, .. } = stage;
    let mut trent = OfflineClient::unlocked(server.at, "trent").await;
    for (to, count) in [("ann", 12), ("ben", 2)] {
        let text = if to == "ann" { "A" } else { "z" };
        for _ in 0..count {
            let address = format!("{to}@example.com");
            let left = trent.send(&address, &letter(&text.repeat(6_000))).await;
            assert_eq!(left.status, 200, "{left:?}");
        }
    }
    trent.lock_key.clear();
    server.signal("TERM");
    let mut server = server;
    assert!(server.ended().await.success());
    let mut server = server.again().await;
    let mut bystanders = crate::support::scene::Bystanders::meet(&server.at, [5, 12]).await;
    spoil_pages_of(&database(folder.path()), &[b"A", b"QUFB"]);

    let ann = OfflineClient::of(server.at, "ann").await;
    let listed = ann.metadata().await;
    let ids = listed.texts("I");
    let mut failed = usize::from(listed.status == 500);
    for id in &ids {
        let fetched = ann.message(id, false).await;
        failed += usize::from(fetched.status == 500);
        assert!(!fetched.body.contains("sqlite"), "{fetched:?}");
    }
    assert!(failed > 0, "nothing that was spoilt was read: {listed:?}");
    // Others find what is theirs, and everybody goes on.
    let ben = OfflineClient::of(server.at, "ben").await;
    let listed = ben.metadata().await;
    let ids = listed.texts("I");
    assert_eq!(ids.len(), 2, "{listed:?}\n{}", server.log());
    for id in &ids {
        assert_eq!(ben.message(id, true).await.status, 200);
    }
    let mut changer = Changer::sign_in(&server.at, "ann", 11, Book::new(), 2).await;
    changer.make(20).await;
    go_on(&mut bystanders).await;
    changer.verify(&server.at).await;
    is_sane(&server.log());
    // The next start finds it.
    server.signal("TERM");
    server.ended().await;
    is_refused(folder.path(), &["damaged", "restore a backup"]);
}

/// Overwrites the pages of a database that have these bytes and next to nothing else.
fn spoil_pages_of(file: &Path, texts: &[&[u8]]) {
    let bytes = fs::read(file).unwrap();
    let mut opened = fs::OpenOptions::new().write(true).open(file).unwrap();
    let mut spoilt = 0;
    for (number, page) in bytes.chunks(PAGE).enumerate().skip(1) {
        let holds = |text: &&[u8]| {
            let found = page.iter().filter(|byte| text.contains(byte));
            found.count() > PAGE * 95 / 100
        };
        // Those that others are on as well stay.
        if texts.iter().any(holds) {
            let start = SeekFrom::Start((number * PAGE) as u64);
            opened.seek(start).unwrap();
            opened.write_all(&[0xa5; PAGE]).unwrap();
            spoilt += 1;
        }
    }
    assert!(spoilt > 0, "the messages are nowhere in the file");
}
