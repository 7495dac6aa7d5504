//! MSN Messenger 7.5 (MSNP12): the list over the line, a ticket from `RST.srf`, the configuration
//! in an envelope, and messages for people who are not there over the web.

use super::browser::Browser;
use super::greeting::Greeting;
use super::line::Line;
use super::mail::{OLDER, Post, fetch, waiting};
use super::passport::{TICKET_GRANTING, Tickets, Trust, is_refused, sign_in};
use super::{
    FRIENDS_MACHINE, NUDGE, PICTURE, Site, check_config, good, look_around, open_mail, piece,
    tells, town, typed, typing,
};

const AGENT: &str = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1; MSN Messenger 7.5)";
const LOGIN: &str = "https://loginnet.passport.com/RST.srf";
pub(super) const CAPABILITIES: &str = "1342558252";
const GREETING: Greeting = Greeting {
    dialect: 12,
    product: Some(POST.product),
    offer: "MSNP12 MSNP11 MSNP10 CVR0",
    agreed: "MSNP12 MSNP11 MSNP10 CVR0",
    program: "0x0409 winnt 5.1 i386 MSNMSGR 7.5.0324 MSMSGS",
    build: "7.5.0324",
    method: "TWN",
};
/// What alice leaves for bob.
const TEXTS: [&str; 2] = ["Where are you, Bob?", "It is late, \u{e9}h?"];
const POST: Post = Post {
    from: "alice@example.com",
    dialect: "MSNP12",
    build: "7.5.0324",
    product: "PROD0104U6VVM{UJ",
    namespace: OLDER,
    operation: "Store",
};

/// Up to `USR OK` and what the server says right after it.
pub(super) async fn arrive(
    site: &Site,
    browser: &mut Browser,
    who: &'static str,
) -> (Line, Tickets) {
    let address = format!("{who}@example.com");
    let mut ns = GREETING.find_server(site, who).await;
    let question = ns.sees("USR # TWN S *").await;
    let policy = &question[4];
    for name in [
        "lc", "id", "tw", "fs", "ru", "ct", "kpp", "kv", "ver", "rn", "tpf",
    ] {
        let found = policy
            .split(',')
            .any(|pair| pair.starts_with(&format!("{name}=")));
        assert!(found, "no {name} in {policy}");
    }
    // The library makes a question mark and ampersands of what it was given.
    let policy = format!("?{}", policy.replace(',', "&"));
    let wishes = [
        TICKET_GRANTING,
        ("messenger.msn.com", &*policy),
        (
            "contacts.msn.com",
            "?fs=1&id=24000&kv=9&rn=93S9SWWw&tw=0&ver=2.1.6000.1",
        ),
    ];
    let tickets = sign_in(browser, LOGIN, Trust::First, &address, &wishes).await;
    let ticket = format!("TWN S {}", tickets.of("messenger.msn.com"));
    ns.does("USR", &ticket, &format!("USR # OK {address} 1 0"))
        .await;
    ns.sees("SBS 0 null").await;
    let profile = ns.reads("MSG Hotmail Hotmail *").await;
    for line in [
        "MIME-Version: 1.0",
        "Content-Type: text/x-msmsgsprofile; charset=UTF-8",
        "EmailEnabled: 0",
        "sid: 507",
        "ABCHMigrated: 1",
        "ClientIP: 127.0.0.1",
    ] {
        assert!(
            profile.split("\r\n").any(|one| one == line),
            "{line}: {profile}"
        );
    }
    (ns, tickets)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evening_with_msn_7_5() {
    let site = town(false).await;
    let mut bob = site.friend("bob", 18).await;
    let mut browser = site.browser(AGENT);
    is_refused(&mut browser, LOGIN, Trust::First, "alice@example.com").await;
    let (mut ns, tickets) = arrive(&site, &mut browser, "alice").await;

    // The list comes over the line, whole.
    ns.asks("SYN", "0 0").await;
    let stamps = ns.sees("SYN # * * 1 1").await[2..4].join(" ");
    for line in [
        "GTC A",
        "BLP AL",
        "PRP MFN alice",
        "PRP MOB N",
        "PRP MBE N",
        "PRP WWE 0",
    ] {
        ns.sees(line).await;
    }
    let group = ns.sees("LSG Friends *").await[2].clone();
    let listed = ns.sees("LST N=bob@example.com F=bob * 11 1").await;
    assert!(listed[3].starts_with("C="), "{listed:?}");
    ns.sees("BPR MOB N").await;
    ns.asks("GCF", "Shields.xml").await;
    let shields = ns.reads("GCF # Shields.xml *").await;
    assert!(shields.contains("<shield>"), "{shields}");

    let status = format!("NLN {CAPABILITIES} {PICTURE}");
    ns.sets("CHG", &status).await;
    ns.sees("ILN # NLN bob@example.com bob 2789003324").await;
    ns.sees("UBX bob@example.com 0").await;
    // Nothing waits, so nothing is said of it.
    ns.is_quiet().await;
    bob.sees(&format!(
        "NLN NLN 1:alice@example.com alice {CAPABILITIES}:0 {PICTURE}"
    ))
    .await;
    bob.sees("UBX 1:alice@example.com 0").await;
    let words = "<Data><PSM>at &lt;work&gt;</PSM><CurrentMedia></CurrentMedia></Data>";
    ns.puts("UUX", "", words, "UUX # 0").await;
    let shown = bob.reads("UBX 1:alice@example.com *").await;
    assert!(
        shown.starts_with("<Data><PSM>at &#x3C;work&#x3E;</PSM>"),
        "{shown}"
    );
    let form = ns.does("URL", "INBOX", "URL # * * *").await;
    open_mail(&mut browser, &form).await;

    // Meanwhile the windows fill.
    let config = browser
        .post(
            "http://config.messenger.msn.com/Config/MsgrConfig.asmx",
            "SOAPAction: \"http://www.msn.com/webservices/Messenger/Client/GetClientConfig\"\r\n",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soap:Body><GetClientConfig \
             xmlns=\"http://www.msn.com/webservices/Messenger/Client\"><clientinfo>\
             <Country>US</Country><CLCID>0409</CLCID><PLCID>0409</PLCID><GeoID>244</GeoID>\
             </clientinfo></GetClientConfig></soap:Body></soap:Envelope>",
        )
        .await;
    let inner = good(config).text("GetClientConfigResult").unwrap();
    let config = check_config(&inner);
    look_around(&mut browser, &config).await;
    let tabs = browser
        .get("http://config.messenger.msn.com/svcs/mms/tabs.asp?Version=7.5.0324")
        .await;
    assert!(tabs.body.contains("<name>Today</name>"), "{tabs:?}");

    // Carol is added, put into a group, and adds alice.
    let mut carol = site.friend("carol", 15).await;
    ns.sets("ADC", "AL N=carol@example.com").await;
    let added = "FL N=carol@example.com F=carol@example.com";
    let added = ns.does("ADC", added, &format!("ADC # {added} *")).await;
    ns.sees("ILN # NLN carol@example.com carol 2147483684")
        .await;
    ns.sees("UBX carol@example.com 0").await;
    let pushed = "<ml><d n=\"example.com\"><c n=\"alice\" t=\"1\" l=\"8\" f=\"alice\" /></d></ml>";
    carol.sees_with("ADL 0 *", pushed).await;
    // The client keeps the name that it now sees in place of the address.
    let hers = added[5].strip_prefix("C=").unwrap();
    ns.sets("SBP", &format!("{hers} MFN carol")).await;
    ns.sets("ADC", &format!("FL {} {group}", added[5])).await;
    let back = "<ml><d n=\"example.com\"><c n=\"alice\" l=\"3\" t=\"1\"/></d></ml>";
    carol.puts("ADL", "", back, "ADL # OK").await;
    carol
        .sees(&format!(
            "ILN # NLN alice@example.com 1 alice {CAPABILITIES} {PICTURE}"
        ))
        .await;
    let shown = carol.reads("UBX alice@example.com 1 *").await;
    assert!(shown.starts_with("<Data><PSM>at "), "{shown}");
    ns.sees("ADC 0 RL N=carol@example.com F=carol").await;

    chat(&site, &mut ns, &mut bob).await;

    // Bob leaves, and finds on his return what was left for him.
    bob.leaves().await;
    ns.sees("FLN bob@example.com").await;
    let ticket = tickets.of("messenger.msn.com");
    POST.leave(&mut browser, ticket, "bob@example.com", &TEXTS)
        .await;
    let mut bob = site.friend_without_status("bob", 18).await;
    bob.sets("CHG", "NLN 2789003324:48").await;
    bob.sees(&format!(
        "NLN NLN 1:alice@example.com alice {CAPABILITIES}:0 {PICTURE}"
    ))
    .await;
    bob.sees("UBX 1:alice@example.com *").await;
    let notice = bob.reads("MSG Hotmail Hotmail *").await;
    let letters = waiting(&notice);
    assert_eq!(letters.len(), 2, "{notice}");
    assert_eq!(letters[0].1, "alice@example.com");
    ns.sees("NLN NLN bob@example.com bob 2789003324").await;
    ns.sees("UBX bob@example.com 0").await;

    // A new name, and a block.
    ns.sets("PRP", "MFN Ally%20%3C3").await;
    bob.sees(&format!(
        "NLN NLN 1:alice@example.com Ally%20%3C3 {CAPABILITIES}:0 {PICTURE}"
    ))
    .await;
    carol
        .sees(&format!(
            "NLN NLN alice@example.com 1 Ally%20%3C3 {CAPABILITIES} {PICTURE}"
        ))
        .await;
    // Strangers are to be blocked, and whoever adds alice is not to be asked about.
    ns.sets("BLP", "BL").await;
    ns.sets("GTC", "N").await;
    ns.sets("PRP", "PHH 555%200100").await;
    bob.is_quiet().await;
    carol.is_quiet().await;
    ns.sets("REM", "AL carol@example.com").await;
    carol.sees("FLN alice@example.com 1 0").await;
    ns.sets("ADC", "BL N=carol@example.com").await;
    ns.is_quiet().await;
    ns.leaves().await;
    bob.sees("FLN 1:alice@example.com 0:0").await;
    bob.is_quiet().await;
    carol.is_quiet().await;

    // The next evening: the list has changed since, and somebody has written.
    bob.puts(
        "UUM",
        "alice@example.com 1 1",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nDest-Agent: client\r\n\r\n\
         Call me, \u{e9}h?",
        "UUM # OK",
    )
    .await;
    let (mut ns, tickets) = arrive(&site, &mut browser, "alice").await;
    ns.asks("SYN", &stamps).await;
    ns.sees("SYN # * * 2 1").await;
    for line in [
        "GTC N",
        "BLP BL",
        "PRP MFN Ally%20%3C3",
        "PRP PHH 555%200100",
        "PRP MOB N",
        "PRP MBE N",
        "PRP WWE 0",
    ] {
        ns.sees(line).await;
    }
    ns.sees(&format!("LSG Friends {group}")).await;
    ns.sees("LST N=bob@example.com F=bob * 11 1").await;
    ns.sees("BPR MOB N").await;
    ns.sees(&format!(
        "LST N=carol@example.com F=carol {} 13 1 {group}",
        added[5]
    ))
    .await;
    ns.sees("BPR MOB N").await;
    ns.sets("CHG", &status).await;
    ns.sees_people(&[
        (
            "ILN # NLN bob@example.com bob 2789003324",
            "UBX bob@example.com 0",
        ),
        (
            "ILN # NLN carol@example.com carol 2147483684",
            "UBX carol@example.com 0",
        ),
    ])
    .await;
    let notice = ns.reads("MSG Hotmail Hotmail *").await;
    let letters = waiting(&notice);
    assert_eq!(letters[0].1, "bob@example.com");
    let token = tickets.bare("messenger.msn.com");
    let texts = fetch(&mut browser, token, &letters).await;
    assert_eq!(texts, ["Call me, \u{e9}h?"]);
    ns.is_quiet().await;
    carol.is_quiet().await;
    site.close().await;
}

/// A conversation in plain addresses with somebody whose client names its machine.
async fn chat(site: &Site, ns: &mut Line, bob: &mut Line) {
    let key = ns.does("XFR", "SB", "XFR # SB * CKI *").await;
    let mut room = site.follow("alice", &key[3], ns.dialect()).await;
    let hello = format!("alice@example.com {}", key[5]);
    room.does("USR", &hello, "USR # OK alice@example.com alice")
        .await;
    let call = room.does("CAL", "bob@example.com", "CAL # RINGING *").await;
    let ring = bob
        .sees("RNG * * CKI * alice@example.com alice U messenger.msn.com 1")
        .await;
    assert_eq!(ring[1], call[3]);
    let mut seat = site.follow("bob", &ring[2], bob.dialect()).await;
    let handle = format!("bob@example.com;{{{FRIENDS_MACHINE}}}");
    seat.asks("ANS", &format!("{handle} {} {}", ring[4], ring[1]))
        .await;
    seat.sees(&format!(
        "IRO # 1 1 alice@example.com alice {CAPABILITIES}:0"
    ))
    .await;
    seat.sees("ANS # OK").await;
    room.sees("JOI bob@example.com bob 2789003324").await;
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
    let words = typed("MS%20Shell%20Dlg", "Hello Bob, \u{e7}a va?");
    tells(&mut room, alice, "A", &words, &mut seat).await;
    tells(
        &mut seat,
        his,
        "N",
        &typed("Segoe%20UI", "\u{1f600}"),
        &mut room,
    )
    .await;
    tells(&mut seat, his, "N", NUDGE, &mut room).await;
    seat.leaves().await;
    room.sees("BYE bob@example.com").await;
    room.leaves().await;
}
