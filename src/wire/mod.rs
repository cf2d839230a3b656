//! Decoding of packets into TCP segments.
//!
//! A packet is a sequence of layers. Each is read by a small function that *returns* the type of the next layer and its
//! bytes, and never calls it. `walk` is the loop over the layers: `link` holds one file per link layer, `ip` the IP
//! headers (RFC 791, RFC 8200), `tunnel` one file per tunnel, `tcp` the final layer (RFC 9293). `fast` is a shortcut
//! for the most common sequence; it either gives the same result as the loop or none.
//!
//! ```text
//!   Packet ─► fast ──────────────────────────────► Segment
//!       └───► walk: link, ip, tunnel, ip, … , tcp ─┘
//!                    └► fragments ─► walk again
//! ```
//!
//! Nothing here knows about connections; the only state is the fragments of incomplete datagrams.

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
    /// Anything else: ARP, UDP, ICMP and the packets it quotes, encrypted traffic.
    Other(Unread),
    /// A fragment of an IP datagram that is not complete yet.
    Fragment,
    /// A packet whose layers could not be decoded completely.
    Unreadable(DecodeError),
}

/// A decoder of packets into TCP segments, which reassembles IP fragments.
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
    /// The datagram reassembled last; at most 64 KiB, in addition to [`Limits::bytes`].
    whole: Vec<u8>,
}

impl Decoder {
    /// Creates a decoder that keeps no more than `limits` allow.
    pub fn new(limits: Limits) -> Self {
        Decoder { fragments: Fragments::new(limits), exported: Exported::default(), whole: Vec::new() }
    }

    /// Decodes one packet.
    ///
    /// Packets must be given in capture order, because fragments expire by packet time. Afterwards, drain
    /// [`Decoder::next_anomaly`] unless [`Decoder::is_quiet`].
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

    /// Returns the next anomaly among the fragments so far, oldest first.
    ///
    /// Only a few are kept if this is never called.
    pub fn next_anomaly(&mut self) -> Option<Anomaly> {
        self.fragments.next_anomaly()
    }

    /// Returns whether [`Decoder::next_anomaly`] would return `None`.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.fragments.is_quiet()
    }

    /// Returns the number of incomplete datagrams; at the end of a capture, those that were never completed.
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
        // A complete datagram may itself be a fragment of another one, fragmented before it entered a tunnel.
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

/// Reads the payload of a reassembled datagram.
fn within(datagram: &Datagram) -> Result<End<'_>, DecodeError> {
    walk(datagram.next, Cursor::of_datagram(&datagram.bytes, datagram.cut), datagram.trail)
}

fn decoded(end: Result<End<'_>, DecodeError>) -> Decoded<'_> {
    match end {
        Ok(End::Tcp(segment)) => Decoded::Tcp(segment),
        Ok(End::Other(unread)) => Decoded::Other(unread),
        Ok(End::Fragment(_)) => Decoded::Fragment,
        // A datagram never contains one of these.
        Ok(End::Pdu(..)) => Decoded::Other(Unread::Hidden("exported PDUs in a tunnel")),
        Err(stop) => Decoded::Unreadable(stop),
    }
}
