//! Reassembly of TCP segments, in any order, into a byte stream with explicit gaps (RFC 9293).
//!
//! [`Connection`] takes one segment at a time and returns a [`Delivery`], to be drained before the next:
//!
//! ```text
//!   segment ──► in order, nothing waits ──────────────────────────► Output::Bytes (the slice itself, no copy)
//!      │
//!      └─────► behind a gap ───► copied into `waiting`, bounded ──┬─► gap filled:   Output::Bytes
//!                                                                 └─► gap given up: Output::Gap, then Bytes
//! ```
//!
//! ```
//! use wirefin::model::{At, Endpoint, Flags, Flow, Segment, SenderClock, Seq, Side, Tunnel};
//! use wirefin::tcp::{Connection, Limits, Output};
//!
//! let end = |port| Endpoint::new([192, 0, 2, 1].into(), port);
//! let flow = Flow { source: end(40_000), destination: end(80), tunnel: Tunnel::NONE };
//! let (ack, window, header, cut, stamp) = (Seq(0), 0, &[][..], 0, SenderClock::default());
//! let packet_length = 60;
//! let segment = |seq, flags, payload: &'static [u8]| {
//!     Segment { flow, seq: Seq(seq), ack, flags, window, header, payload, offset: None, cut, packet_length, stamp }
//! };
//! let mut connection = Connection::new(&Limits::default());
//! let mut stream = Vec::new();
//! // The last segment overtakes the one before it.
//! for segment in [segment(99, Flags::SYN, b""), segment(102, Flags(0), b"llo"), segment(100, Flags(0), b"he")] {
//!     let mut delivery = connection.push(Side::Client, &segment, At::default());
//!     while let Some(output) = delivery.next() {
//!         if let Output::Bytes { bytes, .. } = output {
//!             stream.extend_from_slice(bytes);
//!         }
//!     }
//! }
//! assert_eq!(stream, b"hello");
//! ```
//!
//! # When a gap is given up
//!
//! A gap is given up in each of these cases:
//!
//! * The other side has acknowledged all of it and [`Limits::grace`] of capture time has passed since. (A packet may be
//!   captured late, and an acknowledgment may overtake it.)
//! * No acknowledgment from the other side was ever seen, because the capture holds one direction only, and the data
//!   after the gap has been queued for [`Limits::lonely_grace`].
//! * [`Limits::grace`] has passed since a reset was seen.
//! * A bound is reached.
//! * [`Connection::finish`] is called.
//!
//! It is never given up sooner: FIN and RST wait for the gap before them. Time passes only in [`Connection::advance`],
//! so the result depends on packets and timestamps and nothing else. Selective acknowledgments do not count because a
//! receiver may renege on them (RFC 2018 §8).
//!
//! # Design decisions
//!
//! * The first copy of a byte wins. A later copy is compared while the first one is still queued. Delivered bytes are
//!   not kept: when they come again, they are passed on as [`Output::Duplicate`] for callers that remember some.
//! * In a capture that starts mid-stream, the first segment with data sets the start and is delivered at once. (One
//!   without data does not, because it may be a keep-alive probe, whose sequence number is one too low.) Earlier bytes
//!   that come later are dropped like retransmissions.
//! * If the handshake was seen, the first acknowledgment reveals where the other side's bytes begin, even if its own
//!   SYN was not captured.
//! * A segment without new bytes was either retransmitted or captured twice, for example by `-i any` on both ends of a
//!   bridge. The increasing counters that senders put on their packets distinguish the two: a copy is not newer than
//!   the newest segment seen.
//! * A segment with a wrong checksum is discarded, as its receiver does, if its sender's checksums are meaningful:
//!   correct ones came before. Its bytes are a gap until they are retransmitted. Checksums left to a network card are
//!   meaningless, and truncated segments cannot be verified.
//! * Urgent data is delivered in line, as RFC 6093 advises; probes that repeat a byte already sent are dropped.
//! * A segment further away than [`Limits::window`] is dropped as stale or forged. If several of them are contiguous,
//!   the capture has missed more than the window: a gap is reported and the stream continues there.

mod arrival;
mod checksums;
mod connection;
mod delivery;
mod differences;
mod duplicates;
mod half;
mod limits;
mod output;
mod reassembly_queue;

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests reckon with offsets around the circle of sequence numbers"
)]
mod cases;
#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests reckon with offsets around the circle of sequence numbers"
)]
mod oracle;

pub use connection::Connection;
pub use delivery::Delivery;
pub use differences::Differences;
pub use duplicates::CapturedAgain;
pub use limits::{Limits, Verify};
pub use output::{End, GapCause, Output};
