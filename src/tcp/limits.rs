use std::time::Duration;

/// The condition on which a wrong checksum means that a segment was discarded by its receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verify {
    /// Where its sender has sent right ones.
    #[default]
    Learned,
    /// Always, even where it may have been left to a network card.
    Always,
}

/// The bounds of what one connection may hold and how long it may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, as allocated, that segments behind a gap may hold in each direction; default 4 MiB.
    ///
    /// Less than 16 KiB is taken for 16 KiB. Where it is reached, the oldest gap is given up.
    pub waiting_bytes: usize,
    /// Separate pieces that may wait in each direction; default 32,768. Where it is reached, the oldest gap is given up.
    pub waiting_pieces: usize,
    /// Bytes of sequence space around what is expected or acknowledged in which a segment is believed; default 64 MiB,
    /// at most 1 GiB, the largest window there is (RFC 7323 §2.3).
    pub window: u32,
    /// Capture time between the acknowledgment of a gap and giving it up; default one second.
    ///
    /// Captures on several queues or of two merged interfaces swap packets by milliseconds; a retransmission timer
    /// is at least one second long (RFC 6298 §2.4), so what was acknowledged that long ago is not sent again.
    pub grace: Duration,
    /// Capture time that data waits behind a gap where the other direction was never seen, and so no
    /// acknowledgment can tell; default five seconds, time for two retransmissions.
    pub lonely_grace: Duration,
    /// When a wrong checksum means that a segment was discarded; default where its sender has sent right ones.
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
    /// Returns the limits with those out of their range set right.
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
