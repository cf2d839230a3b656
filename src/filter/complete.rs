use std::ops::Range;

use super::expr::quoted;
use super::{Field, Kind, Relation};
use crate::event::{Anomaly, Severity, Transport};
use crate::model::Side;
use crate::text::beginning;
use crate::websocket::Opcode;

/// A possible completion at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The text to insert.
    pub text: String,
    /// The bytes of the input that it would replace.
    pub replaces: Range<usize>,
    /// A short description; empty if the text is self-explanatory.
    pub about: &'static str,
}

/// Lists completions at the byte `cursor` of a filter being typed: fields, operators, known values.
pub fn complete(input: &str, cursor: usize) -> Vec<Candidate> {
    complete_with(input, cursor, |_| Vec::new())
}

/// Lists completions like [`complete()`], and queries `seen` for values of a field that occur, such as the hosts of a
/// capture.
pub fn complete_with(
    input: &str,
    cursor: usize,
    mut seen: impl FnMut(Field) -> Vec<String>,
) -> Vec<Candidate> {
    let typed = beginning(input, cursor);
    let (awaits, start) = awaited(typed);
    let prefix = typed.get(start..).unwrap_or_default();
    let mut list = Vec::new();
    let mut add = |text: String, about| {
        if text.len() > prefix.len() && text.starts_with(prefix) {
            list.push(Candidate { text, replaces: start..typed.len(), about });
        }
    };
    match awaits {
        Awaits::Field => fields(add),
        Awaits::Operator(subject) => operators(subject.kind(), add),
        Awaits::Value(subject) | Awaits::Member(subject) => {
            for value in values(subject.kind()) {
                add(quoted(value), "");
                add(value.into(), "");
            }
            if let Subject::Field(field) = subject {
                let in_quotes = matches!(field.kind(), Kind::Text | Kind::Bytes);
                for value in seen(field) {
                    add(if in_quotes { quoted(&value) } else { value }, "");
                }
            }
            if prefix.is_empty() {
                list.retain(|candidate| {
                    !candidate.text.starts_with('"') || values(subject.kind()).is_empty()
                });
            }
        }
        Awaits::Set(_) => add("{".into(), ""),
        Awaits::Conjunction => {
            add("and".into(), "both");
            add("or".into(), "either");
        }
        Awaits::Anything => {}
    }
    list
}

/// Returns what may follow the complete tokens of `typed`, and where the incomplete token begins.
fn awaited(typed: &str) -> (Awaits, usize) {
    let place = |rest: &str| typed.len().saturating_sub(rest.len());
    let (mut awaits, mut rest) = (Awaits::Field, typed.trim_start());
    while let Some((token, after)) = token(rest) {
        if after.is_empty() && token.is_open() {
            break;
        }
        awaits = awaits.after(&token);
        rest = after.trim_start();
    }
    (awaits, place(rest))
}

/// Adds the possible beginnings of a test.
fn fields(mut add: impl FnMut(String, &'static str)) {
    for field in Field::ALL {
        add(field.name().into(), field.about());
    }
    add("json".into(), "a place in a JSON body: json.type, json.data[0].price");
    add("sub".into(), "a place in what its sub-protocol says: sub.name, sub.id, sub.error");
    add("not".into(), "the opposite");
}

/// Adds what can follow a subject of a kind.
fn operators(kind: Kind, mut add: impl FnMut(String, &'static str)) {
    for (relation, sign, _) in Relation::ALL {
        if kind.is_ordered() || matches!(relation, Relation::Equal | Relation::Differs) {
            add(sign.into(), about(relation));
        }
    }
    if kind.is_searchable() {
        add("contains".into(), "has it somewhere inside");
        add("matches".into(), "fits a regular expression");
    }
    add("in".into(), "is one of a set: in {1, 2..5}");
    add("and".into(), "both");
    add("or".into(), "either");
}

const fn about(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "is equal to",
        Relation::Differs => "is there and differs from",
        Relation::Less => "is less than",
        Relation::AtMost => "is at most",
        Relation::More => "is more than",
        Relation::AtLeast => "is at least",
    }
}

/// Lists the known values of a kind.
fn values(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::Opcode => [1, 2, 8, 9, 10, 0].map(|n| Opcode(n).name()).into(),
        Kind::Side => Side::BOTH.map(Side::name).into(),
        Kind::Transport => Transport::ALL.map(Transport::name).into(),
        Kind::Truth => vec!["true", "false"],
        Kind::Severity => Severity::ALL.iter().rev().map(|severity| severity.name()).collect(),
        Kind::Code => Anomaly::RULES.iter().map(|rule| rule.code).collect(),
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy)]
enum Subject {
    Field(Field),
    Json,
}

impl Subject {
    const fn kind(self) -> Kind {
        match self {
            Subject::Field(field) => field.kind(),
            Subject::Json => Kind::Json,
        }
    }
}

/// The kind of token that may come next.
#[derive(Clone, Copy)]
enum Awaits {
    Field,
    Operator(Subject),
    Value(Subject),
    Set(Subject),
    Member(Subject),
    Conjunction,
    /// The preceding text could not be parsed.
    Anything,
}

impl Awaits {
    fn after(self, token: &Token<'_>) -> Awaits {
        let Token(token) = *token;
        match (self, token) {
            (Awaits::Field, "(" | "!" | "not")
            | (Awaits::Operator(_) | Awaits::Conjunction, "and" | "or" | "&&" | "||") => Awaits::Field,
            (Awaits::Field, name)
                if ["json", "sub"]
                    .into_iter()
                    .filter_map(|root| name.strip_prefix(root))
                    .any(|path| path.is_empty() || path.starts_with(['.', '['])) =>
            {
                Awaits::Operator(Subject::Json)
            }
            (Awaits::Field, name) => {
                Field::named(name).map_or(Awaits::Anything, |field| Awaits::Operator(Subject::Field(field)))
            }
            (Awaits::Operator(_) | Awaits::Conjunction, ")") | (Awaits::Member(_), "}") => {
                Awaits::Conjunction
            }
            (Awaits::Operator(subject), "not") => Awaits::Operator(subject),
            (Awaits::Operator(subject), "in") => Awaits::Set(subject),
            (Awaits::Operator(subject), word) => {
                let is_relation = Relation::ALL.iter().any(|(_, sign, name)| word == *sign || word == *name);
                let is_known = is_relation || matches!(word, "contains" | "matches" | "~");
                if is_known { Awaits::Value(subject) } else { Awaits::Anything }
            }
            (Awaits::Set(subject), "{") | (Awaits::Member(subject), _) => Awaits::Member(subject),
            (Awaits::Value(_), _) => Awaits::Conjunction,
            (Awaits::Set(_) | Awaits::Conjunction | Awaits::Anything, _) => Awaits::Anything,
        }
    }
}

/// A word, a string or a sign.
struct Token<'a>(&'a str);

impl Token<'_> {
    /// Returns whether it may be incomplete: a word, or a string without its closing quote.
    fn is_open(&self) -> bool {
        match self.0.strip_prefix('"') {
            Some(inside) => end_of_string(inside).is_none(),
            None => self.0.ends_with(is_word) || matches!(self.0, "=" | "<" | ">" | "!" | "&" | "|"),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '$' | '@' | '[' | '*' | ':' | '/')
}

/// Returns where a string ends, after its closing quote.
fn end_of_string(inside: &str) -> Option<usize> {
    let mut escaped = false;
    let quote = inside.char_indices().find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    quote.map(|(at, _)| at.saturating_add(1))
}

/// Splits off the next token.
fn token(input: &str) -> Option<(Token<'_>, &str)> {
    let input = input.trim_start();
    let first = input.chars().next()?;
    let length = if first == '"' {
        let inside = input.get(1..).unwrap_or_default();
        end_of_string(inside).map_or(input.len(), |end| end.saturating_add(1))
    } else if is_word(first) {
        input.find(|c| !(is_word(c) || c == ']')).unwrap_or(input.len())
    } else {
        let two = input.get(..2).filter(|two| matches!(*two, "==" | "!=" | "<=" | ">=" | "&&" | "||"));
        two.map_or(first.len_utf8(), str::len)
    };
    input.split_at_checked(length).map(|(token, rest)| (Token(token), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(input: &str) -> Vec<String> {
        complete(input, input.len()).into_iter().map(|candidate| candidate.text).collect()
    }

    /// Inserts the first candidate.
    fn typed(input: &str) -> String {
        let first = complete(input, input.len()).into_iter().next().expect("a candidate");
        let mut out = input.to_owned();
        out.replace_range(first.replaces, &first.text);
        out
    }

    #[test]
    fn fields_at_the_beginning_and_behind_conjunctions() {
        assert!(texts("").contains(&"opcode".to_owned()));
        assert_eq!(typed("opc"), "opcode");
        assert_eq!(typed("compressed and sub"), "compressed and subprotocol");
        assert_eq!(typed("(close.c"), "(close.code");
        assert_eq!(typed("not serv"), "not server.ip");
    }

    #[test]
    fn only_operators_that_the_field_has() {
        assert_eq!(texts("len "), ["==", "!=", "<=", ">=", "<", ">", "in", "and", "or"]);
        assert_eq!(texts("from "), ["==", "!=", "in", "and", "or"]);
        assert_eq!(typed("json.a[0].b cont"), "json.a[0].b contains");
    }

    #[test]
    fn known_values_bare_and_in_quotes() {
        assert_eq!(texts("opcode == p"), ["ping", "pong"]);
        assert_eq!(texts("opcode in {ping, p"), ["ping", "pong"]);
        assert_eq!(typed("anomaly == \"bad-ut"), "anomaly == \"bad-utf8\"");
        assert_eq!(texts("from == "), ["client", "server"]);
        assert_eq!(texts("len > 1k "), ["and", "or"]);
        assert!(texts("len > ").is_empty());
    }

    #[test]
    fn values_that_were_seen() {
        let found = complete_with("host == \"b", 10, |field| {
            assert_eq!(field, Field::Host);
            vec!["a.example".into(), "b.example".into()]
        });
        assert_eq!(found, [Candidate { text: "\"b.example\"".into(), replaces: 8..10, about: "" }]);
    }

    #[test]
    fn the_cursor_may_stand_anywhere() {
        for input in ["é == \"ü", "opcode == ping and ", "x\"", "((("] {
            for cursor in 0..=input.len().saturating_add(1) {
                complete(input, cursor);
            }
        }
        assert_eq!(complete("opco == ping", 4).len(), 1);
    }
}
