use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};

/// Reads an HDLC header: that of PPP (RFC 1662 §3.1), or Cisco's, whose address is 0x0f or 0x8f and which identifies
/// the payload by an Ethernet type (RFC 1547 §4.3.1).
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<4>("HDLC")?;
    match *header {
        [0x0f | 0x8f, 0x00, high, low] => {
            Ok(Found::new(Next::EtherType(u16::from_be_bytes([high, low])), rest))
        }
        _ => Ok(Found::new(Next::Ppp, view)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn ciscos_header_names_an_ethernet_type() {
        for link in [50, 104] {
            is_plain(link, &join(&[&[0x0f, 0, 8, 0], &hello()]));
            is_plain(link, &join(&[&[0x8f, 0, 0x86, 0xdd], &hello6()]));
        }
    }

    #[test]
    fn keep_alives_are_other() {
        assert_eq!(decode(104, &[0x8f, 0, 0x80, 0x35, 0, 0, 0, 2]), Seen::Other);
    }
}
