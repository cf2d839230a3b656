use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "B.A.T.M.A.N.";

/// Reads a packet of the mesh protocol batman-adv, compatibility version 15; unicast and broadcast frames are decoded
/// further.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, _) = view.split::<2>(LAYER)?;
    let [kind, version] = *header;
    if version != 15 {
        return Ok(Found::unread(Unread::EtherType(0x4305), view));
    }
    let length = match kind {
        // Broadcast; unicast; unicast with the sender's address.
        0x01 => 14,
        0x40 => 10,
        0x42 => 18,
        0x41 => return Ok(Found::unread(Unread::Hidden("B.A.T.M.A.N. fragments"), view)),
        0x03 => return Ok(Found::unread(Unread::Hidden("network-coded B.A.T.M.A.N. packets"), view)),
        _ => return Ok(Found::unread(Unread::Plain("B.A.T.M.A.N. routing packets"), view)),
    };
    Ok(Found::new(Next::Ethernet, view.skip(LAYER, length)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::Unread;
    use super::super::super::sample::*;

    fn batman(kind: u8, length: usize, inner: &[u8]) -> Vec<u8> {
        ethernet(0x4305, &join(&[&[kind, 15, 50], &vec![0; length - 3], inner]))
    }

    #[test]
    fn unicast_and_broadcast_lead_on() {
        let frame = ethernet(0x0800, &hello());
        for (kind, length) in [(0x40, 10), (0x42, 18), (1, 14)] {
            is_plain(ETHERNET, &batman(kind, length, &frame));
        }
    }

    #[test]
    fn fragments_and_routing_are_named() {
        assert_eq!(unread(ETHERNET, &batman(0x41, 20, &[])), Unread::Hidden("B.A.T.M.A.N. fragments"));
        assert!(!unread(ETHERNET, &batman(0, 24, &[])).may_hide_tcp());
    }
}
