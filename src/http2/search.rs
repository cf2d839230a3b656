use std::cmp::Reverse;

use super::evidence::{self, Known};
use super::frame::{END_HEADERS, FrameType, Header};
use crate::model::Lost;

/// The maximum number of candidates followed at once.
const MAX_CANDIDATES: usize = 64;
/// The number of consecutive headers, and the bits of evidence in total, that rule out coincidence.
const FRAMES: u32 = 3;
const BITS: u32 = 60;
/// The bits of evidence at which two headers are sufficient.
const STRONG: u32 = 68;
/// The bits of evidence that are sufficient when no more bytes will come, if the chain ends there or leads to another
/// header: the bytes after the first byte of a true header may also look like one.
const ENOUGH: u32 = 34;
/// The bits of evidence that a chain gains by leading from the start of a TLS record to the end of one.
const RECORD: u32 = 14;
/// The same if the connection is known to be HTTP/2 and only the position of its frames is not.
const RECORD_OF_HTTP2: u32 = 20;

/// A search for frames after a gap that may have swallowed a frame header, or in a connection joined mid-stream.
///
/// HTTP/2 has no checksum. A chain is convincing evidence: legal headers, each at the position given by the length of
/// the one before, on known streams. Senders usually write complete frames into a TLS record, so a chain from the start
/// of a record to the end of one needs less evidence.
#[derive(Debug)]
pub(super) struct Search {
    /// How much is missing before the bytes.
    lost: Lost,
    bytes: Vec<u8>,
    /// The offset up to which chain starts were looked for.
    scanned: usize,
    candidates: Vec<Chain>,
    /// The offsets at which TLS records begin.
    records: Vec<usize>,
    /// The number of bytes dropped.
    dropped: u64,
    limit: usize,
}

/// Bytes of a side, and their unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) unit: Unit,
}

/// The unit in which bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Any piece of the stream.
    Piece,
    /// One complete TLS record.
    Record,
}

/// A chain of consecutive headers.
#[derive(Clone, Copy, Debug)]
struct Chain {
    start: usize,
    next: usize,
    /// The offset of its last header.
    last: usize,
    frames: u32,
    bits: u32,
    /// The stream of the last header.
    stream: u32,
    /// The stream of an incomplete header block.
    open: Option<u32>,
    /// The offset of the header at which the evidence became sufficient.
    convinced: Option<usize>,
}

impl Search {
    /// Creates a search after a gap, which holds at most `limit` bytes.
    pub(super) const fn new(limit: usize, lost: Lost) -> Self {
        Search {
            lost,
            bytes: Vec::new(),
            scanned: 0,
            candidates: Vec::new(),
            records: Vec::new(),
            dropped: 0,
            limit,
        }
    }

    /// Skips the bytes collected so far.
    pub(super) fn give_up(&mut self) {
        let dropped = self.dropped.saturating_add(self.bytes.len() as u64);
        *self = Search { dropped, ..Search::new(self.limit, self.lost) };
    }

    /// Notes another gap, after bytes in which no frames were found.
    pub(super) fn gap(&mut self, lost: Lost) {
        self.give_up();
        self.lost = self.lost.and(lost);
    }

    /// Returns how many bytes of one stream may be missing if `skipped` bytes are skipped: all of them except one frame
    /// header.
    pub(super) fn missed(&self, skipped: u64) -> Lost {
        match self.lost.and(Lost::Exact(skipped)) {
            Lost::Exact(bytes) => Lost::AtMost(bytes.saturating_sub(Header::LENGTH as u64)),
            _ => Lost::Unknown { least: 0 },
        }
    }

    /// Returns whether there is a chain of at least two headers.
    pub(super) fn is_likely(&self) -> bool {
        self.candidates.iter().any(|chain| chain.frames >= 2)
    }

    /// Returns whether there may be a chain: even a single header counts if its frame extends to the end of the bytes.
    pub(super) fn is_possible(&self) -> bool {
        let end = self.bytes.len();
        self.candidates.iter().any(|chain| chain.frames >= 2 || chain.next >= end)
    }

    /// Adds bytes; once frames are found, returns the total number of bytes skipped.
    pub(super) fn push(&mut self, input: Input<'_>, known: Known<'_>) -> Option<u64> {
        let mut bytes = input.bytes;
        let mut begins = input.unit == Unit::Record;
        while !bytes.is_empty() {
            if self.bytes.len() >= self.limit {
                self.shorten();
            }
            let room = self.limit.saturating_sub(self.bytes.len()).max(1);
            let (part, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            if std::mem::take(&mut begins) {
                self.records.push(self.bytes.len());
            }
            self.bytes.extend_from_slice(part);
            bytes = rest;
            self.candidates.retain_mut(|chain| chain.follow(&self.bytes, known));
            self.scan(known);
            if input.unit == Unit::Record && bytes.is_empty() {
                self.end_record(if known.is_http2 { RECORD_OF_HTTP2 } else { RECORD });
            }
            // The chain that convinced with the fewest bytes wins, so the result does not depend on how bytes are
            // split.
            let convinced = self.candidates.iter().filter_map(|chain| Some((chain.convinced?, chain.start)));
            if let Some((_, start)) = convinced.min() {
                let skipped = self.begin(start);
                self.bytes.extend_from_slice(bytes);
                return Some(skipped);
            }
        }
        None
    }

    /// Accepts chains that lead from the start of a record to the end of the current one, which adds `worth` bits of
    /// evidence.
    fn end_record(&mut self, worth: u32) {
        let Search { bytes, candidates, records, .. } = self;
        let leads =
            |chain: &&mut Chain| chain.next == bytes.len() && records.binary_search(&chain.start).is_ok();
        for chain in candidates.iter_mut().filter(leads) {
            if chain.bits.saturating_add(worth) >= ENOUGH {
                chain.convinced.get_or_insert(chain.last);
            }
        }
    }

    /// Concludes with the available bytes, because no adjacent ones will come; returns the total number of bytes
    /// skipped if frames are found.
    pub(super) fn conclude(&mut self) -> Option<u64> {
        let end = self.bytes.len();
        let believed = |chain: &&Chain| chain.bits >= ENOUGH && (chain.frames >= 2 || chain.next == end);
        // Of chains that meet, prefer the one with more headers: those before it may be a coincidence.
        let best =
            self.candidates.iter().filter(believed).max_by_key(|chain| (chain.bits, Reverse(chain.start)));
        let start = best?.start;
        Some(self.begin(start))
    }

    /// Returns the bytes from the first frame found, or all of them.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let chains = self.candidates.capacity().saturating_mul(size_of::<Chain>());
        let records = self.records.capacity().saturating_mul(size_of::<usize>());
        self.bytes.capacity().saturating_add(chains).saturating_add(records)
    }

    /// Drops everything before `start`; returns the total number of bytes skipped.
    fn begin(&mut self, start: usize) -> u64 {
        self.bytes.drain(..start.min(self.bytes.len()));
        self.dropped.saturating_add(start as u64)
    }

    /// Drops the older half.
    fn shorten(&mut self) {
        let shift = self.bytes.len().saturating_sub(self.limit / 2);
        self.bytes.drain(..shift);
        self.dropped = self.dropped.saturating_add(shift as u64);
        self.scanned = self.scanned.saturating_sub(shift);
        self.records.retain_mut(|start| {
            let moved = start.checked_sub(shift);
            moved.inspect(|moved| *start = *moved).is_some()
        });
        // A chain whose first header was dropped now begins at its next one.
        self.candidates.retain_mut(|chain| {
            let start = if chain.start >= shift { chain.start } else { chain.next };
            let moved = start.checked_sub(shift).zip(chain.next.checked_sub(shift));
            chain.last = chain.last.saturating_sub(shift);
            moved.inspect(|moved| (chain.start, chain.next) = *moved).is_some()
        });
    }

    /// Looks for the starts of chains.
    fn scan(&mut self, known: Known<'_>) {
        while let Some(rest) = self.bytes.get(self.scanned..).filter(|rest| rest.len() >= Header::LENGTH) {
            let start = self.scanned;
            self.scanned = start.saturating_add(1);
            // No payload is that long, which rules out most bytes.
            if rest.first().is_some_and(|first| u32::from(*first) > known.longest >> 16) {
                continue;
            }
            // The same chain from a later header on adds no evidence.
            if self.candidates.len() >= MAX_CANDIDATES || self.candidates.iter().any(|it| it.passed(start)) {
                continue;
            }
            let mut chain = Chain {
                start,
                next: start,
                last: start,
                frames: 0,
                bits: 0,
                stream: 0,
                open: None,
                convinced: None,
            };
            if chain.follow(&self.bytes, known) && chain.frames > 0 {
                self.candidates.push(chain);
            }
        }
    }
}

impl Chain {
    /// Returns whether `place` lies inside this convincing chain, so that no other chain is looked for there.
    const fn passed(&self, place: usize) -> bool {
        self.convinced.is_some() && place > self.start && place < self.next
    }

    /// Follows the chain as far as the bytes go; returns `false` if it leads to something other than a header.
    fn follow(&mut self, bytes: &[u8], known: Known<'_>) -> bool {
        const MANY: u32 = 64;
        while self.frames < MANY
            && let Some(header) = bytes.get(self.next..).and_then(Header::parse)
        {
            let Some(bits) = self.weigh(&header, known) else { return false };
            self.bits = self.bits.saturating_add(bits);
            self.frames = self.frames.saturating_add(1);
            self.stream = header.stream;
            let goes_on =
                matches!(header.kind, FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION);
            let convinces = self.frames >= FRAMES && self.bits >= BITS;
            if convinces || (self.frames >= 2 && self.bits >= STRONG) {
                self.convinced.get_or_insert(self.next);
            }
            self.last = self.next;
            self.open = (goes_on && !header.has(END_HEADERS)).then_some(header.stream);
            self.next = self.next.saturating_add(Header::LENGTH).saturating_add(header.length as usize);
        }
        true
    }

    /// Weighs a header: returns its bits of evidence, or `None` if it is not legal here.
    fn weigh(&self, header: &Header, known: Known<'_>) -> Option<u32> {
        let continues = header.kind == FrameType::CONTINUATION;
        let expected = self.open.map(|stream| continues && stream == header.stream);
        if !expected.unwrap_or(!continues || self.frames == 0) {
            return None;
        }
        let bits = evidence::weigh(header, known)?;
        Some(if header.stream != 0 && header.stream == self.stream {
            bits.max(evidence::SAME_STREAM)
        } else {
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::stream::{Kind, Streams};
    use crate::model::Side;
    use proptest::prelude::*;

    const LIMIT: usize = 65_536;
    const GAP: Lost = Lost::Unknown { least: 0 };

    fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend([kind.0, flags]);
        out.extend(stream.to_be_bytes());
        out.extend(payload);
        out
    }

    fn streams(ids: &[u32]) -> Streams {
        let mut streams = Streams::new(16);
        for &id in ids {
            streams.add(id, Kind::Extended);
            streams.open(id);
        }
        streams
    }

    fn known(side: Side, streams: &Streams) -> Known<'_> {
        Known { side, streams, longest: 16_384, is_http2: false }
    }

    fn piece(bytes: &[u8]) -> Input<'_> {
        Input { bytes, unit: Unit::Piece }
    }

    fn record(bytes: &[u8]) -> Input<'_> {
        Input { bytes, unit: Unit::Record }
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    }

    #[test]
    fn two_frames_of_a_known_stream_convince_and_one_does_where_no_more_comes() {
        let streams = streams(&[5]);
        let known = known(Side::Client, &streams);
        let data = frame(FrameType::DATA, 0, 5, b"hello");
        let mut search = Search::new(LIMIT, GAP);
        assert_eq!(search.push(piece(&noise(3000)), known), None);
        assert_eq!(search.push(piece(&data), known), None);
        assert_eq!(search.push(piece(&data), known), Some(3000));
        assert_eq!(search.into_bytes(), [data.clone(), data.clone()].concat());
        let mut search = Search::new(LIMIT, GAP);
        search.push(piece(&noise(3000)), known);
        search.push(piece(&data), known);
        assert_eq!(search.conclude(), Some(3000));
    }

    #[test]
    fn joined_late_three_frames_convince() {
        let streams = streams(&[]);
        let known = known(Side::Server, &streams);
        let data = frame(FrameType::DATA, 0, 5, b"hello");
        let mut search = Search::new(LIMIT, GAP);
        assert_eq!(search.push(piece(&[&data[3..], &data, &data].concat()), known), None);
        assert_eq!(search.push(piece(&data), known), Some(11));
    }

    #[test]
    fn from_record_to_record_one_frame_convinces() {
        let streams = streams(&[5]);
        let known = known(Side::Client, &streams);
        let data = frame(FrameType::DATA, 0, 5, &[b'x'; 300]);
        let mut search = Search::new(LIMIT, GAP);
        assert_eq!(search.push(record(&noise(3000)), known), None);
        assert_eq!(search.push(record(&data), known), Some(3000));
        // Across two records, and not within one.
        let mut search = Search::new(LIMIT, GAP);
        assert_eq!(search.push(record(&data[..100]), known), None);
        assert_eq!(search.push(record(&data[100..]), known), Some(0));
        let mut search = Search::new(LIMIT, GAP);
        let behind = [b"behind", &data[..]].concat();
        assert_eq!(search.push(record(&behind), known), None);
        let mut search = Search::new(LIMIT, GAP);
        let before = [&data[..], b"before"].concat();
        assert_eq!(search.push(record(&before), known), None);
    }

    #[test]
    fn of_a_stream_that_is_not_known_a_record_convinces_where_it_has_to_be_http2() {
        let streams = streams(&[]);
        let data = frame(FrameType::DATA, 0, 5, b"hello");
        for is_http2 in [false, true] {
            let known = Known { is_http2, ..known(Side::Server, &streams) };
            let mut search = Search::new(LIMIT, GAP);
            assert_eq!(search.push(record(&noise(50)), known), None);
            assert_eq!(search.push(record(&data), known), is_http2.then_some(50));
        }
    }

    #[test]
    fn a_stream_may_miss_all_but_a_header() {
        let mut search = Search::new(LIMIT, Lost::Exact(13));
        assert_eq!(search.missed(0), Lost::AtMost(4));
        assert_eq!(search.missed(7), Lost::AtMost(11));
        search.gap(Lost::Exact(2));
        assert_eq!(search.missed(0), Lost::AtMost(6));
        search.gap(GAP);
        assert_eq!(search.missed(0), Lost::Unknown { least: 0 });
    }

    #[test]
    fn zeros_text_and_noise_do_not_convince() {
        let streams = streams(&[1, 3]);
        let text = b"GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n".repeat(2000);
        for bytes in [vec![0; 100_000], vec![1; 100_000], text, noise(1_000_000)] {
            for side in Side::BOTH {
                let known = known(side, &streams);
                let mut search = Search::new(LIMIT, GAP);
                assert_eq!(search.push(piece(&bytes), known), None);
                assert_eq!(search.conclude(), None);
                assert!(search.allocated() <= 3 * LIMIT);
            }
        }
    }

    #[test]
    fn the_limit_drops_the_oldest() {
        let streams = streams(&[5]);
        let known = known(Side::Client, &streams);
        let mut search = Search::new(1000, GAP);
        for part in noise(100_000).chunks(77) {
            assert_eq!(search.push(piece(part), known), None);
            assert!(search.bytes.len() <= 1000);
        }
        let data = frame(FrameType::DATA, 0, 5, &[b'x'; 700]);
        // The first of the frames is longer than what is kept: the search continues with the next.
        let skipped = search.push(piece(&[&data[..], &data, &data].concat()), known).unwrap();
        assert!(skipped >= 100_000 && (skipped - 100_000).is_multiple_of(709), "{skipped}");
    }

    proptest! {
        #[test]
        fn any_cutting_finds_the_same_place(cuts in prop::collection::vec(1..40_usize, 1..60), skip in 0..30_usize) {
            let streams = streams(&[5, 7]);
            let known = known(Side::Client, &streams);
            let mut all = noise(500);
            for at in 0..30_usize {
                all.extend(frame(FrameType::DATA, 0, if at % 3 == 0 { 7 } else { 5 }, &noise(at * 3)));
            }
            let all = &all[skip..];
            let mut search = Search::new(LIMIT, GAP);
            let (mut at, mut found) = (0, None);
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(all.len());
                found = search.push(piece(&all[at..end]), known);
                at = end;
                if found.is_some() || at == all.len() {
                    break;
                }
            }
            prop_assert_eq!(found, Some(500 - skip as u64));
        }
    }
}
