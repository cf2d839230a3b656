use super::buffer::SearchBuffer;
use crate::websocket::close::may_be_sent;
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Utf8};

/// The last frames of a chain.
///
/// Repetitive data, such as samples of a constant tone or pixels of one colour, contains apparent headers again and
/// again, each of which leads to the next: a repetition is no further evidence in itself. That it begins at a segment
/// boundary still is, so a constant heartbeat with one segment per frame is nevertheless found.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    frames: [Option<(Look, Header)>; 4],
    next: usize,
}

/// The appearance of a frame: its header and the first bytes of its payload.
#[derive(Clone, Copy, Debug)]
enum Look {
    Held(usize),
    /// A hash of bytes no longer held.
    Dropped(u64),
}

impl Before {
    /// Returns the maximum number of bits that the frame at `at` may add, depending on how much it differs from the
    /// last ones.
    pub(super) fn novelty(&mut self, buffer: &SearchBuffer, at: usize, header: &Header) -> u32 {
        const SAME_HEADER: u32 = 4;
        let mut most = u32::MAX;
        for (look, earlier) in self.frames.iter().flatten() {
            let same_key = header.mask.is_some() && header.mask == earlier.mask;
            let alike = like(header) == like(earlier);
            let bytes = looked_at(buffer, at, header);
            let same = match *look {
                Look::Held(place) => bytes == looked_at(buffer, place, earlier),
                Look::Dropped(hash) => alike && hash == hashed(bytes),
            };
            if same {
                return 0;
            }
            if same_key || alike && header.mask.is_none() {
                most = SAME_HEADER;
            }
        }
        if let Some(slot) = self.frames.get_mut(self.next) {
            *slot = Some((Look::Held(at), *header));
        }
        self.next = self.next.wrapping_add(1).checked_rem(self.frames.len()).unwrap_or(0);
        most
    }

    /// Shifts all positions down by `shift`, because the bytes before that are dropped.
    fn drop_first(&mut self, buffer: &SearchBuffer, shift: usize) {
        for (look, header) in self.frames.iter_mut().flatten() {
            if let Look::Held(place) = *look {
                *look = place
                    .checked_sub(shift)
                    .map_or_else(|| Look::Dropped(hashed(looked_at(buffer, place, header))), Look::Held);
            }
        }
    }
}

/// Returns the parts of a header that similar frames share.
const fn like(header: &Header) -> (bool, u8, Opcode, u64) {
    (header.fin, header.rsv, header.opcode, header.length)
}

fn looked_at<'g>(buffer: &'g SearchBuffer, at: usize, header: &Header) -> &'g [u8] {
    const LOOK: usize = 256;
    let body = usize::try_from(header.length).unwrap_or(LOOK).min(LOOK);
    let (length, known) = (body.saturating_add(usize::from(header.header_length)), buffer.from(at));
    known.get(..length).unwrap_or(known)
}

/// Hashes bytes without protection against attacks; different bytes practically never collide.
fn hashed(bytes: &[u8]) -> u64 {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(bytes)
}

/// A sequence of adjacent frames, and the evidence for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// The position of its next frame.
    pub(super) next: usize,
    pub(super) bits: u32,
    pub(super) masked: Option<bool>,
    /// The number of frame boundaries, including the end of all bytes, that are segment boundaries.
    pub(super) aligned: u32,
    /// The number of frames, and the number that begin at segment boundaries.
    pub(super) frames: u32,
    pub(super) begun: u32,
    /// The number of segments it spans, counted up to the position `counted`.
    pub(super) crossed: usize,
    counted: usize,
    /// Whether the last frame extends beyond the available bytes.
    pub(super) open: bool,
    /// The first frame, if it begins a fragmented message directly after a gap and its header alone is weak evidence.
    pub(super) opening: Option<usize>,
    /// The first frame certain enough to be shown, and the evidence for it and those before it.
    pub(super) first_trusted: Option<usize>,
    trust: u32,
    last: Option<(usize, (bool, u8, Opcode, u64))>,
    /// The last frames that are exactly one segment each: the position of the first one, and their number.
    pub(super) segments: Option<(usize, u32)>,
    /// Whether a message is unfinished.
    unfinished: Option<bool>,
    pub(super) before: Before,
}

impl Chain {
    /// Creates a chain starting at `next`.
    pub(super) fn at(next: usize) -> Self {
        Chain { next, counted: next, ..Chain::default() }
    }

    /// Returns whether its sender aligned frames to segments, a few per segment; a single one, or one of many, may be a
    /// coincidence.
    pub(super) const fn is_in_segments(&self) -> bool {
        const A_SEGMENT: u32 = 4;
        self.begun >= 2 && self.begun.saturating_mul(A_SEGMENT) >= self.frames
    }

    /// Adds the evidence for a single frame.
    ///
    /// Right before real frames, other data may contain an apparent header that happens to end where they begin: the
    /// evidence of the chain is not its own. In noise, this happens before one in forty real frames, so every link
    /// counts as five bits; the first frame shown needs more than two of them, or some evidence of its own.
    pub(super) fn trust(&mut self, begin: usize, header: &Header, evidence: u32) {
        const LINK: u32 = 5;
        const KIN: u32 = 8;
        const ENOUGH: u32 = 11;
        let like = like(header);
        // A coincidence resembles the frame that follows only if its length matches by chance.
        let kin = self.last.filter(|(_, last)| *last == like);
        let bits = LINK.saturating_add(evidence).saturating_add(if kin.is_some() { KIN } else { 0 });
        self.trust = self.trust.saturating_add(bits);
        if self.first_trusted.is_none() && self.trust >= ENOUGH {
            self.first_trusted = Some(kin.map_or(begin, |(before, _)| before));
        }
        self.last = Some((begin, like));
    }

    /// Counts a continuation frame: it confirms the header of the first frame, if that began the message directly after
    /// the gap.
    pub(super) fn continues(&mut self) {
        if let Some(opening) = self.opening.take() {
            self.first_trusted = Some(opening);
        }
    }

    /// Counts a frame that is exactly one segment.
    ///
    /// If several consecutive ones are, the sender writes one segment per frame: none of them is a coincidence.
    pub(super) fn count_segment(&mut self, begin: usize) {
        const ENOUGH: u32 = 3;
        let (first, count) =
            self.segments.map_or((begin, 1), |(first, count)| (first, count.saturating_add(1)));
        self.segments = Some((first, count));
        if count >= ENOUGH {
            self.first_trusted = Some(self.first_trusted.map_or(first, |trusted| trusted.min(first)));
        }
    }

    /// Returns whether its messages can continue with this frame, and records whether one is then unfinished.
    pub(super) fn goes_on_with(&mut self, header: &Header) -> bool {
        if header.opcode.is_control() {
            return true;
        }
        let continues = header.opcode == Opcode::CONTINUATION;
        let unfinished = self.unfinished.replace(!header.fin);
        unfinished.is_none_or(|unfinished| unfinished == continues)
    }

    /// Counts the segments it spans, as far as `upto`.
    pub(super) fn cross(&mut self, buffer: &SearchBuffer, upto: usize) {
        let upto = upto.min(self.next);
        if upto > self.counted {
            self.crossed = self.crossed.saturating_add(buffer.boundaries(self.counted, upto));
            self.counted = upto;
        }
    }

    /// Shifts all positions down by `shift`, because the bytes before that are dropped; the next frame is after them.
    pub(super) fn drop_first(&mut self, buffer: &SearchBuffer, shift: usize) {
        let moved = |place: usize| place.saturating_sub(shift);
        self.first_trusted = self.first_trusted.map(|place| moved(place.max(self.next)));
        self.next = moved(self.next);
        self.counted = moved(self.counted);
        self.opening = None;
        self.last = self.last.map(|(_, like)| (self.next, like));
        self.segments = self.segments.map(|(_, count)| (self.next, count));
        self.before.drop_first(buffer, shift);
    }

    /// Counts a frame boundary that is a segment boundary.
    pub(super) fn align(&mut self, bits: u32) {
        self.aligned = self.aligned.saturating_add(1);
        self.bits = self.bits.saturating_add(bits);
    }
}

/// The number of bits from which a header is unlikely to be a coincidence; others count little and get no bonus.
pub(super) const WEIGHTY: u32 = 5;
/// The maximum number of bits for a frame that begins, or ends the available bytes, at a segment boundary.
pub(super) const ALIGNED: u32 = 6;
/// The maximum number of consecutive headers below [`WEIGHTY`], so that zeros are refuted soon.
pub(super) const MAX_WEIGHTLESS: u32 = 8;
/// The maximum number of consecutive frames that are repetitions and not aligned to segments.
pub(super) const MAX_REPEATED: u32 = 24;
/// The maximum number of frames to follow from a candidate, so that data crafted to look like frames costs little.
pub(super) const MAX_FRAMES: u32 = 256;

/// The bound on the number of frames followed in one scan.
///
/// Each candidate may follow a few; those beyond are shared by all.
pub(super) struct Budget {
    long: usize,
}

impl Budget {
    /// Creates the budget for a scan of `bytes` bytes.
    pub(super) const fn new(bytes: usize) -> Self {
        Budget { long: bytes }
    }

    /// Takes one more frame for a candidate that has followed `frames`; returns `false` if none is left.
    pub(super) fn take(&mut self, frames: u32) -> bool {
        if frames > MAX_WEIGHTLESS {
            let Some(rest) = self.long.checked_sub(1) else { return false };
            self.long = rest;
        }
        true
    }

    /// Returns the frames taken by a candidate that followed `frames` and will never be followed again.
    pub(super) fn give_back(&mut self, frames: u32) {
        self.long = self.long.saturating_add(frames.saturating_sub(MAX_WEIGHTLESS + 1) as usize);
    }
}

/// Returns the bits of evidence in a payload; `None` if it refutes its header.
pub(super) fn confirm(header: &Header, payload: &[u8], whole: bool) -> Option<u32> {
    const LOOK: usize = 256;
    let mut buffer = [0; LOOK];
    let copy = buffer.get_mut(..payload.len().min(LOOK))?;
    copy.copy_from_slice(payload.get(..copy.len())?);
    if let Some(key) = header.mask {
        unmask(copy, key, 0);
    }
    let all = whole && copy.len() == payload.len();
    match header.opcode {
        Opcode::CLOSE if header.length == 1 => None,
        Opcode::CLOSE if copy.len() >= 2 => {
            let (code, reason) = copy.split_first_chunk()?;
            let code = u16::from_be_bytes(*code);
            let legal: u32 = if code < 3000 { 8 } else { 5 };
            let text = at_most(8, reason.len() / 2);
            (may_be_sent(code) && is_utf8(reason, all)).then_some(legal.saturating_add(text))
        }
        Opcode::TEXT if header.rsv == 0 => {
            // Unmasked text is common in plain streams; text that appears by unmasking is not a coincidence. But data
            // that repeats after four bytes unmasks itself to zeros.
            let most = match header.mask {
                _ if !may_be_text(copy) => 0,
                Some(_) => 24,
                None => 8,
            };
            is_utf8(copy, all && header.fin).then_some(at_most(most, copy.len() / 2))
        }
        Opcode::PING | Opcode::PONG if copy.iter().all(|byte| (b' '..0x7f).contains(byte)) => {
            // Three of eight byte values are printable.
            let most = if header.mask.is_some() { 12 } else { 4 };
            Some(at_most(most, copy.len().saturating_mul(3) / 2))
        }
        _ => Some(0),
    }
}

/// Returns whether the bytes are valid UTF-8; an incomplete last character is allowed unless they are `whole`.
fn is_utf8(bytes: &[u8], whole: bool) -> bool {
    let mut utf8 = Utf8::default();
    utf8.push(bytes);
    let bad = if whole { utf8.finish() } else { utf8.bad() };
    bad.is_none()
}

/// Returns whether the bytes contain no control characters, which do not occur in text.
pub(super) fn may_be_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte >= b' ' || byte.is_ascii_whitespace())
}

/// Converts a length to bits, but no more than `most`.
fn at_most(most: u32, bits: usize) -> u32 {
    u32::try_from(bits).unwrap_or(most).min(most)
}
