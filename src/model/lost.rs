/// The length of a gap in a byte stream.
///
/// A layer that is told of an exact length may go on by arithmetic; one that is told of an unknown length has to find
/// its place anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// So many bytes.
    Exact(u64),
    /// A number of bytes that cannot be known, and may be none, but is not greater.
    AtMost(u64),
    /// A number of bytes that cannot be known.
    Unknown {
        /// The number of bytes that are missing at the least.
        least: u64,
    },
}

impl Lost {
    /// Returns the number of bytes that are missing at the least.
    pub const fn least(self) -> u64 {
        match self {
            Lost::Exact(bytes) | Lost::Unknown { least: bytes } => bytes,
            Lost::AtMost(_) => 0,
        }
    }

    /// Returns the length of two adjacent gaps, exact only where both are.
    #[must_use]
    pub const fn and(self, next: Lost) -> Lost {
        let least = self.least().saturating_add(next.least());
        match (self, next) {
            (Lost::Exact(_), Lost::Exact(_)) => Lost::Exact(least),
            (Lost::AtMost(most), Lost::AtMost(more)) => Lost::AtMost(most.saturating_add(more)),
            _ => Lost::Unknown { least },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lost;

    #[test]
    fn adjacent_gaps_are_exact_only_where_both_are() {
        assert_eq!(Lost::Exact(2).and(Lost::Exact(3)), Lost::Exact(5));
        assert_eq!(Lost::Exact(2).and(Lost::Unknown { least: 3 }), Lost::Unknown { least: 5 });
        assert_eq!(Lost::AtMost(2).and(Lost::AtMost(3)), Lost::AtMost(5));
        assert_eq!(Lost::AtMost(2).and(Lost::Exact(3)), Lost::Unknown { least: 3 });
        assert_eq!(Lost::Exact(u64::MAX).and(Lost::Exact(1)).least(), u64::MAX);
    }
}
