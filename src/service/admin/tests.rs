//! The countdown by a clock that a test sets.

use std::time::Duration;

use super::*;
use crate::config::{Limits, Registration as RegistrationConfig};
use crate::hub::{Entrance, OnlineGuard, RoomLimits};
use crate::mailbox::{Inbox, mailbox};
use crate::model::{ClientTrace, DialectTag, Label, NsEvent, Place, Standing};
use crate::service::accounts::tests::Fixture;
use crate::service::{ServiceSettings, Services};

struct Desk {
    fixture: Fixture,
    services: Services,
    hub: Hub,
    actor: Actor,
}

impl Desk {
    async fn new() -> Self {
        let (fixture, user) = Fixture::with_alice(false).await;
        let hub = Hub::new(RoomLimits::default());
        let services = Services::new(
            fixture.store.clone(),
            hub.clone(),
            fixture.accounts.clone(),
            fixture.clock.clone(),
            Metrics::new(),
            ServiceSettings::new(&Limits::default(), &RegistrationConfig::default()),
        );
        let address = Address::parse("alice@example.com").unwrap();
        Self {
            fixture,
            services,
            actor: Actor {
                user,
                address,
                peer: "192.0.2.1".to_owned(),
                browser: "a".to_owned(),
            },
            hub,
        }
    }

    fn sign_in(&self) -> (OnlineGuard, Inbox<NsEvent>) {
        let (mailbox, inbox) = mailbox(64);
        let guard = self.hub.enter(Entrance {
            user: self.actor.user,
            address: self.actor.address.clone(),
            name: Label::from_stored("Alice"),
            message: Arc::default(),
            standing: Standing::default(),
            session: self.hub.new_session(),
            mailbox,
            dialect: DialectTag(8),
            place: Place::Only(None),
            grant: None,
            client: ClientTrace::default(),
        });
        (guard, inbox)
    }

    /// Lets time pass, a few seconds at once as the server does, and answers with what was told.
    fn pass(&self, minutes: u64, inbox: &mut Inbox<NsEvent>) -> Vec<u32> {
        let mut told = Vec::new();
        for _ in 0..minutes * 12 {
            self.fixture.clock.advance(Duration::from_secs(5));
            self.services.admin.tick();
            for event in inbox.drain() {
                if let NsEvent::Maintenance { minutes } = event {
                    told.push(minutes);
                }
            }
        }
        told
    }
}

#[tokio::test]
async fn people_are_reminded_as_the_time_comes_nearer_and_not_after_it() {
    let desk = Desk::new().await;
    let (_guard, mut inbox) = desk.sign_in();
    let admin = &desk.services.admin;
    admin.plan_maintenance(&desk.actor, 20, true).await.unwrap();
    assert!(admin.refuses_sign_ins());
    assert_eq!(desk.pass(4, &mut inbox), [20]);
    assert_eq!(admin.minutes_left(), Some(16));
    assert_eq!(desk.pass(30, &mut inbox), [15, 10, 5, 3, 2, 1]);
    let plan = admin.maintenance().unwrap();
    assert_eq!((plan.minutes_left, admin.minutes_left()), (0, None));
    assert!(
        admin.refuses_sign_ins(),
        "until the stop, or until it is called off"
    );
    assert!(admin.cancel_maintenance(&desk.actor).await.unwrap());
    assert!(!admin.refuses_sign_ins());
    assert!(!admin.cancel_maintenance(&desk.actor).await.unwrap());
    assert_eq!(admin.deeds(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_failed_is_remembered_for_each_way() {
    let desk = Desk::new().await;
    let accounts = &desk.services.accounts;
    let peer = "192.0.2.7".parse().unwrap();
    let typed = "alice@example.com";
    let wrong = accounts.verify_password(typed, "wrong".into(), peer).await;
    assert!(wrong.is_err());
    assert!(accounts.verify_legacy("nobody", "0", peer).await.is_err());
    let address = &desk.actor.address;
    assert!(accounts.redeem_ticket("t=x", address, peer).await.is_err());
    let sso = accounts.redeem_sso("t=x", None, "n", address, peer).await;
    assert!(sso.is_err());
    let failed = desk.services.admin.failed_sign_ins();
    let shown: Vec<_> = failed
        .iter()
        .map(|it| (it.way.words(), it.typed.as_str(), it.reason))
        .collect();
    assert_eq!(
        shown,
        [
            ("single sign-on", typed, "no valid ticket"),
            ("ticket", typed, "no valid ticket"),
            ("challenge of an old client", "nobody", "no such account"),
            ("password", typed, "wrong password"),
        ]
    );
    assert_eq!(failed[0].network.to_string(), "192.0.2.7");
}
