//! Windows Live Messenger 8.1 (MSNP15): single sign-on with tickets for seven services, the list
//! over SOAP in one answer, the profile in the language of its time.

use super::browser::Browser;
use super::greeting::Greeting;
use super::line::Line;
use super::mail::{NEWER, OLDER, Post, fetch, waiting};
use super::passport::{TICKET_GRANTING, Tickets, Trust, is_refused, sign_in};
use super::services::{Book, OWN_BOOK, Storage, contact, list_chunks, lists, me, member, one};
use super::{
    Config, NUDGE, PICTURE, Site, check_config, check_deletion, check_profile, good, look_around,
    new_tile, open_mail, piece, tells, tile, town, typed, typing,
};
use crate::support::soap::Answer;

const AGENT: &str = "MSN Explorer/9.0 (MSN 8.0; TmstmpExt)";
const LOGIN: &str = "https://login.live.com/RST.srf";
const CONFIG: &str = "http://config.messenger.msn.com/Config/MsgrConfig.asmx?op=GetClientConfig\
                      &Country=US&CLCID=0409&PLCID=0409&GeoID=244&ver=8.1.0178";
const APPLICATION: &str = "3794391A-4816-4BAC-B34B-6EC7FB5046C6";
pub(super) const CAPABILITIES: &str = "1879474220";
const STORAGE: &str = "http://www.msn.com/webservices/storage/w10";
const SERVICES: [(&str, &str); 7] = [
    TICKET_GRANTING,
    ("messengerclear.live.com", "MBI_KEY_OLD"),
    ("messenger.msn.com", "?id=507"),
    ("contacts.msn.com", "MBI"),
    ("messengersecure.live.com", "MBI_SSL"),
    ("spaces.live.com", "MBI"),
    ("storage.msn.com", "MBI"),
];
const GREETING: Greeting = Greeting {
    dialect: 15,
    product: Some(POST.product),
    offer: "MSNP15 MSNP14 MSNP13 CVR0",
    agreed: "MSNP15",
    program: "0x0409 winnt 5.1 i386 MSNMSGR 8.1.0178 msmsgs",
    build: "8.1.0178",
    method: "SSO",
};
/// What alice leaves for bob.
const TEXTS: [&str; 2] = ["Where are you, Bob?", "It is late, \u{e9}h?"];
const POST: Post = Post {
    from: "alice@example.com",
    dialect: "MSNP15",
    build: "8.1.0178",
    product: "PROD0113H11T8$X_",
    namespace: NEWER,
    operation: "Store2",
};

/// The client between two clicks of its owner.
pub(super) struct Client {
    pub(super) ns: Line,
    tickets: Tickets,
    book: Book,
    config: Config,
    pub(super) memberships: Answer,
    pub(super) contacts: Answer,
}

/// Up to the list, which is what the client waits for before it shows itself.
pub(super) async fn arrive(site: &Site, browser: &mut Browser, who: &'static str) -> Client {
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
    let tickets = sign_in(browser, LOGIN, Trust::First, &address, &SERVICES).await;
    let ticket = tickets.of("messengerclear.live.com");
    let proof = tickets.proof(&question[5]);
    ns.does(
        "USR",
        &format!("SSO S {ticket} {proof}"),
        &format!("USR # OK {address} 1 0"),
    )
    .await;
    ns.sees("SBS 0 null").await;
    check_profile(&ns.reads("MSG Hotmail Hotmail *").await, &address, &tickets);

    let ticket = tickets.of("contacts.msn.com");
    let mut book = Book::new(config.address_book(), APPLICATION, ticket);
    let types: String = [
        "Messenger",
        "Invitation",
        "SocialNetwork",
        "Space",
        "Profile",
    ]
    .iter()
    .map(|one| format!("<ServiceType>{one}</ServiceType>"))
    .collect();
    let wanted = format!(
        "<serviceFilter><Types>{types}</Types></serviceFilter><View>Full</View>\
         <deltasOnly>false</deltasOnly><lastChange>0001-01-01T00:00:00.0000000-08:00</lastChange>"
    );
    let memberships = book
        .sharing(browser, "Initial", "FindMembership", &wanted)
        .await;
    let wanted = format!(
        "{OWN_BOOK}<abView>Full</abView><deltasOnly>false</deltasOnly>\
         <dynamicItemView>Gleam</dynamicItemView>\
         <lastChange>0001-01-01T00:00:00.0000000-08:00</lastChange>"
    );
    let contacts = book.book(browser, "Initial", "ABFindAll", &wanted).await;
    Client {
        ns,
        tickets,
        book,
        config,
        memberships,
        contacts,
    }
}

/// A ticket is worth nothing to whoever cannot sign with its key.
async fn is_not_let_in(site: &Site, browser: &mut Browser) {
    let mut ns = GREETING.find_server(site, "alice").await;
    ns.sees("GCF 0 *").await;
    let question = ns.sees("USR # SSO S MBI_KEY_OLD *").await;
    let wishes = &SERVICES[..2];
    let tickets = sign_in(browser, LOGIN, Trust::First, "alice@example.com", wishes).await;
    let others = sign_in(browser, LOGIN, Trust::First, "alice@example.com", wishes).await;
    let ticket = tickets.of("messengerclear.live.com");
    let proof = others.proof(&question[5]);
    ns.does("USR", &format!("SSO S {ticket} {proof}"), "911 #")
        .await;
    ns.ends().await;
}

/// What the client tells of its list, its owner and its status.
pub(super) async fn appear(client: &mut Client) {
    let Client { ns, contacts, .. } = client;
    let privacy = if me(contacts, "MSN.IM.BLP").as_deref() == Some("1") {
        "AL"
    } else {
        "BL"
    };
    ns.sets("BLP", privacy).await;
    let chunks = list_chunks(&lists(&client.memberships, contacts));
    for chunk in &chunks {
        ns.brings("ADL", "", chunk).await;
        ns.sees("ADL # OK").await;
    }
    let name = me(contacts, "displayName").unwrap();
    let name = name.replace(' ', "%20").replace('<', "%3C");
    ns.sets("PRP", &format!("MFN {name}")).await;
    let words = "<Data><PSM>at &#x3C;work></PSM><CurrentMedia></CurrentMedia><MachineGuid>\
                 &#x7B;F52973B6-C926-4BAD-9BA8-7C1E840E4AB0&#x7D;</MachineGuid></Data>";
    ns.puts("UUX", "", words, "UUX # 0").await;
    ns.sets("CHG", &format!("NLN {CAPABILITIES} {PICTURE}"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evening_with_windows_live_messenger_8_1() {
    let site = town(true).await;
    let mut bob = site.friend("bob", 12).await;
    let mut browser = site.browser(AGENT);
    is_refused(&mut browser, LOGIN, Trust::First, "alice@example.com").await;
    is_not_let_in(&site, &mut browser).await;
    let mut client = arrive(&site, &mut browser, "alice").await;
    let everybody = lists(&client.memberships, &client.contacts);
    assert_eq!(everybody.len(), 101);
    assert!(list_chunks(&everybody).len() > 1);
    assert_eq!(everybody["bob@example.com"], 11);
    let group = client
        .contacts
        .of("Group", "name", "Friends", "groupId")
        .unwrap();
    let cid = me(&client.contacts, "CID").unwrap();
    let number: i64 = cid.parse().unwrap();
    assert_eq!(format!("{number:016x}"), client.tickets.cid);
    appear(&mut client).await;
    let ns = &mut client.ns;
    ns.sees("ILN # NLN bob@example.com 1 bob 1342558252 0")
        .await;
    ns.sees("UBX bob@example.com 1 0").await;
    let notice = ns.reads("MSG Hotmail Hotmail *").await;
    assert!(waiting(&notice).is_empty(), "{notice}");
    bob.sees(&format!(
        "NLN NLN alice@example.com alice {CAPABILITIES} {PICTURE}"
    ))
    .await;
    let words = "<Data><PSM>at &lt;work&gt;</PSM><CurrentMedia></CurrentMedia></Data>";
    bob.sees_with("UBX alice@example.com *", words).await;
    let form = ns.does("URL", "INBOX", "URL # * * *").await;
    open_mail(&mut browser, &form).await;

    // The profile roams, and so does the picture.
    let storage = Storage {
        namespace: STORAGE,
        host: "tkrdr.storage.msn.com",
        application: "Messenger Client 8.0",
        ticket: client.tickets.of("storage.msn.com"),
    };
    let profile = storage.profile(&mut browser, &cid).await;
    assert_eq!(profile.text("DisplayName").as_deref(), Some("alice"));
    assert_eq!(profile.count("Photo"), 0, "{profile:?}");
    let picture = tile(96);
    let created = new_tile(&storage, &mut browser, &cid, &picture).await;
    let profile = storage.profile(&mut browser, &cid).await;
    let shown = profile.of(
        "Photo",
        "DocumentStreamType",
        "UserTileStatic",
        "ResourceID",
    );
    assert_eq!(shown, Some(created), "{profile:?}");
    let url = profile.text("StaticUserTilePublicURL").unwrap();
    assert!(url.starts_with(super::WEB), "{url}");
    let (head, bytes) = browser.file(&url).await;
    assert_eq!(bytes, picture, "{head}");
    assert!(head.contains("Content-Type: image/png"), "{head}");
    look_around(&mut browser, &client.config).await;

    // Somebody whom nobody knows is told from somebody who could be added.
    ns.brings("FQY", "", &one("dave@elsewhere.example", ""))
        .await;
    let unknown = ns.reads("FQY # *").await;
    assert!(
        unknown.contains("n=\"dave\"") && !unknown.contains("t=\"1\""),
        "{unknown}"
    );
    let wanted = contact(
        "<contactInfo><passportName>dave@elsewhere.example</passportName>\
         <isMessengerUser>true</isMessengerUser></contactInfo>",
    );
    let refused = client
        .book
        .try_book(&mut browser, "ContactSave", "ABContactAdd", &wanted)
        .await;
    assert_eq!(refused.fault().as_deref(), Some("InvalidPassportUser"));

    // Carol: her network is asked for, then she comes into the book, onto a list, to the line.
    let mut carol = site.friend("carol", 18).await;
    let asked = one("carol@example.com", "");
    let known = one("carol@example.com", " t=\"1\" ");
    ns.brings("FQY", "", &asked).await;
    ns.sees_with("FQY # *", &known).await;
    let wanted = contact(
        "<contactInfo><passportName>carol@example.com</passportName>\
         <isMessengerUser>true</isMessengerUser><MessengerMemberInfo><DisplayName>alice\
         </DisplayName></MessengerMemberInfo></contactInfo>",
    );
    let book = &mut client.book;
    let added = book
        .book(&mut browser, "ContactSave", "ABContactAdd", &wanted)
        .await;
    let carols_id = added.text("guid").unwrap();
    let pushed = one("alice@example.com", " t=\"1\" l=\"8\" f=\"alice\" ");
    carol.sees_with("ADL 0 *", &pushed).await;
    carol.sees("NOT *").await;
    let wanted = member("Allow", "carol@example.com");
    book.sharing(&mut browser, "ContactSave", "AddMember", &wanted)
        .await;
    ns.is_quiet().await;
    let both = one("carol@example.com", " l=\"3\" t=\"1\"");
    ns.puts("ADL", "", &both, "ADL # OK").await;
    ns.sees("ILN # NLN carol@example.com 1 carol 2789003324 0")
        .await;
    ns.sees("UBX carol@example.com 1 0").await;
    let wanted = format!(
        "{OWN_BOOK}<groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>\
         <contacts><Contact><contactId>{}</contactId></Contact></contacts>",
        carols_id.to_uppercase()
    );
    book.book(&mut browser, "GroupSave", "ABGroupContactAdd", &wanted)
        .await;
    let back = one("alice@example.com", " l=\"3\" t=\"1\"");
    carol.puts("ADL", "", &back, "ADL # OK").await;
    carol
        .sees(&format!(
            "NLN NLN 1:alice@example.com alice {CAPABILITIES}:0 {PICTURE}"
        ))
        .await;
    carol.sees("UBX 1:alice@example.com *").await;
    let pushed = one("carol@example.com", " t=\"1\" l=\"8\" f=\"carol\" ");
    ns.sees_with("ADL 0 *", &pushed).await;

    chat(&site, ns, &mut bob).await;

    // A message for bob, who is not there, and his answer to it.
    bob.leaves().await;
    ns.sees("FLN bob@example.com 1 0").await;
    let ticket = client.tickets.of("messengersecure.live.com");
    POST.leave(&mut browser, ticket, "bob@example.com", &TEXTS)
        .await;
    let mut bob = site.friend_without_status("bob", 12).await;
    bob.sets("CHG", "NLN 1342558252").await;
    bob.sees(&format!(
        "ILN # NLN alice@example.com alice {CAPABILITIES} {PICTURE}"
    ))
    .await;
    bob.sees_with("UBX alice@example.com *", words).await;
    let notice = bob.reads("MSG Hotmail Hotmail *").await;
    let letters = waiting(&notice);
    assert_eq!(letters.len(), 2, "{notice}");
    ns.sees("NLN NLN bob@example.com 1 bob 1342558252 0").await;
    ns.sees("UBX bob@example.com 1 0").await;
    let mut bobs = site.browser("MSMSGS");
    let wishes = [TICKET_GRANTING, ("messenger.msn.com", "?id=507")];
    let his = sign_in(&mut bobs, LOGIN, Trust::First, "bob@example.com", &wishes).await;
    let token = his.bare("messenger.msn.com");
    let texts = fetch(&mut bobs, token, &letters).await;
    assert_eq!(texts, TEXTS);
    // He is signed in with another ticket as well, and hears there that the message is gone.
    check_deletion(&bob.reads("MSG Hotmail Hotmail *").await, 2);

    // A new name, everywhere; nobody hears of it twice.
    ns.sets("PRP", "MFN Ally%20%3C3").await;
    let wanted = contact(
        "<contactInfo><contactType>Me</contactType><displayName>Ally &lt;3</displayName>\
         </contactInfo><propertiesChanged>DisplayName</propertiesChanged>",
    );
    book.book(&mut browser, "Initial", "ABContactUpdate", &wanted)
        .await;
    let wanted = format!(
        "<profile><ResourceID>{}!106</ResourceID><ExpressionProfile><FreeText>Update</FreeText>\
         <DisplayName>Ally &lt;3</DisplayName><Flags>0</Flags></ExpressionProfile></profile>",
        client.tickets.cid
    );
    storage
        .call(
            &mut browser,
            "RoamingIdentityChanged",
            "UpdateProfile",
            &wanted,
        )
        .await;
    bob.sees(&format!(
        "NLN NLN alice@example.com Ally%20%3C3 {CAPABILITIES} {PICTURE}"
    ))
    .await;
    carol
        .sees(&format!(
            "NLN NLN 1:alice@example.com Ally%20%3C3 {CAPABILITIES}:0 {PICTURE}"
        ))
        .await;
    bob.is_quiet().await;
    carol.is_quiet().await;

    // Carol gets a name of alice's choice, and strangers are to be blocked.
    let wanted = contact(&format!(
        "<contactId>{carols_id}</contactId><contactInfo><annotations><Annotation>\
         <Name>AB.NickName</Name><Value>C &amp; co</Value></Annotation></annotations>\
         </contactInfo><propertiesChanged>Annotation </propertiesChanged>"
    ));
    book.book(&mut browser, "ContactSave", "ABContactUpdate", &wanted)
        .await;
    ns.sets("BLP", "BL").await;
    let wanted = contact(
        "<contactInfo><contactType>Me</contactType><annotations><Annotation>\
         <Name>MSN.IM.BLP</Name><Value>2</Value></Annotation></annotations></contactInfo>\
         <propertiesChanged>Annotation</propertiesChanged>",
    );
    book.book(&mut browser, "PrivacyApply", "ABContactUpdate", &wanted)
        .await;
    bob.is_quiet().await;
    carol.is_quiet().await;

    // Carol is blocked, on the line first.
    ns.puts(
        "RML",
        "",
        &one("carol@example.com", " l=\"2\" t=\"1\""),
        "RML # OK",
    )
    .await;
    carol.sees("FLN 1:alice@example.com 0:0").await;
    ns.puts(
        "ADL",
        "",
        &one("carol@example.com", " l=\"4\" t=\"1\""),
        "ADL # OK",
    )
    .await;
    for (operation, role) in [("DeleteMember", "Allow"), ("AddMember", "Block")] {
        let wanted = member(role, "carol@example.com");
        book.sharing(&mut browser, "BlockUnblock", operation, &wanted)
            .await;
    }
    ns.is_quiet().await;
    client.ns.leaves().await;
    bob.sees("FLN alice@example.com").await;
    bob.is_quiet().await;
    carol.is_quiet().await;
    let post = Post {
        from: "bob@example.com",
        dialect: "MSNP12",
        build: "7.5.0324",
        product: "PROD0104U6VVM{UJ",
        namespace: OLDER,
        operation: "Store",
    };
    let ticket = his.of("messenger.msn.com");
    let texts = ["Call me, \u{e9}h?", "Or write."];
    post.leave(&mut bobs, ticket, "alice@example.com", &texts)
        .await;

    // The next evening.
    let mut client = arrive(&site, &mut browser, "alice").await;
    let everybody = lists(&client.memberships, &client.contacts);
    assert_eq!(everybody.len(), 102);
    assert_eq!(everybody["bob@example.com"], 11);
    assert_eq!(everybody["carol@example.com"], 13);
    let alias = client
        .contacts
        .of("Contact", "contactId", &carols_id, "Value");
    assert_eq!(alias.as_deref(), Some("C & co"));
    let privacy = me(&client.contacts, "MSN.IM.BLP");
    assert_eq!(privacy.as_deref(), Some("2"));
    let found = client
        .contacts
        .of("Contact", "contactId", &carols_id, "groupIds");
    assert!(found.is_some(), "{:?}", client.contacts);
    assert_eq!(
        me(&client.contacts, "displayName").as_deref(),
        Some("Ally <3")
    );
    appear(&mut client).await;
    let Client {
        mut ns, tickets, ..
    } = client;
    ns.sees_people(&[
        (
            "ILN # NLN bob@example.com 1 bob 1342558252 0",
            "UBX bob@example.com 1 0",
        ),
        (
            "ILN # NLN carol@example.com 1 carol 2789003324 0",
            "UBX carol@example.com 1 0",
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
    let (_, bytes) = browser.file(&profile.text("PreAuthURL").unwrap()).await;
    assert_eq!(bytes, picture);
    ns.is_quiet().await;
    carol.is_quiet().await;
    site.close().await;
}

/// A conversation to which an older client calls.
async fn chat(site: &Site, ns: &mut Line, bob: &mut Line) {
    let key = bob.does("XFR", "SB", "XFR # SB * CKI *").await;
    let mut room = site.follow("bob", &key[3], bob.dialect()).await;
    let hello = format!("bob@example.com {}", key[5]);
    room.does("USR", &hello, "USR # OK bob@example.com bob")
        .await;
    let call = room
        .does("CAL", "alice@example.com", "CAL # RINGING *")
        .await;
    let ring = ns
        .sees("RNG * * CKI * bob@example.com bob U messenger.msn.com 1")
        .await;
    assert_eq!(ring[1], call[3]);
    let mut seat = site.follow("alice", &ring[2], ns.dialect()).await;
    seat.asks("ANS", &format!("alice@example.com {} {}", ring[4], ring[1]))
        .await;
    seat.sees("IRO # 1 1 bob@example.com bob 1342558252").await;
    seat.sees("ANS # OK").await;
    room.sees(&format!("JOI alice@example.com alice {CAPABILITIES}"))
        .await;
    let (alice, his) = ("alice@example.com alice", "bob@example.com bob");
    tells(
        &mut seat,
        alice,
        "U",
        &typing("alice@example.com"),
        &mut room,
    )
    .await;
    tells(&mut seat, alice, "D", &piece("bob@example.com"), &mut room).await;
    let words = typed("Segoe%20UI", "Hello Bob, \u{e7}a va?");
    tells(&mut seat, alice, "N", &words, &mut room).await;
    tells(
        &mut room,
        his,
        "N",
        &typed("MS%20Shell%20Dlg", "\u{1f600}"),
        &mut seat,
    )
    .await;
    tells(&mut room, his, "N", NUDGE, &mut seat).await;
    seat.leaves().await;
    room.sees("BYE alice@example.com").await;
    room.leaves().await;

    // And one that alice opens.
    let key = ns
        .does("XFR", "SB", "XFR # SB * CKI * U messenger.msn.com 1")
        .await;
    let mut room = site.follow("alice", &key[3], ns.dialect()).await;
    let hello = format!("alice@example.com {}", key[5]);
    room.does("USR", &hello, "USR # OK alice@example.com alice")
        .await;
    room.does("CAL", "bob@example.com", "CAL # RINGING *").await;
    let ring = bob.sees("RNG * * CKI * alice@example.com alice").await;
    let mut seat = site.follow("bob", &ring[2], bob.dialect()).await;
    seat.asks("ANS", &format!("bob@example.com {} {}", ring[4], ring[1]))
        .await;
    seat.sees(&format!("IRO # 1 1 alice@example.com alice {CAPABILITIES}"))
        .await;
    seat.sees("ANS # OK").await;
    room.sees("JOI bob@example.com bob 1342558252").await;
    tells(&mut room, alice, "A", &words, &mut seat).await;
    room.leaves().await;
    seat.sees("BYE alice@example.com").await;
    seat.leaves().await;
}
