//! The listener for old TLS: its socket, its settings, and the few routes behind it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{Server, StartError, encryption};
use crate::config::LegacyTls;
use crate::http::{self, Host, Link};
use crate::net;
use crate::tls::Files;
use crate::tls::legacy::{Guest, Keeper, LegacySettings};

/// Certificate and key, where the listener is switched on.
pub(super) fn files(settings: &LegacyTls) -> Option<Files> {
    if settings.listen.is_empty() {
        return None;
    }
    encryption::files(settings.certificate.as_ref(), settings.key.as_ref())
}

/// Opens the sockets, for other processes to accept from.
pub(super) fn bind(settings: &LegacyTls) -> Result<Vec<TcpListener>, StartError> {
    let bind = |&address| {
        let listener = net::listen(address).and_then(tokio::net::TcpListener::into_std);
        listener.map_err(|source| StartError::Listen {
            key: "legacy_tls.listen",
            address,
            source,
        })
    };
    settings.listen.iter().map(bind).collect()
}

impl Server {
    /// Starts a process for each address. Whatever comes from there sees the routes for clients
    /// and nothing else, and no proxy is believed.
    pub(super) async fn serve_legacy(&self, listeners: Vec<TcpListener>) -> Result<(), StartError> {
        let config = &self.config;
        let Some(files) = files(&config.legacy_tls) else {
            return Ok(());
        };
        let limits = &config.limits;
        let settings = http::Settings {
            write_timeout: self.knobs.web_write_timeout.clone(),
            ..http::Settings::default()
        };
        let legacy = LegacySettings {
            files,
            sslv3: config.legacy_tls.sslv3,
            rate: encryption::handshake_rate(limits),
            // As many as there are descriptors for, which may be fewer than the settings say.
            connections: self.knobs.web_limits.now().connections,
            connections_per_address: limits.connections_per_address,
            handshake: settings.header_timeout,
            write: Duration::from_secs(limits.write_secs),
        };
        let shutdown = self.shutdown.clone();
        let metrics = self.services.metrics.clone();
        let router = self.knobs.routers.clients_only.clone();
        let host = Host::new(router, settings, shutdown.clone(), metrics.clone())
            .await
            .map_err(StartError::LegacyHost)?;
        for listener in listeners {
            let keeper = Keeper::new(listener, legacy.clone(), shutdown.clone(), metrics.clone())?;
            let host = host.clone();
            let receive = move |guest: Guest| {
                let host = host.clone();
                async move {
                    let link = Link {
                        peer: canonical(guest.peer),
                        local: canonical(guest.local),
                        is_secure: true,
                    };
                    host.serve(guest.stream, link).await;
                }
            };
            self.shutdown
                .spawn("legacy tls", async move { keeper.keep(receive).await });
        }
        Ok(())
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
