//! A client that leaves and fetches offline messages over HTTP (`docs/protocol/13 §1`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::challenge::product_answer;
use super::passport::{Outcome, USUAL_POLICY, fetch_ticket};
use super::people::PASSWORD;
use super::player::Addresses;
use super::soap::{Answer, post};

/// The namespace since `Store2`, and that of `Store`.
pub(crate) const STORE2: &str = "http://messenger.live.com/ws/2006/09/oim/";
pub(crate) const STORE: &str = "http://messenger.msn.com/ws/2004/09/oim/";
/// The namespace for fetching.
pub(crate) const RSI: &str = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi";
pub(crate) const PRODUCT: &str = "PROD0119GSJUC$18";

/// Somebody with a ticket.
pub(crate) struct OfflineClient {
    at: Addresses,
    /// The part of the ticket without `t=` and what follows it.
    pub(crate) token: String,
    pub(crate) lock_key: String,
}

impl OfflineClient {
    pub(crate) async fn of(at: Addresses, name: &str) -> Self {
        let address = format!("{name}@example.com");
        let ticket = fetch_ticket(at.http, &address, PASSWORD, USUAL_POLICY).await;
        let Ok(Outcome::Ticket(ticket)) = ticket else {
            panic!("no ticket for {name}: {ticket:?}");
        };
        let token = ticket.strip_prefix("t=").unwrap();
        Self {
            at,
            token: token.split('&').next().unwrap().to_owned(),
            lock_key: String::new(),
        }
    }

    /// The same with a lock key, fetched as clients do.
    pub(crate) async fn unlocked(at: Addresses, name: &str) -> Self {
        let mut client = Self::of(at, name).await;
        let challenged = client.send("nobody@example.com", &letter("x")).await;
        client.unlock(&challenged);
        client
    }

    /// Makes the key to what this answer asked.
    pub(crate) fn unlock(&mut self, challenged: &Answer) {
        let challenge = challenged.text("LockKeyChallenge").unwrap();
        self.lock_key = product_answer(challenge.as_bytes(), PRODUCT).unwrap();
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        post(self.at.http, path, "", body.as_bytes()).await.unwrap()
    }

    pub(crate) async fn store(&self, namespace: &str, to: &str, content: &str) -> Answer {
        self.try_store(namespace, to, content).await.unwrap()
    }

    /// The same, where the server may be gone.
    pub(crate) async fn try_send(&self, to: &str, content: &str) -> Result<Answer, String> {
        self.try_store(STORE2, to, content).await
    }

    async fn try_store(
        &self,
        namespace: &str,
        to: &str,
        content: &str,
    ) -> Result<Answer, String> {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>\
             <From memberName=\"mallory@example.com\" friendlyName=\"=?utf-8?B?QWxpY2U=?=\" \
             xml:lang=\"en-US\" proxy=\"MSNMSGR\" xmlns=\"{namespace}\" msnpVer=\"MSNP15\" \
             buildVer=\"8.5.1302\"/><To memberName=\"{to}\" xmlns=\"{namespace}\"/>\
             <Ticket passport=\"t={}&amp;p=\" appid=\"{PRODUCT}\" lockkey=\"{}\" \
             xmlns=\"{namespace}\"/>\
             <Sequence xmlns=\"http://schemas.xmlsoap.org/ws/2003/03/rm\">\
             <Identifier xmlns=\"http://schemas.xmlsoap.org/ws/2002/07/utility\">\
             http://messenger.msn.com</Identifier><MessageNumber>3</MessageNumber></Sequence>\
             </soap:Header><soap:Body><MessageType xmlns=\"{namespace}\">text</MessageType>\
             <Content xmlns=\"{namespace}\">{content}</Content></soap:Body></soap:Envelope>",
            self.token, self.lock_key
        );
        post(self.at.http, "/OimWS/oim.asmx", "", body.as_bytes()).await
    }

    pub(crate) async fn send(&self, to: &str, content: &str) -> Answer {
        self.store(STORE2, to, content).await
    }

    pub(crate) async fn rsi(&self, operation: &str) -> Answer {
        let body = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
             <soap:Header><PassportCookie xmlns=\"{RSI}\"><t>{}</t><p></p></PassportCookie>\
             </soap:Header><soap:Body>{operation}</soap:Body></soap:Envelope>",
            self.token
        );
        self.post("//rsi/rsi.asmx", &body).await
    }

    pub(crate) async fn metadata(&self) -> Answer {
        self.rsi(&format!("<GetMetadata xmlns=\"{RSI}\" />")).await
    }

    pub(crate) async fn message(&self, id: &str, marks_read: bool) -> Answer {
        self.rsi(&format!(
            "<GetMessage xmlns=\"{RSI}\"><messageId>{id}</messageId>\
             <alsoMarkAsRead>{marks_read}</alsoMarkAsRead></GetMessage>"
        ))
        .await
    }

    pub(crate) async fn delete(&self, ids: &[&str]) -> Answer {
        let ids: String = ids
            .iter()
            .map(|id| format!("<messageId>{id}</messageId>"))
            .collect();
        self.rsi(&format!(
            "<DeleteMessages xmlns=\"{RSI}\"><messageIds>{ids}</messageIds></DeleteMessages>"
        ))
        .await
    }
}

/// What a client puts into `Content`.
pub(crate) fn letter(text: &str) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\
         Content-Transfer-Encoding: base64\nX-OIM-Message-Type: OfflineMessage\n\
         X-OIM-Run-Id: {{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}}\nX-OIM-Sequence-Num: 3\n\n{}\n",
        BASE64.encode(text)
    )
}
