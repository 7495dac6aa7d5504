//! aMSN 0.98, at MSNP15 and at MSNP18.
//!
//! It says its first three commands in one breath and counts them from nought, finds tokens by
//! the prefixes of their elements, starts with its lists at the answer to the sign-in, speaks
//! HTTP/1.0, keeps its name and message in the profile of the oldest kind, and asks about who
//! added it from the notice alone.

use super::*;

const STYLE: Style = Style {
    agent: "Tcl http client package 2.5.3",
    keeps_connections: false,
    quotes_actions: true,
    asks_first: false,
    slash: "",
    application: "996CDE1E-AA53-4477-B943-2BE802EA6166",
    gap: "\n    ",
};
const STORAGE: &str = "http://www.msn.com/webservices/storage/w10";
const MACHINES: [&str; 2] = [
    "{2E7F5B9C-0A41-4D3E-9B62-5C1D8E7F6A30}",
    "{7C0A9D1E-35B2-4F86-8A17-9E2B4C6D8F01}",
];
const WISHES: [(&str, &str); 7] = [
    ("http://Passport.NET/tb", ""),
    ("messengerclear.live.com", "MBI_KEY_OLD"),
    ("messenger.msn.com", "?id=507"),
    ("contacts.msn.com", "MBI"),
    ("messengersecure.live.com", "MBI_SSL"),
    ("spaces.live.com", "MBI"),
    ("storage.msn.com", "MBI"),
];

struct Amsn {
    dialect: u8,
    at: Addresses,
    ns: Wire,
    web: Web,
    tokens: BTreeMap<&'static str, Token>,
    me: String,
    /// What the profile says of her.
    message: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amsn_has_its_evening_at_msnp15() {
    an_evening(15, (12, 18)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amsn_has_its_evening_at_msnp18() {
    an_evening(18, (18, 8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amsn_uploads_a_long_list_in_pieces() {
    let server = server().await;
    let mut bob = server.addresses.sign_in("bob", 12).await;
    let mut alice = Amsn::sign_on(server.addresses, 18, MACHINES[0]).await;
    alice.ns.profile().await;
    let mut pieces = vec![String::new()];
    for number in 0..500 {
        let person = format!("<c n=\"some-body-{number}\" l=\"3\" t=\"1\" />");
        if pieces.last().unwrap().len() + person.len() > 7_300 {
            pieces.push(String::new());
        }
        *pieces.last_mut().unwrap() += &person;
    }
    *pieces.last_mut().unwrap() += "<c n=\"bob\" l=\"3\" t=\"1\" />";
    assert!(pieces.len() > 2);
    let first = alice.ns.last + 1;
    for piece in &pieces {
        let list = format!("<ml l=\"1\"><d n=\"example.com\">{piece}</d></ml>");
        let trid = alice.ns.trid();
        let command = format!("ADL {trid} {}\r\n{list}", list.len());
        alice.ns.line.send(command.as_bytes()).await;
    }
    for trid in first..=alice.ns.last {
        let answer = alice.ns.line.expect("ADL ").await;
        assert_eq!(printable(&answer.line), format!("ADL {trid} OK"));
    }
    alice.ns.confirmed("CHG", "NLN 2788999228:48").await;
    alice.ns.line.until("NLN NLN 1:bob@example.com ").await;
    bob.ns.until("NLN NLN alice@example.com").await;
    alice.leave().await;
    assert!(server.stop().await);
}

async fn an_evening(dialect: u8, friends: (u8, u8)) {
    let server = server().await;
    let at = server.addresses;
    let mut bob = at.sign_in("bob", friends.0).await;
    let mut carol = at.sign_in("carol", friends.1).await;
    let mut alice = Amsn::sign_on(at, dialect, MACHINES[0]).await;
    let (lists, book, profile) = alice.download().await;
    are_on(&lists, "Allow", &["bob"]);
    assert_eq!(profile.text("PersonalStatus"), None, "{profile:?}");
    let cid = book.of("Contact", "contactType", "Me", "CID").unwrap();
    alice.go_online(&["bob"]).await;
    alice.is_seen_by(&mut bob).await;
    alice.names_herself(&profile, &mut bob).await;
    alice.is_added_by(&mut carol).await;
    talk(&mut alice.ns, &alice.me.clone(), &mut bob).await;
    alice.moves_bob().await;
    alice.leaves_word_for_bob(&mut bob).await;
    let mut bob = at.sign_in("bob", friends.0).await;
    alice.ns.line.until("NLN NLN ").await;
    alice.blocks(&mut bob).await;
    if dialect == 18 {
        alice.signs_another_machine_out().await;
    }
    alice.removes(&mut carol).await;

    let (lists, book, _) = alice.download().await;
    let before = [steady(&lists), steady(&book)];
    alice.leave().await;
    bob.ns.until("FLN ").await;
    WebOf::new(at, "bob").await.leave(ALICE, "See you").await;

    let mut alice = Amsn::sign_on(at, dialect, MACHINES[0]).await;
    let (lists, book, profile) = alice.download().await;
    assert_eq!([steady(&lists), steady(&book)], before);
    assert_eq!(book.of("Contact", "contactType", "Me", "CID"), Some(cid));
    assert_eq!(profile.text("DisplayName").as_deref(), Some("Alice [a]"));
    assert_eq!(
        profile.text("PersonalStatus").as_deref(),
        Some("<tcl> & tk")
    );
    let notice = alice.go_online(&["bob", "carol"]).await;
    let token = alice.tokens["messenger.msn.com"].clone();
    // It takes the first child of the answer for the list.
    let listed = messages(&mut alice.web, &token, "GetMetadata", "").await;
    let document = Document::parse(&listed.body).unwrap();
    let mut nodes = document.descendants();
    let answer = nodes.find(|node| node.tag_name().name() == "GetMetadataResponse");
    let first = answer.unwrap().first_child().unwrap();
    assert_eq!(first.tag_name().name(), "MD");
    assert_eq!(listed.text("N").unwrap().trim().split('?').count(), 5);
    let text = fetch_message(&mut alice.web, &token, &notice).await;
    assert_eq!(text, "See you");
    alice.leave().await;
    assert!(server.stop().await);
}

impl Amsn {
    /// Signs out, and closes what is open.
    async fn leave(self) {
        self.ns.leave().await;
    }

    async fn sign_on(at: Addresses, dialect: u8, machine: &str) -> Self {
        let build = if dialect == 15 {
            "8.0.0812"
        } else {
            "14.0.8050"
        };
        let mut ns = Wire::open(at.msnp, dialect).await;
        let commands = format!(
            "VER 0 MSNP{dialect} CVR0\r\n\
             CVR 1 0x0409 winnt 5.1 i386 MSNMSGR {build} MSMSGS {ALICE}\r\n\
             USR 2 SSO I {ALICE}\r\n"
        );
        ns.line.send(commands.as_bytes()).await;
        ns.last = 2;
        let version = ns.line.expect("VER 0 ").await;
        assert_eq!(printable(&version.line), format!("VER 0 MSNP{dialect}"));
        ns.line.expect(&format!("CVR 1 {build} ")).await;
        ns.line.expect("GCF 0 ").await;
        let question = ns.line.expect("USR 2 SSO S ").await;
        let mut web = Web::new(at.http, STYLE);
        let body = token_request(&WISHES);
        let answer = web.post("login.live.com", "/RST.srf", "", &body).await;
        let tokens = read_tokens(&passed(answer));
        let machine = (dialect == 18).then_some(machine);
        ns.sign_on(&question, &tokens["messengerclear.live.com"], machine)
            .await;
        Self {
            dialect,
            at,
            ns,
            web,
            tokens,
            me: machine.map_or(ALICE.to_owned(), |machine| format!("{ALICE};{machine}")),
            message: String::new(),
        }
    }

    async fn call(&mut self, service: &str, operation: &str, inner: &str) -> Answer {
        let call = Call {
            ticket: &self.tokens["contacts.msn.com"].ticket,
            scenario: "Initial",
            operation,
            inner,
        };
        passed(self.web.call("contacts.msn.com", service, call).await)
    }

    async fn book(&mut self, operation: &str, inner: &str) -> Answer {
        self.call("abservice", operation, inner).await
    }

    async fn sharing(&mut self, operation: &str, inner: &str) -> Answer {
        self.call("SharingService", operation, inner).await
    }

    async fn storage(&mut self, operation: &str, inner: &str) -> Answer {
        let filing = Filing {
            namespace: STORAGE,
            application: "Messenger Client 8.0",
            token: &self.tokens["storage.msn.com"],
        };
        passed(self.web.storage(filing, operation, inner).await)
    }

    async fn memberships(&mut self) -> Answer {
        let filter = "<serviceFilter><Types><ServiceType>Messenger</ServiceType>\
                      <ServiceType>Invitation</ServiceType><ServiceType>SocialNetwork\
                      </ServiceType><ServiceType>Space</ServiceType><ServiceType>Profile\
                      </ServiceType></Types></serviceFilter>";
        self.sharing("FindMembership", filter).await
    }

    async fn download(&mut self) -> (Answer, Answer, Answer) {
        let lists = self.memberships().await;
        let view = format!(
            "{OWN_BOOK}<abView>Full</abView><deltasOnly>false</deltasOnly>\
             <lastChange>0001-01-01T00:00:00.0000000-08:00</lastChange>"
        );
        let book = self.book("ABFindAll", &view).await;
        let friends = book.of("Group", "name", "Friends", "groupId");
        assert!(friends.is_some(), "{book:?}");
        let cid = book.of("Contact", "contactType", "Me", "CID").unwrap();
        let profile = self.storage("GetProfile", &profile_handle(&cid)).await;
        self.message = profile.text("PersonalStatus").unwrap_or_default();
        (lists, book, profile)
    }

    /// Everything that it says before others see it; what comes back is the notice of messages.
    async fn go_online(&mut self, friends: &[&str]) -> String {
        self.ns.confirmed("BLP", "AL").await;
        let friends: String = friends
            .iter()
            .map(|name| format!("<c n=\"{name}\" l=\"3\" t=\"1\" />"))
            .collect();
        let list = format!("<ml l=\"1\"><d n=\"example.com\">{friends}</d></ml>");
        self.ns.given("ADL", "", &list, "OK").await;
        let message = escape(&self.message);
        let data = format!("<Data><PSM>{message}</PSM><CurrentMedia></CurrentMedia></Data>");
        self.ns.given("UUX", "", &data, "0").await;
        let capabilities = if self.dialect == 18 {
            let data = "<EndpointData><Capabilities>2788999228:48</Capabilities></EndpointData>";
            self.ns.given("UUX", "", data, "0").await;
            let data = "<PrivateEndpointData><EpName>amsn</EpName><Idle>false</Idle>\
                        <ClientType>1</ClientType><State>NLN</State></PrivateEndpointData>";
            self.ns.given("UUX", "", data, "0").await;
            "2788999228:48"
        } else {
            "2685403172"
        };
        self.ns
            .confirmed("CHG", &format!("NLN {capabilities}"))
            .await;
        let mut seen = String::new();
        loop {
            let frame = self.ns.line.until("").await;
            seen += &frame.describe();
            let text = printable(&frame.payload);
            if text.contains("x-msmsgsinitialmdatanotification") {
                let bob = match self.dialect {
                    15 => "NLN bob@example.com 1 bob ",
                    _ => "NLN 1:bob@example.com bob ",
                };
                assert!(seen.contains(bob), "{seen}");
                return String::from_utf8(frame.payload).unwrap();
            }
        }
    }

    /// Pictures at MSNP18 need the machines of both sides (`docs/protocol/25 §22`).
    async fn is_seen_by(&self, bob: &mut Person) {
        if bob.dialect < 18 {
            bob.ns.until("NLN NLN alice@example.com").await;
            return;
        }
        bob.ns.until("NLN NLN 1:alice@example.com").await;
        loop {
            let frame = bob.ns.until("UBX 1:alice@example.com ").await;
            let text = printable(&frame.payload);
            let machine = format!("<EndpointData id=\"{}\">", MACHINES[0].to_lowercase());
            if text.contains(&machine) {
                assert!(text.contains("<Capabilities>2788999228:48<"), "{text}");
                return;
            }
        }
    }

    /// Her name and message go to the session and into the profile.
    async fn names_herself(&mut self, profile: &Answer, bob: &mut Person) {
        self.ns.confirmed("PRP", "MFN Alice%20%5Ba%5D").await;
        let name = loop {
            let frame = bob.ns.until("NLN NLN ").await.describe();
            if frame.contains("Alice%20") {
                break frame;
            }
        };
        assert!(name.contains(" Alice%20%5Ba%5D "), "{name}");
        let data = "<Data><PSM>&lt;tcl&gt; &amp; tk</PSM><CurrentMedia></CurrentMedia></Data>";
        self.ns.given("UUX", "", data, "0").await;
        loop {
            let frame = bob.ns.until("UBX ").await;
            let text = printable(&frame.payload);
            let Ok(document) = Document::parse(&text) else {
                continue;
            };
            let mut nodes = document.descendants();
            let message = nodes.find(|node| node.tag_name().name() == "PSM");
            if message.and_then(|node| node.text()) == Some("<tcl> & tk") {
                break;
            }
        }
        let id = profile.text("ResourceID").unwrap();
        let update = format!(
            "<profile><ResourceID>{id}</ResourceID><ExpressionProfile><FreeText>Update</FreeText>\
             <DisplayName>Alice [a]</DisplayName><PersonalStatus>&lt;tcl&gt; &amp; tk\
             </PersonalStatus><Flags>0</Flags></ExpressionProfile></profile>"
        );
        self.storage("UpdateProfile", &update).await;
    }

    /// Carol comes first: the notice has her name, and she waits for a decision.
    async fn is_added_by(&mut self, carol: &mut Person) {
        adds_alice(carol).await;
        let told = self.ns.line.until("ADL 0 ").await;
        let text = printable(&told.payload);
        assert!(
            text.contains("n=\"carol\"") && text.contains("f=\"carol\""),
            "{text}"
        );
        are_on(&self.memberships().await, "Pending", &["carol"]);
        let new = format!(
            "{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactInfo>\
             <contactType>LivePending</contactType><passportName>carol@example.com</passportName>\
             <isMessengerUser>true</isMessengerUser><MessengerMemberInfo><DisplayName>Alice\
             </DisplayName></MessengerMemberInfo></contactInfo></Contact></contacts>\
             <options><EnableAllowListManagement>true</EnableAllowListManagement></options>"
        );
        self.book("ABContactAdd", &new).await;
        self.ns.lists("ADL", "carol", 1).await;
        let member = membership("Pending", "Accepted", &account("carol"));
        self.sharing("DeleteMember", &member).await;
        for role in ["Reverse", "Allow"] {
            let member = membership(role, "Accepted", &account("carol"));
            self.sharing("AddMember", &member).await;
        }
        self.ns.lists("ADL", "carol", 2).await;
        hears(carol, News::Added).await;
        let lists = self.memberships().await;
        are_on(&lists, "Pending", &[]);
        are_on(&lists, "Allow", &["bob", "carol"]);
        are_on(&lists, "Reverse", &["bob", "carol"]);
    }

    /// Into another group first, then out of the old one.
    async fn moves_bob(&mut self) {
        let new = format!(
            "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
             </groupAddOptions><groupInfo><GroupInfo><name>Tea</name>\
             <groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType>\
             <fMessenger>false</fMessenger></GroupInfo></groupInfo>"
        );
        let tea = self.book("ABGroupAdd", &new).await.text("guid").unwrap();
        let (_, book, _) = self.download().await;
        let id = of_contact(&book, "bob", "contactId").unwrap();
        let friends = book.of("Group", "name", "Friends", "groupId").unwrap();
        let both = |group: &str| {
            format!(
                "{OWN_BOOK}<contacts><Contact><contactId>{id}</contactId></Contact></contacts>\
                 <groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>"
            )
        };
        let added = self.book("ABGroupContactAdd", &both(&tea)).await;
        assert_eq!(added.text("guid"), Some(id.clone()));
        self.book("ABGroupContactDelete", &both(&friends)).await;
        let (_, book, _) = self.download().await;
        assert_eq!(of_contact(&book, "bob", "guid"), Some(tea));
        self.ns.hears_no_notice().await;
    }

    async fn leaves_word_for_bob(&mut self, bob: &mut Person) {
        bob.ns.send(b"OUT\r\n").await;
        bob.ns.until_closed().await;
        self.ns.line.until("FLN ").await;
        if self.dialect == 15 {
            let token = self.tokens["messengersecure.live.com"].clone();
            let build = ("MSNP15", "8.0.0812");
            leave_message(&mut self.web, &token, build, "bob@example.com", "Até já").await;
        } else {
            let letter = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
                          Dest-Agent: client\r\n\r\nAté já";
            self.ns
                .given("UUM", "bob@example.com 1 1", letter, "OK")
                .await;
        }
        let web = WebOf::new(self.at, "bob").await;
        assert_eq!(
            web.waiting().await,
            [(ALICE.to_owned(), "Até já".to_owned())]
        );
    }

    /// The session first, then the web.
    async fn blocks(&mut self, bob: &mut Person) {
        for (from, to, seen) in [
            (("Allow", 2), ("Block", 4), "FLN "),
            (("Block", 4), ("Allow", 2), "NLN NLN "),
        ] {
            self.ns.lists("RML", "bob", from.1).await;
            self.ns.lists("ADL", "bob", to.1).await;
            let frame = bob.ns.until(seen).await.describe();
            assert!(frame.contains("alice@example.com"), "{frame}");
            let member = membership(from.0, "Accepted", &account("bob"));
            self.sharing("DeleteMember", &member).await;
            let member = membership(to.0, "Accepted", &account("bob"));
            self.sharing("AddMember", &member).await;
            let lists = self.memberships().await;
            assert!(members(&lists, to.0).contains_key("bob@example.com"));
            assert!(!members(&lists, from.0).contains_key("bob@example.com"));
        }
    }

    /// A second machine stays beside the first until it is told to go.
    async fn signs_another_machine_out(&mut self) {
        let mut other = Self::sign_on(self.at, self.dialect, MACHINES[1]).await;
        other.download().await;
        other.go_online(&["bob", "carol"]).await;
        let machine = MACHINES[1].to_lowercase();
        loop {
            let frame = self.ns.line.until("UBX 1:alice@example.com ").await;
            let text = printable(&frame.payload);
            if text.contains(&format!("<PrivateEndpointData id=\"{machine}\">")) {
                break;
            }
        }
        let place = format!("{ALICE};{machine} 4");
        self.ns.given("UUN", &place, "gtfo", "OK").await;
        let frame = other.ns.line.until("UBN ").await;
        let from = format!("UBN {ALICE};{} 4 4", MACHINES[0].to_lowercase());
        assert_eq!(printable(&frame.line), from);
        assert_eq!(frame.payload, b"gtfo");
        // The client leaves by itself, unless the server has seen to it.
        other.ns.line.send(b"OUT\r\n").await;
        other.ns.line.until_closed().await;
    }

    async fn removes(&mut self, carol: &mut Person) {
        let (_, book, _) = self.download().await;
        let id = of_contact(&book, "carol", "contactId").unwrap();
        self.ns.lists("RML", "carol", 1).await;
        let contact = format!(
            "{OWN_BOOK}<contacts><Contact><contactId>{id}</contactId></Contact></contacts>"
        );
        self.book("ABContactDelete", &contact).await;
        self.ns.hears_no_notice().await;
        hears(carol, News::Removed).await;
        let (lists, book, _) = self.download().await;
        assert_eq!(of_contact(&book, "carol", "contactId"), None);
        are_on(&lists, "Allow", &["bob", "carol"]);
        are_on(&lists, "Reverse", &["bob", "carol"]);
    }
}

/// Goes down the document by the prefixed names of the elements.
fn read_tokens(answer: &Answer) -> BTreeMap<&'static str, Token> {
    let body = &answer.body;
    for name in ["<S:Envelope ", "<S:Header>", "<psf:serverInfo ", "<S:Body>"] {
        assert!(body.contains(name), "no {name} in {body}");
    }
    assert!(body.contains(" ServerTime=\""), "{body}");
    let (_, collection) = body
        .split_once("<wst:RequestSecurityTokenResponseCollection ")
        .unwrap();
    let between = |text: &str, start: &str, end: &str| {
        let (_, rest) = text.split_once(start)?;
        let (text, _) = rest.split_once(end)?;
        Some(text.replace("&amp;", "&"))
    };
    let mut tokens = BTreeMap::new();
    let answers = collection
        .split("<wst:RequestSecurityTokenResponse>")
        .skip(1);
    for ((audience, _), part) in WISHES.iter().zip(answers) {
        let address = between(part, "<wsa:Address>", "</wsa:Address>");
        assert_eq!(address.as_deref(), Some(*audience));
        assert!(part.contains("<wsu:Expires>"), "{part}");
        let Some(token) = between(part, "<wsse:BinarySecurityToken ", "</wsse:") else {
            continue;
        };
        let (_, ticket) = token.split_once('>').unwrap();
        // It takes the ticket apart and puts it together again.
        let parts: Vec<_> = ticket.split('&').map(|part| part.split_once('=')).collect();
        let [Some(("t", t)), Some(("p", p))] = parts.as_slice() else {
            panic!("no ticket: {ticket}");
        };
        let key = between(part, "<wst:BinarySecret>", "<");
        let token = Token {
            ticket: format!("t={t}&p={p}"),
            key: key.unwrap_or_default(),
        };
        tokens.insert(*audience, token);
    }
    assert_eq!(tokens.len(), WISHES.len() - 1);
    tokens
}
