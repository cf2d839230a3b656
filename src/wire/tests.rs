//! Properties that hold for all packets.

use proptest::prelude::*;

use super::sample::*;
use super::*;
use crate::model::{At, LinkType};

/// All supported link types, and one unsupported.
const LINKS: [u32; 41] = [
    0, 1, 6, 9, 10, 12, 14, 50, 51, 101, 104, 105, 107, 108, 109, 113, 117, 119, 127, 138, 147, 149, 163,
    166, 192, 197, 204, 205, 206, 228, 229, 239, 252, 258, 276, 277, 281, 282, 284, 285, 290,
];

/// Decodes a packet without the shortcut.
fn decode_slowly(packet: &Packet<'_>) -> Seen {
    Decoder::default().decode_any(packet).into()
}

fn segments() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::collection::vec(any::<u8>(), 20);
    (header, 0..12_u8, any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(
        |(mut header, words, clock, rest)| {
            header[12] = (5 + words) << 4;
            join(&[&header, if clock { &[1, 1, 8, 10] } else { &[] }, &rest])
        },
    )
}

/// Generates packets of the form that the shortcut reads, or nearly so.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let padding = prop::collection::vec(any::<u8>(), 0..8);
    (segments(), any::<bool>(), prop::option::of(any::<u16>()), any::<bool>(), padding).prop_map(
        |(segment, six, tag, service, padding)| {
            let (kind, packet) = if six { (0x86dd, ipv6(6, &segment)) } else { (0x0800, ipv4(6, &segment)) };
            let frame = match tag {
                Some(tag) => ethernet(if service { 0x88a8 } else { 0x8100 }, &vlan(tag, kind, &packet)),
                None => ethernet(kind, &packet),
            };
            join(&[&frame, &padding])
        },
    )
}

/// Generates bit flips; mostly a single bit, and mostly in the headers of a frame.
fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let place = prop_oneof![6 => 12..60_usize, 1 => 0..150_usize];
    let bits = prop_oneof![3 => (0..8_u8).prop_map(|bit| 1 << bit), 1 => any::<u8>()];
    prop::collection::vec((place, bits), 0..4)
}

fn apply(mut frame: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (place, bits) in changes {
        if let Some(byte) = frame.get_mut(*place) {
            *byte ^= bits;
        }
    }
    frame
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn the_shortcut_says_what_the_walk_says(
        frame in frames(), changes in changes(), kept in prop::option::of(0..150_usize), longer in 0..200_u32,
    ) {
        let frame = apply(frame, &changes);
        let data = &frame[..kept.unwrap_or(frame.len()).min(frame.len())];
        let original_length = u32::try_from(frame.len()).unwrap() + if kept.is_some() { longer } else { 0 };
        let packet = Packet { at: At::default(), link: LinkType::ETHERNET, original_length, data };
        if let Some(segment) = fast::decode(&packet) {
            prop_assert_eq!(Seen::Tcp(segment.into()), decode_slowly(&packet));
        }
    }

    #[test]
    fn the_shortcut_takes_every_good_frame(frame in frames()) {
        let packet = packet(ETHERNET, &frame);
        if let Some(segment) = fast::decode(&packet) {
            prop_assert!(frame[segment.offset.unwrap() as usize..].starts_with(segment.payload));
        }
        prop_assert_eq!(fast::decode(&packet).is_some(), matches!(decode_slowly(&packet), Seen::Tcp(_)));
    }

    #[test]
    fn random_bytes_of_any_link_type_never_panic(
        data in prop::collection::vec(any::<u8>(), 0..200), link in prop::sample::select(&LINKS[..]), original: u32,
    ) {
        let mut decoder = Decoder::default();
        let packet = Packet { at: At::default(), link: LinkType(link), original_length: original, data: &data };
        let _: Seen = decoder.decode(&packet).into();
    }

    #[test]
    fn changed_packets_of_any_form_never_panic(
        forms in prop::collection::vec((0..FORMS, changes()), 1..6), cut in 0..60_usize,
    ) {
        let mut decoder = Decoder::default();
        let mut data = hello();
        for (form, changes) in forms {
            data = apply(wrap(form, &data), &changes);
        }
        let kept = data.len().saturating_sub(cut);
        for link in LINKS {
            let packet = Packet { data: &data[..kept], ..packet(link, &data) };
            let seen: Seen = decoder.decode(&packet).into();
            if let Seen::Tcp(segment) = seen {
                prop_assert!(segment.payload.len() <= kept);
                let found = segment.offset.map(|offset| data[..kept].get(offset as usize..).unwrap());
                prop_assert!(found.is_none_or(|found| found.starts_with(&segment.payload)));
            }
        }
    }
}

/// The number of forms of [`wrap`].
const FORMS: usize = 26;

/// Wraps a packet in another.
fn wrap(form: usize, inner: &[u8]) -> Vec<u8> {
    match form {
        0 => ethernet(0x0800, inner),
        1 => ethernet(0x8100, &vlan(5, 0x0800, inner)),
        2 => ethernet(0x8847, &join(&[&[0, 1, 1, 64], inner])),
        3 => ethernet(0x8864, &join(&[&[0x11, 0, 0, 1, 0, 100, 0, 0x21], inner])),
        4 => ipv4(4, inner),
        5 => ipv6(4, inner),
        6 => ipv6(0, &join(&[&[4, 0, 0, 0, 0, 0, 0, 0], inner])),
        7 => ipv4_piece(4, 1, 0x2000, inner),
        8 => ipv6_piece(4, 1, 1, inner),
        9 => ipv4(47, &join(&[&[0x30, 0, 8, 0, 0, 0, 0, 5, 0, 0, 0, 1], inner])),
        10 => ipv4(47, &join(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 3, 0, 0, 0, 0], inner])),
        11 => ipv4(17, &udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 7, 0], inner]))),
        12 => ipv4(17, &udp(6081, &join(&[&[1, 0, 8, 0, 0, 0, 7, 0, 0, 0, 0, 0], inner]))),
        13 => ethernet(0x8909, &join(&[&[1, 1, 0, 1, 0, 7, 8, 0], inner])),
        14 => ethernet(0x8988, &join(&[&[0; 6], &[8, 0], inner])),
        15 => ethernet(0x894f, &join(&[&[0x0f, 0xc2, 1, 1, 0, 0, 7, 255], inner])),
        16 => ethernet(0x88e5, &join(&[&[0, 0, 0, 0, 0, 1, 8, 0], inner, &[0; 16]])),
        17 => ethernet(0x22f3, &join(&[&[0, 0x3f, 0, 1, 0, 2], &ethernet(0x0800, inner)])),
        18 => ethernet(0x4305, &join(&[&[0x40, 15], &[0; 8], &ethernet(0x0800, inner)])),
        19 => ipv4(17, &udp(37008, &join(&[&[1, 0, 0, 1, 10, 1, 9, 1], &ethernet(0x0800, inner)]))),
        20 => ipv4(17, &udp(5247, &join(&[&[0, 0x10, 0x42, 0, 0, 0, 0, 0], &ethernet(0x0800, inner)]))),
        21 => ipv4(17, &udp(1701, &join(&[&[0, 2, 0, 1, 0, 1, 0xff, 3, 0, 0x21], inner]))),
        22 => ipv4(115, &join(&[&[0, 0, 0, 7], &ethernet(0x0800, inner)])),
        23 => ipv4(97, &join(&[&[0x30, 0], &ethernet(0x0800, inner)])),
        24 => ipv4(17, &udp(6080, &join(&[&[0, 4, 0, 0], inner]))),
        _ => {
            let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
            ipv6(17, &udp(2152, &join(&[&[0x30, 255], &length, &[0; 4], inner])))
        }
    }
}
