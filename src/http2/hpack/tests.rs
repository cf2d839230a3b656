use proptest::prelude::*;

use super::decoder::Fault;
use super::encoder::{Encoder, Instruction, Strategy};
use super::{Decoder, Fields};

const BOUND: usize = 65_536;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// Formats the fields as lines, with `?` for what is unknown.
fn shown(fields: &Fields) -> String {
    let part =
        |part: Option<&[u8]>| part.map_or("?".into(), |text| String::from_utf8_lossy(text).into_owned());
    fields.iter().map(|field| format!("{}: {}\n", part(field.name), part(field.value))).collect()
}

fn decoded(decoder: &mut Decoder, block: &[u8]) -> String {
    let mut fields = Fields::default();
    assert_eq!(decoder.decode(block, &mut fields), Ok(()));
    shown(&fields)
}

fn examples(size: &str, blocks: &[(&str, &str)]) {
    let mut decoder = Decoder::new(BOUND);
    decoded(&mut decoder, &hex(size));
    for (block, expected) in blocks {
        let expected: String = expected.split(" | ").map(|line| format!("{line}\n")).collect();
        assert_eq!(decoded(&mut decoder, &hex(block)), expected);
    }
    assert!(decoder.is_complete());
}

#[test]
fn literals_of_rfc_7541_c_2() {
    for (block, expected) in [
        ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header"),
        ("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path"),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret"),
        ("82", ":method: GET"),
    ] {
        examples("", &[(block, expected)]);
    }
}

const REQUESTS: [&str; 3] = [
    ":method: GET | :scheme: http | :path: / | :authority: www.example.com",
    ":method: GET | :scheme: http | :path: / | :authority: www.example.com | cache-control: no-cache",
    ":method: GET | :scheme: https | :path: /index.html | :authority: www.example.com | custom-key: custom-value",
];

#[test]
fn requests_of_rfc_7541_c_3_and_c_4() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let huffman = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, huffman] {
        examples("", &std::array::from_fn::<_, 3, _>(|at| (blocks[at], REQUESTS[at])));
    }
}

const RESPONSES: [&str; 3] = [
    ":status: 302 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | location: https://www.example.com",
    ":status: 307 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | location: https://www.example.com",
    ":status: 200 | cache-control: private | date: Mon, 21 Oct 2013 20:13:22 GMT | location: https://www.example.com | \
     content-encoding: gzip | set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

#[test]
fn responses_of_rfc_7541_c_5_and_c_6_in_a_table_of_256_bytes() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    let huffman = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    for blocks in [plain, huffman] {
        examples("3fe101", &std::array::from_fn::<_, 3, _>(|at| (blocks[at], RESPONSES[at])));
    }
}

#[test]
fn faults_name_their_place() {
    for (block, offset, problem) in [
        ("82 80", 1, "no entry has this index"),
        ("82 be", 1, "no entry has this index"),
        ("82 20", 1, "a table size update behind a field"),
        ("3fe2 1f", 0, "the table size exceeds what the other side allows"),
        ("04 0c 2f73", 0, "the block ends inside a field"),
        ("82 ff", 1, "the block ends inside a field"),
        ("04 81 00", 0, "padding that is not of ones"),
        ("ff ff ff ff ff 0f", 0, "an integer is too large"),
    ] {
        let mut decoder = Decoder::new(BOUND);
        let result = decoder.decode(&hex(block), &mut Fields::default());
        assert_eq!(result, Err(Fault { offset, problem }), "{block}");
        assert!(!decoder.is_complete(), "{block}");
    }
}

#[test]
fn a_table_as_large_as_was_allowed_is_no_fault() {
    let mut decoder = Decoder::new(BOUND);
    decoder.allow(1 << 20);
    assert_eq!(decoded(&mut decoder, &hex("3fe1 ff 3f 82")), ":method: GET\n");
}

#[test]
fn joined_late_what_was_inserted_before_is_unknown() {
    let mut decoder = Decoder::new(BOUND);
    decoder.lose();
    let first = decoded(&mut decoder, &hex("82 c0 7e 0161 4001 6b01 76"));
    assert_eq!(first, ":method: GET\n?: ?\n?: a\nk: v\n");
    // Its own two are known; the one whose name was unknown remains unknown.
    assert_eq!(decoded(&mut decoder, &hex("be bf c0")), "k: v\n?: a\n?: ?\n");
}

#[test]
fn many_references_to_a_long_entry_are_bounded() {
    let mut decoder = Decoder::new(BOUND);
    let mut block = vec![0x40, 1, b'n', 0x7f, 0x80 | 33, 30];
    block.extend(vec![b'v'; 4000]);
    assert_eq!(decoder.decode(&block, &mut Fields::default()), Ok(()));
    let mut fields = Fields::default();
    assert_eq!(decoder.decode(&vec![0xbe; 65_536], &mut fields), Ok(()));
    assert!(fields.is_truncated() && fields.allocated() <= 2 * Fields::MAX_TEXT);
}

/// The fate of a block on its way to the decoder.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Whole,
    Lost,
    /// This many eighths of it are captured.
    Beginning(u8),
}

#[derive(Clone, Debug)]
struct Block {
    resize: Option<u16>,
    fields: Vec<Instruction>,
    fate: Fate,
}

fn instruction() -> impl Strategy_<Value = Instruction> {
    let names = prop::sample::select(vec![
        ":method",
        ":path",
        ":protocol",
        "a",
        "sec-websocket-version",
        "cookie",
        "x-long",
    ]);
    let values = prop_oneof![
        4 => prop::sample::select(vec!["GET", "CONNECT", "/", "websocket", "13", ""]).prop_map(str::to_owned),
        2 => "[ -~]{0,30}",
        1 => "[a-z]{100,600}",
    ];
    let strategies = vec![Strategy::Index, Strategy::Insert, Strategy::Literal, Strategy::Never];
    (names, values, prop::sample::select(strategies), any::<bool>(), any::<bool>()).prop_map(
        |(name, value, strategy, name_index, huffman)| Instruction {
            strategy,
            name_index,
            huffman,
            ..Instruction::new(name, &value)
        },
    )
}

use proptest::strategy::Strategy as Strategy_;

fn block(lossy: bool) -> impl Strategy_<Value = Block> {
    let size = prop_oneof![Just(0_u16), 0..200_u16, 0..4097_u16];
    let fate = if lossy {
        prop_oneof![4 => Just(Fate::Whole), 1 => Just(Fate::Lost), 1 => (0..8_u8).prop_map(Fate::Beginning)]
            .boxed()
    } else {
        Just(Fate::Whole).boxed()
    };
    (prop::option::weighted(0.1, size), prop::collection::vec(instruction(), 0..8), fate)
        .prop_map(|(resize, fields, fate)| Block { resize, fields, fate })
}

/// Sends blocks and compares the decoded fields with the sent ones; returns the number of unknown fields.
fn unknown_fields(blocks: &[Block], late: usize) -> Result<usize, TestCaseError> {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(BOUND));
    let mut unknown = 0;
    if late > 0 {
        decoder.lose();
    }
    for (at, block) in blocks.iter().enumerate() {
        let mut bytes = Vec::new();
        if let Some(size) = block.resize {
            encoder.resize(usize::from(size), &mut bytes);
        }
        for field in &block.fields {
            encoder.encode(field, &mut bytes);
        }
        let mut fields = Fields::default();
        match block.fate {
            _ if at < late => continue,
            Fate::Lost => {
                decoder.lose();
                continue;
            }
            Fate::Whole => {
                prop_assert_eq!(decoder.decode(&bytes, &mut fields), Ok(()));
                prop_assert_eq!(fields.len(), block.fields.len());
            }
            Fate::Beginning(eighths) => {
                let captured = bytes.len() * usize::from(eighths) / 8;
                decoder.decode_beginning(&bytes[..captured], &mut fields);
                prop_assert!(fields.is_truncated() && fields.len() <= block.fields.len());
            }
        }
        for (read, sent) in fields.iter().zip(&block.fields) {
            prop_assert!(read.name.is_none_or(|name| name == sent.name), "{:?} for {:?}", read, sent);
            prop_assert!(read.value.is_none_or(|value| value == sent.value), "{:?} for {:?}", read, sent);
            unknown += usize::from(read.name.is_none());
        }
    }
    Ok(unknown)
}

proptest! {
    #[test]
    fn all_is_known_where_nothing_is_lost(blocks in prop::collection::vec(block(false), 0..20)) {
        prop_assert_eq!(unknown_fields(&blocks, 0)?, 0);
    }

    #[test]
    fn a_name_or_value_is_unknown_or_the_truth(blocks in prop::collection::vec(block(true), 0..20), late in 0..5_usize) {
        unknown_fields(&blocks, late)?;
    }

    #[test]
    fn random_bytes_do_not_panic(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20), late in any::<bool>(),
    ) {
        let mut decoder = Decoder::new(1000);
        if late {
            decoder.lose();
        }
        let mut fields = Fields::default();
        for block in blocks {
            let _ = decoder.decode(&block, &mut fields);
            prop_assert!(decoder.allocated() < 10_000);
        }
    }
}
