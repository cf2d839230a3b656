//! Two messages, or two conversations, side by side.

use super::super::clock::{self, TimeForm, grouped};
use super::super::diff::{BYTES, Comparison, Form, Part, Row};
use super::super::document::Document;
use super::super::effect::Effect;
use super::super::text::truncate_middle;
use super::super::words::{Role, Stretch, Words, hex};
use super::line::{Line, SAME};
use crate::event::Severity;
use crate::model::{Side, Timestamp};
use crate::store::Store;
use crate::text;

/// The number of columns between the halves.
pub(super) const BETWEEN: u16 = 3;
/// The number of equal rows shown around a different one.
const CONTEXT: usize = 3;
/// The maximum number of rows shown.
const SHOWN: usize = 5_000;
/// The number of bytes of a value shown before the difference, and the maximum shown.
const BEFORE: usize = 12;
const LONGEST: usize = 400;
/// The duration in seconds from which a silence in both conversations has its own line.
const SILENCE: f64 = 1.0;

/// Returns the width of the left half of a page.
pub(super) const fn half(width: u16) -> u16 {
    // The borders and the scroll bar.
    width.saturating_sub(BETWEEN).saturating_sub(3) / 2
}

fn stretch(role: Role, words: impl Into<Vec<u8>>) -> Stretch {
    Stretch { bytes: words.into(), role }
}

/// Lays out two messages side by side in a page of `width` columns.
pub(super) fn messages(store: &mut Store, pair: [u32; 2], width: u16) -> Vec<Line> {
    let documents = pair.map(|number| Document::of(store, number));
    let mut lines = heads(store, pair);
    let note = |words: String| Line::of(Role::Severity(Severity::Note), words);
    for (document, which) in documents.iter().zip(["left", "right"]) {
        if let Some(absent) = document.absent {
            lines.push(note(format!("{which}: {absent}")));
        } else if document.is_short() {
            lines.push(note(format!("{which}: only the bytes here are compared: {}", document.extent())));
        }
    }
    let comparison = Comparison::of(documents.each_ref());
    for (left_out, which) in comparison.left_out.iter().zip(["left", "right"]) {
        if *left_out > 0 {
            let bytes = text::counted(*left_out as u64, "byte");
            lines.push(note(format!("{which}: the last {bytes} are not compared, there is too much before")));
        }
    }
    lines.push(sums(&comparison));
    let writer = PartWriter { comparison: &comparison, documents: &documents, names: half(width) / 2 };
    rows(&writer, pair, &mut lines);
    lines
}

/// Describes each of two entries: its kind, time and conversation.
fn heads(store: &Store, pair: [u32; 2]) -> Vec<Line> {
    let entries = pair.map(|number| store.entry(number).copied());
    let of = |words: &dyn Fn(usize) -> Vec<Stretch>| Line::halves([words(0), words(1)], SAME);
    let entry = |n: usize| entries.get(n).copied().flatten();
    let place = |n: usize| {
        let Some(entry) = entry(n) else { return Vec::new() };
        let name = store.conversation_with(&entry);
        let name = name.map_or(String::new(), |it| format!("  #{} {}", it.id, it.name()));
        let time = clock::of_day(entry.time(), 6);
        vec![
            stretch(Role::Quiet, format!(" packet {}  {time}", grouped(entry.packet()))),
            stretch(Role::Quiet, name),
        ]
    };
    let what = |n: usize| {
        let Some(entry) = entry(n) else { return Vec::new() };
        let from = entry.from().unwrap_or(Side::Client);
        let length = text::counted(entry.length(), "byte");
        let words = format!(" {} from {}, {length}", entry.opcode().name(), from.name());
        vec![stretch(Role::From(from), words)]
    };
    vec![of(&what), of(&place)]
}

/// Summarises how much is equal and how much is different.
fn sums(comparison: &Comparison) -> Line {
    let [mut changed, mut removed, mut added, mut same] = [0_u64; 4];
    for row in &comparison.rows {
        let count = match &row.parts {
            _ if row.is_same => &mut same,
            [_, None] => &mut removed,
            [None, _] => &mut added,
            _ => &mut changed,
        };
        *count = count.saturating_add(1);
    }
    let (what, noun) = match comparison.form {
        Form::Json => ("JSON by structure", "value"),
        Form::Text => ("text by line", "line"),
        Form::Bytes => ("bytes by offset", "row"),
    };
    let words = if changed == 0 && removed == 0 && added == 0 {
        let what =
            if comparison.left_out == [0; 2] { "the payloads are equal" } else { "no difference so far" };
        format!("{what}: {}", text::counted(same, noun))
    } else {
        let [changed, removed, added] = [changed, removed, added].map(grouped);
        format!(
            "{what}: {changed} changed, {removed} only left, {added} only right, {} equal",
            text::counted(same, noun)
        )
    };
    Line::of(Role::Name, words)
}

/// Lays out the different rows with some context.
fn rows(writer: &PartWriter<'_>, pair: [u32; 2], lines: &mut Vec<Line>) {
    let rows = &writer.comparison.rows;
    let most = lines.len().saturating_add(SHOWN);
    let near = |at: usize| {
        let around = at.saturating_sub(CONTEXT)..at.saturating_add(CONTEXT).saturating_add(1).min(rows.len());
        rows.get(around).unwrap_or_default().iter().any(|row| !row.is_same)
    };
    let [left, right] = pair;
    let mut folded = 0_u64;
    for (at, row) in rows.iter().enumerate() {
        if lines.len() >= most {
            let rest = rows.get(at..).unwrap_or_default().iter().filter(|row| !row.is_same).count() as u64;
            let words = format!("and {} more that differ", grouped(rest));
            return lines.push(Line::of(Role::Severity(Severity::Note), words));
        }
        if row.is_same && !near(at) {
            folded = folded.saturating_add(1);
            continue;
        }
        fold(lines, std::mem::take(&mut folded));
        let (sign, to) = match &row.parts {
            _ if row.is_same => (SAME, right),
            [_, None] => (" − ", left),
            [None, _] => (" + ", right),
            _ => (" ≠ ", right),
        };
        lines.push(Line::halves(writer.halves(row), sign).to(Effect::GoTo(to)));
    }
    fold(lines, folded);
}

fn fold(lines: &mut Vec<Line>, count: u64) {
    if count > 0 {
        lines.push(Line::of(Role::Quiet, format!("⋯ {} equal", grouped(count))));
    }
}

/// A writer of corresponding parts of two payloads that highlights differences.
struct PartWriter<'a> {
    comparison: &'a Comparison,
    documents: &'a [Document; 2],
    /// The maximum width of the path to a value, in columns.
    names: u16,
}

impl PartWriter<'_> {
    fn halves(&self, row: &Row) -> [Vec<Stretch>; 2] {
        let [left, right] = self.documents.each_ref().map(Document::payload);
        let [one, other] = row.parts.each_ref().map(Option::as_ref);
        let bytes = |part: Option<&Part>, text| part.map_or(&[][..], |part| part.of(text));
        let (one_bytes, other_bytes) = (bytes(one, left), bytes(other, right));
        let [error, good] = [Role::Severity(Severity::Error), Role::Good];
        [
            one.map_or(Vec::new(), |part| self.part(part, [one_bytes, other_bytes], error)),
            other.map_or(Vec::new(), |part| self.part(part, [other_bytes, one_bytes], good)),
        ]
    }

    /// Writes a part next to its counterpart, with differences in `role`.
    fn part(&self, part: &Part, [bytes, other]: [&[u8]; 2], role: Role) -> Vec<Stretch> {
        if self.comparison.form == Form::Bytes {
            return row_of_bytes(part.range.start, bytes, other, role);
        }
        let mut words = Vec::new();
        if self.comparison.form == Form::Json {
            let path =
                truncate_middle(&text::printable_string(self.comparison.path(part).as_bytes()), self.names);
            words.push(stretch(Role::Name, format!(" {path} ")));
        } else {
            words.push(stretch(Role::Quiet, " "));
        }
        // The common prefix and suffix are not highlighted, and a long prefix is shortened.
        let same = bytes.iter().zip(other).take_while(|(a, b)| a == b).count();
        let begin = character_before(bytes, same);
        let rest = bytes.len().min(other.len()).saturating_sub(begin);
        let same = bytes.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
        let end = character_behind(bytes, bytes.len().saturating_sub(same));
        let from = if begin > BEFORE.saturating_mul(2) && begin < bytes.len() {
            words.push(stretch(Role::Quiet, "…"));
            character_before(bytes, begin.saturating_sub(BEFORE))
        } else {
            0
        };
        for (range, role) in [(from..begin, Role::Plain), (begin..end, role), (end..bytes.len(), Role::Plain)]
        {
            let part = bytes.get(range).unwrap_or_default();
            words.push(stretch(role, part.get(..LONGEST).unwrap_or(part)));
        }
        words
    }
}

/// Returns the character boundary at or before `at`.
fn character_before(text: &[u8], at: usize) -> usize {
    let begins = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    (at.saturating_sub(3)..=at).rev().find(begins).unwrap_or(at)
}

/// Returns the character boundary at or after `at`.
fn character_behind(text: &[u8], at: usize) -> usize {
    let begins = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    (at..=at.saturating_add(3)).find(begins).unwrap_or(at)
}

/// Writes bytes in hexadecimal and as ASCII characters.
fn row_of_bytes(offset: usize, bytes: &[u8], other: &[u8], role: Role) -> Vec<Stretch> {
    let mut words = vec![stretch(Role::Quiet, format!("{offset:05x} "))];
    let roles = |at: usize| if bytes.get(at) == other.get(at) { Role::Plain } else { role };
    for (at, byte) in bytes.iter().enumerate() {
        words.push(stretch(roles(at), hex(&[*byte])));
    }
    let blank = BYTES.saturating_sub(bytes.len()).saturating_mul(2).saturating_add(1);
    words.push(stretch(Role::Plain, " ".repeat(blank)));
    for (at, byte) in bytes.iter().enumerate() {
        let sign = if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '·' };
        words.push(stretch(roles(at), sign.to_string()));
    }
    words
}

/// Lays out two conversations on a common time axis, each in its own half.
pub(super) fn conversations(
    store: &mut Store,
    pair: [u32; 2],
    range: Option<(Timestamp, Timestamp)>,
    form: TimeForm,
) -> Vec<Line> {
    let mut rows: Vec<(Timestamp, u32, usize)> = Vec::new();
    let (mut heads, mut left_out) = ([Vec::new(), Vec::new()], 0_usize);
    for ((side, slot), head) in pair.into_iter().enumerate().zip(&mut heads) {
        let Some(it) = store.conversation(slot) else { continue };
        head.push(stretch(Role::Name, format!(" #{} {}", it.id, it.name())));
        let entries = (0..it.entries()).filter_map(|at| Some((it.entry(at)?, store.entry(it.entry(at)?)?)));
        let is_in = |time: Timestamp| range.is_none_or(|(from, to)| (from..=to).contains(&time));
        let mut entries = entries.filter(|(_, entry)| is_in(entry.time()));
        rows.extend(entries.by_ref().take(SHOWN).map(|(number, entry)| (entry.time(), number, side)));
        left_out = left_out.saturating_add(entries.count());
    }
    rows.sort_unstable();
    let began = store.began();
    let mut lines = vec![Line::halves(heads, SAME)];
    let mut before: Option<Timestamp> = None;
    for (time, number, side) in rows {
        let silence = before.map(|before| time.since(before)).filter(|it| it.as_secs_f64() >= SILENCE);
        if let Some(silence) = silence {
            let words = format!("┄┄ {} of silence in both", text::span(silence));
            lines.push(Line::of(Role::Quiet, words));
        }
        let told = clock::format_time(form, time, began, before, false);
        let mut words = vec![stretch(Role::Quiet, format!(" {told} "))];
        words.extend(Words::of_any(store, number, 200).0);
        let halves = if side == 0 { [words, Vec::new()] } else { [Vec::new(), words] };
        lines.push(Line::halves(halves, SAME).to(Effect::GoTo(number)));
        before = Some(time);
    }
    if left_out > 0 {
        let words =
            format!("and {} more rows: a shorter stretch of time shows them", grouped(left_out as u64));
        lines.push(Line::of(Role::Severity(Severity::Note), words));
    }
    lines
}
