use super::record::{HEADER, Header, LONGEST};
use crate::model::{At, Lost};

/// How many bytes before a record are kept: they may be the end of one whose header was lost.
const BEFORE: usize = HEADER + LONGEST;

/// A search for the next record after lost bytes.
///
/// It yields candidates in byte order as soon as they are complete; the caller, who has the keys, decides. The
/// candidates do not depend on how the bytes were split into packets.
#[derive(Debug)]
pub(super) struct RecordSearch {
    /// The number of bytes between the last known end of a record and `buffer`.
    skipped: Lost,
    buffer: Vec<u8>,
    /// The offsets in `buffer` at which the bytes of another packet begin.
    marks: Vec<(usize, At)>,
    /// The offset in `buffer` at which the next candidate may begin.
    next: usize,
}

/// A position at which a record may begin.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) header: Header,
    pub(super) fragment: &'a [u8],
    pub(super) gap: Gap<'a>,
    /// The bytes after it.
    pub(super) behind: &'a [u8],
}

/// The bytes between the last known end of a record and another record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap<'a> {
    /// The number of bytes.
    pub(super) skipped: Lost,
    /// The last of them, as far as they were captured.
    pub(super) earlier: &'a [u8],
}

impl Gap<'_> {
    /// No bytes.
    pub(super) const NONE: Gap<'static> = Gap { skipped: Lost::Exact(0), earlier: &[] };
}

impl RecordSearch {
    /// Creates a search in the bytes that follow `skipped` bytes.
    pub(super) const fn new(skipped: Lost) -> Self {
        RecordSearch { skipped, buffer: Vec::new(), marks: Vec::new(), next: 0 }
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8], at: At) {
        if self.marks.last().is_none_or(|(_, last)| *last != at) {
            self.marks.push((self.buffer.len(), at));
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the number of bytes between the last known end of a record and the next possible start of one.
    pub(super) const fn skipped(&self) -> Lost {
        self.skipped.and(Lost::Exact(self.buffer.len() as u64))
    }

    /// Notes that more bytes are missing: the unfinished ones collected here are lost as well.
    pub(super) fn gap(&mut self, lost: Lost) {
        self.skipped = self.skipped().and(lost);
        self.buffer.clear();
        self.marks.clear();
        self.next = 0;
    }

    /// Returns the next byte sequence that may be a record, if it is complete; [`Self::refuse`] advances past it.
    pub(super) fn candidate(&mut self) -> Option<Candidate<'_>> {
        loop {
            let rest = self.buffer.get(self.next..)?;
            if rest.len() < HEADER {
                return None;
            }
            match Header::parse(rest) {
                None => self.next = self.next.saturating_add(1),
                Some(header) if rest.len() < HEADER.saturating_add(header.length) => return None,
                Some(_) => break,
            }
        }
        let (earlier, rest) = self.buffer.split_at_checked(self.next)?;
        let header = Header::parse(rest)?;
        let (fragment, behind) = rest.get(HEADER..)?.split_at_checked(header.length)?;
        let skipped = self.skipped.and(Lost::Exact(self.next as u64));
        Some(Candidate { header, fragment, gap: Gap { skipped, earlier }, behind })
    }

    /// Rejects the candidate and continues after its first byte.
    pub(super) fn refuse(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Drops bytes that can no longer be part of a record.
    pub(super) fn trim(&mut self) {
        let done = self.next.saturating_sub(BEFORE);
        // Moving the bytes every time would cost more than keeping them for a while.
        if done < BEFORE {
            return;
        }
        self.buffer.drain(..done.min(self.buffer.len()));
        self.next = self.next.saturating_sub(done);
        self.skipped = self.skipped.and(Lost::Exact(done as u64));
        let kept = self.marks.iter().rposition(|(start, _)| *start <= done).unwrap_or(0);
        self.marks.drain(..kept);
        for (start, _) in &mut self.marks {
            *start = start.saturating_sub(done);
        }
    }

    /// Drops the bytes from the candidate on: they will be pushed again.
    pub(super) fn withdraw(&mut self) {
        self.buffer.truncate(self.next);
        self.marks.retain(|(start, _)| *start < self.next);
    }

    /// Drops all bytes and counts them as lost: there are no keys to search with.
    pub(super) fn forget(&mut self) {
        self.gap(Lost::Exact(0));
    }

    /// Returns the bytes from the candidate on, by packet.
    pub(super) fn rest(&self) -> Vec<(At, Vec<u8>)> {
        let ends = self.marks.iter().skip(1).map(|(start, _)| *start).chain([self.buffer.len()]);
        self.marks
            .iter()
            .zip(ends)
            .filter_map(|((start, at), end)| {
                Some((*at, self.buffer.get((*start).max(self.next)..end)?.to_vec()))
            })
            .filter(|(_, bytes)| !bytes.is_empty())
            .collect()
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(packet: u64) -> At {
        At { packet, ..At::default() }
    }

    #[test]
    fn candidates_come_in_order_and_whole() {
        let bytes = b"noise-noise-noise\x17\x03\x03\0\x04abcd\x14\x03\x03\0\x01\x01";
        let mut search = RecordSearch::new(Lost::Exact(100));
        let mut seen = Vec::new();
        for (n, byte) in bytes.chunks(1).enumerate() {
            search.push(byte, at(n as u64));
            while let Some(it) = search.candidate() {
                seen.push((it.gap.skipped, it.fragment.len(), it.gap.earlier.len()));
                search.refuse();
            }
            search.trim();
        }
        assert_eq!(seen, [(Lost::Exact(117), 4, 17), (Lost::Exact(126), 1, 26)]);
        assert_eq!(search.skipped(), Lost::Exact(100 + bytes.len() as u64));
    }

    #[test]
    fn the_rest_is_told_by_packet() {
        let mut search = RecordSearch::new(Lost::Exact(0));
        search.push(b"xx\x17\x03", at(1));
        search.push(b"\x03\0\x01a", at(2));
        search.push(b"b", at(3));
        assert!(search.candidate().is_some());
        let rest = [(at(1), b"\x17\x03".to_vec()), (at(2), b"\x03\0\x01a".to_vec()), (at(3), b"b".to_vec())];
        assert_eq!(search.rest(), rest);
        search.gap(Lost::Exact(1));
        assert_eq!((search.skipped(), search.rest().len()), (Lost::Exact(10), 0));
    }
}
