//! Pidgin's libpurple: 2.5 at MSNP15, 2.7 at MSNP16 and 2.10 at MSNP18.
//!
//! It asks for all tokens at once from `//RST.srf`, sends every call of a host down one
//! connection, starts with its lists at the profile, asks which network an address belongs to
//! before it adds it, and changes the web's lists first and the session's when the web has
//! answered.

use tokio::time::timeout;

use super::web::read_answer;
use super::*;
use crate::support::client::DEADLINE;

const STYLE: Style = Style {
    agent: "MSN Explorer/9.0 (MSN 8.0; TmstmpExt)",
    keeps_connections: true,
    quotes_actions: false,
    asks_first: false,
    slash: "/",
    application: "CFE80F9D-180F-4399-82AB-413F33A1FA11",
    gap: "",
};
const MACHINE: &str = "{9A5B1F20-73C4-4E0D-8F11-0C2D6B7E9A31}";
const BOOK_HOST: &str = "local-bay.contacts.msn.com";
/// What it wants tokens for, in this order.
const WISHES: [(&str, &str); 8] = [
    ("http://Passport.NET/tb", ""),
    ("messengerclear.live.com", "MBI_KEY_OLD"),
    ("messenger.msn.com", "?id=507"),
    ("contacts.msn.com", "MBI"),
    ("messengersecure.live.com", "MBI_SSL"),
    ("spaces.live.com", "MBI"),
    ("livecontacts.live.com", "MBI"),
    ("storage.live.com", "MBI"),
];

/// A version of the library, and the versions that Alice's friends speak.
#[derive(Debug, Clone, Copy)]
struct Version {
    dialect: u8,
    build: &'static str,
    bob: u8,
    carol: u8,
}

struct Purple {
    version: Version,
    at: Addresses,
    ns: Wire,
    web: Web,
    tokens: BTreeMap<&'static str, Token>,
    me: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libpurple_2_5_has_its_evening_at_msnp15() {
    an_evening(Version {
        dialect: 15,
        build: "8.5.1302",
        bob: 9,
        carol: 12,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libpurple_2_7_has_its_evening_at_msnp16() {
    an_evening(Version {
        dialect: 16,
        build: "8.5.1302",
        bob: 12,
        carol: 18,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libpurple_2_10_has_its_evening_at_msnp18() {
    an_evening(Version {
        dialect: 18,
        build: "14.0.8064.0206",
        bob: 11,
        carol: 15,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libpurple_cuts_passwords_and_does_not_wait_between_calls() {
    let statements = ["@account dora@example.com password=correct-horse-battery-staple"];
    let server = TestServer::start(&fixture(&[], &statements)).await.unwrap();
    let mut web = Web::new(server.addresses.http, STYLE);
    let request = token_request(&WISHES).replace(ALICE, "dora@example.com");
    for (password, passes) in [("correct-horse-ba", true), ("correct-horse-b", false)] {
        let body = request.replace(PASSWORD, password);
        let answer = web.post("login.live.com", "/RST.srf", "", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if !passes {
            assert_eq!(answer.fault().as_deref(), Some("wsse:FailedAuthentication"));
            continue;
        }
        let tokens = read_tokens(&answer);
        let calls = ["FindMembership", "ABFindAll", "FindMembership"];
        for operation in calls {
            let call = Call {
                ticket: &tokens["contacts.msn.com"].ticket,
                scenario: "Initial",
                operation,
                inner: if operation == "ABFindAll" {
                    OWN_BOOK
                } else {
                    ""
                },
            };
            let service = match operation {
                "ABFindAll" => "/abservice/abservice.asmx",
                _ => "/abservice/SharingService.asmx",
            };
            let body = web.envelope(call);
            web.send(BOOK_HOST, service, "", &body).await;
        }
        let mut stream = web.kept.remove(BOOK_HOST).unwrap();
        for operation in calls {
            let answer = timeout(DEADLINE, read_answer(&mut stream)).await.unwrap();
            let answer = passed(answer).payload().unwrap();
            assert!(
                answer.starts_with(&format!("<{operation}Response")),
                "{answer}"
            );
        }
    }
    // A ticket that is none is one to be renewed.
    let call = Call {
        ticket: "t=none&p=",
        scenario: "Initial",
        operation: "FindMembership",
        inner: "",
    };
    let answer = web.call(BOOK_HOST, "SharingService", call).await;
    assert_eq!(
        answer.text("faultcode").as_deref(),
        Some("q0:BadContextToken"),
        "{answer:?}"
    );
    drop(web);
    assert!(server.stop().await);
}

async fn an_evening(version: Version) {
    let server = server().await;
    let at = server.addresses;
    let mut bob = at.sign_in("bob", version.bob).await;
    let mut alice = Purple::sign_on(at, version).await;
    let (lists, book) = alice.download().await;
    alice.ns.line.expect_nothing().await;
    are_on(&lists, "Allow", &["bob"]);
    are_on(&lists, "Reverse", &["bob"]);
    are_on(&lists, "Block", &[]);
    alice.go_online(&["bob"]).await;
    bob.ns.until("NLN NLN alice@example.com").await;
    let friends = book.of("Group", "name", "Friends", "groupId").unwrap();
    assert_eq!(of_contact(&book, "bob", "guid").as_deref(), Some(&*friends));
    alice.name_herself(&mut bob).await;

    let mut carol = at.sign_in("carol", version.carol).await;
    alice.add_carol(&mut carol).await;
    alice.declines(at.sign_in("dave", 7).await).await;
    talk(&mut alice.ns, &alice.me, &mut bob).await;
    alice.leave_word_for(bob, "I am off").await;
    let mut bob = at.sign_in("bob", version.bob).await;
    alice.is_seen_by(&mut bob).await;
    alice.block_and_unblock(&mut bob).await;
    alice.remove_carol(&mut carol).await;

    let (lists, book) = alice.download().await;
    are_on(&lists, "Allow", &["bob", "carol"]);
    are_on(&lists, "Reverse", &["bob", "carol", "dave"]);
    are_on(&lists, "Block", &["dave"]);
    assert_eq!(of_contact(&book, "carol", "contactId"), None);
    let before = [steady(&lists), steady(&book)];
    alice.leave().await;
    bob.ns.until("FLN alice@example.com").await;
    // Somebody leaves word for her.
    WebOf::new(at, "bob").await.leave(ALICE, "Note").await;

    let mut alice = Purple::sign_on(at, version).await;
    let (lists, book) = alice.download().await;
    assert_eq!([steady(&lists), steady(&book)], before);
    let notice = alice.go_online(&["bob", "carol"]).await;
    bob.ns.until("NLN NLN alice@example.com").await;
    let token = alice.tokens["messenger.msn.com"].clone();
    assert_eq!(fetch_message(&mut alice.web, &token, &notice).await, "Note");
    alice.leave().await;
    assert!(server.stop().await);
}

async fn fetch_tokens_of(web: &mut Web) -> BTreeMap<&'static str, Token> {
    let body = token_request(&WISHES);
    let answer = web.post("login.live.com", "/RST.srf", "", &body).await;
    read_tokens(&passed(answer))
}

/// Reads the answer node by node: what is no token is taken for one without an address.
fn read_tokens(answer: &Answer) -> BTreeMap<&'static str, Token> {
    let document = Document::parse(&answer.body).unwrap();
    let name = |node: &Node<'_, '_>| node.tag_name().name().to_owned();
    let collection = document
        .descendants()
        .find(|node| name(node) == "RequestSecurityTokenResponseCollection")
        .unwrap();
    let mut tokens = BTreeMap::new();
    for node in collection.children() {
        assert!(
            node.is_element(),
            "{:?} would be taken for a token",
            node.text()
        );
        let inner = |wanted: &str| {
            let mut inner = node.descendants();
            inner.find(|one| name(one) == wanted)
        };
        let text = |wanted| inner(wanted).and_then(|node| node.text()).unwrap_or("");
        let expires = inner("LifeTime").unwrap().children();
        assert!(expires.filter(|node| name(node) == "Expires").count() == 1);
        let token = Token {
            ticket: text("BinarySecurityToken").to_owned(),
            key: text("BinarySecret").to_owned(),
        };
        if text("Address") == WISHES[0].0 {
            assert_ne!(text("CipherValue"), "");
            assert_ne!(token.key, "");
            continue;
        }
        let id = inner("BinarySecurityToken")
            .unwrap()
            .attribute("Id")
            .unwrap();
        // `CompactN` and `PPTokenN` are equally long.
        let number: usize = id[7..].parse().unwrap();
        assert_eq!(WISHES[number].0, text("Address"));
        assert!(token.ticket.starts_with("t=") && token.ticket.len() < 1_000);
        tokens.insert(WISHES[number].0, token);
    }
    assert_eq!(tokens.len(), WISHES.len() - 1);
    tokens
}

impl Purple {
    /// Signs out, and closes what is open.
    async fn leave(self) {
        self.ns.leave().await;
    }

    async fn sign_on(at: Addresses, version: Version) -> Self {
        let dialect = version.dialect;
        let mut ns = Wire::open(at.msnp, dialect).await;
        let answer = ns.ask("VER", &format!("MSNP{dialect} CVR0")).await;
        assert_eq!(printable(&answer.line), format!("VER 1 MSNP{dialect}"));
        let build = version.build;
        let client = format!("0x0409 winnt 5.1 i386 MSNMSGR {build} BC01 {ALICE}");
        let answer = ns.ask("CVR", &client).await;
        let answer = printable(&answer.line);
        let same = format!("CVR 2 {build} {build} {build} ");
        assert!(answer.starts_with(&same), "{answer}");
        let question = ns.ask("USR", &format!("SSO I {ALICE}")).await;
        let mut web = Web::new(at.http, STYLE);
        let tokens = fetch_tokens_of(&mut web).await;
        let machine = (dialect >= 16).then_some(MACHINE);
        let token = &tokens["messengerclear.live.com"];
        ns.sign_on(&question, token, machine).await;
        ns.profile().await;
        let me = if dialect < 16 {
            ALICE.to_owned()
        } else {
            format!("{ALICE};{MACHINE}")
        };
        Self {
            version,
            at,
            ns,
            web,
            tokens,
            me,
        }
    }

    async fn call(&mut self, service: &str, operation: &str, inner: &str) -> Answer {
        let call = Call {
            ticket: &self.tokens["contacts.msn.com"].ticket,
            scenario: "Initial",
            operation,
            inner,
        };
        passed(self.web.call(BOOK_HOST, service, call).await)
    }

    async fn book(&mut self, operation: &str, inner: &str) -> Answer {
        self.call("abservice", operation, inner).await
    }

    async fn sharing(&mut self, operation: &str, inner: &str) -> Answer {
        self.call("SharingService", operation, inner).await
    }

    async fn memberships(&mut self) -> Answer {
        let types: String = [
            "Messenger",
            "Invitation",
            "SocialNetwork",
            "Space",
            "Profile",
        ]
        .iter()
        .map(|kind| format!("<ServiceType>{kind}</ServiceType>"))
        .collect();
        let filter = format!(
            "<serviceFilter xmlns=\"{ADDRESS_BOOK}\"><Types>{types}</Types></serviceFilter>"
        );
        self.sharing("FindMembership", &filter).await
    }

    /// The lists, then the book: paged since 2.10.
    async fn download(&mut self) -> (Answer, Answer) {
        let lists = self.memberships().await;
        let book = if self.version.dialect < 18 {
            let view = format!(
                "{OWN_BOOK}<abView>Full</abView><dynamicItemView>Gleam</dynamicItemView>\
                 <dynamicItemLastChange>0001-01-01T00:00:00.0000000-08:00</dynamicItemLastChange>"
            );
            self.book("ABFindAll", &view).await
        } else {
            let view = "<abView>Full</abView>\
                        <extendedContent>AB AllGroups CircleResult</extendedContent>";
            self.book("ABFindContactsPaged", view).await
        };
        let own = book.of("Contact", "contactType", "Me", "displayName");
        assert!(own.is_some(), "{book:?}");
        assert_eq!(
            of_contact(&book, "bob", "isMessengerUser").as_deref(),
            Some("true")
        );
        (lists, book)
    }

    /// Says what it has got, then shows itself. What comes back is the notice of messages.
    async fn go_online(&mut self, friends: &[&str]) -> String {
        self.ns.confirmed("BLP", "AL").await;
        let friends: String = friends
            .iter()
            .map(|name| format!("<c n='{name}' l='3' t='1'/>"))
            .collect();
        let list = format!("<ml l='1'><d n='example.com'>{friends}</d></ml>");
        self.ns.given("ADL", "", &list, "OK").await;
        let dialect = self.version.dialect;
        if dialect >= 16 {
            let data = "<EndpointData><Capabilities>2789003324:48</Capabilities></EndpointData>";
            self.ns.given("UUX", "", data, "0").await;
            let data = "<PrivateEndpointData><EpName>Pidgin</EpName><Idle>false</Idle>\
                        <ClientType>1</ClientType><State>NLN</State></PrivateEndpointData>";
            self.ns.given("UUX", "", data, "0").await;
        }
        let capabilities = if dialect < 16 {
            "2685403172"
        } else {
            "2789003324:48"
        };
        self.ns
            .confirmed("CHG", &format!("NLN {capabilities} 0"))
            .await;
        let mut seen = String::new();
        let notice = loop {
            let frame = self.ns.line.until("").await;
            seen += &printable(&frame.line);
            if frame.line.starts_with(b"MSG ") {
                break String::from_utf8(frame.payload).unwrap();
            }
        };
        let bob = match dialect {
            15 | 16 => "NLN bob@example.com 1 bob ",
            _ => "NLN 1:bob@example.com bob ",
        };
        assert!(seen.contains(bob), "{seen}");
        assert!(
            notice.contains("x-msmsgsinitialmdatanotification"),
            "{notice}"
        );
        notice
    }

    async fn name_herself(&mut self, bob: &mut Person) {
        self.ns
            .confirmed("PRP", "MFN Alice%20in%20the%20evening")
            .await;
        let start = "NLN NLN alice@example.com Alice%20in%20the%20evening";
        bob.ns.until(start).await;
        let data = "<Data><PSM>Tea &amp; toast</PSM><CurrentMedia></CurrentMedia></Data>";
        self.ns.given("UUX", "", data, "0").await;
        if bob.dialect >= 11 {
            loop {
                let news = bob.ns.until("UBX alice@example.com").await;
                let text = printable(&news.payload);
                if text.contains("<PSM>Tea &amp; toast</PSM>")
                    || text.contains("<PSM>Tea &#x26; toast</PSM>")
                {
                    break;
                }
            }
        }
    }

    /// The network, the group, the contact with its group, the allow list, the session's lists.
    async fn add_carol(&mut self, carol: &mut Person) {
        let query = "<ml><d n='example.com'><c n='carol'/></d></ml>";
        let answer = self.ns.give("FQY", "", query).await;
        let text = printable(&answer.payload);
        assert!(
            text.contains("n=\"carol\"") && text.contains("t=\"1\""),
            "{text}"
        );
        let group = self
            .book(
                "ABGroupAdd",
                &format!(
                    "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false\
                     </fRenameOnMsgrConflict></groupAddOptions><groupInfo><GroupInfo>\
                     <name>Climbers</name><groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8\
                     </groupType><fMessenger>false</fMessenger><annotations><Annotation>\
                     <Name>MSN.IM.Display</Name><Value>1</Value></Annotation></annotations>\
                     </GroupInfo></groupInfo>"
                ),
            )
            .await
            .text("guid")
            .unwrap();
        let filter =
            format!("<groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>");
        let new = format!(
            "{OWN_BOOK}{filter}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactInfo>\
             <passportName>carol@example.com</passportName><isSmtp>false</isSmtp>\
             <isMessengerUser>true</isMessengerUser></contactInfo></Contact></contacts>\
             <groupContactAddOptions><fGenerateMissingQuickName>true</fGenerateMissingQuickName>\
             <EnableAllowListManagement>true</EnableAllowListManagement></groupContactAddOptions>"
        );
        let id = self.book("ABGroupContactAdd", &new).await.text("guid");
        let allowed = membership("Allow", "Accepted", &account("carol"));
        self.sharing("AddMember", &allowed).await;
        self.ns.lists("ADL", "carol", 2).await;
        self.ns.lists("ADL", "carol", 1).await;
        self.ns.hears_no_notice().await;
        hears(carol, News::Added).await;
        // She adds her too; the library fetches its lists anew.
        adds_alice(carol).await;
        self.ns.told("ADL", "carol").await;
        let (lists, book) = self.download().await;
        are_on(&lists, "Reverse", &["bob", "carol"]);
        are_on(&lists, "Pending", &[]);
        assert_eq!(of_contact(&book, "carol", "contactId"), id);
        assert_eq!(of_contact(&book, "carol", "guid"), Some(group));
    }

    /// Who waits for a decision is taken off the list by the number there, as it was printed.
    async fn declines(&mut self, mut dave: Person) {
        adds_alice(&mut dave).await;
        self.ns.told("ADL", "dave").await;
        let lists = self.memberships().await;
        let number = &members(&lists, "Pending")["dave@example.com"];
        let number = format!("<MembershipId>{number}</MembershipId>");
        let member = membership("Pending", "Accepted", &number);
        self.sharing("DeleteMember", &member).await;
        for role in ["Reverse", "Block"] {
            let member = membership(role, "Accepted", &account("dave"));
            self.sharing("AddMember", &member).await;
        }
        self.ns.lists("ADL", "dave", 4).await;
        self.ns.hears_no_notice().await;
        let lists = self.memberships().await;
        are_on(&lists, "Pending", &[]);
        are_on(&lists, "Reverse", &["bob", "carol", "dave"]);
        // Everybody may see her until she decides otherwise.
        dave.ns.until("ILN 91 NLN alice@example.com").await;
        dave.ns.until("FLN alice@example.com").await;
        dave.ns.expect_nothing().await;
    }

    /// Bob goes, is written to, and finds it when he comes back.
    async fn leave_word_for(&mut self, bob: Person, text: &str) {
        let (name, dialect) = (bob.name.clone(), bob.dialect);
        drop(bob);
        self.ns.line.until("FLN ").await;
        if self.version.dialect < 18 {
            let token = self.tokens["messengersecure.live.com"].clone();
            let build = if self.version.dialect == 15 {
                "MSNP15"
            } else {
                "MSNP16"
            };
            let build = (build, self.version.build);
            leave_message(&mut self.web, &token, build, "bob@example.com", text).await;
        } else {
            let letter = format!(
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
                 X-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; PF=0; RL=0\r\n\
                 Dest-Agent: client\r\n\r\n{text}"
            );
            self.ns
                .given("UUM", "bob@example.com 1 1", &letter, "OK")
                .await;
        }
        let web = WebOf::new(self.at, &name).await;
        assert_eq!(web.waiting().await, [(ALICE.to_owned(), text.to_owned())]);
        assert!(dialect < 13);
    }

    async fn is_seen_by(&mut self, bob: &mut Person) {
        self.ns.line.until("NLN NLN ").await;
        bob.ns.ask("PNG", "QNG").await;
    }

    /// Off the allow list on the web and in the session, then onto the block list of both.
    async fn block_and_unblock(&mut self, bob: &mut Person) {
        self.swap(("Allow", 2), ("Block", 4)).await;
        bob.ns.until("FLN alice@example.com").await;
        let lists = self.memberships().await;
        are_on(&lists, "Block", &["bob", "dave"]);
        are_on(&lists, "Allow", &["carol"]);
        self.swap(("Block", 4), ("Allow", 2)).await;
        bob.ns.until("NLN NLN alice@example.com").await;
    }

    async fn swap(&mut self, from: (&str, u8), to: (&str, u8)) {
        let member = membership(from.0, "Accepted", &account("bob"));
        self.sharing("DeleteMember", &member).await;
        self.ns.lists("RML", "bob", from.1).await;
        let member = membership(to.0, "Accepted", &account("bob"));
        self.sharing("AddMember", &member).await;
        self.ns.lists("ADL", "bob", to.1).await;
    }

    /// Out of the group, out of the book, out of the session's list, and the group after it.
    async fn remove_carol(&mut self, carol: &mut Person) {
        let (_, book) = self.download().await;
        let id = of_contact(&book, "carol", "contactId").unwrap();
        let group = book.of("Group", "name", "Climbers", "groupId").unwrap();
        let filter =
            format!("<groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>");
        let contact =
            format!("<contacts><Contact><contactId>{id}</contactId></Contact></contacts>");
        let both = format!("{OWN_BOOK}{contact}{filter}");
        self.book("ABGroupContactDelete", &both).await;
        let contact = format!("{OWN_BOOK}{contact}");
        self.book("ABContactDelete", &contact).await;
        self.ns.lists("RML", "carol", 1).await;
        let filter = format!("{OWN_BOOK}{filter}");
        self.book("ABGroupDelete", &filter).await;
        self.ns.hears_no_notice().await;
        hears(carol, News::Removed).await;
    }
}
