//! Circles at the web services, as the clients since 2009 use them (`docs/protocol/12 §6`).

use super::*;
use crate::support::circles::{
    CONNECT, DISCONNECT, Part, book_of, breaking, creating, download, managing, naming,
};

const BOB: &str = "bob@example.com";
const CAROL: &str = "carol@example.com";
/// A circle that there is not.
const NOWHERE: &str = "00000000-0000-0000-0009-73944a8f7947";

/// A circle of Alice's with these people in it, and everybody at the web services.
async fn circle_of(server: &TestServer, names: &[&str]) -> (String, Vec<WebClient>) {
    let mut people = Vec::new();
    for name in names {
        people.push(web(server, name).await);
    }
    let circle = people[0].create_circle("Hiking").await.unwrap();
    for (name, person) in names.iter().zip(&people).skip(1) {
        let address = format!("{name}@example.com");
        people[0].invite(&circle, &address).await.unwrap();
        person.decide(&circle, CONNECT).await.unwrap();
    }
    (circle, people)
}

/// What a download shows of the only circle in it: of the contact its state and role, and of
/// what it is to the owner the role, the state and whether it is gone.
fn shown(page: &Answer) -> [Option<String>; 5] {
    let contact = |wanted| page.of("Contact", "contactType", "Circle", wanted);
    [
        contact("RelationshipState"),
        contact("RelationshipRole"),
        page.text("Role"),
        page.text("State"),
        page.text("Deleted"),
    ]
}

fn are(words: [&str; 5]) -> [Option<String>; 5] {
    words.map(|word| Some(word.to_owned()))
}

/// How somebody stands in a circle's book: kind, state and role.
fn standing(page: &Answer, address: &str) -> Option<[String; 3]> {
    let of = |wanted| page.of("Contact", "passportName", address, wanted);
    Some([
        of("contactType")?,
        of("RelationshipState")?,
        of("RelationshipRole")?,
    ])
}

fn stands(words: [&str; 3]) -> Option<[String; 3]> {
    Some(words.map(str::to_owned))
}

/// When a book was last changed.
fn stamp_of(page: &Answer) -> String {
    let document = roxmltree::Document::parse(&page.body).unwrap();
    let ab = document
        .descendants()
        .find(|node| node.has_tag_name((crate::support::soap::ADDRESS_BOOK, "Ab")))
        .unwrap();
    let mut parts = ab.children();
    let stamp = parts.find(|node| node.tag_name().name() == "lastChange");
    stamp.unwrap().text().unwrap().to_owned()
}

/// A change of a circle's book in the place of its owner, which is the circle.
fn renaming(circle: &str, name: &str) -> String {
    format!(
        "<abId>{circle}</abId><contacts><Contact><contactInfo><contactType>Me</contactType>\
         <displayName>{name}</displayName></contactInfo>\
         <propertiesChanged>DisplayName</propertiesChanged></Contact></contacts>"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circle_is_in_its_makers_book_and_has_one_of_its_own() {
    let server = start(&["alice"], &[]).await;
    let (circle, people) = circle_of(&server, &["alice"]).await;
    let [alice] = &*people else { panic!() };
    let tag = circle.to_uppercase();
    let page = ok(alice.own_page(None).await);
    assert_eq!(shown(&page), are(["3", "1", "Admin", "Accepted", "false"]));
    for (wanted, value) in [
        ("passportName", &*format!("{tag}@hotmail.com")),
        ("displayName", "Hiking"),
        ("IsHidden", "true"),
        ("isMessengerUser", "false"),
        ("RelationshipType", "5"),
        ("DomainTag", &tag),
    ] {
        let found = page.of("Contact", "contactType", "Circle", wanted);
        assert_eq!(found.as_deref(), Some(value), "{wanted}");
    }
    let inverse = page.of("CircleInverseInfo", "Role", "Admin", "Id");
    assert_eq!(inverse.as_deref(), Some(&*circle));
    let ticket = page.text("CircleTicket").unwrap();
    assert!(ticket.contains("<SignedTicket"), "{ticket}");
    // Clients that ask in the older way see nothing of it.
    assert_eq!(book(alice).await.count("CircleInverseInfo"), 0);

    let page = ok(alice.circle_page(&circle, None).await);
    assert_eq!(page.count("CircleResult"), 0);
    let me = page.of("Contact", "contactType", "Me", "displayName");
    assert_eq!(me.as_deref(), Some("Hiking"));
    let me = page.of("Contact", "contactType", "Me", "contactId");
    assert_eq!(me.as_deref(), Some(&*circle));
    assert_eq!(page.text("AddressBookType").as_deref(), Some("Group"));
    assert_eq!(page.text("abId").as_deref(), Some(&*circle));
    assert_eq!(
        standing(&page, "alice@example.com"),
        stands(["Live", "3", "1"])
    );
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_seen_by_both_sides_and_answered() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (circle, people) = circle_of(&server, &["alice"]).await;
    let [alice] = &*people else { panic!() };
    let (bob, carol) = (web(&server, "bob").await, web(&server, "carol").await);

    // Named is not invited, and naming somebody twice is naming them once.
    let mut ids = Vec::new();
    for _ in 0..2 {
        let named = ok(alice.book("CreateContact", &naming(&circle, BOB)).await);
        assert_eq!(named.text("contactType").as_deref(), Some("LivePending"));
        ids.extend(named.text("contactId"));
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ok(bob.own_page(None).await).count("CircleInverseInfo"), 0);
    let inviting = managing(&book_of(&circle), &ids[0], CONNECT, 3);
    let invited = ok(alice.book("ManageWLConnection", &inviting).await);
    for (wanted, value) in [
        ("contactId", &*ids[0]),
        ("RelationshipState", "2"),
        ("RelationshipRole", "3"),
        ("InviterMessage", "join us"),
        ("InviterEmail", "alice@example.com"),
    ] {
        assert_eq!(invited.text(wanted).as_deref(), Some(value), "{wanted}");
    }
    let page = ok(alice.circle_page(&circle, None).await);
    assert_eq!(standing(&page, BOB), stands(["LivePending", "2", "3"]));

    let page = ok(bob.own_page(None).await);
    let waits = ["1", "4", "StatePendingOutbound", "WaitingResponse", "false"];
    assert_eq!(shown(&page), are(waits));
    assert_eq!(page.text("InviterName").as_deref(), Some("alice"));
    assert_eq!(page.text("InviterMessage").as_deref(), Some("join us"));
    let id = page.of("Contact", "contactType", "Circle", "contactId");
    let accepting = managing("", &id.unwrap(), CONNECT, 0);
    for _ in 0..2 {
        let accepted = ok(bob.book("ManageWLConnection", &accepting).await);
        assert_eq!(accepted.text("contactType").as_deref(), Some("Circle"));
        assert_eq!(accepted.text("RelationshipState").as_deref(), Some("3"));
    }
    let page = ok(bob.own_page(None).await);
    assert_eq!(shown(&page), are(["3", "3", "Member", "Accepted", "false"]));
    let page = ok(bob.circle_page(&circle, None).await);
    assert_eq!(standing(&page, BOB), stands(["Live", "3", "3"]));

    // Carol declines, twice: the second time there is nothing left to decline.
    alice.invite(&circle, CAROL).await.unwrap();
    let id = carol.contact_of_circle(&circle).await.unwrap();
    let declining = managing("", &id, DISCONNECT, 0);
    let declined = ok(carol.book("ManageWLConnection", &declining).await);
    assert_eq!(declined.text("RelationshipState").as_deref(), Some("4"));
    assert_eq!(ok(carol.own_page(None).await).count("CircleInverseInfo"), 0);
    let page = ok(alice.circle_page(&circle, None).await);
    assert_eq!(standing(&page, CAROL), None);
    refused(&carol.circle_page(&circle, None).await, "ABDoesNotExist");
    // And is asked again, and the invitation is taken back.
    let contact = alice.invite(&circle, CAROL).await.unwrap();
    let withdrawing = managing(&book_of(&circle), &contact, DISCONNECT, 3);
    ok(alice.book("ManageWLConnection", &withdrawing).await);
    assert_eq!(ok(carol.own_page(None).await).count("CircleInverseInfo"), 0);
    let late = carol
        .book("ManageWLConnection", &managing("", &id, CONNECT, 0))
        .await;
    assert!(late.fault().is_some(), "{late:?}");
    assert_eq!(ok(carol.own_page(None).await).count("CircleInverseInfo"), 0);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_leave_and_are_sent_away_by_any_of_their_names() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (circle, people) = circle_of(&server, &["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = &*people else {
        panic!()
    };
    // By what one is in the circle's book, by what the circle is there, by what it is in one's own.
    let in_circle = bob.contact_in_circle(&circle, BOB).await.unwrap();
    let in_book = bob.contact_of_circle(&circle).await.unwrap();
    let own = format!("<contactId>{in_book}</contactId><deleteContact>true</deleteContact>");
    for request in [
        breaking(&circle, &in_circle, false),
        breaking(&circle, &circle, false),
        own,
    ] {
        ok(bob.book("BreakConnection", &request).await);
        refused(&bob.circle_page(&circle, None).await, "ABDoesNotExist");
        let page = ok(alice.circle_page(&circle, None).await);
        assert_eq!(standing(&page, BOB), None);
        alice.invite(&circle, BOB).await.unwrap();
        bob.decide(&circle, CONNECT).await.unwrap();
    }
    // Sent away and blocked: she is on the list, and cannot be brought back.
    let contact = alice.contact_in_circle(&circle, CAROL).await.unwrap();
    let breaking = breaking(&circle, &contact, true);
    ok(alice.book("BreakConnection", &breaking).await);
    assert!(is_on(&lists(alice).await, "Block", CAROL));
    refused(&carol.circle_page(&circle, None).await, "ABDoesNotExist");
    let again = alice.book("CreateContact", &naming(&circle, CAROL)).await;
    refused(&again, "Forbidden");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_is_told_to_members_and_to_those_who_left() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (circle, people) = circle_of(&server, &["alice", "bob"]).await;
    let [alice, bob] = &*people else { panic!() };
    let own = stamp_of(&ok(bob.own_page(None).await));
    let whole = ok(alice.circle_page(&circle, None).await);
    let stamp = stamp_of(&whole);
    let nothing = ok(bob.own_page(Some(&own)).await);
    assert_eq!(nothing.count("CircleInverseInfo"), 0);
    assert!(nothing.text("CircleTicket").is_some());
    let nothing = ok(alice.circle_page(&circle, Some(&stamp)).await);
    assert_eq!(standing(&nothing, BOB), None);

    // Of somebody who comes only the circle's book has news; of a new name every member's.
    alice.invite(&circle, CAROL).await.unwrap();
    let news = ok(alice.circle_page(&circle, Some(&stamp)).await);
    assert_eq!(standing(&news, CAROL), stands(["LivePending", "2", "3"]));
    assert_eq!(standing(&news, BOB), None);
    let renamed = alice
        .book("ABContactUpdate", &renaming(&circle, "Climbing"))
        .await;
    ok(renamed);
    let news = ok(bob.own_page(Some(&own)).await);
    let name = news.of("Contact", "contactType", "Circle", "displayName");
    assert_eq!(name.as_deref(), Some("Climbing"));

    // Who leaves is gone from the circle's book, and the circle from theirs.
    let (own, stamp) = (
        stamp_of(&news),
        stamp_of(&ok(alice.circle_page(&circle, None).await)),
    );
    let contact = bob.contact_in_circle(&circle, BOB).await.unwrap();
    let in_book = bob.contact_of_circle(&circle).await.unwrap();
    bob.end_in_circle(&circle, BOB).await.unwrap();
    let news = ok(alice.circle_page(&circle, Some(&stamp)).await);
    let gone = news.of("Contact", "contactId", &contact, "fDeleted");
    assert_eq!(gone.as_deref(), Some("true"), "{news:?}");
    let news = ok(bob.own_page(Some(&own)).await);
    let gone = news.of("Contact", "contactId", &in_book, "fDeleted");
    assert_eq!(gone.as_deref(), Some("true"), "{news:?}");
    assert_eq!(news.text("Deleted").as_deref(), Some("true"));
    for impossible in ["2099-01-01T00:00:00Z", "soon"] {
        let answer = alice.circle_page(&circle, Some(impossible)).await;
        assert_eq!(answer.fault().as_deref(), Some("FullSyncRequired"));
    }
    assert!(server.stop().await);
}

/// Everything that can be asked of a circle.
fn requests(circle: &str, contact: &str) -> Vec<(&'static str, String)> {
    let own = book_of(circle);
    vec![
        ("ABFindContactsPaged", download(&own, None)),
        (
            "ABFindContactsPaged",
            download(&own, Some("2010-01-02T03:04:05Z")),
        ),
        ("CreateContact", naming(circle, BOB)),
        ("CreateContact", naming(circle, "nobody@example.com")),
        ("ManageWLConnection", managing(&own, contact, CONNECT, 3)),
        ("ManageWLConnection", managing(&own, contact, CONNECT, 1)),
        ("ManageWLConnection", managing(&own, contact, DISCONNECT, 3)),
        ("BreakConnection", breaking(circle, contact, false)),
        ("BreakConnection", breaking(circle, contact, true)),
        ("BreakConnection", breaking(circle, circle, false)),
        ("ABContactUpdate", renaming(circle, "Mine")),
        ("ABFindAll", format!("<abId>{circle}</abId>")),
        ("ABContactDelete", contact_of(circle, contact)),
    ]
}

fn contact_of(circle: &str, contact: &str) -> String {
    contact_by_id(contact).replace("00000000-0000-0000-0000-000000000000", circle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_whoever_is_not_in_it_a_circle_is_like_one_that_is_not_there() {
    let names = ["alice", "bob", "carol", "dave", "eve", "mallory"];
    let server = start(&names, &["@contact eve alice BL"]).await;
    let (circle, people) = circle_of(&server, &["alice", "bob"]).await;
    let [alice, bob] = &*people else { panic!() };
    // One who declined, one who was sent away, one who is never told, and one who never was.
    let (carol, dave) = (web(&server, "carol").await, web(&server, "dave").await);
    alice.invite(&circle, CAROL).await.unwrap();
    carol.decide(&circle, DISCONNECT).await.unwrap();
    alice.invite(&circle, "dave@example.com").await.unwrap();
    dave.decide(&circle, CONNECT).await.unwrap();
    let contact = alice.contact_in_circle(&circle, "dave@example.com").await;
    let breaking = breaking(&circle, &contact.unwrap(), true);
    ok(alice.book("BreakConnection", &breaking).await);
    alice.invite(&circle, "eve@example.com").await.unwrap();
    let target = bob.contact_in_circle(&circle, BOB).await.unwrap();
    let before = ok(alice.circle_page(&circle, None).await);

    for name in ["carol", "dave", "eve", "mallory"] {
        let outsider = web(&server, name).await;
        assert_eq!(
            ok(outsider.own_page(None).await).count("CircleInverseInfo"),
            0
        );
        let here = requests(&circle, &target);
        for ((operation, request), (_, elsewhere)) in here.iter().zip(requests(NOWHERE, &target)) {
            let answer = outsider.book(operation, request).await;
            refused(&answer, "ABDoesNotExist");
            let other = outsider.book(operation, &elsewhere).await;
            assert_eq!(
                (answer.status, answer.body),
                (other.status, other.body),
                "{name}: {operation}"
            );
        }
    }
    let after = ok(alice.circle_page(&circle, None).await);
    assert_eq!(stamp_of(&before), stamp_of(&after), "nothing was changed");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_may_do_is_their_role() {
    let server = start(&["alice", "bob", "carol", "dave"], &[]).await;
    let (circle, people) = circle_of(&server, &["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = &*people else {
        panic!()
    };
    let of_carol = bob.contact_in_circle(&circle, CAROL).await.unwrap();
    let of_alice = bob
        .contact_in_circle(&circle, "alice@example.com")
        .await
        .unwrap();
    let of_bob = bob.contact_in_circle(&circle, BOB).await.unwrap();
    let own = book_of(&circle);
    let managing_others = [
        ("ManageWLConnection", managing(&own, &of_carol, CONNECT, 2)),
        ("ManageWLConnection", managing(&own, &of_bob, CONNECT, 1)),
        (
            "ManageWLConnection",
            managing(&own, &of_carol, DISCONNECT, 3),
        ),
        ("BreakConnection", breaking(&circle, &of_carol, false)),
        ("BreakConnection", breaking(&circle, &of_alice, true)),
        ("ABContactUpdate", renaming(&circle, "Mine")),
    ];
    // A member.
    let naming_dave = naming(&circle, "dave@example.com");
    refused(&bob.book("CreateContact", &naming_dave).await, "Forbidden");
    for (operation, request) in &managing_others {
        refused(&bob.book(operation, request).await, "Forbidden");
    }
    assert!(!is_on(&lists(bob).await, "Block", "alice@example.com"));
    // An assistant brings others in, and takes back no more than that.
    alice.set_part(&circle, BOB, Part::Assistant).await.unwrap();
    for (operation, request) in &managing_others {
        refused(&bob.book(operation, request).await, "Forbidden");
    }
    let of_dave = bob.invite(&circle, "dave@example.com").await.unwrap();
    let withdrawing = managing(&own, &of_dave, DISCONNECT, 3);
    refused(
        &carol.book("ManageWLConnection", &withdrawing).await,
        "Forbidden",
    );
    ok(bob.book("ManageWLConnection", &withdrawing).await);
    // The only administrator stays one.
    let resigning = managing(&own, &of_alice, CONNECT, 3);
    refused(
        &alice.book("ManageWLConnection", &resigning).await,
        "Forbidden",
    );
    alice.set_part(&circle, BOB, Part::Admin).await.unwrap();
    let page = ok(bob.own_page(None).await);
    assert_eq!(shown(&page), are(["3", "1", "Admin", "Accepted", "false"]));
    ok(bob.book("ManageWLConnection", &resigning).await);
    let page = ok(alice.own_page(None).await);
    assert_eq!(shown(&page), are(["3", "3", "Member", "Accepted", "false"]));
    ok(bob
        .book("ABContactUpdate", &renaming(&circle, "Bob's"))
        .await);
    refused(
        &alice
            .book("ABContactUpdate", &renaming(&circle, "No"))
            .await,
        "Forbidden",
    );
    // What is in nobody's circle cannot be managed, and nothing else of its book can be changed.
    let unknown = managing(&own, NOBODY, CONNECT, 3);
    refused(
        &bob.book("ManageWLConnection", &unknown).await,
        "ContactDoesNotExist",
    );
    let phone = renaming(&circle, "x").replace("DisplayName</prop", "ContactPhone</prop");
    refused(&bob.book("ABContactUpdate", &phone).await, "Forbidden");
    let other = renaming(&circle, "x").replace("Me<", "Live<");
    refused(&bob.book("ABContactUpdate", &other).await, "Forbidden");
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circles_have_limits() {
    let limits = [
        "@config limits.circles_per_account 2",
        "@config limits.circle_members 3",
        "@config limits.circle_name 20",
    ];
    let server = start(&["alice", "bob", "carol", "dave"], &limits).await;
    let (circle, people) = circle_of(&server, &["alice", "bob"]).await;
    let [alice, bob] = &*people else { panic!() };
    // Who is invited takes up room, and who is not any more does not.
    let of_carol = alice.invite(&circle, CAROL).await.unwrap();
    let full = alice
        .book("CreateContact", &naming(&circle, "dave@example.com"))
        .await;
    refused(&full, "RequestLimitReached");
    let withdrawing = managing(&book_of(&circle), &of_carol, DISCONNECT, 3);
    ok(alice.book("ManageWLConnection", &withdrawing).await);
    ok(alice
        .book("CreateContact", &naming(&circle, "dave@example.com"))
        .await);

    // Circles that one is in count, whoever made them; invitations do not.
    bob.create_circle("Bob's").await.unwrap();
    refused(
        &bob.sharing("CreateCircle", &creating("Third")).await,
        "RequestLimitReached",
    );
    let carol = web(&server, "carol").await;
    let third = carol.create_circle("Carol's").await.unwrap();
    carol.invite(&third, BOB).await.unwrap();
    assert!(bob.decide(&third, CONNECT).await.is_err());
    bob.end_in_circle(&circle, BOB).await.unwrap();
    bob.decide(&third, CONNECT).await.unwrap();

    for name in ["", "   ", &"x".repeat(21), "Ünïcödé is löng"] {
        let answer = carol.sharing("CreateCircle", &creating(name)).await;
        refused(&answer, "BadArgumentLength");
        let answer = carol.book("ABContactUpdate", &renaming(&third, name)).await;
        refused(&answer, "BadArgumentLength");
    }
    let of_alice = ok(carol
        .book("CreateContact", &naming(&third, "alice@example.com"))
        .await);
    let long = managing(
        &book_of(&third),
        &of_alice.text("contactId").unwrap(),
        CONNECT,
        3,
    )
    .replace("join us", &"x".repeat(20_000));
    refused(
        &carol.book("ManageWLConnection", &long).await,
        "BadArgumentLength",
    );
    for (address, code) in [
        ("nobody@example.com", "InvalidPassportUser"),
        ("x", "BadEmailArgument"),
    ] {
        refused(
            &carol.book("CreateContact", &naming(&third, address)).await,
            code,
        );
    }
    refused(
        &carol.sharing("CreateCircle", "<properties/>").await,
        "BadRequest",
    );
    assert!(server.stop().await);
}

/// `AddMember` and `DeleteMember` for a circle on one list.
fn on_list(role: &str, circle: &str) -> String {
    membership(role, &format!("<CircleId>{circle}</CircleId>")).replace("Passport", "Circle")
}

/// The circles on a list, and those that left it.
fn circles_on(lists: &Answer, role: &str) -> [usize; 2] {
    let document = roxmltree::Document::parse(&lists.body).unwrap();
    let list = document.descendants().find(|node| {
        node.tag_name().name() == "Membership"
            && node
                .children()
                .any(|child| child.tag_name().name() == "MemberRole" && child.text() == Some(role))
    });
    let members = list.into_iter().flat_map(|list| list.descendants());
    let circles = members
        .filter(|node| node.tag_name().name() == "Member")
        .filter(|node| {
            node.children()
                .any(|child| child.tag_name().name() == "CircleId")
        });
    let mut counts = [0; 2];
    for circle in circles {
        let mut parts = circle.children();
        let deleted = parts.find(|part| part.tag_name().name() == "Deleted");
        counts[usize::from(deleted.unwrap().text() == Some("true"))] += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circle_is_on_the_allow_list_or_silenced_on_the_block_list() {
    let server = start(&["alice", "bob", "mallory"], &[]).await;
    let (circle, people) = circle_of(&server, &["alice", "bob"]).await;
    let [_, bob] = &*people else { panic!() };
    let found = lists(bob).await;
    assert_eq!(circles_on(&found, "Allow"), [1, 0], "{found:?}");
    assert_eq!(circles_on(&found, "Block"), [0, 0]);
    assert_eq!(found.text("CircleId").as_deref(), Some(&*circle));
    let stamp = found.text("LastChange").unwrap();
    let since =
        |stamp: &str| format!("<deltasOnly>true</deltasOnly><lastChange>{stamp}</lastChange>");
    let quiet = ok(bob.sharing("FindMembership", &since(&stamp)).await);
    assert_eq!(quiet.count("CircleId"), 0, "{quiet:?}");

    // As clients do it: off the one list, onto the other one.
    for _ in 0..2 {
        ok(bob
            .sharing("DeleteMember", &on_list("Allow", &circle))
            .await);
        ok(bob.sharing("AddMember", &on_list("Block", &circle)).await);
    }
    let found = lists(bob).await;
    assert_eq!(circles_on(&found, "Allow"), [0, 0]);
    assert_eq!(circles_on(&found, "Block"), [1, 0]);
    let news = ok(bob.sharing("FindMembership", &since(&stamp)).await);
    assert_eq!(circles_on(&news, "Allow"), [0, 1]);
    assert_eq!(circles_on(&news, "Block"), [1, 0]);
    // Silenced is not out of it.
    assert!(bob.contact_in_circle(&circle, BOB).await.is_ok());
    for (operation, role) in [("DeleteMember", "Block"), ("AddMember", "Allow")] {
        ok(bob.sharing("AddMember", &on_list("Block", &circle)).await);
        ok(bob.sharing(operation, &on_list(role, &circle)).await);
        assert_eq!(
            circles_on(&lists(bob).await, "Allow"),
            [1, 0],
            "{operation}"
        );
    }
    // Who is out of it has it on no list, and a stranger cannot tell it from none.
    bob.end_in_circle(&circle, BOB).await.unwrap();
    assert_eq!(lists(bob).await.count("CircleId"), 0);
    let mallory = web(&server, "mallory").await;
    for circle in [&*circle, NOWHERE] {
        let adding = mallory
            .sharing("AddMember", &on_list("Block", circle))
            .await;
        refused(&adding, "ABDoesNotExist");
        ok(mallory
            .sharing("DeleteMember", &on_list("Block", circle))
            .await);
    }
    assert!(server.stop().await);
}
