use super::Search;
use super::gathered::Gathered;
use crate::websocket::close::may_be_sent;
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Utf8};

/// Remembers the last frames of a chain.
///
/// Data that repeats itself, samples of an even tone or pixels of one colour, holds what passes for a header again and
/// again, and each lands on the next: what was seen before is no further evidence in itself. That it begins where a
/// segment does still is: so a heartbeat that says the same each time, a segment each, is found all the same.
#[derive(Default)]
struct Before {
    frames: [Option<(usize, Header)>; 4],
    next: usize,
}

impl Before {
    /// Returns how many bits the frame at `at` may add at most, for all that it says anew.
    fn news(&mut self, gathered: &Gathered, at: usize, header: &Header) -> u32 {
        const LOOK: usize = 256;
        const SAME_HEADER: u32 = 4;
        let frame = |at: usize, header: &Header| {
            let body = usize::try_from(header.length).unwrap_or(LOOK).min(LOOK);
            let (length, known) = (body.saturating_add(usize::from(header.header_length)), gathered.from(at));
            known.get(..length).unwrap_or(known)
        };
        let mut most = u32::MAX;
        for (start, earlier) in self.frames.iter().flatten() {
            let same_key = header.mask.is_some() && header.mask == earlier.mask;
            let alike = (header.fin, header.rsv, header.opcode, header.length)
                == (earlier.fin, earlier.rsv, earlier.opcode, earlier.length);
            if frame(at, header) == frame(*start, earlier) {
                return 0;
            }
            if same_key || alike && header.mask.is_none() {
                most = SAME_HEADER;
            }
        }
        if let Some(slot) = self.frames.get_mut(self.next) {
            *slot = Some((at, *header));
        }
        self.next = self.next.wrapping_add(1).checked_rem(self.frames.len()).unwrap_or(0);
        most
    }
}

/// Is a candidate and what speaks for it.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) bits: u32,
    pub(super) masked: bool,
    /// How many frames begin, or end the bytes there are, where a segment does.
    pub(super) aligned: u32,
    /// How many segments it goes on through.
    pub(super) crossed: usize,
    /// The last frame goes on beyond the bytes there are.
    pub(super) open: bool,
    /// The first frame that is worth showing, and what spoke for those before it.
    pub(super) first_trusted: Option<usize>,
    trust: u32,
}

impl Chain {
    /// Counts what speaks for one frame alone.
    ///
    /// Right before real frames, other data may hold what passes for a header and happens to end where they begin:
    /// the evidence of the chain is not its own. So the first frame of a chain is shown only where enough speaks for
    /// itself; the chance that two in a row are such accidents is small enough.
    fn trust(&mut self, begin: usize, bits: u32) {
        const LANDS: u32 = 6;
        const ENOUGH: u32 = 19;
        self.trust = self.trust.saturating_add(bits).saturating_add(LANDS);
        if self.first_trusted.is_none() && self.trust >= ENOUGH {
            self.first_trusted = Some(begin);
        }
    }

    fn align(&mut self) {
        const BITS: u32 = 6;
        self.aligned = self.aligned.saturating_add(1);
        self.bits = self.bits.saturating_add(BITS);
    }
}

/// A header of so many bits is unlikely to be an accident; others count little and get no bonus.
const WEIGHTY: u32 = 5;
/// Bounds how many headers without weight may follow one another, so that zeros are soon dismissed.
const MAX_WEIGHTLESS: u32 = 16;
/// Bounds how many frames may follow one another that say nothing new and begin at no segment's edge.
const MAX_REPEATED: u32 = 64;
/// Bounds how far a candidate is followed, so that data made to look like frames costs little.
const MAX_FRAMES: u32 = 256;

/// Bounds the frames that are followed in one scan.
///
/// Each candidate may be followed through a few; what goes beyond them is shared by all.
pub(super) struct Budget {
    pub(super) long: usize,
    pub(super) followed: usize,
}

impl Budget {
    /// Takes one more frame after so many of a candidate; `false` where none is left.
    fn take(&mut self, frames: u32) -> bool {
        if frames > MAX_WEIGHTLESS {
            let Some(rest) = self.long.checked_sub(1) else { return false };
            self.long = rest;
        }
        self.followed = self.followed.saturating_add(1);
        true
    }
}

/// Looks into a payload for what speaks for it; `None` where it refutes its header.
fn confirm(header: &Header, payload: &[u8], whole: bool) -> Option<u32> {
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
            let code = u16::from_be_bytes(*copy.first_chunk()?);
            may_be_sent(code).then_some(8)
        }
        Opcode::TEXT if header.rsv == 0 => {
            let mut utf8 = Utf8::default();
            utf8.push(copy);
            let bad = if all && header.fin { utf8.finish() } else { utf8.bad() };
            // Plain text abounds in plain streams; text that appears by unmasking is no accident. But data that
            // repeats itself after four bytes unmasks itself to zeros.
            let control = copy.iter().any(|byte| *byte < b' ' && !byte.is_ascii_whitespace());
            let most = match header.mask {
                _ if control => 0,
                Some(_) => 24,
                None => 8,
            };
            let bits = u32::try_from(copy.len() / 2).unwrap_or(most).min(most);
            bad.is_none().then_some(bits)
        }
        _ => Some(0),
    }
}

impl Search {
    /// Follows the frames that would begin at `start`; `None` where one is illegal or they can never convince, whatever
    /// bytes may still come.
    pub(super) fn follow(&self, start: usize, budget: &mut Budget) -> Option<Chain> {
        let mut chain = Chain::default();
        let mut at = start;
        let mut message: Option<bool> = None;
        let (mut frames, mut weightless, mut repeated) = (0_u32, 0_u32, 0_u32);
        let mut before = Before::default();
        let end = self.gathered.end();
        while frames < MAX_FRAMES && repeated < MAX_REPEATED {
            if !budget.take(frames) {
                chain.crossed = self.gathered.boundaries(start, at);
                return Some(chain);
            }
            let rest = self.gathered.from(at);
            let Some(header) = Header::parse(rest) else { break };
            let masked =
                self.masked.unwrap_or(if at == start { header.mask.is_some() } else { chain.masked });
            if header.mask.is_some() != masked {
                return None;
            }
            chain.masked = masked;
            let weight = self.weigh(&header)?;
            weightless = if weight < WEIGHTY { weightless.saturating_add(1) } else { 0 };
            if weightless > MAX_WEIGHTLESS {
                return None;
            }
            let news = before.news(&self.gathered, at, &header);
            let counted = chain.bits;
            let aligned = weight >= WEIGHTY && self.gathered.is_boundary(at);
            if aligned {
                chain.align();
            }
            repeated = if news == 0 && !aligned { repeated.saturating_add(1) } else { 0 };
            if !header.opcode.is_control() {
                let continues = header.opcode == Opcode::CONTINUATION;
                if message.is_some_and(|open| open != continues) {
                    return None;
                }
                message = Some(!header.fin);
            }
            let body = rest.get(usize::from(header.header_length)..)?;
            let length = usize::try_from(header.length).ok()?;
            let known = body.get(..length.min(body.len()))?;
            let confirmed = confirm(&header, known, known.len() == length)?;
            if news > 0 {
                chain.bits = chain.bits.saturating_add(weight.min(news)).saturating_add(confirmed);
            }
            frames = frames.saturating_add(1);
            let next = at.saturating_add(usize::from(header.header_length)).saturating_add(length);
            chain.open = next > end;
            if weight >= WEIGHTY && next == end {
                chain.align();
            }
            if chain.bits > counted || news > 0 {
                chain.trust(at, chain.bits.saturating_sub(counted));
            }
            if chain.open {
                break;
            }
            at = next;
        }
        chain.crossed = self.gathered.boundaries(start, at);
        let bounded = frames >= MAX_FRAMES || repeated >= MAX_REPEATED;
        if (bounded || !chain.open && self.gathered.is_settled(at)) && chain.bits < self.hopeless() {
            // Never followed again, so what it took is not taken from others.
            budget.long = budget.long.saturating_add(frames as usize);
            return None;
        }
        Some(chain)
    }

    /// Weighs a header: how many bits of evidence it is; `None` where it is illegal.
    fn weigh(&self, header: &Header) -> Option<u32> {
        if !header.is_minimal() || header.opcode.is_reserved() || header.length > 1 << 40 {
            return None;
        }
        let starts = matches!(header.opcode, Opcode::TEXT | Opcode::BINARY);
        let compressed = header.rsv == 4 && self.rsv1 && starts;
        if header.rsv != 0 && !compressed {
            return None;
        }
        if header.opcode.is_control() && (!header.fin || header.length > 125) {
            return None;
        }
        // Zeros and small numbers abound in binary data, capital letters in text; the sign of a long length does not.
        let long = header.length > 125;
        Some(match (header.opcode, header.fin) {
            (Opcode::CONTINUATION, false) => {
                if long {
                    5
                } else {
                    0
                }
            }
            (_, false) => {
                if long {
                    7
                } else {
                    1
                }
            }
            (Opcode::CONTINUATION, true) => 5,
            (_, true) => {
                if self.masked.is_some() {
                    7
                } else {
                    6
                }
            }
        })
    }
}
