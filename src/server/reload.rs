//! New settings for a server that runs.
//!
//! What can be changed is kept in values that are replaced as a whole, each by whoever uses it;
//! here are the handles to them. Everything that can fail comes before the first change, so that
//! settings that cannot be used change nothing.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;

use super::connect::https;
use super::door::Door;
use super::encryption::{self, check_files};
use super::{Server, gate_limits, list_limits, room_limits};
use crate::advertise::{Advertise, AdvertiseError};
use crate::config::{self, Config, ConfigErrors, Limits};
use crate::http::{self, Gateway, GatewaySettings, Pages};
use crate::hub::Hub;
use crate::live::Live;
use crate::net::{Gate, GateLimits};
use crate::ns::{NsSettings, ServerRole};
use crate::service::throttle::SignInRates;
use crate::service::{AllowanceSettings, OfflineSettings, RegistrationSettings, Services};
use crate::tls::Modern;

/// New settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// One or several of them are wrong, or a file that they name is.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// An advertised address.
    #[error("an advertised address cannot be used")]
    Advertise(#[from] AdvertiseError),
}

/// What came of new settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The keys that have another value now.
    pub changed: Vec<String>,
    /// The keys that got another value and keep the old one until the server is started again.
    pub needs_restart: Vec<String>,
}

/// The handles to what can be changed.
#[derive(Debug)]
pub(super) struct Knobs {
    /// For connections over TCP, and by the gateway.
    pub(super) gate: Gate,
    pub(super) gate_limits: Live<GateLimits>,
    /// For connections to the web side.
    pub(super) web_limits: Live<GateLimits>,
    pub(super) database_mib: Live<u64>,
    /// Who begins every connection with a header of the PROXY protocol.
    pub(super) msnp_proxies: Live<Vec<IpNet>>,
    pub(super) web_proxies: Live<Vec<IpNet>>,
    /// Who forwards requests.
    pub(super) trusted_proxies: Live<Vec<IpNet>>,
    pub(super) web_write_timeout: Live<Duration>,
    pub(super) referral: Live<ServerRole>,
    pub(super) door: Arc<Door>,
    pub(super) gateway: Option<Gateway>,
    pub(super) hub: Hub,
    pub(super) tls: Option<Modern>,
    pub(super) routers: Routers,
}

/// Who answers requests. What the pages show of the settings is part of them.
#[derive(Debug)]
pub(super) struct Routers {
    services: Services,
    msnp_port: u16,
    gateway: Option<Gateway>,
    pub(super) everybody: Live<Router>,
    pub(super) clients_only: Live<Router>,
}

impl Routers {
    /// For these settings, and where the address of this server is to be left when it is known.
    pub(super) fn new(
        services: Services,
        msnp_port: u16,
        gateway: Option<Gateway>,
        config: &Config,
    ) -> Result<(Self, Arc<OnceLock<IpAddr>>), ReloadError> {
        let routers = Self {
            services,
            msnp_port,
            gateway,
            everybody: Live::default(),
            clients_only: Live::default(),
        };
        let made = routers.make(config)?;
        let address = routers.replace(made);
        Ok((routers, address))
    }

    fn make(&self, config: &Config) -> Result<Made, ReloadError> {
        let root = encryption::root(config)?;
        let web = http::Web {
            services: self.services.clone(),
            advertise: advertise(config)?,
            msnp_port: self.msnp_port,
            redirect_hosts: config.web.redirect_hosts.clone().into(),
            pages: Pages::new(&config.tabs, &config.text_ads),
            site_name: config.web.name.as_str().into(),
            gateway: self.gateway.clone(),
            settings: config.to_string().into(),
            connect: http::Connect {
                https: https(config),
                has_ca: root.is_some(),
                ..http::Connect::default()
            },
        };
        let address = Arc::clone(&web.connect.address);
        let clients_only = http::clients_only_router(web.clone());
        let mut everybody = http::router(web);
        if let Some(root) = root {
            everybody = everybody.merge(http::root_certificate(root));
        }
        Ok(Made {
            everybody,
            clients_only,
            address,
        })
    }

    fn replace(&self, made: Made) -> Arc<OnceLock<IpAddr>> {
        self.everybody.replace(made.everybody);
        self.clients_only.replace(made.clients_only);
        made.address
    }
}

/// Routers that nobody asks yet.
struct Made {
    everybody: Router,
    clients_only: Router,
    address: Arc<OnceLock<IpAddr>>,
}

impl Server {
    /// The settings in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Puts other settings in force, as far as that is possible while the server runs. Certificates
    /// are read again in any case. On an error nothing has changed.
    ///
    /// Connections and sessions that there are keep their limits; who connects from now on gets
    /// the new ones.
    pub fn reload(&mut self, wished: &Config) -> Result<Reloaded, ReloadError> {
        check_files(wished)?;
        let next = adopted(&self.config, wished);
        let knobs = &self.knobs;
        let made = knobs.routers.make(&next)?;
        let settings = self.ns_settings(&next)?;
        let limits = &next.limits;
        if let Some((tls, files)) = knobs.tls.as_ref().zip(encryption::modern_files(&next)) {
            let rate = encryption::handshake_rate(limits);
            tls.change(files, rate).map_err(|error| ConfigErrors {
                problems: vec![encryption::problem("tls.certificate", &error)],
            })?;
        }

        // From here on nothing can fail.
        let address = knobs.routers.replace(made);
        knobs.gate_limits.replace(gate_limits(limits));
        knobs.web_limits.replace(web_gate_limits(limits));
        knobs.database_mib.replace(limits.database_mib);
        let proxies = &next.proxy_protocol;
        knobs.msnp_proxies.replace(proxies.msnp.clone());
        knobs.web_proxies.replace(proxies.http.clone());
        let trusted = next.web.trusted_proxies.clone();
        knobs.trusted_proxies.replace(trusted);
        let write = Duration::from_secs(limits.write_secs);
        knobs.web_write_timeout.replace(write);
        knobs.referral.replace(referral(&next));
        knobs.door.change(settings, limits.clone());
        if let Some(gateway) = &knobs.gateway {
            gateway.change(gateway_settings(&next));
        }
        knobs.hub.change_room_limits(room_limits(limits));
        self.store.change_limits(list_limits(limits));
        let services = &self.services;
        services.offline.change(OfflineSettings::new(limits));
        let registration = RegistrationSettings::new(&next.registration, limits);
        services.registration.change(registration);
        let rates = SignInRates::new(limits);
        let exempt = limits.exempt.clone();
        services.accounts.change_throttle(rates, exempt);
        services.allowances.change(AllowanceSettings::new(limits));
        self.look_up(&next, address);

        let reloaded = Reloaded {
            changed: self.config.differences(&next),
            needs_restart: next.differences(wished),
        };
        self.config = next;
        Ok(reloaded)
    }

    /// What notification sessions have to know.
    fn ns_settings(&self, config: &Config) -> Result<NsSettings, ReloadError> {
        ns_settings(config, &self.msnp, &self.http)
    }
}

/// The settings in force after a reload: those that were wished for, but for what was decided when
/// the server was started.
fn adopted(running: &Config, wished: &Config) -> Config {
    let mut next = running.clone();
    next.proxy_protocol = wished.proxy_protocol.clone();
    next.advertise = wished.advertise.clone();
    next.tls.ca = wished.tls.ca.clone();
    // With or without TLS is decided once; where its files are is not.
    if running.tls.certificate.is_some() && wished.tls.certificate.is_some() {
        next.tls = wished.tls.clone();
    }
    next.auth.refuse_unknown_clients = wished.auth.refuse_unknown_clients;
    next.web = wished.web.clone();
    next.registration = wished.registration.clone();
    next.gateway = config::Gateway {
        enabled: running.gateway.enabled,
        ..wished.gateway.clone()
    };
    next.limits = Limits {
        connections: running.limits.connections,
        http_connections: running.limits.http_connections,
        ..wished.limits.clone()
    };
    next.log.filter = wished.log.filter.clone();
    next.tabs = wished.tabs.clone();
    next.text_ads = wished.text_ads.clone();
    next
}

pub(super) fn advertise(config: &Config) -> Result<Advertise, AdvertiseError> {
    Advertise::new(
        config.advertise.host.as_deref(),
        config.advertise.http_url.as_deref(),
        config.advertise.msnp_port,
    )
}

pub(super) fn referral(config: &Config) -> ServerRole {
    ServerRole::Dispatch {
        targets: config.advertise.notification.clone(),
    }
}

pub(super) fn gateway_settings(config: &Config) -> GatewaySettings {
    let exempt = &config.limits.exempt;
    GatewaySettings::new(&config.gateway, exempt, &config.web.cors_origins)
}

pub(super) fn web_gate_limits(limits: &Limits) -> GateLimits {
    http::gate_limits(
        limits.http_connections,
        limits.connections_per_address,
        limits.exempt.clone(),
    )
}

pub(super) fn ns_settings(
    config: &Config,
    msnp: &[std::net::SocketAddr],
    web: &[std::net::SocketAddr],
) -> Result<NsSettings, ReloadError> {
    Ok(NsSettings {
        advertise: advertise(config)?,
        msnp_port: super::first_port(msnp),
        http_port: super::first_port(web),
        refuse_unknown_clients: config.auth.refuse_unknown_clients,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_restart_stays_as_it_was() {
        let running = Config::default();
        let mut wished = running.clone();
        wished.data_dir = "elsewhere".into();
        wished.listen.ops.clear();
        wished.tls.certificate = Some("a.pem".into());
        wished.tls.key = Some("a.key".into());
        wished.tls.ca = Some("ca.cer".into());
        wished.auth.token_hours = 1;
        wished.web.name = "Butterfly".to_owned();
        wished.gateway.enabled = false;
        wished.gateway.idle_secs = 60;
        wished.limits.connections = 5;
        wished.limits.database_mib = 5;
        wished.limits.http_connections = 5;
        wished.limits.room_members = 5;
        wished.log.format = config::LogFormat::Json;
        wished.log.filter = "debug".to_owned();
        let next = adopted(&running, &wished);
        assert_eq!(
            next.differences(&wished),
            [
                "auth.token_hours",
                "data_dir",
                "gateway.enabled",
                "limits.connections",
                "limits.http_connections",
                "listen.ops",
                "log.format",
                "tls.certificate",
                "tls.key",
            ]
        );
        assert_eq!(
            running.differences(&next),
            [
                "gateway.idle_secs",
                "limits.database_mib",
                "limits.room_members",
                "log.filter",
                "tls.ca",
                "web.name"
            ]
        );
    }

    #[test]
    fn a_certificate_may_move() {
        let mut running = Config::default();
        running.tls.certificate = Some("a.pem".into());
        running.tls.key = Some("a.key".into());
        let mut wished = running.clone();
        wished.tls.certificate = Some("b.pem".into());
        wished.tls.key = Some("b.key".into());
        assert_eq!(adopted(&running, &wished), wished);
    }
}
