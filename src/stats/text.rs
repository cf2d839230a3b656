//! Tables and charts for people.

mod table;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use self::table::{clip, fit, write_table};
use super::report::{Conversation, DirectionTotals, Length, Peer, Report};
use crate::model::Endpoint;
use crate::text::{bytes, count, counted, grouped, printable_string, span};

/// The maximum width of a URL in the table.
const URL: usize = 60;
/// The width of the chart of rates, in columns.
const RATE: usize = 64;
/// The width of a bar, in columns.
const BAR: usize = 24;

/// Formats a report in `width` columns if possible; `top` conversations are listed.
pub(super) fn text(report: &Report, top: usize, width: usize) -> String {
    let mut out = String::new();
    totals(report, &mut out);
    conversations(report, top, width, &mut out);
    connections(report, top, width, &mut out);
    subprotocols(report, top, width, &mut out);
    talkers(report, width, &mut out);
    rate(report, width, &mut out);
    lengths(report, width, &mut out);
    round_trips(report, &mut out);
    endings(report, &mut out);
    out
}

/// Writes a heading, preceded by an empty line.
fn heading(text: &str, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
    out.push('\n');
}

/// Writes a line; writing to a string cannot fail.
macro_rules! say {
    ($out:expr, $($arg:tt)*) => {{
        let _ = writeln!($out, $($arg)*);
    }};
}

fn totals(report: &Report, out: &mut String) {
    let sum = &report.totals;
    let refused = match sum.refused {
        0 => String::new(),
        n => format!(", {} refused or not answered", count(n, "upgrade")),
    };
    say!(out, "{}{refused}", count(sum.conversations, "conversation"));
    for (name, totals) in [("clients", sum.client), ("servers", sum.server)] {
        let DirectionTotals { messages, bytes: payload, wire_bytes, .. } = totals;
        say!(
            out,
            "  {name} sent {}, {}, {} on the wire",
            counted(messages, "message"),
            bytes(payload),
            bytes(wire_bytes)
        );
    }
    let streams = report.streams;
    if streams.sse > 0 {
        say!(out, "  {} of server-sent events (--also sse)", counted(streams.sse, "stream"));
    }
    if streams.polling_requests > 0 {
        say!(out, "  {} of long polling (--also polling)", counted(streams.polling_requests, "request"));
    }
    if !sum.opcodes.is_empty() {
        let list: Vec<_> =
            sum.opcodes.iter().map(|(name, count)| format!("{} {name}", grouped(*count))).collect();
        say!(out, "  {}", list.join(", "));
    }
}

fn conversations(report: &Report, top: usize, width: usize, out: &mut String) {
    let mut list: Vec<&Conversation> = report.conversations.iter().collect();
    list.sort_by_key(|it| (std::cmp::Reverse(it.bytes()), it.conn, it.stream));
    let all = list.len();
    list.truncate(top);
    if list.is_empty() {
        return;
    }
    let more = (all.saturating_sub(list.len()) as u64).saturating_add(report.totals.left_out);
    let mut table = vec![NAMES.map(str::to_owned)];
    table.extend(list.iter().map(|it| columns(it)));
    let left_out = fit(&table, width);
    let mut words = if more > 0 {
        let all = grouped(more.saturating_add(list.len() as u64));
        format!("conversations, the first {} by bytes of {all}", list.len())
    } else {
        "conversations, by bytes".to_owned()
    };
    if !left_out.is_empty() {
        let names: Vec<_> = left_out.iter().filter_map(|n| NAMES.get(*n)).copied().collect();
        let _ = write!(words, "; no room for {}", names.join(", "));
    }
    heading(&clip(&words, width), out);
    write_table(&table, |n| (3..=10).contains(&n) || n == 0, &left_out, width, out);
}

const NAMES: [&str; 14] = [
    "conn",
    "client",
    "server",
    "↑ msgs",
    "↓ msgs",
    "↑ bytes",
    "↓ bytes",
    "ratio",
    "time",
    "ping min/med/p99",
    "silence",
    "end",
    "anomalies",
    "url",
];

fn columns(it: &Conversation) -> [String; 14] {
    let end = |peer: Peer| Endpoint::new(peer.ip, peer.port).to_string();
    let ratio = it.ratio.filter(|_| it.compressed_messages > 0);
    let mut url = it.url.as_deref().map_or_else(
        || if it.handshake { "-" } else { "(no handshake)" }.to_owned(),
        |url| clip(&printable_string(url.as_bytes()), URL),
    );
    if let Some(name) = &it.subprotocol {
        let _ = write!(url, " [{}]", clip(&printable_string(name.as_bytes()), URL));
    }
    [
        name(it.conn, it.stream),
        end(it.client),
        end(it.server),
        grouped(it.client_totals.messages),
        grouped(it.server_totals.messages),
        bytes(it.client_totals.bytes),
        bytes(it.server_totals.bytes),
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        short(it.duration),
        it.rtt.map_or_else(
            || "-".to_owned(),
            |rtt| format!("{} / {} / {}", short(rtt.min), short(rtt.median), short(rtt.p99)),
        ),
        short(it.longest_silence),
        ending(it),
        anomalies(it),
        url,
    ]
}

fn ending(it: &Conversation) -> String {
    match (it.code, it.status) {
        (Some(code), _) => {
            format!("{code}{}", if it.clean == Some(false) && code != 1006 { " unanswered" } else { "" })
        }
        (None, Some(status)) => format!("refused {status}"),
        (None, None) => it.end.to_owned(),
    }
}

fn anomalies(it: &Conversation) -> String {
    let list =
        [(it.anomalies.error, "error"), (it.anomalies.warning, "warning"), (it.anomalies.note, "note")];
    let list: Vec<_> = list.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(n, noun)).collect();
    if list.is_empty() { "-".to_owned() } else { list.join(", ") }
}

/// Writes the totals of the streams of each HTTP/2 connection.
fn connections(report: &Report, top: usize, width: usize, out: &mut String) {
    let mut sums: BTreeMap<u64, (&Conversation, [u64; 3])> = BTreeMap::new();
    for it in report.conversations.iter().filter(|it| it.stream.is_some()) {
        let (_, sums) = sums.entry(it.conn).or_insert((it, [0; 3]));
        let messages = it.client_totals.messages.saturating_add(it.server_totals.messages);
        for (sum, more) in sums.iter_mut().zip([1, messages, it.bytes()]) {
            *sum = sum.saturating_add(more);
        }
    }
    if sums.is_empty() {
        return;
    }
    let mut list: Vec<_> = sums.into_iter().collect();
    list.sort_by_key(|(conn, (_, [_, _, bytes]))| (std::cmp::Reverse(*bytes), *conn));
    list.truncate(top);
    heading("HTTP/2 connections, by bytes", out);
    let mut table = vec![["conn", "streams", "messages", "bytes", "server"].map(str::to_owned)];
    for (conn, (first, [streams, messages, payload])) in list {
        let server = Endpoint::new(first.server.ip, first.server.port).to_string();
        table.push([conn.to_string(), grouped(streams), grouped(messages), bytes(payload), server]);
    }
    write_table(&table, |n| n < 4, &[], width, out);
}

fn talkers(report: &Report, width: usize, out: &mut String) {
    if report.talkers.is_empty() {
        return;
    }
    heading("talkers, by bytes", out);
    let mut table = vec![["convs", "messages", "bytes", "host and path"].map(str::to_owned)];
    for it in &report.talkers {
        let name =
            printable_string(format!("{}{}", it.host, it.path.as_deref().unwrap_or_default()).as_bytes());
        table.push([grouped(it.conversations), grouped(it.messages), bytes(it.bytes), clip(&name, URL)]);
    }
    write_table(&table, |n| n < 3, &[], width, out);
}

fn rate(report: &Report, width: usize, out: &mut String) {
    /// The width of the text around a chart.
    const WORDS: usize = 32;
    let Some(rate) = &report.rate else { return };
    let room = width.saturating_sub(WORDS).clamp(1, RATE);
    let group = rate.client.len().div_ceil(room).max(1);
    let width = rate.slot.saturating_mul(u32::try_from(group).unwrap_or(u32::MAX));
    heading(&format!("messages over time, {} a column", short(width)), out);
    let sum = |slots: &[u64]| slots.iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
    for (arrow, slots) in [("↑", &rate.client), ("↓", &rate.server)] {
        let columns: Vec<u64> = slots.chunks(group).map(sum).collect();
        let most = columns.iter().copied().max().unwrap_or(0);
        let peak = slots.iter().copied().max().unwrap_or(0);
        let drawn: String = columns.iter().map(|n| level(*n, most)).collect();
        let peak = grouped(per_second(peak, rate.slot));
        say!(out, "  {arrow} {drawn}  peak {peak}/s in {}", short(rate.slot));
    }
}

fn per_second(messages: u64, slot: Duration) -> u64 {
    let nanos = slot.as_nanos().max(1);
    u64::try_from(u128::from(messages).saturating_mul(1_000_000_000).checked_div(nanos).unwrap_or(0))
        .unwrap_or(u64::MAX)
}

/// Draws a count as a block of one of eight heights, or as a space if it is zero.
fn level(n: u64, most: u64) -> char {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if n == 0 {
        return ' ';
    }
    let eighth = u128::from(n).saturating_mul(8).checked_div(most.max(1).into()).unwrap_or(0);
    let at = usize::try_from(eighth).unwrap_or(8).clamp(1, 8);
    LEVELS.get(at.saturating_sub(1)).copied().unwrap_or('█')
}

/// Draws a count as a bar with a resolution of an eighth of a column.
fn bar(n: u64, most: u64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eight = columns.saturating_mul(8);
    let full = u128::from(n).saturating_mul(eight as u128);
    let full = full.checked_div(most.max(1).into()).unwrap_or(0);
    let eighths = usize::try_from(full).unwrap_or(0).clamp(usize::from(n > 0), eight);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS.get(eighths % 8).copied().unwrap_or_default())
}

fn lengths(report: &Report, width: usize, out: &mut String) {
    /// The width of the numbers beside the two bars.
    const NUMBERS: usize = 42;
    let sides = [&report.lengths.client, &report.lengths.server].map(Option::as_ref);
    if sides.iter().all(Option::is_none) {
        return;
    }
    heading("lengths of text and binary messages", out);
    for (arrow, it) in ["↑", "↓"].into_iter().zip(sides) {
        if let Some(Length { median, p90, p99, min, max, .. }) = it {
            let [min, median, p90, p99, max] = [*min, *median, *p90, *p99, *max].map(bytes);
            say!(out, "  {arrow} min {min}, median {median}, p90 {p90}, p99 {p99}, max {max}");
        }
    }
    let powers = sides.map(|it| it.map_or(&[][..], |it| &it.powers));
    let most = powers.iter().flat_map(|powers| powers.iter()).copied().max().unwrap_or(0);
    let first = powers.iter().filter_map(|powers| powers.iter().position(|n| *n > 0)).min().unwrap_or(0);
    let last = powers.iter().map(|powers| powers.len()).max().unwrap_or(0);
    let columns = (width.saturating_sub(NUMBERS) / 2).clamp(1, BAR);
    for power in first..last {
        let [up, down] = powers.map(|powers| powers.get(power).copied().unwrap_or(0));
        let from = if power == 0 {
            0
        } else {
            1_u64.checked_shl(u32::try_from(power.saturating_sub(1)).unwrap_or(63)).unwrap_or(0)
        };
        let line = format!(
            "  {:>8} ↑ {:columns$} {:>11}  ↓ {:columns$} {:>11}",
            format!("≥ {}", bytes_short(from)),
            bar(up, most, columns),
            nonzero(up),
            bar(down, most, columns),
            nonzero(down)
        );
        say!(out, "{}", line.trim_end());
    }
}

fn nonzero(n: u64) -> String {
    if n == 0 { String::new() } else { grouped(n) }
}

/// Formats a power of two.
fn bytes_short(n: u64) -> String {
    let units = [(1_u64 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let unit = units.into_iter().find(|(unit, _)| n >= *unit);
    unit.map_or_else(|| n.to_string(), |(unit, name)| format!("{}{name}", n.checked_div(unit).unwrap_or(0)))
}

/// Writes the sub-protocol units: one line per protocol, kind and name.
fn subprotocols(report: &Report, top: usize, width: usize, out: &mut String) {
    const NAMES: [&str; 10] =
        ["protocol", "kind", "count", "errors", "unanswered", "p50", "p99", "max", "", "name"];
    if report.subprotocols.is_empty() {
        return;
    }
    let mut table = vec![NAMES.map(str::to_owned)];
    table.extend(report.subprotocols.iter().take(top.saturating_mul(2)).map(|row| {
        let some = |number: u64| if number > 0 { grouped(number) } else { "-".to_owned() };
        let [p50, p99, max] = match &row.latency {
            Some(it) => [it.median, it.p99, it.max].map(short),
            None => ["-"; 3].map(str::to_owned),
        };
        [
            row.protocol.to_string(),
            clip(&printable_string(row.kind.as_bytes()), 24),
            grouped(row.count),
            some(row.errors),
            some(row.unanswered),
            p50,
            p99,
            max,
            String::new(),
            printable_string(row.name.as_bytes()),
        ]
    }));
    let shown = table.len().saturating_sub(1);
    let more =
        (report.subprotocols.len().saturating_sub(shown) as u64).saturating_add(report.subprotocols_left_out);
    let words = if more > 0 {
        format!("sub-protocols, the first {shown} by count")
    } else {
        "sub-protocols".to_owned()
    };
    heading(&words, out);
    write_table(&table, |n| (2..=7).contains(&n), &[8], width, out);
}

fn round_trips(report: &Report, out: &mut String) {
    if report.rtt.is_none() && report.totals.unanswered_pings == 0 {
        return;
    }
    heading("pings", out);
    if let Some(rtt) = &report.rtt {
        let [min, median, p99, max] = [rtt.min, rtt.median, rtt.p99, rtt.max].map(short);
        say!(out, "  {} round trips: min {min}, median {median}, p99 {p99}, max {max}", grouped(rtt.count));
        for pong in &report.slowest_pongs {
            say!(
                out,
                "  {:>10}  conn {}, packet {}",
                short(pong.rtt),
                name(pong.conn, pong.stream),
                pong.packet
            );
        }
    }
    if report.totals.unanswered_pings > 0 {
        say!(out, "  {} never answered, first:", grouped(report.totals.unanswered_pings));
        for ping in &report.unanswered_pings {
            say!(out, "  {:>10}  conn {}, packet {}", "-", name(ping.conn, ping.stream), ping.packet);
        }
    }
}

fn endings(report: &Report, out: &mut String) {
    if !report.close_codes.is_empty() {
        heading("endings", out);
        for code in &report.close_codes {
            let number = code.number.map_or_else(|| "-".to_owned(), |code| code.to_string());
            say!(out, "  {:>9}  {number:>5} {}", grouped(code.count), code.name);
        }
    }
    if !report.anomalies.is_empty() {
        heading("anomalies", out);
        let mut list: Vec<_> = report.anomalies.iter().collect();
        list.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), **code));
        for (code, count) in list {
            say!(out, "  {:>9}  {code}", grouped(*count));
        }
    }
}

/// Formats a time span with three significant digits.
fn short(time: Duration) -> String {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let digits = nanos.checked_ilog10().unwrap_or(0);
    // Below a minute, three digits are kept; longer spans are formatted with no more anyway.
    let unit = if nanos < 60_000_000_000 { 10_u64.saturating_pow(digits.saturating_sub(2)) } else { 1 };
    let rounded = nanos.saturating_add(unit / 2).checked_div(unit).unwrap_or(0).saturating_mul(unit);
    span(Duration::from_nanos(rounded))
}

/// Formats the name of a conversation.
fn name(conn: u64, stream: Option<u64>) -> String {
    stream.map_or_else(|| conn.to_string(), |stream| format!("{conn}.{stream}"))
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn numbers_and_spans_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let spans = [0, 999, 412_345, 1_204_567_890, 9_999_999, 61_000_000_000]
            .map(|nanos| short(Duration::from_nanos(nanos)));
        assert_eq!(spans, ["0 s", "0.999 µs", "412 µs", "1.2 s", "10 ms", "1 min 1 s"]);
    }

    #[test]
    fn drawings_show_the_least_and_the_most() {
        let drawn: String = [0, 1, 50, 100].map(|n| level(n, 100)).into_iter().collect();
        assert_eq!(drawn, " ▁▄█");
        assert_eq!(bar(0, 100, BAR), "");
        assert_eq!(bar(1, 100_000, BAR), "▏");
        assert_eq!(bar(100, 100, BAR), "█".repeat(BAR));
        assert_eq!(bar(50, 100, BAR), "█".repeat(BAR / 2));
    }

    #[test]
    fn columns_are_left_out_where_there_is_no_room() {
        let row = |url: &str| {
            std::array::from_fn::<_, 14, _>(|n| if n == 13 { url } else { "12345678" }.to_owned())
        };
        let table = [NAMES.map(str::to_owned), row("ws://host.example/a/long/path/indeed")];
        assert!(fit(&table, usize::MAX).is_empty() && fit(&table, 200).is_empty());
        assert_eq!((fit(&table, 150), fit(&table, 20).len()), (vec![9], 6));
        let mut out = String::new();
        write_table(&table, |_| false, &fit(&table, 105), 105, &mut out);
        assert!(
            out.lines().all(|line| line.width() <= 105) && out.contains("  ws://host.example/a"),
            "{out}"
        );
        assert!(out.trim_end().ends_with('…'), "{out}");
    }
}
