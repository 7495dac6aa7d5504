//! A server without sockets: the real store, hub and operations, with three people in them.
//!
//! Every input gets a database of its own, so what one does cannot be the cause of what another
//! finds. It is a copy of one that is made once.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::Router;
use chrysalis::advertise::Advertise;
use chrysalis::clock::Clock;
use chrysalis::config::{Auth, Limits, Registration};
use chrysalis::http::{self, Connect, Gateway, Link, Pages, Web};
use chrysalis::hub::{Hub, RoomLimits};
use chrysalis::metrics::Metrics;
use chrysalis::model::{Address, ContactRef, Label, List, ListSet, UserId};
use chrysalis::ns::NsSettings;
use chrysalis::service::accounts::{AccountSettings, Accounts};
use chrysalis::service::{ServiceSettings, Services};
use chrysalis::store::{AddToList, ListLimits, Opposite, Store};
use tempfile::TempDir;

use super::alarm::Alarm;

/// When everything happens.
const NOW: i64 = 1_700_000_000_000;
/// What everybody's password is.
pub(crate) const PASSWORD: &str = "secret";

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct Human {
    pub(crate) address: &'static str,
    pub(crate) user: UserId,
    /// A ticket that signs in to the notification server.
    pub(crate) ticket: String,
}

/// Everybody, as they are at the beginning of every input.
struct Template {
    database: Vec<u8>,
    people: [Human; 3],
}

/// Everything behind the edges.
pub(crate) struct World {
    pub(crate) services: Services,
    pub(crate) settings: Arc<NsSettings>,
    /// Alice and Bob are friends; Carol knows Bob only, and Bob her.
    pub(crate) people: [Human; 3],
    pub(crate) store: Store,
    _folder: TempDir,
}

/// Runs a check in a world of its own.
pub(crate) fn run<F: AsyncFnOnce(&World)>(check: F) {
    let alarm = Alarm::set();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"));
    runtime.block_on(async {
        let world = World::open().await;
        let before = world.decisions_of_carol().await;
        check(&world).await;
        assert_eq!(
            world.decisions_of_carol().await,
            before,
            "Carol's own lists"
        );
        world.store.close().await;
    });
    alarm.check();
}

/// Where connections are said to come from.
pub(crate) fn peer() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 5050))
}

/// Where they are said to arrive.
pub(crate) fn local() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1863))
}

pub(crate) fn advertise() -> Advertise {
    Advertise::new(None, None, None).unwrap_or_else(|error| panic!("{error}"))
}

impl World {
    async fn open() -> Self {
        static TEMPLATE: OnceLock<Template> = OnceLock::new();
        if TEMPLATE.get().is_none() {
            let _ = TEMPLATE.set(Template::make().await);
        }
        let template = TEMPLATE.get().unwrap_or_else(|| panic!("it was just made"));
        let folder = folder();
        let file = folder.path().join("chrysalis.db");
        std::fs::write(&file, &template.database).unwrap_or_else(|error| panic!("{error}"));
        let (services, store) = services(&file).await;
        Self {
            services,
            settings: Arc::new(NsSettings {
                advertise: advertise(),
                msnp_port: 1863,
                http_port: 80,
                refuse_unknown_clients: false,
            }),
            people: template.people.clone(),
            store,
            _folder: folder,
        }
    }

    /// The web side, as a request comes to it.
    pub(crate) fn router(&self, gateway: Option<Gateway>) -> Router {
        http::router(Web {
            services: self.services.clone(),
            advertise: advertise(),
            msnp_port: 1863,
            redirect_hosts: [].into(),
            pages: Pages::default(),
            site_name: "Chrysalis".into(),
            gateway,
            settings: "".into(),
            connect: Connect::default(),
        })
    }

    /// Where a request came from and arrived.
    pub(crate) fn link(&self) -> Link {
        Link {
            peer: peer(),
            local: local(),
            is_secure: true,
        }
    }

    /// Whom Carol has put on her lists. Nobody does that for her.
    async fn decisions_of_carol(&self) -> Vec<(Address, ListSet)> {
        let [.., carol] = &self.people;
        let Ok(Some(book)) = self.store.book(carol.user).await else {
            panic!("Carol has no book any more");
        };
        let own = |lists: ListSet| lists.without(List::Reverse).without(List::Pending);
        let contacts = book.contacts.into_iter();
        contacts
            .map(|contact| (contact.address, own(contact.lists)))
            .filter(|(_, lists)| !lists.is_empty())
            .collect()
    }
}

impl Template {
    async fn make() -> Self {
        let folder = folder();
        let file = folder.path().join("chrysalis.db");
        let (services, store) = services(&file).await;
        let mut people = Vec::new();
        for (address, name) in [
            ("alice@example.com", "Alice%20A"),
            ("bob@example.com", "Bob"),
            ("carol@example.com", "Carol"),
        ] {
            people.push(human(&services, address, name).await);
        }
        let Ok(people) = <[Human; 3]>::try_from(people) else {
            panic!("three people");
        };
        let [alice, bob, carol] = &people;
        for (owner, other) in [(alice, bob), (bob, alice), (bob, carol), (carol, bob)] {
            for list in [List::Allow, List::Forward] {
                let request = AddToList {
                    target: ContactRef::Address(address(other.address)),
                    list,
                    name: None,
                    group: None,
                    opposite: Opposite::Refused,
                };
                let added = store.add_to_list(owner.user, request, |_| ()).await;
                assert!(matches!(added, Ok(Ok(_))), "{added:?}");
            }
        }
        // Closing puts everything into the one file.
        store.close().await;
        Self {
            database: std::fs::read(&file).unwrap_or_else(|error| panic!("{error}")),
            people,
        }
    }
}

async fn human(services: &Services, text: &'static str, name: &str) -> Human {
    let accounts = &services.accounts;
    let name = Label::from_wire(name.as_bytes(), Label::NAME_MAX).ok();
    let user = accounts.create(address(text), name, PASSWORD.into(), true);
    let user = user.await.unwrap_or_else(|error| panic!("{error}"));
    let ticket = accounts.issue_bare_ticket(user).await;
    let ticket = ticket.unwrap_or_else(|error| panic!("{error}"));
    Human {
        address: text,
        user,
        ticket: ticket.to_wire(),
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// In memory where the system has files there: the disk is not what is tested.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => TempDir::with_prefix_in("chrysalis-fuzz-", memory),
        false => TempDir::with_prefix("chrysalis-fuzz-"),
    };
    made.unwrap_or_else(|error| panic!("no folder for the database: {error}"))
}

async fn services(file: &Path) -> (Services, Store) {
    let store = Store::open(file, ListLimits::default()).await;
    let store = store.unwrap_or_else(|error| panic!("{error}"));
    let auth = Auth {
        argon2_memory_kib: 8,
        argon2_iterations: 1,
        accept_bare_tickets: true,
        ..Auth::default()
    };
    let limits = Limits::default();
    let clock = Clock::set_to(NOW);
    let settings = AccountSettings::new(&auth, &limits);
    let accounts = Accounts::open(store.clone(), clock.clone(), settings).await;
    let services = Services::new(
        store.clone(),
        Hub::new(RoomLimits::default()),
        accounts.unwrap_or_else(|error| panic!("{error}")),
        clock,
        Metrics::new(),
        ServiceSettings::new(&limits, &Registration::default()),
    );
    (services, store)
}
