//! Messages for people who are not there, from the sender's web request to the recipient's, and
//! what the notification server says meanwhile (`docs/protocol/13 §1`).

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roxmltree::Document;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::challenge::product_answer;
use crate::support::client::Frame;
use crate::support::passport::{Outcome, USUAL_POLICY, fetch_ticket};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, fixture};
use crate::support::player::Addresses;
use crate::support::server::TestServer;
use crate::support::sign_in::{capabilities, sign_in};
use crate::support::transcript::{Link, SignIn};

const STORE2: &str = "http://messenger.live.com/ws/2006/09/oim/";
const STORE: &str = "http://messenger.msn.com/ws/2004/09/oim/";
const RSI: &str = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi";
const PRODUCT: &str = "PROD0119GSJUC$18";
const DEADLINE: Duration = Duration::from_secs(10);

/// An answer over HTTP.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// The text of the first element with this name.
    fn text(&self, name: &str) -> Option<String> {
        let document = Document::parse(&self.body).unwrap();
        let node = document
            .descendants()
            .find(|node| node.tag_name().name() == name)?;
        Some(node.text().unwrap_or_default().to_owned())
    }

    /// The code of a fault.
    #[track_caller]
    fn fault(&self) -> String {
        assert_eq!(self.status, 500, "{}", self.body);
        self.text("faultcode").unwrap()
    }

    /// The body with `id` and the time in it replaced, for a snapshot.
    fn steady(&self, id: &str, at: &str) -> String {
        self.body.replace(id, "ID").replace(at, "TIME")
    }
}

/// Somebody with a ticket.
struct Client {
    http: SocketAddr,
    /// The part of the ticket without `t=` and what follows it.
    token: String,
    lock_key: String,
}

impl Client {
    async fn of(at: Addresses, name: &str) -> Self {
        let address = format!("{name}@example.com");
        let ticket = fetch_ticket(at.http, &address, PASSWORD, USUAL_POLICY).await;
        let Ok(Outcome::Ticket(ticket)) = ticket else {
            panic!("no ticket for {name}: {ticket:?}");
        };
        let token = ticket.strip_prefix("t=").unwrap();
        Self {
            http: at.http,
            token: token.split('&').next().unwrap().to_owned(),
            lock_key: String::new(),
        }
    }

    /// The same with a lock key, fetched as clients do.
    async fn unlocked(at: Addresses, name: &str) -> Self {
        let mut client = Self::of(at, name).await;
        let challenged = client.send("nobody@example.com", &letter("x")).await;
        let challenge = challenged.text("LockKeyChallenge").unwrap();
        client.lock_key = product_answer(challenge.as_bytes(), PRODUCT).unwrap();
        client
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.http).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = timeout(DEADLINE, exchange).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body: body.to_owned(),
        }
    }

    async fn store(&self, namespace: &str, to: &str, content: &str) -> Answer {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
             <From memberName=\"mallory@example.com\" friendlyName=\"=?utf-8?B?QWxpY2U=?=\" \
             xml:lang=\"en-US\" proxy=\"MSNMSGR\" xmlns=\"{namespace}\" msnpVer=\"MSNP15\" \
             buildVer=\"8.5.1302\"/><To memberName=\"{to}\" xmlns=\"{namespace}\"/>\
             <Ticket passport=\"t={}&amp;p=\" appid=\"{PRODUCT}\" lockkey=\"{}\" \
             xmlns=\"{namespace}\"/>\
             <Sequence xmlns=\"http://schemas.xmlsoap.org/ws/2003/03/rm\">\
             <Identifier xmlns=\"http://schemas.xmlsoap.org/ws/2002/07/utility\">\
             http://messenger.msn.com</Identifier><MessageNumber>3</MessageNumber></Sequence>\
             </soap:Header><soap:Body><MessageType xmlns=\"{namespace}\">text</MessageType>\
             <Content xmlns=\"{namespace}\">{content}</Content></soap:Body></soap:Envelope>",
            self.token, self.lock_key
        );
        self.post("/OimWS/oim.asmx", &body).await
    }

    async fn send(&self, to: &str, content: &str) -> Answer {
        self.store(STORE2, to, content).await
    }

    async fn rsi(&self, operation: &str) -> Answer {
        let body = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <soap:Header><PassportCookie xmlns=\"{RSI}\"><t>{}</t><p></p></PassportCookie>\
             </soap:Header><soap:Body>{operation}</soap:Body></soap:Envelope>",
            self.token
        );
        self.post("//rsi/rsi.asmx", &body).await
    }

    async fn metadata(&self) -> Answer {
        self.rsi(&format!("<GetMetadata xmlns=\"{RSI}\" />")).await
    }

    async fn message(&self, id: &str, marks_read: bool) -> Answer {
        self.rsi(&format!(
            "<GetMessage xmlns=\"{RSI}\"><messageId>{id}</messageId>\
             <alsoMarkAsRead>{marks_read}</alsoMarkAsRead></GetMessage>"
        ))
        .await
    }

    async fn delete(&self, ids: &[&str]) -> Answer {
        let ids: String = ids
            .iter()
            .map(|id| format!("<messageId>{id}</messageId>"))
            .collect();
        self.rsi(&format!(
            "<DeleteMessages xmlns=\"{RSI}\"><messageIds>{ids}</messageIds></DeleteMessages>"
        ))
        .await
    }
}

/// What a client puts into `Content`.
fn letter(text: &str) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\
         Content-Transfer-Encoding: base64\nX-OIM-Message-Type: OfflineMessage\n\
         X-OIM-Run-Id: {{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}}\nX-OIM-Sequence-Num: 3\n\n{}\n",
        BASE64.encode(text)
    )
}

async fn server(statements: &[&str]) -> TestServer {
    let fixture = fixture(&["alice", "bob", "carol"], statements);
    TestServer::start(&fixture).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_from_a_challenged_sender_to_its_recipient_and_away() {
    let server = server(&[]).await;
    let mut alice = Client::of(server.addresses, "alice").await;
    let challenged = alice.send("bob@example.com", &letter("Hello Bob")).await;
    assert_eq!(challenged.fault(), "q0:AuthenticationFailed");
    let challenge = challenged.text("LockKeyChallenge").unwrap();
    insta::assert_snapshot!(
        "challenge",
        challenged.body.replace(&challenge, "1850937852")
    );
    alice.lock_key = product_answer(challenge.as_bytes(), PRODUCT).unwrap();
    let stored = alice.send("bob@example.com", &letter("Hello Bob")).await;
    assert_eq!(stored.status, 200);
    insta::assert_snapshot!("store2", stored.body);

    let bob = Client::of(server.addresses, "bob").await;
    let metadata = bob.metadata().await;
    assert_eq!(metadata.status, 200);
    let id = metadata.text("I").unwrap();
    let at = metadata.text("RT").unwrap();
    // Who it is from is said by the token, not by the request.
    assert_eq!(metadata.text("E").unwrap(), "alice@example.com");
    insta::assert_snapshot!("get_metadata", metadata.steady(&id, &at));
    let carol = Client::of(server.addresses, "carol").await;
    assert_eq!(
        carol.message(&id, true).await.fault(),
        "q0:SystemUnavailable"
    );
    assert_eq!(carol.delete(&[&id]).await.status, 200);

    let message = bob.message(&id, true).await;
    assert_eq!(message.status, 200);
    let letter = message.text("GetMessageResult").unwrap();
    let (head, body) = letter.split_once("\n\n").unwrap();
    assert_eq!(body, "SGVsbG8gQm9i\n");
    assert!(head.contains("From: =?utf-8?B?QWxpY2U=?= <alice@example.com>\n"));
    let moving = ["Received", "X-OriginalArrivalTime", "Date"];
    let steady: Vec<&str> = message
        .body
        .lines()
        .filter(|line| !moving.iter().any(|name| line.starts_with(name)))
        .collect();
    insta::assert_snapshot!("get_message", steady.join("\n").replace(&id, "ID"));
    let size: usize = metadata.text("SZ").unwrap().parse().unwrap();
    assert_eq!(letter.len(), size);
    assert_eq!(bob.metadata().await.text("RS").unwrap(), "1");

    let deleted = bob.delete(&["none", &id]).await;
    assert_eq!(deleted.status, 200);
    insta::assert_snapshot!("delete_messages", deleted.body);
    assert_eq!(bob.metadata().await.text("I"), None);
    assert_eq!(
        bob.message(&id, false).await.fault(),
        "q0:SystemUnavailable"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_form_is_answered_in_its_own_namespace() {
    let server = server(&[]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    let letter = letter("Hello");
    let stored = alice.store(STORE, "bob@example.com", &letter).await;
    assert_eq!(stored.status, 200);
    insta::assert_snapshot!("store", stored.body);
    let refused = alice.store(STORE, "nobody@example.com", &letter).await;
    assert_eq!(refused.fault(), "q0:SystemUnavailable");
    assert!(refused.body.contains(&format!("xmlns:q0=\"{STORE}\"")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_refused_without_another_challenge() {
    let server = server(&[]).await;
    let mut alice = Client::unlocked(server.addresses, "alice").await;
    let key_of_alice = std::mem::replace(&mut alice.lock_key, "0".repeat(32));
    let refused = alice.send("bob@example.com", &letter("x")).await;
    assert_eq!(refused.fault(), "q0:AuthenticationFailed");
    assert_eq!(refused.text("LockKeyChallenge"), None);
    insta::assert_snapshot!("wrong_key", refused.body);
    let mut carol = Client::of(server.addresses, "carol").await;
    carol.lock_key = key_of_alice;
    let refused = carol.send("bob@example.com", &letter("x")).await;
    assert_eq!(refused.fault(), "q0:AuthenticationFailed");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_cannot_tell_a_block_from_nobody() {
    let server = server(&["@contact bob alice BL"]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    let blocked = alice.send("bob@example.com", &letter("x")).await;
    let unknown = alice.send("nobody@example.com", &letter("x")).await;
    let malformed = alice.send("no address", &letter("x")).await;
    assert_eq!(blocked.fault(), "q0:SystemUnavailable");
    assert_eq!(blocked.body, unknown.body);
    assert_eq!(blocked.body, malformed.body);
    insta::assert_snapshot!("unavailable", blocked.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_refused() {
    let server = server(&["@config limits.offline_message_bytes 8"]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    for content in [
        String::new(),
        "Hello".to_owned(),
        letter(""),
        letter("123456789"),
        letter("x").replace("text/plain", "text/html"),
        letter("x").replace("eA==", "*"),
        letter("x").replace("base64", "x-unknown"),
        format!("<b/>{}", letter("x")),
    ] {
        let refused = alice.send("bob@example.com", &content).await;
        assert_eq!(refused.fault(), "q0:InvalidContent", "{content}");
    }
    let path = "/OimWS/oim.asmx";
    for body in ["", "x", "<Envelope><Body/></Envelope>", "<!DOCTYPE a><a/>"] {
        assert!(alice.post(path, body).await.status == 500, "{body}");
    }
    let bob = Client::of(server.addresses, "bob").await;
    for operation in [
        "<GetMessage/>",
        "<GetMessage><messageId>../1</messageId></GetMessage>",
        "<DeleteMessages/>",
        "<Other/>",
    ] {
        bob.rsi(operation).await.fault();
    }
    let many = "<messageId>2b9d6f32-7f0e-4d27-9a5e-7c8a0d3f1e11</messageId>".repeat(1_001);
    let many = format!("<DeleteMessages><messageIds>{many}</messageIds></DeleteMessages>");
    assert_eq!(bob.rsi(&many).await.fault(), "q0:InvalidContent");
    assert_eq!(bob.metadata().await.text("I"), None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_there_is_nothing() {
    let server = server(&[]).await;
    let mut alice = Client::unlocked(server.addresses, "alice").await;
    alice.token = "x".repeat(43);
    let refused = alice.send("bob@example.com", &letter("x")).await;
    assert_eq!(refused.fault(), "q0:BadContextToken");
    insta::assert_snapshot!("store_unauthorised", refused.body);
    let refused = alice.metadata().await;
    assert_eq!(refused.fault(), "q0:BadContextToken");
    insta::assert_snapshot!("rsi_unauthorised", refused.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_fast_is_told_so() {
    let server = server(&["@config limits.offline_sends_per_minute 2"]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    let sent = alice.send("bob@example.com", &letter("1")).await;
    assert_eq!(sent.status, 200);
    let refused = alice.send("bob@example.com", &letter("2")).await;
    assert_eq!(refused.fault(), "q0:SenderThrottleLimitExceeded");
    insta::assert_snapshot!("throttled", refused.body);
    server.stop().await;
}

/// Signs somebody in up to the first status, which is left to the test.
async fn arrive(at: Addresses, name: &str, dialect: u8) -> crate::support::client::Connection {
    let address = format!("{name}@example.com");
    let wish = SignIn {
        link: Link {
            client: 'A',
            role: "NS".to_owned(),
        },
        account: address.clone(),
        dialect,
        status: None,
        library: None,
        capabilities: None,
        picture: None,
        message: None,
        machine: None,
        synchronise: true,
    };
    let mut connection = at.connect(dialect).await;
    sign_in(&wish, &address, PASSWORD, &mut connection, at.http)
        .await
        .unwrap();
    connection
}

fn payload(frame: &Frame) -> String {
    String::from_utf8(frame.payload.clone())
        .unwrap_or_else(|_| panic!("{}", printable(&frame.payload)))
        .replace('\r', "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_is_told_at_the_first_status_and_when_a_message_comes() {
    let server = server(&[]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    let bob = Client::of(server.addresses, "bob").await;
    for dialect in [11, 12] {
        let mut ns = arrive(server.addresses, "bob", dialect).await;
        // Nothing waits: a client of these versions is not bothered.
        let status = format!("CHG 50 NLN{}", capabilities(dialect));
        ns.ask(&status, &status).await;
        ns.expect_nothing().await;
        let sent = alice.send("bob@example.com", &letter("Hello")).await;
        assert_eq!(sent.status, 200);
        let news = ns.expect("MSG Hotmail Hotmail ").await;
        let metadata = bob.metadata().await;
        let id = metadata.text("I").unwrap();
        let steady = |text: &str| {
            let at = metadata.text("RT").unwrap();
            text.replace(&id, "ID").replace(&at, "TIME")
        };
        insta::assert_snapshot!("notice_of_arrival", steady(&payload(&news)));
        drop(ns);

        let mut ns = arrive(server.addresses, "bob", dialect).await;
        ns.expect_nothing().await;
        ns.ask(&status, &status).await;
        let news = ns.expect("MSG Hotmail Hotmail ").await;
        insta::assert_snapshot!("initial_notice", steady(&payload(&news)));
        // Only the first status brings it.
        ns.ask(&status, &status).await;
        ns.expect_nothing().await;
        // The ticket that deletes is from another sign-in, so this one is told.
        assert_eq!(bob.delete(&[&id]).await.status, 200);
        let news = ns.expect("MSG Hotmail Hotmail ").await;
        insta::assert_snapshot!("notice_of_deletion", payload(&news));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_clients_hear_nothing_and_lose_nothing() {
    let server = server(&[]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    let bob = Client::of(server.addresses, "bob").await;
    let mut ns = arrive(server.addresses, "bob", 10).await;
    alice.send("bob@example.com", &letter("Hello")).await;
    let status = format!("CHG 50 NLN{}", capabilities(10));
    ns.ask(&status, &status).await;
    ns.expect_nothing().await;
    assert!(bob.metadata().await.text("I").is_some());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_are_not_listed_in_the_notice() {
    let server = server(&[]).await;
    let alice = Client::unlocked(server.addresses, "alice").await;
    for number in 0..26 {
        let letter = letter(&number.to_string());
        assert_eq!(alice.send("bob@example.com", &letter).await.status, 200);
    }
    let mut ns = arrive(server.addresses, "bob", 12).await;
    let status = format!("CHG 50 NLN{}", capabilities(12));
    ns.ask(&status, &status).await;
    let news = ns.expect("MSG Hotmail Hotmail ").await;
    assert!(payload(&news).contains("Mail-Data: too-large\n"));
    let bob = Client::of(server.addresses, "bob").await;
    assert_eq!(bob.metadata().await.body.matches("<M>").count(), 26);
    server.stop().await;
}
