//! Statistics, checks and filters: their results on a capture whose every message is known, at any number of threads.

use std::num::NonZeroUsize;

use serde_json::Value;
use wirefin::check::{self, Check, FailurePolicy, Rules, WriteOptions};
use wirefin::event::{Gather, Reducer, Severity};
use wirefin::export::{AnyFormat, Formatted, Settings};
use wirefin::filter::{Filter, FilteredOutput};
use wirefin::model::Side;
use wirefin::pipeline::{Options, run};
use wirefin::stats::{self, ReportFormat, Stats};

use crate::support::dialogue::{self, BINARY, FIN, PING, PONG, TEXT, answer, frame, request};
use crate::support::packets::{Held, Packet, Talk};
use crate::support::run::records;

fn threads(n: usize) -> Options {
    Options { threads: NonZeroUsize::new(n).unwrap(), ..Options::default() }
}

fn gathered<G: Gather>(packets: &[Packet], n: usize, whole: G) -> G {
    let mut output = Reducer::new(whole);
    run(&mut Held::new(packets.iter().cloned(), 50), &threads(n), &mut output).unwrap();
    output.into_inner()
}

fn stats(packets: &[Packet], n: usize, form: ReportFormat) -> String {
    let mut out = Vec::new();
    stats::write(&gathered(packets, n, Stats::new()).report(), form, 10, None, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn bar(least: Severity) -> FailurePolicy {
    FailurePolicy::new(least, []).unwrap()
}

fn findings(packets: &[Packet], n: usize, rules: &Rules, form: check::FindingsFormat) -> String {
    let mut out = Vec::new();
    let manner = WriteOptions { form, rules, bar: &bar(Severity::Error), input: "a b.pcap" };
    gathered(packets, n, Check::new(rules.clone())).findings().write(manner, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn filtered(packets: &[Packet], n: usize, filter: &str, wanted: Option<u64>) -> String {
    let format = AnyFormat::new("ndjson", &Settings::default()).unwrap();
    let mut output =
        FilteredOutput::new(Filter::parse(filter).unwrap(), Formatted::new(format, Vec::new(), wanted));
    run(&mut Held::new(packets.iter().cloned(), 50), &threads(n), &mut output).unwrap();
    String::from_utf8(output.into_inner().finish().unwrap()).unwrap()
}

/// Sends a frame of one side.
fn say(talk: &mut Talk, side: Side, first: u8, payload: &[u8]) {
    talk.send(side, &frame(side, FIN | first, payload));
}

/// `n` simultaneous conversations of every kind.
fn crowd(n: u32) -> Vec<Packet> {
    let mut packets = Vec::new();
    for n in 0..n {
        let mut talk = dialogue::upgraded(n);
        for round in 0..n % 7 {
            say(&mut talk, Side::Client, TEXT, format!("{{\"n\":{n},\"round\":{round}}}").as_bytes());
            talk.wait(i64::from(n % 5) * 100_000_000);
            say(&mut talk, Side::Server, BINARY, &vec![0; (n * 37 % 3000) as usize]);
            say(&mut talk, Side::Client, PING, &round.to_be_bytes());
            if !(n + round).is_multiple_of(3) {
                say(&mut talk, Side::Server, PONG, &round.to_be_bytes());
            }
        }
        match n % 4 {
            0 => dialogue::goodbye(&mut talk),
            1 => talk.end(),
            2 => say(&mut talk, Side::Server, TEXT, b"not \xff UTF-8"),
            _ => {
                talk = Talk::new(n);
                talk.send(Side::Client, &request(""));
                talk.send(Side::Server, b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
            }
        }
        let later = i64::from(n) * 777_777;
        packets.extend(talk.packets.into_iter().map(|packet| Packet { time: packet.time + later, ..packet }));
    }
    packets.sort_by_key(|packet| packet.time);
    packets
}

#[test]
fn sums_findings_and_filters_are_the_same_for_any_number_of_threads() {
    let packets = crowd(300);
    let rules = Rules::default();
    for form in [ReportFormat::Text, ReportFormat::Json, ReportFormat::Csv] {
        let one = stats(&packets, 1, form);
        for n in [2, 3, 8] {
            assert_eq!(stats(&packets, n, form), one, "{n} threads");
        }
    }
    let one = findings(&packets, 1, &rules, check::FindingsFormat::Text);
    assert!(one.contains("error: bad-utf8") && one.contains("error: refused-without-version"), "{one}");
    for n in [2, 8] {
        assert_eq!(findings(&packets, n, &rules, check::FindingsFormat::Text), one, "{n} threads");
    }
    for filter in [
        "gap_before > 100ms",
        "json.round >= 3 and from == client",
        "rtt",
        "anomaly",
        "time > 300ms and not opcode == ping",
    ] {
        let one = filtered(&packets, 1, filter, None);
        assert!(one.lines().count() > 20, "{filter}: {one}");
        for n in [2, 8] {
            assert_eq!(filtered(&packets, n, filter, None), one, "{filter}, {n} threads");
        }
    }
}

#[test]
fn a_filter_counts_the_messages_that_pass() {
    let lines = filtered(&crowd(100), 2, "opcode == binary", Some(5));
    let records = records(&lines);
    let messages: Vec<_> = records.iter().filter(|record| record["type"] == "message").collect();
    assert_eq!(messages.len(), 5);
    assert!(messages.iter().all(|message| message["opcode"] == "binary"));
    for message in messages {
        assert!(records.iter().any(|record| record["type"] == "open" && record["conn"] == message["conn"]));
    }
}

#[test]
fn statistics_can_be_filtered() {
    let packets = crowd(100);
    let mut output = FilteredOutput::new(
        Filter::parse("from == client and opcode == text").unwrap(),
        Reducer::new(Stats::new()),
    );
    run(&mut Held::new(packets.iter().cloned(), 50), &threads(2), &mut output).unwrap();
    let report = output.into_inner().into_inner().report();
    assert_eq!(report.totals.server.messages, 0);
    assert_eq!(report.totals.opcodes.keys().copied().collect::<Vec<_>>(), ["text"]);
}

/// A conversation of which everything is known.
fn known() -> Vec<Packet> {
    let mut talk = dialogue::upgraded_with(7, "");
    say(&mut talk, Side::Client, TEXT, b"hello");
    say(&mut talk, Side::Server, BINARY, &[0; 300]);
    // Three pings: one answered after 250 ms, one skipped, one never answered.
    say(&mut talk, Side::Client, PING, b"a");
    talk.wait(249_000_000);
    say(&mut talk, Side::Server, PONG, b"a");
    say(&mut talk, Side::Client, PING, b"b");
    say(&mut talk, Side::Client, PING, b"c");
    say(&mut talk, Side::Server, PONG, b"c");
    talk.wait(3_000_000_000);
    say(&mut talk, Side::Client, PING, b"d");
    dialogue::goodbye(&mut talk);
    talk.packets
}

#[test]
fn every_number_of_a_known_conversation_is_right() {
    let report: Value = serde_json::from_str(&stats(&known(), 1, ReportFormat::Json)).unwrap();
    let it = &report["conversations"][0];
    assert_eq!(it["conn"], 1);
    assert_eq!(it["url"], "ws://server.example/chat");
    assert_eq!(it["client"]["port"], 40_007);
    let totals = |messages: u64, bytes: u64, wire: u64| serde_json::json!({"messages": messages, "frames": messages, "bytes": bytes, "wire_bytes": wire});
    assert_eq!(it["client_totals"], totals(6, 5 + 4 + 5, 6 * 6 + 14));
    assert_eq!(it["server_totals"], totals(4, 300 + 2 + 5, 4 * 2 + 2 + 307));
    assert_eq!(it["rtt"]["count"], 2);
    assert_eq!(it["rtt"]["min"], 0.001);
    assert_eq!(it["rtt"]["max"], 0.25);
    assert_eq!(it["unanswered_pings"], 1);
    assert_eq!(it["longest_silence"], 3.001);
    assert_eq!(
        (&it["end"], &it["code"], &it["by"], &it["clean"]),
        (&"closed".into(), &1000.into(), &"client".into(), &true.into())
    );
    assert_eq!(report["unanswered_pings"][0]["packet"], 13);
    assert_eq!(report["slowest_pongs"][0]["packet"], 9);
    assert_eq!(
        report["totals"]["opcodes"],
        serde_json::json!({"text": 1, "binary": 1, "ping": 4, "pong": 2, "close": 2})
    );
    assert_eq!(report["lengths"]["server"]["max"], 300);
    assert_eq!(
        report["close_codes"],
        serde_json::json!([{"code": 1000, "name": "normal closure", "count": 1}])
    );
    assert_eq!(report["talkers"][0]["host"], "server.example");
    let rate: u64 = ["client", "server"]
        .iter()
        .flat_map(|side| report["rate"][side].as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(rate, 10);
    insta::assert_snapshot!(stats(&known(), 1, ReportFormat::Text));
}

#[test]
fn the_lines_of_csv_have_the_columns_of_its_head() {
    let text = stats(&crowd(40), 1, ReportFormat::Csv);
    let mut lines = text.split("\r\n");
    let columns = lines.next().unwrap().split(',').count();
    let rows: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    // A refused connection is listed, too.
    assert_eq!(rows.len(), 40);
    assert!(rows.iter().all(|row| row.split(',').count() == columns));
}

/// A conversation in which everything that can be chosen is hostile.
fn hostile() -> Vec<Packet> {
    let evil = "\x1b]0;x\x07\u{202e}\u{9b}31m";
    let mut talk = Talk::new(1);
    let head =
        String::from_utf8(request("")).unwrap().replace("/chat", &format!("/{}", evil.replace(' ', "")));
    talk.send(Side::Client, head.replace("server.example", &format!("=cmd{evil}")).as_bytes());
    talk.send(Side::Server, &answer(&format!("Sec-WebSocket-Protocol: @{evil}\r\n")));
    say(&mut talk, Side::Client, TEXT, b"a");
    talk.send(Side::Client, &dialogue::close(Side::Client, 1000, evil.as_bytes()));
    talk.end();
    talk.packets
}

#[test]
fn nothing_from_the_wire_reaches_a_terminal() {
    let rules = Rules::default();
    let outputs = [
        stats(&hostile(), 1, ReportFormat::Text),
        stats(&hostile(), 1, ReportFormat::Csv).replace("\r\n", "\n"),
        stats(&hostile(), 1, ReportFormat::Json),
        findings(&hostile(), 1, &rules, check::FindingsFormat::Text),
        findings(&hostile(), 1, &rules, check::FindingsFormat::Json),
    ];
    for output in outputs {
        assert!(!output.is_empty());
        let obeyed = |c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(output.find(obeyed), None, "{output:?}");
    }
}

#[test]
fn a_rule_broken_often_is_reported_a_few_times_and_counted() {
    let mut talk = dialogue::upgraded(1);
    for _ in 0..100 {
        say(&mut talk, Side::Server, TEXT, b"\xff");
    }
    dialogue::goodbye(&mut talk);
    let all = gathered(&talk.packets, 1, Check::new(Rules::default())).findings();
    assert_eq!(all.listed().len(), 8);
    assert_eq!(all.count(Severity::Error), 100);
    assert!(all.fail(&bar(Severity::Error)));
    let text = findings(&talk.packets, 1, &Rules::default(), check::FindingsFormat::Text);
    assert!(text.contains("92 findings more of the same kinds not shown"), "{text}");
    assert!(text.ends_with("100 errors, 0 warnings, 0 notes in 1 of 1 conversation\n"), "{text}");
    let ignoring = Rules::new([], ["bad-utf8"]).unwrap();
    let none = gathered(&talk.packets, 1, Check::new(ignoring)).findings();
    assert!(none.listed().is_empty() && !none.fail(&bar(Severity::Note)));
}

#[test]
fn a_rule_that_is_denied_fails_the_check_whatever_its_severity() {
    let talk = dialogue::upgraded(1);
    let all = gathered(&talk.packets, 1, Check::new(Rules::default())).findings();
    let rule = all.listed().first().map(|finding| finding.anomaly.code());
    assert!(!all.fail(&bar(Severity::Error)));
    if let Some(rule) = rule {
        assert!(all.fail(&FailurePolicy::new(Severity::Error, [rule]).unwrap()));
    }
    assert!(!all.fail(&FailurePolicy::new(Severity::Error, ["bad-utf8"]).unwrap()));
    assert!(FailurePolicy::new(Severity::Error, ["bad-utf9"]).is_err());
}

#[test]
fn findings_for_machines_are_well_formed() {
    let rules = Rules::default();
    let sarif: Value =
        serde_json::from_str(&findings(&hostile(), 1, &rules, check::FindingsFormat::Sarif)).unwrap();
    let run = &sarif["runs"][0];
    let listed: Vec<_> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty() && results.iter().all(|it| listed.contains(&&it["ruleId"])));
    let at = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!((at, &sarif["version"]), (&"a%20b.pcap".into(), &"2.1.0".into()));
    let junit = findings(&hostile(), 1, &rules, check::FindingsFormat::Junit);
    let cases = junit.matches("<testcase ").count();
    assert_eq!(cases, wirefin::event::Anomaly::RULES.len());
    assert!(junit.contains(&format!("tests=\"{cases}\"")) && junit.contains("<failure "), "{junit}");
    assert_eq!(junit.matches("<failure ").count(), junit.matches("</failure>").count());
    let github = findings(&hostile(), 1, &rules, check::FindingsFormat::Github);
    assert!(
        github.lines().any(|line| line.starts_with("::error file=a b.pcap,title=wirefin%3A ")),
        "{github}"
    );
}

#[test]
fn findings_in_json_say_what_the_lines_of_an_export_say() {
    let packets = crowd(40);
    let json: Value =
        serde_json::from_str(&findings(&packets, 1, &Rules::default(), check::FindingsFormat::Json)).unwrap();
    let lines = filtered(&packets, 1, "anomaly", None);
    let exported: Vec<Value> =
        records(&lines).into_iter().filter(|record| record["type"] == "anomaly").collect();
    let found = json["findings"].as_array().unwrap();
    assert_eq!(found.len(), exported.len());
    for (finding, line) in found.iter().zip(&exported) {
        for name in ["rule", "severity", "conn", "packet", "time", "from", "explanation", "spec", "evidence"]
        {
            assert_eq!(finding.get(name), line.get(name), "{name}");
        }
    }
}
