//! How often signing in may be tried: growing delays per account and per network, in bounded memory.
//!
//! Tries are counted three ways, and each count has its own patience: by account *and* network (a person who mistypes),
//! by network over all accounts (one sender who tries many), by account over all networks (many senders who try one). The last
//! one does not keep out who comes with the right password from a network that the account is known to be used from: so
//! strangers who try an account from elsewhere never lock out the person who uses it. A count leaks with time, which is
//! what bounds the rate of a patient guesser. A try counts from its beginning, so tries at one moment are no way around.
//!
//! **What a wrong password is answered tells nothing about the account.** Whether there is one is not known here, and neither
//! the networks that it is used from nor its person's coming and going change any answer but to the right password: a
//! right one leaves the counts as if it had not come. So a try that only the count by account holds up is judged all the same,
//! in the same work for every account, and answered as held up unless it is right and comes from a known network.
//!
//! Whoever shares a network with somebody who guesses would wait with them. So a program that a person has signed in with holds a
//! secret of that account (see `device`): where the other counts say no, the programs of that account have a count of their own, one for all of them, and what it is answered
//! says nothing to who does not hold the secret.
//!
//! Nothing is kept over a restart but what the sessions tell (see [`Throttle::known`]).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::limits;

/// The sender's network: an IPv4 address, or the /64 of an IPv6 address, which is what one customer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network([u8; 8]);

impl Network {
    /// The network of an address. Senders whose address is not known share one.
    pub fn of(address: Option<IpAddr>) -> Self {
        let mut network = [0; 8];
        match address.map(|address| address.to_canonical()) {
            // 64:ff9b::/96 and its like are no source addresses: nothing else begins with these bytes.
            Some(IpAddr::V4(address)) => {
                network[2..4].fill(0xff);
                network[4..].copy_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => network.copy_from_slice(&address.octets()[..8]),
            None => {}
        }
        Self(network)
    }
}

/// An account by what was typed for it, folded; a hash, so that its size is fixed and no address lies about in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountKey([u8; 16]);

impl AccountKey {
    /// The key of a folded e-mail address, or of another stable name of an account.
    pub fn of(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        Self(std::array::from_fn(|index| digest[index]))
    }
}

/// How patient a count is.
struct Patience {
    /// Tries without delay.
    free: u32,
    /// Time after which one counted try is forgotten.
    leak: Duration,
}

const PAIR: Patience = Patience { free: 5, leak: Duration::from_secs(15 * 60) };
const NETWORK: Patience = Patience { free: 30, leak: Duration::from_secs(60) };
const ACCOUNT: Patience = Patience { free: 30, leak: Duration::from_secs(10 * 60) };
/// The first delay; each further try doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Default)]
struct Count {
    tries: u32,
    /// When the count last leaked.
    leaked_at: Duration,
    last: LastTry,
}

/// The try that a delay is counted from.
#[derive(Clone, Copy, Default)]
struct LastTry {
    at: Duration,
    /// Its number among all tries; 0 for none.
    number: u64,
}

impl Count {
    fn leak(&mut self, patience: &Patience, now: Duration) {
        let leaked = now.saturating_sub(self.leaked_at).as_nanos() / patience.leak.as_nanos();
        if leaked >= u128::from(self.tries) {
            *self = Count { tries: 0, leaked_at: now, ..*self };
        } else {
            let leaked = leaked as u32;
            self.tries -= leaked;
            self.leaked_at += patience.leak * leaked;
        }
    }

    /// How long to wait before the next try.
    fn wait(&self, patience: &Patience, now: Duration) -> Duration {
        let Some(beyond) = self.tries.checked_sub(patience.free) else { return Duration::ZERO };
        let doubled = DELAY_FIRST.saturating_mul(1 << beyond.min(20));
        let delay = doubled.min(limits::SIGN_IN_DELAY_MAX);
        (self.last.at + delay).saturating_sub(now)
    }
}

/// Counts by some key, at most so many.
struct Counts<K> {
    patience: Patience,
    counts: HashMap<K, Count>,
    entries_max: usize,
}

impl<K: Copy + Eq + Hash> Counts<K> {
    fn new(patience: Patience, entries_max: usize) -> Self {
        Self { patience, counts: HashMap::new(), entries_max }
    }

    fn wait(&mut self, key: &K, now: Duration) -> Duration {
        let Some(count) = self.counts.get_mut(key) else { return Duration::ZERO };
        count.leak(&self.patience, now);
        count.wait(&self.patience, now)
    }

    /// Counts a try, and gives the one before it.
    fn count(&mut self, key: K, this: LastTry) -> LastTry {
        let now = this.at;
        if self.counts.len() >= self.entries_max && !self.counts.contains_key(&key) {
            self.make_room(now);
        }
        let fresh = Count { leaked_at: now, ..Count::default() };
        let count = self.counts.entry(key).or_insert(fresh);
        count.tries = count.tries.saturating_add(1);
        std::mem::replace(&mut count.last, this)
    }

    /// Leaves the count as if the try with this number, which came after another, had not been.
    fn take_back(&mut self, key: &K, number: u64, before: LastTry) {
        if let Some(count) = self.counts.get_mut(key) {
            count.tries = count.tries.saturating_sub(1);
            if count.last.number == number {
                count.last = before;
            }
            if count.tries == 0 {
                self.counts.remove(key);
            }
        }
    }

    /// Forgets what has leaked away; if that is not enough, the half that has the fewest tries: whoever fills the memory
    /// with new names does not drive out those that were tried most.
    fn make_room(&mut self, now: Duration) {
        for count in self.counts.values_mut() {
            count.leak(&self.patience, now);
        }
        self.counts.retain(|_, count| count.tries > 0);
        if self.counts.len() < self.entries_max {
            return;
        }
        let mut tries: Vec<u32> = self.counts.values().map(|count| count.tries).collect();
        let half = tries.len() / 2;
        let (_, median, _) = tries.select_nth_unstable(half);
        let median = *median;
        let mut to_forget = half.max(1);
        self.counts.retain(|_, count| {
            let forget = to_forget > 0 && count.tries <= median;
            to_forget -= usize::from(forget);
            !forget
        });
    }
}

/// The networks that an account has lately been used from.
#[derive(Clone, Copy)]
struct Known {
    networks: [Option<Network>; limits::KNOWN_NETWORKS_PER_ACCOUNT],
    last_use: Duration,
}

struct State {
    pairs: Counts<(AccountKey, Network)>,
    networks: Counts<Network>,
    accounts: Counts<AccountKey>,
    /// Of all programs that an account is used with together: whoever signed in often has many.
    programs: Counts<AccountKey>,
    known: HashMap<AccountKey, Known>,
    tries: u64,
}

/// A try that was let begin and has been counted.
#[derive(Clone, Copy)]
pub struct Begun {
    account: AccountKey,
    network: Network,
    number: u64,
    counted: Counted,
    held_up: Duration,
    known: bool,
}

/// Where a try was counted, with the try before it there.
#[derive(Clone, Copy)]
enum Counted {
    /// By account and network.
    BySender {
        pair: LastTry,
        network: LastTry,
        /// `None` if it does not count for the account over all networks, which was held up already.
        account: Option<LastTry>,
    },
    /// For the programs that the account is used with.
    ByProgram(LastTry),
}

impl Begun {
    /// How long the account is held up, because it is being tried from many networks: what a wrong password is answered.
    pub fn held_up(&self) -> Option<Duration> {
        (!self.held_up.is_zero()).then_some(self.held_up)
    }

    /// Whether the right password is taken.
    pub fn may_succeed(&self) -> bool {
        self.held_up.is_zero() || self.known
    }
}

/// Says whether signing in may be tried.
pub struct Throttle {
    state: Mutex<State>,
    known_max: usize,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::with_bounds(limits::SIGN_IN_COUNTS_MAX)
    }
}

impl Throttle {
    fn with_bounds(entries_max: usize) -> Self {
        let state = State {
            pairs: Counts::new(PAIR, entries_max),
            networks: Counts::new(NETWORK, entries_max),
            accounts: Counts::new(ACCOUNT, entries_max),
            programs: Counts::new(PAIR, entries_max),
            known: HashMap::new(),
            tries: 0,
        };
        Self { state: Mutex::new(state), known_max: entries_max }
    }

    /// Lets a try begin and counts it.
    ///
    /// # Errors
    /// How long to wait, if it may not begin now; then nothing is counted, so that waiting helps.
    pub fn begin(&self, account: AccountKey, network: Network, now: Duration) -> Result<Begun, Duration> {
        let state = &mut *self.state.lock();
        let wait = state.pairs.wait(&(account, network), now).max(state.networks.wait(&network, now));
        let held_up = state.accounts.wait(&account, now);
        if !wait.is_zero() {
            return Err(wait.max(held_up));
        }
        state.tries += 1;
        let this = LastTry { at: now, number: state.tries };
        Ok(Begun {
            account,
            network,
            number: this.number,
            counted: Counted::BySender {
                pair: state.pairs.count((account, network), this),
                network: state.networks.count(network, this),
                account: held_up.is_zero().then(|| state.accounts.count(account, this)),
            },
            held_up,
            known: state.known.get(&account).is_some_and(|known| known.networks.contains(&Some(network))),
        })
    }

    /// Lets a try begin with a program that the account is used with, and counts it for those of the account alone; `None` if they have
    /// been tried too often themselves.
    pub fn begin_with(&self, (account, network): (AccountKey, Network), now: Duration) -> Option<Begun> {
        let state = &mut *self.state.lock();
        if !state.programs.wait(&account, now).is_zero() {
            return None;
        }
        state.tries += 1;
        let number = state.tries;
        let counted = Counted::ByProgram(state.programs.count(account, LastTry { at: now, number }));
        Some(Begun { account, network, number, counted, held_up: Duration::ZERO, known: true })
    }

    /// A try came to a good end: it does not count, and its network is known from now on.
    pub fn succeeded(&self, begun: &Begun, now: Duration) {
        let state = &mut *self.state.lock();
        state.take_back(begun);
        state.know(begun.account, begun.network, now, self.known_max);
    }

    /// A try came to a good end where nobody else can see it: the account's counts are cleared.
    pub fn clear(&self, begun: &Begun) {
        let state = &mut *self.state.lock();
        state.take_back(begun);
        state.pairs.counts.remove(&(begun.account, begun.network));
        state.accounts.counts.remove(&begun.account);
    }

    /// A try came to nothing for a reason of the service's, or proved nothing new: it does not count.
    pub fn undone(&self, begun: &Begun) {
        self.state.lock().take_back(begun);
    }

    /// Tells that an account is used from a network, because it has a session there.
    pub fn known(&self, account: AccountKey, network: Network, now: Duration) {
        self.state.lock().know(account, network, now, self.known_max);
    }
}

impl State {
    fn take_back(&mut self, begun: &Begun) {
        match begun.counted {
            Counted::BySender { pair, network, account } => {
                self.pairs.take_back(&(begun.account, begun.network), begun.number, pair);
                self.networks.take_back(&begun.network, begun.number, network);
                if let Some(before) = account {
                    self.accounts.take_back(&begun.account, begun.number, before);
                }
            }
            Counted::ByProgram(before) => self.programs.take_back(&begun.account, begun.number, before),
        }
    }

    fn know(&mut self, account: AccountKey, network: Network, now: Duration, known_max: usize) {
        if self.known.len() >= known_max && !self.known.contains_key(&account) {
            let mut uses: Vec<Duration> = self.known.values().map(|known| known.last_use).collect();
            let half = uses.len() / 2;
            let (_, median, _) = uses.select_nth_unstable(half);
            let median = *median;
            self.known.retain(|_, known| known.last_use > median);
        }
        let fresh = Known { networks: [None; limits::KNOWN_NETWORKS_PER_ACCOUNT], last_use: now };
        let known = self.known.entry(account).or_insert(fresh);
        known.last_use = now;
        let place = known.networks.iter().position(|there| *there == Some(network));
        let place = place.unwrap_or(limits::KNOWN_NETWORKS_PER_ACCOUNT - 1);
        // The latest first; the last one falls out.
        known.networks[..=place].rotate_right(1);
        known.networks[0] = Some(network);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn network(number: u32) -> Network {
        Network::of(Some(IpAddr::V4(number.into())))
    }

    /// What a wrong password is answered: nothing, or how long to wait.
    fn fails(throttle: &Throttle, account: AccountKey, sender: Network, now: Duration) -> Result<(), Duration> {
        let begun = throttle.begin(account, sender, now)?;
        begun.held_up().map_or(Ok(()), Err)
    }

    fn may_succeed(throttle: &Throttle, account: AccountKey, sender: Network, now: Duration) -> bool {
        throttle.begin(account, sender, now).is_ok_and(|begun| begun.may_succeed())
    }

    fn succeed(throttle: &Throttle, account: AccountKey, sender: Network, now: Duration) {
        let begun = throttle.begin(account, sender, now).unwrap_or_else(|wait| panic!("waits {wait:?}"));
        assert!(begun.may_succeed());
        throttle.succeeded(&begun, now);
    }

    /// Fails as often as it is let within a time; gives the number of tries.
    fn tries_within(throttle: &Throttle, account: AccountKey, sender: Network, from: Duration, time: Duration) -> u32 {
        let (mut now, mut tries) = (from, 0);
        while now < from + time {
            match fails(throttle, account, sender, now) {
                Ok(()) => tries += 1,
                Err(wait) => now += wait,
            }
        }
        tries
    }

    #[test]
    fn networks_are_an_ipv4_address_or_an_ipv6_64() {
        let of = |text: &str| Network::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("0.0.0.0"), Network::of(None));
    }

    #[test]
    fn delays_grow_and_are_told() {
        let throttle = Throttle::default();
        let (account, sender, now) = (AccountKey::of("ada"), network(1), 100 * SECOND);
        for _ in 0..PAIR.free {
            assert_eq!(fails(&throttle, account, sender, now), Ok(()));
        }
        assert_eq!(fails(&throttle, account, sender, now), Err(SECOND));
        assert_eq!(fails(&throttle, account, sender, now), Err(SECOND), "asking early does not make it longer");
        assert_eq!(fails(&throttle, account, sender, now + SECOND), Ok(()));
        assert_eq!(fails(&throttle, account, sender, now + SECOND), Err(2 * SECOND));
        assert_eq!(
            fails(&throttle, AccountKey::of("bob"), sender, now + SECOND),
            Ok(()),
            "another account is not meant"
        );
        assert_eq!(fails(&throttle, account, network(2), now + SECOND), Ok(()), "nor is another network");
    }

    #[test]
    fn a_patient_guesser_is_held_to_the_leak() {
        let throttle = Throttle::default();
        let day = 24 * 60 * 60 * SECOND;
        let tries = tries_within(&throttle, AccountKey::of("ada"), network(1), SECOND, day);
        let most = PAIR.free + 12 + (day.as_secs() / PAIR.leak.as_secs()) as u32;
        assert!((PAIR.free..=most).contains(&tries), "{tries} tries in a day");
    }

    #[test]
    fn one_sender_who_tries_many_accounts_is_slowed() {
        let throttle = Throttle::default();
        let let_through = (0..10_000).filter(|number| {
            let account = AccountKey::of(&format!("user-{number}"));
            throttle.begin(account, network(7), SECOND).is_ok()
        });
        assert_eq!(let_through.count() as u32, NETWORK.free);
    }

    #[test]
    fn many_senders_who_try_one_account_are_slowed_and_its_owner_is_not() {
        let throttle = Throttle::default();
        let (account, home) = (AccountKey::of("ada"), network(1));
        succeed(&throttle, account, home, SECOND);
        let let_through = (100..10_000).filter(|&sender| may_succeed(&throttle, account, network(sender), SECOND));
        assert_eq!(let_through.count() as u32, ACCOUNT.free);
        for _ in 0..PAIR.free {
            assert!(may_succeed(&throttle, account, home, SECOND), "the network that the account is used from");
        }
        assert!(!may_succeed(&throttle, account, home, SECOND), "which is slowed as any other");
        assert!(!may_succeed(&throttle, account, network(2), SECOND), "a network not seen before");
        throttle.known(account, network(2), SECOND);
        assert!(may_succeed(&throttle, account, network(2), SECOND), "one that has a session");
    }

    #[test]
    fn programs_that_the_account_is_used_with_wait_for_their_own_tries_alone() {
        let throttle = Throttle::default();
        let (account, sender) = (AccountKey::of("ada"), network(1));
        for number in 0..NETWORK.free {
            fails(&throttle, AccountKey::of(&format!("user-{number}")), sender, SECOND).unwrap();
        }
        assert!(throttle.begin(account, sender, SECOND).is_err(), "a neighbour's guesses hold up the network");
        let begin = |now| throttle.begin_with((account, sender), now);
        for _ in 0..100 {
            throttle.succeeded(&begin(SECOND).unwrap(), SECOND);
        }
        for _ in 0..PAIR.free {
            assert!(begin(SECOND).unwrap().may_succeed());
        }
        assert!(begin(SECOND).is_none(), "it guesses no quicker than anybody");
        assert!(begin(SECOND * 2).is_some());
        assert!(throttle.begin_with((AccountKey::of("bob"), sender), SECOND).is_some());
        assert_eq!(throttle.begin(account, sender, SECOND).err(), Some(SECOND), "which tells the network nothing");
    }

    #[test]
    fn success_is_as_if_it_had_not_come() {
        let throttle = Throttle::default();
        let (account, sender) = (AccountKey::of("ada"), network(1));
        for _ in 0..PAIR.free {
            fails(&throttle, account, sender, SECOND).unwrap();
        }
        let later = 3 * SECOND;
        succeed(&throttle, account, sender, later);
        assert_eq!(fails(&throttle, account, sender, later), Ok(()), "no delay begins with it");
        assert_eq!(fails(&throttle, account, sender, later), Err(2 * SECOND), "and none ends with it");
        let others = (0..1000).filter(|number| {
            let account = AccountKey::of(&format!("user-{number}"));
            throttle.begin(account, sender, later).is_ok()
        });
        assert_eq!(others.count() as u32, NETWORK.free - PAIR.free - 1, "an own account buys no further tries");
    }

    /// Random tries from a few networks, at random times, on an account whose person comes and goes, and on one that nobody has.
    #[test]
    fn what_a_wrong_password_is_answered_does_not_tell_whether_there_is_an_account() {
        for seed in 1..200u64 {
            let mut random = seed;
            let mut below = |bound: u64| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % bound
            };
            let throttles = [Throttle::default(), Throttle::default()];
            let (account, mut now) = (AccountKey::of("ada"), SECOND);
            let mut held_up = 0;
            for step in 0..400 {
                now += Duration::from_millis(below(20) * below(2000));
                let sender = network(below(40) as u32);
                // Two of the networks are the person's own too.
                if below(6) == 0 {
                    let home = network(below(2) as u32);
                    if let Ok(begun) = throttles[0].begin(account, home, now) {
                        throttles[0].succeeded(&begun, now);
                    }
                }
                let [there, nobodys] = throttles.each_ref().map(|throttle| fails(throttle, account, sender, now));
                assert_eq!(there, nobodys, "seed {seed}, try {step}");
                held_up += u32::from(there.is_err());
            }
            assert!(held_up > 20, "seed {seed}: the tries were hardly slowed");
        }
    }

    #[test]
    fn what_the_service_could_not_judge_does_not_count() {
        let throttle = Throttle::default();
        let (account, sender) = (AccountKey::of("ada"), network(1));
        for _ in 0..1000 {
            let begun = throttle.begin(account, sender, SECOND).ok().unwrap();
            throttle.undone(&begun);
        }
    }

    #[test]
    fn tries_at_one_moment_are_counted_before_any_of_them_ends() {
        let throttle = Throttle::default();
        let begun = (0..100).filter(|_| throttle.begin(AccountKey::of("ada"), network(1), SECOND).is_ok()).count();
        assert_eq!(begun as u32, PAIR.free);
    }

    #[test]
    fn memory_is_bounded_and_the_most_tried_stay() {
        let entries_max = 64;
        let throttle = Throttle::with_bounds(entries_max);
        let account = AccountKey::of("ada");
        for sender in 0..ACCOUNT.free {
            fails(&throttle, account, network(sender), SECOND).unwrap();
        }
        for number in 0..10_000u32 {
            let (tried, sender) = (AccountKey::of(&number.to_string()), network(1_000 + number));
            let _ = throttle.begin(tried, sender, SECOND);
            let _ = throttle.begin_with((tried, sender), SECOND);
            throttle.known(AccountKey::of(&number.to_string()), network(number), SECOND * number);
        }
        let state = throttle.state.lock();
        let by_sender = [state.pairs.counts.len(), state.networks.counts.len(), state.accounts.counts.len()];
        let entries = [&by_sender[..], &[state.programs.counts.len()]].concat();
        assert!(entries.iter().all(|&entries| entries <= entries_max), "{entries:?}");
        assert!(state.known.len() <= entries_max);
        drop(state);
        assert!(!may_succeed(&throttle, account, network(999_999), SECOND), "filling the memory frees no account");
    }

    #[test]
    fn only_the_latest_networks_of_an_account_are_known() {
        let throttle = Throttle::default();
        let account = AccountKey::of("ada");
        for sender in 0..100 {
            throttle.known(account, network(sender), SECOND);
        }
        let known = throttle.state.lock().known[&account].networks;
        let latest: Vec<_> =
            (0..limits::KNOWN_NETWORKS_PER_ACCOUNT as u32).map(|age| Some(network(99 - age))).collect();
        assert_eq!(known.to_vec(), latest);
    }
}
