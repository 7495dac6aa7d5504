//! People of an Escargot server, from a database that is made here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest as _, Md5};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::support::child::{self, ChildServer};
use crate::support::people::PASSWORD;
use crate::support::soap;
use crate::support::web::Browser;

const TABLES: &str = "
    CREATE TABLE t_user (front_data TEXT NOT NULL, id INTEGER PRIMARY KEY,
        date_created DATETIME NOT NULL, date_login DATETIME, uuid VARCHAR NOT NULL,
        email VARCHAR NOT NULL, username VARCHAR NOT NULL, verified BOOLEAN NOT NULL,
        name VARCHAR, friendly_name VARCHAR NOT NULL, message VARCHAR, password VARCHAR NOT NULL,
        groups TEXT NOT NULL, settings TEXT NOT NULL);
    CREATE TABLE t_user_contact (user_id INTEGER NOT NULL, contact_id INTEGER NOT NULL,
        user_uuid VARCHAR NOT NULL, uuid VARCHAR NOT NULL, name VARCHAR NOT NULL,
        lists INTEGER NOT NULL, pending BOOLEAN NOT NULL DEFAULT 0,
        groups TEXT NOT NULL DEFAULT '[]', is_messenger_user BOOLEAN NOT NULL DEFAULT 1,
        birthdate DATETIME, anniversary DATETIME, notes VARCHAR, first_name VARCHAR,
        middle_name VARCHAR, last_name VARCHAR, nickname VARCHAR, primary_email_type VARCHAR,
        personal_email VARCHAR, work_email VARCHAR, im_email VARCHAR, other_email VARCHAR,
        home_phone VARCHAR, work_phone VARCHAR, fax_phone VARCHAR, pager_phone VARCHAR,
        mobile_phone VARCHAR, other_phone VARCHAR, personal_website VARCHAR,
        business_website VARCHAR, locations TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (user_id, contact_id));
    CREATE TABLE t_group_chat (id INTEGER PRIMARY KEY, chat_id VARCHAR NOT NULL,
        name VARCHAR NOT NULL, owner_uuid VARCHAR NOT NULL);
    CREATE TABLE t_group_chat_membership (id INTEGER PRIMARY KEY, chat_id VARCHAR NOT NULL,
        member_uuid VARCHAR NOT NULL, role INTEGER NOT NULL, state INTEGER NOT NULL,
        blocking BOOLEAN NOT NULL, inviter_uuid VARCHAR, invite_message VARCHAR);";

/// People by number, and what is special about each.
const PEOPLE: [&str; 6] = ["ann", "ben", "cid", "dot", "eve", "fay"];

async fn made(folder: &Path, more: &str) -> PathBuf {
    let path = folder.join("escargot.sqlite");
    let mut connection: SqliteConnection = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    let mut script = TABLES.to_owned();
    for (index, name) in PEOPLE.iter().enumerate() {
        let mut digest = [0; 32];
        let salt = format!("salt{index}");
        pbkdf2::pbkdf2_hmac::<sha2::Sha256>(PASSWORD.as_bytes(), salt.as_bytes(), 100, &mut digest);
        let hash = format!("pbkdf2_sha256$100${salt}${}", BASE64.encode(digest));
        let md5 = Md5::digest(format!("{salt}{PASSWORD}"));
        let front = format!(
            r#"{{"msn": {{"pw_md5": "md5${salt}${}"}}, "ymsg": 7}}"#,
            BASE64.encode(md5)
        );
        let groups = match *name {
            "ann" => {
                r#"[{"id": "1", "uuid": "11111111-0000-4000-8000-000000000001",
                     "name": "Old friends", "is_favorite": true},
                    {"id": "2", "uuid": "11111111-0000-4000-8000-000000000002",
                     "name": "Work", "is_favorite": false}]"#
            }
            _ => "[]",
        };
        script += &format!(
            "INSERT INTO t_user VALUES ('{front}', {index}, '2004-11-09 11:33:20.5', NULL, \
             'uuid-{name}', '{}@Example.com', '{name}', 1, NULL, 'The {name} é', 'hello', \
             '{hash}', '{groups}', '{{\"BLP\": \"BL\", \"GTC\": \"N\"}}');",
            name.to_uppercase()
        );
    }
    let contact = |owner: usize, target: usize, lists: u8, more: &str| {
        let (from, to) = (PEOPLE[owner], PEOPLE[target]);
        format!(
            "INSERT INTO t_user_contact (user_id, contact_id, user_uuid, uuid, name, lists) \
             VALUES ({owner}, {target}, 'uuid-{from}', 'uuid-{to}', 'My {to}', {lists}); \
             UPDATE t_user_contact SET {more} WHERE user_id = {owner} AND contact_id = {target};"
        )
    };
    script += &contact(
        0,
        1,
        11,
        "groups = '[{\"id\": \"2\", \"uuid\": \"11111111-0000-4000-8000-000000000002\"}]', \
         first_name = 'Ben', nickname = 'B', home_phone = '123', personal_website = 'http://b', \
         locations = '{\"ContactLocationPersonal\": {\"city\": \"Ulm\", \"zip_code\": \"89073\"}}'",
    );
    script += &contact(1, 0, 11, "pending = 0");
    // Without the other side, and allowed and blocked at once.
    script += &contact(0, 2, 3, "pending = 0");
    script += &contact(3, 0, 6, "pending = 0");
    script += "INSERT INTO t_group_chat VALUES (1, '00000000-0000-0000-0009-0123456789ab', \
         'The choir', 'uuid-ann'); \
         INSERT INTO t_group_chat_membership VALUES \
         (1, '00000000-0000-0000-0009-0123456789ab', 'uuid-ann', 1, 3, 0, NULL, NULL), \
         (2, '00000000-0000-0000-0009-0123456789ab', 'uuid-ben', 2, 3, 0, 'uuid-ann', 'Sing!'), \
         (3, '00000000-0000-0000-0009-0123456789ab', 'uuid-cid', 4, 1, 0, 'uuid-ann', '');";
    script += more;
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    path
}

fn import(folder: &Path, arguments: &[&str]) -> Output {
    let arguments = [&["import", "escargot", "escargot.sqlite"], arguments].concat();
    let mut command = child::command(folder, &arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn out(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let both = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{both}");
    both
}

fn exported(folder: &Path) -> serde_json::Value {
    let arguments = ["user", "export", "--with-passwords", "--output", "all.json"];
    child::run(folder, &arguments, "");
    serde_json::from_slice(&std::fs::read(folder.join("all.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn people_come_with_everything_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    made(path, "").await;
    let report = out(&import(path, &[]));
    for words in [
        "6 accounts added",
        "2 groups",
        "1 circles",
        "1 allowed and blocked at once",
        "1 not on the reverse list",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    let before = exported(path);
    let [ann, _, cid, dot, ..] = before["people"].as_array().unwrap().as_slice() else {
        panic!("{before}");
    };
    assert_eq!(ann["address"], "ann@example.com");
    assert_eq!(ann["name"], "The%20ann%20é");
    assert_eq!(ann["message"], "hello");
    assert_eq!(ann["privacy"], "block_others");
    assert_eq!(ann["when_added"], "allow_silently");
    assert_eq!(ann["created_at"], 1_100_000_000_000_i64);
    assert_eq!(ann["groups"][0]["name"], "Old%20friends");
    assert_eq!(ann["groups"][0]["is_favorite"], true);
    let ben = &ann["contacts"][0];
    assert_eq!(ben["name"], "My%20ben");
    assert_eq!(ben["groups"], serde_json::json!([2]));
    let mut cards = ann["cards"].as_array().unwrap().iter();
    let card = cards.find(|card| card["guid"] == ben["guid"]).unwrap();
    let fields = &card["fields"];
    assert_eq!(fields["texts"]["firstName"], "Ben");
    assert_eq!(fields["annotations"]["AB.NickName"], "B");
    let city = &fields["items"]["locations"]["ContactLocationPersonal"]["city"];
    assert_eq!(city, "Ulm");
    assert_eq!(cid["contacts"][0]["lists"]["reverse"], true);
    assert_eq!(cid["contacts"][0]["lists"]["pending"], true);
    assert_eq!(dot["contacts"][0]["lists"]["block"], true);
    assert_eq!(dot["contacts"][0]["lists"]["allow"], false);
    let choir = &before["circles"][0];
    assert_eq!(choir["id"], "00000000-0000-0000-0009-0123456789ab");
    let states = choir["members"].as_array().unwrap().iter();
    let states: Vec<_> = states
        .map(|it| (it["role"].clone(), it["state"].clone()))
        .collect();
    let expected = [
        ("admin", "accepted"),
        ("assistant_admin", "accepted"),
        ("member", "invited"),
    ];
    let expected = expected.map(|(role, state)| (role.into(), state.into()));
    assert_eq!(states, expected);

    let again = out(&import(path, &[]));
    assert!(again.contains("0 accounts added"), "{again}");
    assert!(again.contains("6 left alone"), "{again}");
    assert_eq!(exported(path), before);
}

/// Everything below a folder, with its bytes. The index of a log in use is that of its users, and
/// is only there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        }
        let is_whole = path.is_file() && !path.to_str().unwrap().ends_with("-shm");
        let bytes = is_whole.then(|| std::fs::read(&path).unwrap());
        files.insert(path, bytes.unwrap_or_default());
    }
    files
}

/// Tries the import out and answers what the import itself will say. Nothing is left of it where
/// temporary files are.
#[track_caller]
fn foretold(folder: &Path) -> String {
    let copies = tempfile::tempdir().unwrap();
    let arguments = ["import", "escargot", "escargot.sqlite", "--dry-run"];
    let mut command = child::command(folder, &arguments);
    command.stdin(Stdio::null()).env("TMPDIR", copies.path());
    let dry = out(&command.output().unwrap());
    assert_eq!(files(copies.path()), BTreeMap::new());
    let closing = "Nothing was changed: this was a dry run.\n";
    assert!(dry.contains(closing), "{dry}");
    dry.replace(closing, "")
        .replace("accounts would be added", "accounts added")
}

/// The same, and a look that no file has changed.
#[track_caller]
fn foretold_quietly(folder: &Path) -> String {
    let before = files(folder);
    let report = foretold(folder);
    let after = files(folder);
    assert!(before.keys().eq(after.keys()), "{:#?}", after.keys());
    assert!(before == after, "the bytes of a file have changed");
    report
}

#[tokio::test]
async fn a_dry_run_says_what_will_happen_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    made(path, "").await;
    // Without a database.
    let report = foretold_quietly(path);
    assert!(report.contains("6 accounts added"), "{report}");
    assert_eq!(files(path).len(), 1);

    // With one that has one of the people: at rest, under a server, and as that left it when it
    // was killed.
    child::add(path, "ann");
    let report = foretold_quietly(path);
    assert!(report.contains("5 accounts added"), "{report}");
    assert!(report.contains("1 left alone"), "{report}");
    let server = ChildServer::start(path, "").await;
    assert_eq!(foretold(path), report);
    drop(server);
    assert_eq!(foretold_quietly(path), report);
    assert_eq!(out(&import(path, &[])), report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_keeps_their_password_whichever_way_they_sign_in_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    made(path, "").await;
    out(&import(path, &[]));
    let has_old_hash = |name: &str| {
        let people = exported(path);
        let mut people = people["people"].as_array().unwrap().iter();
        let address = format!("{name}@example.com");
        let person = people.find(|it| it["address"] == address.as_str()).unwrap();
        let password = &person["password"];
        assert!(password["imported"].is_null() != password["full"].is_null());
        !password["imported"].is_null()
    };
    let server = ChildServer::start(path, "").await;
    let at = server.at;
    // By challenge the password does not come along, so the old hash stays.
    drop(at.sign_in("ann", 7).await);
    assert!(has_old_hash("ann"));
    for (name, dialect) in [("ann", 9), ("ben", 12), ("cid", 15), ("dot", 18)] {
        let connection = at.connect(dialect).await;
        let wrong = at.try_sign_in(connection, name, "Secret-1").await;
        assert!(wrong.is_err(), "{name}");
        assert!(has_old_hash(name));
        drop(at.sign_in(name, dialect).await);
        assert!(!has_old_hash(name), "{name} at {dialect}");
        // With the new hash, and with the old clients' secret that went with it.
        drop(at.sign_in(name, dialect).await);
        drop(at.sign_in(name, 7).await);
    }
    let mut browser = Browser::new(at.http);
    browser.sign_in("eve@example.com", PASSWORD).await;
    assert!(!has_old_hash("eve"));
    let services = [(soap::CONTACTS, "MBI")];
    let request = soap::token_request("fay@example.com", PASSWORD, &services);
    let answer = soap::post(at.http, "/RST2.srf", "", request.as_bytes())
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!has_old_hash("fay"));
}

#[tokio::test]
async fn a_hostile_database_is_cut_to_size_or_refused() {
    let long = "x".repeat(100_000);
    let rest = format!(
        "UPDATE t_user SET friendly_name = '{long}', message = x'00ff00', groups = '[[[', \
         settings = '7', front_data = '{{\"msn\": {{\"pw_md5\": \"md5$$$\"}}}}' WHERE id = 0; \
         UPDATE t_user SET password = 'pbkdf2_sha256$4294967295$a$b' WHERE id = 1; \
         UPDATE t_user SET email = 'no address' WHERE id = 2; \
         UPDATE t_user_contact SET lists = 'many', groups = '{{}}', notes = '{long}', \
         locations = '[]' WHERE user_id = 0;"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = made(folder.path(), &rest).await;
    let report = out(&import(folder.path(), &[]));
    for words in [
        "5 accounts added",
        "1 of those added without a password",
        "no password hash that can be used",
        "no address that clients take",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    // A view that would compute for ever is no table.
    std::fs::remove_file(file).unwrap();
    let endless = "DROP TABLE t_group_chat; CREATE VIEW t_group_chat AS WITH RECURSIVE \
         n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) \
         SELECT id, 'a' AS chat_id, 'b' AS name, 'c' AS owner_uuid FROM n;";
    made(folder.path(), endless).await;
    let refused = import(folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("t_group_chat"), "{words}");
    std::fs::write(
        folder.path().join("escargot.sqlite"),
        "no database ".repeat(99),
    )
    .unwrap();
    assert_eq!(import(folder.path(), &[]).status.code(), Some(1));
}
