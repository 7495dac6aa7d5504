//! What the web services acknowledged is there after a crash.
//!
//! As `durability` does with the notification server: a change whose answer arrived must be there
//! after the next start; one whose answer did not may be there or not.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;

/// More messages than people write.
const SETTINGS: &str = "limits.offline_sends_per_minute = 10000\n\
                        limits.offline_messages = 10000\n\
                        limits.offline_messages_per_sender = 10000\n";

/// Who changes things under load, and how many others there are to change them about.
const WRITERS: [&str; 3] = ["ann", "ben", "cid"];
const OTHERS: usize = 40;
const ROUNDS: usize = 6;
/// A server that is not killed in the middle of something proves nothing: every writer has made
/// this many changes in a round before it.
const CHANGES_BEFORE_THE_KILL: usize = 24;

/// What a writer changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Contact(String),
    Nickname(String),
    Blocked(String),
    Group(String),
    Circle(String),
    /// A message that waits for somebody, by its text.
    Message(String),
    DisplayName,
}

/// The value last acknowledged for a key, and those that were asked for since without an answer.
#[derive(Debug, Clone, Default)]
struct State {
    sure: Option<String>,
    possible: Vec<Option<String>>,
}

/// A change: where it is asked for, what is said, and what is so afterwards.
struct Change {
    request: Request,
    key: Key,
    value: Option<String>,
}

enum Request {
    Call(&'static str, &'static str, String),
    Profile(String),
    Message(String),
}

#[derive(Debug, Default)]
struct Book {
    states: BTreeMap<Key, State>,
    /// The identities of contacts.
    ids: BTreeMap<String, String>,
}

impl Book {
    fn value(&self, key: &Key) -> Option<&str> {
        self.states.get(key)?.sure.as_deref()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_change_of_the_web_services_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let others = (0..OTHERS).map(|number| format!("c{number}"));
    let writers = WRITERS.map(str::to_owned);
    import(
        folder.path(),
        others.chain(writers).chain(["dora".to_owned()]),
    );
    let mut books: BTreeMap<&str, (Tickets, Book)> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut server = ChildServer::start(folder.path(), SETTINGS).await;
        let at = server.at;
        let (progress, mut made) = mpsc::channel(1_000);
        let mut writers = JoinSet::new();
        for name in WRITERS {
            let (tickets, book) = match books.remove(name) {
                Some((tickets, book)) => {
                    let book = checked(at, &tickets, book).await;
                    (tickets, book)
                }
                None => (Tickets::of(at, name).await, Book::default()),
            };
            let progress = progress.clone();
            writers.spawn(async move {
                let book = change_until_the_end(at, &tickets, book, round, progress).await;
                (name, (tickets, book))
            });
        }
        drop(progress);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        while counts.len() < WRITERS.len()
            || counts
                .values()
                .any(|&count| count < CHANGES_BEFORE_THE_KILL)
        {
            let name = made.recv().await.unwrap();
            *counts.entry(name).or_default() += 1;
        }
        server.kill();
        // The writers notice; whatever they count meanwhile is of no interest.
        made.close();
        while let Some(written) = writers.join_next().await {
            let (name, book) = written.unwrap();
            books.insert(name, book);
        }
    }
    let server = ChildServer::start(folder.path(), SETTINGS).await;
    for (tickets, book) in books.into_values() {
        let book = checked(server.at, &tickets, book).await;
        let kept = book.states.values().filter(|state| state.sure.is_some());
        assert!(
            kept.count() > ROUNDS * 4,
            "{} changed next to nothing",
            tickets.name
        );
    }
}

/// Makes changes one after the other until the server is gone.
async fn change_until_the_end(
    at: Addresses,
    tickets: &Tickets,
    mut book: Book,
    round: usize,
    progress: mpsc::Sender<String>,
) -> Book {
    for step in 0.. {
        let Some(change) = change(&tickets.name, &book, round, step) else {
            continue;
        };
        let state = book.states.entry(change.key.clone()).or_default();
        state.possible.push(change.value.clone());
        let answer = match change.request {
            Request::Call(path, operation, inner) => {
                let answer = tickets.try_call(at, path, operation, &inner).await;
                answer.map(|answer| passed(answer).text("guid"))
            }
            Request::Profile(inner) => {
                let answer = tickets.try_storage(at, "UpdateProfile", &inner).await;
                answer.map(|answer| passed(answer).text("guid"))
            }
            Request::Message(text) => tickets.try_leave(at, "dora", &text).await.map(|()| None),
        };
        let Ok(id) = answer else {
            return book;
        };
        if let (Key::Contact(address), Some(id)) = (&change.key, id) {
            book.ids.insert(address.clone(), id);
        }
        state.sure = change.value;
        state.possible.clear();
        if let (Key::Contact(address), None) = (&change.key, &state.sure) {
            // What a contact was called goes with it.
            let nickname = Key::Nickname(address.clone());
            book.states.remove(&nickname);
        }
        // Nobody counts any more once the server was killed.
        let _ = progress.send(tickets.name.clone()).await;
    }
    book
}

/// The change to make in this step; `None` where it makes no sense now.
fn change(name: &str, book: &Book, round: usize, step: usize) -> Option<Change> {
    let text = format!("{name}-{round}-{step}");
    let number = (step / 8 + round * 7) % OTHERS;
    let address = format!("c{number}@example.com");
    let contact = Key::Contact(address.clone());
    let who = book
        .ids
        .get(&address)
        .filter(|_| book.value(&contact).is_some());
    let who = who.map(|id| format!("<contactId>{id}</contactId>"));
    let yes = || Some(String::new());
    let (request, key, value) = match step % 8 {
        0 | 5 => match who {
            // Whoever was just added is named first, and taken out when met again.
            Some(who) if step.is_multiple_of(8) => {
                let inner = format!("{OWN_BOOK}<contacts><Contact>{who}</Contact></contacts>");
                (
                    Request::Call(BOOK_PATH, "ABContactDelete", inner),
                    contact,
                    None,
                )
            }
            None if step % 8 == 5 => {
                let inner = adding(&address);
                (
                    Request::Call(BOOK_PATH, "ABContactAdd", inner),
                    contact,
                    yes(),
                )
            }
            _ => return None,
        },
        6 => {
            let inner = note(&who?, "AB.NickName", &text);
            let request = Request::Call(BOOK_PATH, "ABContactUpdate", inner);
            (request, Key::Nickname(address), Some(text))
        }
        1 => {
            let key = Key::Blocked(address.clone());
            let inner = member("Block", &address);
            if book.value(&key).is_some() {
                (
                    Request::Call(SHARING_PATH, "DeleteMember", inner),
                    key,
                    None,
                )
            } else {
                (Request::Call(SHARING_PATH, "AddMember", inner), key, yes())
            }
        }
        2 if step % 16 == 2 => {
            let request = Request::Call(BOOK_PATH, "ABGroupAdd", group(&text));
            (request, Key::Group(text), yes())
        }
        3 if step % 24 == 3 => {
            let request = Request::Call(SHARING_PATH, "CreateCircle", circle(&text));
            (request, Key::Circle(text), yes())
        }
        4 => (Request::Message(text.clone()), Key::Message(text), yes()),
        7 => {
            let inner = format!(
                "<profile><ExpressionProfile><FreeText>Update</FreeText>\
                 <DisplayName>{text}</DisplayName></ExpressionProfile></profile>"
            );
            (Request::Profile(inner), Key::DisplayName, Some(text))
        }
        _ => return None,
    };
    // There is a limit to what anybody can have.
    let is_many =
        |of: fn(&Key) -> bool, most| book.states.keys().filter(|key| of(key)).count() >= most;
    match key {
        Key::Group(_) if is_many(|key| matches!(key, Key::Group(_)), 25) => None,
        Key::Circle(_) if is_many(|key| matches!(key, Key::Circle(_)), 45) => None,
        _ => Some(Change {
            request,
            key,
            value,
        }),
    }
}

/// Compares what the services say with what is known, and takes over what they say.
async fn checked(at: Addresses, tickets: &Tickets, mut book: Book) -> Book {
    let (found, ids) = download(at, tickets).await;
    for key in found.keys() {
        book.states.entry(key.clone()).or_default();
    }
    for (key, state) in &mut book.states {
        let value = found.get(key).cloned();
        // A name goes with the contact that it is of.
        let is_gone = matches!(key, Key::Nickname(address)
            if !found.contains_key(&Key::Contact(address.clone())));
        assert!(
            is_gone || value == state.sure || state.possible.contains(&value),
            "{}: {key:?} is {value:?} but was acknowledged as {state:?}",
            tickets.name
        );
        *state = State {
            sure: value,
            possible: Vec::new(),
        };
    }
    book.ids = ids;
    book
}

/// Everything that the services have of a writer.
async fn download(
    at: Addresses,
    tickets: &Tickets,
) -> (BTreeMap<Key, String>, BTreeMap<String, String>) {
    let mut found = BTreeMap::new();
    let mut ids = BTreeMap::new();
    let page = tickets.page(at, "").await;
    let document = roxmltree::Document::parse(&page.body).unwrap();
    let named = |name: &'static str| {
        let all = document.descendants();
        all.filter(move |node| node.tag_name().name() == name)
    };
    let text = |node: roxmltree::Node<'_, '_>, name: &str| {
        let mut inner = node.descendants();
        let found = inner.find(|inner| inner.tag_name().name() == name)?;
        found.text().map(str::to_owned)
    };
    for contact in named("Contact") {
        let is_messenger = text(contact, "isMessengerUser").as_deref() == Some("true");
        let address = text(contact, "passportName").unwrap();
        if !is_messenger || text(contact, "contactType").as_deref() == Some("Me") {
            continue;
        }
        ids.insert(address.clone(), text(contact, "contactId").unwrap());
        found.insert(Key::Contact(address.clone()), String::new());
        let notes = contact.descendants();
        let nickname = notes
            .filter(|node| node.tag_name().name() == "Annotation")
            .find(|node| text(*node, "Name").as_deref() == Some("AB.NickName"));
        if let Some(nickname) = nickname.and_then(|node| text(node, "Value")) {
            found.insert(Key::Nickname(address), nickname);
        }
    }
    for group in named("groupInfo") {
        found.insert(Key::Group(text(group, "name").unwrap()), String::new());
    }
    for circle in named("CircleInverseInfo") {
        let name = text(circle, "DisplayName").unwrap();
        found.insert(Key::Circle(name), String::new());
    }
    let lists = tickets.sharing(at, "FindMembership", "").await;
    let document = roxmltree::Document::parse(&lists.body).unwrap();
    let blocked = document
        .descendants()
        .filter(|node| node.tag_name().name() == "Membership")
        .filter(|node| text(*node, "MemberRole").as_deref() == Some("Block"))
        .flat_map(|node| node.descendants())
        .filter(|node| node.tag_name().name() == "PassportName");
    for address in blocked {
        found.insert(
            Key::Blocked(address.text().unwrap().to_owned()),
            String::new(),
        );
    }
    let profile = format!(
        "<profileHandle>{}<RelationshipName>MyProfile</RelationshipName></profileHandle>",
        alias(&page)
    );
    let profile = tickets.storage(at, "GetProfile", &profile).await;
    if let Some(name) = profile.text("DisplayName") {
        found.insert(Key::DisplayName, name);
    }
    let dora = Tickets::of(at, "dora").await;
    for (_, letter) in dora.letters(at).await {
        if letter.starts_with(&format!("{}-", tickets.name)) {
            found.insert(Key::Message(letter), String::new());
        }
    }
    (found, ids)
}
