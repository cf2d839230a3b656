//! TCP segments in any order → bytes in order, with the gaps named (RFC 9293).
//!
//! [`Connection`] takes one segment at a time and answers with a [`Delivery`], to be drained before the next:
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
//! A gap is given up when the other side has acknowledged all of it and [`Limits::grace`] of capture time has
//! passed since (a packet may be captured late, and an acknowledgment may overtake it); when no acknowledgment was
//! ever seen from the other side, for the capture sees one direction only, and the data behind the gap has waited
//! for [`Limits::lonely_grace`]; when a reset was seen that long ago as [`Limits::grace`]; when a bound is reached;
//! and at [`Connection::finish`]. Never sooner: FIN and RST wait for the gap before them. Time passes in
//! [`Connection::advance`] only, so what is given up depends on packets and stamps and on nothing else. Selective
//! acknowledgments do not count: a receiver may take them back (RFC 2018 §8).
//!
//! # What is decided here
//!
//! * The first copy of a byte stands. A later copy is compared while the first one still waits. No copy is kept of bytes
//!   already handed on: when they come again they are lent as [`Output::Again`], for a caller who remembers some.
//! * A capture that starts in the middle: the first segment with data sets the start and is handed on at once (one
//!   without data does not: it may be a keep-alive probe, whose number is one too low). Bytes
//!   from before it that come later are dropped like retransmissions.
//! * Where the handshake was seen, the first acknowledgment tells where the other side's bytes begin, even if its
//!   own SYN was not captured.
//! * A segment whose bytes are all known was sent again or captured again, as by `-i any` on both ends of a bridge. What
//!   senders write on their packets in order tells which: a copy is not later than the newest segment seen.
//! * A segment with a wrong checksum is discarded as its receiver discards it, where its sender's checksums mean
//!   something: right ones came before. What it held is a gap until it is sent again. Checksums that are left to a network
//!   card mean nothing, and segments that were not captured whole cannot be judged.
//! * Urgent data is delivered in line, as RFC 6093 advises; probes of a byte that was already sent are dropped.
//! * A segment further away than [`Limits::window`] is dropped, for it is stale or forged; when several such follow one
//!   another without a break, the capture has missed more than that: a gap is named and the stream goes on there.

mod again;
mod arrival;
mod checksums;
mod connection;
mod delivery;
mod differences;
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

pub use again::CapturedAgain;
pub use connection::Connection;
pub use delivery::Delivery;
pub use differences::Differences;
pub use limits::{Limits, Verify};
pub use output::{End, GapCause, Output};
