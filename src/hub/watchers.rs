//! Who hears about whom (`docs/protocol/02 §8`).
//!
//! A person is *told* about a contact when they have set their first status, the contact is on
//! their forward list, and the contact lets them see. The reverse index `watchers` holds the
//! first two conditions; the third is asked of the contact's standing at every event. A person
//! at several places is one watcher, and every place with a status hears the same.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::circles::CirclesArea;
use super::endpoints::{Online, is_shown};
use super::online::{Entrance, SignedInAccount, SignedInPage, StateChange};
use crate::model::{
    Address, List, ListSet, NsEvent, OwnNews, OwnPresence, Presence, PresenceNews, SessionId,
    Standing, StandingChange, StandingEdit, UserId,
};

/// Everything under the presence lock.
#[derive(Debug, Default)]
pub(super) struct PresenceArea {
    online: HashMap<UserId, Online>,
    by_address: HashMap<Address, UserId>,
    /// From a contact to those who are online, have set a status and follow them.
    watchers: HashMap<UserId, HashSet<UserId>>,
    /// What people see by way of circles follows every change in here.
    pub(super) circles: Arc<Mutex<CirclesArea>>,
}

fn presence_event(presence: &Arc<Presence>, news: PresenceNews) -> NsEvent {
    NsEvent::ContactPresence {
        presence: Arc::clone(presence),
        news,
    }
}

fn offline_event(address: &Address) -> NsEvent {
    NsEvent::ContactOffline {
        address: address.clone(),
    }
}

/// What has changed about somebody who was to be seen before and is now.
pub(super) fn differences(before: &Presence, now: &Presence) -> impl Iterator<Item = PresenceNews> {
    let state = before.status != now.status
        || before.name != now.name
        || before.capabilities != now.capabilities
        || before.picture != now.picture;
    let message = before.message != now.message;
    let endpoints = before.endpoints != now.endpoints;
    [
        state.then_some(PresenceNews::State),
        message.then_some(PresenceNews::Message),
        endpoints.then_some(PresenceNews::Endpoints),
    ]
    .into_iter()
    .flatten()
}

impl PresenceArea {
    pub(super) fn online(&self, user: UserId) -> Option<&Online> {
        self.online.get(&user)
    }

    pub(super) fn online_mut(&mut self, user: UserId) -> Option<&mut Online> {
        self.online.get_mut(&user)
    }

    pub(super) fn online_at(&self, address: &Address) -> Option<(UserId, &Online)> {
        let user = *self.by_address.get(address)?;
        Some((user, self.online.get(&user)?))
    }

    pub(super) fn online_count(&self) -> usize {
        self.online.len()
    }

    pub(super) fn session_count(&self) -> usize {
        self.online
            .values()
            .map(|online| online.sessions().len())
            .sum()
    }

    pub(super) fn tell_everybody(&self, event: &NsEvent) -> usize {
        let told = self.online.values();
        told.map(|online| online.tell(event.clone(), |_| true))
            .sum()
    }

    pub(super) fn signed_in(&self, text: &str, skip: usize, count: usize) -> SignedInPage {
        let all = self.online.iter();
        let mut found: Vec<_> = all
            .filter(|(_, online)| online.address.as_str().contains(text))
            .collect();
        found.sort_unstable_by_key(|(_, online)| online.address.as_str());
        let total = found.len();
        let page = found.into_iter().skip(skip).take(count);
        let accounts = page.map(|(&user, online)| SignedInAccount {
            user,
            address: online.address.clone(),
            name: online.name.clone(),
            sessions: online.own_sessions(),
        });
        SignedInPage {
            total,
            accounts: accounts.collect(),
        }
    }

    /// Answers with the sessions that had to go.
    pub(super) fn enter(&mut self, entrance: Entrance) -> Vec<SessionId> {
        let (user, session) = (entrance.user, entrance.session);
        let replaced = self.online.get(&user).map(|online| {
            let gone = online.displaced_by(entrance.place);
            online.tell(NsEvent::SignedInElsewhere, |place| {
                gone.contains(&place.session)
            });
            gone
        });
        let replaced = replaced.unwrap_or_default();
        self.leave(user, &replaced);
        let newcomer = Online::new(entrance);
        match self.online.get(&user) {
            None => {
                self.by_address.insert(newcomer.address.clone(), user);
                self.online.insert(user, newcomer);
            }
            Some(online) => {
                if newcomer.standing.revision > online.standing.revision {
                    self.replace_standing(user, newcomer.standing.clone());
                }
                self.change(user, Some(session), |online| online.join(newcomer));
            }
        }
        replaced
    }

    /// Takes sessions of an account offline; does nothing about those that are gone already.
    pub(super) fn leave(&mut self, user: UserId, sessions: &[SessionId]) {
        let is_here = |online: &Online| {
            let mut sessions = sessions.iter();
            sessions.any(|&session| online.endpoint(session).is_some())
        };
        if !self.online.get(&user).is_some_and(is_here) {
            return;
        }
        self.leave_circles(user, sessions);
        self.change(user, None, |online| online.remove(sessions));
        if let Some(online) = self.online.get(&user)
            && online.is_deserted()
        {
            self.by_address.remove(&online.address);
            self.online.remove(&user);
        }
    }

    pub(super) fn expel(&mut self, user: UserId) -> Vec<SessionId> {
        let Some(online) = self.online.get(&user) else {
            return Vec::new();
        };
        online.tell(NsEvent::AccountClosed, |_| true);
        let sessions = online.sessions();
        self.leave(user, &sessions);
        sessions
    }

    /// Signs one session out. Answers whether it was here.
    pub(super) fn dismiss(&mut self, user: UserId, session: SessionId) -> bool {
        let online = self.online.get(&user);
        let Some(online) = online.filter(|online| online.endpoint(session).is_some()) else {
            return false;
        };
        online.tell(NsEvent::SignedInElsewhere, |place| place.session == session);
        self.leave(user, &[session]);
        true
    }

    pub(super) fn set_state(
        &mut self,
        user: UserId,
        session: SessionId,
        change: StateChange,
    ) -> Vec<Arc<Presence>> {
        let place = self.online.get(&user).and_then(|it| it.endpoint(session));
        let Some(is_first) = place.map(|place| !place.has_status()) else {
            return Vec::new();
        };
        self.change(user, Some(session), |online| {
            online.set_state(session, change);
        });
        if is_first {
            self.seen_by(user)
        } else {
            Vec::new()
        }
    }

    /// Changes something about an account, and tells everybody whom the difference concerns: those
    /// who watch it, and its own places if there are several. `by` is the session that did it.
    pub(super) fn change(
        &mut self,
        user: UserId,
        by: Option<SessionId>,
        change: impl FnOnce(&mut Online),
    ) {
        let Some(online) = self.online.get_mut(&user) else {
            return;
        };
        let before = online.presence().cloned();
        let own_before = online.is_at_several().then(|| online.own());
        change(online);
        online.refresh();
        let now = online.presence().cloned();
        match (&before, &now) {
            (None, Some(_)) => self.start_watching(user),
            (Some(_), None) => self.stop_watching(user),
            (None, None) | (Some(_), Some(_)) => {}
        }
        self.announce(user, before.as_deref(), now.as_ref());
        self.settle_circles(user);
        self.tell_own_places(user, by, own_before);
    }

    /// Tells those who watch an account what they see of it now.
    fn announce(&self, user: UserId, before: Option<&Presence>, now: Option<&Arc<Presence>>) {
        let before = before.filter(|presence| is_shown(presence));
        let now = now.filter(|presence| is_shown(presence));
        match (before, now) {
            (None, None) => {}
            (None, Some(now)) => {
                self.tell_watchers(user, &presence_event(now, PresenceNews::Appeared));
            }
            (Some(before), None) => self.tell_watchers(user, &offline_event(&before.address)),
            (Some(before), Some(now)) => {
                for news in differences(before, now) {
                    self.tell_watchers(user, &presence_event(now, news));
                }
            }
        }
    }

    /// Tells the places of an account what they see of each other now. The status is no news to
    /// the one that has just set it: clients follow each other's and would go on for ever
    /// (`docs/protocol/10 §4`).
    fn tell_own_places(&self, user: UserId, by: Option<SessionId>, before: Option<OwnPresence>) {
        let Some(online) = self.online.get(&user) else {
            return;
        };
        if before.is_none() && !online.is_at_several() {
            return;
        }
        let own = Arc::new(online.own());
        if before.as_ref() == Some(&own) {
            return;
        }
        let is_new_state = online.presence().is_some()
            && before.is_some_and(|before| {
                let (before, now) = (&before.presence, &own.presence);
                before.status != now.status || before.name != now.name
            });
        let event = |news| NsEvent::OwnPresence {
            own: Arc::clone(&own),
            news,
        };
        let is_author = |session| Some(session) == by;
        let others = if is_new_state {
            OwnNews::State
        } else {
            OwnNews::Endpoints
        };
        online.tell(event(others), |place| !is_author(place.session));
        online.tell(event(OwnNews::Endpoints), |place| is_author(place.session));
    }

    fn tell_watchers(&self, user: UserId, event: &NsEvent) {
        let Some(standing) = self.online.get(&user).map(|online| &online.standing) else {
            return;
        };
        for (&watcher, online) in self.watchers_of(user) {
            if standing.lets_see(watcher) {
                online.hear(event);
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

    fn followed_by(&self, user: UserId) -> Vec<UserId> {
        self.online
            .get(&user)
            .map(|online| online.standing.followed().collect())
            .unwrap_or_default()
    }

    /// Registers `user` with everybody they follow.
    fn start_watching(&mut self, user: UserId) {
        for contact in self.followed_by(user) {
            self.watchers.entry(contact).or_default().insert(user);
        }
    }

    fn stop_watching(&mut self, user: UserId) {
        for contact in self.followed_by(user) {
            self.unwatch(user, contact);
        }
    }

    /// Who of those that `user` follows is to be seen.
    fn seen_by(&self, user: UserId) -> Vec<Arc<Presence>> {
        self.followed_by(user)
            .into_iter()
            .filter_map(|contact| self.seen(user, contact))
            .collect()
    }

    /// What `user` sees of a contact.
    fn seen(&self, user: UserId, contact: UserId) -> Option<Arc<Presence>> {
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

    pub(super) fn apply(&mut self, edit: &StandingEdit) -> Option<Arc<Presence>> {
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
                self.settle_circles(edit.owner);
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

    pub(super) fn replace_standing(&mut self, user: UserId, standing: Standing) -> bool {
        let Some(online) = self.online.get_mut(&user) else {
            return true;
        };
        if standing.revision < online.standing.revision {
            return false;
        }
        let before = std::mem::replace(&mut online.standing, standing);
        let after: HashMap<UserId, ListSet> = online.standing.lists.clone();
        self.settle_circles(user);
        self.visibility_changed_for_all(user, &before);
        let everybody: HashSet<UserId> = before.lists.keys().chain(after.keys()).copied().collect();
        for other in everybody {
            let lists = after.get(&other).copied().unwrap_or_default();
            if let Some(presence) =
                self.following_changed(user, other, before.lists_of(other), lists)
                && let Some(online) = self.online.get(&user)
            {
                online.hear(&presence_event(&presence, PresenceNews::Appeared));
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
        self.online.get(&user)?.presence()?;
        match (before.has(List::Forward), after.has(List::Forward)) {
            (false, true) => {
                self.watchers.entry(contact).or_default().insert(user);
                self.seen(user, contact)
            }
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
            (true, false) => other.hear(&offline_event(&online.address)),
            (false, true) => other.hear(&presence_event(presence, PresenceNews::Appeared)),
            (true, true) | (false, false) => {}
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.online.is_empty() && self.by_address.is_empty() && self.watchers.is_empty()
    }
}
