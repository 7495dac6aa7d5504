//! A good request of every operation, with everything in it that the operation reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::world::{Own, Somebody};
use crate::support::people::PASSWORD;
use crate::support::soap::{ADDRESS_BOOK, BOOK_PATH, SHARING_PATH, escape};

pub(super) const PRODUCT: &str = "PROD0119GSJUC$18";
const STORAGE_PATH: &str = "/storageservice/SchematizedStore.asmx";
const LATEST_STORAGE: &str = "http://www.msn.com/webservices/storage/2008";
const FIRST_STORAGE: &str = "http://www.msn.com/webservices/storage/w10";
const LATEST_OIM: &str = "http://messenger.live.com/ws/2006/09/oim/";
const FIRST_OIM: &str = "http://messenger.msn.com/ws/2004/09/oim/";
const RSI: &str = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi";
const OWN_BOOK: &str = "<abId>00000000-0000-0000-0000-000000000000</abId>";

/// What the paths that are no SOAP services with a token are.
pub(super) const OTHER_PATHS: [&str; 22] = [
    "/",
    "/rdr/pprdr.asp",
    "/login.srf",
    "/login2.srf",
    "/rst.srf",
    "/pp550/RST.srf",
    "/pp900/RST.srf",
    "/rst2.srf",
    "/notrst.srf",
    "/GetRealmInfo.srf",
    "/ppsecure/md5auth.srf",
    "/ppsecure/sha1auth.srf",
    "/config/msgrconfig.asmx",
    "/svcs/mms/tabs.asp",
    "/svcs/mms/portal.asp",
    "/ads/text",
    "/ads/banner",
    "/appdirectory/directory.aspx",
    "/appdirectory/appdirectory.asmx",
    "/5meen_us/60",
    "/usertile/0003000000000001/static",
    "/nothing/at/all",
];

/// The SOAP services with a token.
pub(super) const SERVICES: [&str; 6] = [
    SHARING_PATH,
    BOOK_PATH,
    "/OimWS/oim.asmx",
    "/rsi/rsi.asmx",
    STORAGE_PATH,
    "/whatsnew/whatsnewservice.asmx",
];

/// A request in pieces, of which each may be spoilt.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) path: &'static str,
    pub(super) action: String,
    header: String,
    body: String,
}

impl Request {
    /// The whole envelope.
    pub(super) fn text(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Header>{}</soap:Header>\
             <soap:Body>{}</soap:Body></soap:Envelope>",
            self.header, self.body
        )
    }
}

fn book(path: &'static str, token: &str, operation: &str, inner: &str) -> Request {
    Request {
        path,
        action: format!("{ADDRESS_BOOK}/{operation}"),
        header: format!(
            "<ABApplicationHeader xmlns=\"{ADDRESS_BOOK}\">\
             <ApplicationId>AAD9B99B-58E6-4F23-B975-D9EC1F9EC24A</ApplicationId>\
             <IsMigration>false</IsMigration><PartnerScenario>Initial</PartnerScenario>\
             <CacheKey>12r1:x</CacheKey></ABApplicationHeader>\
             <ABAuthHeader xmlns=\"{ADDRESS_BOOK}\"><ManagedGroupRequest>false\
             </ManagedGroupRequest><TicketToken>{}</TicketToken></ABAuthHeader>",
            escape(token)
        ),
        body: format!("<{operation} xmlns=\"{ADDRESS_BOOK}\">{inner}</{operation}>"),
    }
}

/// A request to the storage service of the latest generation.
pub(super) fn storage(by: &Somebody, operation: &str, inner: &str) -> Request {
    storage_of(LATEST_STORAGE, &by.token, operation, inner)
}

fn storage_of(namespace: &str, token: &str, operation: &str, inner: &str) -> Request {
    Request {
        path: STORAGE_PATH,
        action: format!("{namespace}/{operation}"),
        header: format!(
            "<AffinityCacheHeader xmlns=\"{namespace}\"><CacheKey>x</CacheKey>\
             </AffinityCacheHeader><StorageApplicationHeader xmlns=\"{namespace}\">\
             <ApplicationID>Messenger Client 8.5</ApplicationID><Scenario>RoamingIdentityChanged\
             </Scenario></StorageApplicationHeader><StorageUserHeader xmlns=\"{namespace}\">\
             <Puid>0</Puid><TicketToken>{}</TicketToken></StorageUserHeader>",
            escape(token)
        ),
        body: format!("<{operation} xmlns=\"{namespace}\">{inner}</{operation}>"),
    }
}

/// A message to leave for somebody.
pub(super) fn letter(from: &Own, token: &str, to: &str, text: &str) -> Request {
    letter_of(LATEST_OIM, "Store2", from, token, (to, text))
}

fn letter_of(
    namespace: &str,
    operation: &str,
    from: &Own,
    token: &str,
    (to, text): (&str, &str),
) -> Request {
    Request {
        path: "/OimWS/oim.asmx",
        action: format!("{namespace}{operation}"),
        header: format!(
            "<From memberName=\"{}@example.com\" friendlyName=\"=?utf-8?B?QWxpY2U=?=\" \
             xml:lang=\"en-US\" proxy=\"MSNMSGR\" xmlns=\"{namespace}\" msnpVer=\"MSNP15\" \
             buildVer=\"8.5.1302\"/><To memberName=\"{to}@example.com\" xmlns=\"{namespace}\"/>\
             <Ticket passport=\"{}\" appid=\"{PRODUCT}\" lockkey=\"{}\" xmlns=\"{namespace}\"/>\
             <Sequence xmlns=\"http://schemas.xmlsoap.org/ws/2003/03/rm\">\
             <Identifier>http://messenger.msn.com</Identifier><MessageNumber>1</MessageNumber>\
             </Sequence>",
            from.name,
            escape(token),
            from.lock_key,
        ),
        body: format!(
            "<MessageType xmlns=\"{namespace}\">text</MessageType>\
             <Content xmlns=\"{namespace}\">MIME-Version: 1.0\n\
             Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\
             X-OIM-Message-Type: OfflineMessage\n\
             X-OIM-Run-Id: {{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}}\nX-OIM-Sequence-Num: 1\n\n\
             {}\n</Content>",
            BASE64.encode(text)
        ),
    }
}

/// A request to the service that hands messages out.
pub(super) fn rsi(token: &str, operation: &str, inner: &str) -> Request {
    let token = token.trim_start_matches("t=").trim_end_matches("&p=");
    Request {
        path: "/rsi/rsi.asmx",
        action: format!("{RSI}/{operation}"),
        header: format!(
            "<PassportCookie xmlns=\"{RSI}\"><t>{}</t><p></p></PassportCookie>",
            escape(token)
        ),
        body: format!("<{operation} xmlns=\"{RSI}\">{inner}</{operation}>"),
    }
}

/// The smallest picture there is.
pub(super) fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(2, 2)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// What makes a new tile, of a picture in base64.
pub(super) fn new_tile(own: &Own, name: &str, data: &str) -> String {
    format!(
        "<parentHandle><RelationshipName>/UserTiles</RelationshipName><Alias><Name>{}</Name>\
         <NameSpace>MyCidStuff</NameSpace></Alias></parentHandle><document xsi:type=\"Photo\">\
         <Name>{name}</Name>{}</document><relationshipName>Messenger User Tile</relationshipName>",
        own.signed_cid(),
        streams(data)
    )
}

fn streams(data: &str) -> String {
    format!(
        "<DocumentStreams><DocumentStream xsi:type=\"PhotoStream\"><DocumentStreamType>\
         UserTileStatic</DocumentStreamType><MimeType>png</MimeType><Data>{data}</Data>\
         <DataSize>0</DataSize></DocumentStream></DocumentStreams>"
    )
}

fn contacts(inner: &str) -> String {
    format!("{OWN_BOOK}<contacts><Contact>{inner}</Contact></contacts>")
}

fn members(address: &str) -> String {
    format!(
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>\
         <memberships><Membership><MemberRole>Allow</MemberRole><Members>\
         <Member xsi:type=\"PassportMember\"><Type>Passport</Type><State>Accepted</State>\
         <PassportName>{address}</PassportName><Annotations><Annotation><Name>a</Name>\
         <Value>b</Value></Annotation></Annotations></Member></Members></Membership></memberships>"
    )
}

fn circle_handle(own: &Own) -> String {
    format!(
        "<abHandle><ABId>{}</ABId><Puid>0</Puid><Cid>0</Cid></abHandle>",
        own.circle
    )
}

/// What only reads, for the whole of what somebody has.
pub(super) fn reading(by: &Somebody) -> Vec<Request> {
    let (token, own) = (&*by.token, &by.own);
    let cid = &own.cid;
    let profile = format!("<profileHandle><ResourceID>{cid}!106</ResourceID></profileHandle>");
    let tiles = format!("<objectHandle><ResourceID>{cid}!118</ResourceID></objectHandle>");
    vec![
        book(BOOK_PATH, token, "ABFindAll", OWN_BOOK),
        book(BOOK_PATH, token, "ABFindContactsPaged", ""),
        book(BOOK_PATH, token, "ABFindContactsPaged", &circle_handle(own)),
        book(SHARING_PATH, token, "FindMembership", ""),
        storage(by, "GetProfile", &profile),
        storage(by, "FindDocuments", &tiles),
        rsi(token, "GetMetadata", ""),
        rsi(
            token,
            "GetMessage",
            &format!("<messageId>{}</messageId>", own.message),
        ),
    ]
}

/// A request of each operation by somebody, about what is `own`. Those that remove come last.
pub(super) fn all(token: &str, own: &Own) -> Vec<Request> {
    let mut all = book_requests(token, own);
    all.extend(storage_requests(LATEST_STORAGE, token, own));
    all.extend(storage_requests(FIRST_STORAGE, token, own));
    all.push(letter(own, token, "trent", "hello"));
    let to = ("trent", "hello");
    all.push(letter_of(FIRST_OIM, "Store", own, token, to));
    all.push(rsi(token, "GetMetadata", ""));
    let id = &own.message;
    let wanted = format!("<messageId>{id}</messageId><alsoMarkAsRead>false</alsoMarkAsRead>");
    all.push(rsi(token, "GetMessage", &wanted));
    let news = format!(
        "<entityHandle><Cid>{}</Cid></entityHandle><locales><string>en-US</string></locales>\
         <count>50</count>",
        own.signed_cid()
    );
    all.push(Request {
        path: "/whatsnew/whatsnewservice.asmx",
        header: format!(
            "<WNApplicationHeader xmlns=\"{ADDRESS_BOOK}\"><ApplicationId>x</ApplicationId>\
             </WNApplicationHeader><WNAuthHeader xmlns=\"{ADDRESS_BOOK}\"><TicketToken>{}\
             </TicketToken></WNAuthHeader>",
            escape(token)
        ),
        ..book(BOOK_PATH, token, "GetContactsRecentActivity", &news)
    });
    all.extend(removals(token, own));
    all
}

fn book_requests(token: &str, own: &Own) -> Vec<Request> {
    let Own {
        contact,
        group,
        circle,
        guest,
        ..
    } = own;
    let handle = circle_handle(own);
    let delta = "<deltasOnly>true</deltasOnly><lastChange>2010-01-02T03:04:05Z</lastChange>";
    let filter = format!("<groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>");
    let invite = "<annotations><Annotation><Name>MSN.IM.InviteMessage</Name><Value>join us\
                  </Value></Annotation></annotations>";
    let connection = |book: &str, contact: &str, kind: u8| {
        format!(
            "{book}<contactId>{contact}</contactId><connection>true</connection><action>1</action>\
             <relationshipType>{kind}</relationshipType><relationshipRole>3</relationshipRole>\
             {invite}"
        )
    };
    let by_book: [(&str, String); 20] = [
        (
            "ABFindAll",
            format!(
                "{OWN_BOOK}<abView>Full</abView><dynamicItemView>Gleam</dynamicItemView>{delta}"
            ),
        ),
        ("ABFindAll", format!("<abId>{circle}</abId>")),
        (
            "ABFindContactsPaged",
            format!(
                "<filterOptions><DeltasOnly>false</DeltasOnly><LastChanged>2010-01-02T03:04:05Z\
                 </LastChanged><ContactFilter><IncludeHiddenContacts>true</IncludeHiddenContacts>\
                 </ContactFilter></filterOptions>{handle}"
            ),
        ),
        (
            "ABFindByContacts",
            format!("{OWN_BOOK}<contactIds><guid>{contact}</guid></contactIds>"),
        ),
        (
            "ABAdd",
            "<abInfo><name/><ownerPuid>0</ownerPuid><fDefault>true</fDefault></abInfo>".to_owned(),
        ),
        (
            "ABContactAdd",
            contacts(
                "<contactInfo><contactType>LivePending</contactType>\
                 <passportName>carol@example.com</passportName>\
                 <isMessengerUser>true</isMessengerUser><MessengerMemberInfo><PendingAnnotations>\
                 <Annotation><Name>MSN.IM.InviteMessage</Name><Value>hi</Value></Annotation>\
                 </PendingAnnotations><DisplayName>M</DisplayName></MessengerMemberInfo>\
                 </contactInfo>",
            ) + "<options><EnableAllowListManagement>true</EnableAllowListManagement></options>",
        ),
        (
            "ABContactUpdate",
            contacts(&format!(
                "<contactId>{contact}</contactId><contactInfo><firstName>F</firstName>\
                 <comment>C</comment><birthdate>2000-01-02T03:04:05Z</birthdate>\
                 <isFavorite>true</isFavorite><emails><ContactEmail><contactEmailType>Messenger2\
                 </contactEmailType><email>a@b.example</email></ContactEmail></emails><phones>\
                 <ContactPhone><contactPhoneType>ContactPhoneMobile</contactPhoneType>\
                 <number>1</number></ContactPhone></phones><annotations><Annotation>\
                 <Name>AB.NickName</Name><Value>N</Value></Annotation></annotations></contactInfo>\
                 <propertiesChanged>ContactFirstName Comment ContactBirthDate IsFavorite \
                 ContactEmail ContactPhone Annotation</propertiesChanged>"
            )),
        ),
        (
            "ABContactUpdate",
            contacts(
                "<contactInfo><contactType>Me</contactType><displayName>Mallory</displayName>\
                 <annotations><Annotation><Name>MSN.IM.BLP</Name><Value>1</Value></Annotation>\
                 <Annotation><Name>MSN.IM.MPOP</Name><Value>1</Value></Annotation></annotations>\
                 </contactInfo><propertiesChanged>DisplayName Annotation</propertiesChanged>",
            ),
        ),
        (
            "ABGroupAdd",
            format!(
                "{OWN_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>\
                 </groupAddOptions><groupInfo><GroupInfo><name>Pals</name>\
                 <IsFavorite>true</IsFavorite><annotations><Annotation><Name>MSN.IM.Display</Name>\
                 <Value>1</Value></Annotation></annotations></GroupInfo></groupInfo>"
            ),
        ),
        (
            "ABGroupUpdate",
            format!(
                "{OWN_BOOK}<groups><Group><groupId>{group}</groupId><groupInfo><name>Others</name>\
                 <IsFavorite>false</IsFavorite></groupInfo><propertiesChanged>GroupName IsFavorite\
                 </propertiesChanged></Group></groups>"
            ),
        ),
        (
            "ABGroupContactAdd",
            format!(
                "{filter}{}",
                contacts(&format!("<contactId>{contact}</contactId>"))
            ),
        ),
        (
            "CreateContact",
            format!(
                "{handle}<contactHandle><Email>carol@example.com</Email><Puid>0</Puid>\
                 <Cid>0</Cid></contactHandle>"
            ),
        ),
        (
            "CreateContact",
            "<contactHandle><Email>olive@example.net</Email></contactHandle>".to_owned(),
        ),
        ("ManageWLConnection", connection(&handle, guest, 5)),
        ("ManageWLConnection", connection("", contact, 3)),
        ("ManageWLConnection", connection("", circle, 5)),
        ("UpdateDynamicItem", "<abHandle/>".to_owned()),
        ("AddDynamicItem", "<abHandle/>".to_owned()),
        (
            "ABFindAll",
            format!("<abId>{circle}</abId><abView>Full</abView>"),
        ),
        (
            "ABGroupContactAdd",
            format!(
                "{filter}{}",
                contacts(
                    "<contactInfo><emails><ContactEmail><contactEmailType>Messenger2\
                     </contactEmailType><email>erin@yahoo.example</email></ContactEmail></emails>\
                     </contactInfo>"
                )
            ),
        ),
    ];
    let by_sharing: [(&str, String); 6] = [
        (
            "FindMembership",
            format!(
                "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types>\
                 </serviceFilter><View>Full</View>{delta}"
            ),
        ),
        ("AddMember", members("trent@example.com")),
        ("UpdateMember", members("trent@example.com")),
        (
            "AddService",
            "<serviceInfo><Handle><Type>Profile</Type></Handle></serviceInfo>".to_owned(),
        ),
        (
            "CreateCircle",
            "<properties><Domain>1</Domain><DisplayName>Hiking</DisplayName></properties>\
             <callerInfo><PublicDisplayName>M</PublicDisplayName></callerInfo>"
                .to_owned(),
        ),
        (
            "AddMember",
            format!(
                "<nsHandle><Id>{circle}</Id></nsHandle>{}",
                members("trent@example.com")
            ),
        ),
    ];
    let at = |path| move |(operation, inner): (&str, String)| book(path, token, operation, &inner);
    let by_book = by_book.into_iter().map(at(BOOK_PATH));
    by_book
        .chain(by_sharing.into_iter().map(at(SHARING_PATH)))
        .collect()
}

fn storage_requests(namespace: &str, token: &str, own: &Own) -> Vec<Request> {
    let Own { cid, tile, .. } = own;
    let alias = format!(
        "<Alias><Name>{}</Name><NameSpace>MyCidStuff</NameSpace></Alias>",
        own.signed_cid()
    );
    let data = BASE64.encode(picture());
    let requests: [(&str, String); 9] = [
        (
            "GetProfile",
            format!(
                "<profileHandle>{alias}<RelationshipName>MyProfile</RelationshipName>\
                 </profileHandle><profileAttributes><ResourceID>true</ResourceID>\
                 </profileAttributes>"
            ),
        ),
        (
            "GetProfile",
            format!("<profileHandle><ResourceID>{cid}!106</ResourceID></profileHandle>"),
        ),
        (
            "UpdateProfile",
            format!(
                "<profile><ResourceID>{cid}!106</ResourceID><ExpressionProfile>\
                 <FreeText>Update</FreeText><DisplayName>Mallory</DisplayName>\
                 <PersonalStatus>at work</PersonalStatus><Flags>0</Flags></ExpressionProfile>\
                 </profile><profileAttributesToDelete><ExpressionProfileAttributes>\
                 <PersonalStatus>false</PersonalStatus></ExpressionProfileAttributes>\
                 </profileAttributesToDelete>"
            ),
        ),
        (
            "CreateProfile",
            "<profile><ExpressionProfile><PersonalStatus/><RoleDefinitionName>\
             ExpressionProfileDefault</RoleDefinitionName></ExpressionProfile></profile>"
                .to_owned(),
        ),
        ("CreateDocument", new_tile(own, "me.png", &data)),
        (
            "UpdateDocument",
            format!(
                "<document xsi:type=\"Photo\"><ResourceID>{tile}</ResourceID><Name>n</Name>{}\
                 </document>",
                streams(&data)
            ),
        ),
        (
            "FindDocuments",
            format!(
                "<objectHandle>{alias}<RelationshipName>/UserTiles</RelationshipName>\
                 </objectHandle><documentAttributes><ResourceID>true</ResourceID>\
                 </documentAttributes>"
            ),
        ),
        (
            "CreateRelationships",
            format!(
                "<relationships><Relationship><SourceID>{cid}!118</SourceID><SourceType>\
                 SubProfile</SourceType><TargetID>{tile}</TargetID><TargetType>Photo</TargetType>\
                 </Relationship></relationships>"
            ),
        ),
        (
            "ShareItem",
            format!("<resourceID>{tile}</resourceID><displayName>d</displayName>"),
        ),
    ];
    let make = |(operation, inner): (&str, String)| storage_of(namespace, token, operation, &inner);
    requests.into_iter().map(make).collect()
}

fn removals(token: &str, own: &Own) -> Vec<Request> {
    let Own {
        contact,
        group,
        guest,
        cid,
        tile,
        message,
        ..
    } = own;
    let handle = circle_handle(own);
    let filter = format!("<groupFilter><groupIds><guid>{group}</guid></groupIds></groupFilter>");
    let by_id = contacts(&format!("<contactId>{contact}</contactId>"));
    let ending = "<blockContact>false</blockContact><deleteContact>true</deleteContact>";
    let from_book = |operation: &str, inner: &str| book(BOOK_PATH, token, operation, inner);
    let discard = format!(
        "<sourceHandle><ResourceID>{cid}!118</ResourceID></sourceHandle><targetHandles>\
         <ObjectHandle><ResourceID>{tile}</ResourceID></ObjectHandle></targetHandles>"
    );
    let message = format!("<messageIds><messageId>{message}</messageId></messageIds>");
    vec![
        from_book("ABGroupContactDelete", &format!("{filter}{by_id}")),
        from_book("ABGroupDelete", &filter),
        from_book(
            "BreakConnection",
            &format!("{handle}<contactId>{guest}</contactId>{ending}"),
        ),
        from_book(
            "BreakConnection",
            &format!("<contactId>{contact}</contactId>{ending}"),
        ),
        from_book("ABContactDelete", &by_id),
        book(
            SHARING_PATH,
            token,
            "DeleteMember",
            &members("trent@example.com"),
        ),
        storage_of(LATEST_STORAGE, token, "DeleteRelationships", &discard),
        rsi(token, "DeleteMessages", &message),
    ]
}

/// A good request for tokens of both versions.
pub(super) fn tokens(name: &str) -> Vec<Request> {
    let header = format!(
        "<ps:AuthInfo xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" \
         Id=\"PPAuthInfo\"><ps:HostingApp>x</ps:HostingApp></ps:AuthInfo>\
         <wsse:Security xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\">\
         <wsse:UsernameToken Id=\"user\"><wsse:Username>{name}@example.com</wsse:Username>\
         <wsse:Password>{PASSWORD}</wsse:Password></wsse:UsernameToken></wsse:Security>"
    );
    let body = "<ps:RequestMultipleSecurityTokens \
         xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" \
         xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\" \
         xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
         xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
         xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\" Id=\"RSTS\">\
         <wst:RequestSecurityToken Id=\"RST0\"><wst:RequestType>issue</wst:RequestType>\
         <wsp:AppliesTo><wsa:EndpointReference><wsa:Address>contacts.msn.com</wsa:Address>\
         </wsa:EndpointReference></wsp:AppliesTo><wsse:PolicyReference URI=\"MBI\"/>\
         </wst:RequestSecurityToken></ps:RequestMultipleSecurityTokens>";
    let request = |path| Request {
        path,
        action: String::new(),
        header: header.clone(),
        body: body.to_owned(),
    };
    ["/RST.srf", "/RST2.srf"].into_iter().map(request).collect()
}
