//! A real client against a real server: `msnp11-sdk`, an MSNP11 library by other people, signs in
//! through the nexus and does everything that it can do.
//!
//! Left out is its file transfer: the published version only carries it out between two of its
//! own clients, over a path of its own, and its default build does not have it.
//!
//! Two limits of the library shape these tests. It forgets what stands behind the first 1,664
//! bytes of a read if that is no whole line (and can loop for ever on the rest), so nothing here
//! makes the server say more than that at once. And it waits without end for an answer that it
//! does not know, so every call has a deadline.

use msnp11_sdk::{ContactError, Event, MessagingError, MsnpList, MsnpStatus, PlainText, SdkError};

use crate::support::person::{self, LIBRARY, PASSWORD, Person, done, fixture, plain, within};
use crate::support::player::Addresses;
use crate::support::server::TestServer;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
const CAROL: &str = "carol@example.com";

const BOB_IN_BOOK: &str = "bob@example.com (Bob) on ForwardList AllowList ReverseList, in 0 groups";
const ALICE_IN_BOOK: &str =
    "alice@example.com (Alice) on ForwardList AllowList ReverseList, in 0 groups";
const ALICE_SAYS_NOTHING: &str = "alice@example.com says [], plays []";
const BOB_SAYS_NOTHING: &str = "bob@example.com says [], plays []";

async fn start(people: &[&str], more: &[&str]) -> TestServer {
    TestServer::start(&fixture(people, more)).await.unwrap()
}

/// Alice and Bob, who have each other, both online.
async fn two_friends(server: &TestServer) -> (Person, Person) {
    let at = server.addresses;
    let alice = Person::appear(at, ALICE, &[BOB_IN_BOOK], &[]).await;
    let there = [
        "alice@example.com (Alice) is Online already",
        ALICE_SAYS_NOTHING,
    ];
    let bob = Person::appear(at, BOB, &[ALICE_IN_BOOK], &there).await;
    let mut alice = alice;
    alice.sees("bob@example.com (Bob) is Online").await;
    alice.sees(BOB_SAYS_NOTHING).await;
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_brings_settings_groups_and_contacts() {
    let server = start(
        &[ALICE, BOB, CAROL, "dave@example.com"],
        &[
            "@group alice Work%20%26%20home",
            "@contact alice bob FL AL group=Work%20%26%20home name=Bobby%20%E2%9C%BF",
            "@contact alice carol BL name=Carol",
            "@contact dave alice FL AL name=Alice",
            "@setting alice BLP BL",
            "@setting alice GTC N",
        ],
    )
    .await;
    let at = server.addresses;
    let mut alice = Person::connect(at, ALICE).await;
    alice.try_sign_in(at, PASSWORD, LIBRARY).await.unwrap();
    alice.sees("GTC N").await;
    alice.sees("BLP BL").await;
    alice.sees("own name Alice").await;
    let Event::Group { name, guid: group } = alice.next("a group").await else {
        panic!("no group");
    };
    assert_eq!(name, "Work & home");
    let contact = alice.next("a contact").await;
    let told = person::told(&contact);
    assert_eq!(
        told,
        "bob@example.com (Bobby ✿) on ForwardList AllowList, in 1 groups"
    );
    assert!(
        matches!(&contact, Event::ContactInForwardList { groups, guid, .. }
            if *groups == [group] && guid.len() == 36),
        "{contact:?}"
    );
    alice
        .sees_all(&[
            "carol@example.com (Carol) on BlockList",
            "dave@example.com (Dave) on PendingList",
        ])
        .await;
    done("GTC", alice.client.set_gtc("A")).await;
    done("BLP", alice.client.set_blp("AL")).await;
    // The same value again is no error.
    done("BLP", alice.client.set_blp("AL")).await;
    server.stop().await;
    alice.sees("disconnected").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatch_server_refers_to_the_notification_server() {
    let mut fixture = fixture(&[ALICE], &[]);
    let listen = "[\"127.0.0.1:0\"]".to_owned();
    fixture.config.push(("listen.dispatch".to_owned(), listen));
    let server = TestServer::start(&fixture).await.unwrap();
    let at = server.addresses;
    let first = Addresses {
        msnp: server.dispatch().unwrap(),
        ..at
    };
    let person = Person::connect(first, ALICE).await;
    let led_to = person.try_sign_in(first, PASSWORD, LIBRARY).await.unwrap();
    assert_eq!(led_to, format!("go to {}", at.msnp));
    Person::sign_in(at, ALICE, &[]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_as_such() {
    let server = start(&[ALICE], &[]).await;
    let at = server.addresses;
    for (address, password) in [(ALICE, "wrong"), ("nobody@example.com", PASSWORD)] {
        let person = Person::connect(at, address).await;
        let refused = person.try_sign_in(at, password, LIBRARY).await;
        // "Authentication error. Check your email and password."
        assert!(
            matches!(refused, Err(SdkError::AuthenticationHeaderNotFound)),
            "{address}: {refused:?}"
        );
    }
    Person::sign_in(at, ALICE, &[]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_elsewhere_ends_the_first_client_with_the_reason() {
    let server = start(&[ALICE, BOB], &["@friends alice bob"]).await;
    let (mut alice, mut bob) = two_friends(&server).await;
    let there = ["bob@example.com (Bob) is Online already", BOB_SAYS_NOTHING];
    let mut again = Person::appear(server.addresses, ALICE, &[BOB_IN_BOOK], &there).await;
    alice.sees("signed in elsewhere").await;
    bob.sees("alice@example.com is offline").await;
    bob.sees("alice@example.com (Alice) is Online").await;
    bob.sees(ALICE_SAYS_NOTHING).await;
    // The second client stays.
    bob.shows(MsnpStatus::Away).await;
    again.sees("bob@example.com (Bob) is Away").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_presence_reaches_the_other() {
    let server = start(&[ALICE, BOB], &["@friends alice bob"]).await;
    let (alice, mut bob) = two_friends(&server).await;
    for status in [
        MsnpStatus::Busy,
        MsnpStatus::Away,
        MsnpStatus::Idle,
        MsnpStatus::OutToLunch,
        MsnpStatus::OnThePhone,
        MsnpStatus::BeRightBack,
        MsnpStatus::Online,
    ] {
        let wanted = format!("alice@example.com (Alice) is {status:?}");
        alice.shows(status).await;
        bob.sees(&wanted).await;
    }

    alice.says("<at> work & \"busy\" ☕", "").await;
    bob.sees("alice@example.com says [<at> work & \"busy\" ☕], plays []")
        .await;
    let song = "\\0Music\\01\\0{0} - {1}\\0Air\\0Bach\\0\\0";
    alice.says("listening", song).await;
    bob.sees(&format!(
        "alice@example.com says [listening], plays [{song}]"
    ))
    .await;

    let name = "Alice ✿ & co. (100%)";
    done("renaming", alice.client.set_display_name(name)).await;
    bob.sees(&format!("alice@example.com ({name}) is Online"))
        .await;

    alice.shows(MsnpStatus::AppearOffline).await;
    bob.sees("alice@example.com is offline").await;
    // What changes meanwhile is seen afterwards only.
    alice.says("back", "").await;
    alice.shows(MsnpStatus::BeRightBack).await;
    bob.sees(&format!("alice@example.com ({name}) is BeRightBack"))
        .await;
    bob.sees("alice@example.com says [back], plays []").await;

    alice.leaves().await;
    bob.sees("alice@example.com is offline").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_are_added_allowed_blocked_renamed_and_removed() {
    let server = start(&[ALICE, BOB], &[]).await;
    let at = server.addresses;
    let mut alice = Person::appear(at, ALICE, &[], &[]).await;
    let mut bob = Person::appear(at, BOB, &[], &[]).await;

    let add = alice
        .client
        .add_contact(BOB, "Bob ☺", MsnpList::ForwardList);
    let added = done("adding", add).await;
    let Event::ContactInForwardList { guid: bob_id, .. } = added else {
        panic!("{added:?}");
    };
    bob.sees("added by alice@example.com (Alice)").await;
    alice.sees("bob@example.com (Bob) is Online already").await;
    alice.sees(BOB_SAYS_NOTHING).await;
    let add = alice.client.add_contact(BOB, "Bob", MsnpList::AllowList);
    done("allowing", add).await;

    // Bob decides: he allows Alice, takes her from the pending list and adds her too.
    let add = bob.client.add_contact(ALICE, "Alice", MsnpList::AllowList);
    done("allowing", add).await;
    let add = bob
        .client
        .add_contact(ALICE, "Alice", MsnpList::ReverseList);
    done("settling", add).await;
    let remove = bob.client.remove_contact(ALICE, MsnpList::PendingList);
    done("settling", remove).await;
    let add = bob
        .client
        .add_contact(ALICE, "Alice", MsnpList::ForwardList);
    done("adding", add).await;
    bob.sees("alice@example.com (Alice) is Online already")
        .await;
    bob.sees(ALICE_SAYS_NOTHING).await;
    alice.sees("added by bob@example.com (Bob)").await;

    // Twice is a refusal that the library knows.
    let again = alice.client.add_contact(BOB, "Bob", MsnpList::ForwardList);
    let refused = within("adding again", again).await;
    assert!(
        matches!(refused, Err(ContactError::InvalidArgument)),
        "{refused:?}"
    );
    let nobody = "nobody@example.com";
    let add = alice
        .client
        .add_contact(nobody, nobody, MsnpList::ForwardList);
    let refused = within("adding nobody", add).await;
    assert!(
        matches!(refused, Err(ContactError::InvalidContact)),
        "{refused:?}"
    );

    // Blocked, Alice sees Bob leave; unblocked, she sees what he is by now.
    done("blocking", bob.client.block_contact(ALICE)).await;
    alice.sees("bob@example.com is offline").await;
    bob.shows(MsnpStatus::Busy).await;
    bob.says("unseen", "").await;
    alice.shows(MsnpStatus::Away).await;
    bob.sees("alice@example.com (Alice) is Away").await;
    let call = within("calling", alice.client.create_session(BOB)).await;
    assert!(
        matches!(call, Err(SdkError::ContactIsOffline)),
        "{:?}",
        call.err()
    );
    done("unblocking", bob.client.unblock_contact(ALICE)).await;
    alice.sees("bob@example.com (Bob) is Busy").await;
    alice.sees("bob@example.com says [unseen], plays []").await;

    let rename = alice
        .client
        .set_contact_display_name(&bob_id, "Robert & co");
    done("renaming", rename).await;
    let remove = bob.client.remove_contact(ALICE, MsnpList::AllowList);
    done("disallowing", remove).await;
    alice.leaves().await;
    bob.sees("alice@example.com is offline").await;
    let book = ["bob@example.com (Robert & co) on ForwardList AllowList ReverseList, in 0 groups"];
    let there = [
        "bob@example.com (Bob) is Busy already",
        "bob@example.com says [unseen], plays []",
    ];
    let alice = Person::appear(at, ALICE, &book, &there).await;
    bob.sees("alice@example.com (Alice) is Online").await;
    bob.sees(ALICE_SAYS_NOTHING).await;

    let remove = alice.client.remove_contact_from_forward_list(&bob_id);
    done("removing", remove).await;
    bob.sees("removed by alice@example.com").await;
    let remove = alice.client.remove_contact_from_forward_list(&bob_id);
    let refused = within("removing again", remove).await;
    assert!(refused.is_err());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_was_added_while_offline_finds_out_later() {
    let server = start(&[ALICE, BOB], &[]).await;
    let at = server.addresses;
    let alice = Person::appear(at, ALICE, &[], &[]).await;
    let add = alice.client.add_contact(BOB, "Bob", MsnpList::ForwardList);
    done("adding", add).await;
    let bob = Person::appear(at, BOB, &["alice@example.com (Alice) on PendingList"], &[]).await;
    done(
        "blocking",
        bob.client.add_contact(ALICE, ALICE, MsnpList::BlockList),
    )
    .await;
    bob.leaves().await;
    let book = ["alice@example.com (Alice) on BlockList ReverseList"];
    Person::appear(at, BOB, &book, &[]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_made_filled_emptied_renamed_and_deleted() {
    let server = start(&[ALICE, BOB], &["@friends alice bob"]).await;
    let at = server.addresses;
    let alice = Person::appear(at, ALICE, &[BOB_IN_BOOK], &[]).await;
    done("making", alice.client.create_group("Café & bar")).await;
    let again = within("making again", alice.client.create_group("Café & bar")).await;
    assert!(
        matches!(again, Err(ContactError::InvalidArgument)),
        "{again:?}"
    );
    alice.leaves().await;

    // The library learns the identity of a group from the download alone.
    let (alice, group, contact) = with_group(&server, "Café & bar", "in 0 groups").await;
    let put = alice.client.add_contact_to_group(&contact, &group);
    done("putting in", put).await;
    done("renaming", alice.client.rename_group(&group, "Old friends")).await;
    alice.leaves().await;

    let (alice, group, contact) = with_group(&server, "Old friends", "in 1 groups").await;
    let take = alice.client.remove_contact_from_group(&contact, &group);
    done("taking out", take).await;
    let take = alice.client.remove_contact_from_group(&contact, &group);
    let refused = within("taking out again", take).await;
    assert!(
        matches!(refused, Err(ContactError::InvalidArgument)),
        "{refused:?}"
    );
    alice.leaves().await;

    let (alice, group, _) = with_group(&server, "Old friends", "in 0 groups").await;
    done("deleting", alice.client.delete_group(&group)).await;
    let again = within("deleting again", alice.client.delete_group(&group)).await;
    assert!(
        matches!(again, Err(ContactError::InvalidArgument)),
        "{again:?}"
    );
    alice.leaves().await;
    Person::appear(at, ALICE, &[BOB_IN_BOOK], &[]).await;
    server.stop().await;
}

/// Alice signs in again and finds one group and Bob, and this is how often he is in a group.
async fn with_group(server: &TestServer, group: &str, bob: &str) -> (Person, String, String) {
    let mut alice = Person::sign_in(server.addresses, ALICE, &[]).await;
    let Event::Group {
        name,
        guid: group_id,
    } = alice.next("a group").await
    else {
        panic!("no group");
    };
    assert_eq!(name, group);
    let contact = alice.next("a contact").await;
    assert!(person::told(&contact).ends_with(bob), "{contact:?}");
    let Event::ContactInForwardList { guid, groups, .. } = contact else {
        panic!("{contact:?}");
    };
    assert!(groups.iter().all(|one| *one == group_id), "{groups:?}");
    (alice, group_id, guid)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_has_everything_the_library_can_say() {
    let server = start(&[ALICE, BOB, CAROL], &["@friends alice bob"]).await;
    let (alice, mut bob) = two_friends(&server).await;
    let mut carol = Person::appear(server.addresses, CAROL, &[], &[]).await;
    let mut alice_talks = alice.calls(BOB).await;
    let mut bob_talks = bob.answered().await;
    bob_talks.sees("alice@example.com is here").await;
    alice_talks.sees("bob@example.com is here").await;
    let id = done("the session", alice_talks.switchboard.get_session_id()).await;
    assert_eq!(
        id,
        done("the session", bob_talks.switchboard.get_session_id()).await
    );

    done("typing", alice_talks.switchboard.send_typing_user(ALICE)).await;
    bob_talks.sees("alice@example.com is typing").await;
    let decorated = PlainText {
        bold: true,
        italic: true,
        underline: true,
        strikethrough: true,
        color: "ff8000".to_owned(),
        text: "Hello 👋🏽\nsecond line: žluťoučký kůň 🐎".to_owned(),
    };
    let send = alice_talks.switchboard.send_text_message(&decorated);
    done("sending", send).await;
    match bob_talks.next("the message").await {
        Event::TextMessage { email, message } => {
            assert_eq!((email.as_str(), message), (ALICE, decorated));
        }
        other => panic!("{other:?}"),
    }
    done("nudging", bob_talks.switchboard.send_nudge()).await;
    alice_talks.sees("bob@example.com nudges").await;
    for number in 0..5 {
        bob_talks.says(&format!("number {number}")).await;
    }
    for number in 0..5 {
        alice_talks
            .sees(&format!("bob@example.com: number {number}"))
            .await;
    }

    // A third one, whom nobody has on a list.
    done("inviting", bob_talks.switchboard.invite(CAROL)).await;
    let mut carol_talks = carol.answered().await;
    carol_talks
        .sees_all(&["alice@example.com is here", "bob@example.com is here"])
        .await;
    alice_talks.sees("carol@example.com is here").await;
    bob_talks.sees("carol@example.com is here").await;
    carol_talks.says("hi all").await;
    alice_talks.sees("carol@example.com: hi all").await;
    bob_talks.sees("carol@example.com: hi all").await;
    let refused = within(
        "inviting nobody",
        bob_talks.switchboard.invite("nobody@example.com"),
    );
    let refused = refused.await;
    assert!(
        matches!(
            refused,
            Err(SdkError::InvalidContact | SdkError::ContactIsOffline)
        ),
        "{refused:?}"
    );
    let refused = within("inviting twice", bob_talks.switchboard.invite(CAROL)).await;
    assert!(
        matches!(refused, Err(SdkError::InvalidContact)),
        "{refused:?}"
    );

    // They leave one after the other.
    done("leaving", bob_talks.switchboard.disconnect()).await;
    alice_talks.sees("bob@example.com left").await;
    carol_talks.sees("bob@example.com left").await;
    alice_talks.says("bye").await;
    carol_talks.sees("alice@example.com: bye").await;
    done("leaving", carol_talks.switchboard.disconnect()).await;
    alice_talks.sees("carol@example.com left").await;
    let question = plain("anybody?");
    let send = alice_talks.switchboard.send_text_message(&question);
    let alone = within("talking to nobody", send).await;
    assert!(
        matches!(alone, Err(MessagingError::MessageNotDelivered)),
        "{alone:?}"
    );

    // A new conversation the other way round.
    let mut bob_talks = bob.calls(ALICE).await;
    let mut alice = alice;
    let mut alice_talks = alice.answered().await;
    alice_talks.sees("bob@example.com is here").await;
    bob_talks.sees("alice@example.com is here").await;
    alice_talks.says("again").await;
    bob_talks.sees("alice@example.com: again").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_travels_through_the_switchboard() {
    let server = start(&[ALICE, BOB], &["@friends alice bob"]).await;
    let (alice, mut bob) = two_friends(&server).await;
    // Every byte there is, in two parts: a part has at most 1,202 bytes. With more of them under
    // way, a read of the library could end inside a command line.
    let picture: Vec<u8> = (0..2_000_u32)
        .map(|index| (index * 7 % 256) as u8)
        .collect();
    let set = alice.client.set_display_picture(picture.clone());
    let digest = done("setting the picture", set).await;
    alice.shows(MsnpStatus::Online).await;
    let Event::PresenceUpdate { presence, .. } = bob.next("the picture").await else {
        panic!("no presence");
    };
    let object = presence.msn_object.unwrap();
    assert_eq!((object.sha1d, object.size), (digest, 2_000));
    let object = presence.msn_object_string.unwrap();

    let mut alice = alice;
    let mut bob_talks = bob.calls(ALICE).await;
    // The library hears an invitation only when it has answered, so Bob waits for both.
    let mut alice_talks = alice.answered().await;
    alice_talks.sees("bob@example.com is here").await;
    bob_talks.sees("alice@example.com is here").await;
    let request = bob_talks
        .switchboard
        .request_contact_display_picture(ALICE, &object);
    done("fetching the picture", request).await;
    match bob_talks.next("the picture").await {
        Event::DisplayPicture { email, data } => {
            assert_eq!(email, ALICE);
            assert!(data == picture, "{} other bytes", data.len());
        }
        other => panic!("{other:?}"),
    }
    server.stop().await;
}

/// An application may call itself what it likes; the library is recognised all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_with_a_name_of_its_own_gets_the_replies_it_waits_for() {
    let server = start(&[ALICE, BOB], &["@friends alice bob"]).await;
    let at = server.addresses;
    let alice = Person::connect(at, ALICE).await;
    alice.try_sign_in(at, PASSWORD, "Icedm").await.unwrap();
    done("making a group", alice.client.create_group("Friends")).await;
    done("blocking", alice.client.block_contact(BOB)).await;
    done("unblocking", alice.client.unblock_contact(BOB)).await;
    alice.leaves().await;

    let mut alice = Person::connect(at, ALICE).await;
    alice.try_sign_in(at, PASSWORD, "Icedm").await.unwrap();
    for line in ["GTC A", "BLP AL", "own name Alice"] {
        alice.sees(line).await;
    }
    let Event::Group { guid, .. } = alice.next("the group").await else {
        panic!("no group");
    };
    let contact = alice.next("Bob").await;
    assert_eq!(person::told(&contact), BOB_IN_BOOK);
    done("renaming", alice.client.rename_group(&guid, "Pals")).await;
    done("deleting", alice.client.delete_group(&guid)).await;
    server.stop().await;
}
