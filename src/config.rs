//! Settings: types, defaults, reading and checking.
//!
//! Settings come from a TOML file and from the environment, where `CHRYSALIS__LISTEN__MSNP` is
//! `listen.msnp`; the environment wins. Every problem is found in one run and named by its
//! dotted key, unknown keys included. To that end one function, `visit`, states each key once
//! with its kind and range; reading, the list of known keys and the printed form all follow
//! from it, so that they cannot disagree. A `Config` that [`Config::load`] returned is checked.

mod differences;
mod encryption;
mod gateway;
mod limits;
mod pages;
mod values;
mod visitor;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::{Table, Value};

pub use encryption::{LegacyTls, Tls};
pub use gateway::Gateway;
pub use limits::Limits;
pub use pages::{Tab, TextAd};
use values::{
    read_filter, read_format, read_host, read_host_and_port, read_host_name, read_mode,
    read_network, read_origin, read_path, read_port, read_socket, read_title, read_url, text_value,
};
use visitor::{Fewest, Visitor};

/// What every environment variable that is a setting begins with.
const ENVIRONMENT_PREFIX: &str = "CHRYSALIS__";
/// The environment variable that names the file, where the command line does not.
const FILE_VARIABLE: &str = "CHRYSALIS_CONFIG";
/// The file that is read, if it is there, when nothing names one.
const FILE_BY_DEFAULT: &str = "config.toml";

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder of the database.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: Listen,
    /// Proxies in front of those addresses.
    pub proxy_protocol: ProxyProtocol,
    /// What to tell clients about where to connect.
    pub advertise: Advertise,
    /// Encryption on the web side.
    pub tls: Tls,
    /// Encryption for old clients.
    pub legacy_tls: LegacyTls,
    /// Passwords and tickets.
    pub auth: Auth,
    /// What the web side does for people.
    pub web: Web,
    /// Who may make an account there.
    pub registration: Registration,
    /// The same as over TCP, for clients that only have HTTP.
    pub gateway: Gateway,
    /// How much of everything is allowed.
    pub limits: Limits,
    /// Logging.
    pub log: Log,
    /// Pages that clients show beside the contact list; none hides the bar of tabs.
    pub tabs: Vec<Tab>,
    /// Lines of text that clients show at its foot, one at a time; none shows nothing.
    pub text_ads: Vec<TextAd>,
}

/// Addresses to listen on. Port 0 lets the system choose one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Notification server and switchboard; at least one.
    pub msnp: Vec<SocketAddr>,
    /// Addresses that do nothing but refer a client to a notification server. Some clients
    /// cannot sign in without such a step (`docs/protocol/25 §3`).
    pub dispatch: Vec<SocketAddr>,
    /// Sign-in and other services over HTTP; at least one.
    pub http: Vec<SocketAddr>,
    /// Health and metrics; none switches them off.
    pub ops: Vec<SocketAddr>,
}

/// The PROXY protocol, in which a proxy says whose connection it hands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyProtocol {
    /// Networks from which every connection for MSNP begins with its header; from nowhere else it
    /// is read.
    pub msnp: Vec<IpNet>,
    /// The same for the web side. The two differ: the usual web proxies forward requests, and say
    /// in those who asks.
    pub http: Vec<IpNet>,
}

/// What answers name as this server. Where nothing is set, a client is told the address it
/// connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertise {
    /// Host name or IPv4 address, never an IPv6 literal: clients split `host:port` at the first
    /// colon (`docs/protocol/00 §2`).
    pub host: Option<String>,
    /// Port of notification server and switchboard as clients reach it.
    pub msnp_port: Option<u16>,
    /// Absolute `http` or `https` address of the web services, without a path or closing slash.
    pub http_url: Option<String>,
    /// The notification servers, each `host:port`, that dispatch addresses refer to; none means
    /// this server.
    pub notification: Vec<String>,
}

/// Passwords, tickets and challenges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Memory of one password hash, in KiB.
    pub argon2_memory_kib: u32,
    /// Passes over that memory.
    pub argon2_iterations: u32,
    /// How many passwords are hashed at the same time.
    pub hash_threads: usize,
    /// How long a sign-in ticket is good for.
    pub ticket_minutes: u32,
    /// How many hours the tickets of the token service are good for, which clients show to every
    /// other service as long as they stay signed in.
    pub token_hours: u32,
    /// Whether the first 16 characters of a longer password sign in too, for clients that cut
    /// there (`docs/protocol/25 §6`).
    pub accept_first_16: bool,
    /// Whether a ticket signs in without the proof that its key is held, for clients whose sign-in
    /// library was replaced (`docs/protocol/10 §1.3`, `24 §1.5`).
    pub accept_bare_tickets: bool,
    /// Whether a client that answers a challenge with an unknown product id is sent away.
    pub refuse_unknown_clients: bool,
}

/// The web side, as far as it is about people and their browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// What the pages call this server.
    pub name: String,
    /// Networks of proxies whose word about who asks, and by which scheme, is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Hosts that a browser may be sent on to after a sign-on, besides this server
    /// (`docs/protocol/11 §6`).
    pub redirect_hosts: Vec<String>,
    /// Origins, or `*`, whose pages may call the gateway from a browser.
    pub cors_origins: Vec<String>,
}

/// Who may make an account on the pages for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Everybody, whoever has a code, or nobody.
    pub mode: RegistrationMode,
    /// What an address may end with, behind its `@`; empty for anything.
    pub domains: Vec<String>,
    /// Accounts that one network may make in an hour.
    pub per_hour: u32,
    /// Accounts that may be made in an hour altogether.
    pub per_hour_everywhere: u32,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Everybody.
    Open,
    /// Whoever has a code from an administrator.
    Invitation,
    /// Nobody; accounts are made at the command line.
    Closed,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// Which events are written, as `tracing` filter directives.
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            listen: Listen::default(),
            proxy_protocol: ProxyProtocol::default(),
            advertise: Advertise::default(),
            tls: Tls::default(),
            legacy_tls: LegacyTls::default(),
            auth: Auth::default(),
            web: Web::default(),
            registration: Registration::default(),
            gateway: Gateway::default(),
            limits: Limits::default(),
            log: Log::default(),
            tabs: Vec::new(),
            text_ads: Vec::new(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            msnp: vec![SocketAddr::from(([127, 0, 0, 1], 1863))],
            dispatch: Vec::new(),
            http: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            ops: vec![SocketAddr::from(([127, 0, 0, 1], 9463))],
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            argon2_memory_kib: 19_456,
            argon2_iterations: 2,
            hash_threads: 2,
            ticket_minutes: 10,
            token_hours: 24,
            accept_first_16: true,
            accept_bare_tickets: false,
            refuse_unknown_clients: false,
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            name: "Chrysalis".to_owned(),
            trusted_proxies: Vec::new(),
            redirect_hosts: Vec::new(),
            cors_origins: Vec::new(),
        }
    }
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            mode: RegistrationMode::Open,
            domains: Vec::new(),
            per_hour: 10,
            per_hour_everywhere: 500,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The dotted key, or the name of the file.
    pub name: String,
    /// What is wrong and how to mend it.
    pub text: String,
}

impl Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.text)
    }
}

impl Config {
    /// Reads the settings from a file and the environment.
    ///
    /// Without a `path` the file is what `CHRYSALIS_CONFIG` names, else `config.toml` in the
    /// current folder if there is one. A file that was named must be there.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let file = read_file(path, &mut problems);
        Self::from_sources(file, environment(), problems)
    }

    /// The file of the database.
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("chrysalis.db")
    }

    fn from_sources(
        file: Table,
        environment: BTreeMap<String, String>,
        problems: Vec<Problem>,
    ) -> Result<Self, ConfigErrors> {
        let mut config = Self::default();
        let mut visitor = Visitor::new(file, environment, problems);
        visit(&mut config, &mut visitor);
        visitor.report_unknown();
        check_together(&config, &mut visitor.problems);
        if visitor.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors {
                problems: visitor.problems,
            })
        }
    }
}

/// What is in force, as a TOML file that says the same. Optional keys without a value are left
/// out.
impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut visitor = Visitor::default();
        visit(&mut self.clone(), &mut visitor);
        f.write_str(&visitor.in_force)
    }
}

/// Every key, its kind and its range.
fn visit(config: &mut Config, v: &mut Visitor) {
    v.value("data_dir", &mut config.data_dir, read_path, |path| {
        text_value(&path.to_string_lossy())
    });

    let listen = &mut config.listen;
    v.section("listen");
    v.list("msnp", &mut listen.msnp, read_socket, Fewest::One);
    v.list("dispatch", &mut listen.dispatch, read_socket, Fewest::None);
    v.list("http", &mut listen.http, read_socket, Fewest::One);
    v.list("ops", &mut listen.ops, read_socket, Fewest::None);

    v.section("proxy_protocol");
    let proxies = &mut config.proxy_protocol;
    v.list("msnp", &mut proxies.msnp, read_network, Fewest::None);
    v.list("http", &mut proxies.http, read_network, Fewest::None);

    let advertise = &mut config.advertise;
    v.section("advertise");
    v.optional("host", &mut advertise.host, read_host, |it| text_value(it));
    v.optional("msnp_port", &mut advertise.msnp_port, read_port, |it| {
        Value::from(i64::from(*it))
    });
    v.optional("http_url", &mut advertise.http_url, read_url, |it| {
        text_value(it)
    });
    v.list(
        "notification",
        &mut advertise.notification,
        read_host_and_port,
        Fewest::None,
    );

    encryption::visit(config, v);

    let auth = &mut config.auth;
    v.section("auth");
    // Argon2 needs 8 KiB; beyond 1 GiB a few sign-ins would exhaust any machine.
    v.number(
        "argon2_memory_kib",
        &mut auth.argon2_memory_kib,
        8..=1_048_576,
    );
    v.number("argon2_iterations", &mut auth.argon2_iterations, 1..=100);
    v.number("hash_threads", &mut auth.hash_threads, 1..=256);
    v.number("ticket_minutes", &mut auth.ticket_minutes, 1..=1_440);
    v.number("token_hours", &mut auth.token_hours, 1..=720);
    v.flag("accept_first_16", &mut auth.accept_first_16);
    v.flag("accept_bare_tickets", &mut auth.accept_bare_tickets);
    v.flag("refuse_unknown_clients", &mut auth.refuse_unknown_clients);

    v.section("web");
    v.value("name", &mut config.web.name, read_title, |it| {
        text_value(it)
    });
    let proxies = &mut config.web.trusted_proxies;
    v.list("trusted_proxies", proxies, read_network, Fewest::None);
    let redirect_hosts = &mut config.web.redirect_hosts;
    v.list(
        "redirect_hosts",
        redirect_hosts,
        read_host_name,
        Fewest::None,
    );
    let cors_origins = &mut config.web.cors_origins;
    v.list("cors_origins", cors_origins, read_origin, Fewest::None);

    let registration = &mut config.registration;
    v.section("registration");
    v.value("mode", &mut registration.mode, read_mode, |mode| {
        text_value(match mode {
            RegistrationMode::Open => "open",
            RegistrationMode::Invitation => "invitation",
            RegistrationMode::Closed => "closed",
        })
    });
    let domains = &mut registration.domains;
    v.list("domains", domains, read_host_name, Fewest::None);
    v.number("per_hour", &mut registration.per_hour, 1..=100_000);
    v.number(
        "per_hour_everywhere",
        &mut registration.per_hour_everywhere,
        1..=1_000_000,
    );

    config.gateway.visit(v);

    config.limits.visit(v);

    let log = &mut config.log;
    v.section("log");
    v.value("format", &mut log.format, read_format, |format| {
        text_value(match format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    });
    v.value("filter", &mut log.filter, read_filter, |it| text_value(it));

    v.blocks("tabs", &mut config.tabs);
    v.blocks("text_ads", &mut config.text_ads);
}

/// A limit that only has to be there and fit any machine's numbers.
const MANY: RangeInclusive<i64> = 1..=1_000_000;
/// A deadline: up to a day.
const SECONDS: RangeInclusive<i64> = 1..=86_400;

/// What only shows when two settings are seen together.
fn check_together(config: &Config, problems: &mut Vec<Problem>) {
    let listen = &config.listen;
    let mut taken: BTreeMap<SocketAddr, &str> = BTreeMap::new();
    for (name, addresses) in [
        ("listen.msnp", &listen.msnp),
        ("listen.dispatch", &listen.dispatch),
        ("listen.http", &listen.http),
        ("listen.ops", &listen.ops),
        ("legacy_tls.listen", &config.legacy_tls.listen),
    ] {
        // Port 0 is a different port every time.
        for &address in addresses.iter().filter(|address| address.port() != 0) {
            if let Some(other) = taken.insert(address, name) {
                problems.push(Problem {
                    name: name.to_owned(),
                    text: format!("{address} is in {other} already; give it another port"),
                });
            }
        }
    }
    encryption::check_together(config, problems);
}

fn read_file(path: Option<&Path>, problems: &mut Vec<Problem>) -> Table {
    let named = path
        .map(Path::to_path_buf)
        .or_else(|| std::env::var_os(FILE_VARIABLE).map(PathBuf::from));
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| PathBuf::from(FILE_BY_DEFAULT));
    let mut fail = |text| {
        problems.push(Problem {
            name: path.display().to_string(),
            text,
        });
        Table::new()
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => text.parse().unwrap_or_else(|error: toml::de::Error| {
            fail(format!("not a TOML file\n{}", error.to_string().trim_end()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Table::new(),
        Err(error) => fail(format!("cannot be read: {error}")),
    }
}

/// The settings in the environment, by dotted key. What is no text cannot be a setting; its
/// replacement characters make it fail under its own name.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(variable, value)| {
            let name = variable.to_str()?.strip_prefix(ENVIRONMENT_PREFIX)?;
            Some((key_of(name), value.to_string_lossy().into_owned()))
        })
        .collect()
}

fn key_of(variable: &str) -> String {
    variable.to_ascii_lowercase().replace("__", ".")
}

fn variable_of(name: &str) -> String {
    let name = name.replace('.', "__").to_ascii_uppercase();
    format!("{ENVIRONMENT_PREFIX}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../config.example.toml");

    fn read(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let environment = environment
            .iter()
            .map(|(variable, value)| {
                let name = variable.strip_prefix(ENVIRONMENT_PREFIX).unwrap();
                (key_of(name), (*value).to_owned())
            })
            .collect();
        Config::from_sources(file.parse().unwrap(), environment, Vec::new())
    }

    fn names(result: Result<Config, ConfigErrors>) -> Vec<String> {
        let errors = result.unwrap_err();
        errors.problems.into_iter().map(|it| it.name).collect()
    }

    fn only_problem(file: &str) -> String {
        let errors = read(file, &[]).unwrap_err();
        assert_eq!(errors.problems.len(), 1, "{errors}");
        errors.problems[0].to_string()
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        assert_eq!(read("", &[]), Ok(Config::default()));
    }

    #[test]
    fn the_example_says_what_the_defaults_say() {
        assert_eq!(read(EXAMPLE, &[]), Ok(Config::default()));
    }

    #[test]
    fn the_example_has_every_key_and_with_the_optional_ones_filled_in_too() {
        let mut visitor = Visitor::default();
        visit(&mut Config::default(), &mut visitor);
        let mut section = "";
        let mut shown = Vec::new();
        let mut filled_in = String::new();
        for line in EXAMPLE.lines() {
            let setting = line.strip_prefix("# ").unwrap_or(line);
            let is_head = setting.starts_with('[') && setting.ends_with(']');
            if is_head {
                section = setting.trim_matches(['[', ']']);
            }
            let key = setting.split(" = ").next().unwrap();
            let is_setting = setting.contains(" = ") && !key.contains(' ');
            if is_setting {
                let dot = if section.is_empty() { "" } else { "." };
                shown.push(format!("{section}{dot}{key}"));
            }
            filled_in.push_str(if is_setting || is_head { setting } else { line });
            filled_in.push('\n');
        }
        assert_eq!(shown, visitor.known);
        let config = read(&filled_in, &[]).unwrap();
        assert!(config.advertise.host.is_some());
        assert_eq!((config.tabs.len(), config.text_ads.len()), (1, 1));
    }

    #[test]
    fn blocks_are_read_in_their_order() {
        let config = read(
            "[[tabs]]\nname = \"A & B\"\nurl = \"http://a.example/?x=1&y=2\"\n\
             [[tabs]]\nname = \"C\"\nurl = \"https://[::1]/\"\ntooltip = \"<c>\"\n\
             image = \"http://a.example/c.png\"\n[[text_ads]]\ntext = \"Hello\"\n",
            &[],
        )
        .unwrap();
        assert_eq!(config.tabs[0].name, "A & B");
        assert_eq!(config.tabs[1].tooltip.as_deref(), Some("<c>"));
        let hello = TextAd {
            text: "Hello".to_owned(),
            url: None,
        };
        assert_eq!(config.text_ads, [hello]);
        assert_eq!(read(&config.to_string(), &[]), Ok(config));
    }

    #[test]
    fn every_problem_of_a_block_is_named() {
        let found = names(read(
            "[text_ads]\ntext = \"x\"\n[[tabs]]\nurl = \"www.example.org\"\nicon = \"x\"\n\
             [[tabs]]\nname = \"a\\nb\"\nurl = \"http://a b\"\n\
             [[tabs]]\nname = 1\nurl = \"http://'x\"\ntooltip = \" \"\nimage = \"file:///x\"\n",
            &[],
        ));
        let expected = [
            "tabs[1].name",
            "tabs[1].url",
            "tabs[1].icon",
            "tabs[2].name",
            "tabs[2].url",
            "tabs[3].name",
            "tabs[3].url",
            "tabs[3].tooltip",
            "tabs[3].image",
            "text_ads",
        ];
        assert_eq!(found, expected);
        let one = "[[tabs]]\nname = \"a\"\nurl = \"http://a\"\n";
        assert!(read(&one.repeat(20), &[]).is_ok());
        assert_eq!(names(read(&one.repeat(21), &[])), ["tabs"]);
    }

    #[test]
    fn the_printed_form_reads_back_as_the_same_settings() {
        let config = read(
            "data_dir = \"/srv/a \\\"b\\\"\"\n[advertise]\nhost = \"msn.example.org\"\nmsnp_port = 1864\n\
             [limits]\nexempt = [\"10.0.0.0/8\", \"::1\"]\n[log]\nformat = \"json\"",
            &[],
        )
        .unwrap();
        assert_eq!(read(&config.to_string(), &[]), Ok(config));
    }

    #[test]
    fn all_problems_are_reported_at_once_by_name() {
        let found = names(read(
            "typo = 1\n[listen]\nmsnp = \"localhost:1863\"\nhttps = \"127.0.0.1:1\"\n\
             [auth]\nargon2_memory_kib = 7\naccept_first_16 = \"yes\"\n\
             [limits]\nconnections = 0\nns_queue = \"many\"\nexempt = [\"10.0.0.0/33\"]\n\
             [log]\nformat = \"xml\"\nfilter = \"chrysalis=loud\"",
            &[
                ("CHRYSALIS__LISTEN__OPS", "nine"),
                ("CHRYSALIS__LISTEN__MSPN", "127.0.0.1:1"),
            ],
        ));
        assert_eq!(
            found,
            [
                "listen.msnp",
                "listen.ops",
                "auth.argon2_memory_kib",
                "auth.accept_first_16",
                "limits.exempt",
                "limits.connections",
                "limits.ns_queue",
                "log.format",
                "log.filter",
                "listen.https",
                "typo",
                "listen.mspn",
            ]
        );
    }

    #[test]
    fn an_unknown_key_comes_with_the_nearest_known_one() {
        assert_eq!(
            only_problem("[limits]\nconections = 5"),
            "limits.conections: there is no such key; did you mean limits.connections?"
        );
        assert!(only_problem("[somewhere]\nelse = 5").contains("config.example.toml"));
        assert!(only_problem("[somewhere]").starts_with("somewhere: "));
        assert!(only_problem("listen = 5").starts_with("listen: "));
        let from_environment = read("", &[("CHRYSALIS__LIMITS__CONECTIONS", "5")]).unwrap_err();
        assert_eq!(
            from_environment.problems[0].text,
            "there is no such key (from CHRYSALIS__LIMITS__CONECTIONS); did you mean limits.connections?"
        );
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = read(
            "data_dir = \"there\"\n[listen]\nmsnp = \"127.0.0.1:1\"\n[advertise]\nhost = \"a.example\"",
            &[
                ("CHRYSALIS__DATA_DIR", "/data"),
                ("CHRYSALIS__LISTEN__MSNP", "0.0.0.0:1863, [::]:1863"),
                ("CHRYSALIS__LISTEN__HTTP", "[\"0.0.0.0:80\"]"),
                ("CHRYSALIS__LISTEN__OPS", ""),
                ("CHRYSALIS__ADVERTISE__HOST", ""),
                ("CHRYSALIS__AUTH__ACCEPT_FIRST_16", "false"),
                ("CHRYSALIS__LIMITS__CONNECTIONS", "50_000"),
                ("CHRYSALIS__LOG__FORMAT", "json"),
            ],
        )
        .unwrap();
        assert_eq!(config.data_dir, PathBuf::from("/data"));
        assert_eq!(config.listen.msnp.len(), 2);
        assert_eq!(config.listen.http, ["0.0.0.0:80".parse().unwrap()]);
        assert_eq!(config.listen.ops, []);
        assert_eq!(config.advertise.host, None);
        assert!(!config.auth.accept_first_16);
        assert_eq!(config.limits.connections, 50_000);
        assert_eq!(config.log.format, LogFormat::Json);
    }

    #[test]
    fn a_listener_is_one_address_or_a_list() {
        let config = read(
            "[listen]\nmsnp = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\nhttp = \"[::1]:8080\"\nops = []",
            &[],
        )
        .unwrap();
        assert_eq!(config.listen.msnp.len(), 2);
        assert!(config.listen.http[0].is_ipv6());
        assert!(config.listen.ops.is_empty());
        assert!(only_problem("[listen]\nmsnp = []").starts_with("listen.msnp: "));
    }

    #[test]
    fn one_address_cannot_serve_two_purposes() {
        let text = only_problem("[listen]\nmsnp = \"127.0.0.1:8080\"");
        assert_eq!(
            text,
            "listen.http: 127.0.0.1:8080 is in listen.msnp already; give it another port"
        );
    }

    #[test]
    fn a_bare_address_is_exempt_alone() {
        let config = read("[limits]\nexempt = [\"192.0.2.1\", \"2001:db8::1\"]", &[]).unwrap();
        assert_eq!(
            config.limits.exempt,
            [
                "192.0.2.1/32".parse().unwrap(),
                "2001:db8::1/128".parse().unwrap()
            ]
        );
    }

    #[test]
    fn an_advertised_host_is_a_bare_host() {
        for good in ["msn.example.org", "192.0.2.1", "localhost", "a-b.example"] {
            assert!(
                read(&format!("[advertise]\nhost = \"{good}\""), &[]).is_ok(),
                "{good}"
            );
        }
        for bad in [
            "",
            "::1",
            "[::1]",
            "a:1863",
            "http://a.example",
            "a/b",
            "a..b",
            "-a",
            "a b",
        ] {
            let text = only_problem(&format!("[advertise]\nhost = \"{bad}\""));
            assert!(text.starts_with("advertise.host: "), "{text}");
        }
    }

    #[test]
    fn an_advertised_url_is_a_scheme_and_a_host() {
        for (given, kept) in [
            ("https://msn.example.org", "https://msn.example.org"),
            ("http://192.0.2.1:8080/", "http://192.0.2.1:8080"),
        ] {
            let config = read(&format!("[advertise]\nhttp_url = \"{given}\""), &[]).unwrap();
            assert_eq!(config.advertise.http_url.as_deref(), Some(kept));
        }
        for bad in [
            "msn.example.org",
            "ftp://a.example",
            "http://",
            "http://a.example/path",
            "http://a.example?x",
            "http://a.example#x",
            "http://u@a.example",
            "http://a.example:0",
            "http://a.example:+80",
            "http://[::1]",
        ] {
            let text = only_problem(&format!("[advertise]\nhttp_url = \"{bad}\""));
            assert!(text.starts_with("advertise.http_url: "), "{text}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_or_everybody() {
        let config = read(
            "[web]\ncors_origins = [\"https://chat.example\", \"http://a.example:8000\"]",
            &[],
        )
        .unwrap();
        assert_eq!(config.web.cors_origins.len(), 2);
        assert!(read("[web]\ncors_origins = \"*\"", &[]).is_ok());
        for bad in ["chat.example", "https://chat.example/", "null", "https://*"] {
            let text = only_problem(&format!("[web]\ncors_origins = \"{bad}\""));
            assert!(text.starts_with("web.cors_origins: "), "{text}");
        }
    }

    #[test]
    fn a_notification_server_has_a_host_and_a_port() {
        let config = read("[advertise]\nnotification = [\"a.example:1863\"]", &[]).unwrap();
        assert_eq!(config.advertise.notification, ["a.example:1863"]);
        for bad in ["a.example", "a.example:0", ":1863", "::1:1863", "a:1:2"] {
            let text = only_problem(&format!("[advertise]\nnotification = \"{bad}\""));
            assert!(text.starts_with("advertise.notification: "), "{text}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there_and_be_toml() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.toml");
        let errors = Config::load(Some(&missing)).unwrap_err();
        assert_eq!(errors.problems[0].name, missing.display().to_string());
        let broken = folder.path().join("broken.toml");
        std::fs::write(&broken, "[listen\n").unwrap();
        let errors = Config::load(Some(&broken)).unwrap_err();
        assert!(errors.problems[0].text.starts_with("not a TOML file"));
    }
}
