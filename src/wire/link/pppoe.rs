use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "PPPoE";

/// Reads a PPP over Ethernet session header (RFC 2516 §4).
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<6>(LAYER)?;
    let [version, code, _, _, high, low] = *header;
    if version != 0x11 {
        return Err(view.field(LAYER, "version and type", u64::from(version)));
    }
    // Other codes are discovery.
    if code != 0 {
        return Ok(Found::unread(Unread::EtherType(0x8863), rest));
    }
    Ok(Found::new(Next::Ppp, rest.limit(usize::from(u16::from_be_bytes([high, low])))))
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;

    fn session(code: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        join(&[&[0x11, code, 0x12, 0x34], &length, payload])
    }

    #[test]
    fn a_session_and_its_padding() {
        let packet = session(0, &join(&[&[0, 0x21], &hello()]));
        is_plain(ETHERNET, &ethernet(0x8864, &packet));
        is_plain(ETHERNET, &ethernet(0x8864, &join(&[&packet, &[0; 6]])));
        is_plain(51, &packet);
    }

    #[test]
    fn discovery_is_other() {
        assert_eq!(decode(ETHERNET, &ethernet(0x8863, &session(9, &[]))), Seen::Other);
        assert_eq!(decode(ETHERNET, &ethernet(0x8864, &session(0xa7, &[]))), Seen::Other);
    }

    #[test]
    fn another_version_is_unreadable() {
        let stop = DecodeError::Field { layer: "PPPoE", offset: 14, field: "version and type", value: 0x21 };
        assert_eq!(decode(ETHERNET, &ethernet(0x8864, &[0x21, 0, 0, 1, 0, 0])), Seen::Unreadable(stop));
    }
}
