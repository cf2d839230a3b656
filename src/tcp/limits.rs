use std::time::Duration;

/// The condition under which a wrong checksum means that the receiver discarded the segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verify {
    /// If the sender has sent correct ones before.
    #[default]
    Learned,
    /// Always, even if it may have been left to a network card.
    Always,
}

/// The bounds on the memory and waiting time of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory that segments queued after a gap may use in each direction, in allocated bytes; default 4 MiB.
    ///
    /// Values below 16 KiB are raised to 16 KiB. When it is reached, the oldest gap is given up.
    pub waiting_bytes: usize,
    /// Separate pieces that may be queued in each direction; default 32,768. When it is reached, the oldest gap is
    /// given up.
    pub waiting_pieces: usize,
    /// Bytes of sequence space around the expected or acknowledged number in which a segment is accepted; default 64
    /// MiB, at most 1 GiB, the largest possible window (RFC 7323 §2.3).
    pub window: u32,
    /// Capture time between the acknowledgment of a gap and giving it up; default one second.
    ///
    /// Captures from several queues or from two merged interfaces reorder packets by milliseconds; a retransmission
    /// timer is at least one second long (RFC 6298 §2.4), so data acknowledged that long ago is not sent again.
    pub grace: Duration,
    /// Capture time that data is queued after a gap if the other direction was never seen, and so no acknowledgment can
    /// be; default five seconds, time for two retransmissions.
    pub lonely_grace: Duration,
    /// When a wrong checksum means that a segment was discarded; by default, if its sender has sent correct ones.
    pub checksums: Verify,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            waiting_bytes: 4 << 20,
            waiting_pieces: 32_768,
            window: 64 << 20,
            grace: Duration::from_secs(1),
            lonely_grace: Duration::from_secs(5),
            checksums: Verify::default(),
        }
    }
}

impl Limits {
    /// Returns the limits with out-of-range values clamped.
    #[must_use]
    pub fn in_range(self) -> Self {
        Limits {
            waiting_bytes: self.waiting_bytes.max(16 << 10),
            waiting_pieces: self.waiting_pieces.max(1),
            window: self.window.clamp(64 << 10, 1 << 30),
            ..self
        }
    }
}
