//! A stream of server-sent events (HTML Standard §9.2.5, §9.2.6).

use std::collections::VecDeque;

use super::output::{BodyMessage, EventFacts, Output};
use crate::model::At;

/// Bounds the value of a field other than `data`.
const MAX_FIELD: usize = 4096;

/// The length of the longest field name with a meaning, including a byte order mark before it.
const MAX_NAME: usize = 8;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A parser for a stream of events.
///
/// ```text
///            ┌────── line ◄─────┐
///            ▼                  │
///   Lines: name ─► `:` ─► value ┴─► blank line: an event, if there is data
///     ▲ │ gap
///     │ ▼
///     │ InLine ── end of line ──► Behind
///     └──────── blank line ─────────┘
/// ```
#[derive(Debug)]
pub(super) struct EventStream {
    limit: usize,
    place: Place,
    line: Line,
    /// Whether no line has ended yet, so that a byte order mark may precede it.
    is_first: bool,
    /// Whether the last line ended in CR, so that a following LF belongs to it.
    after_return: bool,
    draft: Draft,
    /// The value of a field other than `data` so far.
    value: Vec<u8>,
    facts: EventFacts,
    skipped: u64,
}

/// The knowledge of where lines and events begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Lines and events are in step.
    Lines,
    /// Bytes were lost: the end of the current line is searched for.
    InLine,
    /// Lines are in step, but the blank line before the next event is searched for.
    Behind,
}

/// The current line.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Its name so far.
    Name(Vec<u8>),
    /// After the colon; `begun` once a byte of the value was seen.
    Value { field: Field, begun: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Id,
    Retry,
    /// A comment, or an unknown name.
    Ignored,
    /// The value exceeds the limit.
    TooLong,
}

/// The current event.
#[derive(Debug, Default)]
struct Draft {
    data: Vec<u8>,
    length: u64,
    /// Whether a `data` line was seen.
    has_data: bool,
    first: Option<At>,
    size: u64,
}

impl EventStream {
    /// Creates a parser that keeps at most `limit` bytes of an event's data.
    pub(super) fn new(limit: usize) -> Self {
        EventStream {
            limit,
            place: Place::Lines,
            line: Line::Name(Vec::new()),
            is_first: true,
            after_return: false,
            draft: Draft::default(),
            value: Vec::new(),
            facts: EventFacts::default(),
            skipped: 0,
        }
    }

    /// Parses the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At, out: &mut VecDeque<Output>) {
        let mut rest = bytes;
        if let ([b'\n', behind @ ..], true) = (rest, self.after_return) {
            rest = behind;
        }
        self.after_return &= bytes.is_empty();
        while !rest.is_empty() {
            self.draft.first.get_or_insert(carried);
            let end = memchr::memchr2(b'\n', b'\r', rest);
            let (text, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            self.take(text);
            rest = match behind {
                [] => break,
                [b'\r', b'\n', behind @ ..] => behind,
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [_, behind @ ..] => behind,
            };
            self.count(1);
            self.end_line(out);
        }
    }

    /// Notes that bytes are missing here, and gives up the current event.
    pub(super) fn gap(&mut self, out: &mut VecDeque<Output>) {
        if self.place == Place::Lines {
            self.emit_partial(out);
        }
        self.forget();
        self.facts = EventFacts::default();
        (self.place, self.is_first, self.after_return) = (Place::InLine, false, false);
    }

    /// Notes that the stream has ended: anything without a final blank line is not an event.
    pub(super) fn end(mut self, _: bool, out: &mut VecDeque<Output>) {
        match self.place {
            Place::Lines => {
                if self.emit_partial(out) {
                    out.push_back(Output::Unfinished);
                }
            }
            Place::InLine | Place::Behind => out.push_back(Output::Skipped { bytes: self.skipped }),
        }
    }

    pub(super) fn allocated(&self) -> usize {
        self.draft.data.capacity().saturating_add(self.value.capacity())
    }

    fn count(&mut self, bytes: usize) {
        match self.place {
            Place::Lines => self.draft.size = self.draft.size.saturating_add(bytes as u64),
            Place::InLine | Place::Behind => self.skipped = self.skipped.saturating_add(bytes as u64),
        }
    }

    /// Processes part of a line.
    fn take(&mut self, text: &[u8]) {
        self.count(text.len());
        match &mut self.line {
            _ if text.is_empty() => {}
            Line::Name(_) if self.place != Place::Lines => {
                self.line = Line::Value { field: Field::Ignored, begun: true };
            }
            Line::Name(name) => match memchr::memchr(b':', text) {
                Some(colon) => {
                    let (start, value) = text.split_at_checked(colon).unwrap_or((text, &[]));
                    name.extend_from_slice(start.get(..=MAX_NAME).unwrap_or(start));
                    self.begin_value();
                    self.value(value.get(1..).unwrap_or_default());
                }
                None if name.len().saturating_add(text.len()) > MAX_NAME => {
                    self.line = Line::Value { field: Field::Ignored, begun: true };
                }
                None => name.extend_from_slice(text),
            },
            Line::Value { .. } => self.value(text),
        }
    }

    /// Begins the value of the field named by the line.
    fn begin_value(&mut self) {
        let Line::Name(name) = &self.line else { return };
        let name = match name.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if self.is_first => rest,
            _ => name,
        };
        let field = match name {
            b"data" => Field::Data,
            b"event" => Field::Event,
            b"id" => Field::Id,
            b"retry" => Field::Retry,
            _ => Field::Ignored,
        };
        if field == Field::Data {
            if self.draft.has_data {
                self.draft.push(b"\n", self.limit);
            }
            self.draft.has_data = true;
        }
        self.value.clear();
        self.line = Line::Value { field, begun: false };
    }

    /// Processes part of a value, without the one blank that may precede it.
    fn value(&mut self, mut text: &[u8]) {
        let Line::Value { field, begun } = &mut self.line else { return };
        if let ([b' ', rest @ ..], false) = (text, *begun) {
            text = rest;
            *begun = true;
        }
        *begun |= !text.is_empty();
        match field {
            Field::Data => self.draft.push(text, self.limit),
            Field::Ignored | Field::TooLong => {}
            _ if self.value.len().saturating_add(text.len()) > MAX_FIELD => *field = Field::TooLong,
            _ => self.value.extend_from_slice(text),
        }
    }

    fn end_line(&mut self, out: &mut VecDeque<Output>) {
        let is_blank = match &self.line {
            Line::Name(name) => name.is_empty() || self.is_first && name == BYTE_ORDER_MARK,
            Line::Value { .. } => false,
        };
        match self.place {
            Place::InLine => self.place = Place::Behind,
            Place::Behind if is_blank => {
                out.push_back(Output::Skipped { bytes: std::mem::take(&mut self.skipped) });
                self.forget();
                self.place = Place::Lines;
            }
            Place::Behind => {}
            Place::Lines if is_blank => self.dispatch(out),
            Place::Lines => {
                if let Line::Name(_) = self.line {
                    self.begin_value();
                }
                self.set(out);
            }
        }
        self.line = Line::Name(Vec::new());
        self.is_first = false;
    }

    /// Applies the field in the line.
    fn set(&mut self, out: &mut VecDeque<Output>) {
        let Line::Value { field, .. } = self.line else { return };
        let text = || String::from_utf8_lossy(&self.value).into_owned().into_boxed_str();
        match field {
            Field::Event => self.facts.event = Some(text()).filter(|event| !event.is_empty()),
            Field::Id if !self.value.contains(&0) => self.facts.id = Some(text()),
            Field::Retry if self.value.iter().all(u8::is_ascii_digit) => {
                self.facts.retry = text().parse().ok().or(self.facts.retry);
            }
            Field::TooLong => out.push_back(Output::TooLong { limit: MAX_FIELD }),
            Field::Id | Field::Retry | Field::Data | Field::Ignored => {}
        }
    }

    /// Ends the event; one without data is discarded, which resets only its type.
    fn dispatch(&mut self, out: &mut VecDeque<Output>) {
        if self.draft.has_data {
            let facts = std::mem::take(&mut self.facts);
            out.push_back(Output::Message(self.draft.take(facts, true)));
        }
        self.facts.event = None;
        self.draft = Draft::default();
    }

    /// Emits the current event so far, if there is any data.
    fn emit_partial(&mut self, out: &mut VecDeque<Output>) -> bool {
        let has_data = self.draft.has_data;
        if has_data {
            let facts = std::mem::take(&mut self.facts);
            let message = self.draft.take(facts, false);
            out.push_back(Output::Message(message));
        }
        has_data
    }

    fn forget(&mut self) {
        self.draft = Draft::default();
        self.line = Line::Name(Vec::new());
        self.value = Vec::new();
    }
}

impl Draft {
    fn push(&mut self, data: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.data.len());
        self.data.extend_from_slice(data.get(..room).unwrap_or(data));
        self.length = self.length.saturating_add(data.len() as u64);
    }

    fn take(&mut self, facts: EventFacts, is_whole: bool) -> BodyMessage {
        let Draft { data, length, first, size, .. } = std::mem::take(self);
        let first = first.unwrap_or_default();
        BodyMessage { text: true, bytes: data, length, is_whole, facts, first, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Output> {
        let (mut events, mut out) = (EventStream::new(1 << 20), VecDeque::new());
        for piece in pieces {
            events.push(piece, At::default(), &mut out);
        }
        events.end(true, &mut out);
        out.into()
    }

    fn told(outputs: &[Output]) -> Vec<String> {
        let show = |output: &Output| match output {
            Output::Message(it) => {
                let EventFacts { event, id, retry } = &it.facts;
                let data = String::from_utf8_lossy(&it.bytes);
                let cut = if it.is_whole { "" } else { "…" };
                let part =
                    |name, value: Option<String>| value.map(|it| format!(" {name}={it}")).unwrap_or_default();
                let event = part("event", event.as_ref().map(ToString::to_string));
                let id = part("id", id.as_ref().map(ToString::to_string));
                format!("{data:?}{cut}{event}{id}{}", part("retry", retry.map(|it| it.to_string())))
            }
            other => format!("{other:?}"),
        };
        outputs.iter().map(show).collect()
    }

    /// The examples of the standard, and what it specifies in addition.
    #[test]
    fn events_as_the_standard_has_them() {
        let text = "\u{feff}: comment\n\ndata: YHOO\ndata: +2\ndata: 10\n\nretry: 10\nid: 1\n\nevent: add\ndata:x\n\n\
            data\n\ndata\ndata\n\ndata:\n\nevent: lost\n\ndata:  two blanks\nid\nfoo: bar\n\n: end\ndata: unfinished\n";
        let expected = [
            r#""YHOO\n+2\n10""#,
            r#""x" event=add id=1 retry=10"#,
            r#""""#,
            r#""\n""#,
            r#""""#,
            r#"" two blanks" id="#,
            r#""unfinished"…"#,
            "Unfinished",
        ];
        for end in ["\n", "\r", "\r\n"] {
            let text = text.replace('\n', end);
            assert_eq!(told(&read(&[text.as_bytes()])), expected, "{end:?}");
            for size in 1..9 {
                let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
                assert_eq!(told(&read(&pieces)), expected, "{end:?} {size}");
            }
        }
    }

    #[test]
    fn what_the_standard_ignores() {
        let text = b"id: a\0b\nretry: 1s\nevent:\nDATA: no\n data: no\ndata: yes\n\n";
        assert_eq!(told(&read(&[text])), [r#""yes""#]);
    }

    #[test]
    fn behind_a_gap_the_next_event_begins_at_a_blank_line() {
        let (mut events, mut out) = (EventStream::new(100), VecDeque::new());
        events.push(b"id: 1\ndata: one\n\nid: 2\ndata: tw", At::default(), &mut out);
        events.gap(&mut out);
        // The first line end may belong to a line that began in the gap.
        events.push(b"\nid: 3\ndata: three\n", At::default(), &mut out);
        events.push(b"\ndata: four\n\n", At::default(), &mut out);
        let expected = [r#""one" id=1"#, r#""tw"… id=2"#, "Skipped { bytes: 20 }", r#""four""#];
        assert_eq!(told(out.make_contiguous()), expected);
        events.gap(&mut out);
        events.push(b"data: x\n", At::default(), &mut out);
        events.end(true, &mut out);
        assert_eq!(out.back(), Some(&Output::Skipped { bytes: 8 }));
    }

    #[test]
    fn what_is_kept_is_bounded_and_counted() {
        let (mut events, mut out) = (EventStream::new(10), VecDeque::new());
        events.push(b"data: ", At::default(), &mut out);
        for _ in 0..1000 {
            events.push(&[b'x'; 1000], At::default(), &mut out);
            assert!(events.allocated() < 100);
        }
        events.push(b"\nid: ", At::default(), &mut out);
        for _ in 0..1000 {
            events.push(&[b'x'; 1000], At::default(), &mut out);
            assert!(events.allocated() < 20_000);
        }
        events.push(b"\n\n", At::default(), &mut out);
        assert_eq!(out.pop_front(), Some(Output::TooLong { limit: MAX_FIELD }));
        let Some(Output::Message(message)) = out.pop_front() else { panic!() };
        assert_eq!((message.bytes.len(), message.length, message.facts.id), (10, 1_000_000, None));
    }
}
