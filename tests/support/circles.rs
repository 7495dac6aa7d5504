//! What a client of the web services does about circles, as the clients since 2009 do it
//! (`docs/protocol/12 §6`).
//!
//! Each is the calls that a client makes, with the identities that it finds in the answers to its
//! downloads. What the server refuses is an answer here, not a failure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::soap::{Answer, WebClient, escape};

/// Invites somebody, or accepts an invitation.
pub(crate) const CONNECT: u8 = 1;
/// Declines an invitation, or takes it back.
pub(crate) const DISCONNECT: u8 = 2;
/// The relationship that is membership of a circle.
const CIRCLE: u8 = 5;

/// What somebody may be in a circle, by the numbers of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Admin = 1,
    Assistant = 2,
    Member = 3,
}

/// The element that names a circle's book.
pub(crate) fn book_of(circle: &str) -> String {
    format!("<abHandle><ABId>{circle}</ABId><Puid>0</Puid><Cid>0</Cid></abHandle>")
}

/// `CreateCircle` for a circle of this name.
pub(crate) fn creating(name: &str) -> String {
    format!(
        "<properties><Domain>1</Domain><HostedDomain>live.com</HostedDomain><Type>2</Type>\
         <MembershipAccess>0</MembershipAccess><IsPresenceEnabled>true</IsPresenceEnabled>\
         <RequestMembershipOption>2</RequestMembershipOption><DisplayName>{}</DisplayName>\
         </properties><callerInfo><PublicDisplayName>Somebody</PublicDisplayName></callerInfo>",
        escape(name)
    )
}

/// `CreateContact` for somebody who is to be invited.
pub(crate) fn naming(circle: &str, address: &str) -> String {
    format!(
        "{}<contactHandle><Email>{address}</Email><Puid>0</Puid><Cid>0</Cid>\
         <CircleId>00000000-0000-0000-0000-000000000000</CircleId></contactHandle>",
        book_of(circle)
    )
}

/// `ManageWLConnection` about a contact of a circle's book, or of the own one.
pub(crate) fn managing(book: &str, contact: &str, action: u8, role: u8) -> String {
    format!(
        "{book}<contactId>{contact}</contactId><connection>true</connection>\
         <presence>false</presence><action>{action}</action>\
         <relationshipType>{CIRCLE}</relationshipType><relationshipRole>{role}</relationshipRole>\
         <annotations><Annotation><Name>MSN.IM.InviteMessage</Name><Value>join us</Value>\
         </Annotation></annotations>"
    )
}

/// `BreakConnection` with a contact of a circle's book.
pub(crate) fn breaking(circle: &str, contact: &str, blocks: bool) -> String {
    format!(
        "{}<contactId>{contact}</contactId><blockContact>{blocks}</blockContact>\
         <deleteContact>true</deleteContact>",
        book_of(circle)
    )
}

/// A download of a book, whole or since a moment.
pub(crate) fn download(book: &str, since: Option<&str>) -> String {
    let changes = since
        .map(|since| format!("<DeltasOnly>true</DeltasOnly><LastChanged>{since}</LastChanged>"));
    format!(
        "{book}<filterOptions>{}<ContactFilter><IncludeHiddenContacts>true\
         </IncludeHiddenContacts></ContactFilter></filterOptions>\
         <abView>MessengerClient8</abView>\
         <extendedContent>AB AllGroups CircleResult</extendedContent>",
        changes.unwrap_or_default()
    )
}

/// Something that has to be there and is not, or a call that was refused where it must not be.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        refused.0
    }
}

/// A success, or why it is none.
fn granted(answer: Answer) -> Result<Answer, Refused> {
    match answer.fault() {
        None if answer.status == 200 => Ok(answer),
        _ => Err(Refused(format!("{answer:?}"))),
    }
}

fn found(text: Option<String>, what: &str, answer: &Answer) -> Result<String, Refused> {
    text.ok_or_else(|| Refused(format!("no {what}: {answer:?}")))
}

impl WebClient {
    /// Everything in the own book, circles included.
    pub(crate) async fn own_page(&self, since: Option<&str>) -> Answer {
        self.book("ABFindContactsPaged", &download("", since)).await
    }

    /// Everything in a circle's book.
    pub(crate) async fn circle_page(&self, circle: &str, since: Option<&str>) -> Answer {
        let request = download(&book_of(circle), since);
        self.book("ABFindContactsPaged", &request).await
    }

    /// Makes a circle; answers its identity.
    pub(crate) async fn create_circle(&self, name: &str) -> Result<String, Refused> {
        let created = granted(self.sharing("CreateCircle", &creating(name)).await)?;
        found(created.text("Id"), "identity", &created)
    }

    /// What a circle is in the own book.
    pub(crate) async fn contact_of_circle(&self, circle: &str) -> Result<String, Refused> {
        let page = granted(self.own_page(None).await)?;
        let tag = circle.to_uppercase();
        let contact = page.of("Contact", "DomainTag", &tag, "contactId");
        found(contact, circle, &page)
    }

    /// What somebody is in a circle's book.
    pub(crate) async fn contact_in_circle(
        &self,
        circle: &str,
        address: &str,
    ) -> Result<String, Refused> {
        let page = granted(self.circle_page(circle, None).await)?;
        let contact = page.of("Contact", "passportName", address, "contactId");
        found(contact, address, &page)
    }

    /// Names somebody and invites them; answers what they are in the circle's book.
    pub(crate) async fn invite(&self, circle: &str, address: &str) -> Result<String, Refused> {
        let named = granted(self.book("CreateContact", &naming(circle, address)).await)?;
        let contact = found(named.text("contactId"), "contact", &named)?;
        let request = managing(&book_of(circle), &contact, CONNECT, Part::Member as u8);
        granted(self.book("ManageWLConnection", &request).await)?;
        Ok(contact)
    }

    /// Accepts or declines an invitation.
    pub(crate) async fn decide(&self, circle: &str, action: u8) -> Result<(), Refused> {
        let contact = self.contact_of_circle(circle).await?;
        let request = managing("", &contact, action, 0);
        granted(self.book("ManageWLConnection", &request).await)?;
        Ok(())
    }

    /// Takes somebody out of a circle, or oneself.
    pub(crate) async fn end_in_circle(&self, circle: &str, address: &str) -> Result<(), Refused> {
        let contact = self.contact_in_circle(circle, address).await?;
        let request = breaking(circle, &contact, false);
        granted(self.book("BreakConnection", &request).await)?;
        Ok(())
    }

    /// Gives somebody in a circle another role.
    pub(crate) async fn set_part(
        &self,
        circle: &str,
        address: &str,
        part: Part,
    ) -> Result<(), Refused> {
        let contact = self.contact_in_circle(circle, address).await?;
        let request = managing(&book_of(circle), &contact, CONNECT, part as u8);
        granted(self.book("ManageWLConnection", &request).await)?;
        Ok(())
    }

    /// The ticket for `USR n SHA A`, as it goes over the wire.
    pub(crate) async fn circle_ticket(&self) -> Result<String, Refused> {
        let page = granted(self.own_page(None).await)?;
        let ticket = found(page.text("CircleTicket"), "ticket", &page)?;
        Ok(BASE64.encode(ticket))
    }
}
