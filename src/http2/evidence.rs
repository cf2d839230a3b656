//! The likelihood that bytes are a frame header (RFC 9113 §4.1).

use super::frame::{ACK, END_HEADERS, END_STREAM, FrameType, Header, PADDED, PRIORITY};
use super::stream::Streams;
use crate::model::Side;

/// The knowledge that the search for a header may rely on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'s> {
    pub(super) side: Side,
    pub(super) streams: &'s Streams,
    /// The longest payload allowed.
    pub(super) longest: u32,
    /// Whether the connection is known to be HTTP/2.
    pub(super) is_http2: bool,
}

/// The bits of evidence in a header on a known stream; in one on the stream of the preceding header; in one that opens
/// the next stream; and in one on a stream about which nothing is known.
const KNOWN_STREAM: u32 = 34;
pub(super) const SAME_STREAM: u32 = 24;
const NEXT_STREAM: u32 = 30;
const OTHER_STREAM: u32 = 14;

/// Weighs a possible header: returns its bits of evidence, or `None` if it is not legal.
pub(super) fn weigh(header: &Header, known: Known<'_>) -> Option<u32> {
    let legal = !header.reserved
        && header.length <= known.longest
        && header.flags & !flags(header.kind)? == 0
        && fits(header);
    match header.stream {
        _ if !legal => None,
        0 => of_connection(header, known.side),
        _ => of_stream(header, known),
    }
}

fn of_stream(header: &Header, known: Known<'_>) -> Option<u32> {
    let Known { side, streams, .. } = known;
    let odd = header.stream & 1 == 1;
    let highest = streams.highest();
    match header.kind {
        // The server also sends on the streams it opens by pushing.
        FrameType::DATA | FrameType::HEADERS | FrameType::CONTINUATION if !odd && side == Side::Client => {
            None
        }
        FrameType::PUSH_PROMISE if side == Side::Client || !odd => None,
        _ if streams.get(header.stream).is_some() => Some(KNOWN_STREAM),
        FrameType::HEADERS if side == Side::Client && header.stream > highest && highest > 0 => {
            (header.stream.saturating_sub(highest) <= 256).then_some(NEXT_STREAM)
        }
        _ => (header.stream <= 0xffff).then_some(OTHER_STREAM),
    }
}

/// Weighs a frame on stream 0, whose length has few legal values.
fn of_connection(header: &Header, side: Side) -> Option<u32> {
    const FIXED: u32 = 40;
    match header.kind {
        FrameType::SETTINGS | FrameType::PING | FrameType::WINDOW_UPDATE => Some(FIXED),
        FrameType::GOAWAY => Some(OTHER_STREAM),
        FrameType::PRIORITY_UPDATE if side == Side::Client => Some(OTHER_STREAM),
        FrameType::ALTSVC | FrameType::ORIGIN if side == Side::Server => Some(OTHER_STREAM),
        _ => None,
    }
}

/// Returns the flags defined for a type; `None` if the type is unknown.
const fn flags(kind: FrameType) -> Option<u8> {
    match kind {
        FrameType::DATA => Some(END_STREAM | PADDED),
        FrameType::HEADERS => Some(END_STREAM | END_HEADERS | PADDED | PRIORITY),
        FrameType::PUSH_PROMISE => Some(END_HEADERS | PADDED),
        FrameType::SETTINGS | FrameType::PING => Some(ACK),
        FrameType::CONTINUATION => Some(END_HEADERS),
        FrameType::PRIORITY
        | FrameType::RST_STREAM
        | FrameType::GOAWAY
        | FrameType::WINDOW_UPDATE
        | FrameType::ALTSVC
        | FrameType::ORIGIN
        | FrameType::PRIORITY_UPDATE => Some(0),
        _ => None,
    }
}

/// Returns whether a frame's length is legal for its type.
const fn fits(header: &Header) -> bool {
    let length = header.length;
    match header.kind {
        FrameType::DATA => !header.has(PADDED) || length > 0,
        FrameType::HEADERS => length > 0,
        FrameType::PRIORITY => length == 5,
        FrameType::RST_STREAM | FrameType::WINDOW_UPDATE => length == 4,
        FrameType::SETTINGS if header.has(ACK) => length == 0,
        FrameType::SETTINGS => length.is_multiple_of(6) && length <= 120,
        FrameType::PING => length == 8,
        FrameType::GOAWAY => length >= 8,
        FrameType::PUSH_PROMISE | FrameType::PRIORITY_UPDATE => length >= 4,
        _ => true,
    }
}
