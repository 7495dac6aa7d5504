//! Whether somebody listens where the settings say, and whether it is this server.

use std::net::SocketAddr;

use crate::config::Config;

use super::reach::{self, Found};
use super::report::{Area, Report};
use super::sign_in::{Place, WebSide};

/// What listens at an address of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Msnp,
    Web,
    Ops,
}

/// Looks at every listener; answers where clients can sign in.
pub(super) async fn check(config: &Config, report: &mut Report) -> Place {
    let listen = &config.listen;
    let mut place = Place::default();
    let mut area = report.area("ports");
    for (key, addresses, kind) in [
        ("listen.msnp", &listen.msnp, Kind::Msnp),
        ("listen.dispatch", &listen.dispatch, Kind::Msnp),
        ("listen.http", &listen.http, Kind::Web),
        ("listen.ops", &listen.ops, Kind::Ops),
    ] {
        for &address in addresses {
            if address.port() == 0 {
                area.skip(key, "port 0 is another one at every start")
                    .advise("give it a fixed port, or name the server with --host and --port");
                continue;
            }
            let found = look(kind, reach::here(address)).await;
            let is_found = tell(&mut area, key, address, found);
            if !is_found {
                continue;
            }
            let address = reach::here(address);
            match (key, &place.web) {
                ("listen.msnp", _) => {
                    place.msnp.get_or_insert(address);
                }
                ("listen.http", WebSide::Unreached) => {
                    place.web = WebSide::Reached(address.into());
                }
                _ => {}
            }
        }
    }
    place.has_gateway = config.gateway.enabled;
    place
}

async fn look(kind: Kind, address: SocketAddr) -> Found {
    match kind {
        Kind::Msnp => reach::msnp(address).await,
        Kind::Web => reach::web(address, &address.to_string()).await,
        Kind::Ops => reach::health(address).await,
    }
}

/// Puts down what was found; whether it is the server.
fn tell(area: &mut Area<'_>, key: &str, address: SocketAddr, found: Found) -> bool {
    let by = owner(address).map(|owner| format!(" (it is {owner})"));
    let by = by.unwrap_or_default();
    match found {
        Found::Expected(took) => {
            area.ok(key, format!("{address} answers{by}")).after(took);
            return true;
        }
        Found::Nobody(error) => {
            area.fail(key, format!("nobody listens on {address}: {error}"))
                .advise("start the server, or look into its log why it did not start");
        }
        Found::Silent => {
            area.fail(
                key,
                format!("{address} takes connections and says nothing{by}"),
            )
            .advise(
                "another program has the port, or the server has stopped answering; \
                     a server behind `proxy_protocol` answers its proxy only",
            );
        }
        Found::Stranger(said) => {
            area.fail(key, format!("{address} is no such server{by}: {said:?}"))
                .advise("another program has the port: stop it, or choose another port");
        }
    }
    false
}

/// The program that listens there, as far as the system tells.
fn owner(address: SocketAddr) -> Option<String> {
    #[cfg(target_os = "linux")]
    return super::sockets::owner(address);
    #[cfg(not(target_os = "linux"))]
    return None.filter(|_: &String| address.port() > 0);
}
