//! Bytes that are no frames (`docs/protocol/00 §1`, `§6`).

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::child::{self, ChildServer};
use crate::support::client::{Connection, DEADLINE};
use crate::support::numbers::Numbers;
use crate::support::people::{PASSWORD, Person, chat};
use crate::support::scene::Scene;

/// Fields that are no length of a payload, or none that a payload may have.
const NO_LENGTHS: [&str; 10] = [
    "-1",
    "+5",
    "0x10",
    "x",
    "1e3",
    "8193",
    "4294967295",
    "4294967296",
    "99999999999999999999999",
    "18446744073709551615",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_length_ends_a_notification_session() {
    let statements = ["@config limits.sign_ins_per_minute 100000"];
    let scene = Scene::start(&["mallory"], &statements).await;
    for (dialect, command) in [
        (11, "UUX 20"),
        (11, "QRY 20 PROD0090YUAUV{2B"),
        (7, "PAG 20 olive@example.com"),
        (12, "PGD 20 olive@example.com 1"),
        (5, "SDC 20 a@example.com 0x0409 MSMSGS MSMSGS X X mallory"),
        (12, "MSG 20 U"),
        (12, "NOT"),
    ] {
        for length in NO_LENGTHS {
            let mut mallory = scene.at.sign_in("mallory", dialect).await;
            let line = format!("{command} {length}\r\nbody");
            mallory.ns.send(line.as_bytes()).await;
            mallory.ns.until_closed().await;
        }
        // Missing altogether; one command may lack it, and is then answered.
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        mallory
            .ns
            .send(format!("{command}\r\nOUT\r\n").as_bytes())
            .await;
        mallory.ns.until_closed().await;
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_length_ends_a_switchboard_connection_and_leaves_the_room_to_the_others() {
    let scene = Scene::start(&["mallory", "trent"], &[]).await;
    let mut trent = scene.at.sign_in("trent", 9).await;
    let mut mallory = scene.at.sign_in("mallory", 12).await;
    let mut host = trent.open_room().await;
    for length in NO_LENGTHS.iter().chain(&["1665", ""]) {
        let mut seat = mallory.join(&mut host).await;
        let line = format!("MSG 2 N {length}\r\nbody");
        seat.sb.send(line.as_bytes()).await;
        seat.sb.until_closed().await;
        host.sb.expect("BYE mallory@example.com").await;
    }
    let mut seat = mallory.join(&mut host).await;
    seat.say("N", &chat("a good one")).await;
    host.hears("mallory", &chat("a good one")).await;
    drop((trent, mallory, host, seat));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blank_lines_bare_line_feeds_and_runs_of_blanks_change_nothing() {
    let scene = Scene::start(&["trent"], &[]).await;
    let mut trent = scene.at.connect(7).await;
    trent.send(b"\n\r\n \t \r\nVER \t1 MSNP7\tCVR0 \n\n").await;
    trent.expect("VER 1 MSNP7 CVR0").await;
    trent.send(b"\r\n\r\nINF 2\nINF 3\r\n\n").await;
    trent.expect("INF 2 MD5").await;
    trent.expect("INF 3 MD5").await;
    // A bare carriage return ends no line: this is one command with too many fields.
    trent.send(b"INF 4\rINF 5\r\n").await;
    trent.expect("201 4").await;
    trent.send(b"OUT\n").await;
    trent.until_closed().await;

    let mut trent = scene.at.sign_in("trent", 11).await;
    let payload = "<Data><PSM>x</PSM><CurrentMedia></CurrentMedia></Data>";
    let text = format!("UUX 20 {}\n{payload}\r\n\r\nPNG\n", payload.len());
    trent.ns.send(text.as_bytes()).await;
    trent.ns.expect("UUX 20 0").await;
    trent.ns.expect("QNG").await;
    // Whoever sends nothing else only wastes their own time.
    trent.ns.send(&b"\r\n".repeat(100_000)).await;
    trent.ns.expect_nothing().await;
    drop(trent);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_without_end_is_cut_off_and_costs_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["olive", "peter", "mallory"] {
        let address = format!("{name}@example.com");
        let add = ["user", "add", &address, "--legacy", "--password-stdin"];
        child::run(folder.path(), &add, PASSWORD);
    }
    let server = ChildServer::start(folder.path(), "").await;
    let mut olive = server.at.sign_in("olive", 2).await;
    let mut peter = server.at.sign_in("peter", 12).await;
    let mut host = olive.open_room().await;
    let mut guest = peter.join(&mut host).await;
    let (memory, handles) = (server.memory(), server.handles());

    let attacks: [(&str, &[u8]); 5] = [
        ("nothing", b""),
        ("negotiated", b"VER 1 MSNP7 CVR0\r\n"),
        (
            "asked",
            b"VER 1 MSNP7 CVR0\r\nUSR 2 MD5 I mallory@example.com\r\n",
        ),
        ("signed in", b""),
        ("in a room", b""),
    ];
    for (stage, first) in attacks {
        let mut people = Vec::new();
        let mut endless = match stage {
            "signed in" => server.at.sign_in("mallory", 7).await.ns,
            "in a room" => {
                let mut mallory = server.at.sign_in("mallory", 7).await;
                let seat = mallory.open_room().await;
                people.push(mallory);
                seat.sb
            }
            _ => server.at.connect(7).await,
        };
        endless.send(first).await;
        let sent = endless.flood(b"A", 50_000_000).await;
        // The rest is what the system holds between the two ends.
        assert!(sent < 25_000_000, "{stage}: {sent} bytes were taken");
    }
    // Many at once, each in the middle of a line of its own.
    let mut crowd = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.at.msnp).await.unwrap();
        stream.write_all(&[b'B'; 8191]).await.unwrap();
        crowd.push(stream);
    }
    host.say("N", &chat("still here")).await;
    guest.hears("olive", &chat("still here")).await;
    drop(crowd);
    let is_over = |numbers: &Numbers| {
        numbers.connections("ns") == 2
            && numbers.connections("sb") == 2
            && numbers.closes("ns", "eof") >= 50
    };
    let numbers = Numbers::until(server.ops, "the end of the attack", is_over).await;
    assert_eq!(numbers.closes("sb", "too_large"), 1);
    assert_eq!(numbers.get("chrysalis_task_panics_total"), 0);
    let grown = server.memory().saturating_sub(memory);
    assert!(grown < 40_000_000, "the server has grown by {grown} bytes");
    // The database may have opened a few; each of the crowd had one.
    until_handles(&server, handles + 16).await;
    guest.say("N", &chat("me too")).await;
    host.hears("peter", &chat("me too")).await;
}

/// Sockets close a moment after their connections are counted out.
async fn until_handles(server: &ChildServer, at_most: usize) {
    let wait = async {
        while server.handles() > at_most {
            Numbers::read(server.ops).await;
        }
    };
    assert!(
        timeout(DEADLINE, wait).await.is_ok(),
        "{} handles are open, not {at_most}",
        server.handles()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_no_text_has_are_refused_or_escaped_in_every_field() {
    let statements = [
        "@friends mallory wendy",
        "@config limits.sign_ins_per_minute 100000",
        "@config limits.status_changes_per_minute 100000",
        "@config limits.room_opens_per_minute 100000",
        "@config limits.commands_burst 100000",
        "@config limits.messages_burst 100000",
    ];
    let scene = Scene::start(&["mallory", "wendy", "trent"], &statements).await;
    for (dialect, commands) in [(7, OLD_COMMANDS), (9, OLD_COMMANDS), (12, NEW_COMMANDS)] {
        let mut wendy = scene.at.sign_in("wendy", dialect).await;
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        for command in commands {
            for line in spoilt(command) {
                if !survives(&mut mallory, &line).await {
                    mallory = scene.at.sign_in("mallory", dialect).await;
                }
            }
            wendy.ns.send(b"PNG\r\n").await;
            loop {
                let frame = wendy.ns.until("").await;
                assert_is_text(&frame.line);
                if frame.line.starts_with(b"QNG") {
                    break;
                }
            }
        }
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_no_text_has_are_refused_in_every_field_of_a_switchboard() {
    let statements = ["@config limits.messages_burst 100000"];
    let scene = Scene::start(&["mallory", "trent"], &statements).await;
    let mut trent = scene.at.sign_in("trent", 12).await;
    let mut mallory = scene.at.sign_in("mallory", 12).await;
    let mut host = trent.open_room().await;
    for command in [
        "USR 5 mallory@example.com 1.2.3",
        "ANS 5 mallory@example.com 1.2.3 4",
        "CAL 5 olive@example.com",
        "MSG 5 N 0",
        "OUT 5",
    ] {
        for line in spoilt(command) {
            let mut seat = mallory.join(&mut host).await;
            seat.sb.send(&line).await;
            seat.sb.send(b"\r\nOUT\r\n").await;
            seat.sb.until_closed().await;
            let left = host.sb.until("BYE mallory@example.com").await;
            assert_is_text(&left.line);
            let mut fresh = scene.at.connect(12).await;
            fresh.send(&line).await;
            fresh.send(b"\r\nOUT\r\n").await;
            fresh.until_closed().await;
        }
    }
    drop((trent, mallory, host));
    scene.finish().await;
}

/// Fields in the way of MSNP9 and older.
const OLD_COMMANDS: &[&str] = &[
    "CVR 5 0x0409 winnt 5.1 i386 MSMSGS 4.6.0073 MSMSGS",
    "SYN 5 0",
    "LST 5 FL",
    "GTC 5 A",
    "BLP 5 AL",
    "PRP 5 PHH 555",
    "CHG 5 BSY",
    "ADD 5 AL trent@example.com trent",
    "ADD 5 FL trent@example.com trent 0",
    "REM 5 FL trent@example.com",
    "REM 5 AL trent@example.com",
    "REA 5 mallory@example.com mallory",
    "ADG 5 Friends 0",
    "REG 5 1 Pals 0",
    "RMG 5 1",
    "XFR 5 SB",
    "IMS 5 ON",
    "URL 5 INBOX",
    "FND 5 fname=* lname=* city=* state=* country=US",
    "SND 5 a@example.com 0x0409 MSMSGS MSMSGS",
    "QRY 5 msmsgs@msnmsgr.com 0",
];

/// Fields in the way of MSNP10 and newer.
const NEW_COMMANDS: &[&str] = &[
    "CVR 5 0x0409 winnt 5.1 i386 MSNMSGR 7.5.0324 MSMSGS mallory@example.com",
    "SYN 5 0 0",
    "GCF 5 Shields.xml",
    "PRP 5 MFN mallory",
    "PRP 5 PHM 555",
    "SBP 5 9f000000-0000-4000-8000-00000000f100 MFN trent",
    "CHG 5 BSY 1342558252 %3Cmsnobj%2F%3E",
    "ADC 5 AL N=trent@example.com",
    "ADC 5 FL N=trent@example.com F=trent",
    "ADC 5 FL C=9f000000-0000-4000-8000-00000000f100 9f000000-0000-4000-8000-00000000f101",
    "REM 5 FL 9f000000-0000-4000-8000-00000000f100",
    "REM 5 AL trent@example.com",
    "ADG 5 Friends",
    "REG 5 9f000000-0000-4000-8000-00000000f101 Pals",
    "RMG 5 9f000000-0000-4000-8000-00000000f101",
    "UUX 5 0",
    "LKP 5 x",
];

/// The command with each of its fields in turn replaced, lengthened or doubled.
fn spoilt(command: &str) -> Vec<Vec<u8>> {
    let endless = vec![b'a'; 4000];
    let rubbish: [&[u8]; 9] = [
        b"\0",
        b"a\0b",
        b"\xff\xfe",
        b"\xc3",
        b"a\rb",
        b"\x1b[2J",
        b"%00%0d%0aOUT",
        "\u{202e}\u{200b}".as_bytes(),
        &endless,
    ];
    let fields: Vec<&[u8]> = command.as_bytes().split(|&byte| byte == b' ').collect();
    let mut lines = Vec::new();
    for position in 1..fields.len() {
        for bytes in rubbish {
            let mut line = fields.clone();
            line[position] = bytes;
            lines.push(line.join(&b' '));
            let longer = [fields[position], bytes].concat();
            line[position] = &longer;
            lines.push(line.join(&b' '));
        }
        let mut line = fields.clone();
        line.insert(position, fields[position]);
        lines.push(line.join(&b' '));
        line.truncate(position);
        lines.push(line.join(&b' '));
    }
    lines
}

/// Sends a line; answers whether the session goes on.
async fn survives(person: &mut Person, line: &[u8]) -> bool {
    person.ns.send(&[line, b"\r\nPNG\r\n"].concat()).await;
    person.ns.until_ping_or_end().await
}

/// What one person's client sends must reach another's as text in one line.
fn assert_is_text(line: &[u8]) {
    let is_text = std::str::from_utf8(line).is_ok_and(|text| !text.contains(char::is_control));
    assert!(is_text, "{}", line.escape_ascii());
}

impl Connection {
    /// Reads what came before the answer to a ping; `false` if the server closed instead.
    pub(super) async fn until_ping_or_end(&mut self) -> bool {
        use crate::support::client::Arrival;
        loop {
            match self.next(false).await {
                Arrival::Frame(frame) if frame.line.starts_with(b"QNG") => return true,
                Arrival::Frame(_) => {}
                Arrival::Closed => return false,
                other => panic!("neither an answer nor an end: {other:?}"),
            }
        }
    }
}
