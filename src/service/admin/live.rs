//! What is live: who is signed in, conversations, words to everybody.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Actor, AdminOperations, PAGE};
use crate::hub::{RoomReport, SignedInPage};
use crate::model::{Announcement, NsEvent, OwnSession, UserId};
use crate::service::Fault;

/// The longest announcement, in characters: alerts are small.
pub const ANNOUNCEMENT_MAX: usize = 300;

/// Conversations that are listed.
const MOST_ROOMS: usize = 200;

impl AdminOperations {
    /// A page of who is signed in where, by address: of those whose address contains `text`. The
    /// first page is number 0.
    pub fn signed_in(&self, text: &str, page: u32) -> SignedInPage {
        let size = PAGE as usize;
        let skip = (page as usize).saturating_mul(size);
        self.hub.signed_in(&text.to_ascii_lowercase(), skip, size)
    }

    /// How many clients are signed in.
    pub fn session_count(&self) -> usize {
        self.hub.session_count()
    }

    /// The sessions of an account.
    pub fn sessions_of(&self, user: UserId) -> Vec<OwnSession> {
        self.hub.sessions_of(user)
    }

    /// The oldest conversations, and how many there are.
    pub fn rooms(&self) -> (usize, Vec<RoomReport>) {
        self.hub.room_reports(Instant::now(), MOST_ROOMS)
    }

    /// Says something to everybody who is signed in. Answers to how many sessions.
    pub async fn announce(&self, by: &Actor, text: &str) -> Result<usize, Fault> {
        let deed = by.deed("announce", "everybody", text.to_owned());
        self.store.note_deed(deed).await?;
        Ok(self.tell_words(text))
    }

    pub(super) fn tell_words(&self, text: &str) -> usize {
        let number = self.announcements.fetch_add(1, Ordering::Relaxed);
        let announcement = Announcement {
            number,
            text: text.into(),
        };
        let event = NsEvent::Announcement(Arc::new(announcement));
        self.hub.tell_everybody(&event)
    }
}
