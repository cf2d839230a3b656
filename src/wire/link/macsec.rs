use super::super::cursor::Cursor;
use super::super::next::Found;
use super::super::{DecodeError, Unread};
use super::ethernet;

const LAYER: &str = "MACsec";
/// The flag for an explicit secure channel identifier.
const CHANNEL: u8 = 0x20;
const ENCRYPTED: u8 = 0x08;
const CHANGED: u8 = 0x04;
/// The length of the trailing integrity check value with the default cipher suite (IEEE 802.1AE §14.5).
const CHECK: usize = 16;

/// Reads a `MACsec` tag (IEEE 802.1AE §9.3); frames that are protected but not encrypted are decoded further.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, mut rest) = view.split::<6>(LAYER)?;
    let [control, short, ..] = *tag;
    if control & (ENCRYPTED | CHANGED) != 0 {
        return Ok(Found::unread(Unread::EtherType(0x88e5), view));
    }
    if control & CHANNEL != 0 {
        rest = rest.skip(LAYER, 8)?;
    }
    // Secured data of fewer than 48 bytes carries its length.
    let secured = match usize::from(short & 0x3f) {
        0 => rest.without_trailer(CHECK),
        length => rest.limit(length),
    };
    let (kind, rest) = secured.split::<2>(LAYER)?;
    Ok(ethernet::typed(u16::from_be_bytes(*kind), rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::Unread;
    use super::super::super::sample::*;

    fn macsec(control: u8, channel: &[u8], payload: &[u8]) -> Vec<u8> {
        ethernet(0x88e5, &join(&[&[control, 0, 0, 0, 0, 1], channel, payload, &[0xcc; 16]]))
    }

    #[test]
    fn frames_that_are_only_protected_lead_on() {
        is_plain(ETHERNET, &macsec(0, &[], &join(&[&[8, 0], &hello()])));
        is_plain(ETHERNET, &macsec(0x20, &[1; 8], &join(&[&[0x86, 0xdd], &hello6()])));
    }

    #[test]
    fn encrypted_frames_are_named() {
        for control in [0x2c, 0x0c, 0x04] {
            let frame = macsec(control, &[1; 8], &join(&[&[8, 0], &hello()]));
            assert_eq!(unread(ETHERNET, &frame), Unread::EtherType(0x88e5));
        }
    }
}
