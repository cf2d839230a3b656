use super::super::cursor::Cursor;
use super::super::layers::Id;
use super::super::next::{Found, Next};

/// The flag that the 24-bit field is an instance ID, a virtual network.
const INSTANCE: u8 = 0x08;

/// Reads a LISP data header (RFC 9300 §5.1): flags, a nonce, and an instance ID or locator bits.
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>("LISP").ok()?;
    let [flags, _, _, _, i0, i1, i2, _] = *header;
    match rest.bytes.first().map(|byte| byte >> 4) {
        Some(4 | 6) => {}
        _ => return None,
    }
    let found = Found::new(Next::Ip, rest);
    let instance = u32::from_be_bytes([0, i0, i1, i2]);
    Some(if flags & INSTANCE != 0 { found.with(Id::Lisp(instance)) } else { found })
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use crate::model::Tunnel;

    #[test]
    fn ip_between_sites() {
        let lisp = |flags, inner: &[u8]| ipv4(17, &udp(4341, &join(&[&[flags, 1, 2, 3, 0, 0, 7, 0], inner])));
        is_plain(RAW, &lisp(0xc0, &hello()));
        is_plain(RAW, &lisp(0xc0, &hello6()));
        assert_ne!(tunnel_of(RAW, &lisp(0xc8, &hello())), Tunnel::NONE);
        assert_eq!(decode(RAW, &lisp(0xc0, &[0x10; 40])), Seen::Other);
    }
}
