use crate::filter::{self, Facts, Filter};
use crate::model::At;
use crate::store::{Entry, EntryKind, Facts as Kept, PayloadLocation, Store, Wanted};

/// The filter that decides which entries the timeline shows.
#[derive(Debug)]
pub(super) struct Matcher {
    filter: Filter,
    /// The parts of a message required in addition to its entry.
    wanted: Wanted,
}

/// The position of a syntax error in a filter, and what was expected there.
#[derive(Clone, Debug)]
pub(super) struct ParseError {
    /// The column, from 0.
    pub(super) column: usize,
    pub(super) expected: String,
}

impl ParseError {
    pub(super) fn of(error: &filter::Error) -> ParseError {
        let expected = format!("expected {}", error.expected());
        ParseError { column: error.column().saturating_sub(1), expected }
    }
}

impl Matcher {
    /// Parses a filter.
    pub(super) fn parse(text: &str) -> Result<Matcher, ParseError> {
        let filter = Filter::parse(text).map_err(|error| ParseError::of(&error))?;
        let wanted = Wanted { payload: filter.needs_body(), meaning: filter.needs_meaning() };
        Ok(Matcher { filter, wanted })
    }

    /// Returns whether an entry is shown.
    pub(super) fn matches(&self, store: &mut Store, number: u32) -> bool {
        let (began, filter) = (store.began(), &self.filter);
        let dropped = self.misses(store, number);
        let shown = store.with_event(number, self.wanted, |event| {
            let facts = Facts::of(event, began);
            filter.matches(&if dropped { Facts { body: None, ..facts } } else { facts })
        });
        shown.unwrap_or_else(|_| {
            // Without its evidence, an anomaly is matched by the fields in its entry.
            store.entry(number).is_some_and(|entry| {
                let at = At { packet: entry.packet(), time: entry.time() };
                let (from, anomaly) = (entry.from(), entry.anomaly());
                filter.matches(&Facts { at, began, from, anomaly, ..Facts::default() })
            })
        })
    }

    /// Returns whether the filter depends on a payload that was dropped.
    pub(super) fn misses(&self, store: &Store, number: u32) -> bool {
        let is_dropped = |entry: &Entry| {
            let Wanted { payload, meaning } = self.wanted;
            let asked = payload || meaning && entry.facts().has(Kept::MEANING);
            asked && entry.what() == EntryKind::Message && store.kept(entry) == PayloadLocation::Dropped
        };
        store.entry(number).is_some_and(is_dropped)
    }
}

/// Quotes a string for a filter.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(format!("\\u{{{:x}}}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::capture::Files;
    use crate::event::{Event, Kind};
    use crate::export::{Format, Formatted};
    use crate::model::Timestamp;
    use crate::pipeline::{Options, run};
    use crate::store::{Bounds, Recorder, Shared};

    /// Filters that use every kind of field.
    const FILTERS: &[&str] = &[
        "opcode == text",
        "from == server and len > 10",
        r#"text contains "e""#,
        r#"payload matches "[0-9]""#,
        r#"json.type == "trade" or json[0]"#,
        "gap_before > 1ms",
        "rtt < 1s",
        "frames > 1 or fragmented",
        "compressed or not masked",
        "not complete",
        "close.code in {1000..1015}",
        r#"close.reason contains "e""#,
        "anomaly and severity >= warning",
        r#"url contains "/" and not host == "x""#,
        r#"path == "/" or subprotocol"#,
        "port == 9001 or client.ip == 10.0.0.0/8",
        "conn > 3",
        "time > 10ms and packet > 9",
        "latency > 1ms",
        "heartbeat",
        "not heartbeat and opcode != close",
        r#"sub.kind == "EVENT" or sub.topic contains "/""#,
        r#"sub.error or sub.role == "question""#,
        "sub and len > 20",
    ];

    /// A sink that records which filters match each event.
    #[derive(Clone)]
    struct Asked(Vec<Filter>, Timestamp);

    impl Format for Asked {
        fn wants_frames(&self) -> bool {
            false
        }

        fn start(&mut self, first: Timestamp) {
            self.1 = first;
        }

        fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
            if !matches!(event.kind, Kind::Frame(_) | Kind::Unshown(_)) {
                let facts = Facts::of(event, self.1);
                out.extend(self.0.iter().map(|filter| if filter.matches(&facts) { b'1' } else { b'0' }));
                out.push(b'\n');
            }
        }
    }

    #[test]
    fn the_screen_shows_what_a_filter_of_the_command_line_lets_through() {
        let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")];
        let (mut captures, mut rows) = (0, 0);
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            let Ok(mut files) = Files::open(std::slice::from_ref(&path)) else { continue };
            let filters = FILTERS.iter().map(|text| Filter::parse(text).unwrap()).collect();
            let mut live = Formatted::new(Asked(filters, Timestamp::default()), Vec::new(), None);
            if run(&mut files, &Options::default(), &mut live).is_err() {
                continue;
            }
            let live = String::from_utf8(live.finish().unwrap()).unwrap();
            let store = Shared::new(Bounds::default());
            let mut files = Files::open(std::slice::from_ref(&path)).unwrap();
            run(&mut files, &Options::default(), &mut Recorder::new(store.clone())).unwrap();
            let mut store = store.lock();
            let mut matchers: Vec<_> = FILTERS.iter().map(|text| Matcher::parse(text).unwrap()).collect();
            assert_eq!(store.len(), live.lines().count(), "{}", path.display());
            for (number, line) in (0..).zip(live.lines()) {
                let mut ask = |it: &mut Matcher| if it.matches(&mut store, number) { '1' } else { '0' };
                let shown: String = matchers.iter_mut().map(&mut ask).collect();
                assert_eq!(shown, line, "row {number} of {}", path.display());
                rows += 1;
            }
            captures += 1;
        }
        assert!(captures > 100 && rows > 1000, "{captures} {rows}");
    }
}
