//! Conversations: being referred to a switchboard, opening a room, calling somebody, answering
//! (`docs/protocol/03`).

use std::net::SocketAddr;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::connection::{late, unexpected};
use super::ticket::MACHINE;
use super::{ClientError, Connection, DEADLINE};
use crate::wire::Frame;

/// Where a conversation is to be, and the ticket that lets one in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// The switchboard.
    pub server: SocketAddr,
    ticket: String,
}

/// Somebody calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    referral: Referral,
    room: String,
}

impl Invitation {
    /// The switchboard with the room.
    pub fn server(&self) -> SocketAddr {
        self.referral.server
    }
}

/// Asks a notification server for a switchboard: `XFR n SB`.
pub async fn referral(notification: &mut Connection) -> Result<Referral, ClientError> {
    let answer = notification.ask("XFR", "SB").await?;
    let mut fields = answer.parameters();
    fields.next_field();
    let server = server(fields.text().ok(), &answer).await?;
    fields.next_field();
    let ticket = fields.text().map_err(|_| unexpected("a ticket", &answer))?;
    Ok(Referral {
        server,
        ticket: ticket.to_owned(),
    })
}

/// Opens a room on a fresh connection to the switchboard: `USR`.
pub async fn open_room(
    switchboard: &mut Connection,
    address: &str,
    referral: &Referral,
) -> Result<(), ClientError> {
    let handle = handle(switchboard, address);
    let wish = format!("{handle} {}", referral.ticket);
    let answer = switchboard.ask("USR", wish).await?;
    expect_ok(&answer)
}

/// Calls somebody into the room: `CAL`. They ring when this answers.
pub async fn call(switchboard: &mut Connection, callee: &str) -> Result<(), ClientError> {
    switchboard.ask("CAL", callee).await?;
    Ok(())
}

/// Waits on a notification connection until somebody calls: `RNG`.
pub async fn ring(notification: &mut Connection) -> Result<Invitation, ClientError> {
    let frame = notification.until("RNG").await?;
    let mut fields = frame.arguments();
    let room = fields.text().map_err(|_| unexpected("a room", &frame))?;
    let server = server(fields.text().ok(), &frame).await?;
    fields.next_field();
    let ticket = fields.text().map_err(|_| unexpected("a ticket", &frame))?;
    Ok(Invitation {
        referral: Referral {
            server,
            ticket: ticket.to_owned(),
        },
        room: room.to_owned(),
    })
}

/// Enters the room that one was called to, on a fresh connection: `ANS`.
pub async fn answer(
    switchboard: &mut Connection,
    address: &str,
    invitation: &Invitation,
) -> Result<(), ClientError> {
    let ticket = &invitation.referral.ticket;
    let handle = handle(switchboard, address);
    let wish = format!("{handle} {ticket} {}", invitation.room);
    let answer = switchboard.ask("ANS", wish).await?;
    expect_ok(&answer)
}

fn expect_ok(answer: &Frame) -> Result<(), ClientError> {
    if answer.parameters().text() == Ok("OK") {
        Ok(())
    } else {
        Err(unexpected("OK", answer))
    }
}

/// Who enters: with the machine, in the versions that name it (`docs/protocol/10 §8.1`).
fn handle(switchboard: &Connection, address: &str) -> String {
    if switchboard.version().names_its_machine() {
        format!("{address};{MACHINE}")
    } else {
        address.to_owned()
    }
}

/// The address of a switchboard: numbers, or a name to be looked up.
async fn server(text: Option<&str>, frame: &Frame) -> Result<SocketAddr, ClientError> {
    let text = text.ok_or_else(|| unexpected("the address of a switchboard", frame))?;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let looked_up = timeout(DEADLINE, lookup_host(text)).await;
    let mut found = looked_up.map_err(|_| late("the address of a name"))??;
    found
        .next()
        .ok_or_else(|| unexpected("the address of a switchboard", frame))
}
