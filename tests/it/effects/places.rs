//! Whether an account may be at several places, how many, and what stays between them.

use super::*;
use crate::soap::{contact, start};

/// Says by the web whether several places may be signed in.
async fn allow_places(web: &Web, value: &str) {
    let request = contact(&format!(
        "<contactInfo><contactType>Me</contactType><annotations><Annotation>\
         <Name>MSN.IM.MPOP</Name><Value>{value}</Value></Annotation></annotations></contactInfo>\
         <propertiesChanged>Annotation</propertiesChanged>"
    ));
    ok(web.contacts.book("ABContactUpdate", &request).await);
    assert_eq!(web.setting("MSN.IM.MPOP").await.as_deref(), Some(value));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_setting_decides_at_the_next_sign_in() {
    let server = start(&["alice", "bob"], &["@contact bob alice FL AL"]).await;
    let web = Web::sign_in(&server, "alice").await;
    let mut bob = Client::sign_in(&server, "bob", 10, LAPTOP, Some("NLN")).await;
    for dialect in [16, 17, 18] {
        let mut first = Client::sign_in(&server, "alice", dialect, LAPTOP, Some("NLN")).await;
        let mut second = Client::sign_in(&server, "alice", 18, DESKTOP, Some("NLN")).await;
        first.heard().await;
        second.heard().await;
        // Those who are there stay; they are told that the card is another.
        allow_places(&web, "0").await;
        first.hears("MPOP off", &[Word::Book]).await;
        second.hears("MPOP off", &[Word::Book]).await;
        let alone = Client::sign_in(&server, "alice", dialect, LAPTOP, Some("NLN")).await;
        first.ends_as_replaced().await;
        second.ends_as_replaced().await;
        let other = Client::sign_in(&server, "alice", dialect, DESKTOP, Some("NLN")).await;
        alone.ends_as_replaced().await;
        // Who came while only one could is alone, even if several may now.
        allow_places(&web, "1").await;
        let mut first = Client::sign_in(&server, "alice", dialect, LAPTOP, Some("NLN")).await;
        other.ends_as_replaced().await;
        let mut second = Client::sign_in(&server, "alice", 18, DESKTOP, Some("NLN")).await;
        first.heard().await;
        second.heard().await;
        bob.heard().await;
        first.connection.send(b"OUT\r\n").await;
        first.connection.until_closed().await;
        second.heard().await;
        bob.hears("one place is left", &[]).await;
        second.connection.send(b"OUT\r\n").await;
        second.connection.until_closed().await;
        bob.hears("the last place goes", &[Word::Gone("alice")])
            .await;
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_that_came_first_makes_room_for_the_seventeenth() {
    let server = start(&["alice", "bob"], &["@contact bob alice FL AL"]).await;
    let mut old = Client::sign_in(&server, "bob", 12, LAPTOP, Some("NLN")).await;
    let machine = |number: usize| format!("aaaaaaaa-0000-4000-8000-{number:012}");
    let mut places = Vec::new();
    for number in 0..16 {
        let dialect = [16, 17, 18][number % 3];
        let at = machine(number);
        places.push(Client::sign_in(&server, "alice", dialect, &at, Some("NLN")).await);
    }
    old.hears("sixteen come", &[Word::Online("alice", 18)])
        .await;
    // One that is there already is no seventeenth.
    let again = Client::sign_in(&server, "alice", 18, &machine(3), Some("NLN")).await;
    let before = std::mem::replace(&mut places[3], again);
    before.ends_as_replaced().await;
    let last = Client::sign_in(&server, "alice", 18, &machine(16), Some("NLN")).await;
    places.remove(0).ends_as_replaced().await;
    places.push(last);
    for place in &mut places {
        place.heard().await;
    }
    old.hears("the places change", &[]).await;

    // Who knows places is told all sixteen, and nothing that is private.
    let private = "<PrivateEndpointData><EpName>SECRET</EpName><Idle>false</Idle>\
                   <ClientType>1</ClientType><State>NLN</State></PrivateEndpointData>";
    let told = places[0].asks("UUX", "", Some(private)).await;
    assert!(told.iter().any(|line| line.contains("SECRET")), "{told:?}");
    let other = places[15].heard().await;
    assert!(
        other.iter().any(|line| line.contains("SECRET")),
        "{other:?}"
    );
    old.hears("private data", &[]).await;
    drop(old);
    let mut new = Client::sign_in(&server, "bob", 18, LAPTOP, None).await;
    let seen = new.asks("CHG", "NLN 2789003324:48 0", None).await;
    let data = seen
        .iter()
        .find(|line| line.starts_with("UBX 1:alice@"))
        .unwrap_or_else(|| panic!("{seen:?}"));
    assert_eq!(data.matches("<EndpointData id=").count(), 16, "{data}");
    assert!(
        !data.contains("SECRET") && !data.contains("Private"),
        "{data}"
    );
    assert!(server.stop().await);
}
