//! Failed sign-ins, slowed down without locking anybody out.
//!
//! Failures are counted three ways: for an account from one network (strict), for a network
//! whatever the account (three times as many), and for an account wherever from (ten times as
//! many, against guessing from many machines). The latter two never shut out an account from a
//! network where it signed in before, so nobody can keep a person out by guessing, be it at
//! their account or from behind the same router.
//! Accounts that do not exist count like any other.
//!
//! Besides, all attempts of a network, all successes of an account and all attempts there are have
//! a rate. Only whoever has the proof can use up the second, and the last does not hold for an
//! account where it signed in before, so they shut nobody out either.
//!
//! Everything is in memory and bounded. The invariant: in the long run no more failures a minute
//! get through than allowed. Attempts under way at the same moment may exceed that for once, but
//! they are a debt that has to run down first.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use crate::config::Limits;
use crate::live::Live;
use crate::model::Address;
use crate::network::{Network, is_among};

/// How much more a network may fail than one account from it.
const NETWORK_FACTOR: u32 = 3;
/// How much more an account may fail altogether than from one network.
const ACCOUNT_FACTOR: u32 = 10;
/// Keys remembered for each of the three counts.
const COUNTED: usize = 10_000;
/// Pairs of account and network remembered for a successful sign-in.
const PROVEN: usize = 40_000;

const MINUTE_US: i64 = 60_000_000;
/// Accounts remembered that signed in lately.
const SIGNED_IN: usize = 10_000;
/// The longest debt. A longer one can only come from a clock that was set back, and is void.
const LONGEST_US: i64 = 60 * MINUTE_US;

/// Decides who may try a password, from who failed lately. Copies share their counts.
#[derive(Debug, Clone)]
pub struct Throttle {
    settings: Live<Settings>,
    /// Held only to read or change the maps; nothing else is ever locked meanwhile.
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug)]
struct Settings {
    rates: SignInRates,
    exempt: Vec<IpNet>,
}

/// How often somebody may sign in, or try to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInRates {
    /// Failures a minute to an account from one network.
    pub failures: u32,
    /// Successes a minute of one account.
    pub successes: u32,
    /// Attempts a minute from one network, however they end.
    pub attempts: u32,
    /// Attempts a minute from wherever.
    pub total: u32,
}

impl SignInRates {
    /// Takes what the limits of a server say.
    pub fn new(limits: &Limits) -> Self {
        Self {
            failures: limits.failed_sign_ins_per_minute,
            successes: limits.sign_ins_per_minute,
            attempts: limits.sign_ins_per_address,
            total: limits
                .sign_ins_per_minute
                .saturating_mul(limits.total_factor),
        }
    }
}

#[derive(Debug)]
struct Counts {
    pairs: Remembered<(Address, Network)>,
    networks: Remembered<Network>,
    accounts: Remembered<Address>,
    /// When the account last signed in from there, in microseconds.
    proven: Remembered<(Address, Network)>,
    attempts: Remembered<Network>,
    successes: Remembered<Address>,
    /// When all the attempts there were will have run down.
    total: Option<i64>,
}

impl Throttle {
    /// For the `exempt` networks, where many people share an address, the count of failures from
    /// one network is as generous as the one for the account, and there is none for the network
    /// nor for sign-ins that succeed.
    pub fn new(rates: SignInRates, exempt: Vec<IpNet>) -> Self {
        Self {
            settings: Live::new(Settings { rates, exempt }),
            counts: Arc::new(Mutex::new(Counts {
                pairs: Remembered::new(COUNTED),
                networks: Remembered::new(COUNTED),
                accounts: Remembered::new(COUNTED),
                proven: Remembered::new(PROVEN),
                attempts: Remembered::new(COUNTED),
                successes: Remembered::new(SIGNED_IN),
                total: None,
            })),
        }
    }

    /// Allows other rates from now on, and exempts other networks. What was counted still counts.
    pub fn change(&self, rates: SignInRates, exempt: Vec<IpNet>) {
        self.settings.replace(Settings { rates, exempt });
    }

    /// Whether this account may be tried from there now, which is counted as an attempt if so.
    pub fn admits(&self, address: &Address, peer: IpAddr, now_ms: i64) -> bool {
        let now = now_ms.saturating_mul(1_000);
        let network = Network::of(peer);
        let pair = (address.clone(), network);
        let rates = self.rates(peer);
        let mut counts = self.counts();
        let is_proven = counts.proven.get(&pair).is_some();
        let network_admits = rates
            .network
            .is_none_or(|rate| rate.admits(counts.networks.get(&network), now));
        let account_admits = rates.account.admits(counts.accounts.get(address), now);
        let admits = rates.pair.admits(counts.pairs.get(&pair), now)
            && (is_proven || (network_admits && account_admits));
        if !admits {
            return false;
        }
        let Some(SignIns {
            attempts,
            successes,
            total,
        }) = rates.sign_ins
        else {
            return true;
        };
        let lately = counts.attempts.get(&network);
        if !attempts.admits(lately, now)
            || !successes.admits(counts.successes.get(address), now)
            || !(is_proven || total.admits(counts.total, now))
        {
            return false;
        }
        // Last, so that what is refused anyhow uses up nothing that neighbours need.
        let debt = attempts.charged(lately, now);
        counts.attempts.set(network, debt);
        counts.total = Some(total.charged(counts.total, now));
        true
    }

    /// Notes a failure.
    pub fn failed(&self, address: &Address, peer: IpAddr, now_ms: i64) {
        let now = now_ms.saturating_mul(1_000);
        let network = Network::of(peer);
        let pair = (address.clone(), network);
        let rates = self.rates(peer);
        let mut counts = self.counts();
        let debt = rates.pair.charged(counts.pairs.get(&pair), now);
        counts.pairs.set(pair, debt);
        let debt = rates.account.charged(counts.accounts.get(address), now);
        counts.accounts.set(address.clone(), debt);
        if let Some(rate) = rates.network {
            let debt = rate.charged(counts.networks.get(&network), now);
            counts.networks.set(network, debt);
        }
    }

    /// Notes a success: the mistakes of this account from there are forgiven. Those of the
    /// network are not, or an own account would buy new guesses at others.
    pub fn succeeded(&self, address: &Address, peer: IpAddr, now_ms: i64) {
        let pair = (address.clone(), Network::of(peer));
        let now = now_ms.saturating_mul(1_000);
        let rates = self.rates(peer);
        let mut counts = self.counts();
        if let Some(SignIns { successes, .. }) = rates.sign_ins {
            let debt = successes.charged(counts.successes.get(address), now);
            counts.successes.set(address.clone(), debt);
        }
        counts.pairs.forget(&pair);
        counts.proven.set(pair, now);
    }

    fn rates(&self, peer: IpAddr) -> Rates {
        let settings = self.settings.now();
        let Settings { rates, exempt } = &*settings;
        let account = Rate::per_minute(rates.failures.saturating_mul(ACCOUNT_FACTOR));
        if is_among(exempt, peer) {
            Rates {
                pair: account,
                network: None,
                account,
                sign_ins: None,
            }
        } else {
            Rates {
                pair: Rate::per_minute(rates.failures),
                network: Some(Rate::per_minute(
                    rates.failures.saturating_mul(NETWORK_FACTOR),
                )),
                sign_ins: Some(SignIns {
                    attempts: Rate::per_minute(rates.attempts),
                    successes: Rate::per_minute(rates.successes),
                    total: Rate::per_minute(rates.total),
                }),
                account,
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The maps are sound after any panic: no change to them takes more than one step.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Rates {
    pair: Rate,
    network: Option<Rate>,
    account: Rate,
    sign_ins: Option<SignIns>,
}

/// However they end, but for those of an account.
struct SignIns {
    attempts: Rate,
    successes: Rate,
    total: Rate,
}

/// A rate of failures, or of anything else that may be too much. What is kept of past ones is a
/// single time: when they will have run down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// How long one failure takes to run down, in microseconds.
    interval: i64,
    /// How long a debt there may be, in microseconds.
    span: i64,
}

impl Rate {
    pub(super) fn per_minute(failures: u32) -> Self {
        Self::over(MINUTE_US, failures)
    }

    pub(super) fn per_hour(times: u32) -> Self {
        Self::over(LONGEST_US, times)
    }

    /// So many at once, and then so many a minute. A burst that takes longer than an hour to run
    /// down is cut to that.
    pub(super) fn with_burst(per_minute: u32, burst: u32) -> Self {
        let interval = (MINUTE_US / i64::from(per_minute.max(1))).max(1);
        let span = interval.saturating_mul(i64::from(burst.max(1)));
        Self {
            interval,
            span: span.min(LONGEST_US).max(interval),
        }
    }

    fn over(span: i64, times: u32) -> Self {
        let interval = span / i64::from(times.max(1));
        Self {
            interval: interval.max(1),
            span,
        }
    }

    pub(super) fn admits(self, runs_down_at: Option<i64>, now: i64) -> bool {
        debt(runs_down_at, now) + self.interval <= self.span
    }

    pub(super) fn charged(self, runs_down_at: Option<i64>, now: i64) -> i64 {
        self.charged_for(1, runs_down_at, now)
    }

    /// The same for so many at once; more than there is room for are a debt.
    pub(super) fn charged_for(self, times: u32, runs_down_at: Option<i64>, now: i64) -> i64 {
        let debt = debt(runs_down_at, now) + self.interval.saturating_mul(i64::from(times));
        now.saturating_add(debt.min(LONGEST_US))
    }
}

fn debt(runs_down_at: Option<i64>, now: i64) -> i64 {
    runs_down_at
        .map(|at| at.saturating_sub(now))
        .filter(|debt| (0..=LONGEST_US).contains(debt))
        .unwrap_or_default()
}

/// A time for each key. When it is full, the eighth with the earliest times is forgotten: what
/// is over or soon will be, and what failed once rather than often.
#[derive(Debug)]
pub(super) struct Remembered<K> {
    times: HashMap<K, i64>,
    capacity: usize,
}

impl<K: Eq + Hash> Remembered<K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            times: HashMap::new(),
            capacity,
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<i64> {
        self.times.get(key).copied()
    }

    pub(super) fn set(&mut self, key: K, time: i64) {
        if self.times.len() >= self.capacity && !self.times.contains_key(&key) {
            self.forget_earliest();
        }
        self.times.insert(key, time);
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    fn forget(&mut self, key: &K) {
        self.times.remove(key);
    }

    fn forget_earliest(&mut self) {
        let mut times: Vec<i64> = self.times.values().copied().collect();
        let (_, &mut last_to_go, _) = times.select_nth_unstable(self.capacity / 8);
        // Equal times go together, so that at least one goes.
        self.times.retain(|_, time| *time > last_to_go);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_100_000_000_000;
    const SECOND: i64 = 1_000;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn throttle() -> Throttle {
        let rates = SignInRates {
            failures: 10,
            successes: 60,
            attempts: 100,
            total: 350,
        };
        Throttle::new(rates, vec!["10.0.0.0/8".parse().unwrap()])
    }

    fn fail(throttle: &Throttle, who: &str, peer: &str, times: u32) {
        for _ in 0..times {
            throttle.failed(&address(who), ip(peer), NOW);
        }
    }

    fn admits(throttle: &Throttle, who: &str, peer: &str, now: i64) -> bool {
        throttle.admits(&address(who), ip(peer), now)
    }

    #[test]
    fn an_account_is_refused_from_a_network_after_its_failures_and_only_there() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "192.0.2.1", 9);
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", NOW));
        fail(&throttle, "A@b.c", "192.0.2.1", 1);
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW));
        assert!(admits(&throttle, "a@b.c", "192.0.2.2", NOW));
        assert!(admits(&throttle, "other@b.c", "192.0.2.1", NOW));
    }

    #[test]
    fn failures_run_down_one_by_one() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "192.0.2.1", 10);
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW + 5 * SECOND));
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", NOW + 6 * SECOND));
        throttle.failed(&address("a@b.c"), ip("192.0.2.1"), NOW + 6 * SECOND);
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW + 6 * SECOND));
        let much_later = NOW + 3_600 * SECOND;
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", much_later));
    }

    #[test]
    fn failures_beyond_the_limit_are_a_debt() {
        let throttle = throttle();
        // Twenty were under way at once before the first had failed.
        fail(&throttle, "a@b.c", "192.0.2.1", 20);
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW + 65 * SECOND));
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", NOW + 66 * SECOND));
    }

    #[test]
    fn a_network_that_tries_many_accounts_is_refused_for_all() {
        let throttle = throttle();
        for n in 0..30 {
            let who = format!("nobody{n}@b.c");
            assert!(admits(&throttle, &who, "192.0.2.1", NOW));
            fail(&throttle, &who, "192.0.2.1", 1);
        }
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW));
        assert!(admits(&throttle, "a@b.c", "192.0.2.2", NOW));
    }

    #[test]
    fn a_neighbours_guesses_never_shut_out_who_signed_in_there_before() {
        let throttle = throttle();
        throttle.succeeded(&address("a@b.c"), ip("192.0.2.1"), NOW);
        for n in 0..40 {
            fail(&throttle, &format!("nobody{n}@b.c"), "192.0.2.1", 1);
        }
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", NOW));
        assert!(!admits(&throttle, "b@b.c", "192.0.2.1", NOW));
    }

    #[test]
    fn an_own_success_buys_no_guesses_at_others() {
        let throttle = throttle();
        for n in 0..30 {
            fail(&throttle, &format!("victim{n}@b.c"), "192.0.2.1", 1);
            throttle.succeeded(&address("own@b.c"), ip("192.0.2.1"), NOW);
        }
        assert!(!admits(&throttle, "victim@b.c", "192.0.2.1", NOW));
    }

    #[test]
    fn guessing_from_many_networks_never_shuts_out_where_the_owner_signed_in() {
        let throttle = throttle();
        throttle.succeeded(&address("a@b.c"), ip("192.0.2.1"), NOW);
        for n in 0..100 {
            fail(&throttle, "a@b.c", &format!("198.51.100.{n}"), 1);
        }
        assert!(!admits(&throttle, "a@b.c", "203.0.113.1", NOW));
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", NOW));
        assert!(admits(&throttle, "other@b.c", "203.0.113.1", NOW));
        // The strict count holds there all the same.
        fail(&throttle, "a@b.c", "192.0.2.1", 10);
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW));
    }

    #[test]
    fn a_success_forgives_the_mistakes_before_it() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "192.0.2.1", 9);
        throttle.succeeded(&address("a@b.c"), ip("192.0.2.1"), NOW);
        fail(&throttle, "a@b.c", "192.0.2.1", 9);
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", NOW));
    }

    #[test]
    fn an_exempt_network_has_no_count_of_its_own_but_cannot_guess_without_end() {
        let throttle = throttle();
        for n in 0..1_000 {
            fail(&throttle, &format!("someone{n}@b.c"), "10.1.2.3", 1);
        }
        assert!(admits(&throttle, "a@b.c", "10.1.2.3", NOW));
        assert!(admits(&throttle, "a@b.c", "::ffff:10.1.2.3", NOW));
        throttle.succeeded(&address("a@b.c"), ip("10.1.2.3"), NOW);
        fail(&throttle, "a@b.c", "10.1.2.3", 99);
        assert!(admits(&throttle, "a@b.c", "10.1.2.3", NOW));
        fail(&throttle, "a@b.c", "10.1.2.3", 1);
        assert!(!admits(&throttle, "a@b.c", "10.1.2.3", NOW));
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_one_its_ipv4_address() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "2001:db8:0:1::1", 10);
        assert!(!admits(&throttle, "a@b.c", "2001:db8:0:1:ffff::2", NOW));
        assert!(admits(&throttle, "a@b.c", "2001:db8:0:2::1", NOW));
        fail(&throttle, "a@b.c", "192.0.2.1", 10);
        assert!(!admits(&throttle, "a@b.c", "::ffff:192.0.2.1", NOW));
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "192.0.2.1", 10);
        let yesterday = NOW - 86_400 * SECOND;
        assert!(admits(&throttle, "a@b.c", "192.0.2.1", yesterday));
    }

    #[test]
    fn the_successes_of_an_account_have_a_rate_that_only_its_owner_uses_up() {
        let throttle = throttle();
        for n in 0..60 {
            assert!(admits(&throttle, "a@b.c", &format!("192.0.2.{n}"), NOW));
            throttle.succeeded(&address("a@b.c"), ip(&format!("192.0.2.{n}")), NOW);
        }
        assert!(!admits(&throttle, "a@b.c", "192.0.2.99", NOW));
        assert!(admits(&throttle, "b@b.c", "192.0.2.99", NOW));
        assert!(admits(&throttle, "a@b.c", "192.0.2.99", NOW + SECOND));
        for _ in 0..200 {
            throttle.succeeded(&address("c@b.c"), ip("10.1.2.3"), NOW);
        }
        assert!(admits(&throttle, "c@b.c", "10.1.2.3", NOW));
    }

    #[test]
    fn the_attempts_of_a_network_have_a_rate_whoever_they_are_for() {
        let throttle = throttle();
        let tried = |n: u32| admits(&throttle, &format!("a{n}@b.c"), "2001:db8::1", NOW);
        assert!((0..100).all(tried));
        assert!(!admits(&throttle, "new@b.c", "2001:db8::2", NOW));
        assert!(admits(&throttle, "new@b.c", "2001:db8:0:1::1", NOW));
        let exempt = |n: u32| admits(&throttle, &format!("a{n}@b.c"), "10.1.2.3", NOW);
        assert!((0..300).all(exempt));
    }

    #[test]
    fn guesses_that_are_refused_use_up_nothing_of_the_network() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "192.0.2.1", 10);
        let guessed = |_: &u32| admits(&throttle, "a@b.c", "192.0.2.1", NOW);
        assert_eq!((0..1_000).filter(guessed).count(), 0);
        assert!(admits(&throttle, "neighbour@b.c", "192.0.2.1", NOW));
    }

    #[test]
    fn all_attempts_have_a_rate_that_shuts_nobody_out_of_where_they_signed_in() {
        let throttle = throttle();
        throttle.succeeded(&address("a@b.c"), ip("192.0.2.9"), NOW);
        let tried = |n: u32| {
            let peer = format!("192.0.2.{}", n % 5);
            admits(&throttle, &format!("a{n}@b.c"), &peer, NOW)
        };
        assert_eq!((0..1_000).filter(|n| tried(*n)).count(), 350);
        assert!(!admits(&throttle, "new@b.c", "192.0.2.9", NOW));
        assert!(admits(&throttle, "a@b.c", "192.0.2.9", NOW));
        assert!(admits(&throttle, "new@b.c", "192.0.2.9", NOW + SECOND));
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_who_failed_most() {
        let throttle = throttle();
        fail(&throttle, "a@b.c", "192.0.2.1", 10);
        for n in 0..30_000_u32 {
            let peer = IpAddr::from((0x0b00_0000 + n).to_be_bytes());
            throttle.failed(&address("x@b.c"), peer, NOW);
            throttle.succeeded(&address(&format!("y{n}@b.c")), peer, NOW + i64::from(n));
        }
        let counts = throttle.counts();
        assert!(counts.pairs.times.len() <= COUNTED);
        assert!(counts.networks.times.len() <= COUNTED);
        assert!(counts.proven.times.len() <= PROVEN);
        drop(counts);
        assert!(!admits(&throttle, "a@b.c", "192.0.2.1", NOW));
    }
}
