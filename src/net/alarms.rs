//! Being woken by what ends a connection from outside.
//!
//! The tokens that tell of it are shared by all connections, and asking one takes its lock. So a
//! connection does that once, to be woken, and asks at every turn only what costs nothing.

use std::pin::Pin;
use std::task::{Context, Waker};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::shutdown::Shutdown;

type Cancelled = Pin<Box<WaitForCancellationFutureOwned>>;

/// Wakes one task when the server stops, or when its connection has to give way.
#[derive(Debug)]
pub(super) struct Alarms {
    stop: Cancelled,
    eviction: Option<Cancelled>,
    /// The task that is woken.
    listener: Option<Waker>,
}

impl Alarms {
    pub(super) fn new(shutdown: &Shutdown, evicted: &CancellationToken) -> Self {
        Self {
            stop: Box::pin(shutdown.soft().clone().cancelled_owned()),
            eviction: Some(Box::pin(evicted.clone().cancelled_owned())),
            listener: None,
        }
    }

    /// Has the calling task woken. What has happened is to be asked where it is known.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) {
        let listener = &mut self.listener;
        if listener.as_ref().is_some_and(|it| it.will_wake(cx.waker())) {
            return;
        }
        *listener = Some(cx.waker().clone());
        // One that has rung already is asked for in the same turn.
        let _ = self.stop.as_mut().poll(cx);
        if let Some(eviction) = &mut self.eviction {
            let _ = eviction.as_mut().poll(cx);
        }
    }

    /// For a connection that is not asked to give way any more.
    pub(super) fn ignore_eviction(&mut self) {
        self.eviction = None;
    }
}
