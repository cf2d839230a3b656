use std::time::Instant;

use super::super::clock::{grouped, short};
use super::super::effect::Effect;
use super::super::matcher::quoted;
use super::super::rows::Slice;
use super::super::words::Role;
use super::line::Line;
use crate::event::{Severity, Sink as _};
use crate::model::Side;
use crate::stats::{Report, Stats};
use crate::store::{Store, Wanted};
use crate::text;

/// The maximum number of lines per section.
const LISTED: usize = 40;

/// Statistics being computed, entry by entry.
#[derive(Debug)]
pub(super) struct StatisticsTask {
    stats: Stats,
    scope: Option<u32>,
    at: usize,
    of: usize,
}

impl StatisticsTask {
    pub(super) fn new(scope: Option<u32>) -> StatisticsTask {
        StatisticsTask { stats: Stats::new(), scope, at: 0, of: 1 }
    }

    /// Processes more entries until `until`; returns whether all are done.
    pub(super) fn work(&mut self, store: &mut Store, until: Instant) -> bool {
        let mut slice = Slice::until(until);
        loop {
            let scope = self.scope.and_then(|slot| store.conversation(slot));
            self.of = if self.scope.is_some() {
                scope.map_or(0, crate::store::Conversation::entries)
            } else {
                store.len()
            };
            if self.at >= self.of {
                return true;
            }
            let number = match scope {
                Some(conversation) => conversation.entry(self.at),
                None => u32::try_from(self.at).ok(),
            };
            self.at = self.at.saturating_add(1);
            let Some(number) = number else { continue };
            let wanted = Wanted { payload: false, meaning: true };
            // An entry that is not fully known is not counted.
            let _ = store.with_event(number, wanted, |event| self.stats.event(event));
            if slice.is_over(store, number) {
                return false;
            }
        }
    }

    pub(super) fn progress(&self) -> f64 {
        self.at as f64 / self.of.max(1) as f64
    }

    pub(super) fn report(self) -> Report {
        self.stats.report()
    }
}

/// Lays out a report in lines; each number leads to the rows it counts.
pub(super) fn lines(report: &Report) -> Vec<Line> {
    let mut lines = Vec::new();
    totals(report, &mut lines);
    lengths(report, &mut lines);
    slow_pings(report, &mut lines);
    methods(report, &mut lines);
    endings(report, &mut lines);
    talkers(report, &mut lines);
    lines
}

fn totals(report: &Report, lines: &mut Vec<Line>) {
    let sum = &report.totals;
    lines.push(Line::of(Role::Name, "Messages"));
    for (side, totals) in [(Side::Client, sum.client), (Side::Server, sum.server)] {
        let words = format!(
            " {:>12} in {}, {}; {} on the wire",
            text::counted(totals.messages, "message"),
            text::counted(totals.frames, "frame"),
            text::bytes(totals.bytes),
            text::bytes(totals.wire_bytes)
        );
        let line = Line::of(Role::From(side), format!("{:7}", side.name())).add(Role::Plain, words);
        lines.push(line.to(Effect::Filter(format!("from == {}", side.name()))));
    }
    let opcodes = sum.opcodes.iter().map(|(name, count)| (*name, *count));
    for (name, count) in opcodes {
        let line = Line::of(Role::Plain, format!("{:12} {:>12}", name, grouped(count)));
        lines.push(line.to(Effect::Filter(format!("opcode == {name}"))));
    }
    if let Some(rate) = &report.rate {
        let peak = |counts: &[u64]| {
            counts.iter().copied().max().unwrap_or(0) as f64 / rate.slot.as_secs_f64().max(1e-9)
        };
        for (side, counts) in [(Side::Client, &rate.client), (Side::Server, &rate.server)] {
            let all: u64 = counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
            let seconds = rate.slot.as_secs_f64() * counts.len().max(1) as f64;
            let words = format!(
                " {}/s on average, {}/s at most in {}",
                short((all as f64 / seconds.max(1e-9)).ceil() as u64),
                short(peak(counts).ceil() as u64),
                text::span(rate.slot)
            );
            let busiest =
                counts.iter().enumerate().max_by_key(|(n, count)| (**count, usize::MAX.saturating_sub(*n)));
            let from = busiest.map_or(0, |(n, _)| u32::try_from(n).unwrap_or(0));
            let begin = rate.start.plus(rate.slot.saturating_mul(from));
            let line = Line::of(Role::From(side), format!("{:7}", side.name())).add(Role::Plain, words);
            lines.push(line.to(Effect::Range(Some((begin, begin.plus(rate.slot))))));
        }
    }
    lines.push(Line::default());
}

fn lengths(report: &Report, lines: &mut Vec<Line>) {
    lines.push(Line::of(Role::Name, "Lengths of text and binary messages"));
    for (side, length) in [(Side::Client, &report.lengths.client), (Side::Server, &report.lengths.server)] {
        let Some(length) = length else { continue };
        let numbers =
            [("median", length.median), ("90 %", length.p90), ("99 %", length.p99), ("longest", length.max)];
        for (name, number) in numbers {
            let words = format!(" {name:8} {:>12}", text::bytes(number));
            let line = Line::of(Role::From(side), format!("{:7}", side.name())).add(Role::Plain, words);
            let text = format!("from == {} and opcode in {{text, binary}} and len >= {number}", side.name());
            lines.push(line.to(Effect::Filter(text)));
        }
    }
    lines.push(Line::default());
}

fn slow_pings(report: &Report, lines: &mut Vec<Line>) {
    if report.slowest_pongs.is_empty() && report.unanswered_pings.is_empty() {
        return;
    }
    lines.push(Line::of(Role::Name, "Slowest pings"));
    for pong in &report.slowest_pongs {
        let words = format!("{:>12}  packet {}  #{}", text::span(pong.rtt), grouped(pong.packet), pong.conn);
        let text = format!("packet == {} and opcode == pong", pong.packet);
        lines.push(Line::of(Role::Plain, words).to(Effect::Filter(text)));
    }
    for ping in &report.unanswered_pings {
        let words = format!("{:>12}  packet {}  #{}", "no answer", grouped(ping.packet), ping.conn);
        let text = format!("packet == {} and opcode == ping", ping.packet);
        lines.push(Line::of(Role::Severity(Severity::Warning), words).to(Effect::Filter(text)));
    }
    lines.push(Line::default());
}

fn methods(report: &Report, lines: &mut Vec<Line>) {
    if report.subprotocols.is_empty() {
        return;
    }
    lines.push(Line::of(Role::Name, "Calls and events by name"));
    let head = format!("{:>9} {:>7} {:>10} {:>10} {:>10}", "count", "errors", "median", "99 %", "longest");
    lines.push(Line::of(Role::Quiet, head));
    for row in report.subprotocols.iter().take(LISTED) {
        let [median, p99, max] = match &row.latency {
            Some(it) => [it.median, it.p99, it.max].map(text::span),
            None => ["–"; 3].map(str::to_owned),
        };
        let errors = if row.errors > 0 { grouped(row.errors) } else { "–".to_owned() };
        let words = format!("{:>9} {errors:>7} {median:>10} {p99:>10} {max:>10}  ", grouped(row.count));
        let line =
            Line::of(if row.errors > 0 { Role::Severity(Severity::Error) } else { Role::Plain }, words)
                .add(Role::Quiet, format!("{} ", row.protocol))
                .add(Role::Subprotocol, row.kind.as_bytes())
                .add(Role::Plain, format!(" {}", row.name));
        let name = if row.name.is_empty() {
            String::new()
        } else {
            format!(" and sub.name == {}", quoted(&row.name))
        };
        let text =
            format!("sub.protocol == {} and sub.kind == {}{name}", quoted(&row.protocol), quoted(&row.kind));
        lines.push(line.to(Effect::Filter(text)));
    }
    lines.push(Line::default());
}

fn endings(report: &Report, lines: &mut Vec<Line>) {
    lines.push(Line::of(Role::Name, "How conversations ended"));
    for code in &report.close_codes {
        let number = code.number.map_or("    ".to_owned(), |number| number.to_string());
        let line = Line::of(Role::Plain, format!("{:>9}  {number} {}", grouped(code.count), code.name));
        lines.push(match code.number {
            Some(number) => line.to(Effect::Filter(format!("close.code == {number}"))),
            None => line,
        });
    }
    if report.totals.refused > 0 {
        let words = format!("{:>9}  upgrades refused or not answered", grouped(report.totals.refused));
        lines.push(Line::of(Role::Severity(Severity::Warning), words));
    }
    lines.push(Line::default());
}

fn talkers(report: &Report, lines: &mut Vec<Line>) {
    lines.push(Line::of(Role::Name, "Who talks"));
    for it in report.talkers.iter().take(LISTED) {
        let words = format!(
            "{:>9} {:>10}  {}  ",
            short(it.messages),
            text::bytes(it.bytes),
            text::counted(it.conversations, "conversation")
        );
        let path = it.path.as_deref().unwrap_or_default();
        let line = Line::of(Role::Plain, words).add(Role::Name, format!("{}{path}", it.host));
        lines.push(match &it.path {
            Some(path) => {
                let host = it
                    .host
                    .rsplit_once(':')
                    .filter(|(_, port)| port.parse::<u16>().is_ok())
                    .map_or(it.host.as_str(), |(host, _)| host);
                let host = host.trim_matches(['[', ']']);
                line.to(Effect::Filter(format!("host == {} and path == {}", quoted(host), quoted(path))))
            }
            None => line,
        });
    }
}
