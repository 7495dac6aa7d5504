//! A restart in the middle of everything: whoever was signed in, with tickets, circles, messages
//! that wait, contacts, groups and a picture, finds all of it again, whether the server was
//! stopped or killed.

mod under_load;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::support::challenge::product_answer;
use crate::support::child::{self, ChildServer};
use crate::support::client::Connection;
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, connect};
use crate::support::player::Addresses;
use crate::support::single_sign_on::{self, Outcome, signed_nonce};
use crate::support::soap::{
    self, ADDRESS_BOOK, Answer, BOOK_PATH, SHARING_PATH, envelope, escape, post,
};

const STORAGE: &str = "http://www.msn.com/webservices/storage/2008";
const OIM: &str = "http://messenger.live.com/ws/2006/09/oim/";
const RSI: &str = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi";
const PRODUCT: &str = "PROD0119GSJUC$18";
const OWN_BOOK: &str = "<abId>00000000-0000-0000-0000-000000000000</abId>";
const MACHINE: &str = "{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}";
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Tickets of one account, from before.
#[derive(Debug, Clone)]
pub(crate) struct Tickets {
    name: String,
    /// For the notification server, with its key.
    messenger: (String, String),
    pub(crate) contacts: String,
    mail: String,
    storage: String,
}

impl Tickets {
    pub(crate) async fn of(at: Addresses, name: &str) -> Self {
        let address = format!("{name}@example.com");
        let messenger = single_sign_on::MESSENGER;
        let granted = single_sign_on::fetch(at.http, &address, PASSWORD, messenger).await;
        let Ok(Outcome::Granted { ticket, key }) = granted else {
            panic!("no ticket for {name}: {granted:?}");
        };
        let token = async |service| {
            let token = soap::token(at.http, &address, PASSWORD, service).await;
            token.unwrap()
        };
        Self {
            name: name.to_owned(),
            messenger: (ticket, key),
            contacts: token("contacts.msn.com").await,
            mail: token("messenger.msn.com").await,
            storage: token("storage.msn.com").await,
        }
    }

    /// Calls the address book or the sharing service; an error is a server that is gone.
    pub(crate) async fn try_call(
        &self,
        at: Addresses,
        path: &str,
        operation: &str,
        inner: &str,
    ) -> Result<Answer, String> {
        let request = format!("<{operation} xmlns=\"{ADDRESS_BOOK}\">{inner}</{operation}>");
        let action = format!("SOAPAction: \"{ADDRESS_BOOK}/{operation}\"\r\n");
        let body = envelope(&self.contacts, &request);
        post(at.http, path, &action, body.as_bytes()).await
    }

    async fn call(&self, at: Addresses, path: &str, operation: &str, inner: &str) -> Answer {
        passed(self.try_call(at, path, operation, inner).await.unwrap())
    }

    pub(crate) async fn book(&self, at: Addresses, operation: &str, inner: &str) -> Answer {
        self.call(at, BOOK_PATH, operation, inner).await
    }

    pub(crate) async fn sharing(&self, at: Addresses, operation: &str, inner: &str) -> Answer {
        self.call(at, SHARING_PATH, operation, inner).await
    }

    pub(crate) async fn page(&self, at: Addresses, filter: &str) -> Answer {
        let inner = format!(
            "{filter}<abView>MessengerClient8</abView>\
             <extendedContent>AB AllGroups CircleResult</extendedContent>"
        );
        self.book(at, "ABFindContactsPaged", &inner).await
    }

    async fn storage(&self, at: Addresses, operation: &str, inner: &str) -> Answer {
        passed(self.try_storage(at, operation, inner).await.unwrap())
    }

    async fn try_storage(
        &self,
        at: Addresses,
        operation: &str,
        inner: &str,
    ) -> Result<Answer, String> {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><s:Header>\
             <StorageUserHeader xmlns=\"{STORAGE}\"><Puid>0</Puid><TicketToken>{}</TicketToken>\
             </StorageUserHeader></s:Header><s:Body><{operation} xmlns=\"{STORAGE}\">{inner}\
             </{operation}></s:Body></s:Envelope>",
            escape(&self.storage)
        );
        let path = "/storageservice/SchematizedStore.asmx";
        post(at.http, path, "", body.as_bytes()).await
    }

    /// Leaves a message; the first one is challenged.
    async fn try_leave(&self, at: Addresses, to: &str, text: &str) -> Result<(), String> {
        let mut lock_key = String::new();
        loop {
            let body = format!(
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
                 <From memberName=\"x\" friendlyName=\"=?utf-8?B?eA==?=\" proxy=\"MSNMSGR\" \
                 xmlns=\"{OIM}\" msnpVer=\"MSNP15\" buildVer=\"8.5.1302\"/>\
                 <To memberName=\"{to}@example.com\" xmlns=\"{OIM}\"/><Ticket passport=\"{}\" \
                 appid=\"{PRODUCT}\" lockkey=\"{lock_key}\" xmlns=\"{OIM}\"/>\
                 <Sequence xmlns=\"http://schemas.xmlsoap.org/ws/2003/03/rm\"><Identifier \
                 xmlns=\"http://schemas.xmlsoap.org/ws/2002/07/utility\">\
                 http://messenger.msn.com</Identifier><MessageNumber>1</MessageNumber></Sequence>\
                 </s:Header><s:Body><MessageType xmlns=\"{OIM}\">text</MessageType>\
                 <Content xmlns=\"{OIM}\">MIME-Version: 1.0\n\
                 Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\
                 X-OIM-Message-Type: OfflineMessage\n\
                 X-OIM-Run-Id: {{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}}\n\
                 X-OIM-Sequence-Num: 1\n\n{}\n</Content></s:Body></s:Envelope>",
                escape(&self.mail),
                BASE64.encode(text)
            );
            let answer = post(at.http, "/OimWS/oim.asmx", "", body.as_bytes()).await?;
            let Some(challenge) = answer.text("LockKeyChallenge") else {
                passed(answer);
                return Ok(());
            };
            assert_eq!(lock_key, "", "the right answer is challenged again");
            lock_key = product_answer(challenge.as_bytes(), PRODUCT).unwrap();
        }
    }

    async fn mail(&self, at: Addresses, operation: &str, inner: &str) -> Answer {
        let (token, _) = self.mail[2..].split_once('&').unwrap();
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
             <PassportCookie xmlns=\"{RSI}\"><t>{token}</t><p></p></PassportCookie></s:Header>\
             <s:Body><{operation} xmlns=\"{RSI}\">{inner}</{operation}></s:Body></s:Envelope>"
        );
        let answer = post(at.http, "/rsi/rsi.asmx", "", body.as_bytes()).await;
        passed(answer.unwrap())
    }

    /// The texts of all messages that wait, by whether they were read.
    async fn letters(&self, at: Addresses) -> Vec<(String, String)> {
        let listed = self.mail(at, "GetMetadata", "").await;
        let mut all = Vec::new();
        for (id, state) in listed.texts("I").iter().zip(listed.texts("RS")) {
            let wish = format!("<messageId>{id}</messageId><alsoMarkAsRead>false</alsoMarkAsRead>");
            let mail = self.mail(at, "GetMessage", &wish).await;
            let mail = mail.text("GetMessageResult").unwrap();
            let (_, text) = mail.split_once("\n\n").unwrap();
            let text: String = text.split_whitespace().collect();
            let text = String::from_utf8(BASE64.decode(text).unwrap()).unwrap();
            all.push((state, text));
        }
        all
    }

    /// Signs in to the notification server with the ticket that there is.
    async fn sign_in(&self, at: Addresses) -> Connection {
        let mut ns = connect(at.msnp, None, None, 18).await;
        let address = format!("{}@example.com", self.name);
        ns.ask("VER 1 MSNP18 CVR0", "VER 1 MSNP18").await;
        let client = format!("CVR 2 0x0409 winnt 6.0 i386 MSNMSGR 14.0.8117.416 msmsgs {address}");
        ns.ask(&client, "CVR 2 ").await;
        let question = ns
            .ask(&format!("USR 3 SSO I {address}"), "USR 3 SSO S")
            .await;
        let nonce = question.fields().last().copied().unwrap();
        let (ticket, key) = &self.messenger;
        let proof = signed_nonce(nonce, key.as_bytes()).unwrap();
        let answer = format!("USR 4 SSO S {ticket} {proof} {MACHINE}");
        ns.ask(&answer, "USR 4 OK").await;
        ns
    }
}

#[track_caller]
fn passed(answer: Answer) -> Answer {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.fault(), None, "{answer:?}");
    answer
}

/// Accounts of these names in a new folder.
fn import(folder: &Path, names: impl Iterator<Item = String>) {
    let mut text = "email,name,password,legacy\n".to_owned();
    for name in names {
        writeln!(text, "{name}@example.com,{name},{PASSWORD},no").unwrap();
    }
    std::fs::write(folder.join("accounts.csv"), text).unwrap();
    let cheap = "auth.argon2_memory_kib = 64\nauth.argon2_iterations = 1\n";
    std::fs::write(folder.join("config.toml"), cheap).unwrap();
    child::run(folder, &["user", "import", "accounts.csv"], "");
}

pub(crate) fn adding(address: &str) -> String {
    format!(
        "{OWN_BOOK}<contacts><Contact><contactInfo><contactType>LivePending</contactType>\
         <passportName>{address}</passportName><isMessengerUser>true</isMessengerUser>\
         </contactInfo></Contact></contacts>\
         <options><EnableAllowListManagement>true</EnableAllowListManagement></options>"
    )
}

pub(crate) fn member(role: &str, address: &str) -> String {
    format!(
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>\
         <memberships><Membership><MemberRole>{role}</MemberRole><Members>\
         <Member xsi:type=\"PassportMember\"><Type>Passport</Type><State>Accepted</State>\
         <PassportName>{address}</PassportName></Member></Members></Membership></memberships>"
    )
}

fn group(name: &str) -> String {
    format!(
        "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
         </groupAddOptions><groupInfo><GroupInfo><name>{name}</name>\
         <groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType></GroupInfo></groupInfo>"
    )
}

fn note(who: &str, name: &str, value: &str) -> String {
    format!(
        "{OWN_BOOK}<contacts><Contact>{who}<contactInfo>{}<annotations><Annotation>\
         <Name>{name}</Name><Value>{value}</Value></Annotation></annotations></contactInfo>\
         <propertiesChanged>Annotation</propertiesChanged></Contact></contacts>",
        if who.is_empty() {
            "<contactType>Me</contactType>"
        } else {
            ""
        }
    )
}

fn circle(name: &str) -> String {
    format!(
        "<properties><Domain>1</Domain><HostedDomain>live.com</HostedDomain><Type>2</Type>\
         <MembershipAccess>0</MembershipAccess><IsPresenceEnabled>true</IsPresenceEnabled>\
         <RequestMembershipOption>2</RequestMembershipOption><DisplayName>{name}</DisplayName>\
         </properties><callerInfo><PublicDisplayName>x</PublicDisplayName></callerInfo>"
    )
}

/// The handle of a circle's own book.
fn handle(circle: &str) -> String {
    format!("<abHandle><ABId>{circle}</ABId><Puid>0</Puid><Cid>0</Cid></abHandle>")
}

fn connection(contact: &str, role: u8) -> String {
    format!(
        "<contactId>{contact}</contactId><connection>true</connection><presence>false</presence>\
         <action>1</action><relationshipType>5</relationshipType>\
         <relationshipRole>{role}</relationshipRole><annotations></annotations>"
    )
}

/// How the server ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Stop,
    Kill,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_stop() {
    a_restart(End::Stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_kill() {
    a_restart(End::Kill).await;
}

async fn a_restart(end: End) {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), PEOPLE.map(str::to_owned).into_iter());
    let mut server = ChildServer::start(folder.path(), "").await;
    let at = server.at;
    let alice = Tickets::of(at, "alice").await;
    let bob = Tickets::of(at, "bob").await;
    let circle = furnish(at, &alice, &bob).await;
    let (before, picture) = everything(at, &alice, &bob, &circle).await;
    let list_stamp = last_change(&alice.sharing(at, "FindMembership", "").await, "Service");
    let book_stamp = last_change(&alice.page(at, "").await, "Ab");
    let circle_ticket = alice.page(at, "").await.text("CircleTicket").unwrap();
    // Somebody is there when it happens.
    let mut there = alice.sign_in(at).await;
    match end {
        End::Stop => {
            server.signal("TERM");
            assert!(server.ended().await.success());
        }
        End::Kill => server.kill(),
    }
    there.until_closed().await;

    let server = ChildServer::start(folder.path(), "").await;
    let at = server.at;
    let mut there = alice.sign_in(at).await;
    let ticket = BASE64.encode(&circle_ticket);
    there
        .ask(&format!("USR 5 SHA A {ticket}"), "USR 5 OK")
        .await;
    let list = "<ml l=\"1\"><d n=\"example.com\"><c n=\"bob\" l=\"3\" t=\"1\"/></d></ml>";
    let line = format!("ADL 6 {}\r\n{list}", list.len());
    there.send(line.as_bytes()).await;
    there.until("ADL 6 OK").await;
    let (after, _) = everything(at, &alice, &bob, &circle).await;
    for (name, text) in &before {
        assert_eq!(&after[name], text, "{name} is another after {end:?}");
    }
    assert_eq!(fetch_picture(at, &picture).await, tile());

    // What is known is not sent again, and what is new is newer.
    let lists = |stamp: &str| {
        format!(
            "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types></serviceFilter>\
             <View>Full</View><deltasOnly>true</deltasOnly><lastChange>{stamp}</lastChange>"
        )
    };
    let pages = |stamp: &str| {
        format!(
            "<filterOptions><DeltasOnly>true</DeltasOnly><LastChanged>{stamp}</LastChanged>\
             <ContactFilter><IncludeHiddenContacts>true</IncludeHiddenContacts></ContactFilter>\
             </filterOptions>"
        )
    };
    let delta = alice
        .sharing(at, "FindMembership", &lists(&list_stamp))
        .await;
    assert_eq!(delta.count("Member"), 0, "{delta:?}");
    let delta = alice.page(at, &pages(&book_stamp)).await;
    assert_eq!(
        delta.of("Contact", "contactType", "Live", "contactId"),
        None
    );
    assert_eq!(delta.count("groupId"), 0, "{delta:?}");
    alice
        .book(at, "ABContactAdd", &adding("dave@example.com"))
        .await;
    let delta = alice
        .sharing(at, "FindMembership", &lists(&list_stamp))
        .await;
    assert_eq!(
        delta.texts("PassportName"),
        ["dave@example.com"],
        "{delta:?}"
    );
    assert!(last_change(&delta, "Service") > list_stamp);
    let delta = alice.page(at, &pages(&book_stamp)).await;
    let dave = delta.of("Contact", "passportName", "dave@example.com", "contactId");
    assert!(dave.is_some(), "{delta:?}");
    let bob = delta.of("Contact", "passportName", "bob@example.com", "contactId");
    assert_eq!(bob, None, "{delta:?}");
    assert!(last_change(&delta, "Ab") > book_stamp);
}

/// Gives Alice everything that somebody can have, and Bob a share of it.
async fn furnish(at: Addresses, alice: &Tickets, bob: &Tickets) -> String {
    let added = adding("bob@example.com");
    let added = alice.book(at, "ABContactAdd", &added).await;
    let id = added.text("guid").unwrap();
    let who = format!("<contactId>{id}</contactId>");
    let friends = alice
        .book(at, "ABGroupAdd", &group("Friends &amp; others"))
        .await;
    let friends = friends.text("guid").unwrap();
    let both = format!(
        "{OWN_BOOK}<groupFilter><groupIds><guid>{friends}</guid></groupIds></groupFilter>\
         <contacts><Contact>{who}</Contact></contacts>"
    );
    alice.book(at, "ABGroupContactAdd", &both).await;
    let gone = alice.book(at, "ABGroupAdd", &group("Gone")).await;
    let filter = format!(
        "{OWN_BOOK}<groupFilter><groupIds><guid>{}</guid></groupIds></groupFilter>",
        gone.text("guid").unwrap()
    );
    alice.book(at, "ABGroupDelete", &filter).await;
    for (who, name, value) in [
        (who.as_str(), "AB.NickName", "Bobby"),
        ("", "MSN.IM.BLP", "2"),
        ("", "Live.Locale", "cy-GB"),
    ] {
        alice
            .book(at, "ABContactUpdate", &note(who, name, value))
            .await;
    }
    let blocked = member("Block", "carol@example.com");
    alice.sharing(at, "AddMember", &blocked).await;

    let made = alice.sharing(at, "CreateCircle", &circle("Hiking")).await;
    let circle = made.text("Id").unwrap();
    let who = format!(
        "{}<contactHandle><Email>bob@example.com</Email><Puid>0</Puid><Cid>0</Cid>\
         <CircleId>00000000-0000-0000-0000-000000000000</CircleId></contactHandle>",
        handle(&circle)
    );
    let named = alice.book(at, "CreateContact", &who).await;
    let named = named.text("contactId").unwrap();
    let invitation = format!("{}{}", handle(&circle), connection(&named, 3));
    alice.book(at, "ManageWLConnection", &invitation).await;
    let page = bob.page(at, "").await;
    let invited = page.of("Contact", "contactType", "Circle", "contactId");
    let answer = connection(&invited.unwrap(), 0);
    bob.book(at, "ManageWLConnection", &answer).await;

    for text in ["read", "deleted", "unread"] {
        alice.try_leave(at, "bob", text).await.unwrap();
    }
    let listed = bob.mail(at, "GetMetadata", "").await;
    let ids = listed.texts("I");
    let read = format!(
        "<messageId>{}</messageId><alsoMarkAsRead>true</alsoMarkAsRead>",
        ids[0]
    );
    bob.mail(at, "GetMessage", &read).await;
    let deleted = format!("<messageIds><messageId>{}</messageId></messageIds>", ids[1]);
    bob.mail(at, "DeleteMessages", &deleted).await;

    let profile = "<profile><ExpressionProfile><FreeText>Update</FreeText>\
                   <DisplayName>Alice &amp; co</DisplayName><PersonalStatus>at sea\
                   </PersonalStatus><Flags>0</Flags></ExpressionProfile></profile>";
    alice.storage(at, "UpdateProfile", profile).await;
    let document = format!(
        "<parentHandle><RelationshipName>/UserTiles</RelationshipName>{}</parentHandle>\
         <document xsi:type=\"Photo\"><Name>me.png</Name><DocumentStreams>\
         <DocumentStream xsi:type=\"PhotoStream\"><DocumentStreamType>UserTileStatic\
         </DocumentStreamType><MimeType>png</MimeType><Data>{}</Data><DataSize>0</DataSize>\
         </DocumentStream></DocumentStreams></document>\
         <relationshipName>Messenger User Tile</relationshipName>",
        alias(&alice.page(at, "").await),
        BASE64.encode(tile())
    );
    let photo = alice.storage(at, "CreateDocument", &document).await;
    let photo = photo.text("CreateDocumentResult").unwrap();
    let (owner, _) = photo.split_once('!').unwrap();
    let shown = format!(
        "<relationships><Relationship><SourceID>{owner}!118</SourceID>\
         <SourceType>SubProfile</SourceType><TargetID>{photo}</TargetID>\
         <TargetType>Photo</TargetType><RelationshipName>ProfilePhoto</RelationshipName>\
         </Relationship></relationships>"
    );
    alice.storage(at, "CreateRelationships", &shown).await;
    circle
}

/// Everything that the two can read, without what is new with every answer; and where Alice's
/// picture is, which is signed with every answer anew.
async fn everything(
    at: Addresses,
    alice: &Tickets,
    bob: &Tickets,
    circle: &str,
) -> (BTreeMap<&'static str, String>, String) {
    let here = at.http.to_string();
    let steady = |answer: &Answer| {
        let text = answer.payload().unwrap().replace(&here, "HERE");
        match text.split_once("<CircleTicket>") {
            Some((start, rest)) => {
                let (_, end) = rest.split_once("</CircleTicket>").unwrap();
                format!("{start}{end}")
            }
            None => text,
        }
    };
    let book = alice.page(at, "").await;
    let circles = alice.page(at, &handle(circle)).await;
    let lists = alice.sharing(at, "FindMembership", "").await;
    let profile = format!(
        "<profileHandle>{}<RelationshipName>MyProfile</RelationshipName></profileHandle>",
        alias(&book)
    );
    let profile = alice.storage(at, "GetProfile", &profile).await;
    let letters = bob.letters(at).await;
    for (answer, texts) in [
        (
            &book,
            &["Friends &amp; others", "Bobby", "cy-GB", "Hiking"][..],
        ),
        (&circles, &["alice@example.com", "bob@example.com"]),
        (&lists, &["carol@example.com", "bob@example.com"]),
        (&profile, &["Alice &amp; co", "at sea", "PreAuthURL"]),
    ] {
        for text in texts {
            assert!(answer.body.contains(text), "no {text} in {answer:?}");
        }
    }
    let in_it = circles.of("Contact", "passportName", "bob@example.com", "contactType");
    assert_eq!(in_it.as_deref(), Some("Live"));
    let expected = [("1", "read"), ("0", "unread")];
    assert_eq!(
        letters,
        expected.map(|(state, text)| (state.to_owned(), text.to_owned()))
    );
    let profile = steady(&profile);
    let (_, picture) = profile.split_once("<PreAuthURL>http://HERE").unwrap();
    let (picture, _) = picture.split_once('<').unwrap();
    let (_, signature) = picture.rsplit_once('/').unwrap();
    let parts = BTreeMap::from([
        ("book", steady(&book)),
        (
            "whole book",
            steady(&alice.book(at, "ABFindAll", OWN_BOOK).await),
        ),
        ("circle", steady(&circles)),
        ("lists", steady(&lists)),
        ("profile", profile.replace(signature, "SIGNATURE")),
        ("messages", steady(&bob.mail(at, "GetMetadata", "").await)),
        ("book of the other", steady(&bob.page(at, "").await)),
        (
            "lists of the other",
            steady(&bob.sharing(at, "FindMembership", "").await),
        ),
    ]);
    (parts, picture.to_owned())
}

/// How storage is told whose profile is meant.
fn alias(book: &Answer) -> String {
    let cid = book.text("OwnerCID").unwrap();
    format!("<Alias><Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias>")
}

/// When something was changed last: the last such element of the part that the client keeps.
pub(crate) fn last_change(answer: &Answer, part: &str) -> String {
    let document = roxmltree::Document::parse(&answer.body).unwrap();
    let part = document
        .descendants()
        .find(|node| node.tag_name().name() == part)
        .unwrap();
    let stamp = part
        .children()
        .find(|node| node.tag_name().name().eq_ignore_ascii_case("lastChange"));
    stamp.unwrap().text().unwrap().to_owned()
}

fn tile() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(96, 96)
        .write_to(&mut bytes, image::ImageFormat::Bmp)
        .unwrap();
    bytes.into_inner()
}

/// Fetches a picture from where a profile said that it is.
async fn fetch_picture(at: Addresses, path: &str) -> Vec<u8> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(at.http).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let body = bytes.split_off(end + 4);
    assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{}", printable(&bytes));
    body
}
