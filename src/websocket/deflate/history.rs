use super::stop::Stop;
use crate::websocket::Payload;

/// The maximum distance of a back-reference: deflate's largest window (RFC 1951 §2).
pub(super) const REACH: usize = 32 * 1024;

/// The maximum length of a back-reference (RFC 1951 §3.2.5).
pub(super) const LONGEST: usize = 258;

/// The size of the buffer beyond [`REACH`], so that it is moved down only occasionally and not for each message.
const SLACK: usize = 16 * 1024;
const MOST: usize = REACH + SLACK;
const LEAST: usize = 1024;

/// The end of the inflated output of one side: the window, with a mark for each unknown byte.
///
/// Both inflaters append to it, and their output is copied from here into the message's [`Payload`]. It grows as
/// needed, never beyond 48 KiB, plus 6 KiB of marks if bytes are unknown.
///
/// The marks are a bitmap that ends with the last unknown byte, so that known bytes cost nothing.
#[derive(Debug)]
pub(super) struct History {
    /// The bytes up to `end`, and spare room after them. All of it is initialised, because the library's wrapper would
    /// otherwise clear it each time, which costs more than a small message.
    bytes: Vec<u8>,
    end: usize,
    unknown: Vec<u64>,
    /// One past the last unknown byte.
    unknown_end: usize,
    /// Whether unknown bytes precede the first one here.
    unknown_before: bool,
    /// The number of bytes already copied into a payload.
    shown: usize,
    /// The start of the current message, as far as it is still here.
    message: usize,
}

impl History {
    /// Creates an empty history; `unknown` means that unknown earlier bytes can be referred to.
    pub(super) const fn new(unknown: bool) -> Self {
        History {
            bytes: Vec::new(),
            end: 0,
            unknown: Vec::new(),
            unknown_end: 0,
            unknown_before: unknown,
            shown: 0,
            message: 0,
        }
    }

    /// Resets it to the state of [`Self::new`].
    pub(super) fn clear(&mut self, unknown: bool) {
        self.unknown.clear();
        (self.end, self.unknown_end, self.unknown_before, self.shown, self.message) = (0, 0, unknown, 0, 0);
    }

    /// Notes that a message begins.
    pub(super) fn begin_message(&mut self) {
        (self.shown, self.message) = (self.end, self.end);
    }

    /// Returns whether every byte within reach of a reference is known.
    pub(super) fn is_known(&self) -> bool {
        self.end.saturating_sub(self.unknown_end) >= REACH || (!self.unknown_before && self.unknown_end == 0)
    }

    /// Drops the marks of bytes beyond the reach of any reference; requires [`Self::is_known`].
    pub(super) fn forget_marks(&mut self) {
        self.unknown = Vec::new();
        (self.unknown_end, self.unknown_before) = (0, false);
    }

    /// Returns the known window, to be used as the library's dictionary.
    pub(super) fn window(&self) -> &[u8] {
        self.since(self.end.saturating_sub(REACH))
    }

    pub(super) const fn len(&self) -> usize {
        self.end
    }

    /// Returns the bytes from `start` on.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.end).unwrap_or_default()
    }

    /// Truncates the history to `length`; the removed bytes must not have been copied yet.
    pub(super) fn truncate(&mut self, length: usize) {
        self.end = self.end.min(length);
        self.unknown_end = self.unknown_end.min(length);
    }

    /// Returns the spare room after the end, to be written to before [`Self::advance`].
    pub(super) fn spare(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Appends the first `count` bytes of [`Self::spare`].
    pub(super) fn advance(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
    }

    /// Returns how many bytes fit before [`Self::make_room`] is needed.
    pub(super) const fn room(&self) -> usize {
        self.bytes.len().saturating_sub(self.end)
    }

    /// Makes room for at least 1 KiB by growing, or by dropping bytes out of reach; all bytes must have been copied.
    pub(super) fn make_room(&mut self) {
        if self.room() >= LEAST {
            return;
        }
        if self.bytes.len() < MOST {
            let wanted = self.bytes.len().saturating_mul(2).max(self.end.saturating_add(LEAST)).min(MOST);
            self.bytes.reserve_exact(wanted.saturating_sub(self.bytes.len()));
            self.bytes.resize(wanted, 0);
        }
        if self.room() < LEAST {
            self.drop_old();
        }
    }

    /// Releases the memory of bytes out of reach.
    pub(super) fn shrink(&mut self) {
        self.drop_old();
        // A copy leaves the old block intact for the next side that needs one; shrinking in place would leave a gap too
        // small to be useful.
        self.bytes = self.bytes.get(..self.end).unwrap_or_default().to_vec();
        self.unknown.shrink_to_fit();
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.bytes.capacity().saturating_add(self.unknown.capacity().saturating_mul(8))
    }

    /// Appends one known byte; there must be room.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.end) {
            *slot = byte;
            self.end = self.end.wrapping_add(1);
        }
    }

    /// Appends known bytes; there must be room.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if let Some(slots) = self.spare().get_mut(..bytes.len()) {
            slots.copy_from_slice(bytes);
            self.advance(bytes.len());
        }
    }

    /// Returns whether a reference reaches back before the current message.
    pub(super) fn before_message(&self, distance: usize) -> bool {
        distance > self.end.saturating_sub(self.message)
    }

    /// Appends the target of a back-reference, including its marks, and returns whether all of it is known.
    ///
    /// Returns `None` for a reference to before the beginning of a stream that was captured from its start. `distance`
    /// is at least 1, and there must be room.
    pub(super) fn copy(&mut self, distance: usize, length: usize) -> Option<bool> {
        let length = length.min(self.room());
        match self.end.checked_sub(distance) {
            Some(start) if start >= self.unknown_end => {
                self.copy_known(start, distance, length);
                Some(true)
            }
            Some(start) => Some(self.copy_marked(start, length)),
            None if self.unknown_before => {
                let before = distance.saturating_sub(self.end).min(length);
                self.push_unknown(before);
                self.copy_marked(0, length.saturating_sub(before));
                Some(false)
            }
            None => None,
        }
    }

    fn copy_known(&mut self, start: usize, distance: usize, length: usize) {
        let end = self.end.saturating_add(length);
        if let (1, Some(&byte)) = (distance, self.bytes.get(start)) {
            self.bytes.get_mut(self.end..end).unwrap_or_default().fill(byte);
            self.end = end;
            return;
        }
        // A reference may overlap its own output: the existing part repeats, doubling each time.
        while self.end < end {
            let piece = end.saturating_sub(self.end).min(self.end.saturating_sub(start));
            self.bytes.copy_within(start..start.saturating_add(piece), self.end);
            self.end = self.end.saturating_add(piece);
        }
    }

    fn copy_marked(&mut self, start: usize, length: usize) -> bool {
        let (mut from, mut left, mut known) = (start, length, true);
        while left > 0 {
            let (stop, unknown) = self.run(from, from.saturating_add(left).min(self.end));
            let piece = stop.saturating_sub(from);
            if unknown {
                known = false;
                self.push_unknown(piece);
            } else {
                self.bytes.copy_within(from..stop, self.end);
                self.end = self.end.saturating_add(piece);
            }
            (from, left) = (stop, left.saturating_sub(piece));
        }
        known
    }

    fn push_unknown(&mut self, count: usize) {
        let start = self.end;
        self.end = start.saturating_add(count);
        self.unknown_end = self.end;
        let words = self.end.div_ceil(64);
        if self.unknown.len() < words {
            self.unknown.resize(words, 0);
        }
        // Unknown bytes are never shown; they are zeroed so that they cannot contain earlier data.
        self.bytes.get_mut(start..self.end).unwrap_or_default().fill(0);
        for at in start..self.end {
            if let Some(word) = self.unknown.get_mut(at >> 6) {
                *word |= 1 << (at & 63);
            }
        }
    }

    fn is_unknown(&self, at: usize) -> bool {
        at < self.unknown_end && self.unknown.get(at >> 6).is_some_and(|word| word >> (at & 63) & 1 == 1)
    }

    /// Drops all except the last [`REACH`] bytes, in multiples of the bitmap's words.
    fn drop_old(&mut self) {
        let old = self.end.saturating_sub(REACH) & !63;
        if old == 0 {
            return;
        }
        self.bytes.copy_within(old..self.end, 0);
        self.end = self.end.saturating_sub(old);
        self.unknown.drain(..(old >> 6).min(self.unknown.len()));
        self.unknown_end = self.unknown_end.saturating_sub(old);
        self.shown = self.shown.saturating_sub(old);
        self.message = self.message.saturating_sub(old);
    }

    /// Copies new bytes into the payload, at most `left`, and subtracts their number from it.
    pub(super) fn show(&mut self, out: &mut Payload, left: &mut u64) -> Result<(), Stop> {
        let new = self.end.saturating_sub(self.shown);
        let count = new.min(usize::try_from(*left).unwrap_or(usize::MAX));
        let end = self.shown.saturating_add(count);
        while self.shown < end {
            let (stop, unknown) = self.run(self.shown, end);
            if unknown {
                out.skip(Some(stop.saturating_sub(self.shown) as u64));
            } else {
                out.push(self.bytes.get(self.shown..stop).unwrap_or_default());
            }
            self.shown = stop;
        }
        *left = left.saturating_sub(count as u64);
        if count < new { Err(Stop::Limit) } else { Ok(()) }
    }

    /// Returns the end of the run of equally marked bytes from `start`, at most `end`, and its mark.
    fn run(&self, start: usize, end: usize) -> (usize, bool) {
        let unknown = self.is_unknown(start);
        let mut at = start;
        while at < end {
            if at >= self.unknown_end {
                return (if unknown { at } else { end }, unknown);
            }
            let word = self.unknown.get(at >> 6).copied().unwrap_or(0) >> (at & 63);
            let same = if unknown { word.trailing_ones() } else { word.trailing_zeros() };
            let ahead = 64_usize.saturating_sub(at & 63);
            let same = (same as usize).min(ahead);
            at = at.saturating_add(same);
            if same < ahead {
                break;
            }
        }
        (at.min(end), unknown)
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // test data is small
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A reference implementation on a plain list of bytes, where `None` is unknown.
    fn naive_copy(bytes: &mut Vec<Option<u8>>, distance: usize, length: usize) {
        for _ in 0..length {
            let byte = bytes.len().checked_sub(distance).and_then(|at| bytes[at]);
            bytes.push(byte);
        }
    }

    fn laid_out(payload: &Payload) -> Vec<Option<u8>> {
        let mut known = payload.bytes().iter().copied();
        let mut all = Vec::new();
        for gap in payload.missing() {
            while (all.len() as u64) < gap.offset {
                all.push(Some(known.next().unwrap()));
            }
            all.extend(std::iter::repeat_n(None, gap.length.unwrap() as usize));
        }
        all.extend(known.map(Some));
        all
    }

    #[test]
    fn grows_to_what_is_used_and_no_further() {
        let (mut history, mut out, mut left) = (History::new(false), Payload::new(0), u64::MAX);
        assert_eq!(history.allocated(), 0);
        for round in 0..10_000 {
            history.show(&mut out, &mut left).unwrap();
            history.make_room();
            assert!(history.room() >= LEAST && history.allocated() <= MOST, "round {round}");
            history.extend(&[7; 300]);
            if round % 97 == 0 {
                // Copies everything, leaving a buffer of arbitrary size.
                history.show(&mut out, &mut left).unwrap();
                history.shrink();
            }
        }
        history.show(&mut out, &mut left).unwrap();
        history.shrink();
        assert!(history.len() >= REACH && history.allocated() < REACH + 64);
        assert_eq!(out.length(), 3_000_000);
    }

    #[test]
    fn shows_no_more_than_it_may() {
        let (mut history, mut out, mut left) = (History::new(false), Payload::new(100), 5);
        history.make_room();
        history.extend(b"hello");
        assert_eq!(history.show(&mut out, &mut left), Ok(()));
        history.extend(b"!");
        assert_eq!(history.show(&mut out, &mut left), Err(Stop::Limit));
        assert_eq!((out.bytes(), out.length()), (&b"hello"[..], 5));
    }

    #[test]
    fn a_reference_before_the_beginning_is_refused() {
        let mut history = History::new(false);
        history.make_room();
        history.extend(b"abc");
        assert_eq!((history.copy(4, 3), history.copy(3, 3)), (None, Some(true)));
    }

    proptest! {
        #[test]
        fn copies_marks_with_their_bytes(
            steps in prop::collection::vec((1..400_usize, 1..=LONGEST, any::<u8>(), any::<bool>()), 1..800),
        ) {
            let (mut history, mut naive) = (History::new(true), Vec::new());
            let (mut out, mut left) = (Payload::new(usize::MAX), u64::MAX);
            for (distance, length, byte, literal) in steps {
                history.make_room();
                let distance = distance * usize::from(byte).max(1) % REACH + 1;
                if literal {
                    history.push(byte);
                    naive.push(Some(byte));
                } else {
                    let from = naive.len();
                    let known = history.copy(distance, length).unwrap();
                    naive_copy(&mut naive, distance, length);
                    prop_assert_eq!(known, naive[from..].iter().all(Option::is_some));
                }
                history.show(&mut out, &mut left).unwrap();
            }
            if out.missing().len() < 1024 {
                prop_assert_eq!(laid_out(&out), naive.clone());
            }
            let known = naive.iter().rev().take(REACH).take_while(|byte| byte.is_some()).count();
            prop_assert_eq!(history.is_known(), known == REACH);
        }
    }
}
