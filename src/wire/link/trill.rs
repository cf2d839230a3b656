use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};

const LAYER: &str = "TRILL";

/// Reads a TRILL header (RFC 6325 §3.1), which is followed by an entire Ethernet frame; its bridges differ by
/// direction.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<6>(LAYER)?;
    let flags = u16::from_be_bytes([header[0], header[1]]);
    if flags >> 14 != 0 {
        return Err(view.field(LAYER, "version", u64::from(flags >> 14)));
    }
    let options = usize::from((flags >> 6) & 0x1f).saturating_mul(4);
    Ok(Found::new(Next::Ethernet, rest.skip(LAYER, options)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn a_frame_between_bridges() {
        let frame = ethernet(0x0800, &hello());
        is_plain(ETHERNET, &ethernet(0x22f3, &join(&[&[0, 0x3f, 0, 1, 0, 2], &frame])));
        is_plain(ETHERNET, &ethernet(0x22f3, &join(&[&[0, 0x7f, 0, 1, 0, 2], &[0; 4], &frame])));
        let other = ethernet(0x22f3, &join(&[&[0x40, 0x3f, 0, 1, 0, 2], &frame]));
        assert!(matches!(decode(ETHERNET, &other), Seen::Unreadable(_)));
    }
}
