//! A partially known payload, with its missing ranges in place.

use std::ops::Range;

use super::pattern::Pattern;
use crate::event::Missing;
use crate::view::{self, Piece};

/// The positions of a payload's known bytes.
///
/// A known byte has three positions: its index among the known bytes, its offset in the payload, and its position in a
/// text with dots for missing bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct PartialPayload {
    /// The known bytes, with dots for missing ones.
    pub(super) text: Vec<u8>,
    /// The ranges of dots in the text.
    pub(super) dots: Vec<Range<usize>>,
    pub(super) parts: Vec<Part>,
}

/// A contiguous part of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Observed {
        /// The range among the known bytes.
        bytes: Range<usize>,
        offset: u64,
        /// The start position in the text.
        text: usize,
    },
    Missing {
        hole: Missing,
        /// The number of known bytes before it.
        before: usize,
    },
}

impl PartialPayload {
    /// Combines known bytes and missing ranges.
    pub(super) fn of(known: &[u8], missing: &[Missing]) -> PartialPayload {
        let (mut it, mut at) = (PartialPayload::default(), 0_usize);
        for piece in view::pieces(known, missing) {
            let start = it.text.len();
            match piece {
                Piece::Known(offset, bytes) => {
                    it.text.extend_from_slice(bytes);
                    let end = at.saturating_add(bytes.len());
                    it.parts.push(Part::Observed { bytes: at..end, offset, text: start });
                    at = end;
                }
                Piece::Missing(hole) => {
                    it.text.extend_from_slice(view::dots(&hole).as_bytes());
                    it.dots.push(start..it.text.len());
                    it.parts.push(Part::Missing { hole, before: at });
                }
            }
        }
        it
    }

    /// Returns the payload offset of a known byte.
    pub(super) fn offset(&self, at: usize) -> u64 {
        self.known(at).map_or(at as u64, |(bytes, offset, _)| {
            offset.saturating_add(at.saturating_sub(bytes.start) as u64)
        })
    }

    /// Returns whether the first `count` bytes of the payload are known.
    pub(super) fn begins_with(&self, count: usize) -> bool {
        matches!(self.parts.first(), Some(Part::Observed { bytes, offset: 0, .. }) if bytes.len() >= count)
    }

    /// Returns the text range of a range of known bytes within one part.
    pub(super) fn in_text(&self, range: &Range<usize>) -> Range<usize> {
        let place = |(bytes, _, text): (Range<usize>, u64, usize)| {
            let start = text.saturating_add(range.start.saturating_sub(bytes.start));
            start..start.saturating_add(range.len())
        };
        self.known(range.start).map_or_else(|| range.clone(), place)
    }

    /// Returns the hits of `pattern` in the known bytes; a hit never spans missing bytes.
    pub(super) fn hits(&self, pattern: &Pattern, known: &[u8], most: usize) -> Vec<Range<usize>> {
        let mut hits = Vec::new();
        for part in &self.parts {
            let Part::Observed { bytes, .. } = part else { continue };
            let piece = known.get(bytes.clone()).unwrap_or_default();
            let shift = |hit: Range<usize>| {
                hit.start.saturating_add(bytes.start)..hit.end.saturating_add(bytes.start)
            };
            hits.extend(pattern.places(piece, most.saturating_sub(hits.len())).into_iter().map(shift));
        }
        hits
    }

    fn known(&self, at: usize) -> Option<(Range<usize>, u64, usize)> {
        let end = |part: &Part| match part {
            Part::Observed { bytes, .. } => bytes.end,
            Part::Missing { before, .. } => *before,
        };
        // A missing part has no bytes, so it is never the first part that ends after a known byte.
        match self.parts.get(self.parts.partition_point(|part| end(part) <= at))? {
            Part::Observed { bytes, offset, text } => Some((bytes.clone(), *offset, *text)),
            Part::Missing { .. } => None,
        }
    }
}

/// Returns the number of hits of `pattern` in a payload, at most `most`; a hit never spans missing bytes.
pub(super) fn count(pattern: &Pattern, known: &[u8], missing: &[Missing], most: usize) -> usize {
    view::pieces(known, missing).fold(0, |sum, piece| match piece {
        Piece::Known(_, bytes) => sum.saturating_add(pattern.count(bytes, most.saturating_sub(sum))),
        Piece::Missing(_) => sum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes() -> Vec<Missing> {
        [(2, Some(3)), (7, Some(500)), (509, None)]
            .map(|(offset, length)| Missing { offset, length })
            .to_vec()
    }

    #[test]
    fn known_bytes_keep_their_place() {
        let patched = PartialPayload::of(b"heabcd", &holes());
        assert_eq!(String::from_utf8_lossy(&patched.text), "he···ab···500 bytes···cd···");
        assert_eq!([0, 1, 2, 3, 4, 5].map(|at| patched.offset(at)), [0, 1, 5, 6, 507, 508]);
        let cd = patched.in_text(&(4..6));
        assert_eq!(patched.text.get(cd), Some(&b"cd"[..]));
        assert_eq!(patched.dots.len(), 3);
    }

    #[test]
    fn nothing_is_found_across_what_is_missing() {
        let patched = PartialPayload::of(b"heabcd", &holes());
        let find = |text: &str| {
            let pattern = Pattern::parse(text).unwrap();
            let hits = patched.hits(&pattern, b"heabcd", 9);
            assert_eq!(count(&pattern, b"heabcd", &holes(), 9), hits.len(), "{text}");
            hits.first().map(|hit| (hit.start, hit.end))
        };
        assert_eq!(["ab", "cd", "ea", "bc"].map(find), [Some((2, 4)), Some((4, 6)), None, None]);
    }
}
