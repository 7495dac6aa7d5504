//! A person at `msnp11-sdk`, a published MSNP11 client library that was written without this
//! server in mind.
//!
//! What the library reports is told as sentences, so that a test reads as the list of what this
//! person saw. The order is strict: whatever was not expected fails the test, and silence is
//! proven by what is heard next. Nothing waits for ever: the library does, where it does not know
//! an answer, so every call to it is made under a deadline.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use msnp11_sdk::{
    Client, Event, MsnpList, MsnpStatus, PersonalMessage, PlainText, Presence, SdkError,
    Switchboard,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::fixture::Fixture;
use super::player::Addresses;

/// How long anything may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// The name by which the library's own documentation signs in.
pub(crate) const LIBRARY: &str = "msnp11-sdk";

/// The password of everybody.
pub(crate) const PASSWORD: &str = "secret";

/// Accounts as these tests want them: everybody has the same password, and a name like the
/// address. More statements follow in the spelling of transcripts.
pub(crate) fn fixture(people: &[&str], more: &[&str]) -> Fixture {
    let accounts = people.iter().map(|address| {
        let name = name_of(address);
        format!("@account {address} password={PASSWORD} name={name} legacy")
    });
    let mut fixture = Fixture::default();
    for statement in accounts.chain(more.iter().map(|&one| one.to_owned())) {
        let (keyword, rest) = statement.split_once(' ').unwrap();
        assert_eq!(fixture.read(keyword, rest), Ok(true), "{statement}");
    }
    fixture
}

/// What stands before the `@`, with a capital.
pub(crate) fn name_of(address: &str) -> String {
    let local = address.split('@').next().unwrap_or_default();
    local[..1].to_uppercase() + &local[1..]
}

/// Runs a call of the library to its end; a call that never ends fails the test.
pub(crate) async fn within<T>(what: &str, call: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, call).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: no end after {DEADLINE:?}"),
    }
}

/// Like [`within`], for a call that has to succeed.
pub(crate) async fn done<T, E: Debug>(what: &str, call: impl Future<Output = Result<T, E>>) -> T {
    match within(what, call).await {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

/// What one connection of the library reports, in its order.
struct Reports {
    of: String,
    events: mpsc::UnboundedReceiver<Event>,
    past: Vec<String>,
}

impl Reports {
    async fn next(&mut self, wanted: &str) -> Event {
        match timeout(DEADLINE, self.events.recv()).await {
            Ok(Some(event)) => {
                self.past.push(told(&event));
                event
            }
            Ok(None) => self.fail(wanted, "there will be nothing more"),
            Err(_) => self.fail(wanted, "nothing came"),
        }
    }

    async fn hear(&mut self, wanted: &str) {
        let event = self.next(wanted).await;
        if told(&event) != wanted {
            self.fail(wanted, "something else came");
        }
    }

    async fn hear_all(&mut self, wanted: &[&str]) {
        let mut left = wanted.to_vec();
        while !left.is_empty() {
            let wanted = left.join("\" or \"");
            let event = told(&self.next(&wanted).await);
            match left.iter().position(|one| *one == event) {
                Some(index) => drop(left.remove(index)),
                None => self.fail(&wanted, "something else came"),
            }
        }
    }

    fn fail(&self, wanted: &str, reason: &str) -> ! {
        panic!(
            "{} was to see \"{wanted}\", but {reason}; so far:\n  {}",
            self.of,
            self.past.join("\n  ")
        );
    }
}

/// Somebody who is signed in.
pub(crate) struct Person {
    pub(crate) address: String,
    pub(crate) client: Client,
    reports: Reports,
}

impl Person {
    /// Connects without signing in.
    pub(crate) async fn connect(at: Addresses, address: &str) -> Self {
        let host = at.msnp.ip().to_string();
        let client = done("connecting", Client::new(&host, at.msnp.port())).await;
        let (sender, events) = mpsc::unbounded_channel();
        client.add_event_handler_closure(move |event| {
            // Nobody listens any more when the test is over.
            let _ = sender.send(event);
            std::future::ready(())
        });
        Self {
            address: address.to_owned(),
            client,
            reports: Reports {
                of: address.to_owned(),
                events,
                past: Vec::new(),
            },
        }
    }

    /// Signs in by the server's own nexus, with this name of an application. Answers where that
    /// led: to being signed in, or to another address.
    pub(crate) async fn try_sign_in(
        &self,
        at: Addresses,
        password: &str,
        application: &str,
    ) -> Result<String, SdkError> {
        let nexus = format!("http://{}/rdr/pprdr.asp", at.http);
        let address = self.address.clone();
        let login = self
            .client
            .login(address, password, &nexus, application, "0.13");
        within("signing in", login).await.map(|event| told(&event))
    }

    /// Signs in; groups and contacts of the book have to be these.
    pub(crate) async fn sign_in(at: Addresses, address: &str, book: &[&str]) -> Self {
        let mut person = Self::connect(at, address).await;
        let signed_in = person.try_sign_in(at, PASSWORD, LIBRARY).await;
        assert!(
            matches!(signed_in.as_deref(), Ok("signed in")),
            "{address}: {signed_in:?}"
        );
        person.sees("GTC A").await;
        person.sees("BLP AL").await;
        let name = format!("own name {}", name_of(address));
        person.sees(&name).await;
        for line in book {
            person.sees(line).await;
        }
        person
    }

    /// Signs in and shows a status; who is there already has to be this.
    pub(crate) async fn appear(
        at: Addresses,
        address: &str,
        book: &[&str],
        there: &[&str],
    ) -> Self {
        let mut person = Self::sign_in(at, address, book).await;
        person.shows(MsnpStatus::Online).await;
        for line in there {
            person.sees(line).await;
        }
        person
    }

    /// The next report has to be this one.
    pub(crate) async fn sees(&mut self, wanted: &str) {
        self.reports.hear(wanted).await;
    }

    /// The next reports have to be these, in any order.
    pub(crate) async fn sees_all(&mut self, wanted: &[&str]) {
        self.reports.hear_all(wanted).await;
    }

    /// The next report, whatever it is.
    pub(crate) async fn next(&mut self, wanted: &str) -> Event {
        self.reports.next(wanted).await
    }

    /// The next report has to be that a contact's call was answered.
    pub(crate) async fn answered(&mut self) -> Conversation {
        match self.reports.next("a conversation").await {
            Event::SessionAnswered(switchboard) => Conversation::new(&self.address, switchboard),
            _ => self.reports.fail("a conversation", "something else came"),
        }
    }

    /// Calls somebody.
    pub(crate) async fn calls(&self, address: &str) -> Conversation {
        let call = self.client.create_session(address);
        let switchboard = done("calling", call).await;
        Conversation::new(&self.address, Arc::new(switchboard))
    }

    pub(crate) async fn shows(&self, status: MsnpStatus) {
        done("setting the status", self.client.set_presence(status)).await;
    }

    pub(crate) async fn says(&self, text: &str, media: &str) {
        let message = PersonalMessage {
            psm: text.to_owned(),
            current_media: media.to_owned(),
        };
        let call = self.client.set_personal_message(&message);
        done("setting the personal message", call).await;
    }

    pub(crate) async fn leaves(&self) {
        done("signing off", self.client.disconnect()).await;
    }
}

/// A conversation as one of its members holds it.
pub(crate) struct Conversation {
    pub(crate) switchboard: Arc<Switchboard>,
    reports: Reports,
}

impl Conversation {
    fn new(of: &str, switchboard: Arc<Switchboard>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        switchboard.add_event_handler_closure(move |event| {
            // Nobody listens any more when the test is over.
            let _ = sender.send(event);
            std::future::ready(())
        });
        Self {
            switchboard,
            reports: Reports {
                of: format!("{of} in the conversation"),
                events,
                past: Vec::new(),
            },
        }
    }

    /// The next report has to be this one.
    pub(crate) async fn sees(&mut self, wanted: &str) {
        self.reports.hear(wanted).await;
    }

    /// The next reports have to be these, in any order.
    pub(crate) async fn sees_all(&mut self, wanted: &[&str]) {
        self.reports.hear_all(wanted).await;
    }

    /// The next report, whatever it is.
    pub(crate) async fn next(&mut self, wanted: &str) -> Event {
        self.reports.next(wanted).await
    }

    /// Says something, and waits until the server has handed it to everybody.
    pub(crate) async fn says(&self, text: &str) {
        let message = plain(text);
        let call = self.switchboard.send_text_message(&message);
        done("sending a message", call).await;
    }
}

/// A message without decoration.
pub(crate) fn plain(text: &str) -> PlainText {
    PlainText {
        bold: false,
        italic: false,
        underline: false,
        strikethrough: false,
        color: "000000".to_owned(),
        text: text.to_owned(),
    }
}

/// A report as a sentence.
pub(crate) fn told(event: &Event) -> String {
    match event {
        Event::RedirectedTo { server, port } => format!("go to {server}:{port}"),
        Event::Authenticated => "signed in".to_owned(),
        Event::Gtc(value) => format!("GTC {value}"),
        Event::Blp(value) => format!("BLP {value}"),
        Event::DisplayName(name) => format!("own name {name}"),
        Event::Group { name, .. } => format!("group {name}"),
        Event::Contact {
            email,
            display_name,
            lists,
        } => format!("{email} ({display_name}) on{}", words(lists)),
        Event::ContactInForwardList {
            email,
            display_name,
            lists,
            groups,
            ..
        } => format!(
            "{email} ({display_name}) on{}, in {} groups",
            words(lists),
            groups.len()
        ),
        Event::InitialPresenceUpdate {
            email,
            display_name,
            presence,
        } => format!("{email} ({display_name}) is {} already", state(presence)),
        Event::PresenceUpdate {
            email,
            display_name,
            presence,
        } => format!("{email} ({display_name}) is {}", state(presence)),
        Event::PersonalMessageUpdate {
            email,
            personal_message: PersonalMessage { psm, current_media },
        } => format!("{email} says [{psm}], plays [{current_media}]"),
        Event::ContactOffline { email } => format!("{email} is offline"),
        Event::AddedBy {
            email,
            display_name,
        } => format!("added by {email} ({display_name})"),
        Event::RemovedBy(email) => format!("removed by {email}"),
        Event::SessionAnswered(_) => "a conversation".to_owned(),
        Event::TextMessage { email, message } => format!("{email}: {}", message.text),
        Event::Nudge { email } => format!("{email} nudges"),
        Event::TypingNotification { email } => format!("{email} is typing"),
        Event::ParticipantInSwitchboard { email } => format!("{email} is here"),
        Event::ParticipantLeftSwitchboard { email } => format!("{email} left"),
        Event::DisplayPicture { email, data } => {
            format!("picture of {email}, {} bytes", data.len())
        }
        Event::ServerMaintenanceScheduled { time_remaining } => {
            format!("maintenance in {time_remaining} minutes")
        }
        Event::LoggedInAnotherDevice => "signed in elsewhere".to_owned(),
        Event::Disconnected => "disconnected".to_owned(),
    }
}

fn state(presence: &Presence) -> String {
    let picture = match &presence.msn_object {
        Some(_) => ", with a picture",
        None => "",
    };
    format!("{:?}{picture}", presence.status)
}

fn words(lists: &[MsnpList]) -> String {
    lists.iter().map(|list| format!(" {list:?}")).collect()
}
