//! The documents as clients get them.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use tower_service::Service as _;

use super::*;
use crate::advertise::Advertise;
use crate::http::Link;
use crate::http::tests::People;
use crate::metrics::Metrics;

const WEB: &str = "http://msn.example:8080";

fn tab(name: &str, url: &str) -> Tab {
    Tab {
        name: name.to_owned(),
        url: url.to_owned(),
        tooltip: None,
        image: Some("http://img.example/a.png".to_owned()),
    }
}

fn pages() -> Pages {
    let hostile = "]]></GetClientConfigResult><x a=\"'&";
    Pages::new(
        &[
            tab("Today", "http://today.example/?a=1&b=2"),
            tab(hostile, "http://today.example/two"),
        ],
        &[TextAd {
            text: hostile.to_owned(),
            url: None,
        }],
    )
}

async fn ask(pages: Pages, method: &str, target: &str, body: &str) -> (u16, String, String) {
    let local: SocketAddr = "192.0.2.1:8080".parse().unwrap();
    let web = Web {
        advertise: Advertise::new(None, Some(WEB), None).unwrap(),
        pages,
        ..People::new().await.web(Metrics::new())
    };
    let mut request = Request::builder().method(method).uri(target);
    request = request.extension(Link {
        peer: local,
        local,
        is_secure: false,
    });
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let mut router = crate::http::router(web);
    let response = router.call(request).await.unwrap();
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION);
    let location = location.map_or("", |it| it.to_str().unwrap()).to_owned();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, location, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(pages: Pages, target: &str) -> String {
    let (status, _, body) = ask(pages, "GET", target, "").await;
    assert_eq!(status, 200, "{target}");
    body
}

/// Where the usual path does not fit into a client there are shorter ones, and where it is too
/// short a query fills what is missing.
#[tokio::test]
async fn the_configuration_answers_below_what_the_guide_offers() {
    let usual = get(pages(), "/config/msgrconfig.asmx?ver=8.1.0178").await;
    for target in [
        "/config/msgrconfig.asmx?padding=qqqq",
        "/config/msgrconfig.asmx?q?op=GetClientConfig&ver=8.1.0178",
        "/msgrconfig.asmx",
        "/mc",
        "/mc?qq",
    ] {
        assert_eq!(get(pages(), target).await, usual, "{target}");
    }
    let late = get(pages(), "/config/msgrconfig.asmx?ver=14.0.8117").await;
    let padded = "/mc?padding=q?op=GetClientConfig&ver=14.0.8117.0416";
    assert_eq!(get(pages(), padded).await, late);
}

/// The texts of all elements with this name.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).unwrap_or_else(|e| panic!("{e}:\n{xml}"));
    document
        .descendants()
        .filter(|node| node.tag_name().name() == name)
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

/// Whatever names a host in a document names this server or a host of the operator's.
fn check_hosts(xml: &str) {
    for (at, _) in xml.match_indices("://") {
        let rest = &xml[at + 3..];
        let known = [
            "msn.example:8080/",
            "today.example/",
            "img.example/",
            "schemas.xmlsoap.org",
        ];
        let known = known
            .iter()
            .chain(&["www.w3.org/2001", "www.msn.com/webservices"]);
        assert!(known.clone().any(|it| rest.starts_with(it)), "{rest}");
    }
}

#[tokio::test]
async fn the_bare_configuration_as_reviewed() {
    insta::assert_snapshot!(
        "msgr_config_8",
        get(
            pages(),
            "/config/msgrconfig.asmx?op=GetClientConfig&ver=8.5.1302.1018"
        )
        .await
    );
    insta::assert_snapshot!(
        "msgr_config_14",
        get(pages(), "/config/msgrconfig.asmx?ver=14.0.8117.0416").await
    );
}

#[tokio::test]
async fn every_form_of_the_configuration_is_well_formed_and_names_this_server() {
    for query in [
        "",
        "?ver=14.0.8117.0416",
        "?ver=8.1.0178.00",
        "?ver=%00%ff&Country=%3Cx%3E",
        "?ver=<x>&&&=&",
        "?ver=99999999999999999999999.1",
    ] {
        for pages in [pages(), Pages::default()] {
            let target = format!("/config/msgrconfig.asmx{}", query.replace(['<', '>'], ""));
            let xml = get(pages, &target).await;
            check_hosts(&xml);
            let url = format!("{WEB}/abservice/abservice.asmx");
            assert!(texts(&xml, "url").contains(&url), "{xml}");
            assert_eq!(texts(&xml, "TextAdServer"), [format!("{WEB}/ads/text")]);
            assert!(xml.contains("<domain name=\"msn.example\"/>"), "{xml}");
            assert_eq!(texts(&xml, "TabConfig").len(), 1);
        }
    }
}

#[tokio::test]
async fn tabs_are_escaped_and_their_hosts_trusted_once() {
    let xml = get(pages(), "/config/msgrconfig.asmx").await;
    let hostile = "]]></GetClientConfigResult><x a=\"'&";
    assert_eq!(texts(&xml, "name"), ["Today", hostile]);
    assert_eq!(texts(&xml, "tooltip"), ["Today", hostile]);
    assert_eq!(
        texts(&xml, "contenturl")[0],
        "http://today.example/?a=1&b=2"
    );
    assert_eq!(xml.matches("<domain name=\"today.example\"/>").count(), 1);
}

#[tokio::test]
async fn an_envelope_holds_the_document_as_text_whatever_was_asked() {
    let question = "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
         <GetClientConfig xmlns=\"http://www.msn.com/webservices/Messenger/Client\"><clientinfo>\
         <Country>US</Country><CLCID>0409</CLCID></clientinfo></GetClientConfig></soap:Body>\
         </soap:Envelope>";
    for body in [question, "", "<<<"] {
        let (status, _, xml) = ask(pages(), "POST", "/config/msgrconfig.asmx", body).await;
        assert_eq!(status, 200);
        check_hosts(&xml);
        let inner = texts(&xml, "GetClientConfigResult").remove(0);
        assert!(inner.starts_with("<MsgrConfig>"), "{inner}");
        assert_eq!(texts(&inner, "name").len(), 2);
    }
}

#[tokio::test]
async fn tabs_of_their_own_are_two_elements_without_a_root() {
    for path in ["/svcs/mms/tabs.asp?x=1", "/svcs/mms/portal.asp"] {
        let page = get(pages(), path).await;
        let (declaration, rest) = page.split_once('\n').unwrap();
        assert!(declaration.starts_with("<?xml"), "{page}");
        assert_eq!(texts(&format!("<r>{rest}</r>"), "tab").len(), 2);
    }
    let page = get(Pages::default(), "/svcs/mms/tabs.asp").await;
    assert!(page.contains("<msntabdata></msntabdata>"), "{page}");
}

#[tokio::test]
async fn a_line_of_text_is_escaped_and_none_is_an_empty_answer() {
    let xml = get(pages(), "/ads/text").await;
    assert_eq!(
        texts(&xml, "adtext"),
        ["]]></GetClientConfigResult><x a=\"'&"]
    );
    assert_eq!(texts(&xml, "hiturl"), [format!("{WEB}/")]);
    assert_eq!(get(Pages::default(), "/ads/text").await, "");
    assert!(get(pages(), "/ads/banner").await.contains("<body></body>"));
}

#[tokio::test]
async fn the_directory_of_activities_is_empty_and_valid() {
    let question = "<s:Envelope xmlns:s=\"x\"><s:Body><GetFilteredDataSet2 \
         xmlns=\"http://www.msn.com/webservices/Messenger/Client\"><locale>en-us</locale>\
         </GetFilteredDataSet2></s:Body></s:Envelope>";
    let path = "/appdirectory/appdirectory.asmx";
    let (status, _, xml) = ask(pages(), "POST", path, question).await;
    assert_eq!(
        (status, texts(&xml, "GetFilteredDataSet2Result")),
        (200, vec![String::new()])
    );
    assert_eq!(
        get(pages(), "/appdirectory/getappdirversion.aspx").await,
        "1"
    );
    assert!(
        get(pages(), "/appdirectory/directory.aspx?L=en-us")
            .await
            .contains("no activities")
    );
    for body in [
        "",
        "<a/>",
        "<s:Envelope xmlns:s=\"x\"><s:Body/></s:Envelope>",
    ] {
        let (status, _, xml) = ask(pages(), "POST", path, body).await;
        assert_eq!((status, texts(&xml, "faultcode").len()), (400, 1), "{body}");
    }
}

#[tokio::test]
async fn links_of_menus_lead_to_pages_of_this_server() {
    for (target, status, location) in [
        ("/5meen_us/60", 302, "/svcs/mms/tabs.asp"),
        ("/8meen_us/60", 302, "/"),
        ("/5meen_de/1?x=http://evil.example", 302, "/"),
        ("/other/60", 404, ""),
        ("/5meen_us/60/x", 404, ""),
    ] {
        let answer = ask(pages(), "GET", target, "").await;
        assert_eq!((answer.0, &*answer.1), (status, location), "{target}");
    }
}
