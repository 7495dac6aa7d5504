//! A whole server with a certificate: signing in, pages and the root for download.

use super::client::{Client, TLS12, TLS13};
use super::{NAME, issue};
use crate::support::numbers::Numbers;
use crate::support::passport::request;
use crate::support::people::{PASSWORD, fixture};
use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_and_pages_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let (files, trust) = issue(&folder);
    let root = files
        .certificate
        .with_file_name(if cfg!(feature = "legacy-tls") {
            "ca-sha256.cer"
        } else {
            "ca.cer"
        });
    let setting = |key: &str, path: &std::path::Path| format!("@config tls.{key} {path:?}");
    let settings = [
        setting("certificate", &files.certificate),
        setting("key", &files.key),
        setting("ca", &root),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = TestServer::start(&fixture(&["alice"], &settings))
        .await
        .unwrap();
    let http = server.addresses.http;
    let client = Client::new(&trust, TLS12);
    let ask = async |head: String| {
        let head = format!("{head}Host: {NAME}\r\nConnection: close\r\n\r\n");
        client.ask(http, NAME, head.as_bytes()).await.unwrap()
    };

    // Who came by https is sent on by https: to clients that is an address without scheme.
    let nexus = ask("GET /rdr/pprdr.asp HTTP/1.1\r\n".to_owned()).await;
    let login = format!("PassportURLs: DALogin={http}/login2.srf,");
    assert!(nexus.contains(&login), "{nexus}");
    let ticket = ask(format!(
        "GET /login2.srf HTTP/1.1\r\nAuthorization: Passport1.4 OrgVerb=GET,\
         OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,sign-in=alice%40example.com,pwd={PASSWORD},\
         lc=1033\r\n"
    ))
    .await;
    assert!(ticket.contains("da-status=success"), "{ticket}");

    // The cookie of a form never travels in the clear, and no page promises https for ever.
    let page = ask("GET /sign-in HTTP/1.1\r\n".to_owned()).await;
    let cookie = page.lines().find(|line| line.starts_with("Set-Cookie:"));
    assert!(cookie.unwrap().contains("; Secure"), "{page}");
    assert!(!page.contains("Strict-Transport"), "{page}");
    let plain = request(http, "GET /sign-in HTTP/1.1\r\nHost: a\r\n")
        .await
        .unwrap();
    assert!(!plain.contains("; Secure"), "{plain}");

    let offered = request(http, "GET /connect/CA.cer HTTP/1.1\r\nHost: a\r\n").await;
    let offered = offered.unwrap();
    assert!(offered.contains("application/x-x509-ca-cert"), "{offered}");

    assert!(Client::new(&trust, TLS13).agreed(http, NAME).await.is_ok());
    Numbers::until(server.ops, "the count of TLS 1.3", |numbers| {
        numbers.get(
            "chrysalis_tls_handshakes_total{listener=\"modern\",protocol=\"TLSv1.3\",\
             cipher=\"TLS13_AES_256_GCM_SHA384\"}",
        ) == 1
    })
    .await;
    assert!(server.stop().await);
}
