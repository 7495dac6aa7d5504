//! More connections than anybody needs.

use std::time::Instant;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::client::{Connection, DEADLINE};
use crate::support::people::{PASSWORD, chat, connect};
use crate::support::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_silent_connections_make_way_for_one_that_speaks() {
    let statements = [
        "@friends trent wendy",
        "@config limits.unauthenticated_per_address 200",
    ];
    let scene = Scene::start(&["trent", "wendy"], &statements).await;
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(TcpStream::connect(scene.at.msnp).await.unwrap());
    }
    // 200 may wait; the oldest gave way.
    scene
        .until("room for those who speak", |numbers| {
            numbers.closes("ns", "evicted") == 800
        })
        .await;
    for stream in &mut silent[..800] {
        assert_closed(stream).await;
    }
    let mut trent = scene.at.sign_in("trent", 3).await;
    let mut wendy = scene.at.sign_in("wendy", 11).await;
    trent.sees("NLN", &wendy).await;
    let mut seat = trent.open_room().await;
    let mut other = wendy.join(&mut seat).await;
    seat.say("U", &chat("over their heads")).await;
    other.hears("trent", &chat("over their heads")).await;
    drop((silent, trent, wendy, seat, other));
    // Each of the thousand is accounted for.
    scene
        .until("the end of the crowd", |numbers| {
            let gone = numbers.closes("ns", "evicted") + numbers.closes("ns", "eof");
            // Two of the ends are those of Trent and Wendy.
            gone == 1_002
        })
        .await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_a_limit_unless_it_is_exempt() {
    let statements = [
        "@config limits.connections_per_address 30",
        "@config limits.unauthenticated_per_address 20",
        "@config limits.exempt [\"127.0.0.3/32\"]",
    ];
    let scene = Scene::start(&["trent", "wendy"], &statements).await;
    // Twenty who speak may wait; one more is closed at once.
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut connection = negotiate(&scene, "127.0.0.2").await;
        connection.expect("VER 1 MSNP7 CVR0").await;
        waiting.push(connection);
    }
    negotiate(&scene, "127.0.0.2").await.until_closed().await;
    // Who signs in waits no longer, up to the limit of all connections.
    waiting.truncate(1);
    scene
        .until("room to sign in", |numbers| {
            numbers.closes("ns", "eof") == 19
        })
        .await;
    let connection = connect(scene.at.msnp, Some("127.0.0.2"), None, 7).await;
    let trent = scene.at.sign_in_over(connection, "trent").await;
    let mut exempt = Vec::new();
    for _ in 0..60 {
        let mut connection = negotiate(&scene, "127.0.0.3").await;
        connection.expect("VER 1 MSNP7 CVR0").await;
        exempt.push(connection);
    }
    let connection = connect(scene.at.msnp, Some("127.0.0.3"), None, 7).await;
    let wendy = scene.at.sign_in_over(connection, "wendy").await;
    drop((waiting, exempt, trent, wendy));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_given_up_can_be_taken_again() {
    let statements = ["@config limits.connections_per_address 30"];
    let scene = Scene::start(&["trent"], &statements).await;
    let mut held = Vec::new();
    for _ in 0..30 {
        let mut connection = negotiate(&scene, "127.0.0.2").await;
        connection.expect("VER 1 MSNP7 CVR0").await;
        held.push(connection);
    }
    negotiate(&scene, "127.0.0.2").await.until_closed().await;
    // Silence does not help: nobody here can give way.
    let silent = connect(scene.at.msnp, Some("127.0.0.2"), None, 7);
    silent.await.until_closed().await;
    held.truncate(29);
    scene
        .until("a free place", |numbers| numbers.closes("ns", "eof") == 1)
        .await;
    // The place is free a moment after the end was counted.
    let start = Instant::now();
    let trent = loop {
        let connection = connect(scene.at.msnp, Some("127.0.0.2"), None, 7).await;
        match scene.at.try_sign_in(connection, "trent", PASSWORD).await {
            Ok(trent) => break trent,
            Err(reason) => assert!(start.elapsed() < DEADLINE, "{reason}"),
        }
    };
    drop((held, trent));
    scene.finish().await;
}

async fn negotiate(scene: &Scene, from: &str) -> Connection {
    let mut connection = connect(scene.at.msnp, Some(from), None, 7).await;
    connection.send(b"VER 1 MSNP7 CVR0\r\n").await;
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_sign_in_in_time_is_sent_away() {
    let statements = ["@config limits.sign_in_secs 1"];
    let scene = Scene::start(&["mallory"], &statements).await;
    let start = Instant::now();
    let mut waiting = Vec::new();
    for opening in [
        "",
        "VE",
        "\r\n\r\n",
        "VER 1 MSNP7 CVR0\r\n",
        "VER 1 MSNP7 CVR0\r\nINF 2\r\nUSR 3 MD5 I mallory@example.com\r\n",
        "VER 1 MSNP8 CVR0\r\nUSR 3 TWN I mallory@example.com\r\n",
        "VER 1 MSNP8 CVR0\r\nUSR 3 TWN S half a tick",
    ] {
        let mut connection = scene.at.connect(7).await;
        connection.send(opening.as_bytes()).await;
        waiting.push(connection);
    }
    for connection in &mut waiting {
        connection.until_closed().await;
    }
    assert!(start.elapsed().as_millis() >= 900, "{:?}", start.elapsed());
    scene
        .until("the end of their time", |numbers| {
            numbers.closes("ns", "sign_in_timeout") == 7
        })
        .await;
    drop(waiting);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn being_busy_before_the_sign_in_wins_no_time() {
    let statements = ["@config limits.sign_in_secs 1"];
    let scene = Scene::start(&["mallory"], &statements).await;
    for command in [
        "INF 2\r\n",
        "CVR 2 0x0409 winnt 5.1 i386 MSMSGS 4.6.0073 MSMSGS\r\n",
        "USR 2 MD5 I mallory@example.com\r\n",
        "\r\n",
    ] {
        let mut connection = scene.at.connect(7).await;
        connection.send(b"VER 1 MSNP7 CVR0\r\n").await;
        connection.flood_and_read(&command.repeat(500)).await;
    }
    scene.finish().await;
}

async fn assert_closed(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(DEADLINE, stream.read(&mut byte)).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
}
