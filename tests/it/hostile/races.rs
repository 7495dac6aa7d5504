//! Two things at once to one account, at the notification server and over HTTP.

use tokio::task::JoinSet;

use crate::support::child::{self, ChildServer};
use crate::support::client::Connection;
use crate::support::people::{PASSWORD, connect};
use crate::support::player::Addresses;
use crate::support::scene::Scene;
use crate::support::sign_in::sign_in;
use crate::support::soap::{WebClient, token};
use crate::support::transcript::{Link, SignIn};

/// Signs in at a machine of this number; the connection, or why there is none.
async fn at_machine(at: Addresses, name: &str, number: u32) -> Result<Connection, String> {
    let mut connection = at.connect(18).await;
    let address = format!("{name}@example.com");
    let wish = SignIn {
        link: Link {
            client: 'A',
            role: "NS".to_owned(),
        },
        account: address.clone(),
        dialect: 18,
        status: Some("NLN".to_owned()),
        library: None,
        capabilities: None,
        picture: None,
        message: None,
        machine: Some(format!("00000000-0000-4000-8000-{number:012x}")),
        synchronise: true,
    };
    sign_in(&wish, &address, PASSWORD, &mut connection, at.http).await?;
    Ok(connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_come_to_one_place_at_once_one_stays() {
    let scene = Scene::between([8, 18], &["mallory"], &[]).await;
    for round in 0..3 {
        let mut arriving = JoinSet::new();
        for _ in 0..6 {
            arriving.spawn(at_machine(scene.at, "mallory", round));
        }
        let arrived = arriving.join_all().await;
        let held: Vec<Connection> = arrived.into_iter().filter_map(Result::ok).collect();
        assert!(!held.is_empty());
        // Whoever came last is the one who is there.
        scene
            .until("one of them", |numbers| numbers.connections("ns") == 3)
            .await;
        drop(held);
        scene
            .until("none of them", |numbers| numbers.connections("ns") == 2)
            .await;
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_at_more_places_than_there_are_leaves_the_oldest() {
    let statements = ["@friends mallory trent"];
    let mut scene = Scene::between([8, 18], &["mallory", "trent"], &statements).await;
    let mut trent = scene.at.sign_in("trent", 18).await;
    let mut held = Vec::new();
    for number in 0..40 {
        held.push(at_machine(scene.at, "mallory", number).await.unwrap());
    }
    // Sixteen of them, Trent and the bystanders.
    scene
        .until("as many as there may be", |numbers| {
            numbers.connections("ns") == 19
        })
        .await;
    for mut gone in held.drain(..24) {
        let last = gone.until_closed().await.pop();
        let line = last.map(|frame| frame.line).unwrap_or_default();
        assert_eq!(line, b"OUT OTH");
    }
    for place in &mut held {
        place.ask("PNG", "QNG").await;
    }
    scene.bystanders.carry_on().await;
    trent.ns.ask("PNG", "QNG").await;
    drop((held, trent));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_by_the_web_and_the_end_of_a_session_cross() {
    let mut scene = Scene::between([8, 18], &["mallory", "trent"], &[]).await;
    let http = scene.at.http;
    let web = WebClient::sign_in(http, "mallory@example.com", PASSWORD);
    let web = web.await.unwrap();
    let trent = WebClient::sign_in(http, "trent@example.com", PASSWORD);
    let trent = trent.await.unwrap();
    let member = |role: &str| {
        format!(
            "<memberships><Membership><MemberRole>{role}</MemberRole><Members><Member>\
             <PassportName>trent@example.com</PassportName></Member></Members></Membership>\
             </memberships>"
        )
    };
    for round in 0..12 {
        let mallory = scene.at.sign_in("mallory", [18, 12, 8][round % 3]).await;
        let add = "<contacts><Contact><contactInfo><passportName>trent@example.com</passportName>\
                   <isMessengerUser>true</isMessengerUser></contactInfo></Contact></contacts>";
        let (block, allow) = (member("Block"), member("Allow"));
        let changes = async {
            tokio::join!(
                web.book("ABContactAdd", add),
                web.sharing("AddMember", &block),
                web.sharing("AddMember", &allow),
                web.sharing("DeleteMember", &block),
            )
        };
        let leaves = async {
            let mut mallory = mallory;
            mallory.ns.send(b"OUT\r\n").await;
        };
        let (answers, ()) = tokio::join!(changes, leaves);
        for answer in [answers.0, answers.1, answers.2, answers.3] {
            assert_ne!(
                answer.fault().as_deref(),
                Some("InternalError"),
                "{answer:?}"
            );
        }
        // Both books agree about it.
        let mine = web.book("ABFindAll", "").await;
        let id = mine.of("Contact", "passportName", "trent@example.com", "contactId");
        let theirs = trent.sharing("FindMembership", "").await;
        assert!(theirs.body.contains("mallory@example.com"), "{theirs:?}");
        let delete = format!(
            "<contacts><Contact><contactId>{}</contactId></Contact></contacts>",
            id.unwrap()
        );
        let gone = web.book("ABContactDelete", &delete).await;
        assert_eq!(gone.fault(), None, "{gone:?}");
    }
    scene.bystanders.carry_on().await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_deleted_amid_its_own_requests_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mallory", "trent"] {
        let address = format!("{name}@example.com");
        let arguments = ["user", "add", &address, "--legacy", "--password-stdin"];
        child::run(folder.path(), &arguments, PASSWORD);
    }
    let server = ChildServer::start(folder.path(), "").await;
    let http = server.at.http;
    let everything = "messengerclear.live.com";
    let token = token(http, "mallory@example.com", PASSWORD, everything);
    let web = WebClient {
        http,
        token: token.await.unwrap(),
    };
    let mut mallory = server.at.sign_in("mallory", 18).await;
    let mut trent = server.at.sign_in("trent", 12).await;
    let mut busy = JoinSet::new();
    for worker in 0..3 {
        let web = web.clone();
        busy.spawn(async move {
            for number in 0..10_000 {
                let group = format!(
                    "<groupInfo><GroupInfo><name>{worker} {number}</name></GroupInfo></groupInfo>"
                );
                let circle = "<properties><DisplayName>x</DisplayName></properties>";
                let answers = [
                    web.book("ABGroupAdd", &group).await,
                    web.sharing("CreateCircle", circle).await,
                    web.book("ABFindContactsPaged", "").await,
                    web.sharing("FindMembership", "").await,
                ];
                for answer in &answers {
                    // What began before may find that there is no such book any more.
                    let is_ours = answer.body.contains("The server has a problem.");
                    assert!(!is_ours, "{answer:?}");
                }
                if answers.iter().all(|answer| answer.status != 200) {
                    return;
                }
            }
            panic!("the account is still there");
        });
    }
    let arguments = ["user", "delete", "mallory@example.com", "--yes"];
    let path = folder.path().to_owned();
    tokio::task::spawn_blocking(move || child::run(&path, &arguments, ""))
        .await
        .unwrap();
    busy.join_all().await;
    mallory.ns.until_closed().await;
    let late = web.book("ABFindAll", "").await;
    assert_eq!(late.fault().as_deref(), Some("PassportAuthFail"));
    trent.ns.ask("PNG", "QNG").await;
}

/// Somebody says as much of themselves as there may be, again and again and at every place at
/// once, to a friend who reads nothing.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_from_all_places_of_an_account_fills_no_memory() {
    const PLACES: u32 = 8;
    const TIMES: usize = 20;
    const MOST: u64 = 48 * 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    for name in ["mallory", "trent"] {
        let address = format!("{name}@example.com");
        let arguments = ["user", "add", &address, "--legacy", "--password-stdin"];
        child::run(folder.path(), &arguments, PASSWORD);
    }
    let server = ChildServer::start(folder.path(), "").await;
    for (one, other) in [("mallory", "trent"), ("trent", "mallory")] {
        let address = format!("{one}@example.com");
        let web = WebClient::sign_in(server.at.http, &address, PASSWORD);
        let add = format!(
            "<contacts><Contact><contactInfo><passportName>{other}@example.com</passportName>\
             <isMessengerUser>true</isMessengerUser></contactInfo></Contact></contacts>"
        );
        let answer = web.await.unwrap().book("ABContactAdd", &add).await;
        assert_eq!(answer.fault(), None, "{answer:?}");
    }
    let deaf = connect(server.at.msnp, None, Some(1_024), 12).await;
    let deaf = server.at.sign_in_over(deaf, "trent").await;
    let mut places = Vec::new();
    for number in 0..PLACES {
        let place = at_machine(server.at, "mallory", number);
        places.push(place.await.unwrap());
    }
    // More than that is refused: others are told six bytes for one.
    for place in &mut places {
        let body = format!("<Data><PSM>{}</PSM></Data>", "=".repeat(8_000));
        let line = format!("UUX 9 {}\r\n{body}PNG\r\n", body.len());
        place.send(line.as_bytes()).await;
        place.until("201 9").await;
        place.until("QNG").await;
    }
    let before = server.memory();
    let mut storm = JoinSet::new();
    for mut place in places {
        storm.spawn(async move {
            for number in 0..TIMES {
                let text = format!("{number}{}", "=".repeat(330));
                let body = format!("<Data><PSM>{text}</PSM></Data>");
                let line = format!("UUX {} {}\r\n{body}", number + 10, body.len());
                place.send(line.as_bytes()).await;
                place.until(&format!("UUX {} ", number + 10)).await;
            }
            place
        });
    }
    let places = storm.join_all().await;
    let grown = server.memory().saturating_sub(before);
    assert!(grown < MOST, "{grown}");
    drop((places, deaf));
}
