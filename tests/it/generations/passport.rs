//! Tickets for all the services of a client in one request (`docs/protocol/11`).

use std::collections::HashMap;
use std::fmt::Write as _;

use roxmltree::{Document, Node};

use super::browser::Browser;
use crate::support::people::PASSWORD;
use crate::support::single_sign_on::signed_nonce;
use crate::support::soap::{Answer, escape};

/// The language of a client's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// `RST.srf`, SOAP 1.1.
    First,
    /// `RST2.srf`, SOAP 1.2.
    Second,
}

/// What a client asks for: a service, and the policy of its ticket where it has one.
pub(super) type Wish<'a> = (&'a str, &'a str);

/// The ticket that renews the others, which every client asks for first.
pub(super) const TICKET_GRANTING: Wish<'static> = ("http://Passport.NET/tb", "");

/// The tickets that a client was given together, by service.
pub(super) struct Tickets {
    tickets: HashMap<String, Ticket>,
    /// The 16 hex digits of the account.
    pub(super) cid: String,
}

struct Ticket {
    /// As it goes over the line.
    wire: String,
    secret: String,
}

impl Tickets {
    /// The ticket for a service, `t=...&p=`.
    #[track_caller]
    pub(super) fn of(&self, service: &str) -> &str {
        &self.tickets[service].wire
    }

    /// Only what stands between `t=` and `&p=`.
    #[track_caller]
    pub(super) fn bare(&self, service: &str) -> &str {
        let (token, _) = self.of(service).split_once("&p=").unwrap();
        token.strip_prefix("t=").unwrap()
    }

    /// The proof that one holds the key of the ticket for the notification server.
    pub(super) fn proof(&self, nonce: &str) -> String {
        let secret = &self.tickets["messengerclear.live.com"].secret;
        assert_eq!(secret.len(), 32, "24 bytes in base64");
        signed_nonce(nonce.as_bytes(), secret.as_bytes()).unwrap()
    }
}

/// Asks for tickets, and checks the answer for all that clients rely on.
pub(super) async fn sign_in(
    browser: &mut Browser,
    url: &str,
    trust: Trust,
    address: &str,
    wishes: &[Wish<'_>],
) -> Tickets {
    let body = request(trust, url, address, PASSWORD, wishes);
    let answer = browser.post(url, "", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    read(&answer, trust, wishes)
}

/// A wrong password is told so that the client says so.
pub(super) async fn is_refused(browser: &mut Browser, url: &str, trust: Trust, address: &str) {
    let body = request(trust, url, address, "not-this", &[TICKET_GRANTING]);
    let answer = browser.post(url, "", &body).await;
    assert_eq!(answer.count("BinarySecurityToken"), 0, "{answer:?}");
    assert_eq!(answer.text("reqstatus").as_deref(), Some("0x80048821"));
    let code = match trust {
        Trust::First => "wsse:FailedAuthentication",
        Trust::Second => "wst:FailedAuthentication",
    };
    assert!(answer.body.contains(code), "{answer:?}");
}

fn request(trust: Trust, url: &str, address: &str, password: &str, wishes: &[Wish<'_>]) -> String {
    let (address, password) = (escape(address), escape(password));
    let info = "<ps:AuthInfo xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" \
                Id=\"PPAuthInfo\"><ps:HostingApp>{7108E71A-9926-4FCB-BCC9-9A9D3F32E423}\
                </ps:HostingApp><ps:BinaryVersion>VERSION</ps:BinaryVersion><ps:UIVersion>1\
                </ps:UIVersion><ps:Cookies></ps:Cookies><ps:RequestParams>\
                AQAAAAIAAABsYwQAAAAxMDMz</ps:RequestParams></ps:AuthInfo>";
    let issue = match trust {
        Trust::First => "http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue",
        Trust::Second => "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue",
    };
    let mut tokens = String::new();
    for (number, (service, policy)) in wishes.iter().enumerate() {
        let _ = write!(
            tokens,
            "<wst:RequestSecurityToken Id=\"RST{number}\"><wst:RequestType>{issue}\
             </wst:RequestType><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{service}\
             </wsa:Address></wsa:EndpointReference></wsp:AppliesTo>"
        );
        let prefix = if trust == Trust::First { "wsse" } else { "wsp" };
        if !policy.is_empty() {
            let policy = escape(policy);
            let _ = write!(
                tokens,
                "<{prefix}:PolicyReference URI=\"{policy}\"></{prefix}:PolicyReference>"
            );
        }
        tokens.push_str("</wst:RequestSecurityToken>");
    }
    let tokens = format!(
        "<ps:RequestMultipleSecurityTokens \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" Id=\"RSTS\">{tokens}\
         </ps:RequestMultipleSecurityTokens>"
    );
    match trust {
        Trust::First => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\" \
             xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
             xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" \
             xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\" \
             xmlns:wssc=\"http://schemas.xmlsoap.org/ws/2004/04/sc\" \
             xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\"><Header>{}\
             <wsse:Security><wsse:UsernameToken Id=\"user\"><wsse:Username>{address}\
             </wsse:Username><wsse:Password>{password}</wsse:Password></wsse:UsernameToken>\
             </wsse:Security></Header><Body>{tokens}</Body></Envelope>",
            info.replace("VERSION", "4")
        ),
        Trust::Second => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\" \
             xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2004/09/policy\" \
             xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" \
             xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" \
             xmlns:wssc=\"http://schemas.xmlsoap.org/ws/2005/02/sc\" \
             xmlns:wst=\"http://schemas.xmlsoap.org/ws/2005/02/trust\"><s:Header>\
             <wsa:Action s:mustUnderstand=\"1\">\
             http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue</wsa:Action>\
             <wsa:To s:mustUnderstand=\"1\">{url}</wsa:To><wsa:MessageID>1262401445\
             </wsa:MessageID>{}<wsse:Security><wsse:UsernameToken wsu:Id=\"user\">\
             <wsse:Username>{address}</wsse:Username><wsse:Password>{password}</wsse:Password>\
             </wsse:UsernameToken><wsu:Timestamp Id=\"Timestamp\">\
             <wsu:Created>2010-01-02T03:04:05Z</wsu:Created>\
             <wsu:Expires>2010-01-02T03:09:05Z</wsu:Expires></wsu:Timestamp></wsse:Security>\
             </s:Header><s:Body>{tokens}</s:Body></s:Envelope>",
            info.replace("VERSION", "5")
        ),
    }
}

fn read(answer: &Answer, trust: Trust, wishes: &[Wish<'_>]) -> Tickets {
    let document = Document::parse(&answer.body).unwrap();
    let namespace = match trust {
        Trust::First => "http://schemas.xmlsoap.org/ws/2004/04/trust",
        Trust::Second => "http://schemas.xmlsoap.org/ws/2005/02/trust",
    };
    let name = (namespace, "RequestSecurityTokenResponseCollection");
    let mut nodes = document.descendants();
    let collection = nodes.find(|node| node.has_tag_name(name)).unwrap();
    // A text between the tokens is taken for a token.
    assert!(collection.children().all(|node| node.is_element()));
    let mut tickets = HashMap::new();
    let responses: Vec<_> = collection.children().collect();
    assert_eq!(responses.len(), wishes.len(), "{}", answer.body);
    for (number, (response, (service, _))) in responses.iter().zip(wishes).enumerate() {
        assert_eq!(text(*response, "Address"), *service);
        let life = match trust {
            Trust::First => "LifeTime",
            Trust::Second => "Lifetime",
        };
        assert!(find(*response, life).is_some(), "{}", answer.body);
        assert!(text(*response, "Expires").ends_with('Z'));
        let secret = text(*response, "BinarySecret").to_owned();
        if *service == TICKET_GRANTING.0 {
            assert!(!text(*response, "CipherValue").is_empty());
            continue;
        }
        let token = find(*response, "BinarySecurityToken").unwrap();
        let id = token.attribute("Id").unwrap();
        assert!(id.ends_with(&number.to_string()), "{id} is not {number}");
        let wire = token.text().unwrap().to_owned();
        assert!(wire.starts_with("t=") && wire.contains("&p="), "{wire}");
        assert!(wire.len() < 1_000 && !wire.contains(' '), "{wire}");
        tickets.insert((*service).to_owned(), Ticket { wire, secret });
    }
    let cid = document.descendants().find(|node| {
        node.tag_name().name() == "credProperty" && node.attribute("Name") == Some("CID")
    });
    let cid = cid.and_then(|node| node.text()).unwrap().to_owned();
    assert_eq!(text(document.root(), "PUID"), cid.to_uppercase());
    Tickets { tickets, cid }
}

fn find<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    node.descendants()
        .find(|inner| inner.tag_name().name() == name)
}

#[track_caller]
fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    let found = find(node, name).unwrap_or_else(|| panic!("no {name}"));
    found.text().unwrap_or_default()
}
