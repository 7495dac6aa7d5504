//! `/account/sessions`: where one is signed in, by clients and by browsers.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::browser_name::browser_name;
use super::{done, moment};
use crate::http::Web;
use crate::http::web::page::{fault, page, see_other};
use crate::http::web::{Member, Notice, Posted, Shell};
use crate::model::{OwnSession, SessionId, Status};
use crate::service::WebSession;

#[derive(Template)]
#[template(path = "web/account_sessions.html")]
struct Sessions {
    shell: Shell,
    clients: Vec<Client>,
    browsers: Vec<Browser>,
    /// Where this browser is, for comparison.
    peer: String,
}

/// A client as it is shown.
struct Client {
    number: u64,
    program: String,
    protocol: String,
    place: String,
    status: &'static str,
    peer: String,
    since: String,
}

/// A browser as it is shown.
struct Browser {
    digest: String,
    name: String,
    peer: String,
    since: String,
    seen: String,
    is_this: bool,
}

impl Client {
    fn of(session: &OwnSession) -> Self {
        let client = &session.client;
        Self {
            number: session.session.0,
            program: client.program.to_string(),
            protocol: client.protocol.to_string(),
            place: session.endpoint_name.to_string(),
            status: session.status.map_or("Signing in", status_name),
            peer: client.peer.map(|it| it.to_string()).unwrap_or_default(),
            since: moment(client.since),
        }
    }
}

impl Browser {
    fn of(session: WebSession, own: &str) -> Self {
        Self {
            name: browser_name(&session.browser),
            is_this: session.digest == own,
            digest: session.digest,
            peer: session.peer,
            since: moment(session.created_at),
            seen: moment(session.seen_at),
        }
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Online => "Online",
        Status::Busy => "Busy",
        Status::Idle => "Idle",
        Status::BeRightBack => "Be right back",
        Status::Away => "Away",
        Status::OnThePhone => "On the phone",
        Status::OutToLunch => "Out to lunch",
        Status::Hidden => "Appear offline",
    }
}

fn notice(query: Option<&str>) -> Option<Notice> {
    match done(query).as_str() {
        "client" => Some(Notice::good("The client is signed out.")),
        "clients" => Some(Notice::good("All clients are signed out.")),
        "browser" => Some(Notice::good("The browser is signed out.")),
        "browsers" => Some(Notice::good("All other browsers are signed out.")),
        "gone" => Some(Notice::bad("That one was gone already.")),
        _ => None,
    }
}

pub(super) async fn show(
    State(web): State<Web>,
    member: Member,
    RawQuery(query): RawQuery,
) -> Response {
    let Member { visitor, session } = member;
    let browsers = match web.services.web_sessions.of(session.user).await {
        Ok(browsers) => browsers,
        Err(error) => return fault(&error),
    };
    let clients = web.services.presence.sessions_of(session.user);
    let browsers = browsers.into_iter();
    let template = Sessions {
        shell: Shell::new(&web, &visitor, "Where you are signed in").with(notice(query.as_deref())),
        clients: clients.iter().map(Client::of).collect(),
        browsers: browsers
            .map(|it| Browser::of(it, &session.digest))
            .collect(),
        peer: visitor.peer(),
    };
    page(&visitor, StatusCode::OK, &template)
}

/// Signs out what the form names; of the member's own, whatever it names.
pub(super) async fn submit(State(web): State<Web>, member: Member, posted: Posted) -> Response {
    let user = member.session.user;
    let own = member.session.digest;
    let (client, browser) = (posted.field("client"), posted.field("browser"));
    let sessions = &web.services.web_sessions;
    let done = match (client.as_str(), browser.as_str()) {
        ("all", _) => {
            web.services.sign_out_everywhere(user);
            "clients"
        }
        ("", "others") => match sessions.end_all(user, Some(own)).await {
            Ok(_) => "browsers",
            Err(error) => return fault(&error),
        },
        ("", _) => match sessions.end(user, browser).await {
            Ok(true) => "browser",
            Ok(false) => "gone",
            Err(error) => return fault(&error),
        },
        (number, _) => {
            let number = number.parse().map(SessionId);
            let is_out = number.is_ok_and(|it| web.services.presence.sign_out(user, it));
            if is_out { "client" } else { "gone" }
        }
    };
    see_other(&format!("/account/sessions?done={done}"))
}
