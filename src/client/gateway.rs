//! The protocol through HTTP (`docs/protocol/20`): what is sent goes into requests, and what the
//! server has to say comes with their answers.

use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::BytesMut;

use super::{ClientError, Http, WebServer};

/// How many seconds a request for news may wait at the server.
const LIFESPAN: u32 = 3;

/// One session through the gateway.
#[derive(Debug)]
pub struct Gateway {
    http: Http,
    /// What the next request has to name; nothing before the first one.
    session: Option<String>,
    /// What the session is for.
    target: Target,
    /// Requests that were made.
    requests: u64,
}

/// Where a session leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A notification server.
    Notification,
    /// The switchboard that a referral or an invitation named.
    Switchboard(SocketAddr),
}

impl Gateway {
    /// Through this web server. The session is opened with the first bytes.
    pub fn new(server: impl Into<WebServer>, target: Target) -> Self {
        Self {
            http: Http::new(server),
            session: None,
            target,
            requests: 0,
        }
    }

    /// How many requests were made.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Sends bytes; what the server says meanwhile is put behind `arrived`.
    pub(super) async fn send(
        &mut self,
        bytes: &[u8],
        arrived: &mut BytesMut,
    ) -> Result<(), ClientError> {
        let query = match (&self.session, self.target) {
            (Some(session), _) => format!("SessionID={session}"),
            (None, Target::Notification) => {
                "Action=open&Server=NS&IP=messenger.hotmail.com".to_owned()
            }
            (None, Target::Switchboard(address)) => {
                format!("Action=open&Server=SB&IP={}", address.ip())
            }
        };
        self.request(&query, bytes, arrived).await
    }

    /// Asks for news and puts them behind `arrived`. There may be none.
    pub(super) async fn poll(&mut self, arrived: &mut BytesMut) -> Result<(), ClientError> {
        let session = self.session.as_ref().ok_or(ClientError::Garbled(
            "nothing was said through the gateway yet",
        ))?;
        let query = format!("Action=poll&Lifespan={LIFESPAN}&SessionID={session}");
        self.request(&query, b"", arrived).await
    }

    async fn request(
        &mut self,
        query: &str,
        bytes: &[u8],
        arrived: &mut BytesMut,
    ) -> Result<(), ClientError> {
        let mut head = String::new();
        let _ = write!(
            head,
            "POST /gateway/gateway.dll?{query} HTTP/1.1\r\n\
             Content-Type: application/x-msn-messenger\r\nUser-Agent: MSMSGS\r\n"
        );
        self.requests += 1;
        let answer = self.http.ask(&head, bytes).await?;
        let state = answer.header("X-MSN-Messenger").unwrap_or_default();
        let field = |name: &str| {
            let mut fields = state.split(';').map(str::trim);
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let is_over = field("Session") == Some("close");
        match field("SessionID") {
            Some(session) if answer.status == 200 && !is_over => {
                self.session = Some(session.to_owned());
            }
            _ => {
                let wanted = "an answer of the gateway".to_owned();
                return Err(ClientError::Closed { wanted });
            }
        }
        arrived.extend_from_slice(&answer.body);
        Ok(())
    }
}
