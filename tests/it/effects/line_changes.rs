//! Every change by a command of the notification server, at each generation, and what the web
//! services then answer: the whole, what is new, and what the other person is given.

use super::*;
use crate::soap::start;

/// Alice at a client of one dialect, who changes things by commands; Bob follows her already.
struct Story {
    server: TestServer,
    client: Client,
    alice: Web,
    bob: Web,
}

/// What the web services answer after a command.
#[derive(Clone, Copy)]
struct Shows<'a> {
    /// The lists that Alice has Bob on, and Bob Alice.
    roles: [&'a str; 2],
    /// Whether Alice follows Bob; nothing if she has no card of his.
    follows: Option<&'a str>,
    /// Whether her book or her lists have something new.
    is_news: bool,
}

impl Story {
    async fn begin(dialect: u8) -> Self {
        let server = start(
            &["alice", "bob", "carol", "dave"],
            &[
                "@contact bob alice FL AL",
                "@contact carol alice FL AL",
                "@contact dave alice FL AL",
            ],
        )
        .await;
        Self {
            client: Client::sign_in(&server, "alice", dialect, LAPTOP, Some("NLN")).await,
            alice: Web::sign_in(&server, "alice").await,
            bob: Web::sign_in(&server, "bob").await,
            server,
        }
    }

    /// Sends a command, which has to be done, and looks at it by the web.
    async fn does(
        &mut self,
        verb: &str,
        rest: &str,
        payload: Option<&str>,
        shows: Shows<'_>,
    ) -> String {
        let before = self.alice.stamps().await;
        let his = self.bob.stamps().await;
        let roles_before = self.bob.roles("alice").await;
        let answer = self.client.does(verb, rest, payload).await;
        let cause = format!(
            "{}: {verb} {rest} {}",
            self.client.who,
            payload.unwrap_or("")
        );
        let roles = [self.alice.roles("bob").await, self.bob.roles("alice").await];
        assert_eq!(roles, shows.roles, "{cause}");
        let follows = self.alice.card("bob", "isMessengerUser").await;
        assert_eq!(follows.as_deref(), shows.follows, "{cause}");
        let is_news = self.alice.has_news(&before).await;
        assert_eq!(is_news, shows.is_news, "{cause}");
        let (_, lists) = self.bob.news(&his).await;
        if roles_before != shows.roles[1] {
            let gone = lists.of("Member", "PassportName", "alice@example.com", "Deleted");
            assert!(gone.is_some(), "{cause}: {lists:?}");
        }
        answer
    }

    /// The identity of Bob's card.
    async fn card(&self) -> String {
        self.alice.card("bob", "contactId").await.unwrap()
    }

    /// Changes lists in the way of the dialect: `adds` onto them, or takes off them.
    async fn lists(&mut self, adds: bool, list: &str, shows: Shows<'_>) {
        let dialect = self.client.dialect;
        if dialect >= 13 {
            let bit = match list {
                "FL" => 1,
                "AL" => 2,
                _ => 4,
            };
            let xml =
                format!("<ml><d n=\"example.com\"><c n=\"bob\" l=\"{bit}\" t=\"1\"/></d></ml>");
            let verb = if adds { "ADL" } else { "RML" };
            self.does(verb, "", Some(&xml), shows).await;
            return;
        }
        let (verb, rest) = match (adds, dialect, list) {
            (true, ..=9, _) => ("ADD", format!("{list} bob@example.com bob")),
            (true, _, "FL") => ("ADC", "FL N=bob@example.com F=bob".to_owned()),
            (true, _, _) => ("ADC", format!("{list} N=bob@example.com")),
            (false, 10.., "FL") => ("REM", format!("FL {}", self.card().await)),
            (false, _, _) => ("REM", format!("{list} bob@example.com")),
        };
        self.does(verb, &rest, None, shows).await;
    }
}

async fn play(dialect: u8) {
    let mut story = Story::begin(dialect).await;
    memberships(&mut story).await;
    if (7..13).contains(&dialect) {
        groups(&mut story).await;
    }
    if (11..13).contains(&dialect) {
        waiting(&mut story).await;
    }
    settings(&mut story).await;
    assert!(story.server.stop().await);
}

async fn memberships(story: &mut Story) {
    let is_old = story.client.dialect < 13;
    let show = |own: &'static str, his: &'static str, follows| Shows {
        roles: [own, his],
        follows,
        is_news: true,
    };
    assert_eq!(story.alice.roles("bob").await, "Reverse Pending");
    let allowed = show("Allow Reverse", "Allow", None);
    story.lists(true, "AL", allowed).await;
    let followed = show("Allow Reverse", "Allow Reverse", Some("true"));
    story.lists(true, "FL", followed).await;
    // What the other one's book shows of Alice is the same as ever.
    let of_alice = story.bob.card("alice", "isMessengerUser").await;
    assert_eq!(of_alice.as_deref(), Some("true"));
    if !is_old {
        // A change that was made already is none.
        let nothing = Shows {
            is_news: false,
            ..followed
        };
        story.lists(true, "FL", nothing).await;
    }
    let neither = show("Reverse", "Allow Reverse", Some("true"));
    story.lists(false, "AL", neither).await;
    let blocked = show("Block Reverse", "Allow Reverse", Some("true"));
    story.lists(true, "BL", blocked).await;
    // A card outlives nobody who was followed by these clients.
    let unfollowed = show("Block Reverse", "Allow", None);
    story.lists(false, "FL", unfollowed).await;
    let neither = show("Reverse", "Allow", None);
    story.lists(false, "BL", neither).await;
    let allowed = show("Allow Reverse", "Allow", None);
    story.lists(true, "AL", allowed).await;
    let followed = show("Allow Reverse", "Allow Reverse", Some("true"));
    story.lists(true, "FL", followed).await;
}

/// What is true of Bob while other things change.
const FOLLOWED: Shows<'static> = Shows {
    roles: ["Allow Reverse", "Allow Reverse"],
    follows: Some("true"),
    is_news: true,
};

async fn groups(story: &mut Story) {
    let is_numbered = story.client.dialect < 10;
    let rest = if is_numbered {
        "Old%20friends 0"
    } else {
        "Old%20friends"
    };
    let made = story.does("ADG", rest, None, FOLLOWED).await;
    let fields: Vec<&str> = made.split(' ').collect();
    let id = fields[if is_numbered { 4 } else { 3 }];
    let group = async |story: &Story, field: &str| {
        book(&story.alice.contacts)
            .await
            .of("Group", "groupType", KIND, field)
    };
    assert_eq!(group(story, "name").await.as_deref(), Some("Old friends"));
    let guid = group(story, "groupId").await.unwrap();
    let card = story.card().await;
    let (verb, filling, emptying) = if is_numbered {
        (
            "ADD",
            format!("FL bob@example.com bob {id}"),
            format!("FL bob@example.com {id}"),
        )
    } else {
        assert_eq!(id, guid);
        (
            "ADC",
            format!("FL C={card} {id}"),
            format!("FL {card} {id}"),
        )
    };
    story.does(verb, &filling, None, FOLLOWED).await;
    let members = async |story: &Story| {
        let book = book(&story.alice.contacts).await;
        let in_group = book.body.split("<groupIds>").nth(1).map(str::to_owned);
        in_group.is_some_and(|rest| rest.starts_with(&format!("<guid>{guid}</guid>")))
    };
    assert!(members(story).await);
    let rest = if is_numbered {
        format!("{id} Work 0")
    } else {
        format!("{id} Work")
    };
    story.does("REG", &rest, None, FOLLOWED).await;
    assert_eq!(group(story, "name").await.as_deref(), Some("Work"));
    story.does("REM", &emptying, None, FOLLOWED).await;
    assert!(!members(story).await);
    story.does("RMG", id, None, FOLLOWED).await;
    assert_eq!(group(story, "groupId").await, None);
}

/// Who waits is moved on by one of two commands, or allowed.
async fn waiting(story: &mut Story) {
    for (verb, rest, who) in [
        ("ADC", "RL N=carol@example.com F=carol", "carol"),
        ("REM", "PL dave@example.com", "dave"),
    ] {
        assert_eq!(story.alice.roles(who).await, "Reverse Pending");
        story.does(verb, rest, None, FOLLOWED).await;
        assert_eq!(story.alice.roles(who).await, "Reverse", "{verb} {rest}");
    }
}

/// What kind of group those of contacts are.
const KIND: &str = "c8529ce2-6ead-434d-881f-341e17db3ff8";

async fn settings(story: &mut Story) {
    let dialect = story.client.dialect;
    let quiet = Shows {
        is_news: false,
        ..FOLLOWED
    };
    assert_eq!(
        story.alice.setting("MSN.IM.BLP").await.as_deref(),
        Some("1")
    );
    story.does("BLP", "BL", None, FOLLOWED).await;
    assert_eq!(
        story.alice.setting("MSN.IM.BLP").await.as_deref(),
        Some("2")
    );
    if dialect < 13 {
        story.does("GTC", "N", None, FOLLOWED).await;
        assert_eq!(
            story.alice.setting("MSN.IM.GTC").await.as_deref(),
            Some("2")
        );
    }

    let his = story.bob.stamps().await;
    let (verb, rest) = if dialect < 10 {
        ("REA", "alice@example.com Ally%20A")
    } else {
        ("PRP", "MFN Ally%20A")
    };
    story.does(verb, rest, None, FOLLOWED).await;
    let own = book(&story.alice.contacts).await;
    let own = own.of("Contact", "contactType", "Me", "displayName");
    assert_eq!(own.as_deref(), Some("Ally A"));
    let (news, _) = story.bob.news(&his).await;
    let shown = news.of(
        "Contact",
        "passportName",
        "alice@example.com",
        "displayName",
    );
    assert_eq!(shown.as_deref(), Some("Ally A"), "{news:?}");

    if dialect < 13 {
        let (verb, rest) = if dialect < 10 {
            ("REA", "bob@example.com Bobby%20B".to_owned())
        } else {
            ("SBP", format!("{} MFN Bobby%20B", story.card().await))
        };
        story.does(verb, &rest, None, FOLLOWED).await;
        // What these clients keep for a contact is what they saw last; the web shows what is.
        let shown = story.alice.card("bob", "displayName").await;
        assert_eq!(shown.as_deref(), Some("bob"), "MSNP{dialect}");
    }
    if dialect >= 11 {
        let data = "<Data><PSM>at &lt;work></PSM><CurrentMedia></CurrentMedia></Data>";
        story.does("UUX", "", Some(data), quiet).await;
        assert_eq!(story.alice.message().await.as_deref(), Some("at <work>"));
    }
}

/// One test for each generation.
macro_rules! generations {
    ($($name:ident: $dialect:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            play($dialect).await;
        }
    )*};
}

generations! {
    the_web_follows_msnp2: 2;
    the_web_follows_msnp5: 5;
    the_web_follows_msnp7: 7;
    the_web_follows_msnp8: 8;
    the_web_follows_msnp9: 9;
    the_web_follows_msnp10: 10;
    the_web_follows_msnp11: 11;
    the_web_follows_msnp12: 12;
    the_web_follows_msnp13: 13;
    the_web_follows_msnp15: 15;
    the_web_follows_msnp16: 16;
    the_web_follows_msnp18: 18;
}
