//! A connection before a session is carried over it: the bytes, who sent them, and how long they
//! may take to say who they are.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Sleep, sleep};
use tokio_util::codec::Decoder;

use super::alarms::Alarms;
use super::listener::Arrival;
use super::spare;
use super::transport::Transport;
use super::{Admission, CloseReason, Tunnelled};
use crate::metrics::Metrics;
use crate::shutdown::{Shutdown, Stage};
use crate::wire::{CodecError, Frame, FrameCodec, Role};

/// After a deliberate close: how long and how much a peer may still send, so that it reads our
/// last line before its connection is reset (`docs/protocol/00 §6`).
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 * 1024;

/// A connection before it is known what it is for.
#[derive(Debug)]
pub struct Link {
    pub(super) transport: Transport,
    peer: SocketAddr,
    local: SocketAddr,
    pub(super) admission: Admission,
    /// A spare one while the connection is at work; else what half a frame takes.
    pub(super) buffer: BytesMut,
    pub(super) is_at_work: bool,
    /// Until when it has to be known who the peer is; nothing once that is known.
    pub(super) deadline: Option<Pin<Box<Sleep>>>,
    pub(super) alarms: Alarms,
    pub(super) shutdown: Shutdown,
    pub(super) metrics: Metrics,
}

impl Link {
    /// A connection over TCP, which has `sign_in` to show whose it is. In a box, because there is
    /// one of these in everything that an idle connection waits in.
    pub fn new(
        arrival: Arrival,
        sign_in: Duration,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Box<Self> {
        let transport = Transport::Socket(arrival.stream);
        let ends = (arrival.peer, arrival.local);
        Self::over(
            transport,
            ends,
            arrival.admission,
            sign_in,
            shutdown,
            metrics,
        )
    }

    /// A connection without a socket.
    pub fn tunnelled(
        tunnelled: Tunnelled,
        sign_in: Duration,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Box<Self> {
        let transport = Transport::Pipe(tunnelled.end);
        let ends = (tunnelled.peer, tunnelled.local);
        Self::over(
            transport,
            ends,
            tunnelled.admission,
            sign_in,
            shutdown,
            metrics,
        )
    }

    fn over(
        transport: Transport,
        (peer, local): (SocketAddr, SocketAddr),
        admission: Admission,
        sign_in: Duration,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> Box<Self> {
        Box::new(Self {
            transport,
            peer,
            local,
            buffer: BytesMut::new(),
            is_at_work: false,
            deadline: Some(Box::pin(sleep(sign_in))),
            alarms: Alarms::new(&shutdown, admission.evicted()),
            admission,
            shutdown,
            metrics,
        })
    }

    /// Where the client connects from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The address that the client connected to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for the first frame, which tells what the connection is for.
    pub async fn first_frame(&mut self) -> Result<Frame, CloseReason> {
        let mut codec = FrameCodec::new(Role::Notification);
        loop {
            let decoded = codec.decode(&mut self.buffer);
            if let Some(frame) = decoded.map_err(|error| close_reason(&error))? {
                return Ok(frame);
            }
            poll_fn(|cx| {
                self.alarms.listen(cx);
                if self.shutdown.stage() > Stage::Running {
                    return Poll::Ready(Err(CloseReason::Shutdown));
                }
                self.poll_patience(cx)?;
                let read = self.poll_read(cx);
                if read.is_pending() {
                    self.rest();
                }
                read
            })
            .await?;
        }
    }

    /// Takes what has arrived. A peer that closed its side has ended the connection.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let readable = ready!(self.transport.poll_readable(cx));
        self.work();
        let read = self.transport.poll_read(cx, &mut self.buffer);
        match readable.and(ready!(read)) {
            Ok(0) | Err(_) => Poll::Ready(Err(CloseReason::Eof)),
            Ok(_) => {
                self.admission.spoke();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Fails when the time of a peer that has not shown who it is, or its place, is gone.
    pub(super) fn poll_patience(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        let Some(deadline) = &mut self.deadline else {
            return Ok(());
        };
        if self.admission.evicted().is_cancelled() {
            return Err(CloseReason::Evicted);
        }
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Err(CloseReason::SignInTimeout),
            Poll::Pending => Ok(()),
        }
    }

    /// Has a buffer to read into.
    pub(super) fn work(&mut self) {
        if !self.is_at_work {
            let rest = std::mem::replace(&mut self.buffer, spare::take());
            self.buffer.extend_from_slice(&rest);
            self.is_at_work = true;
        }
    }

    /// Gives back what only somebody at work needs; half a frame stays.
    pub(super) fn rest(&mut self) {
        if self.is_at_work {
            let rest = BytesMut::from(&self.buffer[..]);
            spare::give(std::mem::replace(&mut self.buffer, rest));
            self.is_at_work = false;
        }
    }

    /// The peer has shown who it is.
    pub(super) fn establish(&mut self) {
        self.deadline = None;
        self.alarms.ignore_eviction();
        self.admission.signed_in();
    }

    /// Ends our side, and listens a moment longer so that the peer gets to read the last line.
    pub(super) async fn close(&mut self) {
        // What a pipe holds is there to be fetched without its session.
        let Transport::Socket(stream) = &mut self.transport else {
            return;
        };
        let linger = async {
            let _ = stream.shutdown().await;
            let mut discarded = 0;
            while discarded < LINGER_BYTES {
                self.buffer.clear();
                match stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => discarded += read,
                }
            }
        };
        tokio::select! {
            () = self.shutdown.hard().cancelled() => {}
            _ = tokio::time::timeout(LINGER, linger) => {}
        }
    }
}

pub(super) fn close_reason(error: &CodecError) -> CloseReason {
    match error {
        CodecError::LineTooLong | CodecError::PayloadTooLong { .. } => CloseReason::TooLarge,
        CodecError::BadLength => CloseReason::Protocol,
        CodecError::Io(_) => CloseReason::Eof,
    }
}
