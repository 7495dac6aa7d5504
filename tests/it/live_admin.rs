//! The command line beside a running server: what it changes counts at once.

use crate::support::child::{self, ChildServer, add, folder};
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket};
use crate::support::people::{PASSWORD, Person};

/// Makes the two contacts of each other.
async fn befriend(one: &mut Person, other: &mut Person) {
    let addresses = [other.address(), one.address()];
    for (person, friend) in [one, other].into_iter().zip(addresses) {
        for list in ["AL", "FL"] {
            let trid = person.trid();
            let (command, answer) = if person.dialect < 10 {
                (
                    format!("ADD {trid} {list} {friend} {friend}"),
                    format!("ADD {trid} {list} "),
                )
            } else {
                let name = if list == "FL" { " F=x" } else { "" };
                (
                    format!("ADC {trid} {list} N={friend}{name}"),
                    format!("ADC {trid} {list} "),
                )
            };
            person.ns.ask(&command, &answer).await;
        }
        // What the addition shows of the other comes right behind it.
        person.ns.ask("PNG", "QNG").await;
    }
}

/// Whether an account can sign in by each of the two ways: a challenge and a ticket.
async fn can_sign_in(server: &ChildServer, name: &str, password: &str) -> (bool, bool) {
    let old = server.at.connect(7).await;
    let old = server.at.try_sign_in(old, name, password).await;
    let new = server.at.connect(12).await;
    let new = server.at.try_sign_in(new, name, password).await;
    (old.is_ok(), new.is_ok())
}

/// Signing in as Trent with this ticket has to end the connection.
async fn opens_nothing(server: &ChildServer, ticket: &str) {
    let mut connection = server.at.connect(12).await;
    connection.ask("VER 1 MSNP12 CVR0", "VER 1 ").await;
    connection
        .ask("USR 2 TWN I trent@example.com", "USR 2 TWN S ")
        .await;
    connection
        .ask(&format!("USR 3 TWN S {ticket}"), "911 3")
        .await;
    connection.until_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_is_signed_out_and_stays_out_until_it_is_enabled() {
    for dialect in [7, 12] {
        let folder = folder(&["trent", "wendy"]);
        let server = ChildServer::start(folder.path(), "").await;
        let mut wendy = server.at.sign_in("wendy", dialect).await;
        let mut trent = server.at.sign_in("trent", dialect).await;
        befriend(&mut wendy, &mut trent).await;
        let mut host = wendy.open_room().await;
        let mut seat = trent.join(&mut host).await;
        let ticket = fetch_ticket(server.at.http, "trent@example.com", PASSWORD, USUAL_POLICY);
        let Ok(Outcome::Ticket(ticket)) = ticket.await else {
            panic!("there is no ticket");
        };
        child::run(folder.path(), &["user", "disable", "trent@example.com"], "");
        // It happens within seconds: no frame may take longer.
        trent.ns.until("OUT").await;
        assert!(trent.ns.until_closed().await.is_empty());
        wendy.ns.until("FLN trent@example.com").await;
        seat.sb.until_closed().await;
        host.sb.until("BYE trent@example.com").await;
        assert_eq!(
            can_sign_in(&server, "trent", PASSWORD).await,
            (false, false)
        );
        // Nor with a ticket from before.
        opens_nothing(&server, &ticket).await;
        wendy.ns.expect_nothing().await;

        child::run(folder.path(), &["user", "enable", "trent@example.com"], "");
        assert_eq!(can_sign_in(&server, "trent", PASSWORD).await, (true, true));
        for _ in 0..2 {
            wendy.ns.until("NLN NLN trent@example.com ").await;
            wendy.ns.until("FLN trent@example.com").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_began_after_enabling_is_not_ended_by_the_disabling_before() {
    let folder = folder(&["trent"]);
    let server = ChildServer::start(folder.path(), "").await;
    for _ in 0..5 {
        child::run(folder.path(), &["user", "disable", "trent@example.com"], "");
        child::run(folder.path(), &["user", "enable", "trent@example.com"], "");
        let mut trent = server.at.sign_in("trent", 7).await;
        // What the command line did is looked at every second. Another account tells when.
        add(folder.path(), "herald");
        let mut herald = server.at.sign_in("herald", 7).await;
        child::run(
            folder.path(),
            &["user", "delete", "herald@example.com", "--yes"],
            "",
        );
        herald.ns.until_closed().await;
        trent.ns.expect_nothing().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_is_signed_out_and_off_everybodys_list() {
    let folder = folder(&["wendy"]);
    let server = ChildServer::start(folder.path(), "").await;
    for dialect in [7, 12] {
        add(folder.path(), "trent");
        let mut wendy = server.at.sign_in("wendy", dialect).await;
        let mut trent = server.at.sign_in("trent", dialect).await;
        befriend(&mut wendy, &mut trent).await;
        let mut host = wendy.open_room().await;
        let mut seat = trent.join(&mut host).await;
        assert!(is_listed(&mut wendy).await);
        let delete = ["user", "delete", "trent@example.com", "--yes"];
        child::run(folder.path(), &delete, "");
        trent.ns.until("OUT").await;
        trent.ns.until_closed().await;
        wendy.ns.until("FLN trent@example.com").await;
        seat.sb.until_closed().await;
        host.sb.until("BYE trent@example.com").await;
        assert!(!is_listed(&mut wendy).await);
        assert_eq!(
            can_sign_in(&server, "trent", PASSWORD).await,
            (false, false)
        );
        let trid = host.trid();
        let call = format!("CAL {trid} trent@example.com");
        host.sb.ask(&call, &format!("217 {trid}")).await;
        // Who gets the address next is somebody else, and a stranger to Wendy.
        add(folder.path(), "trent");
        drop(server.at.sign_in("trent", dialect).await);
        assert!(!is_listed(&mut wendy).await);
        child::run(folder.path(), &delete, "");
    }
}

/// Whether Trent is on any list that is downloaded now.
async fn is_listed(person: &mut Person) -> bool {
    let stamps = if person.dialect < 10 { "0" } else { "0 0" };
    let command = format!("SYN {} {stamps}\r\nPNG\r\n", person.trid());
    person.ns.send(command.as_bytes()).await;
    let mut is_listed = false;
    loop {
        let frame = person.ns.until("").await;
        if frame.line.starts_with(b"QNG") {
            return is_listed;
        }
        let is_about_trent = String::from_utf8_lossy(&frame.line).contains("trent@example.com");
        is_listed |= frame.line.starts_with(b"LST ") && is_about_trent;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_counts_at_once_for_every_way_to_sign_in() {
    let folder = folder(&["trent"]);
    let server = ChildServer::start(folder.path(), "").await;
    let passwd = |password: &str, more: &[&str]| {
        let arguments = ["user", "passwd", "trent@example.com", "--password-stdin"];
        child::run(folder.path(), &[&arguments, more].concat(), password);
    };
    let ticket = fetch_ticket(server.at.http, "trent@example.com", PASSWORD, USUAL_POLICY);
    let Ok(Outcome::Ticket(ticket)) = ticket.await else {
        panic!("there is no ticket");
    };
    passwd("another-1", &[]);
    assert_eq!(
        can_sign_in(&server, "trent", PASSWORD).await,
        (false, false)
    );
    assert_eq!(
        can_sign_in(&server, "trent", "another-1").await,
        (true, true)
    );
    // A ticket from before opens nothing any more.
    opens_nothing(&server, &ticket).await;
    passwd("another-2", &["--no-legacy"]);
    assert_eq!(
        can_sign_in(&server, "trent", "another-2").await,
        (false, true)
    );
    passwd("another-3", &["--legacy"]);
    assert_eq!(
        can_sign_in(&server, "trent", "another-3").await,
        (true, true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_account_can_be_used_at_once() {
    let folder = folder(&["wendy"]);
    let server = ChildServer::start(folder.path(), "").await;
    let mut wendy = server.at.sign_in("wendy", 12).await;
    assert_eq!(
        can_sign_in(&server, "trent", PASSWORD).await,
        (false, false)
    );
    add(folder.path(), "trent");
    assert_eq!(can_sign_in(&server, "trent", PASSWORD).await, (true, true));
    let mut trent = server.at.sign_in("trent", 2).await;
    befriend(&mut wendy, &mut trent).await;
    trent.set_status("BSY").await;
    wendy.ns.until("NLN BSY trent@example.com ").await;
    let mut seat = wendy.open_room().await;
    trent.join(&mut seat).await.leave().await;
}
