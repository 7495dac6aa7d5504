//! Every request body that the reference prints (`docs/protocol/11` to `13`), posted to a running
//! server with the names of its own things filled in, and every answer as reviewed.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roxmltree::{Document, Node};

use crate::support::challenge::product_answer;
use crate::support::offline::PRODUCT;
use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;
use crate::support::soap::{
    ACTIVITY_PATH, Answer, BOOK_PATH, CONTACTS, SHARING_PATH, STORAGE_PATH, WebClient, escape,
    post, token,
};

const CHAPTERS: [&str; 3] = [
    include_str!("../../docs/protocol/11-soap-auth-rst.md"),
    include_str!("../../docs/protocol/12-soap-contacts.md"),
    include_str!("../../docs/protocol/13-soap-oim-storage-config.md"),
];

/// A request: who sends it, where to, with a token for what.
struct Request {
    /// The element in its body.
    operation: &'static str,
    path: &'static str,
    sender: &'static str,
    /// Empty where no token is needed.
    audience: &'static str,
}

const fn request(operation: &'static str, path: &'static str, audience: &'static str) -> Request {
    Request {
        operation,
        path,
        sender: "alice",
        audience,
    }
}

const fn fetch(operation: &'static str) -> Request {
    Request {
        sender: "bob",
        ..request(operation, "/rsi/rsi.asmx", "messenger.msn.com")
    }
}

const SECURE: &str = "messengersecure.live.com";
const STORAGE: &str = "storage.msn.com";
const STORE: Request = request("MessageType", "/OimWS/oim.asmx", SECURE);

/// In an order in which each can succeed; of the same name, in the order of the reference.
const REQUESTS: &[Request] = &[
    request("RequestMultipleSecurityTokens", "/RST.srf", ""),
    request("RequestMultipleSecurityTokens", "/RST2.srf", ""),
    request("FindMembership", SHARING_PATH, CONTACTS),
    request("ABFindAll", BOOK_PATH, CONTACTS),
    request("ABFindContactsPaged", BOOK_PATH, CONTACTS),
    request("ABContactAdd", BOOK_PATH, CONTACTS),
    request("ABContactUpdate", BOOK_PATH, CONTACTS),
    request("ABGroupAdd", BOOK_PATH, CONTACTS),
    request("AddMember", SHARING_PATH, CONTACTS),
    request("CreateCircle", SHARING_PATH, CONTACTS),
    request("CreateContact", BOOK_PATH, CONTACTS),
    request("ManageWLConnection", BOOK_PATH, CONTACTS),
    request("BreakConnection", BOOK_PATH, CONTACTS),
    request("GetContactsRecentActivity", ACTIVITY_PATH, "sup.live.com"),
    STORE,
    fetch("GetMetadata"),
    fetch("GetMessage"),
    fetch("DeleteMessages"),
    request("GetProfile", STORAGE_PATH, STORAGE),
    request("UpdateProfile", STORAGE_PATH, STORAGE),
    request("CreateDocument", STORAGE_PATH, STORAGE),
    request("CreateRelationships", STORAGE_PATH, STORAGE),
    request("GetClientConfig", "/Config/MsgrConfig.asmx", ""),
];

/// What the answer to a request tells that later requests need: the name of the element, and what
/// stands for its text in the reference.
const LEARNT: &[(&str, &str, &str)] = &[
    ("CreateCircle", "Id", "00000000-0000-0000-0009-73944a8f7947"),
    (
        "CreateContact",
        "contactId",
        "3c2b1a09-8f7e-4d6c-9b5a-493827160504",
    ),
    ("GetMetadata", "I", "2b9d6f32-7f0e-4d27-9a5e-7c8a0d3f1e11"),
];

/// The requests of the reference: the name of the element in the body, and the whole.
fn printed() -> Vec<(String, &'static str)> {
    let blocks = CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.split("```xml\n").skip(1));
    blocks
        .filter_map(|block| {
            let text = block.split("```").next()?.trim();
            let document = Document::parse(text).ok()?;
            let body = document.descendants().find(|node| is(*node, "Body"))?;
            let name = body.first_element_child()?.tag_name().name();
            let is_answer = ["Response", "ResponseCollection", "Fault"]
                .iter()
                .any(|end| name.ends_with(end));
            (!is_answer).then(|| (name.to_owned(), text))
        })
        .collect()
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// The server's own for what the reference has.
struct Filling(Vec<(String, String)>);

impl Filling {
    /// What is known from the start.
    async fn of(http: SocketAddr) -> Self {
        let web = WebClient::sign_in(http, "alice@example.com", PASSWORD).await;
        let all = web.unwrap().book("ABFindAll", "").await;
        let signed = all.text("OwnerCID").unwrap();
        let hex = format!("{:016x}", signed.parse::<i64>().unwrap());
        let stamp = all.text("lastChange").unwrap();
        let password = escape(PASSWORD);
        let pairs = [
            ("@example.net", "@example.com"),
            (">p&amp;ss<", &format!(">{password}<")),
            (">secret<", &format!(">{password}<")),
            ("1311768467463790320", &signed),
            ("123456789abcdef0", &hex),
            (
                ">2010-01-02T03:04:05.0000000-08:00</lastChange",
                &format!(">{stamp}</lastChange"),
            ),
            (
                ">2010-01-02T03:04:05Z</LastChanged",
                &format!(">{stamp}</LastChanged"),
            ),
            ("iVBORw0KGgo=", &picture()),
        ];
        let owned = |(theirs, ours): (&str, &str)| (theirs.to_owned(), ours.to_owned());
        Self(pairs.map(owned).into())
    }

    fn fill(&self, text: &str) -> String {
        let replace = |text: String, (theirs, ours): &(String, String)| text.replace(theirs, ours);
        self.0.iter().fold(text.to_owned(), replace)
    }

    fn learn(&mut self, operation: &str, answer: &Answer) {
        for (_, element, theirs) in LEARNT.iter().filter(|(of, ..)| *of == operation) {
            let ours = answer.text(element).unwrap();
            self.0.push(((*theirs).to_owned(), ours));
        }
    }
}

fn picture() -> String {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::new_rgb8(96, 96);
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.unwrap();
    BASE64.encode(bytes.into_inner())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_reference_is_answered() {
    let mut printed = printed();
    let server = TestServer::start(&fixture(&["alice", "bob", "carol"], &[])).await;
    let server = server.unwrap();
    let http = server.addresses.http;
    let mut filling = Filling::of(http).await;
    let mut answers = Vec::new();
    for request in REQUESTS {
        let Request {
            operation, path, ..
        } = request;
        let is_it = |(name, _): &(String, &str)| name == operation;
        let position = printed.iter().position(is_it);
        let (_, text) = printed.remove(position.unwrap_or_else(|| panic!("no {operation}")));
        let mut text = filling.fill(text);
        if !request.audience.is_empty() {
            let address = format!("{}@example.com", request.sender);
            let token = token(http, &address, PASSWORD, request.audience).await;
            let token = token.unwrap();
            let bare = token.strip_prefix("t=").unwrap().split('&').next();
            text = text.replace("EXAMPLETOKEN", bare.unwrap());
        }
        let mut answer = post(http, path, "", text.as_bytes()).await.unwrap();
        // Without a key one is challenged first, as documented, and has a key then.
        if let Some(challenge) = answer.text("LockKeyChallenge") {
            assert_eq!(answer.refused(), "q0:AuthenticationFailed");
            let key = product_answer(challenge.as_bytes(), PRODUCT).unwrap();
            text = text.replace("lockkey=\"\"", &format!("lockkey=\"{key}\""));
            answer = post(http, path, "", text.as_bytes()).await.unwrap();
        }
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        assert_eq!(answer.fault(), None, "{operation}: {}", answer.body);
        filling.learn(operation, &answer);
        answers.push(format!("{path}\n{}", steady(&answer.body, http)));
    }
    let left: Vec<&String> = printed.iter().map(|(name, _)| name).collect();
    assert!(left.is_empty(), "not asked: {left:?}");
    insta::assert_snapshot!(answers.join("\n\n"));
    assert!(server.stop().await);
}

/// The kind of all groups.
const MESSENGER_GROUP: &str = "c8529ce2-6ead-434d-881f-341e17db3ff8";
/// The elements whose text is never the same twice.
const MOVING: &[&str] = &[
    "BinarySecret",
    "BinarySecurityToken",
    "CipherValue",
    "CircleTicket",
    "DataSize",
    "GetMessageResult",
    "PreAuthURL",
    "StaticUserTilePublicURL",
];

/// An answer, an element a line, without what is never the same twice.
fn steady(answer: &str, http: SocketAddr) -> String {
    let text = answer.replace(&http.to_string(), "[here]");
    let pieces: Vec<String> = text.split("</").map(without_moving_text).collect();
    let text = pieces.join("</").replace("><", ">\n<");
    let words = text.split_inclusive(['<', '>', '"', '@']);
    words.map(without_moving_word).collect()
}

/// What stands before the end of an element; its text goes if that is moving.
fn without_moving_text(piece: &str) -> String {
    let kept = piece.rsplit_once('<').and_then(|(before, element)| {
        let (head, _) = element.split_once('>')?;
        let name = head.split(' ').next()?.rsplit(':').next()?;
        MOVING
            .contains(&name)
            .then(|| format!("{before}<{head}>[...]"))
    });
    kept.unwrap_or_else(|| piece.to_owned())
}

/// A word with the sign behind it; a time or an identity goes.
fn without_moving_word(piece: &str) -> String {
    let word = piece.trim_end_matches(['<', '>', '"', '@']);
    let end = &piece[word.len()..];
    let dashes = word.match_indices('-').map(|(at, _)| at);
    let is_identity = word.len() == 36
        && dashes.eq([8, 13, 18, 23])
        && !word.starts_with("00000000-0000-0000-0000-")
        && word != MESSENGER_GROUP;
    let is_time = word.starts_with("20") && word.len() > 18 && word.find('T') == Some(10);
    match (is_identity, is_time) {
        (true, _) => format!("[guid]{end}"),
        (_, true) => format!("[time]{end}"),
        _ => piece.to_owned(),
    }
}
