//! A listener that signs nobody in: it refers every client to the notification server, in the
//! form of the client's version (`docs/protocol/01 §1.1`).

use crate::support::client::Connection;
use crate::support::person::fixture;
use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_version_is_referred_in_its_own_form() {
    let mut fixture = fixture(&["alice@example.com"], &[]);
    let listen = "[\"127.0.0.1:0\"]".to_owned();
    fixture.config.push(("listen.dispatch".to_owned(), listen));
    let server = TestServer::start(&fixture).await.unwrap();
    let target = server.addresses.msnp;
    let here = server.dispatch().unwrap();
    for dialect in 2..=12 {
        let method = if dialect < 8 { "MD5" } else { "TWN" };
        let tail = match dialect {
            2 => String::new(),
            3..=6 => " 0".to_owned(),
            _ => format!(" 0 {here}"),
        };
        let mut client = Connection::open(&here.to_string(), dialect).await.unwrap();
        let offer = format!("VER 1 MSNP{dialect} CVR0");
        client.ask(&offer, &offer).await;
        let claim = format!("USR 3 {method} I alice@example.com\r\n");
        client.send(claim.as_bytes()).await;
        // To the last byte, and then the end: what follows on this connection is void.
        let said = client.until_closed().await;
        let lines: Vec<&[u8]> = said.iter().map(|frame| &frame.line[..]).collect();
        let referral = format!("XFR 3 NS {target}{tail}");
        assert_eq!(lines, [referral.as_bytes()], "MSNP{dialect}");
    }
    server.stop().await;
}
