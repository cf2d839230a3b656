//! Comparison of two payloads: JSON by structure, text by lines, other bytes by offset.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::document::Document;
use super::json::{self, Line, Step};
use super::text::truncate_middle;

/// The maximum number of values, lines or rows of bytes compared per side.
const COMPARED: usize = 200_000;

/// The number of bytes per row.
pub(super) const BYTES: usize = 8;

/// The time limit for finding the shortest edit script; after that a longer one is accepted.
const PATIENCE: Duration = Duration::from_millis(300);

/// The number of columns shown of one step of a path.
const STEP: u16 = 40;

/// The form in which two payloads are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Objects by member names, arrays like lines.
    Json,
    /// Line by line.
    Text,
    /// Byte by byte at equal offsets.
    Bytes,
}

/// A part of a payload that is compared as a unit: a value, a line or a row of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    /// The number of the path to a value.
    path: usize,
}

impl Part {
    /// Returns the bytes of the part.
    pub(super) fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.range.clone()).unwrap_or_default()
    }
}

/// A row of a comparison: the corresponding parts of both payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) parts: [Option<Part>; 2],
    pub(super) is_same: bool,
}

impl Row {
    fn of(parts: [Option<Part>; 2], [left, right]: [&[u8]; 2]) -> Row {
        let is_same = matches!(&parts, [Some(one), Some(other)] if one.of(left) == other.of(right));
        Row { parts, is_same }
    }
}

/// The comparison of two payloads.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) form: Form,
    pub(super) rows: Vec<Row>,
    /// The number of bytes at the end of each payload that were not compared.
    pub(super) left_out: [usize; 2],
    /// The paths to values, numbered from 1: each consists of the number of its parent path and its last step.
    paths: Vec<(usize, Step)>,
}

impl Comparison {
    /// Compares two payloads in a form that suits both.
    pub(super) fn of(documents: [&Document; 2]) -> Comparison {
        let texts = documents.map(Document::payload);
        let until = Instant::now().checked_add(PATIENCE);
        if let [Some(left), Some(right)] = documents.map(Document::json) {
            let sides = [Json::of(texts[0], left), Json::of(texts[1], right)];
            let left_out = sides.each_ref().map(|side| side.left_out);
            let mut walk = Walk { sides, until, rows: Vec::new(), paths: Vec::new() };
            walk.compare([Some(Value::default()); 2]);
            return Comparison { form: Form::Json, rows: walk.rows, left_out, paths: walk.paths };
        }
        let is_text = documents.iter().all(|document| document.text);
        let mut parts = texts.map(if is_text { lines } else { chunks });
        let mut left_out = [0; 2];
        for ((parts, text), left_out) in parts.iter_mut().zip(texts).zip(&mut left_out) {
            if parts.len() > COMPARED {
                parts.truncate(COMPARED);
                *left_out = text.len().saturating_sub(parts.last().map_or(0, |part| part.range.end));
            }
        }
        let [left, right] = &parts;
        let pairs = if is_text {
            let bytes = |parts: &[Part], text| parts.iter().map(|part| part.of(text)).collect::<Vec<_>>();
            in_order(&bytes(left, texts[0]), &bytes(right, texts[1]), until)
        } else {
            (0..left.len().max(right.len())).map(|n| [Some(n), Some(n)]).collect()
        };
        let nth = |parts: &[Part], at: Option<usize>| at.and_then(|at| parts.get(at).cloned());
        let rows = pairs.into_iter().map(|[one, other]| Row::of([nth(left, one), nth(right, other)], texts));
        let form = if is_text { Form::Text } else { Form::Bytes };
        Comparison { form, rows: rows.collect(), left_out, paths: Vec::new() }
    }

    /// Returns the path to a value in the notation of the filter language.
    pub(super) fn path(&self, part: &Part) -> String {
        let (mut steps, mut at) = (Vec::new(), part.path);
        while let Some((from, step)) = at.checked_sub(1).and_then(|at| self.paths.get(at)) {
            steps.push(truncate_middle(&step.words(), STEP));
            at = *from;
        }
        steps.reverse();
        steps.concat()
    }
}

/// A JSON payload in lines.
#[derive(Clone, Copy)]
struct Json<'a> {
    text: &'a [u8],
    /// The lines that are compared.
    lines: &'a [Line],
    left_out: usize,
}

/// A JSON value: the line that contains or opens it, and the number of its path.
#[derive(Clone, Copy, Default)]
struct Value {
    line: usize,
    path: usize,
}

impl<'a> Json<'a> {
    fn of(text: &'a [u8], lines: &'a [Line]) -> Json<'a> {
        let is_leaf = |line: &Line| {
            line.closes().is_none() && !matches!(text.get(line.range().start), Some(b']' | b'}'))
        };
        let mut leaves = lines.iter().enumerate().filter(|(_, line)| is_leaf(line));
        match (leaves.by_ref().take(COMPARED).last(), leaves.next()) {
            (Some((last, line)), Some(_)) => {
                let end = json::value_of(*line, text).map_or(0, |range| range.end);
                let lines = lines.get(..=last).unwrap_or_default();
                Json { text, lines, left_out: text.len().saturating_sub(end) }
            }
            _ => Json { text, lines, left_out: 0 },
        }
    }

    /// Returns the range of a value.
    fn range(&self, value: Value) -> Range<usize> {
        let end = || self.text.len().saturating_sub(self.left_out);
        let range = json::value_in(self.lines, self.text, value.line);
        // A value that closes beyond the bound ends with the compared part.
        range.unwrap_or_else(|| self.lines.get(value.line).map_or(0, |line| line.range().start)..end())
    }

    /// Returns the values within a value, or `None` if it cannot contain any.
    fn inside(&self, value: Value, paths: &mut Vec<(usize, Step)>) -> Option<Vec<Value>> {
        let closes = self.lines.get(value.line)?.closes()?;
        let (mut found, mut next) = (Vec::new(), value.line.saturating_add(1));
        while let Some(line) = self.lines.get(next).filter(|_| next < closes) {
            let name = json::name_of(*line, self.text).and_then(|range| self.text.get(range));
            paths.push(match name {
                Some(name) => (value.path, Step::Member(serde_json::from_slice(name).unwrap_or_default())),
                None => (value.path, Step::Element(found.len())),
            });
            found.push(Value { line: next, path: paths.len() });
            next = line.closes().unwrap_or(next).saturating_add(1);
        }
        Some(found)
    }
}

/// A simultaneous traversal of two JSON values.
struct Walk<'a> {
    sides: [Json<'a>; 2],
    until: Option<Instant>,
    rows: Vec<Row>,
    paths: Vec<(usize, Step)>,
}

impl Walk<'_> {
    /// Compares two values, or lists a value without a counterpart.
    fn compare(&mut self, pair: [Option<Value>; 2]) {
        let ([left, right], [one, other]) = (self.sides, pair);
        let ones = one.and_then(|it| left.inside(it, &mut self.paths));
        let others = other.and_then(|it| right.inside(it, &mut self.paths));
        let is_pair = one.is_some() && other.is_some();
        match (ones, others) {
            (None, None) => {
                let part = |side: Json<'_>, value: Value| Part { range: side.range(value), path: value.path };
                let parts = [one.map(|it| part(left, it)), other.map(|it| part(right, it))];
                self.rows.push(Row::of(parts, [left.text, right.text]));
            }
            (Some(ones), Some(others)) if self.are_named(&ones) == self.are_named(&others) => {
                for [one, other] in self.pairs(&ones, &others) {
                    let nth = |values: &[Value], at: Option<usize>| at.and_then(|at| values.get(at).copied());
                    self.compare([nth(&ones, one), nth(&others, other)]);
                }
            }
            _ if is_pair => [[one, None], [None, other]].into_iter().for_each(|alone| self.compare(alone)),
            (ones, others) => {
                ones.iter().flatten().for_each(|it| self.compare([Some(*it), None]));
                others.iter().flatten().for_each(|it| self.compare([None, Some(*it)]));
            }
        }
    }

    /// Returns the last step of the path to a value.
    fn step(&self, value: &Value) -> Option<&Step> {
        value.path.checked_sub(1).and_then(|at| self.paths.get(at)).map(|(_, step)| step)
    }

    fn are_named(&self, values: &[Value]) -> bool {
        values.first().and_then(|it| self.step(it)).is_some_and(|step| matches!(step, Step::Member(_)))
    }

    /// Pairs object members by name, and array elements by a diff.
    fn pairs(&self, ones: &[Value], others: &[Value]) -> Vec<Pair> {
        if self.are_named(ones) {
            let names = |values: &[Value]| values.iter().map(|it| self.step(it)).collect::<Vec<_>>();
            return by_key(&names(ones), &names(others));
        }
        let [left, right] =
            self.sides.map(|side| move |it: &Value| side.text.get(side.range(*it)).unwrap_or_default());
        in_order(
            &ones.iter().map(left).collect::<Vec<_>>(),
            &others.iter().map(right).collect::<Vec<_>>(),
            self.until,
        )
    }
}

fn lines(text: &[u8]) -> Vec<Part> {
    let mut at = 0_usize;
    let lines = text.split(|byte| *byte == b'\n').take(COMPARED.saturating_add(1));
    lines
        .map(|line| {
            let range = at..at.saturating_add(line.len());
            at = range.end.saturating_add(1);
            Part { range, path: 0 }
        })
        .collect()
}

fn chunks(text: &[u8]) -> Vec<Part> {
    let chunks = text.chunks(BYTES).take(COMPARED.saturating_add(1)).zip((0_usize..).step_by(BYTES));
    chunks.map(|(chunk, at)| Part { range: at..at.saturating_add(chunk.len()), path: 0 }).collect()
}

/// A pair of indices into two lists.
type Pair = [Option<usize>; 2];

/// Pairs items with equal keys in the order of the left list; an item found only in the right one follows its
/// predecessor there.
fn by_key<K: Hash + Eq + Copy>(left: &[K], right: &[K]) -> Vec<Pair> {
    // An object may contain the same name twice.
    let mut free: HashMap<K, Vec<usize>> = HashMap::new();
    for (at, key) in left.iter().enumerate().rev() {
        free.entry(*key).or_default().push(at);
    }
    let mut partners: Vec<Option<usize>> = vec![None; left.len()];
    let mut behind: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut anchor = 0_usize;
    for (at, key) in right.iter().enumerate() {
        match free.get_mut(key).and_then(Vec::pop) {
            Some(partner) => {
                if let Some(it) = partners.get_mut(partner) {
                    *it = Some(at);
                }
                anchor = partner.saturating_add(1);
            }
            None => behind.entry(anchor).or_default().push(at),
        }
    }
    let mut pairs: Vec<Pair> = Vec::with_capacity(left.len().max(right.len()));
    let mut only_right = Vec::new();
    for (at, partner) in partners.iter().map(Some).chain([None]).enumerate() {
        only_right.append(&mut behind.remove(&at).unwrap_or_default());
        // Items found only in the left list come first.
        if partner.is_none_or(Option::is_some) {
            pairs.extend(only_right.drain(..).map(|right| [None, Some(right)]));
        }
        pairs.extend(partner.map(|partner| [Some(at), *partner]));
    }
    pairs
}

/// Pairs equal items in order, and replaced items by position.
fn in_order(left: &[&[u8]], right: &[&[u8]], until: Option<Instant>) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(left.len().max(right.len()));
    for op in capture_diff_slices_deadline(Algorithm::Myers, left, right, until) {
        let (old, new) = match op {
            DiffOp::Equal { old_index, new_index, len } => {
                (old_index..old_index.saturating_add(len), new_index..new_index.saturating_add(len))
            }
            _ => (op.old_range(), op.new_range()),
        };
        let both = old.len().max(new.len());
        pairs.extend((0..both).map(|n| [old.clone().nth(n), new.clone().nth(n)]));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::of_payload(text.as_bytes().to_vec(), true)
    }

    /// Describes each row: `=` for equal parts, `~` for different ones, `-` and `+` for a part of one side only.
    fn rows_of(left: &str, right: &str) -> Vec<String> {
        let documents = [&document(left), &document(right)];
        let comparison = Comparison::of(documents);
        let part = |n: usize, row: &Row| {
            row.parts[n].clone().map(|part| {
                let text = String::from_utf8(part.of(documents[n].payload()).to_vec()).unwrap();
                format!("{} {text}", comparison.path(&part)).trim().to_owned()
            })
        };
        let row = |row: &Row| match (part(0, row), part(1, row)) {
            (Some(left), Some(_)) if row.is_same => format!("= {left}"),
            (Some(left), Some(right)) => format!("~ {left} | {right}"),
            (Some(left), None) => format!("- {left}"),
            (None, right) => format!("+ {}", right.unwrap()),
        };
        comparison.rows.iter().map(row).collect()
    }

    #[test]
    fn json_is_compared_by_its_structure() {
        assert_eq!(
            rows_of(
                r#"{"a":1.50,"b":[1,{"c d":"x"},[]],"e":null}"#,
                r#"{"b":[1,{"c d":"y","n":2},{}],"a":1.5,"f":{}}"#
            ),
            [
                "~ .a 1.50 | .a 1.5",
                "+ .f {}",
                "= .b[0] 1",
                r#"~ .b[1]["c d"] "x" | .b[1]["c d"] "y""#,
                "+ .b[1].n 2",
                "~ .b[2] [] | .b[2] {}",
                "- .e null",
            ]
        );
        assert_eq!(rows_of(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#), ["= .a 1", "~ .a 2 | .a 3"]);
        assert_eq!(rows_of("[1,2]", "[1,2]"), ["= [0] 1", "= [1] 2"]);
        assert_eq!(rows_of("1", "[1]"), ["- 1", "+ [0] 1"]);
    }

    #[test]
    fn elements_are_aligned() {
        assert_eq!(rows_of("[1,2,3]", "[0,1,2]"), ["+ [0] 0", "= [0] 1", "= [1] 2", "- [2] 3"]);
        assert_eq!(
            rows_of(
                r#"{"l":[{"a":1,"b":2},{"a":3,"b":4}]}"#,
                r#"{"l":[{"new":[]},{"a":1,"b":2},{"b":5,"a":3}]}"#
            ),
            ["+ .l[0].new []", "= .l[0].a 1", "= .l[0].b 2", "= .l[1].a 3", "~ .l[1].b 4 | .l[2].b 5",]
        );
        // Members and elements are never paired.
        assert_eq!(rows_of(r#"{"a":[1]}"#, r#"{"a":{"b":1}}"#), ["- .a[0] 1", "+ .a.b 1"]);
        let many = |first: &str| format!("[{first}{}]", vec!["7,8"; 50_000].join(","));
        let rows = rows_of(&many("9,"), &many(""));
        assert_eq!((rows.len(), rows[0].as_str(), rows[1].as_str()), (100_001, "- [0] 9", "= [1] 7"));
    }

    #[test]
    fn text_is_compared_by_its_lines() {
        assert_eq!(rows_of("a\nb\nc", "a\nx\nb\nd"), ["= a", "+ x", "= b", "~ c | d"]);
        assert_eq!(rows_of("a", "a\n"), ["= a", "+ "]);
        assert_eq!(rows_of("", ""), ["= "]);
    }

    #[test]
    fn bytes_are_compared_where_they_stand() {
        let documents = [
            &Document::of_payload(b"01234567abc".to_vec(), false),
            &Document::of_payload(b"01234567abd76543210".to_vec(), true),
        ];
        let comparison = Comparison::of(documents);
        let same: Vec<bool> = comparison.rows.iter().map(|row| row.is_same).collect();
        assert_eq!((comparison.form, same), (Form::Bytes, vec![true, false, false]));
    }

    #[test]
    fn what_is_long_is_compared_as_far_as_the_bound() {
        let many = |n: usize| vec!["x"; n].join("\n");
        let documents = [&document(&many(COMPARED)), &document(&many(COMPARED + 1))];
        assert_eq!(Comparison::of(documents).left_out, [0, 2]);
        let long = "n".repeat(1 << 20);
        let deep = format!(r#"{{"{long}":[{}]}}"#, vec!["1"; COMPARED + 1].join(","));
        let comparison = Comparison::of([&document(&deep), &document("{}")]);
        assert_eq!((comparison.rows.len(), comparison.left_out), (COMPARED + 1, [4, 0]));
    }
}
