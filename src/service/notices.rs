//! What the command line did to the database while the server runs.

use super::Services;
use crate::model::{NsEvent, UserId};
use crate::store::{NoticeKind, StoreError};

/// Follows the notices in the database.
#[derive(Debug)]
pub struct NoticeFollower {
    services: Services,
    seen: i64,
}

impl NoticeFollower {
    /// Starts behind the newest notice there is.
    pub async fn start(services: Services) -> Result<Self, StoreError> {
        let seen = services.store.last_notice().await?;
        Ok(Self { services, seen })
    }

    /// Acts on everything new: closed accounts are signed out, changed lists are read anew.
    pub async fn follow(&mut self) -> Result<(), super::Fault> {
        let notices = self.services.store.notices_after(self.seen).await?;
        // Who leaves goes first, while those who watch them still do.
        for notice in &notices {
            match notice.kind {
                NoticeKind::Disabled | NoticeKind::Deleted { .. } => {
                    self.expel(notice.user).await?;
                }
                NoticeKind::BookChanged
                | NoticeKind::PasswordChanged
                | NoticeKind::CircleChanged { .. } => {}
            }
        }
        for notice in notices {
            match notice.kind {
                NoticeKind::BookChanged => {
                    self.services.presence.reload(notice.user).await?;
                    let at = self.services.clock.now_ms();
                    let event = NsEvent::BookChanged { at };
                    self.services.hub.tell(notice.user, event);
                }
                NoticeKind::CircleChanged { circle } => {
                    let event = NsEvent::CircleChanged { circle };
                    self.services.hub.tell(notice.user, event);
                }
                NoticeKind::Disabled | NoticeKind::Deleted { .. } | NoticeKind::PasswordChanged => {
                }
            }
            self.seen = notice.seq;
        }
        Ok(())
    }

    /// Signs an account out, unless it was enabled again meanwhile: its session may be one that
    /// began after that.
    async fn expel(&self, user: UserId) -> Result<(), super::Fault> {
        let mark = self.services.store.sign_in_mark(user).await?;
        if mark.is_none_or(|mark| mark.disabled) {
            self.services.hub.expel(user);
        }
        Ok(())
    }
}
