//! Same-length replacements for the names inside a client (`docs/protocol/24 §1.3`).
//!
//! A program is patched byte for byte, so what replaces a string has exactly its length. A short
//! host is made longer with a label in front, or, where the string ends in a path, with a longer
//! path; a long one cannot be made shorter. A name that is one byte short cannot be used either,
//! because a label and its dot take two.

use super::Server;
use super::server::literal;

/// A string inside a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original {
    /// What stands in the program.
    pub text: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    shape: Shape,
    /// What a label in front of the host is made from.
    label: &'static str,
}

/// What may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The name of the notification server.
    Messenger,
    /// A name on the web side, with what stands before it.
    Web(&'static str),
    /// A name on the web side and the path of the nexus.
    Nexus,
    /// The whole address of the configuration.
    Config,
}

/// What to put there, or why nothing fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The string, of the same length. `name` is the host in it: where it is not the server's
    /// own it has to be made known, in DNS or in the hosts file.
    Fits {
        /// What to write.
        text: String,
        /// The host in it.
        name: String,
    },
    /// No string of this length leads to this server.
    DoesNotFit {
        /// Why, in a sentence.
        why: String,
        /// Names below the same domain that would do; none if the domain is too long itself.
        instead: Vec<String>,
    },
}

const fn original(
    text: &'static str,
    purpose: &'static str,
    shape: Shape,
    label: &'static str,
) -> Original {
    Original {
        text,
        purpose,
        shape,
        label,
    }
}

/// The notification server, in every client.
pub(super) const MESSENGER: Original = original(
    "messenger.hotmail.com",
    "notification server",
    Shape::Messenger,
    "messenger",
);
/// The nexus with its path, before 7.5.
pub(super) const NEXUS_URL: Original = original(
    "nexus.passport.com/rdr/pprdr.asp",
    "sign-in, with its path",
    Shape::Nexus,
    "nexus",
);
/// The nexus without its path, up to 7.0.
pub(super) const NEXUS: Original = original(
    "nexus.passport.com",
    "sign-in, where it still stands alone",
    Shape::Web(""),
    "nexus",
);
/// The configuration, from 6.0 on.
pub(super) const CONFIG: Original = original(
    "http://config.messenger.msn.com/Config/MsgrConfig.asmx",
    "configuration",
    Shape::Config,
    "config",
);
/// The address book of 8.0 and 8.1.
pub(super) const ADDRESS_BOOK: Original = original(
    "byrdr.omega.contacts.msn.com",
    "address book",
    Shape::Web(""),
    "contacts",
);
/// Profiles of 8.0 and 8.1.
pub(super) const STORAGE: Original = original(
    "tkrdr.storage.msn.com",
    "profile and picture",
    Shape::Web(""),
    "storage",
);
/// Sending offline messages, 8.0 and 8.1.
pub(super) const OFFLINE: Original = original(
    "//ows.messenger.msn.com",
    "sending offline messages",
    Shape::Web("//"),
    "ows",
);
/// Fetching offline messages, 8.0 and 8.1.
pub(super) const MAIL: Original = original(
    "//rsi.hotmail.com",
    "fetching offline messages",
    Shape::Web("//"),
    "rsi",
);
/// The way through a proxy, in every client that has one.
pub(super) const GATEWAY: Original = original(
    "gateway.messenger.hotmail.com",
    "way through a proxy, optional",
    Shape::Web(""),
    "gateway",
);

/// All of them, longer ones before those that they contain.
pub const ORIGINALS: [Original; 9] = [
    CONFIG,
    NEXUS_URL,
    GATEWAY,
    ADDRESS_BOOK,
    OFFLINE,
    MESSENGER,
    STORAGE,
    NEXUS,
    MAIL,
];

/// The path below which the configuration really is.
const CONFIG_PATH: &str = "/Config/MsgrConfig.asmx";
/// Shorter names of the same, for hosts that leave no room for it. They are served as well.
pub const CONFIG_PATHS: [&str; 2] = ["/MsgrConfig.asmx", "/mc"];

/// The shortest host is one letter, so a path is at most this long behind its slash.
const LONGEST_NEXUS_PATH: usize = NEXUS_URL.text.len() - 2;

/// Every path of the nexus that a replacement may end in; the server answers below all of them.
pub fn nexus_paths() -> impl Iterator<Item = String> {
    (1..=LONGEST_NEXUS_PATH).map(|length| format!("/{}", word("nexus", length)))
}

/// How long a name may be that fits in place of each of these, with a label in front.
pub(super) fn longest_for_all(originals: &[Original]) -> usize {
    let rooms = originals.iter().map(|original| match original.shape {
        Shape::Messenger => original.text.len() - 2,
        Shape::Web(before) => original.text.len() - before.len() - 2,
        Shape::Nexus => LONGEST_NEXUS_PATH,
        Shape::Config => original.text.len() - "https://".len() - CONFIG_PATH.len(),
    });
    rooms.min().unwrap_or_default()
}

/// What replaces the string so that the client comes to this server.
pub fn replacement(original: &Original, server: &Server) -> Replacement {
    match original.shape {
        Shape::Messenger => with_label(original, "", &server.host),
        Shape::Web(before) => with_label(original, before, server.web_host()),
        Shape::Nexus => nexus(original, server.web_host()),
        Shape::Config => config(original, server),
    }
}

/// A label in front makes up for what is missing.
fn with_label(original: &Original, before: &str, host: &str) -> Replacement {
    let room = original.text.len() - before.len();
    if literal(host).is_some() {
        return no_address(host);
    }
    match padded(original.label, host, room) {
        Some(name) => Replacement::Fits {
            text: format!("{before}{name}"),
            name,
        },
        None => Replacement::DoesNotFit {
            why: format!(
                "{host} has {} characters. Here it takes a name of {room}, or of {} and fewer, which \
                 a label in front brings to {room}.",
                host.len(),
                room - 2,
            ),
            instead: names_for(original.label, host, room),
        },
    }
}

/// The host, or the host behind a label, with this many characters.
fn padded(label: &str, host: &str, length: usize) -> Option<String> {
    match length.checked_sub(host.len())? {
        0 => Some(host.to_owned()),
        // A dot alone is no label.
        1 => None,
        missing => Some(format!("{}.{host}", word(label, missing - 1))),
    }
}

/// The beginning of a word, or the word and letters behind it.
fn word(start: &str, length: usize) -> String {
    start
        .chars()
        .chain(std::iter::repeat('x'))
        .take(length)
        .collect()
}

/// Names with room to spare, below the domains that the host is in.
fn names_for(label: &str, host: &str, room: usize) -> Vec<String> {
    let mut parents = Vec::new();
    let mut rest = host;
    while let Some((_, parent)) = rest.split_once('.') {
        // Nobody can have a name right below a top-level domain for the asking.
        if parent.contains('.') {
            parents.push(parent);
        }
        rest = parent;
    }
    let names = parents.into_iter();
    let names = names.filter_map(|parent| padded(label, parent, room));
    names.take(2).collect()
}

fn no_address(host: &str) -> Replacement {
    Replacement::DoesNotFit {
        why: format!(
            "{host} is an address, which cannot be made longer. Give this server a name (advertise.host)."
        ),
        instead: Vec::new(),
    }
}

/// The path makes up for what is missing; the exact one if it happens to fit.
fn nexus(original: &Original, host: &str) -> Replacement {
    if literal(host).is_some() {
        return no_address(host);
    }
    let room = original.text.len();
    let (_, path) = original.text.split_once('/').unwrap_or_default();
    let name = host.to_owned();
    match room.checked_sub(host.len() + 1) {
        Some(length) if length == path.len() => Replacement::Fits {
            text: format!("{host}/{path}"),
            name,
        },
        Some(length) if (1..=LONGEST_NEXUS_PATH).contains(&length) => Replacement::Fits {
            text: format!("{host}/{}", word("nexus", length)),
            name,
        },
        _ => Replacement::DoesNotFit {
            why: format!(
                "{host} has {} characters, and here a name may have {}.",
                host.len(),
                room - 2
            ),
            instead: names_for("nexus", host, NEXUS.text.len()),
        },
    }
}

/// A query makes up for what is missing, which the server does not look at.
fn config(original: &Original, server: &Server) -> Replacement {
    let room = original.text.len();
    let name = server.web_host().to_owned();
    let fitting = std::iter::once(CONFIG_PATH)
        .chain(CONFIG_PATHS)
        .find_map(|path| {
            let missing = room.checked_sub(server.web.len() + path.len())?;
            Some(format!("{}{path}{}", server.web, query(missing)))
        });
    match fitting {
        Some(text) => Replacement::Fits { text, name },
        None => {
            let shortest = CONFIG_PATHS.iter().map(|path| path.len()).min();
            let longest = room - shortest.unwrap_or_default();
            Replacement::DoesNotFit {
                why: format!(
                    "{} has {} characters, and here it may have {longest}.",
                    server.web,
                    server.web.len(),
                ),
                instead: names_for("config", &name, ADDRESS_BOOK.text.len()),
            }
        }
    }
}

/// A query of this length, question mark included.
fn query(length: usize) -> String {
    const NAME: &str = "?padding=";
    if length > NAME.len() {
        format!("{NAME}{}", "q".repeat(length - NAME.len()))
    } else {
        "?qqqqqqqq".chars().take(length).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lengths as the reference states them.
    const LENGTHS: [(Original, usize); 9] = [
        (MESSENGER, 21),
        (NEXUS, 18),
        (NEXUS_URL, 32),
        (CONFIG, 54),
        (ADDRESS_BOOK, 28),
        (STORAGE, 21),
        (OFFLINE, 23),
        (MAIL, 17),
        (GATEWAY, 29),
    ];

    fn server(host: &str) -> Server {
        Server {
            host: host.to_owned(),
            msnp_port: 1863,
            web: format!("https://{host}"),
            https: None,
            address: None,
            has_ca: false,
        }
    }

    fn text(original: &Original, host: &str) -> Option<String> {
        match replacement(original, &server(host)) {
            Replacement::Fits { text, .. } => Some(text),
            Replacement::DoesNotFit { .. } => None,
        }
    }

    fn is_lawful(name: &str) -> bool {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        name.len() <= 253 && name.split('.').all(is_label)
    }

    /// Names of any length, with two labels and more.
    fn hosts() -> impl Strategy<Value = String> {
        "[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?){0,3}\\.[a-z]{2,8}"
    }

    #[test]
    fn the_originals_have_the_lengths_of_the_reference_and_no_shorter_one_comes_first() {
        for (original, length) in LENGTHS {
            assert_eq!(original.text.len(), length, "{}", original.text);
            assert!(ORIGINALS.contains(&original));
        }
        for (at, original) in ORIGINALS.iter().enumerate() {
            let earlier = ORIGINALS.iter().take(at);
            let is_spoilt = earlier.filter(|it| original.text.contains(it.text)).count();
            assert_eq!(is_spoilt, 0, "{}", original.text);
        }
    }

    #[test]
    fn strings_for_a_known_host() {
        let strings: Vec<String> = ORIGINALS
            .iter()
            .map(|it| text(it, "ab12cd.net").unwrap())
            .collect();
        assert_eq!(
            strings,
            [
                "https://ab12cd.net/Config/MsgrConfig.asmx?padding=qqqq",
                "ab12cd.net/nexusxxxxxxxxxxxxxxxx",
                "gatewayxxxxxxxxxxx.ab12cd.net",
                "contactsxxxxxxxxx.ab12cd.net",
                "//owsxxxxxxx.ab12cd.net",
                "messengerx.ab12cd.net",
                "storagexxx.ab12cd.net",
                "nexusxx.ab12cd.net",
                "//rsix.ab12cd.net",
            ]
        );
    }

    #[test]
    fn a_host_of_the_right_length_is_used_as_it_is() {
        assert_eq!(
            text(&NEXUS, "nexus.passport.net").unwrap(),
            "nexus.passport.net"
        );
        let whole = text(&NEXUS_URL, "nexus.passport.net").unwrap();
        assert_eq!(whole, "nexus.passport.net/rdr/pprdr.asp");
        let config = text(&CONFIG, "msn.passport.longer.net").unwrap();
        assert_eq!(
            config,
            "https://msn.passport.longer.net/Config/MsgrConfig.asmx"
        );
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let long = server("messenger.of-my-own.example.net");
        let Replacement::DoesNotFit { why, instead } = replacement(&MESSENGER, &long) else {
            panic!("it does not fit");
        };
        assert!(why.contains("has 31 characters"), "{why}");
        assert_eq!(instead, ["of-my-own.example.net", "messenger.example.net"]);
        // One byte short is as bad as too long.
        assert_eq!(text(&MESSENGER, "twenty.characters.xy"), None);
        assert!(text(&MESSENGER, "nineteen.chars.abcd").is_some());
        assert_eq!(text(&MESSENGER, "192.168.100.200"), None);
        assert_eq!(text(&NEXUS_URL, "192.168.100.200"), None);
    }

    #[test]
    fn every_path_of_the_nexus_is_there_once() {
        let paths: Vec<String> = nexus_paths().collect();
        assert_eq!(paths.first().unwrap(), "/n");
        assert_eq!(paths.last().unwrap().len(), NEXUS_URL.text.len() - 1);
        let distinct: std::collections::BTreeSet<&String> = paths.iter().collect();
        assert_eq!(distinct.len(), paths.len());
    }

    proptest! {
        #[test]
        fn a_replacement_has_the_length_of_what_it_replaces_and_a_lawful_name(host in hosts()) {
            for original in ORIGINALS {
                let Replacement::Fits { text, name } = replacement(&original, &server(&host)) else {
                    continue;
                };
                prop_assert_eq!(text.len(), original.text.len());
                prop_assert!(is_lawful(&name), "{}", name);
                let is_below = name.strip_suffix(&host).is_some_and(|label| label.ends_with('.'));
                prop_assert!(name == host || is_below);
                prop_assert!(text.contains(&name));
                prop_assert!(text.bytes().all(|b| b.is_ascii_graphic()));
            }
        }

        #[test]
        fn a_host_is_refused_only_where_nothing_can_fit(host in hosts()) {
            for original in [MESSENGER, NEXUS, ADDRESS_BOOK, STORAGE, GATEWAY] {
                let room = original.text.len();
                let can_fit = host.len() == room || host.len() + 2 <= room;
                prop_assert_eq!(text(&original, &host).is_some(), can_fit);
            }
            for original in [OFFLINE, MAIL] {
                let room = original.text.len() - 2;
                let can_fit = host.len() == room || host.len() + 2 <= room;
                prop_assert_eq!(text(&original, &host).is_some(), can_fit);
            }
            prop_assert_eq!(text(&NEXUS_URL, &host).is_some(), host.len() <= 30);
            prop_assert_eq!(text(&CONFIG, &host).is_some(), host.len() <= 54 - 8 - 3);
        }

        #[test]
        fn a_nexus_string_ends_in_a_path_that_is_served(host in hosts()) {
            if let Some(text) = text(&NEXUS_URL, &host) {
                let path = &text[host.len()..];
                prop_assert!(path == "/rdr/pprdr.asp" || nexus_paths().any(|it| it == path));
            }
        }

        #[test]
        fn the_names_that_would_do_really_do(host in hosts()) {
            for original in ORIGINALS {
                let Replacement::DoesNotFit { instead, .. } = replacement(&original, &server(&host))
                else {
                    continue;
                };
                for name in instead {
                    prop_assert!(is_lawful(&name));
                    prop_assert!(text(&original, &name).is_some(), "{} for {}", name, original.text);
                }
            }
        }
    }
}
