use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

/// Reads an `EtherIP` header (RFC 3378 §3), or that of `MikroTik`'s `EoIPv6`, which puts a tunnel ID into the reserved
/// bits and the version into the other half of the first byte.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<2>("EtherIP")?;
    let is_known = header[0] >> 4 == 3 || header[0] & 0x0f == 3;
    if is_known {
        Ok(Found::new(Next::Ethernet, rest))
    } else {
        Ok(Found::unread(Unread::Protocol(97), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Unread;
    use super::super::super::sample::*;

    #[test]
    fn a_frame_in_ip() {
        let frame = ethernet(0x0800, &hello());
        is_plain(RAW, &ipv4(97, &join(&[&[0x30, 0], &frame])));
        is_plain(RAW, &ipv6(97, &join(&[&[0x13, 7], &frame])));
        assert_eq!(unread(RAW, &ipv4(97, &join(&[&[0x20, 0], &frame]))), Unread::Protocol(97));
    }
}
