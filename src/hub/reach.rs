//! What one account sees of another right now, and small messages between the two.

use std::sync::Arc;

use super::Hub;
use super::endpoints::Online;
use super::online::OnlineGuard;
use crate::model::{
    Address, DialectTag, DirectMessage, Guid, List, Notice, NsEvent, Presence, UserId,
};

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

    /// Hands a notice to those places of another account whose dialect `takes` it, or to the one
    /// named by `to`; to the other places of the sender's own account if that is whose address it
    /// is. `false` if nobody who could be called by the sender is there to take it.
    ///
    /// One's own places that are not there are no failure: there may be no other. A place that has
    /// fallen behind takes nothing, so that nobody fills its queue until it is cut off.
    pub fn notify(
        &self,
        from: &OnlineGuard,
        target: &Address,
        to: Option<Guid>,
        notice: Arc<Notice>,
        takes: impl Fn(DialectTag) -> bool,
    ) -> bool {
        let area = self.presence();
        let Some((user, online)) = area.online_at(target) else {
            return false;
        };
        let is_own = user == from.user();
        if !is_own && !is_reachable(online, from.user()) {
            return false;
        }
        let took = online.tell(NsEvent::Notice(notice), |place| {
            let is_meant = to.is_none() || place.id() == to;
            is_meant
                && place.session != from.session()
                && takes(place.dialect)
                && !place.mailbox().is_congested()
        });
        took > 0 || (is_own && to.is_none())
    }

    /// Hands a message without a switchboard to those places of its recipient whose dialect
    /// `takes` it, and which have not fallen behind. `false` if there is none, or nobody whom the
    /// sender could call.
    pub fn deliver_direct(
        &self,
        from: &OnlineGuard,
        message: Arc<DirectMessage>,
        takes: impl Fn(DialectTag) -> bool,
    ) -> bool {
        let area = self.presence();
        let Some((_, online)) = area.online_at(&message.to) else {
            return false;
        };
        if !is_reachable(online, from.user()) {
            return false;
        }
        let took = online.tell(NsEvent::DirectMessage(message), |place| {
            takes(place.dialect)
                && place.session != from.session()
                && !place.mailbox().is_congested()
        });
        took > 0
    }
}

/// Whether `sender` could call this person.
fn is_reachable(online: &Online, sender: UserId) -> bool {
    online.shown().is_some() && online.standing.lets_see(sender)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::RoomLimits;
    use super::super::online::testing::{INBOX, sign_in};
    use super::*;
    use crate::model::{DirectKind, Status};

    /// Whoever may write to somebody must not be able to sign them out by it.
    #[test]
    fn nobody_is_cut_off_by_what_others_send_them() {
        let hub = Hub::new(RoomLimits::default());
        let address = |user: u32| Address::parse(&format!("u{user}@example.com")).unwrap();
        let [mallory, mut victim] = [1, 2].map(|user| sign_in(&hub, UserId(user), &[]));
        for person in [&mallory, &victim] {
            person.set(&hub, Status::Online);
        }
        victim.inbox.drain();
        let notice = Arc::new(Notice {
            from: address(1),
            from_endpoint: None,
            kind: 1,
            body: Bytes::new(),
        });
        let message = Arc::new(DirectMessage {
            from: address(1),
            to: address(2),
            kind: DirectKind::Text,
            body: Bytes::new(),
        });
        let mut taken = 0;
        for _ in 0..INBOX {
            let (to, notice) = (address(2), Arc::clone(&notice));
            taken += usize::from(hub.notify(&mallory.guard, &to, None, notice, |_| true));
            let message = Arc::clone(&message);
            taken += usize::from(hub.deliver_direct(&mallory.guard, message, |_| true));
        }
        assert!(taken > INBOX / 4 && taken < INBOX, "{taken}");
        assert!(!victim.inbox.has_overflowed());
        assert_eq!(victim.inbox.drain().len(), taken);
        // Who has caught up is reached again.
        assert!(hub.deliver_direct(&mallory.guard, message, |_| true));
    }
}
