//! A conversation generated from the input, captured with losses, and compared with what was sent.

use std::collections::VecDeque;

use wirefin::event::{Event, Framing, Kind, Sink};
use wirefin::model::{At, Flags, Side, Timestamp};
use wirefin::session::{Analyzer, Limits};
use wirefin::websocket::Opcode;

use super::{Input, segment};

const REQUEST: &[u8] = b"GET /talk HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// Bounds the messages of a conversation.
const MESSAGES: usize = 40;

/// A message: its sender, opcode and payload.
type Sent = (Side, Opcode, Vec<u8>);

/// The two ends of a conversation, and what they have sent so far.
#[derive(Default)]
struct Ends {
    sent: Vec<Sent>,
    /// The data of each write, in wire order.
    writes: Vec<(Side, Vec<u8>)>,
    /// The state of the generator of masks: those of a real client are unpredictable, so the input does not determine
    /// them.
    mask: u32,
}

impl Ends {
    /// Builds a frame with an opcode and the bits beside it.
    fn frame(&mut self, from: Side, first: u8, payload: &[u8]) -> Vec<u8> {
        let masked = if from == Side::Client { 0x80 } else { 0 };
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(masked | short as u8),
            long => {
                frame.push(masked | 0x7E);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        if masked == 0 {
            frame.extend(payload);
            return frame;
        }
        self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mask = (self.mask ^ self.mask >> 15).to_be_bytes();
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Sends a message, fragmented, compressed or with a ping in between, depending on `how`.
    fn message(&mut self, from: Side, opcode: Opcode, payload: Vec<u8>, how: u8) {
        let is_compressed = how & 4 != 0 && payload.len() < 60_000;
        let body = if is_compressed { stored(&payload) } else { payload.clone() };
        let length = body.len().div_ceil(usize::from(how & 3) + 1).max(1);
        let mut pieces: Vec<&[u8]> = body.chunks(length).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let last = pieces.len() - 1;
        let mut bytes = Vec::new();
        for (n, piece) in pieces.into_iter().enumerate() {
            let fin = if n == last { 0x80 } else { 0 };
            let rsv1 = if is_compressed && n == 0 { 0x40 } else { 0 };
            let opcode = if n == 0 { opcode.0 } else { 0 };
            bytes.extend(self.frame(from, fin | rsv1 | opcode, piece));
            if n < last && how & 8 != 0 {
                bytes.extend(self.frame(from, 0x89, b"between"));
                self.sent.push((from, Opcode::PING, b"between".to_vec()));
            }
        }
        self.sent.push((from, opcode, payload));
        self.writes.push((from, bytes));
    }
}

/// Returns a payload as permessage-deflate sends it in a stored block (RFC 7692 §7.2.3.4).
fn stored(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    [&[0], &length.to_le_bytes()[..], &(!length).to_le_bytes(), payload, &[0]].concat()
}

/// Generates a payload: text, bytes of the input, or frames as sent by a relay or an attacker.
fn payload(input: &mut Input<'_>, number: usize, kind: u8, length: usize) -> (Opcode, Vec<u8>) {
    match kind & 3 {
        0 => (Opcode::BINARY, input.take(length).to_vec()),
        1 => {
            let inner = format!("within {number}");
            let frame = [&[0x81, inner.len() as u8], inner.as_bytes()].concat();
            (Opcode::BINARY, frame.iter().copied().cycle().take(length).collect())
        }
        _ => (Opcode::TEXT, format!("{number} of the talk; ").bytes().cycle().take(length).collect()),
    }
}

/// A sink for the messages shown as complete and verified.
#[derive(Default)]
struct Shown(Vec<Sent>);

impl Sink for Shown {
    fn event(&mut self, event: &Event<'_>) {
        let Kind::Message(it) = &event.kind else { return };
        let is_sure = it.is_complete() && it.framing == Framing::Counted && it.verified;
        if is_sure && it.truncated_to.is_none() && it.wire.compressed == it.wire.inflated {
            self.0.push((it.from, it.opcode, it.payload.to_vec()));
        }
    }
}

/// A segment as sent.
struct Sending {
    from: Side,
    flags: Flags,
    payload: Vec<u8>,
    seq: u32,
    ack: u32,
}

/// A link that delivers segments to the capture: with losses, repetitions, pauses, and some after their successors.
struct Wire {
    analyzer: Analyzer,
    shown: Shown,
    at: At,
    seq: [u32; 2],
    behind: Option<Sending>,
}

impl Wire {
    fn capture(&mut self, sending: &Sending) {
        let Sending { from, flags, ref payload, seq, ack } = *sending;
        let segment = segment(from, flags, [seq, ack], payload);
        self.at.packet += 1;
        while self.analyzer.next_due().is_some_and(|(due, _)| due <= self.at.time) {
            self.analyzer.advance(&mut self.shown);
        }
        self.analyzer.push(0, &segment, self.at, &mut self.shown);
    }

    /// Sends a segment, which is captured according to `fate`; returns whether it was captured at all.
    fn send(&mut self, from: Side, flags: Flags, payload: &[u8], fate: u8) -> bool {
        self.at.time = Timestamp::from_nanos(
            self.at.time.as_nanos()
                + [1_000_000, 1_000_000, 300_000_000, 40_000_000_000][usize::from(fate >> 6)],
        );
        let sent = usize::from(from == Side::Server);
        let seq = self.seq[sent];
        self.seq[sent] = seq
            .wrapping_add(payload.len() as u32 + u32::from(flags.has(Flags::SYN) || flags.has(Flags::FIN)));
        let ack = self.seq[usize::from(from == Side::Client)];
        let sending = Sending { from, flags, payload: payload.to_vec(), seq, ack };
        let before = self.behind.take();
        match fate & 31 {
            0 | 1 => {}
            2 => {
                self.capture(&sending);
                self.capture(&sending);
            }
            3 => self.behind = Some(sending),
            _ => self.capture(&sending),
        }
        if let Some(before) = before {
            self.capture(&before);
        }
        fate & 31 > 1
    }
}

/// Generates a conversation from the input and captures it: messages shown as certain were sent like this, in this
/// order, and if nothing was lost, all of them are shown.
pub fn talk(data: &[u8]) {
    let mut input = Input(data);
    let (Some(mood), Some(mask), Some(late)) = (input.byte(), input.u16(), input.byte()) else { return };
    let mut ends = Ends { mask: u32::from(mask), ..Ends::default() };
    while let (true, Some(what), Some(how), Some(length)) =
        (ends.sent.len() < MESSAGES, input.byte(), input.byte(), input.u16())
    {
        let from = if what & 1 == 0 { Side::Client } else { Side::Server };
        let number = ends.sent.len();
        if what & 6 == 0 {
            ends.message(from, Opcode::PING, format!("ping {number}").into_bytes(), 0);
        } else {
            let (opcode, payload) = payload(&mut input, number, what >> 3, usize::from(length) % 3000);
            ends.message(from, opcode, payload, how);
        }
    }
    let mut wire = Wire {
        analyzer: Analyzer::new(Limits::default()),
        shown: Shown::default(),
        at: At { packet: 0, time: Timestamp::from_nanos(1_000_000_000_000) },
        seq: [u32::MAX - 500, 77],
        behind: None,
    };
    // The first bytes of the input also determine the segment boundaries and the losses.
    let mut fates: VecDeque<u8> = data.iter().copied().collect();
    let mut is_whole = true;
    let mut send = |wire: &mut Wire, from, flags, payload: &[u8], keep: bool| {
        let fate = fates.pop_front().unwrap_or(255) | if keep { 4 } else { 0 };
        is_whole &= wire.send(from, flags, payload, if mood & 1 == 0 { fate | 4 } else { fate });
    };
    let is_late = mood & 2 != 0;
    if !is_late {
        send(&mut wire, Side::Client, Flags::SYN, &[], true);
        send(&mut wire, Side::Server, Flags::SYN.with(Flags::ACK), &[], true);
        send(&mut wire, Side::Client, Flags::ACK, REQUEST, true);
        send(&mut wire, Side::Server, Flags::ACK, RESPONSE, true);
    }
    let longest = usize::from(late) * 6 + 1;
    for (from, bytes) in &ends.writes {
        for piece in bytes.chunks(longest) {
            send(&mut wire, *from, Flags::ACK, piece, false);
        }
    }
    for side in Side::BOTH {
        send(&mut wire, side, Flags::ACK.with(Flags::FIN), &[], true);
    }
    let live: Vec<_> = wire.analyzer.live().collect();
    for (_, handle) in live {
        wire.analyzer.finish(handle, wire.at, &mut wire.shown);
    }
    for side in Side::BOTH {
        let of_side = |all: &[Sent]| -> Vec<Sent> { all.iter().filter(|it| it.0 == side).cloned().collect() };
        let (sent, shown) = (of_side(&ends.sent), of_side(&wire.shown.0));
        let mut left = sent.iter();
        for message in &shown {
            assert!(left.any(|it| it == message), "{message:?} was not sent, or not then");
        }
        assert!(
            is_late || !is_whole || shown == sent,
            "nothing was lost, yet {} of {} are shown",
            shown.len(),
            sent.len()
        );
    }
}
