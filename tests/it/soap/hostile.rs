//! Bodies that no client sends.

use super::*;
use crate::support::soap::{ADDRESS_BOOK, BOOK_PATH, SHARING_PATH, envelope, post};

/// A fault of ours, whatever was sent: XML, without anything of the server's inside.
#[track_caller]
fn is_clean_fault(answer: &Answer, what: &str) {
    let fault = answer.fault();
    assert!(fault.is_some(), "{what}: {answer:?}");
    assert_ne!(
        fault.as_deref(),
        Some("InternalError"),
        "{what}: {answer:?}"
    );
    let told = answer.body.to_lowercase();
    for secret in ["panicked", "sqlx", "sqlite", "src/", "roxmltree", "/etc/"] {
        assert!(!told.contains(secret), "{what}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_request_gets_a_fault() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    let request = format!("<ABFindAll xmlns=\"{ADDRESS_BOOK}\">{OWN_BOOK}</ABFindAll>");
    let good = envelope(&alice.token, &request);
    let declared = good.find("<soap:Envelope").unwrap();
    let with_type = |definition: &str| {
        let (start, rest) = good.split_at(declared);
        format!("{start}<!DOCTYPE x {definition}>{rest}").into_bytes()
    };
    let wide = good.replace(OWN_BOOK, &"<a/>".repeat(100_000));
    let deep = good.replace(
        OWN_BOOK,
        &format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000)),
    );
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = good.replacen("utf-8", "iso-8859-1", 1).into_bytes();
    let huge = good.replace(OWN_BOOK, &"x".repeat(10 * 1024 * 1024));
    for (what, body) in [
        ("nothing", Vec::new()),
        ("no XML", b"hello".to_vec()),
        (
            "half of a request",
            good.as_bytes()[..good.len() / 2].to_vec(),
        ),
        (
            "a document type",
            with_type("SYSTEM \"file:///etc/passwd\""),
        ),
        (
            "a bomb",
            with_type("[<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]"),
        ),
        ("many elements", wide.into_bytes()),
        ("deep elements", deep.into_bytes()),
        ("another encoding", utf16),
        ("another declaration", latin),
        ("no text", vec![0xff; 1000]),
        ("ten megabytes", huge.into_bytes()),
    ] {
        for path in [BOOK_PATH, SHARING_PATH] {
            let answer = post(server.addresses.http, path, "", &body).await;
            let answer = answer.unwrap_or_else(|reason| panic!("{what}: {reason}"));
            is_clean_fault(&answer, what);
        }
    }
    // And the server is as it was.
    ok(alice.book("ABFindAll", OWN_BOOK).await);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_or_doubled_gets_a_fault() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let twice = OWN_BOOK.repeat(2);
    let info = "<contactInfo><passportName>bob@example.com</passportName>\
                <passportName>carol@example.com</passportName></contactInfo>";
    for (operation, request) in [
        ("ABFindAll", twice.clone()),
        (
            "ABFindAll",
            format!("{OWN_BOOK}<deltasOnly>perhaps</deltasOnly>"),
        ),
        ("ABContactAdd", OWN_BOOK.to_owned()),
        ("ABContactAdd", contact("")),
        ("ABContactAdd", contact(info)),
        ("ABContactAdd", contact("<contactInfo/><contactInfo/>")),
        ("ABContactUpdate", contact("<contactInfo/>")),
        ("ABContactDelete", contact("")),
        ("ABContactDelete", contact("<contactId>x</contactId>")),
        ("ABGroupAdd", OWN_BOOK.to_owned()),
        ("ABGroupAdd", group_named("")),
        ("ABGroupDelete", OWN_BOOK.to_owned()),
        ("ABGroupContactAdd", group_filter(NOBODY)),
        ("ABFindByContacts", OWN_BOOK.to_owned()),
        ("CreateContact", String::new()),
        ("ManageWLConnection", String::new()),
        ("BreakConnection", String::new()),
        ("UpdateDynamicItem", String::new()),
        ("CreateCastle", String::new()),
        ("FindMembership", String::new()),
    ] {
        let answer = alice.book(operation, &request).await;
        is_clean_fault(&answer, &format!("{operation} {request}"));
    }
    for (operation, request) in [
        ("AddMember", String::new()),
        ("AddMember", "<memberships/><memberships/>".to_owned()),
        ("DeleteMember", String::new()),
        ("AddService", String::new()),
        ("ABFindAll", OWN_BOOK.to_owned()),
    ] {
        let answer = alice.sharing(operation, &request).await;
        is_clean_fault(&answer, &format!("{operation} {request}"));
    }
    assert_eq!(book(&alice).await.count("Contact"), 1);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_do_not_fit_are_refused_and_leave_nothing_behind() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let id = add(&alice, "bob@example.com").await;
    let long = "x".repeat(100_000);
    let many: String = (0..2_000)
        .map(|number| format!("<Annotation><Name>n{number}</Name><Value>v</Value></Annotation>"))
        .collect();
    for (info, properties) in [
        (format!("<comment>{long}</comment>"), "Comment"),
        (format!("<annotations>{many}</annotations>"), "Annotation"),
        ("<TrustLevel>much</TrustLevel>".to_owned(), "TrustLevel"),
        ("<isFavorite>maybe</isFavorite>".to_owned(), "IsFavorite"),
        (
            "<isMessengerUser>maybe</isMessengerUser>".to_owned(),
            "IsMessengerUser",
        ),
        (
            "<comment>fits</comment><TimeZone>&#xFFFE;</TimeZone>".to_owned(),
            "Comment TimeZone",
        ),
    ] {
        let request = contact(&format!(
            "<contactId>{id}</contactId><contactInfo>{info}</contactInfo>\
             <propertiesChanged>{properties}</propertiesChanged>"
        ));
        let answer = alice.book("ABContactUpdate", &request).await;
        is_clean_fault(&answer, properties);
        let found = book(&alice).await;
        assert_eq!(found.of("Contact", "contactId", &id, "comment"), None);
        assert_eq!(found.of("Contact", "contactId", &id, "annotations"), None);
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_spelling_of_a_request_is_read() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    let odd = format!(
        "\u{feff}<?xml version='1.0'?><!-- x -->\n<E:Envelope \
         xmlns:E='http://schemas.xmlsoap.org/soap/envelope/' xmlns:a='{ADDRESS_BOOK}'>\
         <E:Header><a:ABAuthHeader><a:TicketToken>\n{}\n</a:TicketToken>\
         <a:ManagedGroupRequest>false</a:ManagedGroupRequest></a:ABAuthHeader></E:Header>\
         <E:Body>\n<a:ABFindAll><a:dynamicItemView/><a:abView><![CDATA[Full]]></a:abView></a:ABFindAll>\
         </E:Body></E:Envelope>",
        alice.token.replace('&', "&#38;")
    );
    for headers in [
        "",
        "SOAPAction: \"\"\r\n",
        "SOAPAction: http://www.msn.com/webservices/AddressBook/ABFindAll\r\n",
    ] {
        let answer = post(
            server.addresses.http,
            "/ABService/ABService.ASMX",
            headers,
            odd.as_bytes(),
        );
        let answer = ok(answer.await.unwrap());
        assert_eq!(answer.count("ABFindAllResult"), 1);
    }
    assert!(server.stop().await);
}
