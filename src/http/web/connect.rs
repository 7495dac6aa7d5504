//! Connect your client: which one, on which system, and then what to do, with the files for it.
//!
//! Everything shown comes from [`guide`] and from how this server is advertised; of the request
//! only two keys are looked up in tables. So nothing that somebody sends comes back on a page.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::{Shell, Visitor, page, problem, see_other};
use crate::guide::{
    self, Client, Group, Guide, Https, Part, Reach, Replacement, Server, Standing, System,
};
use crate::http::{Link, Web, header_value};

/// What the settings and the network say about the way here.
#[derive(Debug, Clone, Default)]
pub struct Connect {
    /// Where clients find the web side over TLS.
    pub https: Option<Https>,
    /// Whether a certificate to install is offered below `/connect/ca.cer`.
    pub has_ca: bool,
    /// The address of the advertised host, once it is known.
    pub address: Arc<OnceLock<IpAddr>>,
}

#[derive(Template)]
#[template(path = "web/connect.html")]
struct Clients {
    shell: Shell,
    reach: Reach,
    host: String,
}

#[derive(Template)]
#[template(path = "web/connect_system.html")]
struct Systems {
    shell: Shell,
    client: &'static Client,
}

#[derive(Template)]
#[template(path = "web/connect_guide.html")]
struct Steps {
    shell: Shell,
    guide: Guide,
    has_choice: bool,
}

/// All clients, in their groups.
pub(super) async fn clients(State(web): State<Web>, visitor: Visitor) -> Response {
    let server = server(&web, visitor.link);
    let list = Clients {
        shell: Shell::new(&web, &visitor, "Connect a client"),
        reach: server.reach(),
        host: server.host,
    };
    page(&visitor, StatusCode::OK, &list)
}

/// The systems that a client runs on; straight on to the steps where there is no choice.
pub(super) async fn systems(
    State(web): State<Web>,
    visitor: Visitor,
    Path(client): Path<String>,
) -> Response {
    let Some(client) = Client::named(&client) else {
        return unknown(&web, &visitor);
    };
    if !has_choice(client) {
        let system = client.usual_system();
        return see_other(&format!("/connect/{}/{}", client.key, system.key()));
    }
    let list = Systems {
        shell: Shell::new(&web, &visitor, client.name),
        client,
    };
    page(&visitor, StatusCode::OK, &list)
}

/// What to do.
pub(super) async fn steps(
    State(web): State<Web>,
    visitor: Visitor,
    Path((client, system)): Path<(String, String)>,
) -> Response {
    let Some(guide) = find(&client, &system, &web, visitor.link) else {
        return unknown(&web, &visitor);
    };
    let steps = Steps {
        shell: Shell::new(&web, &visitor, guide.client.name),
        has_choice: has_choice(guide.client),
        guide,
    };
    page(&visitor, StatusCode::OK, &steps)
}

/// One of the files.
///
/// COMPAT: Internet Explorer up to 8 forgets a file that it may not keep before it can be saved,
/// if it came by https; so these may be kept for a minute.
pub(super) async fn file(
    State(web): State<Web>,
    visitor: Visitor,
    Path((client, system, name)): Path<(String, String, String)>,
) -> Response {
    let guide = find(&client, &system, &web, visitor.link);
    let found = guide.and_then(|guide| guide.files().find(|file| file.name == name).cloned());
    let Some(file) = found else {
        return unknown(&web, &visitor);
    };
    let kind = if file.name.ends_with(".txt") {
        "text/plain; charset=us-ascii"
    } else {
        "application/octet-stream"
    };
    let attachment = format!("attachment; filename=\"{}\"", file.name);
    let headers = [
        (CONTENT_TYPE, header_value(kind)),
        (CONTENT_DISPOSITION, header_value(&attachment)),
        (CACHE_CONTROL, header_value("private, max-age=60")),
        (X_CONTENT_TYPE_OPTIONS, header_value("nosniff")),
    ];
    (headers, file.contents).into_response()
}

fn find(client: &str, system: &str, web: &Web, link: Link) -> Option<Guide> {
    let client = Client::named(client)?;
    let system = System::named(system)?;
    let runs_there = client.systems.contains(&system);
    runs_there.then(|| guide::guide(client, system, &server(web, link)))
}

/// This server as it tells itself to whoever asks.
fn server(web: &Web, link: Link) -> Server {
    Server {
        host: web.advertise.host(link.local),
        msnp_port: web.advertise.msnp_port(web.msnp_port),
        web: web.base(link),
        https: web.connect.https,
        address: web.connect.address.get().copied(),
        has_ca: web.connect.has_ca,
    }
}

/// Whether it matters on what a client runs.
fn has_choice(client: &Client) -> bool {
    client.systems.len() > 1 && client.standing != Standing::Impossible
}

fn unknown(web: &Web, visitor: &Visitor) -> Response {
    let text = "There is no such client, or it does not run there. \"Connect a client\" lists all.";
    problem(web, visitor, StatusCode::NOT_FOUND, "Not found", text)
}
