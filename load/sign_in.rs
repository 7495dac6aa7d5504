//! Signing in, again and again: a new connection, the whole list, the status, and out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::accounts::Accounts;
use crate::crowd::{Server, sign_in, version};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Common, Method, SignIn};
use crate::report::Report;

impl Method {
    /// A version of the protocol that signs in this way.
    fn version(self) -> u8 {
        match self {
            Self::Md5 => 7,
            Self::Twn => 9,
            Self::Sso => 15,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Twn => "twn",
            Self::Sso => "sso",
        }
    }
}

pub(crate) async fn run(common: &Common, wish: &SignIn) -> anyhow::Result<Report> {
    anyhow::ensure!(
        wish.people > wish.at_once,
        "more people than sign in at once, so that nobody is in twice"
    );
    let server = Server::find(common).await?;
    let accounts = Arc::new(Accounts::new(common)?);
    let version = version(wish.method.version())?;
    let meter = Meter::new(common)?;
    let latencies = Latencies::new();
    let turn = Arc::new(AtomicUsize::new(0));
    let mut workers = Workers::new();
    let counter = Counter::default();
    for _ in 0..wish.at_once {
        let (accounts, turn, counter) = (accounts.clone(), turn.clone(), counter.clone());
        let (latencies, first, people) = (latencies.clone(), common.first, wish.people);
        let fewest = wish.contacts;
        workers.spawn(async move {
            loop {
                let number = turn.fetch_add(1, Ordering::Relaxed) % people;
                let who = accounts.get(first + number)?;
                let start = Instant::now();
                let (mut person, contacts) = sign_in(server, who, version).await?;
                latencies.record(start);
                anyhow::ensure!(
                    contacts >= fewest,
                    "{} has only {contacts} contacts",
                    person.who.address
                );
                counter.add(1);
                person.connection.send(b"OUT\r\n").await?;
            }
        });
    }
    let counters = [counter];
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let parameters = BTreeMap::from([
        ("method", wish.method.name().into()),
        ("at_once", wish.at_once.into()),
        ("people", wish.people.into()),
    ]);
    Ok(measured.report("sign-in", "sign-ins", parameters, Some(&latencies)))
}
