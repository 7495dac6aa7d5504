//! The live rosters of circles: which sessions have entered, and what they see of each other
//! (`docs/protocol/10 §10`).
//!
//! Who *may* enter is the store's to say, and is asked in the order of the commits; here is only
//! who is there. A person is *listed* while one of their sessions is there and they have a status
//! that is not hidden. To everybody else who is there they are listed all alike, but those whom
//! they block see no more of them than that.
//!
//! What the others were told is kept beside each person, and every change compares it with what
//! is true now, so nothing is told twice and nothing is left standing. The lock of this area is
//! taken inside of the presence lock, never the other way round: what is compared must be true.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::watchers::{PresenceArea, differences};
use super::{Hub, SessionSeat, lock};
use crate::mailbox::Mailbox;
use crate::model::{
    Address, CircleEvent, CircleId, CircleNews, Label, List, NsEvent, Presence, PresenceNews,
    Refusal, SessionId, UserId,
};

/// Everything under the lock of the circles.
#[derive(Debug, Default)]
pub(super) struct CirclesArea {
    rosters: HashMap<CircleId, Roster>,
    /// Where each account has sessions.
    of_account: HashMap<UserId, HashSet<CircleId>>,
}

/// Those who are there, in the order in which they came.
#[derive(Debug, Default)]
struct Roster {
    people: Vec<Person>,
}

#[derive(Debug)]
struct Person {
    user: UserId,
    address: Address,
    seats: Vec<Seat>,
    /// What the others see; nothing for somebody who is not listed.
    shown: Option<Arc<Presence>>,
    /// To whom it is shown.
    shown_to: HashSet<UserId>,
}

/// One session of a person.
#[derive(Debug)]
struct Seat {
    session: SessionId,
    mailbox: Mailbox<NsEvent>,
    /// The number of the last notice; counts from the whole roster, which is 0.
    number: u32,
}

/// What a session finds when it enters.
#[derive(Debug)]
pub struct CircleEntered {
    /// Everybody who is listed, the newcomer included.
    pub roster: Vec<Address>,
    /// What the newcomer sees of the others.
    pub presences: Vec<Arc<Presence>>,
}

impl Hub {
    /// Lets a session into a circle, once or again, and answers what it finds there. `None` if
    /// the session is over.
    pub fn enter_circle(&self, at: &SessionSeat, circle: CircleId) -> Option<CircleEntered> {
        let presence = self.presence();
        let (address, mailbox) = presence.seat_of(at)?;
        let seat = Seat {
            session: at.session,
            mailbox,
            number: 0,
        };
        let mut area = self.circles();
        let user = at.user;
        if area.seat(circle, user, address, seat) {
            area.show_around(circle, user, &presence);
        }
        area.settle_in(circle, user, &presence);
        area.look_around(circle, user)
    }

    /// Everybody who is listed.
    pub fn circle_roster(&self, circle: CircleId) -> Vec<Address> {
        let area = self.circles();
        let people = area.rosters.get(&circle).map(|roster| &roster.people);
        people
            .into_iter()
            .flatten()
            .filter(|person| person.shown.is_some())
            .map(|person| person.address.clone())
            .collect()
    }

    /// Takes every session of an account out of a circle.
    pub fn expel_from_circle(&self, circle: CircleId, user: UserId) {
        let mut area = self.circles();
        area.unseat(circle, user, |_| false);
    }

    /// Takes one session out of a circle.
    pub fn leave_circle(&self, at: &SessionSeat, circle: CircleId) {
        let session = at.session;
        let mut area = self.circles();
        area.unseat(circle, at.user, |seat| seat.session != session);
    }

    /// Tells everybody in a circle its new name.
    pub fn rename_circle(&self, circle: CircleId, name: &Label) {
        let mut area = self.circles();
        if let Some(roster) = area.rosters.get_mut(&circle) {
            for person in &mut roster.people {
                person.number_and_tell(circle, |number| CircleNews::Renamed {
                    name: name.clone(),
                    number,
                });
            }
        }
    }

    /// Hands a message to every other session in a circle that keeps up.
    ///
    /// A session whose queue is more than half full misses it: nobody's connection may end because
    /// others in a circle talk faster than it can read, and presence needs the other half.
    ///
    /// Refused: `NotInCircle` for a session that has not entered; `NotVisible` for somebody who
    /// is not listed, because they have no status or are hidden.
    pub fn say_in_circle(
        &self,
        at: &SessionSeat,
        circle: CircleId,
        message: Bytes,
    ) -> Result<(), Refusal> {
        let session = at.session;
        let area = self.circles();
        let roster = area.rosters.get(&circle).ok_or(Refusal::NotInCircle)?;
        let speaker = roster.people.iter().find(|person| {
            person.user == at.user && person.seats.iter().any(|seat| seat.session == session)
        });
        if speaker.ok_or(Refusal::NotInCircle)?.shown.is_none() {
            return Err(Refusal::NotVisible);
        }
        let event = Arc::new(CircleEvent {
            circle,
            news: CircleNews::Said(message),
        });
        let seats = roster.people.iter().flat_map(|person| &person.seats);
        for seat in seats.filter(|seat| seat.session != session && !seat.mailbox.is_congested()) {
            seat.mailbox.post(NsEvent::Circle(Arc::clone(&event)));
        }
        Ok(())
    }
}

impl PresenceArea {
    /// Brings the circles of somebody up to date with their presence and their block list. To be
    /// called after each change of either.
    pub(super) fn settle_circles(&self, user: UserId) {
        let mut area = lock(&self.circles);
        for circle in area.circles_of(user) {
            area.settle_in(circle, user, self);
        }
    }

    /// Takes sessions that are over out of every circle.
    pub(super) fn leave_circles(&self, user: UserId, sessions: &[SessionId]) {
        let mut area = lock(&self.circles);
        for circle in area.circles_of(user) {
            area.unseat(circle, user, |seat| !sessions.contains(&seat.session));
        }
    }

    /// What everybody may be shown of somebody; nothing while they have no status or are hidden.
    fn shown_to_others(&self, user: UserId) -> Option<Arc<Presence>> {
        self.online(user)?.shown().cloned()
    }

    /// Whether somebody has blocked somebody else by name.
    fn blocks(&self, user: UserId, other: UserId) -> bool {
        self.online(user)
            .is_some_and(|online| online.standing.lists_of(other).has(List::Block))
    }

    /// How a session is called and reached; `None` once it is over.
    fn seat_of(&self, at: &SessionSeat) -> Option<(Address, Mailbox<NsEvent>)> {
        let online = self.online(at.user)?;
        let endpoint = online.endpoint(at.session)?;
        Some((online.address.clone(), endpoint.mailbox().clone()))
    }
}

impl CirclesArea {
    fn circles_of(&self, user: UserId) -> Vec<CircleId> {
        let circles = self.of_account.get(&user);
        circles.into_iter().flatten().copied().collect()
    }

    /// Answers whether the person was not there before.
    fn seat(&mut self, circle: CircleId, user: UserId, address: Address, seat: Seat) -> bool {
        self.of_account.entry(user).or_default().insert(circle);
        let people = &mut self.rosters.entry(circle).or_default().people;
        match people.iter_mut().find(|person| person.user == user) {
            Some(person) => {
                person.seats.retain(|old| old.session != seat.session);
                person.seats.push(seat);
                false
            }
            None => {
                people.push(Person {
                    user,
                    address,
                    seats: vec![seat],
                    shown: None,
                    shown_to: HashSet::new(),
                });
                true
            }
        }
    }

    /// Decides whom a newcomer sees. They are not told of it, because entering is answered with
    /// it.
    fn show_around(&mut self, circle: CircleId, user: UserId, presence: &PresenceArea) {
        let people = self.rosters.get_mut(&circle);
        for other in people.into_iter().flat_map(|roster| &mut roster.people) {
            let sees = other.shown.is_some() && !presence.blocks(other.user, user);
            if other.user != user && sees {
                other.shown_to.insert(user);
            }
        }
    }

    /// Takes away the seats of a person that are not to stay.
    fn unseat(&mut self, circle: CircleId, user: UserId, stays: impl Fn(&Seat) -> bool) {
        let Some(roster) = self.rosters.get_mut(&circle) else {
            return;
        };
        let people = &mut roster.people;
        let Some(index) = people.iter().position(|person| person.user == user) else {
            return;
        };
        let Some(person) = people.get_mut(index) else {
            return;
        };
        person.seats.retain(stays);
        if !person.seats.is_empty() {
            return;
        }
        let gone = people.remove(index);
        for other in people.iter_mut() {
            other.shown_to.remove(&user);
            gone.vanish_from(circle, other);
        }
        if people.is_empty() {
            self.rosters.remove(&circle);
        }
        if let Some(circles) = self.of_account.get_mut(&user) {
            circles.remove(&circle);
            if circles.is_empty() {
                self.of_account.remove(&user);
            }
        }
    }

    /// What somebody sees who has just entered.
    fn look_around(&self, circle: CircleId, user: UserId) -> Option<CircleEntered> {
        let roster = self.rosters.get(&circle)?;
        let people = roster.people.iter();
        Some(CircleEntered {
            roster: people
                .clone()
                .filter(|person| person.user == user || person.shown.is_some())
                .map(|person| person.address.clone())
                .collect(),
            presences: people
                .filter(|person| person.shown_to.contains(&user))
                .filter_map(|person| person.shown.clone())
                .collect(),
        })
    }

    /// Compares what the others were told about a person with what is true now, and tells them
    /// the difference.
    fn settle_in(&mut self, circle: CircleId, user: UserId, presence: &PresenceArea) {
        let Some(roster) = self.rosters.get_mut(&circle) else {
            return;
        };
        let people = &mut roster.people;
        let Some(index) = people.iter().position(|person| person.user == user) else {
            return;
        };
        let mut person = people.swap_remove(index);
        let now = presence.shown_to_others(user);
        for other in people.iter_mut() {
            let may_see = !presence.blocks(user, other.user);
            person.settle_with(
                circle,
                now.as_ref().filter(|_| may_see),
                now.is_some(),
                other,
            );
        }
        person.shown = now;
        // Back to where it was, so that the order of arrival stays.
        people.push(person);
        let last = people.len() - 1;
        people.swap(index, last);
    }
}

impl Person {
    /// Tells one other person what is new about this one: whether they are listed, and what of
    /// their presence the other may see.
    fn settle_with(
        &mut self,
        circle: CircleId,
        visible: Option<&Arc<Presence>>,
        is_listed: bool,
        other: &mut Self,
    ) {
        if self.shown.is_none() && is_listed {
            other.number_and_tell(circle, |number| CircleNews::Joined {
                who: self.address.clone(),
                number,
            });
        }
        if self.shown.is_some() && !is_listed {
            self.vanish_from(circle, other);
            self.shown_to.remove(&other.user);
            return;
        }
        match (self.shown_to.contains(&other.user), visible) {
            (false, None) => {}
            (false, Some(now)) => {
                self.shown_to.insert(other.user);
                other.tell_presence(circle, now, PresenceNews::Appeared);
            }
            (true, None) => {
                self.shown_to.remove(&other.user);
                other.tell(circle, CircleNews::Offline(self.address.clone()));
            }
            (true, Some(now)) => {
                let before = self.shown.iter();
                for news in before.flat_map(|before| differences(before, now)) {
                    other.tell_presence(circle, now, news);
                }
            }
        }
    }

    /// Tells another person that this one is gone.
    fn vanish_from(&self, circle: CircleId, other: &mut Self) {
        if self.shown.is_some() {
            other.number_and_tell(circle, |number| CircleNews::Left {
                who: self.address.clone(),
                number,
            });
        }
        if self.shown_to.contains(&other.user) {
            other.tell(circle, CircleNews::Offline(self.address.clone()));
        }
    }

    fn tell_presence(&self, circle: CircleId, presence: &Arc<Presence>, news: PresenceNews) {
        let presence = Arc::clone(presence);
        self.tell(circle, CircleNews::Presence { presence, news });
    }

    fn tell(&self, circle: CircleId, news: CircleNews) {
        let event = Arc::new(CircleEvent { circle, news });
        for seat in &self.seats {
            seat.mailbox.post(NsEvent::Circle(Arc::clone(&event)));
        }
    }

    /// Tells every session its next notice.
    fn number_and_tell(&mut self, circle: CircleId, news: impl Fn(u32) -> CircleNews) {
        for seat in &mut self.seats {
            seat.number = seat.number.wrapping_add(1);
            let event = CircleEvent {
                circle,
                news: news(seat.number),
            };
            seat.mailbox.post(NsEvent::Circle(Arc::new(event)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::super::online::testing::{INBOX, Person, sign_in, sign_in_at};
    use super::super::rooms::RoomLimits;
    use super::*;
    use crate::model::{Guid, ListSet, Place, StandingChange, StandingEdit, Status};

    const ALICE: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const CAROL: UserId = UserId(3);
    const BLOCKED: u8 = 4;

    fn hub() -> Hub {
        Hub::new(RoomLimits::default())
    }

    fn circle() -> CircleId {
        CircleId::from_number(9).unwrap()
    }

    /// Signs somebody in who is online.
    fn online(hub: &Hub, user: UserId, lists: &[(UserId, u8)]) -> Person {
        let person = sign_in(hub, user, lists);
        person.set(hub, Status::Online);
        person
    }

    fn enter(hub: &Hub, person: &Person) -> (Vec<String>, usize) {
        let found = hub.enter_circle(&person.guard.seat(), circle()).unwrap();
        let roster = found.roster.iter().map(|who| who.as_str().to_owned());
        (roster.collect(), found.presences.len())
    }

    fn block(hub: &Hub, owner: UserId, other: UserId, bits: u8, revision: u64) {
        hub.apply(&StandingEdit {
            owner,
            revision,
            change: StandingChange::Lists(other, ListSet::from_bits(bits)),
        });
    }

    #[test]
    fn who_enters_finds_the_others_and_they_hear_of_it() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[]);
        let mut bob = online(&hub, BOB, &[]);
        assert_eq!(enter(&hub, &alice), (vec!["u1@example.com".into()], 0));
        let (roster, presences) = enter(&hub, &bob);
        assert_eq!(roster, ["u1@example.com", "u2@example.com"]);
        assert_eq!(presences, 1);
        assert_eq!(alice.circle_news(), ["Joined(1)", "Presence(Appeared)"]);
        assert!(bob.circle_news().is_empty());
        // Again is answered again, and told to nobody.
        assert_eq!(enter(&hub, &bob).1, 1);
        assert!(alice.circle_news().is_empty());
    }

    #[test]
    fn status_and_message_follow_and_hiding_is_leaving() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[]);
        let bob = online(&hub, BOB, &[]);
        enter(&hub, &alice);
        enter(&hub, &bob);
        alice.circle_news();
        bob.set(&hub, Status::Busy);
        bob.set(&hub, Status::Busy);
        assert_eq!(alice.circle_news(), ["Presence(State)"]);
        let by = Origin::Session(bob.guard.session());
        hub.set_name(BOB, by, Label::from_stored("Bob"));
        assert_eq!(alice.circle_news(), ["Presence(State)"]);
        bob.set(&hub, Status::Hidden);
        assert_eq!(alice.circle_news(), ["Left(2)", "Offline"]);
        assert_eq!(enter(&hub, &alice).0, ["u1@example.com"]);
        bob.set(&hub, Status::Away);
        assert_eq!(alice.circle_news(), ["Joined(1)", "Presence(Appeared)"]);
        drop(bob);
        assert_eq!(alice.circle_news(), ["Left(2)", "Offline"]);
    }

    #[test]
    fn somebody_without_a_status_is_not_listed_yet() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[]);
        let bob = sign_in(&hub, BOB, &[]);
        enter(&hub, &alice);
        let (roster, _) = enter(&hub, &bob);
        assert_eq!(roster, ["u1@example.com", "u2@example.com"]);
        assert!(alice.circle_news().is_empty());
        assert_eq!(
            hub.say_in_circle(&bob.guard.seat(), circle(), Bytes::new()),
            Err(Refusal::NotVisible)
        );
        bob.set(&hub, Status::Online);
        assert_eq!(alice.circle_news(), ["Joined(1)", "Presence(Appeared)"]);
    }

    #[test]
    fn who_is_blocked_sees_a_name_in_the_roster_and_no_more() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[(BOB, BLOCKED)]);
        let mut bob = online(&hub, BOB, &[(ALICE, BLOCKED)]);
        let mut carol = online(&hub, CAROL, &[]);
        enter(&hub, &alice);
        assert_eq!(enter(&hub, &bob).1, 0);
        assert_eq!(enter(&hub, &carol).1, 2);
        assert_eq!(
            alice.circle_news(),
            ["Joined(1)", "Joined(2)", "Presence(Appeared)"]
        );
        bob.circle_news();
        bob.set(&hub, Status::Busy);
        assert!(alice.circle_news().is_empty());
        assert_eq!(carol.circle_news(), ["Presence(State)"]);
        // Unblocking shows, blocking hides, each in its own direction.
        block(&hub, BOB, ALICE, 0, 2);
        assert_eq!(alice.circle_news(), ["Presence(Appeared)"]);
        assert!(bob.circle_news().is_empty());
        block(&hub, BOB, ALICE, BLOCKED, 3);
        assert_eq!(alice.circle_news(), ["Offline"]);
        drop(bob);
        assert_eq!(alice.circle_news(), ["Left(3)"]);
    }

    #[test]
    fn a_message_reaches_everybody_else_who_is_there() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[]);
        let mut bob = online(&hub, BOB, &[]);
        let mut carol = online(&hub, CAROL, &[]);
        enter(&hub, &alice);
        enter(&hub, &bob);
        alice.circle_news();
        let say = |person: &Person| {
            hub.say_in_circle(&person.guard.seat(), circle(), Bytes::from_static(b"hi"))
        };
        assert_eq!(say(&alice), Ok(()));
        assert_eq!(bob.circle_news(), ["Said(2 bytes)"]);
        assert!(alice.circle_news().is_empty());
        assert!(carol.circle_news().is_empty());
        assert_eq!(say(&carol), Err(Refusal::NotInCircle));
        hub.leave_circle(&alice.guard.seat(), circle());
        assert_eq!(say(&alice), Err(Refusal::NotInCircle));
        assert_eq!(bob.circle_news(), ["Left(1)", "Offline"]);
    }

    #[test]
    fn who_is_sent_away_is_gone_and_nothing_stays_behind() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[]);
        let mut bob = online(&hub, BOB, &[]);
        enter(&hub, &alice);
        enter(&hub, &bob);
        alice.circle_news();
        hub.rename_circle(circle(), &Label::from_stored("Climbing"));
        assert_eq!(alice.circle_news(), ["Renamed(2)"]);
        assert_eq!(bob.circle_news(), ["Renamed(1)"]);
        hub.expel_from_circle(circle(), BOB);
        hub.expel_from_circle(circle(), BOB);
        assert_eq!(alice.circle_news(), ["Left(3)", "Offline"]);
        assert!(bob.circle_news().is_empty());
        drop(alice);
        let area = hub.circles();
        assert!(area.rosters.is_empty() && area.of_account.is_empty());
    }

    #[test]
    fn places_of_one_person_are_one_in_the_roster_and_hear_each_other() {
        let hub = hub();
        let mut alice = online(&hub, ALICE, &[]);
        let at = |place| sign_in_at(&hub, BOB, Place::Endpoint(place), &[]);
        let (mut laptop, mut desktop) = (at(Guid::random()), at(Guid::random()));
        laptop.set(&hub, Status::Online);
        desktop.set(&hub, Status::Online);
        enter(&hub, &alice);
        enter(&hub, &laptop);
        assert_eq!(enter(&hub, &desktop).0.len(), 2);
        assert_eq!(alice.circle_news(), ["Joined(1)", "Presence(Appeared)"]);
        hub.say_in_circle(&laptop.guard.seat(), circle(), Bytes::new())
            .unwrap();
        assert_eq!(desktop.circle_news(), ["Said(0 bytes)"]);
        assert_eq!(alice.circle_news(), ["Said(0 bytes)"]);
        assert!(laptop.circle_news().is_empty());
        // One goes, and the other one stays: less to be seen of, and not gone.
        drop(laptop);
        assert_eq!(alice.circle_news(), ["Presence(Endpoints)"]);
        drop(desktop);
        assert_eq!(alice.circle_news(), ["Left(2)", "Offline"]);
    }

    #[test]
    fn who_does_not_keep_up_misses_what_is_said_and_keeps_the_room_for_presence() {
        let hub = hub();
        let alice = online(&hub, ALICE, &[]);
        let mut bob = online(&hub, BOB, &[]);
        enter(&hub, &alice);
        enter(&hub, &bob);
        bob.circle_news();
        for _ in 0..10 * INBOX {
            let said = hub.say_in_circle(&alice.guard.seat(), circle(), Bytes::new());
            said.unwrap();
        }
        alice.set(&hub, Status::Busy);
        assert!(!bob.inbox.has_overflowed());
        let news = bob.circle_news();
        assert!(news.len() > INBOX / 3 && news.len() < INBOX, "{news:?}");
        assert_eq!(news.last().unwrap(), "Presence(State)");
    }

    #[test]
    fn a_session_that_is_over_enters_nothing() {
        let hub = hub();
        let alice = online(&hub, ALICE, &[]);
        hub.expel(ALICE);
        assert!(hub.enter_circle(&alice.guard.seat(), circle()).is_none());
        assert!(hub.circles().rosters.is_empty());
    }
}
