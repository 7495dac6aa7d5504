//! The pages of the login host that are not the sign-in itself (`docs/protocol/11 §1, §6, §7`).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;
use crate::support::passport::{request as get, request_with_body};

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_sent_only_where_the_settings_say() {
    let settings = [
        "@config web.redirect_hosts [\"mail.example.org\"]",
        "@config advertise.http_url \"https://msn.example.org\"",
    ];
    let server = start(&[], &settings).await;
    let http = server.addresses.http;
    // A post as the official clients make it, and the same form as a query.
    let opened = async |page: &str, link: &str| {
        let token = escaped(&format!(
            "ct=1262304000&rru={link}&sru={link}&ru={link}&bver=4&js=yes&hash=x",
            link = escaped(link)
        ));
        let head = format!(
            "POST /ppsecure/{page}?lc=1033 HTTP/1.1\r\nHost: x\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n"
        );
        let posted = request_with_body(http, &head, &format!("token={token}")).await;
        let head = format!("GET /ppsecure/{page}?lc=1033&token={token} HTTP/1.1\r\nHost: x\r\n");
        [posted.unwrap(), get(http, &head).await.unwrap()]
    };
    for page in ["sha1auth.srf", "SHA1Auth.srf", "md5auth.srf"] {
        for link in [
            "/",
            "/cgi-bin/HoTMaiL?a=b&c=d",
            "https://mail.example.org/inbox",
            "http://MAIL.example.org:8080",
            "https://msn.example.org/x",
        ] {
            for answer in opened(page, link).await {
                assert!(answer.starts_with("HTTP/1.1 302 "), "{link}: {answer}");
                assert_eq!(header(&answer, "Location"), Some(link));
            }
        }
        for link in [
            "//evil.example/",
            "/\\evil.example/",
            "\\\\evil.example/",
            "\t//evil.example/",
            "/\n/evil.example/",
            "http:evil.example",
            "http:/evil.example",
            "http:///evil.example/",
            "https://mail.example.org@evil.example/",
            "https://mail.example.org:80@evil.example/",
            "https://mail.example.org%40evil.example/",
            "https://mail.example.org\\@evil.example/",
            "https://evil.example/mail.example.org",
            "https://evil.example#mail.example.org",
            "https://evil.example?mail.example.org",
            "https://mail.example.org.evil.example/",
            "https://evilmail.example.org/",
            "https://x.mail.example.org/",
            "https://mail.example.org./",
            "https://m\u{430}il.example.org/",
            "https://mail\u{3002}example.org/",
            "https://xn--mil-5cd.example.org/",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://mail.example.org/",
            "/x\r\nSet-Cookie: a=b",
            "https://mail.example.org/\r\nLocation: https://evil.example/",
        ] {
            for answer in opened(page, link).await {
                assert!(answer.starts_with("HTTP/1.1 200 "), "{link}: {answer}");
                assert_eq!(header(&answer, "Location"), None, "{link}: {answer}");
                assert_eq!(header(&answer, "Set-Cookie"), None, "{link}: {answer}");
                assert_eq!(
                    header(&answer, "Content-Type"),
                    Some("text/plain; charset=utf-8")
                );
                assert_eq!(header(&answer, "X-Content-Type-Options"), Some("nosniff"));
            }
        }
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_is_told_of_this_server_and_no_other() {
    let settings = ["@config advertise.http_url \"https://msn.example.org\""];
    let server = start(&["alice"], &settings).await;
    let http = server.addresses.http;
    let page = async |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: login.live.com\r\n");
        get(http, &head).await.unwrap()
    };
    for path in [
        "/PPCRLconfig.srf",
        "http://clientconfig.passport.net/ppcrlconfig.srf",
        "/wlidsvcconfig.xml",
    ] {
        let answer = page(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (_, xml) = answer.split_once("\r\n\r\n").unwrap();
        let document = Document::parse(xml).unwrap();
        let services = document
            .descendants()
            .find(|node| node.tag_name().name() == "ServiceURIs")
            .unwrap();
        let mut count = 0;
        for service in services.children().filter(Node::is_element) {
            let url = service.text().unwrap();
            let path = url.strip_prefix("https://msn.example.org").unwrap();
            // Every one of them is there, if not for every method.
            let answer = page(path).await;
            assert!(
                !answer.starts_with("HTTP/1.1 404 ") || path.contains("realm"),
                "{answer}"
            );
            count += 1;
        }
        assert!((1..=32).contains(&count));
    }
    for path in [
        "/ppcrlcheck.srf",
        "https://login.live.com/PPCRLCHECK.srf?x=1",
    ] {
        let answer = page(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("minversion="), "{answer}");
    }
    for path in ["/ppcrlconfig.bin", "/ppcrlconfig600.bin"] {
        assert!(page(path).await.starts_with("HTTP/1.1 404 "));
    }
    let probe = request_with_body(http, "POST / HTTP/1.1\r\nHost: login.live.com\r\n", "").await;
    let probe = probe.unwrap();
    assert!(probe.starts_with("HTTP/1.1 200 "), "{probe}");
    assert!(probe.ends_with("\r\n\r\n"), "{probe}");
    assert!(server.stop().await);
}
