//! Bounded reassembly of IP fragments (RFC 791 §3.2, RFC 8200 §4.5).

mod queue;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::next::{Datagram, Fragment};
use crate::model::{Anomaly, Timestamp};
use queue::{BOOKKEEPING, Fit, FragmentQueue, Key, Part};

/// The bounds of IP fragment reassembly; the oldest datagram is dropped first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of incomplete datagrams; by default 1,024. Anomaly `fragmented-datagrams`.
    pub datagrams: usize,
    /// Maximum memory for them in bytes, overhead included; by default 4 MiB. Anomaly `fragment-bytes`.
    pub bytes: usize,
    /// Maximum number of fragments of one datagram; by default 1,024, while 64 KiB in Ethernet frames take 45. A
    /// datagram with more is dropped. Anomaly `fragments-per-datagram`.
    pub fragments: usize,
    /// Maximum capture time from a datagram's first fragment to its last; by default 30 seconds, as on Linux. Anomaly
    /// `fragment-seconds`.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { datagrams: 1024, bytes: 4 << 20, fragments: 1024, age: Duration::from_secs(30) }
    }
}

/// Maximum number of pending anomalies.
const ANOMALIES: usize = 64;

/// The fragments of incomplete datagrams.
///
/// Overlapping fragments are rejected with their entire datagram, including fragments that come later (RFC 5722 §4; the
/// same is done for IPv4, as operating systems do). An exact copy is not an overlap: captures contain them.
#[derive(Debug)]
pub(super) struct Fragments {
    limits: Limits,
    waiting: HashMap<Key, FragmentQueue>,
    /// The keys in order of arrival.
    order: BTreeMap<u64, Key>,
    serial: u64,
    /// The memory used, in bytes.
    bytes: usize,
    anomalies: VecDeque<Anomaly>,
    /// The limits already reported.
    reported: Vec<&'static str>,
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
            reported: Vec::new(),
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

    /// Adds a fragment and returns the datagram if that completes it.
    pub(super) fn push(&mut self, shard: &Fragment<'_>, now: Timestamp) -> Option<Datagram> {
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
                self.report(Anomaly::FragmentOverlap {});
                return None;
            }
        };
        if waiting.parts() >= self.limits.fragments {
            self.reject(&key);
            self.report_limit("fragments-per-datagram", self.limits.fragments);
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

    /// Drops datagrams that have waited too long.
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
                self.report_limit(
                    "fragment-seconds",
                    usize::try_from(self.limits.age.as_secs()).unwrap_or(usize::MAX),
                );
            }
            self.remove(&key);
        }
    }

    /// Adds a datagram whose first fragment takes `cost` bytes; returns `None` if the limits do not allow one.
    fn open(&mut self, key: Key, now: Timestamp, cost: usize) -> Option<()> {
        let needed = BOOKKEEPING.saturating_add(cost);
        if self.limits.datagrams == 0 || needed > self.limits.bytes {
            self.report_limit("fragment-bytes", self.limits.bytes);
            return None;
        }
        while self.waiting.len() >= self.limits.datagrams {
            self.report_limit("fragmented-datagrams", self.limits.datagrams);
            self.evict()?;
        }
        while self.bytes.saturating_add(needed) > self.limits.bytes {
            self.report_limit("fragment-bytes", self.limits.bytes);
            self.evict()?;
        }
        self.serial = self.serial.wrapping_add(1);
        self.order.insert(self.serial, key);
        self.waiting.insert(key, FragmentQueue::new(self.serial, now));
        self.bytes = self.bytes.saturating_add(BOOKKEEPING);
        Some(())
    }

    /// Drops the oldest datagrams until `cost` bytes fit; returns `false` if that of `key` itself was dropped.
    fn make_room(&mut self, key: &Key, cost: usize) -> bool {
        while self.bytes.saturating_add(cost) > self.limits.bytes {
            self.report_limit("fragment-bytes", self.limits.bytes);
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

    fn remove(&mut self, key: &Key) -> Option<FragmentQueue> {
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

    fn report(&mut self, anomaly: Anomaly) {
        if self.anomalies.len() < ANOMALIES {
            self.anomalies.push_back(anomaly);
        }
    }

    /// Reports each limit only once: the report says that the limit was reached, not how often.
    fn report_limit(&mut self, limit: &'static str, value: usize) {
        if !self.reported.contains(&limit) {
            self.reported.push(limit);
            self.report(Anomaly::LimitReached { limit, value: u64::try_from(value).unwrap_or(u64::MAX) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::super::{DecodeError, Decoder};
    use super::*;
    use crate::model::Packet;
    use proptest::prelude::*;

    const MORE: u16 = 0x2000;

    /// The payload of the sample segment, 43 bytes: 63 with the header, in fragments at 0, 24 and 48.
    const TEXT: &[u8] = b"forty-three bytes, no more and no less, yes";

    fn v4(id: u16) -> [Vec<u8>; 3] {
        let whole = tcp(TEXT);
        [
            ipv4_piece(6, id, MORE, &whole[..24]),
            ipv4_piece(6, id, MORE | 3, &whole[24..48]),
            ipv4_piece(6, id, 6, &whole[48..]),
        ]
    }

    fn v6(id: u32) -> [Vec<u8>; 3] {
        let whole = tcp(TEXT);
        [
            ipv6_piece(6, id, 1, &whole[..24]),
            ipv6_piece(6, id, 0x19, &whole[24..48]),
            ipv6_piece(6, id, 48, &whole[48..]),
        ]
    }

    fn anomalies(decoder: &mut Decoder) -> Vec<&'static str> {
        std::iter::from_fn(|| decoder.next_anomaly())
            .map(|anomaly| match anomaly {
                Anomaly::LimitReached { limit, .. } => limit,
                other => other.code(),
            })
            .collect()
    }

    /// Decodes packets in sequence and returns the result of the last.
    fn last(decoder: &mut Decoder, packets: &[&[u8]]) -> Seen {
        packets.iter().map(|packet| decode_at(decoder, 0, RAW, packet)).last().unwrap()
    }

    #[test]
    fn fragments_in_any_order() {
        for pieces in [v4(1), v6(1)] {
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let mut decoder = Decoder::default();
                let [first, second, third] = order.map(|at| decode_at(&mut decoder, 0, RAW, &pieces[at]));
                assert_eq!([first, second], [Seen::Fragment, Seen::Fragment]);
                assert!(third.tcp().is_sample(TEXT));
                assert_eq!((decoder.waiting(), decoder.fragments.bytes, decoder.is_quiet()), (0, 0, true));
            }
        }
    }

    #[test]
    fn datagrams_are_reported_apart() {
        let mut decoder = Decoder::default();
        let datagrams = [v4(1), v4(2), v6(1)];
        for at in [0, 1] {
            for datagram in &datagrams {
                assert_eq!(last(&mut decoder, &[&datagram[at]]), Seen::Fragment);
            }
        }
        assert_eq!(decoder.waiting(), 3);
        for datagram in &datagrams {
            assert!(last(&mut decoder, &[&datagram[2]]).tcp().is_sample(TEXT));
        }
    }

    #[test]
    fn datagrams_of_two_networks_are_reported_apart() {
        let mut decoder = Decoder::default();
        let [a, b, c] = v4(1);
        let mut tagged = |id, piece: &[u8]| {
            decode_at(&mut decoder, 0, ETHERNET, &ethernet(0x8100, &vlan(id, 0x0800, piece)))
        };
        assert_eq!(
            [tagged(1, &a), tagged(2, &b), tagged(1, &c), tagged(2, &a)],
            [const { Seen::Fragment }; 4]
        );
        let (one, two) = (tagged(1, &b).tcp(), tagged(2, &c).tcp());
        assert!(one.is_sample(TEXT) && two.is_sample(TEXT));
        assert_ne!(one.flow.tunnel, two.flow.tunnel);
    }

    #[test]
    fn exact_copies_are_tolerated() {
        for [a, b, c] in [v4(1), v6(1)] {
            let mut decoder = Decoder::default();
            assert_eq!(last(&mut decoder, &[&c, &c, &a, &a, &c, &a]), Seen::Fragment);
            assert!(last(&mut decoder, &[&b]).tcp().is_sample(TEXT));
            assert!(decoder.is_quiet());
        }
    }

    #[test]
    fn overlaps_are_rejected_and_reported_once() {
        let whole = tcp(TEXT);
        let mut changed = whole[24..48].to_vec();
        changed[3] ^= 1;
        // The same range with a different byte; inside one fragment; across two; beyond the end; another end.
        for (offset, bytes) in [
            (MORE | 3, &changed[..]),
            (MORE | 4, &whole[32..40]),
            (MORE | 2, &whole[16..32]),
            (MORE | 7, &whole[..16]),
            (7, &whole[56..60]),
        ] {
            let mut decoder = Decoder::default();
            let [a, b, c] = v4(1);
            let bad = ipv4_piece(6, 1, offset, bytes);
            assert_eq!(last(&mut decoder, &[&b, &c, &bad, &bad, &a, &b, &c]), Seen::Fragment);
            assert_eq!(anomalies(&mut decoder), ["fragment-overlap"]);
        }
        let mut decoder = Decoder::default();
        let [a, b, c] = v6(1);
        let bad = ipv6_piece(6, 1, 0x21, &whole[32..40]);
        assert_eq!(last(&mut decoder, &[&b, &bad, &a, &b, &c]), Seen::Fragment);
        assert_eq!(anomalies(&mut decoder), ["fragment-overlap"]);
    }

    #[test]
    fn ends_that_deny_each_other_are_rejected() {
        let whole = tcp(TEXT);
        let [a, b, c] = v4(1);
        let behind = ipv4_piece(6, 1, MORE | 8, &whole[..8]);
        let early = ipv4_piece(6, 1, 1, &whole[8..16]);
        for packets in [[&c, &behind], [&behind, &c], [&c, &early], [&b, &early]] {
            let mut decoder = Decoder::default();
            assert_eq!(last(&mut decoder, &[packets[0], packets[1], &a, &b, &c]), Seen::Fragment);
            assert_eq!(anomalies(&mut decoder), ["fragment-overlap"]);
        }
    }

    #[test]
    fn lengths_that_no_host_sends_are_unreadable() {
        let stop = |field, value| {
            Seen::Unreadable(DecodeError::Field { layer: "IP fragment", offset: 20, field, value })
        };
        assert_eq!(decode(RAW, &ipv4_piece(6, 1, MORE, &[0; 25])), stop("length", 25));
        assert_eq!(decode(RAW, &ipv4_piece(6, 1, 3, &[])), stop("length", 0));
        assert_eq!(decode(RAW, &ipv4_piece(6, 1, 0x1fff, &[0; 16])), stop("end", 65_544));
    }

    #[test]
    fn fragments_of_what_leads_nowhere_are_not_kept() {
        let mut decoder = Decoder::default();
        assert_eq!(last(&mut decoder, &[&ipv4_piece(1, 1, MORE, &[0; 24])]), Seen::Other);
        assert_eq!(decoder.waiting(), 0);
    }

    #[test]
    fn a_fragment_cut_by_the_snap_length_ends_the_known_bytes() {
        let mut decoder = Decoder::default();
        let [a, b, c] = v4(1);
        let cut = Packet { data: &b[..30], ..packet(RAW, &b) };
        assert_eq!(Seen::from(decoder.decode(&cut)), Seen::Fragment);
        assert_eq!(last(&mut decoder, &[&a]), Seen::Fragment);
        let segment = last(&mut decoder, &[&c]).tcp();
        assert_eq!((&segment.payload[..], segment.cut), (&TEXT[..14], 29));
    }

    #[test]
    fn fragments_within_fragments() {
        let mut decoder = Decoder::default();
        let pieces = v4(1).map(|inner| {
            let id = u16::from(inner[7]);
            let whole = ipv4(4, &inner);
            let inner = &whole[20..];
            [ipv4_piece(4, 100 + id, MORE, &inner[..16]), ipv4_piece(4, 100 + id, 2, &inner[16..])]
        });
        let seen: Vec<_> =
            pieces.iter().flatten().map(|piece| decode_at(&mut decoder, 0, RAW, piece)).collect();
        let (end, before) = seen.split_last().unwrap();
        assert!(before.iter().all(|seen| *seen == Seen::Fragment), "{before:?}");
        assert!(end.clone().tcp().is_sample(TEXT));
        assert_eq!((decoder.waiting(), decoder.fragments.bytes), (0, 0));
    }

    #[test]
    fn old_datagrams_are_given_up() {
        let mut decoder = Decoder::default();
        let [a, b, c] = v4(1);
        decode_at(&mut decoder, 0, RAW, &a);
        decode_at(&mut decoder, 30, RAW, &b);
        assert!(decoder.is_quiet());
        assert_eq!(decode_at(&mut decoder, 31, RAW, &c), Seen::Fragment);
        assert_eq!((anomalies(&mut decoder), decoder.waiting()), (vec!["fragment-seconds"], 1));
    }

    #[test]
    fn the_oldest_datagram_goes_first() {
        let mut decoder = Decoder::new(Limits { datagrams: 2, ..Limits::default() });
        let [one, two, three] = [v4(1), v4(2), v4(3)];
        last(&mut decoder, &[&one[0], &two[0], &three[0]]);
        assert_eq!(anomalies(&mut decoder), ["fragmented-datagrams"]);
        assert!(last(&mut decoder, &[&two[1], &two[2]]).tcp().is_sample(TEXT));
        assert!(last(&mut decoder, &[&three[1], &three[2]]).tcp().is_sample(TEXT));
        assert_eq!(last(&mut decoder, &[&one[1], &one[2]]), Seen::Fragment);
    }

    #[test]
    fn too_many_fragments_of_one_datagram() {
        let mut decoder = Decoder::new(Limits { fragments: 2, ..Limits::default() });
        let [a, b, c] = v4(1);
        assert_eq!(last(&mut decoder, &[&a, &b, &c, &a, &b, &c]), Seen::Fragment);
        assert_eq!(anomalies(&mut decoder), ["fragments-per-datagram"]);
    }

    #[test]
    fn a_datagram_larger_than_all_memory_is_given_up() {
        let mut decoder = Decoder::new(Limits { bytes: BOOKKEEPING + 64, ..Limits::default() });
        let [a, b, c] = v4(1);
        assert_eq!(last(&mut decoder, &[&a, &b, &c]), Seen::Fragment);
        assert_eq!(anomalies(&mut decoder), ["fragment-bytes"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_flood_stays_within_the_bounds_at_every_step(
            flood in prop::collection::vec((0..40_u16, 0..64_u16, any::<bool>(), 1..20_usize, 0..3_i64, any::<bool>()), 1..600),
            datagrams in 1..20_usize, bytes in 0..20_000_usize, fragments in 1..10_usize,
        ) {
            let limits = Limits { datagrams, bytes, fragments, age: Duration::from_secs(30) };
            let mut decoder = Decoder::new(limits);
            let mut now = 0;
            for (id, place, more, eights, wait, six) in flood {
                now += wait;
                let payload = vec![u8::try_from(id).unwrap(); eights * 8];
                let packet = if six {
                    ipv6_piece(6, u32::from(id), (place << 3) | u16::from(more), &payload)
                } else {
                    ipv4_piece(6, id, place | if more { MORE } else { 0 }, &payload)
                };
                decode_at(&mut decoder, now, RAW, &packet);
                let kept = &decoder.fragments;
                let recount: usize = kept.waiting.values().map(FragmentQueue::allocated).sum();
                prop_assert_eq!(recount, kept.bytes);
                prop_assert!(kept.bytes <= bytes, "{} bytes of {}", kept.bytes, bytes);
                prop_assert!(kept.waiting.len() <= datagrams);
                prop_assert_eq!(kept.order.len(), kept.waiting.len());
                prop_assert!(kept.waiting.values().all(|waiting| waiting.parts() <= fragments));
                prop_assert!(kept.anomalies.len() <= ANOMALIES);
            }
        }

        #[test]
        fn any_cut_in_any_order_gives_the_same_segment(
            payload in prop::collection::vec(any::<u8>(), 0..400),
            cuts in prop::collection::btree_set(1..50_usize, 0..6),
            order in any::<prop::sample::Index>(),
            six in any::<bool>(),
        ) {
            let whole = tcp(&payload);
            let mut edges: Vec<usize> = cuts.into_iter().map(|cut| cut * 8).filter(|cut| *cut < whole.len()).collect();
            edges.insert(0, 0);
            edges.push(whole.len());
            let mut pieces: Vec<_> = edges.windows(2).map(|edge| {
                let more = edge[1] != whole.len();
                let (bytes, place) = (&whole[edge[0]..edge[1]], u16::try_from(edge[0]).unwrap());
                if six {
                    ipv6_piece(6, 9, place | u16::from(more), bytes)
                } else {
                    ipv4_piece(6, 9, (place / 8) | if more { MORE } else { 0 }, bytes)
                }
            }).collect();
            let turn = order.index(pieces.len());
            pieces.rotate_left(turn);
            pieces.swap(0, turn);
            let mut decoder = Decoder::default();
            let seen: Vec<_> = pieces.iter().map(|piece| decode_at(&mut decoder, 0, RAW, piece)).collect();
            prop_assert!(seen.last().unwrap().clone().tcp().is_sample(&payload));
            prop_assert!(decoder.is_quiet());
        }
    }
}
