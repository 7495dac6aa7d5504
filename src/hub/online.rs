//! Who is online, and at which places (`docs/protocol/02 §8`, `docs/protocol/10 §8`).
//!
//! This is what callers see of the presence area; who hears of what is decided in `watchers`,
//! and what one account looks like in `endpoints`.

use std::sync::Arc;

use super::Hub;
use crate::mailbox::Mailbox;
use crate::model::{
    Address, Capabilities, ClientTrace, DialectTag, Guid, Label, MessageChange, NsEvent,
    OwnEndpoint, OwnSession, PersonalMessage, Place, Presence, PrivateDataChange, SessionId,
    Standing, StandingEdit, Status, UserId,
};

/// What is needed to enter.
#[derive(Debug)]
pub struct Entrance {
    pub user: UserId,
    pub address: Address,
    pub name: Label,
    pub message: Arc<PersonalMessage>,
    pub standing: Standing,
    pub session: SessionId,
    pub mailbox: Mailbox<NsEvent>,
    pub dialect: DialectTag,
    pub place: Place,
    /// What the tokens that were issued together with this sign-in's have in common.
    pub grant: Option<i64>,
    /// What its owner may recognise it by.
    pub client: ClientTrace,
}

/// A status that a person sets, with what comes along.
#[derive(Debug, Clone)]
pub struct StateChange {
    pub status: Status,
    pub capabilities: Capabilities,
    pub picture: Option<Label>,
}

/// Accounts that are signed in, for the people who run the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedInPage {
    /// How many there are altogether.
    pub total: usize,
    pub accounts: Vec<SignedInAccount>,
}

/// An account that is signed in, at each of its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedInAccount {
    pub user: UserId,
    pub address: Address,
    pub name: Label,
    pub sessions: Vec<OwnSession>,
}

/// Somebody who may take part in a conversation, as of now.
#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) address: Address,
    pub(super) name: Label,
    pub(super) capabilities: Capabilities,
    pub(super) dialect: DialectTag,
    pub(super) endpoint: Option<Guid>,
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

    /// Which session it is, for what outlives a call: a guard stays with its session.
    pub fn seat(&self) -> SessionSeat {
        SessionSeat {
            user: self.user,
            session: self.session,
        }
    }
}

/// A session of an account, which may be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSeat {
    pub user: UserId,
    pub session: SessionId,
}

impl Drop for OnlineGuard {
    fn drop(&mut self) {
        self.hub.presence().leave(self.user, &[self.session]);
        self.hub.close_rooms_of(self.session);
    }
}

impl Hub {
    /// Brings an account online at a place, without a status yet. Sessions that cannot stay
    /// beside this one are replaced: they are told, and their rooms close
    /// (`docs/protocol/10 §8`). An account that is at another place already keeps the name and
    /// the message that are known of it.
    pub fn enter(&self, entrance: Entrance) -> OnlineGuard {
        let (user, session) = (entrance.user, entrance.session);
        let replaced = self.presence().enter(entrance);
        for old in replaced {
            self.close_rooms_of(old);
        }
        OnlineGuard {
            hub: self.clone(),
            user,
            session,
        }
    }

    /// Sets the status of a place, which becomes that of the account. A place's first one answers
    /// with the contacts who are online and let themselves be seen; later ones with nobody.
    pub fn set_state(&self, guard: &OnlineGuard, change: StateChange) -> Vec<Arc<Presence>> {
        self.presence().set_state(guard.user, guard.session, change)
    }

    /// Sets the display name that others see.
    pub fn set_name(&self, user: UserId, name: Label) {
        self.presence()
            .change(user, None, |online| online.name = name);
    }

    /// Changes the personal message that others see.
    pub fn change_message(&self, user: UserId, change: &MessageChange) {
        self.presence().change(user, None, |online| {
            online.message = Arc::new(change.applied_to(&online.message));
        });
    }

    /// Sets what the client at one place can do.
    pub fn set_endpoint_capabilities(&self, guard: &OnlineGuard, capabilities: Capabilities) {
        let session = guard.session;
        self.presence().change(guard.user, Some(session), |online| {
            if let Some(endpoint) = online.endpoint_mut(session) {
                endpoint.capabilities = capabilities;
            }
        });
    }

    /// Changes what only the account's own other places see of a place.
    pub fn set_private_data(&self, guard: &OnlineGuard, change: PrivateDataChange) {
        let session = guard.session;
        self.presence().change(guard.user, Some(session), |online| {
            online.set_private_data(session, change);
        });
    }

    /// Sets whether calls ring.
    pub fn set_accepts_calls(&self, guard: &OnlineGuard, accepts: bool) {
        let mut area = self.presence();
        let online = area.online_mut(guard.user);
        if let Some(endpoint) = online.and_then(|online| online.endpoint_mut(guard.session)) {
            endpoint.accepts_calls = accepts;
        }
    }

    /// Brings a standing up to date and tells whoever sees more or less of its owner now. Answers
    /// with the presence of a contact whom the owner follows since this edit, if they are to be
    /// seen.
    pub fn apply(&self, edit: &StandingEdit) -> Option<Arc<Presence>> {
        self.presence().apply(edit)
    }

    /// The same for a standing that was read anew as a whole, because somebody else changed it.
    /// Answers `false` if it is older than what is known: then it has to be read again, for what
    /// is known lacks that other change.
    pub fn replace_standing(&self, user: UserId, standing: Standing) -> bool {
        self.presence().replace_standing(user, standing)
    }

    /// Takes an account offline whose right to be here has ended, and tells its sessions.
    pub fn expel(&self, user: UserId) {
        let sessions = self.presence().expel(user);
        for session in sessions {
            self.close_rooms_of(session);
        }
    }

    /// Signs one session of an account out, in the words that keep clients from coming back on
    /// their own. Answers whether there was such a session.
    pub fn sign_out(&self, user: UserId, session: SessionId) -> bool {
        let was_here = self.presence().dismiss(user, session);
        if was_here {
            self.close_rooms_of(session);
        }
        was_here
    }

    /// Posts an event to every session there is; answers how many queues took it.
    pub fn tell_everybody(&self, event: &NsEvent) -> usize {
        self.presence().tell_everybody(event)
    }

    /// Who is signed in where, by address: of those whose address contains `text`, from number
    /// `skip` on and at most `count` accounts.
    pub fn signed_in(&self, text: &str, skip: usize, count: usize) -> SignedInPage {
        self.presence().signed_in(text, skip, count)
    }

    /// The sessions of an account, in order of arrival.
    pub fn sessions_of(&self, user: UserId) -> Vec<OwnSession> {
        let area = self.presence();
        area.online(user)
            .map(super::endpoints::Online::own_sessions)
            .unwrap_or_default()
    }

    /// Takes down what a client reports of itself after it has signed in.
    pub fn set_program(&self, guard: &OnlineGuard, program: Arc<str>) {
        let mut area = self.presence();
        let online = area.online_mut(guard.user);
        if let Some(endpoint) = online.and_then(|online| online.endpoint_mut(guard.session)) {
            endpoint.client.program = program;
        }
    }

    /// The address of an account that is online.
    pub fn address(&self, user: UserId) -> Option<Address> {
        let area = self.presence();
        area.online(user).map(|online| online.address.clone())
    }

    /// The places where an account is signed in, in order of arrival; those that have not told
    /// their machine's identity are not listed.
    pub fn endpoints(&self, user: UserId) -> Vec<OwnEndpoint> {
        let area = self.presence();
        area.online(user)
            .map(super::endpoints::Online::own_endpoints)
            .unwrap_or_default()
    }

    /// Posts an event to every place of an account; `false` if it is not online or no queue had
    /// room.
    pub fn tell(&self, user: UserId, event: NsEvent) -> bool {
        self.tell_endpoints(user, None, None, event) > 0
    }

    /// Posts an event to every place of an account, or to the one named by `to`, but not to the
    /// session `except`. Answers how many queues took it.
    pub fn tell_endpoints(
        &self,
        user: UserId,
        to: Option<Guid>,
        except: Option<SessionId>,
        event: NsEvent,
    ) -> usize {
        let area = self.presence();
        area.online(user).map_or(0, |online| {
            online.tell(event, |place| {
                (to.is_none() || place.id() == to) && Some(place.session) != except
            })
        })
    }

    /// Posts an event to every place of an account that did not sign in with this grant: to all
    /// of them where a change has none.
    pub fn tell_except_grant(&self, user: UserId, grant: Option<i64>, event: NsEvent) {
        let area = self.presence();
        if let Some(online) = area.online(user) {
            online.tell(event, |place| {
                grant.is_none_or(|grant| !place.has_grant(grant))
            });
        }
    }

    /// Posts an event to one session; `false` if it is over or its queue is full.
    pub(super) fn tell_session(&self, user: UserId, session: SessionId, event: NsEvent) -> bool {
        let area = self.presence();
        area.online(user)
            .is_some_and(|online| online.tell(event, |place| place.session == session) > 0)
    }

    /// Whether the session may open a conversation: it has a status and takes calls itself, and
    /// the account is not hidden (`docs/protocol/02 §11`).
    pub fn may_converse(&self, guard: &OnlineGuard) -> bool {
        let area = self.presence();
        area.online(guard.user).is_some_and(|online| {
            let place = online.endpoint(guard.session);
            online.shown().is_some()
                && place.is_some_and(|place| place.accepts_calls && place.has_status())
        })
    }

    /// The account behind an address and its sessions that ring, if `caller` may ring it now.
    pub(super) fn callee(
        &self,
        caller: UserId,
        address: &Address,
    ) -> Option<(UserId, Vec<SessionId>)> {
        let area = self.presence();
        let (user, online) = area.online_at(address)?;
        online.shown()?;
        let ringing = online.ringing();
        let reachable = online.standing.lets_see(caller) && !ringing.is_empty();
        reachable.then_some((user, ringing))
    }

    /// The sessions of one's own account that ring, this one included.
    pub(super) fn own_places(&self, user: UserId) -> Vec<SessionId> {
        let area = self.presence();
        area.online(user)
            .map(super::endpoints::Online::ringing)
            .unwrap_or_default()
    }

    /// A session as others see it in a conversation; `None` once it is over.
    pub(super) fn participant(&self, user: UserId, session: SessionId) -> Option<Participant> {
        let area = self.presence();
        let online = area.online(user)?;
        let place = online.endpoint(session)?;
        Some(Participant {
            address: online.address.clone(),
            name: online.name.clone(),
            capabilities: place.capabilities,
            dialect: place.dialect,
            endpoint: place.id(),
        })
    }

    /// How many accounts are online.
    pub fn online_count(&self) -> usize {
        self.presence().online_count()
    }

    /// How many sessions are signed in.
    pub fn session_count(&self) -> usize {
        self.presence().session_count()
    }

    /// Whether an account is online.
    pub fn is_online(&self, user: UserId) -> bool {
        self.presence().online(user).is_some()
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Signed-in people for tests of the hub.
    use super::*;
    use crate::mailbox::{Inbox, mailbox};
    use crate::model::{ListSet, Privacy};

    pub(in super::super) struct Person {
        pub(in super::super) guard: OnlineGuard,
        pub(in super::super) inbox: Inbox<NsEvent>,
    }

    /// Signs `u<number>@example.com` in, with lists given as bits.
    pub(in super::super) fn sign_in(hub: &Hub, user: UserId, lists: &[(UserId, u8)]) -> Person {
        sign_in_at(hub, user, Place::Only(None), lists)
    }

    /// The same at a place.
    pub(in super::super) fn sign_in_at(
        hub: &Hub,
        user: UserId,
        place: Place,
        lists: &[(UserId, u8)],
    ) -> Person {
        let (mailbox, inbox) = mailbox(512);
        let lists = lists
            .iter()
            .map(|&(user, bits)| (user, ListSet::from_bits(bits)))
            .collect();
        let guard = hub.enter(Entrance {
            user,
            address: Address::parse(&format!("u{user}@example.com")).unwrap(),
            name: Label::from_stored("name"),
            message: Arc::default(),
            standing: Standing {
                revision: 1,
                privacy: Privacy::AllowOthers,
                lists,
            },
            session: hub.new_session(),
            mailbox,
            dialect: DialectTag(8),
            place,
            grant: None,
            client: ClientTrace::default(),
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
        pub(in super::super) fn heard(&mut self) -> Vec<String> {
            self.inbox
                .drain()
                .into_iter()
                .map(|event| match event {
                    NsEvent::ContactPresence { presence, news } => {
                        format!("{news:?} {:?}", presence.status)
                    }
                    NsEvent::ContactOffline { .. } => "offline".to_owned(),
                    NsEvent::OwnPresence { own, news } => {
                        let (status, places) = (own.presence.status, own.endpoints.len());
                        format!("own {news:?} {status:?} at {places}")
                    }
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
    use crate::model::{ListSet, Privacy, StandingChange};

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
        let message = MessageChange {
            text: Some("x".into()),
            ..MessageChange::default()
        };
        hub.change_message(BOB, &message);
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
        assert!(hub.presence().is_empty());
    }
}
