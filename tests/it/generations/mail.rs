//! Messages for people who are not there, as the client on either side handles them
//! (`docs/protocol/13 §1`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::browser::Browser;
use super::good;
use crate::support::challenge::product_answer;
use crate::support::soap::escape;

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
    /// Leaves a message as the client does: without a key first, which is answered with a
    /// question, and then with the answer to it.
    pub(super) async fn leave(&self, browser: &mut Browser, ticket: &str, to: &str, text: &str) {
        let asked = self.store(browser, ticket, "", to, text).await;
        assert_eq!(asked.fault().as_deref(), Some("q0:AuthenticationFailed"));
        let question = asked.text("LockKeyChallenge").unwrap();
        let key = product_answer(question.as_bytes(), self.product).unwrap();
        let stored = good(self.store(browser, ticket, &key, to, text).await);
        assert_eq!(stored.count("StoreResponse"), 1, "{stored:?}");
        let range = "<AcknowledgmentRange Upper=\"1\" Lower=\"1\"";
        assert!(stored.body.contains(range), "{stored:?}");
        assert!(stored.body.contains(self.namespace), "{stored:?}");
    }

    async fn store(
        &self,
        browser: &mut Browser,
        ticket: &str,
        key: &str,
        to: &str,
        text: &str,
    ) -> crate::support::soap::Answer {
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
             X-OIM-Sequence-Num: 1\r\n\r\n{}",
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
             http://messenger.msn.com</Identifier><MessageNumber>1</MessageNumber></Sequence>\
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

/// Fetches the only message that waits and deletes it, after which none does. Answers its text.
pub(super) async fn fetch(browser: &mut Browser, token: &str, from: &str, id: &str) -> String {
    let metadata = good(rsi(browser, token, "GetMetadata", "").await);
    assert_eq!(metadata.text("I").as_deref(), Some(id), "{metadata:?}");
    assert_eq!(metadata.count("M"), 1, "{metadata:?}");
    assert_eq!(metadata.text("E").as_deref(), Some(from), "{metadata:?}");
    let wanted = format!("<messageId>{id}</messageId><alsoMarkAsRead>false</alsoMarkAsRead>");
    let message = good(rsi(browser, token, "GetMessage", &wanted).await);
    let letter = message.text("GetMessageResult").unwrap();
    let (head, body) = letter.split_once("\n\n").unwrap();
    assert!(head.contains(&format!("<{from}>\n")), "{head}");
    assert!(head.contains("\nX-OIM-Sequence-Num: "), "{head}");
    assert!(head.contains("\nX-OIM-Run-Id: {"), "{head}");
    let text = BASE64.decode(body.replace('\n', "")).unwrap();
    let ids = format!("<messageIds><messageId>{id}</messageId></messageIds>");
    let deleted = good(rsi(browser, token, "DeleteMessages", &ids).await);
    assert_eq!(deleted.count("DeleteMessagesResponse"), 1, "{deleted:?}");
    let metadata = good(rsi(browser, token, "GetMetadata", "").await);
    assert_eq!(metadata.count("M"), 0, "{metadata:?}");
    String::from_utf8(text).unwrap()
}

async fn rsi(
    browser: &mut Browser,
    token: &str,
    operation: &str,
    inner: &str,
) -> crate::support::soap::Answer {
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
