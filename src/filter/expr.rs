use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::{Field, Kind};
use crate::event::{Severity, Transport};
use crate::model::{Side, Timestamp};

/// A filter as a tree. It is displayed as an equivalent filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// At least one is true.
    Any(Vec<Expr>),
    /// All of them are true.
    All(Vec<Expr>),
    /// It is false.
    Not(Box<Expr>),
    /// One test.
    Test(Test),
}

/// One test of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What is tested.
    pub subject: Subject,
    /// How it is tested.
    pub how: How,
}

/// The subject of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A field.
    Field(Field),
    /// A path in the JSON body, as its steps.
    Json(Vec<Step>),
    /// A path in a unit of the sub-protocol, as its steps.
    Sub(Vec<Step>),
}

/// One step of a JSON path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To an object's member.
    Key(Box<str>),
    /// To an array's element.
    Index(usize),
    /// To every element.
    Each,
}

/// The way in which a subject is tested.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// It is true or, if it is not a boolean, it is present.
    Is,
    /// It compares with a value in this way.
    Compares(Relation, Value),
    /// It contains this.
    Contains(SearchText),
    /// It matches a regular expression.
    Matches(Pattern),
    /// It is one of these.
    In(Vec<Member>),
}

/// A relation between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    Differs,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Relation {
    /// Lists all relations with their signs and words; longer signs precede their prefixes.
    pub const ALL: [(Relation, &'static str, &'static str); 6] = [
        (Relation::Equal, "==", "eq"),
        (Relation::Differs, "!=", "ne"),
        (Relation::AtMost, "<=", "le"),
        (Relation::AtLeast, ">=", "ge"),
        (Relation::Less, "<", "lt"),
        (Relation::More, ">", "gt"),
    ];

    /// Returns the sign.
    pub fn sign(self) -> &'static str {
        Relation::ALL.iter().find(|(it, ..)| *it == self).map_or("", |(_, sign, _)| sign)
    }
}

/// A member of a set.
#[derive(Clone, Debug, PartialEq)]
pub enum Member {
    /// One value.
    One(Value),
    /// All values from the first to the last, inclusive.
    Range(Value, Value),
}

/// A value as written and its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub(super) written: Box<str>,
    pub(super) means: Meaning,
}

/// The meaning of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Whole(u64),
    Truth(bool),
    Bytes(Box<[u8]>),
    Span(Duration),
    Moment(Timestamp),
    /// Since the capture began.
    Since(Duration),
    Side(Side),
    Severity(Severity),
    Transport(Transport),
    Network(IpAddr, u8),
    Number(Number),
    Null,
}

/// A JSON number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// Compares two numbers, integers exactly.
    pub(super) fn order(self, other: Number) -> Option<Ordering> {
        #[allow(clippy::cast_precision_loss, reason = "a real number has no more digits to compare with")]
        let real = |number| match number {
            Number::Whole(whole) => whole as f64,
            Number::Real(real) => real,
        };
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => real(a).partial_cmp(&real(b)),
        }
    }
}

/// A value to search for, prepared for the search.
#[derive(Clone, Debug)]
pub struct SearchText {
    pub(super) value: Value,
    pub(super) finder: Option<Box<Finder<'static>>>,
}

impl SearchText {
    pub(super) fn new(value: Value) -> Self {
        let finder = match &value.means {
            Meaning::Bytes(bytes) => Some(Box::new(Finder::new(bytes).into_owned())),
            _ => None,
        };
        SearchText { value, finder }
    }
}

impl PartialEq for SearchText {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A regular expression, compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(super) written: Box<str>,
    pub(super) regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Subject {
    /// Returns the kind of its values.
    pub const fn kind(&self) -> Kind {
        match self {
            Subject::Field(field) => field.kind(),
            Subject::Json(_) | Subject::Sub(_) => Kind::Json,
        }
    }

    /// Returns whether its values may be part of a message's payload.
    pub const fn needs_body(&self) -> bool {
        matches!(self.kind(), Kind::Bytes | Kind::Json) && !matches!(self, Subject::Sub(_))
    }

    /// Returns whether its values are part of a message's meaning in its sub-protocol.
    pub const fn needs_meaning(&self) -> bool {
        matches!(self, Subject::Sub(_) | Subject::Field(Field::Latency | Field::Heartbeat))
    }
}

impl Expr {
    /// Calls `each` with every test in it.
    pub fn tests<'e>(&'e self, each: &mut dyn FnMut(&'e Test)) {
        match self {
            Expr::Any(all) | Expr::All(all) => all.iter().for_each(|one| one.tests(each)),
            Expr::Not(one) => one.tests(each),
            Expr::Test(test) => each(test),
        }
    }

    fn binding(&self) -> u8 {
        match self {
            Expr::Any(_) => 0,
            Expr::All(_) => 1,
            Expr::Not(_) | Expr::Test(_) => 2,
        }
    }

    /// Formats it, in parentheses if it binds less tightly than `above` requires.
    fn show(&self, f: &mut fmt::Formatter<'_>, above: u8) -> fmt::Result {
        if self.binding() < above {
            f.write_str("(")?;
            self.show(f, 0)?;
            return f.write_str(")");
        }
        let (all, word) = match self {
            Expr::Any(all) => (all, " or "),
            Expr::All(all) => (all, " and "),
            Expr::Not(one) => {
                f.write_str("not ")?;
                return one.show(f, 2);
            }
            Expr::Test(test) => return write!(f, "{test}"),
        };
        for (n, one) in all.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { word })?;
            one.show(f, self.binding().saturating_add(1))?;
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, 0)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject)?;
        match &self.how {
            How::Is => Ok(()),
            How::Compares(relation, value) => write!(f, " {} {}", relation.sign(), value.written),
            How::Contains(needle) => write!(f, " contains {}", needle.value.written),
            How::Matches(pattern) => write!(f, " matches {}", pattern.written),
            How::In(members) => {
                f.write_str(" in {")?;
                for (n, member) in members.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { ", " })?;
                    match member {
                        Member::One(value) => f.write_str(&value.written)?,
                        Member::Range(from, to) => write!(f, "{}..{}", from.written, to.written)?,
                    }
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (root, steps) = match self {
            Subject::Field(field) => return write!(f, "{field}"),
            Subject::Json(steps) => ("json", steps),
            Subject::Sub(steps) => ("sub", steps),
        };
        f.write_str(root)?;
        for step in steps {
            match step {
                Step::Key(key) if is_plain(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", quoted(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// Returns whether a key may follow a dot without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_key)
}

/// Returns whether a character may be part of a key after a dot.
pub(super) fn is_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@')
}

/// Quotes a string as in a filter.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let shown: Cow<'static, str> = match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            c if c.is_control() => format!("\\u{{{:x}}}", u32::from(c)).into(),
            c => String::from(c).into(),
        };
        out.push_str(&shown);
    }
    out.push('"');
    out
}
