//! Bodies that are no requests, to every path there is.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::catalogue::{self, OTHER_PATHS, SERVICES};
use super::world::World;
use super::{is_refusal, is_sound};
use crate::support::soap::{Answer, post};

const TEN_MEGABYTES: usize = 10 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(20);

/// Every path that takes requests.
fn paths() -> impl Iterator<Item = &'static str> {
    SERVICES.into_iter().chain(OTHER_PATHS)
}

/// A good request, spoilt in every way in which a whole body can be.
fn spoilt(good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let declared = good.find("<soap:Envelope").unwrap();
    let with_type = |definition: &str| {
        let (start, rest) = good.split_at(declared);
        format!("{start}<!DOCTYPE x {definition}>{rest}").into_bytes()
    };
    let inside = |what: &str| good.replace("<soap:Body>", &format!("<soap:Body>{what}"));
    let with_attributes = |attributes: &str| {
        let tag = format!("<soap:Body{attributes}>");
        good.replace("<soap:Body>", &tag).into_bytes()
    };
    let entities: String = (1..12)
        .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let attributes: String = (0..100_000).map(|n| format!(" a{n:x}=''")).collect();
    let namespaces: String = (0..2_000).map(|n| format!(" xmlns:n{n}='{n}'")).collect();
    let wide = |to_bytes: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        let text = format!("{mark}{good}");
        text.encode_utf16().flat_map(to_bytes).collect()
    };
    let latin = good.replace("utf-8", "iso-8859-1");
    let mut as_latin = inside("\u{1}").into_bytes();
    for byte in &mut as_latin {
        if *byte == 1 {
            *byte = 0xe9;
        }
    }
    vec![
        ("nothing", Vec::new()),
        ("no XML", b"hello".to_vec()),
        ("half", good.as_bytes()[..good.len() / 2].to_vec()),
        (
            "all but the end",
            good.as_bytes()[..good.len() - 1].to_vec(),
        ),
        ("something behind it", format!("{good}<x/>").into_bytes()),
        ("a type", with_type("SYSTEM \"http://127.0.0.1:1/x.dtd\"")),
        (
            "a file",
            with_type("[<!ENTITY f SYSTEM \"file:///etc/passwd\">]"),
        ),
        (
            "a parameter",
            with_type("[<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]"),
        ),
        (
            "a bomb",
            with_type(&format!("[<!ENTITY e0 \"lol\">{entities}]")),
        ),
        (
            "a wide bomb",
            with_type(&format!("[<!ENTITY a \"{}\">]", "a".repeat(50_000))),
        ),
        ("an unknown entity", inside("&nbsp;").into_bytes()),
        ("a character that is none", inside("&#0;").into_bytes()),
        ("depth", inside(&"<a>".repeat(100_000)).into_bytes()),
        (
            "depth that ends",
            inside(&["<a>".repeat(50_000), "</a>".repeat(50_000)].concat()).into_bytes(),
        ),
        ("elements", inside(&"<a/>".repeat(100_000)).into_bytes()),
        ("attributes", with_attributes(&attributes)),
        ("an attribute twice", with_attributes(" a='1' a='2'")),
        ("namespaces", with_attributes(&namespaces)),
        ("a comment without end", inside("<!--").into_bytes()),
        ("data without end", inside("<![CDATA[").into_bytes()),
        ("an instruction", inside("<?php x").into_bytes()),
        ("little ends", wide(u16::to_le_bytes, "\u{feff}")),
        ("big ends", wide(u16::to_be_bytes, "\u{feff}")),
        ("little ends, unmarked", wide(u16::to_le_bytes, "")),
        ("big ends, unmarked", wide(u16::to_be_bytes, "")),
        ("another declaration", latin.into_bytes()),
        ("Latin as UTF-8", as_latin),
        ("no text", vec![0xff; 1_000]),
        (
            "half a character",
            inside("\u{20ac}").into_bytes()[..declared + 1].to_vec(),
        ),
        ("NUL", inside("\0").into_bytes()),
        ("NUL only", vec![0; 10_000]),
        ("a control character", inside("\u{1}").into_bytes()),
        ("another root", b"<Other/>".to_vec()),
        ("no body", b"<Envelope/>".to_vec()),
        ("an empty body", b"<Envelope><Body/></Envelope>".to_vec()),
        (
            "two bodies",
            good.replace("</soap:Envelope>", "<soap:Body/></soap:Envelope>")
                .into_bytes(),
        ),
        ("JSON", b"{\"Envelope\":{}}".to_vec()),
        (
            "a form",
            b"token=ru%3dhttp%3a%2f%2fevil.example&x=%00%ff".to_vec(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_request_is_refused_on_every_path() {
    let mut world = World::start(&[]).await;
    let before = world.mallory.belongings().await;
    let good = catalogue::reading(&world.mallory);
    let bodies = spoilt(&good[0].text());
    for path in paths() {
        let is_service = SERVICES.contains(&path) || path.to_lowercase().contains("/rst");
        for (what, body) in &bodies {
            let answer = world.mallory.post(path, "x", body).await;
            let what = format!("{what} to {path}");
            is_sound(&what, &answer);
            if is_service {
                is_refusal(&what, &answer);
            }
        }
    }
    world.scene.bystanders.carry_on().await;
    assert_eq!(world.mallory.belongings().await, before);
    world.scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_are_not_read_however_they_come() {
    let mut world = World::start(&[]).await;
    let http = world.scene.at.http;
    let body = vec![b'x'; TEN_MEGABYTES];
    for path in paths() {
        let answer = post(http, path, "", &body).await.unwrap();
        is_refusal(path, &answer);
        for framing in [
            "Transfer-Encoding: chunked\r\n",
            "",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
        ] {
            let answer = pour(http, path, framing).await;
            let what = format!("{framing:?} to {path}");
            match answer {
                // A peer that goes on after a refusal may find it gone with the connection.
                None => {}
                Some(answer) => is_sound(&what, &answer),
            }
        }
    }
    world.scene.bystanders.carry_on().await;
    world.mallory.belongings().await;
    world.scene.finish().await;
}

/// Sends ten megabytes in chunks behind this head, whatever it says of them, and reads the first
/// answer. The server has to end it.
async fn pour(http: SocketAddr, path: &str, framing: &str) -> Option<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(http).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n");
        let (mut reading, mut writing) = stream.split();
        let write = async {
            let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
            let mut sent = writing.write_all(head.as_bytes()).await;
            for _ in 0..TEN_MEGABYTES / 0x10000 {
                if sent.is_err() {
                    return;
                }
                sent = writing.write_all(&chunk).await;
            }
            let _ = writing.shutdown().await;
        };
        let read = async {
            let mut answer = Vec::new();
            let _ = reading.read_to_end(&mut answer).await;
            answer
        };
        tokio::join!(write, read).1
    };
    let answer = timeout(DEADLINE, exchange).await.expect("an end");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: body.split("HTTP/1.1").next()?.to_owned(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_method_and_no_address_gets_further_than_its_path() {
    let world = World::start(&[]).await;
    let http = world.scene.at.http;
    let long = format!("/{}", "a/".repeat(3_000));
    let odd = [
        "/usertile/%00/static",
        "/usertile/%ff%fe/static",
        "/usertile/0003000000000002/static/..%2f..%2fetc%2fpasswd",
        "/usertile/0003000000000002/small?t=%ff",
        "/usertile/-1/static",
        "/usertile/ffffffffffffffff/static?t=",
        "/usertile/99999999999999999999/static",
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/5meen_us/%0d%0aSet-Cookie:%20x=y",
        "/5meen_us/https:%2f%2fevil.example",
        "/GetRealmInfo.srf?login=%3Cscript%3E@example.com",
        "/GetRealmInfo.srf?login=%00&login=%ff",
        "/config/MsgrConfig.asmx?op=GetClientConfig&ver=99999999999999999999.1",
        "/config/MsgrConfig.asmx?ver=%ff%00",
        "/rst.srf?%00",
        "*",
        &long,
    ];
    let all: Vec<&str> = paths().collect();
    for path in all.into_iter().chain(odd) {
        for method in [
            "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW",
        ] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: <x>'\"\r\nCookie: MSPAuth=<x>\r\n\
                 Authorization: Passport1.4 from-PP='<x>'\r\nX-Injected: no\r\n\
                 Connection: close\r\n\r\n"
            );
            let answer = ask(http, request.as_bytes()).await;
            let what = format!("{method} {path}");
            is_sound(&what, &answer);
            let head = answer.head.to_lowercase();
            // A page gives every browser that has none a cookie of its own.
            let head = head.replace("set-cookie: chrysalis_guest=", "");
            for word in ["set-cookie", "evil.example", "x-injected"] {
                assert!(!head.contains(word), "{what}: {answer:?}");
            }
            assert!(!answer.body.contains("<script>"), "{what}: {answer:?}");
        }
    }
    world.scene.finish().await;
}

/// Sends these bytes and reads to the end.
async fn ask(http: SocketAddr, request: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(http).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = timeout(DEADLINE, exchange).await.expect("an end");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
