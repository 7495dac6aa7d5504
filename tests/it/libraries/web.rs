//! The web services, as a library asks them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ALICE;
use crate::support::client::DEADLINE;
use crate::support::pattern::printable;
use crate::support::people::PASSWORD;
use crate::support::soap::{ADDRESS_BOOK, Answer, escape};

/// How a library speaks to web services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) agent: &'static str,
    /// Whether many calls go down one connection, or the server closes it behind each.
    pub(super) keeps_connections: bool,
    pub(super) quotes_actions: bool,
    /// Whether it wants to hear that it may go on before it sends a document.
    pub(super) asks_first: bool,
    /// What stands before the paths.
    pub(super) slash: &'static str,
    pub(super) application: &'static str,
    /// What stands between the elements of an envelope.
    pub(super) gap: &'static str,
}

/// The web services, as a library asks them.
#[derive(Debug)]
pub(super) struct Web {
    pub(super) http: SocketAddr,
    pub(super) style: Style,
    pub(super) kept: BTreeMap<String, TcpStream>,
}

impl Web {
    pub(super) fn new(http: SocketAddr, style: Style) -> Self {
        Self {
            http,
            style,
            kept: BTreeMap::new(),
        }
    }

    /// Posts a document. The end of the answer is where its `Content-Length` says.
    pub(super) async fn post(
        &mut self,
        host: &str,
        path: &str,
        action: &str,
        body: &str,
    ) -> Answer {
        self.send(host, path, action, body).await;
        let mut stream = self.kept.remove(host).unwrap();
        let answer = timeout(DEADLINE, read_answer(&mut stream)).await.unwrap();
        if self.style.keeps_connections {
            assert!(answer.head.starts_with("HTTP/1.1 "), "{}", answer.head);
            self.kept.insert(host.to_owned(), stream);
        } else {
            let mut rest = Vec::new();
            let end = timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
            end.expect("the connection is not closed").unwrap();
            assert_eq!(rest, b"", "there is more behind the answer");
        }
        answer
    }

    /// Posts a document and does not wait for the answer.
    pub(super) async fn send(&mut self, host: &str, path: &str, action: &str, body: &str) {
        let style = self.style;
        let version = u8::from(style.keeps_connections);
        let action = match (action, style.quotes_actions) {
            ("", _) => String::new(),
            (action, true) => format!("SOAPAction: \"{action}\"\r\n"),
            (action, false) => format!("SOAPAction: {action}\r\n"),
        };
        let slash = style.slash;
        let head = format!(
            "POST {slash}{path} HTTP/1.{version}\r\nHost: {host}\r\nAccept: */*\r\n\
             User-Agent: {}\r\n{action}Content-Type: text/xml; charset=utf-8\r\n\
             Content-Length: {}\r\nCache-Control: no-cache\r\n{}\r\n",
            style.agent,
            body.len(),
            if style.asks_first {
                "Expect: 100-continue\r\n"
            } else {
                ""
            },
        );
        let mut stream = match self.kept.remove(host) {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.http).await.unwrap();
                stream.set_nodelay(true).unwrap();
                stream
            }
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        if style.asks_first {
            const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
            let mut said = vec![0; GO_ON.len()];
            let heard = timeout(DEADLINE, stream.read_exact(&mut said)).await;
            heard.expect("no leave to go on").unwrap();
            assert_eq!(printable(&said), printable(GO_ON));
        }
        stream.write_all(body.as_bytes()).await.unwrap();
        self.kept.insert(host.to_owned(), stream);
    }

    /// Calls an operation of the address book or of the sharing service.
    pub(super) async fn call(&mut self, host: &str, service: &str, call: Call<'_>) -> Answer {
        let action = format!("{ADDRESS_BOOK}/{}", call.operation);
        let path = format!("/abservice/{service}.asmx");
        self.post(host, &path, &action, &self.envelope(call)).await
    }

    pub(super) fn envelope(&self, call: Call<'_>) -> String {
        let Style {
            gap, application, ..
        } = self.style;
        [
            "<?xml version='1.0' encoding='utf-8'?>",
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\">",
            "<soap:Header>",
            &format!("<ABApplicationHeader xmlns=\"{ADDRESS_BOOK}\">"),
            &format!("<ApplicationId>{application}</ApplicationId>"),
            "<IsMigration>false</IsMigration>",
            &format!("<PartnerScenario>{}</PartnerScenario>", call.scenario),
            "</ABApplicationHeader>",
            &format!("<ABAuthHeader xmlns=\"{ADDRESS_BOOK}\">"),
            "<ManagedGroupRequest>false</ManagedGroupRequest>",
            &format!("<TicketToken>{}</TicketToken>", escape(call.ticket)),
            "</ABAuthHeader>",
            "</soap:Header>",
            "<soap:Body>",
            &format!(
                "<{0} xmlns=\"{ADDRESS_BOOK}\">{1}</{0}>",
                call.operation, call.inner
            ),
            "</soap:Body>",
            "</soap:Envelope>",
        ]
        .join(gap)
    }
}

/// What is asked of the profiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filing<'a> {
    pub(super) namespace: &'a str,
    pub(super) application: &'a str,
    pub(super) token: &'a Token,
}

impl Web {
    /// Calls an operation on profiles and pictures.
    pub(super) async fn storage(
        &mut self,
        filing: Filing<'_>,
        operation: &str,
        inner: &str,
    ) -> Answer {
        let Filing {
            namespace,
            application,
            token,
        } = filing;
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soap:Header>\
             <StorageApplicationHeader xmlns=\"{namespace}\">\
             <ApplicationID>{application}</ApplicationID><Scenario>Initial</Scenario>\
             </StorageApplicationHeader><StorageUserHeader xmlns=\"{namespace}\"><Puid>0</Puid>\
             <TicketToken>{}</TicketToken></StorageUserHeader></soap:Header><soap:Body>\
             <{operation} xmlns=\"{namespace}\">{inner}</{operation}></soap:Body></soap:Envelope>",
            escape(&token.ticket)
        );
        let action = format!("{namespace}/{operation}");
        let path = "/storageservice/SchematizedStore.asmx";
        let answer = self.post("storage.msn.com", path, &action, &body).await;
        // Answers are in the namespace of the request.
        assert!(answer.body.contains(namespace), "{answer:?}");
        answer
    }
}

/// How a profile is asked for: by the number of its owner.
pub(super) fn profile_handle(cid: &str) -> String {
    format!(
        "<profileHandle><Alias><Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias>\
         <RelationshipName>MyProfile</RelationshipName></profileHandle><profileAttributes>\
         <ResourceID>true</ResourceID><DateModified>true</DateModified>\
         <ExpressionProfileAttributes><ResourceID>true</ResourceID><DateModified>true\
         </DateModified><DisplayName>true</DisplayName><DisplayNameLastModified>true\
         </DisplayNameLastModified><PersonalStatus>true</PersonalStatus>\
         <PersonalStatusLastModified>true</PersonalStatusLastModified><StaticUserTilePublicURL>\
         true</StaticUserTilePublicURL><Photo>true</Photo><Flags>true</Flags>\
         </ExpressionProfileAttributes></profileAttributes>"
    )
}

/// What is asked of the address book.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) ticket: &'a str,
    pub(super) scenario: &'a str,
    pub(super) operation: &'a str,
    pub(super) inner: &'a str,
}

pub(super) async fn read_answer(stream: &mut TcpStream) -> Answer {
    // Byte by byte, so that the answer behind this one is left where it is.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await;
        head.push(byte.unwrap_or_else(|_| panic!("no answer: {}", printable(&head))));
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap_or_else(|| panic!("no length: {head}"));
    let mut body = vec![0; length.parse().unwrap()];
    let read = stream.read_exact(&mut body).await;
    read.unwrap_or_else(|_| panic!("half an answer: {head}"));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

/// A token for one service.
#[derive(Debug, Clone, Default)]
pub(super) struct Token {
    /// As it goes over the wire.
    pub(super) ticket: String,
    /// In base64.
    pub(super) key: String,
}

impl Token {
    /// The part that names the token.
    pub(super) fn bare(&self) -> &str {
        let text = self.ticket.strip_prefix("t=").unwrap();
        text.split_once("&p=").unwrap().0
    }
}

/// The request for tokens that all libraries have taken from the same capture.
pub(super) fn token_request(wishes: &[(&str, &str)]) -> String {
    let wish = |(number, (audience, policy)): (usize, &(&str, &str))| {
        let policy = if policy.is_empty() {
            String::new()
        } else {
            format!("<wsse:PolicyReference URI=\"{policy}\"></wsse:PolicyReference>")
        };
        format!(
            "<wst:RequestSecurityToken Id=\"RST{number}\"><wst:RequestType>\
             http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue</wst:RequestType>\
             <wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{audience}</wsa:Address>\
             </wsa:EndpointReference></wsp:AppliesTo>{policy}</wst:RequestSecurityToken>"
        )
    };
    let wishes: String = wishes.iter().enumerate().map(wish).collect();
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\
         <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\" \
         xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
         xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/\
         oasis-200401-wss-wssecurity-utility-1.0.xsd\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\" \
         xmlns:wssc=\"http://schemas.xmlsoap.org/ws/2004/04/sc\" \
         xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\"><Header>\
         <ps:AuthInfo xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" \
         Id=\"PPAuthInfo\"><ps:HostingApp>{{7108E71A-9926-4FCB-BCC9-9A9D3F32E423}}</ps:HostingApp>\
         <ps:BinaryVersion>4</ps:BinaryVersion><ps:Cookies></ps:Cookies>\
         <ps:UIVersion>1</ps:UIVersion>\
         <ps:RequestParams>AQAAAAIAAABsYwQAAAAxMDMz</ps:RequestParams></ps:AuthInfo>\
         <wsse:Security><wsse:UsernameToken Id=\"user\"><wsse:Username>{ALICE}</wsse:Username>\
         <wsse:Password>{PASSWORD}</wsse:Password></wsse:UsernameToken></wsse:Security></Header>\
         <Body><ps:RequestMultipleSecurityTokens \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" Id=\"RSTS\">\
         {wishes}</ps:RequestMultipleSecurityTokens></Body></Envelope>"
    )
}
