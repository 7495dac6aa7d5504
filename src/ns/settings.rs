//! What notification sessions need to know of the configuration.

use std::net::SocketAddr;

/// The addresses that answers name.
#[derive(Debug, Clone, Default)]
pub struct Advertised {
    /// Host name or IPv4 address; the address the client connected to where there is none.
    pub host: Option<String>,
    /// Port for MSNP; that of the listener where there is none.
    pub msnp_port: Option<u16>,
    /// Base of web addresses, such as `http://msn.example.com`, without a slash at the end.
    pub http_url: Option<String>,
    /// Port of the first HTTP listener, for web addresses where no base is set.
    pub http_port: u16,
}

/// What the listener is for that a client came in on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerRole {
    /// Signs clients in.
    Notification,
    /// Refers clients to one of these `host:port`, in turn; to this server's own MSNP port where
    /// the list is empty.
    Dispatch { targets: Vec<String> },
}

/// Settings of the notification role.
#[derive(Debug, Clone)]
pub struct NsSettings {
    pub advertised: Advertised,
    /// Port of the first MSNP listener that signs clients in.
    pub msnp_port: u16,
    /// Whether a client whose product has no known key fails its challenge.
    pub refuse_unknown_clients: bool,
}

impl Advertised {
    /// Where a client finds a switchboard or notification server: `host:port`, as it reaches us
    /// itself unless configured. `local` is the address that it connected to.
    pub fn msnp(&self, local: SocketAddr, port: u16) -> String {
        let port = self.msnp_port.unwrap_or(port);
        format!("{}:{port}", self.host_for(local))
    }

    /// Base of web addresses for a client that connected to `local`.
    pub fn web(&self, local: SocketAddr) -> String {
        match &self.http_url {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => format!("http://{}:{}", self.host_for(local), self.http_port),
        }
    }

    fn host_for(&self, local: SocketAddr) -> String {
        self.host
            .clone()
            .unwrap_or_else(|| local.ip().to_canonical().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_sent_where_it_came_from_unless_configured() {
        let local: SocketAddr = "[::ffff:192.0.2.7]:1863".parse().unwrap();
        let mut advertised = Advertised {
            http_port: 8080,
            ..Advertised::default()
        };
        assert_eq!(advertised.msnp(local, 1863), "192.0.2.7:1863");
        assert_eq!(advertised.web(local), "http://192.0.2.7:8080");
        advertised.host = Some("msn.example.com".to_owned());
        advertised.msnp_port = Some(11863);
        assert_eq!(advertised.msnp(local, 1863), "msn.example.com:11863");
        assert_eq!(advertised.web(local), "http://msn.example.com:8080");
        advertised.http_url = Some("https://msn.example.com/".to_owned());
        assert_eq!(advertised.web(local), "https://msn.example.com");
    }
}
