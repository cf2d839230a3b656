use crate::model::{At, Lost};

/// One side's bytes under search, and the gaps between them.
///
/// A position counts bytes from the first one held, including missing ones.
#[derive(Debug, Default)]
pub(super) struct SearchBuffer {
    bytes: Vec<u8>,
    /// The runs of bytes without a gap.
    runs: Vec<Run>,
    /// Where segments begin, and the packets that carried them.
    segments: Vec<(usize, At)>,
    /// Whether the first segment has lost its beginning.
    cut: bool,
    /// Whether the byte before the first one was captured.
    known_before: bool,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    place: usize,
    /// The index of its first byte among those held.
    begin: usize,
}

impl Run {
    /// Returns the position of one of its bytes, given its index among those held.
    const fn place_of(self, byte: usize) -> usize {
        self.place.saturating_add(byte.saturating_sub(self.begin))
    }

    /// Returns the index of the byte at one of its positions.
    const fn byte_at(self, place: usize) -> usize {
        self.begin.saturating_add(place.saturating_sub(self.place))
    }
}

/// A piece of a side's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Piece<'a> {
    /// Bytes, and the packet that carried them.
    Bytes(&'a [u8], At),
    /// Missing bytes.
    Gap(Lost),
}

impl SearchBuffer {
    /// Appends the bytes of one segment.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At) {
        if self.runs.is_empty() {
            self.runs.push(Run { place: 0, begin: 0 });
        }
        self.segments.push((self.end(), carried));
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a gap.
    pub(super) fn gap(&mut self, lost: Lost) {
        let far = if matches!(lost, Lost::Exact(_)) { 0 } else { FAR };
        let length = lost.least().min(FAR.saturating_sub(1)).saturating_add(far);
        let place = self.end().saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        match self.runs.last_mut() {
            Some(last) if last.begin == self.bytes.len() => last.place = place,
            _ => self.runs.push(Run { place, begin: self.bytes.len() }),
        }
    }

    /// Returns the number of bytes held.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the position after the last byte, or after the last gap.
    pub(super) fn end(&self) -> usize {
        self.runs.last().map_or(0, |run| run.place_of(self.bytes.len()))
    }

    /// Returns the bytes from `place` up to the next gap; empty if `place` is in a gap.
    pub(super) fn from(&self, place: usize) -> &[u8] {
        let Some((n, run)) = self.run_at(place) else { return &[] };
        let end = self.runs.get(n.saturating_add(1)).map_or(self.bytes.len(), |next| next.begin);
        self.bytes.get(run.byte_at(place)..end).unwrap_or_default()
    }

    /// Returns the bytes between gaps, each run with the position of its first byte.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.runs.iter().map(|run| (run.place, self.from(run.place)))
    }

    /// Returns whether a segment begins at `place`.
    pub(super) fn is_boundary(&self, place: usize) -> bool {
        let is_cut = self.cut && place == 0;
        !is_cut && self.segments.binary_search_by_key(&place, |(start, _)| *start).is_ok()
    }

    /// Returns whether later bytes can no longer change what is known from `place` to the next gap.
    pub(super) fn is_settled(&self, place: usize) -> bool {
        self.runs.last().is_some_and(|run| place < run.place)
    }

    /// Returns whether the bytes right before `place` are missing or unknown.
    pub(super) fn is_behind_gap(&self, place: usize) -> bool {
        let is_known = self.known_before && place == 0;
        !is_known && self.runs.binary_search_by_key(&place, |run| run.place).is_ok()
    }

    /// Returns whether exactly one segment spans `from` to `to`, which may be the end so far.
    pub(super) fn is_segment(&self, from: usize, to: usize) -> bool {
        self.is_boundary(from)
            && self.boundaries(from, to) == usize::from(self.is_boundary(to))
            && (self.is_boundary(to) || to == self.end())
    }

    /// Returns the average number of captured bytes per segment.
    pub(super) fn mean_segment(&self) -> usize {
        self.len().checked_div(self.segments.len()).unwrap_or(0)
    }

    /// Returns the position of the byte after the first `bytes` held.
    pub(super) fn place_behind(&self, bytes: usize) -> usize {
        let bytes = bytes.min(self.bytes.len());
        self.run_of(bytes).map_or(0, |(_, run)| run.place_of(bytes))
    }

    /// Returns the number of segments that begin after `from` and not after `to`.
    pub(super) fn boundaries(&self, from: usize, to: usize) -> usize {
        let upto = |place| self.segments.partition_point(|(start, _)| *start <= place);
        upto(to).saturating_sub(upto(from))
    }

    /// Returns the packet that carried the first byte.
    pub(super) fn first(&self) -> Option<At> {
        self.segments.first().map(|(_, at)| *at)
    }

    /// Returns the latest packet that carried bytes beginning before `place`.
    pub(super) fn latest_before(&self, place: usize) -> At {
        let before = self.segments.iter().take_while(|(start, _)| *start < place);
        before.fold(At::default(), |latest, (_, at)| latest.later(*at))
    }

    /// Returns the number of bytes missing before `place`.
    pub(super) fn missing_before(&self, place: usize) -> usize {
        self.run_at(place).map_or(0, |(_, run)| least(run.place.saturating_sub(run.begin)))
    }

    /// Returns the number of bytes held before `place`.
    pub(super) fn held_before(&self, place: usize) -> usize {
        self.run_at(place).map_or(0, |(_, run)| run.byte_at(place).min(self.bytes.len()))
    }

    /// Drops the first `bytes` held and the gaps that follow them; returns the number of bytes missing among those.
    pub(super) fn drop_first(&mut self, bytes: usize) -> usize {
        let bytes = bytes.min(self.bytes.len());
        let Some((before, run)) = self.run_of(bytes) else { return 0 };
        let place = run.place_of(bytes);
        if bytes > 0 {
            self.known_before = bytes > run.begin;
        }
        self.bytes.drain(..bytes);
        self.runs.drain(..before);
        for run in &mut self.runs {
            run.place = run.place.saturating_sub(place);
            run.begin = run.begin.saturating_sub(bytes);
        }
        let cut = self.segments.partition_point(|(start, _)| *start < place);
        // A segment that is split keeps its packet.
        let cut_at = cut.checked_sub(1).and_then(|n| self.segments.get(n)).map(|(_, at)| *at);
        self.segments.drain(..cut);
        for (start, _) in &mut self.segments {
            *start = start.saturating_sub(place);
        }
        if let (Some(at), false) = (cut_at, self.bytes.is_empty())
            && self.segments.first().is_none_or(|(start, _)| *start > 0)
        {
            self.segments.insert(0, (0, at));
            self.cut = true;
        } else {
            self.cut = false;
        }
        if self.bytes.is_empty() {
            self.runs.clear();
        }
        least(place.saturating_sub(bytes))
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let segments = self.segments.capacity().saturating_mul(size_of::<(usize, At)>());
        let runs = self.runs.capacity().saturating_mul(size_of::<Run>());
        self.bytes.capacity().saturating_add(segments).saturating_add(runs)
    }

    /// Returns all pieces from `place` on, in order.
    pub(super) fn pieces(&self, place: usize) -> impl Iterator<Item = Piece<'_>> {
        let end = self.end();
        self.segments.iter().enumerate().flat_map(move |(n, (start, at))| {
            let upto = n.checked_add(1).and_then(|n| self.segments.get(n)).map_or(end, |next| next.0);
            let start = (*start).max(place);
            let whole = upto.saturating_sub(start);
            let known = self.from(start);
            let known = known.get(..whole).unwrap_or(known);
            let gap = if known.is_empty() { 0 } else { whole.saturating_sub(known.len()) };
            let bytes = (!known.is_empty()).then_some(Piece::Bytes(known, *at));
            bytes.into_iter().chain((gap > 0).then(|| Piece::Gap(lost_in(gap))))
        })
    }

    /// Returns the last run that begins at or before `place`, and its index.
    fn run_at(&self, place: usize) -> Option<(usize, Run)> {
        self.last_run(|run| run.place <= place)
    }

    /// Returns the run that contains the byte with this index, and the run's index.
    fn run_of(&self, byte: usize) -> Option<(usize, Run)> {
        self.last_run(|run| run.begin <= byte)
    }

    fn last_run(&self, begins_before: impl Fn(&Run) -> bool) -> Option<(usize, Run)> {
        let n = self.runs.partition_point(begins_before).checked_sub(1)?;
        Some((n, *self.runs.get(n)?))
    }
}

/// The value added to the length of a gap of unknown length, so that no frame leads across it.
const FAR: u64 = 1 << 42;

/// Returns the minimum number of bytes missing in gaps whose lengths add up to `length`.
fn least(length: usize) -> usize {
    usize::try_from((length as u64) % FAR).unwrap_or(usize::MAX)
}

/// Returns the loss represented by a gap.
fn lost_in(gap: usize) -> Lost {
    let bytes = least(gap) as u64;
    if gap as u64 >= FAR { Lost::Unknown { least: bytes } } else { Lost::Exact(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(packet: u64) -> At {
        At { packet, ..At::default() }
    }

    /// Returns `abcd`, three missing, `ef`, `gh`, two missing.
    fn sample() -> SearchBuffer {
        let mut buffer = SearchBuffer::default();
        buffer.push(b"abcd", at(1));
        buffer.gap(Lost::Exact(1));
        buffer.gap(Lost::Exact(2));
        buffer.push(b"ef", at(2));
        buffer.push(b"gh", at(3));
        buffer.gap(Lost::Exact(2));
        buffer
    }

    #[test]
    fn bytes_stand_where_they_were_sent() {
        let buffer = sample();
        assert_eq!((buffer.len(), buffer.end()), (8, 13));
        let from = |place| buffer.from(place);
        assert_eq!([from(0), from(3), from(4), from(6)], [&b"abcd"[..], b"d", b"", b""]);
        assert_eq!([from(7), from(9), from(11), from(13)], [&b"efgh"[..], b"gh", b"", b""]);
        assert_eq!(
            [0, 3, 4, 7, 9, 11].map(|place| buffer.is_boundary(place)),
            [true, false, false, true, true, false]
        );
        assert_eq!(buffer.mean_segment(), 2);
        assert_eq!([0, 3, 7, 9].map(|place| buffer.is_behind_gap(place)), [true, false, true, false]);
        assert_eq!([0, 10, 12, 13].map(|place| buffer.is_settled(place)), [true, true, true, false]);
        assert_eq!([0, 4, 7, 12].map(|place| buffer.missing_before(place)), [0, 0, 3, 3]);
        let pieces: Vec<_> = buffer.pieces(1).collect();
        let (one, two, three) =
            (Piece::Bytes(b"bcd", at(1)), Piece::Bytes(b"ef", at(2)), Piece::Bytes(b"gh", at(3)));
        assert_eq!(pieces, [one, Piece::Gap(Lost::Exact(3)), two, three, Piece::Gap(Lost::Exact(2))]);
        assert_eq!(
            buffer.pieces(8).collect::<Vec<_>>(),
            [Piece::Bytes(b"f", at(2)), three, Piece::Gap(Lost::Exact(2))]
        );
    }

    #[test]
    fn a_gap_of_unknown_length_is_too_long_for_any_frame() {
        let mut buffer = SearchBuffer::default();
        buffer.push(b"ab", at(1));
        buffer.gap(Lost::Unknown { least: 3 });
        buffer.gap(Lost::Exact(4));
        buffer.push(b"cd", at(2));
        let place = buffer.end() - 2;
        assert!(place as u64 > FAR && buffer.from(place) == b"cd");
        assert_eq!(buffer.missing_before(place), 7);
        let pieces: Vec<_> = buffer.pieces(0).collect();
        let gap = Piece::Gap(Lost::Unknown { least: 7 });
        assert_eq!(pieces, [Piece::Bytes(b"ab", at(1)), gap, Piece::Bytes(b"cd", at(2))]);
        assert_eq!((buffer.drop_first(3), buffer.end()), (7, 1));
    }

    #[test]
    fn what_is_dropped_takes_its_holes_along() {
        for (bytes, missing, rest) in [(0, 0, 13), (2, 0, 11), (4, 3, 6), (5, 3, 5), (8, 5, 0), (9, 5, 0)] {
            let mut buffer = sample();
            assert_eq!(buffer.drop_first(bytes), missing, "{bytes}");
            assert_eq!((buffer.len(), buffer.end()), (8 - bytes.min(8), rest), "{bytes}");
            let behind_gap = bytes == 0 || bytes == 4;
            assert!(buffer.len() == 0 || buffer.is_behind_gap(0) == behind_gap, "{bytes}");
            let mut expected: Vec<u8> = b"abcdefgh"[bytes.min(8)..].to_vec();
            let known = buffer.pieces(0).filter_map(|piece| match piece {
                Piece::Bytes(bytes, _) => Some(bytes),
                Piece::Gap(_) => None,
            });
            assert_eq!(known.collect::<Vec<_>>().concat(), expected, "{bytes}");
            buffer.push(b"x", at(4));
            expected.push(b'x');
            assert_eq!(buffer.from(rest), b"x");
        }
    }
}
