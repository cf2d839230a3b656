//! Bytes in place of a frame: an HTTP message, or text that was written without a frame.

use super::side_state::{InStream, Reading};
use super::state::Conversation;
use crate::http::{self, Sniff};
use crate::model::{Anomaly, At, Side};
use crate::session::context::Context;
use crate::session::resync::FrameSearch;
use crate::websocket::{Frames, Rsv1};

const HTTP: &[u8] = b"HTTP/1.";

/// The maximum length of a reported first line.
const LINE: usize = 128;

/// The minimum length of text, in bytes; anything shorter is read as a broken header.
const MIN_TEXT: usize = 4;

/// The nature of bytes at a frame boundary.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Undecided,
    Http,
    Text,
    Frames,
}

impl Conversation {
    /// Processes bytes that are, or may be, in place of a frame; returns whether they are consumed.
    pub(super) fn in_stream(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) -> bool {
        let half = &mut self.sides[side];
        match &mut half.in_stream {
            Some(InStream::Message) => return true,
            Some(InStream::Never) => return false,
            Some(InStream::Text { .. }) => {
                self.skip_text(side, bytes, carried, cx);
                return true;
            }
            Some(InStream::Undecided { bytes: held, .. }) => held.extend_from_slice(bytes),
            None => {
                let kept = match (half.frames.partial(), bytes) {
                    ([], [first, ..])
                        if cannot_begin_frame(*first, self.deflate.rsv1()) && !half.frames.inside() =>
                    {
                        0
                    }
                    ([first], _) if cannot_begin_frame(*first, self.deflate.rsv1()) => 1_u64,
                    _ => return false,
                };
                if !cx.verified || matches!(half.reading, Reading::Found(_)) {
                    return false;
                }
                if kept == 0 {
                    half.begun = carried;
                }
                let offset = half.frames.offset().saturating_sub(kept);
                let held = [half.frames.partial(), bytes].concat();
                half.frames = Frames::starting_at(offset);
                half.in_stream = Some(InStream::Undecided { bytes: held, offset });
            }
        }
        self.decide_in_stream(side, false, carried, cx);
        true
    }

    fn decide_in_stream(&mut self, side: Side, is_over: bool, carried: At, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let Some(InStream::Undecided { bytes, offset }) = &mut half.in_stream else { return };
        let (bytes, offset) = (std::mem::take(bytes), *offset);
        match classify(side, &bytes, is_over) {
            Verdict::Undecided => half.in_stream = Some(InStream::Undecided { bytes, offset }),
            Verdict::Http => {
                half.in_stream = Some(InStream::Message);
                cx.anomaly(Some(side), &Anomaly::HttpInStream { offset, found: first_line(&bytes) });
            }
            Verdict::Text => {
                half.in_stream = Some(InStream::Text { end: offset });
                cx.anomaly(Some(side), &Anomaly::TextInStream { offset, found: first_line(&bytes) });
                self.skip_text(side, &bytes, carried, cx);
            }
            Verdict::Frames => {
                half.in_stream = Some(InStream::Never);
                let begun = half.begun;
                self.frames(side, &bytes, begun, cx);
            }
        }
    }

    /// Skips text, and searches for frames after it.
    fn skip_text(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let Some(InStream::Text { end }) = &mut self.sides[side].in_stream else { return };
        let length = text_length(bytes);
        *end = end.saturating_add(length as u64);
        let Some(rest @ [_, ..]) = bytes.get(length..) else { return };
        let search = FrameSearch::after_gap(side, self.deflate.rsv1(), *end, 0).behind(cx.at);
        self.sides[side].in_stream = None;
        self.search_from(side, search, rest, carried, cx);
    }

    /// Decides on undecided bytes at the end of the stream.
    pub(super) fn end_in_stream(&mut self, side: Side, cx: &mut Context<'_>) {
        let begun = self.sides[side].begun;
        self.decide_in_stream(side, true, begun, cx);
        let half = &mut self.sides[side];
        if let Some(InStream::Text { end }) = half.in_stream {
            half.in_stream = None;
            half.frames = Frames::starting_at(end);
        }
    }
}

/// Returns whether a line of ASCII may begin with this byte and no valid frame does.
///
/// As a header, each would be a fragment with a reserved opcode, a fragmented control frame, or have several RSV bits
/// or RSV1 where nothing defines it. A space, `!` and `"` are left out: they are one bit (RSV2) away from a valid fragment.
const fn cannot_begin_frame(first: u8, rsv1: Rsv1) -> bool {
    match first {
        b'@'..=b'B' => matches!(rsv1, Rsv1::Meaningless),
        _ => matches!(first, b'#'..=b'~'),
    }
}

/// Classifies bytes at a frame boundary; `is_over` means that no more will follow.
///
/// Only the first line counts, up to its limit and to the first byte that is not text: the verdict does not depend on
/// how the bytes are cut into segments.
fn classify(side: Side, bytes: &[u8], is_over: bool) -> Verdict {
    let start = bytes.get(..bytes.len().min(LINE)).unwrap_or_default();
    let end = start.iter().position(|byte| *byte == b'\n' || !is_text(*byte));
    let line = end.and_then(|end| start.get(..=end)).unwrap_or(start);
    if end.is_none() && start.len() < LINE && !is_over {
        return Verdict::Undecided;
    }
    let is_http = match side {
        Side::Server => line.starts_with(HTTP),
        Side::Client => http::looks_like(line) == Sniff::Request,
    };
    if is_http {
        Verdict::Http
    } else if text_length(line) >= MIN_TEXT {
        Verdict::Text
    } else {
        Verdict::Frames
    }
}

/// Returns the length of the text that bytes begin with.
fn text_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_text(*byte)).unwrap_or(bytes.len())
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~')
}

/// Returns the first line of text, limited in length and ending before any non-text byte.
fn first_line(bytes: &[u8]) -> Box<str> {
    let text = bytes.get(..text_length(bytes).min(LINE)).unwrap_or_default();
    let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    String::from_utf8_lossy(line).into()
}
