use std::borrow::Cow;

use super::Limits;
use super::frame::{FrameType, Header, PADDED, PREFACE};
use super::hpack::Decoder;
use super::search::Search;
use crate::model::Lost;

/// The greatest payload allowed until the receiver raises it (RFC 9113 §6.5.2).
const LONGEST: u32 = 16_384;

/// The frames of one side: the position within them, and the state left by the header blocks.
///
/// ```text
///   Preface ─► Header ─┬─► Data ─────┐
///     (client)   ▲     ├─► Payload ──┤
///                │     └─► Skip ─────┤
///                ├───────────────────┘
///              Search ◄─ gap over a header; joined mid-stream
/// ```
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) place: ReadState,
    /// The captured part of an incomplete preface, header or payload.
    partial: Vec<u8>,
    pub(super) decoder: Decoder,
    /// The header block that CONTINUATION continues.
    pub(super) block: Option<Box<PartialBlock>>,
    /// The greatest payload that the other side has ever allowed.
    pub(super) longest: u32,
    /// Whether a frame was read.
    pub(super) started: bool,
    /// Whether frames of this side may have been lost.
    pub(super) lossy: bool,
    /// The codes of the anomalies reported so far.
    reported: Vec<&'static str>,
}

/// The position of a side's bytes within its frames.
#[derive(Debug)]
pub(super) enum ReadState {
    Preface,
    Header,
    Data(DataFrame),
    Payload(Header),
    Skip(u32),
    Search(Box<Search>),
    Nothing,
}

/// The effect of a gap on the current frame and on what follows it.
#[derive(Debug, Default)]
pub(super) struct GapEffect {
    /// Missing bytes of a stream that is delivered.
    pub(super) data: Option<(u32, Lost)>,
    /// A DATA frame that ends within the gap.
    pub(super) ended: Option<DataFrame>,
    /// A frame whose payload was being collected, and the part collected so far.
    pub(super) cut: Option<(Header, Vec<u8>)>,
    /// What is missing after the frame: other frames, headers included.
    pub(super) beyond: Option<Lost>,
}

/// A DATA frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataFrame {
    pub(super) stream: u32,
    /// The remaining length of the payload, padding included.
    pub(super) left: u32,
    padding: Padding,
    pub(super) ends: bool,
    /// Whether its bytes are delivered.
    pub(super) delivers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    /// The next byte is the pad length.
    Next,
    Known(u32),
}

/// An incomplete header block.
#[derive(Debug)]
pub(super) struct PartialBlock {
    pub(super) stream: u32,
    pub(super) promised: bool,
    pub(super) ends: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) frames: u32,
    /// Whether bytes are missing after the collected ones.
    pub(super) truncated: bool,
}

impl Reader {
    pub(super) fn new(place: ReadState, limits: &Limits) -> Self {
        Reader {
            place,
            partial: Vec::new(),
            decoder: Decoder::new(limits.table),
            block: None,
            longest: LONGEST,
            started: false,
            lossy: false,
            reported: Vec::new(),
        }
    }

    /// Creates the reader of a side that is joined mid-stream.
    pub(super) fn mid_stream(limits: &Limits) -> Self {
        let mut reader = Reader::new(
            ReadState::Search(Box::new(Search::new(limits.search, Lost::Unknown { least: 0 }))),
            limits,
        );
        reader.lose();
        reader.started = true;
        reader
    }

    /// Notes that frames may have been lost here.
    pub(super) fn lose(&mut self) {
        self.lossy = true;
        self.partial = Vec::new();
        self.block = None;
        self.decoder.lose();
    }

    /// Applies a gap as far as it lies within the current frame.
    pub(super) fn miss(&mut self, lost: Lost) -> GapEffect {
        let exact = if let Lost::Exact(bytes) = lost { u32::try_from(bytes).ok() } else { None };
        let beyond = |left: usize| match lost {
            Lost::Exact(bytes) => Lost::Exact(bytes.saturating_sub(left as u64)),
            _ => Lost::Unknown { least: 0 },
        };
        let mut missed = GapEffect::default();
        match &mut self.place {
            ReadState::Data(frame) => {
                let (stream, left, delivers) = (frame.stream, frame.left, frame.delivers);
                let bytes = frame.lose(exact.map_or(0, |lost| lost.min(left)));
                if delivers {
                    let exact = bytes.filter(|_| exact.is_some()).map(|bytes| Lost::Exact(bytes.into()));
                    missed.data = Some((stream, exact.unwrap_or(Lost::Unknown { least: 0 })));
                }
                let frame = *frame;
                if exact.is_none_or(|lost| lost > left) {
                    missed.beyond = Some(beyond(left as usize));
                } else if frame.left == 0 {
                    self.place = ReadState::Header;
                    missed.ended = Some(frame);
                }
            }
            ReadState::Skip(left) => match exact.and_then(|lost| left.checked_sub(lost)) {
                Some(0) => self.place = ReadState::Header,
                Some(rest) => *left = rest,
                None => missed.beyond = Some(beyond(*left as usize)),
            },
            ReadState::Payload(header) => {
                let header = *header;
                let partial = std::mem::take(&mut self.partial);
                let left = (header.length as usize).saturating_sub(partial.len()) as u32;
                missed.cut = Some((header, partial));
                // Its remaining settings are unknown.
                self.lossy |= header.kind == FrameType::SETTINGS;
                match exact.and_then(|lost| left.checked_sub(lost)) {
                    Some(0) => self.place = ReadState::Header,
                    Some(rest) => self.place = ReadState::Skip(rest),
                    None => missed.beyond = Some(beyond(left as usize)),
                }
            }
            ReadState::Nothing => {}
            ReadState::Preface | ReadState::Header | ReadState::Search(_) => {
                missed.beyond = Some(Lost::Exact(self.partial.len() as u64).and(lost));
            }
        }
        missed
    }

    /// Starts a search for frames, or restarts it after another gap.
    pub(super) fn search(&mut self, lost: Lost, limits: &Limits) {
        self.lose();
        self.started = true;
        match &mut self.place {
            ReadState::Search(search) => search.gap(lost),
            place => *place = ReadState::Search(Box::new(Search::new(limits.search, lost))),
        }
    }

    /// Returns whether frames are being searched for.
    pub(super) const fn is_searching(&self) -> bool {
        matches!(self.place, ReadState::Search(_))
    }

    /// Returns whether an anomaly has not been reported before, and marks it as reported.
    pub(super) fn is_first_report(&mut self, code: &'static str) -> bool {
        let is_first_report = !self.reported.contains(&code);
        if is_first_report {
            self.reported.push(code);
        }
        is_first_report
    }

    /// Collects `length` bytes; returns how many bytes of `input` were consumed, and all of them once complete.
    pub(super) fn gather<'b>(&mut self, input: &'b [u8], length: usize) -> (usize, Option<Cow<'b, [u8]>>) {
        let missing = length.saturating_sub(self.partial.len());
        let taken = missing.min(input.len());
        let part = input.get(..taken).unwrap_or_default();
        if taken == length {
            return (taken, Some(Cow::Borrowed(part)));
        }
        self.partial.extend_from_slice(part);
        (taken, (taken == missing).then(|| Cow::Owned(std::mem::take(&mut self.partial))))
    }

    /// Reads the connection preface; returns how many of its leading bytes match once it is complete or one differs.
    pub(super) fn preface(&mut self, input: &[u8]) -> (usize, Option<usize>) {
        let right = |bytes: &[u8]| bytes.iter().zip(PREFACE).take_while(|(a, b)| a == b).count();
        let (used, whole) = self.gather(input, PREFACE.len());
        let Some(whole) = whole else {
            return (used, Some(right(&self.partial)).filter(|right| *right < self.partial.len()));
        };
        self.place = ReadState::Header;
        (used, Some(right(&whole)))
    }

    /// Forgets the header table and the bytes of the incomplete header block.
    pub(super) fn forget_headers(&mut self) {
        self.decoder.forget();
        if let Some(block) = &mut self.block {
            block.bytes = Vec::new();
            block.truncated = true;
        }
    }

    /// Returns the memory used for decoding header blocks, in bytes.
    pub(super) fn header_memory(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.capacity());
        block.saturating_add(self.decoder.allocated())
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let search = if let ReadState::Search(search) = &self.place { search.allocated() } else { 0 };
        [search, self.partial.capacity(), self.header_memory()].into_iter().fold(0, usize::saturating_add)
    }
}

/// The next part of a DATA frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The length of a part of the stream's bytes.
    Bytes(usize),
    /// The length of a part of the padding, or of the pad length field.
    Padding(usize),
    /// The padding is longer than the payload.
    TooLong,
}

impl DataFrame {
    pub(super) fn new(header: &Header, delivers: bool) -> Self {
        let padding = if header.has(PADDED) { Padding::Next } else { Padding::Known(0) };
        let ends = header.has(super::frame::END_STREAM);
        DataFrame { stream: header.stream, left: header.length, padding, ends, delivers }
    }

    /// Consumes the first part of `input`.
    pub(super) fn take(&mut self, input: &[u8]) -> Part {
        let available = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let Padding::Known(padding) = self.padding else {
            let padding = input.first().copied().map_or(0, u32::from);
            self.left = self.left.saturating_sub(1);
            self.padding = Padding::Known(padding.min(self.left));
            return if padding > self.left { Part::TooLong } else { Part::Padding(1) };
        };
        let bytes = self.left.saturating_sub(padding).min(available);
        let taken = if bytes > 0 { bytes } else { self.left.min(available) };
        self.left = self.left.saturating_sub(taken);
        if bytes > 0 { Part::Bytes(taken as usize) } else { Part::Padding(taken as usize) }
    }

    /// Skips `lost` bytes, at most those that remain; returns how many of them belonged to the stream, or `None` if the
    /// pad length was among them.
    pub(super) fn lose(&mut self, lost: u32) -> Option<u32> {
        let taken = lost.min(self.left);
        let Padding::Known(padding) = self.padding else {
            // The remaining bytes are padding from an unknown position on.
            self.padding = Padding::Known(0);
            self.left = self.left.saturating_sub(taken);
            self.delivers = false;
            return None;
        };
        let bytes = taken.min(self.left.saturating_sub(padding));
        self.left = self.left.saturating_sub(taken);
        Some(bytes)
    }
}
