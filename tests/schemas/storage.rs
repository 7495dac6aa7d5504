//! Every operation of the storage service, in both of its namespaces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::checker::{self, Checker, Part};
use crate::support::people::PASSWORD;
use crate::support::soap::{Answer, STORAGE, STORAGE_PATH, post, storage_envelope, token};

/// Why the profile of somebody who has set nothing is shorter than described.
const NOTHING_SET: &str = "clients take the empty picture and message of a longer one for real \
                           (`docs/protocol/13 §2`)";
/// Why documents stand in an element of their own.
const WRAPPED: &str = "clients look for them in FindDocumentsResult (`docs/protocol/13 §2`)";

/// Somebody with a profile, speaking in one of the namespaces.
struct Person<'a> {
    checker: &'a mut Checker,
    namespace: &'static str,
    /// What stands before the operation in the table.
    prefix: &'static str,
    token: String,
}

impl Person<'_> {
    async fn ask(&self, operation: &str, request: &str) -> Answer {
        let body = storage_envelope(&self.token, self.namespace, operation, request);
        let http = self.checker.http;
        let answer = post(http, STORAGE_PATH, "", body.as_bytes()).await.unwrap();
        // The description has only the later of the namespaces.
        let [described, _] = STORAGE;
        Answer {
            body: answer.body.replace(self.namespace, described),
            ..answer
        }
    }

    async fn valid(&mut self, operation: &str, request: &str) -> Answer {
        let answer = self.ask(operation, request).await;
        let what = format!("{}{operation}", self.prefix);
        self.checker.valid(&what, &answer, checker::STORAGE);
        answer
    }

    async fn differs(&mut self, operation: &str, case: &str, request: &str, why: &'static str) {
        let answer = self.ask(operation, request).await;
        let what = format!("{}{operation}{case}", self.prefix);
        let differing = [(Part::Payload, why)];
        let schema = checker::STORAGE;
        self.checker.differs(&what, &answer, schema, &differing);
    }

    async fn fault(&mut self, operation: &str, request: &str, code: &str) {
        let answer = self.ask(operation, request).await;
        let what = format!("{}{operation}: {code}", self.prefix);
        self.checker.fault(&what, &answer, code);
    }
}

/// A picture as requests have it.
pub(super) fn picture() -> String {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::new_rgb8(96, 96);
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.unwrap();
    BASE64.encode(bytes.into_inner())
}

fn document(id: &str) -> String {
    format!(
        "<document xsi:type=\"Photo\">{id}<Name>me &amp; you.png</Name><DocumentStreams>\
         <DocumentStream xsi:type=\"PhotoStream\">\
         <DocumentStreamType>UserTileStatic</DocumentStreamType><MimeType>png</MimeType>\
         <Data>{}</Data><DataSize>0</DataSize></DocumentStream></DocumentStreams></document>",
        picture()
    )
}

/// The request for a new picture.
pub(super) fn new_tile(profile: &str) -> String {
    format!(
        "<parentHandle><RelationshipName>/UserTiles</RelationshipName>{}</parentHandle>{}\
         <relationshipName>Messenger User Tile</relationshipName>",
        by_id(profile),
        document("")
    )
}

fn by_id(id: &str) -> String {
    format!("<ResourceID>{id}</ResourceID>")
}

/// The request that shows a picture on a profile.
pub(super) fn relationship(source: &str, target: &str) -> String {
    format!(
        "<relationships><Relationship><SourceID>{source}</SourceID>\
         <SourceType>SubProfile</SourceType><TargetID>{target}</TargetID>\
         <TargetType>Photo</TargetType><RelationshipName>ProfilePhoto</RelationshipName>\
         </Relationship></relationships>"
    )
}

fn no_longer(source: &str, target: &str) -> String {
    format!(
        "<sourceHandle>{source}</sourceHandle><targetHandles><ObjectHandle>{}</ObjectHandle>\
         </targetHandles>",
        by_id(target)
    )
}

pub(super) async fn run(checker: &mut Checker) {
    let cases = [("", "bob@example.com"), ("w10 ", "dave@example.com")];
    for (namespace, (prefix, address)) in STORAGE.into_iter().zip(cases) {
        let token = token(checker.http, address, PASSWORD, "storage.msn.com").await;
        let mut person = Person {
            checker,
            namespace,
            prefix,
            token: token.unwrap(),
        };
        let profile = everything(&mut person).await;
        faults(&mut person, &profile).await;
    }
}

/// Answers what the profile is called.
async fn everything(person: &mut Person<'_>) -> String {
    let create = "<profile><ExpressionProfile><PersonalStatus/><RoleDefinitionName>\
                  ExpressionProfileDefault</RoleDefinitionName></ExpressionProfile></profile>";
    let created = person.valid("CreateProfile", create).await;
    let profile = created.text("CreateProfileResult").unwrap_or_default();
    let shown = profile.replace("!106", "!118");
    let get = format!("<profileHandle>{}</profileHandle>", by_id(&profile));
    person
        .differs("GetProfile", ": nothing set", &get, NOTHING_SET)
        .await;
    let share = format!("<resourceID>{shown}</resourceID><displayName>Messenger</displayName>");
    person.valid("ShareItem", &share).await;

    let created = person.valid("CreateDocument", &new_tile(&profile)).await;
    let tile = created.text("CreateDocumentResult").unwrap_or_default();
    let pair = relationship(&shown, &tile);
    person.valid("CreateRelationships", &pair).await;
    person
        .valid("UpdateDocument", &document(&by_id(&tile)))
        .await;
    let update = format!(
        "<profile>{}<ExpressionProfile><FreeText>Update</FreeText>\
         <DisplayName>Bob &lt;3</DisplayName><PersonalStatus>at &amp; work</PersonalStatus>\
         <Flags>1</Flags></ExpressionProfile></profile>",
        by_id(&profile)
    );
    person.valid("UpdateProfile", &update).await;
    let found = person.valid("GetProfile", &get).await;
    let streams = found.count("DocumentStream") == 2;
    let what = format!("{}GetProfile: a picture in two sizes", person.prefix);
    person.checker.holds(&what, &found, streams);
    let tiles = format!(
        "<RelationshipName>/UserTiles</RelationshipName>{}",
        by_id(&profile)
    );
    let find = format!("<objectHandle>{tiles}</objectHandle>");
    person.differs("FindDocuments", "", &find, WRAPPED).await;
    for source in [by_id(&shown), tiles] {
        let request = no_longer(&source, &tile);
        person.valid("DeleteRelationships", &request).await;
    }
    profile
}

async fn faults(person: &mut Person<'_>, profile: &str) {
    let get = |handle: &str| format!("<profileHandle>{handle}</profileHandle>");
    let others = get(&by_id("195c865c2afaaa3b!106"));
    person.fault("GetProfile", &others, "AccessDenied").await;
    person.fault("GetProfile", "", "InvalidObjectHandle").await;
    let nothing = get(&by_id(&profile.replace("!106", "!107")));
    person
        .fault("GetProfile", &nothing, "ItemDoesNotExist")
        .await;
    let tile = profile.replace("!106", "!299");
    let missing = document(&by_id(&tile));
    person
        .fault("UpdateDocument", &missing, "ItemDoesNotExist")
        .await;
    person.fault("DeleteItems", "", "Forbidden").await;
    let good = std::mem::replace(&mut person.token, "t=bm9ib2R5&p=".to_owned());
    person
        .fault("GetProfile", &others, "PassportAuthFail")
        .await;
    person.token = good;
    let large = "x".repeat(3 * 1024 * 1024);
    person
        .fault("CreateDocument", &large, "RequestTooLarge")
        .await;
}
