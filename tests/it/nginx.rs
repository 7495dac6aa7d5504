//! A real nginx before the server, with the settings of `contrib/nginx` as they are shipped; only
//! ports and names of files are others.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::gateway::http::Wire;
use crate::gateway::{self, lines};
use crate::support::numbers::Numbers;
use crate::support::people::{chat, connect, fixture};
use crate::support::player::Addresses;
use crate::support::server::TestServer;
use crate::support::web::Browser;
use crate::tls::client::{Client, TLS13};
use crate::tls::issue;

const HTTP: &str = include_str!("../../contrib/nginx/chrysalis-http.conf");
const STREAM: &str = include_str!("../../contrib/nginx/chrysalis-stream.conf");
/// Where Debian has the module for streams; elsewhere it is built in.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
const DEADLINE: Duration = Duration::from_secs(30);

/// A server, and what clients reach it through.
struct Front {
    server: TestServer,
    nginx: Child,
    tls: SocketAddr,
    client: Client,
    folder: TempDir,
}

impl Front {
    async fn start(names: &[&str], statements: &[&str]) -> Self {
        let [msnp, http, tls] = free_ports();
        let port = format!("@config advertise.msnp_port {}", msnp.port());
        let url = format!("@config advertise.http_url \"http://{http}\"");
        let mut all = vec![
            "@config proxy_protocol.msnp \"127.0.0.1\"",
            "@config web.trusted_proxies \"127.0.0.1\"",
            "@config advertise.host \"127.0.0.1\"",
            &port,
            &url,
        ];
        all.extend(statements);
        let mut server = TestServer::start(&fixture(names, &all)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (files, trust) = issue(&folder);
        let web = [
            ("listen 80;", format!("listen {http};")),
            ("listen 443 ssl;", format!("listen {tls} ssl;")),
            ("127.0.0.1:8080", server.addresses.http.to_string()),
            (
                "/etc/chrysalis/server.pem",
                files.certificate.display().to_string(),
            ),
            ("/etc/chrysalis/server.key", files.key.display().to_string()),
        ];
        let line = [
            ("listen 1863 ", format!("listen {msnp} ")),
            ("127.0.0.1:11863", server.addresses.msnp.to_string()),
        ];
        let path = folder.path();
        fs::write(path.join("http.conf"), with_other_ports(HTTP, &web)).unwrap();
        fs::write(path.join("stream.conf"), with_other_ports(STREAM, &line)).unwrap();
        fs::write(path.join("nginx.conf"), around(path)).unwrap();
        let nginx = Command::new("nginx")
            .arg("-p")
            .arg(path)
            .arg("-e")
            .arg(path.join("error.log"))
            .arg("-c")
            .arg(path.join("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .expect("there is an nginx");
        server.addresses = Addresses { msnp, http };
        let client = Client::new(&trust, TLS13);
        let front = Self {
            server,
            nginx,
            tls,
            client,
            folder,
        };
        let start = Instant::now();
        while TcpStream::connect(tls).await.is_err() {
            assert!(start.elapsed() < DEADLINE, "{}", front.log());
            sleep(Duration::from_millis(10)).await;
        }
        front
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

/// What stands around the two files in `nginx.conf`.
fn around(folder: &Path) -> String {
    let module = if Path::new(MODULE).exists() {
        format!("load_module {MODULE};\n")
    } else {
        String::new()
    };
    let folder = folder.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "{module}user root;\ndaemon off;\nmaster_process off;\npid {folder}/pid;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n  access_log off;\n{paths}  include {folder}/http.conf;\n}}\n\
         stream {{\n  include {folder}/stream.conf;\n}}\n"
    )
}

fn with_other_ports(text: &str, replaced: &[(&str, String)]) -> String {
    let mut text: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    for (shipped, by) in replaced {
        assert!(text.contains(shipped), "{shipped} is not in the example");
        text = text.replace(shipped, by);
    }
    text
}

fn free_ports() -> [SocketAddr; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs nginx with its module for streams"]
async fn clients_of_all_kinds_talk_through_nginx() {
    let front = Front::start(&["olive", "peter", "wendy", "gwen"], &[]).await;
    let at = front.server.addresses;
    // By MD5, by the Nexus, whose header names have to keep their spelling, and by SOAP.
    let mut olive = at.sign_in("olive", 7).await;
    let mut peter = at.sign_in("peter", 9).await;
    let mut wendy = at.sign_in("wendy", 18).await;
    let mut host = olive.open_room().await;
    let mut guest = peter.join(&mut host).await;
    let body = chat("through nginx");
    host.say("U", &body).await;
    guest.hears("olive", &body).await;
    wendy.expect_nothing().await;

    let mut browser = Browser::new(at.http);
    assert!(browser.get("/").await.has("Chrysalis"));
    let ask = b"GET / HTTP/1.1\r\nHost: nexus.passport.com\r\nConnection: close\r\n\r\n";
    let answer = front.client.ask(front.tls, "nexus.passport.com", ask).await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 200 "));

    // A poll waits until there is something, and hears of it at once.
    let gwen = gateway::sign_in(&front.server, "gwen").await;
    let mut parked = Wire::connect(at.http).await;
    parked.ask(&gwen.long_poll(), b"").await;
    let waits = |numbers: &Numbers| numbers.get("chrysalis_gateway_waiting_polls") == 1;
    Numbers::until(front.server.ops, "the wait", waits).await;
    let asked = Instant::now();
    host.sb
        .ask("CAL 50 gwen@example.com", "CAL 50 RINGING ")
        .await;
    let answer = parked.answer().await.unwrap();
    assert_eq!(lines(&answer).first().map(|it| &it[..3]), Some("RNG"));
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(front.log(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs nginx with its module for streams"]
async fn limits_are_about_the_clients_behind_nginx() {
    let settings = [
        "@config limits.connections_per_address 1",
        "@config gateway.same_address true",
    ];
    let front = Front::start(&["olive", "peter", "gwen"], &settings).await;
    let at = front.server.addresses;
    let first = connect(at.msnp, Some("127.0.0.5"), None, 7).await;
    let _olive = at.sign_in_over(first, "olive").await;
    let mut second = connect(at.msnp, Some("127.0.0.5"), None, 7).await;
    second.send(b"VER 1 MSNP7 CVR0\r\n").await;
    assert!(second.until_closed().await.is_empty());
    let other = connect(at.msnp, Some("127.0.0.6"), None, 7).await;
    let _peter = at.sign_in_over(other, "peter").await;
    // Whoever asks over the web is told apart, too.
    let gwen = gateway::sign_in(&front.server, "gwen").await;
    let mut elsewhere = Wire::connect_from(at.http, "127.0.0.7").await;
    let refused = elsewhere.post(&gwen.long_poll(), b"").await;
    assert_eq!(refused.status, 400);
}
