mod buffer;
mod chain;
mod cover;
mod scan;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use buffer::SearchBuffer;
use chain::Chain;

use crate::model::{At, Lost, Side};
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Rsv1};

pub(super) use buffer::Piece;

/// A search for frames in bytes that do not begin at a known frame boundary: after a gap that swallowed a header, or in
/// a mid-stream capture.
///
/// Every offset is a candidate. A candidate is followed from header to header; an illegal one refutes it, and each
/// legal one adds bits of evidence: how unlikely its first byte is in other data, that the mask bit is right for the
/// side, that frames begin and end at segment boundaries, that text is UTF-8 and a close code legal. The first offset
/// whose evidence outweighs the number of offsets is accepted.
///
/// Refuted candidates are not retried, and the number of frames followed is bounded: the total work of a search is
/// linear in the bytes. Payloads of long frames do not all fit in the buffer: when the first bytes of a chain are
/// dropped, its evidence and the position of its next frame are remembered.
///
/// Bytes may be missing between those collected, for example if the snap length truncated every packet. If their number
/// is known, a header before them still determines where the next frame begins.
#[derive(Debug)]
pub(super) struct FrameSearch {
    /// The required mask bit; `None` if it is to identify the side.
    masked: Option<bool>,
    rsv1: bool,
    /// The number of bits required, in addition to those for the number of candidates.
    threshold: u32,
    capacity: usize,
    buffer: SearchBuffer,
    /// The packet at which the bytes no longer held were readable.
    readable: At,
    /// The offset at which decoding stopped, in the side's WebSocket bytes.
    offset: u64,
    lost: u64,
    dropped: u64,
    next_scan: usize,
    /// The number of bytes held at the last scan.
    scanned: usize,
    /// The positions before `seen` that were not refuted, in order; refuted ones stay refuted.
    candidates: Vec<usize>,
    seen: usize,
    /// Chains that begin in dropped bytes.
    carried_chains: Vec<Chain>,
    /// The number of frames followed, and the number that earlier searches of the side add to it.
    followed: Cell<u64>,
    debt: u64,
    pace: Pace,
    ambiguity: Option<Ambiguity>,
}

/// The position where frames begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    start: usize,
    /// Whether earlier bytes may be frames as well.
    doubtful: bool,
    /// Whether several of them, and a sufficient share, begin at segment boundaries.
    pub(super) in_segments: bool,
    /// Whether the frames are masked, as a client's are.
    pub(super) masked: bool,
}

/// A position with two valid readings: frames, or a single frame with those in its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguity {
    /// The offset of the frame that may cover others, in the side's WebSocket bytes.
    pub(super) offset: u64,
    /// Its length, including the header.
    pub(super) length: u64,
}

/// A control frame that was captured in full.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) at: At,
    pub(super) opcode: Opcode,
    pub(super) masked: bool,
    pub(super) payload: Vec<u8>,
}

/// The number of bits required in a known conversation, and if nothing is known.
const CONVINCING: u32 = 20;
const CONVINCING_MID_STREAM: u32 = 34;
/// The reduction of that number if no more bytes will come.
const LENIENCE: u32 = 8;
/// The maximum number of bytes collected after a gap; when it is reached, the first half is dropped.
const AFTER_GAP: usize = 1 << 20;
/// The maximum number of bytes collected in each direction of a mid-stream capture, and of all bytes examined.
pub(super) const MID_STREAM: usize = 32 << 10;
const LOOKED_AT: u64 = 512 << 10;

/// The pace of a search, which determines whether it may follow frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pace {
    #[default]
    Searching,
    /// It has cost too much: bytes pass unsearched until they have paid for that. `reported` is whether that was
    /// reported.
    Resting { reported: bool },
}

/// The number of frames that the searches of a side may follow in advance, and the number of bytes that pay for one.
const FOLLOWED: u64 = 1 << 20;
const BYTES_A_FRAME: u64 = 4;

impl FrameSearch {
    /// Sets the cost of earlier searches of the side beyond their allowance.
    pub(super) fn with_debt(self, debt: u64) -> Self {
        FrameSearch { debt, ..self }
    }

    /// Sets the packet at which the preceding bytes were readable.
    pub(super) fn behind(mut self, at: At) -> Self {
        self.reach(at);
        self
    }

    /// Sets the packet at which the next bytes are readable, if they are the first.
    pub(super) fn reach(&mut self, at: At) {
        if self.buffer.len() == 0 {
            self.readable = self.readable.later(at);
        }
    }

    /// Returns the cost of this search and earlier ones beyond their allowance, in frames followed.
    pub(super) fn debt(&self) -> u64 {
        let share = self.captured().checked_div(BYTES_A_FRAME).unwrap_or(0);
        self.debt.saturating_add(self.followed.get()).saturating_sub(share)
    }

    /// Returns the bound if it was reached and not reported yet: bytes that look like frames but are not have cost too
    /// much.
    pub(super) fn spent(&mut self) -> Option<u64> {
        let Pace::Resting { reported } = &mut self.pace else { return None };
        (!std::mem::replace(reported, true)).then_some(FOLLOWED)
    }

    /// Returns whether bytes are to pass unsearched, dropping the collected bytes if that begins.
    fn rests(&mut self) -> bool {
        match self.pace {
            Pace::Searching if self.debt() > FOLLOWED => {
                (self.candidates, self.carried_chains) = (Vec::new(), Vec::new());
                self.give_up();
                self.pace = Pace::Resting { reported: false };
            }
            Pace::Resting { .. } if self.debt() < FOLLOWED / 2 => self.pace = Pace::Searching,
            Pace::Searching | Pace::Resting { .. } => {}
        }
        self.pace != Pace::Searching
    }

    /// Creates a search after a gap of `lost` bytes in a known conversation.
    pub(super) fn after_gap(side: Side, rsv1: Rsv1, offset: u64, lost: u64) -> Self {
        FrameSearch {
            masked: Some(side == Side::Client),
            rsv1: rsv1 != Rsv1::Meaningless,
            threshold: CONVINCING,
            capacity: AFTER_GAP,
            buffer: SearchBuffer::default(),
            readable: At::default(),
            offset,
            lost,
            dropped: 0,
            next_scan: 0,
            scanned: 0,
            candidates: Vec::new(),
            seen: 0,
            carried_chains: Vec::new(),
            followed: Cell::default(),
            debt: 0,
            pace: Pace::default(),
            ambiguity: None,
        }
    }

    /// Creates a search for a WebSocket in one direction of an unknown connection; `masked` is the required mask bit.
    pub(super) fn mid_stream(masked: Option<bool>) -> Self {
        FrameSearch {
            masked,
            threshold: CONVINCING_MID_STREAM,
            capacity: MID_STREAM,
            ..FrameSearch::after_gap(Side::Client, Rsv1::Message, 0, 0)
        }
    }

    /// Skips the first `bytes` bytes to come, which are known to be payload.
    pub(super) fn skip_payload(&mut self, bytes: u64) {
        self.seen = usize::try_from(bytes).unwrap_or(usize::MAX);
    }

    /// Sets the side, once the bytes are known to be a WebSocket.
    pub(super) fn settle(&mut self, side: Side) {
        self.masked = Some(side == Side::Client);
        self.threshold = CONVINCING;
        self.capacity = AFTER_GAP;
        self.candidates.clear();
        self.carried_chains.retain(|chain| chain.masked == self.masked);
        (self.seen, self.next_scan, self.scanned) = (0, 0, 0);
    }

    /// Collects the bytes of one segment.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At) {
        if bytes.is_empty() {
            return;
        }
        if self.rests() {
            return self.pass(bytes.len() as u64);
        }
        if self.buffer.len().saturating_add(bytes.len()) > self.capacity {
            self.drop_first(self.buffer.len() / 2);
        }
        self.buffer.push(bytes, carried);
    }

    /// Notes that bytes are lost.
    pub(super) fn gap(&mut self, lost: Lost) {
        if self.buffer.len() == 0 {
            self.lost = self.lost.saturating_add(lost.least());
        } else {
            self.buffer.gap(lost);
        }
        // Frames before the gap may now lead across it; but if gaps are frequent, not each is worth a scan.
        self.next_scan = self.next_scan.min(self.scanned.saturating_add(self.scanned / 64));
    }

    /// Drops the collected bytes and releases their memory.
    pub(super) fn give_up(&mut self) {
        self.drop_first(self.buffer.len());
        self.buffer = SearchBuffer::default();
        (self.candidates, self.carried_chains) = (Vec::new(), Vec::new());
    }

    /// Returns where frames begin, once that is certain.
    pub(super) fn find(&mut self) -> Option<Found> {
        if self.rests() || self.buffer.len() < self.next_scan {
            return None;
        }
        self.wait_for_an_eighth();
        self.scan(self.threshold)
    }

    /// Returns where frames most likely begin, given that no more bytes will come; less evidence is required.
    pub(super) fn best(&mut self) -> Option<Found> {
        self.scan(self.threshold.saturating_sub(LENIENCE))
    }

    /// Returns the packet that carried the first byte still held.
    pub(super) fn first(&self) -> Option<At> {
        self.buffer.first()
    }

    /// Returns the packet at which the first byte still held was readable.
    pub(super) fn first_readable(&self) -> Option<At> {
        self.first().map(|first| self.readable.later(first))
    }

    /// Returns the packet at which the bytes before the frames found, or before all bytes held, were readable.
    pub(super) fn readable_before(&self, found: Option<Found>) -> At {
        self.readable.later(self.buffer.latest_before(found.map_or(0, |found| found.start)))
    }

    /// Returns a result in which frames begin with the first byte held.
    pub(super) fn all(&self) -> Option<Found> {
        let header = Header::parse(self.buffer.from(0))?;
        Some(Found { start: 0, doubtful: false, in_segments: false, masked: header.mask.is_some() })
    }

    /// Returns all frames if there are few of them, all are complete control frames, and no bytes are missing.
    pub(super) fn controls(&self) -> Option<Vec<Control>> {
        const FEW: usize = 512;
        if self.buffer.len() > FEW || self.dropped > 0 || self.lost > 0 {
            return None;
        }
        let mut controls = Vec::new();
        for piece in self.buffer.pieces(0) {
            let Piece::Bytes(mut bytes, at) = piece else { return None };
            while !bytes.is_empty() {
                let header = Header::parse(bytes)?;
                let side = if header.mask.is_some() { Side::Client } else { Side::Server };
                if !header.opcode.is_control() || !FrameSearch::is_plausible(side, Rsv1::Meaningless, &header)
                {
                    return None;
                }
                let (_, rest) = bytes.split_at_checked(usize::from(header.header_length))?;
                let (payload, rest) = rest.split_at_checked(usize::try_from(header.length).ok()?)?;
                let mut payload = payload.to_vec();
                if let Some(key) = header.mask {
                    unmask(&mut payload, key, 0);
                }
                let masked = header.mask.is_some();
                controls.push(Control { at, opcode: header.opcode, masked, payload });
                bytes = rest;
            }
        }
        Some(controls)
    }

    /// Returns the first bytes received, as long as they are held and nothing is missing.
    pub(super) fn start(&self) -> &[u8] {
        let is_start = self.dropped == 0 && self.lost == 0;
        match self.buffer.missing_before(self.buffer.end()) {
            0 if is_start => self.buffer.from(0),
            _ => &[],
        }
    }

    /// Returns whether these cannot be a client's bytes: they include short segments, which their sender wrote
    /// separately, and none of them begins with a masked frame. There must be several, or one for every few segments of
    /// the `other` side.
    ///
    /// Requests of other protocols may look like unmasked frames (an MQTT SUBSCRIBE begins with 0x82 and its length),
    /// but their responses do not look like masked ones.
    pub(super) fn contradicts_client(&self, other: &FrameSearch) -> bool {
        const SHORT: usize = 512;
        const SEVERAL: usize = 3;
        const FEW: usize = 4;
        let mut others = 0_usize;
        for piece in self.buffer.pieces(0) {
            let Piece::Bytes(bytes, _) = piece else { continue };
            match Header::parse(bytes) {
                Some(header) if FrameSearch::is_plausible(Side::Client, Rsv1::Message, &header) => {
                    return false;
                }
                _ if bytes.len() < SHORT => others = others.saturating_add(1),
                _ => {}
            }
        }
        let pieces = || other.buffer.pieces(0).take(FEW.saturating_mul(SEVERAL)).count();
        others >= SEVERAL || others > 0 && pieces() <= FEW.saturating_mul(others)
    }

    /// Returns whether a mid-stream search has examined enough bytes.
    pub(super) fn is_exhausted(&self) -> bool {
        self.dropped > LOOKED_AT
    }

    /// Returns the offset at which decoding stopped, in the side's WebSocket bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the number of bytes lost before the frames found.
    pub(super) fn lost(&self, found: Found) -> u64 {
        self.lost.saturating_add(self.buffer.missing_before(found.start) as u64)
    }

    /// Returns the number of captured bytes before the frames found.
    pub(super) fn skipped(&self, found: Found) -> u64 {
        self.dropped.saturating_add(self.buffer.held_before(found.start) as u64)
    }

    /// Returns the number of captured bytes before the frames found, if none of those can be frames.
    pub(super) fn surely_skipped(&self, found: Found) -> Option<u64> {
        (!found.doubtful).then(|| self.skipped(found))
    }

    /// Returns the number of captured bytes that were dropped.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns the number of bytes captured since decoding stopped.
    pub(super) fn captured(&self) -> u64 {
        self.dropped.saturating_add(self.buffer.len() as u64)
    }

    /// Notes captured bytes that are not the beginning of frames.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.dropped = self.dropped.saturating_add(bytes);
    }

    /// Returns the offset of the next byte in the side's WebSocket bytes.
    pub(super) fn end(&self) -> u64 {
        let missing = self.buffer.missing_before(self.buffer.end());
        let held = self.buffer.len().saturating_add(missing) as u64;
        self.offset.saturating_add(self.lost).saturating_add(self.dropped).saturating_add(held)
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.buffer
            .allocated()
            .saturating_add(self.candidates.capacity().saturating_mul(size_of::<usize>()))
            .saturating_add(self.carried_chains.capacity().saturating_mul(size_of::<Chain>()))
    }

    /// Returns the collected bytes, all of them or from the frames found on, by the packets that carried them.
    pub(super) fn pieces(&self, from: Option<Found>) -> impl Iterator<Item = Piece<'_>> {
        self.buffer.pieces(from.map_or(0, |found| found.start))
    }

    fn drop_first(&mut self, bytes: usize) {
        let shift = self.buffer.place_behind(bytes);
        self.carry_chains_over(shift);
        self.readable = self.readable.later(self.buffer.latest_before(shift));
        let missing = self.buffer.drop_first(bytes);
        self.dropped = self.dropped.saturating_add(bytes as u64);
        self.lost = self.lost.saturating_add(missing as u64);
        let gone = self.candidates.partition_point(|place| *place < shift);
        self.candidates.drain(..gone);
        for place in &mut self.candidates {
            *place = place.saturating_sub(shift);
        }
        self.seen = self.seen.saturating_sub(shift);
        self.wait_for_an_eighth();
    }

    /// Returns whether this header is acceptable for frames found after a gap.
    ///
    /// Violations by a peer are reported only if nothing was lost. After a gap, an impossible header indicates that
    /// other data was mistaken for frames.
    pub(super) fn is_plausible(side: Side, rsv1: Rsv1, header: &Header) -> bool {
        let control = header.opcode.is_control();
        header.mask.is_some() == (side == Side::Client)
            && !header.opcode.is_reserved()
            && header.is_minimal()
            && header.length >> 40 == 0
            && (header.rsv == 0 || header.rsv == 4 && rsv1 != Rsv1::Meaningless && !control)
            && (!control || header.fin && header.length <= 125)
    }

    /// Returns whether the bytes are exactly complete frames of one side.
    ///
    /// One in ten thousand segments of noise is: sufficient reason for another search, but no more.
    pub(super) fn is_frames(mut bytes: &[u8]) -> bool {
        let mut sender = None;
        while let Some(header) = Header::parse(bytes) {
            let side = if header.mask.is_some() { Side::Client } else { Side::Server };
            let says_something = header.fin || header.length > 0;
            if !says_something
                || *sender.get_or_insert(side) != side
                || !FrameSearch::is_plausible(side, Rsv1::Message, &header)
            {
                return false;
            }
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            match bytes.get(length.saturating_add(usize::from(header.header_length))..) {
                Some([]) => return true,
                Some(rest) => bytes = rest,
                None => return false,
            }
        }
        false
    }
}
