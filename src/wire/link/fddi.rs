use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

/// Reads an FDDI header (ANSI X3T9.5); the frame control indicates whether LLC follows.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<13>("FDDI")?;
    // Long addresses and LLC; the first bit is the class, the last three are the priority.
    let next = if header[0] & 0b0111_0000 == 0b0101_0000 {
        Next::Llc
    } else {
        Next::Nothing(Unread::Plain("FDDI frames without LLC"))
    };
    Ok(Found::new(next, rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn llc_frames_lead_on_and_tokens_do_not() {
        let frame = |control| join(&[&[control], &[0; 12], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello()]);
        is_plain(10, &frame(0x50));
        is_plain(10, &frame(0x54));
        is_plain(10, &frame(0xd0));
        assert_eq!(decode(10, &frame(0x41)), Seen::Other);
    }
}
