//! What one account and one address may do in a while.
//!
//! People never meet these rates, programs that run wild do. Each is a token bucket for the
//! account, a larger one for its network, and the largest for everybody, so that neither one
//! account at many places nor many accounts at one gets further, and the machine bears all of them.
//! Exempt networks are not counted at all. Whoever has to pay for something is always who asks for
//! it, and only what account and network are granted counts for everybody; so to use up what others
//! need takes many networks.
//!
//! Memory is bounded: of each count the busiest are remembered.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::throttle::{Rate, Remembered};
use crate::clock::Clock;
use crate::config::Limits;
use crate::live::Live;
use crate::metrics::{Limit, Metrics};
use crate::model::{Refusal, UserId};
use crate::network::{Network, is_among};

/// Accounts and networks remembered for each count.
const COUNTED: usize = 10_000;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// A change of contacts, lists, groups or circles.
    ContactChange,
    /// A change of status, name on show or personal message.
    StatusChange,
    /// A conversation is opened.
    RoomOpen,
    /// Somebody is called into a conversation.
    Invitation,
    /// A call of a web service, or the download of a list.
    WebCall,
}

impl Doing {
    fn limit(self) -> Limit {
        match self {
            Self::ContactChange => Limit::ContactChanges,
            Self::StatusChange => Limit::StatusChanges,
            Self::RoomOpen => Limit::RoomOpens,
            Self::Invitation => Limit::Invitations,
            Self::WebCall => Limit::WebCalls,
        }
    }

    fn refusal(self) -> Refusal {
        match self {
            Self::ContactChange | Self::StatusChange | Self::WebCall => Refusal::ChangingTooFast,
            Self::RoomOpen | Self::Invitation => Refusal::CallingTooFast,
        }
    }
}

/// The rates, from the limits of a server.
#[derive(Debug, Clone)]
pub struct AllowanceSettings {
    contact_changes: Rates,
    status_changes: Rates,
    room_opens: Rates,
    invitations: Rates,
    web_calls: Rates,
    exempt: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy)]
struct Rates {
    account: Rate,
    network: Rate,
    total: Rate,
}

impl AllowanceSettings {
    /// Takes what it needs.
    pub fn new(limits: &Limits) -> Self {
        let rates = |per_minute: u32, burst: u32| {
            let factor = limits.address_factor;
            Rates {
                account: Rate::with_burst(per_minute, burst),
                network: Rate::with_burst(
                    per_minute.saturating_mul(factor),
                    burst.saturating_mul(factor),
                ),
                total: Rate::per_minute(per_minute.saturating_mul(limits.total_factor)),
            }
        };
        let even = |per_minute| rates(per_minute, per_minute);
        Self {
            contact_changes: rates(
                limits.contact_changes_per_minute,
                limits.contact_changes_burst,
            ),
            status_changes: even(limits.status_changes_per_minute),
            room_opens: even(limits.room_opens_per_minute),
            invitations: even(limits.invitations_per_minute),
            web_calls: rates(limits.web_calls_per_minute, limits.web_calls_burst),
            exempt: limits.exempt.clone(),
        }
    }

    fn rates(&self, what: Doing) -> Rates {
        match what {
            Doing::ContactChange => self.contact_changes,
            Doing::StatusChange => self.status_changes,
            Doing::RoomOpen => self.room_opens,
            Doing::Invitation => self.invitations,
            Doing::WebCall => self.web_calls,
        }
    }
}

/// Counts what accounts and networks do; clones share the counts.
#[derive(Debug, Clone)]
pub struct Allowances {
    settings: Live<AllowanceSettings>,
    clock: Clock,
    metrics: Metrics,
    counts: Arc<Counts>,
}

/// Each has a lock of its own, held for one look; nothing else is ever locked meanwhile.
#[derive(Debug, Default)]
struct Counts {
    contact_changes: Mutex<Count>,
    status_changes: Mutex<Count>,
    room_opens: Mutex<Count>,
    invitations: Mutex<Count>,
    web_calls: Mutex<Count>,
}

#[derive(Debug)]
struct Count {
    accounts: Remembered<UserId>,
    networks: Remembered<Network>,
    /// When what all of them did will have run down.
    total: Option<i64>,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            accounts: Remembered::new(COUNTED),
            networks: Remembered::new(COUNTED),
            total: None,
        }
    }
}

impl Counts {
    fn of(&self, what: Doing) -> &Mutex<Count> {
        match what {
            Doing::ContactChange => &self.contact_changes,
            Doing::StatusChange => &self.status_changes,
            Doing::RoomOpen => &self.room_opens,
            Doing::Invitation => &self.invitations,
            Doing::WebCall => &self.web_calls,
        }
    }
}

impl Allowances {
    pub(super) fn new(settings: AllowanceSettings, clock: Clock, metrics: Metrics) -> Self {
        Self {
            settings: Live::new(settings),
            clock,
            metrics,
            counts: Arc::default(),
        }
    }

    /// Holds for whatever is done from now on; what was counted still counts.
    pub fn change(&self, settings: AllowanceSettings) {
        self.settings.replace(settings);
    }

    /// Counts one, or answers what is refused because there were too many.
    pub fn spend(&self, what: Doing, user: UserId, peer: IpAddr) -> Result<(), Refusal> {
        self.spend_many(what, 1, user, peer)
    }

    /// The same for so many at once. They are granted as long as one would be, and what goes
    /// beyond is a debt; so what a client sends as one is done or refused as one.
    pub fn spend_many(
        &self,
        what: Doing,
        times: u32,
        user: UserId,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        let settings = self.settings.now();
        if is_among(&settings.exempt, peer) {
            return Ok(());
        }
        let rates = settings.rates(what);
        let network = Network::of(peer);
        let now = self.clock.now_ms().saturating_mul(1_000);
        let is_granted = {
            let count = self.counts.of(what).lock();
            let mut count = count.unwrap_or_else(PoisonError::into_inner);
            let of_account = count.accounts.get(&user);
            let of_network = count.networks.get(&network);
            let is_granted = rates.account.admits(of_account, now)
                && rates.network.admits(of_network, now)
                && rates.total.admits(count.total, now);
            if is_granted {
                let debt = rates.account.charged_for(times, of_account, now);
                count.accounts.set(user, debt);
                let debt = rates.network.charged_for(times, of_network, now);
                count.networks.set(network, debt);
                count.total = Some(rates.total.charged_for(times, count.total, now));
            }
            is_granted
        };
        if is_granted {
            return Ok(());
        }
        self.metrics.limited(what.limit());
        tracing::debug!(%user, %peer, limit = what.limit().word(), "too fast");
        Err(what.refusal())
    }
}

/// Whether the database may grow; clones share the answer. It is asked for by whatever adds much
/// at once, and kept true by the server's housekeeping.
#[derive(Debug, Clone)]
pub struct Space {
    metrics: Metrics,
    is_full: Arc<AtomicBool>,
}

impl Space {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            is_full: Arc::default(),
        }
    }

    /// Says whether the database has grown to its bound.
    pub fn set_full(&self, is_full: bool) {
        if self.is_full.swap(is_full, Ordering::Relaxed) != is_full {
            if is_full {
                tracing::warn!(
                    "the database has reached limits.database_mib; nothing large is added to it"
                );
            } else {
                tracing::info!("the database is below limits.database_mib again");
            }
        }
    }

    /// Whether something large may be added.
    pub(super) fn is_left(&self) -> bool {
        let is_left = !self.is_full.load(Ordering::Relaxed);
        if !is_left {
            self.metrics.limited(Limit::Database);
        }
        is_left
    }
}

/// The limit behind a refusal that says nothing else, for whoever sends one to count it. Refusals
/// of [`Allowances`] are counted there.
pub fn limit_of(refusal: Refusal) -> Option<Limit> {
    match refusal {
        Refusal::ListFull | Refusal::TooManyGroups => Some(Limit::Lists),
        Refusal::CardTooLarge | Refusal::BookTooLarge => Some(Limit::StoredBytes),
        Refusal::TooManyRooms => Some(Limit::Rooms),
        Refusal::RoomFull => Some(Limit::RoomMembers),
        Refusal::SendingTooFast => Some(Limit::OfflineMessages),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn allowances(clock: &Clock) -> (Allowances, Metrics) {
        let metrics = Metrics::new();
        let limits = Limits {
            contact_changes_per_minute: 60,
            contact_changes_burst: 100,
            invitations_per_minute: 6,
            address_factor: 2,
            total_factor: 6,
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..Limits::default()
        };
        let settings = AllowanceSettings::new(&limits);
        let allowances = Allowances::new(settings, clock.clone(), metrics.clone());
        (allowances, metrics)
    }

    fn granted(allowances: &Allowances, what: Doing, user: i64, peer: IpAddr) -> usize {
        let granted = |_: &u32| allowances.spend(what, UserId(user), peer).is_ok();
        (0..1_000).filter(granted).count()
    }

    #[test]
    fn an_account_has_a_burst_and_then_its_rate_wherever_it_is() {
        let clock = Clock::set_to(1_700_000_000_000);
        let (allowances, metrics) = allowances(&clock);
        let change = Doing::ContactChange;
        assert_eq!(granted(&allowances, change, 1, HOME), 100);
        let elsewhere = "198.51.100.1".parse().unwrap();
        assert_eq!(granted(&allowances, change, 1, elsewhere), 0);
        assert_eq!(granted(&allowances, Doing::Invitation, 1, HOME), 6);
        clock.advance(Duration::from_secs(3));
        assert_eq!(granted(&allowances, change, 1, HOME), 3);
        let text = metrics.render();
        assert!(text.contains("chrysalis_limited_total{limit=\"contact_changes\"} 2897"));
        assert!(text.contains("chrysalis_limited_total{limit=\"invitations\"} 994"));
    }

    #[test]
    fn all_accounts_of_a_network_have_a_rate_together_and_other_networks_their_own() {
        let (allowances, _) = allowances(&Clock::set_to(1_700_000_000_000));
        let change = Doing::ContactChange;
        let granted = |user, peer: &str| granted(&allowances, change, user, peer.parse().unwrap());
        assert_eq!(granted(1, "2001:db8::1"), 100);
        assert_eq!(granted(2, "2001:db8::2"), 100);
        assert_eq!(granted(3, "2001:db8::3"), 0);
        assert_eq!(granted(3, "2001:db8:0:1::3"), 100);
        assert_eq!(granted(4, "10.1.2.3"), 1_000);
    }

    #[test]
    fn everybody_together_has_a_rate_that_what_was_refused_does_not_use_up() {
        let clock = Clock::set_to(1_700_000_000_000);
        let (allowances, _) = allowances(&clock);
        let network = |n: i64| format!("192.0.2.{n}").parse().unwrap();
        // Six times what one account may do in a minute; each got all that it may do at once.
        let all: Vec<usize> = (1..=5)
            .map(|n| granted(&allowances, Doing::ContactChange, n, network(n)))
            .collect();
        assert_eq!(all, [100, 100, 100, 60, 0]);
        assert_eq!(granted(&allowances, Doing::Invitation, 5, network(5)), 6);
        clock.advance(Duration::from_secs(1));
        assert_eq!(granted(&allowances, Doing::ContactChange, 5, network(5)), 6);
    }

    #[test]
    fn a_list_at_once_is_granted_as_a_whole_and_is_a_debt() {
        let clock = Clock::set_to(1_700_000_000_000);
        let (allowances, _) = allowances(&clock);
        let spend = |times| {
            let (what, user) = (Doing::ContactChange, UserId(1));
            allowances.spend_many(what, times, user, HOME)
        };
        assert_eq!(spend(150), Ok(()));
        assert_eq!(spend(1), Err(Refusal::ChangingTooFast));
        clock.advance(Duration::from_secs(50));
        assert_eq!(spend(1), Err(Refusal::ChangingTooFast));
        clock.advance(Duration::from_secs(1));
        assert_eq!(spend(1), Ok(()));
    }

    #[test]
    fn importing_a_thousand_contacts_at_once_meets_no_default() {
        let clock = Clock::set_to(1_700_000_000_000);
        let settings = AllowanceSettings::new(&Limits::default());
        let allowances = Allowances::new(settings, clock, Metrics::new());
        // Onto two lists and into a group; with the web services besides.
        for (what, times) in [
            (Doing::ContactChange, 3_000),
            (Doing::WebCall, 3_000),
            // Fifty people into four rooms within a minute.
            (Doing::Invitation, 200),
            (Doing::RoomOpen, 100),
            (Doing::StatusChange, 60),
        ] {
            for _ in 0..times {
                assert_eq!(allowances.spend(what, UserId(1), HOME), Ok(()), "{what:?}");
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let settings = AllowanceSettings::new(&Limits::default());
        let clock = Clock::set_to(1_700_000_000_000);
        let allowances = Allowances::new(settings, clock, Metrics::new());
        for n in 0..25_000_u32 {
            let peer = IpAddr::from((0x0b00_0000 + n).to_be_bytes());
            let user = UserId(i64::from(n));
            allowances.spend(Doing::WebCall, user, peer).unwrap();
        }
        let count = allowances.counts.web_calls.lock().unwrap();
        assert!(count.accounts.len() <= COUNTED && count.networks.len() <= COUNTED);
    }
}
