//! One packet's bytes → one TCP segment.
//!
//! A packet is a row of layers. Each is read by a small function that *returns* what comes next and the bytes of
//! it; none calls on. `walk` is the loop that asks one after the other: `link` holds one file a link layer, `ip`
//! the IP headers (RFC 791, RFC 8200), `tunnel` one file a tunnel, `tcp` the end of the way (RFC 9293). `fast` is
//! a shortcut through the most frequent row; it answers as the loop would or not at all.
//!
//! ```text
//!   Packet ─► fast ──────────────────────────────► Segment
//!       └───► walk: link, ip, tunnel, ip, … , tcp ─┘
//!                    └► fragments ─► walk again
//! ```
//!
//! Nothing here knows a connection, and only waiting fragments are kept.

mod cursor;
mod error;
mod exported;
mod fast;
mod fragment;
mod ip;
mod layers;
mod link;
mod next;
#[cfg(test)]
mod sample;
mod tcp;
#[cfg(test)]
mod tests;
mod tunnel;
mod unread;
mod walk;

pub use error::DecodeError;
pub use fragment::Limits;
pub use unread::Unread;

use crate::model::{Anomaly, Packet, Segment};
use cursor::Cursor;
use exported::Exported;
use fragment::Fragments;
use layers::LayerStack;
use next::{Datagram, Next};
use walk::{End, walk};

/// The content of a packet.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// A TCP segment, borrowed from the packet or from the decoder's reassembled datagram.
    Tcp(Segment<'a>),
    /// Something else: ARP, UDP, ICMP and whatever it quotes, encrypted traffic.
    Other(Unread),
    /// A fragment of an IP datagram that is not complete yet.
    Fragment,
    /// A packet that should hold more than could be read.
    Unreadable(DecodeError),
}

/// A decoder of packets into TCP segments, which keeps the IP fragments that wait for each other.
///
/// ```
/// use wirefin::model::{At, LinkType, Packet};
/// use wirefin::wire::{Decoded, Decoder, Limits};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let packet = Packet { at: At::default(), link: LinkType::RAW, original_length: 2, data: &[0x45, 0] };
/// assert!(matches!(decoder.decode(&packet), Decoded::Unreadable(_)));
/// ```
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    exported: Exported,
    /// The datagram reassembled last; at most 64 KiB beside what [`Limits::bytes`] counts.
    whole: Vec<u8>,
}

impl Decoder {
    /// Makes a decoder that keeps no more than `limits` say.
    pub fn new(limits: Limits) -> Self {
        Decoder { fragments: Fragments::new(limits), exported: Exported::default(), whole: Vec::new() }
    }

    /// Decodes one packet.
    ///
    /// Packets are to come in the order of the capture, for the age of fragments is told by their times. Ask
    /// [`Decoder::next_anomaly`] afterwards where [`Decoder::is_quiet`] says that there is something.
    #[inline]
    pub fn decode<'a>(&'a mut self, packet: &Packet<'a>) -> Decoded<'a> {
        match fast::decode(packet) {
            Some(segment) => Decoded::Tcp(segment),
            None => match self.decode_any(packet) {
                Decoded::Tcp(segment) => {
                    Decoded::Tcp(Segment { packet_length: packet.original_length, ..segment })
                }
                other => other,
            },
        }
    }

    /// Returns what was wrong with the fragments of the packets so far, oldest first, each once.
    ///
    /// Few are kept for a caller who never asks.
    pub fn next_anomaly(&mut self) -> Option<Anomaly> {
        self.fragments.next_anomaly()
    }

    /// Tells that [`Decoder::next_anomaly`] has nothing to say.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.fragments.is_quiet()
    }

    /// Returns how many datagrams wait for fragments: at the end of a capture, how many never became whole.
    pub fn waiting(&self) -> usize {
        self.fragments.waiting()
    }

    fn decode_any<'a>(&'a mut self, packet: &Packet<'a>) -> Decoded<'a> {
        let shard = match walk(Next::Link(packet.link), Cursor::of(packet), LayerStack::default()) {
            Ok(End::Fragment(shard)) => shard,
            Ok(End::Pdu(pdu, payload)) => {
                return self.exported.segment(pdu, payload).map_or_else(Decoded::Other, Decoded::Tcp);
            }
            end => return decoded(end),
        };
        let Some(mut datagram) = self.fragments.push(&shard, packet.at.time) else {
            return Decoded::Fragment;
        };
        // A whole datagram may be a fragment of another one that was cut before it entered a tunnel.
        while let Ok(End::Fragment(shard)) = within(&datagram) {
            match self.fragments.push(&shard, packet.at.time) {
                Some(outer) => datagram = outer,
                None => return Decoded::Fragment,
            }
        }
        let Datagram { next, cut, trail, bytes } = datagram;
        self.whole = bytes;
        match decoded(walk(next, Cursor::of_datagram(&self.whole, cut), trail)) {
            Decoded::Tcp(segment) => Decoded::Tcp(Segment { offset: None, ..segment }),
            other => other,
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new(Limits::default())
    }
}

/// Reads what a reassembled datagram carries.
fn within(datagram: &Datagram) -> Result<End<'_>, DecodeError> {
    walk(datagram.next, Cursor::of_datagram(&datagram.bytes, datagram.cut), datagram.trail)
}

fn decoded(end: Result<End<'_>, DecodeError>) -> Decoded<'_> {
    match end {
        Ok(End::Tcp(segment)) => Decoded::Tcp(segment),
        Ok(End::Other(unread)) => Decoded::Other(unread),
        Ok(End::Fragment(_)) => Decoded::Fragment,
        // Nothing leads from a datagram to one of these.
        Ok(End::Pdu(..)) => Decoded::Other(Unread::Hidden("exported PDUs in a tunnel")),
        Err(stop) => Decoded::Unreadable(stop),
    }
}
