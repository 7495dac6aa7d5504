//! Profiles and pictures as clients use them: a real server, SOAP over HTTP, and its database
//! opened again.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrysalis::config::Config;
use chrysalis::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::people::{PASSWORD, fixture};
use crate::support::player::Addresses;
use crate::support::soap::{
    ACTIVITY_PATH, STORAGE, STORAGE_PATH, activity_envelope, storage_envelope, token,
};

const DEADLINE: Duration = Duration::from_secs(20);
/// Accounts are numbered in the order in which they are made.
const ALICE: &str = "0003000000000001";

/// A server whose folder outlives it.
struct Site {
    server: Server,
    at: Addresses,
}

impl Site {
    async fn start(folder: &Path) -> Self {
        let server = Server::start(config(folder)).await.unwrap();
        let at = Addresses {
            msnp: server.msnp_addrs()[0],
            http: server.http_addrs()[0],
        };
        Self { server, at }
    }

    /// Signs in for profiles and for recent activity.
    async fn person(&self, name: &str) -> Person {
        let address = format!("{name}@example.com");
        let http = self.at.http;
        let storage = token(http, &address, PASSWORD, "storage.msn.com");
        let storage = storage.await.unwrap();
        let activity = token(http, &address, PASSWORD, "sup.live.com");
        let activity = activity.await.unwrap();
        Person {
            http,
            storage,
            activity,
        }
    }
}

/// Somebody with tokens.
struct Person {
    http: SocketAddr,
    storage: String,
    activity: String,
}

impl Person {
    async fn storage(&self, operation: &str, inner: &str) -> Answer {
        let [namespace, _] = STORAGE;
        let body = storage_envelope(&self.storage, namespace, operation, inner);
        let head = format!("SOAPAction: \"{namespace}/{operation}\"\r\nContent-Type: text/xml\r\n");
        exchange(self.http, "POST", STORAGE_PATH, &head, body.as_bytes()).await
    }

    async fn upload(&self, data: &[u8]) -> Answer {
        self.storage("CreateDocument", &new_tile(&BASE64.encode(data)))
            .await
    }

    async fn profile(&self) -> String {
        let handle = format!("<profileHandle><ResourceID>{ALICE}!106</ResourceID></profileHandle>");
        let answer = self.storage("GetProfile", &handle).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    async fn show(&self, number: u32) -> Answer {
        let relationship = format!(
            "<relationships><Relationship><SourceID>{ALICE}!118</SourceID><TargetID>\
             {ALICE}!{number}</TargetID></Relationship></relationships>"
        );
        self.storage("CreateRelationships", &relationship).await
    }

    async fn update(&self, inner: &str) {
        let profile = format!("<profile><ExpressionProfile>{inner}</ExpressionProfile></profile>");
        let answer = self.storage("UpdateProfile", &profile).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn news(&self, count: u32) -> String {
        let body = activity_envelope(&self.activity, count);
        let answer = exchange(self.http, "POST", ACTIVITY_PATH, "", body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// Fetches alice's picture with the own token behind it, as papyon does.
    async fn fetch(&self, size: &str) -> Answer {
        let token = &self.storage;
        let token = token.strip_prefix("t=").unwrap();
        let token = token.strip_suffix("&p=").unwrap();
        get(self.http, &format!("/usertile/{ALICE}/{size}?t={token}")).await
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

async fn get(http: SocketAddr, path: &str) -> Answer {
    exchange(http, "GET", path, "", b"").await
}

async fn exchange(http: SocketAddr, method: &str, path: &str, head: &str, body: &[u8]) -> Answer {
    let talk = async {
        let mut stream = TcpStream::connect(http).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        // A server that refuses early may close while this is still sending.
        drop(stream.write_all(head.as_bytes()).await);
        drop(stream.write_all(body).await);
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes).await);
        bytes
    };
    let bytes = timeout(DEADLINE, talk).await.expect("an answer");
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer to {method} {path}"));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: bytes[end + 4..].to_vec(),
    }
}

fn config(folder: &Path) -> Config {
    let text = format!(
        "data_dir = {:?}\nlisten.msnp = [\"127.0.0.1:0\"]\nlisten.http = [\"127.0.0.1:0\"]\n\
         listen.ops = []\nauth.argon2_memory_kib = 64\nauth.argon2_iterations = 1\n\
         [[tabs]]\nname = \"A & <B>\"\nurl = \"http://tab.example/\"\n",
        folder.join("data")
    );
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(Some(&path)).unwrap()
}

/// Alice, and people whom she allows, blocks, or does not know.
async fn people(folder: &Path) {
    let names = ["alice", "friend", "blocked", "stranger"];
    let statements = [
        "@contact alice@example.com friend@example.com FL AL",
        "@contact alice@example.com blocked@example.com BL",
        "@contact friend@example.com alice@example.com FL AL",
        "@contact blocked@example.com alice@example.com FL AL",
    ];
    let config = config(folder);
    fixture(&names, &statements).apply(&config).await.unwrap();
}

fn new_tile(data: &str) -> String {
    format!(
        "<parentHandle><RelationshipName>/UserTiles</RelationshipName><ResourceID>{ALICE}!106\
         </ResourceID></parentHandle><document xsi:type=\"Photo\"><Name>me.png</Name>\
         <DocumentStreams><DocumentStream xsi:type=\"PhotoStream\"><DocumentStreamType>\
         UserTileStatic</DocumentStreamType><MimeType>png</MimeType><Data>{data}</Data>\
         <DataSize>0</DataSize></DocumentStream></DocumentStreams></document>\
         <relationshipName>Messenger User Tile</relationshipName>"
    )
}

fn picture(format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(96, 96)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

#[tokio::test]
async fn a_picture_is_seen_by_those_who_may_see_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path()).await;
    let site = Site::start(folder.path()).await;
    let alice = site.person("alice").await;
    let jpeg = picture(image::ImageFormat::Jpeg);
    let created = alice.upload(&jpeg).await.text();
    assert_eq!(
        between(&created, "<CreateDocumentResult>", "<"),
        format!("{ALICE}!205")
    );
    assert_eq!(
        alice.fetch("static").await.status,
        404,
        "it is not shown yet"
    );
    assert_eq!(alice.show(205).await.status, 200);

    for (name, status) in [
        ("alice", 200),
        ("friend", 200),
        ("blocked", 404),
        ("stranger", 404),
    ] {
        let person = site.person(name).await;
        for size in ["static", "small"] {
            let answer = person.fetch(size).await;
            assert_eq!(answer.status, status, "{name} {size}");
        }
    }
    let full = alice.fetch("static").await;
    assert_eq!(full.body, jpeg);
    assert!(
        full.head.contains("Content-Type: image/jpeg"),
        "{}",
        full.head
    );
    let nobody = get(site.at.http, &format!("/usertile/{ALICE}/static")).await;
    assert_eq!(nobody.status, 404);
    // The address that alice has works for whoever she gives it to.
    let profile = alice.profile().await;
    let url = between(&profile, "<PreAuthURL>", "<");
    let path = url
        .strip_prefix(&format!("http://{}", site.at.http))
        .unwrap();
    assert_eq!(get(site.at.http, path).await.body, jpeg);
    // Nobody sees or changes the profile of another.
    let friend = site.person("friend").await;
    let refused = friend.show(205).await;
    assert!(
        refused.text().contains("AccessDenied"),
        "{}",
        refused.text()
    );
    // The ways besides the address.
    for head in [
        "Cookie: a=b; MSPAuth=TOKEN\r\n",
        "Authorization: Passport1.4 from-PP='TOKEN'\r\n",
    ] {
        let token = &friend.storage;
        let path = format!("/usertile/{ALICE}/small");
        let head = head.replace("TOKEN", token);
        let answer = exchange(site.at.http, "GET", &path, &head, b"").await;
        assert_eq!(answer.status, 200, "{head}");
    }
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn bombs_and_broken_files_harm_nothing() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path()).await;
    let site = Site::start(folder.path()).await;
    let alice = site.person("alice").await;
    let png = picture(image::ImageFormat::Png);
    // The header of a picture of 60,000x60,000, with its sum.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let sum = bomb[12..29].iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    bomb[29..33].copy_from_slice(&(!sum).to_be_bytes());
    for data in [
        &bomb[..],
        &png[..png.len() / 2],
        &png[..8],
        b"",
        b"GIF89a\xff\xff\xff\xff",
    ] {
        let answer = alice.upload(data).await;
        assert_eq!(answer.status, 500);
        assert!(
            answer.text().contains("InvalidRequest"),
            "{}",
            answer.text()
        );
    }
    let large = alice.upload(&vec![0; 1024 * 1024 + 1]).await;
    assert!(large.text().contains("RequestTooLarge"), "{}", large.text());
    let huge = alice.upload(&vec![0; 2 * 1024 * 1024]).await;
    assert!(huge.text().contains("RequestTooLarge"), "{}", huge.text());
    let no_base64 = alice.storage("CreateDocument", &new_tile("%%%%")).await;
    assert!(no_base64.text().contains("InvalidRequest"));

    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    for _ in 0..1_000 {
        let frame = image::Frame::new(image::RgbaImage::new(96, 96));
        encoder.encode_frame(frame).unwrap();
    }
    drop(encoder);
    assert_eq!(alice.upload(&gif).await.status, 200);
    assert_eq!(alice.show(205).await.status, 200);
    assert_eq!(alice.fetch("static").await.body, gif);
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn a_name_set_here_is_seen_by_watchers_at_once() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path()).await;
    let site = Site::start(folder.path()).await;
    let mut friend = site.at.sign_in("friend", 12).await;
    let owner = site.at.sign_in("alice", 9).await;
    friend.ns.until("NLN NLN alice@example.com ").await;
    let alice = site.person("alice").await;
    alice
        .update("<DisplayName>New name</DisplayName><PersonalStatus>at home</PersonalStatus>")
        .await;
    let seen = friend
        .ns
        .until("NLN NLN alice@example.com New%20name ")
        .await;
    assert!(!seen.line.is_empty());
    friend.ns.until("UBX alice@example.com ").await;
    drop(owner);
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn contacts_read_what_is_new_and_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path()).await;
    let site = Site::start(folder.path()).await;
    let alice = site.person("alice").await;
    let friend = site.person("friend").await;
    assert!(!friend.news(50).await.contains("ActivityDetails"));
    alice
        .update("<DisplayName>Alice &amp; co</DisplayName>")
        .await;
    alice
        .update("<PersonalStatus>at &lt;home></PersonalStatus>")
        .await;
    alice.upload(&picture(image::ImageFormat::Png)).await;
    alice.show(205).await;
    let news = friend.news(50).await;
    let document = roxmltree::Document::parse(&news).unwrap();
    let texts = |name: &str| -> Vec<String> {
        let nodes = document.descendants();
        let named = nodes.filter(|node| node.tag_name().name() == name);
        named
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect()
    };
    let expected = ["has a new picture", "at <home>", "Alice & co"];
    assert_eq!(texts("Value"), expected);
    let cid = i64::from_str_radix(ALICE, 16).unwrap().to_string();
    assert_eq!(texts("OwnerCID"), [&*cid, &*cid, &*cid]);
    assert_eq!(texts("NameHint")[0], "Alice & co");
    assert_eq!(friend.news(1).await.matches("<ActivityDetails>").count(), 1);
    for name in ["alice", "blocked", "stranger"] {
        let news = site.person(name).await.news(50).await;
        assert!(!news.contains("ActivityDetails"), "{name}: {news}");
    }
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path()).await;
    let site = Site::start(folder.path()).await;
    let alice = site.person("alice").await;
    let png = picture(image::ImageFormat::Png);
    for _ in 0..3 {
        alice.upload(&png).await;
    }
    alice.show(206).await;
    alice
        .update("<DisplayName>A</DisplayName><PersonalStatus>B</PersonalStatus><Flags>5</Flags>")
        .await;
    let profile = alice.profile().await;
    let url = between(&profile, "<PreAuthURL>", "<");
    let (_, path) = url.split_once("/usertile").unwrap();
    let path = format!("/usertile{path}");
    let news = site.person("friend").await.news(50).await;
    assert!(site.server.stop().await);

    let site = Site::start(folder.path()).await;
    assert_eq!(
        get(site.at.http, &path).await.body,
        png,
        "keys outlive the server"
    );
    let alice = site.person("alice").await;
    let mut again = String::new();
    for part in [
        "Version",
        "Flags",
        "DisplayName",
        "PersonalStatus",
        "DataSize",
    ] {
        let element = format!("<{part}>");
        let after = between(&alice.profile().await, &element, "<").to_owned();
        assert_eq!(after, between(&profile, &element, "<"));
        write!(again, "{after} ").unwrap();
    }
    assert!(again.contains(" 5 A B "), "{again}");
    let found = format!("<objectHandle><ResourceID>{ALICE}!106</ResourceID></objectHandle>");
    let found = alice.storage("FindDocuments", &found).await.text();
    assert_eq!(found.matches("<Document ").count(), 3);
    assert_eq!(site.person("friend").await.news(50).await, news);
    assert!(site.server.stop().await);
}

#[tokio::test]
async fn a_client_reads_its_configuration_before_it_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path()).await;
    let site = Site::start(folder.path()).await;
    let here = format!("http://{}", site.at.http);
    for query in [
        "?op=GetClientConfig&Country=US&CLCID=0409&ver=8.5.1302.1018",
        "?ver=14.0.8117.0416",
        "",
        "?ver=%00<script>%FF",
        "?ver=14.0'\"&&=&ver",
    ] {
        let path = format!(
            "//CONFIG/MsgrConfig.asmx{}",
            query.replace(['<', '>', '"'], "%3C")
        );
        let answer = get(site.at.http, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.text();
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(document.root_element().tag_name().name(), "MsgrConfig");
        assert!(
            text.contains(&format!("<url>{here}/abservice/abservice.asmx</url>")),
            "{text}"
        );
        assert!(text.contains("<name>A &amp; &lt;B&gt;</name>"), "{text}");
        assert!(text.contains("<domain name=\"tab.example\"/>"), "{text}");
    }
    for path in ["/svcs/mms/tabs.asp", "/svcs/mms/portal.asp?x=%"] {
        let answer = get(site.at.http, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer
                .text()
                .contains("<contenturl>http://tab.example/</contenturl>")
        );
    }
    assert!(site.server.stop().await);
}
