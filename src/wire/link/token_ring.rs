use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "token ring";

/// Reads a token ring header (`LINKTYPE_IEEE802_5`, IEEE 802.5 §3); LLC frames are decoded further, after a source
/// route if the source's first bit indicates one.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<14>(LAYER)?;
    if header[1] >> 6 != 1 {
        return Ok(Found::unread(Unread::Plain("token ring control frames"), rest));
    }
    if header[8] & 0x80 == 0 {
        return Ok(Found::new(Next::Llc, rest));
    }
    let length = usize::from(rest.bytes.first().copied().unwrap_or_default() & 0x1f);
    if length < 2 {
        return Err(rest.field(LAYER, "route length", u64::try_from(length).unwrap_or_default()));
    }
    Ok(Found::new(Next::Llc, rest.skip(LAYER, length)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    const LLC: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    fn frame(control: u8, source: u8, route: &[u8]) -> Vec<u8> {
        join(&[&[0x10, control, 2, 0, 0, 0, 0, 1, source, 0, 0, 0, 0, 2], route, &LLC, &hello()])
    }

    #[test]
    fn frames_with_and_without_a_route() {
        is_plain(6, &frame(0x40, 2, &[]));
        is_plain(6, &frame(0x44, 0x82, &[0x06, 0x30, 0, 1, 0, 2]));
        assert!(matches!(decode(6, &frame(0x40, 0x82, &[0, 0])), Seen::Unreadable(_)));
        assert_eq!(decode(6, &frame(0x05, 2, &[])), Seen::Other);
    }
}
