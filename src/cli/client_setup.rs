//! `chrysalis client-setup`: how a client is connected to this server, as the page `/connect` says
//! it, in a terminal.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::guide::{self, CLIENTS, Client, Guide, Server, System};
use crate::server;

#[derive(Debug, clap::Args)]
pub(super) struct ClientSetup {
    /// Which client: a word of --list, such as msn-7.5.
    #[arg(value_parser = known_client, required_unless_present = "list")]
    client: Option<&'static Client>,
    /// What it runs on: a word of --list, such as xp; without it the most usual one.
    #[arg(long, value_parser = known_system)]
    system: Option<System>,
    /// The name or address that clients use for this server; without it what the settings say.
    #[arg(long, value_parser = known_host)]
    host: Option<String>,
    /// List all clients with what they run on.
    #[arg(long)]
    list: bool,
    /// Save the files into this folder, too.
    #[arg(long, value_name = "DIR", requires = "client")]
    write: Option<PathBuf>,
}

impl ClientSetup {
    pub(super) fn run(self, config: &Config) -> anyhow::Result<()> {
        if self.list {
            return list();
        }
        let client = self
            .client
            .context("no client is named; --list shows all")?;
        let system = self.system.unwrap_or_else(|| client.usual_system());
        if !client.systems.contains(&system) {
            let (name, known) = (client.name, keys(client));
            bail!(
                "{name} does not run on {}; it runs on: {known}",
                system.name()
            );
        }
        let server = described(config, self.host.as_deref())?;
        let guide = guide::guide(client, system, &server);
        write!(io::stdout(), "{guide}")?;
        if self.system.is_none() && client.systems.len() > 1 {
            eprintln!(
                "note: this is for {}; --system takes: {}",
                system.name(),
                keys(client)
            );
        }
        match self.write {
            Some(folder) => save(&guide, &folder),
            None => {
                if guide.files().next().is_some() {
                    eprintln!("note: --write DIR saves the files");
                }
                Ok(())
            }
        }
    }
}

fn known_client(key: &str) -> Result<&'static Client, String> {
    Client::named(&key.to_ascii_lowercase())
        .ok_or_else(|| "no such client; `chrysalis client-setup --list` shows all".to_owned())
}

fn known_system(key: &str) -> Result<System, String> {
    System::named(&key.to_ascii_lowercase()).ok_or_else(|| {
        let keys: Vec<&str> = System::ALL.iter().map(|it| it.key()).collect();
        format!("no such system; there are: {}", keys.join(", "))
    })
}

/// A host as files and headers can carry it.
fn known_host(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let is_host = (1..=253).contains(&text.len()) && text.bytes().all(is_plain);
    let is_host = is_host && text.split('.').all(|label| !label.is_empty());
    is_host
        .then(|| text.to_owned())
        .ok_or_else(|| "write a host name or an IPv4 address, without scheme and port".to_owned())
}

/// The server as its settings describe it.
fn described(config: &Config, host: Option<&str>) -> anyhow::Result<Server> {
    let advertise = &config.advertise;
    let listener = config.listen.msnp.first();
    let known = host.or(advertise.host.as_deref());
    let host = match (known, listener) {
        (Some(host), _) => host.to_owned(),
        (None, Some(listener)) if !listener.ip().is_unspecified() => in_url(listener.ip()),
        (None, _) => bail!(
            "what clients call this server is not known; name it with --host, or set \
             advertise.host"
        ),
    };
    let port = config.listen.http.first().map_or(0, |it| it.port());
    let web = advertise.http_url.clone();
    let msnp_port = advertise.msnp_port;
    Ok(Server {
        web: web.unwrap_or_else(|| format!("http://{host}:{port}")),
        msnp_port: msnp_port
            .or(listener.map(|it| it.port()))
            .unwrap_or_default(),
        https: server::https(config),
        address: address_of(&host)?,
        has_ca: config.legacy_tls.ca.is_some() || config.tls.ca.is_some(),
        host,
    })
}

/// A v6 address needs brackets before a port.
fn in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn address_of(host: &str) -> anyhow::Result<Option<IpAddr>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    Ok(runtime.block_on(server::address_of(host)))
}

fn keys(client: &Client) -> String {
    let keys: Vec<&str> = client.systems.iter().map(|it| it.key()).collect();
    keys.join(", ")
}

fn list() -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let width = CLIENTS.iter().map(|it| it.key.len()).max();
    let width = width.unwrap_or_default();
    for group in guide::Group::ALL {
        writeln!(out, "{}", group.name())?;
        for client in group.clients() {
            let word = client.standing.word();
            writeln!(out, "  {:width$}  {} ({word})", client.key, client.name)?;
            writeln!(out, "  {:width$}    on: {}", "", keys(client))?;
        }
    }
    Ok(())
}

fn save(guide: &Guide, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let mut out = io::stdout().lock();
    writeln!(out)?;
    for file in guide.files() {
        let path = folder.join(file.name);
        std::fs::write(&path, &file.contents)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["msn.example.net", "192.0.2.1", "attic"] {
            assert_eq!(known_host(host).as_deref(), Ok(host));
        }
        for host in ["", "a b", "http://a", "a:80", "a..b", ".a", "a\"b", "[::1]"] {
            assert!(known_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn the_server_is_described_by_its_settings() {
        let mut config = Config::default();
        let server = described(&config, None).unwrap();
        assert_eq!(server.host, "127.0.0.1");
        assert_eq!(server.web, "http://127.0.0.1:8080");
        assert_eq!(
            (server.msnp_port, server.https, server.has_ca),
            (1863, None, false)
        );

        config.listen.msnp = vec![([0, 0, 0, 0], 1863).into()];
        assert!(described(&config, None).is_err());
        let named = described(&config, Some("192.0.2.1")).unwrap();
        assert_eq!(named.web, "http://192.0.2.1:8080");
        assert_eq!(named.address, Some([192, 0, 2, 1].into()));

        config.advertise.msnp_port = Some(1864);
        config.advertise.http_url = Some("https://192.0.2.9".to_owned());
        config.tls.ca = Some("ca.pem".into());
        let whole = described(&config, Some("192.0.2.1")).unwrap();
        assert_eq!(whole.web, "https://192.0.2.9");
        assert_eq!((whole.msnp_port, whole.has_ca), (1864, true));
    }
}
