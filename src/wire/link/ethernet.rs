use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};

/// Reads an Ethernet header (IEEE 802.3 §3).
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<14>("Ethernet")?;
    Ok(typed(u16::from_be_bytes([header[12], header[13]]), rest))
}

/// Handles a field that is a type if at least 0x600 and, up to 1500, the length of an LLC frame.
pub(super) fn typed(kind: u16, rest: Cursor<'_>) -> Found<'_> {
    match kind {
        0..=1500 => Found::new(Next::Llc, rest.limit(usize::from(kind))),
        _ => Found::new(Next::EtherType(kind), rest),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn ethernet_carries_both_versions_of_ip() {
        is_plain(ETHERNET, &ethernet(0x0800, &hello()));
        is_plain(ETHERNET, &ethernet(0x86dd, &hello6()));
    }

    #[test]
    fn padding_is_not_payload() {
        is_plain(ETHERNET, &join(&[&ethernet(0x0800, &hello()), &[0; 9]]));
        is_plain(ETHERNET, &join(&[&ethernet(0x86dd, &hello6()), &[0; 9]]));
    }

    #[test]
    fn arp_is_other() {
        assert_eq!(decode(ETHERNET, &ethernet(0x0806, &[0; 28])), Seen::Other);
    }
}
