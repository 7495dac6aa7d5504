//! `Store` of 2004 and `Store2` of 2006: leaving a message (`docs/protocol/13 §1.4`).
//!
//! The two differ in the namespace of their elements. Who the message is from is said by the
//! token alone; what the client writes about that is passed over, apart from the name it shows.

use askama::Template;

use super::super::soap::{Call, Failure, Malformed, OimDetail, OimFault, Reply, child, text_of};
use crate::mime;
use crate::model::{Address, Refusal};
use crate::service::{Lock, NewMessage};

/// The namespace since `Store2`; clients that know neither are answered in this one.
const LATEST: &str = "http://messenger.live.com/ws/2006/09/oim/";
/// The namespace of `Store`.
const FIRST: &str = "http://messenger.msn.com/ws/2004/09/oim/";

/// The one kind of message that is taken.
const TEXT: &str = "text";

#[derive(Debug)]
struct Store<'a> {
    recipient: &'a str,
    /// How the sender calls themselves.
    sender_name: Option<String>,
    product: &'a str,
    lock_key: &'a str,
    /// The message's place in the client's count, which the answer repeats.
    number: u32,
    content: &'a str,
}

#[derive(Template)]
#[template(path = "oim/store.xml")]
struct Stored {
    namespace: &'static str,
    number: u32,
}

/// Leaves a message.
///
/// A client without a lock key is challenged. One with a wrong key is refused and not challenged
/// again, because it would answer the same for ever (`docs/protocol/25 §27`).
pub(super) async fn store(call: &Call<'_>) -> Result<Reply, Failure> {
    let request = Store::read(call)?;
    let offline = &call.web.services.offline;
    let sender = call.by.user;
    match offline
        .unlock(sender, request.product, request.lock_key)
        .await?
    {
        Lock::Open => {}
        Lock::Challenge(text) => {
            let detail = OimDetail::LockKeyChallenge(text);
            return Err(OimFault::new("AuthenticationFailed").with(detail).into());
        }
        Lock::Shut => return Err(OimFault::new("AuthenticationFailed").into()),
    }
    // What is no address cannot be told from the address of nobody.
    let recipient =
        Address::parse(request.recipient).map_err(|_| Failure::Refused(Refusal::Unreachable))?;
    let message = NewMessage::read(request.content.as_bytes()).map_err(Failure::Refused)?;
    let message = NewMessage {
        sender_name: request.sender_name,
        sequence: message.sequence.or(Some(request.number)),
        ..message
    };
    offline.store(sender, &recipient, message).await?;
    Ok(Reply::render(&Stored {
        namespace: namespace(call.operation.namespace),
        number: request.number,
    })?)
}

impl<'a> Store<'a> {
    fn read(call: &'a Call<'_>) -> Result<Self, Malformed> {
        let envelope = call.envelope;
        let header = |name: &str| envelope.header(name).ok_or(Malformed);
        let ticket = header("Ticket")?;
        let number = child(header("Sequence")?, "MessageNumber").ok_or(Malformed)?;
        let kind = call.operation.child("MessageType").ok_or(Malformed)?;
        if text_of(kind) != TEXT {
            return Err(Malformed);
        }
        Ok(Self {
            recipient: header("To")?.attribute("memberName").ok_or(Malformed)?,
            sender_name: envelope
                .header("From")
                .and_then(|from| from.attribute("friendlyName"))
                .and_then(mime::decoded_words),
            product: ticket.attribute("appid").unwrap_or_default(),
            lock_key: ticket.attribute("lockkey").unwrap_or_default(),
            number: text_of(number).parse().map_err(|_| Malformed)?,
            content: call
                .operation
                .child("Content")
                .and_then(|content| content.text())
                .ok_or(Malformed)?,
        })
    }
}

/// The namespace of the answer.
fn namespace(of_request: &str) -> &'static str {
    if of_request == FIRST { FIRST } else { LATEST }
}
