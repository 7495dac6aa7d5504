//! Using a server as clients of every generation do: sign in, download the list, be seen, and have a
//! short conversation.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::client::{
    self, ClientError, Connection, Credentials, Gateway, Http, Invitation, Referral, Target,
    Version, WebServer,
};

use super::report::{Area, Report};

/// The versions that stand for those around them: the sign-in by challenge, the login page, the
/// richer switchboard, the token service with its proof, and several places at a time.
const GENERATIONS: [u8; 5] = [5, 9, 12, 15, 18];
/// The version that goes through the gateway, as the clients did that were known for it.
const TUNNELLED: u8 = 12;
/// How long two people may take to sign in and to talk, each.
const PATIENCE: Duration = Duration::from_secs(10);
/// What one says to the other.
const BODY: &str =
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nAre you well?";

/// Where a server can be used, as far as it was found.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The notification server.
    pub(super) msnp: Option<SocketAddr>,
    /// The web services.
    pub(super) web: WebSide,
    /// Whether the gateway is to be tried.
    pub(super) has_gateway: bool,
}

/// The web services of a server, as far as they can be used.
#[derive(Debug, Clone, Default)]
pub(super) enum WebSide {
    #[default]
    Unreached,
    /// Somebody answers whose certificate is not believed.
    Unverified(WebServer),
    /// The same, for people whose passwords are worth something.
    Withheld,
    Reached(WebServer),
}

impl WebSide {
    /// Whoever is asked, if anybody is.
    pub(super) fn server(&self) -> Option<&WebServer> {
        match self {
            Self::Unreached | Self::Withheld => None,
            Self::Unverified(server) | Self::Reached(server) => Some(server),
        }
    }

    /// Why nobody is asked.
    fn absence(&self) -> &'static str {
        match self {
            Self::Withheld => "no password is sent to a server whose certificate is not believed",
            _ => "signs in over the web, which is not reached",
        }
    }

    /// How it was asked, where that is not in the clear.
    fn remark(&self) -> &'static str {
        match self {
            Self::Unverified(_) => "; over https, without verifying the certificate",
            Self::Reached(server) if server.is_secure() => "; over https",
            _ => "",
        }
    }
}

impl Place {
    /// For people of the server. Accounts that are made for the check may sign in wherever
    /// something answers: they are gone before anybody could use what was heard.
    pub(super) fn discreet(&self) -> Self {
        let web = match &self.web {
            WebSide::Unverified(_) => WebSide::Withheld,
            other => other.clone(),
        };
        Self {
            web,
            ..self.clone()
        }
    }
}

/// The way that a client goes.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Tcp(SocketAddr),
    Gateway(&'a WebServer),
}

/// Somebody who is signed in.
struct Visitor<'a> {
    who: &'a Credentials,
    notification: Connection,
}

/// Tries everything, with one account or two.
pub(super) async fn check(place: &Place, people: &[Credentials], report: &mut Report) {
    let mut area = report.area("clients");
    let Some(msnp) = place.msnp else {
        area.skip("sign-in", "the server does not answer, see above");
        return;
    };
    let web = &place.web;
    for number in GENERATIONS {
        let name = format!("MSNP{number}");
        if number >= 8 && web.server().is_none() {
            area.skip(&name, web.absence());
            continue;
        }
        try_version(&mut area, &name, number, Way::Tcp(msnp), (web, people)).await;
    }
    let name = format!("gateway (MSNP{TUNNELLED})");
    match web.server() {
        Some(server) if place.has_gateway => {
            let way = Way::Gateway(server);
            try_version(&mut area, &name, TUNNELLED, way, (web, people)).await;
        }
        Some(_) => {
            area.skip(&name, "switched off by gateway.enabled");
        }
        None => {
            area.skip(&name, web.absence());
        }
    }
    match (web.server(), people.first()) {
        (Some(server), Some(who)) => {
            try_services(&mut area, server, web.remark(), who).await;
        }
        _ => {
            area.skip("web services (SOAP)", web.absence());
        }
    }
}

async fn try_version(
    area: &mut Area<'_>,
    name: &str,
    number: u8,
    way: Way<'_>,
    (web, people): (&WebSide, &[Credentials]),
) {
    let Some(version) = Version::new(number) else {
        area.skip(name, "this client does not speak it");
        return;
    };
    let started = Instant::now();
    let web = (!version.signs_in_by_digest()).then_some(web);
    let remark = web.map_or("", WebSide::remark);
    let mut visitors = Vec::new();
    for who in people {
        let server = web.and_then(WebSide::server);
        let entering = timeout(PATIENCE, enter(version, way, server, who));
        let entered = entering
            .await
            .unwrap_or_else(|_| Err(late("the end of the sign-in")));
        match entered {
            Ok(notification) => visitors.push(Visitor { who, notification }),
            Err(error) => {
                let advice = advice(&error, version);
                let error = anyhow::Error::from(error);
                area.fail(name, format!("{} cannot sign in: {error:#}", who.address))
                    .advise(advice);
                return;
            }
        }
    }
    let signed_in = started.elapsed();
    let [caller, callee] = &mut visitors[..] else {
        area.ok(name, format!("signs in{remark}")).after(signed_in);
        return;
    };
    let talking = Instant::now();
    let talked = timeout(PATIENCE, talk(version, way, caller, callee)).await;
    match talked.unwrap_or_else(|_| Err(late("the end of the conversation"))) {
        Ok(()) => {
            let took = talking.elapsed().as_millis();
            let detail = format!("two sign in, and talk within {took} ms{remark}");
            area.ok(name, detail).after(signed_in);
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            area.fail(name, format!("two sign in but cannot talk: {error:#}"))
                .advise(
                    "conversations are at the address that the server names: check \
                     advertise.host, advertise.msnp_port and that the address is reached",
                )
                .after(signed_in);
        }
    }
}

/// Signs in, downloads the list and is seen.
async fn enter(
    version: Version,
    way: Way<'_>,
    web: Option<&WebServer>,
    who: &Credentials,
) -> Result<Connection, ClientError> {
    let mut connection = match way {
        Way::Tcp(server) => Connection::open(server, version).await?,
        Way::Gateway(web) => {
            let gateway = Gateway::new(web.clone(), Target::Notification);
            Connection::through(gateway, version)
        }
    };
    let Some(web) = web else {
        client::sign_in_md5(&mut connection, who).await?;
        client::download_by_line(&mut connection, "NLN").await?;
        return Ok(connection);
    };
    let mut http = Http::new(web.clone());
    let tokens = if version.proves_its_key() {
        Some(client::sign_in_proof(&mut connection, &mut http, who).await?)
    } else {
        client::sign_in_ticket(&mut connection, &mut http, who).await?;
        None
    };
    match tokens {
        Some(tokens) => {
            client::download_by_web(&mut connection, &mut http, &tokens, "NLN").await?;
        }
        None => {
            client::download_by_line(&mut connection, "NLN").await?;
        }
    }
    Ok(connection)
}

/// One calls the other and says something, which has to arrive as it was said.
async fn talk(
    version: Version,
    way: Way<'_>,
    caller: &mut Visitor<'_>,
    callee: &mut Visitor<'_>,
) -> Result<(), ClientError> {
    let referral: Referral = client::referral(&mut caller.notification).await?;
    let mut room = switchboard(version, way, referral.server).await?;
    client::open_room(&mut room, &caller.who.address, &referral).await?;
    client::call(&mut room, &callee.who.address).await?;
    let invitation: Invitation = client::ring(&mut callee.notification).await?;
    let mut seat = switchboard(version, way, invitation.server()).await?;
    client::answer(&mut seat, &callee.who.address, &invitation).await?;
    room.until("JOI").await?;
    let trid = room.next_trid();
    let message = format!("MSG {trid} A {}\r\n{BODY}", BODY.len());
    room.send(message.as_bytes()).await?;
    let heard = seat.until("MSG").await?;
    let is_whole = heard.payload().is_some_and(|body| body == BODY.as_bytes());
    if !is_whole {
        return Err(ClientError::Garbled("the message is another one"));
    }
    room.answer_to("ACK", trid).await?;
    Ok(())
}

async fn switchboard(
    version: Version,
    way: Way<'_>,
    server: SocketAddr,
) -> Result<Connection, ClientError> {
    match way {
        Way::Tcp(_) => Connection::open(server, version).await,
        Way::Gateway(web) => {
            let gateway = Gateway::new(web.clone(), Target::Switchboard(server));
            Ok(Connection::through(gateway, version))
        }
    }
}

/// Fetches tokens and the address book with them.
async fn try_services(area: &mut Area<'_>, web: &WebServer, remark: &str, who: &Credentials) {
    let name = "web services (SOAP)";
    let started = Instant::now();
    let asking = async {
        let mut http = Http::new(web.clone());
        let tokens = client::fetch_tokens(&mut http, who).await?;
        client::ask_find_all(&mut http, &client::find_all(&tokens)).await
    };
    let asked = timeout(PATIENCE, asking).await;
    match asked.unwrap_or_else(|_| Err(late("the address book"))) {
        Ok(book) => {
            let entries = client::entries(&book);
            let detail = format!("tokens, and a book of {entries} entries{remark}");
            area.ok(name, detail).after(started.elapsed());
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            area.fail(name, format!("{error:#}"))
                .advise("check that the web side is reached without a proxy that changes requests");
        }
    }
}

fn late(wanted: &str) -> ClientError {
    ClientError::Late {
        wanted: wanted.to_owned(),
    }
}

/// What to do about a sign-in that failed.
fn advice(error: &ClientError, version: Version) -> String {
    let text = match error {
        ClientError::Refused {
            code: 401 | 911, ..
        } if version.signs_in_by_digest() => {
            "is the password right? Versions up to 7 need an account that has opted in: \
             `chrysalis user passwd --legacy`"
        }
        ClientError::Refused {
            code: 401 | 911, ..
        } => "is the password right, and the account not disabled?",
        ClientError::Refused { .. } => {
            "the server is busy, in maintenance or at its limits; its log says which"
        }
        ClientError::Late { .. } => "the server, or something before it, does not answer",
        ClientError::Closed { .. } => {
            "the server hung up: its log says why; perhaps a limit of connections is reached"
        }
        ClientError::Io(_) => "check the port, the firewall, and that the server runs",
        ClientError::Unexpected { .. } | ClientError::Garbled(_) => {
            "what answers does not speak the protocol as it is known, or not this version"
        }
    };
    text.to_owned()
}
