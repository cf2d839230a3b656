use super::super::fixture::{Bytes, Everything};
use super::super::{Error, order::Order};
use super::*;

const BOTH: [Order; 2] = [Order::Little, Order::Big];

fn ethernet(order: Order) -> Bytes {
    Bytes::new(order).section().interface(1, 0, &[])
}

#[test]
fn sections_of_either_order_with_their_own_interfaces() {
    for (first, second) in [(Order::Little, Order::Big), (Order::Big, Order::Little)] {
        let mut file = ethernet(first).interface(113, 0, &[]).enhanced(1, 5_000_000, b"cooked");
        file.order = second;
        let file = file.section().interface(228, 0, &[]).enhanced(0, 6_000_000, b"raw");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(all.data(), [&b"cooked"[..], b"raw"]);
        assert_eq!(all.packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), [113, 228]);
        assert_eq!(all.seconds(), [5, 6]);
        assert_eq!(all.problems, []);
    }
}

#[test]
fn stamp_beyond_our_reach_does_not_drag_the_clock_along() {
    let file = ethernet(Order::Little).enhanced(0, 5_000_000, b"a").enhanced(0, u64::MAX, b"b");
    let all = Everything::of_bytes(&file.enhanced(0, 6_000_000, b"c").bytes).unwrap();
    assert_eq!(all.seconds(), [5, 5, 6]);
    assert!(all.only_problem().1.contains("2262"));
}

#[test]
fn simple_packets_have_the_first_interfaces_snap_length_and_the_stamp_before() {
    for order in BOTH {
        let simple = |file: Bytes, original: u32, data: &[u8]| {
            file.block(SIMPLE_PACKET, |body| body.u32(original).raw(data))
        };
        let file = Bytes::new(order).section().interface(101, 5, &[]).enhanced(0, 3_000_000, b"x");
        let file = simple(simple(file, 3, b"abc"), 1500, b"abcde");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(all.data(), [&b"x"[..], b"abc", b"abcde"]);
        assert_eq!((all.packets[1].original, all.packets[2].original), (3, 1500));
        assert_eq!((all.packets[2].link, all.seconds()), (101, vec![3, 3, 3]));
    }
}

#[test]
fn obsolete_packets() {
    for order in BOTH {
        let file = Bytes::new(order).section().interface(1, 0, &[]).interface(113, 0, &[]);
        let file = file.block(OBSOLETE_PACKET, |body| {
            body.u16(1).u16(77).u32(0).u32(4_000_000).u32(3).u32(9).raw(b"old")
        });
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!((all.data(), all.seconds()), (vec![&b"old"[..]], vec![4]));
        assert_eq!((all.packets[0].link, all.packets[0].original), (113, 9));
    }
}

#[test]
fn names_statistics_and_unknown_blocks_are_skipped() {
    let file = ethernet(Order::Little).enhanced(0, 1, b"one");
    let file = file.block(4, |body| body.raw(&[0xff; 40])).block(5, |body| body.raw(&[0xff; 16]));
    let file = file.block(0x7777_7777, |body| body).enhanced(0, 2, b"two");
    let all = Everything::of_bytes(&file.bytes).unwrap();
    assert_eq!(all.data(), [b"one", b"two"]);
    assert_eq!((all.packets[1].number, &all.problems[..]), (2, &[][..]));
}

#[test]
fn custom_blocks_and_journal_entries_are_numbered_as_wireshark_does() {
    let file = ethernet(Order::Little).enhanced(0, 1, b"one").block(CUSTOM, |body| body.u32(1).raw(b"x"));
    let file = file.block(CUSTOM_NOT_COPIED, |body| body.u32(1)).enhanced(0, 2, b"two");
    let file = file.block(JOURNAL_ENTRY, |body| body.raw(b"_A=b")).enhanced(0, 3, b"three");
    let all = Everything::of_bytes(&file.bytes).unwrap();
    assert_eq!(all.packets.iter().map(|packet| packet.number).collect::<Vec<_>>(), [1, 4, 6]);
}

#[test]
fn key_logs_are_handed_on_in_their_place() {
    for order in BOTH {
        let file = ethernet(order).secrets(TLS_KEY_LOG, b"CLIENT_RANDOM 1").enhanced(0, 1, b"one");
        let file = file.secrets(0x5747_4b4c, b"wireguard").secrets(TLS_KEY_LOG, b"CLIENT_RANDOM 2");
        let all = Everything::of_bytes(&file.enhanced(0, 2, b"two").bytes).unwrap();
        assert_eq!(all.secrets, [(0, b"CLIENT_RANDOM 1".to_vec()), (1, b"CLIENT_RANDOM 2".to_vec())]);
        assert_eq!((all.packets.len(), &all.problems[..]), (2, &[][..]));
    }
}

#[test]
fn secrets_longer_than_their_block() {
    let file = ethernet(Order::Little)
        .block(DECRYPTION_SECRETS, |body| body.u32(TLS_KEY_LOG).u32(100).raw(b"short"));
    let all = Everything::of_bytes(&file.enhanced(0, 2, b"two").bytes).unwrap();
    assert_eq!((all.data(), all.secrets.len()), (vec![&b"two"[..]], 0));
    assert_eq!(all.only_problem().0, 28 + 20);
}

#[test]
fn bad_blocks_with_a_good_length_are_skipped() {
    #[expect(clippy::type_complexity, reason = "a table of faults and who makes them")]
    let bad: [(&str, fn(Bytes) -> Bytes); 6] = [
        ("interface", |file| file.enhanced(1, 5, b"nobody")),
        ("longer than its block", |file| {
            file.block(ENHANCED_PACKET, |body| body.u32(0).u32(0).u32(1).u32(9).u32(9).raw(b"12345678"))
        }),
        ("too short", |file| file.block(ENHANCED_PACKET, |body| body.u32(0))),
        ("too short", |file| file.block(OBSOLETE_PACKET, |body| body.u32(0))),
        ("too short", |file| file.block(SIMPLE_PACKET, |body| body)),
        ("at its end", |file| file.u32(ENHANCED_PACKET).u32(16).u32(0).u32(20)),
    ];
    for (problem, bad) in bad {
        for order in BOTH {
            let before = ethernet(order).enhanced(0, 1, b"before");
            let offset = before.bytes.len() as u64;
            let file = bad(before);
            let all = Everything::of_bytes(&file.clone().enhanced(0, 2, b"after").bytes).unwrap();
            assert_eq!(all.data(), [&b"before"[..], b"after"], "{problem}");
            assert_eq!(all.packets[1].number, 2);
            let (at, text) = all.only_problem();
            assert!(at == offset && text.contains(problem), "{text}");
            // The same at the very end of the file.
            let all = Everything::of_bytes(&file.bytes).unwrap();
            assert_eq!(all.data(), [b"before"]);
            assert_eq!(all.only_problem(), (at, text));
        }
    }
}

#[test]
fn lengths_that_show_no_way_on_end_the_file() {
    for (length, needle) in [
        (0, "0 bytes"),
        (8, "8 bytes"),
        (11, "11 bytes"),
        (u32::MAX, "4294967295"),
        (16_777_217, "16777216 allowed"),
    ] {
        let file = ethernet(Order::Big).enhanced(0, 1, b"before");
        let offset = file.bytes.len() as u64;
        let file = file.u32(ENHANCED_PACKET).u32(length).enhanced(0, 2, b"after");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(all.data(), [b"before"]);
        let (at, problem) = all.only_problem();
        assert!(at == offset && problem.contains(needle), "{problem}");
    }
}

#[test]
fn two_lengths_of_which_neither_convinces_end_the_file() {
    let file = ethernet(Order::Little).enhanced(0, 1, b"before");
    let offset = file.bytes.len() as u64;
    let file = file.u32(ENHANCED_PACKET).u32(16).u32(0).u32(20).raw(&[0xee; 40]);
    let all = Everything::of_bytes(&file.bytes).unwrap();
    assert_eq!(all.data(), [b"before"]);
    assert_eq!(all.only_problem().0, offset);
}

#[test]
fn section_of_another_kind_ends_the_file() {
    let no_magic = |file: Bytes| file.block(SECTION, |body| body.u32(0).u16(1).u16(0).raw(&[0xff; 8]));
    let new_version =
        |file: Bytes| file.block(SECTION, |body| body.u32(0x1a2b_3c4d).u16(2).u16(0).raw(&[0xff; 8]));
    for (section, needle) in [(&no_magic as &dyn Fn(Bytes) -> Bytes, "magic"), (&new_version, "version 2")] {
        let file = section(ethernet(Order::Little).enhanced(0, 1, b"before"));
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(all.data(), [b"before"]);
        assert!(all.only_problem().1.contains(needle));
        // At the very start, it is an error.
        let error = Everything::of_bytes(&section(Bytes::new(Order::Little)).bytes).unwrap_err();
        assert!(matches!(&error, Error::Header { .. }) && error.to_string().contains(needle), "{error}");
    }
}

#[test]
fn largest_block_allowed_is_read() {
    let data = vec![9; RECORD_BOUND - 12 - 20 - 16];
    let file = ethernet(Order::Little).enhanced(0, 1, &data).enhanced(0, 2, b"after");
    let all = Everything::of_bytes(&file.bytes).unwrap();
    assert_eq!(all.packets.iter().map(|packet| packet.data.len()).collect::<Vec<_>>(), [data.len(), 5]);
}

#[test]
fn flood_of_interfaces_is_bounded() {
    let file =
        (0..INTERFACES + 9).fold(Bytes::new(Order::Little).section(), |file, _| file.interface(1, 0, &[]));
    let file = file.enhanced(65_535, 1, b"last").enhanced(65_536, 1, b"too many");
    let all = Everything::of_bytes(&file.bytes).unwrap();
    assert_eq!((all.data(), all.problems.len()), (vec![&b"last"[..]], 10));
}

#[test]
fn flood_of_bad_blocks_is_reported_in_few_words() {
    let file = (0..1000).fold(ethernet(Order::Little), |file, _| file.enhanced(7, 1, b"x"));
    let all = Everything::of_bytes(&file.enhanced(0, 1, b"good").bytes).unwrap();
    assert_eq!((all.data(), all.problems.len()), (vec![&b"good"[..]], 16));
    assert!(all.problems[15].2.contains("not listed") && !all.problems[14].2.contains("not listed"));
}

#[test]
fn cut_anywhere_gives_what_is_whole_and_one_diagnostic() {
    let head = ethernet(Order::Little);
    let first = head.clone().enhanced(0, 1, b"one");
    let file = first.clone().enhanced(0, 2, b"two");
    for cut in 4..file.bytes.len() {
        let outcome = Everything::of_bytes(&file.bytes[..cut]);
        if cut < 28 {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Short { needed: 28, had, .. } if had == cut), "{error}");
            continue;
        }
        let all = outcome.unwrap();
        assert_eq!(all.packets.len(), usize::from(cut >= first.bytes.len()));
        match [28, head.bytes.len(), first.bytes.len()].into_iter().rev().find(|start| *start <= cut) {
            Some(start) if start == cut => assert_eq!(all.problems, []),
            start => assert_eq!(Some(all.only_problem().0), start.map(|start| start as u64)),
        }
    }
}
