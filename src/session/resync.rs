use crate::model::{At, Side};
use crate::websocket::close::may_be_sent;
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Rsv1, Utf8};

/// Looks for frames in bytes whose beginning is not known: behind a gap that swallowed a header, or in a stream
/// joined late.
///
/// Every offset is a candidate. A candidate is followed from header to header; one that is illegal refutes it, and
/// each that is legal adds bits of evidence: how unlikely its first byte is in other data, that the mask bit is
/// right for the side, that frames begin and end where segments do, that text is UTF-8 and a close code legal. The
/// first offset whose evidence outweighs the number of offsets there are convinces.
#[derive(Debug)]
pub(super) struct Search {
    /// What the mask bit must be; `None` where it shall tell the side.
    masked: Option<bool>,
    rsv1: bool,
    /// How many bits convince, besides those that the number of candidates demands.
    threshold: u32,
    capacity: usize,
    buffer: Vec<u8>,
    /// Where segments begin in the buffer, and which packets carried them.
    segments: Vec<(usize, At)>,
    /// Where decoding stopped, in the side's WebSocket bytes.
    offset: u64,
    lost: u64,
    dropped: u64,
    next_scan: usize,
}

/// Is where frames begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    start: usize,
    /// Whether the frames are masked: a client's are.
    pub(super) masked: bool,
}

/// Bounds the bytes gathered behind a gap; when they are full, the first half is given up.
const AFTER_GAP: usize = 256 << 10;
/// Bounds the bytes gathered of a stream joined late, in each direction.
pub(super) const JOINED_LATE: usize = 16 << 10;

impl Search {
    /// Looks behind a gap of `lost` bytes in a conversation that is known to be one.
    pub(super) fn after_gap(side: Side, rsv1: Rsv1, offset: u64, lost: u64) -> Self {
        Search {
            masked: Some(side == Side::Client),
            rsv1: rsv1 != Rsv1::Meaningless,
            threshold: 20,
            capacity: AFTER_GAP,
            buffer: Vec::new(),
            segments: Vec::new(),
            offset,
            lost,
            dropped: 0,
            next_scan: 0,
        }
    }

    /// Looks for a WebSocket in a direction of a connection of which nothing is known.
    pub(super) fn joined_late() -> Self {
        Search { masked: None, threshold: 34, capacity: JOINED_LATE, ..Search::after_gap(Side::Client, Rsv1::Message, 0, 0) }
    }

    /// Says which side it is after all, and that it is a WebSocket.
    pub(super) fn settle(&mut self, side: Side) {
        self.masked = Some(side == Side::Client);
        self.threshold = 20;
        self.capacity = AFTER_GAP;
        self.next_scan = 0;
    }

    /// Gathers bytes that came in one segment.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At) {
        if bytes.is_empty() {
            return;
        }
        if self.buffer.len().saturating_add(bytes.len()) > self.capacity {
            self.drop_first(self.buffer.len() / 2);
        }
        self.segments.push((self.buffer.len(), carried));
        self.buffer.extend_from_slice(bytes);
    }

    /// Hears that bytes are lost: what was gathered before them did not convince and is given up.
    pub(super) fn gap(&mut self, length: u64) {
        self.drop_first(self.buffer.len());
        self.lost = self.lost.saturating_add(length);
        self.next_scan = 0;
    }

    /// Returns where frames begin, once that is beyond doubt.
    pub(super) fn find(&mut self) -> Option<Found> {
        if self.buffer.len() < self.next_scan {
            return None;
        }
        self.next_scan = self.buffer.len().saturating_add(self.buffer.len() / 8);
        self.scan(self.threshold)
    }

    /// Returns where frames most likely begin, no more bytes to come; the doubt allowed is larger.
    pub(super) fn best(&mut self) -> Option<Found> {
        self.scan(self.threshold.saturating_sub(8))
    }

    /// Returns the packet that carried the first byte that is still held.
    pub(super) fn first(&self) -> Option<At> {
        self.segments.first().map(|(_, at)| *at)
    }

    /// Tells whether a stream joined late has had its chance.
    pub(super) fn is_hopeless(&self) -> bool {
        self.dropped > 0
    }

    /// Returns where decoding stopped, in the side's WebSocket bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many bytes were lost.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns how many captured bytes lie before the frames found.
    pub(super) fn skipped(&self, found: Found) -> u64 {
        self.dropped.saturating_add(found.start as u64)
    }

    /// Returns how many bytes were captured since decoding stopped.
    pub(super) fn captured(&self) -> u64 {
        self.dropped.saturating_add(self.buffer.len() as u64)
    }

    /// Hears that bytes were captured that are no beginning of frames.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.dropped = self.dropped.saturating_add(bytes);
    }

    /// Returns the offset of the next byte in the side's WebSocket bytes.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.lost).saturating_add(self.captured())
    }

    /// Returns how much memory it holds, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let segment = size_of::<(usize, At)>();
        self.buffer.capacity().saturating_add(self.segments.capacity().saturating_mul(segment))
    }

    /// Lends the bytes from the frames found on, by the packets that carried them.
    pub(super) fn pieces(&self, found: Found) -> impl Iterator<Item = (&[u8], At)> {
        self.segments.iter().enumerate().filter_map(move |(n, (start, at))| {
            let end = n.checked_add(1).and_then(|n| self.segments.get(n)).map_or(self.buffer.len(), |next| next.0);
            let start = (*start).max(found.start);
            self.buffer.get(start..end).filter(|bytes| !bytes.is_empty()).map(|bytes| (bytes, *at))
        })
    }

    fn drop_first(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
        self.dropped = self.dropped.saturating_add(bytes as u64);
        let cut = self.segments.partition_point(|(start, _)| *start < bytes);
        // The segment that is cut keeps its packet.
        let cut_at = cut.checked_sub(1).and_then(|n| self.segments.get(n)).map(|(_, at)| *at);
        self.segments.drain(..cut);
        for (start, _) in &mut self.segments {
            *start = start.saturating_sub(bytes);
        }
        if let (Some(at), false) = (cut_at, self.buffer.is_empty())
            && self.segments.first().is_none_or(|(start, _)| *start > 0)
        {
            self.segments.insert(0, (0, at));
        }
        self.next_scan = 0;
    }

    /// Tries every offset in turn.
    fn scan(&self, threshold: u32) -> Option<Found> {
        let needed = threshold.saturating_add(self.buffer.len().max(1).ilog2());
        // A candidate whose payload goes beyond the buffer casts doubt on those inside of it.
        let mut doubt = 0;
        for (start, first) in self.buffer.windows(2).enumerate() {
            if !self.may_begin(first) {
                continue;
            }
            let Some(chain) = self.follow(start) else { continue };
            let among_others = self.masked.is_some() || chain.aligned > 0 || chain.crossed >= CROSSED;
            if among_others && chain.bits >= needed.saturating_add(doubt) {
                return chain.first_trusted.map(|start| Found { start, masked: chain.masked });
            }
            if chain.open && chain.bits >= 12 {
                doubt = doubt.max(chain.bits);
            }
        }
        None
    }

    /// Tells whether frames found behind a gap may go on with this one.
    ///
    /// Peers that break rules are told of where nothing is lost. Behind a gap, a header that cannot be is a sign that
    /// frames were seen where there are none.
    pub(super) fn believes(side: Side, rsv1: Rsv1, header: &Header) -> bool {
        let control = header.opcode.is_control();
        header.mask.is_some() == (side == Side::Client)
            && !header.opcode.is_reserved()
            && header.is_minimal()
            && header.length >> 40 == 0
            && (header.rsv == 0 || header.rsv == 4 && rsv1 != Rsv1::Meaningless && !control)
            && (!control || header.fin && header.length <= 125)
    }

    /// Tells whether a frame may begin with these two bytes; most offsets are dismissed here.
    fn may_begin(&self, first: &[u8]) -> bool {
        let [first, second] = *first else { return false };
        let opcode = matches!(first & 15, 0 | 1 | 2 | 8 | 9 | 10);
        opcode && first & 0x30 == 0 && self.masked.is_none_or(|masked| masked == (second & 0x80 != 0))
    }

    /// Follows the frames that would begin at `start`; `None` where one is illegal.
    fn follow(&self, start: usize) -> Option<Chain> {
        let mut chain = Chain::default();
        let mut at = start;
        let mut message: Option<bool> = None;
        let (mut frames, mut weightless) = (0_u32, 0_u32);
        let mut before = Before::default();
        while frames < MAX_FRAMES {
            let rest = self.buffer.get(at..)?;
            let Some(header) = Header::parse(rest) else { break };
            let masked = self.masked.unwrap_or(if at == start { header.mask.is_some() } else { chain.masked });
            if header.mask.is_some() != masked {
                return None;
            }
            chain.masked = masked;
            let weight = self.weigh(&header)?;
            weightless = if weight < WEIGHTY { weightless.saturating_add(1) } else { 0 };
            if weightless > MAX_WEIGHTLESS {
                return None;
            }
            let news = before.news(&self.buffer, at, &header);
            let counted = chain.bits;
            if weight >= WEIGHTY && self.is_boundary(at) {
                chain.align();
            }
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
            let begin = at;
            if length > body.len() {
                chain.open = true;
            } else {
                at = at.checked_add(usize::from(header.header_length))?.checked_add(length)?;
                if weight >= WEIGHTY && at == self.buffer.len() {
                    chain.align();
                }
            }
            if chain.bits > counted || news > 0 {
                chain.trust(begin, chain.bits.saturating_sub(counted));
            }
            if chain.open {
                break;
            }
        }
        let segment = |at| self.segments.partition_point(|(start, _)| *start <= at);
        chain.crossed = segment(at).saturating_sub(segment(start));
        (frames > 0).then_some(chain)
    }

    fn is_boundary(&self, at: usize) -> bool {
        self.segments.binary_search_by_key(&at, |(start, _)| *start).is_ok()
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
        Some(match (header.opcode, header.fin) {
            // Zeros and small numbers abound in binary data, capital letters in text.
            (Opcode::CONTINUATION, false) => 0,
            (_, false) => 1,
            (Opcode::CONTINUATION, true) => 5,
            (_, true) => if self.masked.is_some() { 7 } else { 6 },
        })
    }
}

/// Remembers the last frames of a chain.
///
/// Data that repeats itself, samples of an even tone or pixels of one colour, holds what passes for a header again and
/// again, and each lands on the next: what was seen before is no further evidence.
#[derive(Default)]
struct Before {
    frames: [Option<(usize, Header)>; 4],
    next: usize,
}

impl Before {
    /// Returns how many bits the frame at `at` may add at most, for all that it says anew.
    fn news(&mut self, buffer: &[u8], at: usize, header: &Header) -> u32 {
        const LOOK: usize = 256;
        const SAME_HEADER: u32 = 4;
        let frame = |at: usize, header: &Header| {
            let body = usize::try_from(header.length).unwrap_or(LOOK).min(LOOK);
            let end = at.saturating_add(usize::from(header.header_length)).saturating_add(body);
            buffer.get(at..end.min(buffer.len()))
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
        self.next = self.next.wrapping_add(1) % self.frames.len();
        most
    }
}

/// Is a candidate and what speaks for it.
#[derive(Default)]
struct Chain {
    bits: u32,
    masked: bool,
    /// How many frames begin, or end the bytes there are, where a segment does.
    aligned: u32,
    /// How many segments it goes on through.
    crossed: usize,
    /// The last frame goes on beyond the bytes there are.
    open: bool,
    /// The first frame that is worth showing, and what spoke for those before it.
    first_trusted: Option<usize>,
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
/// Bounds how far a candidate is followed, so that data made to look like frames costs little.
const MAX_FRAMES: u32 = 256;
/// A stream joined late convinces without any frame at a segment's edge when it goes on through so many.
const CROSSED: usize = 4;

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

#[cfg(test)]
mod tests;
