//! The client's side of a single sign-on: a ticket with its key from the token service, and the
//! proof that goes into `USR n SSO S` (`docs/protocol/10 §1.3.1`, `docs/protocol/11`).
//!
//! Written from the reference on its own, not with the server's code.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cbc::Encryptor;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use des::TdesEde3;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::passport::request_with_body;
use super::soap::token_request;

/// The service whose ticket signs in to the notification server.
pub(crate) const MESSENGER: &str = "messengerclear.live.com";

/// What the token service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The ticket as it goes over the wire, and its key in base64.
    Granted {
        ticket: String,
        key: String,
    },
    Refused,
}

/// Asks for a ticket for one service, with the password.
pub(crate) async fn fetch(
    http: SocketAddr,
    address: &str,
    password: &str,
    service: &str,
) -> Result<Outcome, String> {
    let wishes = [
        ("http://Passport.NET/tb", "MBI_KEY_OLD"),
        (service, "MBI_KEY_OLD"),
    ];
    let body = token_request(address, password, &wishes);
    let head = "POST /RST.srf HTTP/1.1\r\nHost: login\r\nContent-Type: text/xml\r\n";
    let answer = request_with_body(http, head, &body).await?;
    if answer.contains("FailedAuthentication") {
        return Ok(Outcome::Refused);
    }
    let (_, token) = answer
        .split_once("Id=\"Compact1\">")
        .ok_or_else(|| format!("there is no ticket in: {answer}"))?;
    let until = |text: &str, end: &str| text.split(end).next().unwrap_or_default().to_owned();
    let (_, key) = token
        .split_once("<wst:BinarySecret>")
        .ok_or_else(|| format!("the ticket has no key: {answer}"))?;
    Ok(Outcome::Granted {
        ticket: until(token, "<").replace("&amp;", "&"),
        key: until(key, "<"),
    })
}

/// What a proof's encryption starts from; clients choose it at random.
const START: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];

/// The proof that one has the key of a ticket: the nonce, signed with it and encrypted with it.
pub(crate) fn signed_nonce(nonce: &[u8], key: &[u8]) -> Option<String> {
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
    Some([&second, &fourth[..4]].concat())
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().to_vec())
}

mod tests {
    use super::*;

    #[test]
    fn a_proof_is_that_of_the_reference() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol/vectors.json");
        let text = std::fs::read_to_string(file).unwrap();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vectors = all["sso_mbi_key_old"].as_array().unwrap();
        let start = "0123456789abcdef";
        let with_start = vectors.iter().filter(|vector| vector["iv_hex"] == start);
        let mut checked = 0;
        for vector in with_start {
            let text = |key: &str| vector[key].as_str().unwrap().as_bytes();
            let proof = signed_nonce(text("nonce_ascii"), text("binary_secret_b64"));
            assert_eq!(proof.as_deref(), vector["expected"]["blob_b64"].as_str());
            checked += 1;
        }
        assert!(checked > 0);
    }
}
