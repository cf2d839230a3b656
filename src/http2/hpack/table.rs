use std::collections::VecDeque;

use super::Field;

/// The static table, from index 1 (RFC 7541 Appendix A).
#[rustfmt::skip]
const STATIC: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// The size of a table until a peer sets another (RFC 9113 §6.5.2).
pub(super) const DEFAULT_SIZE: u32 = 4096;
/// The overhead of an entry, added to the lengths of its name and value (RFC 7541 §4.1).
const OVERHEAD: usize = 32;

/// The dynamic table of one side, as far as it is known (RFC 7541 §2.3.2).
///
/// ```text
///   index 62 ─► newest ... oldest known │ older, unknown (unless `complete`)
/// ```
///
/// It may hold more than the sender's table, never less: where a size is unknown, the greatest possible one is assumed
/// for the table and the least for an entry. That is harmless, because no index refers to an evicted entry.
#[derive(Debug)]
pub(super) struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    maximum: usize,
    bound: usize,
    /// Whether every entry of the sender's table is also in this one.
    complete: bool,
}

#[derive(Debug)]
struct Entry {
    /// The length of the name; `None` if unknown.
    name: Option<u32>,
    /// The name followed by the value.
    text: Box<[u8]>,
}

impl Entry {
    fn field(&self) -> Field<'_> {
        let (name, value) = match self.name {
            Some(length) => self.text.split_at_checked(length as usize).unzip(),
            None => (None, Some(&*self.text)),
        };
        Field { name, value }
    }

    fn size(&self) -> usize {
        self.text.len().saturating_add(OVERHEAD)
    }
}

impl Table {
    /// Creates the empty table of a new connection, which will hold at most `bound` bytes of entries.
    pub(super) fn new(bound: usize) -> Self {
        let maximum = (DEFAULT_SIZE as usize).min(bound);
        Table { entries: VecDeque::new(), size: 0, maximum, bound, complete: true }
    }

    /// Returns the field at an index; `None` if there is none.
    pub(super) fn get(&self, index: u32) -> Option<Field<'_>> {
        let place = (index as usize).checked_sub(1)?;
        let Some(dynamic) = place.checked_sub(STATIC.len()) else {
            return STATIC.get(place).map(|(name, value)| Field { name: Some(name), value: Some(value) });
        };
        match self.entries.get(dynamic) {
            Some(entry) => Some(entry.field()),
            None if self.complete => None,
            None => Some(Field { name: None, value: None }),
        }
    }

    /// Inserts a field as the newest entry and evicts older entries to make room (RFC 7541 §4.4).
    pub(super) fn insert(&mut self, name: Option<&[u8]>, value: &[u8]) {
        let text = [name.unwrap_or_default(), value].concat().into_boxed_slice();
        let entry = Entry { name: name.map(|name| name.len() as u32), text };
        self.evict(self.maximum.saturating_sub(entry.size()));
        if entry.size() <= self.maximum {
            self.size = self.size.saturating_add(entry.size());
            self.entries.push_front(entry);
        } else if self.maximum == self.bound {
            // Our table is full, the sender's perhaps is not: it may have an entry that is not kept here.
            self.complete = false;
        }
    }

    /// Applies a table size update by the sender (RFC 7541 §4.3).
    pub(super) fn resize(&mut self, maximum: u32) {
        self.maximum = (maximum as usize).min(self.bound);
        self.evict(self.maximum);
        // No entry is that small, so the sender's table is now empty.
        self.complete |= (maximum as usize) < OVERHEAD;
    }

    /// Notes that the sender may use a table of `maximum` bytes.
    ///
    /// The sender has to announce it if it does; allowing more costs nothing if it does not.
    pub(super) fn allow(&mut self, maximum: u32) {
        self.maximum = self.maximum.max((maximum as usize).min(self.bound));
    }

    /// Notes that insertions were lost: the index of every entry becomes unknown.
    pub(super) fn lose(&mut self) {
        self.entries = VecDeque::new();
        self.size = 0;
        self.maximum = self.bound;
        self.complete = false;
    }

    #[cfg(test)]
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let slots = self.entries.capacity().saturating_mul(size_of::<Entry>());
        self.size.saturating_sub(self.entries.len().saturating_mul(OVERHEAD)).saturating_add(slots)
    }

    fn evict(&mut self, upto: usize) {
        while self.size > upto {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size = self.size.saturating_sub(oldest.size());
            // Evicted because of our bound, it may still be in the sender's table.
            self.complete &= self.maximum < self.bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_at(table: &Table, index: u32) -> Option<Option<Vec<u8>>> {
        table.get(index).map(|field| field.name.map(<[u8]>::to_vec))
    }

    #[test]
    fn the_static_table() {
        let table = Table::new(65_536);
        assert_eq!(table.get(0), None);
        assert_eq!(table.get(2), Some(Field { name: Some(b":method"), value: Some(b"GET") }));
        assert_eq!(table.get(61), Some(Field { name: Some(b"www-authenticate"), value: Some(b"") }));
        assert_eq!(table.get(62), None);
    }

    #[test]
    fn indices_count_from_the_newest_and_beyond_ours_are_unknown() {
        let mut table = Table::new(65_536);
        table.lose();
        table.insert(Some(b"a"), b"1");
        table.insert(None, b"2");
        assert_eq!(table.get(62), Some(Field { name: None, value: Some(b"2") }));
        assert_eq!(table.get(63), Some(Field { name: Some(b"a"), value: Some(b"1") }));
        assert_eq!(table.get(64), Some(Field { name: None, value: None }));
        table.lose();
        table.insert(Some(b"b"), b"3");
        assert_eq!(name_at(&table, 62), Some(Some(b"b".to_vec())));
        assert_eq!(name_at(&table, 63), Some(None), "inserted before insertions were lost");
    }

    #[test]
    fn the_oldest_are_evicted_by_the_size_that_was_set() {
        let mut table = Table::new(65_536);
        table.resize(100);
        for name in [b"aaaa", b"bbbb", b"cccc"] {
            table.insert(Some(name), b"12345678901234");
        }
        assert_eq!(name_at(&table, 63), Some(Some(b"bbbb".to_vec())));
        assert_eq!(name_at(&table, 64), None);
        table.insert(Some(&[b'x'; 70]), b"");
        assert_eq!(name_at(&table, 62), None, "an entry that does not fit empties the table");
        assert!(table.is_complete());
    }

    #[test]
    fn a_table_without_room_is_empty_and_known_again() {
        let mut table = Table::new(65_536);
        table.lose();
        table.resize(4096);
        assert_eq!(name_at(&table, 62), Some(None));
        table.resize(0);
        table.resize(4096);
        assert_eq!(name_at(&table, 62), None);
    }

    #[test]
    fn its_own_bound_makes_entries_unknown_and_not_absent() {
        let mut table = Table::new(1000);
        table.resize(1 << 20);
        for at in 0..10_000_u32 {
            table.insert(Some(b"name"), &at.to_be_bytes());
            assert!(table.size <= 1000 && table.allocated() <= 2000);
        }
        assert_eq!(table.get(62).unwrap().value, Some(&9_999_u32.to_be_bytes()[..]));
        assert_eq!(name_at(&table, 100), Some(None));
    }
}
