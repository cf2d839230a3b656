use super::super::cursor::Cursor;
use super::super::next::{Found, Next, Transport};

const LAYER: &str = "GUE";

/// Reads a generic UDP encapsulation header (draft-ietf-intarea-gue §3), or an IP packet without one (§4).
pub(super) fn read<'a>(transport: &Transport, view: Cursor<'a>) -> Option<Found<'a>> {
    if view.bytes.first()? >> 6 == 1 {
        return Some(Found::new(Next::Ip, view));
    }
    let (header, rest) = view.split::<4>(LAYER).ok()?;
    let [first, protocol, ..] = *header;
    // Version 0, and not a control message.
    if first >> 5 != 0 {
        return None;
    }
    let rest = rest.skip(LAYER, usize::from(first & 0x1f).checked_mul(4)?).ok()?;
    Some(Found::new(Next::Transport(Transport { protocol, ..*transport }), rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn what_an_encapsulation_carries() {
        let gue = |rest: &[u8]| ipv4(17, &udp(6080, rest));
        is_plain(RAW, &gue(&join(&[&[0, 4, 0, 0], &hello()])));
        is_plain(RAW, &gue(&join(&[&[1, 41, 0, 0, 9, 9, 9, 9], &hello6()])));
        is_plain(RAW, &gue(&join(&[&[0, 47, 0, 0, 0, 0, 8, 0], &hello()])));
        is_plain(RAW, &gue(&hello()));
        assert_eq!(decode(RAW, &gue(&join(&[&[0x20, 4, 0, 0], &hello()]))), Seen::Other);
    }
}
