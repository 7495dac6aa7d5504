//! What is printed when the server is up: where it listens, and what to do next.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::PathBuf;

use super::Server;
use crate::config::{Advertise, Config};

/// Stands for an address that only the operator can know.
const THIS_MACHINE: &str = "THIS-MACHINE";

/// The first minutes of an operator.
pub(super) struct Greeting {
    /// The program as it was called, so that the lines can be copied.
    program: String,
    msnp: Vec<SocketAddr>,
    web: Vec<SocketAddr>,
    ops: Vec<SocketAddr>,
    advertise: Advertise,
    database: PathBuf,
}

impl Greeting {
    pub(super) fn new(server: &Server, config: &Config) -> Self {
        let program = std::env::args_os().next();
        let program = program.map(|program| program.to_string_lossy().into_owned());
        Self {
            program: program.unwrap_or_else(|| "chrysalis".to_owned()),
            msnp: server.msnp.clone(),
            web: server.http.clone(),
            ops: server.ops.clone(),
            advertise: config.advertise.clone(),
            database: config.database(),
        }
    }

    /// Where a client finds the notification server, as far as it is known here.
    fn server(&self) -> String {
        let listener = self.msnp.first();
        let port = self.advertise.msnp_port;
        let port = port.or(listener.map(SocketAddr::port)).unwrap_or_default();
        format!("{}:{port}", self.host(listener))
    }

    /// Where the pages for people are.
    fn site(&self) -> String {
        let listener = self.web.first();
        self.advertise.http_url.clone().unwrap_or_else(|| {
            let port = listener.map_or(0, SocketAddr::port);
            format!("http://{}:{port}", self.host(listener))
        })
    }

    fn host(&self, listener: Option<&SocketAddr>) -> String {
        match (&self.advertise.host, listener) {
            (Some(host), _) => host.clone(),
            (None, Some(listener)) if !listener.ip().is_unspecified() => {
                // With the brackets that an IPv6 address needs before a port.
                let text = listener.to_string();
                let host = text.rsplit_once(':').map(|(host, _)| host.to_owned());
                host.unwrap_or(text)
            }
            (None, _) => THIS_MACHINE.to_owned(),
        }
    }

    fn is_private(&self) -> bool {
        let mut all = self.msnp.iter().chain(&self.web);
        all.all(|address| address.ip().is_loopback())
    }
}

impl Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, .. } = self;
        let (server, site) = (self.server(), self.site());
        let nexus = format!("{site}/rdr/pprdr.asp");
        let connect = format!("{site}/connect");
        write!(
            f,
            "\nChrysalis is running. Stop it with Ctrl+C.\n\
             \n  clients (MSNP)      {}\
             \n  sign-in (HTTP)      {}\
             \n  health and metrics  {}\
             \n  database            {}\n",
            list(&self.msnp),
            list(&self.web),
            list(&self.ops),
            self.database.display(),
        )?;
        write!(
            f,
            "\nMake an account, in another terminal, from this folder and with the same settings:\n\
             \n  {program} user add you@example.com --name You --admin\n\
             \nWith --admin it may run this server from a browser, at {site}/admin.\
             \nMSN Messenger 1.0 to 4.6 signs in only to an account made with --legacy.\n",
        )?;
        write!(
            f,
            "\nPoint a client at it:\n\
             \n  MSN Messenger 1.0-4.6  registry HKCU\\Software\\Microsoft\\MessengerService,\
             \n                         string value Server = {server}\
             \n  msnp11-sdk, your bot   server {server}, nexus {nexus}\
             \n  any other client       {connect} in a browser, or\
             \n                         {program} client-setup --list\n",
        )?;
        if self.is_private() {
            write!(
                f,
                "\nOnly this machine can reach it. To let others in, stop it and start it with\n\
                 \n  CHRYSALIS__LISTEN__MSNP=0.0.0.0:{} CHRYSALIS__LISTEN__HTTP=0.0.0.0:{}\n\
                 \nin the environment, or write the same into a config.toml (see config.example.toml).\n",
                self.msnp.first().map_or(0, SocketAddr::port),
                self.web.first().map_or(0, SocketAddr::port),
            )?;
        }
        Ok(())
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    if addresses.is_empty() {
        return "(off)".to_owned();
    }
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(msnp: &str, advertise: Advertise) -> String {
        let greeting = Greeting {
            program: "./chrysalis".to_owned(),
            msnp: vec![msnp.parse().unwrap()],
            web: vec![msnp.replace("1863", "8080").parse().unwrap()],
            ops: Vec::new(),
            advertise,
            database: PathBuf::from("data/chrysalis.db"),
        };
        greeting.to_string()
    }

    #[test]
    fn what_it_says_can_be_copied() {
        let text = greeting("127.0.0.1:1863", Advertise::default());
        for line in [
            "  ./chrysalis user add you@example.com --name You --admin\n",
            "string value Server = 127.0.0.1:1863\n",
            "server 127.0.0.1:1863, nexus http://127.0.0.1:8080/rdr/pprdr.asp\n",
            "at http://127.0.0.1:8080/admin.\n",
            "  health and metrics  (off)\n",
            "http://127.0.0.1:8080/connect in a browser, or\n",
            "./chrysalis client-setup --list\n",
            "CHRYSALIS__LISTEN__MSNP=0.0.0.0:1863 CHRYSALIS__LISTEN__HTTP=0.0.0.0:8080\n",
        ] {
            assert!(text.contains(line), "{line:?} is missing in {text}");
        }
    }

    #[test]
    fn nobody_is_told_to_connect_to_all_addresses() {
        for all in ["0.0.0.0:1863", "[::]:1863"] {
            let text = greeting(all, Advertise::default());
            assert!(text.contains("Server = THIS-MACHINE:1863\n"), "{text}");
            assert!(
                text.contains("nexus http://THIS-MACHINE:8080/rdr"),
                "{text}"
            );
            assert!(!text.contains("Only this machine"), "{text}");
        }
    }

    #[test]
    fn what_is_advertised_wins() {
        let advertise = Advertise {
            host: Some("msn.example.org".to_owned()),
            msnp_port: Some(1864),
            http_url: Some("https://msn.example.org".to_owned()),
            notification: Vec::new(),
        };
        let text = greeting("0.0.0.0:1863", advertise);
        assert!(text.contains("Server = msn.example.org:1864\n"), "{text}");
        assert!(
            text.contains("nexus https://msn.example.org/rdr/pprdr.asp\n"),
            "{text}"
        );
    }

    #[test]
    fn an_ipv6_address_keeps_its_brackets() {
        let text = greeting("[::1]:1863", Advertise::default());
        assert!(text.contains("Server = [::1]:1863\n"), "{text}");
    }
}
