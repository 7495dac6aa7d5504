//! People who are signed in and do nothing: what one costs in memory, and what all cost in time.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::crowd::{Server, attend, everybody, sign_in, version};
use crate::meter::{Latencies, Meter, Workers};
use crate::options::{Common, Idle};
use crate::report::Report;

/// Time for what signing in leaves behind.
const SETTLE: Duration = Duration::from_secs(2);

#[expect(clippy::cast_precision_loss, reason = "a mean needs no more")]
pub(crate) async fn run(common: &Common, wish: &Idle) -> anyhow::Result<Report> {
    anyhow::ensure!(wish.sessions > 0, "nobody to be idle");
    let server = Server::find(common).await?;
    let accounts = Arc::new(Accounts::new(common)?);
    let version = version(wish.version)?;
    let meter = Meter::new(common)?;
    let first = common.first;
    let sessions = everybody(wish.sessions, "signing in", |number| {
        let accounts = accounts.clone();
        async move {
            let who = accounts.get(first + number)?;
            let (mut person, _) = sign_in(server, who, version).await?;
            person.connection.shrink();
            // From now on each reads what the later ones cause.
            Ok(tokio::spawn(attend(vec![person])))
        }
    })
    .await?;
    let mut workers = Workers::new();
    for session in sessions {
        workers.spawn(async move { session.await? });
    }
    tokio::time::sleep(SETTLE).await;
    let (settled, before) = meter.resident();
    if wish.announce {
        writeln!(std::io::stdout(), "ready")?;
        std::io::stdout().flush()?;
    }
    // There are no operations; the clock and the processes are what counts.
    let measured = meter
        .measure(common, &mut workers, &[], &Latencies::new())
        .await?;
    let (after, _) = meter.resident();
    workers.abort_all();
    let parameters = BTreeMap::from([
        ("sessions", wish.sessions.into()),
        ("version", wish.version.into()),
    ]);
    let mut report = measured.report("idle", "operations", parameters, None);
    let each = |bytes: u64| bytes.saturating_sub(before) as f64 / wish.sessions as f64;
    report.more.insert("bytes a session", each(settled));
    report.more.insert("bytes a session, later", each(after));
    Ok(report)
}
