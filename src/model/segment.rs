use std::fmt;
use std::net::IpAddr;

use super::{Endpoint, FlowKey, Seq, Tunnel};

/// Name of a TCP segment's way: from where, to where, through what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Who sent it.
    pub source: Endpoint,
    /// For whom it is.
    pub destination: Endpoint,
    /// What it was wrapped in.
    pub tunnel: Tunnel,
}

impl Flow {
    /// Returns the name of the connection, the same for both of its directions.
    pub fn key(&self) -> FlowKey {
        let in_order = match (self.source.ip, self.destination.ip) {
            // Comparing two numbers is much faster, and this is done for each packet.
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
    /// The acknowledgment number counts.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer counts.
    pub const URG: Flags = Flags(0x20);

    /// Returns whether every bit of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the bits of both.
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

/// The marks that a host puts on its packets in the order in which it sends them; 0 where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderClock {
    /// The sender's clock (RFC 7323 §3.2).
    pub clock: u32,
    /// The datagram's number (RFC 791 §3.1). Nobody promises that it grows; it does at most hosts.
    pub id: u16,
}

impl SenderClock {
    /// Reads the clock from a TCP header's options, where it stands as hosts write it in all segments but the first.
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
    /// From where to where.
    pub flow: Flow,
    /// The number of the first payload byte, or of the SYN.
    pub seq: Seq,
    /// The next number the sender expects; counts only with the ACK flag.
    pub ack: Seq,
    /// The control bits.
    pub flags: Flags,
    /// The receive window as sent, unscaled.
    pub window: u16,
    /// The TCP header with its options, as captured; empty where there was none.
    pub header: &'a [u8],
    /// The payload bytes that were captured.
    pub payload: &'a [u8],
    /// Where the payload begins in the bytes of its packet; `None` where it was put together from fragments.
    pub offset: Option<u32>,
    /// How many payload bytes the snap length cut off behind `payload`: a gap, not an end.
    pub cut: u32,
    /// How many bytes its packet had on the wire.
    pub packet_length: u32,
    /// When it was sent, as its sender says.
    pub stamp: SenderClock,
}
