//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{anychar, none_of};
use nom::combinator::{all_consuming, opt, recognize, verify};
use nom::multi::{fold_many0, many0};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// An extension in a list: its name and its parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    /// The element as sent.
    pub(super) text: &'a str,
    pub(super) name: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
}

/// A parameter: its name and its value, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    /// The parameter as sent.
    pub(super) text: &'a str,
    pub(super) name: &'a str,
    pub(super) value: Option<String>,
}

fn blanks(input: &str) -> IResult<&str, &str> {
    take_while(|c| matches!(c, ' ' | '\t')).parse(input)
}

fn token(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| u8::try_from(c).is_ok_and(super::head::is_token)).parse(input)
}

/// Parses a quoted value; "the value after quoted-string unescaping MUST conform to the 'token' ABNF".
fn quoted(input: &str) -> IResult<&str, String> {
    let character = alt((preceded(tag("\\"), anychar), none_of("\"\\")));
    let text = fold_many0(character, String::new, |mut text, c| {
        text.push(c);
        text
    });
    let is_token = |text: &String| !text.is_empty() && text.bytes().all(super::head::is_token);
    verify(delimited(tag("\""), text, tag("\"")), is_token).parse(input)
}

fn parameter(input: &str) -> IResult<&str, Parameter<'_>> {
    let value = alt((quoted, token.map(str::to_owned)));
    let (rest, (name, value)) = (token, opt(preceded((blanks, tag("="), blanks), value))).parse(input)?;
    let text = input.get(..input.len().saturating_sub(rest.len())).unwrap_or(input);
    Ok((rest, Parameter { text, name, value }))
}

/// Parses one element of the list.
fn extension(input: &str) -> IResult<&str, Extension<'_>> {
    let more = preceded((blanks, tag(";"), blanks), parameter);
    let (rest, (name, parameters)) = all_consuming((token, terminated(many0(more), blanks))).parse(input)?;
    Ok((rest, Extension { text: input, name, parameters }))
}

/// Parses an element that violates the grammar in the way it was probably meant: empty parameters and those that are no
/// parameters at all are ignored, and a value missing after `=` counts as absent. Returns `None` if there is no name.
fn lenient(input: &str) -> Option<Extension<'_>> {
    let mut parts = parts(input).map(|part| part.trim_matches([' ', '\t']));
    let whole = |part| all_consuming(token).parse(part).ok().map(|(_, name)| name);
    let name = whole(parts.find(|part| !part.is_empty())?)?;
    let read = |part| match all_consuming(parameter).parse(part) {
        Ok((_, parameter)) => Some(parameter),
        Err(_) => {
            let (name, _) = part.split_once('=')?;
            Some(Parameter { text: part, name: whole(name.trim_matches([' ', '\t']))?, value: None })
        }
    };
    Some(Extension { text: input, name, parameters: parts.filter_map(read).collect() })
}

/// Splits an element at the semicolons outside quotes.
fn parts(input: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    input.split(move |c| {
        let is_end = c == ';' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        is_end
    })
}

/// Splits one element off a list, up to a comma outside quotes.
fn element(input: &str) -> IResult<&str, &str> {
    let string = recognize((
        tag("\""),
        many0(alt((recognize((tag("\\"), anychar)), recognize(none_of("\"\\"))))).map(|_: Vec<&str>| ()),
        opt(tag("\"")),
    ));
    recognize(many0(alt((string, recognize(none_of(",\""))))).map(|_: Vec<&str>| ())).parse(input)
}

/// An element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// The element as sent.
    pub(super) text: &'a str,
    /// The parsed extension; `None` if it could not be parsed.
    pub(super) extension: Option<Extension<'a>>,
    /// Whether it follows the grammar.
    pub(super) is_legal: bool,
}

/// Parses a list: each element as an extension, even if it violates the grammar.
///
/// Empty elements are legal and skipped (RFC 9110 §5.6.1).
pub(super) fn list(mut input: &str) -> Vec<Element<'_>> {
    let mut all = Vec::new();
    loop {
        let (rest, text) = element(input).unwrap_or(("", input));
        let text = text.trim_matches([' ', '\t']);
        if !text.is_empty() {
            let legal = extension(text).ok().map(|(_, found)| found);
            let is_legal = legal.is_some();
            all.push(Element { text, extension: legal.or_else(|| lenient(text)), is_legal });
        }
        match rest.strip_prefix(',') {
            Some(rest) => input = rest,
            None => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(value: &str) -> Vec<String> {
        list(value)
            .into_iter()
            .map(|element| {
                let mark = if element.is_legal { "" } else { "! " };
                let Some(found) = element.extension else { return format!("{mark}{}", element.text) };
                let all = found.parameters.iter().map(|p| format!(";{}={:?}", p.name, p.value.as_deref()));
                format!("{mark}{}{}", found.name, all.collect::<String>())
            })
            .collect()
    }

    #[test]
    fn several_offers_with_parameters() {
        let value =
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, ,permessage-deflate,x";
        let first = "permessage-deflate;client_max_window_bits=None;server_max_window_bits=Some(\"10\")";
        assert_eq!(shown(value), [first, "permessage-deflate", "x"]);
    }

    #[test]
    fn a_value_in_quotes() {
        assert_eq!(shown("a; b=\"1\\0\" ; c = d,e"), ["a;b=Some(\"10\");c=Some(\"d\")", "e"]);
    }

    #[test]
    fn elements_that_are_no_extensions() {
        assert_eq!(
            shown("a;, b; =c, d; e=\"f,g\", h=\"i\"; \"j, ok"),
            ["! a", "! b", "! d;e=None", "! h=\"i\"; \"j, ok"]
        );
        assert_eq!(shown("a b, c; d="), ["! a b", "! c;d=None"]);
        assert_eq!(shown("a; ; b=1;;"), ["! a;b=Some(\"1\")"]);
        assert_eq!(shown("; a; b=\"1;2"), ["! a;b=None"]);
    }

    proptest! {
        #[test]
        fn random_lists_never_panic(value in "[a-c;,=\"\\\\ é]{0,24}") {
            for element in list(&value) {
                prop_assert!(value.contains(element.text));
                prop_assert!(!element.is_legal || element.extension.is_some());
            }
        }
    }
}
