//! Windows Live Messenger 2009 (MSNP18): `RST2.srf`, the machine in the sign-in, the list in
//! pages and then in changes alone, messages for people who are not there over the line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::browser::Browser;
use super::greeting::Greeting;
use super::line::Line;
use super::mail::{NEWER, Post, fetch, waiting};
use super::passport::{TICKET_GRANTING, Tickets, Trust, is_refused, sign_in};
use super::services::{Book, OWN_BOOK, Storage, contact, list_chunks, lists, me, member, one};
use super::{
    Config, NUDGE, PICTURE, Site, check_config, check_deletion, check_profile, document, good,
    look_around, new_tile, open_mail, piece, tells, tile, town, typed, typing,
};
use crate::support::soap::{ADDRESS_BOOK, Answer, escape};

const AGENT: &str = "MSN Explorer/9.0 (MSN 8.0; TmstmpExt)";
const LOGIN: &str = "https://login.live.com:443//RST2.srf";
const CONFIG: &str = "http://config.messenger.msn.com/Config/MsgrConfig.asmx?op=GetClientConfig\
                      &Country=US&CLCID=0409&PLCID=0409&GeoID=244&ver=14.0.8117.0416";
const APPLICATION: &str = "AAD9B99B-58E6-4F23-B975-D9EC1F9EC24A";
pub(super) const CAPABILITIES: &str = "2789003324:48";
pub(super) const MACHINE: &str = "{7b1d6f0a-9c35-4c43-8d6e-2f5a1c0b9e77}";
const STORAGE: &str = "http://www.msn.com/webservices/storage/2008";
const SERVICES: [(&str, &str); 7] = [
    TICKET_GRANTING,
    ("messengerclear.live.com", "MBI_KEY_OLD"),
    ("messenger.msn.com", "?id=507"),
    ("messengersecure.live.com", "MBI_SSL"),
    ("contacts.msn.com", "MBI"),
    ("storage.msn.com", "MBI"),
    ("sup.live.com", "MBI"),
];

const GREETING: Greeting = Greeting {
    dialect: 18,
    product: Some("PROD0120PW!CCV9@"),
    offer: "MSNP18 MSNP17 CVR0",
    agreed: "MSNP18",
    program: "0x0409 winnt 6.0.0 i386 MSNMSGR 14.0.8117.0416 msmsgs",
    build: "14.0.8117.0416",
    method: "SSO",
};

/// What the client has kept of its list since the last time.
#[derive(Debug, Default)]
pub(super) struct Kept {
    memberships: String,
    contacts: String,
}

/// The client between two clicks of its owner.
pub(super) struct Client {
    pub(super) ns: Line,
    address: String,
    tickets: Tickets,
    book: Book,
    config: Config,
    pub(super) memberships: Answer,
    pub(super) contacts: Answer,
}

/// Up to the list, which comes from another program (`wlcomm.exe`).
pub(super) async fn arrive(
    site: &Site,
    browser: &mut Browser,
    who: &'static str,
    kept: Option<&Kept>,
) -> Client {
    let address = format!("{who}@example.com");
    let config = check_config(&good(browser.get(CONFIG).await).body);
    let mut ns = GREETING.find_server(site, who).await;
    let policies = ns.reads("GCF 0 *").await;
    assert!(
        policies.starts_with("<Policies><Policy type=\"SHIELDS\""),
        "{policies}"
    );
    let question = ns.sees("USR # SSO S MBI_KEY_OLD *").await;
    assert_eq!(question[5].len(), 64, "{question:?}");
    let tickets = sign_in(browser, LOGIN, Trust::Second, &address, &SERVICES).await;
    let ticket = tickets.of("messengerclear.live.com");
    let proof = tickets.proof(&question[5]);
    let answer = format!("SSO S {ticket} {proof} {MACHINE}");
    ns.does("USR", &answer, &format!("USR # OK {address} 1 0"))
        .await;
    ns.sees("SBS 0 null").await;
    let profile = ns.reads("MSG Hotmail Hotmail *").await;
    check_profile(&profile, &address, &tickets);
    assert!(profile.contains("\r\nMPOPEnabled: 1\r\n"), "{profile}");
    ns.sees(&format!("UBX 1:{address} 0")).await;

    // Its tokens come without what stands behind them.
    let (ticket, _) = tickets.of("contacts.msn.com").split_once("&p=").unwrap();
    let mut book = Book::new(config.address_book(), APPLICATION, ticket);
    let (memberships, contacts) = pull(&mut book, browser, "Initial", kept).await;
    Client {
        ns,
        address,
        tickets,
        book,
        config,
        memberships,
        contacts,
    }
}

/// Fetches the list: all of it, or what has changed since.
async fn pull(
    book: &mut Book,
    browser: &mut Browser,
    scenario: &str,
    kept: Option<&Kept>,
) -> (Answer, Answer) {
    let types: String = ["Messenger", "SocialNetwork", "Space", "Profile"]
        .iter()
        .map(|one| format!("<ServiceType>{one}</ServiceType>"))
        .collect();
    let since = kept.map_or_else(String::new, |kept| {
        format!(
            "<View>Full</View><deltasOnly>true</deltasOnly><lastChange>{}</lastChange>",
            kept.memberships
        )
    });
    let wanted = format!("<serviceFilter><Types>{types}</Types></serviceFilter>{since}");
    let memberships = book
        .sharing(browser, scenario, "FindMembership", &wanted)
        .await;
    let since = kept.map_or_else(
        || "<DeltasOnly>false</DeltasOnly>".to_owned(),
        |kept| {
            format!(
                "<DeltasOnly>true</DeltasOnly><LastChanged>{}</LastChanged>",
                kept.contacts
            )
        },
    );
    let wanted = format!(
        "<filterOptions>{since}<ContactFilter><IncludeHiddenContacts>true\
         </IncludeHiddenContacts></ContactFilter></filterOptions>\
         <abView>MessengerClient8</abView>\
         <extendedContent>AB AllGroups CircleResult</extendedContent>"
    );
    let contacts = book
        .book(browser, scenario, "ABFindContactsPaged", &wanted)
        .await;
    (memberships, contacts)
}

/// What the client sends back next time.
fn keep(memberships: &Answer, contacts: &Answer) -> Kept {
    let last = |answer: &Answer, outer: &str, key: &str, text: &str, name: &str| {
        let found = answer.of(outer, key, text, name);
        found.unwrap_or_else(|| panic!("no {name} in {answer:?}"))
    };
    Kept {
        memberships: last(memberships, "Service", "Type", "Messenger", "LastChange"),
        contacts: last(contacts, "Ab", "fDefault", "true", "lastChange"),
    }
}

/// What the client shows of itself, in two parts: for others and for its owner's other places.
pub(super) async fn appear(client: &mut Client, name: &str) {
    let Client {
        ns,
        address,
        contacts,
        ..
    } = client;
    let ticket = BASE64.encode(contacts.text("CircleTicket").unwrap());
    ns.does(
        "USR",
        &format!("SHA A {ticket}"),
        &format!("USR # OK {address} 0 0"),
    )
    .await;
    ns.sets("BLP", "AL").await;
    ns.sets("PRP", &format!("MFN {name}")).await;
    let place = "<PrivateEndpointData><EpName>LAPTOP</EpName><Idle>false</Idle>\
                 <ClientType>1</ClientType><State>NLN</State></PrivateEndpointData>";
    ns.puts("UUX", "", place, "UUX # 0").await;
    let able = format!("<EndpointData><Capabilities>{CAPABILITIES}</Capabilities></EndpointData>");
    ns.puts("UUX", "", &able, "UUX # 0").await;
    ns.sets("CHG", &format!("NLN {CAPABILITIES} {PICTURE}"))
        .await;
}

async fn tell_words(ns: &mut Line) {
    let words = "<Data><PSM>at &#x3C;work&#x3E;</PSM><CurrentMedia></CurrentMedia><MachineGuid>\
                 &#x7B;7B1D6F0A-9C35-4C43-8D6E-2F5A1C0B9E77&#x7D;</MachineGuid>\
                 <DDP></DDP><SignatureSound></SignatureSound><Scene></Scene>\
                 <ColorScheme>-3</ColorScheme></Data>";
    ns.puts("UUX", "", words, "UUX # 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evening_with_windows_live_messenger_2009() {
    let site = town(true).await;
    let mut bob = site.friend("bob", 15).await;
    let mut browser = site.browser(AGENT);
    is_refused(&mut browser, LOGIN, Trust::Second, "alice@example.com").await;
    let mut client = arrive(&site, &mut browser, "alice", None).await;
    let everybody = lists(&client.memberships, &client.contacts);
    assert_eq!(everybody.len(), 101);
    assert_eq!(everybody["bob@example.com"], 11);
    let cid = me(&client.contacts, "CID").unwrap();
    let mut kept = keep(&client.memberships, &client.contacts);
    let chunks = list_chunks(&everybody);
    assert!(chunks.len() > 1, "{chunks:?}");
    for chunk in &chunks {
        client.ns.brings("ADL", "", chunk).await;
    }
    client.ns.sees("ADL * OK").await;
    client.ns.sees("ADL # OK").await;
    appear(&mut client, "alice").await;
    let ns = &mut client.ns;
    ns.sees("NLN NLN 1:bob@example.com bob 2147483684:0 0")
        .await;
    ns.sees("UBX 1:bob@example.com 0").await;
    let notice = ns.reads("MSG Hotmail Hotmail *").await;
    assert!(waiting(&notice).is_empty(), "{notice}");
    let seen = format!("NLN NLN alice@example.com 1 alice 2789003324 {PICTURE}");
    bob.sees(&seen).await;
    bob.sees("UBX alice@example.com 1 0").await;
    tell_words(ns).await;
    let words = bob.reads("UBX alice@example.com 1 *").await;
    assert!(
        words.contains("<MachineGuid>") && !words.contains("Endpoint"),
        "{words}"
    );
    let form = ns.does("URL", "INBOX", "URL # * * *").await;
    open_mail(&mut browser, &form).await;

    // The profile, the picture, and what is new.
    let storage = Storage {
        namespace: STORAGE,
        host: "storage.msn.com",
        application: "Messenger Client 9.0",
        ticket: client.tickets.of("storage.msn.com"),
    };
    let profile = storage.profile(&mut browser, &cid).await;
    assert_eq!(profile.text("DisplayName").as_deref(), Some("alice"));
    let id = new_tile(&storage, &mut browser, &cid, &tile(48)).await;
    let picture = tile(96);
    let document = document(
        &format!("<ResourceID>{id}</ResourceID><Name>Soccer</Name>"),
        &picture,
    );
    storage
        .call(
            &mut browser,
            "RoamingIdentityChanged",
            "UpdateDocument",
            &document,
        )
        .await;
    let profile = storage.profile(&mut browser, &cid).await;
    let url = profile.text("PreAuthURL").unwrap();
    assert!(url.starts_with(super::WEB), "{url}");
    let token = client.tickets.bare("storage.msn.com");
    let (head, bytes) = browser
        .file(&format!("{url}?t={}", escape_query(token)))
        .await;
    assert_eq!(bytes, picture, "{head}");
    note(&mut browser, &client.book).await;
    whats_new(&mut browser, &client.tickets, &cid).await;
    look_around(&mut browser, &client.config).await;

    // Carol is invited; she has an older client, and takes alice onto her list.
    let mut carol = site.friend("carol", 12).await;
    let wanted = contact(
        "<contactInfo><contactType>LivePending</contactType>\
         <passportName>carol@example.com</passportName><isMessengerUser>true</isMessengerUser>\
         <MessengerMemberInfo><PendingAnnotations><Annotation>\
         <Name>MSN.IM.InviteMessage</Name><Value>It is me</Value></Annotation>\
         </PendingAnnotations><DisplayName>alice</DisplayName></MessengerMemberInfo>\
         </contactInfo>",
    ) + "<options><EnableAllowListManagement>true</EnableAllowListManagement></options>";
    let book = &mut client.book;
    let added = book
        .book(&mut browser, "ContactMsgrAPI", "ABContactAdd", &wanted)
        .await;
    let carols_id = added.text("guid").unwrap();
    carol.sees("ADC 0 RL N=alice@example.com F=alice").await;
    ns.is_quiet().await;
    ns.brings("FQY", "", &one("carol@example.com", "")).await;
    ns.sees_with("FQY # *", &one("carol@example.com", " t=\"1\" "))
        .await;
    ns.puts(
        "ADL",
        "",
        &one("carol@example.com", " l=\"3\" t=\"1\""),
        "ADL # OK",
    )
    .await;
    ns.sees("NLN NLN 1:carol@example.com carol 1342558252:0 0")
        .await;
    ns.sees("UBX 1:carol@example.com 0").await;
    carol.sets("ADC", "AL N=alice@example.com").await;
    carol
        .does(
            "ADC",
            "FL N=alice@example.com F=alice",
            "ADC # FL N=alice@example.com F=alice *",
        )
        .await;
    carol
        .sees(&format!(
            "ILN # NLN alice@example.com alice 2789003324 {PICTURE}"
        ))
        .await;
    carol.sees("UBX alice@example.com *").await;
    let pushed = one("carol@example.com", " t=\"1\" l=\"8\" f=\"carol\" ");
    ns.sees_with("ADL 0 *", &pushed).await;
    let notice = ns.reads("NOT *").await;
    assert!(
        notice.contains(&format!("&lt;CID&gt;{cid}&lt;/CID&gt;")),
        "{notice}"
    );
    assert!(notice.contains("siteid=\"45705\""), "{notice}");
    // The notice makes the client ask for what has changed, and nothing else comes.
    let scenario = "ABChangeNotifyAlert";
    let (memberships, contacts) = pull(book, &mut browser, scenario, Some(&kept)).await;
    let role = memberships.of("Membership", "MemberRole", "Reverse", "PassportName");
    assert_eq!(
        role.as_deref(),
        Some("carol@example.com"),
        "{memberships:?}"
    );
    assert_eq!(
        memberships.text("MembershipIsComplete").as_deref(),
        Some("false")
    );
    assert!(!memberships.body.contains("colleague"), "{memberships:?}");
    let found = contacts.of("Contact", "passportName", "carol@example.com", "contactId");
    assert_eq!(found, Some(carols_id.clone()), "{contacts:?}");
    assert!(!contacts.body.contains("colleague"), "{contacts:?}");
    kept = keep(&memberships, &contacts);

    chat(&site, ns, &mut bob).await;

    // Bob leaves, and is written to over the line.
    bob.leaves().await;
    ns.sees("FLN 1:bob@example.com 0:0").await;
    ns.puts(
        "UUM",
        "bob@example.com 1 1",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
         X-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; CS=1; PF=0\r\nDest-Agent: client\r\n\r\n\
         Where are you, Bob?",
        "UUM # OK",
    )
    .await;
    let mut bob = site.friend_without_status("bob", 15).await;
    bob.sets("CHG", "NLN 2147483684").await;
    bob.sees(&seen.replacen("NLN", "ILN #", 1)).await;
    bob.sees_with("UBX alice@example.com 1 *", &words).await;
    let notice = bob.reads("MSG Hotmail Hotmail *").await;
    let letters = waiting(&notice);
    assert_eq!(letters.len(), 1, "{notice}");
    ns.sees("NLN NLN 1:bob@example.com bob 2147483684:0 0")
        .await;
    ns.sees("UBX 1:bob@example.com 0").await;
    let mut bobs = site.browser("MSMSGS");
    let wishes = [
        TICKET_GRANTING,
        ("messenger.msn.com", "?id=507"),
        ("messengersecure.live.com", "MBI_SSL"),
    ];
    let login = "https://login.live.com/RST.srf";
    let his = sign_in(&mut bobs, login, Trust::First, "bob@example.com", &wishes).await;
    let token = his.bare("messenger.msn.com");
    let texts = fetch(&mut bobs, token, &letters).await;
    assert_eq!(texts, ["Where are you, Bob?"]);
    // He is signed in with another ticket as well, and hears there that the message is gone.
    check_deletion(&bob.reads("MSG Hotmail Hotmail *").await, 1);

    // A new name, in the profile and the book and on the line.
    let wanted = format!(
        "<profile><ResourceID>{}!106</ResourceID><ExpressionProfile><FreeText>Update</FreeText>\
         <DisplayName>Ally &lt;3</DisplayName><Flags>0</Flags></ExpressionProfile></profile>\
         <profileAttributesToDelete><ExpressionProfileAttributes>\
         <PersonalStatus>true</PersonalStatus></ExpressionProfileAttributes>\
         </profileAttributesToDelete>",
        client.tickets.cid
    );
    ns.sets("PRP", "MFN Ally%20%3C3").await;
    storage
        .call(
            &mut browser,
            "RoamingIdentityChanged",
            "UpdateProfile",
            &wanted,
        )
        .await;
    let wanted = contact(
        "<contactInfo><contactType>Me</contactType><displayName>Ally &lt;3</displayName>\
         <annotations><Annotation><Name>MSN.IM.RoamLiveProperties</Name><Value>1</Value>\
         </Annotation></annotations></contactInfo>\
         <propertiesChanged>DisplayName Annotation</propertiesChanged>",
    );
    book.book(&mut browser, "PrivacyApply", "ABContactUpdate", &wanted)
        .await;
    let seen = seen.replace(" alice 2789003324 ", " Ally%20%3C3 2789003324 ");
    bob.sees(&seen).await;
    bob.sees("UBX alice@example.com 1 *").await;
    carol
        .sees(&format!(
            "NLN NLN alice@example.com Ally%20%3C3 2789003324 {PICTURE}"
        ))
        .await;
    carol.sees("UBX alice@example.com *").await;

    // Carol is blocked, and the favourite group is made.
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
    carol.sees("FLN alice@example.com").await;
    for (operation, role) in [("DeleteMember", "Allow"), ("AddMember", "Block")] {
        let wanted = member(role, "carol@example.com");
        book.sharing(&mut browser, "BlockUnblock", operation, &wanted)
            .await;
    }
    let wanted = format!(
        "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
         </groupAddOptions><groupInfo><GroupInfo><name>Favorites</name>\
         <groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType>\
         <fMessenger>false</fMessenger><IsFavorite>true</IsFavorite><annotations><Annotation>\
         <Name>MSN.IM.Display</Name><Value>1</Value></Annotation></annotations></GroupInfo>\
         </groupInfo>"
    );
    let group = book
        .book(&mut browser, "Initial", "ABGroupAdd", &wanted)
        .await;
    let group = group.text("guid").unwrap();
    ns.is_quiet().await;
    client.ns.leaves().await;
    bob.sees("FLN alice@example.com 1 0").await;
    bob.is_quiet().await;
    carol.is_quiet().await;
    let post = Post {
        from: "bob@example.com",
        dialect: "MSNP15",
        build: "8.1.0178",
        product: "PROD0113H11T8$X_",
        namespace: NEWER,
        operation: "Store2",
    };
    let ticket = his.of("messengersecure.live.com");
    let texts = ["Call me, \u{e9}h?", "Or write."];
    post.leave(&mut bobs, ticket, "alice@example.com", &texts)
        .await;

    // The next evening the client asks only for what has changed.
    let mut client = arrive(&site, &mut browser, "alice", Some(&kept)).await;
    let members = |role: &str| {
        let found = client
            .memberships
            .of("Membership", "MemberRole", role, "Member");
        found.map(|_| {
            let name = client
                .memberships
                .of("Membership", "MemberRole", role, "PassportName");
            let gone = client
                .memberships
                .of("Membership", "MemberRole", role, "Deleted");
            (name.unwrap(), gone.unwrap())
        })
    };
    let carol_is = |deleted: &str| Some(("carol@example.com".to_owned(), deleted.to_owned()));
    assert_eq!(
        members("Allow"),
        carol_is("true"),
        "{:?}",
        client.memberships
    );
    assert_eq!(
        members("Block"),
        carol_is("false"),
        "{:?}",
        client.memberships
    );
    assert!(!client.memberships.body.contains("colleague"));
    assert!(!client.contacts.body.contains("colleague"));
    let favourite = client.contacts.of("Group", "groupId", &group, "IsFavorite");
    assert_eq!(favourite.as_deref(), Some("true"), "{:?}", client.contacts);
    assert_eq!(
        me(&client.contacts, "displayName").as_deref(),
        Some("Ally <3")
    );
    // It puts that together with what it kept; the list as a whole is the same.
    let (memberships, contacts) = pull(&mut client.book, &mut browser, "Initial", None).await;
    let everybody = lists(&memberships, &contacts);
    assert_eq!(everybody.len(), 102);
    assert_eq!(everybody["bob@example.com"], 11);
    assert_eq!(everybody["carol@example.com"], 13);
    for chunk in &list_chunks(&everybody) {
        client.ns.puts("ADL", "", chunk, "ADL # OK").await;
    }
    appear(&mut client, "Ally%20%3C3").await;
    let Client {
        mut ns, tickets, ..
    } = client;
    ns.sees_people(&[
        (
            "NLN NLN 1:bob@example.com bob 2147483684:0 0",
            "UBX 1:bob@example.com 0",
        ),
        (
            "NLN NLN 1:carol@example.com carol 1342558252:0 0",
            "UBX 1:carol@example.com 0",
        ),
    ])
    .await;
    let notice = ns.reads("MSG Hotmail Hotmail *").await;
    let letters = waiting(&notice);
    assert_eq!(letters[0].1, "bob@example.com");
    let token = tickets.bare("messenger.msn.com");
    let texts = fetch(&mut browser, token, &letters).await;
    assert_eq!(texts, ["Call me, \u{e9}h?", "Or write."]);
    let storage = Storage {
        ticket: tickets.of("storage.msn.com"),
        ..storage
    };
    let profile = storage.profile(&mut browser, &cid).await;
    assert_eq!(profile.text("DisplayName").as_deref(), Some("Ally <3"));
    assert_eq!(profile.count("PersonalStatus"), 0, "{profile:?}");
    let (_, bytes) = browser
        .file(&profile.text("StaticUserTilePublicURL").unwrap())
        .await;
    assert_eq!(bytes, picture);
    ns.is_quiet().await;
    carol.is_quiet().await;
    site.close().await;
}

/// A conversation: the client calls its own other places first.
async fn chat(site: &Site, ns: &mut Line, bob: &mut Line) {
    let key = ns
        .does("XFR", "SB", "XFR # SB * CKI * U messenger.msn.com 1")
        .await;
    let mut room = site.follow("alice", &key[3], ns.dialect()).await;
    let handle = format!("alice@example.com;{MACHINE}");
    room.does(
        "USR",
        &format!("{handle} {}", key[5]),
        &format!("USR # OK {handle} alice"),
    )
    .await;
    room.does("CAL", "alice@example.com", "CAL # RINGING *")
        .await;
    room.sees(&format!("JOI {handle} alice {CAPABILITIES}"))
        .await;
    ns.is_quiet().await;
    let call = room.does("CAL", "bob@example.com", "CAL # RINGING *").await;
    let ring = bob
        .sees("RNG * * CKI * alice@example.com alice U messenger.msn.com 1")
        .await;
    assert_eq!(ring[1], call[3]);
    let mut seat = site.follow("bob", &ring[2], bob.dialect()).await;
    seat.asks("ANS", &format!("bob@example.com {} {}", ring[4], ring[1]))
        .await;
    seat.sees("IRO # 1 1 alice@example.com alice 2789003324")
        .await;
    seat.sees("ANS # OK").await;
    room.sees("JOI bob@example.com bob 2147483684:0").await;
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
    let words = typed("Segoe%20UI", "Hello Bob, \u{e7}a va?");
    tells(&mut room, alice, "N", &words, &mut seat).await;
    tells(
        &mut seat,
        his,
        "N",
        &typed("MS%20Shell%20Dlg", "\u{1f600}"),
        &mut room,
    )
    .await;
    tells(&mut seat, his, "N", NUDGE, &mut room).await;
    tells(&mut room, alice, "A", NUDGE, &mut seat).await;
    seat.leaves().await;
    room.sees("BYE bob@example.com").await;
    room.leaves().await;
}

/// The note in the book that there is a new picture, which is passed over when it is refused
/// (`docs/protocol/12 §5`).
async fn note(browser: &mut Browser, book: &Book) {
    let wanted = format!(
        "{OWN_BOOK}<dynamicItems><DynamicItem xsi:type=\"PassportDynamicItem\">\
         <Type>Passport</Type><PassportName>alice@example.com</PassportName><Notifications>\
         <NotificationData><StoreService><Info><Handle><Id>0</Id><Type>Profile</Type>\
         <ForeignId>MyProfile</ForeignId></Handle><InverseRequired>false</InverseRequired>\
         <IsBot>false</IsBot></Info><Changes /><LastChange>0001-01-01T00:00:00</LastChange>\
         <Deleted>false</Deleted></StoreService><Status>Exist Access</Status>\
         <Gleam>false</Gleam><InstanceId>0</InstanceId></NotificationData></Notifications>\
         <Changes>Notifications</Changes></DynamicItem></dynamicItems>"
    );
    let scenario = "RoamingIdentityChanged";
    let refused = book
        .try_book(browser, scenario, "UpdateDynamicItem", &wanted)
        .await;
    assert_eq!(refused.fault().as_deref(), Some("Forbidden"), "{refused:?}");
}

/// The pane at the foot of the window (`docs/protocol/12 §7`).
async fn whats_new(browser: &mut Browser, tickets: &Tickets, cid: &str) {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
         <WNApplicationHeader xmlns=\"{ADDRESS_BOOK}\">\
         <ApplicationId>3B119D87-1D76-4474-91AD-0D7267E86D04</ApplicationId>\
         </WNApplicationHeader><WNAuthHeader xmlns=\"{ADDRESS_BOOK}\"><TicketToken>{}\
         </TicketToken></WNAuthHeader></soap:Header><soap:Body>\
         <GetContactsRecentActivity xmlns=\"{ADDRESS_BOOK}\"><entityHandle><Cid>{cid}</Cid>\
         </entityHandle><locales><string>en-US</string></locales><count>50</count>\
         </GetContactsRecentActivity></soap:Body></soap:Envelope>",
        escape(tickets.of("sup.live.com"))
    );
    let action = format!("SOAPAction: \"{ADDRESS_BOOK}/GetContactsRecentActivity\"\r\n");
    let url = "http://sup.live.com/whatsnew/whatsnewservice.asmx";
    let news = good(browser.post(url, &action, &body).await);
    assert_eq!(news.count("GetContactsRecentActivityResult"), 1, "{news:?}");
}

/// A token as it stands behind an address.
fn escape_query(token: &str) -> String {
    percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC).to_string()
}
