//! `chrysalis client-setup`, run as a program of its own in a temporary folder.

use std::path::Path;
use std::process::{Command, Output};

use chrysalis::guide::CLIENTS;

/// The status, standard output and standard error of a run.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_chrysalis"))
        .arg("client-setup")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn all_clients_are_listed_and_each_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (code, list, _) = run(folder.path(), &["--list"]);
    assert_eq!(code, Some(0));
    for client in CLIENTS {
        assert!(list.contains(&format!("  {} ", client.key)), "{list}");
        let (code, out, err) = run(folder.path(), &[client.key, "--host", "192.0.2.7"]);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.starts_with(client.name), "{out}");
    }
}

#[test]
fn the_files_are_saved_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "msn-6",
        "--system",
        "xp",
        "--host",
        "192.0.2.7",
        "--write",
        "files",
    ];
    let (code, out, err) = run(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("192.0.2.7\tmessenger.hotmail.com"), "{out}");
    assert!(out.contains("wrote files"), "{out}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join("files").join(name));
    assert!(
        read("hosts-lines.txt")
            .unwrap()
            .contains("nexus.passport.com\r\n")
    );
    assert!(
        read("forget-server.reg")
            .unwrap()
            .starts_with("REGEDIT4\r\n")
    );
    let ini = read("msnmsgr.exe-escargot.ini").unwrap();
    assert!(ini.contains("server = 192.0.2.7\r\n"), "{ini}");
    assert!(!folder.path().join("data").exists(), "it opens no database");
}

#[test]
fn what_cannot_be_explained_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |arguments: &[&str], expected: i32, words: &str| {
        let (code, out, err) = run(folder.path(), arguments);
        assert_eq!(code, Some(expected), "{out}{err}");
        assert_eq!(out, "");
        assert!(err.contains(words), "{err}");
    };
    fails(&["icq"], 2, "--list");
    fails(&[], 2, "CLIENT");
    fails(&["msn-6", "--system", "beos"], 2, "win2000");
    fails(&["msn-6", "--system", "mac"], 1, "it runs on: xp, win9x");
    fails(&["msn-6", "--host", "a b"], 2, "host name");
    let everywhere = "listen.msnp = \"0.0.0.0:1863\"\n";
    std::fs::write(folder.path().join("config.toml"), everywhere).unwrap();
    fails(&["msn-6"], 1, "--host");
}
