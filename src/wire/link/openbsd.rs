use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::loopback::by_family;

/// Reads the packet filter's log header (`LINKTYPE_PFLOG`): its length, an address family, and the filter's decision.
pub(super) fn filter_log(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    const LAYER: &str = "pflog";
    /// The shortest header that any system has written.
    const LEAST: u8 = 45;
    let (header, _) = view.split::<2>(LAYER)?;
    let [length, family] = *header;
    if length < LEAST {
        return Err(view.field(LAYER, "header length", u64::from(length)));
    }
    // Most systems include the padding to a multiple of four in the length, some do not.
    let rest = view.skip(LAYER, usize::from(length).next_multiple_of(4))?;
    Ok(Found::new(by_family(u32::from(family)), rest))
}

/// Reads the header of `IPsec` packets captured before encryption or after decryption (`LINKTYPE_ENC`): an address
/// family, the security parameters index, and flags, in the byte order of the capturing host.
pub(super) fn encapsulated(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<12>("ENC")?;
    let [f0, f1, f2, f3, ..] = *header;
    let family = [f0, f1, f2, f3];
    let next = match by_family(u32::from_le_bytes(family).min(u32::from_be_bytes(family))) {
        // A packet still encapsulated is an IP packet as well; its family is not always given.
        Next::Nothing(_) if matches!(rest.bytes.first().map(|byte| byte >> 4), Some(4 | 6)) => Next::Ip,
        next => next,
    };
    Ok(Found::new(next, rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;

    #[test]
    fn a_filter_log_of_any_length() {
        for length in [48_usize, 61, 64, 100] {
            let header = vec![0; length.next_multiple_of(4) - 2];
            let length = u8::try_from(length).unwrap();
            is_plain(117, &join(&[&[length, 2], &header, &hello()]));
            is_plain(117, &join(&[&[length, 24], &header, &hello6()]));
        }
        assert!(matches!(
            decode(117, &[20, 2, 0, 0, 0, 0]),
            Seen::Unreadable(DecodeError::Field { layer: "pflog", .. })
        ));
    }

    #[test]
    fn packets_inside_ipsec_in_either_byte_order() {
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            is_plain(109, &join(&[&family, &[0, 0, 1, 0, 0, 0, 0, 1], &hello()]));
        }
        is_plain(109, &join(&[&[24, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], &hello6()]));
        is_plain(109, &join(&[&[0; 12], &hello()]));
    }
}
