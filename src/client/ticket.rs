//! Signing in with a ticket: from the login page (`docs/protocol/01 §3`), or from the token service
//! together with a key that has to be proved (`docs/protocol/10 §1.3`, `docs/protocol/11`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cbc::Encryptor;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use des::TdesEde3;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;

use super::connection::last_field;
use super::http::{escape, unescape};
use super::sign_in::{agree, expect_ok};
use super::{ClientError, Connection, Credentials, Http};

/// The service whose token signs in to a notification server.
const MESSENGER: &str = "messengerclear.live.com";
/// The service whose token opens the address book.
const CONTACTS: &str = "contacts.msn.com";
/// What the proof's encryption starts from; clients choose it at random.
const START: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
/// The machine that this client says it runs on.
pub(super) const MACHINE: &str = "{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}";

/// What the token service gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For the notification server.
    messenger: String,
    key: String,
    /// For the address book.
    pub contacts: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(***)")
    }
}

/// Signs in with a ticket from the login page, as versions 8 to 14 do.
pub async fn sign_in_ticket(
    connection: &mut Connection,
    http: &mut Http,
    who: &Credentials,
) -> Result<(), ClientError> {
    agree(connection).await?;
    introduce(connection, who).await?;
    let question = connection
        .ask("USR", format!("TWN I {}", who.address))
        .await?;
    let ticket = fetch_ticket(http, who, &last_field(question.line())).await?;
    let accepted = connection.ask("USR", format!("TWN S {ticket}")).await?;
    expect_ok(&accepted)
}

/// Signs in with a token and the proof of its key, as versions since 15 do. Answers the tokens, of
/// which one opens the address book.
pub async fn sign_in_proof(
    connection: &mut Connection,
    http: &mut Http,
    who: &Credentials,
) -> Result<Tokens, ClientError> {
    agree(connection).await?;
    introduce(connection, who).await?;
    let question = connection
        .ask("USR", format!("SSO I {}", who.address))
        .await?;
    let nonce = last_field(question.line());
    let tokens = fetch_tokens(http, who).await?;
    let proof = prove(nonce.as_bytes(), &tokens.key)
        .ok_or(ClientError::Garbled("the key of the token is none"))?;
    let mut answer = format!("SSO S {} {proof}", tokens.messenger);
    if connection.version().names_its_machine() {
        answer = format!("{answer} {MACHINE}");
    }
    let accepted = connection.ask("USR", answer).await?;
    expect_ok(&accepted)?;
    Ok(tokens)
}

async fn introduce(connection: &mut Connection, who: &Credentials) -> Result<(), ClientError> {
    let build = connection.version().build();
    let about = format!(
        "0x0409 winnt 5.1 i386 MSNMSGR {build} MSMSGS {}",
        who.address
    );
    connection.ask("CVR", about).await?;
    Ok(())
}

/// Asks the nexus where to sign in, and the login page there for a ticket.
async fn fetch_ticket(
    http: &mut Http,
    who: &Credentials,
    policy: &str,
) -> Result<String, ClientError> {
    let nexus = http.ask("GET /rdr/pprdr.asp HTTP/1.1\r\n", b"").await?;
    let path = nexus
        .header("PassportURLs")
        .and_then(|urls| urls.split(',').find_map(|url| url.strip_prefix("DALogin=")))
        .map(|url| url.split_once("://").map_or(url, |(_, rest)| rest))
        .and_then(|url| url.split_once('/'))
        .map(|(_, path)| path.to_owned())
        .ok_or(ClientError::Garbled("the nexus names no login page"))?;
    let text = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let login = format!(
        "GET /{path} HTTP/1.1\r\n\
         Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,\
         sign-in={},pwd={},{policy}\r\n\
         User-Agent: MSMSGS\r\n",
        text(&who.address),
        text(&who.password)
    );
    let answer = http.ask(&login, b"").await?;
    if answer.status == 401 {
        let asked = "a ticket".to_owned();
        return Err(ClientError::Refused { asked, code: 401 });
    }
    let ticket = answer
        .header("Authentication-Info")
        .and_then(|value| value.split_once("from-PP='"))
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(ticket, _)| ticket.to_owned());
    ticket.ok_or(ClientError::Garbled("the login page gives no ticket"))
}

/// Asks the token service for what the notification server and the address book want.
pub async fn fetch_tokens(http: &mut Http, who: &Credentials) -> Result<Tokens, ClientError> {
    let wishes: String = [
        ("http://Passport.NET/tb", "HBI"),
        (MESSENGER, "MBI_KEY_OLD"),
        (CONTACTS, "MBI"),
    ]
    .iter()
    .enumerate()
    .map(|(number, (service, policy))| {
        format!(
            "<wst:RequestSecurityToken Id=\"RST{number}\">\
             <wst:RequestType>http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue\
             </wst:RequestType><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{service}\
             </wsa:Address></wsa:EndpointReference></wsp:AppliesTo>\
             <wsse:PolicyReference URI=\"{policy}\"></wsse:PolicyReference>\
             </wst:RequestSecurityToken>"
        )
    })
    .collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
         xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\" \
         xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\" \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\">\
         <Header><wsse:Security><wsse:UsernameToken Id=\"user\">\
         <wsse:Username>{}</wsse:Username><wsse:Password>{}</wsse:Password>\
         </wsse:UsernameToken></wsse:Security></Header>\
         <Body><ps:RequestMultipleSecurityTokens Id=\"RSTS\">{wishes}\
         </ps:RequestMultipleSecurityTokens></Body></Envelope>",
        escape(&who.address),
        escape(&who.password)
    );
    let head = "POST /RST.srf HTTP/1.1\r\nContent-Type: text/xml; charset=utf-8\r\n";
    let answer = http.ask(head, body.as_bytes()).await?;
    if answer.between("FailedAuthentication", ">").is_some() {
        let asked = "a token".to_owned();
        return Err(ClientError::Refused { asked, code: 401 });
    }
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    let read = |part: &str, start: &str| {
        let (_, rest) = part.split_once(start)?;
        rest.split_once('<').map(|(found, _)| unescape(found))
    };
    // Each token is behind the address of its service, the key behind its token.
    let part = |service: &str| text.split_once(service).map(|(_, part)| part);
    let tokens = part(MESSENGER).zip(part(CONTACTS));
    let tokens = tokens.and_then(|(messenger, contacts)| {
        Some(Tokens {
            messenger: read(messenger, "Id=\"Compact1\">")?,
            key: read(messenger, "<wst:BinarySecret>")?,
            contacts: read(contacts, "Id=\"Compact2\">")?,
        })
    });
    tokens.ok_or(ClientError::Garbled("the token service gives no tokens"))
}

/// The proof that one has the key of a token: the nonce, signed with it and encrypted with it.
fn prove(nonce: &[u8], key: &str) -> Option<String> {
    let key = BASE64.decode(key).ok()?;
    let signature = hmac(
        &derive(&key, b"WS-SecureConversationSESSION KEY HASH")?,
        &[nonce],
    )?;
    let secret = derive(&key, b"WS-SecureConversationSESSION KEY ENCRYPTION")?;
    let mut encrypted = [nonce, &[8; 8]].concat();
    let mut encryptor = Encryptor::<TdesEde3>::new_from_slices(&secret, &START).ok()?;
    for block in encrypted.chunks_exact_mut(8) {
        encryptor.encrypt_block(block.try_into().ok()?);
    }
    let mut proof = Vec::with_capacity(128);
    for number in [28_u32, 1, 0x6603, 0x8004, 8, 20, 72] {
        proof.extend(number.to_le_bytes());
    }
    proof.extend(START);
    proof.extend(signature);
    proof.extend(encrypted);
    Some(BASE64.encode(proof))
}

/// A key for one purpose.
fn derive(key: &[u8], purpose: &[u8]) -> Option<Vec<u8>> {
    let first = hmac(key, &[purpose])?;
    let second = hmac(key, &[&first, purpose])?;
    let third = hmac(key, &[&first])?;
    let fourth = hmac(key, &[&third, purpose])?;
    Some([&second, fourth.get(..4)?].concat())
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_that_of_the_reference() {
        let text = include_str!("../../docs/protocol/vectors.json");
        let all: serde_json::Value = serde_json::from_str(text).unwrap();
        let vectors = all["sso_mbi_key_old"].as_array().unwrap();
        let start = "0123456789abcdef";
        let with_start = vectors.iter().filter(|vector| vector["iv_hex"] == start);
        let mut checked = 0;
        for vector in with_start {
            let text = |key: &str| vector[key].as_str().unwrap();
            let proof = prove(text("nonce_ascii").as_bytes(), text("binary_secret_b64"));
            assert_eq!(proof.as_deref(), vector["expected"]["blob_b64"].as_str());
            checked += 1;
        }
        assert!(checked > 0);
    }
}
