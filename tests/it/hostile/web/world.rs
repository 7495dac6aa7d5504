//! Mallory, who sends all of it, and Wendy, who has what Mallory would like to have.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::SECRET;
use super::catalogue::{self, PRODUCT, Request};
use crate::support::challenge::product_answer;
use crate::support::people::PASSWORD;
use crate::support::scene::Scene;
use crate::support::soap::{Answer, WebClient, post, token};

/// The service whose tokens may do everything.
pub(super) const EVERYTHING: &str = "messengerclear.live.com";

/// A server, its two bystanders, and two people at the web services.
pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) mallory: Somebody,
    pub(super) wendy: Somebody,
}

/// Somebody's token and what is theirs.
#[derive(Debug, Clone)]
pub(super) struct Somebody {
    pub(super) http: SocketAddr,
    pub(super) token: String,
    pub(super) own: Own,
}

/// One of everything that has an identity.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    pub(super) name: String,
    pub(super) contact: String,
    pub(super) group: String,
    pub(super) circle: String,
    /// Somebody in the circle.
    pub(super) guest: String,
    /// The account, as storage writes it.
    pub(super) cid: String,
    pub(super) tile: String,
    pub(super) message: String,
    /// The answer to the question of the service for messages.
    pub(super) lock_key: String,
}

impl Own {
    /// The account, as requests about it write it.
    pub(super) fn signed_cid(&self) -> i64 {
        u64::from_str_radix(&self.cid, 16).unwrap().cast_signed()
    }
}

impl World {
    /// Mallory and Wendy do not know each other; both know Trent.
    pub(super) async fn start(statements: &[&str]) -> Self {
        let fixed = [
            "@friends mallory trent",
            "@friends wendy trent",
            "@config limits.failed_sign_ins_per_minute 10000",
            "@config limits.offline_sends_per_minute 10000",
        ];
        let statements = [&fixed, statements].concat();
        let names = ["mallory", "wendy", "trent", "carol"];
        let scene = Scene::between([8, 18], &names, &statements).await;
        let http = scene.at.http;
        let mut trent = Somebody::new(http, "trent").await;
        trent.unlock().await;
        let mallory = Somebody::with_belongings(http, "mallory", "mine", &trent).await;
        let wendy = Somebody::with_belongings(http, "wendy", SECRET, &trent).await;
        Self {
            scene,
            mallory,
            wendy,
        }
    }
}

impl Somebody {
    async fn new(http: SocketAddr, name: &str) -> Self {
        let address = format!("{name}@example.com");
        let own = Own {
            name: name.to_owned(),
            ..Own::default()
        };
        Self {
            http,
            token: token(http, &address, PASSWORD, EVERYTHING).await.unwrap(),
            own,
        }
    }

    /// Somebody with one of everything, each of which has `word` in it.
    async fn with_belongings(http: SocketAddr, name: &str, word: &str, friend: &Self) -> Self {
        let mut me = Self::new(http, name).await;
        me.unlock().await;
        let book = WebClient {
            http,
            token: me.token.clone(),
        };
        let found = book.book("ABFindAll", "").await;
        let contact = found.of("Contact", "passportName", "trent@example.com", "contactId");
        me.own.contact = contact.unwrap();
        let group = format!("<groupInfo><GroupInfo><name>{word}</name></GroupInfo></groupInfo>");
        me.own.group = done(&book.book("ABGroupAdd", &group).await, "guid");
        let comment = format!(
            "<contacts><Contact><contactId>{}</contactId><contactInfo><comment>{word}</comment>\
             </contactInfo><propertiesChanged>Comment</propertiesChanged></Contact></contacts>",
            me.own.contact
        );
        let changed = book.book("ABContactUpdate", &comment).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let circle = format!("<properties><DisplayName>{word}</DisplayName></properties>");
        me.own.circle = done(&book.sharing("CreateCircle", &circle).await, "Id");
        let guest = format!(
            "<abHandle><ABId>{}</ABId></abHandle><contactHandle><Email>trent@example.com</Email>\
             </contactHandle>",
            me.own.circle
        );
        me.own.guest = done(&book.book("CreateContact", &guest).await, "contactId");
        me.find_cid().await;
        let tile = catalogue::new_tile(&me.own, word, &BASE64.encode(catalogue::picture()));
        let made = me
            .send(&catalogue::storage(&me, "CreateDocument", &tile))
            .await;
        me.own.tile = done(&made, "CreateDocumentResult");
        let letter = catalogue::letter(&friend.own, &friend.token, name, word);
        let left = me.send(&letter).await;
        assert_eq!(left.status, 200, "{left:?}");
        let waiting = me.send(&catalogue::rsi(&me.token, "GetMetadata", "")).await;
        let (_, id) = waiting.body.split_once("<I>").unwrap();
        me.own.message = id.split('<').next().unwrap().to_owned();
        me
    }

    /// Asks for the question of the service for messages, and answers it.
    async fn unlock(&mut self) {
        let letter = catalogue::letter(&self.own, &self.token, "nobody", "x");
        let question = self.send(&letter).await.text("LockKeyChallenge").unwrap();
        self.own.lock_key = product_answer(question.as_bytes(), PRODUCT).unwrap();
    }

    /// The book names its owner by a signed number.
    async fn find_cid(&mut self) {
        let book = WebClient {
            http: self.http,
            token: self.token.clone(),
        };
        let found = book.book("ABFindAll", "").await;
        let cid: i64 = found.text("OwnerCID").unwrap().parse().unwrap();
        self.own.cid = format!("{:016x}", cid.cast_unsigned());
    }

    /// Sends a request of the catalogue.
    pub(super) async fn send(&self, request: &Request) -> Answer {
        self.post(request.path, &request.action, request.text().as_bytes())
            .await
    }

    /// Sends whatever it is.
    pub(super) async fn post(&self, path: &str, action: &str, body: &[u8]) -> Answer {
        let headers = format!("SOAPAction: \"{action}\"\r\n");
        let answer = post(self.http, path, &headers, body).await;
        answer.unwrap_or_else(|reason| panic!("{path} {action}: {reason}"))
    }

    /// Everything that is kept here for this person, to be compared.
    pub(super) async fn belongings(&self) -> Vec<String> {
        let mut all = Vec::new();
        for request in catalogue::reading(self) {
            let answer = self.send(&request).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let mut payload = answer.payload().unwrap();
            // The ticket for circles is signed anew each time, and the clock of books is
            // everybody's.
            for name in ["CircleTicket", "lastChange", "LastChange"] {
                let (start, end) = (format!("<{name}>"), format!("</{name}>"));
                let mut parts = payload.split(&start);
                let first = parts.next().unwrap().to_owned();
                let rest = parts.filter_map(|part| part.split_once(&end));
                payload = rest.fold(first, |all, (_, rest)| all + rest);
            }
            all.push(payload);
        }
        all
    }
}

/// The text of an element of an answer that has to be a success.
#[track_caller]
fn done(answer: &Answer, name: &str) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text(name).unwrap_or_else(|| panic!("{answer:?}"))
}
