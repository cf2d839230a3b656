use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};
use super::hdlc;

const LAYER: &str = "ERF";

/// Reads a record in Endace's format (`LINKTYPE_ERF`): a header of 16 bytes, extension headers, and the packet.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, mut rest) = view.split::<16>(LAYER)?;
    let kind = header[8];
    let length = u16::from_be_bytes([header[14], header[15]]);
    let mut more = kind & 0x80 != 0;
    // The first bit of each extension header indicates whether another follows.
    while more {
        let (extension, after) = rest.split::<8>(LAYER)?;
        more = extension[0] & 0x80 != 0;
        rest = after;
    }
    match kind & 0x7f {
        // Ethernet, preceded by a slot's offset; the length on the wire covers the frame alone.
        2 | 11 | 16 | 20 => Ok(Found::new(Next::Ethernet, rest.skip(LAYER, 2)?.limit(usize::from(length)))),
        1 | 10 | 15 | 19 => hdlc::read(rest.limit(usize::from(length))),
        22 => Ok(Found::new(Next::Ipv4, rest.limit(usize::from(length)))),
        23 => Ok(Found::new(Next::Ipv6, rest.limit(usize::from(length)))),
        27 | 48 => Ok(Found::unread(Unread::Plain("ERF records without a packet"), rest)),
        _ => Ok(Found::unread(Unread::Hidden("ERF records of another link layer"), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Unread;
    use super::super::super::sample::*;

    fn erf(kind: u8, extensions: &[u8], packet: &[u8], pad: &[u8]) -> Vec<u8> {
        let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
        join(&[&[0; 8], &[kind, 4, 0, 0, 0, 0], &length, extensions, pad, packet])
    }

    #[test]
    fn ethernet_hdlc_and_ip_records() {
        let frame = join(&[&ethernet(0x0800, &hello()), &[0xfc; 4]]);
        is_plain(197, &erf(2, &[], &frame, &[0, 0]));
        is_plain(197, &erf(0x82, &[0; 8], &frame, &[0, 0]));
        is_plain(197, &erf(0x82, &[0x83, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0], &frame, &[0, 0]));
        is_plain(197, &erf(1, &[], &join(&[&[0x0f, 0, 8, 0], &hello()]), &[]));
        is_plain(197, &erf(22, &[], &hello(), &[]));
        is_plain(197, &erf(23, &[], &hello6(), &[]));
    }

    #[test]
    fn other_records_are_named() {
        let record = erf(3, &[], &[0; 53], &[]);
        assert_eq!(unread(197, &record), Unread::Hidden("ERF records of another link layer"));
    }
}
