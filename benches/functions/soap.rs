//! Answers of web services, from the request's bytes to the answer's, without a socket.

use std::hint::black_box;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use chrysalis::advertise::Advertise;
use chrysalis::clock::Clock;
use chrysalis::config::{Auth, Limits, Registration};
use chrysalis::http::{self, Connect, Link, Pages, Web};
use chrysalis::hub::{Hub, RoomLimits};
use chrysalis::metrics::Metrics;
use chrysalis::model::{Address, ContactRef, List, UserId};
use chrysalis::service::accounts::{AccountSettings, Accounts};
use chrysalis::service::{ServiceSettings, Services};
use chrysalis::store::{AddToList, ListLimits, Opposite, Store};
use divan::Bencher;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower_service::Service as _;

/// How many people are in the address book.
const CONTACTS: usize = 300;
const LARGEST_ANSWER: usize = 4 << 20;

/// The web side with somebody in it who has that many contacts.
struct Desk {
    runtime: Runtime,
    router: Router,
    ticket: String,
    _folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (router, ticket) = runtime.block_on(open(&folder.path().join("chrysalis.db")));
        Self {
            runtime,
            router,
            ticket,
            _folder: folder,
        }
    }

    fn ask(&self, path: &str, operation: &str, parameters: &str) -> usize {
        let ticket = &self.ticket;
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
             <ABAuthHeader xmlns=\"http://www.msn.com/webservices/AddressBook\">\
             <ManagedGroupRequest>false</ManagedGroupRequest><TicketToken>{ticket}</TicketToken>\
             </ABAuthHeader></soap:Header><soap:Body>\
             <{operation} xmlns=\"http://www.msn.com/webservices/AddressBook\">{parameters}\
             </{operation}></soap:Body></soap:Envelope>"
        );
        let request = Request::post(path)
            .header("Host", "contacts.msn.com")
            .header("Content-Type", "text/xml; charset=utf-8")
            .header(
                "SOAPAction",
                format!("http://www.msn.com/webservices/AddressBook/{operation}"),
            )
            .extension(Link {
                peer: ([127, 0, 0, 1], 1024).into(),
                local: ([127, 0, 0, 1], 80).into(),
                is_secure: true,
            })
            .body(Body::from(body))
            .unwrap();
        self.runtime.block_on(async {
            let response = self.router.clone().call(request).await.unwrap();
            let status = response.status();
            let body = to_bytes(response.into_body(), LARGEST_ANSWER).await;
            let body = body.unwrap();
            assert_eq!(status, StatusCode::OK, "{body:?}");
            let people = body.windows(12).filter(|it| it == b"@example.com").count();
            assert!(people >= CONTACTS, "{people}");
            black_box(body.len())
        })
    }
}

async fn open(file: &Path) -> (Router, String) {
    let store = Store::open(file, ListLimits::default()).await.unwrap();
    let auth = Auth {
        argon2_memory_kib: 8,
        argon2_iterations: 1,
        accept_bare_tickets: true,
        ..Auth::default()
    };
    let limits = Limits {
        // No bound is met: each answer is asked for again and again.
        web_calls_per_minute: 1_000_000,
        web_calls_burst: 1_000_000,
        ..Limits::default()
    };
    let settings = AccountSettings::new(&auth, &limits);
    let accounts = Accounts::open(store.clone(), Clock::system(), settings);
    let services = Services::new(
        store.clone(),
        Hub::new(RoomLimits::default()),
        accounts.await.unwrap(),
        Clock::system(),
        Metrics::new(),
        ServiceSettings::new(&limits, &Registration::default()),
    );
    let one = create(&services, 0).await;
    for number in 1..=CONTACTS {
        create(&services, number).await;
        for list in [List::Allow, List::Forward] {
            let request = AddToList {
                target: ContactRef::Address(address(number)),
                list,
                name: None,
                group: None,
                opposite: Opposite::Refused,
            };
            let added = store.add_to_list(one, request, |_| ()).await.unwrap();
            assert!(added.is_ok());
        }
    }
    let ticket = services.accounts.issue_bare_ticket(one).await.unwrap();
    let router = http::router(Web {
        services,
        advertise: Advertise::default(),
        msnp_port: 1863,
        redirect_hosts: [].into(),
        pages: Pages::default(),
        site_name: "Chrysalis".into(),
        gateway: None,
        settings: "".into(),
        connect: Connect::default(),
    });
    (router, ticket.to_wire().replace('&', "&amp;"))
}

fn address(number: usize) -> Address {
    Address::parse(&format!("load{number}@example.com")).unwrap()
}

async fn create(services: &Services, number: usize) -> UserId {
    let created = services
        .accounts
        .create(address(number), None, "correct horse".into(), false);
    created.await.unwrap()
}

#[divan::bench]
fn soap_address_book(bencher: Bencher<'_, '_>) {
    let desk = Desk::new();
    let all = "<abId>00000000-0000-0000-0000-000000000000</abId><abView>Full</abView>\
               <deltasOnly>false</deltasOnly>";
    bencher.bench_local(|| desk.ask("/abservice/abservice.asmx", "ABFindAll", all));
}

#[divan::bench]
fn soap_memberships(bencher: Bencher<'_, '_>) {
    let desk = Desk::new();
    let all = "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types></serviceFilter>";
    bencher.bench_local(|| desk.ask("/abservice/sharingservice.asmx", "FindMembership", all));
}
