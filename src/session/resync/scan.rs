//! The search itself: every offset is tried, and followed from header to header.

use std::cmp::Reverse;

use super::chain::{
    ALIGNED, Budget, Chain, MAX_FRAMES, MAX_REPEATED, MAX_WEIGHTLESS, WEIGHTY, confirm, may_be_text,
};
use super::{FOLLOWED, Found, FrameSearch, LENIENCE};
use crate::websocket::{Header, Opcode, Utf8};

/// The maximum number of chains remembered when their first bytes are dropped.
const MAX_CARRIED: usize = 16;
/// The number of segments that a chain must span to be accepted mid-stream without any frame at a segment boundary.
const CROSSED: usize = 4;

/// The continuation of text where a frame would begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    GoesOn,
    BreaksOff,
}

/// The result of adding a frame to a chain.
struct Link {
    /// Whether its header is unlikely to be a coincidence.
    is_weighty: bool,
    /// Whether it is not a repetition, or begins at a segment boundary.
    is_news: bool,
}

impl FrameSearch {
    /// Remembers the chains that begin before `place`, which will be dropped, and where they continue after it.
    pub(super) fn carry_chains_over(&mut self, place: usize) {
        let mut budget = Budget::new(self.buffer.len());
        let begun = self.candidates.iter().take_while(|start| **start < place).map(|start| Chain::at(*start));
        let mut carried_chains: Vec<Chain> = Vec::new();
        for chain in std::mem::take(&mut self.carried_chains).into_iter().chain(begun) {
            let chain = if chain.next < place { self.follow(chain, place, &mut budget) } else { Some(chain) };
            let Some(chain) = chain.filter(|chain| chain.next >= place && chain.bits > 0) else { continue };
            // Chains that reach the same position continue alike: only the best one is kept.
            if let Some(other) =
                carried_chains.iter_mut().find(|it| (it.next, it.masked) == (chain.next, chain.masked))
            {
                if other.bits < chain.bits {
                    *other = chain;
                }
            } else if carried_chains.len() < MAX_CARRIED {
                carried_chains.push(chain);
            } else if let Some(least) = carried_chains.iter_mut().min_by_key(|it| (it.bits, Reverse(it.next)))
                && (least.bits, Reverse(least.next)) < (chain.bits, Reverse(chain.next))
            {
                *least = chain;
            }
        }
        for chain in &mut carried_chains {
            chain.cross(&self.buffer, place);
            chain.drop_first(&self.buffer, place);
        }
        self.carried_chains = carried_chains;
    }

    /// Postpones the next scan until an eighth more has come, so that the total cost of all scans is linear in the
    /// bytes.
    pub(super) fn wait_for_an_eighth(&mut self) {
        self.scanned = self.buffer.len();
        self.next_scan = self.scanned.saturating_add(self.scanned / 8);
    }

    /// Tries every offset not refuted yet in turn, and drops those that are.
    pub(super) fn scan(&mut self, threshold: u32) -> Option<Found> {
        let needed = self.needed(threshold);
        let (mut candidates, mut carried_chains) =
            (std::mem::take(&mut self.candidates), std::mem::take(&mut self.carried_chains));
        candidates.extend(self.unseen());
        self.seen = self.seen.max(self.buffer.end().saturating_sub(1));
        let mut budget = Budget::new(self.buffer.len());
        let (mut doubt, mut found) = (0, None);
        let mut stands = |chain: Chain, found: &mut Option<(usize, Found)>| {
            if self.debt() > FOLLOWED {
                return true;
            }
            // The first frames of a chain that began in dropped bytes are among those.
            let (begin, is_led) = (chain.next, chain.bits > 0);
            let chain = self.follow(chain, usize::MAX, &mut budget);
            let judged = chain.as_ref().and_then(|chain| self.judge(chain, begin, needed, &mut doubt));
            *found = judged.map(|found| (begin, Found { doubtful: found.doubtful || is_led, ..found }));
            chain.is_some()
        };
        carried_chains.retain(|chain| found.is_some() || stands(chain.clone(), &mut found));
        candidates.retain(|start| found.is_some() || stands(Chain::at(*start), &mut found));
        self.carried_chains = carried_chains;
        let found = found.and_then(|(begin, found)| self.beyond_cover(begin, found, &candidates));
        self.candidates = candidates;
        found
    }

    /// Returns the first frame of a chain to be shown, if the chain is accepted.
    ///
    /// A chain that is accepted without a frame to show, or one whose last payload extends beyond the buffer, casts
    /// doubt on those inside of it.
    fn judge(&self, chain: &Chain, from: usize, needed: u32, doubt: &mut u32) -> Option<Found> {
        const DOUBTFUL: u32 = 12;
        /// Frames longer than this are not considered, because their end will hardly be seen.
        const REACH: usize = 64 << 20;
        let among_others = self.masked.is_some() || chain.aligned > 0 || chain.crossed >= CROSSED;
        let convinces = among_others && chain.bits >= needed.saturating_add(*doubt);
        let is_near = chain.next <= self.buffer.end().saturating_add(REACH);
        if convinces || chain.open && is_near && chain.bits >= DOUBTFUL {
            *doubt = (*doubt).max(chain.bits);
        }
        let start = chain.first_trusted.filter(|start| convinces && *start < self.buffer.end())?;
        let (doubtful, in_segments) = (start != from, chain.is_in_segments());
        Some(Found { start, doubtful, in_segments, masked: chain.masked? })
    }

    /// Returns the positions since the last scan at which a frame may begin.
    fn unseen(&self) -> impl Iterator<Item = usize> {
        let pairs = |(place, run): (usize, _)| {
            let skip = self.seen.saturating_sub(place);
            let rest = <[u8]>::get(run, skip..).unwrap_or_default();
            let numbered = move |(n, first)| (place.saturating_add(skip).saturating_add(n), first);
            rest.windows(2).enumerate().map(numbered)
        };
        let begins = |(place, first)| self.may_begin(first).then_some(place);
        self.buffer.runs().flat_map(pairs).filter_map(begins)
    }

    /// Returns whether a frame may begin with these two bytes; this refutes most offsets.
    fn may_begin(&self, first: &[u8]) -> bool {
        let [first, second] = *first else { return false };
        let opcode = matches!(first & 15, 0 | 1 | 2 | 8 | 9 | 10);
        opcode && first & 0x30 == 0 && self.masked.is_none_or(|masked| masked == (second & 0x80 != 0))
    }

    /// Returns the number of bits required, given the number of positions examined.
    fn needed(&self, threshold: u32) -> u32 {
        threshold.saturating_add(self.captured().max(1).ilog2())
    }

    /// Returns the number of bits below which a chain is never accepted.
    fn rejection_threshold(&self) -> u32 {
        self.needed(self.threshold.saturating_sub(LENIENCE))
    }

    /// Follows a chain to its end, or to the first frame at or after `upto`; returns `None` if a frame is illegal or
    /// the chain can never be accepted, whatever bytes may follow.
    pub(super) fn follow(&self, mut chain: Chain, upto: usize, budget: &mut Budget) -> Option<Chain> {
        let (mut frames, mut weightless, mut repeated) = (0_u32, 0_u32, 0_u32);
        let end = self.buffer.end();
        chain.open = chain.next > end;
        while frames < MAX_FRAMES && repeated < MAX_REPEATED && chain.next < upto {
            if !budget.take(frames) {
                chain.cross(&self.buffer, end);
                return Some(chain);
            }
            self.followed.update(|n| n.saturating_add(1));
            let Some(header) = Header::parse(self.buffer.from(chain.next)) else { break };
            let link = self.link(&mut chain, &header)?;
            weightless = if link.is_weighty { 0 } else { weightless.saturating_add(1) };
            if weightless > MAX_WEIGHTLESS {
                return None;
            }
            repeated = if link.is_news { 0 } else { repeated.saturating_add(1) };
            frames = frames.saturating_add(1);
            if chain.open {
                break;
            }
        }
        chain.cross(&self.buffer, end);
        let bounded = frames >= MAX_FRAMES || repeated >= MAX_REPEATED;
        let settled = chain.next < upto && !chain.open && self.buffer.is_settled(chain.next);
        if (bounded || settled) && chain.bits < self.rejection_threshold() {
            budget.give_back(frames);
            return None;
        }
        Some(chain)
    }

    /// Adds the frame with this header, and its evidence, to a chain; returns `None` if it is illegal.
    fn link(&self, chain: &mut Chain, header: &Header) -> Option<Link> {
        let (at, end) = (chain.next, self.buffer.end());
        let masked = self.masked.or(chain.masked).unwrap_or(header.mask.is_some());
        if header.mask.is_some() != masked {
            return None;
        }
        chain.masked = Some(masked);
        let weight = self.weigh(header)?;
        let is_weighty = weight >= WEIGHTY;
        let novelty = chain.before.novelty(&self.buffer, at, header);
        let counted = chain.bits;
        let aligned = is_weighty && self.buffer.is_boundary(at);
        chain.frames = chain.frames.saturating_add(1);
        if aligned {
            chain.align(self.alignment(at));
            chain.begun = chain.begun.saturating_add(1);
        }
        if !chain.goes_on_with(header) {
            return None;
        }
        let body = self.buffer.from(at).get(usize::from(header.header_length)..)?;
        let length = usize::try_from(header.length).ok()?;
        let known = body.get(..length.min(body.len()))?;
        let confirmed = confirm(header, known, known.len() == length)?;
        if novelty > 0 {
            chain.bits = chain.bits.saturating_add(weight.min(novelty)).saturating_add(confirmed);
        }
        let next = at.saturating_add(usize::from(header.header_length)).saturating_add(length);
        chain.open = next > end;
        if is_weighty && next == end {
            chain.align(ALIGNED);
        }
        if chain.frames == 1 && !is_weighty && !header.fin && self.buffer.is_behind_gap(at) {
            chain.opening = Some(at).filter(|_| header.opcode != Opcode::CONTINUATION);
        }
        if is_weighty && header.opcode == Opcode::CONTINUATION {
            chain.continues();
        }
        if is_weighty && (chain.bits > counted || novelty > 0) {
            chain.trust(at, header, self.own_evidence(at, next, header, confirmed));
        }
        if aligned && self.buffer.is_segment(at, next) && novelty > 0 {
            chain.count_segment(at);
            // The first segment is a frame: at this one position, a coincidence that leads to the next frame is
            // unlikely.
            if at == 0 && self.dropped == 0 {
                chain.first_trusted = Some(at);
            }
        } else {
            chain.segments = None;
        }
        chain.next = next;
        Some(Link { is_weighty, is_news: novelty > 0 || aligned })
    }

    /// Returns the bits of evidence for a frame that begins at a segment boundary.
    fn alignment(&self, at: usize) -> u32 {
        if self.buffer.is_behind_gap(at) { ALIGNED } else { self.rarity().min(ALIGNED) }
    }

    /// Returns how rare segment boundaries are, in bits.
    fn rarity(&self) -> u32 {
        self.buffer.mean_segment().max(1).ilog2()
    }

    /// Returns the bits of evidence for a frame apart from where it ends.
    ///
    /// Beginning at a segment boundary counts for more the longer segments are, because there are fewer positions for a
    /// coincidence.
    fn own_evidence(&self, at: usize, next: usize, header: &Header, confirmed: u32) -> u32 {
        /// The penalty for a control frame, which is less likely than a data frame.
        const RARE: u32 = 4;
        /// The bonus for a frame that interrupts text.
        const BREAKS_TEXT: u32 = 6;
        const BEHIND_GAP: u32 = 7;
        let aligned = if self.buffer.is_behind_gap(at) {
            BEHIND_GAP
        } else if self.buffer.is_boundary(at) {
            self.rarity().min(10)
        } else {
            0
        };
        // Within text, every apparent frame contains text; but one that interrupts the text is not a coincidence.
        let confirmed = match self.text_around(at) {
            Some(Text::GoesOn) if header.mask.is_none() => 0,
            Some(Text::BreaksOff) => confirmed.saturating_add(BREAKS_TEXT),
            _ => confirmed,
        };
        // A close is rare as well, but plausible as the last frame.
        let last = header.opcode == Opcode::CLOSE && next == self.buffer.end();
        let rare = if header.opcode.is_control() && !last { RARE } else { 0 };
        aligned.saturating_add(confirmed).saturating_add(long(header)).saturating_sub(rare)
    }

    /// Returns whether the bytes before a position are text, and whether that continues in the header there.
    fn text_around(&self, at: usize) -> Option<Text> {
        const LOOK: usize = 32;
        const ENOUGH: usize = 8;
        let start = at.saturating_sub(LOOK);
        let (before, first) = self.buffer.from(start).split_at_checked(at.saturating_sub(start))?;
        let whole = before.iter().position(|byte| byte & 0xc0 != 0x80)?;
        let before = before.get(whole..).filter(|before| before.len() >= ENOUGH)?;
        let mut utf8 = Utf8::default();
        utf8.push(before);
        if utf8.bad().is_some() || !may_be_text(before) {
            return None;
        }
        let first = first.get(..2)?;
        utf8.push(first);
        let goes_on = utf8.bad().is_none() && may_be_text(first);
        Some(if goes_on { Text::GoesOn } else { Text::BreaksOff })
    }

    /// Returns the bits of evidence in a header; `None` if it is illegal.
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
        // Zeros and small numbers are common in binary data, capital letters in text; the marker of an extended length
        // is not.
        let extended = header.length > 125;
        let weight: u32 = match (header.opcode, header.fin) {
            (Opcode::CONTINUATION, true) => 5,
            (_, true) if self.masked.is_none() => 6,
            (_, true) => 7,
            (Opcode::CONTINUATION, false) if extended => 5,
            (Opcode::CONTINUATION, false) => 0,
            (_, false) if extended => 7,
            (_, false) => 1,
        };
        Some(weight.saturating_add(long(header)))
    }
}

/// Returns the bits of evidence in an eight-byte length, if the header has one: its first bytes are zero.
const fn long(header: &Header) -> u32 {
    const LONG: u32 = 8;
    if header.length > 0xffff { LONG } else { 0 }
}
