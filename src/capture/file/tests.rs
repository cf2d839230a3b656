use std::io::Read;

use proptest::prelude::*;

use super::super::fixture::{Bytes, Everything, Pieces};
use super::super::order::Order;
use super::super::{Files, Next, Source as _};
use super::*;

fn of_pieces(pieces: impl IntoIterator<Item = Vec<u8>>) -> Everything {
    Everything::of(Files::from_reader("-", Pieces::boxed(pieces))).unwrap()
}

#[test]
fn pipe_hands_on_what_each_read_completes() {
    let file = Bytes::stamps(&[1, 2, 3, 4, 5], b"data");
    // The header alone; one packet; half of one; its other half and two more; the rest.
    let all = of_pieces([0..24, 24..44, 44..54, 54..104, 104..124].map(|range| file[range].to_vec()));
    assert_eq!((all.batches.clone(), all.seconds()), (vec![1, 3, 1], vec![1, 2, 3, 4, 5]));
    // The header and packets in one piece.
    assert_eq!(of_pieces([file[..64].to_vec(), file[64..].to_vec()]).batches, [2, 3]);
}

/// A reader that fails if it is read after its data has been consumed.
struct Impatient(Box<dyn Read + Send>);

impl Read for Impatient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::Error::other("asked too soon")),
            count => Ok(count),
        }
    }
}

#[test]
fn packets_at_hand_are_not_kept_waiting_for_more() {
    let file = Bytes::stamps(&[1, 2], b"data");
    let pieces = Pieces::boxed([file[..50].to_vec(), file[50..].to_vec()]);
    let mut files = Files::from_reader("-", Box::new(Impatient(pieces)));
    let mut batch = PacketBatch::default();
    for _ in 0..2 {
        assert_eq!(files.next(&mut batch).unwrap(), Next::Filled);
        assert_eq!(batch.packets().count(), 1);
    }
    let error = files.next(&mut batch).unwrap_err();
    assert_eq!(error.to_string(), "-: asked too soon");
    assert_eq!(files.next(&mut batch).unwrap(), Next::End);
}

#[test]
fn signal_while_reading_changes_nothing() {
    struct Interrupted(bool, &'static [u8]);
    impl Read for Interrupted {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 = !self.0;
            if self.0 { Err(io::ErrorKind::Interrupted.into()) } else { self.1.read(into) }
        }
    }
    let file: &'static [u8] = Bytes::stamps(&[1, 2], b"data").leak();
    let all = Everything::of(Files::from_reader("-", Box::new(Interrupted(false, file)))).unwrap();
    assert_eq!(all.seconds(), [1, 2]);
}

#[test]
fn same_packets_however_it_is_cut() {
    let file = Bytes::stamps(&(0..40).collect::<Vec<_>>(), b"some data");
    let expected = Everything::of_bytes(&file).unwrap();
    for size in 1..80 {
        let all = of_pieces(file.chunks(size).map(<[u8]>::to_vec));
        assert_eq!((all.packets, all.problems), (expected.packets.clone(), vec![]));
    }
}

#[test]
fn file_of_many_blocks() {
    let stamps: Vec<u32> = (0..3000).collect();
    let all = Everything::of_bytes(&Bytes::stamps(&stamps, &[5; 1999])).unwrap();
    assert_eq!(all.seconds(), (0..3000).collect::<Vec<_>>());
    assert!(all.packets.iter().all(|packet| packet.data == [5; 1999]));
    assert!(all.batches.len() < 40, "blocks grow: {:?}", all.batches);
}

#[test]
fn diagnostics_name_the_place_in_the_whole_file() {
    let mut file = Bytes::stamps(&[7; 3000], &[5; 1999]);
    let whole = file.len() as u64;
    file.extend([1; 5]);
    let all = Everything::of_bytes(&file).unwrap();
    assert_eq!(all.problems.len(), 1);
    assert_eq!((&*all.problems[0].0, all.problems[0].1), ("test", whole));
}

#[test]
fn lying_length_does_not_cost_memory() {
    let file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, u32::MAX, 1);
    let file = file.u32(1).u32(0).u32(16_000_000).u32(16_000_000).raw(&[0; 1000]);
    let mut files = Files::from_reader("test", Box::new(Cursor::new(file.bytes)));
    let mut batch = PacketBatch::default();
    assert_eq!(files.next(&mut batch).unwrap(), Next::Filled);
    assert_eq!((batch.packets().count(), batch.diagnostics().count()), (0, 1));
    assert!(batch.bytes.capacity() <= 4 * SMALL_BLOCK, "{}", batch.bytes.capacity());
}

#[test]
fn memory_of_a_large_record_is_given_back() {
    let file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, u32::MAX, 1).record(1, 0, &vec![0; 9_000_000]);
    let file = (0..9).fold(file, |file, second| file.record(second, 0, &vec![0; 400_000]));
    let mut files = Files::from_reader("test", Box::new(Cursor::new(file.bytes)));
    let (mut batch, mut sizes) = (PacketBatch::default(), Vec::new());
    while files.next(&mut batch).unwrap() == Next::Filled {
        sizes.push(batch.bytes.capacity());
    }
    assert!(sizes[0] >= 9_000_000 && *sizes.last().unwrap() <= KEPT, "{sizes:?}");
}

#[test]
fn what_is_no_capture_is_called_by_its_name() {
    for (bytes, words) in [
        (&b"{\"a\": 1}"[..], "JSON"),
        (b"x", "it is text"),
        (b"\x01", "begins with 01,"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh91AY", "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"snoop\0\0\0", "editcap"),
    ] {
        let text = Everything::of_bytes(bytes).unwrap_err().to_string();
        assert!(text.starts_with("test: not a capture file: ") && text.contains(words), "{text}");
    }
    assert_eq!(Everything::of_bytes(b"").unwrap_err().to_string(), "test: empty file");
}

#[test]
fn header_and_nothing_else_is_a_capture_without_packets() {
    assert_eq!(Everything::of_bytes(&Bytes::stamps(&[], b"")).unwrap(), Everything::default());
}

/// Bytes that occasionally look like records.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(0_u32),
        1..40_u32,
        Just(12),
        Just(u32::MAX),
        Just(0x0a0d_0d0a),
        Just(0x1a2b_3c4d),
        Just(0xbad),
        any::<u32>()
    ];
    let words = prop::collection::vec(word, 0..200);
    (words, prop::collection::vec(any::<u8>(), 0..9))
        .prop_map(|(words, rest)| words.into_iter().flat_map(u32::to_le_bytes).chain(rest).collect())
}

proptest! {
    #[test]
    fn rubbish_behind_a_header_neither_panics_nor_swells(rubbish in rubbish(), cut in 1..999_usize, kind in 0..4) {
        let start = match kind {
            0 => Bytes::new(Order::Little).pcap(0xa1b2_c3d4, 65535, 1),
            1 => Bytes::new(Order::Big).pcap(0xa1b2_cd34, u32::MAX, 1),
            2 => Bytes::new(Order::Little).section().interface(1, 0, &[]),
            _ => Bytes::new(Order::Little).section(),
        };
        let bytes = start.raw(&rubbish).bytes;
        let mut files = Files::from_reader("test", Pieces::boxed(bytes.chunks(cut).map(<[u8]>::to_vec)));
        let (mut batch, mut kept, mut diagnostics) = (PacketBatch::default(), 0, 0);
        while files.next(&mut batch).unwrap() == Next::Filled {
            prop_assert!(batch.bytes.len() <= bytes.len());
            prop_assert!(batch.bytes.capacity() <= 4 * SMALL_BLOCK);
            for record in batch.records() {
                prop_assert!(record.offset as usize + record.length as usize <= batch.bytes.len());
                prop_assert!(record.original_length >= record.length);
                kept += record.length as usize;
            }
            diagnostics += batch.diagnostics().count();
        }
        prop_assert!(kept <= bytes.len());
        prop_assert!(diagnostics <= 17);
    }

    #[test]
    fn rubbish_gives_the_same_however_it_is_cut(rubbish in rubbish(), cut in 1..999_usize) {
        let bytes = Bytes::new(Order::Little).section().interface(1, 0, &[]).raw(&rubbish).bytes;
        let (whole, pieces) = (Everything::of_bytes(&bytes).unwrap(), of_pieces(bytes.chunks(cut).map(<[u8]>::to_vec)));
        prop_assert_eq!((whole.packets, whole.secrets), (pieces.packets, pieces.secrets));
        let place = |problems: Vec<(String, u64, String)>| problems.into_iter().map(|(_, at, text)| (at, text)).collect::<Vec<_>>();
        prop_assert_eq!(place(whole.problems), place(pieces.problems));
    }
}
