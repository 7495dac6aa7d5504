//! The commands that came with MSNP13 to 18, in the hands of somebody who means harm.

use crate::support::client::{Arrival, Frame};
use crate::support::pattern::printable;
use crate::support::people::{PASSWORD, Person};
use crate::support::scene::Scene;
use crate::support::soap::WebClient;

/// A machine that nobody here is at.
const ELSEWHERE: &str = "{99999999-0000-4000-8000-000000000009}";
/// The longest payload that is read (`docs/protocol/10 §3.1`).
const LONGEST: usize = 8_192;

/// What the server may say to somebody who is signed in.
const SAID: [&str; 24] = [
    "QNG", "NLN", "ILN", "FLN", "UBX", "ADL", "RML", "FQY", "UUX", "UUN", "UBN", "UUM", "UBM",
    "PUT", "NFY", "SDG", "NOT", "MSG", "CHL", "QRY", "PRP", "BLP", "CHG", "OUT",
];

/// Sends a command with a payload and a ping behind it, and reads what comes of it. `None` if the
/// server ended the connection.
async fn ask(person: &mut Person, command: &str, payload: &[u8]) -> Option<Vec<Frame>> {
    let line = format!("{command} {}\r\n", payload.len());
    let bytes = [line.as_bytes(), payload, b"PNG\r\n"].concat();
    person.ns.send(&bytes).await;
    let mut frames = Vec::new();
    loop {
        match person.ns.next(false).await {
            Arrival::Frame(frame) => {
                let verb = printable(frame.fields()[0]);
                let is_code = verb.len() == 3 && verb.bytes().all(|byte| byte.is_ascii_digit());
                let is_known = is_code || SAID.contains(&&*verb);
                assert!(is_known, "{command}: {}", frame.describe());
                assert_ne!(verb, "500", "{command}: {}", frame.describe());
                if verb == "QNG" {
                    return Some(frames);
                }
                frames.push(frame);
            }
            Arrival::Closed => return None,
            other => panic!("{command}: {other:?}"),
        }
    }
}

/// The same; whoever was sent away comes again.
async fn try_it(scene: &Scene, person: &mut Person, command: &str, payload: &[u8]) -> Vec<Frame> {
    match ask(person, command, payload).await {
        Some(frames) => frames,
        None => {
            *person = scene.at.sign_in(&person.name, person.dialect).await;
            Vec::new()
        }
    }
}

/// Nothing but what the server may say arrived.
async fn hears_only_what_is_said(person: &mut Person) {
    assert!(ask(person, "FQY 999", b"<ml/>").await.is_some());
}

fn list(inner: &str) -> String {
    format!("<ml><d n=\"example.com\">{inner}</d></ml>")
}

/// Lists that are none.
fn bad_lists() -> Vec<Vec<u8>> {
    let mut all: Vec<String> = [
        "",
        "<",
        "<ml",
        "<ml>",
        "<ml/>",
        "<ml l=\"1\"/>",
        "<ml l=\"2\"/>",
        "<d/>",
        "ml",
        "\0",
        "<ml><ml></ml></ml>",
        "<ml><d/></ml>",
        "<ml><d n=\"\"/></ml>",
        "<ml><x/></ml>",
        "<ml><t><c n=\"tel:+1\" l=\"3\"/></t></ml>",
        "<ml><n><c n=\"x\"/></n></ml>",
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><ml/>",
        "<!DOCTYPE ml SYSTEM \"file:///etc/passwd\"><ml/>",
        "<!DOCTYPE ml [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
         <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><ml><d n=\"&c;\"/></ml>",
    ]
    .map(str::to_owned)
    .into();
    let entries = [
        "n=\"\" l=\"1\" t=\"1\"",
        "n=\"trent\"",
        "n=\"trent\" l=\"\" t=\"\"",
        "n=\"trent\" l=\"0\" t=\"1\"",
        "n=\"trent\" l=\"6\" t=\"1\"",
        "n=\"trent\" l=\"7\" t=\"1\"",
        "n=\"trent\" l=\"8\" t=\"1\"",
        "n=\"trent\" l=\"16\" t=\"1\"",
        "n=\"trent\" l=\"255\" t=\"1\"",
        "n=\"trent\" l=\"-1\" t=\"1\"",
        "n=\"trent\" l=\"4294967296\" t=\"1\"",
        "n=\"trent\" l=\"x\" t=\"x\"",
        "n=\"trent\" l=\"3\" t=\"0\"",
        "n=\"trent\" l=\"3\" t=\"-1\"",
        "n=\"trent\" l=\"3\" t=\"99\"",
        "n=\"trent\" l=\"3\" t=\"9\"",
        "n=\"00000000-0000-0000-0009-000000000001\" l=\"3\" t=\"9\"",
        "n=\"00000000-0000-0000-0009-ffffffffffff\" l=\"7\" t=\"9\"",
        "n=\"trent\" l=\"3\" t=\"1\" l=\"3\"",
        "n=\"mallory\" l=\"3\" t=\"1\"",
        "n=\"MALLORY\" l=\"4\" t=\"1\"",
        "n=\"nobody\" l=\"3\" t=\"1\"",
        "n=\"a@b\" l=\"3\" t=\"1\"",
        "n=\"a b\" l=\"3\" t=\"1\"",
        "n=\"&#13;&#10;OUT&#13;&#10;\" l=\"3\" t=\"1\"",
        "n=\"%0d%0aOUT%0d%0a\" l=\"3\" t=\"1\"",
        "n=\"\u{202e}\u{1f600}\" l=\"3\" t=\"1\"",
        "n=\"&lt;/c&gt;]]&gt;&quot;\" l=\"3\" t=\"1\"",
    ];
    all.extend(entries.map(|entry| list(&format!("<c {entry} />"))));
    let doubled = "<c n=\"trent\" l=\"3\" t=\"1\"/>";
    all.push(list(&doubled.repeat(200)));
    all.push(list(&format!("{doubled}{}", doubled.replace('3', "5"))));
    all.push(list(&format!(
        "<c n=\"{}\" l=\"3\" t=\"1\"/>",
        "x".repeat(8_000)
    )));
    all.push("<ml>".repeat(2_000));
    all.push(list(&"<d>".repeat(2_500)));
    all.push(["<ml>", &"<d n=\"x\"/>".repeat(800), "</ml>"].concat());
    let attributes: String = (0..800).map(|n| format!(" a{n}=\"\"")).collect();
    all.push(format!("<ml{attributes}/>"));
    let mut all: Vec<Vec<u8>> = all.into_iter().map(String::into_bytes).collect();
    all.push(b"<ml>\xff\xfe</ml>".to_vec());
    all.push("<ml/>".encode_utf16().flat_map(u16::to_le_bytes).collect());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_none_changes_nothing_for_others() {
    for dialect in [13, 18] {
        let statements = [
            "@contact trent mallory BL name=mallory",
            "@config limits.commands_per_second 100000",
            "@config limits.commands_burst 100000",
        ];
        let mut scene = Scene::between([8, 18], &["mallory", "trent"], &statements).await;
        let mut trent = scene.at.sign_in("trent", 12).await;
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        for payload in bad_lists() {
            for (number, verb) in (10..).zip(["ADL", "RML", "FQY", "ADL", "RML"]) {
                let command = format!("{verb} {number}");
                let answers = try_it(&scene, &mut mallory, &command, &payload).await;
                for answer in answers.iter().filter(|it| it.line.starts_with(b"FQY ")) {
                    let text = std::str::from_utf8(&answer.payload).unwrap();
                    assert!(roxmltree::Document::parse(text).is_ok(), "{text}");
                }
            }
        }
        for verb in ["ADL 20", "RML 21", "FQY 22"] {
            // One byte more than is read, of which all is sent.
            let long = vec![b' '; LONGEST + 1];
            assert!(ask(&mut mallory, verb, &long).await.is_none(), "{verb}");
            mallory = scene.at.sign_in("mallory", dialect).await;
        }
        // Trent, who has blocked her, was added and removed, and shows nothing.
        hears_nothing_of_presence(&mut trent).await;
        scene.bystanders.carry_on().await;
        drop((mallory, trent));
        scene.finish().await;
    }
}

/// Somebody who came onto lists and off them again hears of that, and of nothing else.
async fn hears_nothing_of_presence(person: &mut Person) {
    person.ns.send(b"PNG\r\n").await;
    loop {
        let frame = person.ns.until("").await;
        match frame.fields()[0] {
            b"QNG" => return,
            b"ADC" | b"REM" => {}
            _ => panic!("{}", frame.describe()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_contacts_end_at_the_limit() {
    let statements = [
        "@config limits.forward_list 100",
        "@config limits.allow_list 100",
        "@config limits.block_list 100",
        "@config limits.commands_per_second 100000",
        "@config limits.commands_burst 100000",
    ];
    let names: Vec<String> = (0..150).map(|number| format!("p{number}")).collect();
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    all.push("mallory");
    let mut scene = Scene::between([8, 18], &all, &statements).await;
    let mut mallory = scene.at.sign_in("mallory", 18).await;
    let mut refused = 0;
    for (number, part) in (10..).zip(names.chunks(30)) {
        let entries: String = part
            .iter()
            .map(|name| format!("<c n=\"{name}\" l=\"3\" t=\"1\"/>"))
            .collect();
        let command = format!("ADL {number}");
        let answers = ask(&mut mallory, &command, list(&entries).as_bytes()).await;
        let answers = answers.expect("a full list ends nothing");
        refused += usize::from(!answers[0].line.starts_with(b"ADL "));
    }
    assert_eq!(refused, 2);
    // Thousands who do not exist, and a question about them.
    for start in (0..3_000).step_by(250) {
        let entries: String = (start..start + 250)
            .map(|number| format!("<c n=\"x{number}\" l=\"2\" t=\"1\"/>"))
            .collect();
        for verb in ["ADL 80", "RML 81", "FQY 82"] {
            assert!(
                ask(&mut mallory, verb, list(&entries).as_bytes())
                    .await
                    .is_some()
            );
        }
    }
    scene.bystanders.carry_on().await;
    drop(mallory);
    scene.finish().await;
}

/// Payloads for the commands that carry one for others.
fn bad_payloads(circle: &str) -> Vec<Vec<u8>> {
    let blocks = |to: &str, from: &str, length: usize, body: &str| {
        format!(
            "Routing: 1.0\r\nTo: {to}\r\nFrom: {from}\r\n\r\nReliability: 1.0\r\n\r\n\
             Messaging: 2.0\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let circle = &format!("9:{circle}@live.com");
    let publication = |from: &str, body: &str| {
        format!(
            "Routing: 1.0\r\nTo: {circle}\r\nFrom: {from}\r\n\r\nReliability: 1.0\r\n\r\n\
             Publication: 1.0\r\nUri: /circle\r\nContent-Type: application/circles+xml\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let join = |who: &str| {
        format!("<circle><roster><id>IM</id><user><id>1:{who}</id></user></roster></circle>")
    };
    let rename =
        "<circle><props><presence><Data><MFN>EVIL</MFN></Data></presence></props></circle>";
    let mut all: Vec<String> =
        vec![
        String::new(),
        "hello".to_owned(),
        "\r\n".repeat(2_000),
        "\r\nOUT\r\nOUT\r\n".to_owned(),
        "<Data>".to_owned(),
        "<Data/>".to_owned(),
        "<Data><PSM>&#13;&#10;OUT&#13;&#10;</PSM><PSM>x</PSM></Data>".to_owned(),
        "<Data><PSM>]]&gt;&lt;/Data&gt;</PSM><CurrentMedia>\\0Music\\01\\0</CurrentMedia></Data>"
            .to_owned(),
        format!("<Data><PSM>{}</PSM></Data>", "=".repeat(8_000)),
        format!("<Data>{}", "<a>".repeat(2_000)),
        "<!DOCTYPE Data [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Data><PSM>&x;</PSM></Data>"
            .to_owned(),
        "<EndpointData id=\"{99999999-0000-4000-8000-000000000009}\"><Capabilities>1:1\
         </Capabilities></EndpointData>"
            .to_owned(),
        "<EndpointData><Capabilities>99999999999999999999:-1</Capabilities></EndpointData>"
            .to_owned(),
        "<EndpointData><Capabilities>1:1\r\nOUT</Capabilities></EndpointData>".to_owned(),
        format!(
            "<PrivateEndpointData><EpName>{}</EpName><Idle>perhaps</Idle><ClientType>-1\
             </ClientType><State>XXX</State></PrivateEndpointData>",
            "x".repeat(1_000)
        ),
        "<PrivateEndpointData><EpName>a&#13;&#10;OUT</EpName><State>FLN</State>\
         </PrivateEndpointData>"
            .to_owned(),
        blocks("1:trent@example.com", "1:mallory@example.com", 2, "hi"),
        blocks("1:trent@example.com", "1:trent@example.com", 2, "hi"),
        publication("1:mallory@example.com", &join("mallory@example.com")),
        publication("1:mallory@example.com", &join("wendy@example.com")),
        publication("1:wendy@example.com", &join("wendy@example.com")),
        publication("1:mallory@example.com", rename),
        publication("1:mallory@example.com", &"<circle>".repeat(900)),
        blocks(circle, "1:mallory@example.com", 2, "hi"),
        blocks(&format!("{circle};path=IM"), "1:mallory@example.com", 2, "hi"),
        blocks(&format!("{circle};path=IM"), "1:wendy@example.com", 2, "hi"),
        blocks("9:x@live.com;path=IM", "1:mallory@example.com", 2, "hi"),
        blocks("x", "x", 2, "hi"),
        blocks("1:trent@example.com", "1:mallory@example.com", 9_999, "hi"),
        blocks("1:trent@example.com", "1:mallory@example.com", 0, "hi"),
        blocks(
            &format!("1:trent@example.com;epid={ELSEWHERE}"),
            &format!("1:mallory@example.com;epid={ELSEWHERE}"),
            2,
            "hi",
        ),
        "Routing: 1.0\r\n\r\n".repeat(400),
        "To: x\r\n".repeat(1_000),
    ];
    all.push("x".repeat(LONGEST));
    let mut all: Vec<Vec<u8>> = all.into_iter().map(String::into_bytes).collect();
    all.push(vec![0; 1_000]);
    all.push(vec![0xff; LONGEST]);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_for_others_reaches_nobody_who_does_not_want_it() {
    for dialect in [13, 18] {
        let statements = [
            "@contact trent mallory BL name=mallory",
            "@contact mallory trent FL AL name=trent",
            "@contact wendy mallory FL AL name=mallory",
            "@config limits.sign_ins_per_minute 100000",
            "@config limits.status_changes_per_minute 100000",
            "@config limits.room_opens_per_minute 100000",
            "@config limits.commands_per_second 100000",
            "@config limits.commands_burst 100000",
        ];
        let mut scene = Scene::between([8, 18], &["mallory", "trent", "wendy"], &statements).await;
        let mut trent = scene.at.sign_in("trent", 18).await;
        let mut wendy = scene.at.sign_in("wendy", 18).await;
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        let web = WebClient::sign_in(scene.at.http, "wendy@example.com", PASSWORD);
        let web = web.await.unwrap();
        let named = "<properties><DisplayName>ours</DisplayName></properties>";
        let circle = web.sharing("CreateCircle", named).await.text("Id").unwrap();
        let payloads = bad_payloads(&circle);
        let commands = [
            "UUX 10".to_owned(),
            "UUN 10 trent@example.com 1".to_owned(),
            format!("UUN 10 trent@example.com;{ELSEWHERE} 1"),
            format!("UUN 10 mallory@example.com;{ELSEWHERE} 4"),
            "UUN 10 trent@example.com;{x} 1".to_owned(),
            "UUN 10 trent@example.com 99999999999".to_owned(),
            "UUN 10 @ -1".to_owned(),
            "UUM 10 trent@example.com 1 1".to_owned(),
            "UUM 10 trent@example.com 32 1".to_owned(),
            "UUM 10 trent@example.com 1 99".to_owned(),
            "PUT 10".to_owned(),
            "SDG 10".to_owned(),
        ];
        for command in &commands {
            for payload in &payloads {
                try_it(&scene, &mut mallory, command, payload).await;
            }
            let long = vec![b'<'; LONGEST + 1];
            try_it(&scene, &mut mallory, command, &long).await;
        }
        // What only a server says.
        for command in [
            "NOT",
            "UBX trent@example.com",
            "UBN trent@example.com 1",
            "UBM trent@example.com 1 wendy@example.com 1 1",
            "NFY PUT",
            "DEL 10",
        ] {
            for payload in &payloads[1..4] {
                try_it(&scene, &mut mallory, command, payload).await;
            }
        }
        // Trent has blocked her: not a word of it. Wendy sees what she says of herself.
        trent.ns.expect_nothing().await;
        hears_only_what_is_said(&mut wendy).await;
        let found = web.book("ABFindContactsPaged", "").await;
        assert!(found.body.contains("ours"), "{found:?}");
        let handle = format!("<abHandle><ABId>{circle}</ABId></abHandle>");
        let inside = web.book("ABFindContactsPaged", &handle).await;
        assert_eq!(inside.fault(), None, "{inside:?}");
        assert!(!inside.body.contains("mallory"), "{inside:?}");
        scene.bystanders.carry_on().await;
        drop((mallory, trent, wendy));
        scene.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_that_is_none_ends_the_sign_in() {
    let statements = ["@config limits.failed_sign_ins_per_minute 10000"];
    let scene = Scene::between([8, 18], &["mallory"], &statements).await;
    let long = "A".repeat(7_000);
    let proofs = [
        "S",
        "S x",
        "S t=&p= x",
        "S t=x&p= AAAA",
        "S t=x&p= HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAA==",
        "S t=x&p= HAAAAAEAAAADZgAABIAAAAgAAAAUAAAA/////w==",
        "S t=x&p= ==== {99999999-0000-4000-8000-000000000009}",
        "S t=x&p= AAAA {x}",
        "S t=x&p= AAAA {99999999-0000-4000-8000-000000000009} more",
        "S t=x&p= \u{20ac} \u{1f600}",
        "I mallory@example.com",
        "X x",
        "A x y z",
        "",
    ];
    for dialect in [13, 15, 16, 18] {
        for method in ["SSO", "TWN", "SHA", "MD5", "OAS"] {
            let mut all: Vec<String> = proofs.iter().map(|it| format!("{method} {it}")).collect();
            all.push(format!("{method} S t={long}"));
            all.push(format!("{method} S t=x&p= {long}"));
            for proof in all {
                let asked = match dialect {
                    13 => "TWN",
                    _ => "SSO",
                };
                let mut mallory = scene.at.connect(dialect).await;
                let opening = format!(
                    "VER 1 MSNP{dialect} CVR0\r\nUSR 2 {asked} I mallory@example.com\r\n\
                     USR 3 {proof}\r\nPNG\r\n"
                );
                mallory.send(opening.as_bytes()).await;
                for frame in mallory.until_closed().await {
                    assert!(!frame.line.starts_with(b"USR 3 OK"), "{proof}");
                    assert!(!frame.line.starts_with(b"QNG"), "{proof}");
                    assert!(!frame.line.starts_with(b"500"), "{proof}");
                }
            }
        }
    }
    scene.finish().await;
}

/// Who answers for a place where they are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_no_good_under_another_place() {
    for dialect in [16, 18] {
        let scene = Scene::between([8, 18], &["mallory", "trent"], &[]).await;
        let mut mallory = scene.at.sign_in("mallory", dialect).await;
        let mut trent = scene.at.sign_in("trent", dialect).await;
        for handle in [
            format!("mallory@example.com;{ELSEWHERE}"),
            "mallory@example.com;{x}".to_owned(),
            "mallory@example.com;".to_owned(),
            format!("trent@example.com;{ELSEWHERE}"),
            format!(";{ELSEWHERE}"),
            ";;;".to_owned(),
        ] {
            let key = mallory.room_key().await;
            let mut seat = mallory.seat(&key, None).await;
            let line = format!("USR 1 {handle} {}", key.ticket);
            seat.sb.ask(&line, "911 1").await;
            seat.sb.until_closed().await;
        }
        let mut host = mallory.open_room().await;
        let call = format!("CAL 5 trent@example.com;{ELSEWHERE}");
        host.sb.ask(&call, "").await;
        host.sb
            .ask("CAL 6 trent@example.com", "CAL 6 RINGING ")
            .await;
        let ring = trent.rings().await;
        let mut seat = trent.seat(&ring.key, None).await;
        let handle = format!("trent@example.com;{ELSEWHERE}");
        let line = format!("ANS 1 {handle} {} {}", ring.key.ticket, ring.room);
        seat.sb.ask(&line, "911 1").await;
        seat.sb.until_closed().await;
        drop((mallory, trent, host, seat));
        scene.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_the_newer_commands_slows_only_its_sender() {
    let statements = [
        "@friends mallory trent",
        "@config limits.commands_per_second 400",
        "@config limits.commands_burst 10",
    ];
    let mut scene = Scene::between([8, 18], &["mallory", "trent"], &statements).await;
    let mut trent = scene.at.sign_in("trent", 18).await;
    let mut mallory = scene.at.sign_in("mallory", 18).await;
    let say = "<Data><PSM>x</PSM></Data>";
    let place = "<PrivateEndpointData><EpName>x</EpName></PrivateEndpointData>";
    for command in [
        format!("UUX 5 {}\r\n{say}", say.len()),
        format!("UUX 5 {}\r\n{place}", place.len()),
        "UUN 5 trent@example.com 1 2\r\nhi".to_owned(),
        "FQY 5 5\r\n<ml/>".to_owned(),
        "ADL 5 5\r\n<ml/>".to_owned(),
        "PUT 5 2\r\nhi".to_owned(),
        "SDG 5 2\r\nhi".to_owned(),
    ] {
        mallory.ns.send(&command.as_bytes().repeat(100)).await;
        mallory.ns.send(b"PNG\r\n").await;
        scene.bystanders.talk().await;
        mallory.ns.until("QNG").await;
        hears_only_what_is_said(&mut trent).await;
    }
    scene.bystanders.carry_on().await;
    drop((mallory, trent));
    scene.finish().await;
}
