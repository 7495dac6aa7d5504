//! What each client does in its own way (`docs/protocol/20 §1, §3, §6`).

use std::time::Duration;

/// How a client comes to what waits for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Polling {
    /// Asks again this long after each answer. The clients wait for seconds; a test need not.
    Short(Duration),
    /// Keeps one poll open all the time, and sends beside it.
    Long,
}

/// The ways of one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// The target, up to the query.
    target: &'static str,
    version: &'static str,
    /// What stands in the head besides `Host` and `Content-Length`.
    headers: &'static str,
    /// The queries, with `{server}`, `{host}` and `{id}`.
    open: &'static str,
    send: &'static str,
    poll: &'static str,
    /// Whether the first request has no body.
    pub(super) opens_empty: bool,
    pub(super) keeps_connection: bool,
    pub(super) polling: Polling,
    pub(super) dialect: u8,
}

const PLAIN: &str = "/gateway/gateway.dll";
const ABSOLUTE: &str = "http://gateway.messenger.hotmail.com/gateway/gateway.dll";
const QUICK: Polling = Polling::Short(Duration::from_millis(5));

/// Behind a proxy of Internet Explorer's settings.
pub(super) const OFFICIAL: Habits = Habits {
    target: ABSOLUTE,
    version: "1.1",
    headers: "Accept: */*\r\nAccept-Language: en-us\r\nAccept-Encoding: gzip, deflate\r\n\
              User-Agent: MSMSGS\r\nProxy-Connection: Keep-Alive\r\nConnection: Keep-Alive\r\n\
              Pragma: no-cache\r\nContent-Type: application/x-msn-messenger\r\n",
    open: "Action=open&Server={server}&IP={host}",
    send: "SessionID={id}",
    poll: "Action=poll&SessionID={id}",
    opens_empty: false,
    keeps_connection: true,
    polling: QUICK,
    dialect: 8,
};

pub(super) const AMSN: Habits = Habits {
    headers: "Accept: */*\r\nUser-Agent: MSMSGS\r\nConnection: Keep-Alive\r\n\
              Pragma: no-cache\r\nContent-Type: text/xml; charset=utf-8\r\n",
    opens_empty: true,
    dialect: 12,
    ..OFFICIAL
};

pub(super) const BITLBEE: Habits = Habits {
    target: PLAIN,
    version: "1.1",
    headers: "User-Agent: BitlBee 3.5.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    open: "SessionID=&Action=open&Server={server}",
    send: "SessionID={id}&",
    poll: "SessionID={id}&Action=poll&Lifespan=60",
    opens_empty: false,
    keeps_connection: false,
    polling: Polling::Long,
    dialect: 18,
};

pub(super) const MIRANDA: Habits = Habits {
    target: PLAIN,
    headers: "User-Agent: MSMSGS\r\nAccept: */*\r\nContent-Type: text/html; charset=UTF-8\r\n",
    keeps_connection: true,
    dialect: 15,
    ..OFFICIAL
};

pub(super) const LIBPURPLE: Habits = Habits {
    headers: "Accept: */*\r\nAccept-Language: en-us\r\nUser-Agent: MSMSGS\r\n\
              Proxy-Connection: Keep-Alive\r\nConnection: Keep-Alive\r\nPragma: no-cache\r\n\
              Content-Type: application/x-msn-messenger\r\n",
    dialect: 18,
    ..OFFICIAL
};

/// Old enough for HTTP/1.0, where every request has a connection of its own.
pub(super) const PAPYON: Habits = Habits {
    target: PLAIN,
    version: "1.0",
    headers: "Accept: */*\r\nProxy-Connection: Keep-Alive\r\nUser-Agent: Papyon\r\n\
              Content-Type: application/x-msn-messenger\r\n",
    keeps_connection: false,
    dialect: 15,
    ..OFFICIAL
};

pub(super) const MSNP_SHARP: Habits = Habits {
    target: PLAIN,
    headers: "Accept: */*\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0)\r\n\
              Content-Type: text/html; charset=UTF-8\r\nConnection: Keep-Alive\r\n",
    open: "Action=open&Server={server}&IP={host}",
    poll: "Action=poll&Lifespan=3&SessionID={id}",
    polling: Polling::Long,
    dialect: 18,
    ..OFFICIAL
};

impl Habits {
    pub(super) fn open(&self, server: &str, body: &[u8]) -> Vec<u8> {
        let query = self.open.replace("{server}", server);
        self.request(&query.replace("{host}", "207.46.108.13"), body)
    }

    pub(super) fn send(&self, id: &str, body: &[u8]) -> Vec<u8> {
        self.request(&self.send.replace("{id}", id), body)
    }

    pub(super) fn poll(&self, id: &str) -> Vec<u8> {
        self.request(&self.poll.replace("{id}", id), b"")
    }

    fn request(&self, query: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST {}?{query} HTTP/{}\r\n{}Host: gateway.messenger.hotmail.com\r\n\
             Content-Length: {}\r\n\r\n",
            self.target,
            self.version,
            self.headers,
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}
