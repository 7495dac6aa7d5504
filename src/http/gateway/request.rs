//! What a client asks of the gateway, read from the query (`docs/protocol/20 §3`).

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::wire::Role;

/// One request.
#[derive(PartialEq, Eq)]
pub(super) enum Request {
    /// A new session. Whatever host the client names with `IP` is a hint that nobody needs: there
    /// is one server, and nothing is ever dialled.
    Open {
        role: Role,
        /// For how long the session should outlive its last request.
        timeout: Option<Duration>,
    },
    /// Bytes for a session.
    Send { id: String },
    /// What waits for the client, and for how long the answer may be held back until something
    /// does.
    Poll {
        id: String,
        lifespan: Option<Duration>,
    },
    /// The end of a session.
    Close { id: String },
}

impl Request {
    /// Reads a query; `None` for what is no request of a gateway. Parameters come in any order and
    /// with any capitals, and the first of a name counts. An empty `SessionID` is none.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let id = value(query, "SessionID").filter(|id| !id.is_empty());
        let action = value(query, "Action").map(|action| action.to_ascii_lowercase());
        match (action.as_deref(), id) {
            (Some("open"), _) => {
                let server = value(query, "Server")?;
                let role = if server.eq_ignore_ascii_case("NS") {
                    Role::Notification
                } else if server.eq_ignore_ascii_case("SB") {
                    Role::Switchboard
                } else {
                    return None;
                };
                let timeout = seconds(query, "SessionTimeout");
                Some(Self::Open { role, timeout })
            }
            (Some("poll"), Some(id)) => Some(Self::Poll {
                id,
                lifespan: seconds(query, "Lifespan"),
            }),
            (Some("close"), Some(id)) => Some(Self::Close { id }),
            (None | Some(""), Some(id)) => Some(Self::Send { id }),
            _ => None,
        }
    }

    /// The word for it in metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Send { .. } => "send",
            Self::Poll { .. } => "poll",
            Self::Close { .. } => "close",
        }
    }
}

/// The first value of this name, unescaped.
fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let value = percent_decode_str(value).decode_utf8().ok()?;
    Some(value.into_owned())
}

/// A number of seconds above zero; what is none asks for nothing.
fn seconds(query: &str, name: &str) -> Option<Duration> {
    let number = value(query, name)?.parse::<u32>().ok()?;
    (number > 0).then(|| Duration::from_secs(number.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(query: &str) -> String {
        match Request::parse(query) {
            None => "none".to_owned(),
            Some(Request::Open { role, timeout }) => format!("open {role:?} {timeout:?}"),
            Some(Request::Send { id }) => format!("send {id}"),
            Some(Request::Poll { id, lifespan }) => format!("poll {id} {lifespan:?}"),
            Some(Request::Close { id }) => format!("close {id}"),
        }
    }

    #[test]
    fn requests_of_every_client_are_read() {
        for (query, expected) in [
            (
                "Action=open&Server=NS&IP=messenger.hotmail.com",
                "open Notification None",
            ),
            (
                "Action=open&Server=SB&IP=207.46.108.13",
                "open Switchboard None",
            ),
            ("SessionID=&Action=open&Server=NS", "open Notification None"),
            (
                "Action=open&Server=NS&SessionTimeout=21660&AutoIdleTimeout=960&Queue=a,b",
                "open Notification Some(21660s)",
            ),
            ("action=OPEN&SERVER=sb", "open Switchboard None"),
            ("SessionID=954547325.13160", "send 954547325.13160"),
            ("SessionID=X&", "send X"),
            ("Action=poll&SessionID=a.b", "poll a.b None"),
            ("Action=poll&Lifespan=3&SessionID=a.b", "poll a.b Some(3s)"),
            (
                "SessionID=a%2Eb&Action=poll&Lifespan=60",
                "poll a.b Some(60s)",
            ),
            ("Action=poll&SessionID=a&Lifespan=x", "poll a None"),
            ("Action=poll&SessionID=a&Lifespan=-1", "poll a None"),
            ("Action=poll&SessionID=a&Lifespan=0", "poll a None"),
            ("Action=close&SessionID=a", "close a"),
        ] {
            assert_eq!(told(query), expected, "{query}");
        }
    }

    #[test]
    fn what_is_no_request_is_none() {
        for query in [
            "",
            "Action=open",
            "Action=open&Server=",
            "Action=open&Server=DS",
            "Action=open&IP=NS",
            "Action=poll",
            "Action=poll&SessionID=",
            "Action=close",
            "SessionID=",
            "SessionID",
            "SessionID=%FF",
            "Action=dance&SessionID=a",
            "&&==&",
        ] {
            assert_eq!(told(query), "none", "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_is_too_strange(query in "[ -~]{0,80}") {
            let _ = Request::parse(&query);
        }
    }
}
