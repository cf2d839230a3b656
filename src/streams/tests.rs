use super::*;
use proptest::prelude::*;
use std::io::Write as _;

fn read(format: Format, coding: &str, bytes: &[u8], size: usize) -> Vec<Output> {
    let (mut reader, mut out) = (BodyReader::new(format, Some(coding), 1 << 16), Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        reader.push(piece, At::default());
        out.extend(std::iter::from_fn(|| reader.next()));
    }
    reader.end(true);
    out.extend(std::iter::from_fn(|| reader.next()));
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_encoded_body_is_read_and_given_up_behind_a_gap() {
    let body = gzip(b"data: one\n\ndata: two\n\n");
    assert_eq!(read(Format::Events, "gzip", &body, 3).len(), 2);
    let mut reader = BodyReader::new(Format::Events, Some("gzip"), 100);
    reader.push(&body[..body.len() / 2], At::default());
    reader.gap(Lost::Exact(3));
    reader.push(&body[body.len() / 2..], At::default());
    reader.end(true);
    let causes: Vec<_> = std::iter::from_fn(|| reader.next())
        .filter(|output| matches!(output, Output::Unreadable { .. }))
        .collect();
    assert_eq!(causes, [Output::Unreadable { cause: "bytes of compressed data are missing" }]);
    assert_eq!(reader.offset(), body.len() as u64 + 3);
}

#[test]
fn a_coding_that_is_not_known_is_named_once() {
    let out = read(Format::Events, "compress", b"data: x\n\n", 2);
    assert_eq!(out, [Output::Unreadable { cause: "the content coding is not supported" }]);
}

fn format() -> impl Strategy<Value = Format> {
    let revision = prop_oneof![Just(3_u8), Just(4)];
    prop_oneof![Just(Format::Events), revision.prop_map(|revision| Format::EngineIo { revision })]
}

/// Bytes in which the formats' own are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"id:7\nevent: a\r".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"4x\x1ebAQID\x1e".to_vec()),
        Just(b"3:4\xf0\x9f\xa6\x80".to_vec()),
        Just(b"\x01\x02\xff\x04\x01".to_vec()),
        Just(b"\0\x02\xff42".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same(format in format(), bytes in bytes(), size in 1_usize..9, zipped: bool) {
        let (coding, sent) = if zipped { ("gzip", gzip(&bytes)) } else { ("identity", bytes) };
        prop_assert_eq!(read(format, coding, &sent, usize::MAX), read(format, coding, &sent, size));
    }

    #[test]
    fn no_message_that_is_whole_behind_a_gap_was_not_sent(
        format in format(), bytes in bytes(), from in 0_usize..60, length in 1_usize..20
    ) {
        let whole = |outputs: &[Output]| -> Vec<(bool, Vec<u8>)> {
            let told = |output: &Output| match output {
                Output::Message(it) if it.is_whole => Some((it.text, it.bytes.clone())),
                _ => None,
            };
            outputs.iter().filter_map(told).collect()
        };
        // The first byte decides whether a body is JSONP, so it is never lost here.
        let sent = whole(&read(format, "identity", &bytes, usize::MAX));
        let from = from.clamp(1, bytes.len().max(1));
        let behind = from.saturating_add(length);
        prop_assume!(behind <= bytes.len());
        let mut reader = BodyReader::new(format, None, 1 << 16);
        reader.push(&bytes[..from], At::default());
        reader.gap(Lost::Exact(length as u64));
        reader.push(&bytes[behind..], At::default());
        reader.end(true);
        let outputs: Vec<_> = std::iter::from_fn(|| reader.next()).collect();
        let mut left = sent.iter();
        for message in whole(&outputs) {
            prop_assert!(left.any(|it| *it == message), "{message:?} of {sent:?}");
        }
    }
}
