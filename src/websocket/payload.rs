/// Is a range of a payload that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where it begins, in the whole payload.
    pub offset: u64,
    /// How long it is; `None` where that cannot be told, and then it is the last.
    pub length: Option<u64>,
}

/// Bounds how many separate missing ranges one message remembers; beyond it, the last ones are joined.
pub(super) const MAX_MISSING: usize = 1024;

/// Gathers one message's payload: the bytes that are known, up to a limit, and where others are missing.
///
/// Bytes beyond the limit are counted and dropped.
#[derive(Debug, Default)]
pub struct Payload {
    bytes: Vec<u8>,
    missing: Vec<Missing>,
    length: u64,
    limit: usize,
    truncated: bool,
}

impl Payload {
    /// Makes an empty payload that keeps at most `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Payload { bytes: Vec::new(), missing: Vec::new(), length: 0, limit, truncated: false }
    }

    /// Forgets the message and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.missing.clear();
        self.length = 0;
        self.truncated = false;
    }

    /// Gives memory back that is more than `most` bytes.
    pub fn shrink(&mut self, most: usize) {
        if self.bytes.capacity() > most {
            self.bytes.shrink_to(most);
        }
        if self.missing.capacity() > 8 {
            self.missing.shrink_to(8);
        }
    }

    /// Appends bytes that are known; those beyond the limit are only counted.
    pub fn push(&mut self, bytes: &[u8]) {
        let kept = self.room(bytes);
        self.bytes.extend_from_slice(kept);
    }

    /// Appends masked bytes, unmasking the kept ones; `phase` is the first byte's offset in its frame (RFC 6455 §5.3).
    pub fn push_masked(&mut self, bytes: &[u8], key: [u8; 4], phase: u64) {
        let kept = self.room(bytes);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(kept);
        if let Some(copy) = self.bytes.get_mut(start..) {
            super::mask::unmask(copy, key, phase);
        }
    }

    /// Notes that `length` bytes are missing here; `None` means that no one can tell how many, to the end.
    pub fn skip(&mut self, length: Option<u64>) {
        if length == Some(0) {
            return;
        }
        let (offset, full) = (self.length, self.missing.len() >= MAX_MISSING);
        self.length = self.length.saturating_add(length.unwrap_or(0));
        match self.missing.last_mut() {
            Some(last) if full || last.length.and_then(|n| last.offset.checked_add(n)) == Some(offset) => {
                last.length = length.and(Some(self.length.saturating_sub(last.offset)));
            }
            _ => self.missing.push(Missing { offset, length }),
        }
    }

    /// Returns the known bytes, one after the other without the missing ones.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns how many bytes the message has as far as known: kept, dropped and missing ones.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Returns where bytes are missing.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Returns how many bytes were kept, where the limit dropped others.
    pub fn truncated_to(&self) -> Option<u64> {
        self.truncated.then_some(self.bytes.len() as u64)
    }

    /// Returns how much memory it holds, in bytes.
    pub fn allocated(&self) -> usize {
        self.bytes.capacity().saturating_add(self.missing.capacity().saturating_mul(size_of::<Missing>()))
    }

    fn room<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let room = if self.truncated { 0 } else { self.limit.saturating_sub(self.bytes.len()) };
        match bytes.split_at_checked(room) {
            Some((kept, dropped)) => {
                self.truncated |= !dropped.is_empty();
                kept
            }
            None => bytes,
        }
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
    fn joins_neighbouring_holes() {
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
    fn bounds_the_number_of_holes() {
        let mut payload = Payload::new(1 << 20);
        for _ in 0..MAX_MISSING * 2 {
            payload.skip(Some(1));
            payload.push(b"x");
        }
        assert_eq!(payload.missing().len(), MAX_MISSING);
        assert_eq!(payload.length(), MAX_MISSING as u64 * 4);
    }
}
