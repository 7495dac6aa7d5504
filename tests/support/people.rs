//! People with a client each, and their conversations, for tests that are not transcripts.
//!
//! Everybody is called `name@example.com`, has the same password and may sign in the oldest way.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpSocket;

use super::client::{Connection, Frame};
use super::fixture::Fixture;
use super::pattern::printable;
use super::player::Addresses;
use super::sign_in::{self, capabilities};
use super::transcript::SignIn;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "secret-1";

/// Accounts of these names, and what the statements add (`tests/transcripts/README.md`).
pub(crate) fn fixture(names: &[&str], statements: &[&str]) -> Fixture {
    let mut fixture = Fixture::default();
    let accounts = names
        .iter()
        .map(|name| format!("@account {name}@example.com password={PASSWORD} name={name} legacy"));
    let statements = statements.iter().map(|&statement| statement.to_owned());
    for statement in accounts.chain(statements) {
        let (keyword, rest) = statement.split_once(' ').unwrap();
        assert_eq!(fixture.read(keyword, rest), Ok(true), "{statement}");
    }
    fixture
}

/// Opens a connection from another loopback address, or with a receive buffer of its own.
pub(crate) async fn connect(
    to: SocketAddr,
    from: Option<&str>,
    receive_buffer: Option<u32>,
    dialect: u8,
) -> Connection {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(from) = from {
        let from: IpAddr = from.parse().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
    }
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size).unwrap();
    }
    Connection::over(socket.connect(to).await.unwrap(), dialect).unwrap()
}

/// Somebody who is signed in, has the contact list and is on-line.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) dialect: u8,
    pub(crate) ns: Connection,
    next: u32,
}

/// A place in a conversation.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) address: String,
    pub(crate) sb: Connection,
    next: u32,
}

/// What opens a switchboard.
#[derive(Debug, Clone)]
pub(crate) struct RoomKey {
    pub(crate) server: String,
    pub(crate) ticket: String,
}

/// What somebody who is called gets.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    pub(crate) room: String,
    pub(crate) key: RoomKey,
}

impl Addresses {
    /// A connection to the notification server on which nothing has been said yet.
    pub(crate) async fn connect(&self, dialect: u8) -> Connection {
        connect(self.msnp, None, None, dialect).await
    }

    /// Signs somebody in over a fresh connection.
    pub(crate) async fn sign_in(&self, name: &str, dialect: u8) -> Person {
        let connection = self.connect(dialect).await;
        self.sign_in_over(connection, name).await
    }

    /// Signs somebody in over a connection that says nothing yet, up to the first status.
    pub(crate) async fn sign_in_over(&self, connection: Connection, name: &str) -> Person {
        self.try_sign_in(connection, name, PASSWORD)
            .await
            .unwrap_or_else(|reason| panic!("{name} could not sign in: {reason}"))
    }

    /// The same, where it may fail.
    pub(crate) async fn try_sign_in(
        &self,
        mut connection: Connection,
        name: &str,
        password: &str,
    ) -> Result<Person, String> {
        let dialect = connection.dialect;
        let address = format!("{name}@example.com");
        let wish = SignIn::of(&address, dialect);
        sign_in::sign_in(&wish, &address, password, &mut connection, self.http).await?;
        Ok(Person {
            name: name.to_owned(),
            dialect,
            ns: connection,
            next: 100,
        })
    }
}

impl Person {
    pub(crate) fn address(&self) -> String {
        format!("{}@example.com", self.name)
    }

    /// A transaction number that is not used yet.
    pub(crate) fn trid(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Sets a status; the answer must be the next thing that arrives.
    pub(crate) async fn set_status(&mut self, status: &str) {
        let line = format!("CHG {} {status}{}", self.trid(), capabilities(self.dialect));
        self.ns.send(format!("{line}\r\n").as_bytes()).await;
        self.expect(&line).await;
    }

    /// Sets the own name in the way of the dialect.
    pub(crate) async fn rename(&mut self, name: &[u8]) {
        let trid = self.trid();
        let start = if self.dialect < 10 {
            format!("REA {trid} {} ", self.address())
        } else {
            format!("PRP {trid} MFN ")
        };
        let line = [start.as_bytes(), name, b"\r\n"].concat();
        self.ns.send(&line).await;
        let verb = if self.dialect < 10 { "REA" } else { "PRP" };
        let answer = self.ns.until(&format!("{verb} {trid} ")).await;
        assert!(answer.line.ends_with(name), "{}", answer.describe());
    }

    /// The next thing that arrives is this contact's status.
    pub(crate) async fn sees(&mut self, status: &str, other: &Self) -> Frame {
        let network = if self.dialect >= 18 { "1:" } else { "" };
        let start = format!("NLN {status} {network}{} ", other.address());
        self.expect(&start).await
    }

    /// Reads the next thing, which has to be this. Clients with places are told what others say
    /// about themselves along with each status; that is left out.
    async fn expect(&mut self, start: &str) -> Frame {
        loop {
            let frame = self.ns.expect("").await;
            if frame.line.starts_with(start.as_bytes()) {
                return frame;
            }
            let is_data = self.dialect >= 16 && frame.line.starts_with(b"UBX ");
            assert!(is_data, "{start:?} was to come, not {}", frame.describe());
        }
    }

    /// Proves that there is nothing else to read.
    pub(crate) async fn expect_nothing(&mut self) {
        self.ns.send(b"PNG\r\n").await;
        self.expect("QNG").await;
    }

    /// Asks for a new room.
    pub(crate) async fn room_key(&mut self) -> RoomKey {
        let trid = self.trid();
        let answer = self
            .ns
            .ask(&format!("XFR {trid} SB"), &format!("XFR {trid} SB "))
            .await;
        let fields = answer.fields();
        RoomKey {
            server: printable(fields[3]),
            ticket: printable(fields[5]),
        }
    }

    /// Opens a room of one's own.
    pub(crate) async fn open_room(&mut self) -> Seat {
        let key = self.room_key().await;
        let mut seat = self.seat(&key, None).await;
        let line = format!("USR 1 {} {}", seat.address, key.ticket);
        seat.sb.ask(&line, "USR 1 OK ").await;
        seat
    }

    /// The connection to a switchboard on which nothing has been said yet.
    pub(crate) async fn seat(&self, key: &RoomKey, receive_buffer: Option<u32>) -> Seat {
        let server = key.server.parse().unwrap();
        Seat {
            address: self.address(),
            sb: connect(server, None, receive_buffer, self.dialect).await,
            next: 1,
        }
    }

    /// Waits for a call.
    pub(crate) async fn rings(&mut self) -> Ring {
        let ring = self.ns.until("RNG ").await;
        let fields = ring.fields();
        Ring {
            room: printable(fields[1]),
            key: RoomKey {
                server: printable(fields[2]),
                ticket: printable(fields[4]),
            },
        }
    }

    /// Answers a call.
    pub(crate) async fn answer(&self, ring: &Ring, receive_buffer: Option<u32>) -> Seat {
        let mut seat = self.seat(&ring.key, receive_buffer).await;
        let line = format!("ANS 1 {} {} {}", seat.address, ring.key.ticket, ring.room);
        seat.sb.ask(&line, "ANS 1 OK").await;
        seat
    }

    /// Comes into the room that `host` sits in.
    pub(crate) async fn join(&mut self, host: &mut Seat) -> Seat {
        self.join_with_buffer(host, None).await
    }

    /// The same, with a receive buffer of this size.
    pub(crate) async fn join_with_buffer(&mut self, host: &mut Seat, buffer: Option<u32>) -> Seat {
        let trid = host.trid();
        let call = format!("CAL {trid} {}", self.address());
        host.sb.ask(&call, &format!("CAL {trid} RINGING ")).await;
        let ring = self.rings().await;
        let seat = self.answer(&ring, buffer).await;
        host.sb.until(&format!("JOI {} ", seat.address)).await;
        seat
    }
}

impl Seat {
    /// A transaction number that is not used yet.
    pub(crate) fn trid(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Says something of a class, and answers with the number it was said under.
    pub(crate) async fn say(&mut self, class: &str, body: &[u8]) -> u32 {
        let trid = self.trid();
        let line = format!("MSG {trid} {class} {}\r\n", body.len());
        self.sb.send(&[line.as_bytes(), body].concat()).await;
        trid
    }

    /// The next thing that arrives is this message.
    pub(crate) async fn hears(&mut self, from: &str, body: &[u8]) {
        let heard = self.sb.expect(&format!("MSG {from}@example.com ")).await;
        assert!(heard.payload == body, "{}", heard.describe());
    }

    /// Leaves the room.
    pub(crate) async fn leave(mut self) {
        self.sb.send(b"OUT\r\n").await;
        self.sb.until_closed().await;
    }
}

/// A message that a person could have typed.
pub(crate) fn chat(text: &str) -> Vec<u8> {
    format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{text}")
        .into_bytes()
}
