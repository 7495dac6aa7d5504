//! MSNPSharp at MSNP18, on the .NET of its time.
//!
//! It asks before it sends a document, asks a redirector first and the preferred host then, reads
//! the words of faults, fetches everything once and changes ever after, sets up the roaming of
//! its profile with ten calls, shows what is new, and is signed in at two places at once.

use super::*;

const STYLE: Style = Style {
    agent: "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 2.0.50727.5420)",
    keeps_connections: true,
    quotes_actions: true,
    asks_first: true,
    slash: "",
    application: "AAD9B99B-58E6-4F23-B975-D9EC1F9EC24A",
    gap: "",
};
const STORAGE: &str = "http://www.msn.com/webservices/storage/2008";
const BOOK_REDIRECTOR: &str = "byrdr.omega.contacts.msn.com";
const MACHINES: [&str; 2] = [
    "{3f1c7a52-6b9e-4d80-a1f4-07c2e95d8b61}",
    "{c4e8d2b7-5a30-49f1-8e6c-d1b09f7a2e53}",
];
const CAPABILITIES: &str = "2788999228:51456";
const WISHES: [(&str, &str); 7] = [
    ("http://Passport.NET/tb", ""),
    ("messengerclear.live.com", "MBI_KEY_OLD"),
    ("messenger.msn.com", "?id=507"),
    ("messengersecure.live.com", "MBI_SSL"),
    ("contacts.msn.com", "MBI"),
    ("storage.msn.com", "MBI"),
    ("sup.live.com", "MBI"),
];

struct Sharp {
    at: Addresses,
    ns: Wire,
    web: Web,
    tokens: BTreeMap<&'static str, Token>,
    me: String,
    /// The number that the tokens came with.
    cid: i64,
    /// Where the calls go once the redirector has answered.
    host: String,
    cache_key: Option<String>,
}

/// What it keeps of a download for the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamps {
    lists: String,
    book: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn msnp_sharp_has_its_evening() {
    let server = server().await;
    let at = server.addresses;
    let mut bob = at.sign_in("bob", 13).await;
    let mut carol = at.sign_in("carol", 7).await;
    let mut alice = Sharp::sign_on(at, MACHINES[0]).await;
    let (lists, book) = alice.synchronise(None).await;
    are_on(&lists, "Allow", &["bob"]);
    let stamps = alice.stamps(&lists, &book);
    alice.go_online(&["bob"]).await;
    bob.ns.until("NLN NLN alice@example.com ").await;
    alice.sets_up_roaming().await;
    alice.reads_the_words_of_faults().await;
    alice.sees_what_is_new(&mut bob).await;
    alice.adds(&mut carol, &stamps).await;
    alice.founds_a_circle().await;
    alice.is_in_two_places(&mut bob).await;
    alice.leaves_word_for(bob).await;
    let mut bob = at.sign_in("bob", 13).await;
    alice.ns.line.until("NLN NLN 1:bob@example.com ").await;
    alice.blocks(&mut bob).await;
    alice.removes(&mut carol).await;

    let (lists, book) = alice.synchronise(None).await;
    let stamps = alice.stamps(&lists, &book);
    let before = [steady(&lists), steady(&book)];
    alice.leave().await;
    bob.ns.until("FLN alice@example.com").await;
    WebOf::new(at, "bob").await.leave(ALICE, "Until then").await;

    // The next time it only asks for what has changed, and there is nothing.
    let mut alice = Sharp::sign_on(at, MACHINES[0]).await;
    let (lists, book) = alice.synchronise(Some(&stamps)).await;
    assert_eq!(lists.count("Member"), 0, "{lists:?}");
    assert_eq!(of_contact(&book, "bob", "contactId"), None, "{book:?}");
    assert_eq!(book.count("Group"), 0, "{book:?}");
    let (lists, book) = alice.synchronise(None).await;
    assert_eq!([steady(&lists), steady(&book)], before);
    assert_eq!(alice.stamps(&lists, &book), stamps);
    let notice = alice.go_online(&["bob"]).await;
    let token = alice.tokens["messenger.msn.com"].clone();
    let text = fetch_message(&mut alice.web, &token, &notice).await;
    assert_eq!(text, "Until then");
    alice.leave().await;
    assert!(server.stop().await);
}

impl Sharp {
    /// Signs out, and closes what is open.
    async fn leave(self) {
        self.ns.leave().await;
    }

    async fn sign_on(at: Addresses, machine: &str) -> Self {
        let mut ns = Wire::open(at.msnp, 18).await;
        let commands = format!(
            "VER 1 MSNP18 CVR0\r\n\
             CVR 2 0x040c winnt 5.1 i386 MSNMSGR 14.0.8117.416 msmsgs {ALICE}\r\n\
             USR 3 SSO I {ALICE}\r\n"
        );
        ns.line.send(commands.as_bytes()).await;
        ns.last = 3;
        ns.line.expect("VER 1 MSNP18").await;
        ns.line.expect("CVR 2 14.0.8117.416 ").await;
        let question = ns.line.until("USR 3 SSO S ").await;
        let mut web = Web::new(at.http, STYLE);
        let answer = web
            .post("login.live.com", "/RST2.srf", "", &token_request_2())
            .await;
        let (tokens, cid) = read_tokens(&passed(answer));
        let token = &tokens["messengerclear.live.com"];
        ns.sign_on(&question, token, Some(machine)).await;
        let profile = ns.profile().await;
        assert!(profile.contains("\r\nMPOPEnabled: 1\r\n"), "{profile}");
        Self {
            at,
            ns,
            web,
            tokens,
            me: format!("{ALICE};{machine}"),
            cid,
            host: BOOK_REDIRECTOR.to_owned(),
            cache_key: None,
        }
    }

    async fn try_call(&mut self, service: &str, operation: &str, inner: &str) -> Answer {
        let ticket = self.tokens["contacts.msn.com"].ticket.clone();
        let call = Call {
            ticket: &ticket,
            scenario: "Initial",
            operation,
            inner,
        };
        if self.cache_key.is_none() {
            // The redirector is asked; its answer says where to ask again.
            let answer = passed(self.web.call(&self.host, service, call).await);
            assert_eq!(answer.text("CacheKeyChanged").as_deref(), Some("true"));
            self.cache_key = answer.text("CacheKey");
            self.host = answer.text("PreferredHostName").unwrap();
            assert!(self.cache_key.is_some() && !self.host.is_empty());
        }
        let host = self.host.clone();
        self.web.call(&host, service, call).await
    }

    async fn call(&mut self, service: &str, operation: &str, inner: &str) -> Answer {
        passed(self.try_call(service, operation, inner).await)
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
            application: "Messenger Client 9.0",
            token: &self.tokens["storage.msn.com"],
        };
        self.web.storage(filing, operation, inner).await
    }

    /// The lists and then the book: all of both, or what has changed since.
    async fn synchronise(&mut self, since: Option<&Stamps>) -> (Answer, Answer) {
        let types = "<serviceFilter><Types><ServiceType>Messenger</ServiceType><ServiceType>\
                     SocialNetwork</ServiceType><ServiceType>Space</ServiceType><ServiceType>\
                     Profile</ServiceType></Types></serviceFilter>";
        let never = "0001-01-01T00:00:00.0000000";
        let deltas = since.is_some();
        let (lists, book) = since.map_or((never, never), |it| (&it.lists, &it.book));
        let lists = format!(
            "{types}<View>Full</View><deltasOnly>{deltas}</deltasOnly>\
             <lastChange>{lists}</lastChange>"
        );
        let lists = self.sharing("FindMembership", &lists).await;
        let book = format!(
            "<filterOptions><DeltasOnly>{deltas}</DeltasOnly><LastChanged>{book}</LastChanged>\
             <ContactFilter><IncludeHiddenContacts>true</IncludeHiddenContacts></ContactFilter>\
             </filterOptions><abView>MessengerClient8</abView>\
             <extendedContent>AB AllGroups CircleResult</extendedContent>"
        );
        let book = self.book("ABFindContactsPaged", &book).await;
        let ticket = book.text("CircleTicket").unwrap();
        let ticket = BASE64.encode(ticket);
        let answer = self.ns.ask("USR", &format!("SHA A {ticket}")).await;
        let expected = format!("USR {} OK {ALICE} 0 0", self.ns.last);
        assert_eq!(printable(&answer.line), expected);
        (lists, book)
    }

    fn stamps(&self, lists: &Answer, book: &Answer) -> Stamps {
        let me = book.of("Contact", "contactType", "Me", "CID").unwrap();
        assert_eq!(
            me.parse(),
            Ok(self.cid),
            "the tokens came with another number"
        );
        let text = |answer: &Answer, part: &str, name: &str| {
            let document = Document::parse(&answer.body).unwrap();
            let mut nodes = document.descendants();
            let part = nodes.find(|node| node.tag_name().name() == part).unwrap();
            let mut inner = part.children();
            let stamp = inner.find(|node| node.tag_name().name() == name).unwrap();
            stamp.text().unwrap().to_owned()
        };
        Stamps {
            lists: text(lists, "Service", "LastChange"),
            book: text(book, "Ab", "lastChange"),
        }
    }

    async fn go_online(&mut self, friends: &[&str]) -> String {
        self.ns.confirmed("BLP", "AL").await;
        let friends: String = friends
            .iter()
            .map(|name| format!("<c n=\"{name}\" l=\"3\" t=\"1\" />"))
            .collect();
        let list = format!("<ml l=\"1\"><d n=\"example.com\">{friends}</d></ml>");
        self.ns.given("ADL", "", &list, "OK").await;
        let data =
            format!("<EndpointData><Capabilities>{CAPABILITIES}</Capabilities></EndpointData>");
        self.ns.given("UUX", "", &data, "0").await;
        let data = "<PrivateEndpointData><EpName>Home</EpName><Idle>false</Idle>\
                    <ClientType>1</ClientType><State>NLN</State></PrivateEndpointData>";
        self.ns.given("UUX", "", data, "0").await;
        self.ns
            .confirmed("CHG", &format!("NLN {CAPABILITIES} 0"))
            .await;
        loop {
            let frame = self.ns.line.until("MSG Hotmail Hotmail ").await;
            let text = String::from_utf8(frame.payload).unwrap();
            if text.contains("x-msmsgsinitialmdatanotification") {
                return text;
            }
        }
    }

    /// The calls of the first time, in their order (`docs/protocol/13 §2`).
    async fn sets_up_roaming(&mut self) {
        let made = self
            .storage(
                "CreateProfile",
                "<profile><ExpressionProfile><PersonalStatus/><RoleDefinitionName>\
                 ExpressionProfileDefault</RoleDefinitionName></ExpressionProfile></profile>",
            )
            .await;
        let id = passed(made).text("CreateProfileResult").unwrap();
        let shared = format!(
            "<resourceID>{id}</resourceID><displayName>Messenger Roaming Identity</displayName>"
        );
        passed(self.storage("ShareItem", &shared).await);
        let member = "<serviceHandle><Id>0</Id><Type>Profile</Type><ForeignId>MyProfile\
                      </ForeignId></serviceHandle><memberships><Membership><MemberRole>\
                      ProfileExpression</MemberRole><Members><Member xsi:type=\"RoleMember\">\
                      <Type>Role</Type><State>Accepted</State><Id>Allow</Id><DefiningService>\
                      <Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></DefiningService>\
                      <MaxRoleRecursionDepth>0</MaxRoleRecursionDepth><MaxDegreesSeparation>0\
                      </MaxDegreesSeparation></Member></Members></Membership></memberships>";
        self.sharing("AddMember", member).await;
        let handle = profile_handle(&self.cid.to_string());
        let profile = passed(self.storage("GetProfile", &handle).await);
        assert_eq!(profile.text("ResourceID"), Some(id.clone()));
        let update = format!(
            "<profile><ResourceID>{id}</ResourceID><ExpressionProfile><FreeText>Update</FreeText>\
             <DisplayName>Alice #</DisplayName><PersonalStatus>roams</PersonalStatus>\
             <Flags>0</Flags></ExpressionProfile></profile>"
        );
        passed(self.storage("UpdateProfile", &update).await);
        // What is refused here is passed over: the item is added, in vain, and it goes on.
        for operation in ["UpdateDynamicItem", "AddDynamicItem"] {
            let item = "<abId>00000000-0000-0000-0000-000000000000</abId><dynamicItems>\
                        <DynamicItem xsi:type=\"PassportDynamicItem\"><Type>Passport</Type>\
                        </DynamicItem></dynamicItems>";
            let answer = self.try_call("abservice", operation, item).await;
            assert_eq!(answer.fault().as_deref(), Some("Forbidden"), "{answer:?}");
        }
        let roams = format!(
            "{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactInfo><contactType>Me\
             </contactType><annotations><Annotation><Name>MSN.IM.RoamLiveProperties</Name>\
             <Value>1</Value></Annotation></annotations></contactInfo><propertiesChanged>\
             Annotation</propertiesChanged></Contact></contacts>"
        );
        self.book("ABContactUpdate", &roams).await;
        self.ns.confirmed("PRP", "MFN Alice%20%23").await;
        let profile = passed(self.storage("GetProfile", &handle).await);
        assert_eq!(profile.text("DisplayName").as_deref(), Some("Alice #"));
        assert_eq!(profile.text("PersonalStatus").as_deref(), Some("roams"));
        self.ns.hears_no_notice().await;
    }

    /// It does not look at codes but at texts (`docs/protocol/12 §8`).
    async fn reads_the_words_of_faults(&mut self) {
        let elsewhere = "<abHandle><ABId>00000000-0000-0000-0009-00000000beef</ABId><Puid>0</Puid>\
                         <Cid>0</Cid></abHandle><abView>MessengerClient8</abView>\
                         <extendedContent>AB</extendedContent>";
        let answer = self
            .try_call("abservice", "ABFindContactsPaged", elsewhere)
            .await;
        let words = answer.text("faultstring").unwrap();
        assert!(words.contains("Address Book Does Not Exist"), "{words}");
        let new = "<abInfo><name></name><ownerPuid>0</ownerPuid><OwnerCID>0</OwnerCID>\
                   <ownerEmail>alice@example.com</ownerEmail><fDefault>true</fDefault></abInfo>";
        let made = self.book("ABAdd", new).await;
        assert_eq!(
            made.text("ABAddResult").as_deref(),
            Some("00000000-0000-0000-0000-000000000000")
        );
        let nobody = adding("nobody@example.com");
        let answer = self.try_call("abservice", "ABContactAdd", &nobody).await;
        assert_eq!(answer.fault().as_deref(), Some("InvalidPassportUser"));
        let again = adding("bob@example.com");
        let answer = self.try_call("abservice", "ABContactAdd", &again).await;
        assert_eq!(answer.fault().as_deref(), Some("ContactAlreadyExists"));
        let id = answer.text("conflictObjectId").unwrap();
        let update = format!(
            "{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactId>{id}</contactId>\
             <contactInfo><isMessengerUser>true</isMessengerUser></contactInfo>\
             <propertiesChanged>IsMessengerUser</propertiesChanged></Contact></contacts>"
        );
        self.book("ABContactUpdate", &update).await;
        // What is so already is no reason to stop.
        let member = membership("Allow", "Accepted", &account("bob"));
        let answer = self.try_call("SharingService", "AddMember", &member).await;
        let words = answer.text("faultstring");
        assert!(words.is_none_or(|words| words.contains("Member already exists")));
        let member = membership("Block", "Accepted", &account("bob"));
        let answer = self
            .try_call("SharingService", "DeleteMember", &member)
            .await;
        let words = answer.text("faultstring");
        assert!(words.is_none_or(|words| words.contains("Member does not exist")));
        self.ns.line.expect_nothing().await;
    }

    async fn sees_what_is_new(&mut self, bob: &mut Person) {
        bob.rename(b"Bob%20the%20builder").await;
        let start = "NLN NLN 1:bob@example.com Bob%20the%20builder ";
        self.ns.line.until(start).await;
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
             <WNApplicationHeader xmlns=\"{ADDRESS_BOOK}\"><ApplicationId>\
             3B119D87-1D76-4474-91AD-0D7267E86D04</ApplicationId></WNApplicationHeader>\
             <WNAuthHeader xmlns=\"{ADDRESS_BOOK}\"><TicketToken>{}</TicketToken></WNAuthHeader>\
             </soap:Header><soap:Body><GetContactsRecentActivity xmlns=\"{ADDRESS_BOOK}\">\
             <entityHandle><Cid>{}</Cid></entityHandle><locales><string>en-US</string></locales>\
             <count>50</count></GetContactsRecentActivity></soap:Body></soap:Envelope>",
            escape(&self.tokens["sup.live.com"].ticket),
            self.cid
        );
        let action = format!("{ADDRESS_BOOK}/GetContactsRecentActivity");
        let path = "/whatsnew/whatsnewservice.asmx";
        let answer = self.web.post("sup.live.com", path, &action, &body).await;
        let news = passed(answer);
        assert_eq!(news.count("ActivityDetails"), 1, "{news:?}");
        assert!(news.body.contains("Bob the builder"), "{news:?}");
        assert!(news.count("RecentActivityTemplateContainer") > 0);
    }

    /// The book, the allow list, both lists of the session, and what has changed of the web's.
    async fn adds(&mut self, carol: &mut Person, stamps: &Stamps) {
        let id = self
            .book("ABContactAdd", &adding("carol@example.com"))
            .await;
        let id = id.text("guid").unwrap();
        let member = membership("Allow", "Accepted", &account("carol"));
        self.sharing("AddMember", &member).await;
        self.ns.lists("ADL", "carol", 2).await;
        self.ns.lists("ADL", "carol", 1).await;
        hears(carol, News::Added).await;
        adds_alice(carol).await;
        self.ns.told("ADL", "carol").await;
        self.ns.line.until("NOT ").await;
        let (lists, book) = self.synchronise(Some(stamps)).await;
        // Bob is among what has changed, for his new name.
        are_on(&lists, "Reverse", &["bob", "carol"]);
        assert_eq!(of_contact(&book, "carol", "contactId"), Some(id));
        let name = of_contact(&book, "bob", "displayName");
        assert_eq!(name.as_deref(), Some("Bob the builder"));
        assert!(self.stamps(&lists, &book).book > stamps.book);
    }

    /// A circle is in the next change of the book, and is entered with the new ticket.
    async fn founds_a_circle(&mut self) {
        let properties = "<properties><Domain>1</Domain><HostedDomain>live.com</HostedDomain>\
                          <Type>2</Type><MembershipAccess>0</MembershipAccess>\
                          <IsPresenceEnabled>true</IsPresenceEnabled><RequestMembershipOption>2\
                          </RequestMembershipOption><DisplayName>Sharp ones</DisplayName>\
                          </properties><callerInfo><PublicDisplayName>Alice</PublicDisplayName>\
                          </callerInfo>";
        let made = self.sharing("CreateCircle", properties).await;
        let circle = made.text("Id").unwrap();
        let (_, book) = self.synchronise(None).await;
        let role = book.of("CircleInverseInfo", "Id", &circle, "Role");
        assert_eq!(role.as_deref(), Some("Admin"));
        let address = book.of("Contact", "contactType", "Circle", "passportName");
        let (tag, _) = address.as_deref().unwrap().split_once('@').unwrap();
        assert_eq!(tag, circle.to_uppercase());
        let list = format!("<ml><d n=\"live.com\"><c n=\"{circle}\" l=\"3\" t=\"9\" /></d></ml>");
        self.ns.given("ADL", "", &list, "OK").await;
        let body =
            format!("<circle><roster><id>IM</id><user><id>1:{ALICE}</id></user></roster></circle>");
        let (_, machine) = self.me.split_once(';').unwrap();
        let payload = format!(
            "Routing: 1.0\r\nTo: 9:{circle}@live.com\r\nFrom: 1:{ALICE};epid={machine}\r\n\r\n\
             Reliability: 1.0\r\nStream: 0\r\nSegment: 0\r\n\r\nPublication: 1.0\r\nUri: /circle\
             \r\nContent-Type: application/circles+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.ns.given("PUT", "", &payload, "OK 0").await;
        let roster = self.ns.line.until("NFY PUT ").await;
        let text = printable(&roster.payload);
        assert!(text.contains(&circle), "{text}");
    }

    /// Both places stay, both are rung, and both hear what is said.
    async fn is_in_two_places(&mut self, bob: &mut Person) {
        let mut other = Self::sign_on(self.at, MACHINES[1]).await;
        other.synchronise(None).await;
        other.go_online(&["bob", "carol"]).await;
        loop {
            let frame = self.ns.line.until("UBX 1:alice@example.com ").await;
            let text = printable(&frame.payload);
            let machine = format!("<PrivateEndpointData id=\"{}\">", MACHINES[1]);
            if text.contains(&machine) {
                assert!(text.contains("<EpName>Home</EpName>"), "{text}");
                break;
            }
        }
        // Oneself is called first, so that the window opens everywhere.
        let me = self.me.clone();
        let mut room = self.ns.room(&me).await;
        let call = room.ask("CAL", ALICE).await;
        assert!(call.line.starts_with(b"CAL 2 RINGING "), "{call:?}");
        let mut window = other.ns.called(&other.me.clone()).await;
        room.ask("CAL", "bob@example.com").await;
        let ring = bob.rings().await;
        let mut seat = bob.answer(&ring, None).await;
        window.line.until("JOI bob@example.com").await;
        room.line.until("JOI bob@example.com").await;
        seat.say("N", &chat("To both of you")).await;
        for one in [&mut room, &mut window] {
            let heard = one.line.until("MSG bob@example.com ").await;
            assert_eq!(heard.payload, chat("To both of you"));
        }
        window.say(&typed("From here")).await;
        seat.sb.until("MSG alice@example.com ").await;
        let heard = room.line.until("MSG alice@example.com ").await;
        assert!(heard.payload.ends_with(b"From here"));
        // One place leaves; who looks on sees nothing of it.
        window.leave().await;
        other.leave().await;
        room.leave().await;
        seat.leave().await;
        bob.ns.ask("PNG", "QNG").await;
    }

    async fn leaves_word_for(&mut self, bob: Person) {
        drop(bob);
        self.ns.line.until("FLN 1:bob@example.com ").await;
        let letter = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
                      X-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=0; PF=0\r\n\
                      Dest-Agent: client\r\n\r\nGone home";
        self.ns
            .given("UUM", "bob@example.com 1 1", letter, "OK")
            .await;
        let web = WebOf::new(self.at, "bob").await;
        let expected = (ALICE.to_owned(), "Gone home".to_owned());
        assert_eq!(web.waiting().await, [expected]);
    }

    /// Off one list by the web and the session, then onto the other in the same order.
    async fn blocks(&mut self, bob: &mut Person) {
        for (from, to, seen) in [
            (("Allow", 2), ("Block", 4), "FLN alice@example.com"),
            (("Block", 4), ("Allow", 2), "NLN NLN alice@example.com "),
        ] {
            let member = membership(from.0, "Accepted", &account("bob"));
            self.sharing("DeleteMember", &member).await;
            self.ns.lists("RML", "bob", from.1).await;
            let member = membership(to.0, "Accepted", &account("bob"));
            self.sharing("AddMember", &member).await;
            self.ns.lists("ADL", "bob", to.1).await;
            bob.ns.until(seen).await;
        }
    }

    async fn removes(&mut self, carol: &mut Person) {
        let (_, book) = self.synchronise(None).await;
        let id = of_contact(&book, "carol", "contactId").unwrap();
        let contact = format!(
            "{OWN_BOOK}<contacts><Contact><contactId>{id}</contactId></Contact></contacts>"
        );
        self.book("ABContactDelete", &contact).await;
        self.ns.lists("RML", "carol", 1).await;
        hears(carol, News::Removed).await;
        let member = membership("Allow", "Accepted", &account("carol"));
        self.sharing("DeleteMember", &member).await;
        self.ns.lists("RML", "carol", 2).await;
        self.ns.hears_no_notice().await;
        let (lists, _) = self.synchronise(None).await;
        are_on(&lists, "Allow", &["bob"]);
    }
}

fn adding(address: &str) -> String {
    format!(
        "{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\"><contactInfo><contactType>\
         LivePending</contactType><passportName>{address}</passportName><isMessengerUser>true\
         </isMessengerUser><MessengerMemberInfo><DisplayName>Alice</DisplayName>\
         </MessengerMemberInfo></contactInfo></Contact></contacts>\
         <options><EnableAllowListManagement>true</EnableAllowListManagement></options>"
    )
}

/// The request of the second version of the token service.
fn token_request_2() -> String {
    let wish = |(number, (audience, policy)): (usize, &(&str, &str))| {
        let policy = if policy.is_empty() {
            String::new()
        } else {
            format!("<wsp:PolicyReference URI=\"{policy}\"></wsp:PolicyReference>")
        };
        format!(
            "<wst:RequestSecurityToken Id=\"RST{number}\"><wst:RequestType>\
             http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</wst:RequestType><wsp:AppliesTo>\
             <wsa:EndpointReference><wsa:Address>{audience}</wsa:Address></wsa:EndpointReference>\
             </wsp:AppliesTo>{policy}</wst:RequestSecurityToken>"
        )
    };
    let wishes: String = WISHES.iter().enumerate().map(wish).collect();
    let oasis = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:wsse=\"{oasis}-secext-1.0.xsd\" xmlns:wsu=\"{oasis}-utility-1.0.xsd\" \
         xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2004/09/policy\" \
         xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" \
         xmlns:wst=\"http://schemas.xmlsoap.org/ws/2005/02/trust\" \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\"><s:Header>\
         <wsa:Action s:mustUnderstand=\"1\">http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue\
         </wsa:Action><wsa:To s:mustUnderstand=\"1\">https://login.live.com:443//RST2.srf</wsa:To>\
         <wsa:MessageID>1262401445</wsa:MessageID><ps:AuthInfo Id=\"PPAuthInfo\"><ps:HostingApp>\
         {{7108E71A-9926-4FCB-BCC9-9A9D3F32E423}}</ps:HostingApp><ps:BinaryVersion>5\
         </ps:BinaryVersion><ps:Cookies></ps:Cookies><ps:UIVersion>1</ps:UIVersion>\
         <ps:RequestParams>AQAAAAIAAABsYwQAAAAxMDMz</ps:RequestParams></ps:AuthInfo>\
         <wsse:Security><wsse:UsernameToken wsu:Id=\"user\"><wsse:Username>{ALICE}\
         </wsse:Username><wsse:Password>{PASSWORD}</wsse:Password></wsse:UsernameToken>\
         <wsu:Timestamp Id=\"Timestamp\"><wsu:Created>2010-01-02T03:04:05Z</wsu:Created>\
         <wsu:Expires>2010-01-02T03:09:05Z</wsu:Expires></wsu:Timestamp></wsse:Security>\
         </s:Header><s:Body><ps:RequestMultipleSecurityTokens Id=\"RSTS\">{wishes}\
         </ps:RequestMultipleSecurityTokens></s:Body></s:Envelope>"
    )
}

/// The tokens, and the number that the owner has.
fn read_tokens(answer: &Answer) -> (BTreeMap<&'static str, Token>, i64) {
    let document = Document::parse(&answer.body).unwrap();
    let named = |name: &'static str| {
        let nodes = document.descendants();
        nodes.filter(move |node| node.tag_name().name() == name)
    };
    let cid = named("credProperty").find(|node| node.attribute("Name") == Some("CID"));
    let cid = cid.and_then(|node| node.text()).unwrap();
    assert_eq!(cid, cid.to_lowercase());
    let cid = u64::from_str_radix(cid, 16).unwrap().cast_signed();
    let mut tokens = BTreeMap::new();
    for response in named("RequestSecurityTokenResponse") {
        let text = |name: &str| {
            let mut inner = response.descendants();
            let found = inner.find(|node| node.tag_name().name() == name);
            found.and_then(|node| node.text()).unwrap_or_default()
        };
        let (audience, _) = WISHES
            .iter()
            .find(|(audience, _)| *audience == text("Address"))
            .unwrap();
        assert!(text("Expires").ends_with('Z'));
        if *audience == WISHES[0].0 {
            assert_ne!(text("BinarySecret"), "");
            continue;
        }
        let ticket = text("BinarySecurityToken").to_owned();
        assert!(ticket.contains("t=") && ticket.contains("&p="), "{ticket}");
        let key = text("BinarySecret").to_owned();
        tokens.insert(*audience, Token { ticket, key });
    }
    assert_eq!(tokens.len(), WISHES.len() - 1);
    (tokens, cid)
}
