//! "Connect your client": every client, every system, every file.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use chrysalis::guide::{CLIENTS, Client, ORIGINALS, Standing, System};

use super::site;
use crate::support::server::TestServer;
use crate::support::web::{Browser, Page};

/// A server with a name that leaves room in every string.
async fn named() -> TestServer {
    let statements = [
        "@config advertise.host \"ab12cd.example\"",
        "@config advertise.http_url \"https://ab12cd.example\"",
    ];
    site(&[], &statements).await
}

fn path(client: &Client, system: System) -> String {
    format!("/connect/{}/{}", client.key, system.key())
}

/// A page that is as it should be.
#[track_caller]
fn check(page: &Page, path: &str) {
    assert_eq!(page.status, 200, "{path}: {}", page.head);
    let kind = page.header("content-type").unwrap();
    assert_eq!(kind, "text/html; charset=utf-8", "{path}");
    assert_eq!(page.faults(), [""; 0], "{path}");
}

#[tokio::test]
async fn every_client_is_listed_and_leads_to_its_steps() {
    let site = named().await;
    let mut browser = Browser::new(site.addresses.http);
    let list = browser.get("/connect").await;
    check(&list, "/connect");
    let links = list.values(".choices a", "href");
    for client in CLIENTS {
        let own = format!("/connect/{}", client.key);
        assert_eq!(links.iter().filter(|it| **it == own).count(), 1, "{own}");
        let systems = browser.visit(&own).await;
        check(&systems, &own);
        if client.systems.len() > 1 && client.standing != Standing::Impossible {
            let links = systems.values(".choices a", "href");
            let expected: Vec<String> = client.systems.iter().map(|&it| path(client, it)).collect();
            assert_eq!(links, expected, "{own}");
        } else {
            assert!(systems.texts(".choices").is_empty(), "{own}");
        }
    }
    // What the page suggests is there.
    for link in list.values(".cards a", "href") {
        assert_eq!(browser.visit(&link).await.status, 200, "{link}");
    }
    site.stop().await;
}

#[tokio::test]
async fn every_guide_is_a_sound_page_whose_files_can_be_had() {
    let site = named().await;
    let mut browser = Browser::new(site.addresses.http);
    for client in CLIENTS {
        for &system in client.systems {
            let path = path(client, system);
            let page = browser.get(&path).await;
            check(&page, &path);
            let files = page.values(".step a.button", "href");
            let is_hopeless = client.standing == Standing::Impossible;
            assert_eq!(is_hopeless, page.texts(".step").is_empty(), "{path}");
            for link in files {
                let name = link.strip_prefix(&format!("{path}/")).unwrap();
                let file = browser.get(&link).await;
                assert_eq!(file.status, 200, "{link}");
                let disposition = file.header("content-disposition").unwrap();
                assert_eq!(disposition, format!("attachment; filename=\"{name}\""));
                let is_text = name.ends_with(".txt");
                let kind = file.header("content-type").unwrap();
                assert_eq!(kind.starts_with("text/plain"), is_text, "{link}");
                assert_eq!(file.header("x-content-type-options").unwrap(), "nosniff");
                assert!(file.body.is_ascii(), "{link}");
                assert!(file.text().ends_with("\r\n"), "{link}");
            }
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn the_files_name_this_server() {
    let site = named().await;
    let mut browser = Browser::new(site.addresses.http);
    let port = site.addresses.msnp.port();
    let file = browser.get("/connect/msn-3/xp/server.reg").await;
    assert_eq!(
        file.text(),
        format!(
            "REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\Software\\Microsoft\\MessengerService]\r\n\
             \"Server\"=\"ab12cd.example:{port}\"\r\n"
        )
    );
    let file = browser
        .get("/connect/wlm-2009/win10/wlcomm.exe-escargot.ini")
        .await;
    assert_eq!(
        file.text(),
        "[options]\r\nserver = ab12cd.example\r\ntype = msn\r\n"
    );
    site.stop().await;
}

#[tokio::test]
async fn strings_have_the_length_of_what_they_replace_and_the_server_answers_below_them() {
    let site = named().await;
    let mut browser = Browser::new(site.addresses.http);
    let mut nexus = 0;
    for client in CLIENTS {
        let page = browser.get(&path(client, client.usual_system())).await;
        let rows = page.texts(".string .old").len();
        let refused = page.texts(".string .wrong").len();
        let new = page.texts(".string .new");
        assert_eq!(rows, new.len() + refused, "{}", client.key);
        let old = page.texts(".fits .old");
        assert_eq!(old.len(), new.len(), "{}", client.key);
        for (old, new) in old.iter().zip(&new) {
            assert!(ORIGINALS.iter().any(|it| it.text == old), "{old}");
            assert_eq!(old.len(), new.len(), "{new}");
            if old.starts_with("nexus") && old.contains('/') {
                let (_, path) = new.split_once('/').unwrap();
                let answer = browser.get(&format!("/{path}")).await;
                assert_eq!(
                    answer.header("passporturls").as_deref(),
                    Some("DALogin=ab12cd.example/login2.srf,")
                );
                nexus += 1;
            }
            if let Some(path) = new.strip_prefix("https://ab12cd.example") {
                let answer = browser.get(path).await;
                assert!(answer.has("<MsgrConfig"), "{path}");
                // As the clients of 8.1 and 14.0 go on.
                let late = format!("{path}?op=GetClientConfig&ver=14.0.8117.0416");
                assert!(browser.get(&late).await.has("<MsgrConfig"), "{late}");
            }
        }
    }
    assert!(nexus > 3, "only {nexus} strings for the nexus");
    site.stop().await;
}

#[tokio::test]
async fn a_name_that_cannot_fit_is_told_with_names_that_would() {
    let statements = ["@config advertise.host \"messenger.of-my-own-friends.example.net\""];
    let site = site(&[], &statements).await;
    let mut browser = Browser::new(site.addresses.http);
    let page = browser.get("/connect/msn-7.0/xp").await;
    check(&page, "/connect/msn-7.0/xp");
    let wrong = page.texts(".string .wrong");
    assert!(!wrong.is_empty());
    for text in wrong {
        assert!(text.starts_with("Nothing fits. "), "{text}");
    }
    assert!(page.has("messenger.example.net"), "{}", page.text());
    site.stop().await;
}

#[tokio::test]
async fn a_server_that_only_its_own_machine_reaches_says_so_and_how_to_mend_it() {
    let private = site(&[], &[]).await;
    let mut browser = Browser::new(private.addresses.http);
    for path in ["/connect", "/connect/msn-3/xp", "/connect/pidgin/unix"] {
        let page = browser.get(path).await;
        let notices = page.texts(".notice");
        let is_said =
            |it: &String| it.contains("Only the machine") && it.contains("advertise.host");
        assert!(notices.iter().any(is_said), "{path}: {notices:?}");
    }
    private.stop().await;
    let public = named().await;
    let mut browser = Browser::new(public.addresses.http);
    assert!(!browser.get("/connect").await.has("Only the machine"));
    public.stop().await;
}

#[tokio::test]
async fn nothing_of_a_request_comes_back() {
    let site = named().await;
    let mut browser = Browser::new(site.addresses.http);
    let plain = browser.get("/connect/msn-6/xp").await.text();
    for head in [
        "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher",
        "Host: \"><script>alert(1)</script>",
        "Host: x\r\nForwarded: host=evil.example\r\nReferer: http://evil.example/",
    ] {
        let request = format!(
            "GET /connect/msn-6/xp?evil=%3Cscript%3E HTTP/1.1\r\n{head}\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(site.addresses.http).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(!answer.contains("evil"), "{answer}");
        assert!(!answer.contains("<script"), "{answer}");
        let (status, _) = answer.split_once("\r\n").unwrap();
        if status.ends_with("200 OK") {
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(body.len() == plain.len(), "{body}");
        }
    }
    for path in [
        "/connect/evil",
        "/connect/msn-6/evil",
        "/connect/msn-6/mac",
        "/connect/msn-6/xp/evil.exe",
        "/connect/msn-6/xp/..%2f..%2fetc%2fpasswd",
        "/connect/%3Cscript%3E/xp",
        "/connect/msn-6/xp/%ff",
    ] {
        let page = browser.get(path).await;
        assert!(matches!(page.status, 400 | 404), "{path}: {}", page.status);
        assert!(!page.has("evil") && !page.has("<script"), "{path}");
    }
    site.stop().await;
}
