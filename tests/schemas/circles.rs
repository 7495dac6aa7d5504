//! Every operation on a circle, from its first day to its last.

use super::checker::{ADDRESS_BOOK, Checker, Part};
use crate::support::people::PASSWORD;
use crate::support::soap::{Answer, WebClient};

/// Why the book of a circle is shorter than described.
const NO_CIRCLES: &str = "the book of a circle has no circles in it (`docs/protocol/12 §4.2`)";

fn handle(circle: &str) -> String {
    format!("<abHandle><ABId>{circle}</ABId><Puid>0</Puid><Cid>0</Cid></abHandle>")
}

fn creating(circle: &str, address: &str) -> String {
    format!(
        "{}<contactHandle><Email>{address}</Email><Puid>0</Puid><Cid>0</Cid>\
         <CircleId>00000000-0000-0000-0000-000000000000</CircleId></contactHandle>",
        handle(circle)
    )
}

fn inviting(circle: &str, contact: &str) -> String {
    format!(
        "{}<contactId>{contact}</contactId><connection>true</connection>\
         <presence>false</presence><action>1</action><relationshipType>5</relationshipType>\
         <relationshipRole>3</relationshipRole><annotations><Annotation>\
         <Name>MSN.IM.InviteMessage</Name><Value>join &lt;us&gt;</Value></Annotation></annotations>",
        handle(circle)
    )
}

fn deciding(contact: &str, action: u8) -> String {
    format!(
        "<contactId>{contact}</contactId><connection>true</connection><presence>false</presence>\
         <action>{action}</action><relationshipType>5</relationshipType>\
         <relationshipRole>0</relationshipRole>"
    )
}

fn leaving(circle: &str, contact: &str) -> String {
    format!(
        "{}<contactId>{contact}</contactId><blockContact>false</blockContact>\
         <deleteContact>true</deleteContact>",
        handle(circle)
    )
}

/// Both books of everybody: their own with the circle in it, and the circle's.
async fn books(checker: &mut Checker, circle: &str, people: &[&WebClient]) {
    for web in people {
        let own = "<abView>MessengerClient8</abView>\
                   <extendedContent>AB AllGroups CircleResult</extendedContent>";
        let answer = web.book("ABFindContactsPaged", own).await;
        checker.valid("ABFindContactsPaged: a circle", &answer, ADDRESS_BOOK);
        let of_circle = format!("{}<extendedContent>AB</extendedContent>", handle(circle));
        let answer = web.book("ABFindContactsPaged", &of_circle).await;
        let what = "ABFindContactsPaged: of a circle";
        // Who was invited is no member yet.
        if answer.fault().is_some() {
            checker.fault(what, &answer, "ABDoesNotExist");
            continue;
        }
        let differing = [(Part::Payload, NO_CIRCLES)];
        checker.differs(what, &answer, ADDRESS_BOOK, &differing);
        let circles = "<CircleResult><CircleTicket></CircleTicket></CircleResult><Ab>";
        let answer = Answer {
            body: answer.body.replace("<Ab>", circles),
            ..answer
        };
        checker.valid(what, &answer, ADDRESS_BOOK);
    }
}

pub(super) async fn run(checker: &mut Checker) {
    let http = checker.http;
    let sign_in = |address: &'static str| WebClient::sign_in(http, address, PASSWORD);
    let bob = sign_in("bob@example.com").await.unwrap();
    let dave = sign_in("dave@example.com").await.unwrap();

    let create = "<properties><Domain>1</Domain><HostedDomain>live.com</HostedDomain>\
                  <Type>2</Type><MembershipAccess>0</MembershipAccess>\
                  <IsPresenceEnabled>true</IsPresenceEnabled>\
                  <RequestMembershipOption>2</RequestMembershipOption>\
                  <DisplayName>Hiking &amp; more</DisplayName></properties><callerInfo>\
                  <PublicDisplayName>Bob</PublicDisplayName></callerInfo>";
    let answer = bob.sharing("CreateCircle", create).await;
    checker.valid("CreateCircle", &answer, ADDRESS_BOOK);
    let circle = answer.text("Id").unwrap_or_default();
    let answer = bob.sharing("CreateCircle", "").await;
    checker.fault("CreateCircle: without a name", &answer, "BadRequest");
    books(checker, &circle, &[&bob, &dave]).await;

    let somebody = creating(&circle, "dave@example.com");
    let answer = bob.book("CreateContact", &somebody).await;
    checker.valid("CreateContact: of a circle", &answer, ADDRESS_BOOK);
    let member = answer.text("contactId").unwrap_or_default();
    let nobody = creating(&circle, "nobody@example.com");
    let answer = bob.book("CreateContact", &nobody).await;
    let code = "InvalidPassportUser";
    checker.fault("CreateContact: of a circle", &answer, code);
    let invitation = inviting(&circle, &member);
    let answer = bob.book("ManageWLConnection", &invitation).await;
    checker.valid("ManageWLConnection: an invitation", &answer, ADDRESS_BOOK);
    books(checker, &circle, &[&bob, &dave]).await;

    let own = dave.book("ABFindContactsPaged", "").await;
    let placeholder = own.of("Contact", "contactType", "Circle", "contactId");
    let placeholder = placeholder.unwrap_or_default();
    let acceptance = deciding(&placeholder, 1);
    let answer = dave.book("ManageWLConnection", &acceptance).await;
    checker.valid("ManageWLConnection: accepted", &answer, ADDRESS_BOOK);
    books(checker, &circle, &[&bob, &dave]).await;

    let answer = bob
        .book("BreakConnection", &leaving(&circle, &member))
        .await;
    checker.valid("BreakConnection: of a circle", &answer, ADDRESS_BOOK);
    books(checker, &circle, &[&bob, &dave]).await;
    for (operation, request) in [
        ("CreateContact", creating(&circle, "carol@example.com")),
        ("ManageWLConnection", invitation),
        ("BreakConnection", leaving(&circle, &member)),
    ] {
        let answer = dave.book(operation, &request).await;
        let what = format!("{operation}: of a circle that one is not in");
        checker.fault(&what, &answer, "ABDoesNotExist");
    }
}
