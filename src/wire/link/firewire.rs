use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};

/// Reads a header of IP over IEEE 1394 in Apple's format (`LINKTYPE_APPLE_IP_OVER_IEEE1394`): two addresses of eight
/// bytes and an Ethernet type.
pub(super) fn apple(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<18>("IEEE 1394")?;
    Ok(Found::new(Next::EtherType(u16::from_be_bytes([header[16], header[17]])), rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn ip_over_firewire() {
        is_plain(138, &join(&[&[1; 16], &[8, 0], &hello()]));
        is_plain(138, &join(&[&[1; 16], &[0x86, 0xdd], &hello6()]));
    }
}
