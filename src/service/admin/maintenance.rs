//! The countdown to a stop of the server.
//!
//! It only tells people; the stop itself is the operator's. It is in memory, so a start of the
//! server ends it.

use std::sync::{MutexGuard, PoisonError};

use super::{Actor, AdminOperations};
use crate::model::NsEvent;
use crate::service::Fault;

/// How far ahead a stop may be.
pub const LONGEST_MINUTES: u32 = 24 * 60;

const MINUTE_MS: i64 = 60_000;

/// Minutes before the stop at which everybody is told again.
const REMINDERS: [u32; 8] = [60, 30, 15, 10, 5, 3, 2, 1];

/// What people hear when it is called off.
const CALLED_OFF: &str = "The maintenance was called off. The server stays up.";

/// A stop that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintenance {
    /// When, in epoch milliseconds.
    pub at: i64,
    /// Whole minutes until then, of which the last is 1; 0 from then on.
    pub minutes_left: u32,
    /// Whether nobody can sign in with a client any more.
    pub refuses_sign_ins: bool,
}

#[derive(Debug)]
pub(super) struct Plan {
    at: i64,
    refuses_sign_ins: bool,
    /// What people were told last.
    told: u32,
}

impl AdminOperations {
    /// Tells everybody that the server will stop in so many minutes, in place of what they were
    /// told before.
    pub async fn plan_maintenance(
        &self,
        by: &Actor,
        minutes: u32,
        refuses_sign_ins: bool,
    ) -> Result<(), Fault> {
        let minutes = minutes.clamp(1, LONGEST_MINUTES);
        let meanwhile = if refuses_sign_ins {
            "nobody can sign in"
        } else {
            "people can sign in"
        };
        let detail = format!("in {minutes} minutes; meanwhile {meanwhile}");
        let deed = by.deed("plan maintenance", "everybody", detail);
        self.store.note_deed(deed).await?;
        *self.plan() = Some(Plan {
            at: self.clock.now_ms() + i64::from(minutes) * MINUTE_MS,
            refuses_sign_ins,
            told: minutes,
        });
        self.hub.tell_everybody(&NsEvent::Maintenance { minutes });
        Ok(())
    }

    /// Calls it off and tells everybody. Answers whether there was something to call off.
    pub async fn cancel_maintenance(&self, by: &Actor) -> Result<bool, Fault> {
        if self.plan().is_none() {
            return Ok(false);
        }
        let deed = by.deed("call maintenance off", "everybody", String::new());
        self.store.note_deed(deed).await?;
        let was_planned = self.plan().take().is_some();
        if was_planned {
            self.tell_words(CALLED_OFF);
        }
        Ok(was_planned)
    }

    /// The stop that was told, if there is one.
    pub fn maintenance(&self) -> Option<Maintenance> {
        let now = self.clock.now_ms();
        self.plan().as_ref().map(|plan| Maintenance {
            at: plan.at,
            minutes_left: minutes_until(plan.at, now),
            refuses_sign_ins: plan.refuses_sign_ins,
        })
    }

    /// Whether clients are kept from signing in because the server stops soon.
    pub fn refuses_sign_ins(&self) -> bool {
        self.plan().as_ref().is_some_and(|it| it.refuses_sign_ins)
    }

    /// How many minutes are left, for whoever signs in while it is counted down.
    pub fn minutes_left(&self) -> Option<u32> {
        let left = self.maintenance()?.minutes_left;
        (left > 0).then_some(left)
    }

    /// Tells everybody again, when it is time.
    pub(super) fn remind(&self) {
        let now = self.clock.now_ms();
        let minutes = {
            let mut plan = self.plan();
            let Some(plan) = plan.as_mut() else {
                return;
            };
            let left = minutes_until(plan.at, now);
            let is_due = REMINDERS.iter().any(|&it| left <= it && it < plan.told);
            if left == 0 || !is_due {
                return;
            }
            plan.told = left;
            left
        };
        self.hub.tell_everybody(&NsEvent::Maintenance { minutes });
    }

    fn plan(&self) -> MutexGuard<'_, Option<Plan>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn minutes_until(at: i64, now: i64) -> u32 {
    let left = at.saturating_sub(now).max(0);
    u32::try_from(left.saturating_add(MINUTE_MS - 1) / MINUTE_MS).unwrap_or(u32::MAX)
}
