//! Everything up to the first status in one step, for transcripts about something else.
//!
//! What arrives on the way is read and left out: the answers, the download of the book, the
//! presence of contacts. A refusal or a missing answer fails the step.

use std::net::SocketAddr;

use super::challenge;
use super::client::{Arrival, Connection, Frame};
use super::passport::{self, Outcome};
use super::pattern::printable;
use super::single_sign_on;
use super::transcript::SignIn;

/// The machine of a client that names one, where the transcript does not care.
const USUAL_MACHINE: &str = "f52973b6-c926-4bad-9ba8-7c1e840e4ab0";

/// What a client of a dialect offers in `VER`, as the official ones did (`docs/protocol/00 §4`).
pub(crate) fn offer(dialect: u8) -> &'static str {
    match dialect {
        2 => "MSNP2 CVR0",
        3 => "MSNP3 MSNP2 CVR0",
        4 => "MSNP4 MSNP3 CVR0",
        5 => "MSNP5 MSNP4 CVR0",
        6 => "MSNP6 MSNP5 MSNP4 CVR0",
        7 => "MSNP7 MSNP6 MSNP5 MSNP4 CVR0",
        8 => "MSNP8 CVR0",
        9 => "MSNP9 MSNP8 CVR0",
        10 => "MSNP10 MSNP9 CVR0",
        11 => "MSNP11 MSNP10 MSNP9 CVR0",
        12 => "MSNP12 MSNP11 MSNP10 CVR0",
        13 => "MSNP13 CVR0",
        14 => "MSNP14 MSNP13 CVR0",
        15 => "MSNP15 MSNP14 MSNP13 CVR0",
        16 => "MSNP16 MSNP15 MSNP14 MSNP13 CVR0",
        17 => "MSNP17 CVR0",
        _ => "MSNP18 MSNP17 CVR0",
    }
}

/// What follows the status in `CHG` and in what others see, as the official clients sent it.
pub(crate) fn capabilities(dialect: u8) -> &'static str {
    match dialect {
        2..=7 => "",
        8 => " 4",
        9 => " 268435500",
        10 => " 805306412",
        11 => " 1073791084",
        12 => " 1342558252",
        13 | 14 => " 1611661348",
        15 => " 2147483684",
        _ => " 2789003324:48",
    }
}

/// The build that `CVR` announces.
pub(crate) fn client_version(dialect: u8) -> &'static str {
    match dialect {
        2 => "1.0.0863",
        3 => "2.0.0083",
        4 => "2.1.1047",
        5 => "3.0.0283",
        6 => "3.6.0038",
        7 => "4.6.0073",
        8 => "5.0.0544",
        9 => "6.0.0602",
        10 => "6.2.0137",
        11 => "7.0.0777",
        12 => "7.5.0324",
        13 => "8.0.0566",
        14 => "8.0.0787",
        15 => "8.5.1302",
        16 | 17 => "9.0.1407",
        _ => "14.0.8117.416",
    }
}

/// Signs in over a fresh connection.
pub(crate) async fn sign_in(
    wish: &SignIn,
    address: &str,
    password: &str,
    connection: &mut Connection,
    http: SocketAddr,
) -> Result<(), String> {
    let dialect = wish.dialect;
    ask(
        connection,
        "VER 1",
        offer(dialect),
        &format!("VER 1 MSNP{dialect}"),
    )
    .await?;
    if dialect < 8 {
        ask(connection, "INF 2", "", "INF 2 MD5").await?;
        let start = format!("MD5 I {address}");
        let challenge = ask(connection, "USR 3", &start, "USR 3 MD5 S ").await?;
        let challenge = challenge
            .fields()
            .last()
            .copied()
            .unwrap_or_default()
            .to_vec();
        let answer = challenge::password_answer(&challenge, password.as_bytes());
        ask(connection, "USR 4", &format!("MD5 S {answer}"), "USR 4 OK ").await?;
    } else {
        let library = wish.library.as_deref().unwrap_or("MSNMSGR");
        let version = client_version(dialect);
        let build = format!("0x0409 winnt 5.1 i386 {library} {version} MSMSGS {address}");
        ask(connection, "CVR 2", &build, "CVR 2 ").await?;
        if dialect >= 15 {
            sign_on(wish, address, password, connection, http).await?;
            return settle(wish, connection).await;
        }
        let start = format!("TWN I {address}");
        let policy = if dialect < 13 {
            ask(connection, "USR 3", &start, "USR 3 TWN S ").await?
        } else {
            ask(connection, "USR 3", &start, "GCF 0 ").await?;
            frame(connection, "USR 3 TWN S ").await?
        };
        let policy = printable(policy.fields().last().copied().unwrap_or_default());
        let ticket = match passport::fetch_ticket(http, address, password, &policy).await? {
            Outcome::Ticket(ticket) => ticket,
            Outcome::Refused => return Err(format!("no ticket for {address}")),
        };
        ask(connection, "USR 4", &format!("TWN S {ticket}"), "USR 4 OK ").await?;
    }
    settle(wish, connection).await
}

/// Signs on with a ticket and the proof that one has its key, since MSNP16 from a machine.
async fn sign_on(
    wish: &SignIn,
    address: &str,
    password: &str,
    connection: &mut Connection,
    http: SocketAddr,
) -> Result<(), String> {
    let start = format!("SSO I {address}");
    ask(connection, "USR 3", &start, "GCF 0 ").await?;
    let question = frame(connection, "USR 3 SSO S ").await?;
    let nonce = question
        .fields()
        .last()
        .copied()
        .unwrap_or_default()
        .to_vec();
    let service = single_sign_on::MESSENGER;
    let granted = single_sign_on::fetch(http, address, password, service).await?;
    let single_sign_on::Outcome::Granted { ticket, key } = granted else {
        return Err(format!("no ticket for {address}"));
    };
    let proof = single_sign_on::signed_nonce(&nonce, key.as_bytes())
        .ok_or_else(|| format!("{key} is no key"))?;
    let mut answer = format!("SSO S {ticket} {proof}");
    if wish.dialect >= 16 {
        let machine = wish.machine.as_deref().unwrap_or(USUAL_MACHINE);
        answer = format!("{answer} {{{machine}}}");
    }
    ask(connection, "USR 4", &answer, "USR 4 OK ").await?;
    Ok(())
}

/// Downloads the book, sets the status, and reads everything that comes of it.
async fn settle(wish: &SignIn, connection: &mut Connection) -> Result<(), String> {
    let mut awaited: Vec<&str> = Vec::new();
    if wish.synchronise && wish.dialect >= 13 {
        let list = "<ml l=\"1\"></ml>";
        connection
            .send(format!("ADL 5 {}\r\n{list}", list.len()).as_bytes())
            .await;
        awaited.push("ADL 5 OK");
    } else if wish.synchronise {
        let stamps = if wish.dialect < 10 { "0" } else { "0 0" };
        connection
            .send(format!("SYN 5 {stamps}\r\n").as_bytes())
            .await;
        awaited.push("SYN 5");
    }
    if let Some(message) = &wish.message {
        let body = format!("<Data><PSM>{message}</PSM><CurrentMedia></CurrentMedia></Data>");
        let line = format!("UUX 6 {}\r\n{body}", body.len());
        connection.send(line.as_bytes()).await;
        awaited.push("UUX 6 0");
    }
    if let Some(status) = &wish.status {
        let mut tail = match &wish.capabilities {
            Some(number) => format!(" {number}"),
            None => capabilities(wish.dialect).to_owned(),
        };
        if let Some(picture) = &wish.picture {
            tail = format!("{tail} {picture}");
        }
        connection
            .send(format!("CHG 7 {status}{tail}\r\n").as_bytes())
            .await;
        awaited.push("CHG 7");
    }
    // Whatever the commands cause directly comes before the answer to the ping.
    connection.send(b"PNG\r\n").await;
    loop {
        let frame = frame(connection, "QNG").await?;
        awaited.retain(|start| !frame.line.starts_with(start.as_bytes()));
        match frame.fields().as_slice() {
            [b"QNG", ..] if awaited.is_empty() => return Ok(()),
            [b"QNG", ..] => return Err(format!("no answer to {awaited:?}")),
            [code, b"5" | b"6" | b"7"] if code.iter().all(u8::is_ascii_digit) => {
                return Err(format!("refused: {}", frame.describe()));
            }
            _ => {}
        }
    }
}

/// Sends a command and reads its answer, leaving out what comes unasked.
async fn ask(
    connection: &mut Connection,
    command: &str,
    rest: &str,
    answer: &str,
) -> Result<Frame, String> {
    let line = format!("{command} {rest}");
    connection
        .send(format!("{}\r\n", line.trim_end()).as_bytes())
        .await;
    let frame = frame(connection, answer).await?;
    if frame.line.starts_with(answer.as_bytes()) {
        Ok(frame)
    } else {
        Err(format!("{answer:?} was to come, not {}", frame.describe()))
    }
}

async fn frame(connection: &mut Connection, wanted: &str) -> Result<Frame, String> {
    match connection.next(false).await {
        Arrival::Frame(frame) => Ok(frame),
        Arrival::Closed => Err(format!("{wanted:?} was to come, but the server closed")),
        Arrival::Late(part) | Arrival::Garbled(part) => Err(format!(
            "{wanted:?} was to come, only {:?} came",
            printable(&part)
        )),
    }
}
