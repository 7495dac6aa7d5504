//! What a change by one way in does to everybody who is there by another: the web services, and
//! the notification server at every generation.
//!
//! What somebody hears is written as [`Word`]s, which each know their exact form in each dialect.
//! A client must hear just the words it is expected to, in their order: silence is proven by a
//! ping.

mod line_changes;
mod places;
mod tickets;
mod web_changes;

use crate::soap::{OWN_BOOK, book, lists, ok};
use crate::support::client::{Arrival, Connection};
use crate::support::pattern::printable;
use crate::support::people::PASSWORD;
use crate::support::server::TestServer;
use crate::support::sign_in::{capabilities, sign_in};
use crate::support::soap::{Answer, WebClient, post, token};
use crate::support::transcript::{Link, SignIn};

/// The first machine of somebody who has two.
const LAPTOP: &str = "f52973b6-c926-4bad-9ba8-7c1e840e4ab0";
const DESKTOP: &str = "0c7e44a1-2d6b-4f0e-8a11-9b3d5e7f1023";

const STORAGE: &str = "http://www.msn.com/webservices/storage/2008";
const STORAGE_PATH: &str = "/storageservice/SchematizedStore.asmx";

fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// Something that a client may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// The own book is another.
    Book,
    /// Somebody of this name follows one.
    Added(&'static str),
    /// Somebody follows one no more.
    Removed(&'static str),
    /// A contact appears, at a client of this dialect.
    Online(&'static str, u8),
    /// A contact is to be seen no more.
    Gone(&'static str),
    /// A contact has another name, at a client of this dialect.
    Named(&'static str, &'static str, u8),
    /// A contact, or oneself, has another personal message.
    Says(&'static str, &'static str),
    /// The own name is another.
    OwnName(&'static str, &'static str),
    /// The own message is another.
    OwnMessage(&'static str, &'static str),
}

impl Word {
    /// The lines in which a client of this dialect is told; stars stand for anything.
    fn lines(self, dialect: u8) -> Vec<String> {
        let has_messages = dialect >= 11;
        let has_places = dialect >= 16;
        match self {
            Self::Book if has_places => vec!["NOT * | *ABCHInternal*".to_owned()],
            Self::Book => Vec::new(),
            Self::Added(who) => {
                let line = match dialect {
                    ..=9 => format!("ADD 0 RL * {} {who}", address(who)),
                    10..=12 => format!("ADC 0 RL N={} F={who}", address(who)),
                    _ => format!(
                        "ADL 0 * | <ml><d n=\"example.com\"><c n=\"{who}\" t=\"1\" l=\"8\" \
                         f=\"{who}\" /></d></ml>"
                    ),
                };
                [vec![line], Self::Book.lines(dialect)].concat()
            }
            Self::Removed(who) => {
                let line = match dialect {
                    ..=9 => format!("REM 0 RL * {}", address(who)),
                    10..=12 => format!("REM 0 RL {}", address(who)),
                    _ => format!(
                        "RML 0 * | <ml><d n=\"example.com\"><c n=\"{who}\" t=\"1\" l=\"8\" /></d></ml>"
                    ),
                };
                [vec![line], Self::Book.lines(dialect)].concat()
            }
            Self::Online(who, theirs) => {
                let mut lines = Self::Named(who, who, theirs).lines(dialect);
                if has_messages {
                    lines.push(format!("UBX {} *", subject(dialect, who)));
                }
                lines
            }
            Self::Gone(who) => {
                let end = match dialect {
                    ..=13 => "",
                    14 | 15 => " 0",
                    _ => " 0:0",
                };
                vec![format!("FLN {}{end}", subject(dialect, who))]
            }
            Self::Named(who, name, theirs) => {
                let picture = if dialect < 13 { "" } else { " 0" };
                vec![format!(
                    "NLN NLN {} {name}{}{picture}",
                    subject(dialect, who),
                    shown_capabilities(dialect, theirs),
                )]
            }
            Self::Says(who, text) if has_messages => vec![format!(
                "UBX {} * | <Data><PSM>{text}</PSM>*",
                subject(dialect, who)
            )],
            Self::Says(..) => Vec::new(),
            Self::OwnName(who, name) => {
                let mut lines = Vec::new();
                if dialect == 18 {
                    lines = Self::Named(who, name, dialect).lines(dialect);
                }
                if has_places {
                    lines.push(format!("UBX {} *", subject(dialect, who)));
                }
                lines
            }
            Self::OwnMessage(who, text) if has_places => Self::Says(who, text).lines(dialect),
            Self::OwnMessage(..) => Vec::new(),
        }
    }
}

/// How presence names somebody.
fn subject(dialect: u8, who: &str) -> String {
    match dialect {
        ..=13 => address(who),
        14..=17 => format!("{} 1", address(who)),
        _ => format!("1:{}", address(who)),
    }
}

/// What a client of the first dialect is told that one of the second can do, with the space
/// before it.
fn shown_capabilities(dialect: u8, theirs: u8) -> String {
    let said = capabilities(theirs).trim_start();
    let (basic, extended) = said.split_once(':').unwrap_or((said, "0"));
    let basic = if basic.is_empty() { "0" } else { basic };
    match dialect {
        ..=7 => String::new(),
        8..=15 => format!(" {basic}"),
        _ => format!(" {basic}:{extended}"),
    }
}

/// Whether a text has this form; stars stand for anything.
fn has_form(text: &str, form: &str) -> bool {
    let mut parts = form.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// Somebody at the notification server.
struct Client {
    who: String,
    dialect: u8,
    connection: Connection,
    next_id: u32,
}

impl Client {
    /// Signs in up to the first status, or without one.
    async fn sign_in(
        server: &TestServer,
        name: &str,
        dialect: u8,
        machine: &str,
        status: Option<&str>,
    ) -> Self {
        let wish = SignIn {
            link: Link {
                client: 'A',
                role: "NS".to_owned(),
            },
            account: address(name),
            dialect,
            status: status.map(str::to_owned),
            library: None,
            capabilities: None,
            picture: None,
            message: None,
            machine: Some(machine.to_owned()),
            synchronise: true,
        };
        let mut connection = server.addresses.connect(dialect).await;
        let http = server.addresses.http;
        sign_in(&wish, &address(name), PASSWORD, &mut connection, http)
            .await
            .unwrap_or_else(|reason| panic!("{name} with MSNP{dialect}: {reason}"));
        Self {
            who: format!("{name} with MSNP{dialect}"),
            dialect,
            connection,
            next_id: 100,
        }
    }

    /// Everything that has arrived.
    async fn heard(&mut self) -> Vec<String> {
        self.connection.send(b"PNG\r\n").await;
        let mut lines = Vec::new();
        loop {
            let line = self.next().await;
            if line.starts_with("QNG") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// The next line that arrives, with its payload behind a bar.
    async fn next(&mut self) -> String {
        match self.connection.next(false).await {
            Arrival::Frame(frame) if frame.payload.is_empty() => printable(&frame.line),
            Arrival::Frame(frame) => {
                let (line, payload) = (printable(&frame.line), printable(&frame.payload));
                format!("{line} | {payload}")
            }
            other => panic!("{}: {other:?}", self.who),
        }
    }

    /// The server has said this last and hung up.
    async fn ends_as_replaced(mut self) {
        let said = self.connection.until_closed().await;
        let last = said.last().map(|frame| frame.describe());
        assert_eq!(last.as_deref(), Some("OUT OTH"), "{}", self.who);
    }

    /// What has arrived has to be this.
    async fn hears(&mut self, cause: &str, words: &[Word]) {
        let heard = self.heard().await;
        let wanted: Vec<String> = words
            .iter()
            .flat_map(|word| word.lines(self.dialect))
            .collect();
        let is_alike = heard.len() == wanted.len()
            && (heard.iter().zip(&wanted)).all(|(line, form)| has_form(line, form));
        assert!(
            is_alike,
            "{cause}: {} heard\n  {}\nand not\n  {}",
            self.who,
            heard.join("\n  "),
            wanted.join("\n  ")
        );
    }

    /// Sends a command, with a payload if there is one, and answers what came of it.
    async fn asks(&mut self, verb: &str, rest: &str, payload: Option<&str>) -> Vec<String> {
        self.next_id += 1;
        let line = match payload {
            Some(payload) => {
                let rest = format!("{rest} {}", payload.len());
                format!("{verb} {} {}\r\n{payload}", self.next_id, rest.trim_start())
            }
            None => format!("{verb} {} {rest}\r\n", self.next_id),
        };
        self.connection.send(line.as_bytes()).await;
        // What it causes here too is certain to be on its way once the answer has come.
        let id = self.next_id.to_string();
        let mut lines = Vec::new();
        loop {
            lines.push(self.next().await);
            let mut fields = lines.iter().flat_map(|line| line.split(' ').nth(1));
            if fields.any(|field| field == id) {
                break;
            }
        }
        lines.extend(self.heard().await);
        lines
    }

    /// Sends a command that has to be done: its answer repeats its number and is no error.
    async fn does(&mut self, verb: &str, rest: &str, payload: Option<&str>) -> String {
        let lines = self.asks(verb, rest, payload).await;
        let start = format!("{verb} {}", self.next_id);
        let answer = lines.iter().find(|line| line.starts_with(&start));
        let answer = answer.unwrap_or_else(|| panic!("{}: {verb} {rest}: {lines:?}", self.who));
        answer.clone()
    }
}

/// Somebody at the web services, by one sign-in.
struct Web {
    contacts: WebClient,
    storage: String,
}

impl Web {
    async fn sign_in(server: &TestServer, name: &str) -> Self {
        let http = server.addresses.http;
        let address = address(name);
        let contacts = WebClient::sign_in(http, &address, PASSWORD);
        let storage = token(http, &address, PASSWORD, "storage.msn.com");
        Self {
            contacts: contacts.await.unwrap(),
            storage: storage.await.unwrap(),
        }
    }

    /// Calls an operation of the storage service.
    async fn storage(&self, operation: &str, request: &str) -> Answer {
        let body = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
             <StorageUserHeader xmlns=\"{STORAGE}\"><Puid>0</Puid><TicketToken>{}</TicketToken>\
             </StorageUserHeader></s:Header><s:Body><{operation} xmlns=\"{STORAGE}\">{request}\
             </{operation}></s:Body></s:Envelope>",
            self.storage.replace('&', "&amp;")
        );
        let action = format!("SOAPAction: \"{STORAGE}/{operation}\"\r\n");
        let answer = post(self.contacts.http, STORAGE_PATH, &action, body.as_bytes());
        ok(answer.await.unwrap())
    }

    /// The personal message, as the profile has it. Whose it is stands in the request: Alice, who
    /// is the first account everywhere.
    async fn message(&self) -> Option<String> {
        let handle = "<profileHandle><ResourceID>0003000000000001!106</ResourceID></profileHandle>";
        let profile = self.storage("GetProfile", handle).await;
        profile.text("PersonalStatus")
    }

    /// On which lists this person has another one, in the order of the service.
    async fn roles(&self, other: &str) -> String {
        roles_in(&lists(&self.contacts).await, other)
    }

    /// A field of somebody's card, or of something in it; `None` without a card.
    async fn card(&self, other: &str, field: &str) -> Option<String> {
        let book = book(&self.contacts).await;
        book.of("Contact", "passportName", &address(other), field)
    }

    /// An annotation on the own card.
    async fn setting(&self, name: &str) -> Option<String> {
        book(&self.contacts)
            .await
            .of("Annotation", "Name", name, "Value")
    }

    /// What a client keeps to ask for what is new.
    async fn stamps(&self) -> Stamps {
        let book = book(&self.contacts).await;
        let own = "00000000-0000-0000-0000-000000000000";
        Stamps {
            book: book.of("ab", "abId", own, "lastChange").unwrap(),
            lists: lists(&self.contacts).await.text("LastChange").unwrap(),
        }
    }

    /// What is new in the book, and on the lists.
    async fn news(&self, since: &Stamps) -> (Answer, Answer) {
        let ask =
            |stamp: &str| format!("<deltasOnly>true</deltasOnly><lastChange>{stamp}</lastChange>");
        let in_book = OWN_BOOK.to_owned() + &ask(&since.book);
        let in_book = self.contacts.book("ABFindAll", &in_book).await;
        let on_lists = ask(&since.lists);
        let on_lists = self.contacts.sharing("FindMembership", &on_lists).await;
        (ok(in_book), ok(on_lists))
    }

    /// Whether anything is new.
    async fn has_news(&self, since: &Stamps) -> bool {
        let (book, lists) = self.news(since).await;
        book.count("Contact") + book.count("Group") + lists.count("Member") > 0
    }
}

/// The moments of an answer in full.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamps {
    book: String,
    lists: String,
}

/// The lists that somebody is on, of those that were answered.
fn roles_in(lists: &Answer, other: &str) -> String {
    let roles = ["Allow", "Block", "Reverse", "Pending"];
    let of = roles
        .into_iter()
        .filter(|role| crate::soap::is_on(lists, role, &address(other)));
    of.collect::<Vec<_>>().join(" ")
}

mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_nothing_else_does() {
        for (text, form, expected) in [
            ("NLN NLN a A", "NLN NLN a A", true),
            ("NLN NLN a A 0", "NLN NLN a A", false),
            ("ADD 0 RL 17 a A", "ADD 0 RL * a A", true),
            ("ADD 0 RL 17 a A B", "ADD 0 RL * a A", false),
            ("NOT 5 | xABCHy", "NOT * | *ABCH*", true),
            ("NOT 5 | xAB", "NOT * | *ABCH*", false),
        ] {
            assert_eq!(has_form(text, form), expected, "{text} as {form}");
        }
    }
}
