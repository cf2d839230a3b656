//! What two payloads have in common: JSON by the paths of its values, text by its lines, other bytes by where they stand.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::document::Document;
use super::json::{self, Line, Step};
use super::text::middle;

/// Bounds the values, lines and rows of bytes of each side that are compared.
const COMPARED: usize = 200_000;

/// How many bytes stand in a row.
pub(super) const BYTES: usize = 8;

/// Bounds the time in which the shortest way from one text to the other is looked for; then a longer one is taken.
const PATIENCE: Duration = Duration::from_millis(300);

/// How many columns of one step of a path are shown.
const STEP: u16 = 40;

/// The form in which two payloads are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Values by their paths.
    Json,
    /// Lines.
    Text,
    /// Bytes at the same offset.
    Bytes,
}

/// A part of a payload that is compared as one: a value, a line, a row of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    /// The number of a value's path.
    path: usize,
}

impl Part {
    /// Returns its bytes.
    pub(super) fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.range.clone()).unwrap_or_default()
    }
}

/// A row of a comparison: the part of each payload that stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) parts: [Option<Part>; 2],
    pub(super) is_same: bool,
}

/// Two payloads, compared.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) form: Form,
    pub(super) rows: Vec<Row>,
    /// How many bytes at the end of each were not compared.
    pub(super) left_out: [usize; 2],
    paths: Paths,
}

/// The paths of values, from 1: each by the number of the one it goes on from, and its last step.
#[derive(Debug, Default)]
struct Paths {
    numbers: HashMap<(usize, Step), usize>,
    steps: Vec<(usize, Step)>,
}

impl Paths {
    /// Returns the number of the path that goes on from another by a step.
    fn number(&mut self, from: usize, step: &Step) -> usize {
        let next = self.steps.len().saturating_add(1);
        let number = *self.numbers.entry((from, step.clone())).or_insert(next);
        if number == next {
            self.steps.push((from, step.clone()));
        }
        number
    }
}

impl Comparison {
    /// Compares two payloads in the form that both have.
    pub(super) fn of(documents: [&Document; 2]) -> Comparison {
        let [left, right] = documents;
        let texts = documents.map(Document::payload);
        let mut paths = Paths::default();
        let (form, mut parts) = if let (Some(one), Some(other)) = (left.json(), right.json()) {
            let [left, right] = texts;
            (Form::Json, [values(one, left, &mut paths), values(other, right, &mut paths)])
        } else if left.text && right.text {
            (Form::Text, texts.map(lines))
        } else {
            (Form::Bytes, texts.map(chunks))
        };
        let mut left_out = [0; 2];
        for ((parts, text), left_out) in parts.iter_mut().zip(texts).zip(&mut left_out) {
            if parts.len() > COMPARED {
                parts.truncate(COMPARED);
                *left_out = text.len().saturating_sub(parts.last().map_or(0, |part| part.range.end));
            }
        }
        let pairs = match form {
            Form::Json => by_path(&parts),
            Form::Text => by_line(texts, &parts),
            Form::Bytes => by_place(&parts),
        };
        let [left, right] = &parts;
        let row = |(one, other): (Option<usize>, Option<usize>)| {
            let parts =
                [one.and_then(|at| left.get(at).cloned()), other.and_then(|at| right.get(at).cloned())];
            let is_same =
                matches!(&parts, [Some(one), Some(other)] if one.of(texts[0]) == other.of(texts[1]));
            Row { parts, is_same }
        };
        let rows = pairs.into_iter().map(row).collect();
        Comparison { form, rows, left_out, paths }
    }

    /// Returns the path to a value, as a filter has it.
    pub(super) fn path(&self, part: &Part) -> String {
        let (mut steps, mut at) = (Vec::new(), part.path);
        while let Some((from, step)) = at.checked_sub(1).and_then(|at| self.paths.steps.get(at)) {
            steps.push(middle(&step.words(), STEP));
            at = *from;
        }
        steps.reverse();
        steps.concat()
    }
}

/// Lists the values that hold no others, one more than are compared at most.
fn values(lines: &[Line], text: &[u8], paths: &mut Paths) -> Vec<Part> {
    let mut parts = Vec::new();
    // The paths from the whole to the last value, step by step.
    let mut numbers: Vec<usize> = Vec::new();
    json::leaves(lines, text, |known, steps, range| {
        numbers.truncate(known);
        for step in steps {
            numbers.push(paths.number(numbers.last().copied().unwrap_or(0), step));
        }
        parts.push(Part { range, path: numbers.last().copied().unwrap_or(0) });
        parts.len() <= COMPARED
    });
    parts
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

/// A pair of places in two lists of parts.
type Pair = (Option<usize>, Option<usize>);

/// Pairs values of the same path, in the order of the left; what only the right has stands behind what it follows there.
fn by_path([left, right]: &[Vec<Part>; 2]) -> Vec<Pair> {
    // The same name may stand twice in an object.
    let mut free: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, part) in left.iter().enumerate().rev() {
        free.entry(part.path).or_default().push(at);
    }
    let mut partners: Vec<Option<usize>> = vec![None; left.len()];
    let mut behind: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut anchor = 0_usize;
    for (at, part) in right.iter().enumerate() {
        match free.get_mut(&part.path).and_then(Vec::pop) {
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
        // What only the left has there comes first.
        if partner.is_none_or(Option::is_some) {
            pairs.extend(only_right.drain(..).map(|right| (None, Some(right))));
        }
        pairs.extend(partner.map(|partner| (Some(at), *partner)));
    }
    pairs
}

/// Pairs equal lines, and those that stand in their places where others do.
fn by_line(texts: [&[u8]; 2], [left, right]: &[Vec<Part>; 2]) -> Vec<Pair> {
    let until = Instant::now().checked_add(PATIENCE);
    let one: Vec<&[u8]> = left.iter().map(|part| part.of(texts[0])).collect();
    let other: Vec<&[u8]> = right.iter().map(|part| part.of(texts[1])).collect();
    let mut pairs = Vec::with_capacity(left.len().max(right.len()));
    for op in capture_diff_slices_deadline(Algorithm::Myers, &one, &other, until) {
        let (old, new) = match op {
            DiffOp::Equal { old_index, new_index, len } => {
                (old_index..old_index.saturating_add(len), new_index..new_index.saturating_add(len))
            }
            _ => (op.old_range(), op.new_range()),
        };
        let both = old.len().max(new.len());
        let nth = |range: &Range<usize>, n: usize| range.clone().nth(n);
        pairs.extend((0..both).map(|n| (nth(&old, n), nth(&new, n))));
    }
    pairs
}

/// Pairs rows of bytes of the same offset.
fn by_place([left, right]: &[Vec<Part>; 2]) -> Vec<Pair> {
    let at = |n: usize, parts: &[Part]| (n < parts.len()).then_some(n);
    (0..left.len().max(right.len())).map(|n| (at(n, left), at(n, right))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::of_payload(text.as_bytes().to_vec(), true)
    }

    /// Says of each row what it is: `=` what both have, `~` what differs, `-` and `+` what only one has.
    fn told(left: &str, right: &str) -> Vec<String> {
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
    fn json_is_compared_by_the_paths_of_its_values() {
        assert_eq!(
            told(
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
        assert_eq!(told(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#), ["= .a 1", "~ .a 2 | .a 3"]);
        assert_eq!(told("[1,2]", "[1,2]"), ["= [0] 1", "= [1] 2"]);
        assert_eq!(told("1", "[1]"), ["- 1", "+ [0] 1"]);
    }

    #[test]
    fn text_is_compared_by_its_lines() {
        assert_eq!(told("a\nb\nc", "a\nx\nb\nd"), ["= a", "+ x", "= b", "~ c | d"]);
        assert_eq!(told("a", "a\n"), ["= a", "+ "]);
        assert_eq!(told("", ""), ["= "]);
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
