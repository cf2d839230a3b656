use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "MPLS";
/// The maximum depth of the label stack.
const LABELS: u8 = 16;
const UNREAD: Unread = Unread::Hidden("MPLS packets of unknown content");

/// Reads a stack of MPLS labels (RFC 3032 §2.1).
///
/// Nothing in it identifies the payload; as is customary, the first four bits decide (RFC 4928 §2).
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let mut rest = view;
    for _ in 0..LABELS {
        let (label, after) = rest.split::<4>(LAYER)?;
        rest = after;
        if label[2] & 1 == 1 {
            return Ok(carried(rest));
        }
    }
    Err(DecodeError::Depth { layer: LAYER, offset: rest.offset, limit: LABELS })
}

fn carried(rest: Cursor<'_>) -> Found<'_> {
    match rest.bytes {
        // An Ethernet frame whose destination address begins with a 4 or a 6 is recognised by its type field.
        [0x45..=0x4f, ..] if !is_ethernet(rest.bytes) => Found::new(Next::Ipv4, rest),
        [0x60..=0x6f, ..] if !is_ethernet(rest.bytes) => Found::new(Next::Ipv6, rest),
        // A pseudowire with a control word, whose first four bits are zero (RFC 4448 §4.6).
        [0x00..=0x0f, _, _, _, frame @ ..] if is_ethernet(frame) => match rest.skip(LAYER, 4) {
            Ok(frame) => Found::new(Next::Ethernet, frame),
            Err(_) => Found::unread(UNREAD, rest),
        },
        frame if is_ethernet(frame) => Found::new(Next::Ethernet, rest),
        _ => Found::unread(UNREAD, rest),
    }
}

/// Returns whether the bytes begin with an Ethernet header of a supported type and the start of the matching payload.
pub(in super::super) fn is_ethernet(bytes: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk::<14>() else { return false };
    matches!(
        (u16::from_be_bytes([header[12], header[13]]), rest.first()),
        (0x0800, Some(0x45..=0x4f)) | (0x86dd, Some(0x60..=0x6f)) | (0x8100 | 0x88a8 | 0x8864, Some(_))
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;

    const INNER: [u8; 4] = [0, 1, 0x00, 64];
    const BOTTOM: [u8; 4] = [0, 2, 0x01, 64];

    #[test]
    fn one_label_and_a_stack() {
        is_plain(ETHERNET, &ethernet(0x8847, &join(&[&BOTTOM, &hello()])));
        is_plain(ETHERNET, &ethernet(0x8848, &join(&[&INNER, &INNER, &BOTTOM, &hello6()])));
    }

    #[test]
    fn pseudowire_with_and_without_control_word() {
        let frame = ethernet(0x0800, &hello());
        is_plain(ETHERNET, &ethernet(0x8847, &join(&[&BOTTOM, &[0, 0, 0, 9], &frame])));
        is_plain(ETHERNET, &ethernet(0x8847, &join(&[&BOTTOM, &frame])));
    }

    #[test]
    fn a_frame_for_an_address_that_begins_like_ip() {
        let mut frame = ethernet(0x0800, &hello());
        frame[0] = 0x45;
        is_plain(ETHERNET, &ethernet(0x8847, &join(&[&BOTTOM, &frame])));
    }

    #[test]
    fn a_stack_without_a_bottom_ends() {
        let stack = ethernet(0x8847, &INNER.repeat(17));
        assert!(matches!(
            decode(ETHERNET, &stack),
            Seen::Unreadable(DecodeError::Depth { layer: "MPLS", .. })
        ));
        let stack = ethernet(0x8847, &INNER.repeat(3));
        assert!(matches!(
            decode(ETHERNET, &stack),
            Seen::Unreadable(DecodeError::Short { layer: "MPLS", .. })
        ));
    }

    #[test]
    fn anything_else_is_other() {
        assert_eq!(decode(ETHERNET, &ethernet(0x8847, &join(&[&BOTTOM, &[0x10; 40]]))), Seen::Other);
    }
}
