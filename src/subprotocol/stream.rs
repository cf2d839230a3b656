//! One side's bytes, for sub-protocols whose packets ignore message boundaries.

use crate::model::{Anomaly, At};

use super::decoder::Out;
use super::input::{Input, Piece};

mod place;

use place::PacketResync;

/// Bounds the stored part of a packet, in bytes; the rest is only counted.
pub(super) const MAX_KEPT: usize = 256 << 10;

/// The length of a packet, as far as its first bytes determine it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// More bytes are needed.
    More,
    /// The total length of the packet in bytes; at least one.
    Length(u64),
    /// No packet begins like this.
    Impossible,
}

/// The way in which packets are delimited.
pub(super) trait Framing {
    /// Determines the length of a packet from its first bytes.
    fn measure(&self, head: &[u8]) -> Measure;

    /// Returns whether a complete packet is valid; called when packets are searched for after a loss.
    fn fits(&self, packet: &[u8]) -> bool;
}

/// A packet, or the reason why there is none.
#[derive(Debug)]
pub(super) enum Next<'a> {
    Packet(Packet<'a>),
    /// The buffered bytes do not lead to the start of a packet: they were dropped.
    Lost,
}

/// A packet in a byte stream.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    /// The bytes up to the first that is unknown or not stored.
    pub(super) bytes: &'a [u8],
    /// Its total length.
    pub(super) length: u64,
    /// The packet of the capture that contained its first byte.
    pub(super) first: At,
    /// The number of messages it spans, including empty ones within it.
    pub(super) messages: u32,
}

impl Packet<'_> {
    pub(super) const fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.length
    }
}

/// The bytes of one side, split into packets according to the lengths at their start.
///
/// ```text
///            push, skip                                   header or its length lost
///   in step ────────────► in step: packets emitted ─────────────────────────────► lost
///      ▲                                                                             │
///      └──────────── two consecutive packets start at a message start ───────────────┘
/// ```
///
/// Lost bytes within a packet of known length are accounted for: the packet is emitted with the bytes that precede
/// them.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The stored bytes of the current packet, followed by those not examined yet.
    bytes: Vec<u8>,
    /// How many of `bytes` were already emitted.
    start: usize,
    /// The current packet.
    open: Open,
    lost: Option<Box<PacketResync>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// Its length, once known.
    length: Option<u64>,
    /// The number of its bytes, received or lost, that are not in `bytes`.
    passed: u64,
    /// Whether bytes of it are lost or dropped, so that the following ones are not stored.
    broken: bool,
    first: At,
    messages: u32,
}

impl Stream {
    /// Notes that an unknown number of bytes is lost between two messages.
    pub(super) fn lose(&mut self) {
        self.bytes.clear();
        *self = Stream {
            lost: Some(Box::default()),
            bytes: std::mem::take(&mut self.bytes),
            ..Stream::default()
        };
    }

    /// Reports the buffered bytes that do not belong to a complete packet.
    pub(super) fn report_rest(&self, protocol: &'static str, out: &mut Out<'_>) {
        let held = self.bytes.len().saturating_sub(self.start) as u64;
        let bytes = held.saturating_add(self.open.passed);
        if self.lost.is_none() && bytes > 0 {
            let (messages, first) = (u64::from(self.open.messages), self.open.first.packet);
            out.anomaly(Anomaly::SubprotocolUnfinished { protocol, bytes, messages, first });
        }
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let searched = self.lost.as_ref().map_or(0, |it| it.bytes.saturating_add(it.messages.len() << 5));
        self.bytes.capacity().saturating_add(searched)
    }

    /// Processes a message and calls `each` for the packets that end in it, in order.
    ///
    /// Returns whether bytes of an incomplete packet remain.
    pub(super) fn message<F: Framing>(
        &mut self,
        input: &Input<'_>,
        framing: &F,
        mut each: impl FnMut(Next<'_>),
    ) -> bool {
        if self.lost.is_some() {
            self.search(input, framing, &mut each);
        } else {
            self.pieces(input, framing, &mut each);
        }
        self.compact();
        self.lost.is_none() && self.has_open()
    }

    fn pieces<F: Framing>(&mut self, input: &Input<'_>, framing: &F, each: &mut impl FnMut(Next<'_>)) {
        self.begin_message(input.first);
        for piece in input.pieces() {
            if self.lost.is_some() {
                break;
            }
            match piece {
                Piece::Known(bytes) => self.push(bytes, input.first, framing, each),
                Piece::Missing(length) => self.skip(length, input.first, framing, each),
            }
        }
    }

    /// Searches the messages since the desynchronisation for the start of a packet.
    fn search<F: Framing>(&mut self, input: &Input<'_>, framing: &F, each: &mut impl FnMut(Next<'_>)) {
        let Some(mut search) = self.lost.take() else { return };
        search.push(input);
        if !search.find(framing) {
            self.lost = Some(search);
            return;
        }
        for (bytes, first) in &search.messages {
            self.begin_message(*first);
            self.push(bytes, *first, framing, each);
            if self.lost.is_some() {
                return;
            }
        }
        if !input.is_whole() {
            // After the known bytes of the last message, the position is lost again.
            self.skip(None, input.first, framing, each);
        }
    }

    fn has_open(&self) -> bool {
        self.bytes.len() > self.start || self.open.length.is_some()
    }

    /// Counts a message that continues the current packet.
    fn begin_message(&mut self, first: At) {
        if self.has_open() {
            self.open.messages = self.open.messages.saturating_add(1);
        } else {
            self.open = Open { first, messages: 1, ..Open::default() };
        }
    }

    fn push<F: Framing>(
        &mut self,
        mut bytes: &[u8],
        first: At,
        framing: &F,
        each: &mut impl FnMut(Next<'_>),
    ) {
        while !bytes.is_empty() && self.lost.is_none() {
            let held = self.bytes.len().saturating_sub(self.start) as u64;
            // What belongs to the current packet; a few bytes as long as its length is unknown.
            let wanted = match self.open.length {
                Some(length) => length.saturating_sub(held).saturating_sub(self.open.passed),
                None => 16,
            };
            let taken = usize::try_from(wanted).unwrap_or(usize::MAX).min(bytes.len());
            let (now, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            let room = if self.open.broken { 0 } else { MAX_KEPT.saturating_sub(held as usize) };
            let kept = now.get(..room.min(now.len())).unwrap_or_default();
            self.bytes.extend_from_slice(kept);
            let dropped = now.len().saturating_sub(kept.len());
            self.open.passed = self.open.passed.saturating_add(dropped as u64);
            self.open.broken |= dropped > 0;
            bytes = rest;
            self.drain(first, framing, each);
        }
    }

    fn skip<F: Framing>(
        &mut self,
        length: Option<u64>,
        first: At,
        framing: &F,
        each: &mut impl FnMut(Next<'_>),
    ) {
        let held = self.bytes.len().saturating_sub(self.start) as u64;
        let inside = self.open.length.map(|it| it.saturating_sub(held).saturating_sub(self.open.passed));
        match (length, inside) {
            (Some(missing), Some(inside)) if missing <= inside => {
                self.open.passed = self.open.passed.saturating_add(missing);
                self.open.broken = true;
                self.drain(first, framing, each);
            }
            (Some(0), _) => {}
            // The loss extends into the next packet, or its length is unknown.
            (_, Some(_)) => {
                if let Some(total) = self.open.length {
                    self.open.passed = total.saturating_sub(held);
                    self.open.broken = true;
                    self.drain(first, framing, each);
                }
                self.lose();
                each(Next::Lost);
            }
            (_, None) => {
                self.lose();
                each(Next::Lost);
            }
        }
    }

    /// Emits the packets whose last byte has arrived.
    fn drain<F: Framing>(&mut self, first: At, framing: &F, each: &mut impl FnMut(Next<'_>)) {
        loop {
            let held = self.bytes.get(self.start..).unwrap_or_default();
            if self.open.length.is_none() {
                if held.is_empty() {
                    return;
                }
                match framing.measure(held) {
                    Measure::More => return,
                    Measure::Length(length) => self.open.length = Some(length.max(1)),
                    Measure::Impossible => {
                        self.lose();
                        return each(Next::Lost);
                    }
                }
            }
            let Some(length) = self.open.length else { return };
            let come = (held.len() as u64).saturating_add(self.open.passed);
            if come < length {
                return;
            }
            let kept = held.len().min(usize::try_from(length.saturating_sub(self.open.passed)).unwrap_or(0));
            let bytes = held.get(..kept).unwrap_or_default();
            each(Next::Packet(Packet {
                bytes,
                length,
                first: self.open.first,
                messages: self.open.messages,
            }));
            self.start = self.start.saturating_add(kept);
            self.open = Open { first, messages: 1, ..Open::default() };
        }
    }

    /// Drops emitted bytes, and releases memory that a long packet needed.
    fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.drain(..self.start.min(self.bytes.len()));
            self.start = 0;
        }
        if self.bytes.capacity() > 4096 && self.bytes.len() < 1024 {
            self.bytes.shrink_to(1024);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::websocket::{Missing, Opcode};
    use proptest::prelude::*;

    /// A packet is a byte with the number of bytes that follow; 0xff is not a valid start, and packets do not contain
    /// `!`.
    struct Counted;

    impl Framing for Counted {
        fn measure(&self, head: &[u8]) -> Measure {
            match head {
                [] => Measure::More,
                [0xff, ..] => Measure::Impossible,
                [first, ..] => Measure::Length(u64::from(*first) + 1),
            }
        }

        fn fits(&self, packet: &[u8]) -> bool {
            !packet.contains(&b'!')
        }
    }

    fn push(
        stream: &mut Stream,
        packet: u64,
        bytes: &[u8],
        missing: &[Missing],
    ) -> Vec<(Vec<u8>, u64, u64, u32)> {
        let at = At { packet, ..At::default() };
        let length = bytes.len() as u64 + missing.iter().filter_map(|it| it.length).sum::<u64>();
        let input =
            Input { from: Side::Client, opcode: Opcode::BINARY, bytes, missing, length, first: at, at };
        let mut out = Vec::new();
        stream.message(&input, &Counted, |next| match next {
            Next::Packet(it) => out.push((it.bytes.to_vec(), it.length, it.first.packet, it.messages)),
            Next::Lost => out.push((Vec::new(), 0, packet, 0)),
        });
        out
    }

    #[test]
    fn packets_of_many_messages_and_many_in_one() {
        let mut stream = Stream::default();
        assert_eq!(push(&mut stream, 1, b"", &[]), []);
        assert_eq!(push(&mut stream, 2, b"\x03", &[]), []);
        assert_eq!(push(&mut stream, 3, b"", &[]), []);
        assert_eq!(
            push(&mut stream, 4, b"abc\x01x\x02y", &[]),
            [(b"\x03abc".to_vec(), 4, 2, 3), (b"\x01x".to_vec(), 2, 4, 1)]
        );
        assert_eq!(push(&mut stream, 5, b"z", &[]), [(b"\x02yz".to_vec(), 3, 4, 2)]);
    }

    #[test]
    fn lost_bytes_inside_a_packet_are_counted_through() {
        let mut stream = Stream::default();
        let missing = [Missing { offset: 3, length: Some(2) }];
        assert_eq!(
            push(&mut stream, 1, b"\x06abef\x01x", &missing),
            [(b"\x06ab".to_vec(), 7, 1, 1), (b"\x01x".to_vec(), 2, 1, 1)]
        );
    }

    #[test]
    fn lost_bytes_over_a_header_lose_the_place() {
        let mut stream = Stream::default();
        let missing = [Missing { offset: 2, length: Some(4) }];
        assert_eq!(
            push(&mut stream, 1, b"\x03abcdef", &missing),
            [(b"\x03a".to_vec(), 4, 1, 1), (Vec::new(), 0, 1, 0)]
        );
        // The rest of a packet, an invalid packet and an empty one are no evidence.
        assert_eq!(push(&mut stream, 2, b"\x02x", &[]), []);
        assert_eq!(push(&mut stream, 3, b"!", &[]), []);
        assert_eq!(push(&mut stream, 4, b"", &[]), []);
        assert_eq!(push(&mut stream, 5, b"\x01", &[]), []);
        assert_eq!(
            push(&mut stream, 6, b"x\x01y", &[]),
            [(b"\x01x".to_vec(), 2, 5, 2), (b"\x01y".to_vec(), 2, 6, 1)]
        );
    }

    #[test]
    fn a_search_is_bounded() {
        let mut stream = Stream::default();
        stream.lose();
        for n in 0..2000 {
            push(&mut stream, n, &[b'!'; 300], &[]);
            assert!(stream.allocated() < 32 << 10);
        }
        push(&mut stream, 3000, b"\x01x\x01y", &[]);
        assert_eq!(push(&mut stream, 3001, b"\x01z", &[]), [(b"\x01z".to_vec(), 2, 3001, 1)]);
    }

    #[test]
    fn a_long_packet_is_kept_in_part_and_counted() {
        struct Long;
        impl Framing for Long {
            fn measure(&self, head: &[u8]) -> Measure {
                if head.is_empty() { Measure::More } else { Measure::Length(1 << 20) }
            }

            fn fits(&self, _: &[u8]) -> bool {
                true
            }
        }
        let mut stream = Stream::default();
        let bytes = vec![1; 1000];
        let (mut got, at) = (None, At::default());
        for _ in 0..1 << 11 {
            let input = Input {
                from: Side::Client,
                opcode: Opcode::BINARY,
                bytes: &bytes,
                missing: &[],
                length: 1000,
                first: at,
                at,
            };
            stream.message(&input, &Long, |next| match next {
                Next::Packet(it) => got = Some((it.bytes.len(), it.length, it.messages)),
                Next::Lost => panic!("no byte is lost"),
            });
            assert!(stream.allocated() <= 2 * MAX_KEPT);
        }
        assert_eq!(got, Some((MAX_KEPT, 1 << 20, 1049)));
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_packets(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            cuts in prop::collection::vec(0_usize..30, 1..50),
        ) {
            let mut bytes = Vec::new();
            for packet in &packets {
                bytes.push(packet.len() as u8);
                bytes.extend_from_slice(packet);
            }
            let (mut stream, mut got, mut rest, mut cuts) = (Stream::default(), Vec::new(), &bytes[..], cuts.iter().cycle());
            let mut empty = 0;
            while !rest.is_empty() && empty < 100 {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                empty = if now.is_empty() { empty + 1 } else { 0 };
                got.extend(push(&mut stream, 1, now, &[]).into_iter().map(|it| it.0));
                rest = later;
            }
            if rest.is_empty() {
                let sent: Vec<_> = packets.iter().map(|it| [&[it.len() as u8], &it[..]].concat()).collect();
                prop_assert_eq!(got, sent);
            }
        }
    }
}
