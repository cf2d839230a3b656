//! Tests of the text in lanes, rules and lists.

use super::*;

#[test]
fn lanes_tell_of_refusals_and_ends_as_the_list_does() {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    put(&mut batch, 7, 10, 1, Kind::Rejected(&samples::refused()));
    put(&mut batch, 4, 12, 2, Kind::Closed(&samples::closed()));
    let mut desk = Desk::with(&batch, 149, 30);
    desk.keys("L");
    let text = desk.text();
    assert!(text.contains("✕ refused 426"), "{text}");
    assert!(text.contains("○ closed 1000 normal closure by client “bye”  after 1.204 s"), "{text}");
}

#[test]
fn what_a_filter_hides_is_not_called_silence() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("fjson.id == 3 or opcode == close\n");
    desk.shows("6.444 s, 85 not shown");
    desk.lacks("of silence");
    desk.keys("F\tjG").key(KeyCode::Tab).keys("G");
    desk.lacks("s of silence ┄");
}

#[test]
fn a_click_on_a_tab_chooses_it_at_any_size() {
    for (width, height) in [(80, 24), (200, 60)] {
        let mut desk = Desk::with(&story(), width, height);
        let detail = desk.app.layout.detail;
        let line = desk.text().lines().nth(usize::from(detail.y - 1)).unwrap().to_owned();
        let x = line.chars().position(|c| c == '3').unwrap() + 2;
        desk.click(u16::try_from(x).unwrap(), detail.y - 1);
        assert_eq!(desk.app.detail.tab, super::super::detail::Tab::Json, "{width}");
    }
}

#[test]
fn a_stretch_of_time_has_what_happened_in_it_though_told_late() {
    let mut batch = Batch::default();
    for n in 0..100_u64 {
        put(&mut batch, 4, n + 1, n * 10, Kind::Message(text(Side::Client, b"on time")));
    }
    put(&mut batch, 4, 31, 305, Kind::Message(text(Side::Server, b"told late")));
    put(&mut batch, 4, 200, 1200, Kind::Message(text(Side::Client, b"after")));
    let mut desk = Desk::with(&batch, 120, 40);
    let at = |millis| samples::NOON.plus(Duration::from_millis(millis));
    desk.show_range(Some((at(300), at(320))));
    desk.draw();
    let times: Vec<_> = {
        let store = desk.app.store.clone();
        let store = store.lock();
        let rows = &desk.app.timeline.rows;
        (0..rows.len()).map(|row| store.entry(rows.get(&store, row).unwrap()).unwrap().time()).collect()
    };
    assert_eq!(times, [at(300), at(310), at(320), at(305)]);
    // The overview shows the server's message at the time given in the list.
    assert!(desk.text().contains("told late") && !desk.text().contains("↓ peak 0/s"), "{}", desk.text());
    desk.show_range(Some((at(600), at(1200))));
    desk.draw();
    assert!(desk.text().contains("↓ peak 0/s") && !desk.text().contains("told late"), "{}", desk.text());
}

#[test]
fn compression_compares_payloads() {
    let mut desk = Desk::with(&story(), 120, 40);
    // 84 bytes on the wire, including a two-byte header.
    desk.keys("/\"id\":1,\n");
    desk.shows("deflate       124 B compressed to 82 B (66 %)");
}

#[test]
fn conversations_keep_their_number_and_their_order_is_told() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut desk = Desk::with(&story(), width, height);
        desk.keys("\tssss");
        let text = desk.text();
        assert!(text.contains("all ▾anomalies"), "{text}");
        assert!(text.matches("#4 ").count() > 3 && text.contains("○ #4 "), "{text}");
        desk.keys("L");
        desk.shows("── #4 text");
    }
}

struct Live;

impl Feed for Live {
    fn title(&self) -> String {
        "a-rather-long-name-of-a-capture-file.pcapng".to_owned()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn save(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "nobody may not write there"))
    }

    fn export(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn paused_it_says_how_many_are_new() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.app.feed = Box::new(Live);
    desk.draw();
    desk.app.store.enter(Phase::Filling);
    desk.keys("G");
    desk.shows("following");
    desk.keys("p");
    let mut more = Batch::default();
    for n in 0..6 {
        put(&mut more, 4, 200 + n, 7000, Kind::Message(text(Side::Client, b"later")));
    }
    put(&mut more, 90, 210, 9000, Kind::Message(text(Side::Client, b"latest")));
    desk.app.store.add(&more, 0..more.mark());
    assert!(desk.app.is_stale());
    desk.draw();
    assert!(!desk.app.is_stale() && !desk.text().contains("following"), "{}", desk.text());
    desk.shows("paused, 7 new");
    // The title is shortened, and blanks separate the parts of the line.
    desk.shows("…  93 messages  ✖ 1  ◆ 1  paused · ● live");
    // The overview and the list of conversations are not updated either.
    assert!(desk.text().contains("✖ 12:00:06") && desk.app.conversations.order.len() == 2, "{}", desk.text());
    desk.keys("p");
    assert!(desk.text().contains("100 messages") && desk.text().contains(" 12:00:09"), "{}", desk.text());
    assert_eq!(desk.app.conversations.order.len(), 3);
    // Moving to the end leaves any time range.
    desk.keys("g++G");
    assert!(desk.text().contains("following") && desk.text().contains("latest"), "{}", desk.text());
    desk.keys("p");
    desk.keys("w\n");
    desk.shows("▼ nobody may not write there");
}

#[test]
fn the_help_is_whole_and_scrolls_with_the_wheel() {
    for (width, height) in [(80, 24), (200, 60)] {
        let mut desk = Desk::with(&story(), width, height);
        desk.keys("?");
        let mut seen = desk.text();
        for _ in 0..40 {
            desk.mouse(MouseEventKind::ScrollDown, 5, 5);
            seen.push_str(&desk.text());
        }
        for group in keys::TABLE {
            for binding in group.bindings {
                assert!(seen.contains(binding.help), "{}", binding.help);
            }
        }
        for (what, help) in keys::MOUSE.iter().chain(keys::SIGNS) {
            assert!(seen.contains(&format!("{what}  {help}")), "{what}: {help}");
        }
    }
}

#[test]
fn who_refuses_owes_no_accept_value() {
    let mut refused = samples::refused();
    if let Some(handshake) = &mut refused.opening.handshake {
        handshake.accept =
            crate::view::samples::opened().handshake.and_then(|it| it.accept).map(|mut accept| {
                (accept.found, accept.valid) = (None, false);
                accept
            });
    }
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Rejected(&refused));
    let desk = Desk::with(&batch, 120, 40);
    desk.lacks("does not answer the key");
}

#[test]
fn an_empty_stretch_of_time_says_how_to_leave_it() {
    let mut desk = Desk::with(&story(), 80, 24);
    let at = |millis| samples::NOON.plus(Duration::from_millis(millis));
    desk.show_range(Some((at(2000), at(3000))));
    desk.draw();
    desk.shows("nothing in this stretch of time; 0 shows all");
}

#[test]
fn conversations_are_sorted_again_when_something_came() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.app.conversations.sort = conversations::SortBy::Messages;
    desk.draw();
    assert_eq!(desk.app.conversations.order, [0, 1]);
    desk.add(|more| {
        (0..200).for_each(|n| put(more, 30, 200 + n, 7000, Kind::Message(text(Side::Client, b"more"))));
    });
    desk.draw();
    assert_eq!(desk.app.conversations.order, [1, 0]);
    desk.app.conversations.backwards = true;
    desk.draw();
    assert_eq!(desk.app.conversations.order, [0, 1]);
}

#[test]
fn errors_and_warnings_are_gone_through_round_and_round() {
    let mut desk = Desk::with(&story(), 120, 40);
    let code = |desk: &Desk| desk.entry().anomaly().map(|(code, _)| code);
    // A gap is a note, at which only the other key stops.
    assert_eq!(code(desk.keys("a")), Some("unmasked-client-frame"));
    assert_eq!(code(desk.keys("a")), Some("unmasked-client-frame"));
    desk.shows("wrapped");
    assert_eq!(code(desk.keys("A")), Some("gap"));
    assert_eq!(code(desk.keys("A")), Some("unmasked-client-frame"));
}

#[test]
fn anomalies_by_rule_lead_to_the_frame_at_fault() {
    let mut desk = Desk::with(&story(), 120, 40);
    insta::assert_snapshot!("page_anomalies", desk.keys("!").text());
    desk.keys("j\n");
    assert_eq!(desk.entry().packet(), 150);
    assert!(desk.app.page.is_none());
    // The heading leads to all occurrences of the rule.
    desk.keys("!\n");
    assert_eq!(
        (desk.app.typed.filter.as_str(), desk.app.timeline.rows.len()),
        ("anomaly == \"unmasked-client-frame\"", 1)
    );
}

#[test]
fn statistics_lead_to_the_rows_behind_a_number() {
    let mut desk = Desk::with(&story(), 120, 60);
    insta::assert_snapshot!("page_statistics", desk.keys("i").text());
    desk.key(KeyCode::Enter);
    assert_eq!(desk.app.typed.filter, "from == client");
    assert!(desk.app.timeline.rows.len() > 40);
    desk.keys("i\x1b");
    assert!(desk.app.page.is_none());
}

#[test]
fn conversations_are_narrowed_by_what_is_typed_and_counted_by_the_filter() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("\t/not-there");
    assert_eq!(desk.app.conversations.order.len(), 0);
    desk.app.prompt.as_mut().unwrap().propose(String::new());
    desk.keys("#30\n");
    assert_eq!(desk.app.conversations.order, [1]);
    desk.shows("conversations 1 with #30");
    desk.key(KeyCode::Esc);
    assert_eq!(desk.app.conversations.order, [0, 1]);
    desk.keys("fopcode == ping\n");
    let counts = [0, 1].map(|slot| desk.app.timeline.rows.passed_of(slot));
    assert_eq!(counts, [Some(0), Some(4)]);
}

#[test]
fn rows_are_sorted_and_back() {
    let mut desk = Desk::with(&story(), 120, 40);
    let all = desk.app.timeline.rows.len();
    let lengths = |desk: &Desk| -> Vec<u64> {
        let (store, rows) = (desk.app.store.lock(), &desk.app.timeline.rows);
        (0..rows.len()).map(|row| store.entry(rows.get(&store, row).unwrap()).unwrap().length()).collect()
    };
    desk.keys("s");
    let sorted = lengths(&desk);
    assert!(sorted.len() > 80 && sorted.is_sorted_by(|a, b| a >= b), "{sorted:?}");
    desk.shows("by size");
    desk.keys("s");
    assert_eq!(desk.entry().rtt(), Some(Duration::from_micros(412 + 39)));
    desk.keys("sss");
    assert_eq!(desk.app.timeline.rows.len(), all);
    assert!(desk.app.timeline.rows.is_in_time());
}

#[test]
fn what_the_cursor_is_on_is_copied() {
    let mut desk = Desk::with(&story(), 120, 40);
    let copied = |desk: &mut Desk, keys: &str| {
        let mut effect = Effect::None;
        for c in keys.chars() {
            effect = desk.app.handle(&Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
            desk.draw();
        }
        match effect {
            Effect::Copy(bytes, _) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    desk.keys("jj");
    assert_eq!(copied(&mut desk, "y"), r#"{"op":"sub","id":17}"#);
    assert_eq!(copied(&mut desk, "Yj"), "{\n  \"op\": \"sub\",\n  \"id\": 17\n}\n");
    assert_eq!(copied(&mut desk, "Yx"), "7b226f70223a22737562222c226964223a31377d");
    assert_eq!(copied(&mut desk, "Yb"), "eyJvcCI6InN1YiIsImlkIjoxN30=");
    desk.keys("3\njj");
    assert_eq!(copied(&mut desk, "y").trim(), "17");
    desk.keys("*");
    assert_eq!(desk.app.prompt.as_ref().unwrap().text(), "json.id == 17");
    desk.key(KeyCode::Enter);
    // One row per request, and the trade of that number.
    assert_eq!(desk.app.timeline.rows.len(), 41);
    assert!(copied(&mut desk, "Ys").starts_with("websocat "));
    assert!(copied(&mut desk, "Yc").starts_with("curl "));
}

#[test]
fn a_name_whose_ending_is_no_format_is_refused() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("e");
    desk.shows("rows of 2 conversations: export to › shown.ndjson");
    desk.keys("x\n");
    desk.shows("the name must end with .ndjson or .json");
}

#[test]
fn what_connections_were_stands_where_no_websocket_was_found() {
    let mut batch = Batch::default();
    let end = |port| crate::model::Endpoint::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port);
    let (client, server) = (end(50_000), end(6379));
    let reason = crate::event::Reason::Protocol("redis");
    let unshown =
        crate::event::Unshown { client, server, directed: true, reason, lost: 0, snap_length: None };
    put(&mut batch, 7, 9, 0, Kind::Unshown(&unshown));
    let mut desk = Desk::with(&batch, 120, 40);
    for _ in 0..2 {
        let text = desk.text();
        assert!(text.contains("#7 127.0.0.1:50000 → 127.0.0.1:6379") && text.contains("redis"), "{text}");
        desk.keys("!");
    }
    assert!(desk.app.conversations.order.is_empty());
}

#[test]
fn one_half_of_a_handshake_is_named_where_the_other_was_captured() {
    for (lacks_request, words) in [(true, "request not known"), (false, "answer not captured")] {
        let mut opening = samples::opened();
        if let Some(handshake) = &mut opening.handshake {
            let (request, response) = (handshake.request.take(), handshake.response.take());
            if lacks_request {
                handshake.response = response;
            } else {
                handshake.request = request;
            }
        }
        let mut batch = Batch::default();
        put(&mut batch, 4, 9, 0, Kind::Opened(&opening));
        let text = Desk::with(&batch, 120, 40).text();
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn connections_that_may_be_websockets_are_counted_beside_those_that_are() {
    use crate::event::Reason;
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    let end = |port| crate::model::Endpoint::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port);
    let (client, server) = (end(50_000), end(443));
    for (conn, reason) in [(12, Reason::Tls(Box::default())), (30, Reason::Protocol("redis"))] {
        let unshown =
            crate::event::Unshown { client, server, directed: true, reason, lost: 0, snap_length: None };
        put(&mut batch, conn, conn, 0, Kind::Unshown(&unshown));
    }
    let mut desk = Desk::with(&batch, 120, 40);
    let title = desk.text().lines().next().unwrap_or_default().to_owned();
    assert!(title.contains("? 1 connection not shown"), "{title}");
    let at = title.chars().take_while(|c| *c != '?').count() as u16;
    desk.mouse(MouseEventKind::Down(MouseButton::Left), at, desk.app.layout.title.y);
    let text = desk.text();
    assert!(
        text.contains("#12 127.0.0.1:50000 → 127.0.0.1:443  TLS, and there are no keys for it"),
        "{text}"
    );
}

#[test]
fn a_payload_of_any_length_is_shown_and_searched_to_its_end() {
    let mut batch = Batch::default();
    let body = format!("[{}\"end\"]", "1,".repeat(3 << 20));
    say(&mut batch, 4, 11, 5, text(Side::Server, body.as_bytes()));
    let mut desk = Desk::with(&batch, 120, 40);
    for (tab, want) in [("2", "\"end\"]"), ("3", "    \"end\""), ("4", "\"end\"]")] {
        let text = desk.keys(tab).key(KeyCode::Tab).keys("G").text();
        assert!(text.contains(want) && !text.contains("the first "), "{tab}\n{text}");
        desk.keys("g\x1b");
        assert!(!desk.text().contains(want), "{tab}");
    }
    for tab in ["2", "3", "4"] {
        desk.keys(tab).keys("/end\n");
        let text = desk.text();
        assert!(text.contains("\"end\"") && text.contains("hit 1 of 1"), "{tab}\n{text}");
        desk.key(KeyCode::Esc);
    }
}

#[test]
fn lines_of_json_that_are_not_shown_are_told() {
    let mut batch = Batch::default();
    let body = format!("[{}1]", "1,".repeat(8 << 20));
    say(&mut batch, 4, 11, 5, text(Side::Server, body.as_bytes()));
    let mut desk = Desk::with(&batch, 120, 40);
    let text = desk.keys("3").text();
    assert!(text.contains("the first 8,388,609 lines; e exports all"), "{text}");
}

#[test]
fn a_change_of_date_is_told() {
    let mut batch = Batch::default();
    for hours in [0, 11, 13] {
        put(&mut batch, 4, hours + 1, hours * 3_600_000, Kind::Message(text(Side::Client, b"x")));
    }
    let desk = Desk::with(&batch, 120, 40);
    desk.shows(" 2024-03-01 · 2 h 0 min of silence ");
    assert!(
        desk.text().contains("2024-02-29 · 13 h 0 min") && desk.text().contains(" UTC "),
        "{}",
        desk.text()
    );
}

#[test]
fn bytes_in_hex_have_the_columns_they_need() {
    let mut batch = Batch::default();
    say(&mut batch, 4, 11, 5, samples::message(Side::Server, Opcode::BINARY, &[b'z'; 64]));
    for (width, want) in [(80, 16), (100, 16), (120, 16), (140, 16), (200, 16), (300, 16), (400, 32)] {
        let mut desk = Desk::with(&batch, width, 50);
        desk.keys("4d");
        let whole = "z".repeat(want);
        assert!(desk.text().lines().any(|line| line.contains(&whole)), "{width}: {}", desk.text());
    }
}

#[test]
fn what_a_transport_says_beside_a_payload_stands_in_the_detail() {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    let fields =
        [("event", Value::Text("price\u{202e}")), ("id", Value::Text("3")), ("retry", Value::Number(2500))];
    say(&mut batch, 4, 10, 1, Message { fields: &fields, ..text(Side::Server, b"{}") });
    let mut desk = Desk::with(&batch, 120, 40);
    let shown = desk.keys("j").text();
    for words in ["event         price\\u{202e}", "id            3", "retry         2,500 ms"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}
