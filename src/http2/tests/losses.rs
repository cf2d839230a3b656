use proptest::prelude::*;

use super::script::{Made, acts, make};
use super::{
    Connection, Encoder, End, Limits, Lost, Output, Seen, Side, data, frame, gap, open, push, seen, started,
};
use crate::model::Pair;

#[test]
fn a_gap_inside_data_is_exact() {
    let (mut connection, mut client, mut server) = started();
    open(&mut connection, 1, &mut client, &mut server);
    let bytes = data(1, b"0123456789");
    push(&mut connection, Side::Client, &bytes[..12]);
    assert_eq!(
        gap(&mut connection, Side::Client, Lost::Exact(4)),
        [Seen::Gap(1, Side::Client, Lost::Exact(4))]
    );
    let seen = push(&mut connection, Side::Client, &[&bytes[16..], &data(1, b"next")].concat());
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"789next".to_vec())]);
    // Up to the end of the frame, with its flag.
    push(&mut connection, Side::Client, &frame(0, 1, 1, b"0123456789")[..12]);
    let seen = gap(&mut connection, Side::Client, Lost::Exact(7));
    let ended = Seen::Ended(1, Side::Client, End::EndStream);
    assert_eq!(seen, [Seen::Gap(1, Side::Client, Lost::Exact(7)), ended]);
    assert!(!connection.is_searching(Side::Client));
}

#[test]
fn a_gap_over_padding_counts_what_is_the_streams() {
    let (mut connection, mut client, mut server) = started();
    open(&mut connection, 1, &mut client, &mut server);
    let padded = frame(0, 8, 1, b"\x04abcdef\0\0\0\0");
    push(&mut connection, Side::Client, &padded[..12]);
    let seen = gap(&mut connection, Side::Client, Lost::Exact(6));
    assert_eq!(seen, [Seen::Gap(1, Side::Client, Lost::Exact(4))]);
    let seen = push(&mut connection, Side::Client, &[&padded[18..], &data(1, b"next")].concat());
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"next".to_vec())]);
    // Without the pad length, the start of the padding is unknown.
    push(&mut connection, Side::Client, &padded[..9]);
    let unknown = Seen::Gap(1, Side::Client, Lost::Unknown { least: 0 });
    assert_eq!(gap(&mut connection, Side::Client, Lost::Exact(3)), [unknown]);
    let seen = push(&mut connection, Side::Client, &[&padded[12..], &data(1, b"next")].concat());
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"next".to_vec())]);
}

#[test]
fn a_gap_over_a_header_is_searched() {
    let (mut connection, mut client, mut server) = started();
    open(&mut connection, 1, &mut client, &mut server);
    push(&mut connection, Side::Server, &data(1, b"0123456789")[..12]);
    let seen = gap(&mut connection, Side::Server, Lost::Exact(30));
    assert_eq!(seen, [Seen::Gap(1, Side::Server, Lost::Exact(7))]);
    let seen =
        push(&mut connection, Side::Server, &[b"tail", &data(1, b"one")[..], &data(1, b"two")].concat());
    // Of 23 bytes after the frame and 4 skipped, at least 9 were a header.
    let expected = [
        Seen::Anomaly("h2-resynchronised"),
        Seen::Gap(1, Side::Server, Lost::AtMost(18)),
        Seen::Data(1, Side::Server, b"onetwo".to_vec()),
    ];
    assert_eq!(seen, expected);
    // The other side's bytes continue.
    assert_eq!(
        push(&mut connection, Side::Client, &data(1, b"x")),
        [Seen::Data(1, Side::Client, b"x".to_vec())]
    );
}

#[test]
fn of_a_header_block_with_a_gap_the_beginning_is_right() {
    let (mut connection, mut client, mut server) = started();
    let request = frame(1, 4, 1, &client.block(&super::WEBSOCKET));
    push(&mut connection, Side::Client, &request[..request.len() - 3]);
    let seen = gap(&mut connection, Side::Client, Lost::Exact(3));
    let [Seen::Anomaly("h2-block-lost"), Seen::Opened(1, fields)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(fields[..], super::owned(&super::WEBSOCKET[..5]));
    let seen = push(&mut connection, Side::Client, &data(1, b"x"));
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"x".to_vec())]);
    // The contents of the table are now unknown, and so are the indices into it.
    let seen = push(&mut connection, Side::Client, &frame(1, 4, 3, &client.block(&super::WEBSOCKET)));
    let [Seen::Opened(3, fields), Seen::Anomaly("h2-header-unknown")] = &seen[..] else { panic!("{seen:?}") };
    assert!(
        fields.contains(&("?".into(), "?".into())) && fields.contains(&(":scheme".into(), "https".into()))
    );
    let answer = server.block(&[(":status", "200")]);
    assert_eq!(push(&mut connection, Side::Server, &frame(1, 4, 3, &answer)).len(), 1);
}

#[test]
fn a_stream_whose_request_was_lost_is_reported() {
    let mut connection = Connection::mid_stream(Limits::default());
    let seen =
        push(&mut connection, Side::Client, &[data(7, b"one"), data(7, b"two"), data(7, b"three")].concat());
    let unknown = Lost::Unknown { least: 0 };
    let expected =
        [Seen::Gap(7, Side::Client, unknown), Seen::Data(7, Side::Client, b"onetwothree".to_vec())];
    assert_eq!(seen, expected);
    let seen = push(&mut connection, Side::Server, &[data(7, b"four"), data(7, b"five")].concat());
    let expected = [Seen::Gap(7, Side::Server, unknown), Seen::Data(7, Side::Server, b"fourfive".to_vec())];
    assert_eq!(seen, expected);
    // A response whose fields show what it is makes the stream ordinary.
    let mut server = Encoder::default();
    let answer = frame(1, 4, 9, &server.block(&[(":status", "200"), ("content-type", "text/html")]));
    assert_eq!(push(&mut connection, Side::Server, &[answer, data(9, b"<html>")].concat()), []);
}

#[test]
fn a_body_that_was_joined_late_is_ordinary_where_its_request_is_known() {
    let (mut connection, mut client, _) = started();
    push(&mut connection, Side::Client, &frame(1, 5, 1, &client.block(&super::GET)));
    gap(&mut connection, Side::Server, Lost::Unknown { least: 9 });
    let seen = push(&mut connection, Side::Server, &[data(1, b"<html>"), data(1, b"</html>")].concat());
    assert_eq!(seen, []);
}

/// A reader of a script's bytes with losses, which checks the output against the truth.
struct Judge<'m> {
    made: &'m Made,
    /// The position in each socket's bytes; `None` if unknown.
    places: Vec<Pair<Option<usize>>>,
    reported: usize,
    fields: usize,
}

impl<'m> Judge<'m> {
    fn new(made: &'m Made) -> Self {
        let places = made.sockets.iter().map(|_| Pair { client: Some(0), server: Some(0) }).collect();
        Judge { made, places, reported: 0, fields: 0 }
    }

    fn judge(&mut self, output: &Output<'_>) -> Result<(), TestCaseError> {
        let find = |stream: u32| self.made.sockets.iter().position(|socket| socket.stream == stream);
        match output {
            Output::Opened { stream, request } => {
                // Only a socket, or a stream that may be one.
                if let Some(nth) = find(*stream) {
                    let sent = &self.made.sockets[nth].request;
                    for ((name, value), (sent_name, sent_value)) in super::texts(request).iter().zip(sent) {
                        prop_assert!(
                            (name == sent_name || name == "?") && (value == sent_value || value == "?")
                        );
                        self.fields += usize::from(name != "?");
                    }
                } else {
                    prop_assert!(request.unknown() > 0 || request.is_truncated());
                }
            }
            Output::Data { stream, side, bytes } => {
                let Some(nth) = find(*stream) else { return Ok(()) };
                let sent = &self.made.sockets[nth].sent[*side];
                let place = &mut self.places[nth][*side];
                match *place {
                    Some(at) => {
                        prop_assert_eq!(sent.get(at..at + bytes.len()), Some(*bytes), "exactly there");
                        *place = Some(at + bytes.len());
                    }
                    None => {
                        let is_there =
                            bytes.is_empty() || sent.windows(bytes.len()).any(|window| window == *bytes);
                        prop_assert!(is_there, "somewhere: {:?}", bytes);
                    }
                }
                self.reported += bytes.len();
            }
            Output::DataGap { stream, side, lost } => {
                let Some(nth) = find(*stream) else { return Ok(()) };
                let place = &mut self.places[nth][*side];
                *place = match (*place, lost) {
                    (Some(at), Lost::Exact(lost)) => Some(at + *lost as usize),
                    _ => None,
                };
            }
            _ => {}
        }
        Ok(())
    }
}

/// A number of bytes, and what happens to them.
#[derive(Clone, Copy, Debug)]
struct Piece {
    length: usize,
    lost: bool,
}

fn pieces(loss: f64) -> impl Strategy<Value = Vec<Piece>> {
    let piece = (prop_oneof![1..20_usize, 1..1500_usize], prop::bool::weighted(loss));
    prop::collection::vec(piece.prop_map(|(length, lost)| Piece { length, lost }), 1..40)
}

/// Reads a script's turns in these pieces; the first bytes of each side are omitted as `late` says.
fn read(
    made: &Made,
    pieces: &[Piece],
    late: Pair<usize>,
    judge: &mut Judge<'_>,
) -> Result<Vec<Seen>, TestCaseError> {
    let is_late = late != Pair::default();
    let mut connection =
        if is_late { Connection::mid_stream(Limits::default()) } else { Connection::new(Limits::default()) };
    let mut late = late;
    let mut all = Vec::new();
    let mut pieces = pieces.iter().cycle();
    for (side, bytes) in &made.turns {
        let skipped = late[*side].min(bytes.len());
        late[*side] -= skipped;
        let mut rest = &bytes[skipped..];
        while !rest.is_empty() {
            let piece = pieces.next().unwrap();
            let (part, behind) = rest.split_at(piece.length.min(rest.len()));
            rest = behind;
            let mut delivery = if piece.lost {
                connection.gap(*side, Lost::Exact(part.len() as u64))
            } else {
                connection.push(*side, part)
            };
            while let Some(output) = delivery.next() {
                judge.judge(&output)?;
                seen(output, &mut all);
            }
            prop_assert!(connection.allocated() < 1 << 20);
        }
    }
    for side in Side::BOTH {
        let mut delivery = connection.end(side);
        while let Some(output) = delivery.next() {
            judge.judge(&output)?;
            seen(output, &mut all);
        }
    }
    Ok(all)
}

proptest! {
    #[test]
    fn any_cutting_reports_all_and_the_same(acts in acts(), cuts in pieces(0.0)) {
        let made = make(&acts);
        let whole = read(&made, &[Piece { length: usize::MAX, lost: false }], Pair::default(), &mut Judge::new(&made))?;
        let mut judge = Judge::new(&made);
        let cut = read(&made, &cuts, Pair::default(), &mut judge)?;
        prop_assert_eq!(whole, cut);
        let sent: usize = made.sockets.iter().map(|socket| socket.sent.client.len() + socket.sent.server.len()).sum();
        let fields: usize = made.sockets.iter().map(|socket| socket.request.len()).sum();
        prop_assert_eq!((judge.reported, judge.fields), (sent, fields));
    }

    #[test]
    fn with_losses_nothing_is_wrong(acts in acts(), pieces in pieces(0.15)) {
        let made = make(&acts);
        read(&made, &pieces, Pair::default(), &mut Judge::new(&made))?;
    }

    #[test]
    fn joined_late_nothing_is_wrong(
        acts in acts(), pieces in pieces(0.02), client in 1..3000_usize, server in 1..3000_usize,
    ) {
        let made = make(&acts);
        read(&made, &pieces, Pair { client, server }, &mut Judge::new(&made))?;
    }

    #[test]
    fn joined_late_any_cutting_reports_the_same(
        acts in acts(), cuts in pieces(0.0), client in 1..2000_usize, server in 1..2000_usize,
    ) {
        let made = make(&acts);
        let late = Pair { client, server };
        let whole = read(&made, &[Piece { length: usize::MAX, lost: false }], late, &mut Judge::new(&made))?;
        let cut = read(&made, &cuts, late, &mut Judge::new(&made))?;
        prop_assert_eq!(whole, cut);
    }
}
