//! papyon, which telepathy-butterfly and emesene 2 use, at MSNP15.
//!
//! It fetches tokens when it first needs them, a few at a time, reads its lists after the profile
//! of the sign-in and is only open once its list is confirmed, runs every change as a chain of
//! web calls and tells the session last, and fetches its picture with its token in the address.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const STYLE: Style = Style {
    agent: "papyon",
    keeps_connections: true,
    quotes_actions: true,
    asks_first: false,
    slash: "",
    application: "996CDE1E-AA53-4477-B943-2BE802EA6166",
    gap: "\n",
};
const STORAGE: &str = "http://www.msn.com/webservices/storage/w10";
const CLIENT_ID: &str = "2684354608";

struct Papyon {
    at: Addresses,
    ns: Wire,
    web: Web,
    tokens: BTreeMap<&'static str, Token>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papyon_has_its_evening() {
    let server = server().await;
    let at = server.addresses;
    let mut bob = at.sign_in("bob", 16).await;
    let mut carol = at.sign_in("carol", 10).await;
    let mut alice = Papyon::sign_on(at).await;
    let (lists, book) = alice.download(&["bob"]).await;
    are_on(&lists, "Allow", &["bob"]);
    are_on(&lists, "Reverse", &["bob"]);
    let cid = book.of("Contact", "contactType", "Me", "CID").unwrap();
    alice.go_online("alice", "").await;
    bob.ns.until("NLN NLN alice@example.com 1 ").await;
    alice.has_a_profile(&cid).await;
    alice.changes_her_message(&mut bob).await;
    alice.invites(&mut carol).await;
    alice.sorts(&book).await;
    talk(&mut alice.ns, ALICE, &mut bob).await;
    alice.leaves_word_for(bob).await;
    let mut bob = at.sign_in("bob", 16).await;
    alice.ns.line.until("NLN NLN bob@example.com 1 ").await;
    alice.blocks(&mut bob).await;
    alice.removes(&mut carol).await;

    let (lists, book) = alice.lists_and_book().await;
    let before = [steady(&lists), steady(&book)];
    alice.leave().await;
    bob.ns.until("FLN alice@example.com 1 ").await;
    WebOf::new(at, "carol").await.leave(ALICE, "It is me").await;

    let mut alice = Papyon::sign_on(at).await;
    let (lists, book) = alice.download(&["bob", "carol"]).await;
    assert_eq!([steady(&lists), steady(&book)], before);
    let profile = alice.storage("GetProfile", &profile_handle(&cid)).await;
    let message = profile.text("PersonalStatus").unwrap();
    assert_eq!(message, "Ünïcode");
    let notice = alice.go_online("Alice", &message).await;
    bob.ns.until("NLN NLN alice@example.com 1 Alice ").await;
    let token = alice.token("messenger.msn.com", "?id=507").await;
    let text = fetch_message(&mut alice.web, &token, &notice).await;
    assert_eq!(text, "It is me");
    alice.leave().await;
    assert!(server.stop().await);
}

impl Papyon {
    /// Signs out, and closes what is open.
    async fn leave(self) {
        self.ns.leave().await;
    }

    async fn sign_on(at: Addresses) -> Self {
        let mut ns = Wire::open(at.msnp, 15).await;
        let answer = ns.ask("VER", "MSNP15 CVR0").await;
        assert_eq!(printable(&answer.line), "VER 1 MSNP15");
        let client = format!("0x0409 winnt 5.1 i386 MSNMSGR 8.1.0178 MSMSGS {ALICE}");
        ns.ask("CVR", &client).await;
        let question = ns.ask("USR", &format!("SSO I {ALICE}")).await;
        let mut alice = Self {
            at,
            ns,
            web: Web::new(at.http, STYLE),
            tokens: BTreeMap::new(),
        };
        let token = alice.token("messengerclear.live.com", "MBI_KEY_OLD").await;
        alice.ns.sign_on(&question, &token, None).await;
        alice.ns.profile().await;
        alice
    }

    /// A token that it has, or fetches now.
    async fn token(&mut self, audience: &'static str, policy: &str) -> Token {
        if let Some(token) = self.tokens.get(audience) {
            return token.clone();
        }
        let wishes = [("http://Passport.NET/tb", ""), (audience, policy)];
        let body = token_request(&wishes);
        let answer = self.web.post("login.live.com", "/RST.srf", "", &body).await;
        let answer = passed(answer);
        let part = "RequestSecurityTokenResponse";
        let of = |wanted| answer.of(part, "Address", audience, wanted);
        let token = Token {
            ticket: of("BinarySecurityToken").unwrap(),
            key: of("BinarySecret").unwrap_or_default(),
        };
        let expires = of("Expires").unwrap();
        assert!(expires.ends_with('Z'), "{expires}");
        self.tokens.insert(audience, token.clone());
        token
    }

    async fn call(&mut self, service: &str, operation: &str, inner: &str) -> Answer {
        let token = self.token("contacts.msn.com", "MBI").await;
        let call = Call {
            ticket: &token.ticket,
            scenario: "ContactMsgrAPI",
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
        let token = self.token("storage.msn.com", "MBI").await;
        let filing = Filing {
            namespace: STORAGE,
            application: "Messenger Client 8.0",
            token: &token,
        };
        passed(self.web.storage(filing, operation, inner).await)
    }

    async fn lists_and_book(&mut self) -> (Answer, Answer) {
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
        let wish = format!(
            "<serviceFilter><Types>{types}</Types></serviceFilter>\
             <View>Full</View><deltasOnly>false</deltasOnly>\
             <lastChange>0001-01-01T00:00:00.0000000-08:00</lastChange>"
        );
        let lists = self.sharing("FindMembership", &wish).await;
        let view = format!(
            "{OWN_BOOK}<abView>Full</abView><deltasOnly>false</deltasOnly>\
             <dynamicItemView>Gleam</dynamicItemView>\
             <lastChange>0001-01-01T00:00:00.0000000-08:00</lastChange>"
        );
        (lists, self.book("ABFindAll", &view).await)
    }

    /// The lists, and the confirmation without which it is not open.
    async fn download(&mut self, friends: &[&str]) -> (Answer, Answer) {
        let found = self.lists_and_book().await;
        let friends: String = friends
            .iter()
            .map(|name| format!("<c n=\"{name}\" l=\"3\" t=\"1\"/>"))
            .collect();
        let list = format!("<ml l=\"1\"><d n=\"example.com\">{friends}</d></ml>");
        self.ns.given("ADL", "", &list, "OK").await;
        found
    }

    async fn go_online(&mut self, name: &str, message: &str) -> String {
        self.ns.confirmed("BLP", "AL").await;
        self.ns
            .confirmed("CHG", &format!("NLN {CLIENT_ID} 0"))
            .await;
        let mut seen = String::new();
        let notice = loop {
            let frame = self.ns.line.until("").await;
            seen += &frame.describe();
            if printable(&frame.payload).contains("x-msmsgsinitialmdatanotification") {
                break String::from_utf8(frame.payload).unwrap();
            }
        };
        assert!(seen.contains(" NLN bob@example.com 1 bob "), "{seen}");
        self.ns.confirmed("PRP", &format!("MFN {name}")).await;
        let data = format!(
            "<Data><PSM>{message}</PSM><CurrentMedia></CurrentMedia><MachineGuid>\
             {{CAFEBABE-DEAD-BEEF-BAAD-FEEDDEADC0DE}}</MachineGuid></Data>"
        );
        self.ns.given("UUX", "", &data, "0").await;
        notice
    }

    /// Its profile is there without the ten calls that would make one; a picture goes in, and
    /// comes out with the token behind its address.
    async fn has_a_profile(&mut self, cid: &str) {
        let profile = self.storage("GetProfile", &profile_handle(cid)).await;
        assert_eq!(profile.count("Photo"), 0, "{profile:?}");
        let mut picture = std::io::Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(96, 96)
            .write_to(&mut picture, image::ImageFormat::Png)
            .unwrap();
        let picture = picture.into_inner();
        let document = format!(
            "<parentHandle><RelationshipName>/UserTiles</RelationshipName><Alias>\
             <Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias></parentHandle>\
             <document xsi:type=\"Photo\"><Name>{CLIENT_ID}</Name><DocumentStreams>\
             <DocumentStream xsi:type=\"PhotoStream\"><DocumentStreamType>UserTileStatic\
             </DocumentStreamType><MimeType>image/png</MimeType><Data>{}</Data><DataSize>0\
             </DataSize></DocumentStream></DocumentStreams></document>\
             <relationshipName>Messenger User Tile</relationshipName>",
            BASE64.encode(&picture)
        );
        let made = self.storage("CreateDocument", &document).await;
        let photo = made.text("CreateDocumentResult").unwrap();
        let ids = profile.texts("ResourceID");
        let expression = ids.iter().find(|id| id.ends_with("!118"));
        let shown = format!(
            "<relationships><Relationship><SourceID>{}</SourceID><SourceType>SubProfile\
             </SourceType><TargetID>{photo}</TargetID><TargetType>Photo</TargetType>\
             <RelationshipName>ProfilePhoto</RelationshipName></Relationship></relationships>",
            expression.unwrap()
        );
        self.storage("CreateRelationships", &shown).await;
        let profile = self.storage("GetProfile", &profile_handle(cid)).await;
        let address = profile
            .of(
                "DocumentStream",
                "DocumentStreamType",
                "UserTileStatic",
                "PreAuthURL",
            )
            .unwrap();
        let (_, path) = address[7..].split_once('/').unwrap();
        let token = self.token("storage.msn.com", "MBI").await;
        let token = token.bare().replace('+', "%2B").replace('/', "%2F");
        let mut stream = TcpStream::connect(self.at.http).await.unwrap();
        let request = format!(
            "GET /{path}?t={token} HTTP/1.1\r\nHost: byfiles.storage.msn.com\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            printable(&answer)
        );
        assert!(answer.ends_with(&picture));
        let listed = format!(
            "<objectHandle><RelationshipName>/UserTiles</RelationshipName><Alias>\
             <Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias></objectHandle>\
             <documentAttributes><ResourceID>true</ResourceID><Name>true</Name>\
             </documentAttributes><documentFilter><FilterAttributes>None</FilterAttributes>\
             </documentFilter><documentSort><SortBy>DateModified</SortBy></documentSort>\
             <findContext><FindMethod>Default</FindMethod><ChunkSize>25</ChunkSize></findContext>"
        );
        let found = self.storage("FindDocuments", &listed).await;
        assert_eq!(found.text("ResourceID"), Some(photo));
    }

    async fn changes_her_message(&mut self, bob: &mut Person) {
        let data = "<Data><PSM>Ünïcode</PSM><CurrentMedia>\\0Music\\01\\0{0} - {1}\\0Song\\0Band\
                    \\0\\0</CurrentMedia></Data>";
        self.ns.given("UUX", "", data, "0").await;
        loop {
            let frame = bob.ns.until("UBX alice@example.com 1 ").await;
            let text = String::from_utf8(frame.payload).unwrap();
            if text.contains("<PSM>Ünïcode</PSM>") {
                assert!(text.contains("Song"), "{text}");
                break;
            }
        }
        self.ns.confirmed("PRP", "MFN Alice").await;
        bob.ns.until("NLN NLN alice@example.com 1 Alice ").await;
    }

    /// The network, the book with an invitation, the list of the session.
    async fn invites(&mut self, carol: &mut Person) {
        let query = "<ml l=\"2\"><d n=\"example.com\"><c n=\"carol\"/></d></ml>";
        let answer = self.ns.give("FQY", "", query).await;
        let text = printable(&answer.payload);
        assert!(text.contains("t=\"1\""), "{text}");
        let new = format!(
            "{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactInfo>\
             <contactType>LivePending</contactType><passportName>carol@example.com</passportName>\
             <isMessengerUser>true</isMessengerUser><MessengerMemberInfo><PendingAnnotations>\
             <Annotation><Name>MSN.IM.InviteMessage</Name><Value>It is Alice</Value></Annotation>\
             </PendingAnnotations><DisplayName>Alice</DisplayName></MessengerMemberInfo>\
             </contactInfo></Contact></contacts>\
             <options><EnableAllowListManagement>true</EnableAllowListManagement></options>"
        );
        let id = self.book("ABContactAdd", &new).await.text("guid").unwrap();
        let (lists, book) = self.lists_and_book().await;
        are_on(&lists, "Allow", &["bob", "carol"]);
        assert_eq!(of_contact(&book, "carol", "contactId"), Some(id.clone()));
        self.ns.lists("ADL", "carol", 3).await;
        hears(carol, News::Added).await;
        adds_alice(carol).await;
        self.ns.told("ADL", "carol").await;
        let renamed = format!(
            "{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactId>{id}</contactId>\
             <contactInfo><annotations><Annotation><Name>AB.NickName</Name><Value>Caz</Value>\
             </Annotation></annotations></contactInfo><propertiesChanged>Annotation\
             </propertiesChanged></Contact></contacts>"
        );
        self.book("ABContactUpdate", &renamed).await;
        let (lists, book) = self.lists_and_book().await;
        are_on(&lists, "Reverse", &["bob", "carol"]);
        assert_eq!(of_contact(&book, "carol", "Value").as_deref(), Some("Caz"));
    }

    /// A group is made, renamed, filled, emptied and deleted.
    async fn sorts(&mut self, book: &Answer) {
        let id = of_contact(book, "bob", "contactId").unwrap();
        let new = format!(
            "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
             </groupAddOptions><groupInfo><GroupInfo><name>Chess</name>\
             <groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType>\
             <fMessenger>false</fMessenger><annotations><Annotation><Name>MSN.IM.Display</Name>\
             <Value>1</Value></Annotation></annotations></GroupInfo></groupInfo>"
        );
        let group = self.book("ABGroupAdd", &new).await.text("guid").unwrap();
        let renamed = format!(
            "{OWN_BOOK}<groups><Group><groupId>{group}</groupId><groupInfo><name>Chess &amp; Go\
             </name></groupInfo><propertiesChanged>GroupName</propertiesChanged></Group></groups>"
        );
        self.book("ABGroupUpdate", &renamed).await;
        let filter =
            format!("<groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>");
        let both = format!(
            "{OWN_BOOK}{filter}<contacts><Contact><contactId>{id}</contactId></Contact></contacts>"
        );
        self.book("ABGroupContactAdd", &both).await;
        let (_, book) = self.lists_and_book().await;
        assert_eq!(
            book.of("Group", "groupId", &group, "name").as_deref(),
            Some("Chess & Go")
        );
        let groups = of_groups(&book, &id);
        assert!(groups.len() == 2 && groups.contains(&group), "{groups:?}");
        self.book("ABGroupContactDelete", &both).await;
        let (_, book) = self.lists_and_book().await;
        assert_eq!(of_groups(&book, &id).len(), 1);
        self.book("ABGroupDelete", &format!("{OWN_BOOK}{filter}"))
            .await;
        let (_, book) = self.lists_and_book().await;
        assert_eq!(book.of("Group", "groupId", &group, "name"), None);
    }

    async fn leaves_word_for(&mut self, bob: Person) {
        drop(bob);
        self.ns.line.until("FLN bob@example.com 1 ").await;
        let token = self.token("messengersecure.live.com", "MBI_SSL").await;
        let build = ("MSNP15", "8.1.0178");
        leave_message(&mut self.web, &token, build, "bob@example.com", "À bientôt").await;
        let web = WebOf::new(self.at, "bob").await;
        let expected = (ALICE.to_owned(), "À bientôt".to_owned());
        assert_eq!(web.waiting().await, [expected]);
    }

    /// Both calls to the web, then the session.
    async fn blocks(&mut self, bob: &mut Person) {
        for (from, to, seen) in [
            (("Allow", 2), ("Block", 4), "FLN alice@example.com 1 "),
            (("Block", 4), ("Allow", 2), "UBX alice@example.com 1 "),
        ] {
            let member = membership(from.0, "Accepted", &account("bob"));
            self.sharing("DeleteMember", &member).await;
            let member = membership(to.0, "Accepted", &account("bob"));
            self.sharing("AddMember", &member).await;
            bob.ns.until(seen).await;
            self.ns.lists("RML", "bob", from.1).await;
            self.ns.lists("ADL", "bob", to.1).await;
            bob.ns.expect_nothing().await;
        }
    }

    async fn removes(&mut self, carol: &mut Person) {
        let (_, book) = self.lists_and_book().await;
        let id = of_contact(&book, "carol", "contactId").unwrap();
        let contact = format!(
            "{OWN_BOOK}<contacts><Contact><contactId>{id}</contactId></Contact></contacts>"
        );
        self.book("ABContactDelete", &contact).await;
        hears(carol, News::Removed).await;
        self.ns.lists("RML", "carol", 1).await;
        carol.ns.expect_nothing().await;
    }
}

/// The groups that a contact is in.
fn of_groups(book: &Answer, id: &str) -> Vec<String> {
    let document = Document::parse(&book.body).unwrap();
    let is = |node: &Node<'_, '_>, name: &str| node.tag_name().name() == name;
    let contact = document.descendants().find(|node| {
        let mut inner = node.children();
        is(node, "Contact") && inner.any(|one| is(&one, "contactId") && one.text() == Some(id))
    });
    let inner = contact.unwrap().descendants();
    inner
        .filter(|node| is(node, "guid"))
        .map(|node| node.text().unwrap().to_owned())
        .collect()
}
