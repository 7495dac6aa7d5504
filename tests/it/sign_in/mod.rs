//! Signing in with tokens, from the request of the password's owner to the services that the tokens
//! open (`docs/protocol/11`, `docs/protocol/10 §1`).

mod guessing;
mod pages;
mod restart;
mod single_sign_on;
mod token_service;

use std::net::SocketAddr;

use roxmltree::{Document, Node};

use crate::support::client::Connection;
use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;
use crate::support::soap::{Answer, WebClient, escape, post};

/// What signs in to the notification server, in the newer and in the older way.
const SINGLE_SIGN_ON: &str = "messengerclear.live.com";
const MESSENGER: &str = "messenger.msn.com";
/// What renews others.
const GRANTING: &str = "http://Passport.NET/tb";
/// A machine, as clients name one since MSNP16.
const MACHINE: &str = "{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}";

/// Every service of the reference, with the policy that clients ask with
/// (`docs/protocol/11 §2.1`).
const SERVICES: [(&str, &str); 14] = [
    (GRANTING, ""),
    (SINGLE_SIGN_ON, "MBI_KEY_OLD"),
    (MESSENGER, "?id=507"),
    (
        "contacts.msn.com",
        "?fs=1&id=24000&kv=9&rn=93S9SWWw&tw=0&ver=2.1.6000.1",
    ),
    ("messengersecure.live.com", "MBI_SSL"),
    ("spaces.live.com", "MBI"),
    ("livecontacts.live.com", "MBI"),
    ("storage.live.com", "MBI"),
    ("storage.msn.com", "MBI_SSL"),
    ("sup.live.com", "MBI"),
    ("directory.services.live.com", "MBI"),
    ("rpstauth.live.com", "MBI"),
    ("profile.live.com", "MBI"),
    ("loginnet.passport.com", "MBI"),
];

/// The two versions of the service, by their paths.
const VERSIONS: [&str; 2] = ["/RST.srf", "/RST2.srf"];

/// A server with these people and settings.
async fn start(names: &[&str], settings: &[&str]) -> TestServer {
    TestServer::start(&fixture(names, settings)).await.unwrap()
}

/// What a client proves itself with at the token service.
fn password(address: &str, password: &str) -> String {
    format!(
        "<wsse:UsernameToken Id=\"user\"><wsse:Username>{}</wsse:Username>\
         <wsse:Password>{}</wsse:Password></wsse:UsernameToken>",
        escape(address),
        escape(password)
    )
}

/// A request of the version that belongs to the path.
fn request(path: &str, security: &str, services: &[(&str, &str)]) -> String {
    let is_second = path.to_ascii_lowercase().contains("rst2");
    let (envelope, extension, policy, addressing, trust) = if is_second {
        (
            "http://www.w3.org/2003/05/soap-envelope",
            "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
            "http://schemas.xmlsoap.org/ws/2004/09/policy",
            "http://www.w3.org/2005/08/addressing",
            "http://schemas.xmlsoap.org/ws/2005/02/trust",
        )
    } else {
        (
            "http://schemas.xmlsoap.org/soap/envelope/",
            "http://schemas.xmlsoap.org/ws/2003/06/secext",
            "http://schemas.xmlsoap.org/ws/2002/12/policy",
            "http://schemas.xmlsoap.org/ws/2004/03/addressing",
            "http://schemas.xmlsoap.org/ws/2004/04/trust",
        )
    };
    let wishes: String = services
        .iter()
        .enumerate()
        .map(|(number, (service, policy))| {
            let policy = match *policy {
                "" => String::new(),
                uri => format!("<wsse:PolicyReference URI=\"{}\"/>", escape(uri)),
            };
            format!(
                "<wst:RequestSecurityToken Id=\"RST{number}\"><wst:RequestType>{trust}/Issue\
                 </wst:RequestType><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{service}\
                 </wsa:Address></wsa:EndpointReference></wsp:AppliesTo>{policy}\
                 </wst:RequestSecurityToken>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"{envelope}\" \
         xmlns:wsse=\"{extension}\" xmlns:wsp=\"{policy}\" xmlns:wsa=\"{addressing}\" \
         xmlns:wst=\"{trust}\" \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\"><s:Header>\
         <ps:AuthInfo Id=\"PPAuthInfo\"><ps:BinaryVersion>5</ps:BinaryVersion></ps:AuthInfo>\
         <wsse:Security>{security}</wsse:Security></s:Header><s:Body>\
         <ps:RequestMultipleSecurityTokens Id=\"RSTS\">{wishes}\
         </ps:RequestMultipleSecurityTokens></s:Body></s:Envelope>"
    )
}

/// Asks for tokens with a password.
async fn ask(
    http: SocketAddr,
    path: &str,
    name: &str,
    secret: &str,
    services: &[(&str, &str)],
) -> Answer {
    let security = password(&format!("{name}@example.com"), secret);
    let body = request(path, &security, services);
    post(http, path, "", body.as_bytes()).await.unwrap()
}

/// A token as a client finds it in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    service: String,
    id: String,
    ticket: String,
    key: String,
}

/// Everything that was granted, in the order of the answer.
fn tokens(answer: &Answer) -> Vec<Token> {
    let document = Document::parse(&answer.body).unwrap();
    let is = |node: &Node<'_, '_>, name: &str| node.tag_name().name() == name;
    let responses = document
        .descendants()
        .filter(|node| is(node, "RequestSecurityTokenResponse"));
    responses
        .map(|response| {
            let first = |name: &str| response.descendants().find(|node| is(node, name)).unwrap();
            let text = |name: &str| first(name).text().unwrap().to_owned();
            let token = first("RequestedSecurityToken")
                .first_element_child()
                .unwrap();
            let ticket = match token.text() {
                Some(ticket) => ticket.to_owned(),
                None => text("CipherValue"),
            };
            Token {
                service: text("Address"),
                id: token.attribute("Id").unwrap().to_owned(),
                ticket,
                key: text("BinarySecret"),
            }
        })
        .collect()
}

/// The tokens for these services, which have to be granted.
async fn granted(server: &TestServer, name: &str, services: &[(&str, &str)]) -> Vec<Token> {
    let http = server.addresses.http;
    let answer = ask(http, "/RST.srf", name, PASSWORD, services).await;
    let tokens = tokens(&answer);
    assert_eq!(tokens.len(), services.len(), "{answer:?}");
    tokens
}

/// The code of a refusal, in either version.
fn fault(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let subcode = || answer.texts("Value").into_iter().nth(1);
    let code = answer.text("faultcode").or_else(subcode);
    code.unwrap_or_else(|| panic!("no fault: {answer:?}"))
}

/// Goes on up to the question that a client answers with its ticket.
async fn question(connection: &mut Connection, method: &str, name: &str) -> String {
    let dialect = connection.dialect;
    let offer = format!("VER 1 MSNP{dialect} CVR0");
    connection
        .ask(&offer, &format!("VER 1 MSNP{dialect}"))
        .await;
    again(connection, method, name).await
}

/// Asks for a question without the steps before it.
async fn again(connection: &mut Connection, method: &str, name: &str) -> String {
    let claim = format!("USR 3 {method} I {name}@example.com");
    let question = connection.ask(&claim, &format!("USR 3 {method} S ")).await;
    let last = question
        .fields()
        .last()
        .copied()
        .unwrap_or_default()
        .to_vec();
    String::from_utf8(last).unwrap()
}

/// The first word of the answer to a proof: `USR` where it was accepted.
async fn prove(connection: &mut Connection, method: &str, proof: &str) -> String {
    let line = format!("USR 4 {method} S {proof}\r\n");
    connection.send(line.as_bytes()).await;
    let answer = connection.until("").await;
    String::from_utf8(answer.fields()[0].to_vec()).unwrap()
}

/// A whole single sign-on with a token.
async fn sign_on(server: &TestServer, dialect: u8, name: &str, token: &Token) -> String {
    let mut connection = server.addresses.connect(dialect).await;
    let nonce = question(&mut connection, "SSO", name).await;
    let proof = proof(token, &nonce);
    let machine = if dialect < 16 { "" } else { MACHINE };
    prove(
        &mut connection,
        "SSO",
        format!("{proof} {machine}").trim_end(),
    )
    .await
}

/// The ticket, and the proof that one has its key.
fn proof(token: &Token, nonce: &str) -> String {
    let signed =
        crate::support::single_sign_on::signed_nonce(nonce.as_bytes(), token.key.as_bytes());
    format!("{} {}", token.ticket, signed.unwrap())
}

/// Whether a ticket opens the address book.
async fn opens_book(server: &TestServer, ticket: &str) -> bool {
    let client = WebClient {
        http: server.addresses.http,
        token: ticket.to_owned(),
    };
    let own = "<abId>00000000-0000-0000-0000-000000000000</abId>";
    let answer = client.book("ABFindAll", own).await;
    match answer.fault().as_deref() {
        None => true,
        Some("PassportAuthFail") => false,
        Some(_) => panic!("{answer:?}"),
    }
}
