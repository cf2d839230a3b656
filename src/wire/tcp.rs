use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::{HeaderError, HeaderSliceError};

use super::DecodeError;
use super::cursor::Cursor;
use super::next::Transport;
use crate::model::{Endpoint, Flags, Flow, Segment, SenderClock, Seq, Tunnel};

/// The IP protocol number of TCP.
pub(super) const PROTOCOL: u8 = 6;

const LAYER: &str = "TCP";

/// Reads a TCP header (RFC 9293 §3.1); what follows it is payload.
pub(super) fn read<'a>(
    view: Cursor<'a>,
    transport: &Transport,
    tunnel: Tunnel,
) -> Result<Segment<'a>, DecodeError> {
    let header = match TcpHeaderSlice::from_slice(view.bytes) {
        Ok(header) => header,
        Err(HeaderSliceError::Len(error)) => {
            let cut = truncated_in_options(&view, transport, tunnel);
            return cut.ok_or_else(|| view.short(LAYER, error.required_len));
        }
        Err(HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset })) => {
            return Err(view.field(LAYER, "data offset", u64::from(data_offset)));
        }
    };
    let payload = view.skip(LAYER, header.slice().len())?;
    Ok(Segment {
        flow: Flow {
            source: Endpoint::new(transport.source, header.source_port()),
            destination: Endpoint::new(transport.destination, header.destination_port()),
            tunnel,
        },
        seq: Seq(header.sequence_number()),
        ack: Seq(header.acknowledgment_number()),
        flags: Flags(header.slice().get(13).copied().unwrap_or_default()),
        window: header.window_size(),
        header: header.slice(),
        payload: payload.bytes,
        offset: u32::try_from(payload.offset).ok(),
        cut: u32::try_from(payload.cut).unwrap_or(u32::MAX),
        packet_length: 0,
        stamp: SenderClock::new(transport.id, header.options()),
    })
}

/// Reads a header truncated inside its options: all of the payload is truncated as well.
fn truncated_in_options<'a>(view: &Cursor<'a>, transport: &Transport, tunnel: Tunnel) -> Option<Segment<'a>> {
    let &[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, ..] =
        view.bytes.first_chunk::<20>()?;
    let length = usize::from(offset >> 4).saturating_mul(4);
    let whole = view.bytes.len().saturating_add(view.cut);
    let payload = whole.checked_sub(length)?;
    Some(Segment {
        flow: Flow {
            source: Endpoint::new(transport.source, u16::from_be_bytes([s0, s1])),
            destination: Endpoint::new(transport.destination, u16::from_be_bytes([d0, d1])),
            tunnel,
        },
        seq: Seq(u32::from_be_bytes([q0, q1, q2, q3])),
        ack: Seq(u32::from_be_bytes([a0, a1, a2, a3])),
        flags: Flags(flags),
        window: u16::from_be_bytes([w0, w1]),
        // No checksum can be verified on a truncated segment.
        header: &[],
        payload: &[],
        offset: None,
        cut: u32::try_from(payload).unwrap_or(u32::MAX),
        packet_length: 0,
        stamp: SenderClock { clock: 0, id: transport.id },
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    #[test]
    fn every_field_of_the_header() {
        let segment = decode(RAW, &hello()).tcp();
        assert!(segment.is_sample(b"hello"), "{segment:?}");
        let mut bytes = tcp(&[]);
        bytes[13] = 0xc2;
        let segment = decode(RAW, &ipv4(6, &bytes)).tcp();
        assert_eq!((segment.flags, segment.payload.len(), segment.cut), (0xc2, 0, 0));
    }

    #[test]
    fn options_are_not_payload() {
        for words in 1..=10_u8 {
            let mut bytes = tcp(&join(&[&vec![1; usize::from(words) * 4], b"hello"]));
            bytes[12] = (5 + words) << 4;
            is_plain(RAW, &ipv4(6, &bytes));
            is_plain(RAW, &ipv6(6, &bytes));
            is_plain(ETHERNET, &ethernet(0x0800, &ipv4(6, &bytes)));
        }
    }

    #[test]
    fn what_the_sender_says_of_the_time() {
        let clock = [1, 1, 8, 10, 0, 0, 0x30, 0x39, 0, 0, 0, 9];
        let mut bytes = tcp(&join(&[&clock, b"hello"]));
        // Without options, the same bytes are payload.
        assert_eq!(decode(RAW, &ipv4(6, &bytes)).tcp().stamp, SenderClock { clock: 0, id: 7 });
        bytes[12] = 8 << 4;
        assert_eq!(decode(RAW, &ipv4(6, &bytes)).tcp().stamp, SenderClock { clock: 12_345, id: 7 });
        assert_eq!(decode(RAW, &ipv6(6, &bytes)).tcp().stamp, SenderClock { clock: 12_345, id: 0 });
        assert_eq!(
            decode(ETHERNET, &ethernet(0x0800, &ipv4(6, &bytes))).tcp().stamp,
            SenderClock { clock: 12_345, id: 7 }
        );
    }

    #[test]
    fn a_data_offset_inside_the_header() {
        for offset in 0..5_u8 {
            let mut bytes = tcp(b"hello");
            bytes[12] = offset << 4;
            let stop = DecodeError::Field {
                layer: "TCP",
                offset: 34,
                field: "data offset",
                value: u64::from(offset),
            };
            assert_eq!(decode(ETHERNET, &ethernet(0x0800, &ipv4(6, &bytes))), Seen::Unreadable(stop));
        }
    }

    #[test]
    fn a_data_offset_behind_the_segment() {
        let mut bytes = tcp(b"hello");
        bytes[12] = 0xf0;
        let stop = DecodeError::Short { layer: "TCP", offset: 34, needed: 60, had: 25 };
        let packet = join(&[&ethernet(0x0800, &ipv4(6, &bytes)), &[0; 60]]);
        assert_eq!(decode(ETHERNET, &packet), Seen::Unreadable(stop));
    }

    #[test]
    fn a_header_cut_by_the_snap_length() {
        let stop = DecodeError::Short { layer: "TCP", offset: 20, needed: 20, had: 19 };
        assert_eq!(decode_cut(RAW, &hello(), 39), Seen::Unreadable(stop));
        assert!(matches!(decode_cut(RAW, &hello(), 40), Seen::Tcp(_)));
    }

    #[test]
    fn options_cut_by_the_snap_length() {
        let mut bytes = tcp(&join(&[&[1; 20], b"hello"]));
        bytes[12] = 10 << 4;
        let whole = decode(RAW, &ipv4(6, &bytes)).tcp();
        for length in 40..60 {
            let segment = decode_cut(RAW, &ipv4(6, &bytes), length).tcp();
            assert_eq!((&segment.payload[..], segment.cut), (&b""[..], 5), "{length}");
            assert_eq!((segment.numbers, segment.flags), (whole.numbers, whole.flags));
        }
    }

    #[test]
    fn payload_cut_by_the_snap_length() {
        for packet in [
            ethernet(0x0800, &hello()),
            ethernet(0x86dd, &hello6()),
            ethernet(0x8100, &vlan(0, 0x800, &hello())),
        ] {
            for missing in 0..=5_u8 {
                let segment = decode_cut(ETHERNET, &packet, packet.len() - usize::from(missing)).tcp();
                assert_eq!(
                    (&segment.payload[..], segment.cut),
                    (&b"hello"[..usize::from(5 - missing)], missing.into())
                );
            }
        }
    }

    #[test]
    fn padding_cut_by_the_snap_length_is_no_gap() {
        let packet = join(&[&ethernet(0x0800, &hello()), &[0; 20]]);
        for kept in [packet.len() - 20, packet.len() - 1] {
            assert!(decode_cut(ETHERNET, &packet, kept).tcp().is_sample(b"hello"));
        }
    }
}
