//! Putting people on a list and taking them off again. The server answers each change when it is
//! durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use chrysalis::client::{ClientError, Connection};

use crate::accounts::Accounts;
use crate::crowd::{Person, Server, everybody, sign_in, version};
use crate::meter::{Counter, Latencies, Meter, Workers};
use crate::options::{Common, Contacts, OnList};
use crate::report::Report;

/// The version that is spoken: its changes are single lines.
const VERSION: u8 = 7;

impl OnList {
    fn word(self) -> &'static str {
        match self {
            Self::Forward => "FL",
            Self::Block => "BL",
        }
    }

    /// What stands behind the address when somebody is put on it, and when they are taken off. Only
    /// the forward list has groups.
    fn group(self) -> &'static str {
        match self {
            Self::Forward => " 0",
            Self::Block => "",
        }
    }
}

pub(crate) async fn run(common: &Common, wish: &Contacts) -> anyhow::Result<Report> {
    anyhow::ensure!(wish.people > 0 && wish.in_flight > 0, "nothing to change");
    anyhow::ensure!(
        wish.distance >= wish.people,
        "the others are to be nobody who changes a list"
    );
    let server = Server::find(common).await?;
    let accounts = Arc::new(Accounts::new(common)?);
    let version = version(VERSION)?;
    let meter = Meter::new(common)?;
    let first = common.first;
    let people = everybody(wish.people, "signing in", |number| {
        let accounts = accounts.clone();
        async move {
            let who = accounts.get(first + number)?;
            Ok(sign_in(server, who, version).await?.0)
        }
    })
    .await?;
    let latencies = Latencies::new();
    let mut workers = Workers::new();
    let mut counters = Vec::with_capacity(people.len());
    for (number, person) in people.into_iter().enumerate() {
        let counter = Counter::default();
        counters.push(counter.clone());
        let mut others = Vec::with_capacity(wish.in_flight);
        for other in 0..wish.in_flight {
            let place = first + wish.distance + number + other;
            others.push(accounts.get(place)?.address);
        }
        workers.spawn(change(
            person,
            others,
            wish.list,
            counter,
            latencies.clone(),
        ));
    }
    let measured = meter
        .measure(common, &mut workers, &counters, &latencies)
        .await?;
    workers.shutdown().await;
    let parameters = BTreeMap::from([
        ("people", wish.people.into()),
        ("in_flight", wish.in_flight.into()),
        ("list", wish.list.word().into()),
    ]);
    Ok(measured.report("contacts", "changes", parameters, Some(&latencies)))
}

/// Puts all of them on the list, one behind the other, then takes them off again.
async fn change(
    mut person: Person,
    others: Vec<String>,
    list: OnList,
    counter: Counter,
    latencies: Latencies,
) -> anyhow::Result<()> {
    let (word, group) = (list.word(), list.group());
    // Somebody may be left on the list by a run that was ended in between.
    for other in &others {
        match person
            .connection
            .ask("REM", format!("{word} {other}"))
            .await
        {
            Ok(_) | Err(ClientError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    loop {
        for verb in ["ADD", "REM"] {
            let start = Instant::now();
            let connection = &mut person.connection;
            let mut wishes = String::new();
            let mut trids = Vec::with_capacity(others.len());
            for other in &others {
                let trid = connection.next_trid();
                trids.push(trid);
                let name = if verb == "ADD" { other.as_str() } else { "" };
                let blank = if name.is_empty() { "" } else { " " };
                wishes.push_str(&format!("{verb} {trid} {word} {other}{blank}{name}"));
                // Taken off without a group, somebody leaves the whole list.
                wishes.push_str(if verb == "ADD" { group } else { "" });
                wishes.push_str("\r\n");
            }
            connection.send(wishes.as_bytes()).await?;
            for trid in trids {
                acknowledged(connection, verb, trid).await?;
                counter.add(1);
                latencies.record(start);
            }
        }
    }
}

async fn acknowledged(connection: &mut Connection, verb: &str, trid: u32) -> anyhow::Result<()> {
    let answer = connection.answer_to(verb, trid).await;
    answer.context("a change was not taken")?;
    Ok(())
}
