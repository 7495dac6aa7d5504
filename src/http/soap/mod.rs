//! What SOAP services have in common: reading requests, running operations, writing answers.
//!
//! A service is a folder beside this one with `OPERATIONS` and `handle`, and its templates are in
//! a folder of the same name below `templates/`. Its `handle` finds the operation by
//! [`Call::operation`], reads its parameters with [`child`], [`named`], [`only`] and [`text_of`],
//! calls one domain operation, and renders a template with [`Reply::render`]. The token was
//! checked before; what fails is a [`Failure`], and the form of its fault is chosen by
//! [`Service`].

mod dispatch;
mod envelope;
mod fault;
mod reply;
mod service_header;

pub use dispatch::{Call, Service};
pub(super) use dispatch::{serve, ticket_cookie};
pub use envelope::{Envelope, Malformed, Operation, child, named, only, text_of};
pub use fault::{AddressBookFault, Failure, Fault, OimDetail, OimFault, StorageFault};
pub use reply::Reply;
pub(super) use reply::{respond, unwritten};
pub use service_header::ServiceHeader;

#[cfg(test)]
mod tests;
