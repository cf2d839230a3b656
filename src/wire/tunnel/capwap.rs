use super::super::Unread;
use super::super::cursor::Cursor;
use super::super::next::{Carried, Found, Next, Piece, Transport};

const LAYER: &str = "CAPWAP";
/// The flag for a payload in the format of the wireless binding rather than Ethernet.
const NATIVE: u8 = 0x01;
const FRAGMENT: u8 = 0x80;
const LAST: u8 = 0x40;
const KEEP_ALIVE: u8 = 0x08;
/// The wireless binding of IEEE 802.11.
const IEEE80211: u8 = 1;

/// Reads the CAPWAP header of data between an access point and its controller (RFC 5415 §4.3).
pub(super) fn read<'a>(transport: &Transport, view: Cursor<'a>) -> Option<Found<'a>> {
    let (header, _) = view.split::<8>(LAYER).ok()?;
    let [preamble, length, binding, flags, i0, i1, o0, o1] = *header;
    match preamble {
        0 => {}
        1 => return Some(Found::unread(Unread::Hidden("CAPWAP packets in DTLS, encrypted"), view)),
        _ => return None,
    }
    let length = usize::from(length >> 3).checked_mul(4)?;
    if length < header.len() {
        return None;
    }
    let rest = view.skip(LAYER, length).ok()?;
    if flags & KEEP_ALIVE != 0 {
        return Some(Found::unread(Unread::Plain("CAPWAP keep-alives"), rest));
    }
    let carried = match (binding & NATIVE != 0, (binding >> 1) & 0x1f) {
        (false, _) => Carried::Ethernet,
        (true, IEEE80211) => Carried::Wireless,
        (true, _) => {
            return Some(Found::unread(Unread::Hidden("CAPWAP packets of another wireless binding"), rest));
        }
    };
    let next = if flags & FRAGMENT != 0 {
        Next::Fragment(Piece {
            transport: *transport,
            id: u32::from(u16::from_be_bytes([i0, i1])),
            start: u32::from(u16::from_be_bytes([o0, o1]) & 0xfff8),
            more: flags & LAST == 0,
            carried,
        })
    } else {
        carried.next(*transport)
    };
    Some(Found::new(next, rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use super::super::super::{Decoder, Unread};

    fn capwap(header: [u8; 8], rest: &[u8]) -> Vec<u8> {
        ipv4(17, &udp(5247, &join(&[&header, rest])))
    }

    fn frame(control: [u8; 2]) -> Vec<u8> {
        join(&[&control, &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello()])
    }

    #[test]
    fn frames_of_the_air_with_their_control_bytes_in_either_order() {
        for control in [[8, 1], [1, 8], [8, 2], [2, 8]] {
            is_plain(RAW, &capwap([0, 0x10, 0x43, 0, 0, 0, 0, 0], &frame(control)));
        }
    }

    #[test]
    fn frames_of_a_cable_and_longer_headers() {
        let frame = ethernet(0x0800, &hello());
        is_plain(RAW, &capwap([0, 0x10, 0x42, 0, 0, 0, 0, 0], &frame));
        let notes = [6, 2, 0, 0, 0, 0, 1, 0, 4, 1, 2, 3];
        is_plain(RAW, &capwap([0, 0x28, 0x42, 0x30, 0, 0, 0, 0], &join(&[&notes, &frame])));
    }

    #[test]
    fn fragments_are_put_together() {
        let whole = frame([1, 8]);
        let (first, second) = whole.split_at(48);
        let mut decoder = Decoder::default();
        let second = capwap([0, 0x10, 0x43, 0xc0, 0, 9, 0, 48], second);
        let first = capwap([0, 0x10, 0x43, 0x80, 0, 9, 0, 0], first);
        assert_eq!(decode_at(&mut decoder, 0, RAW, &second), Seen::Fragment);
        assert!(decode_at(&mut decoder, 0, RAW, &first).tcp().is_sample(b"hello"));
    }

    #[test]
    fn what_is_encrypted_is_named() {
        let named = unread(RAW, &capwap([1, 0, 0, 0, 0, 0, 0, 0], &[0; 40]));
        assert_eq!(named, Unread::Hidden("CAPWAP packets in DTLS, encrypted"));
        let protected = unread(RAW, &capwap([0, 0x10, 0x43, 0, 0, 0, 0, 0], &frame([0x41, 8])));
        assert_eq!(protected, Unread::Hidden("protected 802.11 frames"));
        assert!(!unread(RAW, &capwap([0, 0x10, 0x43, 8, 0, 0, 0, 0], &[0; 20])).may_hide_tcp());
    }
}
