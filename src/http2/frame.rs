use nom::bytes::complete::take as take_all;
use nom::combinator::cond;
use nom::multi::many0;
use nom::number::complete::{be_u8 as byte, be_u16 as pair, be_u32 as word};
use nom::number::streaming::{be_u8, be_u24, be_u32};
use nom::{IResult, Parser};

use crate::model::Side;

/// The client's connection preface (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The part of the preface that identifies the protocol.
pub(super) const PREFACE_NAME: &[u8] = b"PRI * HTTP/2";

/// The type of a frame (RFC 9113 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameType(pub u8);

impl FrameType {
    /// Carries bytes of a stream.
    pub const DATA: FrameType = FrameType(0);
    /// Opens a stream, responds on it, or ends it with trailers.
    pub const HEADERS: FrameType = FrameType(1);
    /// Sets a stream's priority; deprecated.
    pub const PRIORITY: FrameType = FrameType(2);
    /// Terminates a stream immediately.
    pub const RST_STREAM: FrameType = FrameType(3);
    /// Conveys the sender's configuration.
    pub const SETTINGS: FrameType = FrameType(4);
    /// Announces a stream that the server will open.
    pub const PUSH_PROMISE: FrameType = FrameType(5);
    /// Checks that the peer is alive, or acknowledges such a check.
    pub const PING: FrameType = FrameType(6);
    /// Announces that no more streams will be accepted.
    pub const GOAWAY: FrameType = FrameType(7);
    /// Allows the peer to send more.
    pub const WINDOW_UPDATE: FrameType = FrameType(8);
    /// Continues a header block.
    pub const CONTINUATION: FrameType = FrameType(9);
    /// Advertises an alternative service (RFC 7838 §4).
    pub const ALTSVC: FrameType = FrameType(10);
    /// Lists origins (RFC 8336 §2).
    pub const ORIGIN: FrameType = FrameType(12);
    /// Sets a priority (RFC 9218 §7.1).
    pub const PRIORITY_UPDATE: FrameType = FrameType(16);

    /// Returns whether the payload of such frames is interpreted; DATA is handled separately.
    pub(super) const fn is_read(self) -> bool {
        matches!(
            self,
            FrameType::HEADERS
                | FrameType::PUSH_PROMISE
                | FrameType::CONTINUATION
                | FrameType::SETTINGS
                | FrameType::RST_STREAM
                | FrameType::GOAWAY
                | FrameType::WINDOW_UPDATE
        )
    }

    /// Returns its name in the RFCs.
    pub const fn name(self) -> &'static str {
        match self {
            FrameType::DATA => "DATA",
            FrameType::HEADERS => "HEADERS",
            FrameType::PRIORITY => "PRIORITY",
            FrameType::RST_STREAM => "RST_STREAM",
            FrameType::SETTINGS => "SETTINGS",
            FrameType::PUSH_PROMISE => "PUSH_PROMISE",
            FrameType::PING => "PING",
            FrameType::GOAWAY => "GOAWAY",
            FrameType::WINDOW_UPDATE => "WINDOW_UPDATE",
            FrameType::CONTINUATION => "CONTINUATION",
            FrameType::ALTSVC => "ALTSVC",
            FrameType::ORIGIN => "ORIGIN",
            FrameType::PRIORITY_UPDATE => "PRIORITY_UPDATE",
            _ => "unknown",
        }
    }
}

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

/// A frame's header (RFC 9113 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The length of the payload: 24 bits.
    pub length: u32,
    /// The type of the frame.
    pub kind: FrameType,
    /// Flags, whose meaning depends on the type.
    pub flags: u8,
    /// The reserved bit.
    pub reserved: bool,
    /// The stream to which it belongs; 0 for the connection.
    pub stream: u32,
}

impl Header {
    /// The length of a frame header, in bytes.
    pub const LENGTH: usize = 9;

    /// Parses the header at the start of `bytes`; returns `None` while it is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        header(bytes).ok().map(|(_, header)| header)
    }

    /// Returns whether a flag is set.
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Parses a frame header (RFC 9113 §4.1): the grammar and nothing else.
fn header(input: &[u8]) -> IResult<&[u8], Header> {
    let (rest, (length, kind, flags, stream)) = (be_u24, be_u8, be_u8, be_u32).parse(input)?;
    let (reserved, stream) = (stream >> 31 != 0, stream & 0x7fff_ffff);
    Ok((rest, Header { length, kind: FrameType(kind), flags, reserved, stream }))
}

/// The verdict on the first bytes of one side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// HTTP/2, and the side that sent them.
    Http2(Side),
    /// Not HTTP/2.
    Neither,
    /// The bytes are too few to decide.
    NeedMore,
}

/// Determines whether these are the first bytes of HTTP/2: enough of the client's preface, or the header of the
/// server's SETTINGS frame (RFC 9113 §3.4).
pub fn looks_like(bytes: &[u8]) -> Sniff {
    const ENOUGH: usize = 4;
    // What follows the protocol's name is judged by the reader of the preface.
    if bytes.starts_with(PREFACE_NAME) || PREFACE.starts_with(bytes) {
        return if bytes.len() < ENOUGH { Sniff::NeedMore } else { Sniff::Http2(Side::Client) };
    }
    let fits = |(at, byte): (usize, &u8)| match at {
        2 => byte % 6 == 0 && *byte <= 120,
        3 => FrameType(*byte) == FrameType::SETTINGS,
        _ => *byte == 0,
    };
    if !bytes.iter().take(Header::LENGTH).enumerate().all(fits) {
        Sniff::Neither
    } else if bytes.len() < Header::LENGTH {
        Sniff::NeedMore
    } else {
        Sniff::Http2(Side::Server)
    }
}

/// A header block fragment and the promised stream, without padding and priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block<'b> {
    /// The promised stream, for `PUSH_PROMISE`.
    pub(super) promised: Option<u32>,
    /// The header block fragment.
    pub(super) fragment: &'b [u8],
}

/// Extracts the header block fragment from the payload of HEADERS or `PUSH_PROMISE` (RFC 9113 §6.2, §6.6); returns
/// `None` if the payload is too short for its padding or its fixed fields.
///
/// If the payload is shorter than the header says, only its beginning was captured: missing padding is not subtracted
/// from it.
pub(super) fn block<'b>(header: &Header, payload: &'b [u8]) -> Option<Block<'b>> {
    let promises = header.kind == FrameType::PUSH_PROMISE;
    let prioritised = header.kind == FrameType::HEADERS && header.has(PRIORITY);
    let parse = (cond(header.has(PADDED), byte), cond(promises, word), cond(prioritised, take_all(5_usize)));
    let (rest, (padding, promised, _)) = parsed(parse, payload)?;
    let missing = (header.length as usize).saturating_sub(payload.len());
    let padding = usize::from(padding.unwrap_or(0));
    let length = rest.len().saturating_add(missing).checked_sub(padding)?;
    let fragment = rest.get(..length.min(rest.len()))?;
    Some(Block { promised: promised.map(|stream| stream & 0x7fff_ffff), fragment })
}

/// Parses the payload of SETTINGS: identifiers and values (RFC 9113 §6.5.1).
pub(super) fn settings(payload: &[u8]) -> Vec<(u16, u32)> {
    parsed(many0((pair, word)), payload).map(|(_, settings)| settings).unwrap_or_default()
}

/// Parses the payload of `RST_STREAM` or `WINDOW_UPDATE`: one number (RFC 9113 §6.4, §6.9).
pub(super) fn number(payload: &[u8]) -> Option<u32> {
    parsed(word, payload).map(|(_, number)| number)
}

/// Parses the payload of GOAWAY: the last stream, the error code and debug data (RFC 9113 §6.8).
pub(super) fn goaway(payload: &[u8]) -> Option<(u32, ErrorCode, &[u8])> {
    let (debug, (last, code)) = parsed((word, word), payload)?;
    Some((last & 0x7fff_ffff, ErrorCode(code), debug))
}

fn parsed<'b, O>(
    mut parser: impl Parser<&'b [u8], Output = O, Error = nom::error::Error<&'b [u8]>>,
    input: &'b [u8],
) -> Option<(&'b [u8], O)> {
    parser.parse(input).ok()
}

/// The reason given by `RST_STREAM` or GOAWAY (RFC 9113 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// No error.
    pub const NO_ERROR: ErrorCode = ErrorCode(0);

    /// Returns its name in RFC 9113.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x0 => "NO_ERROR",
            0x1 => "PROTOCOL_ERROR",
            0x2 => "INTERNAL_ERROR",
            0x3 => "FLOW_CONTROL_ERROR",
            0x4 => "SETTINGS_TIMEOUT",
            0x5 => "STREAM_CLOSED",
            0x6 => "FRAME_SIZE_ERROR",
            0x7 => "REFUSED_STREAM",
            0x8 => "CANCEL",
            0x9 => "COMPRESSION_ERROR",
            0xa => "CONNECT_ERROR",
            0xb => "ENHANCE_YOUR_CALM",
            0xc => "INADEQUATE_SECURITY",
            0xd => "HTTP_1_1_REQUIRED",
            _ => "unknown error code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cut_anywhere_is_not_yet_one() {
        let whole = [0, 0x40, 1, 0, 9, 0x80, 0, 1, 3, 77];
        for cut in 0..Header::LENGTH {
            assert_eq!(Header::parse(&whole[..cut]), None, "at {cut}");
        }
        let header = Header::parse(&whole).unwrap();
        let expected =
            Header { length: 0x4001, kind: FrameType::DATA, flags: 9, reserved: true, stream: 0x103 };
        assert_eq!(header, expected);
        assert!(header.has(END_STREAM) && header.has(PADDED) && !header.has(END_HEADERS));
    }

    fn headers(kind: FrameType, flags: u8, length: u32) -> Header {
        Header { length, kind, flags, reserved: false, stream: 1 }
    }

    #[test]
    fn padding_and_priority_are_no_part_of_a_block() {
        let padded = headers(FrameType::HEADERS, PADDED | PRIORITY, 10);
        let payload = [2, 0, 0, 0, 0, 16, b'a', b'b', 0, 0];
        assert_eq!(block(&padded, &payload), Some(Block { promised: None, fragment: b"ab" }));
        // Only the beginning is present.
        assert_eq!(block(&padded, &payload[..7]).unwrap().fragment, b"a");
        assert_eq!(block(&padded, &payload[..9]).unwrap().fragment, b"ab");
        let promise = headers(FrameType::PUSH_PROMISE, 0, 6);
        assert_eq!(
            block(&promise, &[0x80, 0, 0, 2, b'x', b'y']),
            Some(Block { promised: Some(2), fragment: b"xy" })
        );
        let short = headers(FrameType::HEADERS, PADDED, 3);
        assert_eq!(block(&short, &[3, 0, 0]), None);
        assert_eq!(block(&headers(FrameType::HEADERS, PRIORITY, 4), &[0; 4]), None);
    }

    #[test]
    fn the_first_bytes_of_each_side() {
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3];
        for (whole, side, enough) in [(PREFACE, Side::Client, 4), (&settings, Side::Server, 9)] {
            for length in 0..=whole.len() {
                let expected = if length < enough { Sniff::NeedMore } else { Sniff::Http2(side) };
                assert_eq!(looks_like(&whole[..length]), expected, "{length} of {side:?}");
            }
        }
        assert_eq!(looks_like(b"PRI * HTTP/2.0\r\n\r\nXX"), Sniff::Http2(Side::Client));
        for other in [
            &b"PRX"[..],
            b"PRI * HTTP/1.1",
            b"GET / HTTP/1.1",
            &[0, 0, 6, 4, 0, 0, 0, 0, 1],
            &[0, 0, 7],
            &[0, 0, 6, 4, 1],
        ] {
            assert_eq!(looks_like(other), Sniff::Neither, "{other:?}");
        }
    }

    #[test]
    fn payloads_of_numbers() {
        assert_eq!(settings(&[0, 8, 0, 0, 0, 1, 0, 4, 0, 1, 0, 0]), [(8, 1), (4, 65_536)]);
        assert_eq!(settings(&[]), []);
        assert_eq!(number(&[0, 0, 0, 8]), Some(8));
        assert_eq!(number(&[0, 0, 8]), None);
        let (last, code, debug) = goaway(&[0x80, 0, 0, 5, 0, 0, 0, 2, b'o', b'h']).unwrap();
        assert_eq!((last, code.name(), debug), (5, "INTERNAL_ERROR", &b"oh"[..]));
        assert_eq!(goaway(&[0; 7]), None);
    }
}
