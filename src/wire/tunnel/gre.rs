use super::super::cursor::Cursor;
use super::super::layers::Id;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};
use super::erspan;
use crate::model::LinkType;

const LAYER: &str = "GRE";
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// In version 1, an acknowledgment number is present (RFC 2637 §4.1).
const ACKNOWLEDGMENT: u16 = 0x0080;

const BRIDGED: u16 = 0x6558;
const WEB_CACHE: u16 = 0x883e;
const ARUBA: u16 = 0x8200;
const EOIP: u16 = 0x6400;
const IEEE80211: LinkType = LinkType(105);

/// Reads a GRE header (RFC 2784, RFC 2890; RFC 2637 for version 1).
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, mut rest) = view.split::<4>(LAYER)?;
    let [f0, f1, p0, p1] = *header;
    let (flags, protocol) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    let version = flags & 0b111;
    if version > 1 {
        return Err(view.field(LAYER, "version", u64::from(version)));
    }
    if flags & ROUTING != 0 {
        return Err(view.field(LAYER, "source route flag", 1));
    }
    if flags & CHECKSUM != 0 {
        rest = rest.skip(LAYER, 4)?;
    }
    let mut key = None;
    if flags & KEY != 0 {
        let (bytes, after) = rest.split::<4>(LAYER)?;
        key = Some(u32::from_be_bytes(*bytes));
        rest = after;
    }
    if flags & SEQUENCE != 0 {
        rest = rest.skip(LAYER, 4)?;
    }
    if version == 1 {
        if let (EOIP, Some(key)) = (protocol, key) {
            return Ok(eoip(key, rest));
        }
        // The key is the payload's length and a call ID, which differs by direction.
        if flags & ACKNOWLEDGMENT != 0 {
            rest = rest.skip(LAYER, 4)?;
        }
        // A packet without a sequence number is a pure acknowledgment.
        if flags & SEQUENCE == 0 {
            return Ok(Found::unread(Unread::Plain("PPTP acknowledgments"), rest));
        }
        let length = key.unwrap_or_default() >> 16;
        return Ok(Found::new(Next::Ppp, rest.limit(usize::try_from(length).unwrap_or(usize::MAX))));
    }
    let found = match protocol {
        erspan::TYPE_1_AND_2 => return erspan::v1_or_v2(rest, flags & SEQUENCE != 0),
        erspan::TYPE_3 => return erspan::v3(rest),
        WEB_CACHE => Found::new(Next::Ipv4, web_cache(rest)?),
        // Aruba's access points send 802.11 frames.
        protocol if protocol & 0xff8f == ARUBA => Found::new(Next::Link(IEEE80211), rest),
        _ => Found::new(Next::EtherType(protocol), rest),
    };
    Ok(key.map_or(found, |key| found.with(Id::Gre(network(protocol, key)))))
}

/// Reads `MikroTik`'s Ethernet over IP: the key is the frame's length and the tunnel ID.
fn eoip(key: u32, rest: Cursor<'_>) -> Found<'_> {
    match usize::try_from(key >> 16) {
        // A keep-alive.
        Ok(0) | Err(_) => Found::unread(Unread::Plain("EoIP keep-alives"), rest),
        Ok(length) => Found::new(Next::Ethernet, rest.limit(length)),
    }
}

/// Reads a GRE header in UDP (RFC 8086), if it is well-formed and its payload is supported.
pub(super) fn in_udp(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, _) = view.split::<4>(LAYER).ok()?;
    let [f0, f1, p0, p1] = *header;
    let is_plain = u16::from_be_bytes([f0, f1]) & !(CHECKSUM | KEY | SEQUENCE) == 0;
    let is_known =
        matches!(u16::from_be_bytes([p0, p1]), 0x0800 | 0x86dd | 0x8847 | 0x8848 | 0x894f | BRIDGED);
    if is_plain && is_known { read(view).ok() } else { None }
}

/// Skips the redirect header, which version 2 of the web cache protocol puts before the packet and version 1 does not
/// (draft-wilson-wrec-wccp-v2 §4.12).
fn web_cache(view: Cursor<'_>) -> Result<Cursor<'_>, DecodeError> {
    match view.bytes {
        [0x45..=0x4f, ..] => Ok(view),
        _ => view.skip("WCCP", 4),
    }
}

/// Returns the part of a key that both directions share.
///
/// NVGRE (RFC 7637 §3.2) puts a virtual subnet above 0xfff into the upper 24 bits and a hash of the flow below.
fn network(protocol: u16, key: u32) -> u32 {
    let subnet = key >> 8;
    if protocol == BRIDGED && subnet > 0xfff { subnet << 8 } else { key }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use super::*;
    use crate::model::Tunnel;

    fn gre(flags: u16, protocol: u16, fields: &[u8], payload: &[u8]) -> Vec<u8> {
        ipv4(47, &join(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), fields, payload]))
    }

    #[test]
    fn a_bare_header() {
        is_plain(RAW, &gre(0, 0x0800, &[], &hello()));
        is_plain(RAW, &gre(0, 0x86dd, &[], &hello6()));
        is_plain(RAW, &gre(0, 0x6558, &[], &ethernet(0x0800, &hello())));
        is_plain(RAW, &gre(0, 0x8847, &[0, 1, 1, 64], &hello()));
    }

    #[test]
    fn checksum_and_sequence_number() {
        is_plain(RAW, &gre(CHECKSUM, 0x0800, &[1, 2, 0, 0], &hello()));
        is_plain(RAW, &gre(SEQUENCE, 0x0800, &[0, 0, 0, 1], &hello()));
        is_plain(RAW, &gre(CHECKSUM | SEQUENCE, 0x0800, &[1, 2, 0, 0, 0, 0, 0, 1], &hello()));
    }

    #[test]
    fn the_key_is_kept() {
        let one = tunnel_of(RAW, &gre(KEY, 0x0800, &[0, 0, 0, 1], &hello()));
        let two = tunnel_of(RAW, &gre(KEY, 0x0800, &[0, 0, 0, 2], &hello()));
        let all = CHECKSUM | KEY | SEQUENCE;
        assert_eq!(tunnel_of(RAW, &gre(all, 0x0800, &[1, 2, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9], &hello())), one);
        assert!(one != two && one != Tunnel::NONE);
    }

    #[test]
    fn the_flow_bits_of_nvgre_do_not_count() {
        let frame = ethernet(0x0800, &hello());
        let of = |key: u32| tunnel_of(RAW, &gre(KEY, BRIDGED, &key.to_be_bytes(), &frame));
        assert_eq!(of(0x0012_3401), of(0x0012_3402));
        assert_ne!(of(0x0012_3401), of(0x0012_3501));
        // Small keys belong to ordinary tunnels and are used in full.
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn ppp_in_version_one() {
        let ppp = join(&[&[0xff, 3, 0, 0x21], &hello()]);
        let length = u8::try_from(ppp.len()).unwrap();
        let one = gre(KEY | SEQUENCE | 1, 0x880b, &[0, length, 0, 7, 0, 0, 0, 1], &ppp);
        is_plain(RAW, &one);
        let both = KEY | SEQUENCE | ACKNOWLEDGMENT | 1;
        is_plain(RAW, &gre(both, 0x880b, &[0, length, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1], &ppp));
        // A pure acknowledgment.
        let empty = gre(KEY | ACKNOWLEDGMENT | 1, 0x880b, &[0, 0, 0, 7, 0, 0, 0, 1], &[]);
        assert_eq!(decode(RAW, &empty), Seen::Other);
    }

    #[test]
    fn source_routes_and_other_versions_are_unreadable() {
        let stop =
            |field, value| Seen::Unreadable(DecodeError::Field { layer: "GRE", offset: 20, field, value });
        assert_eq!(decode(RAW, &gre(ROUTING, 0x0800, &[], &hello())), stop("source route flag", 1));
        assert_eq!(decode(RAW, &gre(5, 0x0800, &[], &hello())), stop("version", 5));
    }

    #[test]
    fn ethernet_over_ip_of_mikrotik() {
        let frame = ethernet(0x0800, &hello());
        let length = u16::try_from(frame.len()).unwrap().to_be_bytes();
        is_plain(RAW, &gre(KEY | 1, EOIP, &[length[0], length[1], 7, 0], &join(&[&frame, &[0; 4]])));
        let empty = gre(KEY | 1, EOIP, &[0, 0, 7, 0], &[]);
        assert_eq!(decode(RAW, &empty), Seen::Other);
    }

    #[test]
    fn redirected_to_a_web_cache() {
        is_plain(RAW, &gre(0, WEB_CACHE, &[], &hello()));
        is_plain(RAW, &gre(0, WEB_CACHE, &[0, 1, 2, 3], &hello()));
    }

    #[test]
    fn frames_of_the_air() {
        let header = [&[8, 1][..], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
        for protocol in [0x8200, 0x8210, 0x8270] {
            is_plain(RAW, &gre(0, protocol, &header, &hello()));
        }
    }

    #[test]
    fn gre_in_udp_and_what_only_has_its_port() {
        is_plain(RAW, &ipv4(17, &udp(4754, &join(&[&[0, 0, 8, 0], &hello()]))));
        let keyed = tunnel_of(RAW, &ipv4(17, &udp(4754, &join(&[&[0x20, 0, 8, 0, 0, 0, 0, 1], &hello()]))));
        assert_eq!(keyed, tunnel_of(RAW, &gre(KEY, 0x0800, &[0, 0, 0, 1], &hello())));
        for header in [[0x40, 0, 8, 0], [0, 1, 8, 0], [0, 0, 8, 6]] {
            assert_eq!(decode(RAW, &ipv4(17, &udp(4754, &join(&[&header, &hello()])))), Seen::Other);
        }
    }

    #[test]
    fn keep_alives_are_other() {
        assert_eq!(decode(RAW, &gre(0, 0, &[], &[])), Seen::Other);
    }
}
