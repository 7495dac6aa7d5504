//! Requests of real shape, and every answer as reviewed, in both namespaces.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tower_service::Service as _;

use super::*;
use crate::advertise::Advertise;
use crate::http::Link;
use crate::http::tests::People;
use crate::metrics::Metrics;
use crate::model::UserId;
use crate::service::Services;

const PATH: &str = "/storageservice/schematizedstore.asmx";
const WEB: &str = "http://msn.example:8080";
const ALICE: &str = "0003000000000001";
const CID: &str = "844424930131969";

struct Site {
    router: Router,
    services: Services,
    token: String,
    people: People,
}

impl Site {
    async fn new() -> Self {
        let people = People::new().await;
        let web = Web {
            advertise: Advertise::new(None, Some(WEB), None).unwrap(),
            ..people.web(Metrics::new())
        };
        let services = web.services.clone();
        let audiences = ["storage.msn.com".to_owned(), "sup.live.com".to_owned()];
        let tokens = services.accounts.issue_tokens(UserId(1), &audiences).await;
        let token = tokens.unwrap().tokens.remove(0).ticket.to_wire();
        Self {
            router: super::super::router(web),
            services,
            token,
            people,
        }
    }

    /// Sends a body in the head that WLM 2009 and, with the other namespace, its elders send.
    async fn call(&self, namespace: &str, operation: &str, inner: &str) -> (u16, String) {
        let token = self.token.replace('&', "&amp;");
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<soap:Envelope \
             xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Header>\n\
             <AffinityCacheHeader xmlns=\"{namespace}\"><CacheKey>12r1:x&lt;y</CacheKey>\
             </AffinityCacheHeader><StorageApplicationHeader xmlns=\"{namespace}\">\
             <ApplicationID>Messenger Client 9.0</ApplicationID><Scenario>Initial</Scenario>\
             </StorageApplicationHeader><StorageUserHeader xmlns=\"{namespace}\"><Puid>0</Puid>\
             <TicketToken>{token}</TicketToken></StorageUserHeader></soap:Header><soap:Body>\n\
             <{operation} xmlns=\"{namespace}\">{inner}</{operation}></soap:Body></soap:Envelope>"
        );
        let request = Request::post(PATH).body(Body::from(body)).unwrap();
        let (status, _, body) = self.send(request).await;
        (status, String::from_utf8(body).unwrap())
    }

    async fn done(&self, operation: &str, inner: &str) -> String {
        let (status, answer) = self.call(NAMESPACES[0], operation, inner).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        assert!(roxmltree::Document::parse(&answer).is_ok(), "{answer}");
        answer
    }

    async fn fault(&self, operation: &str, inner: &str) -> String {
        let (status, answer) = self.call(NAMESPACES[0], operation, inner).await;
        assert_eq!(status, 500, "{operation}: {answer}");
        between(
            &answer,
            "<errorcode xmlns=\"http://www.msn.com/webservices/storage/2008\">",
            "<",
        )
    }

    async fn get(&self, url: &str) -> (u16, HeaderMap, Vec<u8>) {
        let path = url.strip_prefix(WEB).unwrap_or(url);
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn send(&self, mut request: Request<Body>) -> (u16, HeaderMap, Vec<u8>) {
        let local: SocketAddr = "192.0.2.1:8080".parse().unwrap();
        request.extensions_mut().insert(Link {
            peer: local,
            local,
            is_secure: false,
        });
        let response = self.router.clone().call(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, headers, body.to_vec())
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0.to_owned()
}

fn png(side: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::DynamicImage::new_rgb8(side, side);
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn document(id: &str, name: &str, data: &[u8]) -> String {
    let data = BASE64.encode(data);
    format!(
        "<document xsi:type=\"Photo\">{id}<Name>{name}</Name><DocumentStreams>\n\
         <DocumentStream xsi:type=\"PhotoStream\"><DocumentStreamType>UserTileStatic\
         </DocumentStreamType><MimeType>png</MimeType><Data>\n{data}\n</Data><DataSize>0</DataSize>\
         </DocumentStream></DocumentStreams></document>"
    )
}

fn alias(relationship: &str, cid: &str) -> String {
    format!(
        "<RelationshipName>{relationship}</RelationshipName><Alias><Name>{cid}</Name>\
         <NameSpace>MyCidStuff</NameSpace></Alias>"
    )
}

fn new_tile(data: &[u8]) -> String {
    let parent = alias("/UserTiles", CID);
    format!(
        "<parentHandle>{parent}</parentHandle>{}<relationshipName>Messenger User Tile\
         </relationshipName>",
        document("", "me &amp; you.png", data)
    )
}

fn relationship(source: &str, target: &str) -> String {
    format!(
        "<relationships><Relationship><SourceID>{source}</SourceID><SourceType>SubProfile\
         </SourceType><TargetID>{target}</TargetID><TargetType>Photo</TargetType>\
         <RelationshipName>ProfilePhoto</RelationshipName></Relationship></relationships>"
    )
}

fn deleted(source: &str, target: &str) -> String {
    format!(
        "<sourceHandle>{source}</sourceHandle><targetHandles><ObjectHandle><ResourceID>{target}\
         </ResourceID></ObjectHandle></targetHandles>"
    )
}

fn get_profile() -> String {
    format!(
        "<profileHandle>{}</profileHandle><profileAttributes><ResourceID>true</ResourceID>\
         <ExpressionProfileAttributes><DisplayName>true</DisplayName></ExpressionProfileAttributes>\
         </profileAttributes>",
        alias("MyProfile", CID)
    )
}

/// Times and keys are the only parts of an answer that are never the same twice.
fn steady(answer: &str) -> String {
    let mut rest = answer;
    let mut steady = String::new();
    while let Some((before, after)) = rest.split_once("Modified>20") {
        let (_, after) = after.split_once("</").unwrap();
        steady.push_str(before);
        steady.push_str("Modified>[time]</");
        rest = after;
    }
    steady.push_str(rest);
    // What a picture weighs is its encoder's affair.
    let weights = steady.split("<DataSize>").skip(1);
    let weights: Vec<String> = weights
        .map(|rest| rest.split_once('<').unwrap().0.to_owned())
        .collect();
    for weight in weights {
        steady = steady.replace(&format!("<DataSize>{weight}<"), "<DataSize>[bytes]<");
    }
    for size in ["static", "small"] {
        let start = format!("/{size}/");
        if steady.contains(&start) {
            let key = between(&steady, &start, "<");
            steady = steady.replace(&key, "[key]");
        }
    }
    steady
}

#[tokio::test]
async fn every_answer_as_reviewed_in_both_namespaces() {
    let mut answers = Vec::new();
    for namespace in NAMESPACES {
        let site = Site::new().await;
        let picture = png(96);
        let user_tiles = alias("/UserTiles", CID);
        let found = format!("<objectHandle>{user_tiles}</objectHandle>");
        let id = |number: u32| format!("{ALICE}!{number}");
        let history = deleted(&user_tiles, &id(205));
        let shown = deleted(&format!("<ResourceID>{}</ResourceID>", id(118)), &id(205));
        let changed = format!("<ResourceID>{}</ResourceID>", id(205));
        let requests = [
            ("GetProfile", get_profile()),
            (
                "CreateProfile",
                "<profile><ExpressionProfile><PersonalStatus/><RoleDefinitionName>\
                 ExpressionProfileDefault</RoleDefinitionName></ExpressionProfile></profile>"
                    .to_owned(),
            ),
            (
                "ShareItem",
                format!(
                    "<resourceID>{}</resourceID><displayName>Messenger Roaming Identity\
                     </displayName>",
                    id(118)
                ),
            ),
            ("CreateDocument", new_tile(&picture)),
            ("CreateRelationships", relationship(&id(118), &id(205))),
            (
                "UpdateProfile",
                format!(
                    "<profile><ResourceID>{}</ResourceID><ExpressionProfile><FreeText>Update\
                     </FreeText><DisplayName>Alice &amp; Bob</DisplayName><PersonalStatus>at \
                     &lt;work&gt;</PersonalStatus><Flags>7</Flags></ExpressionProfile></profile>",
                    id(106)
                ),
            ),
            ("GetProfile", get_profile()),
            ("FindDocuments", found.clone()),
            ("FindDocument", found),
            ("UpdateDocument", document(&changed, "Soccer", &picture)),
            ("DeleteRelationships", history),
            ("DeleteRelationships", shown),
        ];
        for (operation, inner) in requests {
            let (status, answer) = site.call(namespace, operation, &inner).await;
            assert_eq!(status, 200, "{operation}: {answer}");
            let document = roxmltree::Document::parse(&answer).unwrap();
            let root = document.root_element();
            let of_ours = root.descendants().filter(|node| {
                let of_node = node.tag_name().namespace().unwrap_or_default();
                node.is_element() && !of_node.starts_with("http://schemas.xmlsoap.org/")
            });
            for node in of_ours {
                assert_eq!(node.tag_name().namespace(), Some(namespace), "{answer}");
            }
            let (_, body) = answer.split_once("<soap:Body>").unwrap();
            answers.push(format!("{operation}\n{}", steady(body)));
        }
        let (_, answer) = site.call(namespace, "GetProfile", "").await;
        answers.push(format!("fault\n{answer}"));
    }
    insta::assert_snapshot!(answers.join("\n"));
}

#[tokio::test]
async fn a_name_and_a_message_are_those_of_the_account() {
    let site = Site::new().await;
    let update = |inner: &str| {
        format!(
            "<profile><ResourceID>{ALICE}!106</ResourceID><ExpressionProfile>{inner}</ExpressionProfile></profile>"
        )
    };
    let named = "<DisplayName>  A name </DisplayName><PersonalStatus>hi</PersonalStatus>";
    site.done("UpdateProfile", &update(named)).await;
    let book = site
        .services
        .contacts
        .book(UserId(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(book.settings.name.to_text(), "A name");
    assert_eq!(&*book.settings.message, "hi");
    // The request of a WLM whose owner took the message off (`docs/protocol/13 §2`).
    let off = update("<FreeText>Update</FreeText><DisplayName>B</DisplayName><Flags>0</Flags>")
        + "<profileAttributesToDelete><ExpressionProfileAttributes><PersonalStatus>true\
           </PersonalStatus></ExpressionProfileAttributes></profileAttributesToDelete>";
    site.done("UpdateProfile", &off).await;
    let book = site
        .services
        .contacts
        .book(UserId(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (book.settings.name.to_text(), &*book.settings.message),
        ("B".to_owned(), "")
    );
    site.done("UpdateProfile", &update("<DisplayName/>")).await;
    let answer = site.done("GetProfile", &get_profile()).await;
    assert!(answer.contains("<DisplayName>B</DisplayName>"), "{answer}");
    assert!(!answer.contains("PersonalStatus"), "{answer}");

    let long = "x".repeat(500);
    let inner = update(&format!("<DisplayName>{long}</DisplayName>"));
    assert_eq!(site.fault("UpdateProfile", &inner).await, "InvalidRequest");
    // Of a request that is refused nothing is done.
    let long = "x".repeat(2_000);
    let inner = update(&format!(
        "<DisplayName>C</DisplayName><PersonalStatus>{long}</PersonalStatus>"
    ));
    assert_eq!(site.fault("UpdateProfile", &inner).await, "InvalidRequest");
    let answer = site.done("GetProfile", &get_profile()).await;
    assert!(answer.contains("<DisplayName>B</DisplayName>"), "{answer}");
    let inner = update("<Flags>99999999999</Flags>");
    assert_eq!(site.fault("UpdateProfile", &inner).await, "InvalidRequest");
}

#[tokio::test]
async fn what_belongs_to_others_is_denied_to_everybody_alike() {
    let site = Site::new().await;
    let picture = png(8);
    for other in ["0003000000000002", "00030000000000ff", "195c865c2afaaa3b"] {
        let id = |number: u32| format!("{other}!{number}");
        let cid = u64::from_str_radix(other, 16).unwrap().to_string();
        let handle = |name: &str| format!("<{name}>{}</{name}>", alias("/UserTiles", &cid));
        let of_id = format!("<ResourceID>{}</ResourceID>", id(205));
        let own = format!("<ResourceID>{ALICE}!118</ResourceID>");
        for (operation, inner) in [
            ("GetProfile", handle("profileHandle")),
            (
                "GetProfile",
                format!("<profileHandle>{of_id}</profileHandle>"),
            ),
            (
                "UpdateProfile",
                format!("<profile><ResourceID>{}</ResourceID></profile>", id(106)),
            ),
            (
                "CreateDocument",
                handle("parentHandle") + &document("", "a", &picture),
            ),
            ("UpdateDocument", document(&of_id, "a", &picture)),
            ("FindDocuments", handle("objectHandle")),
            (
                "CreateRelationships",
                relationship(&format!("{ALICE}!118"), &id(205)),
            ),
            (
                "CreateRelationships",
                relationship(&id(118), &format!("{ALICE}!205")),
            ),
            ("DeleteRelationships", deleted(&own, &id(205))),
            ("ShareItem", format!("<resourceID>{}</resourceID>", id(118))),
        ] {
            assert_eq!(
                site.fault(operation, &inner).await,
                "AccessDenied",
                "{operation}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_there_or_no_handle_is_told_so() {
    let site = Site::new().await;
    let picture = png(8);
    let missing = format!("<ResourceID>{ALICE}!205</ResourceID>");
    let own = format!("<ResourceID>{ALICE}!118</ResourceID>");
    for (operation, inner, code) in [
        (
            "UpdateDocument",
            document(&missing, "a", &picture),
            "ItemDoesNotExist",
        ),
        (
            "CreateRelationships",
            relationship(&format!("{ALICE}!118"), &format!("{ALICE}!205")),
            "ItemDoesNotExist",
        ),
        (
            "CreateRelationships",
            relationship(&format!("{ALICE}!205"), &format!("{ALICE}!118")),
            "InvalidObjectHandle",
        ),
        (
            "UpdateDocument",
            document("", "a", &picture),
            "InvalidObjectHandle",
        ),
        (
            "GetProfile",
            "<profileHandle/>".to_owned(),
            "InvalidObjectHandle",
        ),
        ("GetProfile", String::new(), "InvalidObjectHandle"),
        (
            "GetProfile",
            format!("<profileHandle>{missing}</profileHandle>"),
            "ItemDoesNotExist",
        ),
        (
            "DeleteRelationships",
            deleted(&own, "x"),
            "InvalidObjectHandle",
        ),
        ("ShareItem", String::new(), "InvalidObjectHandle"),
        ("CreateDocument", new_tile(b"no picture"), "InvalidRequest"),
        ("CreateDocument", new_tile(&picture[..30]), "InvalidRequest"),
        (
            "CreateDocument",
            new_tile(&vec![0; 1024 * 1024 + 1]),
            "RequestTooLarge",
        ),
        ("Nonsense", String::new(), "Forbidden"),
    ] {
        assert_eq!(site.fault(operation, &inner).await, code, "{operation}");
    }
    // Gone already is as good as gone.
    site.done(
        "DeleteRelationships",
        &deleted(&own, &format!("{ALICE}!205")),
    )
    .await;
}

#[tokio::test]
async fn a_picture_opens_with_the_key_until_it_is_replaced() {
    let site = Site::new().await;
    let picture = png(96);
    let id = format!("{ALICE}!205");
    site.done("CreateDocument", &new_tile(&picture)).await;
    assert!(
        !site
            .done("GetProfile", &get_profile())
            .await
            .contains("Photo")
    );
    site.done(
        "CreateRelationships",
        &relationship(&format!("{ALICE}!118"), &id),
    )
    .await;
    let answer = site.done("GetProfile", &get_profile()).await;
    let url = between(&answer, "<PreAuthURL>", "<");
    assert!(
        url.starts_with(&format!("{WEB}/usertile/{ALICE}/static/")),
        "{url}"
    );
    assert_eq!(between(&answer, "<StaticUserTilePublicURL>", "<"), url);
    assert_eq!(url, url.to_ascii_lowercase(), "a path loses its case");

    // WLM says nothing of who it is; others append a token, good or not.
    for appended in ["", "?t=nonsense", "?t="] {
        let (status, headers, body) = site.get(&format!("{url}{appended}")).await;
        assert_eq!((status, &body), (200, &picture));
        assert_eq!(headers[CONTENT_TYPE], "image/png");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
    let (status, headers, small) = site.get(&url.replace("/static/", "/small/")).await;
    assert_eq!(
        (status, &headers[CONTENT_TYPE]),
        (200, &"image/png".parse().unwrap())
    );
    assert_eq!(image::load_from_memory(&small).unwrap().width(), 48);

    let (start, proof) = url.rsplit_once('-').unwrap();
    let forged = format!(
        "{start}-{}{proof}",
        if proof.starts_with('0') { "1" } else { "0" }
    );
    let other = url.replace(ALICE, "0003000000000002");
    let parts: Vec<&str> = start.rsplitn(2, '-').collect();
    let longer = format!("{}-{}9-{proof}", parts[1], parts[0]);
    for bad in [
        forged,
        other,
        longer,
        format!("{WEB}/usertile/{ALICE}/static/x"),
        format!("{WEB}/usertile/{ALICE}/static/1-2-3-4"),
        format!("{WEB}/usertile/{ALICE}/static/205-1-99999999999-"),
        format!("{WEB}/usertile/{ALICE}/static"),
        format!("{WEB}/usertile/{ALICE}/other/{proof}"),
        format!("{WEB}/usertile/x/static/{proof}"),
    ] {
        assert_eq!(site.get(&bad).await.0, 404, "{bad}");
    }

    let next = png(20);
    let changed = document(&format!("<ResourceID>{id}</ResourceID>"), "b", &next);
    site.done("UpdateDocument", &changed).await;
    assert_eq!(
        site.get(&url).await.0,
        404,
        "the key was for the picture before"
    );
    let answer = site.done("GetProfile", &get_profile()).await;
    let url = between(&answer, "<PreAuthURL>", "<");
    assert_eq!(site.get(&url).await.2, next);
    site.people
        .advance(std::time::Duration::from_secs(7 * 24 * 3600 - 1));
    assert_eq!(site.get(&url).await.0, 200);
    site.people.advance(std::time::Duration::from_secs(1));
    assert_eq!(site.get(&url).await.0, 404, "it has expired");
}
