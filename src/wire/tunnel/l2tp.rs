use super::super::Unread;
use super::super::cursor::Cursor;
use super::super::link;
use super::super::next::{Found, Next};

const LAYER: &str = "L2TP";
const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
/// The possible combined lengths of cookie and sublayer (RFC 3931 §4.1); nothing in a packet indicates which.
const PREFIXES: [usize; 4] = [0, 4, 8, 12];

/// Reads an L2TP header in UDP (RFC 2661 §3.1, RFC 3931 §4.1.2); its IDs differ by direction.
pub(super) fn in_udp(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<2>(LAYER).ok()?;
    let flags = u16::from_be_bytes(*header);
    let is_control = flags & CONTROL != 0;
    match flags & 0x000f {
        _ if is_control => Some(Found::unread(Unread::Plain("L2TP control messages"), view)),
        2 => v2(flags, rest),
        // Two reserved bytes, then the session.
        3 => Some(session(rest.skip(LAYER, 6).ok()?)),
        _ => None,
    }
}

/// Reads an `L2TPv3` header in IP (RFC 3931 §4.1.1): a session ID, or 0 for a control message.
pub(super) fn in_ip(view: Cursor<'_>) -> Found<'_> {
    match view.split::<4>(LAYER) {
        Ok(([0, 0, 0, 0], rest)) => Found::unread(Unread::Plain("L2TP control messages"), rest),
        Ok((_, rest)) => session(rest),
        Err(_) => Found::unread(Unread::Protocol(115), view),
    }
}

fn v2(flags: u16, view: Cursor<'_>) -> Option<Found<'_>> {
    // All except a few known bits are reserved and zero.
    if flags & !(LENGTH | SEQUENCE | OFFSET | 0x0100) != 2 {
        return None;
    }
    let mut rest = view;
    if flags & LENGTH != 0 {
        let (length, after) = rest.split::<2>(LAYER).ok()?;
        // The length counts from the flags on.
        rest = after.limit(usize::from(u16::from_be_bytes(*length)).checked_sub(4)?);
    }
    rest = rest.skip(LAYER, 4).ok()?;
    if flags & SEQUENCE != 0 {
        rest = rest.skip(LAYER, 4).ok()?;
    }
    if flags & OFFSET != 0 {
        let (offset, after) = rest.split::<2>(LAYER).ok()?;
        rest = after.skip(LAYER, usize::from(u16::from_be_bytes(*offset))).ok()?;
    }
    Some(Found::new(Next::Ppp, rest))
}

/// Reads the payload of a session. Its type was agreed beforehand, so it is recognised by the form of its headers.
fn session(view: Cursor<'_>) -> Found<'_> {
    for length in PREFIXES {
        let Ok(rest) = view.skip(LAYER, length) else { break };
        if link::is_ethernet(rest.bytes) {
            return Found::new(Next::Ethernet, rest);
        }
        if let [0xff, 0x03, 0x00, 0x21 | 0x57, ..] = rest.bytes {
            return Found::new(Next::Ppp, rest);
        }
    }
    Found::unread(Unread::Hidden("L2TPv3 packets of unknown content"), view)
}

#[cfg(test)]
mod tests {
    use super::super::super::Unread;
    use super::super::super::sample::*;

    fn v2(header: &[u8], ppp: &[u8], inner: &[u8]) -> Vec<u8> {
        ipv4(17, &udp(1701, &join(&[header, ppp, inner])))
    }

    #[test]
    fn version_2_with_any_of_its_fields() {
        is_plain(RAW, &v2(&[0, 2, 0, 1, 0, 1], &[0xff, 3, 0, 0x21], &hello()));
        is_plain(RAW, &v2(&[0, 2, 0, 1, 0, 1], &[0, 0x21], &hello()));
        is_plain(RAW, &v2(&[0, 2, 0, 1, 0, 1], &[0x21], &hello()));
        is_plain(RAW, &v2(&[0, 2, 0, 1, 0, 1], &[0, 0x57], &hello6()));
        let length = u16::try_from(12 + hello().len()).unwrap().to_be_bytes();
        is_plain(RAW, &v2(&[0x40, 2, length[0], length[1], 0, 1, 0, 1], &[0xff, 3, 0, 0x21], &hello()));
        is_plain(RAW, &v2(&[8, 2, 0, 1, 0, 1, 0, 7, 0, 9], &[0, 0x21], &hello()));
        is_plain(RAW, &v2(&[2, 2, 0, 1, 0, 1, 0, 2, 0xee, 0xee], &[0, 0x21], &hello()));
    }

    #[test]
    fn control_messages_are_other() {
        let control = v2(&[0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0], &[], &[]);
        assert!(!unread(RAW, &control).may_hide_tcp());
    }

    #[test]
    fn version_3_with_any_cookie() {
        let frame = ethernet(0x0800, &hello());
        for prefix in [0, 4, 8, 12] {
            let session = join(&[&[0, 0, 0, 7], &vec![0xab; prefix], &frame]);
            is_plain(RAW, &ipv4(115, &session));
            is_plain(RAW, &ipv4(17, &udp(1701, &join(&[&[0, 3, 0, 0], &session]))));
        }
        let unknown = unread(RAW, &ipv4(115, &join(&[&[0, 0, 0, 7], &[0xab; 40]])));
        assert_eq!(unknown, Unread::Hidden("L2TPv3 packets of unknown content"));
        assert_eq!(decode(RAW, &ipv4(115, &[0; 40])), Seen::Other);
    }
}
