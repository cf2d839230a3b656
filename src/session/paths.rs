//! The virtual networks that a connection's packets came through.
//!
//! A mirror may show one direction with a VLAN tag and the other without, a load balancer may use a network for each
//! direction, and `-i any` shows each packet both untagged and tagged: these are one connection. Two tenants may use
//! equal addresses in separate networks: these are two. The networks alone do not distinguish these cases; the sequence
//! numbers do.

use crate::model::{Flags, Segment, SenderClock, Seq, Timestamp, Tunnel};

/// The maximum number of further networks remembered per connection.
const MORE: usize = 6;
/// The maximum distance in bytes between a segment and the previous one in its direction, and between its
/// acknowledgment and the bytes of the other side: a lossy capture misses many, and two numbers rarely match by chance.
const NEAR: u32 = 16 << 20;
/// The same if only one number can be compared.
const NEARER: u32 = 256 << 10;
/// The maximum time in nanoseconds from a SYN to its copy, if the SYN has no IP identification.
const SOON: i64 = 2_000_000;

/// The networks of one connection, and the numbers that identify its packets in another network.
///
/// A direction is identified by its source: `false` is the lower endpoint of the connection's key.
#[derive(Debug, Default)]
pub(super) struct Paths {
    directions: [Direction; 2],
    #[expect(clippy::box_collection, reason = "most connections have none, and pay one word for it")]
    more: Option<Box<Vec<(bool, Tunnel)>>>,
}

/// The segments of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    /// The network of its first packet.
    tunnel: Tunnel,
    /// The sequence number following its last packet.
    next: Seq,
    stamp: SenderClock,
    seen: bool,
    /// Whether its last packet was a SYN.
    syn: bool,
}

/// The relation of a segment to a connection between the same endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// It belongs to another connection.
    Other,
    /// Its numbers continue the connection's.
    Numbers,
    /// The other direction used its network, and nothing of its own direction was seen yet.
    Answer,
    /// Its direction used its network before.
    Known,
}

impl Paths {
    /// Returns whether packets of this direction came through this network before.
    #[inline]
    pub(super) fn has(&self, from_high: bool, tunnel: Tunnel) -> bool {
        let direction = self.direction(from_high);
        direction.seen && direction.tunnel == tunnel || self.has_more(from_high, tunnel)
    }

    /// Returns how well a segment matches the connection, which was last seen at `seen`.
    pub(super) fn matches(
        &self,
        from_high: bool,
        segment: &Segment<'_>,
        seen: Timestamp,
        now: Timestamp,
    ) -> Match {
        let tunnel = segment.flow.tunnel;
        if self.has(from_high, tunnel) {
            return Match::Known;
        }
        if !self.direction(from_high).seen && self.has(!from_high, tunnel) {
            return Match::Answer;
        }
        let soon = now.as_nanos().saturating_sub(seen.as_nanos()) <= SOON;
        if self.continues(from_high, segment, soon) { Match::Numbers } else { Match::Other }
    }

    /// Notes a segment of the connection.
    #[inline]
    pub(super) fn see(&mut self, from_high: bool, segment: &Segment<'_>) {
        let tunnel = segment.flow.tunnel;
        let direction = self.direction_mut(from_high);
        let is_new = direction.seen && direction.tunnel != tunnel;
        if !direction.seen {
            (direction.seen, direction.tunnel) = (true, tunnel);
        }
        direction.next = end(segment);
        direction.stamp = segment.stamp;
        direction.syn = segment.flags.has(Flags::SYN);
        if is_new && !self.has_more(from_high, tunnel) {
            let more = self.more.get_or_insert_default();
            if more.len() >= MORE {
                more.remove(0);
            }
            more.push((from_high, tunnel));
        }
    }

    /// Returns whether a segment's numbers continue this connection, whatever network it came through.
    fn continues(&self, from_high: bool, segment: &Segment<'_>, soon: bool) -> bool {
        let (own, other) = (self.direction(from_high), self.direction(!from_high));
        let answers = segment.flags.has(Flags::ACK) && other.seen;
        if segment.flags.has(Flags::SYN) {
            // A copy of the SYN, or the response to the other side's.
            let copied = own.seen
                && own.syn
                && own.next == end(segment)
                && own.stamp == segment.stamp
                && (own.stamp.id != 0 || soon);
            let answered = !own.seen && answers && other.syn && segment.ack == other.next;
            return copied || answered;
        }
        let near = if own.seen && answers { NEAR } else { NEARER };
        (own.seen || answers)
            && (!own.seen || distance(own.next, segment.seq) <= near)
            && (!answers || distance(other.next, segment.ack) <= near)
    }

    fn direction(&self, from_high: bool) -> &Direction {
        let [low, high] = &self.directions;
        if from_high { high } else { low }
    }

    fn direction_mut(&mut self, from_high: bool) -> &mut Direction {
        let [low, high] = &mut self.directions;
        if from_high { high } else { low }
    }

    fn has_more(&self, from_high: bool, tunnel: Tunnel) -> bool {
        self.more.as_ref().is_some_and(|more| more.contains(&(from_high, tunnel)))
    }
}

/// Returns the sequence number following a segment.
fn end(segment: &Segment<'_>) -> Seq {
    let flags =
        u32::from(segment.flags.has(Flags::SYN)).wrapping_add(u32::from(segment.flags.has(Flags::FIN)));
    let length = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
    segment.seq.plus(length.wrapping_add(segment.cut).wrapping_add(flags))
}

/// Returns how far two numbers are from each other, whichever comes first.
fn distance(a: Seq, b: Seq) -> u32 {
    let ahead = a.0.wrapping_sub(b.0);
    ahead.min(ahead.wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Flow};
    use std::net::{IpAddr, Ipv4Addr};

    const SYN: Flags = Flags::SYN;
    const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
    const ACK: Flags = Flags::ACK;
    const NOW: Timestamp = Timestamp::from_nanos(1_000_000);

    fn segment(from_high: bool, tunnel: u64, flags: Flags, numbers: (u32, u32), id: u16) -> Segment<'static> {
        let end = |last| Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), 1);
        let (source, destination) = if from_high { (end(2), end(1)) } else { (end(1), end(2)) };
        Segment {
            flow: Flow { source, destination, tunnel: Tunnel(tunnel) },
            seq: Seq(numbers.0),
            ack: Seq(numbers.1),
            flags,
            window: 0,
            header: b"",
            payload: b"",
            offset: None,
            cut: 0,
            packet_length: 0,
            stamp: SenderClock { clock: 0, id },
        }
    }

    fn of(paths: &Paths, it: &Segment<'_>) -> Match {
        paths.matches(it.flow.source > it.flow.destination, it, NOW, NOW)
    }

    fn syn(tunnel: u64, seq: u32, id: u16) -> (Paths, Segment<'static>) {
        let mut paths = Paths::default();
        let syn = segment(false, tunnel, SYN, (seq, 0), id);
        paths.see(false, &syn);
        (paths, syn)
    }

    #[test]
    fn an_answer_through_another_network_acknowledges_the_syn() {
        let (paths, _) = syn(0, 1000, 7);
        assert_eq!(of(&paths, &segment(true, 5, SYN_ACK, (9000, 1001), 1)), Match::Numbers);
        assert_eq!(of(&paths, &segment(true, 5, SYN_ACK, (9000, 1002), 1)), Match::Other);
        assert_eq!(of(&paths, &segment(true, 0, SYN_ACK, (9000, 7777), 1)), Match::Answer);
    }

    #[test]
    fn two_tenants_syns_are_two_connections_even_with_equal_numbers() {
        let (paths, _) = syn(5, 1000, 7);
        assert_eq!(of(&paths, &segment(false, 6, SYN, (1000, 0), 8)), Match::Other);
        assert_eq!(of(&paths, &segment(false, 6, SYN, (2000, 0), 7)), Match::Other);
        assert_eq!(of(&paths, &segment(false, 5, SYN, (2000, 0), 8)), Match::Known);
    }

    #[test]
    fn the_same_packet_bare_and_tagged_is_of_one_connection() {
        let (mut paths, _) = syn(100, 1000, 7);
        let bare = segment(false, 0, SYN, (1000, 0), 7);
        assert_eq!(of(&paths, &bare), Match::Numbers);
        paths.see(false, &bare);
        assert!(paths.has(false, Tunnel(100)) && paths.has(false, Tunnel(0)) && !paths.has(true, Tunnel(0)));
        // Without a number of its own, it has to come at once.
        let (paths, _) = syn(100, 1000, 0);
        let bare = segment(false, 0, SYN, (1000, 0), 0);
        assert_eq!(of(&paths, &bare), Match::Numbers);
        let later = Timestamp::from_nanos(NOW.as_nanos() + 3_000_000);
        assert_eq!(paths.matches(false, &bare, NOW, later), Match::Other);
    }

    #[test]
    fn a_connection_that_moves_to_another_network_is_the_same() {
        let (mut paths, _) = syn(5, 1000, 7);
        paths.see(true, &segment(true, 5, SYN_ACK, (9000, 1001), 1));
        assert_eq!(of(&paths, &segment(false, 6, ACK, (1001, 9001), 8)), Match::Numbers);
        assert_eq!(of(&paths, &segment(false, 6, ACK, (1001, 900_009_001), 8)), Match::Other);
        assert_eq!(of(&paths, &segment(false, 6, ACK, (900_001_001, 9001), 8)), Match::Other);
    }

    #[test]
    fn few_networks_are_remembered() {
        let (mut paths, _) = syn(0, 1000, 7);
        for tunnel in 1..100 {
            paths.see(false, &segment(false, tunnel, ACK, (1001, 0), 8));
        }
        assert!(paths.has(false, Tunnel(0)) && paths.has(false, Tunnel(99)) && !paths.has(false, Tunnel(90)));
        assert_eq!(paths.more.unwrap().len(), MORE);
    }
}
