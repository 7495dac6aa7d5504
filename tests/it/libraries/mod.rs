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

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roxmltree::{Document, Node};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::challenge::product_answer;
use crate::support::client::{Connection, DEADLINE, Frame};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, Person, chat, connect, fixture};
use crate::support::player::Addresses;
use crate::support::server::TestServer;
use crate::support::single_sign_on::signed_nonce;
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

/// How a library speaks to web services.
#[derive(Debug, Clone, Copy)]
struct Style {
    agent: &'static str,
    /// Whether many calls go down one connection, or the server closes it behind each.
    keeps_connections: bool,
    quotes_actions: bool,
    /// Whether it wants to hear that it may go on before it sends a document.
    asks_first: bool,
    /// What stands before the paths.
    slash: &'static str,
    application: &'static str,
    /// What stands between the elements of an envelope.
    gap: &'static str,
}

/// The web services, as a library asks them.
#[derive(Debug)]
struct Web {
    http: SocketAddr,
    style: Style,
    kept: BTreeMap<String, TcpStream>,
}

impl Web {
    fn new(at: Addresses, style: Style) -> Self {
        Self {
            http: at.http,
            style,
            kept: BTreeMap::new(),
        }
    }

    /// Posts a document. The end of the answer is where its `Content-Length` says.
    async fn post(&mut self, host: &str, path: &str, action: &str, body: &str) -> Answer {
        self.send(host, path, action, body).await;
        let mut stream = self.kept.remove(host).unwrap();
        let answer = timeout(DEADLINE, read_answer(&mut stream)).await.unwrap();
        if self.style.keeps_connections {
            assert!(answer.head.starts_with("HTTP/1.1 "), "{}", answer.head);
            self.kept.insert(host.to_owned(), stream);
        } else {
            let mut rest = Vec::new();
            let end = timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
            end.expect("the connection is not closed").unwrap();
            assert_eq!(rest, b"", "there is more behind the answer");
        }
        answer
    }

    /// Posts a document and does not wait for the answer.
    async fn send(&mut self, host: &str, path: &str, action: &str, body: &str) {
        let style = self.style;
        let version = u8::from(style.keeps_connections);
        let action = match (action, style.quotes_actions) {
            ("", _) => String::new(),
            (action, true) => format!("SOAPAction: \"{action}\"\r\n"),
            (action, false) => format!("SOAPAction: {action}\r\n"),
        };
        let slash = style.slash;
        let head = format!(
            "POST {slash}{path} HTTP/1.{version}\r\nHost: {host}\r\nAccept: */*\r\n\
             User-Agent: {}\r\n{action}Content-Type: text/xml; charset=utf-8\r\n\
             Content-Length: {}\r\nCache-Control: no-cache\r\n{}\r\n",
            style.agent,
            body.len(),
            if style.asks_first {
                "Expect: 100-continue\r\n"
            } else {
                ""
            },
        );
        let mut stream = match self.kept.remove(host) {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.http).await.unwrap();
                stream.set_nodelay(true).unwrap();
                stream
            }
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        if style.asks_first {
            const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
            let mut said = vec![0; GO_ON.len()];
            let heard = timeout(DEADLINE, stream.read_exact(&mut said)).await;
            heard.expect("no leave to go on").unwrap();
            assert_eq!(printable(&said), printable(GO_ON));
        }
        stream.write_all(body.as_bytes()).await.unwrap();
        self.kept.insert(host.to_owned(), stream);
    }

    /// Calls an operation of the address book or of the sharing service.
    async fn call(&mut self, host: &str, service: &str, call: Call<'_>) -> Answer {
        let action = format!("{ADDRESS_BOOK}/{}", call.operation);
        let path = format!("/abservice/{service}.asmx");
        self.post(host, &path, &action, &self.envelope(call)).await
    }

    fn envelope(&self, call: Call<'_>) -> String {
        let Style {
            gap, application, ..
        } = self.style;
        [
            "<?xml version='1.0' encoding='utf-8'?>",
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\">",
            "<soap:Header>",
            &format!("<ABApplicationHeader xmlns=\"{ADDRESS_BOOK}\">"),
            &format!("<ApplicationId>{application}</ApplicationId>"),
            "<IsMigration>false</IsMigration>",
            &format!("<PartnerScenario>{}</PartnerScenario>", call.scenario),
            "</ABApplicationHeader>",
            &format!("<ABAuthHeader xmlns=\"{ADDRESS_BOOK}\">"),
            "<ManagedGroupRequest>false</ManagedGroupRequest>",
            &format!("<TicketToken>{}</TicketToken>", escape(call.ticket)),
            "</ABAuthHeader>",
            "</soap:Header>",
            "<soap:Body>",
            &format!(
                "<{0} xmlns=\"{ADDRESS_BOOK}\">{1}</{0}>",
                call.operation, call.inner
            ),
            "</soap:Body>",
            "</soap:Envelope>",
        ]
        .join(gap)
    }
}

/// What is asked of the profiles.
#[derive(Debug, Clone, Copy)]
struct Filing<'a> {
    namespace: &'a str,
    application: &'a str,
    token: &'a Token,
}

impl Web {
    /// Calls an operation on profiles and pictures.
    async fn storage(&mut self, filing: Filing<'_>, operation: &str, inner: &str) -> Answer {
        let Filing {
            namespace,
            application,
            token,
        } = filing;
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soap:Header>\
             <StorageApplicationHeader xmlns=\"{namespace}\">\
             <ApplicationID>{application}</ApplicationID><Scenario>Initial</Scenario>\
             </StorageApplicationHeader><StorageUserHeader xmlns=\"{namespace}\"><Puid>0</Puid>\
             <TicketToken>{}</TicketToken></StorageUserHeader></soap:Header><soap:Body>\
             <{operation} xmlns=\"{namespace}\">{inner}</{operation}></soap:Body></soap:Envelope>",
            escape(&token.ticket)
        );
        let action = format!("{namespace}/{operation}");
        let path = "/storageservice/SchematizedStore.asmx";
        let answer = self.post("storage.msn.com", path, &action, &body).await;
        // Answers are in the namespace of the request.
        assert!(answer.body.contains(namespace), "{answer:?}");
        answer
    }
}

/// How a profile is asked for: by the number of its owner.
fn profile_handle(cid: &str) -> String {
    format!(
        "<profileHandle><Alias><Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias>\
         <RelationshipName>MyProfile</RelationshipName></profileHandle><profileAttributes>\
         <ResourceID>true</ResourceID><DateModified>true</DateModified>\
         <ExpressionProfileAttributes><ResourceID>true</ResourceID><DateModified>true\
         </DateModified><DisplayName>true</DisplayName><DisplayNameLastModified>true\
         </DisplayNameLastModified><PersonalStatus>true</PersonalStatus>\
         <PersonalStatusLastModified>true</PersonalStatusLastModified><StaticUserTilePublicURL>\
         true</StaticUserTilePublicURL><Photo>true</Photo><Flags>true</Flags>\
         </ExpressionProfileAttributes></profileAttributes>"
    )
}

/// What is asked of the address book.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    ticket: &'a str,
    scenario: &'a str,
    operation: &'a str,
    inner: &'a str,
}

async fn read_answer(stream: &mut TcpStream) -> Answer {
    // Byte by byte, so that the answer behind this one is left where it is.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await;
        head.push(byte.unwrap_or_else(|_| panic!("no answer: {}", printable(&head))));
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap_or_else(|| panic!("no length: {head}"));
    let mut body = vec![0; length.parse().unwrap()];
    let read = stream.read_exact(&mut body).await;
    read.unwrap_or_else(|_| panic!("half an answer: {head}"));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

/// A token for one service.
#[derive(Debug, Clone, Default)]
struct Token {
    /// As it goes over the wire.
    ticket: String,
    /// In base64.
    key: String,
}

impl Token {
    /// The part that names the token.
    fn bare(&self) -> &str {
        let text = self.ticket.strip_prefix("t=").unwrap();
        text.split_once("&p=").unwrap().0
    }
}

/// The request for tokens that all libraries have taken from the same capture.
fn token_request(wishes: &[(&str, &str)]) -> String {
    let wish = |(number, (audience, policy)): (usize, &(&str, &str))| {
        let policy = if policy.is_empty() {
            String::new()
        } else {
            format!("<wsse:PolicyReference URI=\"{policy}\"></wsse:PolicyReference>")
        };
        format!(
            "<wst:RequestSecurityToken Id=\"RST{number}\"><wst:RequestType>\
             http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue</wst:RequestType>\
             <wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{audience}</wsa:Address>\
             </wsa:EndpointReference></wsp:AppliesTo>{policy}</wst:RequestSecurityToken>"
        )
    };
    let wishes: String = wishes.iter().enumerate().map(wish).collect();
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\
         <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\" \
         xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
         xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/\
         oasis-200401-wss-wssecurity-utility-1.0.xsd\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\" \
         xmlns:wssc=\"http://schemas.xmlsoap.org/ws/2004/04/sc\" \
         xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\"><Header>\
         <ps:AuthInfo xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" \
         Id=\"PPAuthInfo\"><ps:HostingApp>{{7108E71A-9926-4FCB-BCC9-9A9D3F32E423}}</ps:HostingApp>\
         <ps:BinaryVersion>4</ps:BinaryVersion><ps:Cookies></ps:Cookies>\
         <ps:UIVersion>1</ps:UIVersion>\
         <ps:RequestParams>AQAAAAIAAABsYwQAAAAxMDMz</ps:RequestParams></ps:AuthInfo>\
         <wsse:Security><wsse:UsernameToken Id=\"user\"><wsse:Username>{ALICE}</wsse:Username>\
         <wsse:Password>{PASSWORD}</wsse:Password></wsse:UsernameToken></wsse:Security></Header>\
         <Body><ps:RequestMultipleSecurityTokens \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" Id=\"RSTS\">\
         {wishes}</ps:RequestMultipleSecurityTokens></Body></Envelope>"
    )
}

/// A connection to the notification server or to a switchboard.
#[derive(Debug)]
struct Wire {
    line: Connection,
    last: u32,
}

impl Wire {
    async fn open(to: SocketAddr, dialect: u8) -> Self {
        Self {
            line: connect(to, None, None, dialect).await,
            last: 0,
        }
    }

    fn trid(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Sends a command and reads up to its answer.
    async fn ask(&mut self, verb: &str, rest: &str) -> Frame {
        let start = format!("{verb} {}", self.trid());
        let line = format!("{start} {rest}");
        self.line.ask(line.trim_end(), &start).await
    }

    /// The same where the answer repeats the command.
    async fn confirmed(&mut self, verb: &str, rest: &str) {
        let answer = self.ask(verb, rest).await;
        let said = printable(&answer.line);
        let expected = format!("{verb} {} {rest}", self.last);
        assert_eq!(said, expected.trim_end());
    }

    /// Sends a command with a payload and reads up to its answer.
    async fn give(&mut self, verb: &str, rest: &str, payload: &str) -> Frame {
        let start = format!("{verb} {}", self.trid());
        let rest = if rest.is_empty() {
            String::new()
        } else {
            format!("{rest} ")
        };
        let command = format!("{start} {rest}{}\r\n{payload}", payload.len());
        self.line.send(command.as_bytes()).await;
        self.line.until(&start).await
    }

    /// The same where the answer is this.
    async fn given(&mut self, verb: &str, rest: &str, payload: &str, answer: &str) {
        let frame = self.give(verb, rest, payload).await;
        let expected = format!("{verb} {} {answer}", self.last);
        assert_eq!(printable(&frame.line), expected, "{payload}");
    }

    /// What one does oneself by the web is no news: there is no notice to fetch the lists again.
    async fn hears_no_notice(&mut self) {
        self.line.send(b"PNG\r\n").await;
        loop {
            let frame = self.line.until("").await;
            if frame.line.starts_with(b"QNG") {
                return;
            }
            let is_notice = [&b"NOT "[..], b"ADL 0 ", b"RML 0 "]
                .iter()
                .any(|start| frame.line.starts_with(start));
            assert!(!is_notice, "{}", frame.describe());
        }
    }

    /// Says something in a room, and waits for the receipt.
    async fn say(&mut self, message: &str) {
        let trid = self.trid();
        let command = format!("MSG {trid} A {}\r\n{message}", message.len());
        self.line.send(command.as_bytes()).await;
        self.line.until(&format!("ACK {trid}")).await;
    }

    /// Changes the lists of the session.
    async fn lists(&mut self, verb: &str, name: &str, mask: u8) {
        let list = format!("<ml><d n='example.com'><c n='{name}' l='{mask}' t='1'/></d></ml>");
        self.given(verb, "", &list, "OK").await;
    }

    /// Reads up to the notice about somebody who adds or removes the reader.
    async fn told(&mut self, verb: &str, name: &str) {
        let told = self.line.until(&format!("{verb} 0 ")).await;
        let text = printable(&told.payload);
        assert!(text.contains(&format!("n=\"{name}\"")), "{text}");
        assert!(text.contains("l=\"8\""), "{text}");
    }

    /// Answers a challenge of the sign-in, from the answer to `USR I` on.
    async fn sign_on(&mut self, question: &Frame, token: &Token, machine: Option<&str>) {
        let fields = question.fields();
        assert_eq!(fields[2..5], [&b"SSO"[..], b"S", b"MBI_KEY_OLD"]);
        let nonce = fields[5];
        let proof = signed_nonce(nonce, token.key.as_bytes()).unwrap();
        assert_eq!(proof.len(), 172);
        let machine = machine.map_or(String::new(), |machine| format!(" {machine}"));
        let answer = self
            .ask("USR", &format!("SSO S {} {proof}{machine}", token.ticket))
            .await;
        let expected = format!("USR {} OK {ALICE} 1 0", self.last);
        assert_eq!(printable(&answer.line), expected);
    }

    /// The profile without which no sign-in goes on.
    async fn profile(&mut self) -> String {
        let frame = self.line.until("MSG Hotmail Hotmail ").await;
        let text = String::from_utf8(frame.payload).unwrap();
        assert!(text.contains("text/x-msmsgsprofile"), "{text}");
        for field in ["sid", "MSPAuth", "ClientIP", "ClientPort", "LoginTime"] {
            assert!(text.contains(&format!("\r\n{field}: ")), "{text}");
        }
        if self.line.dialect >= 16 {
            let own = self.line.expect("UBX ").await;
            assert!(own.payload.is_empty(), "{own:?}");
        }
        text
    }

    /// Asks for a room, as whoever this is: `alice@example.com`, with a machine since MSNP16.
    async fn room(&mut self, me: &str) -> Self {
        let answer = self.ask("XFR", "SB").await;
        let fields: Vec<String> = answer.fields().iter().map(|one| printable(one)).collect();
        assert_eq!(fields[4], "CKI");
        let mut room = Self::open(fields[3].parse().unwrap(), self.line.dialect).await;
        let answer = room.ask("USR", &format!("{me} {}", fields[5])).await;
        let said = printable(&answer.line);
        assert!(said.starts_with(&format!("USR 1 OK {me} ")), "{said}");
        room
    }

    /// Goes to the room that one is called to.
    async fn called(&mut self, me: &str) -> Self {
        let ring = self.line.until("RNG ").await;
        let fields: Vec<String> = ring.fields().iter().map(|one| printable(one)).collect();
        assert!(fields[1].parse::<i32>().is_ok(), "{fields:?}");
        let mut room = Self::open(fields[2].parse().unwrap(), self.line.dialect).await;
        room.ask("ANS", &format!("{me} {} {}", fields[4], fields[1]))
            .await;
        room
    }

    /// Leaves; the server closes.
    async fn leave(mut self) {
        self.line.send(b"OUT\r\n").await;
        self.line.until_closed().await;
    }
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
        let mut web = Web {
            http: self.http,
            style,
            kept: BTreeMap::new(),
        };
        let token = Token {
            ticket: self.ticket.clone(),
            key: String::new(),
        };
        leave_message(&mut web, &token, ("MSNP15", "8.5.1302"), to, text).await;
    }
}
