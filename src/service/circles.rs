//! Circles: lasting groups of people (`docs/protocol/10 §10`, `docs/protocol/12 §6`).
//!
//! What is kept is the store's, who is there is the hub's; here they meet. Every change is
//! committed first, shown second and answered third, in the order of the commits, so nobody is in
//! a live roster who is out of the circle.

use bytes::Bytes;

use super::circle_ticket::CircleTickets;
use super::{OnlineGuard, OperationError, Outcome};
use crate::clock::Clock;
use crate::hub::{CircleEntered, Hub};
use crate::model::{
    Address, Circle, CircleBook, CircleId, CircleMember, CircleMembership, NsEvent, Refusal,
    SessionId, UserId,
};
use crate::store::{CircleChange, CircleRequest, Store};

/// Operations on circles; clones share their state.
#[derive(Debug, Clone)]
pub struct CircleOperations {
    store: Store,
    hub: Hub,
    tickets: CircleTickets,
}

/// Where a request came from, which needs no telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A web service, with a token of this grant.
    Grant(Option<i64>),
    /// A session of the requester's.
    Session(SessionId),
}

impl CircleOperations {
    pub(super) fn new(store: Store, hub: Hub, clock: Clock) -> Self {
        Self {
            tickets: CircleTickets::new(store.clone(), clock),
            store,
            hub,
        }
    }

    /// The circles in somebody's book, past ones included; the reader tells them apart by
    /// [`CircleMember::is_in_book`].
    pub async fn shelf(&self, user: UserId) -> Outcome<Vec<CircleMembership>> {
        Ok(self.store.circles(user).await?)
    }

    /// A circle's own book, for somebody in whose book the circle is, and what they are in it.
    ///
    /// Refused: `NotInCircle` for anybody else, and for a circle that there is not.
    pub async fn book(
        &self,
        user: UserId,
        circle: CircleId,
    ) -> Outcome<(CircleBook, CircleMember)> {
        let book = self.store.circle_book(circle).await?;
        let book = book.ok_or(Refusal::NotInCircle)?;
        let own = book
            .members
            .iter()
            .find(|place| place.user == user && place.is_in_book());
        let own = own.cloned().ok_or(Refusal::NotInCircle)?;
        Ok((book, own))
    }

    /// The circle, if it speaks to this person now.
    ///
    /// Refused: `NotInCircle`.
    pub async fn of_member(&self, user: UserId, circle: CircleId) -> Outcome<Circle> {
        let (book, own) = self.book(user, circle).await?;
        if !own.is_present() {
            return Err(Refusal::NotInCircle.into());
        }
        Ok(book.circle)
    }

    /// Does what is wanted of a circle, and tells whoever has to look again, but not where the
    /// request came from. For the refusals see [`Store::change_circle`].
    pub async fn change(
        &self,
        actor: UserId,
        origin: Origin,
        request: CircleRequest,
    ) -> Outcome<CircleChange> {
        let hub = self.hub.clone();
        let renames = matches!(request, CircleRequest::Rename { .. });
        let published = move |change: &CircleChange| {
            if change.changed {
                if renames {
                    hub.rename_circle(change.circle.id, &change.circle.name);
                }
                publish(&hub, actor, origin, change);
            }
        };
        let (change, ()) = self
            .store
            .change_circle(actor, request, published)
            .await??;
        Ok(change)
    }

    /// Lets a session into the live roster, once or again.
    ///
    /// Refused: `NotInCircle` for whoever is not in the circle or has blocked it.
    pub async fn enter(&self, guard: &OnlineGuard, circle: CircleId) -> Outcome<CircleEntered> {
        let hub = self.hub.clone();
        let seat = guard.seat();
        let published = move |_: &CircleChange| hub.enter_circle(&seat, circle);
        let request = CircleRequest::Enter { circle };
        let user = guard.user();
        let (_, entered) = self.store.change_circle(user, request, published).await??;
        entered.ok_or(OperationError::Refused(Refusal::NotInCircle))
    }

    /// Who is listed in the live roster now.
    pub fn roster(&self, circle: CircleId) -> Vec<Address> {
        self.hub.circle_roster(circle)
    }

    /// Takes a session out of the live roster. It is still in the circle.
    pub fn leave(&self, guard: &OnlineGuard, circle: CircleId) {
        self.hub.leave_circle(&guard.seat(), circle);
    }

    /// Hands a message to every other session in the live roster.
    ///
    /// Refused: `NotInCircle` for a session that has not entered; `NotVisible` before the first
    /// status and while hidden.
    pub fn say(
        &self,
        guard: &OnlineGuard,
        circle: CircleId,
        message: Bytes,
    ) -> Result<(), Refusal> {
        self.hub.say_in_circle(&guard.seat(), circle, message)
    }

    /// The ticket that shows to the notification server that its client has read its circles.
    pub async fn ticket(&self, user: UserId) -> Outcome<String> {
        self.tickets.issue(user).await
    }

    /// Checks a ticket that a client sent back, in the encoding of the wire.
    ///
    /// Refused: `AuthenticationFailed` for anything but a valid ticket of this account.
    pub async fn check_ticket(&self, user: UserId, wire: &[u8]) -> Outcome<()> {
        self.tickets.check(user, wire).await
    }
}

/// Shows a committed change to whoever is online.
fn publish(hub: &Hub, actor: UserId, origin: Origin, change: &CircleChange) {
    let circle = change.circle.id;
    if !change.subject.is_present() {
        hub.expel_from_circle(circle, change.subject.user);
    }
    for &user in &change.audience {
        let event = NsEvent::CircleChanged { circle };
        match origin {
            Origin::Grant(grant) if user == actor => hub.tell_except_grant(user, grant, event),
            Origin::Session(session) => {
                hub.tell_endpoints(user, None, Some(session), event);
            }
            Origin::Grant(_) => {
                hub.tell(user, event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::hub::{Entrance, RoomLimits, StateChange};
    use crate::mailbox::{Inbox, mailbox};
    use crate::model::{
        Address, Capabilities, CircleMemberRef, CircleRef, ClientTrace, DialectTag, Label, Place,
        Standing, Status,
    };
    use crate::store::{ListLimits, NewAccount, PasswordRecord};

    struct Fixture {
        circles: CircleOperations,
        _folder: tempfile::TempDir,
    }

    struct Person {
        user: UserId,
        guard: OnlineGuard,
        inbox: Inbox<NsEvent>,
    }

    impl Fixture {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("test.sqlite");
            let store = Store::open(&path, ListLimits::default()).await.unwrap();
            let hub = Hub::new(RoomLimits::default());
            Self {
                circles: CircleOperations::new(store, hub, Clock::set_to(1_700_000_000_000)),
                _folder: folder,
            }
        }

        /// Makes an account and signs it in with a grant of its own number.
        async fn person(&self, name: &str) -> Person {
            let (store, hub) = (&self.circles.store, &self.circles.hub);
            let address = Address::parse(&format!("{name}@example.com")).unwrap();
            let account = NewAccount {
                address: address.clone(),
                name: Label::from_stored(name),
                password: PasswordRecord {
                    full: "hash".to_owned(),
                    first16: None,
                },
                legacy: None,
            };
            let user = store.create_account(account).await.unwrap().unwrap();
            let (mailbox, inbox) = mailbox(32);
            let guard = hub.enter(Entrance {
                user,
                address,
                name: Label::from_stored(name),
                message: Arc::default(),
                standing: Standing::default(),
                session: hub.new_session(),
                mailbox,
                dialect: DialectTag(18),
                place: Place::Only(None),
                grant: Some(user.0),
                client: ClientTrace::default(),
            });
            let online = StateChange {
                status: Status::Online,
                capabilities: Capabilities::default(),
                picture: None,
            };
            hub.set_state(&guard, online);
            Person { user, guard, inbox }
        }

        async fn ask(&self, person: &Person, request: CircleRequest) -> CircleChange {
            let origin = Origin::Grant(Some(person.user.0));
            let change = self.circles.change(person.user, origin, request).await;
            change.unwrap()
        }

        async fn join(&self, host: &Person, guest: &Person, name: &str, circle: CircleId) {
            let invite = CircleRequest::Invite {
                circle,
                who: CircleMemberRef::Address(
                    Address::parse(&format!("{name}@example.com")).unwrap(),
                ),
                message: Arc::default(),
            };
            self.ask(host, invite).await;
            let answer = CircleRequest::Answer {
                circle: CircleRef::Id(circle),
                accepts: true,
            };
            self.ask(guest, answer).await;
        }

        async fn create(&self, person: &Person) -> CircleId {
            let name = Label::from_stored("Hiking");
            let change = self.ask(person, CircleRequest::Create { name }).await;
            change.circle.id
        }
    }

    impl Person {
        fn heard(&mut self) -> Vec<String> {
            let events = self.inbox.drain().into_iter();
            events
                .map(|event| match event {
                    NsEvent::Circle(event) => format!("{:?}", event.news),
                    NsEvent::CircleChanged { .. } => "Changed".to_owned(),
                    other => format!("{other:?}"),
                })
                .collect()
        }
    }

    fn refusal<T: std::fmt::Debug>(outcome: Outcome<T>) -> Refusal {
        match outcome {
            Err(OperationError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn whoever_is_sent_away_is_out_of_the_roster_before_the_answer() {
        let fixture = Fixture::new().await;
        let (mut alice, mut bob) = (fixture.person("alice").await, fixture.person("bob").await);
        let circles = &fixture.circles;
        let circle = fixture.create(&alice).await;
        assert!(alice.heard().is_empty(), "the place that asked knows");
        assert_eq!(
            refusal(circles.enter(&bob.guard, circle).await),
            Refusal::NotInCircle
        );
        fixture.join(&alice, &bob, "bob", circle).await;
        assert_eq!(alice.heard(), ["Changed"]);
        assert_eq!(bob.heard(), ["Changed"]);
        circles.enter(&alice.guard, circle).await.unwrap();
        let entered = circles.enter(&bob.guard, circle).await.unwrap();
        assert_eq!(entered.roster.len(), 2);
        alice.heard();
        let end = CircleRequest::End {
            circle,
            who: CircleMemberRef::User(bob.user),
        };
        fixture.ask(&alice, end).await;
        assert_eq!(alice.heard(), ["Left(2)", "Offline"]);
        assert_eq!(bob.heard(), ["Changed"]);
        let said = circles.say(&bob.guard, circle, Bytes::new());
        assert_eq!(said, Err(Refusal::NotInCircle));
        let again = circles.enter(&bob.guard, circle).await;
        assert_eq!(refusal(again), Refusal::NotInCircle);
    }

    #[tokio::test]
    async fn a_new_name_reaches_everybody_at_once() {
        let fixture = Fixture::new().await;
        let (mut alice, mut bob) = (fixture.person("alice").await, fixture.person("bob").await);
        let circle = fixture.create(&alice).await;
        fixture.join(&alice, &bob, "bob", circle).await;
        fixture.circles.enter(&bob.guard, circle).await.unwrap();
        alice.heard();
        bob.heard();
        let rename = CircleRequest::Rename {
            circle,
            name: Label::from_stored("Climbing"),
        };
        fixture.ask(&alice, rename.clone()).await;
        assert_eq!(bob.heard(), ["Renamed(1)", "Changed"]);
        fixture.ask(&alice, rename).await;
        assert!(bob.heard().is_empty(), "nothing changed");
    }

    #[tokio::test]
    async fn a_blocked_circle_says_nothing() {
        let fixture = Fixture::new().await;
        let (alice, mut bob) = (fixture.person("alice").await, fixture.person("bob").await);
        let circles = &fixture.circles;
        let circle = fixture.create(&alice).await;
        fixture.join(&alice, &bob, "bob", circle).await;
        circles.enter(&alice.guard, circle).await.unwrap();
        circles.enter(&bob.guard, circle).await.unwrap();
        let block = |blocked| CircleRequest::Block { circle, blocked };
        fixture.ask(&bob, block(true)).await;
        bob.heard();
        circles.say(&alice.guard, circle, Bytes::new()).unwrap();
        assert!(bob.heard().is_empty());
        assert!(circles.book(bob.user, circle).await.is_ok());
        let seen = circles.of_member(bob.user, circle).await;
        assert_eq!(refusal(seen), Refusal::NotInCircle);
        fixture.ask(&bob, block(false)).await;
        circles.enter(&bob.guard, circle).await.unwrap();
        circles.say(&alice.guard, circle, Bytes::new()).unwrap();
        assert_eq!(bob.heard(), ["Said(0 bytes)"]);
    }

    #[tokio::test]
    async fn a_circles_book_is_for_those_who_have_the_circle_in_theirs() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.person("alice").await, fixture.person("bob").await);
        let circle = fixture.create(&alice).await;
        let circles = &fixture.circles;
        let (book, own) = circles.book(alice.user, circle).await.unwrap();
        assert_eq!((book.members.len(), own.user), (1, alice.user));
        for (user, circle) in [(bob.user, circle), (alice.user, CircleId::random())] {
            let book = circles.book(user, circle).await;
            assert_eq!(refusal(book), Refusal::NotInCircle);
        }
    }
}
