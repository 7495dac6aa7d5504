//! Every command at the wrong time.

use crate::support::people::{Person, chat};
use crate::support::scene::Scene;

/// Every verb of the reference and some that nobody has, with fields in the usual number
/// (`docs/protocol/00 §5`).
const VERBS: &[&str] = &[
    "VER 5 MSNP8 CVR0",
    "CVQ 5 0x0409 winnt 5.1 i386 MSNMSGR 6.0.0602 MSMSGS a@example.com",
    "CVR 5 0x0409 winnt 5.1 i386 MSNMSGR 6.0.0602 MSMSGS a@example.com",
    "INF 5",
    "USR 5 MD5 S 0123456789abcdef0123456789abcdef",
    "USR 5 TWN S t=1&p=",
    "XFR 5 SB",
    "XFR 5 NS",
    "OUT",
    "PNG",
    "SYN 5 0",
    "LST 5 RL",
    "LSG 5",
    "GTC 5 A",
    "BLP 5 BL",
    "PRP 5 PHH 1",
    "CHG 5 NLN",
    "ADD 5 FL trent@example.com Trent",
    "ADC 5 FL N=trent@example.com F=Trent",
    "REM 5 FL trent@example.com",
    "REA 5 trent@example.com Trent",
    "SBP 5 9f000000-0000-4000-8000-00000000f100 MFN x",
    "ADG 5 Friends 0",
    "RMG 5 1",
    "REG 5 1 Pals 0",
    "QRY 5 msmsgs@msnmsgr.com 32\r\n0123456789abcdef0123456789abcdef",
    "IMS 5 ON",
    "URL 5 INBOX",
    "FND 5 fname=x lname=y",
    "SND 5 a@example.com",
    "SDC 5 a@example.com 0x0409 MSMSGS MSMSGS X X Mallory 2\r\nhi",
    "PAG 5 trent@example.com 2\r\nhi",
    "PGD 5 trent@example.com 1 2\r\nhi",
    "UUX 5 0",
    "GCF 5 Shields.xml",
    "LKP 5 x",
    "CAL 5 trent@example.com",
    "ANS 5 trent@example.com 1.2.3 4",
    "MSG 5 U 2\r\nhi",
    "ACK 5",
    "NAK 5",
    "JOI trent@example.com Trent",
    "IRO 5 1 1 trent@example.com Trent",
    "BYE trent@example.com",
    "RNG 5 127.0.0.1:1863 CKI 1.2 trent@example.com Trent",
    "ILN 5 NLN trent@example.com Trent",
    "NLN NLN trent@example.com Trent",
    "FLN trent@example.com",
    "CHL 0 123",
    "QNG 50",
    "BPR trent@example.com PHH 1",
    "NOT 2\r\nhi",
    "IPG 2\r\nhi",
    "UBX trent@example.com 0",
    "SBS 0 null",
    "200 5",
    "911 5",
    "GET / HTTP/1.1",
    "XXX 5",
    "xfr 5 SB",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_does_anything_before_the_sign_in() {
    let statements = [
        "@config limits.failed_sign_ins_per_minute 10000",
        "@config limits.sign_ins_per_minute 100000",
        "@config limits.status_changes_per_minute 100000",
        "@config limits.room_opens_per_minute 100000",
    ];
    let scene = Scene::start(&["mallory", "trent"], &statements).await;
    for (dialect, method) in [(2, "MD5"), (8, "TWN"), (12, "TWN")] {
        let negotiated = format!("VER 1 MSNP{dialect} CVR0\r\n");
        let asked = format!("{negotiated}USR 3 {method} I mallory@example.com\r\n");
        for opening in ["", &negotiated, &asked] {
            for command in VERBS {
                let mut mallory = scene.at.connect(dialect).await;
                // A ping before the sign-in ends whatever the command itself did not.
                let text = format!("{opening}{command}\r\nPNG\r\n");
                mallory.send(text.as_bytes()).await;
                for frame in mallory.until_closed().await {
                    let fields = frame.fields();
                    let is_harmless = match fields[0] {
                        b"VER" | b"CVR" | b"CVQ" | b"INF" => true,
                        b"USR" => fields[3] == b"S",
                        code => code.iter().all(u8::is_ascii_digit),
                    };
                    assert!(is_harmless, "{command}: {}", frame.describe());
                }
            }
        }
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_may_come_twice_in_a_row() {
    let statements = [
        "@config limits.failed_sign_ins_per_minute 10000",
        "@config limits.sign_ins_per_minute 100000",
        "@config limits.status_changes_per_minute 100000",
        "@config limits.room_opens_per_minute 100000",
    ];
    let scene = Scene::start(&["mallory", "trent"], &statements).await;
    for dialect in [2, 7, 8, 12] {
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        for command in VERBS {
            let twice = format!("{command}\r\n{command}\r\nPNG\r\n");
            mallory.ns.send(twice.as_bytes()).await;
            if !mallory.ns.until_ping_or_end().await {
                mallory = scene.at.sign_in("mallory", dialect).await;
            }
        }
        every_switchboard_command_twice(&mut mallory).await;
    }
    scene.finish().await;
}

async fn every_switchboard_command_twice(mallory: &mut Person) {
    for command in VERBS {
        let mut seat = mallory.open_room().await;
        let twice = format!("{command}\r\n{command}\r\nOUT\r\n");
        seat.sb.send(twice.as_bytes()).await;
        for frame in seat.sb.until_closed().await {
            let is_known = matches!(frame.fields()[0], b"CAL" | b"NAK" | b"ACK")
                || frame.line[0].is_ascii_digit();
            assert!(is_known, "{command}: {}", frame.describe());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_commands_slows_only_its_sender() {
    let statements = [
        "@config limits.commands_per_second 200",
        "@config limits.commands_burst 10",
    ];
    let mut scene = Scene::start(&["mallory", "trent"], &statements).await;
    let mut mallory = scene.at.sign_in("mallory", 9).await;
    let start = std::time::Instant::now();
    mallory.ns.send(&b"PNG\r\n".repeat(500)).await;
    // The flood is under way for more than two seconds; nobody else waits for it.
    scene.bystanders.carry_on().await;
    let mut answered = 0;
    while answered < 500 {
        mallory.ns.expect("QNG").await;
        answered += 1;
    }
    // Ten commands at once, the rest at 200 a second.
    assert!(
        start.elapsed().as_millis() >= 2_400,
        "{:?}",
        start.elapsed()
    );
    let mut seat = mallory.open_room().await;
    seat.say("U", &chat("alone")).await;
    drop((mallory, seat));
    scene.finish().await;
}
