use super::super::cursor::Cursor;
use super::super::next::Found;
use super::super::{DecodeError, Unread};
use super::loopback::by_family;

const LAYER: &str = "NFLOG";
/// The attribute that holds the packet.
const PAYLOAD: u16 = 9;

/// Reads a Linux netfilter log message (`LINKTYPE_NFLOG`): an address family, then attributes, one of which is the
/// packet. Lengths and types are in the byte order of the capturing host.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<4>(LAYER)?;
    let [family, version, _, _] = *header;
    if version != 0 {
        return Err(view.field(LAYER, "version", u64::from(version)));
    }
    // A byte-swapped length is larger than the message, or smaller than an attribute's header.
    let packet = match payload(rest, u16::from_le_bytes) {
        Ok(packet) => packet,
        Err(stop) => payload(rest, u16::from_be_bytes).map_err(|_| stop)?,
    };
    Ok(packet.map_or(Found::unread(Unread::Plain("NFLOG messages without a packet"), rest), |packet| {
        Found::new(by_family(u32::from(family)), packet)
    }))
}

fn payload(mut rest: Cursor<'_>, number: fn([u8; 2]) -> u16) -> Result<Option<Cursor<'_>>, DecodeError> {
    while !rest.bytes.is_empty() {
        let (header, value) = rest.split::<4>(LAYER)?;
        let [l0, l1, t0, t1] = *header;
        let length = usize::from(number([l0, l1]));
        let Some(value_length) = length.checked_sub(4) else {
            return Err(rest.field(LAYER, "attribute length", u64::try_from(length).unwrap_or_default()));
        };
        // The type field includes two flags.
        if number([t0, t1]) & 0x3fff == PAYLOAD {
            return Ok(Some(value.limit(value_length)));
        }
        rest = rest.skip(LAYER, length.next_multiple_of(4))?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;

    #[test]
    fn the_payload_attribute_in_either_byte_order() {
        let packet = hello();
        let length = u16::try_from(packet.len() + 4).unwrap();
        let little =
            join(&[&[2, 0, 0, 0], &[5, 0, 10, 0, 0, 0, 0, 0], &length.to_le_bytes(), &[9, 0], &packet]);
        is_plain(239, &little);
        let big = join(&[&[2, 0, 0, 0], &[0, 5, 0, 10, 0, 0, 0, 0], &length.to_be_bytes(), &[0, 9], &packet]);
        is_plain(239, &big);
    }

    #[test]
    fn the_family_tells_the_version() {
        let packet = hello6();
        let length = u16::try_from(packet.len() + 4).unwrap();
        is_plain(239, &join(&[&[10, 0, 0, 0], &length.to_le_bytes(), &[9, 0], &packet]));
    }

    #[test]
    fn a_message_without_a_packet_is_other() {
        assert_eq!(decode(239, &[2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0]), Seen::Other);
    }

    #[test]
    fn an_attribute_shorter_than_its_header_is_unreadable() {
        let stop = DecodeError::Field { layer: "NFLOG", offset: 4, field: "attribute length", value: 0 };
        assert_eq!(decode(239, &[2, 0, 0, 0, 0, 0, 1, 0]), Seen::Unreadable(stop));
    }
}
