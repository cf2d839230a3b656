use std::borrow::Cow;

use super::record::{HEADER, Header};
use super::resync::RecordSearch;
use crate::model::{At, Lost};

/// A record with missing bytes.
#[derive(Debug)]
pub(super) struct PartialRecord {
    pub(super) header: Header,
    /// The packet that contains its first byte.
    pub(super) first: At,
    /// The captured bytes with their offsets in the fragment, in order and not adjacent.
    pub(super) pieces: Vec<(usize, Vec<u8>)>,
    /// The offset up to which the fragment was seen or lost.
    position: usize,
}

impl PartialRecord {
    fn new(header: Header, first: At) -> Self {
        PartialRecord { header, first, pieces: Vec::new(), position: 0 }
    }

    const fn missing(&self) -> usize {
        self.header.length.saturating_sub(self.position)
    }

    fn take(&mut self, input: &mut &[u8]) {
        let Some((taken, rest)) = input.split_at_checked(self.missing().min(input.len())) else {
            return;
        };
        *input = rest;
        match self.pieces.last_mut() {
            Some((start, bytes)) if start.saturating_add(bytes.len()) == self.position => {
                bytes.extend_from_slice(taken);
            }
            _ if taken.is_empty() => {}
            _ => {
                // Most records complete: one allocation is sufficient for them.
                let mut bytes = Vec::with_capacity(self.missing());
                bytes.extend_from_slice(taken);
                self.pieces.push((self.position, bytes));
            }
        }
        self.position = self.position.saturating_add(taken.len());
    }

    /// Returns the fragment if none of it was lost.
    fn into_whole(mut self) -> Result<Vec<u8>, Self> {
        match self.pieces.as_mut_slice() {
            [(0, bytes)] if bytes.len() == self.header.length => Ok(std::mem::take(bytes)),
            _ => Err(self),
        }
    }
}

/// The result of [`RecordReader::step`].
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// A complete record, borrowed from the input if it is contiguous there.
    Record { header: Header, fragment: Cow<'a, [u8]>, first: At },
    /// A record with missing bytes.
    Cut(PartialRecord),
    /// Bytes that cannot be a record header, at a position where one is required.
    NoHeader,
}

/// An iteration over one side's records, with or without keys.
///
/// ```text
///            5 bytes             the fragment's end
///   Header ──────────► Fragment ────────────────────► Header
///     │ gap, or no header │ gap beyond the fragment's end
///     └──► Lost ◄─────────┘
/// ```
///
/// A gap within a fragment whose header was seen is accounted for: the next record starts where the header says. From
/// `Lost`, only [`RecordReader::resume`] leads back: the owner of the keys decides where a record begins.
#[derive(Debug, Default)]
pub(super) struct RecordReader {
    state: State,
}

#[derive(Debug)]
enum State {
    Header { bytes: [u8; HEADER], have: usize, first: At },
    Fragment(Box<PartialRecord>),
    Lost(Box<RecordSearch>),
}

impl Default for State {
    fn default() -> Self {
        State::Header { bytes: [0; HEADER], have: 0, first: At::default() }
    }
}

impl RecordReader {
    /// Creates the state of a side whose first bytes were not captured.
    pub(super) fn lost() -> Self {
        RecordReader { state: State::Lost(Box::new(RecordSearch::new(Lost::Unknown { least: 0 }))) }
    }

    /// Consumes bytes of `input` up to the end of a record; returns `None` once none are left.
    pub(super) fn step<'a>(&mut self, input: &mut &'a [u8], at: At) -> Option<Found<'a>> {
        if input.is_empty() {
            return None;
        }
        if let State::Header { bytes, have, first } = &mut self.state {
            if *have == 0 {
                *first = at;
                if let Some(found) = whole(input, at) {
                    return Some(found);
                }
            }
            let wanted = bytes.get_mut(*have..)?;
            let length = wanted.len().min(input.len());
            let (taken, rest) = input.split_at_checked(length)?;
            wanted.get_mut(..length)?.copy_from_slice(taken);
            *have = have.saturating_add(length);
            *input = rest;
            if *have < HEADER {
                return None;
            }
            let Some(header) = Header::parse(bytes) else {
                let mut search = RecordSearch::new(Lost::Exact(0));
                search.push(bytes, *first);
                self.state = State::Lost(Box::new(search));
                return Some(Found::NoHeader);
            };
            self.state = State::Fragment(Box::new(PartialRecord::new(header, *first)));
        }
        match &mut self.state {
            State::Header { .. } => None,
            State::Fragment(record) => {
                record.take(input);
                if record.missing() > 0 {
                    return None;
                }
                let State::Fragment(record) = std::mem::take(&mut self.state) else {
                    return None;
                };
                let (header, first) = (record.header, record.first);
                Some(match record.into_whole() {
                    Ok(fragment) => Found::Record { header, fragment: Cow::Owned(fragment), first },
                    Err(cut) => Found::Cut(cut),
                })
            }
            State::Lost(search) => {
                search.push(input, at);
                *input = &[];
                None
            }
        }
    }

    /// Notes that bytes are missing; returns the record that ends within the gap.
    pub(super) fn gap(&mut self, lost: Lost) -> Option<PartialRecord> {
        match (&mut self.state, lost) {
            (State::Header { have, .. }, _) => {
                let seen = Lost::Exact(*have as u64);
                if lost != Lost::Exact(0) {
                    self.state = State::Lost(Box::new(RecordSearch::new(seen.and(lost))));
                }
                None
            }
            (State::Lost(search), _) => {
                search.gap(lost);
                None
            }
            (State::Fragment(record), Lost::Exact(bytes)) if bytes < record.missing() as u64 => {
                record.position = record.position.saturating_add(bytes as usize);
                None
            }
            (State::Fragment(record), _) => {
                let behind = match lost {
                    Lost::Exact(bytes) => Lost::Exact(bytes.saturating_sub(record.missing() as u64)),
                    Lost::AtMost(_) | Lost::Unknown { .. } => {
                        Lost::Unknown { least: lost.least().saturating_sub(record.missing() as u64) }
                    }
                };
                let next = match behind {
                    Lost::Exact(0) => State::default(),
                    _ => State::Lost(Box::new(RecordSearch::new(behind))),
                };
                match std::mem::replace(&mut self.state, next) {
                    State::Fragment(record) => Some(*record),
                    _ => None,
                }
            }
        }
    }

    /// Returns the unfinished record: the side has finished sending.
    pub(super) fn end(&mut self) -> Option<PartialRecord> {
        match std::mem::take(&mut self.state) {
            State::Fragment(record) => Some(*record),
            State::Lost(search) => {
                self.state = State::Lost(search);
                None
            }
            State::Header { .. } => None,
        }
    }

    /// Returns the search for the next record, if its position is unknown.
    pub(super) fn search(&mut self) -> Option<&mut RecordSearch> {
        match &mut self.state {
            State::Lost(search) => Some(search),
            _ => None,
        }
    }

    /// Ends a search: the next bytes are a record header.
    pub(super) fn resume(&mut self) {
        self.state = State::default();
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Header { .. } => 0,
            State::Fragment(record) => record.pieces.iter().map(|(_, bytes)| bytes.capacity()).sum(),
            State::Lost(search) => search.held(),
        }
    }
}

/// Consumes and returns the record that is complete at the start of `input`.
fn whole<'a>(input: &mut &'a [u8], at: At) -> Option<Found<'a>> {
    let header = Header::parse(input)?;
    let (fragment, rest) = input.get(HEADER..)?.split_at_checked(header.length)?;
    *input = rest;
    Some(Found::Record { header, fragment: Cow::Borrowed(fragment), first: at })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of 3, 1 and 4 bytes.
    const BYTES: &[u8] = b"\x16\x03\x01\0\x03abc\x14\x03\x03\0\x01\x01\x17\x03\x03\0\x04wxyz";

    fn read(steps: &[Result<&[u8], u64>]) -> (Vec<String>, RecordReader) {
        let (mut reader, mut found) = (RecordReader::default(), Vec::new());
        let mut say = |it: Found<'_>| match it {
            Found::Record { header, fragment, .. } => {
                found.push(format!("{} {}", header.kind, String::from_utf8_lossy(&fragment)));
            }
            Found::Cut(cut) => found.push(format!("{} {:?}", cut.header.kind, cut.pieces)),
            Found::NoHeader => found.push("none".to_owned()),
        };
        for step in steps {
            match step {
                Ok(bytes) => {
                    let mut bytes = *bytes;
                    while let Some(it) = reader.step(&mut bytes, At::default()) {
                        say(it);
                    }
                }
                Err(lost) => {
                    if let Some(cut) = reader.gap(Lost::Exact(*lost)) {
                        say(Found::Cut(cut));
                    }
                }
            }
        }
        (found, reader)
    }

    #[test]
    fn any_cutting_gives_the_same_records() {
        let (whole, _) = read(&[Ok(BYTES)]);
        assert_eq!(whole, ["22 abc", "20 \u{1}", "23 wxyz"]);
        for cut in 0..=BYTES.len() {
            let (one, two) = BYTES.split_at(cut);
            assert_eq!(read(&[Ok(one), Ok(two)]).0, whole, "{cut}");
        }
        let bytes: Vec<_> = BYTES.chunks(1).map(Ok).collect();
        assert_eq!(read(&bytes).0, whole);
    }

    #[test]
    fn a_gap_within_a_fragment_is_arithmetic() {
        let (found, _) = read(&[Ok(&BYTES[..6]), Err(1), Ok(&BYTES[7..])]);
        assert_eq!(found, ["22 [(0, [97]), (2, [99])]", "20 \u{1}", "23 wxyz"]);
        // Up to the very end of the record.
        let (found, _) = read(&[Ok(&BYTES[..6]), Err(2), Ok(&BYTES[8..])]);
        assert_eq!(found, ["22 [(0, [97])]", "20 \u{1}", "23 wxyz"]);
    }

    #[test]
    fn a_gap_that_takes_a_header_loses_the_place() {
        for (before, after) in [(0, 3), (3, 6), (6, 9), (8, 12)] {
            let (_, mut reader) =
                read(&[Ok(&BYTES[..before]), Err((after - before) as u64), Ok(&BYTES[after..])]);
            assert!(reader.search().is_some(), "{before}");
        }
    }

    #[test]
    fn what_cannot_be_a_header_is_none() {
        let (found, mut reader) = read(&[Ok(BYTES), Ok(b"GET / HTTP/1.1\r\n")]);
        assert_eq!(found.last().unwrap(), "none");
        assert!(reader.search().is_some());
        assert_eq!(Header::parse(b"\x16\x03\x01\0\0"), None, "a fragment is not empty");
        assert_eq!(Header::parse(b"\x16\x03\x01\xff\xff"), None, "no fragment is that long");
        let header = Header::parse(BYTES).unwrap();
        assert_eq!(header.to_bytes(), BYTES[..5]);
    }
}
