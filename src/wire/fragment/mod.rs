//! Fragments that wait for each other (RFC 791 §3.2, RFC 8200 §4.5), within bounds.

mod waiting;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::Datagram;
use super::walk::Shard;
use crate::model::{Anomaly, Timestamp};
use waiting::{BOOKKEEPING, Fit, Key, Part, Waiting};

/// Bounds what is kept of IP datagrams that came in fragments; the oldest datagram goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Datagrams waiting at a time; by default 1,024. Anomaly `fragmented-datagrams`.
    pub datagrams: usize,
    /// Bytes they take in memory, bookkeeping included; by default 4 MiB. Anomaly `fragment-bytes`.
    pub bytes: usize,
    /// Fragments of one datagram; by default 1,024, while 64 KiB in Ethernet frames take 45. One that has more is
    /// given up. Anomaly `fragments-per-datagram`.
    pub fragments: usize,
    /// How long, in the capture's time, a datagram waits from its first fragment on; by default 30 seconds, as
    /// Linux does. Anomaly `fragment-seconds`.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { datagrams: 1024, bytes: 4 << 20, fragments: 1024, age: Duration::from_secs(30) }
    }
}

/// Anomalies that wait to be asked for.
const ANOMALIES: usize = 64;

/// Keeps fragments and joins those of a datagram when all are there.
///
/// Fragments that overlap are rejected with their whole datagram, those yet to come included (RFC 5722 §4; the
/// same is done for IPv4, as operating systems do). An exact copy is no overlap: captures have them.
#[derive(Debug)]
pub(super) struct Fragments {
    limits: Limits,
    waiting: HashMap<Key, Waiting>,
    /// The keys in the order of arrival.
    order: BTreeMap<u64, Key>,
    serial: u64,
    /// What all of it takes in memory.
    bytes: usize,
    anomalies: VecDeque<Anomaly>,
    /// The limits that were told already.
    told: Vec<&'static str>,
}

impl Fragments {
    pub(super) fn new(limits: Limits) -> Self {
        Fragments {
            limits,
            waiting: HashMap::new(),
            order: BTreeMap::new(),
            serial: 0,
            bytes: 0,
            anomalies: VecDeque::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn next_anomaly(&mut self) -> Option<Anomaly> {
        self.anomalies.pop_front()
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.anomalies.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a fragment; returns the datagram that it completes.
    pub(super) fn push(&mut self, shard: &Shard<'_>, now: Timestamp) -> Option<Datagram> {
        self.expire(now);
        let key = Key::of(shard);
        let cost = Part::cost(shard.view.bytes.len());
        if !self.waiting.contains_key(&key) {
            self.open(key, now, cost)?;
        }
        let waiting = self.waiting.get_mut(&key).filter(|waiting| !waiting.rejected)?;
        let place = match waiting.fit(shard) {
            Fit::At(place) => place,
            Fit::Copy => return None,
            Fit::Overlap => {
                self.reject(&key);
                self.tell(Anomaly::FragmentOverlap {});
                return None;
            }
        };
        if waiting.parts() >= self.limits.fragments {
            self.reject(&key);
            self.tell_limit("fragments-per-datagram", self.limits.fragments);
            return None;
        }
        if !self.make_room(&key, cost) {
            return None;
        }
        self.bytes = self.bytes.saturating_add(cost);
        let waiting = self.waiting.get_mut(&key)?;
        waiting.insert(place, shard);
        if waiting.is_complete() { self.remove(&key)?.join() } else { None }
    }

    /// Gives up what waited too long.
    fn expire(&mut self, now: Timestamp) {
        while let Some(oldest) = self.order.first_entry() {
            let key = *oldest.get();
            let Some(waiting) = self.waiting.get(&key) else {
                oldest.remove();
                continue;
            };
            if now.since(waiting.since) <= self.limits.age {
                return;
            }
            if !waiting.rejected {
                self.tell_limit("fragment-seconds", usize::try_from(self.limits.age.as_secs()).unwrap_or(usize::MAX));
            }
            self.remove(&key);
        }
    }

    /// Makes a place for a datagram whose first fragment takes `cost` bytes; `None` where there can be none.
    fn open(&mut self, key: Key, now: Timestamp, cost: usize) -> Option<()> {
        let needed = BOOKKEEPING.saturating_add(cost);
        if self.limits.datagrams == 0 || needed > self.limits.bytes {
            self.tell_limit("fragment-bytes", self.limits.bytes);
            return None;
        }
        while self.waiting.len() >= self.limits.datagrams {
            self.tell_limit("fragmented-datagrams", self.limits.datagrams);
            self.evict()?;
        }
        while self.bytes.saturating_add(needed) > self.limits.bytes {
            self.tell_limit("fragment-bytes", self.limits.bytes);
            self.evict()?;
        }
        self.serial = self.serial.wrapping_add(1);
        self.order.insert(self.serial, key);
        self.waiting.insert(key, Waiting::new(self.serial, now));
        self.bytes = self.bytes.saturating_add(BOOKKEEPING);
        Some(())
    }

    /// Gives up old datagrams until `cost` bytes fit in; `false` where the one of `key` itself was given up.
    fn make_room(&mut self, key: &Key, cost: usize) -> bool {
        while self.bytes.saturating_add(cost) > self.limits.bytes {
            self.tell_limit("fragment-bytes", self.limits.bytes);
            if self.evict().is_none_or(|evicted| evicted == *key) {
                return false;
            }
        }
        true
    }

    fn evict(&mut self) -> Option<Key> {
        let (_, &key) = self.order.first_key_value()?;
        self.remove(&key);
        Some(key)
    }

    fn remove(&mut self, key: &Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        self.order.remove(&waiting.serial);
        self.bytes = self.bytes.saturating_sub(waiting.cost());
        Some(waiting)
    }

    fn reject(&mut self, key: &Key) {
        if let Some(waiting) = self.waiting.get_mut(key) {
            let before = waiting.cost();
            waiting.reject();
            self.bytes = self.bytes.saturating_sub(before.saturating_sub(waiting.cost()));
        }
    }

    fn tell(&mut self, anomaly: Anomaly) {
        if self.anomalies.len() < ANOMALIES {
            self.anomalies.push_back(anomaly);
        }
    }

    /// Tells of each limit once: it says that the capture holds more than we keep, not how often.
    fn tell_limit(&mut self, limit: &'static str, value: usize) {
        if !self.told.contains(&limit) {
            self.told.push(limit);
            self.tell(Anomaly::LimitReached { limit, value: u64::try_from(value).unwrap_or(u64::MAX) });
        }
    }
}
