mod chain;
mod cover;
mod gathered;
mod scan;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use chain::Chain;
use gathered::SearchBuffer;

use crate::model::{At, Lost, Side};
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Rsv1};

pub(super) use gathered::Piece;

/// A search for frames in bytes whose beginning is not known: behind a gap that swallowed a header, or in a stream
/// joined late.
///
/// Every offset is a candidate. A candidate is followed from header to header; one that is illegal refutes it, and
/// each that is legal adds bits of evidence: how unlikely its first byte is in other data, that the mask bit is
/// right for the side, that frames begin and end where segments do, that text is UTF-8 and a close code legal. The
/// first offset whose evidence outweighs the number of offsets there are convinces.
///
/// What is refuted is not tried again, and how many frames are followed is bounded: all the work that a search does is
/// linear in the bytes. Where frames are long, their payloads do not all fit what is held: what spoke for a chain is
/// remembered when its first bytes are dropped, and where its next frame begins.
///
/// Bytes may be missing between those gathered, as where a snap length cut every packet: where it is known how many, a
/// header before them still tells where the next frame begins.
#[derive(Debug)]
pub(super) struct FrameSearch {
    /// What the mask bit must be; `None` where it shall tell the side.
    masked: Option<bool>,
    rsv1: bool,
    /// How many bits convince, besides those that the number of candidates demands.
    threshold: u32,
    capacity: usize,
    gathered: SearchBuffer,
    /// The packet at which what is no longer held was readable.
    readable: At,
    /// Where decoding stopped, in the side's WebSocket bytes.
    offset: u64,
    lost: u64,
    dropped: u64,
    next_scan: usize,
    /// How many bytes were held when the last scan was made.
    scanned: usize,
    /// The places before `seen` that nothing has refuted, in order: what was refuted once stays so.
    candidates: Vec<usize>,
    seen: usize,
    /// Chains that begin in what was dropped.
    led: Vec<Chain>,
    /// How many frames were followed, and how many of earlier searches of the side count as well.
    followed: Cell<u64>,
    debt: u64,
    pace: Pace,
    ambiguity: Option<Ambiguity>,
}

/// The place where frames begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    start: usize,
    /// Frames before the first one that is to be shown may be ones as well.
    doubtful: bool,
    /// Several of them begin where segments do, and not only a few of many.
    pub(super) in_segments: bool,
    /// Whether the frames are masked: a client's are.
    pub(super) masked: bool,
}

/// A place where two readings fit: frames, or one frame whose payload they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguity {
    /// Where the frame that may cover others begins, in the side's WebSocket bytes.
    pub(super) offset: u64,
    /// How long it is, header and payload.
    pub(super) length: u64,
}

/// A control frame that was captured whole.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) at: At,
    pub(super) opcode: Opcode,
    pub(super) masked: bool,
    pub(super) payload: Vec<u8>,
}

/// How many bits convince in a conversation that is known to be one, and where nothing is known.
const CONVINCING: u32 = 20;
const CONVINCING_MID_STREAM: u32 = 34;
/// How many bits fewer convince where no more bytes are to come.
const LENIENCE: u32 = 8;
/// Bounds the bytes gathered behind a gap; when they are full, the first half is given up.
const AFTER_GAP: usize = 1 << 20;
/// Bounds the bytes gathered of a stream joined late, in each direction, and those that are looked at in all.
pub(super) const MID_STREAM: usize = 32 << 10;
const LOOKED_AT: u64 = 512 << 10;

/// The pace of a search: whether it may follow frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pace {
    #[default]
    Searching,
    /// It has cost too much: bytes pass unsearched until they have paid for that. Whether that was reported.
    Resting { reported: bool },
}

/// How many frames the searches of a side may follow in advance; one is paid for by so many bytes.
const FOLLOWED: u64 = 1 << 20;
const BYTES_A_FRAME: u64 = 4;

impl FrameSearch {
    /// Takes what earlier searches of the side have cost beyond their share.
    pub(super) fn with_debt(self, debt: u64) -> Self {
        FrameSearch { debt, ..self }
    }

    /// Says at which packet what comes before it was readable.
    pub(super) fn behind(mut self, at: At) -> Self {
        self.reach(at);
        self
    }

    /// Says at which packet what comes next is readable, where it is the first.
    pub(super) fn reach(&mut self, at: At) {
        if self.gathered.len() == 0 {
            self.readable = self.readable.later(at);
        }
    }

    /// Returns what it and those before it have cost beyond their share, in frames followed.
    pub(super) fn debt(&self) -> u64 {
        let share = self.captured().checked_div(BYTES_A_FRAME).unwrap_or(0);
        self.debt.saturating_add(self.followed.get()).saturating_sub(share)
    }

    /// Returns the bound where it has been reached and that was not reported yet: bytes that look like frames and are none cost
    /// more than they may.
    pub(super) fn spent(&mut self) -> Option<u64> {
        let Pace::Resting { reported } = &mut self.pace else { return None };
        (!std::mem::replace(reported, true)).then_some(FOLLOWED)
    }

    /// Returns whether bytes are to pass unsearched, having given up what was gathered.
    fn rests(&mut self) -> bool {
        match self.pace {
            Pace::Searching if self.debt() > FOLLOWED => {
                (self.candidates, self.led) = (Vec::new(), Vec::new());
                self.give_up();
                self.pace = Pace::Resting { reported: false };
            }
            Pace::Resting { .. } if self.debt() < FOLLOWED / 2 => self.pace = Pace::Searching,
            Pace::Searching | Pace::Resting { .. } => {}
        }
        self.pace != Pace::Searching
    }

    /// Looks behind a gap of `lost` bytes in a conversation that is known to be one.
    pub(super) fn after_gap(side: Side, rsv1: Rsv1, offset: u64, lost: u64) -> Self {
        FrameSearch {
            masked: Some(side == Side::Client),
            rsv1: rsv1 != Rsv1::Meaningless,
            threshold: CONVINCING,
            capacity: AFTER_GAP,
            gathered: SearchBuffer::default(),
            readable: At::default(),
            offset,
            lost,
            dropped: 0,
            next_scan: 0,
            scanned: 0,
            candidates: Vec::new(),
            seen: 0,
            led: Vec::new(),
            followed: Cell::default(),
            debt: 0,
            pace: Pace::default(),
            ambiguity: None,
        }
    }

    /// Looks for a WebSocket in a direction of a connection of which nothing is known, but for what the mask bit must be.
    pub(super) fn mid_stream(masked: Option<bool>) -> Self {
        FrameSearch {
            masked,
            threshold: CONVINCING_MID_STREAM,
            capacity: MID_STREAM,
            ..FrameSearch::after_gap(Side::Client, Rsv1::Message, 0, 0)
        }
    }

    /// Looks for frames only behind the first `bytes` that come, which are known to be payload.
    pub(super) fn go_beyond(&mut self, bytes: u64) {
        self.seen = usize::try_from(bytes).unwrap_or(usize::MAX);
    }

    /// Says which side it is after all, and that it is a WebSocket.
    pub(super) fn settle(&mut self, side: Side) {
        self.masked = Some(side == Side::Client);
        self.threshold = CONVINCING;
        self.capacity = AFTER_GAP;
        self.candidates.clear();
        self.led.retain(|chain| chain.masked == self.masked);
        (self.seen, self.next_scan, self.scanned) = (0, 0, 0);
    }

    /// Gathers bytes that came in one segment.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At) {
        if bytes.is_empty() {
            return;
        }
        if self.rests() {
            return self.pass(bytes.len() as u64);
        }
        if self.gathered.len().saturating_add(bytes.len()) > self.capacity {
            self.drop_first(self.gathered.len() / 2);
        }
        self.gathered.push(bytes, carried);
    }

    /// Hears that bytes are lost.
    pub(super) fn gap(&mut self, lost: Lost) {
        if self.gathered.len() == 0 {
            self.lost = self.lost.saturating_add(lost.least());
        } else {
            self.gathered.gap(lost);
        }
        // Frames before the gap may now lead over it; but where gaps abound, not each is worth a look.
        self.next_scan = self.next_scan.min(self.scanned.saturating_add(self.scanned / 64));
    }

    /// Gives up what was gathered, and its memory.
    pub(super) fn give_up(&mut self) {
        self.drop_first(self.gathered.len());
        self.gathered = SearchBuffer::default();
        (self.candidates, self.led) = (Vec::new(), Vec::new());
    }

    /// Returns where frames begin, once that is beyond doubt.
    pub(super) fn find(&mut self) -> Option<Found> {
        if self.rests() || self.gathered.len() < self.next_scan {
            return None;
        }
        self.wait_for_an_eighth();
        self.scan(self.threshold)
    }

    /// Returns where frames most likely begin, no more bytes to come; more doubt is allowed.
    pub(super) fn best(&mut self) -> Option<Found> {
        self.scan(self.threshold.saturating_sub(LENIENCE))
    }

    /// Returns the packet that carried the first byte that is still held.
    pub(super) fn first(&self) -> Option<At> {
        self.gathered.first()
    }

    /// Returns the packet at which the first byte that is still held was readable.
    pub(super) fn first_readable(&self) -> Option<At> {
        self.first().map(|first| self.readable.later(first))
    }

    /// Returns the packet at which what comes before the frames found was readable, or before all that is held.
    pub(super) fn readable_before(&self, found: Option<Found>) -> At {
        self.readable.later(self.gathered.latest_before(found.map_or(0, |found| found.start)))
    }

    /// Returns what says that frames begin with the first byte that is held.
    pub(super) fn all(&self) -> Option<Found> {
        let header = Header::parse(self.gathered.from(0))?;
        Some(Found { start: 0, doubtful: false, in_segments: false, masked: header.mask.is_some() })
    }

    /// Returns all frames, where there are few, and nothing but whole control frames was captured without a gap.
    pub(super) fn controls(&self) -> Option<Vec<Control>> {
        const FEW: usize = 512;
        if self.gathered.len() > FEW || self.dropped > 0 || self.lost > 0 {
            return None;
        }
        let mut controls = Vec::new();
        for piece in self.gathered.pieces(0) {
            let Piece::Bytes(mut bytes, at) = piece else { return None };
            while !bytes.is_empty() {
                let header = Header::parse(bytes)?;
                let side = if header.mask.is_some() { Side::Client } else { Side::Server };
                if !header.opcode.is_control() || !FrameSearch::believes(side, Rsv1::Meaningless, &header) {
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

    /// Returns the first bytes that came, as far as they are held and nothing is missing.
    pub(super) fn start(&self) -> &[u8] {
        let is_start = self.dropped == 0 && self.lost == 0;
        match self.gathered.missing_before(self.gathered.end()) {
            0 if is_start => self.gathered.from(0),
            _ => &[],
        }
    }

    /// Returns whether these cannot be a client's bytes: short segments, each of which its sender made by itself, and none
    /// begins with a masked frame. Several, or one for each few segments of the `other` side.
    ///
    /// Requests of other protocols may look like unmasked frames (an MQTT SUBSCRIBE begins with 0x82 and its length);
    /// their answers do not look like masked ones.
    pub(super) fn contradicts_client(&self, other: &FrameSearch) -> bool {
        const SHORT: usize = 512;
        const SEVERAL: usize = 3;
        const FEW: usize = 4;
        let mut others = 0_usize;
        for piece in self.gathered.pieces(0) {
            let Piece::Bytes(bytes, _) = piece else { continue };
            match Header::parse(bytes) {
                Some(header) if FrameSearch::believes(Side::Client, Rsv1::Message, &header) => return false,
                _ if bytes.len() < SHORT => others = others.saturating_add(1),
                _ => {}
            }
        }
        let pieces = || other.gathered.pieces(0).take(FEW.saturating_mul(SEVERAL)).count();
        others >= SEVERAL || others > 0 && pieces() <= FEW.saturating_mul(others)
    }

    /// Returns whether a stream joined late has had its chance.
    pub(super) fn is_exhausted(&self) -> bool {
        self.dropped > LOOKED_AT
    }

    /// Returns where decoding stopped, in the side's WebSocket bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many bytes were lost before the frames found.
    pub(super) fn lost(&self, found: Found) -> u64 {
        self.lost.saturating_add(self.gathered.missing_before(found.start) as u64)
    }

    /// Returns how many captured bytes lie before the frames found.
    pub(super) fn skipped(&self, found: Found) -> u64 {
        self.dropped.saturating_add(self.gathered.held_before(found.start) as u64)
    }

    /// Returns how many captured bytes lie before the frames found, where none of them may be frames.
    pub(super) fn surely_skipped(&self, found: Found) -> Option<u64> {
        (!found.doubtful).then(|| self.skipped(found))
    }

    /// Returns how many captured bytes were given up.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns how many bytes were captured since decoding stopped.
    pub(super) fn captured(&self) -> u64 {
        self.dropped.saturating_add(self.gathered.len() as u64)
    }

    /// Hears that bytes were captured that are no beginning of frames.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.dropped = self.dropped.saturating_add(bytes);
    }

    /// Returns the offset of the next byte in the side's WebSocket bytes.
    pub(super) fn end(&self) -> u64 {
        let missing = self.gathered.missing_before(self.gathered.end());
        let held = self.gathered.len().saturating_add(missing) as u64;
        self.offset.saturating_add(self.lost).saturating_add(self.dropped).saturating_add(held)
    }

    /// Returns how much memory it holds, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.gathered
            .allocated()
            .saturating_add(self.candidates.capacity().saturating_mul(size_of::<usize>()))
            .saturating_add(self.led.capacity().saturating_mul(size_of::<Chain>()))
    }

    /// Lends what was gathered, all of it or from the frames found on, by the packets that carried it.
    pub(super) fn pieces(&self, from: Option<Found>) -> impl Iterator<Item = Piece<'_>> {
        self.gathered.pieces(from.map_or(0, |found| found.start))
    }

    fn drop_first(&mut self, bytes: usize) {
        let shift = self.gathered.place_behind(bytes);
        self.lead_on(shift);
        self.readable = self.readable.later(self.gathered.latest_before(shift));
        let missing = self.gathered.drop_first(bytes);
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

    /// Returns whether frames found behind a gap may go on with this one.
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

    /// Returns whether bytes are whole frames of one side and nothing else.
    ///
    /// One in ten thousand segments of noise is: enough for another look, not for more.
    pub(super) fn is_frames(mut bytes: &[u8]) -> bool {
        let mut sender = None;
        while let Some(header) = Header::parse(bytes) {
            let side = if header.mask.is_some() { Side::Client } else { Side::Server };
            let says_something = header.fin || header.length > 0;
            if !says_something
                || *sender.get_or_insert(side) != side
                || !FrameSearch::believes(side, Rsv1::Message, &header)
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
