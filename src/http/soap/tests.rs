//! Faults in the form of each service, and what an answer says about the service.

use std::net::SocketAddr;

use axum::body::to_bytes;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use roxmltree::Document;

use super::*;
use crate::advertise::Advertise;
use crate::http::tests::People;
use crate::http::{Link, Web};
use crate::metrics::Metrics;
use crate::model::{Guid, Refusal};
use crate::service::accounts::Authorised;
use crate::service::{Fault as OurFault, OperationError};
use crate::store::StoreError;

const ADDRESS_BOOK: &str = "http://www.msn.com/webservices/AddressBook";

async fn text(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).unwrap();
    assert_eq!(content_type, "text/xml; charset=utf-8");
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The fault as a client sees it: status, code, and the children of the detail.
async fn fault(
    failure: impl Into<Failure>,
    service: Service,
) -> (u16, String, Vec<(String, String)>) {
    let response = failure.into().respond(service, "Do", "");
    let (status, text) = text(response).await;
    let document = Document::parse(&text).unwrap();
    let body = only(document.root_element(), "Body").unwrap();
    let fault = only(body, "Fault").unwrap();
    let details = only(fault, "detail").unwrap();
    let details = details
        .children()
        .map(|it| (it.tag_name().name().to_owned(), text_of(it).to_owned()));
    let code = text_of(only(fault, "faultcode").unwrap()).to_owned();
    (status.as_u16(), code, details.collect())
}

fn failures() -> Vec<Failure> {
    vec![
        Malformed.into(),
        Failure::UnknownOperation,
        Failure::Unauthorised,
        Failure::TooLarge,
        Refusal::UnknownAccount.into(),
        Failure::Ours(OurFault::Store(StoreError::Closed)),
    ]
}

#[tokio::test]
async fn every_failure_is_a_fault_of_every_service_and_tells_nothing_of_ours() {
    for service in Service::ALL {
        for failure in failures() {
            let word = failure.word();
            let (status, code, details) = fault(failure, service).await;
            assert_eq!(status, 500, "{service:?} {word}");
            assert!(code.contains(':'), "{code}");
            let told = format!("{details:?}").to_lowercase();
            assert!(!told.contains("store"), "{told}");
        }
    }
}

#[tokio::test]
async fn every_fault_of_every_service_as_reviewed() {
    let namespaces = [
        (Service::Sharing, ADDRESS_BOOK),
        (Service::AddressBook, ADDRESS_BOOK),
        (Service::Activity, ADDRESS_BOOK),
        (
            Service::Storage,
            "http://www.msn.com/webservices/storage/w10",
        ),
        (Service::Oim, "http://messenger.msn.com/ws/2004/09/oim/"),
        (
            Service::Rsi,
            "http://www.hotmail.msn.com/ws/2004/09/oim/rsi",
        ),
    ];
    let mut faults = Vec::new();
    for (service, namespace) in namespaces {
        let challenge = OimDetail::LockKeyChallenge("1850937852".to_owned());
        let mut failures = failures();
        match service {
            Service::Sharing | Service::AddressBook | Service::Activity => {
                failures.push(Refusal::FullSyncRequired.into());
                failures.push(Refusal::NotInCircle.into());
                failures.push(Refusal::CardExists(Guid::from_bits(0x5b)).into());
            }
            Service::Storage => failures.push(Refusal::AlreadyThere.into()),
            Service::Oim | Service::Rsi => {
                let challenged = OimFault::new("AuthenticationFailed").with(challenge);
                failures.push(challenged.into());
                failures.push(Refusal::SendingTooFast.into());
            }
        }
        for failure in failures {
            let response = failure.respond(service, "Do", namespace);
            let (status, text) = text(response).await;
            let (_, fault) = text.split_once("<soap:Fault>").unwrap();
            let (fault, _) = fault.split_once("</soap:Fault>").unwrap();
            let fault = fault.replace("><", ">\n<");
            faults.push(format!("{service:?} {}\n{fault}", status.as_u16()));
        }
    }
    insta::assert_snapshot!(faults.join("\n\n"));
}

#[tokio::test]
async fn an_address_book_fault_has_what_clients_decide_by() {
    let full = AddressBookFault::new("FullSyncRequired", "Full sync required & <now>.");
    let (status, code, details) = fault(full, Service::AddressBook).await;
    assert_eq!((status, code.as_str()), (200, "soap:Client"));
    let values: Vec<_> = details.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(
        values[..3],
        [
            ("errorcode", "FullSyncRequired"),
            ("errorstring", "Full sync required & <now>."),
            ("machineName", "AB01"),
        ]
    );
    assert_eq!(values[3].0, "additionalDetails");

    let guid = Guid::parse("5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d").unwrap();
    let there = AddressBookFault::new("ContactAlreadyExists", "Contact Already Exists");
    let response = Failure::from(there.conflicting(guid)).respond(
        Service::AddressBook,
        "ABContactAdd",
        ADDRESS_BOOK,
    );
    let (_, text) = text(response).await;
    for part in [
        "<faultactor>http://www.msn.com/webservices/AddressBook/ABContactAdd</faultactor>",
        "<conflictObjectId>5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d</conflictObjectId>",
        "<errorcode xmlns=\"http://www.msn.com/webservices/AddressBook\">ContactAlreadyExists<",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[tokio::test]
async fn a_bad_token_is_told_so_that_every_client_renews_it() {
    for service in [Service::Sharing, Service::Storage, Service::Activity] {
        let (status, code, details) = fault(Failure::Unauthorised, service).await;
        assert_eq!((status, code.as_str()), (500, "q0:BadContextToken"));
        assert_eq!(details[0].1, "PassportAuthFail");
    }
    let (_, code, details) = fault(Failure::Unauthorised, Service::Oim).await;
    assert_eq!(code, "q0:BadContextToken");
    let policy = ("RequiredAuthPolicy".to_owned(), "MBI_SSL".to_owned());
    assert_eq!(details, [policy]);
    let (_, code, details) = fault(Failure::Unauthorised, Service::Rsi).await;
    assert_eq!((code.as_str(), details.len()), ("q0:BadContextToken", 0));
}

#[tokio::test]
async fn the_same_refusal_has_the_name_that_the_service_knows() {
    for (refusal, service, expected) in [
        (
            Refusal::AlreadyThere,
            Service::Sharing,
            "MemberAlreadyExists",
        ),
        (
            Refusal::AlreadyThere,
            Service::AddressBook,
            "ContactAlreadyExists",
        ),
        (Refusal::AlreadyThere, Service::Storage, "ItemAlreadyExists"),
        (
            Refusal::UnknownAccount,
            Service::AddressBook,
            "InvalidPassportUser",
        ),
        (
            Refusal::ListFull,
            Service::AddressBook,
            "RequestLimitReached",
        ),
        (Refusal::NotOnList, Service::Sharing, "MemberDoesNotExist"),
        (Refusal::NotVisible, Service::AddressBook, "Forbidden"),
        (Refusal::Unavailable, Service::Sharing, "PassportAuthFail"),
        (Refusal::Unavailable, Service::Storage, "PassportAuthFail"),
    ] {
        let (_, _, details) = fault(OperationError::from(refusal), service).await;
        assert_eq!(details[0].1, expected, "{refusal:?}");
    }
    for (refusal, expected) in [
        (Refusal::UnknownAccount, "q0:SystemUnavailable"),
        (Refusal::CallingTooFast, "q0:SenderThrottleLimitExceeded"),
        (Refusal::BadMessage, "q0:InvalidContent"),
        (Refusal::Unavailable, "q0:BadContextToken"),
    ] {
        let (_, code, _) = fault(refusal, Service::Oim).await;
        assert_eq!(code, expected);
    }
}

#[tokio::test]
async fn a_lock_key_challenge_is_in_the_namespace_of_the_request() {
    for (asked, answered) in [
        (
            "http://messenger.msn.com/ws/2004/09/oim/",
            "http://messenger.msn.com/ws/2004/09/oim/",
        ),
        ("urn:other", "http://messenger.live.com/ws/2006/09/oim/"),
    ] {
        let fault = OimFault::new("AuthenticationFailed")
            .with(OimDetail::LockKeyChallenge("1850937852".into()));
        let (_, text) = text(Failure::from(fault).respond(Service::Oim, "Store", asked)).await;
        let document = Document::parse(&text).unwrap();
        let challenge = document
            .descendants()
            .find(|it| it.tag_name().name() == "LockKeyChallenge")
            .unwrap();
        assert_eq!(challenge.tag_name().namespace(), Some(answered));
        assert_eq!(challenge.text(), Some("1850937852"));
        assert!(text.contains(&format!("<faultcode xmlns:q0=\"{answered}\">")));
    }
}

async fn header(advertise: Advertise, host: Option<&str>, known: &str) -> String {
    let people = People::new().await;
    let web = Web {
        advertise,
        ..people.web(Metrics::new())
    };
    let body = format!(
        "<Envelope><Header><ABApplicationHeader>{known}</ABApplicationHeader></Header>\
         <Body><Do/></Body></Envelope>"
    );
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    let mut headers = HeaderMap::new();
    if let Some(host) = host {
        headers.insert(HOST, host.parse().unwrap());
    }
    let local: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let call = Call {
        web: &web,
        link: Link {
            peer: local,
            local,
            is_secure: false,
        },
        headers: &headers,
        by: Authorised {
            user: crate::model::UserId(1),
            address: crate::model::Address::parse("a@b.c").unwrap(),
            grant: 1,
        },
        envelope: &envelope,
        operation: envelope.operation().unwrap(),
    };
    ServiceHeader::new(&call).to_string()
}

#[tokio::test]
async fn the_service_header_names_a_host_that_the_client_can_go_on_with() {
    let nothing = Advertise::default();
    let configured = Advertise::new(None, Some("https://msn.example.net:8443"), None).unwrap();
    for (advertise, host, expected) in [
        (&configured, Some("contacts.msn.com"), "msn.example.net"),
        (&nothing, Some("contacts.msn.com:80"), "contacts.msn.com"),
        (&nothing, Some("x<y>"), "192.0.2.1"),
        (&nothing, None, "192.0.2.1"),
    ] {
        let text = header(advertise.clone(), host, "").await;
        let part = format!("<PreferredHostName>{expected}</PreferredHostName>");
        assert!(text.contains(&part), "{text}");
        assert!(text.contains("<CacheKeyChanged>true<"), "{text}");
        Document::parse(&text).unwrap();
    }
    let text = header(nothing, None, "<CacheKey>12r1:Y2hyeXNhbGlz</CacheKey>").await;
    assert!(text.contains("<CacheKeyChanged>false<"), "{text}");
}
