//! A client of the web services: tokens by `RST.srf`, then calls as raw HTTP.
//!
//! A request is written as the official clients write it; whoever wants it otherwise sends a body
//! of their own.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use roxmltree::{Document, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The namespace of the address book and of the sharing service.
pub(crate) const ADDRESS_BOOK: &str = "http://www.msn.com/webservices/AddressBook";
/// Where the two are.
pub(crate) const BOOK_PATH: &str = "/abservice/abservice.asmx";
pub(crate) const SHARING_PATH: &str = "/abservice/SharingService.asmx";
/// The service that the tokens of both are for.
pub(crate) const CONTACTS: &str = "contacts.msn.com";
/// The namespaces of the storage service, of the clients since 2009 and of their elders.
pub(crate) const STORAGE: [&str; 2] = [
    "http://www.msn.com/webservices/storage/2008",
    "http://www.msn.com/webservices/storage/w10",
];
pub(crate) const STORAGE_PATH: &str = "/storageservice/SchematizedStore.asmx";
pub(crate) const ACTIVITY_PATH: &str = "/whatsnew/whatsnewservice.asmx";

const DEADLINE: Duration = Duration::from_secs(20);

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Everything between the first element of this name and its end, by local names; `None`
    /// where there is no such element or no document.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let document = Document::parse(&self.body).ok()?;
        let node = document.descendants().find(|node| is(*node, name))?;
        Some(node.text().unwrap_or_default().to_owned())
    }

    /// The texts of all elements of this name.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let Ok(document) = Document::parse(&self.body) else {
            return Vec::new();
        };
        let nodes = document.descendants().filter(|node| is(*node, name));
        nodes
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect()
    }

    /// How many elements of this name there are.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.texts(name).len()
    }

    /// The text of one element inside of the first element `outer` that has an element `key` with
    /// this text.
    pub(crate) fn of(&self, outer: &str, key: &str, text: &str, wanted: &str) -> Option<String> {
        let document = Document::parse(&self.body).ok()?;
        let has = |node: &Node<'_, '_>| {
            let mut keys = node.descendants().filter(|inner| is(*inner, key));
            keys.any(|inner| inner.text() == Some(text))
        };
        let node = document
            .descendants()
            .filter(|node| is(*node, outer))
            .find(has)?;
        let wanted = node.descendants().find(|inner| is(*inner, wanted))?;
        Some(wanted.text().unwrap_or_default().to_owned())
    }

    /// The code of a fault: of its detail, or else the fault's own, or that of the later SOAP.
    pub(crate) fn fault(&self) -> Option<String> {
        let later = || {
            let document = Document::parse(&self.body).ok()?;
            let node = document.descendants().find(|node| is(*node, "Subcode"))?;
            let value = node.descendants().find(|node| is(*node, "Value"))?;
            Some(value.text().unwrap_or_default().to_owned())
        };
        let code = self.text("errorcode").or_else(|| self.text("faultcode"));
        code.or_else(later)
    }

    /// The code of a fault that came as SOAP wants it, with the status 500.
    #[track_caller]
    pub(crate) fn refused(&self) -> String {
        assert_eq!(self.status, 500, "{}", self.body);
        self.fault().unwrap_or_else(|| panic!("{}", self.body))
    }

    /// The element in the body of the envelope, as a document of its own.
    pub(crate) fn payload(&self) -> Option<String> {
        let document = Document::parse(&self.body).ok()?;
        let body = document.descendants().find(|node| is(*node, "Body"))?;
        let payload = body.children().find(Node::is_element)?;
        let text = self.body.get(payload.range())?;
        // What the envelope declares has to come along.
        let declared: String = payload
            .namespaces()
            .filter_map(|one| Some((one.name()?, one.uri())))
            .filter(|(name, _)| *name != "xml" && !text.contains(&format!("xmlns:{name}=")))
            .fold(String::new(), |mut all, (name, uri)| {
                let _ = write!(all, " xmlns:{name}=\"{uri}\"");
                all
            });
        let end = text.find(['>', '/', ' '])?;
        let (start, rest) = text.split_at_checked(end)?;
        Some(format!("{start}{declared}{rest}"))
    }
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// Posts a body and reads the answer to its end. An error is an answer that is no HTTP.
pub(crate) async fn post(
    http: SocketAddr,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<Answer, String> {
    let exchange = async {
        let mut stream = TcpStream::connect(http).await?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: contacts.msn.com\r\n\
             Content-Type: text/xml; charset=utf-8\r\n{headers}Content-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        // A server need not read all of what it refuses; its answer counts.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer).await {
            Err(_) if !answer.is_empty() => Ok(answer),
            other => other.map(|_| answer),
        }
    };
    let bytes = timeout(DEADLINE, exchange)
        .await
        .map_err(|_| format!("{path} did not answer in time"))?
        .map_err(|error| format!("no answer from {path}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} answered no text"))?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("{path} answered no HTTP: {text}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.ok_or_else(|| format!("{path} answered no HTTP: {text}"))?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// What stands for `&` and `<` in a document.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The request for tokens for these services, each with its policy, in the form of `RST.srf`.
pub(crate) fn token_request(address: &str, password: &str, services: &[(&str, &str)]) -> String {
    let wish = |(number, (service, policy)): (usize, &(&str, &str))| {
        format!(
            "<wst:RequestSecurityToken Id=\"RST{number}\"><wsp:AppliesTo><wsa:EndpointReference>\
             <wsa:Address>{}</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>\
             <wsse:PolicyReference URI=\"{policy}\"></wsse:PolicyReference>\
             </wst:RequestSecurityToken>",
            escape(service)
        )
    };
    let wishes: String = services.iter().enumerate().map(wish).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
         xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\" \
         xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\" \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\">\
         <Header><wsse:Security><wsse:UsernameToken Id=\"user\">\
         <wsse:Username>{}</wsse:Username><wsse:Password>{}</wsse:Password>\
         </wsse:UsernameToken></wsse:Security></Header>\
         <Body><ps:RequestMultipleSecurityTokens Id=\"RSTS\">{wishes}\
         </ps:RequestMultipleSecurityTokens></Body></Envelope>",
        escape(address),
        escape(password),
    )
}

/// Fetches a token for one service, in the spelling of the line protocol (`t=...&p=`).
pub(crate) async fn token(
    http: SocketAddr,
    address: &str,
    password: &str,
    service: &str,
) -> Result<String, String> {
    let body = token_request(address, password, &[(service, "MBI")]);
    let answer = post(http, "/RST.srf", "", body.as_bytes()).await?;
    answer
        .text("BinarySecurityToken")
        .ok_or_else(|| format!("no token for {address}: {}", answer.body))
}

/// The envelope of the address book and sharing services around a request.
pub(crate) fn envelope(token: &str, request: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soap:Header>\
         <ABApplicationHeader xmlns=\"{ADDRESS_BOOK}\">\
         <ApplicationId>AAD9B99B-58E6-4F23-B975-D9EC1F9EC24A</ApplicationId>\
         <IsMigration>false</IsMigration><PartnerScenario>Initial</PartnerScenario>\
         </ABApplicationHeader><ABAuthHeader xmlns=\"{ADDRESS_BOOK}\">\
         <ManagedGroupRequest>false</ManagedGroupRequest><TicketToken>{}</TicketToken>\
         </ABAuthHeader></soap:Header><soap:Body>{request}</soap:Body></soap:Envelope>",
        escape(token)
    )
}

/// A request to the storage service, in one of its namespaces.
pub(crate) fn storage_envelope(
    token: &str,
    namespace: &str,
    operation: &str,
    request: &str,
) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Header>\
         <StorageUserHeader xmlns=\"{namespace}\"><Puid>0</Puid><TicketToken>{}</TicketToken>\
         </StorageUserHeader></soap:Header><soap:Body><{operation} xmlns=\"{namespace}\">\
         {request}</{operation}></soap:Body></soap:Envelope>",
        escape(token)
    )
}

/// A request for recent activity.
pub(crate) fn activity_envelope(token: &str, count: u32) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>\
         <WNAuthHeader xmlns=\"{ADDRESS_BOOK}\"><TicketToken>{}</TicketToken></WNAuthHeader>\
         </s:Header><s:Body><GetContactsRecentActivity xmlns=\"{ADDRESS_BOOK}\">\
         <entityHandle><Cid>1</Cid></entityHandle><locales><string>en-US</string></locales>\
         <count>{count}</count></GetContactsRecentActivity></s:Body></s:Envelope>",
        escape(token)
    )
}

/// Somebody with a token for the address book.
#[derive(Debug, Clone)]
pub(crate) struct WebClient {
    pub(crate) http: SocketAddr,
    pub(crate) token: String,
}

impl WebClient {
    /// Signs in for the address book.
    pub(crate) async fn sign_in(
        http: SocketAddr,
        address: &str,
        password: &str,
    ) -> Result<Self, String> {
        let token = token(http, address, password, CONTACTS).await?;
        Ok(Self { http, token })
    }

    /// Calls an operation with the elements of its request.
    pub(crate) async fn call(&self, path: &str, operation: &str, request: &str) -> Answer {
        let request = format!("<{operation} xmlns=\"{ADDRESS_BOOK}\">{request}</{operation}>");
        self.send(path, operation, &envelope(&self.token, &request))
            .await
    }

    /// Sends a whole envelope.
    pub(crate) async fn send(&self, path: &str, operation: &str, envelope: &str) -> Answer {
        let action = format!("SOAPAction: \"{ADDRESS_BOOK}/{operation}\"\r\n");
        post(self.http, path, &action, envelope.as_bytes())
            .await
            .unwrap_or_else(|reason| panic!("{operation}: {reason}"))
    }

    /// Calls an operation of the address book.
    pub(crate) async fn book(&self, operation: &str, request: &str) -> Answer {
        self.call(BOOK_PATH, operation, request).await
    }

    /// Calls an operation of the sharing service.
    pub(crate) async fn sharing(&self, operation: &str, request: &str) -> Answer {
        self.call(SHARING_PATH, operation, request).await
    }
}
