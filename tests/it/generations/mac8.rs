//! Messenger for Mac 8 (MSNP16): a ticket from the login page, as clients had it before single
//! sign-on, and with that one ticket everything else. It names no machine, so it is at one place
//! alone (`docs/protocol/23 §6`).

use super::browser::Browser;
use super::greeting::Greeting;
use super::line::Line;
use super::mail::{NEWER, Post, fetch, waiting};
use super::services::{Book, OWN_BOOK, Storage, contact, list_chunks, lists, me, member, one};
use super::{
    FRIENDS_MACHINE, NUDGE, PICTURE, Site, new_tile, piece, tells, tile, town, typed, typing,
};
use crate::support::passport::{Outcome, fetch_ticket};
use crate::support::people::PASSWORD;
use crate::support::soap::Answer;

const AGENT: &str = "Microsoft Messenger for Mac/8.0.1";
pub(super) const CAPABILITIES: &str = "1610612780:0";
const BOOK: &str = "https://contacts.msn.com/abservice/abservice.asmx";
const APPLICATION: &str = "CFE80F9D-180F-4399-82AB-413F33A1FA11";
const STORAGE: &str = "http://www.msn.com/webservices/storage/w10";
const GREETING: Greeting = Greeting {
    dialect: 16,
    product: None,
    offer: "MSNP16 MSNP15 MSNP14 MSNP13 CVR0",
    agreed: "MSNP16",
    program: "0x0409 mac 10.13.6 i386 macmsgs 8.0.1 macmsgs",
    build: "8.0.1",
    method: "TWN",
};
/// What alice leaves for bob.
const TEXTS: [&str; 2] = ["Where are you, Bob?", "It is late, \u{e9}h?"];
const POST: Post = Post {
    from: "alice@example.com",
    dialect: "MSNP16",
    build: "8.0.1",
    product: "PROD0119GSJUC$18",
    namespace: NEWER,
    operation: "Store2",
};

/// The client between two clicks of its owner.
pub(super) struct Client {
    pub(super) ns: Line,
    /// The only ticket, `t=...&p=`.
    ticket: String,
    book: Book,
    memberships: Answer,
    contacts: Answer,
}

/// Up to the list.
pub(super) async fn arrive(site: &Site, browser: &mut Browser, who: &'static str) -> Client {
    let address = format!("{who}@example.com");
    let mut ns = GREETING.find_server(site, who).await;
    let policies = ns.reads("GCF 0 *").await;
    assert!(
        policies.starts_with("<Policies><Policy type=\"SHIELDS\""),
        "{policies}"
    );
    let question = ns.sees("USR # TWN S *").await;
    let http = site.server.addresses.http;
    let ticket = fetch_ticket(http, &address, PASSWORD, &question[4]).await;
    let Ok(Outcome::Ticket(ticket)) = ticket else {
        panic!("{ticket:?}");
    };
    ns.does(
        "USR",
        &format!("TWN S {ticket}"),
        &format!("USR # OK {address} 1 0"),
    )
    .await;
    ns.sees("SBS 0 null").await;
    let profile = ns.reads("MSG Hotmail Hotmail *").await;
    let mail = format!("preferredEmail: {address}");
    for line in [&*mail, "ABCHMigrated: 1", "MPOPEnabled: 1"] {
        assert!(
            profile.split("\r\n").any(|one| one == line),
            "{line}: {profile}"
        );
    }
    ns.sees(&format!("UBX {address} 1 0")).await;

    let mut book = Book::new(BOOK.to_owned(), APPLICATION, &ticket);
    let wanted = "<serviceFilter><Types><ServiceType>Messenger</ServiceType>\
                  <ServiceType>Invitation</ServiceType></Types></serviceFilter>";
    let memberships = book
        .sharing(browser, "Initial", "FindMembership", wanted)
        .await;
    let wanted = format!("{OWN_BOOK}<abView>Full</abView><deltasOnly>false</deltasOnly>");
    let contacts = book.book(browser, "Initial", "ABFindAll", &wanted).await;
    Client {
        ns,
        ticket,
        book,
        memberships,
        contacts,
    }
}

/// What the client tells of its list, its owner and its status.
pub(super) async fn appear(client: &mut Client) {
    let Client { ns, contacts, .. } = client;
    ns.sets("BLP", "AL").await;
    for chunk in &list_chunks(&lists(&client.memberships, contacts)) {
        ns.puts("ADL", "", chunk, "ADL # OK").await;
    }
    let name = me(contacts, "displayName").unwrap();
    let name = name.replace(' ', "%20").replace('<', "%3C");
    ns.sets("PRP", &format!("MFN {name}")).await;
    ns.sets("CHG", &format!("NLN {CAPABILITIES} {PICTURE}"))
        .await;
}

/// Somebody whose client names its machine, as this client sees them arrive.
async fn sees_bob(ns: &mut Line, start: &str) {
    ns.sees(&format!(
        "{start} NLN bob@example.com 1 bob 2789003324:48 0"
    ))
    .await;
    check_place(&ns.reads("UBX bob@example.com 1 *").await);
}

/// Bob is seen at his machine.
#[track_caller]
fn check_place(words: &str) {
    let place = format!(
        "<EndpointData id=\"{{{FRIENDS_MACHINE}}}\"><Capabilities>2789003324:48</Capabilities>\
         </EndpointData>"
    );
    assert!(words.contains(&place), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evening_with_messenger_for_mac_8() {
    let site = town(true).await;
    let mut bob = site.friend("bob", 18).await;
    let mut browser = site.browser(AGENT);
    let http = site.server.addresses.http;
    let refused = fetch_ticket(http, "alice@example.com", "not-this", "ct=1,id=1").await;
    assert_eq!(refused, Ok(Outcome::Refused));
    let mut client = arrive(&site, &mut browser, "alice").await;
    let everybody = lists(&client.memberships, &client.contacts);
    assert_eq!(everybody.len(), 101);
    let cid = me(&client.contacts, "CID").unwrap();
    appear(&mut client).await;
    let ns = &mut client.ns;
    sees_bob(ns, "ILN #").await;
    let notice = ns.reads("MSG Hotmail Hotmail *").await;
    assert!(waiting(&notice).is_empty(), "{notice}");
    let seen = format!("NLN NLN 1:alice@example.com alice {CAPABILITIES} {PICTURE}");
    bob.sees(&seen).await;
    bob.sees("UBX 1:alice@example.com 0").await;
    let words = "<Data><PSM>at &lt;work&gt;</PSM><CurrentMedia></CurrentMedia></Data>";
    ns.puts("UUX", "", words, "UUX # 0").await;
    let shown = bob.reads("UBX 1:alice@example.com *").await;
    assert!(
        shown.starts_with("<Data><PSM>at &#x3C;work&#x3E;</PSM>"),
        "{shown}"
    );
    assert!(!shown.contains("EndpointData"), "{shown}");

    // The one ticket opens the profile too.
    let storage = Storage {
        namespace: STORAGE,
        host: "storage.msn.com",
        application: "Messenger Client 8.0",
        ticket: &client.ticket,
    };
    let profile = storage.profile(&mut browser, &cid).await;
    assert_eq!(profile.text("DisplayName").as_deref(), Some("alice"));
    let picture = tile(96);
    new_tile(&storage, &mut browser, &cid, &picture).await;
    let profile = storage.profile(&mut browser, &cid).await;
    let (_, bytes) = browser.file(&profile.text("PreAuthURL").unwrap()).await;
    assert_eq!(bytes, picture);

    // Carol comes into the book and onto the allow list; the line hears of each list by itself.
    let mut carol = site.friend("carol", 12).await;
    let wanted = contact(
        "<contactInfo><contactType>Regular</contactType>\
         <passportName>carol@example.com</passportName>\
         <isMessengerUser>true</isMessengerUser></contactInfo>",
    );
    let book = &mut client.book;
    book.book(&mut browser, "ContactSave", "ABContactAdd", &wanted)
        .await;
    carol.sees("ADC 0 RL N=alice@example.com F=alice").await;
    let wanted = member("Allow", "carol@example.com");
    book.sharing(&mut browser, "ContactSave", "AddMember", &wanted)
        .await;
    ns.is_quiet().await;
    ns.puts(
        "ADL",
        "",
        &one("carol@example.com", " l=\"2\" t=\"1\""),
        "ADL # OK",
    )
    .await;
    ns.is_quiet().await;
    ns.puts(
        "ADL",
        "",
        &one("carol@example.com", " l=\"1\" t=\"1\""),
        "ADL # OK",
    )
    .await;
    ns.sees("ILN # NLN carol@example.com 1 carol 1342558252:0 0")
        .await;
    ns.sees("UBX carol@example.com 1 0").await;
    carol.sets("ADC", "AL N=alice@example.com").await;
    let back = "FL N=alice@example.com F=alice";
    carol.does("ADC", back, &format!("ADC # {back} *")).await;
    carol
        .sees(&format!(
            "ILN # NLN alice@example.com alice 1610612780 {PICTURE}"
        ))
        .await;
    carol.sees_with("UBX alice@example.com *", words).await;
    let pushed = one("carol@example.com", " t=\"1\" l=\"8\" f=\"carol\" ");
    ns.sees_with("ADL 0 *", &pushed).await;
    ns.sees("NOT *").await;

    chat(&site, ns, &mut bob).await;

    // Bob leaves, and is written to over the web.
    bob.leaves().await;
    ns.sees("FLN bob@example.com 1 0:0").await;
    POST.leave(&mut browser, &client.ticket, "bob@example.com", &TEXTS)
        .await;
    let mut bob = site.friend_without_status("bob", 18).await;
    bob.sets("CHG", "NLN 2789003324:48").await;
    bob.sees(&seen).await;
    bob.sees_with("UBX 1:alice@example.com *", &shown).await;
    let notice = bob.reads("MSG Hotmail Hotmail *").await;
    assert_eq!(waiting(&notice).len(), 2, "{notice}");
    sees_bob(ns, "NLN").await;

    // A new name, and a block: the web first, then the line.
    ns.sets("PRP", "MFN Ally%20%3C3").await;
    bob.sees(&seen.replace(" alice 16", " Ally%20%3C3 16"))
        .await;
    carol
        .sees(&format!(
            "NLN NLN alice@example.com Ally%20%3C3 1610612780 {PICTURE}"
        ))
        .await;
    for (operation, role) in [("DeleteMember", "Allow"), ("AddMember", "Block")] {
        let wanted = member(role, "carol@example.com");
        book.sharing(&mut browser, "BlockUnblock", operation, &wanted)
            .await;
    }
    carol.sees("FLN alice@example.com").await;
    ns.puts(
        "RML",
        "",
        &one("carol@example.com", " l=\"2\" t=\"1\""),
        "RML # OK",
    )
    .await;
    ns.puts(
        "ADL",
        "",
        &one("carol@example.com", " l=\"4\" t=\"1\""),
        "ADL # OK",
    )
    .await;
    ns.is_quiet().await;
    client.ns.leaves().await;
    bob.sees("FLN 1:alice@example.com 0:0").await;
    bob.puts(
        "UUM",
        "alice@example.com 1 1",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nDest-Agent: client\r\n\r\n\
         Call me, \u{e9}h?",
        "UUM # OK",
    )
    .await;
    bob.is_quiet().await;
    carol.is_quiet().await;

    // The next evening.
    let mut client = arrive(&site, &mut browser, "alice").await;
    let everybody = lists(&client.memberships, &client.contacts);
    assert_eq!(everybody.len(), 102);
    assert_eq!(everybody["bob@example.com"], 11);
    assert_eq!(everybody["carol@example.com"], 13);
    assert_eq!(
        me(&client.contacts, "displayName").as_deref(),
        Some("Ally <3")
    );
    appear(&mut client).await;
    let Client { mut ns, ticket, .. } = client;
    let shown = ns
        .sees_people(&[
            (
                "ILN # NLN bob@example.com 1 bob 2789003324:48 0",
                "UBX bob@example.com 1 *",
            ),
            (
                "ILN # NLN carol@example.com 1 carol 1342558252:0 0",
                "UBX carol@example.com 1 0",
            ),
        ])
        .await;
    check_place(&shown[0]);
    let notice = ns.reads("MSG Hotmail Hotmail *").await;
    let letters = waiting(&notice);
    assert_eq!(letters[0].1, "bob@example.com");
    let token = ticket.strip_prefix("t=").unwrap();
    let token = token.strip_suffix("&p=").unwrap();
    let texts = fetch(&mut browser, token, &letters).await;
    assert_eq!(texts, ["Call me, \u{e9}h?"]);
    ns.is_quiet().await;
    carol.is_quiet().await;
    site.close().await;
}

/// A conversation in which this client is one address, and the other is seen at its place too.
async fn chat(site: &Site, ns: &mut Line, bob: &mut Line) {
    let key = ns
        .does("XFR", "SB", "XFR # SB * CKI * U messenger.msn.com 1")
        .await;
    let mut room = site.follow("alice", &key[3], ns.dialect()).await;
    let hello = format!("alice@example.com {}", key[5]);
    room.does("USR", &hello, "USR # OK alice@example.com alice")
        .await;
    let call = room.does("CAL", "bob@example.com", "CAL # RINGING *").await;
    let ring = bob
        .sees("RNG * * CKI * alice@example.com alice U messenger.msn.com 1")
        .await;
    assert_eq!(ring[1], call[3]);
    let mut seat = site.follow("bob", &ring[2], bob.dialect()).await;
    let handle = format!("bob@example.com;{{{FRIENDS_MACHINE}}}");
    seat.asks("ANS", &format!("{handle} {} {}", ring[4], ring[1]))
        .await;
    seat.sees(&format!("IRO # 1 1 alice@example.com alice {CAPABILITIES}"))
        .await;
    seat.sees("ANS # OK").await;
    room.sees("JOI bob@example.com bob 2789003324:48").await;
    room.sees(&format!("JOI {handle} bob 2789003324:48")).await;
    let (alice, his) = ("alice@example.com alice", "bob@example.com bob");
    tells(
        &mut room,
        alice,
        "U",
        &typing("alice@example.com"),
        &mut seat,
    )
    .await;
    tells(&mut room, alice, "D", &piece("bob@example.com"), &mut seat).await;
    let words = typed("Helvetica", "Hello Bob, \u{e7}a va?");
    tells(&mut room, alice, "A", &words, &mut seat).await;
    tells(
        &mut seat,
        his,
        "N",
        &typed("Segoe%20UI", "\u{1f600}"),
        &mut room,
    )
    .await;
    tells(&mut seat, his, "N", NUDGE, &mut room).await;
    seat.leaves().await;
    room.sees(&format!("BYE {handle}")).await;
    room.sees("BYE bob@example.com").await;
    room.leaves().await;
}
