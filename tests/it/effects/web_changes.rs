//! Every change by the web services, and what the owner's clients and the other person's hear of
//! it at each generation.

use super::*;
use crate::soap::connections::{breaking, creating, managing};
use crate::soap::{adding, contact, contact_by_id, group_filter, group_named, member, start};
use crate::support::soap::{BOOK_PATH, SHARING_PATH};

/// Where Alice is while the web changes things in her name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Nowhere.
    Absent,
    /// At one client.
    At(u8),
    /// At two places, each of which speaks its own dialect.
    AtBoth(u8, u8),
}

/// The people of this story. Bob follows Alice from the start; Carol and Dave will.
struct Story {
    server: TestServer,
    alice: Web,
    bob: Web,
    carol: Web,
    dave: Web,
    own: Vec<Client>,
    other: Client,
    /// The identity of Bob's card, once there is one, and of the group.
    card: String,
    group: String,
}

/// What comes of a change.
#[derive(Clone, Copy)]
struct Effects<'a> {
    /// What each client of Alice's hears.
    own: &'a [Word],
    /// What Bob's client hears.
    other: &'a [Word],
    /// The lists that Alice then has Bob on, and Bob Alice.
    roles: [&'a str; 2],
}

impl Story {
    async fn begin(owner: Owner, dialect: u8) -> Self {
        let names = ["alice", "bob", "carol", "dave"];
        let server = start(&names, &["@contact bob alice FL AL"]).await;
        let other = Client::sign_in(&server, "bob", dialect, DESKTOP, Some("NLN")).await;
        let mut own = Vec::new();
        let dialects = match owner {
            Owner::Absent => Vec::new(),
            Owner::At(only) => vec![only],
            Owner::AtBoth(first, second) => vec![first, second],
        };
        for (dialect, machine) in dialects.into_iter().zip([LAPTOP, DESKTOP]) {
            own.push(Client::sign_in(&server, "alice", dialect, machine, Some("NLN")).await);
        }
        let mut story = Self {
            alice: Web::sign_in(&server, "alice").await,
            bob: Web::sign_in(&server, "bob").await,
            carol: Web::sign_in(&server, "carol").await,
            dave: Web::sign_in(&server, "dave").await,
            server,
            own,
            other,
            card: String::new(),
            group: String::new(),
        };
        // How everybody came is another story.
        for client in story.own.iter_mut().chain([&mut story.other]) {
            client.heard().await;
        }
        story
    }

    /// Makes a request of Alice's.
    async fn asks(&mut self, operation: &str, request: &str, effects: Effects<'_>) -> Answer {
        let before = self.alice.stamps().await;
        let his = self.bob.stamps().await;
        let answer = match operation {
            "UpdateProfile" => self.alice.storage(operation, request).await,
            "AddMember" | "DeleteMember" => {
                let contacts = &self.alice.contacts;
                ok(contacts.call(SHARING_PATH, operation, request).await)
            }
            _ => ok(self
                .alice
                .contacts
                .call(BOOK_PATH, operation, request)
                .await),
        };
        let cause = format!("{operation} {request}");
        self.check(&cause, effects).await;
        let has_news = self.alice.has_news(&before).await;
        assert_eq!(has_news, effects.own.contains(&Word::Book), "{cause}");
        let is_listed = |word: &Word| matches!(word, Word::Added(_) | Word::Removed(_));
        if effects.other.iter().any(is_listed) {
            let (_, lists) = self.bob.news(&his).await;
            let gone = lists.of("Member", "PassportName", "alice@example.com", "Deleted");
            assert!(gone.is_some(), "{cause}: {lists:?}");
        }
        answer
    }

    /// Everybody hears what they are to, and the lists are as they are to be.
    async fn check(&mut self, cause: &str, effects: Effects<'_>) {
        for client in &mut self.own {
            client.hears(cause, effects.own).await;
        }
        // Somebody who is nowhere neither appears nor goes.
        let is_seen = !self.own.is_empty();
        let told = effects.other.iter().copied();
        let told: Vec<Word> = told
            .filter(|word| is_seen || matches!(word, Word::Added(_) | Word::Removed(_)))
            .collect();
        self.other.hears(cause, &told).await;
        let roles = [self.alice.roles("bob").await, self.bob.roles("alice").await];
        assert_eq!(roles, effects.roles, "{cause}");
    }

    /// Somebody else adds Alice, and waits for her.
    async fn is_added_by(&mut self, name: &'static str) {
        let web = match name {
            "carol" => &self.carol,
            _ => &self.dave,
        };
        let alice = adding("alice@example.com");
        ok(web.contacts.book("ABContactAdd", &alice).await);
        let cause = format!("{name} adds alice");
        for client in &mut self.own {
            client.hears(&cause, &[Word::Added(name)]).await;
        }
        assert_eq!(self.alice.roles(name).await, "Reverse Pending");
    }

    fn change_of_bob(&self, inner: &str, named: &str) -> String {
        contact(&format!(
            "<contactId>{}</contactId><contactInfo>{inner}</contactInfo>\
             <propertiesChanged>{named}</propertiesChanged>",
            self.card
        ))
    }
}

fn own_setting(name: &str, value: u8) -> String {
    contact(&format!(
        "<contactInfo><contactType>Me</contactType><annotations><Annotation><Name>{name}</Name>\
         <Value>{value}</Value></Annotation></annotations></contactInfo>\
         <propertiesChanged>Annotation</propertiesChanged>"
    ))
}

fn profile(inner: &str) -> String {
    format!("<profile><ExpressionProfile>{inner}</ExpressionProfile></profile>")
}

/// Everything that the web services can change, one after the other.
async fn play(owner: Owner, dialect: u8) {
    let mut story = Story::begin(owner, dialect).await;
    contacts(&mut story, dialect).await;
    lists_and_settings(&mut story, owner).await;
    profiles(&mut story, owner).await;
    invitations(&mut story, owner, dialect).await;
    waiting(&mut story).await;
    assert!(story.server.stop().await);
}

async fn contacts(story: &mut Story, dialect: u8) {
    use Word::{Added, Book, Online, Removed};
    let appears = [Online("bob", dialect), Book];
    let followed = ["Allow Reverse", "Allow Reverse"];
    let effects = Effects {
        own: &appears,
        other: &[Added("alice")],
        roles: followed,
    };
    let bob = adding("bob@example.com");
    let added = story.asks("ABContactAdd", &bob, effects).await;
    story.card = added.text("guid").unwrap();
    assert_eq!(
        story.bob.card("alice", "isMessengerUser").await.as_deref(),
        Some("true")
    );

    // A name and a note are the owner's affair.
    let quiet = Effects {
        own: &[Book],
        other: &[],
        roles: followed,
    };
    let named = story.change_of_bob("<firstName>Robert</firstName>", "ContactFirstName");
    story.asks("ABContactUpdate", &named, quiet).await;
    let note = "<annotations><Annotation><Name>AB.NickName</Name><Value>Bobby</Value>\
                </Annotation></annotations>";
    let noted = story.change_of_bob(note, "Annotation");
    story.asks("ABContactUpdate", &noted, quiet).await;
    // The same again is no change.
    let nothing = Effects { own: &[], ..quiet };
    story.asks("ABContactUpdate", &noted, nothing).await;

    // Messenger or not is whether Alice follows him.
    let flag = |story: &Story, value: bool| {
        let flag = format!("<isMessengerUser>{value}</isMessengerUser>");
        story.change_of_bob(&flag, "IsMessengerUser")
    };
    let left = Effects {
        own: &[Book],
        other: &[Removed("alice")],
        roles: ["Allow Reverse", "Allow"],
    };
    let off = flag(story, false);
    story.asks("ABContactUpdate", &off, left).await;
    let on = flag(story, true);
    story.asks("ABContactUpdate", &on, effects).await;

    let group = group_named("Friends");
    let made = story.asks("ABGroupAdd", &group, quiet).await;
    story.group = made.text("guid").unwrap();
    let in_group = group_filter(&story.group) + &contact_by_id(&story.card);
    story.asks("ABGroupContactAdd", &in_group, quiet).await;
    story.asks("ABGroupContactAdd", &in_group, nothing).await;
    let renamed = format!(
        "{OWN_BOOK}<groups><Group><groupId>{}</groupId><groupInfo><name>Work</name></groupInfo>\
         <propertiesChanged>GroupName</propertiesChanged></Group></groups>",
        story.group
    );
    story.asks("ABGroupUpdate", &renamed, quiet).await;
    story.asks("ABGroupContactDelete", &in_group, quiet).await;
    let group = OWN_BOOK.to_owned() + &group_filter(&story.group);
    story.asks("ABGroupDelete", &group, quiet).await;
    story.asks("ABGroupDelete", &group, nothing).await;
}

async fn lists_and_settings(story: &mut Story, owner: Owner) {
    use Word::{Book, Gone};
    let bob = |role: &str| member(role, "bob@example.com");
    let appears = [alice_appears(owner)];
    let effects = |own: &'static [Word], other: &'static [Word], roles: &'static str| Effects {
        own,
        other,
        roles: [roles, "Allow Reverse"],
    };
    let blocked = effects(&[Book], &[Gone("alice")], "Block Reverse");
    let blocked_already = effects(&[], &[], "Block Reverse");
    let neither = Effects {
        own: &[Book],
        other: &appears,
        roles: ["Reverse", "Allow Reverse"],
    };
    let allowed = effects(&[Book], &[], "Allow Reverse");
    story.asks("AddMember", &bob("Block"), blocked).await;
    story
        .asks("AddMember", &bob("Block"), blocked_already)
        .await;
    story.asks("DeleteMember", &bob("Block"), neither).await;
    story.asks("AddMember", &bob("Allow"), allowed).await;
    // Allowing ends a block in one step, and the reverse.
    story.asks("AddMember", &bob("Block"), blocked).await;
    let unblocked = Effects {
        other: &appears,
        ..allowed
    };
    story.asks("AddMember", &bob("Allow"), unblocked).await;

    // Whoever is on no list is shown what the setting says.
    let strict = own_setting("MSN.IM.BLP", 2);
    story.asks("ABContactUpdate", &strict, allowed).await;
    let no_list = effects(&[Book], &[Gone("alice")], "Reverse");
    story.asks("DeleteMember", &bob("Allow"), no_list).await;
    let open = own_setting("MSN.IM.BLP", 1);
    story.asks("ABContactUpdate", &open, neither).await;
    let prompt = own_setting("MSN.IM.GTC", 2);
    let quiet = effects(&[Book], &[], "Reverse");
    story.asks("ABContactUpdate", &prompt, quiet).await;
    story.asks("AddMember", &bob("Allow"), allowed).await;
}

/// Alice, as Bob sees her: what she looks like is what her last place looks like.
fn alice_appears(owner: Owner) -> Word {
    Word::Online("alice", shown_dialect(owner))
}

fn shown_dialect(owner: Owner) -> u8 {
    match owner {
        Owner::Absent => 18,
        Owner::At(dialect) | Owner::AtBoth(_, dialect) => dialect,
    }
}

async fn profiles(story: &mut Story, owner: Owner) {
    use Word::{Book, Named, OwnMessage, OwnName, Says};
    let theirs = shown_dialect(owner);
    let roles = ["Allow Reverse", "Allow Reverse"];
    let before = story.bob.stamps().await;
    let name = |name: &'static str| {
        (
            [OwnName("alice", name), Book],
            [Named("alice", name, theirs)],
        )
    };
    let (own, other) = name("Alice%20II");
    let own: &[Word] = &own;
    let renamed = Effects {
        own,
        other: &other,
        roles,
    };
    let request = profile("<DisplayName>Alice II</DisplayName>");
    story.asks("UpdateProfile", &request, renamed).await;
    let (book, _) = story.bob.news(&before).await;
    let shown = book.of(
        "Contact",
        "passportName",
        "alice@example.com",
        "displayName",
    );
    assert_eq!(shown.as_deref(), Some("Alice II"), "{book:?}");

    let (own, other) = ([OwnMessage("alice", "at home")], [Says("alice", "at home")]);
    let said = Effects {
        own: &own,
        other: &other,
        roles,
    };
    let request = profile("<PersonalStatus>at home</PersonalStatus>");
    story.asks("UpdateProfile", &request, said).await;
    let unsaid = Effects {
        own: &[],
        other: &[],
        roles,
    };
    story.asks("UpdateProfile", &request, unsaid).await;
    assert_eq!(story.alice.message().await.as_deref(), Some("at home"));

    let (own, other) = name("alice");
    let renamed = Effects {
        own: &own,
        other: &other,
        roles,
    };
    let request = contact(
        "<contactInfo><contactType>Me</contactType><displayName>alice</displayName>\
         </contactInfo><propertiesChanged>DisplayName</propertiesChanged>",
    );
    story.asks("ABContactUpdate", &request, renamed).await;
}

async fn invitations(story: &mut Story, owner: Owner, dialect: u8) {
    use Word::{Added, Book, Gone, Online, Removed};
    let appears = [Online("bob", dialect), Book];
    let returns = [alice_appears(owner)];
    let left = Effects {
        own: &[Book],
        other: &[Removed("alice")],
        roles: ["Allow Reverse", "Allow"],
    };
    let card = contact_by_id(&story.card);
    story.asks("ABContactDelete", &card, left).await;
    assert_eq!(story.alice.card("bob", "contactId").await, None);
    let quiet = Effects { other: &[], ..left };
    let bob = creating("bob@example.com");
    let made = story.asks("CreateContact", &bob, quiet).await;
    story.card = made.text("contactId").unwrap();
    let accepted = managing(&story.card, 1, 3);
    let followed = Effects {
        own: &appears,
        other: &[Added("alice")],
        roles: ["Allow Reverse", "Allow Reverse"],
    };
    story.asks("ManageWLConnection", &accepted, followed).await;
    let broken = Effects {
        own: &[Book],
        other: &[Gone("alice"), Removed("alice")],
        roles: ["Block Reverse", "Allow"],
    };
    let request = breaking(&story.card, false, true);
    story.asks("BreakConnection", &request, broken).await;
    let gone = Effects {
        own: &[Book],
        other: &[],
        roles: ["Block Reverse", "Allow"],
    };
    let request = breaking(&story.card, true, false);
    story.asks("BreakConnection", &request, gone).await;
    let allowed = Effects {
        own: &[Book],
        other: &returns,
        roles: ["Allow Reverse", "Allow"],
    };
    let bob = member("Allow", "bob@example.com");
    story.asks("AddMember", &bob, allowed).await;
}

/// Two people wait for an answer; either way of ending it leaves them on the reverse list.
async fn waiting(story: &mut Story) {
    let decided = Effects {
        own: &[Word::Book],
        other: &[],
        roles: ["Allow Reverse", "Allow"],
    };
    story.is_added_by("carol").await;
    let settled = member("Reverse", "carol@example.com");
    story.asks("AddMember", &settled, decided).await;
    assert_eq!(story.alice.roles("carol").await, "Reverse");
    story.is_added_by("dave").await;
    let settled = member("Pending", "dave@example.com");
    story.asks("DeleteMember", &settled, decided).await;
    assert_eq!(story.alice.roles("dave").await, "Reverse");
    // Who is turned away for good waits no more either.
    let blocked = member("Block", "dave@example.com");
    story.asks("AddMember", &blocked, decided).await;
    assert_eq!(story.alice.roles("dave").await, "Block Reverse");
}

/// One test for each pair of where Alice is and how old Bob's client is.
macro_rules! stories {
    ($($name:ident: $owner:expr, $dialect:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            play($owner, $dialect).await;
        }
    )*};
}

stories! {
    two_places_and_msnp2: Owner::AtBoth(18, 16), 2;
    two_places_and_msnp5: Owner::AtBoth(16, 18), 5;
    two_places_and_msnp8: Owner::AtBoth(17, 18), 8;
    two_places_and_msnp10: Owner::AtBoth(18, 18), 10;
    two_places_and_msnp12: Owner::AtBoth(16, 16), 12;
    two_places_and_msnp13: Owner::AtBoth(18, 17), 13;
    two_places_and_msnp15: Owner::AtBoth(18, 16), 15;
    two_places_and_msnp16: Owner::AtBoth(18, 16), 16;
    two_places_and_msnp18: Owner::AtBoth(18, 16), 18;
    one_place_and_msnp18: Owner::At(18), 18;
    one_place_of_msnp16_and_msnp14: Owner::At(16), 14;
    an_owner_at_msnp15: Owner::At(15), 18;
    an_owner_at_msnp13: Owner::At(13), 11;
    an_owner_at_msnp12: Owner::At(12), 15;
    an_owner_at_msnp8: Owner::At(8), 9;
    an_owner_at_msnp2: Owner::At(2), 7;
    an_owner_who_is_away_and_msnp8: Owner::Absent, 8;
    an_owner_who_is_away_and_msnp18: Owner::Absent, 18;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_without_a_status_is_shown_nobody_yet() {
    let server = start(&["alice", "bob"], &[]).await;
    let mut bob = Client::sign_in(&server, "bob", 12, DESKTOP, Some("NLN")).await;
    let mut shown = Client::sign_in(&server, "alice", 18, LAPTOP, Some("NLN")).await;
    let mut silent = Client::sign_in(&server, "alice", 16, DESKTOP, None).await;
    shown.heard().await;
    let web = Web::sign_in(&server, "alice").await;
    let request = adding("bob@example.com");
    ok(web.contacts.book("ABContactAdd", &request).await);
    bob.hears("alice adds", &[Word::Added("alice")]).await;
    let words = [Word::Online("bob", 12), Word::Book];
    shown.hears("alice adds", &words).await;
    silent.hears("alice adds", &[Word::Book]).await;
    let seen = silent.asks("CHG", "NLN 2789003324:48 0", None).await;
    assert!(
        seen.iter()
            .any(|line| line.starts_with("ILN") && line.contains("bob@")),
        "{seen:?}"
    );
    assert!(server.stop().await);
}
