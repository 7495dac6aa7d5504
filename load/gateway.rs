//! Conversations of two through the HTTP gateway: one sends with a request, the other polls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrysalis::client::{
    Connection, Gateway as Transport, Target, Version, answer, call, download_by_line, open_room,
    referral, ring, sign_in_md5,
};

use crate::accounts::Accounts;
use crate::crowd::{Person, Server, everybody, version};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Common, Gateway};
use crate::pairs::message;
use crate::report::Report;

/// The version that is spoken.
const VERSION: u8 = 7;

/// How often the two are asked for, besides their room.
const NEWS: Duration = Duration::from_secs(20);

/// Two people in a room, everything through the gateway.
#[derive(Debug)]
struct Pair {
    people: [Person; 2],
    sender: Connection,
    receiver: Connection,
}

#[expect(clippy::cast_precision_loss, reason = "a mean needs no more")]
pub(crate) async fn run(common: &Common, wish: &Gateway) -> anyhow::Result<Report> {
    anyhow::ensure!(wish.pairs > 0, "nobody to talk");
    let server = Server::find(common).await?;
    let accounts = Arc::new(Accounts::new(common)?);
    let version = version(VERSION)?;
    let meter = Meter::new(common)?;
    let first = common.first;
    let pairs = everybody(wish.pairs, "signing in", |number| {
        converse(server.http, accounts.clone(), first + 2 * number, version)
    })
    .await?;
    let latencies = Latencies::new();
    let mut workers = Workers::new();
    let (mut counters, requests) = (Vec::with_capacity(pairs.len()), Counter::default());
    let message = message(wish.size, false);
    for pair in pairs {
        let counter = Counter::default();
        counters.push(counter.clone());
        let talk = talk(
            pair,
            message.clone(),
            counter,
            requests.clone(),
            latencies.clone(),
        );
        workers.spawn(talk);
    }
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let parameters = BTreeMap::from([("pairs", wish.pairs.into()), ("size", wish.size.into())]);
    let (requests, messages) = (
        requests.get(),
        counters.iter().map(Counter::get).sum::<u64>(),
    );
    let mut report = measured.report("gateway", "messages", parameters, Some(&latencies));
    let each = requests as f64 / messages.max(1) as f64;
    report.more.insert("requests a message", each);
    Ok(report)
}

/// Signs two people in and brings them into a room.
async fn converse(
    http: SocketAddr,
    accounts: Arc<Accounts>,
    first: usize,
    version: Version,
) -> anyhow::Result<Pair> {
    let notification = || Connection::through(Transport::new(http, Target::Notification), version);
    let switchboard = |server| {
        let transport = Transport::new(http, Target::Switchboard(server));
        Connection::through(transport, version)
    };
    let mut people = [
        Person {
            who: accounts.get(first)?,
            connection: notification(),
        },
        Person {
            who: accounts.get(first + 1)?,
            connection: notification(),
        },
    ];
    for person in &mut people {
        sign_in_md5(&mut person.connection, &person.who).await?;
        download_by_line(&mut person.connection, "NLN").await?;
    }
    let [one, other] = &mut people;
    let referral = referral(&mut one.connection).await?;
    let mut sender = switchboard(referral.server);
    open_room(&mut sender, &one.who.address, &referral).await?;
    call(&mut sender, &other.who.address).await?;
    let invitation = ring(&mut other.connection).await?;
    let mut receiver = switchboard(invitation.server());
    answer(&mut receiver, &other.who.address, &invitation).await?;
    sender.until("JOI").await?;
    Ok(Pair {
        people,
        sender,
        receiver,
    })
}

/// Sends one message at a time and polls until it is there.
async fn talk(
    mut pair: Pair,
    message: Vec<u8>,
    counter: Counter,
    requests: Counter,
    latencies: Latencies,
) -> anyhow::Result<()> {
    let size = message.len()
        - message
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
    let (mut made, mut asked) = (0, Instant::now());
    loop {
        let start = Instant::now();
        pair.sender.send(&message).await?;
        let frame = pair.receiver.until("MSG").await?;
        latencies.record(start);
        let is_whole = frame
            .payload()
            .is_some_and(|payload| payload.len() == size && payload.ends_with(b"x."));
        anyhow::ensure!(is_whole, "what came is not what was sent");
        counter.add(1);
        let now = pair.sender.requests() + pair.receiver.requests();
        requests.add(now - made);
        made = now;
        // A session that nobody asks for news is ended sooner or later.
        if asked.elapsed() > NEWS {
            asked = Instant::now();
            for person in &mut pair.people {
                person.connection.send(b"PNG\r\n").await?;
                person.connection.until("QNG").await?;
            }
        }
    }
}
