//! Clients come for the names of many hosts that are gone, and through proxies: the path decides.

use chrysalis::tls::authority::CLIENT_NAMES;

use crate::support::passport::request;
use crate::support::people::fixture;
use crate::support::server::TestServer;

#[tokio::test]
async fn the_path_decides_whatever_the_host() {
    let server = TestServer::start(&fixture(&[], &[])).await.unwrap();
    let http = server.addresses.http;
    let ask = async |target: &str, host: &str| {
        let head = format!("GET {target} HTTP/1.1\r\n{host}");
        request(http, &head).await.unwrap()
    };
    let names = CLIENT_NAMES.iter().map(|name| name.replace('*', "by1"));
    for name in names {
        let host = format!("Host: {name}\r\n");
        for (path, expected) in [
            ("/rdr/pprdr.asp", "PassportURLs: "),
            ("/login2.srf", "Passport1.4"),
            ("/Config/MsgrConfig.asmx?op=GetClientConfig", "MsgrConfig"),
        ] {
            for target in [
                path.to_owned(),
                format!("http://{name}{path}"),
                format!("HTTP://{name}:80{path}"),
            ] {
                let answer = ask(&target, &host).await;
                assert!(answer.contains(expected), "{name} {target}: {answer}");
            }
        }
    }
    // A host that is somebody else's, none at all, and one that contradicts the target.
    let target = "http://nexus.passport.com/rdr/pprdr.asp";
    for host in [
        "",
        "Host:\r\n",
        "Host: example.net\r\n",
        "Host: [::1]:8080\r\n",
    ] {
        let answer = ask(target, host).await;
        assert!(answer.contains("PassportURLs: "), "{host:?}: {answer}");
    }
    assert!(server.stop().await);
}
