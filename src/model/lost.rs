/// The length of a gap in a byte stream.
///
/// After a gap of exact length a layer may continue by arithmetic; after one of unknown length it has to resynchronise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Exactly this many bytes.
    Exact(u64),
    /// An unknown number of bytes, possibly none, but no more than this.
    AtMost(u64),
    /// An unknown number of bytes.
    Unknown {
        /// The minimum number of missing bytes.
        least: u64,
    },
}

impl Lost {
    /// Returns the minimum number of missing bytes.
    pub const fn least(self) -> u64 {
        match self {
            Lost::Exact(bytes) | Lost::Unknown { least: bytes } => bytes,
            Lost::AtMost(_) => 0,
        }
    }

    /// Returns the combined length of two adjacent gaps, exact only if both are.
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
