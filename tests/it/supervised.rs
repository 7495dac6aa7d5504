//! What a supervisor such as systemd hears: ready, alive, reloading, stopping.
#![cfg(target_os = "linux")]

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::net::UnixDatagram;
use tokio::time::{Instant, timeout};

use crate::support::child::{ChildServer, Launch, folder};
use crate::support::passport::request;

const DEADLINE: Duration = Duration::from_secs(30);

/// The next message, which comes in time.
async fn next(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 4_096];
    let received = timeout(DEADLINE, socket.recv(&mut bytes)).await;
    let length = received.unwrap().unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// The next message with these words.
async fn until(socket: &UnixDatagram, words: &str) -> String {
    loop {
        let message = next(socket).await;
        if message.contains(words) {
            return message;
        }
    }
}

async fn readiness(server: &ChildServer) -> String {
    let answer = request(server.ops, "GET /readyz HTTP/1.1\r\nHost: ops\r\n").await;
    answer.unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_hears_how_the_server_fares() {
    let folder = folder(&["olive"]);
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut server = Launch::on(folder.path(), "")
        .with("NOTIFY_SOCKET", path.to_str().unwrap())
        .with("WATCHDOG_USEC", "600000")
        .start()
        .await;
    let ready = next(&socket).await;
    assert!(ready.starts_with("READY=1\nSTATUS="), "{ready}");
    until(&socket, "WATCHDOG=1").await;
    let _olive = server.at.sign_in("olive", 7).await;
    until(&socket, "STATUS=1 session is signed in").await;

    server.signal("HUP");
    let reloading = until(&socket, "RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    until(&socket, "READY=1").await;

    // Nobody is told that a server lives whose database does not answer.
    let database = folder.path().join("data/chrysalis.db");
    let url = format!("sqlite://{}", database.display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    until(&socket, "STATUS=the database does not answer").await;
    let silence = Instant::now();
    while silence.elapsed() < Duration::from_secs(1) {
        let message = next(&socket).await;
        assert!(!message.contains("WATCHDOG=1"), "{message}");
    }
    assert_eq!(readiness(&server).await, "503");
    let alive = request(server.ops, "GET /healthz HTTP/1.1\r\nHost: ops\r\n").await;
    assert!(alive.unwrap().starts_with("HTTP/1.1 200 "));
    other.execute("ROLLBACK").await.unwrap();
    until(&socket, "WATCHDOG=1").await;
    assert_eq!(readiness(&server).await, "200");

    server.signal("TERM");
    until(&socket, "STOPPING=1").await;
    assert_eq!(server.ended().await.code(), Some(0));
}
