//! Conversations of many: one speaks, everybody else hears it. What is counted is what arrives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::bare;
use crate::crowd::{Server, attend, converse, everybody, version};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Common, Rooms};
use crate::pairs::{Arrivals, message};
use crate::report::Report;

/// How long a message may be under way.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) async fn run(common: &Common, wish: &Rooms) -> anyhow::Result<Report> {
    anyhow::ensure!(
        wish.in_flight > 0 && wish.rooms > 0 && wish.members > 1,
        "nothing to send"
    );
    let server = Server::find(common).await?;
    let meter = Meter::new(common)?;
    let mut workers = Workers::new();
    let message = message(wish.size, false);
    let rooms = if wish.bare {
        let (members, length) = (wish.members, message.len());
        everybody(wish.rooms, "connecting", move |number| async move {
            let hello = bare::Hello {
                room: format!("room-{number}"),
                members,
                length,
                acknowledge: false,
            };
            bare::join(server.msnp, &hello).await
        })
        .await?
    } else {
        let accounts = Arc::new(Accounts::new(common)?);
        let (version, members, first) = (version(wish.version)?, wish.members, common.first);
        let rooms = everybody(wish.rooms, "signing in", |number| {
            converse(
                server,
                accounts.clone(),
                first + members * number,
                members,
                version,
            )
        });
        let mut sockets = Vec::with_capacity(wish.rooms);
        for conversation in rooms.await? {
            workers.spawn(attend(conversation.people));
            sockets.push(conversation.members);
        }
        sockets
    };
    let latencies = Latencies::new();
    let mut counters = Vec::with_capacity(rooms.len());
    for members in rooms {
        let counter = Counter::default();
        counters.push(counter.clone());
        let burst = message.repeat(wish.in_flight);
        workers.spawn(speak(
            members,
            burst,
            wish.in_flight,
            counter,
            latencies.clone(),
        ));
    }
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let parameters = BTreeMap::from([
        ("rooms", wish.rooms.into()),
        ("members", wish.members.into()),
        ("in_flight", wish.in_flight.into()),
        ("size", wish.size.into()),
        ("bare", wish.bare.into()),
    ]);
    Ok(measured.report("rooms", "deliveries", parameters, Some(&latencies)))
}

/// Writes some messages and reads until everybody has them, again and again.
async fn speak(
    members: Vec<TcpStream>,
    burst: Vec<u8>,
    in_flight: usize,
    counter: Counter,
    latencies: Latencies,
) -> anyhow::Result<()> {
    let mut members = members.into_iter();
    let mut speaker = members.next().context("nobody speaks")?;
    let mut listeners: Vec<(TcpStream, Arrivals)> =
        members.map(|socket| (socket, Arrivals::new())).collect();
    let wanted = u64::try_from(in_flight)?;
    loop {
        let start = Instant::now();
        let round = async {
            speaker.write_all(&burst).await?;
            for (socket, arrivals) in &mut listeners {
                let mut came = 0;
                while came < wanted {
                    came += arrivals.read(socket).await?;
                }
                anyhow::ensure!(came == wanted, "more came than was sent");
                counter.add(came);
            }
            Ok(())
        };
        timeout(DEADLINE, round)
            .await
            .context("a message did not arrive in time")??;
        latencies.record(start);
    }
}
