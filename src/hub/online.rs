//! Who is online, and who hears about it (`docs/protocol/02 §8`).
//!
//! A person is *told* about a contact when they have set their first status, the contact is on
//! their forward list, and the contact lets them see. The reverse index `watchers` holds the
//! first two conditions; the third is asked of the contact's standing at every event.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Hub;
use crate::mailbox::Mailbox;
use crate::model::{
    Address, Capabilities, DialectTag, Label, List, ListSet, NsEvent, PersonalMessage, Presence,
    PresenceNews, SessionId, Standing, StandingChange, StandingEdit, Status, UserId,
};

/// Everything under the presence lock.
#[derive(Debug, Default)]
pub(super) struct PresenceArea {
    online: HashMap<UserId, Online>,
    by_address: HashMap<Address, UserId>,
    /// From a contact to those who are online, have set a status and follow them.
    watchers: HashMap<UserId, HashSet<UserId>>,
}

/// One signed-in account.
#[derive(Debug)]
struct Online {
    address: Address,
    name: Label,
    message: PersonalMessage,
    standing: Standing,
    session: SessionId,
    mailbox: Mailbox<NsEvent>,
    dialect: DialectTag,
    accepts_calls: bool,
    /// Nothing before the first status.
    presence: Option<Arc<Presence>>,
}

/// What is needed to enter.
#[derive(Debug)]
pub struct Entrance {
    pub user: UserId,
    pub address: Address,
    pub name: Label,
    pub message: PersonalMessage,
    pub standing: Standing,
    pub session: SessionId,
    pub mailbox: Mailbox<NsEvent>,
    pub dialect: DialectTag,
}

/// A status that a person sets, with what comes along.
#[derive(Debug, Clone)]
pub struct StateChange {
    pub status: Status,
    pub capabilities: Capabilities,
    pub picture: Option<Label>,
}

/// Somebody who may take part in a conversation, as of now.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) address: Address,
    pub(super) name: Label,
    pub(super) capabilities: Capabilities,
    pub(super) dialect: DialectTag,
}

/// Keeps a session online; dropping it signs the session off.
#[derive(Debug)]
pub struct OnlineGuard {
    hub: Hub,
    user: UserId,
    session: SessionId,
}

impl OnlineGuard {
    pub fn user(&self) -> UserId {
        self.user
    }

    pub fn session(&self) -> SessionId {
        self.session
    }
}

impl Drop for OnlineGuard {
    fn drop(&mut self) {
        {
            let mut area = self.hub.presence();
            area.leave(self.user, self.session);
            self.hub.leave_circles(self.user, self.session);
        }
        self.hub.close_rooms_of(self.session);
    }
}

impl Hub {
    /// Brings an account online, without a status yet. A session it has already is replaced: it
    /// is told, and its rooms close.
    pub fn enter(&self, entrance: Entrance) -> OnlineGuard {
        let (user, session) = (entrance.user, entrance.session);
        let replaced = {
            let mut area = self.presence();
            let replaced = area.enter(entrance);
            if let Some(old) = replaced {
                self.leave_circles(user, old);
            }
            replaced
        };
        if let Some(old) = replaced {
            self.close_rooms_of(old);
        }
        OnlineGuard {
            hub: self.clone(),
            user,
            session,
        }
    }

    /// Sets the status. The first one answers with the contacts who are online and let themselves
    /// be seen; later ones with nobody.
    pub fn set_state(&self, guard: &OnlineGuard, change: StateChange) -> Vec<Arc<Presence>> {
        let mut area = self.presence();
        let snapshot = area.set_state(guard, change);
        self.settle_circles(&area, guard.user);
        snapshot
    }

    /// Sets the display name that others see.
    pub fn set_name(&self, user: UserId, name: Label) {
        let mut area = self.presence();
        area.change(user, PresenceNews::State, |online| {
            online.name = name;
        });
        self.settle_circles(&area, user);
    }

    /// Sets the personal message that others see.
    pub fn set_message(&self, user: UserId, message: PersonalMessage) {
        let mut area = self.presence();
        area.change(user, PresenceNews::Message, |online| {
            online.message = message;
        });
        self.settle_circles(&area, user);
    }

    /// The personal message as it is now; `None` for somebody who is not online.
    pub fn message(&self, user: UserId) -> Option<PersonalMessage> {
        self.presence()
            .online
            .get(&user)
            .map(|online| online.message.clone())
    }

    /// Sets whether calls ring.
    pub fn set_accepts_calls(&self, guard: &OnlineGuard, accepts: bool) {
        if let Some(online) = self.presence().current(guard.user, guard.session) {
            online.accepts_calls = accepts;
        }
    }

    /// Brings a standing up to date and tells whoever sees more or less of its owner now. Answers
    /// with the presence of a contact whom the owner follows since this edit, if they are to be
    /// seen.
    pub fn apply(&self, edit: &StandingEdit) -> Option<Arc<Presence>> {
        let mut area = self.presence();
        let presence = area.apply(edit);
        self.settle_circles(&area, edit.owner);
        presence
    }

    /// The same for a standing that was read anew as a whole, because somebody else changed it.
    /// Answers `false` if it is older than what is known: then it has to be read again, for what
    /// is known lacks that other change.
    pub fn replace_standing(&self, user: UserId, standing: Standing) -> bool {
        let mut area = self.presence();
        let is_current = area.replace_standing(user, standing);
        self.settle_circles(&area, user);
        is_current
    }

    /// Takes an account offline whose right to be here has ended, and tells its session.
    pub fn expel(&self, user: UserId) {
        let session = {
            let mut area = self.presence();
            let session = area.expel(user);
            if let Some(session) = session {
                self.leave_circles(user, session);
            }
            session
        };
        if let Some(session) = session {
            self.close_rooms_of(session);
        }
    }

    /// The address of an account that is online.
    pub fn address(&self, user: UserId) -> Option<Address> {
        let area = self.presence();
        area.online.get(&user).map(|online| online.address.clone())
    }

    /// Posts an event to an account; `false` if it is not online or its queue is full.
    pub fn tell(&self, user: UserId, event: NsEvent) -> bool {
        let area = self.presence();
        area.online
            .get(&user)
            .is_some_and(|online| online.mailbox.post(event))
    }

    /// Whether the session may open a conversation: it has a status, is not hidden and takes
    /// calls itself (`docs/protocol/02 §11`).
    pub fn may_converse(&self, guard: &OnlineGuard) -> bool {
        self.presence()
            .current(guard.user, guard.session)
            .is_some_and(|online| online.accepts_calls && online.is_shown())
    }

    /// The account behind an address and its session, if `caller` may ring it now.
    pub(super) fn callee(&self, caller: UserId, address: &Address) -> Option<(UserId, SessionId)> {
        let area = self.presence();
        let user = *area.by_address.get(address)?;
        let online = area.online.get(&user)?;
        let reachable =
            online.accepts_calls && online.is_shown() && online.standing.lets_see(caller);
        reachable.then_some((user, online.session))
    }

    /// A session as others see it in a conversation; `None` once it is over.
    pub(super) fn participant(&self, user: UserId, session: SessionId) -> Option<Participant> {
        let mut area = self.presence();
        let online = area.current(user, session)?;
        Some(Participant {
            address: online.address.clone(),
            name: online.name.clone(),
            capabilities: online
                .presence
                .as_ref()
                .map(|presence| presence.capabilities)
                .unwrap_or_default(),
            dialect: online.dialect,
        })
    }

    /// How many accounts are online.
    pub fn online_count(&self) -> usize {
        self.presence().online.len()
    }

    /// Whether an account is online.
    pub fn is_online(&self, user: UserId) -> bool {
        self.presence().online.contains_key(&user)
    }
}

impl Online {
    /// Whether anybody can be shown this person at all.
    fn is_shown(&self) -> bool {
        self.shown().is_some()
    }

    /// What those who may see this person see; nothing while they have no status or are hidden.
    fn shown(&self) -> Option<&Arc<Presence>> {
        self.presence
            .as_ref()
            .filter(|presence| presence.status != Status::Hidden)
    }

    fn offline_event(&self) -> NsEvent {
        NsEvent::ContactOffline {
            address: self.address.clone(),
        }
    }
}

fn presence_event(presence: &Arc<Presence>, news: PresenceNews) -> NsEvent {
    NsEvent::ContactPresence {
        presence: Arc::clone(presence),
        news,
    }
}

impl PresenceArea {
    /// What everybody may be shown of somebody; nothing while they have no status or are hidden.
    pub(super) fn shown_to_others(&self, user: UserId) -> Option<Arc<Presence>> {
        self.online.get(&user)?.shown().cloned()
    }

    /// Whether somebody has blocked somebody else by name.
    pub(super) fn blocks(&self, user: UserId, other: UserId) -> bool {
        self.online
            .get(&user)
            .is_some_and(|online| online.standing.lists_of(other).has(List::Block))
    }

    /// How a session is called and reached; `None` once it is over.
    pub(super) fn seat_of(&self, guard: &OnlineGuard) -> Option<(Address, Mailbox<NsEvent>)> {
        let online = self.online.get(&guard.user)?;
        (online.session == guard.session).then(|| (online.address.clone(), online.mailbox.clone()))
    }

    fn current(&mut self, user: UserId, session: SessionId) -> Option<&mut Online> {
        self.online
            .get_mut(&user)
            .filter(|online| online.session == session)
    }

    fn enter(&mut self, entrance: Entrance) -> Option<SessionId> {
        let user = entrance.user;
        let replaced = self.online.get(&user).map(|online| {
            online.mailbox.post(NsEvent::SignedInElsewhere);
            online.session
        });
        if let Some(old) = replaced {
            self.leave(user, old);
        }
        self.by_address.insert(entrance.address.clone(), user);
        let online = Online {
            address: entrance.address,
            name: entrance.name,
            message: entrance.message,
            standing: entrance.standing,
            session: entrance.session,
            mailbox: entrance.mailbox,
            dialect: entrance.dialect,
            accepts_calls: true,
            presence: None,
        };
        self.online.insert(user, online);
        replaced
    }

    /// Takes a session offline; does nothing for one that was replaced.
    fn leave(&mut self, user: UserId, session: SessionId) {
        if self.current(user, session).is_none() {
            return;
        }
        let Some(gone) = self.online.remove(&user) else {
            return;
        };
        self.by_address.remove(&gone.address);
        if gone.presence.is_some() {
            for followed in gone.standing.followed() {
                self.unwatch(user, followed);
            }
        }
        if gone.is_shown() {
            let event = gone.offline_event();
            self.tell_those_who_see(user, &gone.standing, &event);
        }
    }

    fn set_state(&mut self, guard: &OnlineGuard, change: StateChange) -> Vec<Arc<Presence>> {
        let Some(online) = self.current(guard.user, guard.session) else {
            return Vec::new();
        };
        let before = online.presence.take();
        let now = Arc::new(Presence {
            user: guard.user,
            address: online.address.clone(),
            name: online.name.clone(),
            status: change.status,
            capabilities: change.capabilities,
            picture: change.picture,
            message: online.message.clone(),
        });
        online.presence = Some(Arc::clone(&now));
        let snapshot = match &before {
            None => self.start_watching(guard.user),
            Some(_) => Vec::new(),
        };
        self.announce(guard.user, before.as_ref(), &now, PresenceNews::State);
        snapshot
    }

    /// Changes a field of a presence and tells those who see it.
    fn change(&mut self, user: UserId, news: PresenceNews, change: impl FnOnce(&mut Online)) {
        let Some(online) = self.online.get_mut(&user) else {
            return;
        };
        change(online);
        let Some(before) = online.presence.take() else {
            return;
        };
        let now = Arc::new(Presence {
            name: online.name.clone(),
            message: online.message.clone(),
            ..(*before).clone()
        });
        online.presence = Some(Arc::clone(&now));
        self.announce(user, Some(&before), &now, news);
    }

    fn announce(
        &self,
        user: UserId,
        before: Option<&Arc<Presence>>,
        now: &Arc<Presence>,
        news: PresenceNews,
    ) {
        let Some(online) = self.online.get(&user) else {
            return;
        };
        let was_shown = before.is_some_and(|presence| presence.status != Status::Hidden);
        let event = match (was_shown, online.is_shown()) {
            (false, false) => return,
            (false, true) => presence_event(now, PresenceNews::Appeared),
            (true, false) => online.offline_event(),
            (true, true) if before == Some(now) => return,
            (true, true) => presence_event(now, news),
        };
        self.tell_those_who_see(user, &online.standing, &event);
    }

    fn tell_those_who_see(&self, user: UserId, standing: &Standing, event: &NsEvent) {
        for (&watcher, online) in self.watchers_of(user) {
            if standing.lets_see(watcher) {
                online.mailbox.post(event.clone());
            }
        }
    }

    fn watchers_of(&self, user: UserId) -> impl Iterator<Item = (&UserId, &Online)> {
        self.watchers
            .get(&user)
            .into_iter()
            .flatten()
            .filter_map(|watcher| Some((watcher, self.online.get(watcher)?)))
    }

    /// Registers `user` with everybody they follow, and answers who of them is to be seen.
    fn start_watching(&mut self, user: UserId) -> Vec<Arc<Presence>> {
        let followed: Vec<UserId> = match self.online.get(&user) {
            Some(online) => online.standing.followed().collect(),
            None => return Vec::new(),
        };
        followed
            .into_iter()
            .filter_map(|contact| self.watch(user, contact))
            .collect()
    }

    fn watch(&mut self, user: UserId, contact: UserId) -> Option<Arc<Presence>> {
        self.watchers.entry(contact).or_default().insert(user);
        let online = self.online.get(&contact)?;
        online
            .shown()
            .filter(|_| online.standing.lets_see(user))
            .cloned()
    }

    fn unwatch(&mut self, user: UserId, contact: UserId) {
        if let Some(watchers) = self.watchers.get_mut(&contact) {
            watchers.remove(&user);
            if watchers.is_empty() {
                self.watchers.remove(&contact);
            }
        }
    }

    fn apply(&mut self, edit: &StandingEdit) -> Option<Arc<Presence>> {
        let online = self.online.get_mut(&edit.owner)?;
        if edit.revision <= online.standing.revision {
            return None;
        }
        match edit.change {
            StandingChange::Nothing => {
                online.standing.apply(edit);
                None
            }
            StandingChange::Lists(other, lists) => {
                let before = online.standing.lists_of(other);
                let saw = online.standing.lets_see(other);
                online.standing.apply(edit);
                self.visibility_changed(edit.owner, other, saw);
                self.following_changed(edit.owner, other, before, lists)
            }
            StandingChange::Privacy(_) => {
                let before = online.standing.clone();
                online.standing.apply(edit);
                self.visibility_changed_for_all(edit.owner, &before);
                None
            }
        }
    }

    fn expel(&mut self, user: UserId) -> Option<SessionId> {
        let online = self.online.get(&user)?;
        online.mailbox.post(NsEvent::AccountClosed);
        let session = online.session;
        self.leave(user, session);
        Some(session)
    }

    fn replace_standing(&mut self, user: UserId, standing: Standing) -> bool {
        let Some(online) = self.online.get_mut(&user) else {
            return true;
        };
        if standing.revision < online.standing.revision {
            return false;
        }
        let before = std::mem::replace(&mut online.standing, standing);
        let after: HashMap<UserId, ListSet> = online.standing.lists.clone();
        self.visibility_changed_for_all(user, &before);
        let everybody: HashSet<UserId> = before.lists.keys().chain(after.keys()).copied().collect();
        for other in everybody {
            let lists = after.get(&other).copied().unwrap_or_default();
            if let Some(presence) =
                self.following_changed(user, other, before.lists_of(other), lists)
                && let Some(online) = self.online.get(&user)
            {
                online
                    .mailbox
                    .post(presence_event(&presence, PresenceNews::Appeared));
            }
        }
        true
    }

    /// Starts or stops watching a contact who came onto or left the forward list.
    fn following_changed(
        &mut self,
        user: UserId,
        contact: UserId,
        before: ListSet,
        after: ListSet,
    ) -> Option<Arc<Presence>> {
        self.online.get(&user)?.presence.as_ref()?;
        match (before.has(List::Forward), after.has(List::Forward)) {
            (false, true) => self.watch(user, contact),
            (true, false) => {
                self.unwatch(user, contact);
                None
            }
            (true, true) | (false, false) => None,
        }
    }

    fn visibility_changed_for_all(&self, user: UserId, before: &Standing) {
        for (&watcher, _) in self.watchers_of(user) {
            self.visibility_changed(user, watcher, before.lets_see(watcher));
        }
    }

    /// Tells `watcher` that `user` appeared or vanished, if their right to see has changed.
    fn visibility_changed(&self, user: UserId, watcher: UserId, saw: bool) {
        let (Some(online), Some(other)) = (self.online.get(&user), self.online.get(&watcher))
        else {
            return;
        };
        let watches = self
            .watchers
            .get(&user)
            .is_some_and(|watchers| watchers.contains(&watcher));
        let Some(presence) = online.shown().filter(|_| watches) else {
            return;
        };
        match (saw, online.standing.lets_see(watcher)) {
            (true, false) => other.mailbox.post(online.offline_event()),
            (false, true) => other
                .mailbox
                .post(presence_event(presence, PresenceNews::Appeared)),
            (true, true) | (false, false) => return,
        };
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Signed-in people for tests of the hub.
    use super::*;
    use crate::mailbox::{Inbox, mailbox};
    use crate::model::Privacy;

    pub(in super::super) struct Person {
        pub(in super::super) guard: OnlineGuard,
        pub(super) inbox: Inbox<NsEvent>,
    }

    /// Signs `u<number>@example.com` in, with lists given as bits.
    pub(in super::super) fn sign_in(hub: &Hub, user: UserId, lists: &[(UserId, u8)]) -> Person {
        let (mailbox, inbox) = mailbox(16);
        let lists = lists
            .iter()
            .map(|&(user, bits)| (user, ListSet::from_bits(bits)))
            .collect();
        let guard = hub.enter(Entrance {
            user,
            address: Address::parse(&format!("u{user}@example.com")).unwrap(),
            name: Label::from_stored("name"),
            message: PersonalMessage::default(),
            standing: Standing {
                revision: 1,
                privacy: Privacy::AllowOthers,
                lists,
            },
            session: hub.new_session(),
            mailbox,
            dialect: DialectTag(8),
        });
        Person { guard, inbox }
    }

    impl Person {
        pub(in super::super) fn set(&self, hub: &Hub, status: Status) -> Vec<Arc<Presence>> {
            let change = StateChange {
                status,
                capabilities: Capabilities::default(),
                picture: None,
            };
            hub.set_state(&self.guard, change)
        }

        /// What has arrived so far about circles, in short words.
        pub(in super::super) fn circle_news(&mut self) -> Vec<String> {
            self.inbox
                .drain()
                .into_iter()
                .filter_map(|event| match event {
                    NsEvent::Circle(event) => Some(format!("{:?}", event.news)),
                    _ => None,
                })
                .collect()
        }

        /// What has arrived so far, in short words.
        pub(super) fn heard(&mut self) -> Vec<String> {
            self.inbox
                .drain()
                .into_iter()
                .map(|event| match event {
                    NsEvent::ContactPresence { presence, news } => {
                        format!("{news:?} {:?}", presence.status)
                    }
                    NsEvent::ContactOffline { .. } => "offline".to_owned(),
                    other => format!("{other:?}"),
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rooms::RoomLimits;
    use super::testing::{Person, sign_in};
    use super::*;
    use crate::model::Privacy;

    const ALICE: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    fn hub() -> Hub {
        Hub::new(RoomLimits::default())
    }

    fn set(hub: &Hub, person: &Person, status: Status) -> Vec<Arc<Presence>> {
        person.set(hub, status)
    }

    fn lists_edit(owner: UserId, revision: u64, other: UserId, bits: u8) -> StandingEdit {
        StandingEdit {
            owner,
            revision,
            change: StandingChange::Lists(other, ListSet::from_bits(bits)),
        }
    }

    #[test]
    fn a_watcher_hears_of_appearing_changing_hiding_and_leaving() {
        let hub = hub();
        let mut alice = sign_in(&hub, ALICE, &[(BOB, 1)]);
        set(&hub, &alice, Status::Online);
        let bob = sign_in(&hub, BOB, &[]);
        assert!(alice.heard().is_empty(), "nothing before the first status");
        set(&hub, &bob, Status::Online);
        set(&hub, &bob, Status::Online);
        set(&hub, &bob, Status::Busy);
        set(&hub, &bob, Status::Hidden);
        set(&hub, &bob, Status::Away);
        drop(bob);
        assert_eq!(
            alice.heard(),
            [
                "Appeared Online",
                "State Busy",
                "offline",
                "Appeared Away",
                "offline"
            ]
        );
    }

    #[test]
    fn the_first_status_answers_with_those_who_are_to_be_seen() {
        let hub = hub();
        let bob = sign_in(&hub, BOB, &[]);
        let alice = sign_in(&hub, ALICE, &[(BOB, 1)]);
        assert!(set(&hub, &alice, Status::Online).is_empty());
        set(&hub, &bob, Status::Busy);
        drop(alice);
        let alice = sign_in(&hub, ALICE, &[(BOB, 1)]);
        let seen = set(&hub, &alice, Status::Hidden);
        assert_eq!(seen.len(), 1, "a hidden person sees the others");
        assert!(
            set(&hub, &alice, Status::Online).is_empty(),
            "only the first time"
        );
    }

    #[test]
    fn blocking_and_allowing_shows_at_once() {
        let hub = hub();
        let mut alice = sign_in(&hub, ALICE, &[(BOB, 1)]);
        let bob = sign_in(&hub, BOB, &[(ALICE, 2)]);
        set(&hub, &alice, Status::Online);
        set(&hub, &bob, Status::Online);
        hub.apply(&lists_edit(BOB, 2, ALICE, 0));
        hub.apply(&lists_edit(BOB, 3, ALICE, 4));
        set(&hub, &bob, Status::Busy);
        hub.apply(&lists_edit(BOB, 4, ALICE, 2));
        let privacy = StandingChange::Privacy(Privacy::BlockOthers);
        hub.apply(&StandingEdit {
            owner: BOB,
            revision: 5,
            change: privacy,
        });
        hub.apply(&lists_edit(BOB, 6, ALICE, 0));
        assert_eq!(
            alice.heard(),
            ["Appeared Online", "offline", "Appeared Busy", "offline"]
        );
        assert_eq!(
            hub.callee(ALICE, &Address::parse("u2@example.com").unwrap()),
            None
        );
    }

    #[test]
    fn following_starts_and_stops_with_the_forward_list() {
        let hub = hub();
        let mut alice = sign_in(&hub, ALICE, &[]);
        let bob = sign_in(&hub, BOB, &[]);
        set(&hub, &alice, Status::Online);
        set(&hub, &bob, Status::Online);
        let seen = hub.apply(&lists_edit(ALICE, 2, BOB, 1)).unwrap();
        assert_eq!(seen.status, Status::Online);
        assert!(
            hub.apply(&lists_edit(ALICE, 2, BOB, 1)).is_none(),
            "an old edit"
        );
        set(&hub, &bob, Status::Busy);
        hub.apply(&lists_edit(ALICE, 3, BOB, 0));
        set(&hub, &bob, Status::Online);
        assert_eq!(alice.heard(), ["State Busy"]);
    }

    #[test]
    fn a_second_sign_in_replaces_the_first_and_survives_its_end() {
        let hub = hub();
        let mut watcher = sign_in(&hub, ALICE, &[(BOB, 1)]);
        set(&hub, &watcher, Status::Online);
        let mut first = sign_in(&hub, BOB, &[]);
        set(&hub, &first, Status::Online);
        let second = sign_in(&hub, BOB, &[]);
        assert_eq!(first.heard(), ["SignedInElsewhere"]);
        set(&hub, &second, Status::Busy);
        assert!(set(&hub, &first, Status::Away).is_empty());
        drop(first);
        assert!(hub.is_online(BOB));
        assert_eq!(
            watcher.heard(),
            ["Appeared Online", "offline", "Appeared Busy"]
        );
    }

    #[test]
    fn names_and_messages_reach_those_who_see() {
        let hub = hub();
        let mut alice = sign_in(&hub, ALICE, &[(BOB, 1)]);
        set(&hub, &alice, Status::Online);
        let bob = sign_in(&hub, BOB, &[]);
        hub.set_name(BOB, Label::from_stored("before"));
        set(&hub, &bob, Status::Online);
        hub.set_name(BOB, Label::from_stored("after"));
        hub.set_message(
            BOB,
            PersonalMessage {
                text: "x".into(),
                media: "".into(),
            },
        );
        assert_eq!(
            alice.heard(),
            ["Appeared Online", "State Online", "Message Online"]
        );
    }

    #[test]
    fn nothing_is_left_when_everybody_is_gone() {
        let hub = hub();
        let alice = sign_in(&hub, ALICE, &[(BOB, 1)]);
        let bob = sign_in(&hub, BOB, &[(ALICE, 3)]);
        set(&hub, &alice, Status::Online);
        set(&hub, &bob, Status::Online);
        drop((alice, bob));
        let area = hub.presence();
        assert!(area.online.is_empty() && area.by_address.is_empty() && area.watchers.is_empty());
    }
}
