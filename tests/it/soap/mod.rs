//! The address book and sharing services over HTTP, and what the notification server shows of it.

mod circles;
pub(crate) mod connections;
mod contacts;
mod deltas;
mod groups;
mod hostile;
mod lists;
mod sessions;

use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;
use crate::support::soap::{Answer, WebClient};

/// The element that names the caller's own book.
pub(crate) const OWN_BOOK: &str = "<abId>00000000-0000-0000-0000-000000000000</abId>";
/// An identity that nothing has.
const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

/// A server with these people, all of them strangers to each other but for the statements.
pub(crate) async fn start(names: &[&str], statements: &[&str]) -> TestServer {
    TestServer::start(&fixture(names, statements))
        .await
        .unwrap()
}

/// Somebody at the web services.
pub(crate) async fn web(server: &TestServer, name: &str) -> WebClient {
    let address = format!("{name}@example.com");
    WebClient::sign_in(server.addresses.http, &address, PASSWORD)
        .await
        .unwrap()
}

/// A request about one contact of the caller's own book.
pub(crate) fn contact(inner: &str) -> String {
    format!("{OWN_BOOK}<contacts><Contact>{inner}</Contact></contacts>")
}

pub(crate) fn contact_by_id(id: &str) -> String {
    contact(&format!("<contactId>{id}</contactId>"))
}

/// `ABContactAdd` as the client of 2009 sends it.
pub(crate) fn adding(address: &str) -> String {
    contact(&format!(
        "<contactInfo><contactType>LivePending</contactType>\
         <passportName>{address}</passportName><isMessengerUser>true</isMessengerUser>\
         <MessengerMemberInfo><PendingAnnotations><Annotation>\
         <Name>MSN.IM.InviteMessage</Name><Value>It is &lt;me&gt;</Value></Annotation>\
         </PendingAnnotations><DisplayName>A friend</DisplayName></MessengerMemberInfo>\
         </contactInfo>"
    )) + "<options><EnableAllowListManagement>true</EnableAllowListManagement></options>"
}

/// Adds somebody and answers the identity of the new contact.
pub(crate) async fn add(web: &WebClient, address: &str) -> String {
    let answer = web.book("ABContactAdd", &adding(address)).await;
    answer.text("guid").unwrap_or_else(|| panic!("{answer:?}"))
}

/// A group's identity where a request filters by groups.
pub(crate) fn group_filter(id: &str) -> String {
    format!("<groupFilter><groupIds><guid>{id}</guid></groupIds></groupFilter>")
}

/// `ABGroupAdd` for a group of this name, which has to be escaped.
pub(crate) fn group_named(name: &str) -> String {
    format!(
        "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
         </groupAddOptions><groupInfo><GroupInfo><name>{name}</name>\
         <groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType>\
         <fMessenger>false</fMessenger><annotations><Annotation><Name>MSN.IM.Display</Name>\
         <Value>1</Value></Annotation></annotations></GroupInfo></groupInfo>"
    )
}

/// `AddMember` and `DeleteMember` for one account on one list.
pub(crate) fn member(role: &str, address: &str) -> String {
    membership(role, &format!("<PassportName>{address}</PassportName>"))
}

pub(crate) fn membership(role: &str, who: &str) -> String {
    format!(
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>\
         <memberships><Membership><MemberRole>{role}</MemberRole><Members>\
         <Member xsi:type=\"PassportMember\"><Type>Passport</Type><State>Accepted</State>{who}\
         </Member></Members></Membership></memberships>"
    )
}

/// Whether an account is on a list, as `FindMembership` shows it.
pub(crate) fn is_on(lists: &Answer, role: &str, address: &str) -> bool {
    members(lists, role).iter().any(|one| one == address)
}

/// The accounts on a list.
pub(crate) fn members(lists: &Answer, role: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(&lists.body).unwrap();
    let text = |node: roxmltree::Node<'_, '_>, name: &str| {
        let mut inner = node.descendants();
        let found = inner.find(|inner| inner.tag_name().name() == name)?;
        found.text().map(str::to_owned)
    };
    let list = document.descendants().find(|node| {
        node.tag_name().name() == "Membership" && text(*node, "MemberRole").as_deref() == Some(role)
    });
    let Some(list) = list else {
        return Vec::new();
    };
    list.descendants()
        .filter(|node| node.tag_name().name() == "Member")
        .filter(|node| text(*node, "Deleted").as_deref() == Some("false"))
        .filter_map(|node| text(node, "PassportName"))
        .collect()
}

/// Everything on the lists.
pub(crate) async fn lists(web: &WebClient) -> Answer {
    ok(web.sharing("FindMembership", "").await)
}

/// Everything in the book.
pub(crate) async fn book(web: &WebClient) -> Answer {
    ok(web.book("ABFindAll", OWN_BOOK).await)
}

/// An answer that has to be a success.
pub(crate) fn ok(answer: Answer) -> Answer {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.fault(), None, "{answer:?}");
    answer
}

/// An answer that has to be a fault with this code.
#[track_caller]
pub(crate) fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.fault().as_deref(), Some(code), "{answer:?}");
    assert!(
        answer.head.to_ascii_lowercase().contains("text/xml"),
        "{answer:?}"
    );
}
