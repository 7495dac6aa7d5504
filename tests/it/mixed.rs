//! Clients of very different ages in one circle of contacts and one room: MSN Messenger 1.0's
//! protocol, MSNP8 and MSNP12 over raw sockets, and `msnp11-sdk` as the fourth. And one account
//! that is used from all of them in turn.

use msnp11_sdk::MsnpStatus;

use crate::support::client::{Arrival, Connection};
use crate::support::pattern::printable;
use crate::support::person::{Conversation, PASSWORD, Person, done, fixture};
use crate::support::player::Addresses;
use crate::support::server::TestServer;
use crate::support::sign_in::{capabilities, sign_in};
use crate::support::transcript::SignIn;

const OLD: &str = "old@example.com";
const MID: &str = "mid@example.com";
const NEW: &str = "new@example.com";
const SDK: &str = "sdk@example.com";

/// What the library says it can do.
const SDK_CAPABILITIES: &str = "1073741824";

const PICTURE: &str = "%3Cmsnobj%20Creator%3D%22new%40example.com%22%20Size%3D%2222%22%20\
                       Type%3D%223%22%20Location%3D%22a%22%20Friendly%3D%22AAA%3D%22%20\
                       SHA1D%3D%22x%22%20SHA1C%3D%22y%22%2F%3E";

/// Somebody at a raw connection.
struct Raw {
    who: String,
    connection: Connection,
    next_id: u32,
}

impl Raw {
    /// Connects and signs in; without a status it stays before the first `CHG`.
    async fn sign_in(at: Addresses, address: &str, dialect: u8, status: Option<&str>) -> Self {
        let wish = SignIn {
            status: status.map(str::to_owned),
            synchronise: status.is_some(),
            ..SignIn::of(address, dialect)
        };
        let mut raw = Self::open(address, &at.msnp.to_string(), dialect).await;
        let signed_in = sign_in(&wish, address, PASSWORD, &mut raw.connection, at.http).await;
        signed_in.unwrap_or_else(|reason| panic!("{address}: {reason}"));
        raw
    }

    async fn open(who: &str, address: &str, dialect: u8) -> Self {
        Self {
            who: format!("{who} (MSNP{dialect})"),
            connection: Connection::open(address, dialect).await.unwrap(),
            next_id: 100,
        }
    }

    async fn send(&mut self, line: &str) {
        self.connection.send(format!("{line}\r\n").as_bytes()).await;
    }

    /// The next thing that arrives: a line and, behind a bar, its payload.
    async fn next(&mut self) -> String {
        match self.connection.next(false).await {
            Arrival::Frame(frame) if frame.payload.is_empty() => printable(&frame.line),
            Arrival::Frame(frame) => {
                format!("{} | {}", printable(&frame.line), printable(&frame.payload))
            }
            other => {
                let past: Vec<&str> = self.connection.history().collect();
                panic!("{}: {other:?} after\n{}", self.who, past.join("\n"));
            }
        }
    }

    /// The next thing that arrives has to be this.
    async fn sees(&mut self, wanted: &str) {
        let arrived = self.next().await;
        assert_eq!(arrived, wanted, "{}", self.who);
    }

    /// Nothing has arrived.
    async fn sees_nothing(&mut self) {
        let arrived = self.up_to_now().await;
        assert!(arrived.is_empty(), "{}: {arrived:?}", self.who);
    }

    /// Everything that has arrived; a ping marks where it ends.
    async fn up_to_now(&mut self) -> Vec<String> {
        self.send("PNG").await;
        let mut lines = Vec::new();
        loop {
            let line = self.next().await;
            if line.split(' ').next() == Some("QNG") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Sends a command and answers what came of it, with `n` for its number.
    async fn asks(&mut self, verb: &str, rest: &str) -> Vec<String> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(format!("{verb} {id} {rest}").trim_end()).await;
        let lines = self.up_to_now().await;
        // Only where a number stands: a random identity may begin with the same digits.
        let id = id.to_string();
        let without_number = |line: &String| {
            let mut fields: Vec<&str> = line.split(' ').collect();
            if let Some(number) = fields.get_mut(1).filter(|field| **field == id) {
                *number = "n";
            }
            fields.join(" ")
        };
        lines.iter().map(without_number).collect()
    }

    /// Sends a command whose only answer is this; a star is any field.
    async fn does(&mut self, verb: &str, rest: &str, wanted: &str) {
        let arrived = self.asks(verb, rest).await;
        let [line] = &arrived[..] else {
            panic!("{}: {verb} {rest} led to {arrived:?}", self.who);
        };
        let fields: Vec<&str> = line.split(' ').collect();
        let wanted: Vec<&str> = wanted.split(' ').collect();
        let is_alike = fields.len() == wanted.len()
            && (fields.iter().zip(&wanted)).all(|(field, one)| *one == "*" || field == one);
        assert!(is_alike, "{}: {line}, not {wanted:?}", self.who);
    }

    /// Sends a command that is only echoed.
    async fn sets(&mut self, verb: &str, rest: &str) {
        self.does(verb, rest, &format!("{verb} n {rest}")).await;
    }

    /// Sends a change of a numbered list: the echo has the new number in it, behind the name of
    /// the list where there is one.
    async fn changes(&mut self, verb: &str, rest: &str) {
        let wanted = match (verb, rest.split_once(' ')) {
            ("ADD" | "REM", Some((list, rest))) => format!("{verb} n {list} * {rest}"),
            _ => format!("{verb} n * {rest}"),
        };
        self.does(verb, rest, &wanted).await;
    }

    /// Downloads the list with a version that is not the present one; then the present one is
    /// said to be unchanged. Answers the version, and the lines with `v` in its place.
    async fn downloads(&mut self, stale: &str) -> (String, Vec<String>) {
        let book = self.asks("SYN", stale).await;
        let fields = stale.split(' ').count();
        let current: Vec<&str> = book[0].split(' ').skip(2).take(fields).collect();
        let current = current.join(" ");
        assert_ne!(current, stale, "{}", self.who);
        self.sets("SYN", &current).await;
        let lines = book.iter().map(|line| line.replacen(&current, "v", 1));
        (current.clone(), lines.collect())
    }
}

/// Four people who all have each other.
struct Circle {
    server: TestServer,
    old: Raw,
    mid: Raw,
    new: Raw,
    sdk: Person,
}

impl Circle {
    async fn meet() -> Self {
        let friends = [
            "@friends old mid",
            "@friends old new",
            "@friends old sdk",
            "@friends mid new",
            "@friends mid sdk",
            "@friends new sdk",
        ];
        let fixture = fixture(&[OLD, MID, NEW, SDK], &friends);
        let server = TestServer::start(&fixture).await.unwrap();
        let at = server.addresses;
        let mut old = Raw::sign_in(at, OLD, 2, Some("NLN")).await;
        let mut mid = Raw::sign_in(at, MID, 8, Some("NLN")).await;
        old.sees("NLN NLN mid@example.com Mid").await;
        let mut new = Raw::sign_in(at, NEW, 12, Some("NLN")).await;
        old.sees("NLN NLN new@example.com New").await;
        mid.sees("NLN NLN new@example.com New 1342558252").await;
        let book = ["old", "mid", "new"].map(|local| {
            let name = local[..1].to_uppercase() + &local[1..];
            format!(
                "{local}@example.com ({name}) on ForwardList AllowList ReverseList, in 0 groups"
            )
        });
        let book: Vec<&str> = book.iter().map(String::as_str).collect();
        let mut sdk = Person::sign_in(at, SDK, &book).await;
        sdk.shows(MsnpStatus::Online).await;
        sdk.sees_all(&[
            "old@example.com (Old) is Online already",
            "old@example.com says [], plays []",
            "mid@example.com (Mid) is Online already",
            "mid@example.com says [], plays []",
            "new@example.com (New) is Online already",
            "new@example.com says [], plays []",
        ])
        .await;
        old.sees("NLN NLN sdk@example.com Sdk").await;
        mid.sees(&format!("NLN NLN sdk@example.com Sdk {SDK_CAPABILITIES}"))
            .await;
        new.sees(&format!("NLN NLN sdk@example.com Sdk {SDK_CAPABILITIES}"))
            .await;
        new.sees("UBX sdk@example.com 0").await;
        Self {
            server,
            old,
            mid,
            new,
            sdk,
        }
    }

    /// Nobody at a raw connection has been told anything else.
    async fn is_quiet(&mut self) {
        for raw in [&mut self.old, &mut self.mid, &mut self.new] {
            raw.sees_nothing().await;
        }
    }
}

/// Every status, with the library's word for it.
const STATUSES: [(&str, MsnpStatus); 7] = [
    ("BSY", MsnpStatus::Busy),
    ("IDL", MsnpStatus::Idle),
    ("BRB", MsnpStatus::BeRightBack),
    ("AWY", MsnpStatus::Away),
    ("PHN", MsnpStatus::OnThePhone),
    ("LUN", MsnpStatus::OutToLunch),
    ("NLN", MsnpStatus::Online),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_oldest_client_shows_reaches_each_in_its_own_form() {
    let mut circle = Circle::meet().await;
    for (word, status) in STATUSES {
        circle.old.sets("CHG", word).await;
        circle.mid.sees(&format!("NLN {word} {OLD} Old 0")).await;
        circle.new.sees(&format!("NLN {word} {OLD} Old 0")).await;
        circle.sdk.sees(&format!("{OLD} (Old) is {status:?}")).await;
    }
    circle.old.sets("CHG", "HDN").await;
    circle.mid.sees("FLN old@example.com").await;
    circle.new.sees("FLN old@example.com").await;
    circle.sdk.sees("old@example.com is offline").await;
    // Hidden, one still sees the others.
    circle.mid.sets("CHG", "AWY 4").await;
    circle.old.sees("NLN AWY mid@example.com Mid").await;
    circle.new.sees("NLN AWY mid@example.com Mid 4").await;
    circle.sdk.sees("mid@example.com (Mid) is Away").await;
    circle.old.sets("CHG", "NLN").await;
    circle.mid.sees("NLN NLN old@example.com Old 0").await;
    circle.new.sees("NLN NLN old@example.com Old 0").await;
    circle.new.sees("UBX old@example.com 0").await;
    circle.sdk.sees("old@example.com (Old) is Online").await;
    circle.sdk.sees("old@example.com says [], plays []").await;

    let renamed = circle
        .old
        .asks("REA", "old@example.com O%C5%82d%20one")
        .await;
    assert!(
        renamed[0].ends_with(" old@example.com O%C5%82d%20one"),
        "{renamed:?}"
    );
    let line = "NLN NLN old@example.com O%C5%82d%20one 0";
    circle.mid.sees(line).await;
    circle.new.sees(line).await;
    circle.sdk.sees("old@example.com (Ołd one) is Online").await;

    circle.is_quiet().await;
    circle.old.send("OUT").await;
    circle.mid.sees("FLN old@example.com").await;
    circle.new.sees("FLN old@example.com").await;
    circle.sdk.sees("old@example.com is offline").await;
    circle.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_newest_client_shows_reaches_each_in_its_own_form() {
    let mut circle = Circle::meet().await;
    for (word, status) in STATUSES {
        circle.new.sets("CHG", &format!("{word} 7 {PICTURE}")).await;
        circle.old.sees(&format!("NLN {word} {NEW} New")).await;
        circle.mid.sees(&format!("NLN {word} {NEW} New 7")).await;
        let told = format!("{NEW} (New) is {status:?}, with a picture");
        circle.sdk.sees(&told).await;
    }
    circle.new.sets("CHG", "HDN 7").await;
    circle.old.sees("FLN new@example.com").await;
    circle.mid.sees("FLN new@example.com").await;
    circle.sdk.sees("new@example.com is offline").await;
    let payload = "<Data><PSM>a &amp; b</PSM><CurrentMedia></CurrentMedia></Data>";
    let uux = format!("UUX 20 {}\r\n{payload}", payload.len());
    circle.new.connection.send(uux.as_bytes()).await;
    circle.new.sees("UUX 20 0").await;
    circle.is_quiet().await;
    circle.new.sets("CHG", "BRB 7").await;
    circle.old.sees("NLN BRB new@example.com New").await;
    circle.mid.sees("NLN BRB new@example.com New 7").await;
    circle
        .sdk
        .sees("new@example.com (New) is BeRightBack")
        .await;
    circle
        .sdk
        .sees("new@example.com says [a & b], plays []")
        .await;

    // The message alone is for those who know messages.
    let payload = "<Data><PSM>c</PSM></Data>";
    let uux = format!("UUX 21 {}\r\n{payload}", payload.len());
    circle.new.connection.send(uux.as_bytes()).await;
    circle.new.sees("UUX 21 0").await;
    circle.sdk.sees("new@example.com says [c], plays []").await;
    circle.is_quiet().await;

    circle.new.sets("PRP", "MFN N%C3%A9w").await;
    circle.old.sees("NLN BRB new@example.com N%C3%A9w").await;
    circle.mid.sees("NLN BRB new@example.com N%C3%A9w 7").await;
    circle
        .sdk
        .sees("new@example.com (Néw) is BeRightBack")
        .await;

    circle.is_quiet().await;
    circle.new.send("OUT").await;
    circle.old.sees("FLN new@example.com").await;
    circle.mid.sees("FLN new@example.com").await;
    circle.sdk.sees("new@example.com is offline").await;
    circle.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_library_shows_reaches_each_in_its_own_form() {
    let mut circle = Circle::meet().await;
    for (word, status) in STATUSES {
        circle.sdk.shows(status).await;
        circle.old.sees(&format!("NLN {word} {SDK} Sdk")).await;
        let line = format!("NLN {word} {SDK} Sdk {SDK_CAPABILITIES}");
        circle.mid.sees(&line).await;
        circle.new.sees(&line).await;
    }
    circle.sdk.says("hé & <ho>", "").await;
    circle
        .new
        .sees(
            "UBX sdk@example.com 73 | <Data><PSM>hé &amp; &lt;ho&gt;</PSM>\
             <CurrentMedia></CurrentMedia></Data>",
        )
        .await;
    let set = circle.sdk.client.set_display_picture(vec![1, 2, 3]);
    done("setting the picture", set).await;
    circle.sdk.shows(MsnpStatus::Online).await;
    // A picture is news to everybody, but only those who know pictures are given it.
    circle.old.sees("NLN NLN sdk@example.com Sdk").await;
    let line = format!("NLN NLN {SDK} Sdk {SDK_CAPABILITIES}");
    circle.mid.sees(&line).await;
    let line = circle.new.next().await;
    let start = format!("NLN NLN {SDK} Sdk {SDK_CAPABILITIES} %3Cmsnobj%20");
    assert!(line.starts_with(&start), "{line}");
    circle.is_quiet().await;
    done("renaming", circle.sdk.client.set_display_name("S & K")).await;
    circle.old.sees("NLN NLN sdk@example.com S%20%26%20K").await;
    let line = format!("NLN NLN {SDK} S%20%26%20K {SDK_CAPABILITIES}");
    circle.mid.sees(&line).await;
    let arrived = circle.new.next().await;
    assert!(
        arrived.starts_with(&format!("{line} %3Cmsnobj")),
        "{arrived}"
    );
    circle.sdk.shows(MsnpStatus::AppearOffline).await;
    for raw in [&mut circle.old, &mut circle.mid, &mut circle.new] {
        raw.sees("FLN sdk@example.com").await;
    }
    circle.sdk.leaves().await;
    circle.is_quiet().await;
    circle.server.stop().await;
}

/// The raw member's side of a call: to the switchboard and in.
async fn answers(raw: &mut Raw, address: &str, dialect: u8, inviter: &str) -> Raw {
    let ring = raw.next().await;
    let fields: Vec<&str> = ring.split(' ').collect();
    let ["RNG", session, server, "CKI", ticket, caller, name] = fields[..] else {
        panic!("{ring}");
    };
    assert_eq!(format!("{caller} {name}"), inviter);
    let mut talk = Raw::open(address, server, dialect).await;
    talk.send(&format!("ANS 1 {address} {ticket} {session}"))
        .await;
    talk
}

fn message(payload: &str) -> String {
    format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{payload}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_ages_talk_in_one_room() {
    let mut circle = Circle::meet().await;
    let referral = circle.old.asks("XFR", "SB").await;
    let fields: Vec<&str> = referral[0].split(' ').collect();
    let ["XFR", "n", "SB", server, "CKI", ticket] = fields[..] else {
        panic!("{referral:?}");
    };
    let mut old = Raw::open(OLD, server, 2).await;
    old.send(&format!("USR 1 {OLD} {ticket}")).await;
    old.sees("USR 1 OK old@example.com Old").await;

    // The library answers by itself.
    old.send(&format!("CAL 2 {SDK}")).await;
    let ringing = old.next().await;
    let session = ringing.strip_prefix("CAL 2 RINGING ").unwrap().to_owned();
    let mut sdk: Conversation = circle.sdk.answered().await;
    sdk.sees("old@example.com is here").await;
    old.sees("JOI sdk@example.com Sdk").await;
    let number = sdk.switchboard.get_session_id().await.unwrap();
    assert_eq!(number, session);

    old.send(&format!("CAL 3 {MID}")).await;
    old.sees(&format!("CAL 3 RINGING {session}")).await;
    let mut mid = answers(&mut circle.mid, MID, 8, "old@example.com Old").await;
    mid.sees("IRO 1 1 2 old@example.com Old").await;
    mid.sees("IRO 1 2 2 sdk@example.com Sdk").await;
    mid.sees("ANS 1 OK").await;
    old.sees("JOI mid@example.com Mid").await;
    sdk.sees("mid@example.com is here").await;

    done("inviting", sdk.switchboard.invite(NEW)).await;
    let mut new = answers(&mut circle.new, NEW, 12, "sdk@example.com Sdk").await;
    new.sees("IRO 1 1 3 old@example.com Old 0").await;
    new.sees(&format!("IRO 1 2 3 {SDK} Sdk {SDK_CAPABILITIES}"))
        .await;
    new.sees(&format!("IRO 1 3 3 {MID} Mid{}", capabilities(8)))
        .await;
    new.sees("ANS 1 OK").await;
    old.sees("JOI new@example.com New").await;
    mid.sees("JOI new@example.com New").await;
    sdk.sees("new@example.com is here").await;

    // Everybody speaks and is heard by the three others.
    let text = message("Zażółć 🦋");
    for speaker in 0..3 {
        let (address, name) = [(OLD, "Old"), (MID, "Mid"), (NEW, "New")][speaker];
        let mut raws = [&mut old, &mut mid, &mut new];
        let line = format!("MSG 9 N {}\r\n{text}", text.len());
        raws[speaker].connection.send(line.as_bytes()).await;
        let heard = format!(
            "MSG {address} {name} {} | {}",
            text.len(),
            printable(text.as_bytes())
        );
        for (index, raw) in raws.iter_mut().enumerate() {
            if index != speaker {
                raw.sees(&heard).await;
            }
        }
        sdk.sees(&format!("{address}: Zażółć 🦋")).await;
    }
    sdk.says("Grüße 🦋").await;
    for raw in [&mut old, &mut mid, &mut new] {
        let heard = raw.next().await;
        assert!(heard.starts_with("MSG sdk@example.com Sdk "), "{heard}");
        assert!(
            heard.ends_with(&printable("\r\n\r\nGrüße 🦋".as_bytes())),
            "{heard}"
        );
    }
    done("nudging", sdk.switchboard.send_nudge()).await;
    for raw in [&mut old, &mut mid, &mut new] {
        assert!(raw.next().await.contains("ID: 1\\r\\n"));
    }

    // They leave in turn, in three ways.
    old.send("OUT").await;
    mid.sees("BYE old@example.com").await;
    new.sees("BYE old@example.com").await;
    sdk.sees("old@example.com left").await;
    drop(mid);
    new.sees("BYE mid@example.com").await;
    sdk.sees("mid@example.com left").await;
    done("leaving", sdk.switchboard.disconnect()).await;
    new.sees("BYE sdk@example.com").await;
    circle.is_quiet().await;
    circle.server.stop().await;
}

/// The account's book, as clients of one version after the other leave and find it. They keep
/// what they have got, so each asks first with what it remembers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_has_one_list_in_every_dialect() {
    let more = [
        "@contact mid old FL AL name=Old",
        "@setting mid PHH 555%200199",
    ];
    let server = TestServer::start(&fixture(&[OLD, MID, NEW], &more))
        .await
        .unwrap();
    let at = server.addresses;

    // MSNP3 knows neither groups nor phones.
    let mut client = Raw::sign_in(at, OLD, 3, None).await;
    let (empty, _) = client.downloads("0").await;
    for (verb, rest) in [
        ("ADD", "FL mid@example.com Mid"),
        ("ADD", "AL mid@example.com Mid"),
        ("ADD", "BL new@example.com New"),
        ("GTC", "N"),
        ("REA", "old@example.com O%20L%20D"),
        ("REA", "mid@example.com M%20I%20D"),
    ] {
        client.changes(verb, rest).await;
    }
    let (three, book) = client.downloads(&empty).await;
    assert_eq!(
        book,
        [
            "SYN n v",
            "GTC n v N",
            "BLP n v AL",
            "LST n FL v 1 1 mid@example.com M%20I%20D",
            "LST n AL v 1 1 mid@example.com M%20I%20D",
            "LST n BL v 1 1 new@example.com New",
            "LST n RL v 1 1 mid@example.com M%20I%20D",
        ]
    );
    client.send("OUT").await;

    // MSNP7 makes groups and sets a phone.
    let mut client = Raw::sign_in(at, OLD, 7, None).await;
    client.sets("SYN", &three).await;
    client.does("ADG", "Friends 0", "ADG n * Friends 1 0").await;
    client.does("ADG", "Gone 0", "ADG n * Gone 2 0").await;
    client.changes("ADD", "FL mid@example.com Mid 1").await;
    client.changes("PRP", "PHH 555%200100").await;
    client.changes("BLP", "BL").await;
    let (seven, book) = client.downloads(&three).await;
    assert_eq!(
        book,
        [
            "SYN n v",
            "GTC n v N",
            "BLP n v BL",
            "PRP n v PHH 555%200100",
            "PRP n v PHW",
            "PRP n v PHM",
            "PRP n v MOB N",
            "PRP n v MBE N",
            "LSG n v 1 3 0 ~ 0",
            "LSG n v 2 3 1 Friends 0",
            "LSG n v 3 3 2 Gone 0",
            "LST n FL v 1 1 mid@example.com M%20I%20D 1",
            "BPR v mid@example.com PHH 555%200199",
            "BPR v mid@example.com PHW",
            "BPR v mid@example.com PHM",
            "BPR v mid@example.com MOB N",
            "LST n AL v 1 1 mid@example.com M%20I%20D",
            "LST n BL v 1 1 new@example.com New",
            "LST n RL v 1 1 mid@example.com M%20I%20D",
        ]
    );
    client.send("OUT").await;

    // MSNP12 knows identities in place of numbers.
    let mut client = Raw::sign_in(at, OLD, 12, None).await;
    let (stamps, book) = client.downloads("0 0").await;
    let friends = last_field(&book[8]);
    let gone = last_field(&book[9]);
    let mid = book[10].split(' ').nth(3).unwrap();
    assert_eq!(
        book,
        [
            "SYN n v 2 2",
            "GTC N",
            "BLP BL",
            "PRP MFN O%20L%20D",
            "PRP PHH 555%200100",
            "PRP MOB N",
            "PRP MBE N",
            "PRP WWE 0",
            &format!("LSG Friends {friends}"),
            &format!("LSG Gone {gone}"),
            &format!("LST N=mid@example.com F=M%20I%20D {mid} 11 1 {friends}"),
            "BPR PHH 555%200199",
            "BPR MOB N",
            "LST N=new@example.com F=New 4 1",
        ]
    );
    let renamed = format!("REG n 1 Pals {friends} 0");
    client
        .does("REG", &format!("{friends} Pals"), &renamed)
        .await;
    client.does("RMG", gone, &format!("RMG n 1 {gone}")).await;
    let id = mid.strip_prefix("C=").unwrap();
    client.sets("SBP", &format!("{id} MFN Mi%C4%91")).await;
    client.sets("REM", "BL new@example.com").await;
    let added = client.asks("ADC", "FL N=new@example.com F=New").await;
    let new = last_field(&added[0]);
    client.sets("ADC", &format!("FL {new} {friends}")).await;
    client.sets("PRP", "PHW 555%200101").await;
    client.sets("PRP", "PHH").await;
    client.sets("PRP", "MFN Old").await;
    client.sets("GTC", "A").await;
    let (later, book) = client.downloads(&stamps).await;
    let after_twelve = [
        "SYN n v 2 1",
        "GTC A",
        "BLP BL",
        "PRP MFN Old",
        "PRP PHW 555%200101",
        "PRP MOB N",
        "PRP MBE N",
        "PRP WWE 0",
        &format!("LSG Pals {friends}"),
        &format!("LST N=mid@example.com F=Mi%C4%91 {mid} 11 1 {friends}"),
        "BPR PHH 555%200199",
        "BPR MOB N",
        &format!("LST N=new@example.com F=New {new} 1 1 {friends}"),
        "BPR MOB N",
    ];
    assert_eq!(book, after_twelve);
    client.send("OUT").await;

    // MSNP8 finds the number that the group always had.
    let mut client = Raw::sign_in(at, OLD, 8, None).await;
    let (eight, book) = client.downloads(&seven).await;
    assert_eq!(
        book,
        [
            "SYN n v 2 2",
            "GTC A",
            "BLP BL",
            "PRP PHW 555%200101",
            "PRP MOB N",
            "PRP MBE N",
            "LSG 0 ~ 0",
            "LSG 1 Pals 0",
            "LST mid@example.com Mi%C4%91 11 1",
            "BPR PHH 555%200199",
            "BPR MOB N",
            "LST new@example.com New 1 1",
            "BPR MOB N",
        ]
    );
    client.changes("REM", "FL new@example.com 1").await;
    client.changes("ADD", "AL new@example.com New").await;
    client.send("OUT").await;

    // MSNP10 remembers what MSNP12 got, and MSNP3 what it had itself.
    let mut client = Raw::sign_in(at, OLD, 10, None).await;
    let (_, book) = client.downloads(&later).await;
    assert_eq!(
        book[8..],
        [
            format!("LSG Pals {friends}"),
            format!("LST N=mid@example.com F=Mi%C4%91 {mid} 11 {friends}"),
            "BPR PHH 555%200199".to_owned(),
            "BPR MOB N".to_owned(),
            format!("LST N=new@example.com F=New {new} 3"),
            "BPR MOB N".to_owned(),
        ]
    );
    client.send("OUT").await;
    let mut client = Raw::sign_in(at, OLD, 3, None).await;
    for stale in [&three, &eight] {
        let (_, book) = client.downloads(stale).await;
        assert_eq!(
            book,
            [
                "SYN n v",
                "GTC n v A",
                "BLP n v BL",
                "LST n FL v 1 2 mid@example.com Mi%C4%91",
                "LST n FL v 2 2 new@example.com New",
                "LST n AL v 1 2 mid@example.com Mi%C4%91",
                "LST n AL v 2 2 new@example.com New",
                "LST n BL v 0 0",
                "LST n RL v 1 1 mid@example.com Mi%C4%91",
            ]
        );
    }
    server.stop().await;
}

fn last_field(line: &str) -> &str {
    line.rsplit(' ').next().unwrap_or_default()
}
