//! One person's status, and everybody who is told of it.
//!
//! The one is in the middle of a ring of contacts, the others are the neighbours on both sides, as
//! `prepare` makes them, and speak different versions of the protocol. Nobody else changes anything,
//! so every notice about the one is a change of theirs; each is checked for the status it has to
//! have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrysalis::client::Connection;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::crowd::{Person, Server, everybody, sign_in, version};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Common, Pace, Presence};
use crate::report::Report;

/// The version that the one speaks.
const VERSION: u8 = 7;
/// What the one changes between.
const STATUSES: [&str; 2] = ["BSY", "AWY"];
/// How long a notice may be under way.
const DEADLINE: Duration = Duration::from_secs(30);

/// How far everybody is.
#[derive(Debug)]
struct Progress {
    watchers: u64,
    /// Notices that came, of all watchers together.
    told: AtomicU64,
    /// The number of notices that the one waits for.
    awaited: AtomicU64,
    reached: Notify,
}

impl Progress {
    fn add(&self, notices: u64) {
        let told = self.told.fetch_add(notices, Ordering::AcqRel) + notices;
        if told >= self.awaited.load(Ordering::Acquire) {
            self.reached.notify_one();
        }
    }

    /// Waits until so many notices have come.
    async fn until(&self, notices: u64) -> anyhow::Result<()> {
        let waiting = async {
            self.awaited.store(notices, Ordering::Release);
            while self.told.load(Ordering::Acquire) < notices {
                self.reached.notified().await;
            }
        };
        let waited = timeout(DEADLINE, waiting).await;
        waited.context("not everybody was told in time")
    }
}

pub(crate) async fn run(common: &Common, wish: &Presence) -> anyhow::Result<Report> {
    let half = wish.watchers / 2;
    anyhow::ensure!(
        half > 0 && wish.watchers.is_multiple_of(2),
        "an even number of watchers"
    );
    anyhow::ensure!(wish.lead > 0 && !wish.versions.is_empty(), "nothing to do");
    let versions = wish.versions.iter().map(|&number| version(number));
    let versions = Arc::new(versions.collect::<anyhow::Result<Vec<_>>>()?);
    let server = Server::find(common).await?;
    let accounts = Arc::new(Accounts::new(common)?);
    let meter = Meter::new(common)?;
    let middle = common.first + half;
    let (one, _) = sign_in(server, accounts.get(middle)?, version(VERSION)?).await?;
    let progress = Arc::new(Progress {
        watchers: u64::try_from(wish.watchers)?,
        told: AtomicU64::new(0),
        awaited: AtomicU64::new(u64::MAX),
        reached: Notify::new(),
    });
    let (begin, begun) = watch::channel(false);
    let mut workers = Workers::new();
    let mut counters = Vec::with_capacity(wish.watchers);
    let (first, address) = (common.first, one.who.address.clone());
    let watchers = everybody(wish.watchers, "watchers", move |number| {
        let place = first + number + usize::from(number >= half);
        let (accounts, versions) = (accounts.clone(), versions.clone());
        let mut begun = begun.clone();
        async move {
            let version = *versions
                .get(number % versions.len())
                .context("no version")?;
            let (person, _) = sign_in(server, accounts.get(place)?, version).await?;
            // Until all are there, each is told of the others and must not fall behind.
            let waiting = tokio::spawn(async move { settle(person, &mut begun).await });
            Ok(waiting)
        }
    })
    .await?;
    begin.send_replace(true);
    for waiting in watchers {
        let connection = waiting.await??;
        let counter = Counter::default();
        counters.push(counter.clone());
        workers.spawn(observe(
            connection,
            address.clone(),
            counter,
            progress.clone(),
        ));
    }
    let latencies = Latencies::new();
    let work = change(one, wish.pace, wish.lead, progress, latencies.clone());
    workers.spawn(work);
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let pace = match wish.pace {
        Pace::Burst => "burst",
        Pace::Single => "single",
    };
    let parameters = BTreeMap::from([
        ("watchers", wish.watchers.into()),
        ("pace", pace.into()),
        ("lead", wish.lead.into()),
    ]);
    let timed = (wish.pace == Pace::Single).then_some(&latencies);
    Ok(measured.report("presence", "notices", parameters, timed))
}

/// Reads until everybody is signed in and all that came of it is over.
async fn settle(
    mut person: Person,
    begun: &mut watch::Receiver<bool>,
) -> anyhow::Result<Connection> {
    let connection = &mut person.connection;
    loop {
        while let Some(frame) = connection.take()? {
            connection.has_answered(&frame).await?;
        }
        tokio::select! {
            read = connection.fill() => {
                anyhow::ensure!(read? > 0, "the server signed {} out", person.who.address);
            }
            changed = begun.changed() => {
                changed?;
                break;
            }
        }
    }
    // Whatever the others' signing in caused comes before this answer.
    connection.send(b"PNG\r\n").await?;
    connection.until("QNG").await?;
    Ok(person.connection)
}

/// Counts the notices about the one, and checks that none is left out.
async fn observe(
    mut connection: Connection,
    one: String,
    counter: Counter,
    progress: Arc<Progress>,
) -> anyhow::Result<()> {
    let mut next = 0_usize;
    loop {
        let mut notices = 0;
        while let Some(frame) = connection.take()? {
            let mut fields = frame.arguments();
            let is_notice = frame.verb().is_some_and(|verb| &verb.0 == b"NLN");
            if !is_notice {
                connection.has_answered(&frame).await?;
                continue;
            }
            let (status, who) = (fields.text()?, fields.text()?);
            // Since version 18 a network stands before the address.
            anyhow::ensure!(who.ends_with(&one), "a notice about {who}");
            let expected = STATUSES.get(next % 2).copied().unwrap_or_default();
            anyhow::ensure!(status == expected, "{status} came instead of {expected}");
            next += 1;
            notices += 1;
        }
        if notices > 0 {
            counter.add(notices);
            progress.add(notices);
        }
        anyhow::ensure!(
            connection.fill().await? > 0,
            "the server signed a watcher out"
        );
    }
}

/// Changes the status of the one. The clock runs from the change to the last one who is told.
async fn change(
    mut one: Person,
    pace: Pace,
    lead: u64,
    progress: Arc<Progress>,
    latencies: Latencies,
) -> anyhow::Result<()> {
    let mut changes = 0_u64;
    let mut batch = Vec::new();
    loop {
        let at_once = match pace {
            Pace::Single => 1,
            Pace::Burst => (lead / 2).max(1),
        };
        batch.clear();
        let first = changes;
        for number in first..first + at_once {
            let status = STATUSES.get(usize::try_from(number % 2)?);
            let trid = one.connection.next_trid();
            let line = format!("CHG {trid} {}\r\n", status.copied().unwrap_or_default());
            batch.extend_from_slice(line.as_bytes());
        }
        let start = Instant::now();
        one.connection.send(&batch).await?;
        changes += at_once;
        match pace {
            Pace::Single => {
                progress.until(changes * progress.watchers).await?;
                latencies.record(start);
            }
            // The next half goes out while the one before is on its way.
            Pace::Burst => progress.until(first * progress.watchers).await?,
        }
        for _ in 0..at_once {
            one.connection.until("CHG").await?;
        }
    }
}
