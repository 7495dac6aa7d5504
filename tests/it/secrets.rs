//! What the log says, and what it never says, however much is asked of it: an evening with every
//! way to sign in, and then a search for everything that nobody else may know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::support::challenge::password_answer;
use crate::support::child::{ChildServer, folder};
use crate::support::client::Connection;
use crate::support::offline::{OfflineClient, letter};
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket, request};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, chat};
use crate::support::single_sign_on;
use crate::support::soap::{CONTACTS, WebClient, post, token_request};
use crate::support::web::Browser;

const SETTINGS: &str = "log.filter = \"trace\"\nlog.format = \"json\"\n\
                        limits.database_mib = 100\n";
const RITA: &str = "rita@example.com";
const FIRST: &str = "Rita-had-this-1";
const SECOND: &str = "Rita-has-this-2";
const WRONG: &str = "Nobody-had-this-3";
const SAID: &str = "said-in-a-room-4711";
const LEFT: &str = "left-for-later-4712";
const SHOWN: &str = "shown-beside-the-name-4713";

/// What was secret in that evening, each with a word for what it is.
#[derive(Debug, Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 8, "{what} can be in any text: {secret:?}");
        self.0.push((what, secret.to_owned()));
    }

    /// The last field of a frame.
    fn keep_last(&mut self, what: &'static str, frame: &crate::support::client::Frame) -> String {
        let last = printable(frame.fields().last().copied().unwrap());
        self.keep(what, &last);
        last
    }

    /// Every spelling in which one could come up.
    fn spellings(&self) -> Vec<(&'static str, String)> {
        let spell = |(what, secret): &(&'static str, String)| {
            let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            let bytes = format!("{:?}", secret.as_bytes());
            [secret.clone(), encoded, hex, BASE64.encode(secret), bytes].map(|it| (*what, it))
        };
        self.0.iter().flat_map(spell).collect()
    }
}

async fn version(server: &ChildServer, dialect: u8, name: &str) -> Connection {
    let mut ns = server.at.connect(dialect).await;
    ns.ask(&format!("VER 1 MSNP{dialect} CVR0"), "VER 1 ").await;
    if dialect >= 8 {
        let build = format!("0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 MSMSGS {name}@example.com");
        ns.ask(&format!("CVR 2 {build}"), "CVR 2 ").await;
    }
    ns
}

/// Signs in by a challenge, first with a wrong password.
async fn by_challenge(server: &ChildServer, secrets: &mut Secrets) -> Connection {
    for (password, answer) in [(WRONG, "911 4"), (PASSWORD, "USR 4 OK")] {
        let mut ns = version(server, 7, "olive").await;
        let question = ns
            .ask("USR 3 MD5 I olive@example.com", "USR 3 MD5 S ")
            .await;
        let challenge = question.fields().last().copied().unwrap().to_vec();
        let proof = password_answer(&challenge, password.as_bytes());
        secrets.keep("an answer to a challenge", &proof);
        ns.ask(&format!("USR 4 MD5 S {proof}"), answer).await;
        if password == PASSWORD {
            ns.ask("CHG 5 NLN", "CHG 5 NLN").await;
            return ns;
        }
    }
    unreachable!("the second one is right")
}

async fn by_ticket(server: &ChildServer, secrets: &mut Secrets) -> Connection {
    let (http, peter) = (server.at.http, "peter@example.com");
    let refused = fetch_ticket(http, peter, WRONG, USUAL_POLICY).await;
    assert_eq!(refused, Ok(Outcome::Refused));
    let mut ns = version(server, 12, "peter").await;
    let policy = ns
        .ask(&format!("USR 3 TWN I {peter}"), "USR 3 TWN S ")
        .await;
    let policy = printable(policy.fields().last().copied().unwrap());
    let Ok(Outcome::Ticket(ticket)) = fetch_ticket(http, peter, PASSWORD, &policy).await else {
        panic!("no ticket");
    };
    secrets.keep("a ticket", token(&ticket));
    ns.ask(&format!("USR 4 TWN S {ticket}"), "USR 4 OK").await;
    let list = format!("UUX 5 {}\r\n{}", data().len(), data());
    ns.send(list.as_bytes()).await;
    ns.until("UUX 5 0").await;
    ns.ask("CHG 6 NLN 0", "CHG 6 NLN").await;
    ns
}

fn data() -> String {
    format!("<Data><PSM>{SHOWN}</PSM><CurrentMedia></CurrentMedia></Data>")
}

/// The part of a ticket that opens anything.
fn token(wire: &str) -> &str {
    let bare = wire.strip_prefix("t=").unwrap_or(wire);
    bare.split('&').next().unwrap_or_default()
}

async fn by_single_sign_on(server: &ChildServer, secrets: &mut Secrets) -> Connection {
    let (http, wendy) = (server.at.http, "wendy@example.com");
    let wrong = token_request(wendy, WRONG, &[(CONTACTS, "MBI")]);
    let refused = post(http, "/RST.srf", "", wrong.as_bytes()).await;
    assert!(refused.unwrap().fault().is_some());
    let mut ns = version(server, 18, "wendy").await;
    let question = ns
        .ask(&format!("USR 3 SSO I {wendy}"), "USR 3 SSO S ")
        .await;
    let nonce = question.fields().last().copied().unwrap().to_vec();
    let service = single_sign_on::MESSENGER;
    let granted = single_sign_on::fetch(http, wendy, PASSWORD, service).await;
    let Ok(single_sign_on::Outcome::Granted { ticket, key }) = granted else {
        panic!("no ticket");
    };
    secrets.keep("a ticket of the token service", token(&ticket));
    secrets.keep("the key of a ticket", &key);
    let proof = single_sign_on::signed_nonce(&nonce, key.as_bytes()).unwrap();
    secrets.keep("a signed nonce", &proof);
    let machine = "{11111111-2222-3333-4444-555555555555}";
    ns.ask(
        &format!("USR 4 SSO S {ticket} {proof} {machine}"),
        "USR 4 OK",
    )
    .await;
    let list = "<ml l=\"1\"></ml>";
    ns.send(format!("ADL 5 {}\r\n{list}", list.len()).as_bytes())
        .await;
    ns.until("ADL 5 OK").await;
    ns.ask("CHG 6 NLN 0:0", "CHG 6 NLN").await;
    ns
}

/// Registers, signs in at the pages, changes the password, and shows a picture.
async fn at_the_pages(server: &ChildServer, secrets: &mut Secrets) {
    let http = server.at.http;
    let mut browser = Browser::new(http);
    let form = [
        ("address", RITA),
        ("name", "Rita"),
        ("password", FIRST),
        ("again", FIRST),
    ];
    let made = browser.submit("/register", "/register", &form).await;
    assert_eq!(made.status, 303, "{}", made.text());
    keep_cookies(secrets, &made);
    let form = [("password", FIRST), ("new", SECOND), ("again", SECOND)];
    let page = "/account/password";
    let changed = browser.submit(page, page, &form).await;
    assert_eq!(
        changed.location().as_deref(),
        Some("/account?done=password")
    );
    keep_cookies(secrets, &changed);
    let mut other = Browser::new(http);
    assert_eq!(other.sign_in(RITA, WRONG).await.status, 403);
    let entered = other.sign_in(RITA, SECOND).await;
    assert_eq!(entered.status, 303);
    keep_cookies(secrets, &entered);
    let word = other.get("/account/password").await.word();
    secrets.keep("the word of a form", &word);
    let mut data = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::new(8, 8);
    picture
        .write_to(&mut data, image::ImageFormat::Png)
        .unwrap();
    let file = ("file", data.get_ref().as_slice());
    let shown = other
        .upload("/account/picture", &[("word", &word)], file)
        .await;
    assert_eq!(shown.status, 303, "{}", shown.text());
}

fn keep_cookies(secrets: &mut Secrets, page: &crate::support::web::Page) {
    let cookies = page.headers("set-cookie");
    let values = cookies.iter().filter_map(|cookie| {
        let (_, rest) = cookie.split_once('=')?;
        rest.split(';').next().filter(|value| !value.is_empty())
    });
    for value in values {
        secrets.keep("a cookie", value);
    }
}

/// Olive calls Peter and says something.
async fn talk(
    server: &ChildServer,
    secrets: &mut Secrets,
    (olive, peter): (&mut Connection, &mut Connection),
) {
    let referral = olive.ask("XFR 20 SB", "XFR 20 SB ").await;
    let key = secrets.keep_last("the ticket to a switchboard", &referral);
    let mut one = server.at.connect(7).await;
    one.ask(&format!("USR 1 olive@example.com {key}"), "USR 1 OK")
        .await;
    one.ask("CAL 2 peter@example.com", "CAL 2 RINGING ").await;
    let ring = peter.until("RNG ").await;
    let room = printable(ring.fields()[1]);
    let key = printable(ring.fields()[4]);
    secrets.keep("the ticket of a call", &key);
    let mut other = server.at.connect(12).await;
    let answer = format!("ANS 1 peter@example.com {key} {room}");
    other.ask(&answer, "ANS 1 OK").await;
    one.until("JOI ").await;
    let body = chat(SAID);
    one.send(&[format!("MSG 3 A {}\r\n", body.len()).as_bytes(), &body].concat())
        .await;
    one.until("ACK 3").await;
    other.until("MSG olive@example.com").await;
    drop((one, other));
}

/// Leaves a message for somebody, who reads it, and looks at the book over the web.
async fn over_the_web(server: &ChildServer, secrets: &mut Secrets) {
    let client = OfflineClient::unlocked(server.at, "peter").await;
    secrets.keep("a token for messages", &client.token);
    secrets.keep("a lock key", &client.lock_key);
    let sent = client.send(RITA, &letter(LEFT)).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    secrets.keep("a message on its way", &BASE64.encode(LEFT));
    let token = single_sign_on::fetch(server.at.http, RITA, SECOND, CONTACTS).await;
    assert!(matches!(token, Ok(single_sign_on::Outcome::Granted { .. })));
    let book = WebClient::sign_in(server.at.http, "peter@example.com", PASSWORD).await;
    let book = book.unwrap();
    secrets.keep("a token for contacts", self::token(&book.token));
    assert_eq!(book.sharing("FindMembership", "").await.status, 200);
    let forged = format!("{}x", self::token(&book.token));
    let forged = WebClient {
        token: forged,
        ..book
    };
    assert_eq!(
        forged.sharing("FindMembership", "").await.refused(),
        "PassportAuthFail"
    );
    let bare = format!("GET /ppsecure/md5auth.srf?creds={SECOND} HTTP/1.1\r\nHost: a\r\n");
    request(server.at.http, &bare).await.unwrap();
}

/// Opens a session of the gateway, whose id is all it takes to go on with it.
async fn at_the_gateway(server: &ChildServer, secrets: &mut Secrets) {
    let path = "/gateway/gateway.dll?Action=open&Server=NS&IP=messenger.hotmail.com";
    let opened = post(server.at.http, path, "", b"VER 1 MSNP7 CVR0\r\n")
        .await
        .unwrap();
    let (_, id) = opened.head.split_once("SessionID=").unwrap();
    let id = id.split(';').next().unwrap().to_owned();
    let path = format!("/gateway/gateway.dll?Action=poll&SessionID={id}");
    post(server.at.http, &path, "", b"").await.unwrap();
    secrets.keep("a session of the gateway", &id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_is_logged_at_any_level_and_a_connection_says_whose_it_is() {
    let folder = folder(&["olive", "peter", "wendy"]);
    let mut server = ChildServer::start(folder.path(), SETTINGS).await;
    let mut secrets = Secrets::default();
    for (what, secret) in [
        ("a password", PASSWORD),
        ("a password", FIRST),
        ("a new password", SECOND),
        ("a wrong password", WRONG),
        ("what was said", SAID),
        ("what was left", LEFT),
        ("what was shown", SHOWN),
    ] {
        secrets.keep(what, secret);
    }
    let mut olive = by_challenge(&server, &mut secrets).await;
    let mut peter = by_ticket(&server, &mut secrets).await;
    let wendy = by_single_sign_on(&server, &mut secrets).await;
    befriend(&mut olive, &mut peter).await;
    at_the_pages(&server, &mut secrets).await;
    talk(&server, &mut secrets, (&mut olive, &mut peter)).await;
    over_the_web(&server, &mut secrets).await;
    at_the_gateway(&server, &mut secrets).await;
    drop((olive, peter, wendy));
    server.signal("TERM");
    assert!(server.ended().await.success());

    let log = server.log();
    let spellings = secrets.spellings();
    let mut leaks = Vec::new();
    for line in log.lines() {
        for (what, _) in spellings
            .iter()
            .filter(|(_, it)| line.contains(it.as_str()))
        {
            leaks.push(format!("{what}: {line}"));
        }
    }
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    // There was something to search: commands, requests and refusals are told at this level.
    for text in [
        "refused",
        "answered",
        "web service called",
        "sign-in failed",
    ] {
        let told = lines.iter().any(|line| line["message"] == text);
        assert!(told, "{text:?} is not in the log");
    }
    signed_in_spans(&lines);
}

/// Each of the three ways to sign in said who it was, and what they spoke, in the span of their
/// connection; and what happened there later says so too.
fn signed_in_spans(lines: &[Value]) {
    let of_message = |text: &'static str| {
        let found = lines.iter().filter(move |line| line["message"] == text);
        found.map(|line| line["span"].clone()).collect::<Vec<_>>()
    };
    let spans = of_message("signed in");
    let dialects: Vec<&str> = spans
        .iter()
        .filter_map(|span| span["dialect"].as_str())
        .collect();
    assert_eq!(dialects, ["MSNP7", "MSNP12", "MSNP18"]);
    for span in &spans {
        assert_eq!(span["name"], "connection");
        assert_eq!(span["role"], "ns");
        assert!(span["user"].is_i64() && span["conn"].is_u64(), "{span}");
        assert!(
            span["peer"]
                .as_str()
                .is_some_and(|peer| peer.starts_with("127.0.0.1:"))
        );
    }
    let ended = of_message("connection ended");
    for span in &spans {
        assert!(ended.contains(span), "{span} is not among the ends");
    }
    let in_rooms = ended.iter().filter(|span| span["role"] == "sb");
    let in_rooms = in_rooms.filter(|span| span["user"].is_i64() && span["room"].is_number());
    assert_eq!(in_rooms.count(), 2);
}

/// Puts Olive and Peter onto each other's lists.
async fn befriend(olive: &mut Connection, peter: &mut Connection) {
    for (trid, list) in [(10, "AL"), (11, "FL")] {
        let command = format!("ADD {trid} {list} peter@example.com peter@example.com");
        olive.ask(&command, &format!("ADD {trid} {list} ")).await;
        let name = if list == "FL" { " F=olive" } else { "" };
        let command = format!("ADC {trid} {list} N=olive@example.com{name}");
        peter.ask(&command, &format!("ADC {trid} {list} ")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_digests_of_tickets_and_passwords_are_kept() {
    let folder = folder(&["olive", "peter", "wendy"]);
    let mut server = ChildServer::start(folder.path(), "").await;
    let mut secrets = Secrets::default();
    secrets.keep("a password", PASSWORD);
    let peter = by_ticket(&server, &mut secrets).await;
    let wendy = by_single_sign_on(&server, &mut secrets).await;
    at_the_pages(&server, &mut secrets).await;
    secrets.keep("a password", FIRST);
    secrets.keep("a new password", SECOND);
    drop((peter, wendy));
    // With its log still beside it, as a thief would find it.
    server.kill();
    let data = folder.path().join("data");
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(data).unwrap() {
        kept.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(kept.windows(RITA.len()).any(|it| it == RITA.as_bytes()));
    for (what, secret) in secrets.spellings() {
        let is_kept = kept.windows(secret.len()).any(|it| it == secret.as_bytes());
        assert!(!is_kept, "{what} is in the database: {secret}");
    }
}
