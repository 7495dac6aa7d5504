//! Accounts that are signed in at several places (`docs/protocol/10 §8`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use proptest::prelude::*;

use super::online::testing::{Person, sign_in, sign_in_at};
use super::*;
use crate::mailbox::{Inbox, mailbox};
use crate::model::{
    Address, Capabilities, EndpointPresence, Guid, Invitation, Label, List, ListSet, MessageChange,
    NsEvent, Place, Presence, PresenceNews, PrivateDataChange, Refusal, RoomId, SbEvent,
    StandingChange, StandingEdit, Status, UserId,
};

const ALICE: UserId = UserId(1);
const BOB: UserId = UserId(2);

fn hub() -> Hub {
    Hub::new(RoomLimits::default())
}

fn machine(number: u128) -> Guid {
    Guid::parse(&format!("00000000-0000-0000-0000-{number:012x}")).unwrap()
}

fn at(hub: &Hub, user: UserId, number: u128) -> Person {
    sign_in_at(hub, user, Place::Endpoint(machine(number)), &[])
}

/// Somebody who follows Alice and is online.
fn watcher(hub: &Hub) -> Person {
    let bob = sign_in(hub, BOB, &[(ALICE, 1)]);
    bob.set(hub, Status::Online);
    bob
}

fn caps(basic: u32) -> Capabilities {
    Capabilities { basic, extended: 0 }
}

#[test]
fn the_same_machine_replaces_itself() {
    let hub = hub();
    let mut first = at(&hub, ALICE, 1);
    let mut other = at(&hub, ALICE, 2);
    other.heard();
    first.heard();
    let _second = at(&hub, ALICE, 1);
    assert_eq!(first.heard(), ["SignedInElsewhere"]);
    let heard = other.heard();
    assert_eq!(
        heard,
        ["own Endpoints Hidden at 1", "own Endpoints Hidden at 2"]
    );
    assert_eq!(hub.endpoints(ALICE).len(), 2);
}

#[test]
fn other_machines_stay_beside_each_other() {
    let hub = hub();
    let mut first = at(&hub, ALICE, 1);
    let mut second = at(&hub, ALICE, 2);
    assert_eq!(first.heard(), ["own Endpoints Hidden at 2"]);
    assert_eq!(second.heard(), ["own Endpoints Hidden at 2"]);
    let ids: Vec<Guid> = hub.endpoints(ALICE).iter().map(|place| place.id).collect();
    assert_eq!(ids, [machine(1), machine(2)]);
    assert_eq!(hub.online_count(), 1);
}

#[test]
fn a_client_without_places_or_with_none_beside_it_is_alone() {
    for newcomer in [Place::Only(None), Place::Only(Some(machine(3)))] {
        let hub = hub();
        let mut old = [at(&hub, ALICE, 1), at(&hub, ALICE, 2)];
        for place in &mut old {
            place.heard();
        }
        let _only = sign_in_at(&hub, ALICE, newcomer, &[]);
        for place in &mut old {
            assert_eq!(place.heard(), ["SignedInElsewhere"]);
        }
        drop(old);
        assert!(hub.is_online(ALICE));
    }
}

#[test]
fn a_client_that_was_alone_makes_room_for_any() {
    for old in [Place::Only(None), Place::Only(Some(machine(3)))] {
        let hub = hub();
        let mut old = sign_in_at(&hub, ALICE, old, &[]);
        let mut new = at(&hub, ALICE, 1);
        assert_eq!(old.heard(), ["SignedInElsewhere"]);
        assert!(new.heard().is_empty(), "there is nobody else");
    }
}

#[test]
fn places_are_bounded_and_the_oldest_goes() {
    let hub = hub();
    let most = endpoints::MOST_ENDPOINTS as u128;
    let mut places: Vec<Person> = (0..=most).map(|number| at(&hub, ALICE, number)).collect();
    let heard = places[0].heard();
    assert_eq!(heard.last().unwrap(), "SignedInElsewhere");
    assert_eq!(hub.endpoints(ALICE).len(), endpoints::MOST_ENDPOINTS);
    assert!(!places[1].heard().contains(&"SignedInElsewhere".to_owned()));
}

#[test]
fn the_last_status_counts_and_the_one_before_returns() {
    let hub = hub();
    let mut bob = watcher(&hub);
    let first = at(&hub, ALICE, 1);
    let second = at(&hub, ALICE, 2);
    first.set(&hub, Status::Online);
    assert_eq!(bob.heard(), ["Appeared Online"]);
    second.set(&hub, Status::Busy);
    assert_eq!(bob.heard(), ["State Busy", "Endpoints Busy"]);
    first.set(&hub, Status::Online);
    assert_eq!(bob.heard(), ["State Online"]);
    second.set(&hub, Status::Hidden);
    assert_eq!(bob.heard(), ["offline"], "hidden where it was said last");
    drop(second);
    assert_eq!(bob.heard(), ["Appeared Online"]);
    drop(first);
    assert_eq!(bob.heard(), ["offline"]);
    assert!(!hub.is_online(ALICE));
}

#[test]
fn an_idle_place_counts_only_where_there_is_no_other() {
    let hub = hub();
    let mut bob = watcher(&hub);
    let first = at(&hub, ALICE, 1);
    let second = at(&hub, ALICE, 2);
    first.set(&hub, Status::Busy);
    second.set(&hub, Status::Idle);
    assert_eq!(bob.heard(), ["Appeared Busy", "Endpoints Busy"]);
    first.set(&hub, Status::Hidden);
    second.set(&hub, Status::Idle);
    assert_eq!(bob.heard(), ["offline"], "an idle machine reveals nobody");
    first.set(&hub, Status::Idle);
    assert_eq!(bob.heard(), ["Appeared Idle"]);
    second.set(&hub, Status::Online);
    assert_eq!(bob.heard(), ["State Online"]);
    drop(second);
    assert_eq!(bob.heard(), ["State Idle", "Endpoints Idle"]);
}

#[test]
fn a_place_without_a_status_is_nothing_to_watchers() {
    let hub = hub();
    let mut bob = watcher(&hub);
    let first = at(&hub, ALICE, 1);
    first.set(&hub, Status::Online);
    let second = at(&hub, ALICE, 2);
    hub.set_endpoint_capabilities(&second.guard, caps(7));
    assert_eq!(bob.heard(), ["Appeared Online"]);
    drop(first);
    assert_eq!(bob.heard(), ["offline"], "nobody there has a status");
    assert!(hub.is_online(ALICE));
    second.set(&hub, Status::Away);
    assert_eq!(bob.heard(), ["Appeared Away"]);
}

#[test]
fn what_a_place_can_do_shows_at_once() {
    let hub = hub();
    let mut bob = watcher(&hub);
    let alice = at(&hub, ALICE, 1);
    alice.set(&hub, Status::Online);
    bob.inbox.drain();
    hub.set_endpoint_capabilities(&alice.guard, caps(7));
    hub.set_endpoint_capabilities(&alice.guard, caps(7));
    let events = bob.inbox.drain();
    assert_eq!(events.len(), 2, "a state and its places, once");
    let expected = EndpointPresence {
        id: machine(1),
        capabilities: caps(7),
    };
    for event in events {
        let NsEvent::ContactPresence { presence, .. } = event else {
            panic!("{event:?}");
        };
        assert_eq!(presence.capabilities, caps(7));
        assert_eq!(*presence.endpoints, [expected]);
    }
}

#[test]
fn own_places_hear_of_each_other_but_not_of_themselves_alone() {
    let hub = hub();
    let mut first = at(&hub, ALICE, 1);
    first.set(&hub, Status::Online);
    hub.set_private_data(&first.guard, PrivateDataChange::default());
    let by = Origin::Session(first.guard.session());
    hub.set_name(ALICE, by, Label::from_stored("Ally"));
    assert!(first.heard().is_empty(), "it is alone and did this itself");
    let mut second = at(&hub, ALICE, 2);
    first.heard();
    second.heard();
    second.set(&hub, Status::Busy);
    assert_eq!(first.heard(), ["own State Busy at 2"]);
    assert_eq!(second.heard(), ["own Endpoints Busy at 2"]);
    // Clients take the status over; that must not come back to the first.
    first.set(&hub, Status::Busy);
    assert!(first.heard().is_empty() && second.heard().is_empty());
    let private = PrivateDataChange {
        name: Some("DESKTOP".into()),
        ..PrivateDataChange::default()
    };
    hub.set_private_data(&second.guard, private);
    assert_eq!(first.heard(), ["own Endpoints Busy at 2"]);
    assert_eq!(second.heard(), ["own Endpoints Busy at 2"]);
    assert_eq!(&*hub.endpoints(ALICE)[1].data.name, "DESKTOP");
    drop(second);
    assert_eq!(first.heard(), ["own Endpoints Busy at 1"]);
}

#[test]
fn private_data_is_nothing_to_watchers() {
    let hub = hub();
    let mut bob = watcher(&hub);
    let alice = at(&hub, ALICE, 1);
    alice.set(&hub, Status::Online);
    bob.heard();
    let private = PrivateDataChange {
        idle: Some(true),
        ..PrivateDataChange::default()
    };
    hub.set_private_data(&alice.guard, private);
    assert!(bob.heard().is_empty());
}

#[test]
fn every_place_is_shown_the_contacts_and_hears_their_news() {
    let hub = hub();
    let lists = [(BOB, 1)];
    let place = |number| sign_in_at(&hub, ALICE, Place::Endpoint(machine(number)), &lists);
    let mut first = place(1);
    let mut second = place(2);
    let bob = sign_in(&hub, BOB, &[]);
    bob.set(&hub, Status::Online);
    assert_eq!(first.set(&hub, Status::Online).len(), 1);
    first.heard();
    bob.set(&hub, Status::Busy);
    assert_eq!(first.heard(), ["State Busy"]);
    second.inbox.drain();
    let seen = second.set(&hub, Status::Online);
    assert_eq!(seen.len(), 1, "what it did not hear before");
    assert_eq!(seen[0].status, Status::Busy);
    first.heard();
    second.heard();
    drop(bob);
    assert_eq!(first.heard(), ["offline"]);
    assert_eq!(second.heard(), ["offline"]);
}

#[test]
fn a_sign_in_with_a_newer_standing_brings_it_along() {
    let hub = hub();
    let bob = sign_in(&hub, BOB, &[]);
    bob.set(&hub, Status::Online);
    let mut first = at(&hub, ALICE, 1);
    first.set(&hub, Status::Online);
    let (sender, _inbox) = mailbox(4);
    let lists = HashMap::from([(BOB, ListSet::from_bits(1))]);
    let _second = hub.enter(Entrance {
        user: ALICE,
        address: Address::parse("u1@example.com").unwrap(),
        name: Label::from_stored("old"),
        message: Arc::default(),
        standing: crate::model::Standing {
            revision: 2,
            lists,
            ..crate::model::Standing::default()
        },
        session: hub.new_session(),
        mailbox: sender,
        dialect: crate::model::DialectTag(18),
        place: Place::Endpoint(machine(2)),
        grant: None,
        client: crate::model::ClientTrace::default(),
    });
    assert_eq!(first.heard()[0], "Appeared Online");
}

#[test]
fn events_reach_all_places_or_those_that_are_meant() {
    let hub = hub();
    let mut first = at(&hub, ALICE, 1);
    let mut second = at(&hub, ALICE, 2);
    first.heard();
    second.heard();
    let event = || NsEvent::BookChanged { at: 1 };
    assert!(hub.tell(ALICE, event()));
    assert!(!hub.tell(BOB, event()));
    assert_eq!((first.heard().len(), second.heard().len()), (1, 1));
    let named = hub.tell_endpoints(ALICE, Some(machine(2)), None, event());
    assert_eq!(
        (named, first.heard().len(), second.heard().len()),
        (1, 0, 1)
    );
    let except = Some(second.guard.session());
    let others = hub.tell_endpoints(ALICE, None, except, event());
    assert_eq!(
        (others, first.heard().len(), second.heard().len()),
        (1, 1, 0)
    );
    let nobody = hub.tell_endpoints(ALICE, Some(machine(2)), except, event());
    assert_eq!(nobody, 0);
    assert_eq!(
        hub.tell_endpoints(ALICE, Some(machine(9)), None, event()),
        0
    );
}

#[test]
fn a_change_is_no_news_where_its_grant_signed_in() {
    let hub = hub();
    let enter = |number, grant| {
        let (sender, inbox) = mailbox(16);
        let guard = hub.enter(Entrance {
            user: ALICE,
            address: Address::parse("u1@example.com").unwrap(),
            name: Label::from_stored("Alice"),
            message: Arc::default(),
            standing: crate::model::Standing::default(),
            session: hub.new_session(),
            mailbox: sender,
            dialect: crate::model::DialectTag(18),
            place: Place::Endpoint(machine(number)),
            grant,
            client: crate::model::ClientTrace::default(),
        });
        (guard, inbox)
    };
    let mut places = [enter(1, Some(10)), enter(2, Some(20)), enter(3, None)];
    let mut told = |grant| {
        for (_, inbox) in &mut places {
            inbox.drain();
        }
        hub.tell_others(ALICE, Origin::Grant(grant), NsEvent::BookChanged { at: 1 });
        places.each_mut().map(|(_, inbox)| inbox.drain().len())
    };
    assert_eq!(told(Some(10)), [0, 1, 1]);
    assert_eq!(told(Some(99)), [1, 1, 1]);
    assert_eq!(told(None), [1, 1, 1]);
}

#[test]
fn who_is_alone_hears_what_others_did_in_their_name() {
    let hub = hub();
    let mut alice = at(&hub, ALICE, 1);
    alice.set(&hub, Status::Online);
    alice.heard();
    let message = |text: &str| MessageChange {
        text: Some(text.into()),
        ..MessageChange::default()
    };
    hub.change_message(ALICE, Origin::Grant(Some(7)), &message("by the web"));
    assert_eq!(alice.heard(), ["own Endpoints Online at 1"]);
    hub.set_name(ALICE, Origin::Grant(None), Label::from_stored("Ally"));
    assert_eq!(alice.heard(), ["own State Online at 1"]);
    let own = Origin::Session(alice.guard.session());
    hub.change_message(ALICE, own, &message("by herself"));
    assert!(alice.heard().is_empty());
}

#[test]
fn expulsion_ends_every_place() {
    let hub = hub();
    let mut places = [at(&hub, ALICE, 1), at(&hub, ALICE, 2)];
    hub.expel(ALICE);
    for place in &mut places {
        assert_eq!(place.heard().last().unwrap(), "AccountClosed");
    }
    assert!(!hub.is_online(ALICE));
}

// Rooms.

struct Seat {
    membership: Membership,
    others: Vec<String>,
    inbox: Inbox<SbEvent>,
}

fn address(user: UserId) -> Address {
    Address::parse(&format!("u{user}@example.com")).unwrap()
}

/// The last two digits of a machine, or a dash.
fn short(endpoint: Option<Guid>) -> String {
    endpoint.map_or("-".to_owned(), |id| id.to_string().split_off(34))
}

fn seat(entered: RoomEntrance, inbox: Inbox<SbEvent>) -> Seat {
    let named = |other: &crate::model::Occupant| {
        let (who, place) = (&other.who.address, short(other.endpoint));
        format!("{who} {place} {}", other.first)
    };
    Seat {
        others: entered.others.iter().map(named).collect(),
        membership: entered.membership,
        inbox,
    }
}

fn open(hub: &Hub, person: &Person) -> Seat {
    let now = Instant::now();
    let key: Arc<str> = format!("open{}", person.guard.session()).into();
    let user = person.guard.user();
    hub.ticket_for_new_room(user, person.guard.session(), &key, now)
        .unwrap();
    let (sender, inbox) = mailbox(16);
    let bearer = Bearer {
        address: &address(user),
        endpoint: None,
    };
    let entered = hub.open_room(&key, bearer, || RoomId(rand::random()), sender, now);
    seat(entered.unwrap(), inbox)
}

fn call(seat: &Seat, user: UserId) -> Result<Called, Refusal> {
    let key = || format!("{:032x}", rand::random::<u128>()).into();
    seat.membership
        .call(&address(user), None, key, Instant::now())
}

/// The calls that a place has heard.
fn tickets(person: &mut Person) -> Vec<Arc<Invitation>> {
    let events = person.inbox.drain();
    let ticket = |event| match event {
        NsEvent::Invitation(invitation) => Some(invitation),
        _ => None,
    };
    events.into_iter().filter_map(ticket).collect()
}

fn answer(
    hub: &Hub,
    ticket: &Invitation,
    user: UserId,
    endpoint: Option<Guid>,
) -> Result<Seat, JoinError> {
    let (sender, inbox) = mailbox(16);
    let address = address(user);
    let bearer = Bearer {
        address: &address,
        endpoint,
    };
    hub.join_room(&ticket.ticket, bearer, ticket.room, sender, Instant::now())
        .map(|entered| seat(entered, inbox))
}

fn heard(seat: &mut Seat) -> Vec<String> {
    let events = seat.inbox.drain();
    let word = |event| match event {
        SbEvent::Joined(it) => format!("joined {} {}", short(it.endpoint), it.first),
        SbEvent::Left {
            endpoint,
            last,
            idle,
            ..
        } => format!("left {} {last} {idle}", short(endpoint)),
        SbEvent::Message { body, .. } => format!("said {}", body.escape_ascii()),
        SbEvent::Closed => "closed".to_owned(),
    };
    events.into_iter().map(word).collect()
}

/// Bob has called Alice, who is at two places; both have answered.
fn conversation(hub: &Hub) -> (Person, Vec<Person>, Seat, Vec<Seat>) {
    let bob = at(hub, BOB, 0xb0);
    bob.set(hub, Status::Online);
    let mut alice = vec![at(hub, ALICE, 0xa1), at(hub, ALICE, 0xa2)];
    for place in &alice {
        place.set(hub, Status::Online);
    }
    let room = open(hub, &bob);
    assert_eq!(call(&room, ALICE), Ok(Called::Somebody));
    let mut seats = Vec::new();
    for (place, number) in alice.iter_mut().zip([0xa1, 0xa2]) {
        let [ticket] = &tickets(place)[..] else {
            panic!("one call for each place");
        };
        seats.push(answer(hub, ticket, ALICE, Some(machine(number))).unwrap());
    }
    (bob, alice, room, seats)
}

#[test]
fn a_call_rings_every_place_and_each_is_a_member() {
    let hub = hub();
    let (_bob, _alice, mut room, mut seats) = conversation(&hub);
    assert_eq!(heard(&mut room), ["joined a1 true", "joined a2 false"]);
    assert_eq!(heard(&mut seats[0]), ["joined a2 false"]);
    assert_eq!(seats[0].others, ["u2@example.com b0 true"]);
    assert_eq!(
        seats[1].others,
        ["u2@example.com b0 true", "u1@example.com a1 true"]
    );
    assert_eq!(call(&room, ALICE), Err(Refusal::AlreadyThere));
}

#[test]
fn a_message_reaches_the_senders_other_places_too() {
    let hub = hub();
    let (_bob, _alice, mut room, mut seats) = conversation(&hub);
    let said = |seat: &Seat| seat.membership.relay(Bytes::from_static(b"hi"));
    heard(&mut room);
    heard(&mut seats[0]);
    assert!(said(&seats[0]).complete);
    assert_eq!(heard(&mut room), ["said hi"]);
    assert_eq!(heard(&mut seats[1]), ["said hi"]);
    assert!(heard(&mut seats[0]).is_empty());
    drop(room);
    let alone = said(&seats[0]);
    assert!(!alone.complete, "nobody but oneself has heard it");
}

#[test]
fn an_account_leaves_with_its_last_place() {
    let hub = hub();
    let (_bob, mut alice, mut room, mut seats) = conversation(&hub);
    heard(&mut room);
    drop(seats.remove(0));
    assert_eq!(heard(&mut room), ["left a1 false false"]);
    assert_eq!(call(&room, ALICE), Ok(Called::Somebody), "it rings again");
    assert_eq!(tickets(&mut alice[0]).len(), 1);
    assert!(tickets(&mut alice[1]).is_empty(), "it is still there");
    drop(alice.remove(1));
    assert_eq!(heard(&mut seats[0]).last().unwrap(), "closed");
    assert_eq!(heard(&mut room), ["left a2 true false"]);
}

#[test]
fn an_idle_room_says_goodbye_for_every_place() {
    let hub = hub();
    let (_bob, _alice, mut room, mut seats) = conversation(&hub);
    heard(&mut room);
    heard(&mut seats[0]);
    hub.close_idle_rooms(Instant::now() + std::time::Duration::from_secs(601));
    let bobs = ["left a1 false true", "left a2 true true", "closed"];
    assert_eq!(heard(&mut room), bobs);
    let own = ["left b0 true true", "left a2 false true", "closed"];
    assert_eq!(heard(&mut seats[0]), own, "oneself has not left");
}

#[test]
fn an_idle_place_counts_only_if_all_are() {
    let hub = hub();
    let mut watcher = sign_in(&hub, BOB, &[(ALICE, 1)]);
    watcher.set(&hub, Status::Online);
    let (first, second) = (at(&hub, ALICE, 1), at(&hub, ALICE, 2));
    first.set(&hub, Status::Hidden);
    second.set(&hub, Status::Idle);
    assert!(watcher.heard().is_empty(), "hidden where she is");
    first.set(&hub, Status::Busy);
    second.set(&hub, Status::Idle);
    first.set(&hub, Status::Idle);
    drop(first);
    let heard = watcher.heard();
    assert_eq!(
        heard,
        ["Appeared Busy", "State Idle", "Endpoints Idle"],
        "{heard:?}"
    );
}

#[test]
fn calling_oneself_rings_the_other_places_and_never_fails() {
    let hub = hub();
    let mut first = at(&hub, ALICE, 1);
    first.set(&hub, Status::Online);
    let room = open(&hub, &first);
    assert_eq!(call(&room, ALICE), Ok(Called::Oneself), "there is no other");
    let mut second = at(&hub, ALICE, 2);
    second.set(&hub, Status::Online);
    assert_eq!(call(&room, ALICE), Ok(Called::Oneself));
    assert!(tickets(&mut first).is_empty());
    let ticket = tickets(&mut second);
    let joined = answer(&hub, &ticket[0], ALICE, Some(machine(2))).unwrap();
    assert_eq!(joined.others, ["u1@example.com 01 true"]);
    let only = sign_in(&hub, BOB, &[]);
    only.set(&hub, Status::Online);
    let room = open(&hub, &only);
    assert_eq!(call(&room, BOB), Ok(Called::Oneself));
}

#[test]
fn a_ticket_is_for_one_place() {
    let hub = hub();
    let bob = sign_in(&hub, BOB, &[]);
    bob.set(&hub, Status::Online);
    let mut alice = at(&hub, ALICE, 1);
    alice.set(&hub, Status::Online);
    let attempt = |alice: &mut Person, endpoint| {
        let room = open(&hub, &bob);
        call(&room, ALICE).unwrap();
        let ticket = tickets(alice);
        answer(&hub, &ticket[0], ALICE, endpoint).map(|_| ())
    };
    let other = Some(machine(2));
    assert_eq!(attempt(&mut alice, other), Err(JoinError::OtherEndpoint));
    assert_eq!(attempt(&mut alice, None), Ok(()));
    assert_eq!(attempt(&mut alice, Some(machine(1))), Ok(()));
}

#[test]
fn only_places_with_a_status_ring() {
    let hub = hub();
    let bob = sign_in(&hub, BOB, &[]);
    bob.set(&hub, Status::Online);
    let mut first = at(&hub, ALICE, 1);
    let mut second = at(&hub, ALICE, 2);
    let room = open(&hub, &bob);
    assert_eq!(call(&room, ALICE), Err(Refusal::Unreachable));
    first.set(&hub, Status::Online);
    assert_eq!(call(&room, ALICE), Ok(Called::Somebody));
    assert_eq!(tickets(&mut first).len(), 1);
    assert!(tickets(&mut second).is_empty());
    second.set(&hub, Status::Hidden);
    let room = open(&hub, &bob);
    assert_eq!(call(&room, ALICE), Err(Refusal::Unreachable), "hidden");
    assert!(!hub.may_converse(&first.guard), "hidden at every place");
}

// What watchers have heard, put together, is what there is to be seen.

/// Something that somebody does. Sessions are counted among those that are there.
#[derive(Debug, Clone, Copy)]
enum Step {
    SignIn(i64, u128),
    SignInAlone(i64),
    Leave(usize),
    Set(usize, Status),
    Capabilities(usize, u32),
    Rename(i64, u8),
    Message(i64, u8),
    Lists(i64, i64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 1i64..=3;
    let statuses = prop::sample::select(vec![
        Status::Online,
        Status::Idle,
        Status::Busy,
        Status::Hidden,
    ]);
    prop_oneof![
        3 => (user(), 1u128..=3).prop_map(|(user, id)| Step::SignIn(user, id)),
        1 => user().prop_map(Step::SignInAlone),
        2 => (0usize..8).prop_map(Step::Leave),
        6 => (0usize..8, statuses).prop_map(|(place, status)| Step::Set(place, status)),
        2 => (0usize..8, 0u32..3).prop_map(|(place, bits)| Step::Capabilities(place, bits)),
        1 => (user(), 0u8..3).prop_map(|(user, name)| Step::Rename(user, name)),
        1 => (user(), 0u8..3).prop_map(|(user, text)| Step::Message(user, text)),
        4 => (user(), user(), 0u8..8).prop_map(|(owner, other, bits)| Step::Lists(owner, other, bits)),
    ]
}

/// One session, and what its client shows.
struct Client {
    person: Person,
    has_status: bool,
    shown: BTreeMap<String, Presence>,
}

impl Client {
    fn show(&mut self, presence: &Presence) {
        let address = presence.address.to_string();
        self.shown.insert(address, presence.clone());
    }

    /// Follows the news; `false` once the session is over.
    fn follow(&mut self) -> bool {
        for event in self.person.inbox.drain() {
            match event {
                NsEvent::ContactPresence { presence, news } => {
                    let known = self.shown.get(presence.address.as_str());
                    let appeared = news == PresenceNews::Appeared;
                    assert_eq!(known.is_none(), appeared, "{news:?} of {presence:?}");
                    self.show(&presence);
                }
                NsEvent::ContactOffline { address } => {
                    let known = self.shown.remove(address.as_str());
                    assert!(known.is_some(), "{address} was not there");
                }
                NsEvent::SignedInElsewhere => return false,
                NsEvent::OwnPresence { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        true
    }
}

struct World {
    hub: Hub,
    clients: Vec<Client>,
    lists: HashMap<(UserId, UserId), ListSet>,
    revision: u64,
}

impl World {
    fn enter(&mut self, user: i64, place: Place) {
        let user = UserId(user);
        let lists: Vec<(UserId, u8)> = self
            .lists
            .iter()
            .filter(|((owner, _), _)| *owner == user)
            .map(|((_, other), lists)| (*other, lists.bits()))
            .collect();
        let person = sign_in_at(&self.hub, user, place, &lists);
        self.clients.push(Client {
            person,
            has_status: false,
            shown: BTreeMap::new(),
        });
    }

    fn run(&mut self, step: Step) {
        let count = self.clients.len();
        match step {
            Step::SignIn(user, id) => self.enter(user, Place::Endpoint(machine(id))),
            Step::SignInAlone(user) => self.enter(user, Place::Only(None)),
            Step::Leave(place) if count > 0 => drop(self.clients.remove(place % count)),
            Step::Set(place, status) if count > 0 => {
                let client = &mut self.clients[place % count];
                let seen = client.person.set(&self.hub, status);
                client.has_status = true;
                for presence in seen {
                    client.show(&presence);
                }
            }
            Step::Capabilities(place, bits) if count > 0 => {
                let guard = &self.clients[place % count].person.guard;
                self.hub.set_endpoint_capabilities(guard, caps(bits));
            }
            Step::Leave(_) | Step::Set(..) | Step::Capabilities(..) => {}
            Step::Rename(user, name) => {
                let name = Label::from_stored(&name.to_string());
                self.hub.set_name(UserId(user), Origin::Grant(None), name);
            }
            Step::Message(user, text) => {
                let change = MessageChange {
                    text: Some(text.to_string().into()),
                    ..MessageChange::default()
                };
                let by = Origin::Grant(None);
                self.hub.change_message(UserId(user), by, &change);
            }
            Step::Lists(owner, other, bits) if owner != other => {
                self.edit(UserId(owner), UserId(other), ListSet::from_bits(bits));
            }
            Step::Lists(..) => {}
        }
        self.clients.retain_mut(Client::follow);
    }

    fn edit(&mut self, owner: UserId, other: UserId, lists: ListSet) {
        self.revision += 1;
        let before = self.lists.insert((owner, other), lists).unwrap_or_default();
        let seen = self.hub.apply(&StandingEdit {
            owner,
            revision: self.revision,
            change: StandingChange::Lists(other, lists),
        });
        let address = address(other).to_string();
        for client in &mut self.clients {
            if client.person.guard.user() == owner && client.has_status {
                // A client forgets whom it removes, and is shown whom it adds in the answer.
                if before.has(List::Forward) && !lists.has(List::Forward) {
                    client.shown.remove(&address);
                }
                if let Some(presence) = &seen {
                    client.show(presence);
                }
            }
        }
    }

    fn check(&self) {
        for client in self.clients.iter().filter(|client| client.has_status) {
            let viewer = client.person.guard.user();
            let mut expected = BTreeMap::new();
            for user in (1..=3).map(UserId).filter(|user| *user != viewer) {
                if let Some(presence) = self.hub.visible_to(viewer, user) {
                    expected.insert(presence.address.to_string(), (*presence).clone());
                }
            }
            assert_eq!(client.shown, expected, "seen by {viewer}");
        }
    }
}

proptest! {
    #[test]
    fn what_was_heard_is_what_there_is(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World {
            hub: hub(),
            clients: Vec::new(),
            lists: HashMap::new(),
            revision: 1,
        };
        for step in steps {
            world.run(step);
            world.check();
        }
        world.clients.clear();
        prop_assert!(world.hub.presence().is_empty());
    }
}

#[test]
fn a_session_is_signed_out_from_elsewhere_and_the_others_stay() {
    let hub = hub();
    let mut watcher = sign_in(&hub, BOB, &[(ALICE, 1)]);
    watcher.set(&hub, Status::Online);
    let mut first = at(&hub, ALICE, 1);
    let mut second = at(&hub, ALICE, 2);
    first.set(&hub, Status::Online);
    second.set(&hub, Status::Busy);
    hub.set_program(&second.guard, "MSNMSGR 8.5".into());
    let sessions = hub.sessions_of(ALICE);
    let shown: Vec<_> = sessions
        .iter()
        .map(|it| (it.session, &*it.client.program, it.endpoint, it.status))
        .collect();
    let (one, two) = (first.guard.session(), second.guard.session());
    assert_eq!(
        shown,
        [
            (one, "", Some(machine(1)), Some(Status::Online)),
            (two, "MSNMSGR 8.5", Some(machine(2)), Some(Status::Busy)),
        ]
    );
    for someone in [&mut watcher, &mut first, &mut second] {
        someone.heard();
    }
    assert!(!hub.sign_out(BOB, two), "somebody else's");
    assert!(hub.sign_out(ALICE, two));
    assert!(!hub.sign_out(ALICE, two), "gone already");
    assert_eq!(second.heard(), ["SignedInElsewhere"]);
    assert_eq!(watcher.heard()[0], "State Online");
    assert_eq!(hub.sessions_of(ALICE).len(), 1);
    assert!(hub.sign_out(ALICE, one));
    assert!(!hub.is_online(ALICE));
    assert_eq!(watcher.heard(), ["offline"]);
}
