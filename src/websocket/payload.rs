use super::Utf8;
use super::mask::unmask;

/// A missing range of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its offset in the complete payload.
    pub offset: u64,
    /// Its length; `None` if unknown, in which case later offsets count it as empty.
    pub length: Option<u64>,
}

/// The maximum number of missing ranges recorded per message; the last one then covers everything that follows.
pub const MAX_MISSING: usize = 1024;

/// The payload of one message: the known bytes, up to a limit, and the missing ranges.
///
/// Bytes beyond the limit are counted but not kept.
#[derive(Debug, Default)]
pub struct Payload {
    bytes: Vec<u8>,
    missing: Vec<Missing>,
    length: u64,
    limit: usize,
    truncated: bool,
    /// Captured bytes that count as missing because no further gap can be recorded.
    withheld: u64,
    utf8: Option<Utf8>,
}

impl Payload {
    /// Creates an empty payload that keeps at most `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Payload {
            bytes: Vec::new(),
            missing: Vec::new(),
            length: 0,
            limit,
            truncated: false,
            withheld: 0,
            utf8: None,
        }
    }

    /// Clears the message and keeps the memory; `text` means that the next one is checked for UTF-8.
    pub fn clear(&mut self, text: bool) {
        self.bytes.clear();
        self.missing.clear();
        self.length = 0;
        self.truncated = false;
        self.withheld = 0;
        self.utf8 = text.then(Utf8::default);
    }

    /// Changes the maximum number of bytes kept.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Clears the message and releases its memory if that exceeds `most` bytes.
    pub fn shrink(&mut self, most: usize) {
        if self.bytes.capacity() > most {
            self.bytes.clear();
            self.bytes.shrink_to(most);
        }
        if self.missing.capacity() > 8 {
            self.missing.shrink_to(8);
        }
    }

    /// Appends known bytes; those beyond the limit are only counted.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.is_full() {
            return self.withhold(bytes);
        }
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(bytes);
        }
        let (kept, _) = self.room(bytes);
        self.keep(kept);
    }

    /// Appends masked bytes, unmasking the kept ones; `phase` is the first byte's offset in its frame (RFC 6455 §5.3).
    pub fn push_masked(&mut self, bytes: &[u8], key: [u8; 4], phase: u64) {
        if self.is_full() {
            return self.withhold(bytes);
        }
        let (kept, dropped) = self.room(bytes);
        let start = self.bytes.len();
        self.keep(kept);
        if let Some(copy) = self.bytes.get_mut(start..) {
            unmask(copy, key, phase);
            if let Some(utf8) = &mut self.utf8 {
                utf8.push(copy);
                push_unkept(utf8, dropped, key, phase.wrapping_add(kept.len() as u64));
            }
        }
    }

    /// Notes that `length` bytes are missing here; `None` means an unknown number.
    pub fn skip(&mut self, length: Option<u64>) {
        if length == Some(0) {
            return;
        }
        if let Some(utf8) = &mut self.utf8 {
            utf8.skip(length.unwrap_or(0));
        }
        let (offset, full) = (self.length, self.is_full());
        self.length = self.length.saturating_add(length.unwrap_or(0));
        let is_all = self.bytes.is_empty() && !self.truncated;
        match self.missing.last_mut() {
            // Nothing is known: it remains a single gap.
            Some(last) if is_all && last.length.is_none() && last.offset == 0 => {}
            Some(last) if last.length.is_none() && last.offset == offset => {}
            Some(last) if full && last.length.is_none() => {}
            Some(last) if full || last.length.and_then(|n| last.offset.checked_add(n)) == Some(offset) => {
                last.length = length.and(Some(self.length.saturating_sub(last.offset)));
            }
            _ => self.missing.push(Missing { offset, length }),
        }
    }

    /// Returns the known bytes, concatenated without the missing ones.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the message's length as far as known, including bytes not kept and missing ones.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Returns the missing ranges.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Returns the number of bytes kept, if the limit truncated the message.
    pub fn truncated_to(&self) -> Option<u64> {
        self.truncated.then_some(self.bytes.len() as u64)
    }

    /// Returns the number of bytes that were captured but count as missing because [`MAX_MISSING`] ranges were
    /// recorded.
    pub const fn withheld(&self) -> u64 {
        self.withheld
    }

    /// Returns the UTF-8 checker if the message is text.
    pub fn utf8(&self) -> Option<&Utf8> {
        self.utf8.as_ref()
    }

    /// Removes an incomplete character from the end of a text truncated by the limit.
    pub fn trim_cut_character(&mut self) {
        if self.truncated && self.utf8.is_some() {
            let tail = self.bytes.len().saturating_sub(3);
            let cut = (tail..self.bytes.len())
                .rev()
                .find(|at| self.bytes.get(*at).is_some_and(|b| b & 0xc0 != 0x80));
            if let Some(cut) = cut
                && std::str::from_utf8(self.bytes.get(cut..).unwrap_or_default()).is_err()
            {
                self.bytes.truncate(cut);
            }
        }
    }

    /// Returns the allocated memory, in bytes.
    pub fn allocated(&self) -> usize {
        self.bytes.capacity().saturating_add(self.missing.capacity().saturating_mul(size_of::<Missing>()))
    }

    /// Returns whether no further gap can be recorded; known bytes after an unrecorded gap would be misplaced.
    const fn is_full(&self) -> bool {
        self.missing.len() >= MAX_MISSING
    }

    fn withhold(&mut self, bytes: &[u8]) {
        self.withheld = self.withheld.saturating_add(bytes.len() as u64);
        self.skip(Some(bytes.len() as u64));
    }

    /// Appends bytes that fit within the limit. The capacity doubles when it grows, but never exceeds the limit.
    fn keep(&mut self, bytes: &[u8]) {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        let wanted = length.saturating_add(bytes.len());
        if wanted > capacity {
            let doubled = capacity.saturating_mul(2).max(64).min(self.limit).max(wanted);
            self.bytes.reserve_exact(doubled.saturating_sub(length));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Counts `bytes` and splits them into those to keep and those to drop.
    fn room<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let room = if self.truncated { 0 } else { self.limit.saturating_sub(self.bytes.len()) };
        let (kept, dropped) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.truncated |= !dropped.is_empty();
        (kept, dropped)
    }
}

/// Checks masked text that is not kept, in small chunks.
fn push_unkept(utf8: &mut Utf8, bytes: &[u8], key: [u8; 4], mut phase: u64) {
    let mut buffer = [0; 1024];
    for chunk in bytes.chunks(buffer.len()) {
        if let Some(copy) = buffer.get_mut(..chunk.len()) {
            copy.copy_from_slice(chunk);
            unmask(copy, key, phase);
            utf8.push(copy);
        }
        phase = phase.wrapping_add(chunk.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_fits_and_counts_the_rest() {
        let mut payload = Payload::new(4);
        payload.push(b"abc");
        assert_eq!((payload.truncated_to(), payload.length()), (None, 3));
        payload.push(b"def");
        payload.push(b"g");
        assert_eq!((payload.bytes(), payload.truncated_to(), payload.length()), (&b"abcd"[..], Some(4), 7));
    }

    #[test]
    fn takes_no_more_memory_than_the_limit() {
        let mut payload = Payload::new(1000);
        for _ in 0..300 {
            payload.push(b"seven b");
            assert!(payload.allocated() <= 1000, "{}", payload.allocated());
        }
        assert_eq!((payload.bytes().len(), payload.length()), (1000, 2100));
    }

    #[test]
    fn joins_neighbouring_gaps() {
        let mut payload = Payload::new(100);
        payload.push(b"ab");
        payload.skip(Some(3));
        payload.skip(Some(2));
        payload.push(b"cd");
        payload.skip(None);
        assert_eq!(payload.bytes(), b"abcd");
        assert_eq!(
            payload.missing(),
            [Missing { offset: 2, length: Some(5) }, Missing { offset: 9, length: None }]
        );
    }

    #[test]
    fn text_beyond_the_limit_is_checked_all_the_same() {
        let key = [1, 2, 3, 4];
        let mut bytes = "ab我是".repeat(900).into_bytes();
        bytes[7100] = 0xff;
        let mut masked = bytes.clone();
        unmask(&mut masked, key, 0);
        let mut payload = Payload::new(3);
        payload.clear(true);
        payload.push_masked(&masked[..5], key, 0);
        payload.push_masked(&masked[5..], key, 5);
        payload.trim_cut_character();
        let bad = std::str::from_utf8(&bytes).unwrap_err().valid_up_to() as u64;
        assert_eq!((payload.utf8().unwrap().finish(), payload.bytes()), (Some(bad), &b"ab"[..]));
        assert_eq!(payload.truncated_to(), Some(2));
    }

    #[test]
    fn bounds_the_number_of_gaps() {
        let mut payload = Payload::new(1 << 20);
        for _ in 0..MAX_MISSING * 2 {
            payload.skip(Some(1));
            payload.push(b"x");
        }
        assert_eq!(payload.missing().len(), MAX_MISSING);
        assert_eq!(payload.length(), MAX_MISSING as u64 * 4);
        let missing: u64 = payload.missing().iter().filter_map(|missing| missing.length).sum();
        assert_eq!(missing + payload.bytes().len() as u64, payload.length());
        assert_eq!(payload.withheld(), MAX_MISSING as u64 + 1);
        payload.clear(false);
        assert_eq!(payload.withheld(), 0);
    }
}
