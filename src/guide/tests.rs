//! Every guide as it was reviewed, for hosts that fit in different ways.

use std::collections::BTreeSet;

use super::*;

/// A name that leaves room everywhere, one that has the length of a string inside clients, and one
/// that is longer than most.
const HOSTS: [&str; 3] = [
    "ab12cd.net",
    "messenger.example.net",
    "messenger.of-my-own-friends.example.net",
];

fn server(host: &str) -> Server {
    Server {
        host: host.to_owned(),
        msnp_port: 1863,
        web: format!("https://{host}"),
        https: Some(Https {
            port: 443,
            age: TlsAge::Unknown,
        }),
        address: Some([192, 0, 2, 10].into()),
        has_ca: true,
    }
}

fn all() -> impl Iterator<Item = (&'static Client, System)> {
    let systems = |client: &'static Client| client.systems.iter().map(move |&it| (client, it));
    CLIENTS.iter().flat_map(systems)
}

/// The first host's guide as a whole, and of the others what differs.
#[test]
fn the_guides_are_as_reviewed() {
    for client in CLIENTS {
        let system = client.usual_system();
        let [first, others @ ..] = HOSTS.map(|host| guide(client, system, &server(host)));
        let first = first.to_string();
        let known: BTreeSet<&str> = first.lines().collect();
        let mut text = first.clone();
        for (other, host) in others.iter().zip(&HOSTS[1..]) {
            text.push_str(&format!("\n---- {host}\n"));
            for line in other.to_string().lines().filter(|it| !known.contains(it)) {
                text.push_str(&format!("{line}\n"));
            }
        }
        insta::assert_snapshot!(format!("guide_{}", client.key), text);
    }
}

#[test]
fn files_have_safe_names_and_plain_contents() {
    for (client, system) in all() {
        let guide = guide(client, system, &server(HOSTS[0]));
        let mut names = BTreeSet::new();
        for file in guide.files() {
            let is_safe =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
            assert!(file.name.bytes().all(is_safe), "{}", file.name);
            assert!(names.insert(file.name), "{} twice", file.name);
            assert!(file.contents.is_ascii(), "{}", file.name);
            assert!(file.contents.ends_with("\r\n"), "{}", file.name);
            let bare = file.contents.replace("\r\n", "");
            assert!(!bare.contains(['\r', '\n']), "{}", file.name);
        }
    }
}

#[test]
fn what_can_work_has_steps_and_what_cannot_has_none() {
    for (client, system) in all() {
        let guide = guide(client, system, &server(HOSTS[0]));
        let is_possible = client.standing != Standing::Impossible;
        assert_eq!(!guide.steps.is_empty(), is_possible, "{}", client.key);
        for step in &guide.steps {
            assert!(!step.parts.is_empty(), "{}: {}", client.key, step.title);
        }
    }
}

#[test]
fn the_registry_files_are_whole() {
    let named = |key: &str, name: &str| {
        let client = Client::named(key).unwrap();
        let mut odd = server("ab12cd.net");
        odd.msnp_port = 1864;
        let guide = guide(client, System::WindowsXp, &odd);
        let file = guide.files().find(|it| it.name == name).cloned();
        file.unwrap().contents
    };
    assert_eq!(
        named("msn-3", "server.reg"),
        "REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\Software\\Microsoft\\MessengerService]\r\n\
         \"Server\"=\"ab12cd.net:1864\"\r\n"
    );
    assert_eq!(
        named("msn-6", "forget-server.reg"),
        "REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\Software\\Microsoft\\MSNMessenger]\r\n\"Server\"=-\r\n"
    );
    assert_eq!(
        named("wlm-2009", "wlcomm.exe-escargot.ini"),
        "[options]\r\nserver = ab12cd.net\r\ntype = msn\r\n"
    );
}

#[test]
fn hosts_lines_are_in_the_form_and_the_place_of_the_system() {
    let text = |system| {
        let client = Client::named("msn-6").unwrap();
        guide(client, system, &server(HOSTS[0])).to_string()
    };
    assert!(text(System::Windows9x).contains(r"C:\WINDOWS\HOSTS (without"));
    assert!(text(System::Windows2000).contains(r"C:\WINNT\system32\drivers\etc\hosts"));
    assert!(text(System::WindowsXp).contains("192.0.2.10\tmessenger.hotmail.com"));
    let old_mac = Client::named("mac-1").unwrap();
    let text = guide(old_mac, System::MacClassic, &server(HOSTS[0])).to_string();
    assert!(
        text.contains("messenger.hotmail.com. A 192.0.2.10"),
        "{text}"
    );
    assert!(text.contains("; Messenger: begin."), "{text}");
}

#[test]
fn without_an_address_the_names_are_listed_and_how_to_find_it() {
    let unknown = Server {
        address: None,
        ..server(HOSTS[0])
    };
    let client = Client::named("msn-6").unwrap();
    let guide = guide(client, System::WindowsXp, &unknown);
    let mut parts = guide.steps.iter().flat_map(|step| &step.parts);
    let is_said = |text: &str| text.contains("\"ping ab12cd.net\" shows");
    assert!(parts.any(|part| matches!(part, Part::Text(text) if is_said(text))));
    assert!(guide.files().all(|file| file.name != "hosts-lines.txt"));
}

#[test]
fn the_certificate_is_offered_only_where_there_is_one_and_somebody_asks() {
    let offers = |key: &str, server: &Server| {
        let client = Client::named(key).unwrap();
        let guide = guide(client, client.usual_system(), server);
        let parts = guide.steps.iter().flat_map(|step| &step.parts);
        parts
            .filter(|part| matches!(part, Part::Link { path, .. } if *path == "/connect/ca.cer"))
            .count()
    };
    let whole = server(HOSTS[0]);
    assert_eq!(offers("msn-7.5", &whole), 1);
    assert_eq!(offers("msn-3", &whole), 0);
    let without = Server {
        has_ca: false,
        ..whole.clone()
    };
    assert_eq!(offers("msn-7.5", &without), 0);
    let plain = Server {
        https: None,
        ..whole
    };
    assert_eq!(offers("msn-7.5", &plain), 0);
}

#[test]
fn what_stands_in_the_way_is_said_first() {
    let warnings = |key: &str, change: fn(&mut Server)| {
        let mut server = server(HOSTS[0]);
        change(&mut server);
        let client = Client::named(key).unwrap();
        guide(client, System::Windows10, &server)
            .warnings
            .join("\n")
    };
    assert_eq!(warnings("wlm-2009", |_| ()), "");
    let here = warnings("msn-3", |it| it.host = "127.0.0.1".to_owned());
    assert!(here.contains("Only the machine"), "{here}");
    assert!(here.contains("advertise.host"), "{here}");
    let inside = warnings("msn-3", |it| it.host = "192.168.1.5".to_owned());
    assert!(
        inside.contains("only machines on its own network"),
        "{inside}"
    );
    let plain = warnings("wlm-2009", |it| it.https = None);
    assert!(plain.contains("has none"), "{plain}");
    let odd = warnings("wlm-2009", |it| {
        it.https = Some(Https {
            port: 8443,
            age: TlsAge::Modern,
        });
    });
    assert!(odd.contains("listens for it at 8443"), "{odd}");
    let odd = warnings("wlm-2009", |it| it.msnp_port = 1864);
    assert!(odd.contains("no other port than 1863"), "{odd}");
    assert_eq!(warnings("msn-3", |it| it.msnp_port = 1864), "");
}

#[test]
fn old_systems_are_told_whether_this_server_still_speaks_with_them() {
    let warnings = |age, system| {
        let server = Server {
            https: Some(Https { port: 443, age }),
            ..server(HOSTS[0])
        };
        let client = Client::named("wlm-8.1").unwrap();
        guide(client, system, &server).warnings.join("\n")
    };
    assert_eq!(warnings(TlsAge::Old, System::WindowsXp), "");
    assert!(warnings(TlsAge::Modern, System::WindowsXp).contains("[legacy_tls]"));
    assert!(warnings(TlsAge::Unknown, System::WindowsXp).contains("80072F7D"));
    for age in [TlsAge::Old, TlsAge::Modern, TlsAge::Unknown] {
        assert_eq!(warnings(age, System::Windows10), "");
    }
}
