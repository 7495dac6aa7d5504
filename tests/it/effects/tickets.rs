//! Tickets: what they open with and without a notification connection, and whose changes are no
//! news to whom.

use super::*;
use crate::soap::{adding, member, refused, start};
use crate::support::sign_in::{client_version, offer};
use crate::support::single_sign_on::{self, MESSENGER, Outcome, signed_nonce};

/// Signs in with a ticket that is kept for the web services.
async fn sign_in_with(
    server: &TestServer,
    (ticket, key): (&str, &str),
    machine: &str,
) -> Connection {
    let mut ns = server.addresses.connect(18).await;
    ns.ask(&format!("VER 1 {}", offer(18)), "VER 1 MSNP18")
        .await;
    let version = client_version(18);
    let build = format!("0x0409 winnt 6.0 i386 MSNMSGR {version} msmsgs alice@example.com");
    ns.ask(&format!("CVR 2 {build}"), "CVR 2 ").await;
    let asked = ns
        .ask("USR 3 SSO I alice@example.com", "USR 3 SSO S ")
        .await;
    let nonce = asked.fields().last().unwrap().to_vec();
    let proof = signed_nonce(&nonce, key.as_bytes()).unwrap();
    let line = format!("USR 4 SSO S {ticket} {proof} {{{machine}}}");
    ns.ask(&line, "USR 4 OK ").await;
    ns
}

async fn ticket(server: &TestServer, name: &str) -> (String, String) {
    let http = server.addresses.http;
    match single_sign_on::fetch(http, &address(name), PASSWORD, MESSENGER).await {
        Ok(Outcome::Granted { ticket, key }) => (ticket, key),
        other => panic!("{other:?}"),
    }
}

fn client(connection: Connection, dialect: u8) -> Client {
    Client {
        who: "alice".to_owned(),
        dialect,
        connection,
        next_id: 100,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_is_not_told_and_everybody_else_is() {
    use Word::{Book, OwnMessage, OwnName};
    let server = start(&["alice", "bob"], &[]).await;
    let (ticket, key) = ticket(&server, "alice").await;
    let asking = sign_in_with(&server, (&ticket, &key), LAPTOP).await;
    let mut asking = client(asking, 18);
    asking.asks("CHG", "NLN 2789003324:48 0", None).await;
    let web = Web {
        contacts: WebClient {
            http: server.addresses.http,
            token: ticket.clone(),
        },
        storage: ticket.clone(),
    };
    let message = |text: &str| {
        format!(
            "<profile><ExpressionProfile><DisplayName>{text}</DisplayName><PersonalStatus>{text}\
             </PersonalStatus></ExpressionProfile></profile>"
        )
    };
    // Alone, the place knows all that it did itself.
    web.storage("UpdateProfile", &message("one")).await;
    let bob = member("Allow", "bob@example.com");
    ok(web.contacts.sharing("AddMember", &bob).await);
    asking.hears("its own changes", &[]).await;

    let mut other = Client::sign_in(&server, "alice", 18, DESKTOP, Some("NLN")).await;
    asking.heard().await;
    other.heard().await;
    web.storage("UpdateProfile", &message("two")).await;
    let name = OwnName("alice", "two");
    let words = [name, Book, OwnMessage("alice", "two")];
    other.hears("the other place's changes", &words).await;
    // It is told what the two are together, and no name that it could take for another's.
    let words = [OwnMessage("alice", "one"), OwnMessage("alice", "two")];
    asking.hears("its own changes", &words).await;
    let bob = member("Block", "bob@example.com");
    ok(web.contacts.sharing("AddMember", &bob).await);
    asking.hears("its own block", &[]).await;
    other.hears("the other place's block", &[Book]).await;

    // The same by commands.
    asking.does("BLP", "BL", None).await;
    asking.hears("its own BLP", &[]).await;
    other.hears("BLP", &[Book]).await;
    let answer = asking.asks("PRP", "MFN three", None).await;
    let is_own = |line: &String| line.starts_with("PRP") || line.starts_with("UBX");
    assert!(answer.iter().all(is_own), "{answer:?}");
    other.hears("PRP", &[OwnName("alice", "three"), Book]).await;
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_the_web_before_during_and_after_a_connection() {
    let server = start(&["alice", "bob"], &[]).await;
    let (ticket, key) = ticket(&server, "alice").await;
    let web = WebClient {
        http: server.addresses.http,
        token: ticket.clone(),
    };
    ok(web.book("ABFindAll", OWN_BOOK).await);
    let mut ns = sign_in_with(&server, (&ticket, &key), LAPTOP).await;
    ok(web.book("ABContactAdd", &adding("bob@example.com")).await);
    ns.send(b"OUT\r\n").await;
    ns.until_closed().await;
    let bob = member("Block", "bob@example.com");
    ok(web.sharing("AddMember", &bob).await);
    assert_eq!(roles_in(&lists(&web).await, "bob"), "Block");
    // Somebody else's sign-in in between takes nothing away either.
    Client::sign_in(&server, "alice", 8, LAPTOP, Some("NLN")).await;
    ok(web.book("ABFindAll", OWN_BOOK).await);
    let forged = WebClient {
        token: ticket.replace("t=", "t=x"),
        ..web
    };
    let answer = forged.book("ABFindAll", OWN_BOOK).await;
    assert!(answer.fault().is_some(), "{answer:?}");
    refused(&answer, &answer.fault().unwrap());
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_by_the_web_alone_is_there_at_every_later_sign_in() {
    use crate::soap::{contact, contact_by_id, group_filter, group_named};
    let names = ["alice", "bob", "carol", "dave"];
    let server = start(&names, &["@contact dave alice FL AL"]).await;
    let web = Web::sign_in(&server, "alice").await;
    let bob = crate::soap::add(&web.contacts, "bob@example.com").await;
    let group = group_named("Friends");
    let group = ok(web.contacts.book("ABGroupAdd", &group).await);
    let group = group.text("guid").unwrap();
    let filling = group_filter(&group) + &contact_by_id(&bob);
    ok(web.contacts.book("ABGroupContactAdd", &filling).await);
    let carol = member("Block", "carol@example.com");
    ok(web.contacts.sharing("AddMember", &carol).await);
    for (setting, value) in [("MSN.IM.BLP", 2), ("MSN.IM.GTC", 2)] {
        let request = contact(&format!(
            "<contactInfo><contactType>Me</contactType><annotations><Annotation>\
             <Name>{setting}</Name><Value>{value}</Value></Annotation></annotations>\
             </contactInfo><propertiesChanged>Annotation</propertiesChanged>"
        ));
        ok(web.contacts.book("ABContactUpdate", &request).await);
    }
    let profile = "<profile><ExpressionProfile><DisplayName>Ally</DisplayName>\
                   </ExpressionProfile></profile>";
    web.storage("UpdateProfile", profile).await;

    for (dialect, stamps, wanted) in [
        (
            8,
            "0",
            [
                "GTC N",
                "BLP BL",
                "LSG 1 Friends 0",
                "LST bob@example.com * 3 1",
                "LST carol@example.com * 4",
                "LST dave@example.com * 8",
            ],
        ),
        (
            12,
            "0 0",
            [
                "GTC N",
                "BLP BL",
                "LSG Friends *",
                "LST N=bob@example.com F=* C=* 3 1 *",
                "LST N=carol@example.com * 4 1",
                "LST N=dave@example.com F=dave 16 1",
            ],
        ),
    ] {
        let mut alice = Client::sign_in(&server, "alice", dialect, LAPTOP, Some("NLN")).await;
        let book = alice.asks("SYN", stamps, None).await;
        for form in wanted {
            assert!(
                book.iter().any(|line| has_form(line, form)),
                "MSNP{dialect}: {form} is not in\n{}",
                book.join("\n")
            );
        }
    }
    assert!(server.stop().await);
}
