use super::gathered::SearchBuffer;
use crate::websocket::close::may_be_sent;
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Utf8};

/// A memory of the last frames of a chain.
///
/// Data that repeats itself, samples of an even tone or pixels of one colour, holds what passes for a header again and
/// again, and each lands on the next: what was seen before is no further evidence in itself. That it begins where a
/// segment does still is: so a heartbeat that says the same each time, a segment each, is found all the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    frames: [Option<(Look, Header)>; 4],
    next: usize,
}

/// The look of a frame: its header and the first bytes of its payload.
#[derive(Clone, Copy, Debug)]
enum Look {
    Held(usize),
    /// A hash of what is no longer held.
    Dropped(u64),
}

impl Before {
    /// Returns how many bits the frame at `at` may add at most, for all that it says anew.
    pub(super) fn news(&mut self, gathered: &SearchBuffer, at: usize, header: &Header) -> u32 {
        const SAME_HEADER: u32 = 4;
        let mut most = u32::MAX;
        for (look, earlier) in self.frames.iter().flatten() {
            let same_key = header.mask.is_some() && header.mask == earlier.mask;
            let alike = like(header) == like(earlier);
            let bytes = looked_at(gathered, at, header);
            let same = match *look {
                Look::Held(place) => bytes == looked_at(gathered, place, earlier),
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

    /// Moves to where all places are `shift` less, for what stood before is dropped.
    fn drop_first(&mut self, gathered: &SearchBuffer, shift: usize) {
        for (look, header) in self.frames.iter_mut().flatten() {
            if let Look::Held(place) = *look {
                *look = place
                    .checked_sub(shift)
                    .map_or_else(|| Look::Dropped(hashed(looked_at(gathered, place, header))), Look::Held);
            }
        }
    }
}

/// Returns what of a header other frames of its kind have in common with it.
const fn like(header: &Header) -> (bool, u8, Opcode, u64) {
    (header.fin, header.rsv, header.opcode, header.length)
}

fn looked_at<'g>(gathered: &'g SearchBuffer, at: usize, header: &Header) -> &'g [u8] {
    const LOOK: usize = 256;
    let body = usize::try_from(header.length).unwrap_or(LOOK).min(LOOK);
    let (length, known) = (body.saturating_add(usize::from(header.header_length)), gathered.from(at));
    known.get(..length).unwrap_or(known)
}

/// Hashes what need not withstand anyone: two that differ are as good as never taken for the same.
fn hashed(bytes: &[u8]) -> u64 {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(bytes)
}

/// A run of frames, each of which begins where the one before ends, and what speaks for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// Where its next frame begins.
    pub(super) next: usize,
    pub(super) bits: u32,
    pub(super) masked: Option<bool>,
    /// How many frames begin, or end the bytes there are, where a segment does.
    pub(super) aligned: u32,
    /// How many frames there are, and how many begin where a segment does.
    pub(super) frames: u32,
    pub(super) begun: u32,
    /// How many segments it goes on through, of those counted: up to this place.
    pub(super) crossed: usize,
    counted: usize,
    /// The last frame goes on beyond the bytes there are.
    pub(super) open: bool,
    /// The first frame that is worth showing, and what spoke for it and those before it.
    pub(super) first_trusted: Option<usize>,
    trust: u32,
    last: Option<(usize, (bool, u8, Opcode, u64))>,
    /// The last frames that are a segment each: where the first one begins, and how many.
    pub(super) segments: Option<(usize, u32)>,
    /// A message is unfinished.
    unfinished: Option<bool>,
    pub(super) before: Before,
}

impl Chain {
    /// Begins a chain.
    pub(super) fn at(next: usize) -> Self {
        Chain { next, counted: next, ..Chain::default() }
    }

    /// Returns whether its sender made segments of its frames, a few a segment: neither one nor one of many is by accident.
    pub(super) const fn is_in_segments(&self) -> bool {
        const A_SEGMENT: u32 = 4;
        self.begun >= 2 && self.begun.saturating_mul(A_SEGMENT) >= self.frames
    }

    /// Counts what speaks for one frame alone.
    ///
    /// Right before real frames, other data may hold what passes for a header and happens to end where they begin:
    /// the evidence of the chain is not its own. In noise, that is so before one in forty real frames, so every link
    /// counts as five bits; what is shown as the first frame needs more than two of them, or some evidence of its own.
    pub(super) fn trust(&mut self, begin: usize, header: &Header, evidence: u32) {
        const LINK: u32 = 5;
        const KIN: u32 = 8;
        const ENOUGH: u32 = 11;
        let like = like(header);
        // An accident looks like the frame behind it only where that has a length by chance.
        let kin = self.last.filter(|(_, last)| *last == like);
        let bits = LINK.saturating_add(evidence).saturating_add(if kin.is_some() { KIN } else { 0 });
        self.trust = self.trust.saturating_add(bits);
        if self.first_trusted.is_none() && self.trust >= ENOUGH {
            self.first_trusted = Some(kin.map_or(begin, |(before, _)| before));
        }
        self.last = Some((begin, like));
    }

    /// Counts a frame that is exactly one segment.
    ///
    /// Where one after the other is, its sender makes a segment of each: none of them is an accident.
    pub(super) fn count_segment(&mut self, begin: usize) {
        const ENOUGH: u32 = 3;
        let (first, count) =
            self.segments.map_or((begin, 1), |(first, count)| (first, count.saturating_add(1)));
        self.segments = Some((first, count));
        if count >= ENOUGH {
            self.first_trusted = Some(self.first_trusted.map_or(first, |trusted| trusted.min(first)));
        }
    }

    /// Returns whether its messages can go on with this frame, and remembers whether one is unfinished then.
    pub(super) fn goes_on_with(&mut self, header: &Header) -> bool {
        if header.opcode.is_control() {
            return true;
        }
        let continues = header.opcode == Opcode::CONTINUATION;
        let unfinished = self.unfinished.replace(!header.fin);
        unfinished.is_none_or(|unfinished| unfinished == continues)
    }

    /// Counts the segments it goes on through, as far as `upto`.
    pub(super) fn cross(&mut self, gathered: &SearchBuffer, upto: usize) {
        let upto = upto.min(self.next);
        if upto > self.counted {
            self.crossed = self.crossed.saturating_add(gathered.boundaries(self.counted, upto));
            self.counted = upto;
        }
    }

    /// Moves to where all places are `shift` less, for what stood before is dropped; its next frame does not.
    pub(super) fn drop_first(&mut self, gathered: &SearchBuffer, shift: usize) {
        let moved = |place: usize| place.saturating_sub(shift);
        self.first_trusted = self.first_trusted.map(|place| moved(place.max(self.next)));
        self.next = moved(self.next);
        self.counted = moved(self.counted);
        self.last = self.last.map(|(_, like)| (self.next, like));
        self.segments = self.segments.map(|(_, count)| (self.next, count));
        self.before.drop_first(gathered, shift);
    }

    /// Counts an edge of a frame that is one of a segment.
    pub(super) fn align(&mut self, bits: u32) {
        self.aligned = self.aligned.saturating_add(1);
        self.bits = self.bits.saturating_add(bits);
    }
}

/// A header of so many bits is unlikely to be an accident; others count little and get no bonus.
pub(super) const WEIGHTY: u32 = 5;
/// How many bits it is worth at most that a frame begins, or all bytes end, where a segment does.
pub(super) const ALIGNED: u32 = 6;
/// Bounds how many headers without weight may follow one another, so that zeros are soon refuted.
pub(super) const MAX_WEIGHTLESS: u32 = 8;
/// Bounds how many frames may follow one another that say nothing new and begin at no segment's edge.
pub(super) const MAX_REPEATED: u32 = 24;
/// Bounds how far a candidate is followed, so that data made to look like frames costs little.
pub(super) const MAX_FRAMES: u32 = 256;

/// The bound of the frames that are followed in one scan.
///
/// Each candidate may be followed through a few; what goes beyond them is shared by all.
pub(super) struct Budget {
    long: usize,
}

impl Budget {
    /// Makes the one of a scan of so many bytes.
    pub(super) const fn new(bytes: usize) -> Self {
        Budget { long: bytes }
    }

    /// Takes one more frame after so many of a candidate; `false` where none is left.
    pub(super) fn take(&mut self, frames: u32) -> bool {
        if frames > MAX_WEIGHTLESS {
            let Some(rest) = self.long.checked_sub(1) else { return false };
            self.long = rest;
        }
        true
    }

    /// Takes back what a candidate of so many frames took that will never be followed again.
    pub(super) fn give_back(&mut self, frames: u32) {
        self.long = self.long.saturating_add(frames.saturating_sub(MAX_WEIGHTLESS + 1) as usize);
    }
}

/// Looks into a payload for what speaks for it; `None` where it refutes its header.
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
            // Plain text abounds in plain streams; text that appears by unmasking is no accident. But data that
            // repeats itself after four bytes unmasks itself to zeros.
            let most = match header.mask {
                _ if !may_be_text(copy) => 0,
                Some(_) => 24,
                None => 8,
            };
            is_utf8(copy, all && header.fin).then_some(at_most(most, copy.len() / 2))
        }
        Opcode::PING | Opcode::PONG if copy.iter().all(|byte| (b' '..0x7f).contains(byte)) => {
            // Three of eight bytes can be printed.
            let most = if header.mask.is_some() { 12 } else { 4 };
            Some(at_most(most, copy.len().saturating_mul(3) / 2))
        }
        _ => Some(0),
    }
}

/// Returns whether bytes are UTF-8, as far as they go; if they are `whole`, none of a last character may be missing.
fn is_utf8(bytes: &[u8], whole: bool) -> bool {
    let mut utf8 = Utf8::default();
    utf8.push(bytes);
    let bad = if whole { utf8.finish() } else { utf8.bad() };
    bad.is_none()
}

/// Returns whether bytes hold nothing that does not occur in text: control characters.
pub(super) fn may_be_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte >= b' ' || byte.is_ascii_whitespace())
}

/// Makes so many bits, but no more than `most`, of what grows with a length.
fn at_most(most: u32, bits: usize) -> u32 {
    u32::try_from(bits).unwrap_or(most).min(most)
}
