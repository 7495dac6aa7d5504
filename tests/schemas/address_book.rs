//! Every operation of the address book and of the sharing service.

use super::checker::{ADDRESS_BOOK, Checker};
use crate::support::people::PASSWORD;
use crate::support::soap::{Answer, WebClient};

pub(super) const OWN_BOOK: &str = "<abId>00000000-0000-0000-0000-000000000000</abId>";

/// An identity that nothing has.
const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

/// The whole of a book and of the lists, with all that the other cases put there.
async fn downloads(checker: &mut Checker, web: &WebClient, since: &str) {
    let lists = format!(
        "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types></serviceFilter>\
         <View>Full</View>{}",
        deltas("deltasOnly", "lastChange", since)
    );
    let answer = web.sharing("FindMembership", &lists).await;
    checker.valid("FindMembership", &answer, ADDRESS_BOOK);
    let all = format!(
        "{OWN_BOOK}<abView>Full</abView>{}<dynamicItemView>Gleam</dynamicItemView>",
        deltas("deltasOnly", "lastChange", since)
    );
    let answer = web.book("ABFindAll", &all).await;
    checker.valid("ABFindAll", &answer, ADDRESS_BOOK);
    let page = format!(
        "<filterOptions>{}<ContactFilter><IncludeHiddenContacts>true</IncludeHiddenContacts>\
         </ContactFilter></filterOptions><abView>MessengerClient8</abView>\
         <extendedContent>AB AllGroups CircleResult</extendedContent>",
        deltas("DeltasOnly", "LastChanged", since)
    );
    let answer = web.book("ABFindContactsPaged", &page).await;
    checker.valid("ABFindContactsPaged", &answer, ADDRESS_BOOK);
}

/// The elements that ask for changes; nothing where everything is wanted.
fn deltas(wish: &str, stamp: &str, since: &str) -> String {
    if since.is_empty() {
        return String::new();
    }
    format!("<{wish}>true</{wish}><{stamp}>{since}</{stamp}>")
}

/// The stamp that a client keeps of its book.
async fn stamp(web: &WebClient) -> String {
    let all = web.book("ABFindAll", OWN_BOOK).await;
    let id = "00000000-0000-0000-0000-000000000000";
    all.of("ab", "abId", id, "lastChange").unwrap()
}

fn membership(role: &str, address: &str) -> String {
    format!(
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>\
         <memberships><Membership><MemberRole>{role}</MemberRole><Members>\
         <Member xsi:type=\"PassportMember\"><Type>Passport</Type><State>Accepted</State>\
         <PassportName>{address}</PassportName></Member></Members></Membership></memberships>"
    )
}

fn contact(inner: &str) -> String {
    format!("{OWN_BOOK}<contacts><Contact>{inner}</Contact></contacts>")
}

fn groups(guid: &str) -> String {
    format!("<groupFilter><groupIds><guid>{guid}</guid></groupIds></groupFilter>")
}

fn guid(answer: &Answer) -> String {
    answer.text("guid").unwrap_or_default()
}

pub(super) async fn run(checker: &mut Checker) {
    let web = WebClient::sign_in(checker.http, "carol@example.com", PASSWORD).await;
    let web = web.unwrap();
    downloads(checker, &web, "").await;
    let before = stamp(&web).await;

    let bob = add_contacts(checker, &web).await;
    let group = add_groups(checker, &web, &bob).await;
    change_lists(checker, &web).await;
    change_contacts(checker, &web, &bob).await;
    asked_by_bob(checker, &web).await;
    downloads(checker, &web, "").await;
    downloads(checker, &web, &before).await;

    let chosen =
        format!("{OWN_BOOK}<abView>Full</abView><contactIds><guid>{bob}</guid></contactIds>");
    let answer = web.book("ABFindByContacts", &chosen).await;
    checker.valid("ABFindByContacts", &answer, ADDRESS_BOOK);
    checker.holds(
        "ABFindByContacts: the contact is there",
        &answer,
        answer.count("Contact") == 1,
    );

    let request = contact(&format!("<contactId>{bob}</contactId>")) + &groups(&group);
    let answer = web.book("ABGroupContactDelete", &request).await;
    checker.valid("ABGroupContactDelete", &answer, ADDRESS_BOOK);
    let request = OWN_BOOK.to_owned() + &groups(&group);
    let answer = web.book("ABGroupDelete", &request).await;
    checker.valid("ABGroupDelete", &answer, ADDRESS_BOOK);
    let request = contact(&format!("<contactId>{bob}</contactId>"));
    let answer = web.book("ABContactDelete", &request).await;
    checker.valid("ABContactDelete", &answer, ADDRESS_BOOK);
    downloads(checker, &web, "").await;
    downloads(checker, &web, &before).await;
    others(checker, &web).await;
    faults(checker, &web).await;
}

async fn add_contacts(checker: &mut Checker, web: &WebClient) -> String {
    let request = contact(
        "<contactInfo><contactType>LivePending</contactType>\
         <passportName>bob@example.com</passportName><isMessengerUser>true</isMessengerUser>\
         <MessengerMemberInfo><PendingAnnotations><Annotation>\
         <Name>MSN.IM.InviteMessage</Name><Value>Hi &lt;Bob&gt;</Value></Annotation>\
         </PendingAnnotations><DisplayName>Carol</DisplayName></MessengerMemberInfo></contactInfo>",
    ) + "<options><EnableAllowListManagement>true</EnableAllowListManagement></options>";
    let added = web.book("ABContactAdd", &request).await;
    checker.valid("ABContactAdd", &added, ADDRESS_BOOK);
    let again = web.book("ABContactAdd", &request).await;
    checker.fault(
        "ABContactAdd: the same contact again",
        &again,
        "ContactAlreadyExists",
    );
    let by_mail = contact(
        "<contactInfo><emails><ContactEmail><contactEmailType>Messenger2</contactEmailType>\
         <email>erin@yahoo.example</email><isMessengerEnabled>true</isMessengerEnabled>\
         <Capability>32</Capability><MessengerEnabledExternally>false</MessengerEnabledExternally>\
         <propertiesChanged/></ContactEmail></emails></contactInfo>",
    );
    let answer = web.book("ABContactAdd", &by_mail).await;
    checker.valid("ABContactAdd: with mail only", &answer, ADDRESS_BOOK);
    guid(&added)
}

async fn add_groups(checker: &mut Checker, web: &WebClient, bob: &str) -> String {
    let group = |name: &str| {
        format!(
            "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
             </groupAddOptions><groupInfo><GroupInfo><name>{name}</name>\
             <groupType>C8529CE2-6EAD-434d-881F-341E17DB3FF8</groupType>\
             <fMessenger>false</fMessenger><IsFavorite>true</IsFavorite><annotations><Annotation>\
             <Name>MSN.IM.Display</Name><Value>1</Value></Annotation></annotations></GroupInfo>\
             </groupInfo>"
        )
    };
    let added = web.book("ABGroupAdd", &group("Friends &amp; others")).await;
    checker.valid("ABGroupAdd", &added, ADDRESS_BOOK);
    let again = web.book("ABGroupAdd", &group("Friends &amp; others")).await;
    checker.fault("ABGroupAdd: the same again", &again, "GroupAlreadyExists");
    let long = web.book("ABGroupAdd", &group(&"x".repeat(300))).await;
    checker.fault("ABGroupAdd: a long name", &long, "BadArgumentLength");
    let id = guid(&added);
    let renamed = format!(
        "{OWN_BOOK}<groups><Group><groupId>{id}</groupId><groupInfo><name>Müller &lt;3</name>\
         </groupInfo><propertiesChanged>GroupName</propertiesChanged></Group></groups>"
    );
    let answer = web.book("ABGroupUpdate", &renamed).await;
    checker.valid("ABGroupUpdate", &answer, ADDRESS_BOOK);
    let request = groups(&id) + &contact(&format!("<contactId>{bob}</contactId>"));
    let answer = web.book("ABGroupContactAdd", &request).await;
    checker.valid("ABGroupContactAdd", &answer, ADDRESS_BOOK);
    id
}

async fn change_lists(checker: &mut Checker, web: &WebClient) {
    for (operation, role) in [
        ("AddMember", "Block"),
        ("DeleteMember", "Block"),
        ("AddMember", "Allow"),
        ("DeleteMember", "Allow"),
        ("AddMember", "Allow"),
    ] {
        let request = membership(role, "dave@example.com");
        for _ in 0..2 {
            let answer = web.sharing(operation, &request).await;
            checker.valid(operation, &answer, ADDRESS_BOOK);
        }
    }
    let request = membership("Allow", "dave@example.com");
    let answer = web.sharing("UpdateMember", &request).await;
    checker.undescribed("UpdateMember", &answer);
    let service = "<serviceInfo><Handle><Id>0</Id><Type>Messenger</Type><ForeignId /></Handle>\
                   <InverseRequired>false</InverseRequired><IsBot>false</IsBot></serviceInfo>";
    let answer = web.sharing("AddService", service).await;
    checker.valid("AddService", &answer, ADDRESS_BOOK);
}

async fn change_contacts(checker: &mut Checker, web: &WebClient, bob: &str) {
    let me = contact(
        "<contactInfo><contactType>Me</contactType><annotations><Annotation>\
         <Name>MSN.IM.BLP</Name><Value>2</Value></Annotation><Annotation><Name>Odd \u{1f600}</Name>\
         <Value>a &amp; b</Value></Annotation></annotations></contactInfo>\
         <propertiesChanged>Annotation</propertiesChanged>",
    );
    let answer = web.book("ABContactUpdate", &me).await;
    checker.valid("ABContactUpdate: of oneself", &answer, ADDRESS_BOOK);
    let other = contact(&format!(
        "<contactId>{bob}</contactId><contactInfo><emails><ContactEmail>\
         <contactEmailType>ContactEmailPersonal</contactEmailType><email>b@example.org</email>\
         <isMessengerEnabled>false</isMessengerEnabled><Capability>0</Capability>\
         <MessengerEnabledExternally>false</MessengerEnabledExternally><propertiesChanged>Email\
         </propertiesChanged></ContactEmail></emails><phones><ContactPhone>\
         <contactPhoneType>ContactPhoneMobile</contactPhoneType><number>+1 555 0100</number>\
         <isMessengerEnabled>false</isMessengerEnabled><propertiesChanged>Number\
         </propertiesChanged></ContactPhone></phones><locations><ContactLocation>\
         <contactLocationType>ContactLocationPersonal</contactLocationType><street>1 Main</street>\
         <city>Example</city><postalCode>12345</postalCode><Changes>Street City PostalCode</Changes>\
         </ContactLocation></locations><webSites><ContactWebSite>\
         <contactWebSiteType>ContactWebSitePersonal</contactWebSiteType>\
         <webURL>http://example.org/?a&amp;b</webURL></ContactWebSite></webSites><annotations>\
         <Annotation><Name>AB.NickName</Name><Value>Bobby</Value></Annotation></annotations>\
         <quickName>B</quickName><firstName>Bob</firstName><MiddleName>B.</MiddleName>\
         <lastName>Builder</lastName><comment>a &lt;comment&gt;</comment>\
         <birthdate>1980-01-02T00:00:00</birthdate><Anniversary>2000/05/06</Anniversary>\
         </contactInfo><propertiesChanged>ContactEmail ContactPhone ContactLocation \
         ContactWebSite Annotation ContactQuickName ContactFirstName MiddleName ContactLastName \
         Comment ContactBirthDate Anniversary Unheard</propertiesChanged>"
    ));
    let answer = web.book("ABContactUpdate", &other).await;
    checker.valid("ABContactUpdate: of a contact", &answer, ADDRESS_BOOK);
}

/// Somebody adds the owner, who finds them pending.
async fn asked_by_bob(checker: &mut Checker, web: &WebClient) {
    let dave = WebClient::sign_in(checker.http, "dave@example.com", PASSWORD).await;
    let dave = dave.unwrap();
    let request = contact(
        "<contactInfo><passportName>carol@example.com</passportName>\
         <isMessengerUser>true</isMessengerUser><MessengerMemberInfo><PendingAnnotations>\
         <Annotation><Name>MSN.IM.InviteMessage</Name><Value>It is me</Value></Annotation>\
         </PendingAnnotations><DisplayName>Dave</DisplayName></MessengerMemberInfo></contactInfo>",
    );
    let answer = dave.book("ABContactAdd", &request).await;
    checker.valid("ABContactAdd: by another", &answer, ADDRESS_BOOK);
    let lists = web.sharing("FindMembership", "").await;
    let role = lists.of("Membership", "MemberRole", "Reverse", "PassportName");
    let is_there = role.as_deref() == Some("dave@example.com");
    checker.holds(
        "FindMembership: the reverse list has who added",
        &lists,
        is_there,
    );
}

async fn others(checker: &mut Checker, web: &WebClient) {
    let request = "<abInfo><name/><ownerPuid>0</ownerPuid><OwnerCID>0</OwnerCID>\
                   <ownerEmail>carol@example.com</ownerEmail><fDefault>true</fDefault></abInfo>";
    let answer = web.book("ABAdd", request).await;
    checker.valid("ABAdd", &answer, ADDRESS_BOOK);
    for operation in ["UpdateDynamicItem", "AddDynamicItem"] {
        let answer = web.book(operation, OWN_BOOK).await;
        checker.fault(operation, &answer, "Forbidden");
    }
    let create = "<contactHandle><Email>dave@example.com</Email><Puid>0</Puid><Cid>0</Cid>\
                  <CircleId>00000000-0000-0000-0000-000000000000</CircleId></contactHandle>";
    let answer = web.book("CreateContact", create).await;
    checker.valid("CreateContact", &answer, ADDRESS_BOOK);
    let id = answer.text("contactId").unwrap_or_default();
    let manage = format!(
        "<contactId>{id}</contactId><connection>true</connection><presence>true</presence>\
         <action>1</action><relationshipType>3</relationshipType>\
         <relationshipRole>0</relationshipRole>"
    );
    let answer = web.book("ManageWLConnection", &manage).await;
    checker.valid("ManageWLConnection", &answer, ADDRESS_BOOK);
    let leave = format!(
        "<contactId>{id}</contactId><deleteContact>true</deleteContact>\
         <blockContact>false</blockContact>"
    );
    let answer = web.book("BreakConnection", &leave).await;
    checker.valid("BreakConnection", &answer, ADDRESS_BOOK);
}

async fn faults(checker: &mut Checker, web: &WebClient) {
    let gone = NOBODY;
    let add = |address: &str| {
        contact(&format!(
            "<contactInfo><passportName>{address}</passportName>\
             <isMessengerUser>true</isMessengerUser></contactInfo>"
        ))
    };
    for (operation, request, code) in [
        (
            "ABContactAdd",
            add("nobody@example.com"),
            "InvalidPassportUser",
        ),
        ("ABContactAdd", add("nobody"), "BadEmailArgument"),
        (
            "ABContactDelete",
            contact(&format!("<contactId>{gone}</contactId>")),
            "ContactDoesNotExist",
        ),
        (
            "ABGroupDelete",
            OWN_BOOK.to_owned() + &groups(gone),
            "GroupDoesNotExist",
        ),
        (
            "ABFindAll",
            format!("<abId>{gone}</abId>"),
            "ABDoesNotExist",
        ),
        (
            "ABFindAll",
            format!("{OWN_BOOK}<deltasOnly>true</deltasOnly><lastChange>x</lastChange>"),
            "FullSyncRequired",
        ),
    ] {
        let answer = web.book(operation, &request).await;
        checker.fault(&format!("{operation}: {code}"), &answer, code);
    }
    for number in 0..40 {
        let group = format!(
            "{OWN_BOOK}<groupInfo><GroupInfo><name>Group {number}</name></GroupInfo></groupInfo>"
        );
        let answer = web.book("ABGroupAdd", &group).await;
        if answer.fault().is_some() {
            let code = "RequestLimitReached";
            checker.fault("ABGroupAdd: one more than there can be", &answer, code);
            break;
        }
        checker.holds("ABGroupAdd: there are not too many", &answer, number < 39);
    }
    for operation in [
        "FindMembershipByRole",
        "FindFriendsInCommon",
        "DeleteContact",
    ] {
        let answer = web.book(operation, OWN_BOOK).await;
        checker.fault(operation, &answer, "Forbidden");
    }
    let answer = web.book("ABContactDelete", OWN_BOOK).await;
    checker.fault("ABContactDelete: of nobody", &answer, "BadRequest");
    let stranger = WebClient {
        http: checker.http,
        token: "t=bm9ib2R5&p=".to_owned(),
    };
    let answer = stranger.book("ABFindAll", OWN_BOOK).await;
    checker.fault("ABFindAll: a bad token", &answer, "PassportAuthFail");
    let answer = stranger.sharing("FindMembership", "").await;
    checker.fault("FindMembership: a bad token", &answer, "PassportAuthFail");
}
