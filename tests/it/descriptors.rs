//! Too few files and sockets: what the server says, and what it goes on doing.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::child::{ChildServer, folder};
use crate::support::client::Connection;
use crate::support::numbers::Numbers;
use crate::support::people::{Person, Seat, chat};

/// Far longer than accepting takes on a busy machine is nothing that can be waited for, so whether
/// somebody is let in is told by what they are answered; this is only for who is not.
const UNANSWERED: Duration = Duration::from_millis(300);

async fn room(server: &ChildServer) -> (Person, Person, Seat, Seat) {
    let mut olive = server.at.sign_in("olive", 7).await;
    let mut peter = server.at.sign_in("peter", 12).await;
    let mut seat = olive.open_room().await;
    let other = peter.join(&mut seat).await;
    (olive, peter, seat, other)
}

async fn talk((one, other): (&mut Seat, &mut Seat), text: &str) {
    one.say("U", &chat(text)).await;
    other.hears("olive", &chat(text)).await;
    other.say("U", &chat(text)).await;
    one.hears("peter", &chat(text)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_few_descriptors_fewer_connections_are_taken_and_that_is_said() {
    let folder = folder(&["olive", "peter", "wendy"]);
    let server = ChildServer::start_with_handles(folder.path(), "", 128).await;
    let log = server.log();
    assert!(log.contains("too few file descriptors"), "{log}");
    assert!(log.contains("LimitNOFILE"), "{log}");
    let (olive, peter, mut one, mut other) = room(&server).await;
    // Of 128 there are 48 for connections, 43 of them for clients; four are in use.
    let mut held: Vec<Connection> = Vec::new();
    for _ in 0..39 {
        let mut connection = server.at.connect(7).await;
        connection.ask("VER 1 MSNP7 CVR0", "VER 1 MSNP7").await;
        held.push(connection);
    }
    let mut waiting = server.at.connect(7).await;
    waiting.send(b"VER 1 MSNP7 CVR0\r\n").await;
    let numbers = Numbers::until(server.ops, "a full house", |numbers| {
        numbers.limited("connections") > 0
    });
    let numbers = numbers.await;
    assert_eq!(numbers.get("chrysalis_descriptor_limit"), 128);
    assert!(numbers.get("chrysalis_open_descriptors") < 128);
    assert_eq!(numbers.get("chrysalis_accept_failures_total"), 0);
    talk((&mut one, &mut other), "nothing of that is noticed here").await;
    held.truncate(1);
    waiting.expect("VER 1 MSNP7").await;
    drop((olive, peter, held));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_accepting_waits_and_goes_on() {
    let folder = folder(&["olive", "peter", "wendy"]);
    let mut server = ChildServer::start(folder.path(), "").await;
    let (olive, peter, mut one, mut other) = room(&server).await;
    // As few as are open now; at once there may be one more of a moment ago.
    server.limit_handles(Some(server.handles() as u64));
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(TcpStream::connect(server.at.msnp).await.unwrap());
    }
    server.until_logged("cannot accept connections").await;
    talk((&mut one, &mut other), "who is here stays").await;
    let mut late = TcpStream::connect(server.at.msnp).await.unwrap();
    assert!(timeout(UNANSWERED, late.read_u8()).await.is_err());
    talk((&mut one, &mut other), "and can talk").await;
    drop((crowd, late));
    server.limit_handles(None);
    // It goes on by itself, and everybody can come.
    let wendy = server.at.sign_in("wendy", 12).await;
    let numbers = Numbers::read(server.ops).await;
    assert!(numbers.get("chrysalis_accept_failures_total") > 0);
    assert!(numbers.limited("descriptors") > 0);
    talk((&mut one, &mut other), "as before").await;
    drop((olive, peter, one, other, wendy));
    server.signal("TERM");
    assert!(server.ended().await.success());
}
