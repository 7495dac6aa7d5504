//! Whether the database is whole, up to date and writable, and whether it has room to grow.

use std::fs::OpenOptions;
use std::path::Path;

use crate::config::Config;
use crate::store::{self, Writable};

use super::report::{Area, Report};

/// Below this many bytes of room somebody should act.
const LITTLE_ROOM: u64 = 512 << 20;
/// Below this, writing is about to fail.
const NO_ROOM: u64 = 16 << 20;

/// Looks at the database, without changing it.
pub(super) async fn check(config: &Config, report: &mut Report) {
    let path = config.database();
    let mut area = report.area("database");
    if !path.exists() {
        area.warn("file", format!("there is no {} yet", path.display()))
            .advise("the server makes it when it starts; is data_dir right?");
    } else {
        look(&mut area, &path).await;
    }
    check_room(&mut area, &config.data_dir);
}

async fn look(area: &mut Area<'_>, path: &Path) {
    // Asked first, because SQLite cannot even read where it may not write its side files.
    if let Err(error) = OpenOptions::new().append(true).open(path) {
        area.fail("writable", format!("{}: {error}", path.display()))
            .advise("give the file and its folder to the user that the server runs as");
        area.skip("integrity", "cannot be told without the right to write");
        return;
    }
    let seen = match store::inspect(path).await {
        Ok(seen) => seen,
        Err(error) => {
            let error = anyhow::Error::from(error);
            area.fail(
                "file",
                format!("{} cannot be read: {error:#}", path.display()),
            )
            .advise("run this as the user that the server runs as, or restore a backup");
            return;
        }
    };
    match seen.damage.first() {
        None => area.ok("integrity", format!("{} is whole", path.display())),
        Some(first) => area
            .fail("integrity", format!("it is damaged: {first}"))
            .advise("stop the server and restore a backup with `chrysalis restore`"),
    };
    match (seen.schema, seen.newest_schema) {
        (have, newest) if have == newest => area.ok("schema", format!("version {have}")),
        (have, newest) if have < newest => area
            .warn("schema", format!("version {have} of {newest}"))
            .advise("the server brings it up to date when it starts; make a backup before"),
        (have, newest) => area
            .fail(
                "schema",
                format!("version {have}, this program knows {newest}"),
            )
            .advise("it was written by a newer program: use that one"),
    };
    match seen.writable {
        Writable::Yes => area.ok("writable", "yes"),
        Writable::Busy => area
            .warn("writable", "another program holds it for a long time")
            .advise("look for a second server or an open shell of SQLite on the same file"),
        Writable::No(why) => area
            .fail("writable", format!("no: {why}"))
            .advise("give the file and its folder to the user that the server runs as"),
    };
}

#[cfg(unix)]
fn check_room(area: &mut Area<'_>, folder: &Path) {
    // Before the first start there is no folder; its place will be on the same disk.
    let folder = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    let room = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            area.warn("room", format!("cannot be told: {error}"));
            return;
        }
    };
    let detail = format!("{} MiB are free", room >> 20);
    match room {
        ..NO_ROOM => area
            .fail("room", detail)
            .advise("the disk is full: nothing that people change can be kept"),
        NO_ROOM..LITTLE_ROOM => area.warn("room", detail).advise("make room soon"),
        LITTLE_ROOM.. => area.ok("room", detail),
    };
}

#[cfg(not(unix))]
fn check_room(area: &mut Area<'_>, _: &Path) {
    area.skip("room", "cannot be told on this system");
}
