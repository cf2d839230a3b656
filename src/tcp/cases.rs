//! One test a case, named after it.

use std::time::Duration;

use super::{Connection, Delivery, End, GapCause, Limits, Output};
use crate::model::{Anomaly, At, Endpoint, Flags, Flow, Segment, Seq, Side, Timestamp, Tunnel};

use Side::{Client, Server};

/// What came out, without the packets' times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Bytes(Side, Vec<u8>),
    Gap(Side, u64, GapCause),
    Anomaly(Side, Anomaly),
    End(Side, End),
}

impl Seen {
    pub(super) fn side(&self) -> Side {
        match self {
            Seen::Bytes(side, _) | Seen::Gap(side, ..) | Seen::Anomaly(side, _) | Seen::End(side, _) => *side,
        }
    }
}

/// Drains a delivery; neighbouring bytes of one side become one.
pub(super) fn drain(mut delivery: Delivery<'_, '_>, seen: &mut Vec<Seen>) {
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
            Output::Anomaly { side, anomaly } => seen.push(Seen::Anomaly(side, anomaly)),
            Output::End { side, how, .. } => seen.push(Seen::End(side, how)),
        }
    }
}

/// A segment that acknowledges nothing.
fn bare(seq: u32, flags: Flags, payload: &[u8]) -> Segment<'_> {
    let end = Endpoint::new([127, 0, 0, 1].into(), 1);
    let flow = Flow { source: end, destination: end, tunnel: Tunnel::NONE };
    Segment { flow, seq: Seq(seq), ack: Seq(0), flags, window: 0, payload, cut: 0 }
}

/// Where the first data byte of each side stands in sequence space, unless a test says otherwise.
const START: [u32; 2] = [1001, 5001];

/// Plays segments into a connection and keeps what came out.
pub(super) struct Tape {
    pub(super) tcp: Connection,
    pub(super) seen: Vec<Seen>,
    pub(super) start: [u32; 2],
    /// What each side has acknowledged of the other's stream; `None` sends no ACK flag.
    acks: [Option<u64>; 2],
    packet: u64,
    now: Timestamp,
}

impl Tape {
    pub(super) fn with(limits: &Limits) -> Tape {
        Tape {
            tcp: Connection::new(limits),
            seen: Vec::new(),
            start: START,
            acks: [Some(0); 2],
            packet: 0,
            now: Timestamp::new(1, 0),
        }
    }

    /// A connection of which nothing was seen.
    fn middle() -> Tape {
        Tape::with(&Limits::default())
    }

    /// A connection after its handshake.
    pub(super) fn open() -> Tape {
        let mut tape = Tape::middle();
        tape.handshake();
        tape
    }

    pub(super) fn handshake(&mut self) {
        self.syn(Client, b"");
        self.syn(Server, b"");
        self.ack(Client, 0);
        assert!(self.seen.is_empty() && self.tcp.waiting() == 0);
    }

    pub(super) fn segment(&mut self, side: Side, seq: u32, flags: Flags, payload: &[u8], cut: u32) {
        let ack = self.acks[side as usize];
        let flags = if ack.is_some() { flags.with(Flags::ACK) } else { flags };
        let ack = Seq(self.start[!side as usize].wrapping_add(ack.unwrap_or(0) as u32));
        let segment = Segment { ack, cut, ..bare(seq, flags, payload) };
        self.packet += 1;
        let at = At { packet: self.packet, time: self.now };
        drain(self.tcp.push(side, &segment, at), &mut self.seen);
    }

    /// The number of the byte at `offset`.
    fn seq(&self, side: Side, offset: i64) -> u32 {
        self.start[side as usize].wrapping_add(offset as u32)
    }

    fn syn(&mut self, side: Side, data: &[u8]) {
        let (seq, acks) = (self.seq(side, -1), self.acks);
        if side == Client {
            self.acks[0] = None;
        }
        self.segment(side, seq, Flags::SYN, data, 0);
        self.acks = acks;
    }

    pub(super) fn data(&mut self, side: Side, offset: i64, data: &[u8]) {
        self.segment(side, self.seq(side, offset), Flags::PSH, data, 0);
    }

    pub(super) fn cut(&mut self, side: Side, offset: i64, data: &[u8], cut: u32) {
        self.segment(side, self.seq(side, offset), Flags::PSH, data, cut);
    }

    fn fin(&mut self, side: Side, offset: i64, data: &[u8]) {
        self.segment(side, self.seq(side, offset), Flags::FIN, data, 0);
    }

    fn rst(&mut self, side: Side, offset: i64) {
        self.segment(side, self.seq(side, offset), Flags::RST, b"", 0);
    }

    /// `side` acknowledges the other's stream up to `offset`.
    pub(super) fn ack(&mut self, side: Side, offset: u64) {
        self.acks[side as usize] = Some(offset);
        let own = self.acks[!side as usize].unwrap_or(0);
        self.segment(side, self.seq(side, own as i64), Flags::default(), b"", 0);
    }

    /// No segment acknowledges anything any more.
    fn without_acks(mut self) -> Tape {
        self.acks = [None; 2];
        self
    }

    /// Lets milliseconds pass without telling the connection.
    fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    /// Lets milliseconds pass.
    pub(super) fn wait(&mut self, millis: u64) {
        self.pass(millis);
        drain(self.tcp.advance(self.now), &mut self.seen);
    }

    pub(super) fn finish(&mut self) {
        drain(self.tcp.finish(), &mut self.seen);
        assert_eq!((self.tcp.waiting(), self.tcp.deadline()), (0, None));
    }

    /// Sends any segment there can be, at any place relative to the side's start.
    pub(super) fn any(&mut self, side: Side, offset: i64, flags: u8, payload: &[u8], cut: u32, ack: u32) {
        self.packet += 1;
        let seq = self.seq(side, offset);
        let segment = Segment { ack: Seq(ack), cut, ..bare(seq, Flags(flags), payload) };
        let at = At { packet: self.packet, time: self.now };
        drain(self.tcp.push(side, &segment, at), &mut self.seen);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// What came out since the last call.
    pub(super) fn seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }
}

pub(super) fn bytes(side: Side, data: impl AsRef<[u8]>) -> Seen {
    Seen::Bytes(side, data.as_ref().to_vec())
}

fn hole(side: Side, length: u64) -> Seen {
    Seen::Gap(side, length, GapCause::Lost)
}

fn differs(offset: u64, length: u64) -> Seen {
    Seen::Anomaly(Client, Anomaly::OverlapDiffers { offset, length })
}

/// Bytes that all differ from their neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 256) as u8).collect()
}

#[test]
fn a_resting_connection_is_small_and_holds_no_memory() {
    assert!(size_of::<Connection>() <= 200, "{}", size_of::<Connection>());
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    assert!(tape.tcp.waiting() > 0);
    tape.data(Client, 0, b"a");
    assert_eq!(tape.tcp.waiting(), 0);
    assert!(tape.tcp.halves.client.waiting.is_none());
}

#[test]
fn in_order() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"hello ");
    tape.data(Server, 0, b"yes");
    tape.data(Client, 6, b"world");
    assert_eq!(tape.seen(), [bytes(Client, "hello "), bytes(Server, "yes"), bytes(Client, "world")]);
    tape.finish();
    assert_eq!(tape.seen(), []);
}

#[test]
fn in_order_bytes_are_the_segments_own() {
    let mut tcp = Connection::new(&Limits::default());
    let mut tape = Tape::open();
    std::mem::swap(&mut tcp, &mut tape.tcp);
    let payload = *b"not copied";
    let segment = bare(START[0], Flags::PSH, &payload);
    let at = At { packet: 9, time: Timestamp::new(9, 9) };
    let mut delivery = tcp.push(Client, &segment, at);
    match delivery.next() {
        Some(Output::Bytes { bytes, at: carried, .. }) => {
            assert_eq!((bytes.as_ptr(), carried), (payload.as_ptr(), at));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(delivery.next(), None);
}

#[test]
fn reordered_by_any_distance() {
    for distance in [1, 2, 3, 10, 100, 1000] {
        let stream = pattern(distance * 100 + 100);
        let mut tape = Tape::open();
        for (i, chunk) in stream.chunks(100).enumerate().skip(1) {
            tape.data(Client, i as i64 * 100, chunk);
        }
        assert_eq!(tape.seen(), []);
        tape.data(Client, 0, &stream[..100]);
        assert_eq!(tape.seen(), [bytes(Client, &stream)], "{distance}");
    }
}

#[test]
fn waiting_bytes_keep_their_packet() {
    let mut tape = Tape::open();
    tape.data(Client, 2, b"cc"); // packet 4
    tape.data(Client, 4, &[b'd'; 5000]); // packet 5, over a block's edge
    let segment = bare(START[0], Flags::PSH, b"aa");
    let mut delivery = tape.tcp.push(Client, &segment, At { packet: 6, time: tape.now });
    let mut packets = Vec::new();
    while let Some(output) = delivery.next() {
        let Output::Bytes { bytes, at, .. } = output else { panic!("{output:?}") };
        packets.push((at.packet, bytes[0]));
    }
    packets.dedup();
    assert_eq!(packets, [(6, b'a'), (4, b'c'), (5, b'd')]);
}

#[test]
fn duplicated() {
    let mut tape = Tape::open();
    tape.data(Client, 2, b"cd");
    tape.data(Client, 2, b"cd");
    tape.data(Client, 0, b"ab");
    tape.data(Client, 0, b"ab");
    tape.data(Client, 0, b"abcd");
    tape.data(Client, 4, b"e");
    assert_eq!(tape.seen(), [bytes(Client, "abcde")]);
}

#[test]
fn overlapped_in_all_of_allens_relations() {
    // The first copy is [4, 8), the later one as each relation of it says.
    let relations = [
        ("before", 1, 3),
        ("meets", 2, 4),
        ("overlaps", 2, 6),
        ("starts", 4, 6),
        ("during", 5, 7),
        ("finishes", 6, 8),
        ("equals", 4, 8),
        ("finished by", 2, 8),
        ("contains", 2, 10),
        ("started by", 4, 10),
        ("overlapped by", 6, 10),
        ("met by", 8, 10),
        ("after", 9, 11),
    ];
    let stream = b"abcdefghijkl";
    for (name, from, to) in relations {
        for (same, waits) in [(true, true), (false, true), (true, false), (false, false)] {
            let mut tape = Tape::open();
            if !waits {
                tape.data(Client, 0, &stream[..4]);
            }
            tape.data(Client, 4, &stream[4..8]);
            let mut copy = stream[from..to].to_vec();
            if !same {
                copy.iter_mut().for_each(|byte| *byte = byte.to_ascii_uppercase());
            }
            tape.data(Client, from as i64, &copy);
            // What is left comes last and whole; for the bytes that wait it is a third copy that agrees or not.
            let mut expected = stream.to_vec();
            let fresh: Vec<usize> =
                (from..to).filter(|i| !(4..8).contains(i)).filter(|&i| waits || i >= 8).collect();
            fresh.iter().for_each(|&i| expected[i] = copy[i - from]);
            tape.data(Client, 0, &expected);
            tape.finish();
            let seen = tape.seen();
            let got: Vec<u8> =
                seen.iter().filter_map(|s| if let Seen::Bytes(_, b) = s { Some(b) } else { None }).flatten().copied().collect();
            assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{name} {same} {waits}");
            let both: Vec<usize> = (from..to).filter(|i| (4..8).contains(i)).collect();
            let anomalies: Vec<&Seen> = seen.iter().filter(|s| matches!(s, Seen::Anomaly(..))).collect();
            if same || !waits || both.is_empty() {
                assert!(anomalies.is_empty(), "{name} {same} {waits}: {anomalies:?}");
            } else {
                assert_eq!(anomalies, [&differs(both[0] as u64, both.len() as u64)], "{name}");
            }
            assert!(!seen.iter().any(|s| matches!(s, Seen::Gap(..))), "{name}: {seen:?}");
        }
    }
}

#[test]
fn a_copy_in_order_is_compared_with_what_waits() {
    let mut tape = Tape::open();
    tape.data(Client, 2, b"cd");
    tape.data(Client, 6, b"gh");
    tape.data(Client, 0, b"abcXefGhij");
    assert_eq!(tape.seen(), [bytes(Client, "abcdefghij"), differs(3, 2)]);
}

#[test]
fn lost() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.data(Client, 5, b"fg");
    tape.seen();
    tape.wait(100_000);
    assert_eq!(tape.seen(), [], "nobody has acknowledged the hole");
    tape.finish();
    assert_eq!(tape.seen(), [hole(Client, 3), bytes(Client, "fg")]);
}

#[test]
fn acknowledged_but_never_captured() {
    let mut tape = Tape::open();
    tape.data(Client, 5, b"fg");
    tape.pass(300);
    tape.ack(Server, 4);
    tape.wait(2000);
    assert_eq!(tape.seen(), [], "the hole's last byte is not acknowledged");
    tape.ack(Server, 5);
    assert_eq!(tape.tcp.deadline(), Some(tape.now.plus(Duration::from_secs(1))));
    tape.wait(999);
    assert_eq!(tape.seen(), [], "grace");
    tape.wait(1);
    assert_eq!(tape.seen(), [hole(Client, 5), bytes(Client, "fg")]);
    assert_eq!((tape.tcp.deadline(), tape.tcp.waiting()), (None, 0));
    tape.data(Client, 0, b"late!");
    tape.data(Client, 7, b"h");
    assert_eq!(tape.seen(), [bytes(Client, "h")]);
}

#[test]
fn an_acknowledgment_overtakes_the_data() {
    let mut tape = Tape::open();
    tape.ack(Server, 4);
    tape.pass(10);
    tape.data(Client, 2, b"cd");
    tape.wait(10);
    tape.data(Client, 0, b"ab");
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
}

#[test]
fn each_hole_has_its_own_grace() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.data(Client, 3, b"d");
    tape.data(Client, 5, b"f");
    tape.ack(Server, 2);
    tape.pass(500);
    tape.ack(Server, 6);
    tape.wait(500);
    assert_eq!(tape.seen(), [hole(Client, 1), bytes(Client, "b")]);
    tape.wait(499);
    assert_eq!(tape.seen(), []);
    tape.wait(1);
    assert_eq!(
        tape.seen(),
        [hole(Client, 1), bytes(Client, "d"), hole(Client, 1), bytes(Client, "f")]
    );
}

#[test]
fn the_last_bytes_were_acknowledged_but_never_captured() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 10);
    tape.wait(10_000);
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "ab"), hole(Client, 8)]);
    // A FIN that was not captured is acknowledged by one number more: no byte of data is missing.
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 3);
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
}

#[test]
fn a_hole_in_each_direction() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.data(Server, 1, b"B");
    tape.ack(Server, 2);
    tape.ack(Client, 2);
    tape.wait(1000);
    assert_eq!(
        tape.seen(),
        [hole(Client, 1), bytes(Client, "b"), hole(Server, 1), bytes(Server, "B")]
    );
}

#[test]
fn syn_with_data() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"fast");
    tape.syn(Server, b"");
    tape.data(Client, 4, b" open");
    assert_eq!(tape.seen(), [bytes(Client, "fast open")]);
}

#[test]
fn syn_repeated() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"fast");
    tape.syn(Client, b"fast");
    tape.syn(Client, b"");
    tape.syn(Server, b"");
    tape.syn(Server, b"");
    tape.data(Client, 4, b" open");
    tape.syn(Client, b"fast");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "fast open")]);
}

#[test]
fn syn_ack_lost_from_the_capture() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"");
    tape.ack(Client, 0);
    tape.data(Client, 0, b"ask");
    // The client's acknowledgment said where the server's bytes begin: the hole before these is known.
    tape.data(Server, 2, b"swer");
    assert_eq!(tape.seen(), [bytes(Client, "ask")]);
    tape.data(Server, 0, b"an");
    assert_eq!(tape.seen(), [bytes(Server, "answer")]);
}

#[test]
fn four_tuple_used_again() {
    let syn = |seq, flags| bare(seq, flags, b"");
    let mut tape = Tape::middle();
    assert!(!tape.tcp.is_reuse(Client, &syn(77, Flags::SYN)), "nothing was seen");
    tape.handshake();
    tape.data(Client, 0, b"x");
    assert!(!tape.tcp.is_reuse(Client, &syn(1000, Flags::SYN)), "the same SYN again");
    assert!(!tape.tcp.is_reuse(Server, &syn(5000, Flags::SYN)));
    assert!(!tape.tcp.is_reuse(Client, &syn(9000, Flags::PSH)), "no SYN");
    assert!(tape.tcp.is_reuse(Client, &syn(9000, Flags::SYN)));
    assert!(tape.tcp.is_reuse(Server, &syn(9000, Flags::SYN)));
    tape.fin(Client, 1, b"");
    tape.fin(Server, 0, b"");
    assert!(tape.tcp.is_closed() && tape.tcp.is_reuse(Client, &syn(1002, Flags::SYN)));
    // Pushed all the same, it changes nothing.
    tape.seen();
    tape.segment(Client, 9000, Flags::SYN, b"evil", 0);
    assert_eq!(tape.seen(), []);

    // A capture that began in the middle: a SYN captured just after the first data is no new connection.
    let mut tape = Tape::middle();
    tape.data(Client, 0, b"x");
    assert!(!tape.tcp.is_reuse(Client, &syn(1000, Flags::SYN)));
    assert!(tape.tcp.is_reuse(Client, &syn(1001, Flags::SYN)));
    assert!(tape.tcp.is_reuse(Client, &syn(800_000_000, Flags::SYN)));
}

#[test]
fn sequence_wrap_in_the_middle_of_data() {
    let mut tape = Tape::middle();
    tape.start = [u32::MAX - 2, u32::MAX];
    tape.handshake();
    tape.data(Client, 0, b"abcdef");
    tape.data(Client, 6, b"gh");
    tape.data(Server, 2, b"CD");
    tape.data(Server, 0, b"AB");
    assert_eq!(tape.seen(), [bytes(Client, "abcdefgh"), bytes(Server, "ABCD")]);
}

#[test]
fn sequence_wrap_in_the_middle_of_a_hole() {
    let mut tape = Tape::middle();
    tape.start = [u32::MAX - 2, 1];
    tape.handshake();
    tape.data(Client, 6, b"gh");
    tape.ack(Server, 8);
    tape.wait(1000);
    assert_eq!(tape.seen(), [hole(Client, 6), bytes(Client, "gh")]);
}

#[test]
fn streams_over_four_gib() {
    let mut tape = Tape::open();
    let step: u64 = 60 << 20;
    let mut offset = 0;
    while offset < 9 << 30 {
        tape.data(Client, (offset + step) as i64, b"x");
        tape.ack(Server, offset + step + 1);
        tape.wait(1000);
        assert_eq!(tape.seen(), [hole(Client, step), bytes(Client, "x")]);
        offset += step + 1;
    }
    tape.data(Client, offset as i64 + 1, b"b");
    tape.data(Client, offset as i64, b"aB");
    assert_eq!(tape.seen(), [bytes(Client, "ab"), differs(offset + 1, 1)]);
    assert_eq!(tape.tcp.halves.client.position, offset + 2);
}

#[test]
fn keep_alive_probe() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 2);
    for probe in [&b""[..], b"\0"] {
        tape.data(Client, 1, probe);
        tape.ack(Server, 2);
    }
    tape.data(Client, 2, b"cd");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
    // As the first thing that is seen of a side:
    let mut tape = Tape::middle();
    tape.ack(Server, 2);
    tape.data(Client, 1, b"");
    tape.data(Client, 1, b"\0");
    tape.data(Client, 2, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "cd")]);
}

#[test]
fn zero_window_probe() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.data(Client, 2, b"c"); // the next byte, refused and sent again
    tape.data(Client, 2, b"c");
    tape.data(Client, 2, b"cde");
    assert_eq!(tape.seen(), [bytes(Client, "abcde")]);
}

#[test]
fn fin_before_the_hole_is_filled() {
    let mut tape = Tape::open();
    tape.fin(Client, 4, b"");
    tape.data(Client, 2, b"cd");
    assert_eq!(tape.seen(), []);
    tape.data(Client, 0, b"ab");
    assert_eq!(tape.seen(), [bytes(Client, "abcd"), Seen::End(Client, End::Fin)]);
    // Never filled: the gap comes first, by acknowledgment and grace as ever.
    let mut tape = Tape::open();
    tape.fin(Client, 4, b"");
    tape.wait(60_000);
    assert_eq!(tape.seen(), []);
    tape.ack(Server, 5);
    tape.wait(1000);
    assert_eq!(tape.seen(), [hole(Client, 4), Seen::End(Client, End::Fin)]);
}

#[test]
fn fin_with_data() {
    let mut tape = Tape::open();
    tape.fin(Client, 0, b"bye");
    assert_eq!(tape.seen(), [bytes(Client, "bye"), Seen::End(Client, End::Fin)]);
    tape.data(Client, 3, b"more");
    assert_eq!(tape.seen(), [], "nothing comes after FIN");
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn fin_repeated() {
    let mut tape = Tape::open();
    tape.fin(Client, 2, b"cd");
    tape.fin(Client, 2, b"cd");
    tape.fin(Client, 4, b"");
    tape.data(Client, 0, b"ab");
    tape.fin(Client, 4, b"");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "abcd"), Seen::End(Client, End::Fin)]);
}

#[test]
fn bytes_behind_fin_are_not_handed_on() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"bcdef");
    tape.fin(Client, 3, b"");
    tape.fin(Client, 5, b"");
    tape.data(Client, 0, b"a");
    assert_eq!(tape.seen(), [bytes(Client, "abc"), Seen::End(Client, End::Fin)]);
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn rst_in_window() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.rst(Client, 2);
    assert_eq!(tape.seen(), [bytes(Client, "ab"), Seen::End(Client, End::Reset)]);
    assert!(tape.tcp.is_closed());
    tape.rst(Client, 2);
    tape.finish();
    assert_eq!(tape.seen(), []);
}

#[test]
fn rst_before_the_hole_is_filled() {
    let mut tape = Tape::open();
    tape.data(Server, 2, b"cd");
    tape.data(Client, 2, b"CD");
    tape.rst(Client, 4);
    assert!(!tape.tcp.is_closed());
    tape.data(Client, 0, b"AB");
    assert_eq!(tape.seen(), [bytes(Client, "ABCD"), Seen::End(Client, End::Reset)]);
    assert!(tape.tcp.is_closed());
    // The other direction's hole waits for a grace too, acknowledged or not.
    tape.wait(999);
    assert_eq!(tape.seen(), []);
    tape.wait(1);
    assert_eq!(tape.seen(), [hole(Server, 2), bytes(Server, "cd")]);
    // Never filled: a grace after the reset it is given up.
    let mut tape = Tape::open();
    tape.rst(Client, 3);
    tape.wait(999);
    assert_eq!(tape.seen(), []);
    tape.wait(1);
    assert_eq!(tape.seen(), [hole(Client, 3), Seen::End(Client, End::Reset)]);
}

#[test]
fn rst_out_of_window_is_ignored() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 2);
    tape.rst(Client, 1);
    tape.rst(Client, -1);
    tape.rst(Client, 100 << 20);
    tape.rst(Client, 1 << 31);
    tape.data(Client, 2, b"cd");
    assert!(!tape.tcp.is_closed());
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
}

#[test]
fn rst_that_its_sender_goes_on_behind_is_forged() {
    let mut tape = Tape::open();
    tape.rst(Client, 2);
    tape.data(Client, 0, b"abcd");
    tape.wait(5000);
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
    assert!(!tape.tcp.is_closed());
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn rst_refuses_a_connection() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"");
    tape.segment(Server, 0, Flags::RST, b"", 0);
    assert_eq!(tape.seen(), [Seen::End(Server, End::Reset)]);
    assert!(tape.tcp.is_closed());
}

#[test]
fn rst_after_fin() {
    let mut tape = Tape::open();
    tape.fin(Client, 0, b"a");
    tape.rst(Client, 2);
    assert_eq!(tape.seen(), [bytes(Client, "a"), Seen::End(Client, End::Fin)]);
    assert!(tape.tcp.is_closed());
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn half_close() {
    let mut tape = Tape::open();
    tape.fin(Client, 0, b"ask");
    assert!(!tape.tcp.is_closed());
    tape.ack(Server, 4);
    tape.data(Server, 0, b"ans");
    tape.fin(Server, 3, b"wer");
    assert!(tape.tcp.is_closed());
    assert_eq!(
        tape.seen(),
        [
            bytes(Client, "ask"),
            Seen::End(Client, End::Fin),
            bytes(Server, "answer"),
            Seen::End(Server, End::Fin)
        ]
    );
}

#[test]
fn simultaneous_open() {
    let mut tape = Tape::middle().without_acks();
    tape.syn(Client, b"");
    tape.syn(Server, b"");
    tape.acks = [Some(0); 2];
    tape.segment(Client, START[0] - 1, Flags::SYN, b"", 0);
    tape.segment(Server, START[1] - 1, Flags::SYN, b"", 0);
    tape.data(Client, 0, b"a");
    tape.data(Server, 0, b"b");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "a"), bytes(Server, "b")]);
}

#[test]
fn urgent_data_is_delivered_in_line() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.segment(Client, START[0] + 2, Flags::URG, b"!", 0);
    tape.data(Client, 3, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "ab!cd")]);
}

#[test]
fn a_capture_that_starts_in_the_middle() {
    let mut tape = Tape::middle();
    tape.ack(Client, 100);
    tape.ack(Server, 100);
    tape.data(Client, 100, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "cd")], "at once");
    tape.data(Client, 98, b"ab");
    tape.data(Client, 98, b"abcdef");
    tape.data(Server, 200, b"x");
    tape.data(Server, 202, b"z");
    tape.data(Server, 201, b"y");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "ef"), bytes(Server, "xyz")]);
}

#[test]
fn one_direction_only_captured() {
    let mut tape = Tape::middle().without_acks();
    tape.data(Client, 0, b"ab");
    tape.data(Client, 4, b"ef");
    tape.wait(4999);
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
    tape.wait(1);
    assert_eq!(tape.seen(), [hole(Client, 2), bytes(Client, "ef")]);
}

#[test]
fn snap_length_cuts() {
    let mut tape = Tape::open();
    tape.cut(Client, 0, b"ab", 8);
    tape.cut(Client, 10, b"kl", 3);
    let snap = |length| Seen::Gap(Client, length, GapCause::SnapLength);
    assert_eq!(tape.seen(), [bytes(Client, "ab"), snap(8), bytes(Client, "kl"), snap(3)]);
    // Nothing but headers was captured.
    tape.cut(Client, 15, b"", 1460);
    assert_eq!(tape.seen(), [snap(1460)]);
    // With FIN.
    tape.segment(Client, START[0] + 1475, Flags::FIN, b"a", 1);
    assert_eq!(tape.seen(), [bytes(Client, "a"), snap(1), Seen::End(Client, End::Fin)]);
}

#[test]
fn a_cut_range_is_filled_by_another_copy_that_waits() {
    let snap = |length| Seen::Gap(Client, length, GapCause::SnapLength);
    let mut tape = Tape::open();
    tape.data(Client, 4, b"ef");
    tape.cut(Client, 0, b"ab", 8);
    assert_eq!(tape.seen(), [bytes(Client, "ab"), snap(2), bytes(Client, "ef"), snap(4)]);
    // The cut copy waits, the copies that fill it come later.
    let mut tape = Tape::open();
    tape.cut(Client, 2, b"cd", 6);
    tape.cut(Client, 10, b"k", 3);
    tape.data(Client, 6, b"gh");
    tape.data(Client, 0, b"abcdef");
    assert_eq!(tape.seen(), [bytes(Client, "abcdefgh"), snap(2), bytes(Client, "k"), snap(3)]);
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn cut_ranges_that_touch_or_overlap_become_one() {
    let snap = |length| Seen::Gap(Client, length, GapCause::SnapLength);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let mut tape = Tape::open();
        for i in order {
            let (offset, cut) = [(5, 10), (10, 20), (30, 5), (8, 2)][i];
            tape.cut(Client, offset, b"", cut);
        }
        assert_eq!(tape.seen(), []);
        tape.ack(Server, 5);
        tape.wait(1000);
        assert_eq!(tape.seen(), [hole(Client, 5), snap(30)], "{order:?}");
        assert_eq!(tape.tcp.waiting(), 0);
    }
}

#[test]
fn segments_far_outside_any_window_are_ignored() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    for (i, far) in [65 << 20, 1 << 30, 1 << 31, -(65 << 20), (1 << 31) + 5, -(1 << 31)].into_iter().enumerate() {
        tape.data(Client, far, &[b'0' + i as u8]);
        tape.data(Client, 2 + i as i64, b"c");
    }
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "abcccccc")]);
}

#[test]
fn distances_over_two_to_the_31_are_not_taken_for_near() {
    for start in [0, 1, 1 << 31, (1 << 31) + 1, u32::MAX] {
        let mut tape = Tape::middle();
        tape.start = [start, 7];
        tape.handshake();
        tape.data(Client, i64::from(u32::MAX >> 1), b"far");
        tape.data(Client, i64::from(u32::MAX >> 1) + 1, b"far");
        tape.rst(Client, 1 << 31);
        tape.ack(Server, 1 << 31);
        tape.data(Client, 0, b"near");
        tape.finish();
        assert_eq!(tape.seen(), [bytes(Client, "near")]);
    }
}

#[test]
fn a_capture_that_missed_more_than_the_window_goes_on() {
    for far in [65_i64 << 20, 1 << 30, 3 << 30] {
        let mut tape = Tape::open();
        tape.data(Client, 0, b"ab");
        tape.data(Client, 5, b"fg");
        for i in 0..6 {
            tape.data(Client, far + i * 2, &[b'A' + i as u8; 2]);
        }
        let gap = far as u64 + 6 - 7;
        assert_eq!(
            tape.seen(),
            [
                bytes(Client, "ab"),
                hole(Client, 3),
                bytes(Client, "fg"),
                hole(Client, gap),
                bytes(Client, "DDEEFF")
            ]
        );
    }
}

#[test]
fn acknowledgment_of_data_never_sent() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 1 << 31);
    tape.ack(Server, 80 << 20);
    tape.wait(10_000);
    tape.data(Client, 2, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
    tape.finish();
    assert_eq!(tape.seen(), []);
    // Within the window it is believed, but takes nothing away from what comes.
    let mut tape = Tape::open();
    tape.ack(Server, 1000);
    tape.wait(10_000);
    tape.data(Client, 0, b"ab");
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
}

#[test]
fn the_sides_were_guessed_the_wrong_way_round() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.tcp.swap();
    tape.start.swap(0, 1);
    tape.data(Server, 0, b"a");
    tape.data(Client, 0, b"x");
    assert_eq!(tape.seen(), [bytes(Server, "ab"), bytes(Client, "x")]);
}

#[test]
fn a_bound_outside_is_relieved() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.data(Server, 1, b"B");
    tape.data(Server, 3, b"D");
    drain(tape.tcp.relieve(), &mut tape.seen);
    assert_eq!(tape.seen(), [Seen::Gap(Server, 1, GapCause::Limit), bytes(Server, "B")]);
    let before = tape.tcp.waiting();
    while tape.tcp.waiting() > 0 {
        drain(tape.tcp.relieve(), &mut tape.seen);
    }
    assert!(before > 0);
    drain(tape.tcp.relieve(), &mut tape.seen);
    assert_eq!(tape.seen().len(), 4);
}

#[test]
fn the_bound_in_bytes_gives_up_the_oldest_hole() {
    let limits = Limits { waiting_bytes: 64 << 10, ..Limits::default() };
    let mut tape = Tape::with(&limits);
    tape.handshake();
    let stream = pattern(1 << 20);
    for (i, chunk) in stream.chunks(1000).enumerate().skip(1) {
        tape.data(Client, i as i64 * 1000, chunk);
        assert!(tape.tcp.waiting() <= limits.waiting_bytes);
        if i == 30 {
            assert_eq!(tape.seen, []);
        }
    }
    let limit = Anomaly::LimitReached { limit: "bytes waiting behind a hole", value: 64 << 10 };
    assert_eq!(
        tape.seen(),
        [
            Seen::Anomaly(Client, limit),
            Seen::Gap(Client, 1000, GapCause::Limit),
            bytes(Client, &stream[1000..])
        ]
    );
}

#[test]
fn the_bound_in_pieces_gives_up_the_oldest_hole() {
    let limits = Limits { waiting_pieces: 10, ..Limits::default() };
    let mut tape = Tape::with(&limits);
    tape.handshake();
    for i in 1..=11 {
        tape.data(Client, i * 2, b"x");
    }
    let limit = Anomaly::LimitReached { limit: "pieces waiting behind a hole", value: 10 };
    let gap = Seen::Gap(Client, 2, GapCause::Limit);
    assert_eq!(tape.seen(), [Seen::Anomaly(Client, limit), gap, bytes(Client, "x")]);
    tape.data(Client, 24, b"x");
    assert_eq!(tape.seen(), [Seen::Gap(Client, 1, GapCause::Limit), bytes(Client, "x")], "said once");
    // A hole that is filled needs no room.
    tape.data(Client, 5, b"yyyyyyyyyyyyyyyyyyyyyyyyyy");
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn a_delivery_that_is_not_drained_is_a_gap() {
    let mut tape = Tape::open();
    let segment = bare(START[0], Flags::PSH, b"ab");
    let _ = tape.tcp.push(Client, &segment, At::default());
    tape.data(Client, 2, b"cd");
    tape.finish();
    assert_eq!(tape.seen(), [hole(Client, 2), bytes(Client, "cd")]);
}
