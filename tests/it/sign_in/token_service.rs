//! What the token service grants, and how it is asked.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_of_the_reference_gets_a_token_that_opens_no_other() {
    let server = start(&["alice"], &[]).await;
    for path in VERSIONS {
        let answer = ask(server.addresses.http, path, "alice", PASSWORD, &SERVICES).await;
        let tokens = tokens(&answer);
        let asked: Vec<&str> = SERVICES.iter().map(|service| service.0).collect();
        let got: Vec<&str> = tokens.iter().map(|token| token.service.as_str()).collect();
        assert_eq!(got, asked);
        let mut keys: Vec<&str> = tokens.iter().map(|token| token.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(
            keys.len(),
            SERVICES.len(),
            "every token has a key of its own"
        );
        assert!(keys.iter().all(|key| key.len() == 32));
        // libpurple takes whatever stands between two tokens for a token.
        assert!(!answer.body.contains("Response> "), "{}", answer.body);
        assert!(!answer.body.contains("Response>\n"), "{}", answer.body);
        let ids: Vec<&str> = tokens
            .iter()
            .take(5)
            .map(|token| token.id.as_str())
            .collect();
        assert_eq!(
            ids,
            [
                "BinaryDAToken0",
                "Compact1",
                "PPToken2",
                "PPToken3",
                "Compact4"
            ]
        );
        let mut opening = Vec::new();
        for token in &tokens {
            if opens_book(&server, &token.ticket).await {
                opening.push(token.service.as_str());
            }
        }
        assert_eq!(
            opening,
            [
                SINGLE_SIGN_ON,
                MESSENGER,
                "contacts.msn.com",
                "livecontacts.live.com"
            ]
        );
        for token in &tokens {
            let is_right = token.service == SINGLE_SIGN_ON;
            let expected = if is_right { "USR" } else { "911" };
            // Failures are counted; this is a client that gets it right in between.
            assert_eq!(sign_on(&server, 18, "alice", token).await, expected);
            assert_eq!(sign_on(&server, 15, "alice", &tokens[1]).await, "USR");
        }
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_way_in_takes_a_token_up_to_msnp16() {
    let server = start(&["alice"], &[]).await;
    let long = "?ct=1&rver=1&wp=FS_40SEC_0_COMPACT&lc=1&id=1";
    for policy in ["?id=507", long, "MBI"] {
        let tokens = granted(&server, "alice", &[(GRANTING, ""), (MESSENGER, policy)]).await;
        // Messenger for Mac 8 signs in so at 15 and 16.
        for dialect in [12, 13, 14, 15, 16] {
            let mut connection = server.addresses.connect(dialect).await;
            question(&mut connection, "TWN", "alice").await;
            let answer = prove(&mut connection, "TWN", &tokens[1].ticket).await;
            assert_eq!(answer, "USR", "{dialect} {policy}");
        }
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_spelling_of_the_address_is_answered() {
    let server = start(&["alice"], &[]).await;
    let http = server.addresses.http;
    for path in [
        "/RST.srf",
        "//RST.srf",
        "/rst.SRF",
        "/pp550/RST.srf",
        "/pp900/RST.srf",
        "https://login.live.com/RST.srf",
        "https://loginnet.passport.com:443//RST.srf",
        "https://msnia.login.live.com/pp900/RST.srf",
        "/RST2.srf",
        "/pp550/RST2.srf",
        "/pp900/rst2.srf",
        "https://login.live.com:443//RST2.srf",
        "https://msnia.login.live.com/RST2.srf",
    ] {
        let answer = ask(http, path, "alice", PASSWORD, &SERVICES[..2]).await;
        let tokens = tokens(&answer);
        assert_eq!(tokens.len(), 2, "{path}: {answer:?}");
        assert_eq!(sign_on(&server, 15, "alice", &tokens[1]).await, "USR");
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_requests_go_down_one_connection() {
    let server = start(&["alice"], &[]).await;
    let mut stream = TcpStream::connect(server.addresses.http).await.unwrap();
    let security = password("alice@example.com", PASSWORD);
    let body = request("/RST.srf", &security, &SERVICES[..2]);
    for _ in 0..3 {
        let whole = format!(
            "POST /RST.srf HTTP/1.1\r\nHost: login.live.com\r\nContent-Type: \
             application/soap+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(whole.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"</S:Envelope>\n") && !answer.ends_with(b"</S:Envelope>") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("Id=\"Compact1\""), "{answer}");
        assert!(answer.contains("\r\nContent-Length: "), "{answer}");
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_without_the_password_is_sealed_or_refused_like_a_wrong_one() {
    let server = start(&["alice"], &[]).await;
    let tokens = granted(&server, "alice", &SERVICES[..2]).await;
    let security = format!(
        "<EncryptedData xmlns=\"http://www.w3.org/2001/04/xmlenc#\" Id=\"BinaryDAToken0\">\
         <CipherData><CipherValue>{}</CipherValue></CipherData></EncryptedData>",
        tokens[0].ticket
    );
    let ask = async |path: &str, security: &str| {
        let body = request(path, security, &SERVICES[1..2]);
        let answer = post(server.addresses.http, path, "", body.as_bytes()).await;
        answer.unwrap()
    };
    // Only the key opens it; that it then has the token is a matter of the unit tests.
    let sealed = ask("/RST.srf", &security).await;
    assert_eq!(sealed.status, 200);
    assert!(sealed.body.contains("Id=\"EncKey\""), "{sealed:?}");
    assert!(!sealed.body.contains("BinarySecurityToken"), "{sealed:?}");
    let unknown = security.replace(&tokens[0].ticket, "b3BhcXVl");
    for (path, security, code) in [
        ("/RST.srf", &unknown, "wsse:FailedAuthentication"),
        ("/RST2.srf", &security, "wst:FailedAuthentication"),
    ] {
        assert_eq!(fault(&ask(path, security).await), code);
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_is_not_read_and_hurts_nobody() {
    let server = start(&["alice"], &[]).await;
    let http = server.addresses.http;
    let right = password("alice@example.com", PASSWORD);
    for path in VERSIONS {
        let huge = request(path, &right, &SERVICES).replace("RSTS", &"x".repeat(1024 * 1024));
        let answer = post(http, path, "", huge.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 413, "{answer:?}");
        let many = [SERVICES, SERVICES, SERVICES].concat();
        let answer = ask(http, path, "alice", PASSWORD, &many).await;
        assert!(["S:Client", "wst:InvalidRequest"].contains(&fault(&answer).as_str()));
    }
    granted(&server, "alice", &SERVICES).await;
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_last_as_long_as_the_settings_say() {
    for (setting, seconds) in [
        (None, 86_400),
        (Some("@config auth.token_hours 48"), 172_800),
    ] {
        let settings: Vec<&str> = setting.into_iter().collect();
        let server = start(&["alice"], &settings).await;
        let before = server.services().clock.now_secs();
        let answer = ask(
            server.addresses.http,
            "/RST.srf",
            "alice",
            PASSWORD,
            &SERVICES,
        )
        .await;
        let after = server.services().clock.now_secs();
        let expires = answer.texts("Expires");
        assert_eq!(expires.len(), SERVICES.len());
        let possible: Vec<String> = (before..=after).map(|now| utc(now + seconds)).collect();
        for time in expires {
            assert!(possible.contains(&time), "{time}");
        }
        assert!(server.stop().await);
    }
}

fn utc(seconds: i64) -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    time.format(&format).unwrap()
}
