//! What the settings say about encryption, turned into what does it.
//!
//! The files are looked at here and not when the settings are read, because only who serves needs
//! them, and often nobody else may read them.

use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use super::Server;
use crate::config::{Config, ConfigErrors, Limits, Problem};
use crate::http;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::tls::{Files, HandshakeRate, IdentityError, Modern, read_root};

/// What the web side does about encryption.
pub(super) struct Encryption {
    tls: Option<Modern>,
    /// What clients may download and trust, in DER.
    root: Option<Vec<u8>>,
}

impl Encryption {
    /// Whether there is a root that clients may download.
    pub(super) fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// Reads the files that the settings name.
    pub(super) fn load(config: &Config, metrics: &Metrics) -> Result<Self, ConfigErrors> {
        Ok(Self {
            tls: modern(config, metrics)?,
            root: root(config)?,
        })
    }
}

impl Server {
    /// Serves clients and people, encrypted or not.
    pub(super) fn serve_web(
        &self,
        config: &Config,
        pages: http::Web,
        encryption: Encryption,
        listeners: Vec<TcpListener>,
    ) {
        let limits = &config.limits;
        let settings = http::Settings {
            connections: limits.http_connections,
            connections_per_address: limits.connections_per_address,
            exempt: limits.exempt.clone(),
            trusted_proxies: Live::new(config.web.trusted_proxies.clone()),
            introducing_proxies: Live::new(config.proxy_protocol.from.clone()),
            write_timeout: Duration::from_secs(limits.write_secs),
            tls: encryption.tls.clone(),
            ..http::Settings::default()
        };
        let mut router = http::router(pages);
        if let Some(root) = encryption.root {
            router = router.merge(http::root_certificate(root));
        }
        if let Some(tls) = encryption.tls {
            let stop = self.shutdown.soft().clone();
            let follow = async move { tls.follow_files(&stop).await };
            self.shutdown.spawn("certificate", follow);
        }
        for listener in listeners {
            self.serve_http("web listener", listener, router.clone(), settings.clone());
        }
    }
}

/// Says what is wrong with the files that the settings name: everything, by the name of the key.
pub fn check_files(config: &Config) -> Result<(), ConfigErrors> {
    let mut problems = Vec::new();
    let mut note = |name: &str, checked: Result<(), IdentityError>| {
        if let Err(error) = checked {
            problems.push(problem(name, &error));
        }
    };
    let tls = &config.tls;
    if let Some(files) = files(tls.certificate.as_ref(), tls.key.as_ref()) {
        note("tls.certificate", files.check());
    }
    for (name, root) in roots(config) {
        note(name, read_root(root).map(drop));
    }
    #[cfg(feature = "legacy-tls")]
    if let Some(files) = super::legacy::files(&config.legacy_tls) {
        note(
            "legacy_tls.certificate",
            crate::tls::legacy::check_files(&files),
        );
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ConfigErrors { problems })
    }
}

/// Whatever takes TLS on the web side; `None` where there is no certificate.
fn modern(config: &Config, metrics: &Metrics) -> Result<Option<Modern>, ConfigErrors> {
    let tls = &config.tls;
    let Some(files) = files(tls.certificate.as_ref(), tls.key.as_ref()) else {
        return Ok(None);
    };
    Modern::load(files, handshake_rate(&config.limits), metrics.clone())
        .map(Some)
        .map_err(|error| ConfigErrors {
            problems: vec![problem("tls.certificate", &error)],
        })
}

/// The root that clients may download. Those who cannot do without it come first.
fn root(config: &Config) -> Result<Option<Vec<u8>>, ConfigErrors> {
    let Some((name, path)) = roots(config).next() else {
        return Ok(None);
    };
    read_root(path).map(Some).map_err(|error| ConfigErrors {
        problems: vec![problem(name, &error)],
    })
}

pub(super) fn handshake_rate(limits: &Limits) -> HandshakeRate {
    HandshakeRate {
        per_minute: limits.handshakes_per_minute,
        exempt: limits.exempt.clone(),
    }
}

pub(super) fn files(certificate: Option<&PathBuf>, key: Option<&PathBuf>) -> Option<Files> {
    Some(Files {
        certificate: certificate?.clone(),
        key: key?.clone(),
    })
}

fn roots(config: &Config) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    [
        ("legacy_tls.ca", &config.legacy_tls.ca),
        ("tls.ca", &config.tls.ca),
    ]
    .into_iter()
    .filter_map(|(name, path)| Some((name, path.as_ref()?)))
}

fn problem(name: &str, error: &IdentityError) -> Problem {
    let cause = std::error::Error::source(error);
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    Problem {
        name: name.to_owned(),
        text: format!("{error}{cause}"),
    }
}
