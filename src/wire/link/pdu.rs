use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::cursor::Cursor;
use super::super::next::{Found, Next, Pdu, Transport};
use super::super::{DecodeError, Unread};
use crate::model::Endpoint;

const LAYER: &str = "exported PDU";
const TCP: u8 = 6;

/// The tags of an exported PDU.
#[derive(Clone, Copy, Debug, Default)]
struct Tags<'a> {
    /// The dissector of the payload; if selected through a table, the table's name, with its number in the table.
    name: &'a [u8],
    table: Option<u32>,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    ports: (Option<u16>, Option<u16>),
    kind: Option<u32>,
}

impl<'a> Tags<'a> {
    /// Processes one tag (as numbered in Wireshark's `epan/exported_pdu.h`).
    fn take(&mut self, tag: u16, value: &'a [u8]) {
        match tag {
            12..=14 => self.name = value.split(|byte| *byte == 0).next().unwrap_or_default(),
            20 => self.source = address4(value),
            21 => self.destination = address4(value),
            22 => self.source = address6(value),
            23 => self.destination = address6(value),
            24 => self.kind = number(value),
            25 => self.ports.0 = number(value).and_then(|port| u16::try_from(port).ok()),
            26 => self.ports.1 = number(value).and_then(|port| u16::try_from(port).ok()),
            32 => self.table = number(value),
            _ => {}
        }
    }

    /// Returns the payload's type.
    fn next(&self) -> Next {
        match (self.name, self.table) {
            (name, _) if name.starts_with(b"eth") && self.source.is_none() => return Next::Ethernet,
            (b"ethertype", Some(kind)) => {
                return u16::try_from(kind).map_or(NOT_TCP, Next::EtherType);
            }
            (b"ip" | b"ipv4" | b"ipv6", _) => return Next::Ip,
            _ => {}
        }
        let (Some(source), Some(destination)) = (self.source, self.destination) else { return NOT_TCP };
        if let (b"tcp", None) | (b"ip.proto", Some(6)) = (self.name, self.table) {
            return Next::Transport(Transport { protocol: TCP, source, destination, id: 0 });
        }
        match (self.kind, self.ports) {
            // The port type of TCP.
            (Some(2), (Some(from), Some(to))) => Next::Pdu(Pdu {
                source: Endpoint::new(source, from),
                destination: Endpoint::new(destination, to),
            }),
            _ => NOT_TCP,
        }
    }
}

const NOT_TCP: Next = Next::Nothing(Unread::Plain("exported PDUs that are not of TCP"));

/// Reads a PDU exported by Wireshark (`LINKTYPE_WIRESHARK_UPPER_PDU`): tags, then bytes of some layer.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (mut tags, mut rest) = (Tags::default(), view);
    loop {
        let (header, value) = rest.split::<4>(LAYER)?;
        let [t0, t1, l0, l1] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        rest = value.skip(LAYER, length)?;
        match u16::from_be_bytes([t0, t1]) {
            0 => return Ok(Found::new(tags.next(), rest)),
            tag => tags.take(tag, value.bytes.get(..length).unwrap_or_default()),
        }
    }
}

fn address4(value: &[u8]) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?)))
}

fn address6(value: &[u8]) -> Option<IpAddr> {
    Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?)))
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(<[u8; 4]>::try_from(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use super::super::super::{DecodeError, Decoder};

    fn tag(number: u8, value: &[u8]) -> Vec<u8> {
        join(&[&[0, number, 0, u8::try_from(value.len()).unwrap()], value])
    }

    fn ends(reversed: bool) -> Vec<u8> {
        let (from, to) = if reversed { (21, 20) } else { (20, 21) };
        let (from_port, to_port) = if reversed { (26, 25) } else { (25, 26) };
        join(&[
            &tag(from, &CLIENT),
            &tag(to, &SERVER),
            &tag(24, &[0, 0, 0, 2]),
            &tag(from_port, &[0, 0, 0x9c, 0x40]),
            &tag(to_port, &[0, 0, 0, 80]),
        ])
    }

    fn pdu(name: &[u8], tags: &[u8], payload: &[u8]) -> Vec<u8> {
        join(&[&tag(12, name), tags, &[0; 4], payload])
    }

    #[test]
    fn payloads_follow_one_another_without_numbers_of_their_own() {
        let mut decoder = Decoder::default();
        let mut push = |reversed, payload: &[u8]| {
            decode_at(&mut decoder, 0, 252, &pdu(b"http", &ends(reversed), payload)).tcp()
        };
        let first = push(false, b"GET / ");
        assert_eq!((first.flow.source.port, first.flow.destination.port), (40000, 80));
        let second = push(false, b"HTTP/1.1\r\n");
        assert_eq!(second.numbers.0, first.numbers.0 + 6);
        let answer = push(true, b"HTTP/1.1 101");
        assert_eq!((answer.flow.source.port, answer.numbers.1), (80, second.numbers.0 + 10));
        assert_eq!(answer.payload, b"HTTP/1.1 101");
        assert_eq!(push(false, b"x").numbers.1, answer.numbers.0 + 12);
    }

    #[test]
    fn lower_layers_are_read_on() {
        let addresses = join(&[&tag(20, &CLIENT), &tag(21, &SERVER)]);
        is_plain(252, &pdu(b"tcp", &addresses, &tcp(b"hello")));
        is_plain(
            252,
            &join(&[&tag(14, b"ip.proto"), &addresses, &tag(32, &[0, 0, 0, 6]), &[0; 4], &tcp(b"hello")]),
        );
        is_plain(252, &pdu(b"ip", &[], &hello()));
        is_plain(252, &pdu(b"eth_withoutfcs", &[], &ethernet(0x0800, &hello())));
    }

    #[test]
    fn other_payloads_are_other_and_tags_without_end_are_unreadable() {
        assert_eq!(decode(252, &pdu(b"dns", &tag(24, &[0, 0, 0, 3]), b"x")), Seen::Other);
        assert!(matches!(
            decode(252, &tag(12, b"http")),
            Seen::Unreadable(DecodeError::Short { layer: "exported PDU", .. })
        ));
    }
}
