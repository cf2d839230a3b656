use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::ethernet;

const LAYER: &str = "DSA";

/// The position of a switch's tag in the frames that it passes to its host, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagPlace {
    /// Between the addresses and the Ethernet type (`LINKTYPE_DSA_TAG_BRCM`, `LINKTYPE_DSA_TAG_DSA`).
    Inside,
    /// Likewise, with its own Ethernet type (`LINKTYPE_DSA_TAG_EDSA`).
    InsideTyped,
    /// Before the frame (`LINKTYPE_DSA_TAG_BRCM_PREPEND`).
    Before,
}

/// Reads an Ethernet frame with the tag of a distributed switch; the tag identifies a port, which differs by direction.
pub(super) fn read(view: Cursor<'_>, place: TagPlace) -> Result<Found<'_>, DecodeError> {
    let tag = match place {
        TagPlace::Before => return Ok(Found::new(Next::Ethernet, view.skip(LAYER, 4)?)),
        TagPlace::Inside => 4,
        TagPlace::InsideTyped => 8,
    };
    let (kind, rest) = view.skip(LAYER, 12)?.skip(LAYER, tag)?.split::<2>(LAYER)?;
    Ok(ethernet::typed(u16::from_be_bytes(*kind), rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn tags_of_switches() {
        let frame = ethernet(0x0800, &hello());
        let (addresses, rest) = frame.split_at(12);
        is_plain(281, &join(&[addresses, &[1, 2, 3, 4], rest]));
        is_plain(284, &join(&[addresses, &[0xc0, 2, 3, 4], rest]));
        is_plain(285, &join(&[addresses, &[0xda, 0xda, 0, 0, 0xc0, 2, 3, 4], rest]));
        is_plain(282, &join(&[&[1, 2, 3, 4], &frame]));
    }
}
