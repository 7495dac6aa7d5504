//! Messages for people who are not there, as the client on either side handles them
//! (`docs/protocol/13 §1`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::browser::Browser;
use super::good;
use crate::support::challenge::product_answer;
use crate::support::soap::{Answer, escape};

const RSI: &str = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi";

/// How a client names itself when it leaves a message.
pub(super) struct Post {
    pub(super) from: &'static str,
    pub(super) dialect: &'static str,
    pub(super) build: &'static str,
    pub(super) product: &'static str,
    /// The namespace of the operation, which has its name at its end.
    pub(super) namespace: &'static str,
    pub(super) operation: &'static str,
}

/// The namespace of 7.5 and 8.0.
pub(super) const OLDER: &str = "http://messenger.msn.com/ws/2004/09/oim/";
/// That of 8.1 and later.
pub(super) const NEWER: &str = "http://messenger.live.com/ws/2006/09/oim/";

impl Post {
    /// Leaves messages as the client does: the first without a key, which is answered with a
    /// question, and then all with the answer to it, which is good for as long as it runs.
    pub(super) async fn leave(
        &self,
        browser: &mut Browser,
        ticket: &str,
        to: &str,
        texts: &[&str],
    ) {
        let asked = self.store(browser, (ticket, ""), to, (1, texts[0])).await;
        assert_eq!(asked.fault().as_deref(), Some("q0:AuthenticationFailed"));
        let question = asked.text("LockKeyChallenge").unwrap();
        let key = product_answer(question.as_bytes(), self.product).unwrap();
        for (number, text) in (1..).zip(texts) {
            let stored = self
                .store(browser, (ticket, &key), to, (number, text))
                .await;
            let stored = good(stored);
            assert_eq!(stored.count("StoreResponse"), 1, "{stored:?}");
            let range = format!("<AcknowledgmentRange Upper=\"{number}\" Lower=\"{number}\"");
            assert!(stored.body.contains(&range), "{stored:?}");
            assert!(stored.body.contains(self.namespace), "{stored:?}");
        }
    }

    async fn store(
        &self,
        browser: &mut Browser,
        (ticket, key): (&str, &str),
        to: &str,
        (number, text): (u32, &str),
    ) -> Answer {
        let Self {
            from,
            dialect,
            build,
            product,
            namespace,
            operation,
        } = self;
        let name = BASE64.encode(from.split('@').next().unwrap());
        let ticket = escape(ticket);
        let content = format!(
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
             Content-Transfer-Encoding: base64\r\nX-OIM-Message-Type: OfflineMessage\r\n\
             X-OIM-Run-Id: {{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}}\r\n\
             X-OIM-Sequence-Num: {number}\r\n\r\n{}",
            BASE64.encode(text)
        );
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
             <From memberName=\"{from}\" friendlyName=\"=?utf-8?B?{name}?=\" \
             xml:lang=\"en-US\" proxy=\"MSNMSGR\" xmlns=\"{namespace}\" msnpVer=\"{dialect}\" \
             buildVer=\"{build}\"/><To memberName=\"{to}\" xmlns=\"{namespace}\"/>\
             <Ticket passport=\"{ticket}\" appid=\"{product}\" lockkey=\"{key}\" \
             xmlns=\"{namespace}\"/><Sequence xmlns=\"http://schemas.xmlsoap.org/ws/2003/03/rm\">\
             <Identifier xmlns=\"http://schemas.xmlsoap.org/ws/2002/07/utility\">\
             http://messenger.msn.com</Identifier><MessageNumber>{number}</MessageNumber></Sequence>\
             </soap:Header><soap:Body><MessageType xmlns=\"{namespace}\">text</MessageType>\
             <Content xmlns=\"{namespace}\">{content}</Content></soap:Body></soap:Envelope>"
        );
        let action = format!("SOAPAction: \"{namespace}{operation}\"\r\n");
        let url = "http://ows.messenger.msn.com/OimWS/oim.asmx";
        browser.post(url, &action, &body).await
    }
}

/// The identities of the messages that a notice tells of, with their senders.
#[track_caller]
pub(super) fn waiting(notice: &str) -> Vec<(String, String)> {
    let kind = "Content-Type: text/x-msmsgsinitialmdatanotification; charset=UTF-8\r\n";
    assert!(notice.contains(kind), "{notice}");
    for line in ["Inbox-URL: ", "Folders-URL: ", "Post-URL: "] {
        assert!(notice.contains(&format!("\r\n{line}")), "{notice}");
    }
    let (_, rest) = notice.split_once("Mail-Data: ").unwrap();
    let data = rest.split("\r\n").next().unwrap();
    let document = roxmltree::Document::parse(data).unwrap();
    let text = |message: roxmltree::Node<'_, '_>, name: &str| {
        let found = message.children().find(|node| node.has_tag_name(name));
        found.and_then(|node| node.text()).unwrap().to_owned()
    };
    document
        .descendants()
        .filter(|node| node.has_tag_name("M"))
        .map(|message| (text(message, "I"), text(message, "E")))
        .collect()
}

/// Fetches the messages of a notice and deletes them, after which none waits. Answers their texts
/// in the order in which they were sent.
pub(super) async fn fetch(
    browser: &mut Browser,
    token: &str,
    letters: &[(String, String)],
) -> Vec<String> {
    let metadata = good(rsi(browser, token, "GetMetadata", "").await);
    assert_eq!(metadata.count("M"), letters.len(), "{metadata:?}");
    let mut texts = BTreeMap::new();
    let mut ids = String::new();
    for (id, from) in letters {
        let sender = metadata.of("M", "I", id, "E");
        assert_eq!(sender.as_ref(), Some(from), "{metadata:?}");
        let id = format!("<messageId>{id}</messageId>");
        let wanted = format!("{id}<alsoMarkAsRead>false</alsoMarkAsRead>");
        let message = good(rsi(browser, token, "GetMessage", &wanted).await);
        let letter = message.text("GetMessageResult").unwrap();
        let (head, body) = letter.split_once("\n\n").unwrap();
        assert!(head.contains(&format!("<{from}>\n")), "{head}");
        assert!(head.contains("\nX-OIM-Run-Id: {"), "{head}");
        let number = head.split("\nX-OIM-Sequence-Num: ").nth(1).unwrap();
        let number: u32 = number.split('\n').next().unwrap().parse().unwrap();
        let text = BASE64.decode(body.replace('\n', "")).unwrap();
        texts.insert(number, String::from_utf8(text).unwrap());
        ids.push_str(&id);
    }
    let ids = format!("<messageIds>{ids}</messageIds>");
    let deleted = good(rsi(browser, token, "DeleteMessages", &ids).await);
    assert_eq!(deleted.count("DeleteMessagesResponse"), 1, "{deleted:?}");
    let metadata = good(rsi(browser, token, "GetMetadata", "").await);
    assert_eq!(metadata.count("M"), 0, "{metadata:?}");
    texts.into_values().collect()
}

async fn rsi(browser: &mut Browser, token: &str, operation: &str, inner: &str) -> Answer {
    let token = escape(token);
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
         <PassportCookie xmlns=\"{RSI}\"><t>{token}</t><p></p></PassportCookie></soap:Header>\
         <soap:Body><{operation} xmlns=\"{RSI}\">{inner}</{operation}></soap:Body></soap:Envelope>"
    );
    let action = format!("SOAPAction: \"{RSI}/{operation}\"\r\n");
    browser
        .post("http://rsi.hotmail.com/rsi/rsi.asmx", &action, &body)
        .await
}
