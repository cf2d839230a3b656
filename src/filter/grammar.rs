//! The grammar.
//!
//! ```text
//! filter   = any
//! any      = all { ( "or" | "||" ) all }
//! all      = one { ( "and" | "&&" ) one }
//! one      = ( "not" | "!" ) one | "(" any ")" | test
//! test     = subject [ relation value | search | [ "not" ] "in" set ]
//!          | "lower" "(" subject ")" ( "==" | "contains" ) string
//!          | string                                               the text contains it
//! search   = "contains" value | "icontains" string | "matches" string
//! subject  = field | ( "json" | "sub" ) { "." key | "[" ( number | string | "*" ) "]" }
//! set      = "{" member { [ "," ] member } "}"
//! member   = value [ ".." value ]
//! ```
//!
//! The next word always determines the alternative, so an error is reported exactly where it occurs.

use std::borrow::Cow;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, multispace0, satisfy};
use nom::combinator::{map, not, opt, recognize, value};
use nom::error::{ErrorKind, ParseError};
use nom::multi::separated_list1;
use nom::sequence::{pair, preceded, terminated};
use regex::bytes::RegexBuilder;

use super::expr::{
    Expr, How, Meaning, Member, Pattern, Relation, SearchText, Step, Subject, Test, Value, is_key, quoted,
};
use super::fault::{Fault, Out, failure};
use super::{Error, Field, Kind, literal};
use crate::text::is_near;

/// The maximum nesting of parentheses and negations.
const DEPTH: usize = 64;
/// The maximum number of steps of a JSON path.
const STEPS: usize = 64;
/// The maximum size of a compiled regular expression, in bytes.
const PATTERN: usize = 4 << 20;

/// Parses a complete filter.
pub(super) fn filter(input: &str) -> Result<Expr, Error> {
    let whole = |input| {
        let (rest, expr) = preceded(multispace0, |input| any(input, 0)).parse(input)?;
        if rest.is_empty() { Ok((rest, expr)) } else { failure(rest, behind(&expr, "and, or, or the end")) }
    };
    match whole(input) {
        Ok((_, expr)) => Ok(expr),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => Err(fault.placed_in(input)),
        Err(nom::Err::Incomplete(_)) => Err(Error::new(input, input.len(), "more".into())),
    }
}

impl Subject {
    /// Parses the subject at the start of a text, and returns the rest.
    ///
    /// # Errors
    ///
    /// Fails if there is none.
    pub fn first(text: &str) -> Result<(Subject, &str), Error> {
        match preceded(multispace0, subject).parse(text) {
            Ok((rest, subject)) => Ok((subject, rest)),
            Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => Err(fault.placed_in(text)),
            Err(nom::Err::Incomplete(_)) => Err(Error::new(text, text.len(), "more".into())),
        }
    }

    /// Parses subjects separated by commas.
    ///
    /// # Errors
    ///
    /// Fails if one is invalid, with the column and what was expected there.
    pub fn list(text: &str) -> Result<Vec<Subject>, Error> {
        let (mut list, mut rest) = (Vec::new(), text);
        loop {
            let at = text.len().saturating_sub(rest.len());
            let (subject, behind) = Subject::first(rest).map_err(|error| error.within(text, at))?;
            list.push(subject);
            match behind.strip_prefix(',') {
                Some(more) => rest = more,
                None if behind.is_empty() => return Ok(list),
                None => {
                    return Err(Error::new(
                        text,
                        text.len().saturating_sub(behind.len()),
                        "a comma or the end".into(),
                    ));
                }
            }
        }
    }
}

fn any(input: &str, depth: usize) -> Out<'_, Expr> {
    map(separated_list1(sign("or", "||"), |input| all(input, depth)), |list| one_of(list, Expr::Any))
        .parse(input)
}

fn all(input: &str, depth: usize) -> Out<'_, Expr> {
    map(separated_list1(sign("and", "&&"), |input| one(input, depth)), |list| one_of(list, Expr::All))
        .parse(input)
}

/// Combines a list into an expression, or returns its only element.
fn one_of(mut list: Vec<Expr>, make: fn(Vec<Expr>) -> Expr) -> Expr {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            make(list)
        }
    }
}

fn one(input: &str, depth: usize) -> Out<'_, Expr> {
    let Some(deeper) = depth.checked_add(1).filter(|deeper| *deeper <= DEPTH) else {
        return failure(input, "at most 64 levels of parentheses");
    };
    if let Ok((rest, ())) = sign("not", "!").parse(input) {
        return map(|input| one(input, deeper), |expr| Expr::Not(Box::new(expr))).parse(rest);
    }
    if let Ok((rest, _)) = blank(char('(')).parse(input) {
        let (rest, expr) = any(rest, deeper)?;
        return match blank(char(')')).parse(rest) {
            Ok((rest, _)) => Ok((rest, expr)),
            Err(_) => failure(rest, behind(&expr, "and, or, or a closing parenthesis")),
        };
    }
    test(input)
}

/// Parses a token and the spaces after it.
fn blank<'a, T>(
    token: impl Parser<&'a str, Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a str, Output = T, Error = Fault<'a>> {
    terminated(token, multispace0)
}

/// Parses a word that is not part of a longer one.
fn keyword<'a>(word: &'static str) -> impl Parser<&'a str, Output = (), Error = Fault<'a>> {
    let alone = not(satisfy(|c| c.is_alphanumeric() || matches!(c, '_' | '.')));
    value((), blank(terminated(tag(word), alone)))
}

/// Parses an operator written as a word or as a sign.
fn sign<'a>(word: &'static str, sign: &'static str) -> impl Parser<&'a str, Output = (), Error = Fault<'a>> {
    alt((keyword(word), value((), blank(tag(sign)))))
}

fn test(input: &str) -> Out<'_, Expr> {
    if input.starts_with(['"', '\'']) {
        let subject = Subject::Field(Field::Text);
        let (rest, needle) = needle(Kind::Bytes, input)?;
        return Ok((rest, Expr::Test(Test { subject, how: How::Contains(needle) })));
    }
    if let Ok((rest, ())) = value((), pair(keyword("lower"), blank(char('(')))).parse(input) {
        return lowered(rest);
    }
    let (rest, subject) = subject(input)?;
    let kind = subject.kind();
    if let Ok((values, ())) = keyword("icontains").parse(rest) {
        if !kind.is_searchable() {
            return failure(rest, operators(kind));
        }
        let (rest, pattern) = without_case(values, false)?;
        return Ok((rest, Expr::Test(Test { subject, how: How::Matches(pattern) })));
    }
    if let Ok((values, relation)) = relation(rest) {
        if !kind.is_ordered() && !matches!(relation, Relation::Equal | Relation::Differs) {
            return failure(rest, operators(kind));
        }
        let (rest, value) = blank(|input| literal::read(kind, input)).parse(values)?;
        return Ok((rest, Expr::Test(Test { subject, how: How::Compares(relation, value) })));
    }
    if let Ok((values, searches)) =
        alt((value(true, keyword("contains")), value(false, sign("matches", "~")))).parse(rest)
    {
        if !kind.is_searchable() {
            return failure(rest, operators(kind));
        }
        let (rest, how) = if searches {
            map(|input| needle(kind, input), How::Contains).parse(values)?
        } else {
            map(pattern, How::Matches).parse(values)?
        };
        return Ok((rest, Expr::Test(Test { subject, how })));
    }
    if let Ok((members, negated)) = terminated(opt(keyword("not")), keyword("in")).parse(rest) {
        let (rest, members) = set(kind, members)?;
        let test = Expr::Test(Test { subject, how: How::In(members) });
        return Ok((rest, if negated.is_some() { Expr::Not(Box::new(test)) } else { test }));
    }
    if rest.trim_start().starts_with('=') {
        return failure(rest.trim_start(), "== to compare");
    }
    Ok((rest, Expr::Test(Test { subject, how: How::Is })))
}

/// Parses what follows `lower(`: a case-insensitive comparison.
fn lowered(input: &str) -> Out<'_, Expr> {
    let (rest, subject) = subject(input)?;
    if !subject.kind().is_searchable() {
        return failure(input, "a field that holds text, such as text, host or close.reason");
    }
    let Ok((rest, _)) = blank(char(')')).parse(rest) else {
        return failure(rest, "a closing parenthesis");
    };
    let Ok((values, whole)) =
        alt((value(true, sign("eq", "==")), value(false, keyword("contains")))).parse(rest)
    else {
        return failure(rest, "== or contains");
    };
    let (rest, pattern) = without_case(values, whole)?;
    Ok((rest, Expr::Test(Test { subject, how: How::Matches(pattern) })))
}

/// Parses a string to search for, or to compare with the `whole` value, ignoring case.
fn without_case(input: &str, whole: bool) -> Out<'_, Pattern> {
    let (rest, (_, text)) = blank(literal::text).parse(input)?;
    let text = regex::escape(&text);
    let text = if whole { format!("(?is)^{text}$") } else { format!("(?i){text}") };
    match RegexBuilder::new(&text).size_limit(PATTERN).build() {
        Ok(regex) => Ok((rest, Pattern { written: quoted(&text).into(), regex })),
        Err(_) => failure(input, "a shorter string"),
    }
}

/// Describes what may follow an expression: operators if it is only a subject, otherwise its end.
fn behind(expr: &Expr, end: &'static str) -> &'static str {
    match expr {
        Expr::Test(Test { how: How::Is, subject }) => operators(subject.kind()),
        _ => end,
    }
}

fn operators(kind: Kind) -> &'static str {
    match (kind.is_ordered(), kind.is_searchable()) {
        (true, true) => "==, !=, <, <=, >, >=, contains, matches or in, or and, or",
        (true, false) => "==, !=, <, <=, >, >= or in, or and, or",
        (false, true) => "==, !=, contains, matches or in, or and, or",
        (false, false) => "==, != or in, or and, or",
    }
}

fn relation(input: &str) -> Out<'_, Relation> {
    let mut last = Err(nom::Err::Error(Fault::from_error_kind(input, ErrorKind::Alt)));
    for (relation, mark, word) in Relation::ALL {
        last = map(sign(word, mark), |()| relation).parse(input);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn subject(input: &str) -> Out<'_, Subject> {
    let start = |c: char| c.is_alphabetic() || c == '_';
    let name = |input| -> Out<'_, &str> {
        recognize(pair(
            take_while1(start),
            take_while(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')),
        ))
        .parse(input)
    };
    for (root, subject) in [("json", Subject::Json as fn(_) -> _), ("sub", Subject::Sub)] {
        let ends = not(satisfy(|c| c.is_alphanumeric() || c == '_'));
        if let Ok((rest, _)) = terminated(tag::<_, _, Fault<'_>>(root), ends).parse(input) {
            return map(blank(path), subject).parse(rest);
        }
    }
    match blank(name).parse(input) {
        Ok((rest, name)) => match Field::named(name) {
            Some(field) => Ok((rest, Subject::Field(field))),
            None => failure(input, suggestion(name)),
        },
        Err(_) => failure(input, "a field such as opcode, len or text"),
    }
}

/// Suggests the field that may have been meant.
fn suggestion(name: &str) -> Cow<'static, str> {
    if let Some(answer) = Field::instead_of(name) {
        return answer.into();
    }
    let likely = Field::ALL.iter().map(|field| field.name()).filter(|known| {
        known.starts_with(name)
            || known.split('.').any(|part| part == name)
            || name.starts_with(known)
            || is_near(known, name)
    });
    match likely.take(3).collect::<Vec<_>>().as_slice() {
        [] if literal::opcode(name).is_some() => format!("a test such as opcode == {name}").into(),
        [] => format!("a field such as opcode, len or text, or a text in quotes: \"{name}\"").into(),
        [only] => format!("a field (did you mean {only}?)").into(),
        several => format!("a field such as {}", several.join(", ")).into(),
    }
}

fn path(input: &str) -> Out<'_, Vec<Step>> {
    let (mut rest, mut steps) = (input, Vec::new());
    loop {
        let (after, step) = if let Some(key) = rest.strip_prefix('.') {
            member(key)?
        } else if let Some(inside) = rest.strip_prefix('[') {
            element(inside)?
        } else {
            return Ok((rest, steps));
        };
        steps.push(step);
        if steps.len() > STEPS {
            return failure(rest, "at most 64 steps");
        }
        rest = after;
    }
}

fn member(input: &str) -> Out<'_, Step> {
    match take_while1::<_, _, Fault<'_>>(is_key).parse(input) {
        Ok((rest, key)) => Ok((rest, Step::Key(key.into()))),
        Err(_) if input.starts_with('"') => {
            let (rest, (_, key)) = literal::text(input)?;
            Ok((rest, Step::Key(key.into())))
        }
        Err(_) => failure(input, "the name of a member"),
    }
}

fn element(input: &str) -> Out<'_, Step> {
    let expected = "a number, \"a name\" or * for every element";
    let (rest, step) = if input.starts_with('"') {
        let (rest, (_, key)) = literal::text(input)?;
        (rest, Step::Key(key.into()))
    } else if let Some(rest) = input.strip_prefix('*') {
        (rest, Step::Each)
    } else {
        let end = input.find(|c: char| !c.is_ascii_digit()).unwrap_or(input.len());
        let (digits, rest) = input.split_at_checked(end).unwrap_or_default();
        match digits.parse() {
            Ok(index) => (rest, Step::Index(index)),
            Err(_) => return failure(input, expected),
        }
    };
    match rest.strip_prefix(']') {
        Some(rest) => Ok((rest, step)),
        None => failure(rest, "a closing bracket"),
    }
}

fn needle(kind: Kind, input: &str) -> Out<'_, SearchText> {
    // A part of a code is not necessarily a code.
    let kind = if kind == Kind::Code { Kind::Text } else { kind };
    let bytes = input.starts_with("x\"") && kind == Kind::Text;
    map(blank(|input| literal::read(if bytes { Kind::Bytes } else { kind }, input)), SearchText::new)
        .parse(input)
}

fn pattern(input: &str) -> Out<'_, Pattern> {
    let (rest, (written, text)) = blank(literal::text).parse(input)?;
    match RegexBuilder::new(&text).size_limit(PATTERN).build() {
        Ok(regex) => Ok((rest, Pattern { written, regex })),
        Err(e) => {
            let why = e.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            failure(input, format!("a regular expression ({why})"))
        }
    }
}

fn set(kind: Kind, input: &str) -> Out<'_, Vec<Member>> {
    let Ok((mut rest, _)) = blank(char('{')).parse(input) else {
        return failure(input, "a set such as {1, 2..5}");
    };
    let mut members = Vec::new();
    loop {
        if let (Ok((rest, _)), false) = (blank(char('}')).parse(rest), members.is_empty()) {
            return Ok((rest, members));
        }
        let (after, member) = range(kind, rest)?;
        members.push(member);
        rest = blank(opt(char(','))).parse(after)?.0;
    }
}

fn range(kind: Kind, input: &str) -> Out<'_, Member> {
    let (rest, from) = blank(|input| literal::read(kind, input)).parse(input)?;
    let Ok((last, _)) = blank(tag("..")).parse(rest) else { return Ok((rest, Member::One(from))) };
    if !kind.is_ordered() {
        return failure(rest, "another value: this field has no order, and so no ranges");
    }
    let (rest, to) = blank(|input| literal::read(kind, input)).parse(last)?;
    if is_backwards(&from, &to) {
        return failure(last, format!("a value that is not below {}", from.written));
    }
    Ok((rest, Member::Range(from, to)))
}

fn is_backwards(from: &Value, to: &Value) -> bool {
    match (&from.means, &to.means) {
        (Meaning::Whole(a), Meaning::Whole(b)) => a > b,
        (Meaning::Span(a), Meaning::Span(b)) | (Meaning::Since(a), Meaning::Since(b)) => a > b,
        (Meaning::Moment(a), Meaning::Moment(b)) => a > b,
        (Meaning::Severity(a), Meaning::Severity(b)) => a > b,
        (Meaning::Network(a, _), Meaning::Network(b, _)) => a > b,
        (Meaning::Number(a), Meaning::Number(b)) => a.order(*b).is_some_and(std::cmp::Ordering::is_gt),
        _ => false,
    }
}
