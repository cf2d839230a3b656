use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::Found;
use super::ieee80211::{self, HeaderLayout};

const LAYER: &str = "802.11 with notes";
/// The first bytes of an AVS header of any version.
const AVS: [u8; 3] = [0x80, 0x21, 0x10];

/// Reads the header that drivers wrote before radiotap, Prism's or AVS's (`LINKTYPE_IEEE802_11_PRISM`,
/// `LINKTYPE_IEEE802_11_AVS`): its second word is its length, and the 802.11 frame follows it.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, _) = view.split::<8>(LAYER)?;
    let [k0, k1, k2, _, l0, l1, l2, l3] = *header;
    let length = [l0, l1, l2, l3];
    // Prism's is in the byte order of the capturing host; lengths are small numbers.
    let length = if [k0, k1, k2] == AVS {
        u32::from_be_bytes(length)
    } else {
        u32::from_le_bytes(length).min(u32::from_be_bytes(length))
    };
    if length < 8 {
        return Err(view.field(LAYER, "length", u64::from(length)));
    }
    ieee80211::read_as(view.skip(LAYER, usize::try_from(length).unwrap_or(usize::MAX))?, HeaderLayout::Plain)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn frame() -> Vec<u8> {
        join(&[&[8, 1], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello()])
    }

    #[test]
    fn both_headers_in_any_byte_order() {
        let rest = [0; 136];
        is_plain(119, &join(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &rest, &frame()]));
        is_plain(119, &join(&[&[0, 0, 0, 0x44, 0, 0, 0, 144], &rest, &frame()]));
        is_plain(163, &join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &rest[..56], &frame()]));
        is_plain(119, &join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &rest[..56], &frame()]));
    }
}
