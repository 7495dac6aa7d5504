//! What one account sees of another right now, and small messages between the two.

use std::sync::Arc;

use super::Hub;
use super::online::OnlineGuard;
use crate::model::{Address, Guid, List, Notice, NsEvent, Presence, UserId};

impl Hub {
    /// The presence of `other`, if `viewer` is online, follows them and is let see them.
    pub fn visible_to(&self, viewer: UserId, other: UserId) -> Option<Arc<Presence>> {
        let area = self.presence();
        let standing = &area.online(viewer)?.standing;
        let online = area.online(other)?;
        let follows = standing.lists_of(other).has(List::Forward);
        let is_seen = follows && online.standing.lets_see(viewer);
        online.shown().filter(|_| is_seen).cloned()
    }

    /// Hands a notice to the places of another account, or to the one named by `to`; to the other
    /// places of the sender's own account if that is whose address it is. `false` if nobody who
    /// could be called by the sender is there to take it.
    ///
    /// One's own places that are not there are no failure: there may be no other.
    pub fn notify(
        &self,
        from: &OnlineGuard,
        target: &Address,
        to: Option<Guid>,
        notice: Arc<Notice>,
    ) -> bool {
        let user = {
            let area = self.presence();
            let Some((user, online)) = area.online_at(target) else {
                return false;
            };
            let is_own = user == from.user();
            if !is_own && (online.shown().is_none() || !online.standing.lets_see(from.user())) {
                return false;
            }
            user
        };
        let event = NsEvent::Notice(notice);
        let took = self.tell_endpoints(user, to, Some(from.session()), event);
        took > 0 || (user == from.user() && to.is_none())
    }
}
