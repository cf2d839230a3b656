use std::borrow::Cow;

use super::Limits;
use super::frame::{FrameType, Header, PADDED, PREFACE};
use super::hpack::Decoder;
use super::search::Search;
use crate::model::Lost;

/// The greatest payload before the receiver allows a greater one (RFC 9113 §6.5.2).
const LONGEST: u32 = 16_384;

/// One side's frames: where its bytes are, and the state that its header blocks have left.
///
/// ```text
///   Preface ─► Header ─┬─► Data ─────┐
///     (client)   ▲     ├─► Payload ──┤
///                │     └─► Skip ─────┤
///                ├───────────────────┘
///              Search ◄─ gap over a header; joined in mid-stream
/// ```
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) place: ReadState,
    /// What is at hand of a preface, a header or a payload that is not whole.
    partial: Vec<u8>,
    pub(super) decoder: Decoder,
    /// The header block that CONTINUATION goes on with.
    pub(super) block: Option<Box<PartialBlock>>,
    /// The greatest payload that the other side ever allowed.
    pub(super) longest: u32,
    /// A frame was read.
    pub(super) started: bool,
    /// Frames of this side may have been lost.
    pub(super) lossy: bool,
    /// The codes of the anomalies that were reported.
    reported: Vec<&'static str>,
}

/// The place of a side's bytes in its frames.
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

/// The bytes that a gap took of the frame at hand, and behind it.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Bytes of a stream that is reported.
    pub(super) data: Option<(u32, Lost)>,
    /// A DATA frame that ends within the gap.
    pub(super) ended: Option<DataFrame>,
    /// A frame whose payload was being gathered, and the beginning of it that was.
    pub(super) cut: Option<(Header, Vec<u8>)>,
    /// What lies behind the frame: the headers of others, and what they announce.
    pub(super) beyond: Option<Lost>,
}

/// The payload of a DATA frame that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataFrame {
    pub(super) stream: u32,
    /// How much of the payload is left, padding included.
    pub(super) left: u32,
    padding: Padding,
    pub(super) ends: bool,
    /// Its bytes are reported.
    pub(super) delivers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    /// The next byte is its length.
    Next,
    Known(u32),
}

/// A header block that is not whole.
#[derive(Debug)]
pub(super) struct PartialBlock {
    pub(super) stream: u32,
    pub(super) promised: bool,
    pub(super) ends: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) frames: u32,
    /// Bytes are missing behind those at hand.
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

    /// Makes the one of a side that is joined in mid-stream.
    pub(super) fn mid_stream(limits: &Limits) -> Self {
        let mut reader = Reader::new(
            ReadState::Search(Box::new(Search::new(limits.search, Lost::Unknown { least: 0 }))),
            limits,
        );
        reader.lose();
        reader.started = true;
        reader
    }

    /// Hears that frames may be lost here.
    pub(super) fn lose(&mut self) {
        self.lossy = true;
        self.partial = Vec::new();
        self.block = None;
        self.decoder.lose();
    }

    /// Takes a gap as far as it lies in the frame at hand.
    pub(super) fn miss(&mut self, lost: Lost) -> Missed {
        let exact = if let Lost::Exact(bytes) = lost { u32::try_from(bytes).ok() } else { None };
        let beyond = |left: usize| match lost {
            Lost::Exact(bytes) => Lost::Exact(bytes.saturating_sub(left as u64)),
            _ => Lost::Unknown { least: 0 },
        };
        let mut missed = Missed::default();
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
                // Whatever else it sets is not known.
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

    /// Begins to search for frames, or goes on behind another gap.
    pub(super) fn search(&mut self, lost: Lost, limits: &Limits) {
        self.lose();
        self.started = true;
        match &mut self.place {
            ReadState::Search(search) => search.gap(lost),
            place => *place = ReadState::Search(Box::new(Search::new(limits.search, lost))),
        }
    }

    /// Returns whether frames are searched for.
    pub(super) const fn is_searching(&self) -> bool {
        matches!(self.place, ReadState::Search(_))
    }

    /// Returns whether an anomaly was not reported before, and notes that it is now.
    pub(super) fn is_news(&mut self, code: &'static str) -> bool {
        let is_news = !self.reported.contains(&code);
        if is_news {
            self.reported.push(code);
        }
        is_news
    }

    /// Gathers so many bytes; returns how many of `input` that took, and all of them once they are there.
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

    /// Takes bytes of the connection preface; tells how many of the first are right, once they are whole or one is wrong.
    pub(super) fn preface(&mut self, input: &[u8]) -> (usize, Option<usize>) {
        let right = |bytes: &[u8]| bytes.iter().zip(PREFACE).take_while(|(a, b)| a == b).count();
        let (used, whole) = self.gather(input, PREFACE.len());
        let Some(whole) = whole else {
            return (used, Some(right(&self.partial)).filter(|right| *right < self.partial.len()));
        };
        self.place = ReadState::Header;
        (used, Some(right(&whole)))
    }

    /// Forgets what header blocks refer to, and what there is of one that is not whole.
    pub(super) fn forget_headers(&mut self) {
        self.decoder.forget();
        if let Some(block) = &mut self.block {
            block.bytes = Vec::new();
            block.truncated = true;
        }
    }

    /// Returns the memory that decoding header blocks takes, in bytes.
    pub(super) fn header_memory(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.capacity());
        block.saturating_add(self.decoder.allocated())
    }

    /// Returns the memory it holds, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let search = if let ReadState::Search(search) = &self.place { search.allocated() } else { 0 };
        [search, self.partial.capacity(), self.header_memory()].into_iter().fold(0, usize::saturating_add)
    }
}

/// The next part of a DATA frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// So many bytes of the stream.
    Bytes(usize),
    /// So many that are padding, or its length.
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

    /// Takes what comes first of `input`.
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

    /// Hears that so many bytes are lost, at most those left; returns how many of them were the stream's, or `None`
    /// where the length of the padding was among them.
    pub(super) fn lose(&mut self, lost: u32) -> Option<u32> {
        let taken = lost.min(self.left);
        let Padding::Known(padding) = self.padding else {
            // What is left is padding from some place on.
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
