//! Pushes scripted segments into a connection.

use std::time::Duration;

use super::super::{Connection, Delivery, End, GapCause, Limits, Output};
use crate::model::{Anomaly, At, Endpoint, Flags, Flow, Segment, SenderClock, Seq, Side, Timestamp, Tunnel};

use Side::{Client, Server};

/// An output, without packet times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tcp) enum Seen {
    Bytes(Side, Vec<u8>),
    Gap(Side, u64, GapCause),
    Anomaly(Side, Anomaly),
    End(Side, End),
}

impl Seen {
    pub(in crate::tcp) fn side(&self) -> Side {
        match self {
            Seen::Bytes(side, _) | Seen::Gap(side, ..) | Seen::Anomaly(side, _) | Seen::End(side, _) => *side,
        }
    }
}

/// Drains a delivery, merging adjacent bytes of one side.
pub(in crate::tcp) fn drain(mut delivery: Delivery<'_, '_>, seen: &mut Vec<Seen>) {
    while let Some(output) = delivery.next() {
        match output {
            Output::Bytes { side, bytes, .. } => {
                assert!(!bytes.is_empty());
                match seen.last_mut() {
                    Some(Seen::Bytes(last, run)) if *last == side => run.extend_from_slice(bytes),
                    _ => seen.push(Seen::Bytes(side, bytes.to_vec())),
                }
            }
            Output::Gap { side, length, cause, .. } => {
                assert!(length > 0);
                seen.push(Seen::Gap(side, length, cause));
            }
            Output::Duplicate { bytes, .. } => assert!(!bytes.is_empty()),
            Output::Anomaly { side, anomaly } => seen.push(Seen::Anomaly(side, anomaly)),
            Output::End { side, how, .. } => seen.push(Seen::End(side, how)),
        }
    }
}

/// A segment that acknowledges nothing.
pub(in crate::tcp) fn bare(seq: u32, flags: Flags, payload: &[u8]) -> Segment<'_> {
    let end = Endpoint::new([127, 0, 0, 1].into(), 1);
    let flow = Flow { source: end, destination: end, tunnel: Tunnel::NONE };
    Segment {
        flow,
        seq: Seq(seq),
        ack: Seq(0),
        flags,
        window: 0,
        header: &[],
        payload,
        offset: None,
        cut: 0,
        packet_length: 0,
        stamp: SenderClock::default(),
    }
}

/// The sequence number of the first data byte of each side, unless a test overrides it.
pub(in crate::tcp) const START: [u32; 2] = [1001, 5001];

/// A connection that segments are pushed into, and its output.
pub(in crate::tcp) struct Tape {
    pub(in crate::tcp) tcp: Connection,
    pub(in crate::tcp) seen: Vec<Seen>,
    pub(in crate::tcp) start: [u32; 2],
    /// The offset each side has acknowledged of the other's stream; `None` sends no ACK flag.
    pub(in crate::tcp) acks: [Option<u64>; 2],
    packet: u64,
    pub(in crate::tcp) now: Timestamp,
    /// The counters that the senders put on their segments.
    pub(in crate::tcp) stamp: SenderClock,
}

impl Tape {
    pub(in crate::tcp) fn with(limits: &Limits) -> Tape {
        Tape {
            tcp: Connection::new(limits),
            seen: Vec::new(),
            start: START,
            acks: [Some(0); 2],
            packet: 0,
            now: Timestamp::new(1, 0),
            stamp: SenderClock::default(),
        }
    }

    /// A connection captured mid-stream.
    pub(in crate::tcp) fn middle() -> Tape {
        Tape::with(&Limits::default())
    }

    /// A connection after its handshake.
    pub(in crate::tcp) fn open() -> Tape {
        let mut tape = Tape::middle();
        tape.handshake();
        tape
    }

    pub(in crate::tcp) fn handshake(&mut self) {
        self.syn(Client, b"");
        self.syn(Server, b"");
        self.ack(Client, 0);
        assert!(self.seen.is_empty() && self.tcp.waiting() == 0);
    }

    pub(in crate::tcp) fn segment(&mut self, side: Side, seq: u32, flags: Flags, payload: &[u8], cut: u32) {
        let ack = self.acks[side as usize];
        let flags = if ack.is_some() { flags.with(Flags::ACK) } else { flags };
        let ack = Seq(self.start[!side as usize].wrapping_add(ack.unwrap_or(0) as u32));
        let segment = Segment { ack, cut, stamp: self.stamp, ..bare(seq, flags, payload) };
        self.packet += 1;
        let at = At { packet: self.packet, time: self.now };
        drain(self.tcp.push(side, &segment, at), &mut self.seen);
    }

    /// The sequence number of the byte at `offset`.
    pub(in crate::tcp) fn seq(&self, side: Side, offset: i64) -> u32 {
        self.start[side as usize].wrapping_add(offset as u32)
    }

    pub(in crate::tcp) fn syn(&mut self, side: Side, data: &[u8]) {
        let (seq, acks) = (self.seq(side, -1), self.acks);
        if side == Client {
            self.acks[0] = None;
        }
        self.segment(side, seq, Flags::SYN, data, 0);
        self.acks = acks;
    }

    pub(in crate::tcp) fn data(&mut self, side: Side, offset: i64, data: &[u8]) {
        self.segment(side, self.seq(side, offset), Flags::PSH, data, 0);
    }

    pub(in crate::tcp) fn cut(&mut self, side: Side, offset: i64, data: &[u8], cut: u32) {
        self.segment(side, self.seq(side, offset), Flags::PSH, data, cut);
    }

    pub(in crate::tcp) fn fin(&mut self, side: Side, offset: i64, data: &[u8]) {
        self.segment(side, self.seq(side, offset), Flags::FIN, data, 0);
    }

    pub(in crate::tcp) fn rst(&mut self, side: Side, offset: i64) {
        self.segment(side, self.seq(side, offset), Flags::RST, b"", 0);
    }

    /// Lets `side` acknowledge the other's stream up to `offset`.
    pub(in crate::tcp) fn ack(&mut self, side: Side, offset: u64) {
        self.acks[side as usize] = Some(offset);
        let own = self.acks[!side as usize].unwrap_or(0);
        self.segment(side, self.seq(side, own as i64), Flags::default(), b"", 0);
    }

    /// Clears the ACK flag in all segments from now on.
    pub(in crate::tcp) fn without_acks(mut self) -> Tape {
        self.acks = [None; 2];
        self
    }

    /// Advances the clock by `millis` without notifying the connection.
    pub(in crate::tcp) fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    /// Advances the clock by `millis` and notifies the connection.
    pub(in crate::tcp) fn wait(&mut self, millis: u64) {
        self.pass(millis);
        drain(self.tcp.advance(self.now), &mut self.seen);
    }

    pub(in crate::tcp) fn finish(&mut self) {
        drain(self.tcp.finish(), &mut self.seen);
        assert_eq!((self.tcp.waiting(), self.tcp.deadline()), (0, None));
    }

    /// Sends an arbitrary segment, at any offset relative to the side's start.
    pub(in crate::tcp) fn any(
        &mut self,
        side: Side,
        offset: i64,
        flags: u8,
        payload: &[u8],
        cut: u32,
        ack: u32,
    ) {
        self.packet += 1;
        let seq = self.seq(side, offset);
        let segment = Segment { ack: Seq(ack), cut, ..bare(seq, Flags(flags), payload) };
        let at = At { packet: self.packet, time: self.now };
        drain(self.tcp.push(side, &segment, at), &mut self.seen);
    }

    pub(in crate::tcp) fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the output since the last call.
    pub(in crate::tcp) fn seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }
}

pub(in crate::tcp) fn bytes(side: Side, data: impl AsRef<[u8]>) -> Seen {
    Seen::Bytes(side, data.as_ref().to_vec())
}

pub(in crate::tcp) fn gap(side: Side, length: u64) -> Seen {
    Seen::Gap(side, length, GapCause::Lost)
}

pub(in crate::tcp) fn differs(offset: u64, length: u64) -> Seen {
    Seen::Anomaly(Client, Anomaly::OverlapDiffers { offset, length })
}

/// Returns bytes that all differ from their neighbours.
pub(in crate::tcp) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 256) as u8).collect()
}
