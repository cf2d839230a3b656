use super::super::cursor::Cursor;
use super::super::next::Found;
use super::super::{DecodeError, Unread};
use super::ieee80211::{self, HeaderLayout};

const LAYER: &str = "radiotap";

/// Reads a radiotap header (`LINKTYPE_IEEE802_11_RADIOTAP`): reception metadata, of which two bits describe the frame's
/// layout, then an 802.11 frame.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, _) = view.split::<8>(LAYER)?;
    let [version, _, l0, l1, ..] = *header;
    if version != 0 {
        return Err(view.field(LAYER, "version", u64::from(version)));
    }
    let length = u16::from_le_bytes([l0, l1]);
    if length < 8 {
        return Err(view.field(LAYER, "length", u64::from(length)));
    }
    let frame = view.skip(LAYER, usize::from(length))?;
    let notes = view.bytes.get(..usize::from(length)).unwrap_or_default();
    let flags = flags(notes).unwrap_or_default();
    // The receiver found a wrong checksum: nothing in the frame can be trusted.
    if flags & 0x40 != 0 {
        return Ok(Found::unread(Unread::Hidden("802.11 frames with a bad frame check sequence"), frame));
    }
    let frame = if flags & 0x10 != 0 { frame.without_trailer(4) } else { frame };
    ieee80211::read_as(frame, if flags & 0x20 != 0 { HeaderLayout::Padded } else { HeaderLayout::Plain })
}

/// Returns the flags field, if the bitmap of present fields includes it.
fn flags(notes: &[u8]) -> Option<u8> {
    let (_, mut words) = notes.split_first_chunk::<4>()?;
    let (first, mut rest) = words.split_first_chunk::<4>()?;
    let first = u32::from_le_bytes(*first);
    let mut word = first;
    // Bit 31 means that another bitmap follows.
    while word >> 31 == 1 {
        let (next, after) = rest.split_first_chunk::<4>()?;
        word = u32::from_le_bytes(*next);
        rest = after;
    }
    words = rest;
    if first & 0b10 == 0 {
        return None;
    }
    // The eight-byte timer comes first, aligned relative to the header's start.
    if first & 1 == 1 {
        let place = notes.len().checked_sub(words.len())?.next_multiple_of(8);
        return notes.get(place.checked_add(8)?).copied();
    }
    words.first().copied()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn frame(header: usize, pad: usize) -> Vec<u8> {
        let kind = if header == 26 { 0x88 } else { 0x08 };
        let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        join(&[&[kind, 1], &vec![0; header - 2], &vec![0xee; pad], &llc, &hello()])
    }

    #[test]
    fn notes_are_passed_over() {
        is_plain(127, &join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &frame(24, 0)]));
        is_plain(127, &join(&[&[0, 0, 12, 0, 4, 0, 0, 0, 2, 0, 0, 0], &frame(24, 0)]));
    }

    #[test]
    fn a_checksum_behind_the_frame() {
        is_plain(127, &join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x10], &frame(24, 0), &[1, 2, 3, 4]]));
    }

    #[test]
    fn padding_between_header_and_payload() {
        is_plain(127, &join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &frame(26, 2)]));
    }

    #[test]
    fn flags_behind_a_timer_and_a_second_bitmap() {
        let mut notes = vec![0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0];
        notes.extend([0; 4]); // padding to a multiple of eight
        notes.extend([7; 8]); // the timer
        notes.push(0x20);
        is_plain(127, &join(&[&notes, &frame(26, 2)]));
    }

    #[test]
    fn a_frame_received_wrong_is_other() {
        assert_eq!(decode(127, &join(&[&[0, 0, 9, 0, 2, 0, 0, 0, 0x40], &frame(24, 0)])), Seen::Other);
    }
}
