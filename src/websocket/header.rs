use std::fmt;

use nom::IResult;
use nom::Parser;
use nom::bytes::streaming::take;
use nom::combinator::cond;
use nom::number::streaming::{be_u8, be_u16, be_u64};

/// The four-bit opcode of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A continuation of the current message.
    pub const CONTINUATION: Opcode = Opcode(0);
    /// UTF-8 text.
    pub const TEXT: Opcode = Opcode(1);
    /// Binary data.
    pub const BINARY: Opcode = Opcode(2);
    /// The end of the conversation.
    pub const CLOSE: Opcode = Opcode(8);
    /// A request for a pong.
    pub const PING: Opcode = Opcode(9);
    /// A response to a ping.
    pub const PONG: Opcode = Opcode(10);

    /// Returns whether it is a control frame, whose top bit is set.
    pub const fn is_control(self) -> bool {
        self.0 & 8 != 0
    }

    /// Returns whether it is reserved by RFC 6455.
    pub const fn is_reserved(self) -> bool {
        !matches!(self.0, 0 | 1 | 2 | 8 | 9 | 10)
    }

    /// Returns the name used in every output: `continuation text binary close ping pong reserved-N`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "continuation",
            1 => "text",
            2 => "binary",
            3 => "reserved-3",
            4 => "reserved-4",
            5 => "reserved-5",
            6 => "reserved-6",
            7 => "reserved-7",
            8 => "close",
            9 => "ping",
            10 => "pong",
            11 => "reserved-11",
            12 => "reserved-12",
            13 => "reserved-13",
            14 => "reserved-14",
            _ => "reserved-15",
        }
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A frame's header (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this frame ends its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as one number; RSV1 is 4.
    pub rsv: u8,
    /// The opcode.
    pub opcode: Opcode,
    /// The masking key, if the mask bit is set.
    pub mask: Option<[u8; 4]>,
    /// The payload length declared by the header, including its top bit.
    pub length: u64,
    /// The length of the header itself, 2 to 14 bytes.
    pub header_length: u8,
}

impl Header {
    /// The maximum length of a header.
    pub const MAX_LENGTH: usize = 14;

    /// Parses the header at the beginning of `bytes`; returns `None` while it is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        header(bytes).ok().map(|(_, header)| header)
    }

    /// Returns whether the length has its shortest form (RFC 6455 §5.2).
    pub const fn is_minimal(&self) -> bool {
        let form = self.header_length.saturating_sub(if self.mask.is_some() { 4 } else { 0 });
        match form {
            4 => self.length > 125,
            10 => self.length > 0xffff,
            _ => true,
        }
    }

    /// Returns whether RSV1 is set, as in the first frame of a compressed message (RFC 7692 §6).
    pub const fn rsv1(&self) -> bool {
        self.rsv & 4 != 0
    }
}

/// Parses a frame header (RFC 6455 §5.2), checking nothing but the grammar.
fn header(input: &[u8]) -> IResult<&[u8], Header> {
    let (rest, (first, second)) = (be_u8, be_u8).parse(input)?;
    let (rest, (length, extended)) = match second & 0x7f {
        126 => be_u16.map(|n| (u64::from(n), 2)).parse(rest)?,
        127 => be_u64.map(|n| (n, 8)).parse(rest)?,
        short => (rest, (u64::from(short), 0)),
    };
    let (rest, key) = cond(second & 0x80 != 0, take(4_usize)).parse(rest)?;
    let mask = key.and_then(|key: &[u8]| <[u8; 4]>::try_from(key).ok());
    let header = Header {
        fin: first & 0x80 != 0,
        rsv: first >> 4 & 7,
        opcode: Opcode(first & 0x0f),
        mask,
        length,
        header_length: 2_u8.saturating_add(extended).saturating_add(if mask.is_some() { 4 } else { 0 }),
    };
    Ok((rest, header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_6455_section_5_7() {
        let hello = Header::parse(&[0x81, 0x05, 0x48]).unwrap();
        assert!(hello.fin && hello.opcode == Opcode::TEXT && hello.mask.is_none());
        assert_eq!((hello.length, hello.header_length), (5, 2));
        let masked = Header::parse(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f]).unwrap();
        assert_eq!((masked.mask, masked.header_length), (Some([0x37, 0xfa, 0x21, 0x3d]), 6));
        let long = Header::parse(&[0x82, 0x7e, 0x01, 0x00]).unwrap();
        assert_eq!((long.length, long.header_length), (256, 4));
        let longer = Header::parse(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]).unwrap();
        assert_eq!((longer.length, longer.header_length), (65536, 10));
    }

    #[test]
    fn a_header_cut_anywhere_is_not_yet_one() {
        let whole = [0xc2, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 9, 8, 7, 6];
        for cut in 0..whole.len() {
            assert_eq!(Header::parse(&whole[..cut]), None, "at {cut}");
        }
        let header = Header::parse(&whole).unwrap();
        assert_eq!((header.rsv, header.length, header.header_length), (4, 1 << 63 | 1, 14));
    }

    #[test]
    fn lengths_in_a_longer_form_than_needed() {
        for (bytes, minimal) in [
            (&[0x82, 0x7e, 0, 125][..], false),
            (&[0x82, 0x7e, 0, 126], true),
            (&[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff], false),
            (&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0], true),
            (&[0x82, 0xfe, 0, 125, 1, 2, 3, 4], false),
        ] {
            assert_eq!(Header::parse(bytes).unwrap().is_minimal(), minimal, "{bytes:x?}");
        }
    }
}
