//! Signing in.

use std::fmt;

use md5::{Digest as _, Md5};

use super::book::download_by_web;
use super::connection::{last_field, unexpected};
use super::ticket::{fetch_tokens, sign_in_proof, sign_in_ticket};
use super::{ClientError, Connection, Http, Version};
use crate::wire::Frame;

/// Who signs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub address: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("address", &self.address)
            .field("password", &"***")
            .finish()
    }
}

/// Agrees on the connection's version; refuses any other one that the server would rather speak.
pub(super) async fn agree(connection: &mut Connection) -> Result<(), ClientError> {
    let version = connection.version();
    let answer = connection.ask("VER", format!("{version} CVR0")).await?;
    let chosen = answer.parameters().text().unwrap_or_default();
    if chosen == version.to_string() {
        Ok(())
    } else {
        Err(unexpected(&version.to_string(), &answer))
    }
}

/// Signs in with the digest of a challenge and the password, as clients did up to version 7
/// (`docs/protocol/01 §2`).
pub async fn sign_in_md5(
    connection: &mut Connection,
    who: &Credentials,
) -> Result<(), ClientError> {
    agree(connection).await?;
    connection.ask("INF", "").await?;
    let question = connection
        .ask("USR", format!("MD5 I {}", who.address))
        .await?;
    let challenge = last_field(question.line());
    let digest = Md5::new()
        .chain_update(&challenge)
        .chain_update(&who.password)
        .finalize();
    let answer: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let accepted = connection.ask("USR", format!("MD5 S {answer}")).await?;
    expect_ok(&accepted)
}

/// Signs in the way of the connection's version, downloads the whole list and shows a status;
/// answers how many lines of contacts, or contacts, came.
pub async fn enter(
    connection: &mut Connection,
    http: &mut Http,
    who: &Credentials,
    status: &str,
) -> Result<usize, ClientError> {
    let version = connection.version();
    if version.signs_in_by_digest() {
        sign_in_md5(connection, who).await?;
        return download_by_line(connection, status).await;
    }
    if version.proves_its_key() {
        let tokens = sign_in_proof(connection, http, who).await?;
        return download_by_web(connection, http, &tokens, status).await;
    }
    sign_in_ticket(connection, http, who).await?;
    if version.has_book_on_the_web() {
        let tokens = fetch_tokens(http, who).await?;
        return download_by_web(connection, http, &tokens, status).await;
    }
    download_by_line(connection, status).await
}

/// Whether the last answer of a sign-in says that it went well.
pub(super) fn expect_ok(answer: &Frame) -> Result<(), ClientError> {
    if answer.parameters().text() == Ok("OK") {
        Ok(())
    } else {
        Err(unexpected("USR OK", answer))
    }
}

/// Downloads the whole list the way of the versions that have it on the connection, and shows a
/// status; answers how many lines of contacts came. All of it has arrived then, because the answer
/// to a ping comes behind it.
pub async fn download_by_line(
    connection: &mut Connection,
    status: &str,
) -> Result<usize, ClientError> {
    let version = connection.version();
    let since = if version < Version::TWO_STAMPS {
        "0"
    } else {
        "0 0"
    };
    let (list, change) = (connection.next_trid(), connection.next_trid());
    let capabilities = version.capabilities();
    let wish = format!("SYN {list} {since}\r\nCHG {change} {status}{capabilities}\r\nPNG\r\n");
    connection.send(wish.as_bytes()).await?;
    let mut contacts = 0;
    until_shown(connection, |verb| {
        contacts += usize::from(verb == b"LST");
    })
    .await?;
    Ok(contacts)
}

/// Shows a status, and reads all that comes of it.
pub(super) async fn show(connection: &mut Connection, status: &str) -> Result<(), ClientError> {
    let trid = connection.next_trid();
    let capabilities = connection.version().capabilities();
    let wish = format!("CHG {trid} {status}{capabilities}\r\nPNG\r\n");
    connection.send(wish.as_bytes()).await?;
    until_shown(connection, |_| {}).await
}

/// Reads up to the answer to a ping, which has to come behind the new status.
async fn until_shown(
    connection: &mut Connection,
    mut seen: impl FnMut(&[u8; 3]),
) -> Result<(), ClientError> {
    let mut is_shown = false;
    loop {
        let frame = connection.next("QNG").await?;
        let Some(verb) = frame.verb() else {
            return Err(unexpected("QNG", &frame));
        };
        seen(&verb.0);
        match &verb.0 {
            b"CHG" => is_shown = true,
            b"QNG" if is_shown => return Ok(()),
            code if code.iter().all(u8::is_ascii_digit) => {
                return Err(unexpected("CHG", &frame));
            }
            _ => {}
        }
    }
}
