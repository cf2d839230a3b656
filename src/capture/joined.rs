//! A file of the other format appended to this one, as by `cat`.

use super::found::StopReason;

/// Stops before the header of a pcapng section that follows the records of a pcap file.
///
/// Read as a record, it would exceed the maximum length.
pub(super) fn section(bytes: &[u8]) -> Option<StopReason> {
    const LENGTH: usize = 12;
    let [0x0a, 0x0d, 0x0d, 0x0a, rest @ ..] = bytes else { return None };
    match rest {
        [_, _, _, _, 0x4d, 0x3c, 0x2b, 0x1a, ..] | [_, _, _, _, 0x1a, 0x2b, 0x3c, 0x4d, ..] => {
            Some(StopReason::Joined)
        }
        [_, _, _, _, _, _, _, _, ..] => None,
        _ => Some(StopReason::More(LENGTH)),
    }
}

/// Stops before the header of a pcap file that follows the blocks of a pcapng file.
///
/// Read as a block, it would have a type for local use and a length that is not a multiple of four.
pub(super) fn pcap(bytes: &[u8]) -> Option<StopReason> {
    const LENGTH: usize = 24;
    let magic = u32::from_le_bytes(*bytes.first_chunk()?);
    let known = |magic| matches!(magic, 0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34);
    if !known(magic) && !known(magic.swap_bytes()) {
        return None;
    }
    match bytes.first_chunk::<LENGTH>() {
        Some(
            [_, _, _, _, 2, 0, _, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..]
            | [_, _, _, _, 0, 2, 0, _, 0, 0, 0, 0, 0, 0, 0, 0, ..],
        ) => Some(StopReason::Joined),
        Some(_) => None,
        None => Some(StopReason::More(LENGTH)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Bytes, Everything};
    use super::super::order::Order;
    use super::*;

    #[test]
    fn what_was_joined_by_cat_goes_on_in_either_format() {
        let old = Bytes::stamps(&[1, 2], b"one");
        for order in [Order::Little, Order::Big] {
            let new = Bytes::new(order).section().interface(113, 65_535, &[]).enhanced(0, 5, b"new").bytes;
            for (files, links) in
                [([&old, &new, &old], &[1, 1, 113, 1, 1][..]), ([&new, &old, &new], &[113, 1, 1, 113])]
            {
                let all = Everything::of_bytes(&files.map(|file| &file[..]).concat()).unwrap();
                assert_eq!(all.packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), links);
                assert_eq!(all.problems, []);
            }
        }
    }

    #[test]
    fn a_beginning_asks_for_more_and_others_are_none() {
        let header = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a];
        for length in 4..12 {
            assert_eq!(section(&header[..length]), Some(StopReason::More(12)));
        }
        assert_eq!(section(&header), Some(StopReason::Joined));
        assert_eq!(section(&[0x0a, 0x0d, 0x0d]), None);
        assert_eq!(section(&[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0, 1, 2, 3, 4]), None);
        let header = Bytes::stamps(&[], b"");
        assert_eq!(pcap(&header[..23]), Some(StopReason::More(24)));
        assert_eq!(pcap(&header), Some(StopReason::Joined));
        assert_eq!(pcap(&[&header[..8], &[1; 16]].concat()), None);
    }
}
