//! Guessing passwords and addresses at the token service, and asking it too much.

use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket};

const WRONG: &str = "not it";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_nothing_about_the_account() {
    let server = start(&["alice", "barred"], &[]).await;
    let barred = chrysalis::model::Address::parse("barred@example.com").unwrap();
    let accounts = &server.services().accounts;
    accounts.set_disabled(&barred, true).await.unwrap();
    for (path, code) in [
        ("/RST.srf", "wsse:FailedAuthentication"),
        ("/RST2.srf", "wst:FailedAuthentication"),
    ] {
        let mut said = Vec::new();
        for (name, secret) in [
            ("alice", WRONG),
            ("alice", ""),
            ("nobody", PASSWORD),
            ("barred", PASSWORD),
            ("no address", PASSWORD),
        ] {
            let answer = ask(server.addresses.http, path, name, secret, &SERVICES).await;
            assert_eq!(fault(&answer), code, "{name}");
            assert!(
                answer.body.contains("<psf:reqstatus>0x80048821<"),
                "{answer:?}"
            );
            assert!(!answer.body.contains(name), "{answer:?}");
            said.push(without_time(&answer.body));
        }
        said.dedup();
        assert_eq!(said.len(), 1, "{said:#?}");
    }
    // Nor does the question whose account an address is.
    let realm = async |name: &str| {
        let head =
            format!("GET /GetUserRealm.srf?login={name}%40example.com HTTP/1.1\r\nHost: x\r\n");
        let answer = crate::support::passport::request(server.addresses.http, &head).await;
        let answer = answer.unwrap().replace(name, "somebody");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(realm("alice").await, realm("nobody").await);
    assert_eq!(realm("alice").await, realm("barred").await);
    assert!(server.stop().await);
}

/// A fault without the only thing that may differ.
fn without_time(fault: &str) -> String {
    let (before, rest) = fault.split_once("ServerTime=\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{after}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_shares_one_count_of_failures() {
    let limit = ["@config limits.failed_sign_ins_per_minute 4"];
    for first in 0..4 {
        let server = start(&["alice", "bob"], &limit).await;
        let http = server.addresses.http;
        let good = granted(&server, "alice", &SERVICES[..2]).await;
        // Four failures, by a different way each or all the same.
        for turn in 0..4 {
            match (first + turn) % 4 {
                0 => {
                    let answer = ask(http, "/RST.srf", "alice", WRONG, &SERVICES[..2]).await;
                    assert_eq!(fault(&answer), "wsse:FailedAuthentication");
                }
                1 => {
                    let answer = ask(http, "/RST2.srf", "alice", WRONG, &SERVICES[..2]).await;
                    assert_eq!(fault(&answer), "wst:FailedAuthentication");
                }
                2 => {
                    let refused = fetch_ticket(http, "alice@example.com", WRONG, USUAL_POLICY);
                    assert_eq!(refused.await, Ok(Outcome::Refused));
                }
                _ => {
                    let wrong = Token {
                        key: good[0].key.clone(),
                        ..good[1].clone()
                    };
                    assert_eq!(sign_on(&server, 18, "alice", &wrong).await, "911");
                }
            }
        }
        // Now nothing is checked any more, whatever it is.
        let answer = ask(http, "/RST.srf", "alice", PASSWORD, &SERVICES[..2]).await;
        assert_eq!(fault(&answer), "S:Server");
        let text = answer.text("faultstring").unwrap();
        assert!(text.contains("Wait a minute"), "{text}");
        let answer = ask(http, "/RST2.srf", "alice", PASSWORD, &SERVICES[..2]).await;
        assert_eq!(fault(&answer), "wst:RequestFailed");
        let refused = fetch_ticket(http, "alice@example.com", PASSWORD, USUAL_POLICY);
        assert_eq!(refused.await, Ok(Outcome::Refused));
        assert_eq!(sign_on(&server, 18, "alice", &good[1]).await, "910");
        // Others go on, and so does she from elsewhere.
        granted(&server, "bob", &SERVICES[..2]).await;
        let security = password("alice@example.com", PASSWORD);
        let body = request("/RST.srf", &security, &SERVICES[..2]);
        let answer = from_elsewhere(http, &body).await;
        assert!(answer.contains("Id=\"Compact1\""), "{answer}");
        assert!(server.stop().await);
    }
}

/// Posts from another address of this machine.
async fn from_elsewhere(http: SocketAddr, body: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 2], 0))).unwrap();
    let mut stream = socket.connect(http).await.unwrap();
    let head = format!(
        "POST /RST.srf HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// At the same time, some of them wrong; hashes that take long enough to pile up.
const AT_ONCE: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_wait_their_turn_and_hold_up_nobody_else() {
    let settings = [
        "@config auth.hash_threads 1",
        "@config auth.argon2_memory_kib 4096",
        "@config limits.failed_sign_ins_per_minute 1000",
        "@config limits.exempt [\"127.0.0.0/8\"]",
    ];
    let server = start(&["alice", "bob"], &settings).await;
    let http = server.addresses.http;
    let mut bob = server.addresses.sign_in("bob", 12).await;
    let mut requests = JoinSet::new();
    for number in 0..AT_ONCE {
        requests.spawn(async move {
            let (name, secret) = match number % 3 {
                0 => ("alice", PASSWORD),
                1 => ("alice", WRONG),
                _ => ("nobody", PASSWORD),
            };
            let answer = ask(http, VERSIONS[number % 2], name, secret, &SERVICES).await;
            if number % 3 == 0 {
                assert_eq!(tokens(&answer).len(), SERVICES.len());
            } else {
                assert!(fault(&answer).ends_with(":FailedAuthentication"));
            }
        });
    }
    // Whoever is signed in does not wait for that.
    bob.ns.ask("PNG", "QNG").await;
    let waiting = requests.len();
    while let Some(done) = requests.join_next().await {
        done.unwrap();
    }
    assert_eq!(waiting, AT_ONCE);
    bob.ns.ask("PNG", "QNG").await;
    assert!(server.stop().await);
}

/// Of so many tries the fastest counts, because other work of the machine only makes one slower.
const TRIES: usize = 10;
/// Without a hash an answer would come in a tenth of the time, with one for each service it would
/// take ten times as long; a slow disk is neither.
const ALIKE: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_costs_one_hash_whoever_it_is_for_and_however_many_services() {
    let settings = [
        "@config auth.argon2_memory_kib 16384",
        "@config auth.argon2_iterations 3",
        "@config limits.failed_sign_ins_per_minute 1000",
    ];
    let server = start(&["alice", "barred"], &settings).await;
    let barred = chrysalis::model::Address::parse("barred@example.com").unwrap();
    let accounts = &server.services().accounts;
    accounts.set_disabled(&barred, true).await.unwrap();
    let requests = [
        ("alice", WRONG, &SERVICES[..]),
        ("alice", "sixteen letters!", &SERVICES[..]),
        ("nobody", WRONG, &SERVICES[..]),
        ("nobody", "sixteen letters!", &SERVICES[..]),
        ("barred", PASSWORD, &SERVICES[..]),
        ("alice", PASSWORD, &SERVICES[..1]),
        ("alice", PASSWORD, &SERVICES[..]),
    ];
    let mut fastest = [Duration::MAX; 7];
    for _ in 0..TRIES {
        for (fastest, (name, secret, services)) in fastest.iter_mut().zip(requests) {
            let start = Instant::now();
            ask(server.addresses.http, "/RST2.srf", name, secret, services).await;
            *fastest = start.elapsed().min(*fastest);
        }
    }
    let (least, most) = (fastest.iter().min().unwrap(), fastest.iter().max().unwrap());
    assert!(*most < *least * ALIKE, "{fastest:?}");
    assert!(server.stop().await);
}
