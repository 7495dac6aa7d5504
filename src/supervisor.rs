//! What is told to the supervisor of the process, in the way of systemd (`sd_notify`): that it is
//! ready, what it does, that it reloads or stops, and that it lives.
//!
//! Without a supervisor that wants to know, which the environment tells, nothing is sent. Nothing
//! here can fail the server: a message that does not arrive is logged, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whoever started the process, if they want to know how it fares.
#[derive(Debug, Default)]
pub struct Supervisor {
    has_failed: AtomicBool,
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message<'a> {
    Ready(&'a str),
    Reloading,
    Stopping,
    Alive,
    Status(&'a str),
}

impl Supervisor {
    /// Whether anybody listens.
    pub fn listens(&self) -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    /// How long the process may be silent before it is taken for dead; `None` for ever.
    pub fn patience(&self) -> Option<Duration> {
        patience()
    }

    /// It can be used from now on, for the first time or after a reload.
    pub fn ready(&self, status: &str) {
        self.say(Message::Ready(status));
    }

    /// It reads its settings again, and will be [`Supervisor::ready`] after that.
    pub fn reloading(&self) {
        self.say(Message::Reloading);
    }

    /// It takes nothing new any more.
    pub fn stopping(&self) {
        self.say(Message::Stopping);
    }

    /// It does what it is there for. To be said only by whoever has just made sure of that.
    pub fn alive(&self) {
        self.say(Message::Alive);
    }

    /// One line for people.
    pub fn status(&self, text: &str) {
        self.say(Message::Status(text));
    }

    fn say(&self, message: Message<'_>) {
        if let Err(error) = send(message)
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "the supervisor cannot be told anything");
        }
    }
}

#[cfg(unix)]
fn send(message: Message<'_>) -> std::io::Result<()> {
    use sd_notify::{NotifyState, notify};
    match message {
        Message::Ready(status) => notify(&[NotifyState::Ready, NotifyState::Status(status)]),
        // The time is what makes `Type=notify-reload` believe it.
        Message::Reloading => notify(&[
            NotifyState::Reloading,
            NotifyState::monotonic_usec_now()?,
            NotifyState::Status("reading the settings again"),
        ]),
        Message::Stopping => notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]),
        Message::Alive => notify(&[NotifyState::Watchdog]),
        Message::Status(text) => notify(&[NotifyState::Status(text)]),
    }
}

#[cfg(unix)]
fn patience() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(unix))]
fn send(_: Message<'_>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn patience() -> Option<Duration> {
    None
}
