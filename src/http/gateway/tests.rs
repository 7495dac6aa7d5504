use std::sync::{Mutex, PoisonError};

use tokio::time::sleep;

use super::*;
use crate::net::GateLimits;

/// Clients at the far ends, kept for as long as the test lasts.
type Started = Arc<Mutex<Vec<Tunnelled>>>;

const PEER: &str = "192.0.2.1:4000";

fn gateway() -> (Gateway, Started) {
    let started = Started::default();
    let kept = Arc::clone(&started);
    let limits = GateLimits {
        connections: 20,
        per_network: 20,
        waiting_per_network: 20,
        vanished: Duration::from_secs(120),
        exempt: Vec::new(),
    };
    let gate = Gate::new(limits, Metrics::new());
    let settings = GatewaySettings {
        idle: Duration::from_secs(120),
        longest_idle: Duration::from_secs(600),
        sessions_per_network: 4,
        opens_per_minute: 6,
        exempt: vec!["10.0.0.0/8".parse().unwrap()],
        same_network: false,
        cors_origins: Vec::new(),
    };
    let start = move |_, client| {
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(client);
    };
    let stop = CancellationToken::new();
    let gateway = Gateway::new(settings, gate, Metrics::new(), stop, start);
    (gateway, started)
}

impl Gateway {
    fn opened(&self, peer: &str, timeout: Option<u64>) -> Result<Known, Refused> {
        let ends = (peer.parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        self.open(Role::Notification, ends, timeout.map(Duration::from_secs))
    }

    fn knows(&self, known: &Known) -> bool {
        self.find(&known.id, PEER.parse().unwrap()).is_some()
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_lasts_as_long_as_it_asked_for_within_bounds() {
    let (gateway, _started) = gateway();
    let shutdown = Shutdown::new();
    let sweep = gateway.clone().sweep(shutdown.clone());
    drop(shutdown.spawn("sweep", sweep));
    let usual = gateway.opened(PEER, None).unwrap();
    let short = gateway.opened(PEER, Some(5)).unwrap();
    let longer = gateway.opened(PEER, Some(300)).unwrap();
    let longest = gateway.opened(PEER, Some(21_660)).unwrap();
    for (after, alive) in [
        (119, [true, true, true, true]),
        (2, [false, false, true, true]),
        (177, [false, false, true, true]),
        (4, [false, false, false, true]),
        (296, [false, false, false, true]),
        (4, [false, false, false, false]),
    ] {
        sleep(Duration::from_secs(after)).await;
        let known = [&usual, &short, &longer, &longest].map(|it| gateway.knows(it));
        assert_eq!(known, alive, "after {after} more");
    }
    shutdown.begin();
    assert!(shutdown.wait(Duration::from_secs(1)).await);
}

#[tokio::test(start_paused = true)]
async fn sessions_have_time_to_ask_after_the_last_good_bye() {
    let spread = Duration::from_secs(3);
    for (opened, asked, waited) in [
        (0, 0, Duration::ZERO),
        (1, 1, Duration::ZERO),
        (2, 1, spread + LAST_REQUEST),
    ] {
        let (gateway, started) = gateway();
        let shutdown = Shutdown::new();
        let sweep = gateway.clone().sweep(shutdown.clone());
        drop(shutdown.spawn("sweep", sweep));
        let sessions: Vec<_> = (0..opened)
            .map(|_| gateway.opened(PEER, None).unwrap())
            .collect();
        let start = Instant::now();
        shutdown.begin_spread(spread);
        // As sessions do when it is their turn.
        started.lock().unwrap().clear();
        for known in sessions.iter().take(asked) {
            assert!(known.session.exchange(b"", None).await.unwrap().is_last);
            gateway.forget(&known.id);
        }
        gateway.parting().cancelled().await;
        assert_eq!(start.elapsed(), waited, "{asked} of {opened}");
        assert!(shutdown.wait(Duration::from_secs(1)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_its_lifespan_and_counts_as_life() {
    let (gateway, _started) = gateway();
    let known = gateway.opened(PEER, None).unwrap();
    let start = Instant::now();
    for _ in 0..10 {
        let reply = known.session.exchange(b"", Some(LONGEST_POLL)).await;
        assert!(!reply.unwrap().is_last);
    }
    assert_eq!(start.elapsed(), LONGEST_POLL * 10);
    assert!(!known.session.is_expired(Instant::now()));
    let later = Instant::now() + Duration::from_secs(121);
    let polling = known.session.exchange(b"", Some(LONGEST_POLL));
    tokio::select! {
        biased;
        _ = polling => panic!("nothing was to come"),
        () = std::future::ready(()) => {}
    }
    assert!(known.session.is_expired(later));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_is_told_once() {
    let (gateway, started) = gateway();
    let known = gateway.opened(PEER, None).unwrap();
    started.lock().unwrap().clear();
    let reply = known.session.exchange(b"PNG\r\n", None).await.unwrap();
    assert!(reply.is_last && reply.body.is_empty());
    let again = known.session.exchange(b"", None).await;
    assert_eq!(again, Err(Unanswered::Over));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pushes_without_end_is_cut_off() {
    let (gateway, started) = gateway();
    let known = gateway.opened(PEER, None).unwrap();
    let body = vec![0; 64 * 1024];
    let start = Instant::now();
    for _ in 0..4 {
        known.session.exchange(&body, None).await.unwrap();
    }
    // It was slowed down before.
    assert!(start.elapsed() >= Duration::from_secs(30));
    known.session.exchange(&body, None).await.unwrap();
    // The session gets what was taken, then the end.
    drop(started.lock().unwrap().pop());
    let reply = known.session.exchange(b"", None).await.unwrap();
    assert!(reply.is_last);
}

#[tokio::test(start_paused = true)]
async fn openings_are_counted_by_network_and_minute() {
    let (gateway, _started) = gateway();
    let mut open: Vec<_> = (0..4)
        .map(|_| gateway.opened(PEER, None).unwrap())
        .collect();
    let refused = |peer| gateway.opened(peer, None).err();
    assert_eq!(refused(PEER), Some(Refused::Full));
    assert_eq!(refused("[::ffff:192.0.2.1]:9"), Some(Refused::Full));
    assert_eq!(refused("192.0.2.2:9"), None);
    for _ in 0..2 {
        gateway.0.table.remove(&open.pop().unwrap().id);
        open.push(gateway.opened(PEER, None).unwrap());
    }
    gateway.0.table.remove(&open.pop().unwrap().id);
    assert_eq!(refused(PEER), Some(Refused::TooFast));
    sleep(Duration::from_secs(61)).await;
    assert_eq!(refused(PEER), None);
    for _ in 0..3 {
        assert_eq!(refused("10.1.1.1:9"), None);
    }
}

#[test]
fn an_id_fits_every_client() {
    let id = new_id();
    assert_eq!(id.len(), 33);
    assert_eq!(id.find('.'), Some(16));
}
