//! The clock that hyper waits by.
//!
//! It looks at its deadlines before it looks at what has arrived. After the whole process stood
//! still, in a frozen container or on a machine that slept, every deadline is over, and whoever
//! sent a request meanwhile would be closed unheard. So a deadline that is noticed far too late is
//! put off once: what has arrived is read first.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// So late no machine that is only busy notices a deadline.
const LATE: Duration = Duration::from_secs(1);
/// Enough to read what has arrived.
const GRACE: Duration = Duration::from_secs(1);

/// Makes the waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience;

#[derive(Debug)]
struct Wait {
    sleep: Pin<Box<tokio::time::Sleep>>,
    was_put_off: bool,
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until((tokio::time::Instant::now() + duration).into_std())
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait {
            sleep: Box::pin(tokio::time::sleep_until(deadline.into())),
            was_put_off: false,
        })
    }
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.sleep.as_mut().poll(cx));
        let now = tokio::time::Instant::now();
        if self.was_put_off || now.duration_since(self.sleep.deadline()) < LATE {
            return Poll::Ready(());
        }
        self.was_put_off = true;
        self.sleep.as_mut().reset(now + GRACE);
        self.sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_noticed_late_is_put_off_once() {
        let mut wait = Patience.sleep(Duration::from_secs(15));
        let start = tokio::time::Instant::now();
        tokio::time::advance(Duration::from_secs(60)).await;
        let first = poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        wait.await;
        let took = start.elapsed();
        assert!(
            took >= Duration::from_secs(61) && took < Duration::from_secs(62),
            "{took:?}"
        );
        // One that is noticed in time is none.
        let start = tokio::time::Instant::now();
        Patience.sleep(Duration::from_secs(15)).await;
        assert!(start.elapsed() < Duration::from_secs(16));
    }
}
