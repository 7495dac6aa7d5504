//! From a request to the operation that it asks for, and back.
//!
//! All services work alike: read the envelope, find the operation, authorise the token for what
//! the service is about, run it, and turn whatever came of it into an answer or a fault.

use std::fmt;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header::{COOKIE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::envelope::{Envelope, Malformed, Operation};
use super::fault::Failure;
use super::reply::Reply;
use crate::http::connection::TooLarge;
use crate::http::{Link, Web, activity, address_book, oim, rsi, sharing, storage};
use crate::service::Doing;
use crate::service::accounts::Authorised;
use crate::service::ticket::Purpose;

/// A SOAP service that wants a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Who is on which list.
    Sharing,
    /// Contacts and groups.
    AddressBook,
    /// Leaving messages.
    Oim,
    /// Fetching messages.
    Rsi,
    /// Profiles and pictures.
    Storage,
    /// What contacts did lately.
    Activity,
}

/// A request that was understood and whose token is good. Prints neither that nor what it says.
pub struct Call<'a> {
    /// What all handlers share.
    pub web: &'a Web,
    /// The connection that it came by.
    pub link: Link,
    /// The head of the request over HTTP.
    pub headers: &'a HeaderMap,
    /// Whose token it is.
    pub by: Authorised,
    /// The whole request.
    pub envelope: &'a Envelope<'a>,
    /// What is asked for. Its name is one of the service's own.
    pub operation: Operation<'a, 'a>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("user", &self.by.user)
            .field("operation", &self.operation.name)
            .finish_non_exhaustive()
    }
}

impl Service {
    pub(in crate::http) const ALL: [Self; 6] = [
        Self::Sharing,
        Self::AddressBook,
        Self::Oim,
        Self::Rsi,
        Self::Storage,
        Self::Activity,
    ];

    /// The service behind a normal path.
    pub(in crate::http) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.path() == path)
    }

    /// Its path, in the normal form.
    pub(in crate::http) fn path(self) -> &'static str {
        match self {
            Self::Sharing => "/abservice/sharingservice.asmx",
            Self::AddressBook => "/abservice/abservice.asmx",
            Self::Oim => "/oimws/oim.asmx",
            Self::Rsi => "/rsi/rsi.asmx",
            Self::Storage => "/storageservice/schematizedstore.asmx",
            Self::Activity => "/whatsnew/whatsnewservice.asmx",
        }
    }

    /// The largest body that it takes. A picture of a megabyte is a third larger as text.
    pub(in crate::http) fn body_limit(self) -> usize {
        const MIB: usize = 1024 * 1024;
        match self {
            Self::Storage => 2 * MIB,
            Self::Sharing | Self::AddressBook | Self::Oim | Self::Rsi | Self::Activity => MIB,
        }
    }

    /// The word in metrics and logs.
    fn word(self) -> &'static str {
        match self {
            Self::Sharing => "sharing",
            Self::AddressBook => "address_book",
            Self::Oim => "oim",
            Self::Rsi => "rsi",
            Self::Storage => "storage",
            Self::Activity => "activity",
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Sharing | Self::AddressBook => Purpose::Contacts,
            Self::Oim | Self::Rsi => Purpose::OfflineMessages,
            Self::Storage => Purpose::Storage,
            Self::Activity => Purpose::Activity,
        }
    }

    fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Sharing => sharing::OPERATIONS,
            Self::AddressBook => address_book::OPERATIONS,
            Self::Oim => oim::OPERATIONS,
            Self::Rsi => rsi::OPERATIONS,
            Self::Storage => storage::OPERATIONS,
            Self::Activity => activity::OPERATIONS,
        }
    }

    /// Whether an operation is about the contacts of an account and does more than read them.
    fn changes_contacts(self, operation: &str) -> bool {
        match self {
            Self::Sharing | Self::AddressBook => !operation.contains("Find"),
            Self::Oim | Self::Rsi | Self::Storage | Self::Activity => false,
        }
    }

    async fn handle(self, call: &Call<'_>) -> Result<Reply, Failure> {
        match self {
            Self::Sharing => sharing::handle(call).await,
            Self::AddressBook => address_book::handle(call).await,
            Self::Oim => oim::handle(call).await,
            Self::Rsi => rsi::handle(call).await,
            Self::Storage => storage::handle(call).await,
            Self::Activity => activity::handle(call).await,
        }
    }

    /// What a request asks of this service, by the body alone: some clients send no action, or a
    /// wrong one (`docs/protocol/25 §8`).
    fn operation<'d, 'i>(
        self,
        envelope: &'d Envelope<'i>,
    ) -> Result<(&'static str, Operation<'d, 'i>), Failure> {
        let mut operation = envelope.operation()?;
        if self == Self::Oim {
            // A message to leave is the body itself (`docs/protocol/13 §1.4`).
            operation.name = STORE;
            operation.node = envelope.part("Body")?;
        }
        let mut known = self.operations().iter();
        let name = known
            .find(|name| **name == operation.name)
            .ok_or(Failure::UnknownOperation)?;
        Ok((name, operation))
    }
}

/// The only operation of the service for leaving messages; its two versions differ in namespace.
const STORE: &str = "Store";

/// Answers a request to a service.
pub(in crate::http) async fn serve(
    service: Service,
    web: Web,
    link: Link,
    (headers, too_large): (HeaderMap, Option<Extension<TooLarge>>),
    body: Bytes,
) -> Response {
    if too_large.is_some() {
        return refuse(service, &web, Failure::TooLarge);
    }
    let envelope = match Envelope::parse(&body) {
        Ok(envelope) => envelope,
        Err(Malformed) => return refuse(service, &web, Malformed.into()),
    };
    let namespace = envelope.operation().map_or("", |it| it.namespace);
    let (name, outcome) = match service.operation(&envelope) {
        Ok((name, operation)) => {
            let request = (&envelope, operation);
            (name, run(service, &web, link, &headers, request).await)
        }
        Err(failure) => ("", Err(failure)),
    };
    let word = outcome.as_ref().map_or_else(Failure::word, |_| "ok");
    count(service, &web, name, word);
    match outcome {
        Ok(reply) => reply.respond(StatusCode::OK),
        Err(failure) => {
            if let Failure::Ours(_) | Failure::Template(_) = &failure {
                let error = &failure as &dyn std::error::Error;
                tracing::error!(error, operation = name, "a web service failed");
            }
            if let Some(limit) = failure.limit() {
                web.services.metrics.limited(limit);
            }
            failure.respond(service, name, namespace)
        }
    }
}

async fn run(
    service: Service,
    web: &Web,
    link: Link,
    headers: &HeaderMap,
    (envelope, operation): (&Envelope<'_>, Operation<'_, '_>),
) -> Result<Reply, Failure> {
    let token = envelope
        .ticket()
        .or_else(|| ticket_cookie(headers))
        .ok_or(Failure::Unauthorised)?;
    let accounts = &web.services.accounts;
    let by = accounts.authorise(token, service.purpose()).await?;
    tracing::Span::current().record("user", by.user.0);
    let allowances = &web.services.allowances;
    let peer = link.peer.ip();
    allowances.spend(Doing::WebCall, by.user, peer)?;
    if service.changes_contacts(operation.name) {
        allowances.spend(Doing::ContactChange, by.user, peer)?;
    }
    let call = Call {
        web,
        link,
        headers,
        by,
        envelope,
        operation,
    };
    service.handle(&call).await
}

/// The token that clients keep from the profile and send with requests that have no room for one
/// (`docs/protocol/12 §1`).
pub(in crate::http) fn ticket_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter();
    cookies
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == "MSPAuth").then_some(value))
}

fn refuse(service: Service, web: &Web, failure: Failure) -> Response {
    count(service, web, "", failure.word());
    if let Some(limit) = failure.limit() {
        web.services.metrics.limited(limit);
    }
    failure.respond(service, "", "")
}

/// The operation is a name of ours, so neither the log nor the metrics grow by what a peer sends.
fn count(service: Service, web: &Web, operation: &'static str, outcome: &'static str) {
    let (service, operation) = match operation {
        "" => (service.word(), "none"),
        known => (service.word(), known),
    };
    web.services.metrics.soap_call(service, operation, outcome);
    tracing::debug!(service, operation, outcome, "web service called");
}

impl Call<'_> {
    /// The host that the client asked, without a port; `None` if it did not say or made it up of
    /// strange signs.
    pub fn host(&self) -> Option<&str> {
        let host = self.headers.get(HOST)?.to_str().ok()?;
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        (!name.is_empty() && name.len() <= LONGEST_HOST && name.bytes().all(is_plain))
            .then_some(name)
    }
}

/// The longest name of a host that there is.
const LONGEST_HOST: usize = 253;
