use std::ops::Range;

use super::clock::{self, grouped};
use super::json::{self, Line};
use super::text::columns;
use crate::event::{Anomaly, Evidence, Field as HeaderField, Frame, Handshake, Opcode, Opened, Severity};
use crate::model::Side;
use crate::store::{Entry, Facts, Store, What};
use crate::view;

/// Bounds the payload bytes that the detail looks at.
pub(super) const LOOKED_AT: usize = 4 << 20;

/// Says how a field's value is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Heading,
    Plain,
    Quiet,
    Good,
    Bad(Severity),
    From(Side),
    /// A sentence, shown whole though it takes several lines.
    Prose,
}

/// Is a line of the tree: a name, a value which may come from the wire, and the bytes it stands for.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) depth: u16,
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    pub(super) tone: Tone,
    pub(super) bytes: Option<Range<usize>>,
    /// How many columns the names of the fields beside it take, its own among them.
    pub(super) name_columns: u16,
}

/// Bounds the columns that names take where values stand below each other.
const NAMES: u16 = 24;

/// Is everything about one entry, laid out to be shown: a tree, and the bytes its fields stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) fields: Vec<Field>,
    /// Frame headers as they were on the wire, then the payload, unmasked and inflated; of a handshake, its heads.
    pub(super) bytes: Vec<u8>,
    /// Where each part of the bytes begins, and what it is.
    pub(super) parts: Vec<(usize, String)>,
    /// Which of the bytes are the payload.
    pub(super) payload: Range<usize>,
    /// The payload as JSON, where it is.
    pub(super) json: Option<Vec<Line>>,
    /// The payload is text.
    pub(super) text: bool,
    /// Why there is nothing to see, if there is not.
    pub(super) absent: Option<&'static str>,
    depth: u16,
}

impl Document {
    /// Lays out an entry.
    pub(super) fn of(store: &mut Store, number: u32) -> Document {
        let mut document = Document::default();
        let Some(entry) = store.entry(number).copied() else { return document };
        match entry.what() {
            What::Message => document.message(store, number, &entry),
            What::Opened => {
                document.place("conversation opened", store, &entry, Tone::Heading);
                let conversation =
                    entry.conversation().and_then(|slot| store.conversations().get(slot as usize));
                if let Some(opened) = conversation.and_then(|conversation| conversation.opened.as_deref()) {
                    document.opened(opened);
                }
            }
            What::Closed => document.closed(store, &entry),
            What::Anomaly => {
                document.place("anomaly", store, &entry, Tone::Heading);
                document.anomaly(store, &entry);
            }
        }
        if entry.what() != What::Anomaly {
            document.remarks(store, number, &entry);
        }
        document.align();
        document
    }

    /// Finds how wide the names of neighbours are, so that their values can stand below each other.
    fn align(&mut self) {
        // The fields of the same depth that go on, by depth.
        let mut open: Vec<Vec<usize>> = Vec::new();
        for n in 0..=self.fields.len() {
            let depth = self.fields.get(n).map_or(0, |field| usize::from(field.depth).saturating_add(1));
            while open.len() > depth {
                let beside = open.pop().unwrap_or_default();
                self.widen(&beside);
            }
            open.resize(depth.max(open.len()), Vec::new());
            if !self.has_children(n)
                && let Some(beside) = open.last_mut()
            {
                beside.push(n);
            }
        }
    }

    fn widen(&mut self, beside: &[usize]) {
        let names = beside.iter().filter_map(|n| self.fields.get(*n)).map(|field| columns(&field.name));
        let widest = names.filter(|columns| *columns <= NAMES).max().unwrap_or(0);
        for n in beside {
            if let Some(field) = self.fields.get_mut(*n) {
                field.name_columns = widest;
            }
        }
    }

    /// Returns the payload bytes.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload.clone()).unwrap_or_default()
    }

    /// Returns the innermost field that stands for a byte.
    pub(super) fn field_at(&self, byte: usize) -> Option<usize> {
        let of = |field: &Field| {
            field.bytes.clone().filter(|bytes| bytes.contains(&byte)).map(|bytes| bytes.len())
        };
        let lengths =
            self.fields.iter().enumerate().filter_map(|(n, field)| of(field).map(|length| (length, n)));
        // Of equal ones, the last is the inner one.
        lengths.min_by_key(|(length, n)| (*length, usize::MAX.saturating_sub(*n))).map(|(_, n)| n)
    }

    /// Tells whether a field has others within.
    pub(super) fn has_children(&self, at: usize) -> bool {
        let depth = |at: usize| self.fields.get(at).map(|field| field.depth);
        depth(at) < depth(at.saturating_add(1))
    }

    fn add(&mut self, name: &str, value: impl Into<Vec<u8>>, tone: Tone) {
        let (name, value) = (name.to_owned(), value.into());
        self.fields.push(Field { depth: self.depth, name, value, tone, bytes: None, name_columns: 0 });
    }

    fn within(&mut self, add: impl FnOnce(&mut Self)) {
        self.depth = self.depth.saturating_add(1);
        add(self);
        self.depth = self.depth.saturating_sub(1);
    }

    fn ranged(&mut self, name: &str, value: impl Into<Vec<u8>>, bytes: Range<usize>) {
        self.add(name, value, Tone::Plain);
        if let Some(field) = self.fields.last_mut() {
            field.bytes = Some(bytes);
        }
    }

    fn place(&mut self, title: &str, store: &Store, entry: &Entry, tone: Tone) {
        self.add(title, "", tone);
        self.within(|it| {
            it.add("time", clock::rfc3339(entry.time()), Tone::Plain);
            it.add("packet", grouped(entry.packet()), Tone::Plain);
            let conversation = entry.conversation().and_then(|slot| store.conversations().get(slot as usize));
            if let Some(conversation) = conversation {
                it.add(
                    "conversation",
                    format!("#{} {}", conversation.number(), conversation.name()),
                    Tone::Quiet,
                );
            }
        });
    }

    fn message(&mut self, store: &mut Store, number: u32, entry: &Entry) {
        let Some(record) = store.record(number, LOOKED_AT) else { return };
        let from = entry.from().unwrap_or(Side::Client);
        let title =
            format!("{} from {}, {} bytes", entry.opcode().name(), from.name(), grouped(entry.length()));
        self.place(&title, store, entry, Tone::From(from));
        self.within(|it| {
            if record.first.packet != entry.packet() {
                let took = view::span(entry.time().since(record.first.time));
                it.add(
                    "began",
                    format!("packet {}, {took} before", grouped(record.first.packet)),
                    Tone::Plain,
                );
            }
            if let Some(rtt) = entry.rtt() {
                it.add("round trip", view::span(rtt), Tone::Good);
            }
            it.add(
                "on the wire",
                format!(
                    "{} bytes in {}",
                    grouped(u64::from(entry.wire())),
                    view::count(u64::from(entry.frames()), "frame")
                ),
                Tone::Plain,
            );
            it.deflate(entry);
            if entry.facts().has(Facts::TRUNCATED) {
                it.add(
                    "cut",
                    format!("a limit kept {} bytes", grouped(u64::from(entry.kept()))),
                    Tone::Bad(Severity::Note),
                );
            }
            for hole in &record.missing {
                let length = hole.length.map_or("an unknown number of".to_owned(), grouped);
                it.add(
                    "missing",
                    format!("{length} bytes at offset {}", grouped(hole.offset)),
                    Tone::Bad(Severity::Note),
                );
            }
        });
        if record.dropped {
            self.absent = Some("the payload was dropped to stay within the bounds");
            self.add("payload", self.absent.unwrap_or_default().as_bytes(), Tone::Bad(Severity::Note));
            return;
        }
        self.frames(&record.frames, entry);
        self.text = entry.facts().has(Facts::TEXT);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&record.payload);
        self.payload = start..self.bytes.len();
        let known = match (entry.facts().has(Facts::INFLATED), entry.facts().has(Facts::MASKED)) {
            (true, true) => "payload, unmasked and inflated",
            (true, false) => "payload, inflated",
            (false, true) => "payload, unmasked",
            (false, false) => "payload",
        };
        self.parts.push((start, known.to_owned()));
        let preview = record.payload.get(..256).unwrap_or(&record.payload);
        self.ranged("payload", preview, start..self.bytes.len());
        if entry.opcode() == Opcode::CLOSE {
            self.close_body(start);
        }
        self.json = json::lay_out(self.payload());
    }

    fn deflate(&mut self, entry: &Entry) {
        if !entry.facts().has(Facts::COMPRESSED) {
            return;
        }
        let words = if entry.facts().has(Facts::INFLATED) {
            let part = f64::from(entry.wire()) * 100.0 / (entry.length().max(1) as f64);
            format!(
                "{} on the wire for {} ({part:.0} %)",
                view::bytes(u64::from(entry.wire())),
                view::bytes(entry.length())
            )
        } else {
            "shown as sent".to_owned()
        };
        self.add("deflate", words, Tone::Plain);
    }

    fn close_body(&mut self, start: usize) {
        let payload = self.payload().to_vec();
        self.within(|it| match payload.split_first_chunk::<2>() {
            Some((code, reason)) => {
                let code = u16::from_be_bytes(*code);
                it.ranged(
                    "code",
                    format!("{code} {}", view::close_code_name(code)),
                    start..start.saturating_add(2),
                );
                it.ranged("reason", reason, start.saturating_add(2)..start.saturating_add(payload.len()));
            }
            None => it.add("code", "none: 1005 no status received", Tone::Quiet),
        });
    }

    /// Lays out the frames; where nothing was compressed or lost, each with its share of the payload.
    fn frames(&mut self, frames: &[Frame], entry: &Entry) {
        let declared = frames.iter().fold(0_u64, |sum, frame| sum.saturating_add(frame.header.length));
        let plain = !entry.facts().has(Facts::COMPRESSED) && declared == u64::from(entry.kept());
        let heads = frames
            .iter()
            .fold(0_usize, |sum, frame| sum.saturating_add(usize::from(frame.header.header_length)));
        let mut share = heads;
        for (n, frame) in frames.iter().enumerate() {
            let header = &frame.header;
            let at = self.bytes.len();
            self.parts.push((
                at,
                if frames.len() == 1 {
                    "frame header".to_owned()
                } else {
                    format!("header of frame {}", n.saturating_add(1))
                },
            ));
            crate::store::write_header(header, &mut self.bytes);
            let end = self.bytes.len();
            let title = format!("frame {}", n.saturating_add(1));
            let value = format!(
                "{}{}, {} bytes, offset {}",
                header.opcode.name(),
                if header.fin { " FIN" } else { "" },
                grouped(header.length),
                grouped(frame.offset)
            );
            self.ranged(&title, value, at..end);
            let length = usize::try_from(header.length).unwrap_or(0);
            self.within(|it| it.header(frame, at, end, plain.then(|| share..share.saturating_add(length))));
            share = share.saturating_add(length);
        }
        if frames.len() < usize::from(entry.frames()) {
            let words = format!(
                "headers of {} of {} are kept",
                grouped(frames.len() as u64),
                grouped(u64::from(entry.frames()))
            );
            self.add("frames", words, Tone::Bad(Severity::Note));
        }
    }

    fn header(&mut self, frame: &Frame, at: usize, end: usize, share: Option<Range<usize>>) {
        let header = &frame.header;
        let (first, second) = (at..at.saturating_add(1), at.saturating_add(1)..at.saturating_add(2));
        let bit = |on: bool, words: &str| format!("{} {words}", if on { "1" } else { "0" });
        self.ranged(
            "FIN",
            bit(header.fin, if header.fin { "the last of its message" } else { "more follow" }),
            first.clone(),
        );
        let rsv1 = if header.rsv1() { "compressed" } else { "" };
        self.ranged("RSV", format!("{:03b} {rsv1}", header.rsv), first.clone());
        self.ranged("opcode", format!("{} {}", header.opcode.0, header.opcode.name()), first);
        self.ranged(
            "MASK",
            bit(header.mask.is_some(), if header.mask.is_some() { "masked" } else { "not masked" }),
            second,
        );
        let key = if header.mask.is_some() { 4 } else { 0 };
        let length_end = end.saturating_sub(key);
        let form = if header.is_minimal() { "" } else { " (not in the shortest form)" };
        self.ranged("length", format!("{}{form}", grouped(header.length)), at.saturating_add(1)..length_end);
        if let Some(mask) = header.mask {
            let hex: String = mask.iter().map(|byte| format!("{byte:02x}")).collect();
            self.ranged("masking key", hex, length_end..end);
        }
        if let Some(share) = share.filter(|share| !share.is_empty()) {
            self.ranged("payload", format!("{} bytes", grouped(share.len() as u64)), share);
        }
    }

    fn opened(&mut self, opened: &Opened) {
        self.within(|it| {
            it.add("client", opened.client.to_string(), Tone::From(Side::Client));
            it.add("server", opened.server.to_string(), Tone::From(Side::Server));
        });
        let Some(handshake) = &opened.handshake else {
            self.add("handshake", "was not captured", Tone::Bad(Severity::Note));
            return;
        };
        self.agreed(handshake, opened.established);
        if let Some(request) = &handshake.request {
            let line = format!("{} {} HTTP/{}", request.method, request.target, request.version);
            self.head("request", Side::Client, &line, &request.headers);
        }
        if let Some(response) = &handshake.response {
            let line = format!("HTTP/{} {} {}", response.version, response.status, response.reason);
            self.head("response", Side::Server, &line, &response.headers);
        }
        self.payload = 0..self.bytes.len();
        self.text = true;
    }

    fn agreed(&mut self, handshake: &Handshake, established: bool) {
        let status = handshake.response.as_ref().map(|response| response.status);
        let outcome = match (established, status) {
            (true, _) => "upgraded to WebSocket".to_owned(),
            (false, Some(status)) => format!("refused with status {status}"),
            (false, None) => "never answered".to_owned(),
        };
        self.add("handshake", outcome, if established { Tone::Good } else { Tone::Bad(Severity::Warning) });
        self.within(|it| {
            if let Some(url) = &handshake.url {
                it.add("url", url.as_bytes(), Tone::Plain);
            }
            if let Some(accept) = &handshake.accept {
                let (words, tone) = if accept.valid {
                    ("answers the key", Tone::Good)
                } else {
                    ("does not answer the key", Tone::Bad(Severity::Error))
                };
                it.add("accept", words, tone);
                it.within(|it| {
                    for (name, value) in
                        [("key", &accept.key), ("found", &accept.found), ("expected", &accept.expected)]
                    {
                        it.add(name, value.as_deref().unwrap_or("—").as_bytes(), Tone::Plain);
                    }
                });
            }
            if let Some(subprotocol) = &handshake.subprotocol {
                it.add("sub-protocol", subprotocol.as_bytes(), Tone::Plain);
            }
            match &handshake.deflate {
                None => it.add("compression", "none", Tone::Quiet),
                Some(deflate) => {
                    it.add(
                        "compression",
                        if handshake.per_frame { "each frame on its own" } else { "permessage-deflate" },
                        Tone::Plain,
                    );
                    it.within(|it| {
                        for side in Side::BOTH {
                            let agreed = deflate[side];
                            let history = if agreed.no_context_takeover {
                                "no context takeover"
                            } else {
                                "history kept"
                            };
                            it.add(
                                side.name(),
                                format!("window of {} bits, {history}", agreed.max_window_bits),
                                Tone::From(side),
                            );
                        }
                    });
                }
            }
        });
    }

    fn head(&mut self, name: &str, side: Side, line: &str, headers: &[HeaderField]) {
        let start = self.bytes.len();
        self.parts.push((start, format!("{name}, its fields as they were read")));
        let at = self.fields.len();
        self.add(name, line.as_bytes(), Tone::From(side));
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        self.within(|it| {
            for field in headers {
                let from = it.bytes.len();
                it.bytes.extend_from_slice(field.name.as_bytes());
                it.bytes.extend_from_slice(b": ");
                it.bytes.extend_from_slice(field.value.as_bytes());
                let to = it.bytes.len();
                it.bytes.extend_from_slice(b"\r\n");
                // A header's name is from the wire too: it is shown escaped.
                it.ranged(&view::printable_string(field.name.as_bytes()), field.value.as_bytes(), from..to);
            }
        });
        self.bytes.extend_from_slice(b"\r\n");
        let end = self.bytes.len();
        if let Some(field) = self.fields.get_mut(at) {
            field.bytes = Some(start..end);
        }
    }

    fn closed(&mut self, store: &Store, entry: &Entry) {
        self.place("conversation ended", store, entry, Tone::Heading);
        let conversation = entry.conversation().and_then(|slot| store.conversations().get(slot as usize));
        let Some(closed) = conversation.and_then(|conversation| conversation.closed.as_deref()) else {
            return;
        };
        self.within(|it| {
            match closed.code {
                Some(code) => {
                    let tone = if matches!(code, 1000 | 1001 | 1005) {
                        Tone::Good
                    } else {
                        Tone::Bad(Severity::Warning)
                    };
                    it.add("code", format!("{code} {}", view::close_code_name(code)), tone);
                }
                None => it.add("code", "none: the capture ended first", Tone::Quiet),
            }
            if !closed.reason.is_empty() {
                it.add("reason", closed.reason.as_bytes(), Tone::Plain);
            }
            it.add(
                "by",
                closed.by.map_or("neither side", Side::name),
                closed.by.map_or(Tone::Quiet, Tone::From),
            );
            it.add(
                "clean",
                if closed.clean { "yes, both sides sent a close frame" } else { "no" },
                Tone::Plain,
            );
            it.add("duration", view::span(closed.duration), Tone::Plain);
        });
        for side in Side::BOTH {
            let totals = closed.totals[side];
            self.add(side.name(), "", Tone::From(side));
            self.within(|it| {
                for (name, count) in [
                    ("messages", totals.messages),
                    ("frames", totals.frames),
                    ("payload bytes", totals.bytes),
                    ("bytes on the wire", totals.wire_bytes),
                ] {
                    it.add(name, grouped(count), Tone::Plain);
                }
            });
        }
    }

    fn anomaly(&mut self, store: &Store, entry: &Entry) {
        let Some((code, severity)) = entry.anomaly() else { return };
        self.add(severity.name(), code, Tone::Bad(severity));
        let Some(remark) = store.remark(entry) else {
            self.add("evidence", "there were more anomalies than are kept", Tone::Quiet);
            return;
        };
        self.within(|it| it.evidence(remark.from, &remark.anomaly));
    }

    fn evidence(&mut self, from: Option<Side>, anomaly: &Anomaly) {
        self.add("what", anomaly.to_string(), Tone::Prose);
        if anomaly.spec().is_some() {
            let rule = anomaly.rule().trim().trim_end_matches('.').replace('`', "");
            self.add("rule", rule, Tone::Prose);
        }
        if let Some(from) = from {
            self.add("from", from.name(), Tone::From(from));
        }
        anomaly.evidence(|name, value| {
            let name = name.replace('_', " ");
            match value {
                Evidence::Number(number) => self.add(&name, grouped(number), Tone::Plain),
                Evidence::Text(text) => self.add(&name, text.as_bytes(), Tone::Plain),
            }
        });
    }

    /// Adds the anomalies that the same packet showed in the same conversation.
    fn remarks(&mut self, store: &Store, number: u32, entry: &Entry) {
        let before = (1..16_u32).map_while(|back| number.checked_sub(back));
        let after = (1..16_u32).map_while(|on| number.checked_add(on));
        let near =
            |number: &u32| store.entry(*number).filter(|other| other.packet() == entry.packet()).copied();
        let mut found: Vec<Entry> = before.map_while(|n| near(&n)).collect();
        found.extend(after.map_while(|n| near(&n)));
        for other in found {
            if other.conversation() == entry.conversation() && other.what() == What::Anomaly {
                self.anomaly(store, &other);
            }
        }
    }
}
