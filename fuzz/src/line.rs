//! One connection without a socket: bytes in, checked frames out.

use bytes::BytesMut;
use chrysalis::mailbox::{Inbox, mailbox};
use chrysalis::net::{Session, Turn};
use chrysalis::ns::{NsSession, ServerRole};
use chrysalis::sb::SbSession;
use chrysalis::wire::{FrameCodec, MAX_LINE, Outbox, Role};
use md5::{Digest, Md5};
use std::net::Ipv4Addr;
use tokio_util::codec::Decoder;

use super::world::{Human, PASSWORD, World, local, peer};

/// Events that a connection may have waiting; more than any input makes.
const QUEUE: usize = 4096;

/// The place that everybody is at, in the versions that name one.
pub(crate) const MACHINE: &str = "{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}";

/// A connection with whatever session it carries.
pub(crate) struct Line<S: Session> {
    session: S,
    inbox: Inbox<S::Event>,
    codec: FrameCodec,
    buffer: BytesMut,
    is_open: bool,
}

/// What the server said, a line and its payload each.
pub(crate) type Said = Vec<(String, Vec<u8>)>;

impl Line<NsSession> {
    /// A notification connection that nobody has spoken on yet.
    pub(crate) fn notification(world: &World) -> Self {
        let (mailbox, inbox) = mailbox(QUEUE);
        let session = NsSession::new(
            world.services.clone(),
            world.settings.clone(),
            ServerRole::Notification.into(),
            (peer(), local()),
            mailbox,
        );
        Self::new(session, inbox, Role::Notification)
    }

    /// A client that is signed in, and may be seen.
    pub(crate) async fn signed_in(world: &World, human: &Human, dialect: u8) -> Self {
        let mut line = Self::notification(world);
        let Human {
            address, ticket, ..
        } = human;
        line.tell(&format!("VER 1 MSNP{dialect} CVR0\r\n")).await;
        if dialect >= 8 {
            let client = "0x0409 winnt 5.1 i386 MSNMSGR 8.0.0792 msmsgs";
            line.tell(&format!("CVR 2 {client} {address}\r\n")).await;
        }
        let method = match dialect {
            ..8 => "MD5",
            8..15 => "TWN",
            15.. => "SSO",
        };
        let asked = line.tell(&format!("USR 3 {method} I {address}\r\n")).await;
        let proof = match dialect {
            ..8 => {
                let (question, _) = asked.last().unwrap_or_else(|| panic!("no question"));
                let challenge = question.rsplit(' ').next().unwrap_or_default();
                let digest = Md5::digest(format!("{challenge}{PASSWORD}"));
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            8.. => ticket.clone(),
        };
        let place = match dialect {
            ..16 => String::new(),
            16.. => format!(" {MACHINE}"),
        };
        let proof = format!("USR 4 {method} S {proof}{place}\r\n");
        let welcome = line.tell(&proof).await;
        let is_in = welcome
            .iter()
            .any(|(line, _)| line.starts_with("USR 4 OK "));
        assert!(
            is_in,
            "MSNP{dialect}: {address} cannot sign in: {welcome:?}"
        );
        let list = match dialect {
            ..10 => "SYN 5 0\r\n",
            10..13 => "SYN 5 0 0\r\n",
            13.. => "",
        };
        line.tell(list).await;
        let status = match dialect {
            ..8 => "NLN",
            8..16 => "NLN 0",
            16.. => "NLN 0:0",
        };
        let shown = line.tell(&format!("CHG 6 {status}\r\n")).await;
        let is_shown = shown.iter().any(|(line, _)| line.starts_with("CHG 6 NLN"));
        assert!(is_shown, "MSNP{dialect}: {address} is not shown: {shown:?}");
        line
    }
}

impl Line<SbSession> {
    /// A switchboard connection that nobody has spoken on yet.
    pub(crate) fn switchboard(world: &World) -> Self {
        let (mailbox, inbox) = mailbox(QUEUE);
        let session = SbSession::new(world.services.clone(), Ipv4Addr::LOCALHOST.into(), mailbox);
        Self::new(session, inbox, Role::Switchboard)
    }
}

impl<S: Session> Line<S> {
    fn new(session: S, inbox: Inbox<S::Event>, role: Role) -> Self {
        Self {
            session,
            inbox,
            codec: FrameCodec::new(role),
            buffer: BytesMut::new(),
            is_open: true,
        }
    }

    /// Whether the server would still read from it.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Sends text that a client would send, and returns what comes at once.
    pub(crate) async fn tell(&mut self, text: &str) -> Said {
        self.feed(text.as_bytes()).await
    }

    /// Sends bytes, handles every frame that they complete, and returns the answers.
    pub(crate) async fn feed(&mut self, bytes: &[u8]) -> Said {
        let mut said = Said::new();
        if !self.is_open {
            return said;
        }
        self.buffer.extend_from_slice(bytes);
        while self.is_open {
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(frame)) => {
                    let mut out = Outbox::in_pieces();
                    let turn = self.session.handle(frame, &mut out).await;
                    self.is_open = !matches!(turn, Turn::Close(_));
                    said.extend(frames(&out, Whose::Own));
                }
                Ok(None) => break,
                Err(_) => self.is_open = false,
            }
        }
        said
    }

    /// What the server has to say without being asked.
    pub(crate) async fn hear(&mut self) -> Said {
        let mut said = Said::new();
        for event in self.inbox.drain() {
            if !self.is_open {
                break;
            }
            let mut out = Outbox::in_pieces();
            let turn = self.session.notice(event, &mut out);
            self.is_open = !matches!(turn, Turn::Close(_));
            said.extend(frames(&out, Whose::Others));
        }
        assert!(!self.inbox.has_overflowed(), "too many events");
        said
    }
}

/// Who has chosen the words of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The client that gets it: an answer repeats fields as they were spelled, whatever that was.
    Own,
    /// Perhaps somebody else, whose spelling must not reach it unless it is text.
    Others,
}

/// The frames of an outbox, each of which must be one that a client can read.
fn frames(out: &Outbox, whose: Whose) -> impl Iterator<Item = (String, Vec<u8>)> {
    out.pieces().map(move |frame| well_formed(frame, whose))
}

/// Splits a frame into its line and its payload. Panics for what would put a client out of step.
fn well_formed(frame: &[u8], whose: Whose) -> (String, Vec<u8>) {
    let shown = frame.escape_ascii();
    let end = frame.windows(2).position(|two| two == b"\r\n");
    let end = end.unwrap_or_else(|| panic!("no line: {shown}"));
    let (line, payload) = frame.split_at(end);
    let payload = payload.get(2..).unwrap_or_default();
    assert!(line.len() < MAX_LINE, "too long: {shown}");
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'), "{shown}");
    if whose == Whose::Others {
        let text = std::str::from_utf8(line).unwrap_or_else(|_| panic!("no text: {shown}"));
        assert!(!text.contains(|it: char| it.is_control()), "{shown}");
    }
    let line = String::from_utf8_lossy(line).into_owned();
    let is_verb = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit();
    let verb = line.split(' ').next().unwrap_or_default();
    assert!(verb.len() == 3 && verb.bytes().all(is_verb), "{shown}");
    let last = line.rsplit(' ').next().unwrap_or_default();
    let announced = match verb {
        "MSG" | "UBX" | "NOT" | "UBN" | "UBM" | "NFY" => last.parse().ok(),
        _ if payload.is_empty() => Some(0),
        _ => last.parse().ok(),
    };
    assert_eq!(announced, Some(payload.len()), "wrong length: {shown}");
    (line, payload.to_owned())
}
