//! Whole evenings with the client libraries of others, in their own order and spelling
//! (`docs/protocol/24 §3`, `docs/protocol/25`).
//!
//! What a library is picky about is checked where it reads: how tokens are numbered, where an
//! answer ends, which prefix an element has. What others see of it is checked with friends who
//! speak other versions.

mod amsn;
mod libpurple;
mod msnp_sharp;
mod papyon;
mod web;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roxmltree::{Document, Node};

use self::web::{Call, Filing, Style, Token, Web, profile_handle, token_request};
use self::wire::Wire;
use crate::support::challenge::product_answer;
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, Person, chat, fixture};
use crate::support::player::Addresses;
use crate::support::server::TestServer;
use crate::support::soap::{self, ADDRESS_BOOK, Answer, escape};

const ALICE: &str = "alice@example.com";
/// The element that names the caller's own book.
const OWN_BOOK: &str = "<abId>00000000-0000-0000-0000-000000000000</abId>";
const RSI: &str = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi";
const STORE: &str = "http://messenger.live.com/ws/2006/09/oim/";
/// What its libraries answer challenges for.
const PRODUCT: &str = "PROD0119GSJUC$18";

/// Alice, who uses the library; Bob, who is a friend of hers in a group; Carol and Dave, who are
/// not.
async fn server() -> TestServer {
    let statements = [
        "@group alice Friends",
        "@contact alice bob FL AL group=Friends",
        "@contact bob alice FL AL",
    ];
    TestServer::start(&fixture(&["alice", "bob", "carol", "dave"], &statements))
        .await
        .unwrap()
}

/// A message that a person could have typed.
fn typed(text: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
         X-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; PF=0; RL=0\r\n\r\n{text}"
    )
}

/// A message for somebody who is not there, as the content of `Store2`.
fn letter(text: &str, number: u32) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\
         Content-Transfer-Encoding: base64\nX-OIM-Message-Type: OfflineMessage\n\
         X-OIM-Run-Id: {{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}}\n\
         X-OIM-Sequence-Num: {number}\n\n{}\n",
        BASE64.encode(text)
    )
}

/// Leaves a message for somebody who is not there, with the answer to one challenge at most.
async fn leave_message(web: &mut Web, token: &Token, build: (&str, &str), to: &str, text: &str) {
    let (version, build) = build;
    let mut lock_key = String::new();
    for _ in 0..2 {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
             <From memberName=\"{ALICE}\" friendlyName=\"=?utf-8?B?YWxpY2U=?=\" xml:lang=\"en-US\" \
             proxy=\"MSNMSGR\" xmlns=\"{STORE}\" msnpVer=\"{version}\" buildVer=\"{build}\"/>\
             <To memberName=\"{to}\" xmlns=\"{STORE}\"/><Ticket passport=\"{}\" \
             appid=\"{PRODUCT}\" lockkey=\"{lock_key}\" xmlns=\"{STORE}\"/>\
             <Sequence xmlns=\"http://schemas.xmlsoap.org/ws/2003/03/rm\">\
             <Identifier xmlns=\"http://schemas.xmlsoap.org/ws/2002/07/utility\">\
             http://messenger.msn.com</Identifier><MessageNumber>1</MessageNumber></Sequence>\
             </soap:Header><soap:Body><MessageType xmlns=\"{STORE}\">text</MessageType>\
             <Content xmlns=\"{STORE}\">{}</Content></soap:Body></soap:Envelope>",
            escape(&token.ticket),
            letter(text, 1)
        );
        let action = format!("{STORE}Store2");
        let answer = web
            .post("ows.messenger.msn.com", "/OimWS/oim.asmx", &action, &body)
            .await;
        let Some(challenge) = answer.text("LockKeyChallenge") else {
            assert_eq!(answer.fault(), None, "{answer:?}");
            assert_eq!(answer.count("PointsConsumed"), 1, "{answer:?}");
            return;
        };
        lock_key = product_answer(challenge.as_bytes(), PRODUCT).unwrap();
    }
    panic!("the right answer is challenged again");
}

/// Calls an operation on the messages that wait.
async fn messages(web: &mut Web, token: &Token, operation: &str, inner: &str) -> Answer {
    let body = format!(
        "<soap:Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
         <PassportCookie xmlns=\"{RSI}\"><t>{}</t><p></p></PassportCookie></soap:Header>\
         <soap:Body><{operation} xmlns=\"{RSI}\">{inner}</{operation}></soap:Body></soap:Envelope>",
        token.bare()
    );
    let action = format!("{RSI}/{operation}");
    let answer = web
        .post("rsi.hotmail.com", "/rsi/rsi.asmx", &action, &body)
        .await;
    passed(answer)
}

/// Fetches the one message that waits and deletes it, as the notice of the sign-in names it.
async fn fetch_message(web: &mut Web, token: &Token, notice: &str) -> String {
    let start = notice.split_once("<I>").map(|(_, rest)| rest);
    // The first such element counts mail.
    let id = start
        .and_then(|rest| rest.rsplit_once("<I>"))
        .and_then(|(_, rest)| rest.split_once("</I>"))
        .map_or_else(|| panic!("no message in {notice}"), |(id, _)| id);
    let inner = format!("<messageId>{id}</messageId><alsoMarkAsRead>false</alsoMarkAsRead>");
    let answer = messages(web, token, "GetMessage", &inner).await;
    let mail = answer.text("GetMessageResult").unwrap();
    let inner = format!("<messageIds><messageId>{id}</messageId></messageIds>");
    messages(web, token, "DeleteMessages", &inner).await;
    let left = messages(web, token, "GetMetadata", "").await;
    assert_eq!(left.count("M"), 0, "{left:?}");
    let (head, body) = mail.split_once("\n\n").unwrap();
    for field in [
        "From",
        "Date",
        "Content-Type",
        "X-OIM-Run-Id",
        "X-OIM-Sequence-Num",
    ] {
        assert!(head.contains(&format!("\n{field}: ")), "{head}");
    }
    let text: String = body.split_whitespace().collect();
    String::from_utf8(BASE64.decode(text).unwrap()).unwrap()
}

/// An answer that has to be a success.
#[track_caller]
fn passed(answer: Answer) -> Answer {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.fault(), None, "{answer:?}");
    answer
}

/// One account or number on a list.
fn membership(role: &str, state: &str, who: &str) -> String {
    format!(
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>\
         <memberships><Membership><MemberRole>{role}</MemberRole><Members>\
         <Member xsi:type=\"PassportMember\"><Type>Passport</Type><State>{state}</State>{who}\
         </Member></Members></Membership></memberships>"
    )
}

fn account(name: &str) -> String {
    format!("<PassportName>{name}@example.com</PassportName>")
}

/// What a list shows of everybody on it, by their addresses.
fn members(answer: &Answer, role: &str) -> BTreeMap<String, String> {
    let document = Document::parse(&answer.body).unwrap();
    let text = |node: Node<'_, '_>, name: &str| {
        let mut inner = node.descendants();
        let found = inner.find(|inner| inner.tag_name().name() == name)?;
        Some(found.text().unwrap_or_default().to_owned())
    };
    // A library reads the type of the service before its members, and of each member a type too.
    let service = document
        .descendants()
        .filter(|node| node.tag_name().name() == "Service")
        .find(|node| {
            let handle = node
                .descendants()
                .find(|node| node.tag_name().name() == "Handle");
            handle.is_some_and(|handle| text(handle, "Type").as_deref() == Some("Messenger"))
        });
    let list = service.unwrap().descendants().find(|node| {
        node.tag_name().name() == "Membership" && text(*node, "MemberRole").as_deref() == Some(role)
    });
    list.map_or_else(BTreeMap::new, |list| {
        list.descendants()
            .filter(|node| node.tag_name().name() == "Member")
            .filter(|node| text(*node, "Deleted").as_deref() == Some("false"))
            // Circles are on the list too, and have no number.
            .filter(|node| text(*node, "CircleId").is_none())
            .map(|node| {
                assert!(node.attributes().any(|one| one.name() == "type"));
                let number = text(node, "MembershipId").unwrap();
                assert!(number.parse::<u32>().is_ok(), "{number}");
                (text(node, "PassportName").unwrap(), number)
            })
            .collect()
    })
}

/// Whether these are the people on a list.
#[track_caller]
fn are_on(answer: &Answer, role: &str, names: &[&str]) {
    let found: Vec<String> = members(answer, role).into_keys().collect();
    let expected: Vec<String> = names
        .iter()
        .map(|name| format!("{name}@example.com"))
        .collect();
    assert_eq!(found, expected, "{role}");
}

/// The text of an element inside of somebody's contact.
fn of_contact(answer: &Answer, name: &str, wanted: &str) -> Option<String> {
    let address = format!("{name}@example.com");
    answer.of("Contact", "passportName", &address, wanted)
}

/// What an answer says, without what is new with each.
fn steady(answer: &Answer) -> String {
    let payload = answer.payload().unwrap();
    match payload.split_once("<CircleTicket>") {
        Some((before, rest)) => {
            let (_, after) = rest.split_once("</CircleTicket>").unwrap();
            format!("{before}{after}")
        }
        None => payload,
    }
}

/// One message each way in a room that the library opens, and a call the other way round.
async fn talk(ns: &mut Wire, me: &str, bob: &mut Person) {
    let mut room = ns.room(me).await;
    let call = room.ask("CAL", "bob@example.com").await;
    assert!(call.line.starts_with(b"CAL 2 RINGING "), "{call:?}");
    let ring = bob.rings().await;
    let mut seat = bob.answer(&ring, None).await;
    room.line.until("JOI bob@example.com").await;
    let hello = typed("Are you there?");
    room.say(&hello).await;
    let heard = seat.sb.until("MSG alice@example.com ").await;
    assert_eq!(printable(&heard.payload), printable(hello.as_bytes()));
    seat.say("N", &chat("I am")).await;
    let heard = room.line.until("MSG bob@example.com ").await;
    assert_eq!(heard.payload, chat("I am"));
    room.leave().await;
    seat.sb.until("BYE alice@example.com").await;
    seat.leave().await;
    let mut seat = bob.open_room().await;
    let trid = seat.trid();
    let call = format!("CAL {trid} {ALICE}");
    seat.sb.ask(&call, &format!("CAL {trid} RINGING ")).await;
    let room = ns.called(me).await;
    seat.sb.until("JOI alice@example.com").await;
    seat.leave().await;
    drop(room);
}

/// What somebody hears of Alice's list.
#[derive(Debug, Clone, Copy)]
enum News {
    Added,
    Removed,
}

/// Reads up to the news that Alice added or removed somebody.
async fn hears(person: &mut Person, news: News) {
    let start = match (news, person.dialect) {
        (News::Added, ..10) => "ADD 0 RL",
        (News::Added, 10..13) => "ADC 0 RL",
        (News::Added, _) => "ADL 0 ",
        (News::Removed, ..13) => "REM 0 RL",
        (News::Removed, _) => "RML 0 ",
    };
    let told = person.ns.until(start).await.describe();
    assert!(told.contains("alice"), "{told}");
}

/// Somebody adds Alice, in the way of their version.
async fn adds_alice(person: &mut Person) {
    let ns = &mut person.ns;
    match person.dialect {
        ..10 => {
            ns.ask("ADD 90 AL alice@example.com Alice", "ADD 90 AL")
                .await;
            ns.ask("ADD 91 FL alice@example.com Alice", "ADD 91 FL")
                .await;
        }
        10..13 => {
            ns.ask("ADC 90 AL N=alice@example.com", "ADC 90 AL").await;
            ns.ask("ADC 91 FL N=alice@example.com F=Alice", "ADC 91 FL")
                .await;
        }
        _ => {
            let list = "<ml><d n=\"example.com\"><c n=\"alice\" l=\"3\" t=\"1\"/></d></ml>";
            ns.send(format!("ADL 91 {}\r\n{list}", list.len()).as_bytes())
                .await;
            ns.until("ADL 91 OK").await;
        }
    }
}

/// Somebody else at the web services, who uses no library.
struct WebOf {
    http: SocketAddr,
    ticket: String,
}

impl WebOf {
    async fn new(at: Addresses, name: &str) -> Self {
        let address = format!("{name}@example.com");
        let ticket = soap::token(at.http, &address, PASSWORD, "messenger.msn.com");
        Self {
            http: at.http,
            ticket: ticket.await.unwrap(),
        }
    }

    async fn rsi(&self, operation: &str, inner: &str) -> Answer {
        let (token, _) = self.ticket[2..].split_once('&').unwrap();
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
             <PassportCookie xmlns=\"{RSI}\"><t>{token}</t><p></p></PassportCookie></s:Header>\
             <s:Body><{operation} xmlns=\"{RSI}\">{inner}</{operation}></s:Body></s:Envelope>"
        );
        let answer = soap::post(self.http, "/rsi/rsi.asmx", "", body.as_bytes());
        passed(answer.await.unwrap())
    }

    /// Takes the messages that wait: who they are from, and what they say.
    async fn waiting(&self) -> Vec<(String, String)> {
        let listed = self.rsi("GetMetadata", "").await;
        let mut all = Vec::new();
        for (id, from) in listed.texts("I").iter().zip(listed.texts("E")) {
            let id = format!("<messageId>{id}</messageId>");
            let wish = format!("{id}<alsoMarkAsRead>true</alsoMarkAsRead>");
            let mail = self.rsi("GetMessage", &wish).await;
            let mail = mail.text("GetMessageResult").unwrap();
            let (_, text) = mail.split_once("\n\n").unwrap();
            let text: String = text.split_whitespace().collect();
            let text = String::from_utf8(BASE64.decode(text).unwrap()).unwrap();
            all.push((from, text));
            self.rsi("DeleteMessages", &format!("<messageIds>{id}</messageIds>"))
                .await;
        }
        all
    }

    /// Leaves a message.
    async fn leave(&self, to: &str, text: &str) {
        let style = Style {
            agent: "test",
            keeps_connections: false,
            quotes_actions: true,
            asks_first: false,
            slash: "",
            application: "",
            gap: "",
        };
        let mut web = Web::new(self.http, style);
        let token = Token {
            ticket: self.ticket.clone(),
            key: String::new(),
        };
        leave_message(&mut web, &token, ("MSNP15", "8.5.1302"), to, text).await;
    }
}
