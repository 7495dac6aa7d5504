//! Somebody whose messenger believes to be on TCP: what it says goes through the gateway, in the
//! way of one client, and every answer is looked at.

use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::habits::{Habits, Polling};
use super::http::{Answer, Wire};
use crate::support::client::DEADLINE;
use crate::support::people::{Person, Ring, RoomKey, Seat, connect};
use crate::support::server::TestServer;

/// Two local addresses, one for each role, and the tasks behind them.
#[derive(Debug)]
pub(super) struct Tunnel {
    habits: Habits,
    ns: SocketAddr,
    sb: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Tunnel {
    pub(super) async fn start(http: SocketAddr, habits: Habits) -> Self {
        let listeners = [
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ];
        let [ns, sb] = listeners
            .each_ref()
            .map(|listener| listener.local_addr().unwrap());
        let [for_ns, for_sb] = listeners;
        let tasks = [
            tokio::spawn(serve(for_ns, http, "NS", habits)),
            tokio::spawn(serve(for_sb, http, "SB", habits)),
        ];
        Self {
            habits,
            ns,
            sb,
            tasks,
        }
    }

    /// Signs somebody in.
    pub(super) async fn sign_in(&self, server: &TestServer, name: &str) -> Person {
        let connection = connect(self.ns, None, None, self.habits.dialect).await;
        server.addresses.sign_in_over(connection, name).await
    }

    /// Opens a room of one's own.
    pub(super) async fn open_room(&self, person: &mut Person) -> Seat {
        let key = self.here(person.room_key().await);
        let mut seat = person.seat(&key, None).await;
        let line = format!("USR 1 {} {}", seat.address, key.ticket);
        seat.sb.ask(&line, "USR 1 OK ").await;
        seat
    }

    /// Answers a call.
    pub(super) async fn answer(&self, person: &mut Person) -> Seat {
        let ring = person.rings().await;
        let key = self.here(ring.key);
        person.answer(&Ring { key, ..ring }, None).await
    }

    /// The host of a switchboard is a hint to the gateway; the ticket is what counts.
    fn here(&self, key: RoomKey) -> RoomKey {
        RoomKey {
            server: self.sb.to_string(),
            ..key
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, http: SocketAddr, server: &'static str, habits: Habits) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let carrier = Carrier {
                messenger: stream,
                http,
                habits,
                wire: None,
                id: String::new(),
            };
            carrier.carry(server).await;
        });
    }
}

/// One connection of the messenger.
struct Carrier {
    messenger: TcpStream,
    http: SocketAddr,
    habits: Habits,
    wire: Option<Wire>,
    id: String,
}

/// The session is over, or nobody is interested any more.
struct Over;

impl Carrier {
    async fn carry(mut self, server: &str) {
        let mut said = BytesMut::new();
        if !matches!(self.messenger.read_buf(&mut said).await, Ok(1..)) {
            return;
        }
        let first = match self.habits.opens_empty {
            true => BytesMut::new(),
            false => said.split(),
        };
        let answer = self.exchange(self.habits.open(server, &first)).await;
        self.id = answer.session_id();
        if self.deliver(&answer).await.is_err() {
            return;
        }
        if !said.is_empty() {
            let answer = self.exchange(self.habits.send(&self.id, &said)).await;
            if self.deliver(&answer).await.is_err() {
                return;
            }
        }
        match self.habits.polling {
            Polling::Short(pause) => while self.short_turn(pause).await.is_ok() {},
            Polling::Long => {
                let mut polling = None;
                while self.long_turn(&mut polling).await.is_ok() {}
            }
        }
    }

    /// One request at a time: what the messenger says, or after a pause a poll.
    async fn short_turn(&mut self, pause: std::time::Duration) -> Result<(), Over> {
        let mut said = BytesMut::new();
        let request = tokio::select! {
            read = self.messenger.read_buf(&mut said) => match read {
                Ok(1..) => self.habits.send(&self.id, &said),
                Ok(0) | Err(_) => return Err(Over),
            },
            () = sleep(pause) => self.habits.poll(&self.id),
        };
        let answer = self.exchange(request).await;
        self.deliver(&answer).await
    }

    /// A poll is always open; a command is sent beside it, and completes one that is parked.
    async fn long_turn(&mut self, polling: &mut Option<Wire>) -> Result<(), Over> {
        let mut poll = match polling.take() {
            Some(poll) => poll,
            None => {
                let mut poll = Wire::connect(self.http).await;
                poll.send(&self.habits.poll(&self.id)).await;
                poll
            }
        };
        let mut said = BytesMut::new();
        let polled = tokio::select! {
            answer = poll.answer() => Some(answer.unwrap()),
            read = self.messenger.read_buf(&mut said) => match read {
                Ok(1..) => None,
                Ok(0) | Err(_) => return Err(Over),
            },
        };
        if let Some(answer) = polled {
            return self.deliver(&answer).await;
        }
        let mut sending = Wire::connect(self.http).await;
        sending.send(&self.habits.send(&self.id, &said)).await;
        let mut is_polled = false;
        loop {
            // The command may overtake the poll, which goes on then.
            let (answer, is_sent) = tokio::select! {
                biased;
                answer = poll.answer(), if !is_polled => (answer, false),
                answer = timeout(DEADLINE, sending.answer()) => (answer.unwrap(), true),
            };
            let answer = answer.unwrap();
            if answer.status == 400 {
                // The other one has brought the end.
                return Err(Over);
            }
            self.deliver(&answer).await?;
            if is_sent {
                break;
            }
            is_polled = true;
        }
        if !is_polled {
            *polling = Some(poll);
        }
        Ok(())
    }

    async fn exchange(&mut self, request: Vec<u8>) -> Answer {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::connect(self.http).await,
        };
        wire.send(&request).await;
        let answer = timeout(DEADLINE, wire.answer()).await.unwrap().unwrap();
        if self.habits.keeps_connection {
            self.wire = Some(wire);
        }
        answer
    }

    async fn deliver(&mut self, answer: &Answer) -> Result<(), Over> {
        assert_eq!(answer.session_id(), self.id);
        // Clients read each answer for itself.
        answer.frames();
        self.messenger
            .write_all(&answer.body)
            .await
            .map_err(|_| Over)?;
        if answer.is_last() {
            let _ = self.messenger.shutdown().await;
            return Err(Over);
        }
        Ok(())
    }
}
