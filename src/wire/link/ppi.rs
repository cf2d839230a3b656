use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use crate::model::LinkType;

const LAYER: &str = "PPI";

/// Reads a per-packet information header (`LINKTYPE_PPI`): metadata, then a packet of the given link type.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, _) = view.split::<8>(LAYER)?;
    let [_, _, l0, l1, d0, d1, d2, d3] = *header;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if length < 8 {
        return Err(view.field(LAYER, "length", u64::from(u16::from_le_bytes([l0, l1]))));
    }
    let link = LinkType(u32::from_le_bytes([d0, d1, d2, d3]));
    Ok(Found::new(Next::Link(link), view.skip(LAYER, length)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;
    use crate::model::LinkType;

    #[test]
    fn notes_are_passed_over() {
        is_plain(192, &join(&[&[0, 0, 12, 0, 101, 0, 0, 0], &[1, 0, 0, 0], &hello()]));
    }

    #[test]
    fn an_unknown_link_type_inside_is_named() {
        let stop = DecodeError::LinkType(LinkType(9999));
        assert_eq!(decode(192, &[0, 0, 8, 0, 0x0f, 0x27, 0, 0]), Seen::Unreadable(stop));
    }

    #[test]
    fn notes_within_notes_end_with_the_bytes() {
        let packet = [0, 0, 8, 0, 192, 0, 0, 0].repeat(100);
        assert!(matches!(
            decode(192, &packet),
            Seen::Unreadable(DecodeError::Short { layer: "PPI", offset: 800, .. })
        ));
    }
}
