use std::io::Cursor;

use proptest::prelude::*;

use super::super::fixture::{Bytes, Everything, Pieces};
use super::super::order::Order;
use super::*;
use crate::model::LinkType;

fn merged(files: &[Vec<u8>]) -> Everything {
    let names: Vec<String> = (0..files.len()).map(|index| format!("file {index}")).collect();
    let readers = names.iter().zip(files).map(|(name, file)| {
        let reader: Box<dyn Read + Send> = Box::new(Cursor::new(file.clone()));
        (&**name, reader)
    });
    Everything::of(Files::from_readers(readers)).unwrap()
}

const TLS: u32 = 0x544c_534b;

fn numbers(all: &Everything) -> Vec<u64> {
    all.packets.iter().map(|packet| packet.number).collect()
}

#[test]
fn files_can_cross_threads() {
    fn crosses(_: impl Send) {}
    crosses(Files::from_readers([]));
}

#[test]
fn interleaved_files_become_one_numbered_stream() {
    let all = merged(&[Bytes::stamps(&[1, 4, 5, 9], b"a"), Bytes::stamps(&[2, 3, 6, 7, 8], b"b")]);
    assert_eq!(all.seconds(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(numbers(&all), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(all.data().concat(), b"abbaabbba");
}

#[test]
fn equal_stamps_go_by_the_command_line() {
    let all = merged(&[
        Bytes::stamps(&[1, 2, 2], b"a"),
        Bytes::stamps(&[1, 2, 3], b"b"),
        Bytes::stamps(&[2], b"c"),
    ]);
    assert_eq!(all.data().concat(), b"abaabcb");
}

#[test]
fn rotated_files_in_any_order_pass_through_untouched() {
    let all = merged(&[
        Bytes::stamps(&[5, 6], b"b"),
        Bytes::stamps(&[1, 2, 3], b"a"),
        Bytes::stamps(&[6, 7], b"c"),
    ]);
    assert_eq!(all.data().concat(), b"aaabbcc");
    assert_eq!(all.batches, [3, 2, 2], "each file is a batch of its own");
}

#[test]
fn time_never_runs_backwards_and_numbers_stay() {
    let all = merged(&[Bytes::stamps(&[5, 3, 6, 1, 7], b"a")]);
    assert_eq!(all.seconds(), [5, 5, 6, 6, 7]);
    // In a merge, the raw timestamps decide: packets after the 3 may precede the other file's 4.
    let all = merged(&[Bytes::stamps(&[5, 3, 6], b"a"), Bytes::stamps(&[4, 6], b"b")]);
    assert_eq!((all.data().concat(), all.seconds()), (b"baaab".to_vec(), vec![4, 5, 5, 6, 6]));
}

#[test]
fn damage_in_one_file_does_not_stop_the_others() {
    let mut damaged = Bytes::stamps(&[1, 3], b"a");
    damaged.extend([0xff; 16]);
    let all = merged(&[damaged, Bytes::stamps(&[2, 4], b"b")]);
    assert_eq!(all.seconds(), [1, 2, 3, 4]);
    let [(file, offset, _)] = &all.problems[..] else { panic!("{:?}", all.problems) };
    assert_eq!((&**file, *offset), ("file 0", 24 + 34));
}

#[test]
fn secrets_stay_before_the_packets_they_stood_before() {
    let first = Bytes::new(Order::Little)
        .section()
        .interface(1, 0, &[])
        .secrets(TLS, b"one")
        .enhanced(0, 2_000_000, b"a");
    let first = first.secrets(TLS, b"two").enhanced(0, 4_000_000, b"a").secrets(TLS, b"three");
    let all = merged(&[first.bytes, Bytes::stamps(&[1, 3, 5], b"b")]);
    assert_eq!(all.data().concat(), b"babab");
    assert_eq!(all.secrets, [(1, b"one".to_vec()), (3, b"two".to_vec()), (4, b"three".to_vec())]);
}

#[test]
fn link_types_of_merged_files_stay_apart() {
    let cooked = Bytes::new(Order::Big).pcap(0xa1b2_3c4d, 65535, 113).record(2, 0, b"cooked").bytes;
    let all = merged(&[Bytes::stamps(&[1, 3], b"x"), cooked]);
    assert_eq!(all.packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), [1, 113, 1]);
}

#[test]
fn the_files_of_a_link_type_are_reported() {
    let of_link = |link| Bytes::new(Order::Little).pcap(0xa1b2_c3d4, 65535, link).record(2, 0, b"x").bytes;
    let files =
        [("a", of_link(1)), ("b", of_link(253)), ("c", of_link(253)), ("none", Bytes::stamps(&[], b""))];
    let readers =
        files.into_iter().map(|(name, file)| (name, Box::new(Cursor::new(file)) as Box<dyn Read + Send>));
    let files = Files::from_readers(readers);
    let origins = files.origins();
    Everything::of(files).unwrap();
    let of = |link| origins.of(LinkType(link)).join(" ");
    assert_eq!((of(1), of(253), of(147)), ("a".into(), "b c".into(), String::new()));
}

#[test]
fn pipe_among_several_is_waited_for() {
    let pipe = Bytes::stamps(&[2, 4], b"p");
    let pieces: Box<dyn Read + Send> =
        Pieces::boxed([pipe[..30].to_vec(), pipe[30..41].to_vec(), pipe[41..].to_vec()]);
    let file: Box<dyn Read + Send> = Box::new(Cursor::new(Bytes::stamps(&[1, 3, 5], b"f")));
    let all = Everything::of(Files::from_readers([("file", file), ("-", pieces)])).unwrap();
    assert_eq!(all.seconds(), [1, 2, 3, 4, 5]);
}

#[test]
fn paths_are_opened_when_their_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    let mut length = 0;
    for (name, stamps) in [("c", &[5, 6][..]), ("empty", &[]), ("a", &[1, 2]), ("b", &[2, 3, 5])] {
        let bytes = Bytes::stamps(stamps, name.as_bytes());
        length += bytes.len() as u64;
        paths.push(folder.path().join(name));
        std::fs::write(paths.last().unwrap(), bytes).unwrap();
    }
    let files = Files::open(&paths).unwrap();
    assert!(files.inputs.iter().all(|input| matches!(input, Input::Closed(_))));
    let meter = files.meter();
    assert_eq!(meter.progress(), Progress { read: 0, total: Some(length) });
    let all = Everything::of(files).unwrap();
    assert_eq!((all.data().concat(), numbers(&all)), (b"aabbcbc".to_vec(), (1..=7).collect()));
    assert_eq!(meter.progress().read, length);
}

#[test]
fn one_path_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.pcap");
    let bytes = Bytes::stamps(&[1, 2], b"data");
    std::fs::write(&path, &bytes).unwrap();
    let files = Files::open(&[path]).unwrap();
    let meter = files.meter();
    assert_eq!(Everything::of(files).unwrap().seconds(), [1, 2]);
    assert_eq!(meter.progress(), Progress { read: bytes.len() as u64, total: Some(bytes.len() as u64) });
}

#[test]
fn what_cannot_be_opened_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("good"), Bytes::stamps(&[1], b"x")).unwrap();
    std::fs::write(path("empty"), b"").unwrap();
    std::fs::write(path("text"), b"hello, world").unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    for (name, words) in [
        ("missing", "No such file"),
        ("folder", "directory"),
        ("empty", "empty file"),
        ("text", "not a capture"),
    ] {
        for paths in [vec![path(name)], vec![path("good"), path(name)]] {
            let text = Files::open(&paths).err().unwrap().to_string();
            assert!(text.starts_with(&path(name).display().to_string()) && text.contains(words), "{text}");
        }
    }
}

#[test]
fn no_file_at_all_is_the_end() {
    assert_eq!(Everything::of(Files::open(&[]).unwrap()).unwrap(), Everything::default());
}

#[test]
fn large_interleaved_files_come_in_bounded_rounds() {
    let stamps = |from| (0..3000_u32).map(|step| from + 2 * step).collect::<Vec<u32>>();
    let all = merged(&[Bytes::stamps(&stamps(0), &[0; 1500]), Bytes::stamps(&stamps(1), &[1; 1500])]);
    assert_eq!(all.seconds(), (0..6000).collect::<Vec<_>>());
    assert!(
        all.packets.iter().enumerate().all(|(index, packet)| packet.data == [u8::from(index % 2 == 1); 1500])
    );
    assert!(all.batches.iter().all(|packets| packets * 1500 <= BLOCK + 1500));
}

proptest! {
    #[test]
    fn merging_sorted_files_is_a_stable_sort(
        files in prop::collection::vec(prop::collection::vec(0..30_u32, 0..40), 0..5)
    ) {
        let mut expected = Vec::new();
        let mut written = Vec::new();
        for (index, mut stamps) in (0_u8..).zip(files) {
            stamps.sort_unstable();
            expected.extend(stamps.iter().map(|stamp| (i64::from(*stamp), index)));
            written.push(Bytes::stamps(&stamps, &[index]));
        }
        expected.sort_unstable();
        let all = merged(&written);
        let got: Vec<_> = all.seconds().into_iter().zip(all.data().concat()).collect();
        prop_assert_eq!(got, expected);
        prop_assert_eq!(numbers(&all), (1..=all.packets.len() as u64).collect::<Vec<_>>());
    }
}
