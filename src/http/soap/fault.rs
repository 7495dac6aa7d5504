//! Faults: an operation did not do what was asked for.
//!
//! Every service family has a form of its own, and clients read only that of the service they
//! called. An operation says what went wrong as a [`Failure`]; the form is chosen here. Nothing of
//! our own failures leaves the server but that there was one.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::dispatch::Service;
use super::envelope::Malformed;
use super::reply::respond;
use crate::http::storage;
use crate::metrics::Limit;
use crate::model::{Guid, Refusal};
use crate::service::accounts::Unauthorised;
use crate::service::{Fault as OurFault, OperationError, limit_of};

/// Why an operation gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The body is no request, or a parameter is missing or nonsense.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The service has no such operation.
    #[error("no such operation")]
    UnknownOperation,
    /// There is no token, or it opens nothing here.
    #[error("no valid token")]
    Unauthorised,
    /// The body is larger than the service takes.
    #[error("the request is too large")]
    TooLarge,
    /// It was understood and cannot be granted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A fault that only this service has.
    #[error("{0:?}")]
    Fault(Fault),
    /// Something of ours failed.
    #[error(transparent)]
    Ours(#[from] OurFault),
    /// An answer cannot be written, which is ours too.
    #[error(transparent)]
    Template(#[from] askama::Error),
}

/// A fault in the words of a service family.
#[derive(Debug)]
pub enum Fault {
    /// Of the address book, the lists, and recent activity.
    AddressBook(AddressBookFault),
    /// Of the storage service.
    Storage(StorageFault),
    /// Of offline messages.
    Oim(OimFault),
}

/// A fault of the address book and its neighbours (`docs/protocol/12 §8`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressBookFault {
    code: &'static str,
    text: Cow<'static, str>,
    conflict: Option<Guid>,
}

/// A fault of the storage service (`docs/protocol/13 §2`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageFault {
    code: &'static str,
    text: Cow<'static, str>,
}

/// A fault of offline messages (`docs/protocol/13 §1.4`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OimFault {
    code: &'static str,
    detail: Option<OimDetail>,
}

/// What a client needs to do better the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OimDetail {
    /// The text to make a lock key of.
    LockKeyChallenge(String),
    /// The policy of the token that is needed.
    RequiredAuthPolicy(&'static str),
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Refused(refusal) => Self::Refused(refusal),
            OperationError::Fault(fault) => Self::Ours(fault),
        }
    }
}

impl From<Unauthorised> for Failure {
    fn from(error: Unauthorised) -> Self {
        match error {
            Unauthorised::BadToken | Unauthorised::Disabled => Self::Unauthorised,
            Unauthorised::Fault(fault) => Self::Ours(fault),
        }
    }
}

impl From<AddressBookFault> for Failure {
    fn from(fault: AddressBookFault) -> Self {
        Self::Fault(Fault::AddressBook(fault))
    }
}

impl From<StorageFault> for Failure {
    fn from(fault: StorageFault) -> Self {
        Self::Fault(Fault::Storage(fault))
    }
}

impl From<OimFault> for Failure {
    fn from(fault: OimFault) -> Self {
        Self::Fault(Fault::Oim(fault))
    }
}

impl Failure {
    /// The word in metrics and logs.
    pub(in crate::http) fn word(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownOperation => "unknown_operation",
            Self::Unauthorised => "unauthorised",
            Self::TooLarge => "too_large",
            Self::Refused(_) | Self::Fault(_) => "refused",
            Self::Ours(_) | Self::Template(_) => "failed",
        }
    }

    /// The limit that was met, unless whoever refused has counted it.
    pub(in crate::http) fn limit(&self) -> Option<Limit> {
        match self {
            Self::TooLarge => Some(Limit::Size),
            Self::Refused(refusal) => limit_of(*refusal),
            _ => None,
        }
    }

    /// The answer, in the form of the service. `operation` is a name of ours, or empty where
    /// none was recognised, and `namespace` that of the element which named it.
    pub(in crate::http) fn respond(
        self,
        service: Service,
        operation: &'static str,
        namespace: &str,
    ) -> Response {
        let failure = match self {
            // The account went while it was asking. Its client can only sign in again, and learns
            // there that it is gone.
            Self::Refused(Refusal::Unavailable) => Self::Unauthorised,
            other => other,
        };
        match service {
            Service::Sharing | Service::AddressBook | Service::Activity => {
                AddressBookFault::of(failure, service).respond(operation)
            }
            Service::Storage => StorageFault::of(failure).respond(namespace),
            Service::Oim | Service::Rsi => OimFault::of(failure, service).respond(namespace),
        }
    }
}

/// Nobody can do anything about our own failures.
const OUR_FAILURE: &str = "The server has a problem.";
/// There is no service behind this operation anymore, or never was.
const NO_OPERATION: &str = "The operation is not supported.";

impl AddressBookFault {
    /// Clients decide by the code, and some by the text instead (`docs/protocol/12 §8`), so the
    /// one belongs to the other.
    pub fn new(code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            text: text.into(),
            conflict: None,
        }
    }

    /// Names the contact or group that is there already.
    pub fn conflicting(mut self, with: Guid) -> Self {
        self.conflict = Some(with);
        self
    }

    fn of(failure: Failure, service: Service) -> Self {
        match failure {
            Failure::Fault(Fault::AddressBook(fault)) => fault,
            Failure::Refused(refusal) => Self::refusal(refusal, service),
            Failure::Malformed(_) => Self::new("BadRequest", "The request was not understood."),
            Failure::UnknownOperation => Self::new("Forbidden", NO_OPERATION),
            Failure::Unauthorised => Self::new("PassportAuthFail", "Authentication Failure"),
            Failure::TooLarge => Self::new("RequestTooLarge", "The request is too large."),
            Failure::Ours(_) | Failure::Template(_) | Failure::Fault(_) => {
                Self::new("InternalError", OUR_FAILURE)
            }
        }
    }

    /// The code that clients know for a refusal; what only other edges refuse is forbidden here.
    fn refusal(refusal: Refusal, service: Service) -> Self {
        let is_about_members = service == Service::Sharing;
        let code = match refusal {
            Refusal::MalformedAddress | Refusal::DomainMissing | Refusal::MalformedCallee => {
                "BadEmailArgument"
            }
            Refusal::UnknownAccount => "InvalidPassportUser",
            Refusal::AlreadyThere if is_about_members => "MemberAlreadyExists",
            Refusal::AlreadyThere => "ContactAlreadyExists",
            Refusal::NotOnList if is_about_members => "MemberDoesNotExist",
            Refusal::NotOnList | Refusal::UnknownContact | Refusal::NotInGroup => {
                "ContactDoesNotExist"
            }
            Refusal::ListFull
            | Refusal::TooManyGroups
            | Refusal::BookTooLarge
            | Refusal::ChangingTooFast => "RequestLimitReached",
            Refusal::UnknownGroup => "GroupDoesNotExist",
            Refusal::GroupNameTaken => "GroupAlreadyExists",
            Refusal::GroupNameTooLong | Refusal::IllegalName | Refusal::CardTooLarge => {
                "BadArgumentLength"
            }
            Refusal::InvalidParameter => "BadArgument",
            // To who is not in it, a circle that is there is like one that is not.
            Refusal::NotInCircle => {
                return Self::new("ABDoesNotExist", "Address Book Does Not Exist");
            }
            // Clients decide by these two texts as well.
            Refusal::FullSyncRequired => {
                return Self::new("FullSyncRequired", "Full sync required.");
            }
            Refusal::CardExists(card) => {
                return Self::new("ContactAlreadyExists", "Contact Already Exists")
                    .conflicting(card);
            }
            _ => "Forbidden",
        };
        Self::new(code, refusal.to_string())
    }

    /// The status is 500, as SOAP has it, and as one client insists on before it signs in anew for
    /// `PassportAuthFail`. Only `FullSyncRequired` comes with 200: servers that the official
    /// client is known to work with send it so, and everybody else takes both
    /// (`docs/protocol/12 §8`).
    fn respond(&self, operation: &'static str) -> Response {
        let status = match self.code {
            "FullSyncRequired" => StatusCode::OK,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let template = AddressBookTemplate {
            operation,
            // COMPAT: libpurple renews its token when the fault says so by this word, others
            // when they find `PassportAuthFail` in the detail (`docs/protocol/12 §8`).
            is_about_token: self.code == "PassportAuthFail",
            is_ours: self.code == "InternalError",
            code: self.code,
            text: &self.text,
            conflict: self.conflict,
        };
        respond(status, &template)
    }
}

impl StorageFault {
    /// One client decides by the text that an item "does not exist" (`docs/protocol/13 §2`).
    pub fn new(code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    fn of(failure: Failure) -> Self {
        match failure {
            Failure::Fault(Fault::Storage(fault)) => fault,
            Failure::Refused(Refusal::AlreadyThere) => {
                Self::new("ItemAlreadyExists", "Item already exists")
            }
            Failure::Refused(Refusal::UnknownAccount | Refusal::UnknownContact) => {
                Self::new("ItemDoesNotExist", "Item does not exist")
            }
            Failure::Refused(refusal @ (Refusal::IllegalName | Refusal::InvalidParameter)) => {
                Self::new("InvalidRequest", refusal.to_string())
            }
            Failure::Refused(refusal) => Self::new("AccessDenied", refusal.to_string()),
            Failure::Malformed(_) => Self::new("InvalidRequest", "The request was not understood."),
            Failure::UnknownOperation => Self::new("Forbidden", NO_OPERATION),
            Failure::Unauthorised => Self::new("PassportAuthFail", "Authentication Failure"),
            Failure::TooLarge => Self::new("RequestTooLarge", "The request is too large."),
            Failure::Ours(_) | Failure::Template(_) | Failure::Fault(_) => {
                Self::new("InternalError", OUR_FAILURE)
            }
        }
    }

    fn respond(&self, namespace: &str) -> Response {
        let template = StorageTemplate {
            namespace: storage::namespace_of(namespace),
            is_about_token: self.code == "PassportAuthFail",
            is_ours: self.code == "InternalError",
            code: self.code,
            text: &self.text,
        };
        respond(StatusCode::INTERNAL_SERVER_ERROR, &template)
    }
}

impl OimFault {
    /// The code without its prefix. `AuthenticationFailed` and `BadContextToken` make clients
    /// renew their token, so they are for bad tokens and lock keys alone
    /// (`docs/protocol/13 §1.4`).
    pub fn new(code: &'static str) -> Self {
        Self { code, detail: None }
    }

    /// Tells the client what it needs.
    pub fn with(mut self, detail: OimDetail) -> Self {
        self.detail = Some(detail);
        self
    }

    fn of(failure: Failure, service: Service) -> Self {
        match failure {
            Failure::Fault(Fault::Oim(fault)) => fault,
            Failure::Unauthorised => {
                let fault = Self::new("BadContextToken");
                match service {
                    Service::Oim => fault.with(OimDetail::RequiredAuthPolicy("MBI_SSL")),
                    _ => fault,
                }
            }
            Failure::Malformed(_) | Failure::TooLarge | Failure::Refused(Refusal::BadMessage) => {
                Self::new("InvalidContent")
            }
            Failure::Refused(
                Refusal::CallingTooFast
                | Refusal::ChangingTooFast
                | Refusal::SendingTooFast
                | Refusal::TooManyAttempts,
            ) => Self::new("SenderThrottleLimitExceeded"),
            Failure::UnknownOperation
            | Failure::Refused(_)
            | Failure::Ours(_)
            | Failure::Template(_)
            | Failure::Fault(_) => Self::new("SystemUnavailable"),
        }
    }

    fn respond(&self, namespace: &str) -> Response {
        let template = OimTemplate {
            namespace: oim_namespace(namespace),
            code: self.code,
            challenge: match &self.detail {
                Some(OimDetail::LockKeyChallenge(text)) => Some(text),
                _ => None,
            },
            policy: match &self.detail {
                Some(OimDetail::RequiredAuthPolicy(policy)) => Some(policy),
                _ => None,
            },
        };
        respond(StatusCode::INTERNAL_SERVER_ERROR, &template)
    }
}

/// The namespace in which a client wants its fault: that of its request, if it is one of these.
fn oim_namespace(of_request: &str) -> &'static str {
    const LATEST: &str = "http://messenger.live.com/ws/2006/09/oim/";
    const KNOWN: [&str; 3] = [
        LATEST,
        "http://messenger.msn.com/ws/2004/09/oim/",
        "http://www.hotmail.msn.com/ws/2004/09/oim/rsi",
    ];
    let known = KNOWN.into_iter().find(|known| *known == of_request);
    known.unwrap_or(LATEST)
}

#[derive(Template)]
#[template(path = "soap/fault_address_book.xml")]
struct AddressBookTemplate<'a> {
    operation: &'static str,
    is_about_token: bool,
    is_ours: bool,
    code: &'static str,
    text: &'a str,
    conflict: Option<Guid>,
}

#[derive(Template)]
#[template(path = "soap/fault_storage.xml")]
struct StorageTemplate<'a> {
    namespace: &'static str,
    is_about_token: bool,
    is_ours: bool,
    code: &'static str,
    text: &'a str,
}

#[derive(Template)]
#[template(path = "soap/fault_oim.xml")]
struct OimTemplate<'a> {
    namespace: &'static str,
    code: &'static str,
    challenge: Option<&'a String>,
    policy: Option<&'a &'static str>,
}
