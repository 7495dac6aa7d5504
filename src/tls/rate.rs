//! How many handshakes one network may ask for.
//!
//! A handshake costs a hundred times what it costs to ask for one, so whoever asks for too many is
//! turned away before it begins.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use crate::live::Live;
use crate::network::{Network, is_among};

/// Networks remembered. When all of them are busy, they are forgiven together: memory is bounded,
/// and so many networks at once cannot be told from a crowd.
const REMEMBERED: usize = 10_000;

const MINUTE: Duration = Duration::from_secs(60);

/// How many handshakes a minute are right, and for whom that does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeRate {
    /// Handshakes that one network may ask for in a minute, at once or spread.
    pub per_minute: u32,
    /// Networks that may ask for as many as they like.
    pub exempt: Vec<IpNet>,
}

/// Counts the handshakes of networks.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: Live<HandshakeRate>,
    /// When the last handshakes of a network will have run down. Held for one look.
    busy: Mutex<HashMap<Network, Instant>>,
}

impl Throttle {
    pub(super) fn new(rate: HandshakeRate) -> Self {
        Self {
            rate: Live::new(rate),
            busy: Mutex::default(),
        }
    }

    pub(super) fn change(&self, rate: HandshakeRate) {
        self.rate.replace(rate);
    }

    /// Takes one handshake of the peer's, or answers that there is none left.
    pub(super) fn admits(&self, peer: IpAddr) -> bool {
        let rate = self.rate.now();
        if is_among(&rate.exempt, peer) {
            return true;
        }
        let now = Instant::now();
        let interval = MINUTE / rate.per_minute.max(1);
        let network = Network::of(peer);
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.len() >= REMEMBERED && !busy.contains_key(&network) {
            busy.retain(|_, runs_down_at| *runs_down_at > now);
            if busy.len() >= REMEMBERED {
                busy.clear();
            }
        }
        let runs_down_at = busy.entry(network).or_insert(now);
        let after = (*runs_down_at).max(now) + interval;
        if after > now + MINUTE {
            return false;
        }
        *runs_down_at = after;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(per_minute: u32) -> Throttle {
        Throttle::new(HandshakeRate {
            per_minute,
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_has_a_minutes_worth_and_then_the_rate() {
        let throttle = throttle(6);
        let (one, other) = (
            "192.0.2.1".parse().unwrap(),
            "192.0.2.2".parse::<IpAddr>().unwrap(),
        );
        let at_once = (0..20).filter(|_| throttle.admits(one)).count();
        assert_eq!(at_once, 6);
        assert!(throttle.admits(other));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(throttle.admits(one));
        assert!(!throttle.admits(one));
    }

    #[tokio::test(start_paused = true)]
    async fn exempt_networks_are_not_counted() {
        let throttle = throttle(1);
        assert!((0..9).all(|_| throttle.admits("10.1.2.3".parse().unwrap())));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let throttle = throttle(1);
        for number in 0..u32::try_from(REMEMBERED).unwrap() * 2 {
            throttle.admits(IpAddr::V4((0x0b00_0000 + number).into()));
        }
        assert!(throttle.busy.lock().unwrap().len() <= REMEMBERED);
    }
}
