//! Offline messages as an edge uses them, over a real database.

use std::time::Duration;

use super::*;
use crate::config::{Auth, Registration};
use crate::hub::RoomLimits;
use crate::metrics::Metrics;
use crate::model::{ClientTrace, DialectTag, Place};
use crate::service::ServiceSettings;
use crate::service::accounts::{AccountSettings, Accounts};
use crate::service::{Arriving, OperationError, Services};
use crate::store::ListLimits;

const PRODUCT: &str = "PROD0119GSJUC$18";

struct Fixture {
    services: Services,
    clock: Clock,
    folder: tempfile::TempDir,
    alice: UserId,
    bob: UserId,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::set_to(1_262_401_445_000);
        let services = open(&folder, &clock, &limits).await;
        let create = async |name: &str| {
            let address = address(name);
            let accounts = &services.accounts;
            let created = accounts.create(address, None, "long enough".into(), false);
            created.await.unwrap()
        };
        let (alice, bob) = (create("alice").await, create("bob").await);
        Self {
            services,
            clock,
            folder,
            alice,
            bob,
        }
    }

    fn offline(&self) -> &OfflineOperations {
        &self.services.offline
    }

    async fn leave(&self, text: &str) -> Outcome<()> {
        let message = message(text);
        let offline = self.offline();
        offline.store(self.alice, &address("bob"), message).await
    }

    async fn waiting(&self) -> Vec<WaitingMessage> {
        self.offline().metadata(self.bob).await.unwrap()
    }
}

async fn open(folder: &tempfile::TempDir, clock: &Clock, limits: &Limits) -> Services {
    let path = folder.path().join("test.sqlite");
    let store = Store::open(&path, ListLimits::default()).await.unwrap();
    let auth = Auth {
        argon2_memory_kib: 8,
        argon2_iterations: 1,
        ..Auth::default()
    };
    let settings = AccountSettings::new(&auth, limits);
    let accounts = Accounts::open(store.clone(), clock.clone(), settings);
    let accounts = accounts.await.unwrap();
    let hub = Hub::new(RoomLimits {
        members: 2,
        rooms_per_session: 1,
        idle: Duration::from_secs(1),
    });
    let settings = ServiceSettings::new(limits, &Registration::default());
    Services::new(
        store,
        hub,
        accounts,
        clock.clone(),
        Metrics::new(),
        settings,
    )
}

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@example.com")).unwrap()
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        sender_name: Some("Alice A".to_owned()),
        run: None,
        sequence: Some(1),
        text: text.to_owned(),
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Outcome<T>) -> Refusal {
    match outcome {
        Err(OperationError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_listed_fetched_and_deleted_by_its_recipient_only() {
    let fixture = Fixture::new().await;
    fixture.leave("Hello Bob").await.unwrap();
    let waiting = fixture.waiting().await;
    assert_eq!(waiting.len(), 1);
    let id = waiting[0].id;
    assert_eq!(&*waiting[0].sender_name, "Alice A");
    let offline = fixture.offline();
    let (alice, bob) = (fixture.alice, fixture.bob);
    assert_eq!(offline.fetch(alice, id, true).await.unwrap(), None);
    let whole = offline.fetch(bob, id, false).await.unwrap().unwrap();
    assert!(!fixture.waiting().await[0].is_read);
    let letter = whole.letter(&address("bob"));
    assert_eq!(letter.len(), usize::try_from(waiting[0].size).unwrap());
    assert!(offline.fetch(bob, id, true).await.unwrap().is_some());
    assert!(fixture.waiting().await[0].is_read);
    assert_eq!(offline.delete(alice, None, vec![id]).await.unwrap(), 0);
    assert_eq!(offline.delete(bob, None, vec![id]).await.unwrap(), 1);
    assert_eq!(offline.delete(bob, None, vec![id]).await.unwrap(), 0);
    assert_eq!(offline.fetch(bob, id, false).await.unwrap(), None);
}

#[tokio::test]
async fn who_is_signed_in_hears_of_it_and_of_what_is_deleted() {
    let fixture = Fixture::new().await;
    let mut places = Vec::new();
    for (machine, grant) in [(1, 7), (2, 8)] {
        let (mailbox, inbox) = crate::mailbox::mailbox(16);
        let arriving = Arriving {
            user: fixture.bob,
            mailbox,
            dialect: DialectTag(16),
            place: Place::Endpoint(Guid::from_bits(machine)),
            grant: Some(grant),
            client: ClientTrace::default(),
        };
        let signed_in = fixture.services.presence.sign_in(arriving).await.unwrap();
        places.push((inbox, signed_in));
    }
    fixture.leave("Hello Bob").await.unwrap();
    let id = fixture.waiting().await[0].id;
    let deleted = fixture.offline().delete(fixture.bob, Some(7), vec![id]);
    assert_eq!(deleted.await.unwrap(), 1);
    let again = fixture.offline().delete(fixture.bob, Some(7), vec![id]);
    assert_eq!(again.await.unwrap(), 0);
    let mut heard = Vec::new();
    for (inbox, _) in &mut places {
        let events = inbox.drain();
        let arrived = events
            .iter()
            .filter(|event| matches!(event, NsEvent::OfflineMessage(it) if it.id == id));
        let deleted = events
            .iter()
            .filter(|event| matches!(event, NsEvent::OfflineMessagesDeleted { count: 1 }));
        heard.push((arrived.count(), deleted.count()));
    }
    assert_eq!(heard, [(1, 0), (1, 1)]);
}

#[tokio::test]
async fn a_sender_cannot_tell_why_nobody_takes_the_message() {
    let fixture = Fixture::with(Limits {
        offline_messages_per_sender: 1,
        ..Limits::default()
    })
    .await;
    fixture.leave("Hello Bob").await.unwrap();
    assert_eq!(refusal(fixture.leave("again").await), Refusal::Unreachable);
    let to = async |recipient: &Address| {
        let offline = fixture.offline();
        refusal(offline.store(fixture.alice, recipient, message("x")).await)
    };
    assert_eq!(to(&address("nobody")).await, Refusal::Unreachable);
    let accounts = &fixture.services.accounts;
    accounts.set_disabled(&address("bob"), true).await.unwrap();
    assert_eq!(to(&address("bob")).await, Refusal::Unreachable);
}

#[tokio::test]
async fn a_text_has_its_length() {
    let fixture = Fixture::with(Limits {
        offline_message_bytes: 4,
        ..Limits::default()
    })
    .await;
    assert_eq!(refusal(fixture.leave("").await), Refusal::BadMessage);
    assert_eq!(refusal(fixture.leave("12345").await), Refusal::BadMessage);
    fixture.leave("1234").await.unwrap();
}

#[tokio::test]
async fn a_sender_is_slowed_down_and_others_are_not() {
    let fixture = Fixture::with(Limits {
        offline_sends_per_minute: 2,
        ..Limits::default()
    })
    .await;
    fixture.leave("1").await.unwrap();
    let challenge = fixture.offline().unlock(fixture.alice, PRODUCT, "").await;
    assert!(matches!(challenge, Ok(Lock::Challenge(_))));
    assert_eq!(refusal(fixture.leave("2").await), Refusal::SendingTooFast);
    let challenge = fixture.offline().unlock(fixture.alice, PRODUCT, "").await;
    assert_eq!(refusal(challenge), Refusal::SendingTooFast);
    let alice = address("alice");
    let back = fixture.offline().store(fixture.bob, &alice, message("x"));
    back.await.unwrap();
    fixture.clock.advance(Duration::from_secs(30));
    fixture.leave("3").await.unwrap();
}

#[tokio::test]
async fn a_right_lock_key_opens_at_once_and_beyond_a_restart() {
    let fixture = Fixture::new().await;
    let (alice, bob) = (fixture.alice, fixture.bob);
    let offline = fixture.offline();
    let Lock::Challenge(challenge) = offline.unlock(alice, PRODUCT, "").await.unwrap() else {
        panic!("not asked");
    };
    assert_eq!(challenge.len(), 10);
    assert!(challenge.parse::<i32>().is_ok());
    let key = Product::named(PRODUCT).unwrap().proof(&challenge);
    let unlock = async |offline: &OfflineOperations, user, product: &str, key: &str| {
        offline.unlock(user, product, key).await.unwrap()
    };
    assert_eq!(unlock(offline, alice, PRODUCT, &key).await, Lock::Open);
    let upper = key.to_uppercase();
    assert_eq!(unlock(offline, alice, PRODUCT, &upper).await, Lock::Open);
    assert_eq!(unlock(offline, alice, PRODUCT, "wrong").await, Lock::Shut);
    assert_eq!(unlock(offline, bob, PRODUCT, &key).await, Lock::Shut);
    assert_eq!(unlock(offline, bob, "unknown", "x").await, Lock::Open);
    let again = open(&fixture.folder, &fixture.clock, &Limits::default()).await;
    assert_eq!(
        unlock(&again.offline, alice, PRODUCT, &key).await,
        Lock::Open
    );
}

#[tokio::test]
async fn what_a_session_sends_directly_is_one_run() {
    let fixture = Fixture::new().await;
    let payload = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
                    Dest-Agent: client\r\n\r\nHello";
    let mut seen = Vec::new();
    let bob = address("bob");
    for session in [1, 1, 2] {
        let offline = fixture.offline();
        let session = SessionId(session);
        let sent = offline.store_direct(fixture.alice, session, &bob, payload);
        sent.await.unwrap();
    }
    for heading in fixture.waiting().await {
        // Without a name of its own a message has that of the account.
        assert_eq!(&*heading.sender_name, "alice@example.com");
        let whole = fixture
            .offline()
            .fetch(fixture.bob, heading.id, false)
            .await;
        seen.push(whole.unwrap().unwrap());
    }
    let [first, second, other] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!((first.sequence, second.sequence, other.sequence), (1, 2, 1));
    assert_eq!(first.run, second.run);
    assert_ne!(first.run, other.run);
    let typing = b"Content-Type: text/x-msmsgscontrol\r\n\r\n";
    let sent = fixture
        .offline()
        .store_direct(fixture.alice, SessionId(1), &bob, typing);
    assert_eq!(refusal(sent.await), Refusal::BadMessage);
}

#[tokio::test]
async fn messages_wait_as_long_as_they_are_told_to() {
    for (days, left) in [(0, 1), (1, 0)] {
        let fixture = Fixture::with(Limits {
            offline_message_days: days,
            ..Limits::default()
        })
        .await;
        fixture.leave("x").await.unwrap();
        fixture.clock.advance(Duration::from_secs(86_400));
        assert_eq!(fixture.offline().prune().await.unwrap(), 0);
        fixture.clock.advance(Duration::from_millis(1));
        fixture.offline().prune().await.unwrap();
        assert_eq!(fixture.waiting().await.len(), left);
    }
}

#[test]
fn a_name_is_cut_and_has_no_control_characters() {
    assert_eq!(shown_name(" a\r\nb\u{7f} "), "ab");
    assert_eq!(shown_name(&"ä".repeat(400)).len(), 386);
}
