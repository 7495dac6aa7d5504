//! Downloading the whole address book over the web, again and again over connections that stay open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrysalis::client::{Http, ask_find_all, entries, fetch_tokens, find_all};

use crate::accounts::Accounts;
use crate::crowd::{Server, everybody};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Abfindall, Common};
use crate::report::Report;

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
pub(crate) async fn run(common: &Common, wish: &Abfindall) -> anyhow::Result<Report> {
    anyhow::ensure!(wish.people > 0, "nobody asks");
    let server = Server::find(common).await?;
    let accounts = Arc::new(Accounts::new(common)?);
    let meter = Meter::new(common)?;
    let first = common.first;
    let people = everybody(wish.people, "signing in", |number| {
        let accounts = accounts.clone();
        async move {
            let mut http = Http::new(server.http);
            let who = accounts.get(first + number)?;
            let tokens = fetch_tokens(&mut http, &who).await?;
            let request = find_all(&tokens);
            let answer = ask_find_all(&mut http, &request).await?;
            Ok((http, request, answer))
        }
    })
    .await?;
    let latencies = Latencies::new();
    let mut workers = Workers::new();
    let mut counters = Vec::with_capacity(people.len());
    let mut known = (0, 0);
    for (mut http, request, answer) in people {
        let counter = Counter::default();
        counters.push(counter.clone());
        let latencies = latencies.clone();
        let length = answer.body.len();
        known = (entries(&answer), length);
        workers.spawn(async move {
            loop {
                let start = Instant::now();
                let answer = ask_find_all(&mut http, &request).await?;
                latencies.record(start);
                anyhow::ensure!(
                    answer.body.len() == length && answer.body.ends_with(b"Envelope>"),
                    "the book has changed while nobody wrote in it"
                );
                counter.add(1);
            }
        });
    }
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let (entries, length) = known;
    let parameters = BTreeMap::from([("people", wish.people.into()), ("entries", entries.into())]);
    let mut report = measured.report("abfindall", "downloads", parameters, Some(&latencies));
    report.more.insert("bytes of an answer", length as f64);
    Ok(report)
}
