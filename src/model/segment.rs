use std::fmt;
use std::net::IpAddr;

use super::{Endpoint, FlowKey, Seq, Tunnel};

/// The source, destination and tunnel of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The sender.
    pub source: Endpoint,
    /// The receiver.
    pub destination: Endpoint,
    /// The tunnel it came through.
    pub tunnel: Tunnel,
}

impl Flow {
    /// Returns the key of the connection, the same for both directions.
    pub fn key(&self) -> FlowKey {
        let in_order = match (self.source.ip, self.destination.ip) {
            // Comparing integers is much faster, and this runs for every packet.
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                (from.to_bits(), self.source.port) <= (to.to_bits(), self.destination.port)
            }
            _ => self.source <= self.destination,
        };
        let (low, high) =
            if in_order { (self.source, self.destination) } else { (self.destination, self.source) };
        FlowKey { low, high, tunnel: self.tunnel }
    }
}

/// The control bits of a TCP header (RFC 9293 §3.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment number is valid.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer is valid.
    pub const URG: Flags = Flags(0x20);

    /// Returns whether every bit of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of both sets of bits.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(u8, char); 8] =
            [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, 'A'), (32, 'U'), (64, 'E'), (128, 'C')];
        for (bit, letter) in LETTERS {
            if self.0 & bit != 0 {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// The values that a host increments with each packet it sends; 0 where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderClock {
    /// The TCP timestamp value (RFC 7323 §3.2).
    pub clock: u32,
    /// The IPv4 identification field (RFC 791 §3.1). Nothing guarantees that it increases, but on most hosts it does.
    pub id: u16,
}

impl SenderClock {
    /// Reads the timestamp from a TCP header's options, if they have the layout that hosts use in all segments after
    /// the SYN.
    #[inline]
    pub fn new(id: u16, options: &[u8]) -> SenderClock {
        let clock = match options.first_chunk() {
            Some([1, 1, 8, 10, c0, c1, c2, c3]) => u32::from_be_bytes([*c0, *c1, *c2, *c3]),
            _ => 0,
        };
        SenderClock { clock, id }
    }
}

/// One TCP segment, its payload borrowed from the packet (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The source and destination.
    pub flow: Flow,
    /// The sequence number of the first payload byte, or of the SYN.
    pub seq: Seq,
    /// The next sequence number the sender expects; valid only with the ACK flag.
    pub ack: Seq,
    /// The control bits.
    pub flags: Flags,
    /// The receive window as sent, unscaled.
    pub window: u16,
    /// The TCP header with its options, as captured; empty if there was none.
    pub header: &'a [u8],
    /// The payload bytes that were captured.
    pub payload: &'a [u8],
    /// The offset of the payload in its packet; `None` if it was reassembled from fragments.
    pub offset: Option<u32>,
    /// The number of payload bytes after `payload` that the snap length truncated: a gap, not an end.
    pub cut: u32,
    /// The length of its packet on the wire.
    pub packet_length: u32,
    /// The sender's packet counters.
    pub stamp: SenderClock,
}
