//! A relay that does nothing but pass bytes on: the floor that a server is compared with.
//!
//! It has what any such server needs, a task that reads and one that writes for every connection
//! and a bounded queue between them, and nothing else: no lines, no accounts, no limits. It cuts
//! messages by their known length and queues each, as any server has to that knows what a message
//! is. With `--batch` it writes all that is queued at once, without it each message alone.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::options::Bare;

/// Pieces that may wait for one connection; whoever brings one more waits.
const QUEUE: usize = 512;
/// Room for what is read at once.
const CHUNK: usize = 64 * 1024;
/// What a relay says when everybody is there.
const READY: &[u8] = b"READY\r\n";

/// The first line of a connection: which room it is for, and what is going to be said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) room: String,
    /// How many connections make the room complete.
    pub(crate) members: usize,
    /// How long each message is.
    pub(crate) length: usize,
    /// Whether the sender is told of each message that was passed on.
    pub(crate) acknowledge: bool,
}

impl Hello {
    fn line(&self) -> String {
        let Self {
            room,
            members,
            length,
            acknowledge,
        } = self;
        format!("HELLO {room} {members} {length} {acknowledge}\r\n")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace();
        if fields.next() != Some("HELLO") {
            return None;
        }
        Some(Self {
            room: fields.next()?.to_owned(),
            members: fields.next()?.parse().ok()?,
            length: fields.next()?.parse().ok().filter(|length| *length > 0)?,
            acknowledge: fields.next()?.parse().ok()?,
        })
    }
}

/// Connects everybody of a room and waits until the relay has them together.
pub(crate) async fn join(server: SocketAddr, hello: &Hello) -> anyhow::Result<Vec<TcpStream>> {
    let mut members = Vec::with_capacity(hello.members);
    for _ in 0..hello.members {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        stream.write_all(hello.line().as_bytes()).await?;
        members.push(stream);
    }
    for member in &mut members {
        let mut ready = [0; READY.len()];
        member.read_exact(&mut ready).await?;
        anyhow::ensure!(ready == READY, "this is no bare relay");
    }
    Ok(members)
}

type Queue = mpsc::Sender<Bytes>;

/// The rooms that are not complete yet.
type Rooms = Arc<Mutex<HashMap<String, Vec<Waiting>>>>;

struct Waiting {
    reading: BufReader<OwnedReadHalf>,
    queue: Queue,
}

/// Relays until the process is ended.
pub(crate) async fn run(wish: &Bare) -> anyhow::Result<()> {
    let wish = (wish.listen, wish.batch, wish.workers);
    // The runtime of the command is for patterns; this one is the server's.
    tokio::task::spawn_blocking(move || {
        let (listen, batch, workers) = wish;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if workers > 0 {
            builder.worker_threads(workers);
        }
        builder.enable_all().build()?.block_on(serve(listen, batch))
    })
    .await?
}

async fn serve(listen: SocketAddr, batch: bool) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen at {listen}"))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    std::io::stdout().flush()?;
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(welcome(stream, rooms.clone(), batch));
    }
}

/// Reads the first line, and starts the room with whoever completes it.
async fn welcome(stream: TcpStream, rooms: Rooms, batch: bool) -> anyhow::Result<()> {
    let (reading, writing) = stream.into_split();
    let mut reading = BufReader::with_capacity(CHUNK, reading);
    let mut line = String::new();
    reading.read_line(&mut line).await?;
    let hello = Hello::parse(&line).context("no greeting")?;
    let (queue, waiting) = mpsc::channel(QUEUE);
    tokio::spawn(write(writing, waiting, batch));
    let complete = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let members = rooms.entry(hello.room.clone()).or_default();
        members.push(Waiting { reading, queue });
        let is_complete = members.len() >= hello.members;
        is_complete.then(|| rooms.remove(&hello.room)).flatten()
    };
    for member in complete.iter().flatten() {
        member.queue.send(Bytes::from_static(READY)).await?;
    }
    let Some(members) = complete else {
        return Ok(());
    };
    let queues: Vec<Queue> = members.iter().map(|member| member.queue.clone()).collect();
    for (number, member) in members.into_iter().enumerate() {
        let mut others = queues.clone();
        others.swap_remove(number);
        let hello = hello.clone();
        tokio::spawn(read(member, others, hello));
    }
    Ok(())
}

/// Passes on what one member says.
async fn read(member: Waiting, others: Vec<Queue>, hello: Hello) -> anyhow::Result<()> {
    let mut socket = member.reading.into_inner();
    let mut buffer = BytesMut::with_capacity(CHUNK);
    loop {
        buffer.reserve(CHUNK);
        if socket.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut acknowledgements = BytesMut::new();
        while buffer.len() >= hello.length {
            let message = buffer.split_to(hello.length).freeze();
            if hello.acknowledge {
                acknowledge(&message, &mut acknowledgements);
            }
            pass_on(message, &others).await?;
        }
        if !acknowledgements.is_empty() {
            member.queue.send(acknowledgements.freeze()).await?;
        }
    }
}

async fn pass_on(bytes: Bytes, others: &[Queue]) -> anyhow::Result<()> {
    for other in others {
        other.send(bytes.clone()).await?;
    }
    Ok(())
}

/// The number of a message stands behind its verb and has seven digits.
fn acknowledge(message: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(b"ACK ");
    out.extend_from_slice(message.get(4..11).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}

/// Writes what is queued for one member.
async fn write(
    mut socket: OwnedWriteHalf,
    mut waiting: mpsc::Receiver<Bytes>,
    batch: bool,
) -> anyhow::Result<()> {
    if !batch {
        while let Some(piece) = waiting.recv().await {
            socket.write_all(&piece).await?;
        }
        return Ok(());
    }
    let mut pieces = Vec::with_capacity(QUEUE);
    let mut together = Vec::with_capacity(CHUNK);
    while waiting.recv_many(&mut pieces, QUEUE).await > 0 {
        if let [piece] = &pieces[..] {
            socket.write_all(piece).await?;
        } else {
            together.clear();
            for piece in &pieces {
                together.extend_from_slice(piece);
            }
            socket.write_all(&together).await?;
        }
        pieces.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read_as_it_was_written() {
        let hello = Hello {
            room: "pair-1".to_owned(),
            members: 2,
            length: 219,
            acknowledge: true,
        };
        assert_eq!(Hello::parse(&hello.line()), Some(hello));
        assert_eq!(Hello::parse("HELLO a 2 0 true"), None);
        assert_eq!(Hello::parse("VER 1 CVR0"), None);
    }
}
