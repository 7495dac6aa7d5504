//! `SIGHUP`: what can be changed changes, what cannot is named, what is wrong changes nothing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::child::{ChildServer, folder};
use crate::support::passport::request;
use crate::support::people::connect;

const DEADLINE: Duration = Duration::from_secs(30);

/// Replaces a line of the settings.
fn edit(folder: &Path, line: &str, by: &str) {
    let path = folder.join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(line), "{text}");
    fs::write(path, text.replace(line, by)).unwrap();
}

/// What was logged so far.
fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

/// Sends the signal and waits until the log has this many lines with the words.
async fn reload(server: &ChildServer, folder: &Path, words: &str, times: usize) {
    server.signal("HUP");
    let start = Instant::now();
    while log(folder).matches(words).count() < times {
        assert!(start.elapsed() < DEADLINE, "{}", log(folder));
        sleep(Duration::from_millis(10)).await;
    }
}

/// A page. Where an address has only one connection, the one before may not be over for the server
/// when it is for the client; then there is no answer, and it is asked for again.
async fn page(server: &ChildServer, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n");
    let start = Instant::now();
    loop {
        let answer = request(server.at.http, &head).await.unwrap_or_default();
        if !answer.is_empty() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "no answer");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_changed_while_people_are_signed_in() {
    let folder = folder(&["olive", "peter"]);
    let path = folder.path();
    let settings = "web.name = \"Before\"\nregistration.mode = \"open\"\n\
                    web.redirect_hosts = []\nlimits.connections_per_address = 1000\n\
                    limits.connections = 2000\nlog.filter = \"info\"\n";
    let mut server = ChildServer::start(path, settings).await;
    let mut olive = server.at.sign_in("olive", 12).await;
    assert!(page(&server, "/").await.contains("Before"));
    assert!(page(&server, "/register").await.contains("<form"));
    let link = "/ppsecure/md5auth.srf?ru=http://photos.example/";
    assert!(page(&server, link).await.starts_with("HTTP/1.1 200 "));

    edit(path, "web.name = \"Before\"", "web.name = \"Afterwards\"");
    edit(
        path,
        "registration.mode = \"open\"",
        "registration.mode = \"closed\"",
    );
    edit(
        path,
        "redirect_hosts = []",
        "redirect_hosts = [\"photos.example\"]",
    );
    edit(path, "address = 1000", "address = 1");
    edit(path, "connections = 2000", "connections = 3000");
    edit(
        path,
        "log.filter = \"info\"",
        "log.filter = \"chrysalis=debug,info\"",
    );
    reload(&server, path, "the settings were reloaded", 1).await;

    assert!(page(&server, "/").await.contains("Afterwards"));
    assert!(
        !page(&server, "/register")
            .await
            .contains("name=\"address\"")
    );
    let answer = page(&server, link).await;
    assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
    let log_now = log(path);
    let restart = log_now.lines().filter(|it| it.contains("needs a restart"));
    let restart: Vec<&str> = restart.collect();
    assert_eq!(restart.len(), 1, "{log_now}");
    assert!(restart[0].contains("limits.connections\""), "{log_now}");
    // What is logged has changed, too.
    assert!(log(path).contains("DEBUG"), "{}", log(path));
    // Olive is there as before; her place is the only one that her network has now.
    olive.ns.expect_nothing().await;
    let mut peter = connect(server.at.msnp, None, None, 12).await;
    peter.send(b"VER 1 MSNP12 CVR0\r\n").await;
    assert!(peter.until_closed().await.is_empty());

    // A file with mistakes changes nothing, and every one of them is named.
    edit(
        path,
        "web.name = \"Afterwards\"",
        "web.name = 7\nlimits.room_members = 0",
    );
    reload(&server, path, "nothing was changed", 1).await;
    let log_now = log(path);
    assert!(log_now.contains("key=\"web.name\""), "{log_now}");
    assert!(log_now.contains("key=\"limits.room_members\""), "{log_now}");
    assert!(page(&server, "/").await.contains("Afterwards"));
    edit(
        path,
        "web.name = 7\nlimits.room_members = 0",
        "this is no TOML",
    );
    reload(&server, path, "nothing was changed", 2).await;
    assert!(page(&server, "/").await.contains("Afterwards"));

    // And it can be mended.
    edit(path, "this is no TOML", "web.name = \"At last\"");
    reload(&server, path, "the settings were reloaded", 2).await;
    assert!(page(&server, "/").await.contains("At last"));
    server.signal("TERM");
    drop((olive, peter));
    assert_eq!(server.ended().await.code(), Some(0));
}
