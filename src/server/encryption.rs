//! What the settings say about encryption, turned into what does it.
//!
//! The files are looked at here and not when the settings are read, because only who serves needs
//! them, and often nobody else may read them.

use std::path::PathBuf;

use tokio::net::TcpListener;

use super::Server;
use crate::config::{Config, ConfigErrors, Limits, Problem};
use crate::http::{self, Gateway};
use crate::metrics::Metrics;
use crate::tls::{Files, HandshakeRate, IdentityError, Modern, read_root};

impl Server {
    /// Serves clients and people, encrypted or not.
    pub(super) fn serve_web(&self, listeners: Vec<TcpListener>) {
        let knobs = &self.knobs;
        let settings = http::Settings {
            limits: knobs.web_limits.clone(),
            trusted_proxies: knobs.trusted_proxies.clone(),
            introducing_proxies: knobs.web_proxies.clone(),
            write_timeout: knobs.web_write_timeout.clone(),
            tls: knobs.tls.clone(),
            parting: knobs.gateway.as_ref().map(Gateway::parting),
            ..http::Settings::default()
        };
        if let Some(tls) = knobs.tls.clone() {
            let stop = self.shutdown.soft().clone();
            let follow = async move { tls.follow_files(&stop).await };
            self.shutdown.spawn("certificate", follow);
        }
        for listener in listeners {
            let router = knobs.routers.everybody.clone();
            self.serve_http("web listener", listener, router, settings.clone());
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
    if let Some(files) = modern_files(config) {
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
pub(super) fn modern(config: &Config, metrics: &Metrics) -> Result<Option<Modern>, ConfigErrors> {
    let Some(files) = modern_files(config) else {
        return Ok(None);
    };
    Modern::load(files, handshake_rate(&config.limits), metrics.clone())
        .map(Some)
        .map_err(|error| ConfigErrors {
            problems: vec![problem("tls.certificate", &error)],
        })
}

/// Certificate and key of the web side, where there are any.
pub(super) fn modern_files(config: &Config) -> Option<Files> {
    let tls = &config.tls;
    files(tls.certificate.as_ref(), tls.key.as_ref())
}

/// The root that clients may download, in DER. Those who cannot do without it come first.
pub(super) fn root(config: &Config) -> Result<Option<Vec<u8>>, ConfigErrors> {
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

pub(super) fn problem(name: &str, error: &IdentityError) -> Problem {
    let cause = std::error::Error::source(error);
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    Problem {
        name: name.to_owned(),
        text: format!("{error}{cause}"),
    }
}
