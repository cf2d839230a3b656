use std::sync::LazyLock;

/// The maximum length of codes found in the first table; longer ones need a second one.
const ROOT: u8 = 9;
const LONGEST_CODE: usize = 15;

/// The meaning of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A byte, or the value of the symbol.
    Literal(u8),
    /// A length or a distance: a base, and the number of extra bits to be added to it (RFC 1951 §3.2.5).
    Base(u16, u8),
    /// The end of the block.
    End,
    /// No such symbol exists, or no symbol has this code.
    Invalid,
    /// Continue in the table at this index, with this many further bits.
    Further(u16, u8),
}

/// A code: its meaning and its length in bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) meaning: Meaning,
    pub(super) length: u8,
}

/// A lookup table from codes to symbols (RFC 1951 §3.2.2).
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    root: u8,
}

const UNUSED: Entry = Entry { meaning: Meaning::Invalid, length: 1 };

impl Table {
    /// Builds the table for symbols with these code lengths, 0–15; returns `None` if the lengths form no valid code.
    ///
    /// As in all major inflaters, a code may be incomplete only if it has no symbol, or a single one of one bit.
    pub(super) fn build(&mut self, lengths: &[u8], meaning: impl Fn(usize) -> Meaning) -> Option<()> {
        let mut counts = [0_u16; LONGEST_CODE + 1];
        for &length in lengths {
            let count = counts.get_mut(usize::from(length))?;
            *count = count.wrapping_add(1);
        }
        counts[0] = 0;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        self.root = longest.clamp(1, ROOT);
        self.entries.clear();
        self.entries.resize(entries(self.root), UNUSED);
        if longest == 0 {
            return Some(());
        }

        // The first code of each length; `free` is the number of unused codes of that length.
        let mut next = [0_u32; LONGEST_CODE + 1];
        let (mut code, mut free) = (0_u32, 1_u32);
        for (length, &count) in counts.iter().enumerate().skip(1) {
            code = code.wrapping_shl(1);
            free = free.wrapping_shl(1).checked_sub(u32::from(count))?;
            if let Some(next) = next.get_mut(length) {
                *next = code;
            }
            code = code.wrapping_add(u32::from(count));
        }
        if free > 0 && longest > 1 {
            return None;
        }

        for (symbol, &length) in lengths.iter().enumerate() {
            if length > 0 {
                let next = next.get_mut(usize::from(length))?;
                let reversed = next.reverse_bits().wrapping_shr(32_u32.wrapping_sub(u32::from(length)));
                *next = next.wrapping_add(1);
                self.insert(reversed, Entry { meaning: meaning(symbol), length }, longest);
            }
        }
        Some(())
    }

    fn insert(&mut self, code: u32, entry: Entry, longest: u8) {
        if entry.length <= self.root {
            self.fill(0, code, entry.length, self.root, entry);
            return;
        }
        let (start, width) = self.further(low(u64::from(code), self.root), longest.wrapping_sub(self.root));
        let (code, length) = (code >> self.root, entry.length.wrapping_sub(self.root));
        self.fill(usize::from(start), code, length, width, entry);
    }

    /// Returns the index and width of the second table for a slot of the first, creating it if needed.
    fn further(&mut self, slot: usize, width: u8) -> (u16, u8) {
        if let Some(Entry { meaning: Meaning::Further(start, width), .. }) = self.entries.get(slot) {
            return (*start, *width);
        }
        // At most 143 of these exist, of 32 entries each: at least two codes share one.
        let start = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        self.entries.resize(usize::from(start).saturating_add(entries(width)), UNUSED);
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.meaning = Meaning::Further(start, width);
        }
        (start, width)
    }

    /// Writes the entry at every index of a table of `width` bits whose low `length` bits are the code.
    fn fill(&mut self, start: usize, code: u32, length: u8, width: u8, entry: Entry) {
        let table = self.entries.get_mut(start..start.saturating_add(entries(width))).unwrap_or_default();
        for slot in table.iter_mut().skip(code as usize).step_by(entries(length)) {
            *slot = entry;
        }
    }

    /// Looks up the code at the low end of `bits`; the result is valid if at least as many bits as its length were
    /// available.
    pub(super) fn find(&self, bits: u64) -> Entry {
        let entry = self.entries.get(low(bits, self.root)).copied().unwrap_or(UNUSED);
        let Meaning::Further(start, width) = entry.meaning else { return entry };
        let place = usize::from(start).wrapping_add(low(bits.wrapping_shr(u32::from(self.root)), width));
        self.entries.get(place).copied().unwrap_or(UNUSED)
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.entries.capacity().saturating_mul(size_of::<Entry>())
    }
}

/// Returns the number of entries of a table for `width` bits.
fn entries(width: u8) -> usize {
    1_usize.wrapping_shl(u32::from(width))
}

/// Returns the lowest bits as an index.
fn low(bits: u64, width: u8) -> usize {
    let mask = 1_u64.wrapping_shl(u32::from(width)).wrapping_sub(1);
    usize::try_from(bits & mask).unwrap_or(0)
}

/// Returns the meaning of a symbol of the literal/length alphabet (RFC 1951 §3.2.5).
pub(super) fn literal(symbol: usize) -> Meaning {
    const LENGTHS: [(u16, u8); 29] = [
        (3, 0),
        (4, 0),
        (5, 0),
        (6, 0),
        (7, 0),
        (8, 0),
        (9, 0),
        (10, 0),
        (11, 1),
        (13, 1),
        (15, 1),
        (17, 1),
        (19, 2),
        (23, 2),
        (27, 2),
        (31, 2),
        (35, 3),
        (43, 3),
        (51, 3),
        (59, 3),
        (67, 4),
        (83, 4),
        (99, 4),
        (115, 4),
        (131, 5),
        (163, 5),
        (195, 5),
        (227, 5),
        (258, 0),
    ];
    match (u8::try_from(symbol), symbol.checked_sub(257)) {
        (Ok(byte), _) => Meaning::Literal(byte),
        (_, None) => Meaning::End,
        (_, Some(at)) => {
            LENGTHS.get(at).map_or(Meaning::Invalid, |&(base, extra)| Meaning::Base(base, extra))
        }
    }
}

/// Returns the meaning of a symbol of the distance alphabet (RFC 1951 §3.2.5).
pub(super) fn distance(symbol: usize) -> Meaning {
    match u8::try_from(symbol) {
        Ok(symbol @ 0..=3) => Meaning::Base(u16::from(symbol).wrapping_add(1), 0),
        Ok(symbol @ 4..=29) => {
            let extra = (symbol >> 1).wrapping_sub(1);
            let base = u16::from(2 | symbol & 1).wrapping_shl(u32::from(extra)).wrapping_add(1);
            Meaning::Base(base, extra)
        }
        _ => Meaning::Invalid,
    }
}

/// Returns the meaning of a symbol of the code length alphabet: its value.
pub(super) fn code_length(symbol: usize) -> Meaning {
    u8::try_from(symbol).map_or(Meaning::Invalid, Meaning::Literal)
}

/// The two fixed codes (RFC 1951 §3.2.6).
pub(super) static FIXED: LazyLock<(Table, Table)> = LazyLock::new(|| {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    let (mut literals, mut distances) = (Table::default(), Table::default());
    let both = literals.build(&lengths, literal).and(distances.build(&[5; 32], distance));
    debug_assert!(both.is_some(), "the fixed codes are complete");
    (literals, distances)
});

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // test data is small
mod tests {
    use super::*;

    fn plain(lengths: &[u8]) -> Option<Table> {
        let mut table = Table::default();
        table.build(lengths, code_length).map(|()| table)
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 1951 §3.2.2: lengths (3, 3, 3, 3, 3, 2, 4, 4) give 010 011 100 101 110 00 1110 1111.
        let table = plain(&[3, 3, 3, 3, 3, 2, 4, 4]).unwrap();
        for (symbol, code) in
            ["010", "011", "100", "101", "110", "00", "1110", "1111"].into_iter().enumerate()
        {
            let bits = code.bytes().rev().fold(0, |bits, digit| bits << 1 | u64::from(digit - b'0'));
            let entry = table.find(bits | 0xabc0 << code.len());
            assert_eq!(
                (entry.meaning, usize::from(entry.length)),
                (Meaning::Literal(symbol as u8), code.len()),
                "{code}"
            );
        }
    }

    #[test]
    fn codes_longer_than_the_first_table() {
        // 0, 10, 110, …: one code of each length, the longest twice.
        let mut lengths: Vec<u8> = (1..=15).collect();
        lengths.push(15);
        let table = plain(&lengths).unwrap();
        for symbol in 0..15_u32 {
            let entry = table.find((1 << symbol) - 1);
            assert_eq!((entry.meaning, entry.length), (Meaning::Literal(symbol as u8), symbol as u8 + 1));
        }
        assert_eq!(table.find(u64::MAX).meaning, Meaning::Literal(15));
    }

    #[test]
    fn lengths_that_make_no_code() {
        assert!(plain(&[1, 1, 1]).is_none(), "too many");
        assert!(plain(&[2, 2, 2]).is_none(), "too few");
        assert!(plain(&[2]).is_none(), "one symbol of two bits");
        let one = plain(&[0, 1]).unwrap();
        assert_eq!((one.find(0).meaning, one.find(1).meaning), (Meaning::Literal(1), Meaning::Invalid));
        assert_eq!(plain(&[0, 0]).unwrap().find(0).meaning, Meaning::Invalid);
    }

    #[test]
    fn the_ends_of_both_alphabets() {
        assert_eq!((literal(257), literal(284)), (Meaning::Base(3, 0), Meaning::Base(227, 5)));
        assert_eq!((literal(285), literal(286)), (Meaning::Base(258, 0), Meaning::Invalid));
        assert_eq!((distance(0), distance(4)), (Meaning::Base(1, 0), Meaning::Base(5, 1)));
        assert_eq!((distance(29), distance(30)), (Meaning::Base(24577, 13), Meaning::Invalid));
    }
}
