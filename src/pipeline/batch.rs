use ahash::RandomState;

use super::{Analyzer, SHARDS, Summary};
use crate::capture::{self, Next, PacketBatch, Source};
use crate::model::{Anomaly, At, Flags, Flow, KeyOrigin, Packet, Segment, SenderClock, Seq, Timestamp};
use crate::session::Keys;
use crate::wire::{Decoded, Decoder};

/// A packet batch prepared for the shards: its segments, in packet order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) packets: PacketBatch,
    /// Payloads that are not in the packet batch: those of reassembled datagrams.
    rebuilt: Vec<u8>,
    pub(super) items: Vec<Item>,
    /// Moments between items: the index of the item that follows, and the moment.
    pub(super) moments: Vec<(usize, Moment)>,
    /// The items of each shard; filled only if several threads share them.
    pub(super) shards: Vec<Vec<u32>>,
}

/// A point between two segments that concerns more than one connection, or none.
#[derive(Clone, Debug)]
pub(super) enum Moment {
    /// A tick of capture time, and the last packet before it: every shard handles its timeouts.
    Tick(At),
    /// The keys for TLS that are known from here on.
    Keys(At, Keys),
    /// An anomaly that concerns no connection.
    Aside(At, Anomaly),
}

/// A segment, whose payload is a range of the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) at: At,
    pub(super) hash: u64,
    flow: Flow,
    seq: Seq,
    ack: Seq,
    offset: u32,
    length: u32,
    cut: u32,
    packet_length: u32,
    stamp: SenderClock,
    window: u16,
    flags: Flags,
    pub(super) shard: u8,
    /// The length of the header, which precedes the payload; 0 if it is not known.
    header: u8,
}

/// Marks an offset as one into `rebuilt`.
const REBUILT: u32 = 1 << 31;

/// The decoder of batches into segments; it sees every packet, in order.
#[derive(Debug)]
pub(super) struct Preparer {
    decoder: Decoder,
    hasher: RandomState,
    /// The current tick; `None` before the first packet.
    tick: Option<Timestamp>,
    last: At,
    /// Moments before the first packet: they are reported together with it, because times count from there.
    early: Vec<(usize, Moment)>,
    /// The keys for TLS known so far.
    keys: Keys,
    is_broken_line_reported: bool,
    pub(super) summary: Summary,
}

impl Preparer {
    pub(super) fn new(decoder: Decoder, keys: Keys) -> Self {
        Preparer {
            decoder,
            hasher: RandomState::with_seeds(0, 0, 0, 0),
            tick: None,
            last: At::default(),
            early: Vec::new(),
            keys,
            is_broken_line_reported: false,
            summary: Summary::default(),
        }
    }

    /// Returns the current position in the capture.
    pub(super) const fn last(&self) -> At {
        self.last
    }

    /// Reads the next batch of `source`; `share` means that several threads may work on it.
    pub(super) fn read(
        &mut self,
        source: &mut dyn Source,
        batch: &mut Batch,
        share: bool,
    ) -> Result<Next, capture::Error> {
        let next = source.next(&mut batch.packets)?;
        self.prepare(batch, share, next);
        if let Next::Idle(now) = next {
            self.pass(now, batch.items.len(), &mut batch.moments);
        }
        Ok(next)
    }

    /// Decodes the packets of a batch; `next` is what follows it.
    fn prepare(&mut self, batch: &mut Batch, share: bool, next: Next) {
        let Batch { packets, rebuilt, items, moments, shards } = batch;
        rebuilt.clear();
        items.clear();
        moments.clear();
        shards.resize_with(if share { SHARDS } else { 0 }, Vec::new);
        shards.iter_mut().for_each(Vec::clear);
        for item in &packets.items {
            let (packet, start) = match item {
                capture::Item::Packet(record) => (packets.packet(record), record.offset),
                capture::Item::Secrets(origin, text) => {
                    self.learn(*origin, text, items.len(), moments);
                    continue;
                }
                capture::Item::Diagnostic(anomaly) => {
                    moments.push((items.len(), Moment::Aside(self.last, (**anomaly).clone())));
                    continue;
                }
            };
            if self.tick.is_none() {
                self.hasher = hasher_of(&packet);
            }
            self.pass(packet.at.time, items.len(), moments);
            self.last = packet.at;
            self.summary.count_packet(&packet);
            match self.decoder.decode(&packet) {
                Decoded::Tcp(segment) => {
                    self.summary.segments = self.summary.segments.saturating_add(1);
                    let hash = self.hasher.hash_one(segment.flow.key());
                    let shard = shard(&segment.flow, hash, &self.hasher, &self.keys);
                    let offset = place(&segment, start, rebuilt);
                    if let Some(list) = shards.get_mut(usize::from(shard)) {
                        list.push(u32::try_from(items.len()).unwrap_or(u32::MAX));
                    }
                    items.push(Item::new(&segment, packet.at, hash, shard, offset));
                }
                Decoded::Other(unread) => self.summary.pass_over(unread),
                Decoded::Fragment => self.summary.fragments = self.summary.fragments.saturating_add(1),
                Decoded::Unreadable(stop) => self.summary.give_up(stop),
            }
            if !self.decoder.is_quiet() {
                while let Some(anomaly) = self.decoder.next_anomaly() {
                    moments.push((items.len(), Moment::Aside(packet.at, anomaly)));
                }
            }
        }
        if self.summary.packets == 0 && next != Next::End {
            self.early.append(moments);
        } else if !self.early.is_empty() {
            self.early.append(moments);
            *moments = std::mem::take(&mut self.early);
        }
    }

    /// Adds the lines of a key log, and the keys known from here on.
    fn learn(&mut self, origin: KeyOrigin, text: &[u8], items: usize, moments: &mut Vec<(usize, Moment)>) {
        if let Some(line) = self.keys.add(origin, text)
            && !std::mem::replace(&mut self.is_broken_line_reported, true)
        {
            moments.push((items, Moment::Aside(self.last, Anomaly::KeylogLine { line })));
        }
        moments.push((items, Moment::Keys(self.last, self.keys.clone())));
    }

    /// Adds a tick if `time` has reached the next one.
    fn pass(&mut self, time: Timestamp, items: usize, moments: &mut Vec<(usize, Moment)>) {
        match &mut self.tick {
            Some(tick) if time.as_nanos().saturating_sub(tick.as_nanos()) < Analyzer::TICK => {}
            Some(tick) => {
                let passed = Analyzer::tick_before(time);
                if passed > *tick {
                    *tick = passed;
                    let at = At { packet: self.last.packet, time: passed };
                    moments.push((items, Moment::Tick(at)));
                }
                self.summary.times = self.summary.times.map(|(first, _)| (first, time));
            }
            None => {
                self.tick = Some(Analyzer::tick_before(time));
                self.summary.times = Some((time, time));
            }
        }
    }
}

/// Returns the shard of a connection.
///
/// If the private key of a server is known, all connections to it share a shard, because one may resume another's
/// session.
fn shard(flow: &Flow, hash: u64, hasher: &RandomState, keys: &Keys) -> u8 {
    let hash = if keys.has_private_keys() {
        let server = [flow.source, flow.destination].into_iter().min_by_key(|end| (end.port, end.ip));
        hasher.hash_one(server.map(|end| (end.ip, end.port)))
    } else {
        hash
    };
    (hash >> 40) as u8 & (SHARDS as u8).wrapping_sub(1)
}

/// Creates the hasher of flows of a capture that begins with `packet`.
///
/// The same capture has the same hasher in every run, so that the connections sharing a shard and its limits are the
/// same. It is not known before the capture begins, so that addresses cannot be chosen to collide.
pub(super) fn hasher_of(packet: &Packet<'_>) -> RandomState {
    let first =
        RandomState::with_seeds(0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822, 0x299f_31d0);
    let seed = |n: u64| first.hash_one((n, packet.at.time.as_nanos(), packet.data));
    RandomState::with_seeds(seed(1), seed(2), seed(3), seed(4))
}

/// Returns the offset of a payload in the packet batch, its packet beginning at `start`; if it is not in there, it is
/// copied to `rebuilt`, preceded by its header.
fn place(segment: &Segment<'_>, start: u32, rebuilt: &mut Vec<u8>) -> u32 {
    let offset = segment.offset.and_then(|offset| start.checked_add(offset));
    if let Some(offset) = offset.filter(|offset| offset & REBUILT == 0) {
        return offset;
    }
    rebuilt.extend_from_slice(segment.header);
    let offset = rebuilt.len();
    rebuilt.extend_from_slice(segment.payload);
    u32::try_from(offset).unwrap_or(0) | REBUILT
}

impl Item {
    fn new(segment: &Segment<'_>, at: At, hash: u64, shard: u8, offset: u32) -> Self {
        let Segment { flow, seq, ack, flags, window, header, payload, cut, packet_length, stamp, .. } =
            *segment;
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        // It has at most 60 bytes.
        let header = u8::try_from(header.len()).unwrap_or(0);
        Item {
            at,
            hash,
            flow,
            seq,
            ack,
            offset,
            length,
            cut,
            packet_length,
            stamp,
            window,
            flags,
            shard,
            header,
        }
    }
}

impl Batch {
    /// Returns the time of the first packet.
    pub(super) fn first_time(&self) -> Option<Timestamp> {
        self.packets.records().next().map(|record| record.at.time)
    }

    /// Returns an item's segment.
    pub(super) fn segment(&self, item: &Item) -> Segment<'_> {
        let (bytes, offset) = if item.offset & REBUILT == 0 {
            (&self.packets.bytes, item.offset as usize)
        } else {
            (&self.rebuilt, (item.offset & !REBUILT) as usize)
        };
        let header = bytes.get(offset.saturating_sub(item.header.into())..offset).unwrap_or_default();
        let payload = bytes.get(offset..offset.saturating_add(item.length as usize)).unwrap_or_default();
        Segment {
            flow: item.flow,
            seq: item.seq,
            ack: item.ack,
            flags: item.flags,
            window: item.window,
            header,
            payload,
            offset: None,
            cut: item.cut,
            packet_length: item.packet_length,
            stamp: item.stamp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyOrigin, LinkType};
    use crate::wire;

    fn asides(batch: &Batch) -> Vec<(u64, u64)> {
        let kept = |anomaly: &Anomaly| match anomaly {
            Anomaly::MessageTruncated { kept } => *kept,
            other => panic!("{other:?}"),
        };
        let aside = |(_, moment): &(usize, Moment)| match moment {
            Moment::Aside(at, anomaly) => Some((at.packet, kept(anomaly))),
            Moment::Tick(_) | Moment::Keys(..) => None,
        };
        batch.moments.iter().filter_map(aside).collect()
    }

    #[test]
    fn what_was_wrong_before_the_first_packet_is_told_with_it() {
        let mut preparer = Preparer::new(Decoder::new(wire::Limits::default()), Keys::default());
        let mut batch = Batch::default();
        batch.packets.push_diagnostic(Anomaly::MessageTruncated { kept: 1 });
        preparer.prepare(&mut batch, false, Next::Filled);
        assert!(batch.moments.is_empty());
        // Threads alternate between two batches.
        let mut batch = Batch::default();
        let at = At { packet: 1, time: Timestamp::from_nanos(7) };
        batch.packets.push_packet(at, LinkType(1), 0, b"");
        batch.packets.push_diagnostic(Anomaly::MessageTruncated { kept: 2 });
        preparer.prepare(&mut batch, false, Next::Filled);
        assert_eq!(asides(&batch), [(0, 1), (1, 2)]);
        batch.packets.clear();
        preparer.prepare(&mut batch, false, Next::End);
        assert!(batch.moments.is_empty());
    }

    #[test]
    fn what_was_wrong_in_a_capture_without_packets_is_reported_at_its_end() {
        let mut preparer = Preparer::new(Decoder::new(wire::Limits::default()), Keys::default());
        let mut batch = Batch::default();
        batch.packets.push_diagnostic(Anomaly::MessageTruncated { kept: 1 });
        preparer.prepare(&mut batch, false, Next::End);
        assert_eq!(asides(&batch), [(0, 1)]);
    }

    #[test]
    fn secrets_keep_their_place_between_packets() {
        let mut preparer = Preparer::new(Decoder::new(wire::Limits::default()), Keys::default());
        let mut batch = Batch::default();
        let secrets = |text: &[u8]| capture::Item::Secrets(KeyOrigin::KeyLog, text.into());
        batch.packets.items.push(secrets(b"one"));
        for packet in 1..=2 {
            let at = At { packet, time: Timestamp::from_nanos(7) };
            batch.packets.push_packet(at, LinkType(101), 40, &SYN);
        }
        batch.packets.items.insert(2, secrets(b"two"));
        preparer.prepare(&mut batch, false, Next::Filled);
        assert_eq!(batch.items.len(), 2);
        // The lines are invalid.
        let keys = batch.moments.iter().filter_map(|(before, moment)| match moment {
            Moment::Keys(at, _) => Some((*before, at.packet)),
            _ => None,
        });
        assert_eq!(keys.collect::<Vec<_>>(), [(0, 0), (1, 1)]);
        let told = |(_, moment): &&(usize, Moment)| {
            matches!(moment, Moment::Aside(_, Anomaly::KeylogLine { line: 1 }))
        };
        assert_eq!(batch.moments.iter().filter(told).count(), usize::from(cfg!(feature = "tls")));
    }

    /// An IPv4 packet of a TCP SYN.
    const SYN: [u8; 40] = [
        0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
        0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0, // TCP
    ];
}
