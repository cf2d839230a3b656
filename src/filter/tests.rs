//! The manual's examples, errors, and properties of the language.

mod through;

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::Kind as Row;
use crate::event::{
    CloseBody, ConnId, Conversation, Event, Framing, Message, Missing, Severity, Sink, Transport, Wire,
};
use crate::model::{Anomaly, At, Endpoint, Side, Timestamp};
use crate::websocket::Opcode;

const MANUAL: &str = include_str!("../../docs/filter.md");
/// 2026-11-21T06:20:00Z.
const BEGAN: Timestamp = Timestamp::new(1_795_242_000, 0);

fn conversation(conn: u64) -> Conversation {
    let end = |ip: &str, port| Endpoint::new(ip.parse::<IpAddr>().unwrap(), port);
    if conn == 4 {
        Conversation {
            client: end("10.0.0.2", 51314),
            server: end("10.0.0.1", 9001),
            url: Some("ws://api.example:9001/feed?key=7".into()),
            subprotocol: Some("trades".into()),
            http: Some("1.1".into()),
            tls: None,
            proxy: Some(Box::new(crate::event::Proxy {
                protocol: "proxy-v2",
                client: Some("192.0.2.7:56324".into()),
                server: None,
            })),
            transport: Transport::WebSocket,
        }
    } else {
        Conversation {
            client: end("fd00::2", 40000),
            server: end("fd00::1", 80),
            url: Some("wss://[fd00::1]/chat".into()),
            subprotocol: None,
            http: Some("2".into()),
            tls: Some(Box::new(crate::event::Tls {
                version: Some("1.3".into()),
                sni: Some("chat.example".into()),
                alpn: Some("h2".into()),
                ..crate::event::Tls::default()
            })),
            proxy: None,
            transport: Transport::WebSocket,
        }
    }
}

/// Tests a filter against the rows of the manual and returns the numbers of those that match.
fn rows(filter: &Filter) -> Vec<u64> {
    use Side::{Client, Server};
    let big: Vec<u8> = [0, 0xde, 0xad].into_iter().chain([0; 1997]).collect();
    let close = CloseBody { code: 1011, reason: "out of memory" };
    let hole = [Missing { offset: 3, length: Some(2) }];
    let trade = br#"{"type":"trade","data":[{"price":101.5,"size":3},{"price":99,"size":1}],"last":false}"#;
    let messages: [(u64, u64, Side, Opcode, &[u8]); 8] = [
        (4, 100, Client, Opcode::TEXT, br#"{"op":"subscribe","symbols":["BTC","ETH"]}"#),
        (4, 150, Server, Opcode::TEXT, trade),
        (4, 3000, Client, Opcode::PING, b"tick"),
        (4, 3060, Server, Opcode::PONG, b"tick"),
        (9, 5000, Client, Opcode::TEXT, "Hello, Wörld".as_bytes()),
        (9, 5200, Server, Opcode::BINARY, &big),
        (9, 5200, Server, Opcode::TEXT, b"temperature 21"),
        (9, 9000, Server, Opcode::CLOSE, b"\x03\xf3out of memory"),
    ];
    let at = |row: u64, millis| At { packet: row, time: BEGAN.plus(Duration::from_millis(millis)) };
    let mut last = [BEGAN, BEGAN.plus(Duration::from_millis(4900))];
    let mut found = Vec::new();
    for (row, (conn, millis, from, opcode, payload)) in (1..).zip(messages) {
        let missing: &[Missing] = if row == 7 { &hole } else { &[] };
        let last = &mut last[usize::from(conn == 9)];
        let now = at(row, millis).time;
        let gap = now.since(std::mem::replace(last, now));
        let wire = Wire {
            frames: if row == 5 { 2 } else { 1 },
            bytes: 0,
            compressed: row == 2,
            inflated: row == 2,
            masked: from == Client,
            first: at(row, millis),
        };
        let message = Message {
            from,
            opcode,
            number: row,
            delta: gap,
            payload,
            length: payload.len() as u64,
            text: opcode != Opcode::BINARY,
            missing,
            truncated_to: None,
            close: (row == 8).then_some(close),
            rtt: (row == 4).then_some(Duration::from_millis(60)),
            framing: Framing::Counted,
            verified: true,
            wire,
            meaning: None,
            fields: &[],
        };
        let about = conversation(conn);
        let event =
            Event::new(NonZeroU64::new(conn).map(ConnId::new), at(row, millis), Row::Message(message));
        if filter.matches(&Facts::of(&Event { conversation: Some(&about), ..event }, BEGAN)) {
            found.push(row);
        }
    }
    let kind = Row::Anomaly { from: Some(Client), anomaly: &Anomaly::NoCloseEcho {} };
    let about = conversation(9);
    let event = Event::new(NonZeroU64::new(9).map(ConnId::new), at(9, 9000), kind);
    if filter.matches(&Facts::of(&Event { conversation: Some(&about), ..event }, BEGAN)) {
        found.push(9);
    }
    found
}

/// Returns the manual's examples: each filter, and the rows that should match.
fn examples() -> impl Iterator<Item = (&'static str, Vec<u64>)> {
    let blocks = MANUAL.split("```filter\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(|line| {
        let (filter, rows) = line.rsplit_once('#').expect(line);
        (filter.trim(), rows.split_whitespace().map(|row| row.parse().unwrap()).collect())
    })
}

#[test]
fn every_example_of_the_manual_is_true_of_the_rows_it_names() {
    assert!(examples().count() > 50);
    for (text, want) in examples() {
        let filter = Filter::parse(text).unwrap_or_else(|e| panic!("{e}\n{}", e.caret()));
        assert_eq!(rows(&filter), want, "{text}");
    }
}

#[test]
fn the_manual_lists_every_field_as_the_code_does() {
    for field in Field::ALL {
        let row = format!("| `{field}` | {} |", field.about());
        assert!(MANUAL.contains(&row), "docs/filter.md lacks: {row}");
        assert_eq!(Field::named(field.name()), Some(*field));
    }
}

#[test]
fn the_manual_shows_a_fault_as_it_is_shown() {
    let fault = Filter::parse("len > many").unwrap_err();
    let caret = fault.caret().replace('\n', "\n  ");
    assert!(MANUAL.contains(&format!("error: {fault}\n  {caret}\n")), "{fault}\n{caret}");
}

#[test]
fn faults_are_found_where_they_are() {
    for (text, column, expected) in [
        ("", 1, "a field"),
        ("  ", 3, "a field"),
        ("len", 4, ""),
        ("len >", 6, "a size"),
        ("len > x", 7, "a size"),
        ("len > 1z", 7, "a size"),
        ("len >> 1", 6, "a size"),
        ("len contains \"x\"", 5, "==, !=, <"),
        ("lne > 1", 1, "a field (did you mean len?)"),
        ("opcod == text", 1, "a field (did you mean opcode?)"),
        ("not ping", 5, "a test such as opcode == ping"),
        ("websocket", 1, "every message is of a WebSocket"),
        ("frame contains \"x\"", 1, "text or payload"),
        ("closecode == 1", 1, "a field"),
        ("code == 1", 1, "close.code"),
        ("opcode == pingg", 11, "an opcode"),
        ("opcode == 16", 11, "an opcode"),
        ("from > client", 6, "== , != or in"),
        ("host == example", 9, "a string"),
        ("host == \"x", 11, "closing quote"),
        (r#"text contains "a\d""#, 17, "an escape"),
        (r#"text matches "(""#, 14, "a regular expression (unclosed group)"),
        ("len > 1 and", 12, "a field"),
        ("len > 1 len", 9, "and, or, or the end"),
        ("compressed len", 12, "==, != or in"),
        ("(len > 1", 9, "closing parenthesis"),
        ("len > 1)", 8, "the end"),
        ("opcode in {", 12, "an opcode"),
        ("opcode in {}", 12, "an opcode"),
        ("opcode in ping", 11, "a set"),
        ("len in {5..1}", 12, "not below 5"),
        ("from in {client..server}", 16, "no order"),
        ("payload contains x\"ab c\"", 23, "two hex digits"),
        ("json.", 6, "the name"),
        ("json[", 6, "a number"),
        ("json[1", 7, "closing bracket"),
        ("json.a == b", 11, "a JSON value"),
        ("anomaly == \"bad-utf9\"", 12, "an anomaly such as bad-utf8"),
        ("anomaly == nothing", 12, "the code of an anomaly"),
        ("text == a", 9, "in quotes: \"a\""),
        ("opcode = text", 8, "== to compare"),
        ("conn == 8.1", 9, "conn == 8 and stream == 1"),
        ("opcode == 'te xt'", 11, "an opcode"),
        ("client.ip == 10.0.0.0/33", 14, "a network"),
        ("time > 2026-02-30", 8, "a time"),
        ("time > 2026-02-28T24:00:00Z", 8, "a time"),
        ("\u{1f600} == 1", 1, "a field"),
    ] {
        match Filter::parse(text) {
            Ok(filter) => assert!(expected.is_empty(), "{text} is understood as {filter}"),
            Err(fault) => {
                let expected = expected.replace(" ,", ",");
                assert!(fault.expected().contains(&expected), "{text}: {fault}");
                assert_eq!(fault.column(), column, "{text}: {fault}");
            }
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |n| format!("{}len{}", "(".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&nested(63)).is_ok());
    assert_eq!(Filter::parse(&nested(100_000)).unwrap_err().expected(), "at most 64 levels of parentheses");
    assert!(Filter::parse(&format!("{}len", "not ".repeat(100_000))).is_err());
    assert!(Filter::parse(&format!("json{}", "[*]".repeat(65))).is_err());
    assert!(Filter::parse(&format!("len{}", " and len".repeat(10_000))).is_ok());
}

#[test]
fn a_caret_stands_under_wide_characters() {
    let fault = Filter::parse("text == \"我是\" x").unwrap_err();
    assert_eq!(fault.caret(), "text == \"我是\" x\n               ^");
    assert_eq!(fault.column(), 14);
}

#[test]
fn numbers_of_json_are_compared_exactly() {
    for (json, test, want) in [
        ("9007199254740993", "== 9007199254740993", true),
        ("9007199254740993", "== 9007199254740992", false),
        ("18446744073709551615", "> 18446744073709551614", true),
        ("1.0", "== 1", true),
        ("-5", "in {-6..-4}", true),
        ("1e3", "== 1000", true),
        ("0.1", "< 1e-1", false),
        ("\"1\"", "== 1", false),
        ("\"1\"", "!= 1", true),
        ("null", "== null", true),
        ("[1,\"a\",null]", "contains 1", true),
        ("[1,\"a\",null]", "contains \"a\"", true),
        ("[1,\"ab\",null]", "contains \"a\"", false),
    ] {
        let body = format!("{{\"v\":{json}}}");
        let bytes = body.as_bytes();
        let filter = Filter::parse(&format!("json.v {test}")).unwrap();
        assert_eq!(filter.matches(&Facts { body: Some(&bytes), ..Facts::default() }), want, "{json} {test}");
    }
}

/// A body that counts how often it is fetched.
struct Counted(std::cell::Cell<u32>);

impl Body for Counted {
    fn bytes(&self) -> Option<std::borrow::Cow<'_, [u8]>> {
        self.0.set(self.0.get() + 1);
        Some(br#"{"a":1,"b":2}"#.into())
    }
}

#[test]
fn the_body_is_fetched_once_and_only_if_a_test_gets_there() {
    for (text, fetches, needs) in [
        ("len > 5 and json.a == 1", 0, true),
        ("len < 5 and json.a == 1 and json.b == 2 and payload", 1, true),
        ("len < 5", 0, false),
    ] {
        let body = Counted(0.into());
        let filter = Filter::parse(text).unwrap();
        filter.matches(&Facts { len: Some(1), body: Some(&body), ..Facts::default() });
        assert_eq!((body.0.get(), filter.needs_body()), (fetches, needs), "{text}");
    }
}

#[test]
fn what_a_row_does_not_have_makes_every_comparison_false() {
    for field in Field::ALL {
        let value = match field.kind() {
            Kind::Opcode => "ping",
            Kind::Side => "client",
            Kind::Transport => "sse",
            Kind::Count | Kind::Size | Kind::Json => "1",
            Kind::Truth => "true",
            Kind::Text | Kind::Bytes => "\"a\"",
            Kind::Span | Kind::Moment => "1s",
            Kind::Code => "bad-utf8",
            Kind::Severity => "note",
            Kind::Address => "::1",
        };
        for test in [format!("{field} == {value}"), format!("{field} != {value}"), format!("{field}")] {
            assert!(!Filter::parse(&test).unwrap().matches(&Facts::default()), "{test}");
        }
    }
}

fn any_value(kind: Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Opcode => prop_oneof![
            (0_u8..16).prop_map(|n| Opcode(n).name().to_owned()),
            (0_u8..16).prop_map(|n| n.to_string())
        ]
        .boxed(),
        Kind::Side => prop_oneof![Just("client".to_owned()), Just("\"server\"".to_owned())].boxed(),
        Kind::Transport => prop_oneof![Just("sse".to_owned()), Just("\"polling\"".to_owned())].boxed(),
        Kind::Count => any::<u64>().prop_map(|n| n.to_string()).boxed(),
        Kind::Size => "[1-9][0-9]{0,3}(\\.[0-9]{1,3})?(|k|K|Ki|M|MiB|GB)".boxed(),
        Kind::Truth => any::<bool>().prop_map(|it| it.to_string()).boxed(),
        Kind::Text => any_string().boxed(),
        Kind::Bytes => prop_oneof![any_string(), "x\"([0-9a-f]{2} ?){0,4}\""].boxed(),
        Kind::Span => "[0-9]{1,3}(\\.[0-9]{1,3})?(|ns|us|ms|s|m5s|h|d)".boxed(),
        Kind::Moment => prop_oneof![
            "[0-9]{1,3}(\\.[0-9]{1,3})?(ms|s)?",
            "20[0-9]{2}-0[1-9]-[01][1-9](T[01][0-9]:[0-5][0-9]:00(\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30))?"
        ]
        .boxed(),
        Kind::Code => (0..Anomaly::RULES.len()).prop_map(|n| Anomaly::RULES[n].code.to_owned()).boxed(),
        Kind::Severity => Just(Severity::Note.name().to_owned()).boxed(),
        Kind::Address => prop_oneof![
            "[1-9][0-9]?\\.0\\.0\\.[1-9](/[12][0-9])?",
            any::<[u8; 16]>().prop_map(|ip| IpAddr::from(ip).to_string())
        ]
        .boxed(),
        Kind::Json => {
            prop_oneof![any_string(), "-?[1-9][0-9]{0,5}(\\.[0-9]{1,3})?(e-?[0-9])?", Just("null".to_owned())]
                .boxed()
        }
    }
}

fn any_string() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>().prop_map(|text| expr::quoted(&text)), "r\"[a-z\\\\ ]{0,5}\""]
}

fn any_test() -> impl Strategy<Value = String> {
    let subject = prop_oneof![
        4 => (0..Field::ALL.len()).prop_map(|n| (Field::ALL[n].name().to_owned(), Field::ALL[n].kind())),
        1 => "json(\\.[a-z_é-]{1,3}|\\[[0-9]{1,3}\\]|\\[\\*\\]|\\[\"[a-z. ]{0,4}\"\\]){0,3}".prop_map(|path| (path, Kind::Json)),
    ];
    subject.prop_flat_map(|(name, kind)| {
        let relation = prop_oneof![Just("=="), Just("!="), Just(" eq "), Just("<"), Just(" >= ")];
        let bare = name.clone();
        let (compared, sets) = (name.clone(), name.clone());
        prop_oneof![
            Just(bare),
            (relation, any_value(kind)).prop_map(move |(relation, value)| {
                let relation = if kind.is_ordered() { relation } else { "==" };
                format!("{compared}{relation}{value}")
            }),
            proptest::collection::vec(any_value(kind), 1..4)
                .prop_map(move |values| format!("{sets} in {{ {} }}", values.join(","))),
            any_string().prop_map(move |value| {
                if kind.is_searchable() { format!("{name} contains {value}") } else { name.clone() }
            }),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = String> {
    any_test().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|list| list.join(" and ")),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|list| list.join("||")),
            inner.clone().prop_map(|one| format!("not {one}")),
            inner.prop_map(|one| format!("( {one} )")),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_shown_means_the_same(text in any_filter()) {
        let filter = Filter::parse(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{}", e.caret())))?;
        let shown = filter.to_string();
        let again = Filter::parse(&shown).map_err(|e| TestCaseError::fail(format!("{text}\n{e}\n{}", e.caret())))?;
        prop_assert_eq!(again.to_string(), shown);
        prop_assert_eq!(again, filter);
    }

    #[test]
    fn no_input_panics(text: String, mut near in any_filter(), at: prop::sample::Index, c: char, cursor: usize) {
        let spots: Vec<_> = near.char_indices().map(|(at, _)| at).collect();
        near.insert(spots[at.index(spots.len())], c);
        for text in [&text, &near] {
            if let Err(fault) = Filter::parse(text) {
                prop_assert!(fault.offset() <= text.len());
                prop_assert!(text.is_char_boundary(fault.offset()));
                prop_assert!(!fault.to_string().contains('\n') && fault.caret().lines().count() == 2);
            }
            complete(text, cursor % (text.len() + 2));
        }
    }

    #[test]
    fn moments_equal_those_of_another_library(seconds in -9_000_000_000_i64..9_000_000_000, nanos in 0_u32..1_000_000_000) {
        let stamp = jiff::Timestamp::new(seconds, i32::try_from(nanos).unwrap()).unwrap();
        let time = Timestamp::from_nanos(i64::try_from(stamp.as_nanosecond()).unwrap());
        let filter = Filter::parse(&format!("time == {stamp:.9}")).unwrap();
        let facts = Facts { at: At { packet: 1, time }, ..Facts::default() };
        prop_assert!(filter.matches(&facts));
    }
}
