//! The contact list and the profile as clients since MSNP13 keep them, over SOAP
//! (`docs/protocol/12`, `docs/protocol/13 §2`).

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use super::browser::Browser;
use super::{HOST, good};
use crate::support::soap::{ADDRESS_BOOK, Answer, escape};

/// The own address book, in every request about it.
pub(super) const OWN_BOOK: &str = "<abId>00000000-0000-0000-0000-000000000000</abId>";

/// The address book and the sharing service, for one client.
pub(super) struct Book {
    /// The address from the configuration.
    url: String,
    /// Which program this is.
    application: &'static str,
    ticket: String,
    /// None before the first answer.
    cache_key: Option<String>,
}

impl Book {
    pub(super) fn new(url: String, application: &'static str, ticket: &str) -> Self {
        Self {
            url,
            application,
            ticket: ticket.to_owned(),
            cache_key: None,
        }
    }

    /// Calls an operation of the address book, for what the client says it is doing.
    pub(super) async fn book(
        &mut self,
        browser: &mut Browser,
        scenario: &str,
        operation: &str,
        inner: &str,
    ) -> Answer {
        let url = self.url.clone();
        self.call(browser, &url, scenario, operation, inner).await
    }

    /// The same where it may be refused.
    pub(super) async fn try_book(
        &self,
        browser: &mut Browser,
        scenario: &str,
        operation: &str,
        inner: &str,
    ) -> Answer {
        self.post(browser, &self.url, scenario, operation, inner)
            .await
    }

    /// Calls an operation of the sharing service, which is beside the address book.
    pub(super) async fn sharing(
        &mut self,
        browser: &mut Browser,
        scenario: &str,
        operation: &str,
        inner: &str,
    ) -> Answer {
        let (folder, _) = self.url.rsplit_once('/').unwrap();
        let url = format!("{folder}/SharingService.asmx");
        self.call(browser, &url, scenario, operation, inner).await
    }

    async fn call(
        &mut self,
        browser: &mut Browser,
        url: &str,
        scenario: &str,
        operation: &str,
        inner: &str,
    ) -> Answer {
        let answer = good(self.post(browser, url, scenario, operation, inner).await);
        assert_eq!(
            answer.count(&format!("{operation}Response")),
            1,
            "{answer:?}"
        );
        // The client goes on at the host, and with the key, that it is told.
        assert_eq!(answer.text("PreferredHostName").as_deref(), Some(HOST));
        if answer.text("CacheKeyChanged").as_deref() == Some("true") {
            self.cache_key = answer.text("CacheKey");
            assert!(self.cache_key.is_some(), "{answer:?}");
        }
        answer
    }

    async fn post(
        &self,
        browser: &mut Browser,
        url: &str,
        scenario: &str,
        operation: &str,
        inner: &str,
    ) -> Answer {
        let cache_key = match &self.cache_key {
            None => String::new(),
            Some(key) => format!("<CacheKey>{key}</CacheKey>"),
        };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\"><soap:Header>\
             <ABApplicationHeader xmlns=\"{ADDRESS_BOOK}\"><ApplicationId>{}</ApplicationId>\
             <IsMigration>false</IsMigration><PartnerScenario>{scenario}</PartnerScenario>\
             {cache_key}</ABApplicationHeader><ABAuthHeader xmlns=\"{ADDRESS_BOOK}\">\
             <ManagedGroupRequest>false</ManagedGroupRequest><TicketToken>{}</TicketToken>\
             </ABAuthHeader></soap:Header><soap:Body><{operation} xmlns=\"{ADDRESS_BOOK}\">{inner}\
             </{operation}></soap:Body></soap:Envelope>",
            self.application,
            escape(&self.ticket)
        );
        let action = format!("SOAPAction: \"{ADDRESS_BOOK}/{operation}\"\r\n");
        browser.post(url, &action, &body).await
    }
}

/// A request about one contact of the own book.
pub(super) fn contact(inner: &str) -> String {
    format!("{OWN_BOOK}<contacts><Contact xmlns=\"{ADDRESS_BOOK}\">{inner}</Contact></contacts>")
}

/// A request about one member of one list.
pub(super) fn member(role: &str, address: &str) -> String {
    format!(
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>\
         <memberships><Membership><MemberRole>{role}</MemberRole><Members>\
         <Member xsi:type=\"PassportMember\"><Type>Passport</Type><State>Accepted</State>\
         <PassportName>{address}</PassportName></Member></Members></Membership></memberships>"
    )
}

/// The lists that each address is on, as clients put them together: the contact list from the
/// book, the others from the memberships; 1, 2, 4, 8 and 16 in that order.
pub(super) fn lists(memberships: &Answer, book: &Answer) -> BTreeMap<String, u8> {
    let mut lists: BTreeMap<String, u8> = BTreeMap::new();
    let document = Document::parse(&book.body).unwrap();
    for contact in elements(document.root(), "Contact") {
        if text(contact, "isMessengerUser") == "true" && text(contact, "contactType") != "Me" {
            assert_eq!(text(contact, "fDeleted"), "false", "{book:?}");
            *lists.entry(text(contact, "passportName")).or_default() |= 1;
        }
    }
    let document = Document::parse(&memberships.body).unwrap();
    for membership in elements(document.root(), "Membership") {
        let bit = match &*text(membership, "MemberRole") {
            "Allow" => 2,
            "Block" => 4,
            "Reverse" => 8,
            "Pending" => 16,
            other => panic!("no role {other}"),
        };
        for member in elements(membership, "Member") {
            assert_eq!(text(member, "Deleted"), "false", "{memberships:?}");
            // It is dereferenced without a look, and printed as an unsigned number.
            let kind = ("http://www.w3.org/2001/XMLSchema-instance", "type");
            assert_eq!(member.attribute(kind), Some("PassportMember"));
            assert!(text(member, "MembershipId").parse::<u32>().is_ok());
            *lists.entry(text(member, "PassportName")).or_default() |= bit;
        }
    }
    assert_eq!(
        memberships
            .of("Handle", "Type", "Messenger", "Id")
            .as_deref(),
        Some("1")
    );
    lists
}

/// The own lists as `ADL` takes them, in pieces that the server reads: no more than 7,500 bytes
/// and 150 contacts each.
pub(super) fn list_chunks(lists: &BTreeMap<String, u8>) -> Vec<String> {
    let own = lists.iter().filter(|(_, bits)| *bits & 7 != 0);
    let entries: Vec<String> = own
        .map(|(address, bits)| {
            let (name, domain) = address.split_once('@').unwrap();
            assert_eq!(domain, "example.com");
            format!("<c n=\"{name}\" l=\"{}\" t=\"1\"/>", bits & 7)
        })
        .collect();
    let (start, end) = ("<ml l=\"1\"><d n=\"example.com\">", "</d></ml>");
    let mut chunks = Vec::new();
    let mut chunk = start.to_owned();
    for entry in entries {
        if chunk.len() + entry.len() + end.len() > 7_500 {
            chunks.push(std::mem::replace(&mut chunk, start.to_owned()) + end);
        }
        chunk.push_str(&entry);
    }
    chunks.push(chunk + end);
    chunks
}

/// `ADL`, `RML` and `FQY` about one contact.
pub(super) fn one(address: &str, attributes: &str) -> String {
    let (name, domain) = address.split_once('@').unwrap();
    format!("<ml><d n=\"{domain}\"><c n=\"{name}\"{attributes}/></d></ml>")
}

/// A value of the owner's own entry in the book: an element, or an annotation.
pub(super) fn me(book: &Answer, name: &str) -> Option<String> {
    let document = Document::parse(&book.body).unwrap();
    let mut contacts = elements(document.root(), "Contact");
    let me = contacts.find(|contact| text(*contact, "contactType") == "Me")?;
    let annotation = elements(me, "Annotation").find(|one| text(*one, "Name") == name);
    if let Some(annotation) = annotation {
        return Some(text(annotation, "Value"));
    }
    let node = elements(me, name).next()?;
    Some(node.text().unwrap_or_default().to_owned())
}

/// The profile service, for one client.
pub(super) struct Storage<'a> {
    pub(super) namespace: &'static str,
    /// The host that this generation asks first.
    pub(super) host: &'static str,
    pub(super) application: &'static str,
    pub(super) ticket: &'a str,
}

impl Storage<'_> {
    /// Calls an operation.
    pub(super) async fn call(
        &self,
        browser: &mut Browser,
        scenario: &str,
        operation: &str,
        inner: &str,
    ) -> Answer {
        let Self {
            namespace,
            host,
            application,
            ticket,
        } = self;
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
             xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\"><soap:Header>\
             <StorageApplicationHeader xmlns=\"{namespace}\"><ApplicationID>{application}\
             </ApplicationID><Scenario>{scenario}</Scenario></StorageApplicationHeader>\
             <StorageUserHeader xmlns=\"{namespace}\"><Puid>0</Puid><TicketToken>{}</TicketToken>\
             </StorageUserHeader></soap:Header><soap:Body><{operation} xmlns=\"{namespace}\">{inner}\
             </{operation}></soap:Body></soap:Envelope>",
            escape(ticket)
        );
        let action = format!("SOAPAction: \"{namespace}/{operation}\"\r\n");
        let url = format!("http://{host}/storageservice/SchematizedStore.asmx");
        let answer = good(browser.post(&url, &action, &body).await);
        // The answer is in the language of the question.
        let response = format!("<{operation}Response xmlns=\"{namespace}\"");
        assert!(answer.body.contains(&response), "{answer:?}");
        answer
    }

    /// The whole profile, asked for by the number of the account as it stands in the book.
    pub(super) async fn profile(&self, browser: &mut Browser, cid: &str) -> Answer {
        let wished: String = [
            "ResourceID",
            "DateModified",
            "DisplayName",
            "DisplayNameLastModified",
            "PersonalStatus",
            "PersonalStatusLastModified",
            "StaticUserTilePublicURL",
            "Photo",
            "Flags",
        ]
        .iter()
        .map(|name| format!("<{name}>true</{name}>"))
        .collect();
        let request = format!(
            "<profileHandle><Alias><Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias>\
             <RelationshipName>MyProfile</RelationshipName></profileHandle><profileAttributes>\
             <ResourceID>true</ResourceID><DateModified>true</DateModified>\
             <ExpressionProfileAttributes>{wished}</ExpressionProfileAttributes>\
             </profileAttributes>"
        );
        self.call(browser, "Initial", "GetProfile", &request).await
    }
}

fn elements<'a, 'b: 'a>(
    node: Node<'a, 'b>,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'b>> + 'a {
    node.descendants()
        .filter(move |inner| inner.tag_name().name() == name)
}

fn text(node: Node<'_, '_>, name: &str) -> String {
    let found = node
        .descendants()
        .find(|inner| inner.tag_name().name() == name);
    found
        .and_then(|found| found.text())
        .unwrap_or_default()
        .to_owned()
}
