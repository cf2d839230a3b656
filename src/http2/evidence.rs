//! How likely bytes are the header of a frame (RFC 9113 §4.1).

use super::frame::{ACK, END_HEADERS, END_STREAM, FrameType, Header, PADDED, PRIORITY};
use super::stream::Streams;
use crate::model::Side;

/// The knowledge that the search for a header may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'s> {
    pub(super) side: Side,
    pub(super) streams: &'s Streams,
    /// The longest payload that is allowed.
    pub(super) longest: u32,
    /// The connection is known to be HTTP/2.
    pub(super) is_http2: bool,
}

/// How many bits a header on a stream that is known is worth, one on the stream of the header before it, one that opens
/// the next stream, and one on a stream that nothing is known of.
const SEEN: u32 = 34;
pub(super) const KIN: u32 = 24;
const NEXT: u32 = 30;
const ANY: u32 = 14;

/// Weighs what may be a header: how many bits of evidence it is; `None` where it is not legal.
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
        // The server answers on its own streams where it pushes.
        FrameType::DATA | FrameType::HEADERS | FrameType::CONTINUATION if !odd && side == Side::Client => {
            None
        }
        FrameType::PUSH_PROMISE if side == Side::Client || !odd => None,
        _ if streams.get(header.stream).is_some() => Some(SEEN),
        FrameType::HEADERS if side == Side::Client && header.stream > highest && highest > 0 => {
            (header.stream.saturating_sub(highest) <= 256).then_some(NEXT)
        }
        _ => (header.stream <= 0xffff).then_some(ANY),
    }
}

/// Weighs a frame of the connection: its length is one of few.
fn of_connection(header: &Header, side: Side) -> Option<u32> {
    const FIXED: u32 = 40;
    match header.kind {
        FrameType::SETTINGS | FrameType::PING | FrameType::WINDOW_UPDATE => Some(FIXED),
        FrameType::GOAWAY => Some(ANY),
        FrameType::PRIORITY_UPDATE if side == Side::Client => Some(ANY),
        FrameType::ALTSVC | FrameType::ORIGIN if side == Side::Server => Some(ANY),
        _ => None,
    }
}

/// Returns the flags that a type defines; `None` for types that are not known.
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

/// Returns whether a frame's length may be that of its type.
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
