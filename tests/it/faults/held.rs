//! The database is held by another process.

use std::str::FromStr as _;
use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Executor as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::changes::{Changer, LONGEST, Outcome};
use super::stage::{PROMPT, Stage, go_on};
use super::{database, is_sane, lasting};
use crate::durability::Book;

const CHANGERS: [(&str, u8); 4] = [("ann", 9), ("ben", 11), ("cid", 9), ("dot", 11)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_another_process_holds_delays_changes_and_nothing_else() {
    let names = CHANGERS.map(|(name, _)| name);
    let Stage {
        folder,
        server,
        mut bystanders,
    } = Stage::set(&names, &[], "").await;
    let mut changers = Vec::new();
    for (name, dialect) in CHANGERS {
        let mut changer = Changer::sign_in(&server.at, name, dialect, Book::new(), 0).await;
        changer.make(6).await;
        changers.push(changer);
    }
    let path = database(folder.path());
    let options = SqliteConnectOptions::from_str(path.to_str().unwrap()).unwrap();
    let mut other: SqliteConnection = options.connect().await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let held = Instant::now();
    let mut changing = JoinSet::new();
    for mut changer in changers {
        changing.spawn(async move {
            let mut refused = 0;
            while held.elapsed() < lasting() {
                match changer.attempt().await {
                    Outcome::Done => {}
                    Outcome::Refused(code) => {
                        assert_eq!(code, "603");
                        refused += 1;
                    }
                    Outcome::Gone => panic!("{} was cut off", changer.person.name),
                }
            }
            (changer, refused)
        });
    }
    let mut talks = 0;
    let mut worst = std::time::Duration::ZERO;
    while held.elapsed() < lasting() {
        worst = worst.max(go_on(&mut bystanders).await);
        talks += 1;
        sleep(PROMPT / 20).await;
    }
    other.execute("ROLLBACK").await.unwrap();
    let freed = Instant::now();
    let (mut refused, mut slowest) = (0, std::time::Duration::ZERO);
    while let Some(ended) = changing.join_next().await {
        let (mut changer, count) = ended.unwrap();
        refused += count;
        slowest = slowest.max(changer.slowest);
        changer.make(6).await;
        let book = changer.verify(&server.at).await;
        assert!(book.len() >= 5);
    }
    assert!(freed.elapsed() < LONGEST, "changes work again at once");
    println!(
        "held for {:?}: {talks} conversations went on, the slowest in {worst:?}; {refused} \
         changes refused, the slowest answer after {slowest:?}",
        lasting()
    );
    go_on(&mut bystanders).await;
    assert!(server.is_ready().await);
    is_sane(&server.log());
}
