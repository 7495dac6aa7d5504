//! Databases of every released schema, opened by the program of today.
//!
//! `tests/upgrade/NNNN.sql` has the rows that a server with schema NNNN could write for the first
//! time. A database of a schema is made from the migrations up to it and those rows, with the
//! bookkeeping that the program of its day left.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrysalis::store::{ListLimits, Store};
use sha2::{Digest as _, Sha384};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _};
use sqlx::{TypeInfo as _, ValueRef as _};
use tempfile::TempDir;

use crate::support::child::{self, ChildServer};

/// The migrations that were released, with their sums. A line here is never changed: whoever has
/// run a migration would be told that their database was edited. A new one is added at the end.
const RELEASED: &[(&str, &str)] = &[
    (
        "0001_accounts_and_books.sql",
        "d1a857ba05ea546905d63343844000956a1aa253b176a9b131ec108bf9e5880184bc814eeef58e344136a7ad827e50b0",
    ),
    (
        "0002_grants.sql",
        "f8be0a805b273026007ba6d75f10e30410f0a18f5bd41ed8ce62fc36ebca0f2b000511cdc8f27a00c4f380cac22d0411",
    ),
    (
        "0003_address_book.sql",
        "cec542f2886791e16c0f85aa2cc82288c3d71fbddb8d98632669f8957b21b9c530b7042e933619edee57998537ccabe5",
    ),
    (
        "0004_offline_messages.sql",
        "10cc3259dc55971ed05a1884023b9fdc7d17591b1efd0fdd74b2ea175c34adf71b486ac7f9b20275932461464f27866b",
    ),
    (
        "0005_profiles.sql",
        "cfc97d76f8055ef001485be4f031b8ac47e53eaed3667a8374e09262cbf991a0449ca646caff895b1378d5d7d55cce17",
    ),
    (
        "0006_circles.sql",
        "162f8a18d463f7fef702e668a1a1394f8b22e96014dc06a511d309277aea511b14e33f8d6548f41c31f6e95748483200",
    ),
    (
        "0007_web.sql",
        "c54ecf10f07f7549fa58179bab7a031eadc567639da4d835b413fc93004d12e8e531e21d2e776f7cdb79cf15f1cfaed4",
    ),
    (
        "0008_imported_passwords.sql",
        "86eaf7a98ba3c3d63262e41a6ce861fc8204d4cd90a9e76934bdc50d85b47742433dd35305928eea81c8eb2c712557b6",
    ),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn sum(path: &Path) -> String {
    let digest = Sha384::digest(fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn released_migrations_are_never_edited() {
    let found: Vec<(String, String)> = files("migrations/sqlite")
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            (name.to_owned(), sum(path))
        })
        .collect();
    let released: Vec<(String, String)> = RELEASED
        .iter()
        .map(|&(name, sum)| (name.to_owned(), sum.to_owned()))
        .collect();
    assert_eq!(
        found, released,
        "a released migration was edited, or a new one is not listed"
    );
    assert_eq!(files("tests/upgrade").len(), RELEASED.len());
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

async fn execute(connection: &mut SqliteConnection, script: String) {
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(connection)
        .await
        .unwrap();
}

/// A database as a server with this schema left it.
async fn database(schema: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("chrysalis.db");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let mut connection = connect(&path).await;
    execute(
        &mut connection,
        "PRAGMA journal_mode = WAL; CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, \
         description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
         success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);"
            .to_owned(),
    )
    .await;
    for (index, migration) in files("migrations/sqlite").iter().take(schema).enumerate() {
        execute(&mut connection, fs::read_to_string(migration).unwrap()).await;
        let name = migration.file_stem().unwrap().to_str().unwrap();
        let description = name.split_once('_').unwrap().1.replace('_', " ");
        let done = format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
             execution_time) VALUES ({}, '{description}', TRUE, x'{}', 1)",
            index + 1,
            sum(migration)
        );
        execute(&mut connection, done).await;
    }
    for rows in files("tests/upgrade").iter().take(schema) {
        execute(&mut connection, fs::read_to_string(rows).unwrap()).await;
    }
    connection.close().await.unwrap();
    (folder, path)
}

/// Every row of every table by the columns that it has, as text.
type Snapshot = BTreeMap<String, (Vec<String>, Vec<String>)>;

async fn texts(connection: &mut SqliteConnection, query: String) -> Vec<String> {
    let found = sqlx::query_scalar(AssertSqlSafe(query));
    found.fetch_all(connection).await.unwrap()
}

async fn rows(connection: &mut SqliteConnection, table: &str, columns: &[String]) -> Vec<String> {
    let columns = columns.join(", ");
    let query = format!("SELECT {columns} FROM {table} ORDER BY {columns}");
    let found = sqlx::query(AssertSqlSafe(query));
    let found = found.fetch_all(connection).await.unwrap();
    found
        .iter()
        .map(|row| {
            let values = row.columns().iter().map(|column| {
                let raw = row.try_get_raw(column.ordinal()).unwrap();
                let kind = raw.type_info().name().to_owned();
                let value = match kind.as_str() {
                    _ if raw.is_null() => "null".to_owned(),
                    "INTEGER" => row.get::<i64, _>(column.ordinal()).to_string(),
                    "BLOB" => format!("{:?}", row.get::<Vec<u8>, _>(column.ordinal())),
                    _ => row.get::<String, _>(column.ordinal()),
                };
                format!("{}={value}", column.name())
            });
            values.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

async fn snapshot(path: &Path, like: Option<&Snapshot>) -> Snapshot {
    let mut connection = connect(path).await;
    let tables = match like {
        Some(like) => like.keys().cloned().collect(),
        None => {
            let query = "SELECT name FROM sqlite_master WHERE type = 'table' \
                         AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
            texts(&mut connection, query.to_owned()).await
        }
    };
    let mut snapshot = Snapshot::new();
    for table in tables {
        let columns = match like.and_then(|like| like.get(&table)) {
            Some((columns, _)) => columns.clone(),
            None => {
                let query = format!("SELECT name FROM pragma_table_info('{table}')");
                texts(&mut connection, query).await
            }
        };
        let found = rows(&mut connection, &table, &columns).await;
        snapshot.insert(table, (columns, found));
    }
    connection.close().await.unwrap();
    snapshot
}

#[tokio::test]
async fn nothing_is_lost_from_any_released_schema() {
    for schema in 1..=RELEASED.len() {
        let (_folder, path) = database(schema).await;
        let before = snapshot(&path, None).await;
        assert!(before["account"].1.len() == 3, "{before:?}");
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        assert_eq!(store.accounts().await.unwrap().len(), 3);
        store.close().await;
        let after = snapshot(&path, Some(&before)).await;
        assert_eq!(after, before, "schema {schema}");
        let mut connection = connect(&path).await;
        let check = texts(&mut connection, "PRAGMA integrity_check".to_owned()).await;
        assert_eq!(check, ["ok"], "schema {schema}");
        connection.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_runs_on_every_released_schema() {
    for schema in 1..=RELEASED.len() {
        let (folder, _) = database(schema).await;
        // A backup before the upgrade does not upgrade, and comes up to date when restored.
        let backup = run(folder.path(), &["backup", "before.db"]);
        let words = format!("schema {schema},");
        assert!(backup.contains(&words), "{backup}");
        let server = ChildServer::start(folder.path(), "").await;
        let mut ann = server.at.sign_in("ann", 9).await;
        ann.ns.send(b"SYN 50 0\r\n").await;
        ann.ns.until("LST ben@example.com Benny 11 1,29").await;
        let oldest = server.at.connect(7).await;
        drop(server.at.sign_in_over(oldest, "ann").await);
        let mut ben = server.at.sign_in("ben", 18).await;
        ben.expect_nothing().await;
        drop(server);
        let restored = run(folder.path(), &["restore", "before.db", "--force"]);
        assert!(restored.contains("3 accounts"), "{restored}");
        drop(ChildServer::start(folder.path(), "").await);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_with_advice() {
    let (folder, path) = database(RELEASED.len()).await;
    let mut connection = connect(&path).await;
    execute(
        &mut connection,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9001, 'later', TRUE, x'00', 1)"
            .to_owned(),
    )
    .await;
    connection.close().await.unwrap();
    let mut serve = child::command(folder.path(), &["serve"]);
    let output = serve.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    for part in ["schema 9001", "newer version", "chrysalis restore"] {
        assert!(words.contains(part), "{words}");
    }
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let mut command = child::command(folder, arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let both = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {both}");
    both
}

#[tokio::test]
async fn people_go_through_a_file_into_an_empty_server_as_they_were() {
    let (from, _) = database(RELEASED.len()).await;
    let to = tempfile::tempdir().unwrap();
    let file = from.path().join("people.json");
    let (file, name) = (file.as_path(), file.to_str().unwrap());
    run(
        from.path(),
        &["user", "export", "--with-passwords", "--output", name],
    );
    let dry = run(to.path(), &["user", "import", name, "--dry-run"]);
    assert!(dry.contains("3 accounts would be added"), "{dry}");
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
    let added = run(to.path(), &["user", "import", name]);
    for words in [
        "3 accounts added",
        "0 of those added without a password",
        "2 groups",
        "5 contacts",
        "4 cards",
        "1 circles",
        "2 offline messages",
        "2 pictures",
        "0 repairs",
    ] {
        assert!(added.contains(words), "{words}: {added}");
    }
    let again = run(to.path(), &["user", "import", name]);
    assert!(again.contains("0 accounts added"), "{again}");
    run(
        to.path(),
        &[
            "user",
            "export",
            "--with-passwords",
            "--output",
            "again.json",
        ],
    );
    let (first, second) = (
        fs::read_to_string(file).unwrap(),
        fs::read_to_string(to.path().join("again.json")).unwrap(),
    );
    assert_eq!(first, second);

    // Somebody alone, without secrets: whom they know stays behind, and is in their address book.
    let alone = ["user", "export", "ann@example.com", "--output", "ann.json"];
    run(from.path(), &alone);
    let text = fs::read_to_string(from.path().join("ann.json")).unwrap();
    assert!(!text.contains("argon2") && !text.contains("6bc68a518600117e"));
    let third = tempfile::tempdir().unwrap();
    let path = from.path().join("ann.json");
    let added = run(third.path(), &["user", "import", path.to_str().unwrap()]);
    for words in [
        "1 accounts added",
        "1 of those added without a password",
        "2 contacts without account",
        "1 circles",
    ] {
        assert!(added.contains(words), "{words}: {added}");
    }
}

#[tokio::test]
async fn what_is_only_tried_out_does_not_upgrade() {
    let (from, _) = database(RELEASED.len()).await;
    let file = from.path().join("people.json");
    let file = file.to_str().unwrap();
    run(from.path(), &["user", "export", "--output", file]);
    let (to, path) = database(1).await;
    let names = || {
        let entries = fs::read_dir(path.parent().unwrap()).unwrap();
        entries
            .map(|it| it.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let before = (names(), fs::read(&path).unwrap());
    let dry = run(to.path(), &["user", "import", file, "--dry-run"]);
    assert_eq!((names(), fs::read(&path).unwrap()), before);
    let (report, _) = dry.split_once("Nothing was changed").unwrap();
    let done = run(to.path(), &["user", "import", file]);
    assert_eq!(done, report.replace("would be added", "added"));
    assert_ne!(fs::read(&path).unwrap(), before.1);
}
