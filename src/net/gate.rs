//! How many connections there may be, altogether and from one network, and how fast they may send
//! together.
//!
//! When all places are taken, accepting waits for one. A network is an IPv4 address or an IPv6
//! /64; a connection over its bound is closed at once. Connections that have not signed in have a bound
//! of their own; where it is reached, the oldest one that has said nothing at all gives way, so
//! that silent connections cannot shut out anybody who speaks.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Rules;
use super::pace::SharedPace;
use crate::live::Live;
use crate::metrics::{Limit, Metrics};
use crate::network::{Network, is_among};
use crate::wire::Role;

/// So many networks are remembered before any of them is forgotten.
const NETWORKS: usize = 1_024;

/// Bounds on connections.
#[derive(Debug, Clone)]
pub struct GateLimits {
    pub connections: usize,
    pub per_network: usize,
    /// Of one network, not signed in yet.
    pub waiting_per_network: usize,
    /// How long a peer may leave everything unanswered, even what only TCP answers.
    pub vanished: Duration,
    /// Networks that the bounds of one network pass over.
    pub exempt: Vec<IpNet>,
}

/// Admits connections; clones share the counts.
#[derive(Debug, Clone)]
pub struct Gate {
    limits: Live<GateLimits>,
    metrics: Metrics,
    places: Arc<Semaphore>,
    guests: Arc<Mutex<Lobby>>,
    /// What everybody sends.
    together: Arc<Paces>,
}

/// What many connections send together.
#[derive(Debug, Default)]
struct Paces {
    commands: SharedPace,
    messages: SharedPace,
}

/// One of the places that there are altogether; free again when dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// The networks that connections come from, and those that have left lately.
#[derive(Debug, Default)]
struct Lobby {
    networks: HashMap<Network, Guests>,
    /// With so many of them it is time to forget who left.
    full: usize,
}

/// The connections of one network.
#[derive(Debug, Default)]
struct Guests {
    open: usize,
    /// Not signed in, oldest first.
    waiting: VecDeque<Arc<Visitor>>,
    /// What they send.
    together: Arc<Paces>,
}

#[derive(Debug, Default)]
struct Visitor {
    has_spoken: AtomicBool,
    evicted: CancellationToken,
}

/// One admitted connection; dropping it frees the place.
#[derive(Debug)]
pub struct Admission {
    gate: Gate,
    network: Network,
    visitor: Arc<Visitor>,
    /// What its network sends.
    neighbours: Arc<Paces>,
    is_exempt: bool,
    _place: Place,
}

impl Gate {
    /// How long a peer may leave everything unanswered.
    pub fn vanished(&self) -> Duration {
        self.limits.now().vanished
    }

    /// A gate with all of its places free. Limits that are replaced later hold for whoever connects
    /// from then on; how many places there are altogether stays as it is.
    pub fn new(limits: impl Into<Live<GateLimits>>, metrics: Metrics) -> Self {
        let limits = limits.into();
        let places = limits.now().connections.min(Semaphore::MAX_PERMITS);
        Self {
            limits,
            metrics,
            places: Arc::new(Semaphore::new(places)),
            guests: Arc::default(),
            together: Arc::default(),
        }
    }

    /// Waits for a place. Cancel-safe; those who wait get one in turn.
    pub async fn place(&self) -> Place {
        if let Some(place) = self.free_place() {
            return place;
        }
        let permit = Arc::clone(&self.places).acquire_owned().await;
        Place {
            _permit: permit.expect("the places are never closed"),
        }
    }

    /// A place, if one is free now.
    pub fn free_place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        if permit.is_err() {
            self.metrics.limited(Limit::Connections);
        }
        permit.ok().map(|permit| Place { _permit: permit })
    }

    /// Admits a connection to a place, or answers `None` where its network has reached a bound
    /// and nobody silent can give way.
    pub fn admit(&self, place: Place, peer: IpAddr) -> Option<Admission> {
        let limits = self.limits.now();
        let is_exempt = is_among(&limits.exempt, peer);
        let network = Network::of(peer);
        let mut guests = self.guests();
        let entry = guests.of(network);
        if !is_exempt {
            if entry.open >= limits.per_network {
                self.metrics.limited(Limit::ConnectionsPerAddress);
                return None;
            }
            if entry.waiting.len() >= limits.waiting_per_network {
                self.metrics.limited(Limit::Unauthenticated);
                if !entry.evict_silent() {
                    return None;
                }
            }
        }
        let visitor = Arc::new(Visitor::default());
        entry.open += 1;
        entry.waiting.push_back(Arc::clone(&visitor));
        Some(Admission {
            gate: self.clone(),
            network,
            visitor,
            neighbours: Arc::clone(&entry.together),
            is_exempt,
            _place: place,
        })
    }

    /// Nothing could be accepted although there is a place.
    pub(super) fn accept_failed(&self) {
        self.metrics.accept_failed();
    }

    fn guests(&self) -> MutexGuard<'_, Lobby> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paces {
    fn of(&self, role: Role) -> &SharedPace {
        match role {
            Role::Notification => &self.commands,
            Role::Switchboard => &self.messages,
        }
    }

    fn have_run_down(&self, now: Instant) -> bool {
        self.commands.has_run_down(now) && self.messages.has_run_down(now)
    }
}

impl Lobby {
    fn of(&mut self, network: Network) -> &mut Guests {
        if self.networks.len() >= self.full.max(NETWORKS) {
            let now = Instant::now();
            self.networks
                .retain(|_, it| it.open > 0 || !it.together.have_run_down(now));
            // Twice as many, so that looking through them stays rare however many there are.
            self.full = self.networks.len() * 2;
        }
        self.networks.entry(network).or_default()
    }
}

impl Guests {
    fn evict_silent(&mut self) -> bool {
        let silent = self
            .waiting
            .iter()
            .position(|visitor| !visitor.has_spoken.load(Ordering::Relaxed));
        let Some(visitor) = silent.and_then(|position| self.waiting.remove(position)) else {
            return false;
        };
        visitor.evicted.cancel();
        true
    }

    fn stop_waiting(&mut self, visitor: &Arc<Visitor>) {
        self.waiting.retain(|other| !Arc::ptr_eq(other, visitor));
    }
}

impl Admission {
    /// The peer has sent something.
    pub fn spoke(&self) {
        self.visitor.has_spoken.store(true, Ordering::Relaxed);
    }

    /// The peer has shown who it is.
    pub fn signed_in(&self) {
        if let Some(guests) = self.gate.guests().networks.get_mut(&self.network) {
            guests.stop_waiting(&self.visitor);
        }
    }

    /// Whether the bounds of one network do not hold for the peer.
    pub fn is_exempt(&self) -> bool {
        self.is_exempt
    }

    /// Whether its network, and everybody together, leave room for another frame of this kind, or
    /// how long to wait for it.
    pub(super) fn admits(&self, role: Role, rules: &Rules, now: Instant) -> Result<(), Duration> {
        self.neighbours.of(role).admits(rules.network, now)?;
        self.gate.together.of(role).admits(rules.total, now)
    }

    /// Takes the room of a frame that was admitted.
    pub(super) fn charge(&self, role: Role, rules: &Rules, now: Instant) {
        self.neighbours.of(role).charge(rules.network, now);
        self.gate.together.of(role).charge(rules.total, now);
    }

    /// Cancelled when the place was given to another connection.
    pub fn evicted(&self) -> &CancellationToken {
        &self.visitor.evicted
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut guests = self.gate.guests();
        if let Some(network) = guests.networks.get_mut(&self.network) {
            network.stop_waiting(&self.visitor);
            network.open = network.open.saturating_sub(1);
            // Who comes back at once finds what it has taken still counted.
            if network.open == 0 && network.together.have_run_down(Instant::now()) {
                guests.networks.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::FrameRate;

    fn gate(connections: usize, per_network: usize, waiting: usize) -> Gate {
        let limits = GateLimits {
            connections,
            per_network,
            waiting_per_network: waiting,
            vanished: Duration::from_secs(120),
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
        };
        Gate::new(limits, Metrics::new())
    }

    impl Gate {
        fn let_in(&self, peer: &str) -> Option<Admission> {
            let place = self.free_place().unwrap();
            self.admit(place, peer.parse().unwrap())
        }
    }

    #[test]
    fn the_bound_of_a_network_leaves_other_networks_alone() {
        let gate = gate(100, 2, 10);
        let held: Vec<_> = (0..2).map(|_| gate.let_in("192.0.2.1").unwrap()).collect();
        assert!(gate.let_in("192.0.2.1").is_none());
        assert!(gate.let_in("::ffff:192.0.2.1").is_none());
        assert!(gate.let_in("192.0.2.2").is_some());
        let text = gate.metrics.render();
        assert!(text.contains("chrysalis_limited_total{limit=\"connections_per_address\"} 2"));
        drop(held);
        assert!(gate.let_in("192.0.2.1").is_some());
        assert_eq!(gate.places.available_permits(), 100);
        assert!(gate.guests().networks.is_empty());
    }

    #[test]
    fn a_silent_connection_gives_way_and_one_that_spoke_does_not() {
        let gate = gate(100, 100, 2);
        let first = gate.let_in("192.0.2.1").unwrap();
        first.spoke();
        let second = gate.let_in("192.0.2.1").unwrap();
        let third = gate.let_in("192.0.2.1").unwrap();
        assert!(second.evicted().is_cancelled() && !first.evicted().is_cancelled());
        third.spoke();
        assert!(gate.let_in("192.0.2.1").is_none());
        first.signed_in();
        assert!(gate.let_in("192.0.2.1").is_some());
    }

    #[test]
    fn an_exempt_network_has_no_bound_of_its_own() {
        let gate = gate(5, 1, 1);
        let held: Vec<_> = (0..5).filter_map(|_| gate.let_in("10.1.2.3")).collect();
        assert_eq!(held.len(), 5);
        assert!(gate.free_place().is_none());
    }

    #[test]
    fn the_frames_of_a_network_and_of_everybody_have_a_rate() {
        let gate = gate(100, 100, 100);
        let rate = |burst| FrameRate {
            per_second: 1,
            burst,
        };
        let rules = Rules {
            write: Duration::ZERO,
            own: rate(1),
            network: rate(10),
            total: rate(15),
        };
        let role = Role::Notification;
        let [one, two, other, third] =
            [1, 1, 2, 3].map(|n| gate.let_in(&format!("192.0.2.{n}")).unwrap());
        let now = Instant::now();
        (0..10).for_each(|_| one.charge(role, &rules, now));
        assert!(two.admits(role, &rules, now).is_err());
        assert!(two.admits(Role::Switchboard, &rules, now).is_ok());
        assert!(other.admits(role, &rules, now).is_ok());
        (0..5).for_each(|_| other.charge(role, &rules, now));
        assert!(third.admits(role, &rules, now).is_err());
        let later = now + Duration::from_secs(1);
        assert!(third.admits(role, &rules, later).is_ok());
        assert!(two.admits(role, &rules, later).is_ok());
        // To leave and come back forgives nothing; of others nothing is kept.
        drop((one, two, third));
        let again = gate.let_in("192.0.2.1").unwrap();
        assert!(again.admits(role, &rules, now).is_err());
        assert_eq!(gate.guests().networks.len(), 2);
    }

    #[test]
    fn networks_that_left_are_forgotten_in_time() {
        let gate = gate(10, 10, 10);
        let rate = FrameRate {
            per_second: 1_000_000_000,
            burst: 1,
        };
        let rules = Rules {
            write: Duration::ZERO,
            own: rate,
            network: rate,
            total: rate,
        };
        for n in 0..5_000_u32 {
            let peer = IpAddr::from((0x0b00_0000 + n).to_be_bytes());
            let admission = gate.admit(gate.free_place().unwrap(), peer).unwrap();
            // For a moment after it left.
            let soon = Instant::now() + Duration::from_millis(1);
            admission.charge(Role::Notification, &rules, soon);
        }
        assert!(gate.guests().networks.len() < 5_000);
    }
}
