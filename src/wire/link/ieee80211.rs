use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "802.11";

/// The layout of the frame in the receiver's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum HeaderLayout {
    /// The payload follows the header.
    Plain,
    /// The payload follows the header at the next multiple of four.
    Padded,
    /// The two bytes of frame control are in either order, as sent by Cisco's access points.
    MaybeSwapped,
}

/// Reads an 802.11 frame (`LINKTYPE_IEEE802_11`).
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    read_as(view, HeaderLayout::Plain)
}

/// Reads an 802.11 frame (IEEE 802.11 §9.2); unencrypted data frames are decoded further.
pub(in super::super) fn read_as(view: Cursor<'_>, form: HeaderLayout) -> Result<Found<'_>, DecodeError> {
    let (control, _) = view.split::<2>(LAYER)?;
    let [kind, flags] = match *control {
        [flags, kind] if form == HeaderLayout::MaybeSwapped && !is_data(flags) && is_data(kind) => {
            [kind, flags]
        }
        control => control,
    };
    // The third bit of the subtype means "no data", the fourth "QoS".
    if !is_data(kind) || kind & 0b0100_0000 != 0 {
        return Ok(Found::unread(Unread::Plain("802.11 frames without data"), view));
    }
    let with_service = kind & 0b1000_0000 != 0;
    if flags & 0b0100_0000 != 0 {
        return Ok(Found::unread(Unread::Hidden("protected 802.11 frames"), view));
    }
    // Frames between access points have a fourth address.
    let addresses = if flags & 0b11 == 0b11 { 30_usize } else { 24 };
    // QoS control, and HT control if the order flag is also set.
    let control = match (with_service, flags & 0b1000_0000 != 0) {
        (true, true) => 6,
        (true, false) => 2,
        (false, _) => 0,
    };
    let length = addresses.saturating_add(control);
    let rest = view.skip(
        LAYER,
        match form {
            HeaderLayout::Plain | HeaderLayout::MaybeSwapped => length,
            HeaderLayout::Padded => length.next_multiple_of(4),
        },
    )?;
    let number = view.bytes.get(22).copied().unwrap_or_default() & 0x0f;
    if flags & 0b0000_0100 != 0 || number != 0 {
        return Err(view.field(LAYER, "fragment number", u64::from(number)));
    }
    let service = view.bytes.get(addresses).copied().unwrap_or_default();
    if with_service && service & 0b1000_0000 != 0 { aggregate(rest) } else { Ok(Found::new(Next::Llc, rest)) }
}

/// Returns whether a frame control's first byte is that of a data frame: version 0, type 2.
const fn is_data(kind: u8) -> bool {
    kind & 0b0000_1111 == 0b0000_1000
}

/// Reads an aggregate of frames sent as one (IEEE 802.11 §9.3.2.2), if it contains only one.
fn aggregate(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<14>(LAYER)?;
    let length = u16::from_be_bytes([header[12], header[13]]);
    let frame = rest.limit(usize::from(length));
    let behind = rest.bytes.len().saturating_sub(frame.bytes.len());
    // Up to three bytes of padding may follow.
    if behind > 3 {
        return Err(view.field(LAYER, "length of the first of several frames in one", u64::from(length)));
    }
    Ok(Found::new(Next::Llc, frame))
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;

    const LLC: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    fn frame(kind: u8, flags: u8, header: usize) -> Vec<u8> {
        join(&[&[kind, flags], &vec![0; header - 2], &LLC, &hello()])
    }

    #[test]
    fn data_to_and_from_the_access_point() {
        for flags in [0, 1, 2] {
            is_plain(105, &frame(0x08, flags, 24));
        }
    }

    #[test]
    fn a_fourth_address_between_access_points() {
        is_plain(105, &frame(0x08, 3, 30));
    }

    #[test]
    fn quality_of_service_and_high_throughput() {
        is_plain(105, &frame(0x88, 1, 26));
        is_plain(105, &frame(0x88, 0x81, 30));
        is_plain(105, &frame(0x88, 3, 32));
    }

    #[test]
    fn beacons_null_frames_and_encrypted_ones_are_other() {
        assert_eq!(decode(105, &frame(0x80, 0, 24)), Seen::Other);
        assert_eq!(decode(105, &frame(0x48, 1, 24)), Seen::Other);
        assert_eq!(decode(105, &frame(0x08, 0x41, 24)), Seen::Other);
    }

    #[test]
    fn link_layer_fragments_are_unreadable() {
        let stop = DecodeError::Field { layer: "802.11", offset: 0, field: "fragment number", value: 0 };
        assert_eq!(decode(105, &frame(0x08, 0x05, 24)), Seen::Unreadable(stop));
    }

    #[test]
    fn one_frame_alone_in_an_aggregate() {
        let payload = join(&[&LLC, &hello()]);
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let mut header = [0_u8; 26];
        (header[0], header[1], header[24]) = (0x88, 1, 0x80);
        is_plain(105, &join(&[&header, &[0; 12], &length, &payload]));
        let two = join(&[&header, &[0; 12], &length, &payload, &[0; 12], &length, &payload]);
        assert!(matches!(decode(105, &two), Seen::Unreadable(DecodeError::Field { layer: "802.11", .. })));
    }
}
