//! Many people who sign in: the part that every pattern begins with.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use chrysalis::client::{
    Connection, Credentials, Http, Version, answer, call, enter, open_room, referral, ring,
};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::accounts::Accounts;
use crate::meter::steps;
use crate::options::Common;

/// How many sign in at the same time while a pattern is set up.
const AT_ONCE: usize = 32;

/// The address of the notification server, or of a bare relay.
pub(crate) async fn server(common: &Common) -> anyhow::Result<SocketAddr> {
    let mut found = lookup_host((common.host.as_str(), common.port))
        .await
        .with_context(|| format!("nobody knows {}", common.host))?;
    found.next().context("the server has no address")
}

/// A version from the command line.
pub(crate) fn version(number: u8) -> anyhow::Result<Version> {
    Version::new(number).with_context(|| format!("there is no version {number} of the protocol"))
}

/// Somebody who is signed in and online.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) who: Credentials,
    pub(crate) connection: Connection,
}

/// The server's two addresses: of the protocol, and of the web services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) msnp: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Server {
    /// Looks the host up.
    pub(crate) async fn find(common: &Common) -> anyhow::Result<Self> {
        let msnp = server(common).await?;
        let http = SocketAddr::new(msnp.ip(), common.http_port);
        Ok(Self { msnp, http })
    }
}

/// Signs somebody in, downloads the list and shows them online; answers how many lines it has, too.
pub(crate) async fn sign_in(
    server: Server,
    who: Credentials,
    version: Version,
) -> anyhow::Result<(Person, usize)> {
    let mut connection = Connection::open(server.msnp, version).await?;
    let mut http = Http::new(server.http);
    let contacts = enter(&mut connection, &mut http, &who, "NLN")
        .await
        .with_context(|| format!("{} cannot sign in", who.address))?;
    Ok((Person { who, connection }, contacts))
}

/// Does something for every number below `count`, a few at a time, in any order; answers the
/// outcomes in the order of the numbers.
pub(crate) async fn everybody<T, F>(
    count: usize,
    what: &'static str,
    mut one: impl FnMut(usize) -> F,
) -> anyhow::Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let bar = steps(count, what);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (places, work) = (places.clone(), one(number));
        tasks.spawn(async move {
            let _place = places.acquire_owned().await?;
            Ok::<_, anyhow::Error>((number, work.await?))
        });
    }
    let mut done = Vec::with_capacity(count);
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
        bar.inc(1);
    }
    bar.finish_and_clear();
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Two people in a room of their own. They stay signed in for as long as this lives.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) members: Vec<TcpStream>,
    pub(crate) people: Vec<Person>,
}

/// Signs people in, has the first one open a room, and calls everybody else into it in turn.
pub(crate) async fn converse(
    server: Server,
    accounts: Arc<Accounts>,
    first: usize,
    count: usize,
    version: Version,
) -> anyhow::Result<Conversation> {
    let mut people = Vec::with_capacity(count);
    for number in first..first + count {
        people.push(sign_in(server, accounts.get(number)?, version).await?.0);
    }
    let (host, guests) = people.split_first_mut().context("nobody to talk to")?;
    let referral = referral(&mut host.connection).await?;
    let mut room = Connection::open(referral.server, version).await?;
    open_room(&mut room, &host.who.address, &referral).await?;
    let mut rooms = Vec::with_capacity(count);
    for guest in guests {
        call(&mut room, &guest.who.address).await?;
        let invitation = ring(&mut guest.connection).await?;
        let mut seat = Connection::open(invitation.server(), version).await?;
        answer(&mut seat, &guest.who.address, &invitation).await?;
        rooms.push(seat);
        // Everybody who is there already is told of the newcomer.
        room.until("JOI").await?;
        let (_, others) = rooms.split_last_mut().context("nobody came")?;
        for other in others {
            other.until("JOI").await?;
        }
    }
    rooms.insert(0, room);
    let members = rooms.into_iter().map(Connection::into_stream);
    Ok(Conversation {
        members: members.collect::<Result<_, _>>()?,
        people,
    })
}

/// Reads what signed-in people are told and forgets it, so that nobody falls behind; returns only
/// with a failure.
pub(crate) async fn attend(mut people: Vec<Person>) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for mut person in people.drain(..) {
        tasks.spawn(async move {
            loop {
                while let Some(frame) = person.connection.take()? {
                    person.connection.has_answered(&frame).await?;
                }
                person.connection.shrink();
                let read = person.connection.fill().await?;
                anyhow::ensure!(read > 0, "the server signed {} out", person.who.address);
            }
        });
    }
    match tasks.join_next().await {
        Some(ended) => ended?,
        None => std::future::pending().await,
    }
}
