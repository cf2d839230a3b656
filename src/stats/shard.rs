use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;
use hdrhistogram::Histogram;

use super::report::Report;
use super::row::{End, Row};
use super::timeline::Timeline;
use super::units::UnitSums;
use crate::event::{
    BoundedList, ConnId, CountMap, DirectionTotals, Event, Gather, Kind, Message, Opening, Rejected, Sink,
};
use crate::model::{At, Pair, Side};
use crate::websocket::Opcode;

/// The statistics of the events seen so far.
#[derive(Debug, Default)]
pub struct Stats {
    /// Conversations in progress, and their indices in `rows`.
    live: HashMap<ConnId, usize, RandomState>,
    rows: Vec<Option<Row>>,
    free: Vec<usize>,
    /// The conversation of the last message, usually also that of the next.
    recent: Option<(ConnId, usize)>,
    /// The last upgrade that was refused, while its anomalies follow.
    rejected: Option<Row>,
    pub(super) counted: CaptureSums,
}

/// The distribution of lengths: the histogram keeps two significant digits of each, and the extremes are exact.
#[derive(Debug)]
pub(super) struct LengthHistogram {
    pub(super) sketch: Histogram<u64>,
    pub(super) least: u64,
    pub(super) most: u64,
}

impl LengthHistogram {
    fn new() -> Option<Self> {
        Some(LengthHistogram { sketch: Histogram::new(2).ok()?, least: u64::MAX, most: 0 })
    }

    fn record(&mut self, length: u64) {
        // The histogram grows as needed, and lengths beyond its limit do not fit into a frame.
        let _ = self.sketch.record(length);
        (self.least, self.most) = (self.least.min(length), self.most.max(length));
    }

    fn add(&mut self, other: &LengthHistogram) {
        // Both grow as needed, so nothing can be out of range.
        let _ = self.sketch.add(&other.sketch);
        (self.least, self.most) = (self.least.min(other.least), self.most.max(other.most));
    }
}

/// Totals over finished conversations, and over all messages.
#[derive(Debug, Default)]
pub(super) struct CaptureSums {
    pub(super) rows: BoundedList<Row>,
    /// Conversations included only in the totals, because there were too many.
    pub(super) left_out: u64,
    pub(super) conversations: u64,
    pub(super) refused: u64,
    pub(super) totals: Pair<DirectionTotals>,
    /// Lengths of text and binary messages.
    pub(super) lengths: Pair<Option<Box<LengthHistogram>>>,
    pub(super) timeline: Timeline,
    pub(super) opcodes: [u64; 16],
    /// How often a conversation ended with each code; `None` if the capture ended before.
    pub(super) codes: CountMap<Option<u16>>,
    pub(super) anomalies: CountMap<&'static str>,
    /// Totals of sub-protocol units.
    pub(super) units: UnitSums,
    /// The slowest pongs, the slowest first.
    pub(super) slowest: Vec<(Duration, At, ConnId)>,
    /// The number of pings that were never answered, and the first of them.
    pub(super) unanswered: u64,
    pub(super) first_unanswered: Vec<(At, ConnId)>,
}

/// How many of the slowest pongs, and of the unanswered pings, are reported.
pub(super) const MAX_LISTED: usize = 10;

impl Stats {
    /// Creates empty statistics.
    pub fn new() -> Self {
        Stats::default()
    }

    /// Returns the report.
    pub fn report(mut self) -> Report {
        self.finish();
        Report::of(self.counted)
    }

    /// Ends conversations that were not closed as open.
    fn finish(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        for mut row in rows.into_iter().flatten() {
            let (conn, counted) = (row.conn, &mut self.counted);
            row.settle(&mut |ping| counted.unanswered(ping, conn));
            self.counted.over(row);
        }
        if let Some(row) = self.rejected.take() {
            self.counted.over(row);
        }
        self.live.clear();
        self.free.clear();
        self.recent = None;
    }

    fn opened(&mut self, conn: ConnId, at: At, opening: &Opening) {
        self.end(conn);
        let row = Row::new(conn, at, opening);
        let n = self.free.pop().unwrap_or(self.rows.len());
        if let Some(slot) = self.rows.get_mut(n) {
            *slot = Some(row);
        } else {
            self.rows.push(Some(row));
        }
        self.live.insert(conn, n);
    }

    fn rejected(&mut self, conn: ConnId, at: At, rejected: &Rejected) {
        let mut row = Row::new(conn, at, &rejected.opening);
        row.end = End::Refused(rejected.status());
        if let Some(before) = self.rejected.replace(row) {
            self.counted.over(before);
        }
    }

    fn row(&mut self, conn: ConnId) -> Option<&mut Row> {
        let n = match self.recent {
            Some((recent, n)) if recent == conn => n,
            _ => {
                let n = *self.live.get(&conn)?;
                self.recent = Some((conn, n));
                n
            }
        };
        self.rows.get_mut(n)?.as_mut()
    }

    fn message(&mut self, conn: ConnId, at: At, message: &Message<'_>) {
        self.counted.message(at, message);
        if let Some(meaning) = message.meaning {
            self.counted.units.add(meaning);
        }
        let mut given_up = None;
        if let Some(row) = self.row(conn) {
            row.message(at, message, &mut |ping| given_up = Some(ping));
        }
        if let Some(ping) = given_up {
            self.counted.unanswered(ping, conn);
        }
        if let Some(rtt) = message.rtt {
            self.counted.pong(rtt, at, conn);
        }
    }

    /// Moves a conversation from the live ones to the finished ones.
    fn end(&mut self, conn: ConnId) {
        self.recent = None;
        if let Some(n) = self.live.remove(&conn)
            && let Some(row) = self.rows.get_mut(n).and_then(Option::take)
        {
            self.free.push(n);
            self.counted.over(row);
        }
    }
}

impl Sink for Stats {
    fn event(&mut self, event: &Event<'_>) {
        let at = event.at;
        match (&event.kind, event.conn) {
            (Kind::Message(message), Some(conn)) => self.message(conn, at, message),
            (Kind::Opened(opening), Some(conn)) => self.opened(conn, at, opening),
            (Kind::Rejected(rejected), Some(conn)) => self.rejected(conn, at, rejected),
            (Kind::Anomaly { anomaly, .. }, conn) => {
                self.counted.anomalies.add(anomaly.code(), 1);
                let row = match (conn, &mut self.rejected) {
                    (Some(conn), Some(row)) if row.conn == conn && !self.live.contains_key(&conn) => {
                        Some(row)
                    }
                    (Some(conn), _) => self.row(conn),
                    (None, _) => None,
                };
                if let Some(row) = row {
                    row.anomaly(anomaly.severity());
                }
            }
            (Kind::Closed(closed), Some(conn)) => {
                self.counted.units.unanswered(&closed.unanswered);
                let mut pings = Vec::new();
                if let Some(row) = self.row(conn) {
                    row.closed(at, closed, &mut |ping| pings.push(ping));
                }
                for ping in pings {
                    self.counted.unanswered(ping, conn);
                }
                self.end(conn);
            }
            _ => {}
        }
    }
}

impl Gather for Stats {
    fn fresh(&self) -> Self {
        Stats::default()
    }

    fn absorb(&mut self, mut other: Self) {
        other.finish();
        self.counted.absorb(other.counted);
    }
}

impl CaptureSums {
    fn message(&mut self, at: At, message: &Message<'_>) {
        if let Some(count) = self.opcodes.get_mut(usize::from(message.opcode.0)) {
            *count = count.saturating_add(1);
        }
        self.timeline.add(at.time, message.from);
        if matches!(message.opcode, Opcode::TEXT | Opcode::BINARY) {
            let lengths = &mut self.lengths[message.from];
            if lengths.is_none() {
                *lengths = LengthHistogram::new().map(Box::new);
            }
            if let Some(lengths) = lengths {
                lengths.record(message.length);
            }
        }
    }

    fn pong(&mut self, rtt: Duration, at: At, conn: ConnId) {
        let is_slow =
            self.slowest.len() < MAX_LISTED || self.slowest.last().is_some_and(|(least, ..)| rtt >= *least);
        if is_slow {
            self.slowest.push((rtt, at, conn));
            self.trim();
        }
    }

    fn unanswered(&mut self, ping: At, conn: ConnId) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.first_unanswered.push((ping, conn));
        self.trim();
    }

    /// Truncates the lists to the entries that are reported.
    fn trim(&mut self) {
        self.slowest.sort_unstable_by_key(|(rtt, at, conn)| (std::cmp::Reverse(*rtt), at.packet, *conn));
        self.slowest.truncate(MAX_LISTED);
        self.first_unanswered.sort_unstable_by_key(|(at, conn)| (at.packet, *conn));
        self.first_unanswered.truncate(MAX_LISTED);
    }

    /// Counts a finished conversation.
    fn over(&mut self, row: Row) {
        match &row.end {
            End::Refused(_) => self.refused = self.refused.saturating_add(1),
            End::Open | End::Closed { .. } => {
                self.conversations = self.conversations.saturating_add(1);
                // Only WebSockets have a close code; other transports are not counted.
                let code = match row.end {
                    End::Closed { code: None, .. } => None,
                    End::Closed { code, .. } => Some(code),
                    End::Open | End::Refused(_) => Some(None),
                };
                if let Some(code) = code {
                    self.codes.add(code, 1);
                }
            }
        }
        for side in Side::BOTH {
            add(&mut self.totals[side], &row.totals[side]);
        }
        let bytes = row.url.as_ref().map_or(0, |url| url.len());
        if !self.rows.push(row, bytes) {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    fn absorb(&mut self, other: CaptureSums) {
        self.rows.append(other.rows);
        for (mine, theirs) in [
            (&mut self.left_out, other.left_out),
            (&mut self.conversations, other.conversations),
            (&mut self.refused, other.refused),
            (&mut self.unanswered, other.unanswered),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for side in Side::BOTH {
            add(&mut self.totals[side], &other.totals[side]);
        }
        let Pair { client, server } = other.lengths;
        for (mine, theirs) in [(&mut self.lengths.client, client), (&mut self.lengths.server, server)] {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => mine.add(&theirs),
                (mine, theirs) => *mine = mine.take().or(theirs),
            }
        }
        self.timeline.absorb(other.timeline);
        for (mine, theirs) in self.opcodes.iter_mut().zip(other.opcodes) {
            *mine = mine.saturating_add(theirs);
        }
        self.codes.absorb(other.codes);
        self.anomalies.absorb(other.anomalies);
        self.units.absorb(other.units);
        self.slowest.extend(other.slowest);
        self.first_unanswered.extend(other.first_unanswered);
        self.trim();
    }
}

pub(super) fn add(to: &mut DirectionTotals, from: &DirectionTotals) {
    for (to, from) in [
        (&mut to.messages, from.messages),
        (&mut to.frames, from.frames),
        (&mut to.bytes, from.bytes),
        (&mut to.wire_bytes, from.wire_bytes),
    ] {
        *to = to.saturating_add(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;
    use crate::websocket::Opcode;
    use std::num::NonZeroU64;

    fn of(conn: u64, micros: u64, kind: Kind<'_>) -> Event<'_> {
        Event { conn: NonZeroU64::new(conn).map(ConnId::new), ..samples::event(conn, micros, kind) }
    }

    #[test]
    fn conversations_beyond_the_bound_are_in_the_totals_only() {
        const MOST: usize = BoundedList::<Row>::ITEMS;
        let (opened, closed) = (samples::opened(), samples::closed());
        let mut stats = Stats::new();
        for conn in 1..=MOST as u64 + 5 {
            stats.event(&of(conn, conn, Kind::Opened(&opened)));
            let message = samples::message(Side::Client, Opcode::TEXT, b"12345");
            stats.event(&of(conn, conn, Kind::Message(message)));
            stats.event(&of(conn, conn, Kind::Closed(&closed)));
        }
        // Finished conversations are removed from the live ones.
        assert_eq!((stats.live.len(), stats.rows.len()), (0, 1));
        let report = stats.report();
        assert_eq!((report.conversations.len(), report.totals.left_out), (MOST, 5));
        assert_eq!(report.totals.conversations, MOST as u64 + 5);
        assert_eq!(report.totals.client.bytes, 5 * (MOST as u64 + 5));
    }

    #[test]
    fn an_upgrade_after_a_refusal_on_one_connection_is_a_row_of_its_own() {
        let refused = samples::refused();
        let opened = samples::opened();
        let mut stats = Stats::new();
        stats.event(&of(4, 1, Kind::Rejected(&refused)));
        let anomaly = crate::event::Anomaly::RefusedWithoutVersion {};
        stats.event(&of(4, 1, Kind::Anomaly { from: None, anomaly: &anomaly }));
        stats.event(&of(4, 2, Kind::Opened(&opened)));
        stats.event(&of(4, 3, Kind::Message(samples::message(Side::Server, Opcode::TEXT, b"a"))));
        let report = stats.report();
        let rows: Vec<_> =
            report.conversations.iter().map(|it| (it.end, it.status, it.anomalies.error)).collect();
        assert_eq!(rows, [("refused", Some(426), 1), ("open", None, 0)]);
        assert_eq!((report.totals.conversations, report.totals.refused), (1, 1));
    }

    #[test]
    fn a_fresh_one_takes_next_to_no_memory() {
        assert!(size_of::<Stats>() < 2048, "{}", size_of::<Stats>());
        assert!(size_of::<Row>() < 512, "{}", size_of::<Row>());
    }
}
