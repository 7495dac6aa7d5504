//! Hears what the server logs as an error, which is something that somebody has to act upon: no
//! input may bring that about.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// Collects errors of this thread until it is checked.
pub(crate) struct Alarm {
    heard: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Alarm {
    /// Starts to listen.
    pub(crate) fn set() -> Self {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let listener = Listener(Arc::clone(&heard));
        Self {
            heard,
            _guard: tracing::subscriber::set_default(listener),
        }
    }

    /// Panics if there was an error.
    pub(crate) fn check(self) {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(heard.is_empty(), "the server logged errors: {heard:#?}");
    }
}

struct Listener(Arc<Mutex<Vec<String>>>);

/// The fields of an event as one line.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        use std::fmt::Write as _;
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
