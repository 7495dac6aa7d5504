//! The disk is full, or may not be written to any more. Each test has a disk of its own: a file
//! with a file system in it, mounted for as long as the test lasts.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::time::{Duration, Instant, sleep};

use super::changes::{Changer, Outcome};
use super::stage::{SETTINGS, furnish_all, go_on};
use super::{database, is_sane, tool, try_tool};
use crate::durability::Book;
use crate::support::child::Launch;
use crate::support::passport::request;
use crate::support::people::Person;
use crate::support::scene::Bystanders;

/// A disk of a few megabytes.
struct SmallDisk {
    at: PathBuf,
    image: PathBuf,
    _folder: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (at, image) = (folder.path().join("disk"), folder.path().join("image"));
        fs::create_dir(&at).unwrap();
        fs::File::create(&image).unwrap().set_len(12 << 20).unwrap();
        tool(&["mkfs.ext4", "-q", "-m", "0", image.to_str().unwrap()]);
        let disk = Self {
            at,
            image,
            _folder: folder,
        };
        disk.mount("loop");
        disk
    }

    fn mount(&self, options: &str) {
        let (image, at) = (self.image.to_str().unwrap(), self.at.to_str().unwrap());
        tool(&["mount", "-o", options, image, at]);
    }

    fn unmount(&self) {
        tool(&["umount", self.at.to_str().unwrap()]);
    }

    /// What the system does by itself when a disk reports errors: from now on nothing is written.
    fn fail(&self) {
        tool(&["mount", "-o", "remount,abort", self.at.to_str().unwrap()]);
    }

    /// Takes all the room there is, to the last byte.
    fn fill(&self) -> PathBuf {
        let ballast = self.at.join("ballast");
        let mut file = OpenOptions::new();
        let mut file = file.create(true).append(true).open(&ballast).unwrap();
        for size in [1 << 20, 1 << 16, 1 << 12, 1 << 8, 1] {
            while file.write_all(&vec![0; size]).is_ok() && file.sync_data().is_ok() {}
        }
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whatever still has a file open there.
        let _ = try_tool(&["umount", "--lazy", self.at.to_str().unwrap()]);
    }
}

/// The list, over the connection that there is.
async fn reads(person: &mut Person) {
    let trid = person.trid();
    person
        .ns
        .ask(&format!("SYN {trid} 0 0"), &format!("SYN {trid} "))
        .await;
    person.ns.send(b"PNG\r\n").await;
    person.ns.until("QNG").await;
}

/// Makes changes until the disk lets none through any more: what the log has room for already is
/// used up first.
async fn until_refused(changer: &mut Changer) {
    for _ in 0..5_000 {
        match changer.attempt().await {
            Outcome::Done => {}
            Outcome::Refused(code) => {
                assert_eq!(code, "603");
                return;
            }
            Outcome::Gone => panic!("the changer was cut off"),
        }
    }
    panic!("nothing is refused");
}

/// While nothing can be written, everything else goes on.
async fn all_but_changes(at: &Launched, changer: &mut Changer, bystanders: &mut Bystanders) {
    for _ in 0..10 {
        // A change may still fit in where another one was.
        let outcome = changer.attempt().await;
        assert_ne!(outcome, Outcome::Gone);
        reads(&mut changer.person).await;
    }
    go_on(bystanders).await;
    let start = request(at.server.at.http, "GET / HTTP/1.1\r\nHost: x\r\n").await;
    assert!(start.unwrap().starts_with("HTTP/1.1 "));
    let alive = request(at.server.ops, "GET /healthz HTTP/1.1\r\nHost: x\r\n").await;
    assert!(alive.unwrap().starts_with("HTTP/1.1 200 "));
    // Who proves himself with a password alone needs nothing written.
    drop(at.server.at.sign_in("wendy", 7).await);
}

struct Launched {
    server: crate::support::child::ChildServer,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, mount and mkfs.ext4: it makes a small disk"]
async fn a_full_disk_refuses_changes_until_there_is_room_again() {
    let disk = SmallDisk::new();
    furnish_all(&disk.at, &["ann", "wendy"], &[]).await;
    // The log of the server is on the same disk.
    let server = Launch::on(&disk.at, SETTINGS).start().await;
    let mut launched = Launched { server };
    let at = launched.server.at;
    let mut bystanders = Bystanders::meet(&at, [5, 12]).await;
    let mut book = Book::new();
    for round in 0..3 {
        let mut ann = Changer::sign_in(&at, "ann", 11, book, round).await;
        ann.make(20).await;
        let ballast = disk.fill();
        until_refused(&mut ann).await;
        // A probe is smaller than a change and may fit into the last room of the log, but not for
        // long; and SQLite may find room again where older changes were, for both.
        let mut says_no = false;
        for _ in 0..200 {
            says_no |= !launched.server.is_ready().await || ann.attempt().await == Outcome::Done;
        }
        assert!(says_no, "it says that all is well");
        all_but_changes(&launched, &mut ann, &mut bystanders).await;
        fs::remove_file(&ballast).unwrap();
        let freed = Instant::now();
        ann.make(30).await;
        assert!(launched.server.is_ready().await);
        println!(
            "round {round}: {} changes acknowledged; after there was room, thirty of them took {:?}",
            ann.done,
            freed.elapsed()
        );
        book = ann.verify(&at).await;
    }
    // And after the end of a server that is killed while it is full.
    let mut ann = Changer::sign_in(&at, "ann", 11, book, 3).await;
    ann.make(5).await;
    let ballast = disk.fill();
    until_refused(&mut ann).await;
    launched.server.kill();
    // It may find room enough to start or not; if not it says what is wrong.
    let said = launched.server.log();
    is_sane(&said);
    fs::remove_file(&ballast).unwrap();
    let server = launched.server.again().await;
    ann.verify(&server.at).await;
    is_sane(&server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, mount and mkfs.ext4: it makes a small disk"]
async fn a_disk_that_fails_under_a_running_server_refuses_changes_and_keeps_what_was_acknowledged()
{
    let disk = SmallDisk::new();
    furnish_all(&disk.at, &["ann", "wendy"], &[]).await;
    let server = Launch::on(&disk.at, SETTINGS).start().await;
    let mut launched = Launched { server };
    let at = launched.server.at;
    let mut bystanders = Bystanders::meet(&at, [5, 12]).await;
    let mut ann = Changer::sign_in(&at, "ann", 11, Book::new(), 0).await;
    ann.make(40).await;
    disk.fail();
    until_refused(&mut ann).await;
    assert!(!launched.server.is_ready().await);
    all_but_changes(&launched, &mut ann, &mut bystanders).await;
    launched.server.signal("TERM");
    launched.server.ended().await;
    is_sane(&launched.server.log());
    drop(bystanders);
    // Whoever looks after the machine repairs the disk and starts the server again.
    unmounted(&disk).await;
    let checked = try_tool(&["e2fsck", "-p", disk.image.to_str().unwrap()]);
    println!("the repair of the disk: {checked:?}");
    disk.mount("loop");
    let server = launched.server.again().await;
    ann.verify(&server.at).await;
    is_sane(&server.log());
}

/// Unmounts once nobody has a file open there any more.
async fn unmounted(disk: &SmallDisk) {
    let start = Instant::now();
    while try_tool(&["umount", disk.at.to_str().unwrap()]).is_err() {
        assert!(start.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, mount and mkfs.ext4: it makes a small disk"]
async fn a_start_says_what_may_not_be_written() {
    let disk = SmallDisk::new();
    furnish_all(&disk.at, &[], &[]).await;
    // The settings are elsewhere, as they usually are.
    let folder = tempfile::tempdir().unwrap();
    let setting = format!("data_dir = {:?}\n", disk.at.join("data"));
    disk.unmount();
    disk.mount("loop,ro");
    says(
        &Launch::on(folder.path(), &setting),
        "Read-only file system",
    );
    disk.unmount();
    disk.mount("loop");

    // The file is somebody else's, then its folder is.
    let file = database(&disk.at);
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--",
    ];
    open_to_all(folder.path(), 0o777);
    open_to_all(disk.image.parent().unwrap(), 0o755);
    open_to_all(&disk.at.join("data"), 0o755);
    open_to_all(&disk.at, 0o755);
    open_to_all(&file, 0o644);
    let launch = Launch::on(folder.path(), &setting).by(&nobody);
    says(&launch, "Permission denied");
    open_to_all(&file, 0o666);
    says(&launch, "chrysalis.db-lock: Permission denied");
    open_to_all(&disk.at.join("data/chrysalis.db-lock"), 0o666);
    says(&launch, "its folder or its file is read-only");
    open_to_all(&disk.at.join("data"), 0o777);
    drop(launch.start().await);
}

#[track_caller]
fn says(launch: &Launch, words: &str) {
    let said = launch.refusal();
    assert!(said.contains("chrysalis.db"), "{said}");
    assert!(said.contains(words), "no {words:?} in {said}");
}

fn open_to_all(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
